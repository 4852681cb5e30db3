"""Reads and writes stamps: an instant with its zone, a date, or a count since 1970."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS

_SPANS = ((DAY_NS, "d"), (HOUR_NS, "h"), (MINUTE_NS, "min"), (SECOND_NS, "s"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COUNT_UNITS = (
    (10**8, 10**11, 1_000_000_000),  # seconds
    (10**11, 10**14, 1_000_000),  # milliseconds
    (10**14, 10**17, 1_000),  # microseconds
    (10**17, 10**20, 1),  # nanoseconds
)


class Stamp(NamedTuple):
    """One stamp as it was written.

    `ns` is UTC for an instant. Where no zone was written (`offset_s` is None) and for a date it is
    what the clock would show in UTC, and the reader decides whether that may be meant.
    """

    ns: int
    offset_s: int | None
    is_date: bool


def read_stamp(text: str) -> Stamp:
    """Return the stamp that a text holds.

    Args:
        text: ISO 8601 ("2024-03-08T14:30:00Z", "2024-03-08 09:30:00-05:00", "2024-03-08"), or a
            count since 1970 in UTC, whose unit (s, ms, us, ns) follows from its size: each unit
            covers the years 1973 to 5138.

    Raises:
        ValueError: The text is none of these; the sentence says what it is.
    """
    text = text.strip()
    if not text:
        raise ValueError("the stamp is missing")
    if not text.isascii():
        raise ValueError(f"{text!r} is not a stamp")
    if text[4:5] == "-":
        return _read_iso(text)
    return _read_count(text)


def iso(at_ns: int) -> str:
    """Return an instant as people read it, e.g. "2024-03-08 14:30:00Z"."""
    try:
        moment = _EPOCH + timedelta(microseconds=at_ns // 1000)
    except OverflowError:
        return f"{at_ns} ns after 1970"
    whole = moment.microsecond == 0
    return moment.strftime("%Y-%m-%d %H:%M:%SZ" if whole else "%Y-%m-%d %H:%M:%S.%fZ")


def second(at_ns: int) -> str:
    """Return an instant to the second, for where nobody asks for more."""
    return iso(at_ns - at_ns % SECOND_NS)


def local(at_ns: int) -> str:
    """Return an instant by the clock of this machine and in UTC, for people, to the second."""
    at_ns -= at_ns % SECOND_NS
    try:
        moment = (_EPOCH + timedelta(microseconds=at_ns // 1000)).astimezone()
    except OverflowError:
        return iso(at_ns)
    return f"{moment:%Y-%m-%d %H:%M %Z} ({iso(at_ns)})"


def span(nanoseconds: int) -> str:
    """Return a span in its two largest units: "3 h 12 min", "0 s"; a negative one is none."""
    left, parts = max(nanoseconds, 0), list[str]()
    for size, unit in _SPANS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts)) or "0 s"


def _read_iso(text: str) -> Stamp:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return Stamp((day.toordinal() - _EPOCH.toordinal()) * 86_400_000_000_000, None, True)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a stamp") from None
    offset = moment.utcoffset()
    if offset is None:
        naive = (moment.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND * 1000
        return Stamp(naive, None, False)
    return Stamp((moment - _EPOCH) // _MICROSECOND * 1000, int(offset.total_seconds()), False)


def _read_count(text: str) -> Stamp:
    whole, _, rest = text.partition(".")
    if not whole.isdigit() or rest.strip("0"):
        raise ValueError(f"{text!r} is not a stamp")
    count = int(whole) if len(whole) <= 20 else 0
    for low, high, unit_ns in _COUNT_UNITS:
        if low <= count < high:
            return Stamp(count * unit_ns, 0, False)
    raise ValueError(f"{text!r} is not a stamp: no unit makes it a count since 1970")
