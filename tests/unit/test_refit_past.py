"""Daily returns and outcomes as an engine's own records tell them, by the rule of the module."""

import math
from collections.abc import Mapping
from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, ETH, KO, NOON, SPY, TQQQ, Desk

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import Adopted, BaselineSet
from smart_leverage.engine.events import SplitArrived
from smart_leverage.research.refit import Outcome, Past, read_past
from smart_leverage.research.refit.past import confidence_in, days_open

D = Decimal
DAY_S = 86_400.0


def past(desk: Desk) -> Past:
    return read_past(desk.records)


def crypto(desk: Desk) -> list[float]:
    return [day.crypto for day in past(desk).days]


def leveraged(desk: Desk) -> list[float]:
    return [day.leveraged for day in past(desk).days]


def new_day(desk: Desk, changed: Mapping[Key, str] | None = None) -> None:
    """Let prices come to where they are in the evening, and the next day begin."""
    desk.prices(changed)
    desk.prices()  # the same again: a jump is believed
    desk.wait(DAY_S)
    desk.prices()


def trade(desk: Desk, key: Key, price: str, role: Role = Role.BOT) -> None:
    """Let what waits for the house's stop leave, and fill."""
    stop = desk.state.live_stop(key)
    if stop is not None:
        desk.end(stop.order)
    desk.fill(desk.take(role), price)
    if desk.state.book.qty(key):
        desk.take(Role.STOP)


def test_a_day_is_profit_over_what_was_held_at_its_opening() -> None:
    desk = Desk(holdings={BTC: "0.2", TQQQ: "100"}, cash=85_000)
    new_day(desk, {BTC: "51000", TQQQ: "49"})
    new_day(desk, {BTC: "50490"})
    first, second = past(desk).days
    assert (first.label, second.label) == ("2024-03-05", "2024-03-06")
    assert first.until_ns == second.from_ns
    assert crypto(desk) == pytest.approx([0.02, -0.01])
    assert leveraged(desk) == pytest.approx([(200 - 100) / 15_000, -102 / (10_200 + 4_900)])


def test_a_purchase_counts_with_what_it_cost_and_a_sale_with_what_it_brought() -> None:
    desk = Desk(holdings={ETH: "2"}, cash=95_000)
    new_day(desk)
    desk.buy(ETH, "1")
    trade(desk, ETH, "2520")
    new_day(desk, {ETH: "2600"})
    desk.sell(ETH, "1")
    trade(desk, ETH, "2590")
    new_day(desk, {ETH: "2580"})
    assert crypto(desk)[1] == pytest.approx((3 * 2600 - 2520 - 2 * 2500) / (5_000 + 2_520))
    assert crypto(desk)[2] == pytest.approx((2 * 2580 + 2590 - 3 * 2600) / 7_800)


def test_what_is_not_leveraged_is_in_no_sleeve() -> None:
    desk = Desk(holdings={SPY: "10", KO: "10"})
    new_day(desk, {SPY: "510"})
    assert all(math.isnan(each) for day in past(desk).days for each in day[3:])


def test_a_day_that_began_with_little_says_nothing() -> None:
    desk = Desk(holdings={ETH: "0.01"})
    new_day(desk)
    desk.buy(BTC, "0.02")
    desk.fill(desk.take(Role.BOT), "50000")
    new_day(desk, {BTC: "40000"})
    new_day(desk)
    assert [math.isnan(each) for each in crypto(desk)] == [True, True, False]


def test_a_day_on_which_more_came_in_than_was_there_says_nothing() -> None:
    desk = Desk(holdings={ETH: "0.2"})
    new_day(desk)
    desk.buy(BTC, "0.02")
    desk.fill(desk.take(Role.BOT), "50000")
    new_day(desk)
    assert [math.isnan(each) for each in crypto(desk)] == [False, True]


def test_a_fund_says_nothing_on_days_on_which_it_cannot_trade() -> None:
    desk = Desk(holdings={TQQQ: "100"}, now_ns=NOON + 3 * 86_400 * 10**9)  # a Friday
    for _ in range(4):
        new_day(desk)
    labels = [day.label for day in past(desk).days if not math.isnan(day.leveraged)]
    assert labels == ["2024-03-08", "2024-03-11"]


