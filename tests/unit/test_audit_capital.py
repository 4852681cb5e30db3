"""The money behind a past: the least it took, what its fees were, and what its days made."""

from decimal import Decimal
from typing import Any

import pytest

from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.fills.costs import CostModel
from smart_leverage.runtime.audit.capital import costs_of_past, least_equity, worths_of

D = Decimal
SPY, BTC = Key("us_equity:SPY"), Key("crypto:BTC/USD")
UTC = RiskCalendar("UTC")
START = read_stamp("2024-01-01T20:00:00Z").ns  # a Monday


def deal(place: int, side: str, qty: str, price: str, key: Key = SPY, **more: Any) -> Deal:
    facts: dict[str, Any] = {
        "id": f"d{place}", "order": f"d{place}", "key": key, "side": Side(side), "qty": D(qty),
        "price": D(price), "fee": D(0), "fee_asset": "USD", "at_ns": START + place * HOUR_NS,
        "lot": D("0.001"), "tick": D("0.01"),
    }  # fmt: skip
    return Deal(**(facts | more))


@pytest.mark.parametrize(
    ("deals", "least"),
    [
        pytest.param([deal(1, "buy", "2", "100")], "200", id="one-purchase"),
        pytest.param(
            [deal(1, "buy", "2", "100"), deal(2, "sell", "2", "90"), deal(3, "buy", "2", "100")],
            "220",
            id="a-loss-has-to-be-paid-too",
        ),
        pytest.param(
            [deal(1, "buy", "2", "100"), deal(2, "sell", "2", "150"), deal(3, "buy", "3", "100")],
            "200",
            id="a-gain-pays-for-the-next",
        ),
        pytest.param(
            [deal(1, "buy", "3", "100"), deal(2, "sell", "1", "100"), deal(3, "buy", "1", "90")],
            "300",
            id="a-part-was-sold",
        ),
        pytest.param(
            [deal(1, "sell", "9", "100"), deal(2, "buy", "1", "70")], "70", id="never-bought"
        ),
        pytest.param(
            [
                deal(1, "sell", "2", "100", is_short=True),
                deal(2, "buy", "2", "130", is_short=True),
                deal(3, "buy", "1", "50"),
            ],
            "200",
            id="a-short-ties-up-what-it-sold-for",
        ),
        pytest.param([deal(1, "buy", "1", "100", fee=D("1.005"))], "101.01", id="fees-and-cents"),
        pytest.param([], "0", id="nothing"),
    ],
)
def test_the_least_equity_pays_for_every_purchase(deals: list[Deal], least: str) -> None:
    assert least_equity(deals) == D(least)


def test_a_third_of_a_cost_is_no_fault() -> None:
    parts = [deal(place, "sell", "0.333", "101") for place in (2, 3)]
    assert least_equity([deal(1, "buy", "1", "100"), *parts, deal(4, "buy", "1", "100")]) > 100


def test_fees_are_charged_at_the_rate_at_which_the_past_paid_them() -> None:
    deals = [
        deal(1, "buy", "10", "100", fee=D(1)),
        deal(2, "sell", "10", "100", fee=D(1)),
        deal(3, "buy", "0.1", "50000", BTC, fee=D("0.0001"), fee_asset="BTC"),
    ]
    costs = costs_of_past(deals)
    assert costs is not None
    assert costs.stock.fee_taker == pytest.approx(0.001)
    assert costs.crypto.fee_taker == costs.crypto.fee_maker == pytest.approx(0.001)
    assert costs.stock.slippage == CostModel().stock.slippage


def test_a_fee_that_was_booked_apart_counts() -> None:
    coins = deal(2, "sell", "0", "0", BTC, fee=D("0.0005"), fee_asset="BTC", kind=DealKind.FEE)
    costs = costs_of_past([deal(1, "buy", "0.1", "50000", BTC), coins])
    assert costs is not None
    assert costs.crypto.fee_taker == pytest.approx(0.005)


def test_where_no_fee_is_named_none_is_made_up() -> None:
    assert costs_of_past([deal(1, "buy", "1", "100")]) is None


def points(*worths: str) -> list[tuple[int, Decimal]]:
    return [(START + day * DAY_NS, D(worth)) for day, worth in enumerate(worths)]


def test_a_deposit_is_no_gain() -> None:
    told = worths_of(
        points("100", "110", "215", "193.5"), {START + 2 * DAY_NS: D(105)}, UTC,
        trades_weekends=True,
    )  # fmt: skip
    assert told.returns == pytest.approx((0.0, 0.1, 0.0, -0.1))
    assert told.change == pytest.approx(1.1 * 0.9 - 1)
    assert told.drawdown == pytest.approx(0.1)


def test_the_last_point_of_a_day_is_its_worth_and_weekends_count_where_something_trades() -> None:
    hourly = [(START + hour * HOUR_NS, D(100 + hour)) for hour in range(24 * 7)]
    assert len(worths_of(hourly, {}, UTC, trades_weekends=True).dates) == 8
    told = worths_of(hourly, {}, UTC, trades_weekends=False)
    assert told.dates == tuple(f"2024-01-0{day}" for day in (1, 2, 3, 4, 5, 8))
    assert told.navs[-1] == pytest.approx(2.67)
    grown = 1.0
    for each in told.returns:
        grown *= 1 + each
    assert grown == pytest.approx(told.navs[-1])  # what a weekend made counts on Monday


def test_nothing_comes_back_from_a_loss_of_everything() -> None:
    told = worths_of(points("100", "0", "50"), {}, UTC, trades_weekends=True)
    assert told.navs == (1.0, 0.0, 0.0)
    assert told.drawdown == 1.0
    assert told.returns[-1] == 0.0


def test_a_month_counts_where_it_is_whole() -> None:
    days = [(START + day * DAY_NS, D(100 + day)) for day in range(100)]  # to 9 April
    told = worths_of(days, {}, UTC, trades_weekends=True)
    assert told.months == pytest.approx((130 / 100 - 1, 159 / 130 - 1, 190 / 159 - 1))
    late = worths_of(days[10:], {}, UTC, trades_weekends=True)
    assert len(late.months) == 2  # January began on the eleventh, and April goes on
