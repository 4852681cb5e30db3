"""The clock and the calendar of a market: which phase of its day it is in, and until when."""

from datetime import date
from itertools import pairwise

import pytest

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.venues import MARKETS, clocks_json, days_json, market_named

SESSIONS = Sessions.xnys()


@pytest.mark.parametrize(
    ("at", "is_day", "phase", "until"),
    [
        pytest.param("2026-11-25T08:59:59Z", True, "closed", "2026-11-25T04:00:00-05:00",
                     id="night"),
        pytest.param("2026-11-25T09:00:00Z", True, "pre", "2026-11-25T09:30:00-05:00", id="early"),
        pytest.param("2026-11-25T14:30:00Z", True, "core", "2026-11-25T16:00:00-05:00", id="open"),
        pytest.param("2026-11-25T21:00:00Z", True, "post", "2026-11-25T20:00:00-05:00", id="late"),
        pytest.param("2026-11-26T01:00:00Z", True, "closed", "2026-11-27T04:00:00-05:00",
                     id="over-a-holiday"),
        pytest.param("2026-11-26T15:00:00Z", False, "closed", "2026-11-27T04:00:00-05:00",
                     id="on-a-holiday"),
        pytest.param("2026-11-27T17:59:59Z", True, "core", "2026-11-27T13:00:00-05:00",
                     id="half-a-day"),
        pytest.param("2026-11-27T18:00:00Z", True, "closed", "2026-11-30T04:00:00-05:00",
                     id="after-half-a-day"),
        pytest.param("2026-07-01T08:30:00Z", True, "pre", "2026-07-01T09:30:00-04:00", id="summer"),
    ],
)  # fmt: skip
def test_a_clock_tells_the_phase_and_its_end(at: str, is_day: bool, phase: str, until: str) -> None:
    (clock,) = clocks_json(read_stamp(at).ns, SESSIONS, MARKETS[:1])["clocks"]
    assert (clock["is_market_day"], clock["phase"], clock["phase_until"]) == (is_day, phase, until)
    assert read_stamp(clock["timestamp"]).ns == read_stamp(at).ns
    assert clock["market"]["timezone"] == "America/New_York"


def test_every_phase_ends_after_its_instant_and_the_next_one_begins_there() -> None:
    at_ns, end_ns = (read_stamp(f"2026-{day}T00:00:00Z").ns for day in ("11-20", "12-05"))
    words = []
    while at_ns < end_ns:
        (clock,) = clocks_json(at_ns, SESSIONS, MARKETS[:1])["clocks"]
        words.append(clock["phase"])
        until_ns = read_stamp(clock["phase_until"]).ns
        assert until_ns > at_ns
        assert (clock["phase"] == "core") is SESSIONS.is_open(at_ns)
        at_ns = until_ns
    assert all(one != other for one, other in pairwise(words))
    assert words.count("core") == 10


@pytest.mark.parametrize("name", ["NYSE", "xnys", " nyse ", "XNAS", "NASDAQ"])
def test_a_market_goes_by_its_acronym_or_its_code(name: str) -> None:
    assert market_named(name) in MARKETS


@pytest.mark.parametrize("name", ["", "XLON", "us_equity", "N" * 100])
def test_a_market_whose_hours_are_not_known_is_refused(name: str) -> None:
    with pytest.raises(WireError, match="is not known here") as refused:
        market_named(name)
    assert refused.value.status == 422
    assert len(refused.value.message) < 80


def test_days_have_their_phases_and_half_days_no_late_one() -> None:
    days = list(SESSIONS.between(date(2026, 11, 25), date(2026, 11, 30)))
    following = {one.date: other.date for one, other in pairwise(days)}
    shown = days_json(MARKETS[0], days, following, is_utc=False)
    whole, half, _ = shown["calendar"]
    assert shown["market"]["mic"] == "XNYS"
    assert whole == {
        "date": "2026-11-25",
        "settlement_date": "2026-11-27",
        "pre_start": "2026-11-25T04:00:00-05:00",
        "pre_end": "2026-11-25T09:30:00-05:00",
        "core_start": "2026-11-25T09:30:00-05:00",
        "core_end": "2026-11-25T16:00:00-05:00",
        "post_start": "2026-11-25T16:00:00-05:00",
        "post_end": "2026-11-25T20:00:00-05:00",
    }
    assert half["core_end"] == "2026-11-27T13:00:00-05:00"
    assert "post_start" not in half
    utc = days_json(MARKETS[0], days, following, is_utc=True)["calendar"][0]
    assert (utc["core_start"], utc["date"]) == ("2026-11-25T14:30:00+00:00", "2026-11-25")
