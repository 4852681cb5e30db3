from datetime import UTC, datetime

import pytest

from smart_leverage.domain.calendars import RiskCalendar
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.errors import ConfigError


def ns(text: str) -> int:
    """Return the instant of a UTC time written as 2026-11-25T14:30, seconds optional."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def new_york():
    return RiskCalendar("America/New_York")


def test_a_day_begins_at_local_midnight(new_york):
    midnight = ns("2026-11-25T05:00")
    assert new_york.day_of(midnight - 1) == "2026-11-24"
    assert new_york.day_of(midnight) == "2026-11-25"
    assert new_york.day_start_ns(midnight + 1) == midnight
    assert new_york.next_day_ns(midnight - 1) == midnight
    assert new_york.next_day_ns(midnight) == ns("2026-11-26T05:00")


def test_a_month_begins_at_local_midnight(new_york):
    begin = ns("2026-12-01T05:00")
    assert new_york.month_of(begin - 1) == "2026-11"
    assert new_york.month_of(begin) == "2026-12"
    assert new_york.next_month_ns(begin - 1) == begin
    assert new_york.next_month_ns(begin) == ns("2027-01-01T05:00")


@pytest.mark.parametrize(
    ("zone", "inside", "begin", "end", "hours"),
    [
        pytest.param(
            "America/New_York", "2026-03-08T12:00", "2026-03-08T05:00", "2026-03-09T04:00", 23,
            id="spring-in-new-york",
        ),
        pytest.param(
            "America/New_York", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00", 25,
            id="autumn-in-new-york",
        ),
        pytest.param(
            "America/New_York", "2026-11-01T06:30", "2026-11-01T04:00", "2026-11-02T05:00", 25,
            id="in-the-repeated-hour",
        ),
        pytest.param(
            "Europe/Berlin", "2026-03-10T12:00", "2026-03-09T23:00", "2026-03-10T23:00", 24,
            id="europe-changes-later",
        ),
        pytest.param(
            "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00", 23,
            id="spring-in-berlin",
        ),
        pytest.param(
            "UTC", "2026-03-08T12:00", "2026-03-08T00:00", "2026-03-09T00:00", 24, id="utc",
        ),
        pytest.param(
            "Asia/Kathmandu", "2026-03-08T00:00", "2026-03-07T18:15", "2026-03-08T18:15", 24,
            id="odd-offset",
        ),
        pytest.param(
            "America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00", 23,
            id="no-midnight-that-day",
        ),
        pytest.param(
            "America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00", 25,
            id="midnight-twice",
        ),
        pytest.param(
            "America/St_Johns", "2010-11-07T02:40", "2010-11-07T02:30", "2010-11-08T03:30", 25,
            id="the-old-date-shows-again",
        ),
        pytest.param(
            "Pacific/Apia", "2011-12-31T00:00", "2011-12-30T10:00", "2011-12-31T10:00", 24,
            id="a-date-that-never-was",
        ),
    ],
)  # fmt: skip
def test_a_day_lasts_until_the_next_local_midnight(zone, inside, begin, end, hours):
    calendar = RiskCalendar(zone)
    at = ns(inside)
    assert (calendar.day_start_ns(at), calendar.next_day_ns(at)) == (ns(begin), ns(end))
    assert ns(end) - ns(begin) == hours * HOUR_NS
    assert calendar.day_of(ns(begin)) == calendar.day_of(ns(end) - 1)
    assert calendar.day_of(ns(begin) - 1) < calendar.day_of(at) < calendar.day_of(ns(end))


def test_the_date_that_never_was_is_no_day():
    apia = RiskCalendar("Pacific/Apia")
    assert apia.day_of(ns("2011-12-30T09:59")) == "2011-12-29"
    assert apia.day_of(ns("2011-12-30T10:00")) == "2011-12-31"


@pytest.mark.parametrize(
    ("at", "day", "month"),
    [
        pytest.param("2024-02-29T12:00", "2024-02-29", "2024-02", id="leap-day"),
        pytest.param("2027-01-01T04:59", "2026-12-31", "2026-12", id="year-not-over-yet"),
        pytest.param("2027-01-01T05:00", "2027-01-01", "2027-01", id="new-year"),
        pytest.param("1969-12-31T12:00", "1969-12-31", "1969-12", id="before-1970"),
    ],
)
def test_labels_at_the_edges_of_years(new_york, at, day, month):
    assert new_york.day_of(ns(at)) == day
    assert new_york.month_of(ns(at)) == month


def test_going_back_in_time_gives_the_old_day_again(new_york):
    late, early = ns("2026-11-25T12:00"), ns("2026-11-24T12:00")
    assert [new_york.day_of(at) for at in (late, early, late)] == [
        "2026-11-25",
        "2026-11-24",
        "2026-11-25",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("America/New York", "could be America/New_York", id="space"),
        pytest.param("america/new_york", "could be America/New_York", id="lower-case"),
        pytest.param("New_York", "America/New_York", id="city-alone"),
        pytest.param("", "could be America/New_York, UTC", id="empty"),
        pytest.param("Europe", "could be Europe/", id="folder"),
        pytest.param("/etc/localtime", "not a time zone", id="absolute-path"),
        pytest.param("../UTC", "not a time zone", id="path-upwards"),
        pytest.param("right/UTC", "could be .*UTC", id="with-leap-seconds"),
        pytest.param("localtime", "not a time zone", id="differs-between-machines"),
        pytest.param("x" * 5000, "not a time zone", id="long"),
    ],
)
def test_a_wrong_zone_is_told_with_the_right_one(name, hint):
    with pytest.raises(ConfigError, match=hint) as caught:
        RiskCalendar(name)
    assert len(str(caught.value)) < 300


def test_a_machine_without_time_zones_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("smart_leverage.domain.risk_days.available_timezones", set)
    with pytest.raises(ConfigError, match="install the package tzdata"):
        RiskCalendar("Nowhere/Land")
