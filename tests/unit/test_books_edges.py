"""Holdings, marks and baselines at their edges: nothing held, less than a unit, the same time."""

from decimal import Decimal

import pytest
from msgspec import structs

from smart_leverage.books.baselines import Baselines, Period
from smart_leverage.books.book import Book
from smart_leverage.books.peaks import KEPT_NS, RollingMarks, RollingPeak
from smart_leverage.books.positions import Entry, Holding, Position
from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry

D = Decimal
BTC = Key("crypto:BTC/USD")


def entry(at_ns: int, qty: str, *, bot: str = "a", price: str = "100") -> Entry:
    return Entry(
        at_ns=at_ns, execution_id=f"e{at_ns}", client_order_id=f"o{at_ns}", bot=bot, qty=D(qty),
        price=D(price), fee=D(0), lot=D("0.01"), tick=D("0.01"), is_forced=False,
    )  # fmt: skip


def held(*entries: Entry) -> Holding:
    holding = Holding(BTC)
    for each in entries:
        holding.apply(each)
    return holding


@pytest.mark.parametrize(("first", "side"), [("0.5", Side.SELL), ("-0.5", Side.BUY)])
def test_a_trade_is_on_the_side_of_the_order_that_closes(first: str, side: Side) -> None:
    holding = held(entry(1, first), entry(2, str(-D(first))))
    assert holding.trades["o2"].side is side
    assert holding.position() is None


def test_a_holding_of_less_than_a_unit_opened_when_it_began() -> None:
    for sign in ("", "-"):
        holding = held(entry(1, f"{sign}0.5"), entry(2, f"{sign}0.5"))
        assert holding.opened_at_ns == 1
        position = holding.position()
        assert position is not None
        assert position.opened_at_ns == 1
    assert held(entry(1, "0.005"), entry(2, "0.5")).opened_at_ns == 2  # dust is no holding
    assert held(entry(1, "0.01"), entry(2, "0.5")).opened_at_ns == 1  # a lot is one
    assert held(entry(1, "0.5"), entry(2, "-0.7")).opened_at_ns == 2


def test_what_nothing_has_cost() -> None:
    nothing = Position(key=BTC, qty=D(0), value=D(5), fees=D(1), opened_at_ns=1)
    assert nothing.cost_basis == D(6)
    assert nothing.__class__(
        key=BTC, qty=D("-0.5"), value=D(5), fees=D(1), opened_at_ns=1
    ).cost_basis == D(4)


def test_a_late_sale_tells_what_itself_took_from_others_and_not_what_later_ones_did() -> None:
    before = [entry(1, "2", bot="a"), entry(2, "3", bot="b")]
    holding = held(*before, entry(9, "1", bot="a"))
    change = holding.apply(entry(5, "-4", bot="a"))
    assert change.is_late
    assert change.beyond == D(2)
    holding = held(*before, entry(9, "-3", bot="a"))
    change = holding.apply(entry(5, "-1", bot="a"))
    assert change.is_late
    assert change.beyond == D(0)  # the later one took two of the other bot; this one its own
    assert holding.qty == D(1)


def book(cash: str = "1000") -> Book:
    found = Book()
    found.list_instrument(Registry.builtin()[BTC])
    found.open(D(cash))
    return found


@pytest.mark.parametrize(
    ("taken", "share"),
    [("-0.5", "0.5"), ("-0.25", "0.75"), ("0.5", "1.5"), ("-0.99", "0.01")],
)
def test_a_split_of_less_than_a_unit_is_foreseen(taken: str, share: str) -> None:
    found = book()
    found.adopt(BTC, D(1), D(100), "a", at_ns=1)
    foreseen = found.foreseen_split(BTC, D(taken), at_ns=2)
    assert foreseen is not None
    assert foreseen[0] == D(share)


@pytest.mark.parametrize("taken", ["-1", "-2"])
def test_a_split_that_leaves_nothing_is_none(taken: str) -> None:
    found = book()
    assert found.foreseen_split(BTC, D(taken), at_ns=2) is None
    found.adopt(BTC, D(1), D(100), "a", at_ns=1)
    assert found.foreseen_split(BTC, D(taken), at_ns=2) is None


@pytest.mark.parametrize("equity", ["0", "-5"])
def test_nothing_is_measured_from_an_opening_that_is_not_above_zero(equity: str) -> None:
    baselines = Baselines()
    for due in baselines.due("2026-01-01", "2026-01", D(equity)):
        baselines.write(due)
    baselines.mark(D(equity))
    assert baselines.opening(Period.DAY) in {D(equity), None}
    assert baselines.loss_day(D(100)) is None
    assert baselines.return_month(D(100)) is None


def test_an_opening_of_half_a_unit_is_an_opening() -> None:
    baselines = Baselines()
    for due in baselines.due("2026-01-01", "2026-01", D("0.5")):
        baselines.write(due)
    baselines.mark(D("0.5"))
    assert baselines.loss_day(D("0.25")) == D("0.5")


def test_marks_older_than_two_months_are_forgotten_down_to_one_month() -> None:
    marks = RollingMarks()
    for day in range(63):
        marks.mark(day * DAY_NS, D(100 + day))
    assert marks.before(0) == D(100)  # exactly two months: all of them are there
    marks.mark(63 * DAY_NS, D(163))
    assert marks.before(0) == D(100 + 63 - KEPT_NS // DAY_NS)


@pytest.mark.parametrize("at_hour", [48, 60, 71, 90])
def test_daily_marks_end_where_two_would_be_one(at_hour: int) -> None:
    marks = RollingMarks()
    for hour in (0, 30, 60):
        marks.mark(hour * HOUR_NS, D(100 + hour))
    found, place = list[float](), None
    for hours in range(at_hour, -48, -24):
        last = max((hour for hour in (0, 30, 60) if hour <= hours), default=0)
        if last == place:
            break
        place = last
        found.insert(0, 100.0 + last)
    assert marks.daily(at_hour * HOUR_NS) == found


def test_the_best_day_of_a_window_has_its_first_and_its_last_day() -> None:
    peak = RollingPeak()
    for day, equity in (("01", 130), ("02", 120), ("03", 110)):
        peak.mark(f"2026-01-{day}", D(equity))
    assert [peak.best("2026-01-03", days) for days in (1, 2, 3, 9)] == [110, 120, 130, 130]
    assert peak.best("2026-01-05", 2) == 0
    peak.mark("2026-01-03", D(120))  # as much as the day before: the later one stands for both
    assert [peak.best("2026-01-04", days) for days in (1, 2, 3, 4)] == [0, 120, 120, 130]
    peak.mark("2026-01-02", D(115))  # a clock that went back counts as the last day
    assert peak.best("2026-01-03", 1) == 120


@pytest.mark.parametrize(
    ("first", "taken", "left"),
    [("2", "2", "4"), ("-2", "-2", "-4"), ("0.5", "0.5", "1"), ("-0.5", "-0.5", "-1")],
)
def test_a_split_multiplies_what_is_held_and_what_is_owed(
    first: str, taken: str, left: str
) -> None:
    holding = held(entry(1, first))
    split = entry(2, taken)
    holding.apply(structs.replace(split, is_split=True, execution_id="", bot=""))
    assert holding.qty == D(left)
    position = holding.position()
    assert position is not None
    assert (position.value, position.average_entry_price) == (abs(D(first)) * 100, D(50))
    (one,) = holding.held()
    assert one.qty == abs(D(left))
