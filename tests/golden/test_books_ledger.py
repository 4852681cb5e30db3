"""A small account by hand: every trade with its arithmetic, and the statistics that follow.

Fees: 25 basis points on coins, taken from what is received (coins on a buy, money on a sale);
none on funds. All lots are 0.001 coin or one share, all ticks one cent.
"""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.books.baselines import Baselines, Period
from smart_leverage.books.book import Book
from smart_leverage.books.exact import ratio
from smart_leverage.books.nav import Nav
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import HOUSE, Fill, Order, Role, Side
from smart_leverage.policy.breakers import (
    BreakerOpens,
    BreakerState,
    LossLimits,
    severity,
    step_breakers,
)

D = Decimal

ETH = Key("crypto:ETH/USD")
TQQQ = Key("us_equity:TQQQ")

CASES = Path(__file__).parent / "cases.json"


def listed(key: Key, lot: str) -> Instrument:
    asset_class, symbol = key.split(":")
    return Instrument(
        key=key,
        asset_class=AssetClass(asset_class),
        symbol=symbol,
        name=symbol,
        kind="",
        underlying=symbol,
        factor=D(1),
        is_crypto=asset_class == "crypto",
        tick=D("0.01"),
        lot=D(lot),
        size_step=D(lot),
        notional_min=D(1),
        fractionable=True,
        shortable=False,
        marginable=False,
        maintenance_rate_long=D(1),
        maintenance_rate_short=D(1),
        reference_price=D(100),
    )


# order, slice, bot, role, side, key, quantity, price, fee, its asset
FILLS = [
    # alpha: 4 − 0.01 = 3.99 ETH for 8000; cost 7980 + a fee worth 0.01 × 2000 = 20.
    ("a1", 1, "alpha", Role.BOT, "buy", ETH, "4", "2000", "0.01", "ETH"),
    # beta: 2 − 0.005 = 1.995 ETH for 4400; cost 4389 + a fee worth 11.
    ("b1", 1, "beta", Role.BOT, "buy", ETH, "2", "2200", "0.005", "ETH"),
    # alpha: 100 shares for 5000, then 50 more for 2600.
    ("a2", 1, "alpha", Role.BOT, "buy", TQQQ, "100", "50", "0", "USD"),
    ("a2", 2, "alpha", Role.BOT, "buy", TQQQ, "50", "52", "0", "USD"),
    # Trade 1, alpha, 120 shares in two slices: 80 × 53 + 40 × 53.50 = 6380 for
    # 100 × 50 + 20 × 52 = 6040. Net +340.
    ("a3", 1, "alpha", Role.BOT, "sell", TQQQ, "80", "53", "0", "USD"),
    ("a3", 2, "alpha", Role.BOT, "sell", TQQQ, "40", "53.5", "0", "USD"),
    # Trade 2, alpha, 1.995 ETH (half of its lot): 1.995 × 2100 = 4189.50 for 3990, fees 10 of
    # the buy and 10.47375 of the sale. Net 199.50 − 20.47375 = +179.02625.
    ("a4", 1, "alpha", Role.BOT, "sell", ETH, "1.995", "2100", "10.47375", "USD"),
    # Trade 3, a house stop over 2.66 ETH of the 1.995 that each bot holds: 1.33 each at 1900, fee
    # 12.635, half each. alpha: 2527 − 2660 = −133, fees 10 × 1.33/1.995 = 6.666666666666 and
    # 6.3175; net −145.984166666666. beta: 2527 − 2926 = −399, fees 11 × 1.33/1.995 =
    # 7.333333333333 and 6.3175; net −412.650833333333. Together −558.634999999999.
    ("h1", 1, HOUSE, Role.STOP, "sell", ETH, "2.66", "1900", "12.635", "USD"),
    # Trade 4, beta, the 0.665 ETH it has left at its own price: 0 − 3.666666666667 of the buy's
    # fee − 3.6575 = −7.324166666667.
    ("b2", 1, "beta", Role.BOT, "sell", ETH, "0.665", "2200", "3.6575", "USD"),
    # Trade 5, alpha, 30 shares at 52.003 for 52: 0.09 is less than 30 ticks (0.30): a scratch.
    ("a5", 1, "alpha", Role.BOT, "sell", TQQQ, "30", "52.003", "0", "USD"),
]


@pytest.fixture(scope="module")
def book() -> Book:
    book = Book()
    book.list_instrument(listed(ETH, "0.001"))
    book.list_instrument(listed(TQQQ, "1"))
    book.open(D(50000))
    for at_ns, (order, slice_, bot, role, side, key, qty, price, fee, asset) in enumerate(FILLS):
        fill = Fill(
            execution_id=f"{order}.{slice_}",
            client_order_id=order,
            key=key,
            side=Side(side),
            qty=D(qty),
            price=D(price),
            fee=D(fee),
            fee_asset=asset,
            at_ns=at_ns,
        )
        order_ = Order(
            client_order_id=order, bot=bot, key=key, side=Side(side), qty=D(1000), role=role
        )
        assert book.apply_fill(fill, order_).is_new
    return book


@pytest.mark.parametrize(
    ("order", "net", "outcome"),
    [
        ("a3", "340", "won"),
        ("a4", "179.02625", "won"),
        ("h1", "-558.634999999999", "lost"),
        ("b2", "-7.324166666667", "lost"),
        ("a5", "0.09", "scratch"),
    ],
)
def test_each_trade_is_as_computed_by_hand(book: Book, order: str, net: str, outcome: str) -> None:
    trade = book.trade(order)
    assert trade is not None
    assert trade.net == D(net)
    assert trade.outcome.value == outcome