def test_days_that_nobody_looked_at_are_left_out() -> None:
    desk = Desk(holdings={BTC: "0.2"})
    new_day(desk)
    desk.wait(2 * DAY_S)
    new_day(desk)
    assert [math.isnan(each) for each in crypto(desk)] == [False, True, False]
    assert days_open("2024-03-08", "2024-03-11", [AssetClass.US_EQUITY]) == 1
    assert days_open("2024-03-08", "2024-03-11", [AssetClass.CRYPTO]) == 3
    assert days_open("2024-03-08", "2024-03-11", []) == 0


def test_what_is_looked_through_is_at_work_with_its_multiple() -> None:
    """The same profit, over 10,000 of a coin and 5,000 of a fund that count 15,000."""
    desk = Desk(holdings={BTC: "0.2", TQQQ: "100"}, cash=85_000)
    new_day(desk, {BTC: "51000", TQQQ: "49"})
    new_day(desk, {TQQQ: "50"})
    days = read_past(desk.records, is_look_through=True).days
    assert [day.crypto for day in days] == pytest.approx([0.02, 0.0])
    assert [day.leveraged for day in days] == pytest.approx([100 / 25_000, 100 / 24_900])


def test_what_was_adopted_during_a_day_is_no_profit() -> None:
    desk = Desk(holdings={BTC: "0.2"})
    new_day(desk)
    adopted = Adopted(at_ns=desk.now_ns, key=BTC, qty=D("0.1"), price=D(50_000), bot="house")
    opening = BaselineSet(
        at_ns=desk.now_ns + 1, period="day", label="2024-03-07", equity=D(115_000),
        holdings={BTC: D(15_300)},
    )  # fmt: skip
    last = read_past([*desk.records, adopted, opening]).days[-1]
    assert last.crypto == pytest.approx(300 / 15_000)


def test_a_closed_signal_is_an_outcome_with_the_confidence_it_began_with() -> None:
    desk = Desk()
    for confidence in (0.4, 0.9):
        desk.signal(BTC, confidence=confidence)
        trade(desk, BTC, str(desk.price[BTC]), Role.SIGNAL)
        desk.prices({BTC: "52000"})
        desk.prices()
    assert not past(desk).outcomes
    desk.signal(BTC, Side.SELL, confidence=0.1)
    trade(desk, BTC, "52000", Role.SIGNAL)
    assert desk.state.book.qty(BTC) == 0
    [outcome] = past(desk).outcomes
    assert outcome == Outcome("signal", 0.4, True, desk.now_ns)


def test_a_loss_at_the_stop_of_the_house_is_an_outcome_too() -> None:
    desk = Desk()
    desk.signal(BTC, confidence=0.6)
    desk.fill(desk.take(Role.SIGNAL), "50000")
    desk.fill(desk.take(Role.STOP), "45000")
    assert past(desk).outcomes == (Outcome("signal", 0.6, False, desk.now_ns),)


def test_a_split_is_neither_profit_nor_the_end_of_a_signal() -> None:
    desk = Desk()
    desk.signal(TQQQ, confidence=0.7)
    desk.fill(desk.take(Role.SIGNAL), "50")
    held = desk.state.book.qty(TQQQ)
    new_day(desk)
    desk.feed(
        SplitArrived(
            at_ns=desk.now_ns, key=TQQQ, qty=held, since_ns=desk.now_ns, reference="two-for-one"
        )
    )
    assert desk.state.book.qty(TQQQ) == 2 * held
    desk.price[TQQQ] = D(25)
    new_day(desk)
    assert leveraged(desk)[1] == pytest.approx(0.0)
    assert not past(desk).outcomes
    desk.signal(TQQQ, Side.SELL)
    trade(desk, TQQQ, "26", Role.SIGNAL)
    assert [each.is_won for each in past(desk).outcomes] == [True]


def test_an_order_of_a_bot_says_no_confidence_so_it_is_no_outcome() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.02")
    desk.sell(BTC, "0.02")
    desk.end(stop)
    desk.fill(desk.take(Role.BOT), "49000")
    assert desk.state.book.qty(BTC) == 0
    assert not past(desk).outcomes


@pytest.mark.parametrize(
    ("body", "confidence"),
    [
        pytest.param("buy crypto:BTC/USD at 0.7", 0.7, id="a-signal"),
        pytest.param('{"qty":"1"}', math.nan, id="an-order"),
        pytest.param("", math.nan, id="nothing"),
    ],
)
def test_the_confidence_is_in_the_body_of_the_decision(body: str, confidence: float) -> None:
    assert confidence_in(body) == pytest.approx(confidence, nan_ok=True)


def test_a_ledger_without_an_account_has_no_past() -> None:
    with pytest.raises(BadData, match="no account"):
        read_past([])
