import warnings
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.calendars import RiskCalendar, Sessions
from smart_leverage.domain.clock import DAY_NS, MINUTE_NS, SECOND_NS

XNYS = Sessions.xnys()
with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
    # The library still uses what its pandas is about to drop.
    REFEREE = exchange_calendars.get_calendar("XNYS", start="2005-01-03", end="2009-12-31")
FIRST_NS = int(datetime(1991, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS
LAST_NS = int(datetime(2029, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS

# Zones whose clocks change at midnight, across it, by half an hour, by a day, or not at all.
ZONES = [
    "Africa/Cairo",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "UTC",
]
minutes_utc = st.integers(FIRST_NS // MINUTE_NS, LAST_NS // MINUTE_NS).map(
    lambda minute: minute * MINUTE_NS
)
# The years about the change of the summer-time rule; a referee for more would be slow to build.
refereed = st.integers(2006 * 525_960, 2009 * 525_960).map(
    lambda minute: (minute - 1970 * 525_960) * MINUTE_NS
)
instants = st.integers(FIRST_NS, LAST_NS)
zones = st.sampled_from(ZONES)


@pytest.mark.filterwarnings("ignore:(Series|DatetimeIndex).values:DeprecationWarning")
@given(refereed)
def test_open_and_next_open_and_close_are_the_referees(at_ns):
    stamp = pd.Timestamp(at_ns, tz="UTC")
    assert XNYS.is_open(at_ns) == REFEREE.is_open_on_minute(stamp)
    assert XNYS.next_open(at_ns) == REFEREE.next_open(stamp).as_unit("ns").value
    assert XNYS.next_close(at_ns) == REFEREE.next_close(stamp).as_unit("ns").value


@given(minutes_utc, st.integers(0, 30 * 1440), st.integers(0, 30 * 1440))
def test_minutes_of_trading_add_up(start_ns, one, other):
    middle_ns = start_ns + one * MINUTE_NS
    end_ns = middle_ns + other * MINUTE_NS
    whole = XNYS.open_minutes(start_ns, end_ns)
    assert XNYS.open_minutes(start_ns, middle_ns) + XNYS.open_minutes(middle_ns, end_ns) == whole
    assert 0 <= whole <= one + other


@given(instants, st.integers(1, 10_000))
def test_a_deadline_is_the_first_instant_with_enough_trading(at_ns, minutes):
    due_ns = XNYS.after_open_minutes(at_ns, minutes)
    assert XNYS.open_minutes(at_ns, due_ns) == minutes
    assert XNYS.open_minutes(at_ns, due_ns - 1) == minutes - 1


@given(st.dates(date(1970, 1, 1), date(2030, 12, 31)))
def test_a_session_lies_within_the_local_day_it_is_named_for(day):
    session = XNYS.session_on(day)
    if session is None:
        return
    calendar = RiskCalendar("America/New_York")
    assert calendar.day_of(session.open_ns) == calendar.day_of(session.close_ns) == str(day)
    assert 0 < session.minutes <= 390


@given(zones, instants)
@settings(max_examples=300)
def test_an_instant_lies_within_its_day_and_its_month(zone, at_ns):
    calendar = RiskCalendar(zone)
    assert calendar.day_start_ns(at_ns) <= at_ns < calendar.next_day_ns(at_ns)
    assert calendar.next_day_ns(at_ns) <= calendar.next_month_ns(at_ns)
    assert calendar.month_of(at_ns) == calendar.day_of(at_ns)[:7]


@given(zones, instants)
@settings(max_examples=300)
def test_a_day_begins_with_the_first_second_of_its_local_date(zone, at_ns):
    calendar = RiskCalendar(zone)
    begin_ns = calendar.next_day_ns(at_ns)
    label = calendar.day_of(begin_ns)
    assert label == local_date(begin_ns, zone)
    assert local_date(begin_ns - SECOND_NS, zone) < label
    assert calendar.day_of(begin_ns - 1) == calendar.day_of(at_ns) < label


@given(zones, instants, st.lists(st.integers(-40 * DAY_NS, 40 * DAY_NS), max_size=5))
def test_what_was_asked_before_never_changes_an_answer(zone, at_ns, steps):
    asked = RiskCalendar(zone)
    for step in steps:
        asked.day_of(at_ns + step)
        asked.next_month_ns(at_ns + step)
    fresh = RiskCalendar(zone)
    assert asked.day_of(at_ns) == fresh.day_of(at_ns)
    assert asked.month_of(at_ns) == fresh.month_of(at_ns)
    assert asked.next_day_ns(at_ns) == fresh.next_day_ns(at_ns)
    assert asked.next_month_ns(at_ns) == fresh.next_month_ns(at_ns)


@given(zones, instants)
def test_months_follow_each_other_without_a_gap(zone, at_ns):
    calendar = RiskCalendar(zone)
    begin_ns = calendar.next_month_ns(at_ns)
    assert calendar.day_of(begin_ns) == calendar.month_of(begin_ns) + "-01"
    assert calendar.month_of(begin_ns - 1) == calendar.month_of(at_ns)
    assert calendar.day_start_ns(begin_ns) == begin_ns


def local_date(at_ns: int, zone: str) -> str:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000)
    return instant.astimezone(ZoneInfo(zone)).date().isoformat()