def test_the_house_stop_splits_into_the_parts_of_both_bots(book: Book) -> None:
    trade = book.trade("h1")
    assert trade is not None
    assert {part.bot: part.result.net for part in trade.parts} == {
        "alpha": D("-145.984166666666"),
        "beta": D("-412.650833333333"),
    }


def test_cash_is_what_came_and_went(book: Book) -> None:
    # 50000 − 8000 − 4400 − 5000 − 2600 + 4240 + 2140 + (4189.50 − 10.47375)
    # + (5054 − 12.635) + (1463 − 3.6575) + 1560.09
    assert book.cash == D("48619.82375")


def test_what_is_left_is_alphas_rest_at_its_cost(book: Book) -> None:
    position = book.position(ETH)
    assert position is not None
    assert book.keys == (ETH,)
    assert (position.qty, position.value) == (D("0.665"), D(1330))
    assert position.fees == D("3.333333333334")  # 20 − 10 − 6.666666666666


def test_cash_and_cost_make_the_start_and_the_profits(book: Book) -> None:
    position = book.position(ETH)
    assert position is not None
    nets = sum((trade.net for trade in book.trades()), D(0))
    assert book.cash + position.cost_basis == D(50000) + nets


def test_the_statistics_of_the_account(book: Book) -> None:
    both, own = book.record.with_forced, book.record.without_forced
    assert (both.wins, both.losses, both.scratches) == (2, 2, 1)
    assert both.gain == D("519.02625")
    assert both.loss == D("565.959166666666")
    assert both.win_rate == D("0.5")
    assert both.profit_factor == ratio(D("519.02625"), D("565.959166666666"))
    assert (own.wins, own.losses) == (2, 1)
    assert own.payoff_ratio == ratio(D("259.513125"), D("7.324166666667"))
    assert book.record.capping is both


def test_the_statistics_of_each_bot(book: Book) -> None:
    alpha, beta = book.bot_record("alpha"), book.bot_record("beta")
    assert (alpha.with_forced.wins, alpha.with_forced.losses) == (2, 1)
    assert (alpha.without_forced.wins, alpha.without_forced.losses) == (2, 0)
    assert (beta.with_forced.wins, beta.with_forced.losses) == (0, 2)
    assert (beta.without_forced.wins, beta.without_forced.losses) == (0, 1)


# --- baselines against the reference walks ------------------------------------------------------


def walks() -> list[Any]:
    cases = json.loads(CASES.read_text(encoding="utf-8"))["vectors"]
    return [
        pytest.param(case, id=case["id"]) for case in cases if case["fn"] == "seed_breaker_path"
    ]


WORDS = {"NORMAL": "normal", "EMERGENCY": "emergency", "DAY": "day_halt", "MONTH": "month_halt"}


@pytest.mark.parametrize("case", walks())
def test_breakers_over_these_baselines_walk_the_reference_paths(case: dict[str, Any]) -> None:
    given = case["inputs"]
    limits = LossLimits(
        loss_limit_daily=given["day_limit"], loss_limit_monthly=given["month_limit"]
    )
    clear = BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False)
    baselines, state, path = Baselines(), clear, []
    for index, (text, mark) in enumerate(given["marks"]):
        time, equity = datetime.fromisoformat(text), D(str(mark))
        for due in baselines.due(time.date().isoformat(), f"{time:%Y-%m}", equity):
            assert baselines.write(due)
            if due.period is Period.DAY:
                state = state._replace(is_day_tripped=False)
        if index in given["resume_before_index"]:
            baselines.resume(equity)
            state = clear
        baselines.mark(equity)
        day, month = baselines.opening(Period.DAY), baselines.opening(Period.MONTH)
        assert day is not None
        assert month is not None
        opens = BreakerOpens(day=float(day), month=float(month))
        state = step_breakers(state, float(equity), opens, limits, given["emergency"])
        path.append(WORDS[severity(state).name])
    assert path == case["expected"]


def test_a_drawdown_over_flows_is_that_of_the_time_weighted_curve() -> None:
    """Equity 100, 110, 160, 150, 120, 130 with +50 before the third and −20 before the fifth.

    Returns: +10 %, 160/160 = 0, 150/160 = −6.25 %, 120/130 = −7.69 %, 130/120. So from the peak
    to the trough: 1 − 150/160 × 120/130 = 7/52 = 0.134615…
    """
    equities, flows = (100, 110, 160, 150, 120, 130), (0, 0, 50, 0, -20, 0)
    nav, baselines = Nav(D(100)), Baselines()
    before, peak, worst = D(100), D(0), D(0)
    drawdowns = []
    for equity, flow in zip(map(D, equities), map(D, flows), strict=True):
        nav.flow(flow, before)
        baselines.flow(flow)
        baselines.mark(equity)
        peak = max(peak, nav.per_unit(equity))
        worst = max(worst, 1 - nav.per_unit(equity) / peak)
        drawdowns.append(baselines.drawdown(equity))
        before = equity
    assert worst == pytest.approx(ratio(D(7), D(52)), abs=D("1e-26"))
    assert max(each for each in drawdowns if each is not None) == pytest.approx(
        ratio(D(7), D(52)), abs=D("1e-38")
    )
