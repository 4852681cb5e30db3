"""Stamps: an instant, a date or a count since 1970, and never a guess about the zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.stamps import Stamp, iso, read_stamp

NOON_NS = 1_709_899_200 * 10**9  # 2024-03-08 12:00 UTC
MIDNIGHT_NS = NOON_NS - 43_200 * 10**9


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        pytest.param("2024-03-08T12:00:00Z", Stamp(NOON_NS, 0, False), id="utc"),
        pytest.param("2024-03-08 12:00:00+00:00", Stamp(NOON_NS, 0, False), id="with-a-space"),
        pytest.param("2024-03-08T07:00:00-05:00", Stamp(NOON_NS, -18_000, False), id="new-york"),
        pytest.param("2024-03-08T12:00:00", Stamp(NOON_NS, None, False), id="no-zone"),
        pytest.param("2024-03-08", Stamp(MIDNIGHT_NS, None, True), id="date"),
        pytest.param("1709899200", Stamp(NOON_NS, 0, False), id="seconds"),
        pytest.param("1709899200.0", Stamp(NOON_NS, 0, False), id="seconds-as-float"),
        pytest.param("1709899200000", Stamp(NOON_NS, 0, False), id="milliseconds"),
        pytest.param("1709899200000000", Stamp(NOON_NS, 0, False), id="microseconds"),
        pytest.param("1709899200000000000", Stamp(NOON_NS, 0, False), id="nanoseconds"),
        pytest.param(" 2024-03-08T12:00:00Z ", Stamp(NOON_NS, 0, False), id="spaces-around"),
        pytest.param(
            "2024-03-08T12:00:00.000001Z", Stamp(NOON_NS + 1_000, 0, False), id="microsecond"
        ),
        pytest.param("1969-12-31T23:59:59Z", Stamp(-(10**9), 0, False), id="before-1970"),
    ],
)
def test_read_stamp(text: str, stamp: Stamp) -> None:
    assert read_stamp(text) == stamp


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("  ", id="spaces"),
        pytest.param("tomorrow", id="word"),
        pytest.param("2024-02-30", id="no-such-day"),
        pytest.param("2024-03-08T25:00:00Z", id="no-such-hour"),
        pytest.param("08/03/2024", id="day-or-month-first"),
        pytest.param("20240308", id="digits-only"),
        pytest.param("1709899200.5", id="half-a-second"),
        pytest.param("-1709899200", id="sign"),
        pytest.param("1" * 400, id="very-long"),
        pytest.param("1709899200e3", id="exponent"),
        pytest.param("٢٠٢٤-03-08", id="digits-of-another-script"),
        pytest.param("NaN", id="nan"),
    ],
)
def test_what_is_no_stamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stamp"):
        read_stamp(text)


@given(
    st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_survives_writing_and_reading_in_any_zone(naive: datetime, offset: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))

    stamp = read_stamp(moment.isoformat())

    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert stamp == Stamp(exact, offset * 60, False)
    assert read_stamp(iso(exact)).ns == exact


def test_iso_is_plain_and_never_fails() -> None:
    assert iso(NOON_NS) == "2024-03-08 12:00:00Z"
    assert iso(NOON_NS + 1_500_000) == "2024-03-08 12:00:00.001500Z"
    assert iso(10**22) == f"{10**22} ns after 1970"
