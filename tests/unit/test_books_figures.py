"""Figures of the books that nobody sets, and what a record says where nobody said otherwise."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from smart_leverage.books.baselines import Baseline, Period
from smart_leverage.books.book import Applied
from smart_leverage.books.exact import EXACT, PLACES_MAX, ZERO, bookable, canonical, ratio
from smart_leverage.books.lots import Lot
from smart_leverage.books.peaks import KEPT_NS
from smart_leverage.books.positions import CHECKPOINT_EVERY, Entry, Held, Position
from smart_leverage.books.statistics import WINDOW, Statistics, TrackRecord, Window, rate_interval
from smart_leverage.books.trades import Outcome
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key

D = Decimal
KEY = Key("crypto:BTC/USD")


def test_a_win_rate_is_that_of_the_last_hundred_trades() -> None:
    assert WINDOW == 100
    window = Window()
    for number in range(101):
        window.put(
            (number, "e"), D(1) if number else D(-1), Outcome.WON if number else Outcome.LOST
        )
    assert window.statistics == Statistics(wins=100, gain=D(100))


def test_nothing_is_said_to_be_imported_late_or_a_contradiction_unless_it_is() -> None:
    assert not Applied(is_new=True).is_late
    assert not Applied(is_new=True).is_contradiction
    nothing = Statistics()
    assert (nothing.wins, nothing.losses, nothing.scratches, nothing.imported) == (0, 0, 0, 0)
    window = Window()
    window.put((1, "e"), D(1), Outcome.WON)
    assert window.statistics.imported == 0
    window.put((2, "e"), D(1), Outcome.WON, is_imported=True)
    assert window.statistics.imported == 1


ENTRY = Entry(
    at_ns=1, execution_id="e", client_order_id="o", bot="b", qty=D(1), price=D(1), fee=ZERO,
    lot=D(1), tick=D(1), is_forced=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (Baseline(Period.DAY, "2026-01-01", D(1)), "equity"),
        (Applied(is_new=True), "cash"),
        (Lot(D(1), D(1), ZERO, 1, "e"), "qty"),
        (ENTRY, "qty"),
        (Held(KEY, "b", D(1), ()), "qty"),
        (Position(key=KEY, qty=D(1), value=D(1), fees=ZERO, opened_at_ns=1), "qty"),
        (Statistics(), "wins"),
        (TrackRecord(), "with_forced"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else each,
)
def test_what_is_booked_cannot_be_changed(record: object, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(record, field, D(2))
    assert hash(record) == hash(structs.replace(record))  # type: ignore[type-var]


def test_an_entry_is_no_split_unless_it_says_so() -> None:
    assert not ENTRY.is_split
    assert ENTRY.rank == (1, "e")


def test_records_of_many_figures_are_made_by_name_only() -> None:
    kinds: tuple[type[Any], ...] = (Applied, Position, Statistics, Entry)
    for kind in kinds:
        with pytest.raises(TypeError):
            kind(True)


def test_digits_that_are_booked_and_how_many_products_of_them_keep() -> None:
    assert PLACES_MAX == 20
    assert bookable(D("1e-20"), "price") == D("1e-20")
    assert bookable(D("99999999999999999999"), "price") == D("99999999999999999999")
    for long in ("1e-21", "1.000000000000000000001", "1e20", "100000000000000000000"):
        with pytest.raises(BadData):
            bookable(D(long), "price")
    assert EXACT.prec == 250
    assert len(ratio(D(1), D(3)).as_tuple().digits) == 40


@pytest.mark.parametrize("zero", ["0", "-0", "0.00", "-0E-8", "0E+5"])
def test_nothing_is_written_in_one_way(zero: str) -> None:
    assert str(canonical(D(zero))) == "0"
    assert str(canonical((D("1.50"), zero))) == f"(Decimal('1.5'), {zero!r})"


def test_marks_are_kept_for_a_month_and_entries_matched_anew_from_the_last_of_64() -> None:
    assert KEPT_NS == 31 * DAY_NS
    assert CHECKPOINT_EVERY == 64


def test_the_interval_of_a_rate_ends_at_nothing_and_at_all() -> None:
    assert rate_interval(0, 1)[0] == 0.0
    assert rate_interval(1, 1)[1] == 1.0
    assert rate_interval(60, 100) == pytest.approx((0.502003, 0.690599), abs=1e-6)
    assert rate_interval(10, 20) == pytest.approx((0.299298, 0.700702), abs=1e-6)


def test_of_two_records_the_lower_caps_and_on_a_tie_the_shorter() -> None:
    long, short = Statistics(wins=6, losses=4), Statistics(wins=3, losses=2)
    assert TrackRecord(with_forced=long, without_forced=short).capping is short
    assert TrackRecord(with_forced=short, without_forced=long).capping is short
    again = Statistics(wins=6, losses=4, gain=D(5))
    assert TrackRecord(with_forced=long, without_forced=again).capping is again
    assert TrackRecord(with_forced=again, without_forced=long).capping is long
    worse = Statistics(wins=2, losses=3)
    assert TrackRecord(with_forced=worse, without_forced=long).capping is worse
    assert TrackRecord(with_forced=long, without_forced=worse).capping is worse
    nothing = Statistics()
    assert TrackRecord(with_forced=long, without_forced=nothing).capping is nothing
    assert TrackRecord(with_forced=nothing, without_forced=long).capping is nothing
