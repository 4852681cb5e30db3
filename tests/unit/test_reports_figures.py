"""Every key figure against a small account that was worked out by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, Role, Side
from smart_leverage.domain.records import (
    AccountOpened,
    Decided,
    Filled,
    FlowSeen,
    InstrumentListed,
    Intended,
    LimitChanged,
    Marked,
    Record,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.figures import key_figures
from smart_leverage.reports.story import Story
from smart_leverage.reports.usage import groups

D = Decimal
BTC, SPY = Key("crypto:BTC/USD"), Key("us_equity:SPY")
START_NS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


def opening(*, key: Key = BTC, cash: str = "1000", policy: str = "") -> Iterator[Record]:
    yield AccountOpened(
        at_ns=START_NS,
        account="small",
        mode="sim",
        cash=D(cash),
        risk_timezone="UTC",
        preset="classic",
        policy=policy,
        policy_hash="abc",
        enforcement="all",
        version="0.1.0",
    )
    yield InstrumentListed(at_ns=START_NS, instrument=Registry.builtin()[key])


def mark(hours: float, equity: str, crypto: str = "0", cap: str = "0.25") -> Marked:
    return Marked(
        at_ns=START_NS + int(hours * HOUR_NS),
        equity=D(equity),
        cash=D(0),
        crypto=D(crypto),
        leveraged=D(crypto),
        gross=D(crypto),
        crypto_cap=D(cap),
        leveraged_cap=D("0.35"),
    )


def fill(
    number: int, side: Side, price: str, *, qty: str = "1", fee: str = "0", role: Role = Role.BOT
) -> Iterator[Record]:
    """Yield a decision at 100, its order and its execution."""
    at_ns = START_NS + number * HOUR_NS
    order = Order(
        client_order_id=f"o{number}", bot="bot", key=BTC, side=side, qty=D(qty), role=role
    )
    yield decision(number, "approved", side=side, qty=qty)
    yield Intended(at_ns=at_ns, order=order, decision_id=f"d{number}", reserve_price=D(0))
    yield Filled(
        at_ns=at_ns,
        fill=Fill(
            execution_id=f"e{number}",
            client_order_id=f"o{number}",
            key=BTC,
            side=side,
            qty=D(qty),
            price=D(price),
            fee=D(fee),
            fee_asset="USD",
            at_ns=at_ns,
        ),
    )


def decision(
    number: int, verdict: str, *, side: Side = Side.BUY, qty: str = "1", reason: str = "none"
) -> Decided:
    given = D(qty) if verdict == "approved" else D(0)
    return Decided(
        at_ns=START_NS + number * HOUR_NS,
        decision_id=f"d{number}",
        bot="bot",
        source="order",
        key=BTC,
        side=side,
        asked=D(qty),
        allowed=given,
        given=given,
        price=D(100),
        verdict=verdict,
        reason=reason,
        unit="fraction",
        bound=D("0.25"),
        would_be=D("0.4"),
        figures={},
    )


def told(*records: Record) -> Story:
    story = Story()
    for record in records:
        story.apply(record)
    return story


def figures(*records: Record) -> dict[str, Figure]:
    return {figure.code: figure for figure in key_figures(told(*records))}


FOUR_DAYS = (mark(12, "1000"), mark(36, "1100"), mark(60, "990"), mark(84, "1188"))
"""Four days at noon: 0, +10, −10 and +20 %."""


def test_returns_falls_and_days_by_hand() -> None:
    found = figures(*opening(), *FOUR_DAYS)
    assert found["return"].value == pytest.approx(0.188)
    assert found["return"].shown == "+18.80 %"
    assert found["max_drawdown"].value == pytest.approx(0.1)
    assert found["max_drawdown_days"].value == pytest.approx(2.0)
    assert found["max_drawdown_days"].shown == "2.0 days"
    assert found["worst_day"].value == pytest.approx(-0.1)
    assert found["worst_day"].basis == "2024-01-03, of 4 risk days"
    assert found["worst_month"].value == pytest.approx(0.188)
    assert found["months_at_target"].shown == "100 % (1 of 1)"


def test_a_flow_is_never_a_return() -> None:
    deposit = FlowSeen(at_ns=START_NS + 13 * HOUR_NS, amount=D(500), source="bank")
    found = figures(*opening(), mark(12, "1000"), deposit, mark(36, "1650"))
    assert found["return"].value == pytest.approx(0.1)


def test_a_year_is_365_and_a_quarter_days() -> None:
    found = figures(*opening(), mark(24 * 36.525, "1010"))
    assert found["growth_per_year"].value == pytest.approx(1.01**10 - 1)


def test_few_days_say_nothing_about_years_and_spread() -> None:
    found = figures(*opening(), *FOUR_DAYS)
    for code in ("growth_per_year", "volatility", "sharpe", "sortino"):
        assert found[code].value is None
        assert found[code].shown.startswith("not known: ")
    assert found["sharpe"].shown == "not known: 4 daily returns, at least 20 are needed"


@pytest.mark.parametrize(
    ("key", "per_year"), [pytest.param(BTC, 365, id="coin"), pytest.param(SPY, 252, id="share")]
)
def test_ratios_state_their_periods(key: Key, per_year: int) -> None:
    equity, marks = 1000.0, []
    for day in range(24):
        equity *= 1.02 if day % 2 else 1.0
        marks.append(mark(day * 24 + 12, f"{equity:.10f}"))
    found = figures(*opening(key=key), *marks)
    # Half of 24 days made 2 %: mean 1 %, deviation 1 % × √(24 ÷ 23).
    deviation = 0.01 * (24 / 23) ** 0.5
    assert found["volatility"].value == pytest.approx(deviation * per_year**0.5)
    assert found["sharpe"].value == pytest.approx(0.01 / deviation * per_year**0.5)
    assert f"n = 24 risk days, {per_year} a year" in found["sharpe"].basis
    assert "90 % interval" in found["sharpe"].basis
    assert found["sortino"].shown == "not known: no day ended with a loss"


def three_trades() -> Iterator[Record]:
    """Buy 1 at 100 and sell at 110, at 120, and by a stop at 90."""
    for place, (price, role) in enumerate(
        (("110", Role.BOT), ("120", Role.BOT), ("90", Role.STOP))
    ):
        yield from fill(2 * place, Side.BUY, "100")
        yield from fill(2 * place + 1, Side.SELL, price, role=role)


def test_trades_by_hand() -> None:
    found = figures(*opening(), *three_trades(), mark(24, "1020"))
    assert found["win_rate"].value == pytest.approx(2 / 3)
    assert found["win_rate"].shown == "67 % (2 of 3)"
    assert found["win_rate"].basis == "n = 3 closed trades; 95 % interval 21–94 %"
    assert found["win_rate_own"].shown == "100 % (2 of 2)"
    assert found["profit_factor"].value == pytest.approx(3.0)
    assert found["payoff"].value == pytest.approx(1.5)
    assert found["expectancy"].value == pytest.approx(20 / 3)
    assert found["expectancy"].shown == "+$6.67"


def test_every_trade_counts_and_not_only_the_last_hundred() -> None:
    rounds = [
        record
        for number in range(120)
        for record in (
            *fill(2 * number, Side.BUY, "100"),
            *fill(2 * number + 1, Side.SELL, "110" if number < 30 else "90"),
        )
    ]
    found = figures(*opening(cash="100000"), *rounds, mark(300, "99400"))
    assert found["win_rate"].shown == "25 % (30 of 120)"


def test_costs_and_turnover_by_hand() -> None:
    buy = fill(0, Side.BUY, "101", qty="2", fee="0.5")
    sell = fill(1, Side.SELL, "98", qty="2", fee="0.25")
    found = figures(*opening(), *buy, *sell, mark(0, "1000"), mark(24, "1000"))
    # Decided at 100: bought 2 for 1 more each, sold 2 for 2 less each.
    assert found["slippage"].value == pytest.approx(6.0)
    assert found["fees"].value == pytest.approx(0.75)
    assert found["turnover"].value == pytest.approx(0.398)


def test_denials_are_counted_with_their_place() -> None:
    denied = [decision(number, "denied", reason="cap_crypto", qty="3") for number in range(2)]
    found = figures(*opening(), *denied, mark(24, "1000"))["denied"]
    assert (found.value, found.shown) == (2.0, "2 orders")
    assert found.basis == "of 2 decisions; $600 at the prices of the decisions"
    assert found.source == "events 3–4"


EXPOSURES = (
    mark(0, "1000", "200"),
    mark(10, "1000", "240"),
    mark(30, "1000", "300"),
    mark(40, "1000", "0"),
)
"""Ten hours at 20 %, twenty at 24 %, ten at 30 %, under a cap of 25 %."""


def test_exposure_is_weighted_by_time() -> None:
    found = figures(*opening(), *EXPOSURES)
    assert found["exposure_mean"].value == pytest.approx((2 + 4.8 + 3) / 40)
    assert found["near_cap"].value == pytest.approx(0.75)
    assert found["above_cap"].value == pytest.approx(0.25)
    assert found["above_cap"].basis == "1.7 days between marks, 1 breach"
    assert found["cap_use"].value == pytest.approx(9.8 / 10)
    assert found["in_band"].value == 0.0


def test_the_gross_cap_comes_from_the_policy() -> None:
    crypto, leveraged, gross = groups(told(*opening(policy="limits.gross_cap = 0.29"), *EXPOSURES))
    assert [crypto.above, leveraged.above, gross.above] == pytest.approx([0.25, 0.0, 0.25])
    assert gross.breaches == 1


def test_the_gross_cap_is_the_one_in_force_at_each_mark() -> None:
    def limit(hours: float, after: str, later: float = 0.0) -> LimitChanged:
        at_ns = START_NS + int(hours * HOUR_NS)
        return LimitChanged(
            at_ns=at_ns, name="limits.gross_cap", before="0.5", after=after, is_looser=later > 0,
            effective_ns=at_ns + int(later * HOUR_NS), who="ann", reason="so",
        )  # fmt: skip

    records = (mark(0, "1"), limit(1, "0.4"), mark(1, "1"), limit(2, "0.9", later=24), mark(3, "1"))
    *_, gross = groups(told(*opening(policy="limits.gross_cap = 0.5"), *records))
    assert gross.caps == [0.5, 0.4, 0.4]


@pytest.mark.parametrize("policy", ["", "not = [toml", "limits = 3"], ids=["none", "torn", "odd"])
def test_a_cap_that_is_not_known_is_not_invented(policy: str) -> None:
    *_, gross = groups(told(*opening(policy=policy), *EXPOSURES))
    assert (gross.caps, gross.near, gross.above, gross.breaches) == ([], None, None, 0)


def test_an_account_that_was_never_valued_has_figures_that_say_so() -> None:
    found = figures(*opening())
    unknown = {code for code, figure in found.items() if figure.value is None}
    assert set(found) - unknown == {"fees", "denied"}
    assert all(found[code].shown.startswith("not known: ") for code in unknown)
    assert found["return"].source == "no mark"


def test_an_account_with_one_mark_has_figures() -> None:
    found = figures(*opening(), mark(0, "1000"))
    assert found["return"].value == 0.0
    assert found["exposure_mean"].shown == "not known: no time passed between two marks"
    assert found["turnover"].shown == "not known: there is no mean equity above zero"


def test_a_total_loss_is_a_return_of_minus_one() -> None:
    found = figures(*opening(), mark(12, "1000"), mark(36 * 24, "0"))
    assert found["return"].value == pytest.approx(-1.0)
    assert found["growth_per_year"].value == -1.0
    assert found["max_drawdown"].value == pytest.approx(1.0)


def test_every_figure_has_unit_definition_and_source() -> None:
    for figure in figures(*opening(), *three_trades(), *FOUR_DAYS).values():
        assert figure.unit
        assert figure.definition.endswith(".")
        assert "event" in figure.source or figure.source.startswith("no ")
        assert "nan" not in figure.shown.lower()


def test_codes_are_distinct() -> None:
    codes = [figure.code for figure in key_figures(told(*opening(), *FOUR_DAYS))]
    assert len(codes) == len(set(codes)) == 25


def test_days_are_those_of_the_risk_time_zone() -> None:
    (opened, listed) = opening()
    assert isinstance(opened, AccountOpened)
    found = figures(opened, listed, mark(1, "1000"), mark(23, "900"), mark(25, "990"))
    assert found["worst_day"].basis == "2024-01-01, of 2 risk days"
    assert found["worst_day"].value == pytest.approx(-0.1)
