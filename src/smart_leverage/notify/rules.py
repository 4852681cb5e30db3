"""When a channel may speak: its levels, its quiet hours and its rate, all by a time handed in."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS

ON, SILENT, OFF = "on", "silent", "off"
LOUDNESS = (ON, SILENT, OFF)
"""With a sound, without one, or only as a count in the digest."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rules(Struct, frozen=True, kw_only=True):
    """What a channel is told and when; urgent messages obey none of this.

    Quiet hours are "HH:MM" by the clock of `timezone`, empty for none; they may span midnight.
    """

    normal: str = ON
    quiet: str = SILENT
    quiet_from: str = ""
    quiet_to: str = ""
    timezone: str = "America/New_York"
    per_minute: float = 20.0
    waiting_max: int = 100

    def quiet_until_ns(self, now_ns: int) -> int | None:
        """Return when the quiet hours end that hold now; None outside of them."""
        if not self.quiet_from or not self.quiet_to:
            return None
        begin, end = minutes_of(self.quiet_from), minutes_of(self.quiet_to)
        if begin == end:
            return None
        local = (_EPOCH + timedelta(microseconds=now_ns // 1000)).astimezone(
            ZoneInfo(self.timezone)
        )
        minute = 60 * local.hour + local.minute
        is_in = begin <= minute < end if begin < end else minute >= begin or minute < end
        if not is_in:
            return None
        left = (end - minute) % (24 * 60)
        return now_ns - now_ns % MINUTE_NS + left * MINUTE_NS


def minutes_of(clock: str) -> int:
    """Return the minutes since midnight of "HH:MM".

    Raises:
        ValueError: It is no such time.
    """
    hours, colon, minutes = clock.partition(":")
    is_written = colon and len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal()
    if not is_written or int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"{clock!r} is no time of day like 22:30")
    return 60 * int(hours) + int(minutes)


class Bucket(Struct, kw_only=True):
    """So many messages a minute, and as many at once; urgent ones may overdraw it."""

    tokens: float = 0.0
    at_ns: int = 0

    def refill(self, per_minute: float, now_ns: int) -> None:
        """Add what has come in since; a clock that steps back adds nothing."""
        if not self.at_ns:
            self.tokens = per_minute
        elif now_ns > self.at_ns:
            gained = (now_ns - self.at_ns) / (60 * SECOND_NS) * per_minute
            self.tokens = min(per_minute, self.tokens + gained)
        self.at_ns = now_ns

    def spend(self, per_minute: float) -> None:
        """Take one, down to a minute's worth of debt."""
        self.tokens = max(self.tokens - 1.0, -per_minute)
