"""A schedule over the past never knows what came later, and a record is what its past gives."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.evidence import evidence_of
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.engine.learning import contradiction
from smart_leverage.research.refit import Day, Outcome, Past, measure, monthly
from smart_leverage.research.refit.measuring import LIFE_DAYS, WINDOW_DAYS, returns_of

ZONE = "America/New_York"
FIRST = date(2024, 1, 15)
CALENDAR = RiskCalendar(ZONE)


def made(seed: int, count: int, gap: float = 0.2) -> Past:
    """Return days in a row, some without a return, and outcomes in between."""
    rng = np.random.default_rng(seed)
    days, outcomes = [], []
    for number in range(count):
        day = FIRST + timedelta(number)
        begin, end = CALENDAR.start_ns(day), CALENDAR.start_ns(day + timedelta(1))
        crypto, leveraged = rng.normal(0.001, 0.03, 2)
        days.append(
            Day(
                day.isoformat(), begin, end,
                float(crypto) if rng.random() > gap else math.nan,
                float(leveraged) if rng.random() > 3 * gap else math.nan,
            )
        )  # fmt: skip
        outcomes += [
            Outcome("momentum", float(said), bool(rng.random() < said), begin + 1 + n)
            for n, said in enumerate(rng.uniform(0.3, 0.9, 2))
        ]
    return Past(ZONE, tuple(days), tuple(outcomes))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(30, 110), st.integers(1, 110), st.data())
def test_no_record_changes_when_what_came_later_changes(
    seed: int, count: int, cut: int, data: st.DataObject
) -> None:
    past, other = made(seed, count), made(data.draw(st.integers(0, 2**32 - 1)), count + 40)
    cut = min(cut, count - 1)
    cut_ns = past.days[cut].from_ns
    changed = Past(
        ZONE,
        (*past.days[:cut], *other.days[cut:]),
        (
            *(each for each in past.outcomes if each.at_ns <= cut_ns),
            *(each for each in other.outcomes if each.at_ns > cut_ns),
        ),
    )
    before = [each for each in monthly(past) if each.at_ns <= cut_ns]
    assert before == [each for each in monthly(changed) if each.at_ns <= cut_ns]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 120))
def test_every_record_of_a_schedule_is_one_that_the_engine_takes(seed: int, count: int) -> None:
    past = made(seed, count)
    last_ns = 0
    for at_ns, measured in monthly(past):
        assert at_ns > last_ns
        assert measured == measure(past, at_ns)
        assert contradiction(evidence_of(measured), at_ns) == ""
        assert measured.until_ns <= at_ns < measured.expires_ns
        last_ns = at_ns


def test_a_schedule_begins_with_the_first_month_after_a_day() -> None:
    past = made(1, 100)
    labels = [CALENDAR.day_of(at_ns) for at_ns, _ in monthly(past)]
    assert labels == ["2024-02-01", "2024-03-01", "2024-04-01"]
    assert [each.measured.days for each in monthly(past)] == [17, 46, 77]
    assert not monthly(past._replace(days=()))
    with pytest.raises(BadData, match="no risk day"):
        measure(past, past.days[0].until_ns - 1)


def test_the_same_past_gives_the_same_record_whenever_it_is_asked() -> None:
    past = made(2, 40)
    end_ns = past.days[-1].until_ns
    assert measure(past, end_ns) == measure(past, end_ns + 20 * DAY_NS)
    assert measure(past, end_ns).expires_ns == end_ns + LIFE_DAYS * DAY_NS
    other = past._replace(days=(*past.days[:-1], past.days[-1]._replace(crypto=0.5)))
    assert measure(other, end_ns).sha256 != measure(past, end_ns).sha256


def test_what_is_older_than_two_years_is_not_used() -> None:
    past = made(3, WINDOW_DAYS + 10, gap=0.0)._replace(outcomes=())
    measured = measure(past, past.days[-1].until_ns)
    assert measured.days == WINDOW_DAYS
    assert measured.from_ns == past.days[10].from_ns
    assert len(returns_of(past.days, "crypto").values) == WINDOW_DAYS + 10
