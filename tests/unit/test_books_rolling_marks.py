"""What a rolling window is measured from: marks that are kept, one an hour."""

from decimal import Decimal

import pytest

from smart_leverage.books.peaks import RollingMarks, RollingPeak
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS

D = Decimal
NOON = 20_000 * DAY_NS + 12 * HOUR_NS


def marks(*equities: tuple[int, int]) -> RollingMarks:
    """Return marks so many minutes after noon."""
    kept = RollingMarks()
    for minute, equity in equities:
        kept.mark(NOON + minute * MINUTE_NS, D(equity))
    return kept


def test_without_a_mark_there_is_nothing_to_measure_from() -> None:
    assert RollingMarks().before(NOON).is_nan()


def test_before_the_first_mark_the_first_one_counts() -> None:
    assert marks((0, 100), (60, 90)).before(NOON - DAY_NS) == D(100)


@pytest.mark.parametrize(
    ("later", "side"),
    [
        pytest.param(106, "permissive", id="what-rose-within-the-hour-is-not-seen"),
        pytest.param(94, "careful", id="nor-what-fell"),
    ],
)
def test_a_window_reaches_back_to_the_first_mark_of_an_hour(later: int, side: str) -> None:
    """Decision 8: up to an hour more than it says, in whatever direction the account then went."""
    kept = marks((0, 100), (59, later), (60, 100))
    reference = kept.before(NOON + 59 * MINUTE_NS)
    assert reference == D(100)
    assert (reference < D(later)) == (side == "permissive")


def test_from_the_next_hour_on_its_own_first_mark_counts() -> None:
    assert marks((0, 100), (60, 90), (61, 80)).before(NOON + 61 * MINUTE_NS) == D(90)


def test_a_clock_that_went_back_adds_no_mark() -> None:
    assert marks((60, 100), (0, 500)).before(NOON + DAY_NS) == D(100)


def test_a_deposit_is_no_gain_of_a_window() -> None:
    kept = marks((0, 100))
    kept.flow(D(100), D(150))
    assert kept.before(NOON) == D(150)


def test_old_marks_are_forgotten_but_for_those_that_a_month_needs() -> None:
    kept = marks(*((60 * hour, hour + 1) for hour in range(24 * 70)))
    last = NOON + (24 * 70 - 1) * HOUR_NS
    assert kept.before(last - 30 * DAY_NS) == D(24 * 70 - 30 * 24)
    assert kept.before(0) > D(1)


def test_the_best_of_so_many_days_counts_the_present_one() -> None:
    peak = RollingPeak()
    peak.mark("2026-01-05", Decimal(120))
    peak.mark("2026-01-07", Decimal(100))
    assert peak.best("2026-01-07", 3) == 120
    assert peak.best("2026-01-07", 2) == 100  # the 6th and the 7th
    assert peak.best("2026-01-08", 3) == 100
    assert peak.best("2026-01-09", 2) == 0
