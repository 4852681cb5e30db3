"""Days and increases by the world's time: ours may be wrong, and nothing may follow from that."""

from collections.abc import Callable
from typing import Any

from tests.simulation.audit_market import SECOND, when
from tests.simulation.audit_record import _day
from tests.simulation.audit_venue import Order

STEADY = 60 * SECOND
"""So long at least a wrong wall clock is doubted, by every process anew."""


class WorldTime:
    """Judges by a clock that is never wrong."""

    def __init__(self, now: Callable[[], int], broken: Callable[[str, str], None]) -> None:
        self._now, self._broken = now, broken
        self._tripped_until = 0
        self._wrong_since: int | None = None

    def bent(self, *, is_wrong: bool) -> None:
        """Our clock shows what it should, or does not."""
        if not is_wrong:
            self._wrong_since = None
        elif self._wrong_since is None:
            self._wrong_since = self._now()

    def on_restart(self) -> None:
        """A new process knows nothing of what the clock showed before."""
        if self._wrong_since is not None:
            self._wrong_since = self._now()

    def hear(self, entry: dict[str, Any]) -> None:
        """INV-16: midnight in New York opens a day and ends a trip, and nothing else does."""
        now = self._now()
        day, midnight = _day(now)
        if entry["kind"] == "baseline" and entry["period"] == "day" and entry["label"] > day:
            self._broken("INV-16", f"the day {entry['label']} is opened on {day}")
        if entry["kind"] != "breaker" or entry["breaker"] != "day":
            return
        if entry.get("is_tripped"):
            self._tripped_until = midnight
        elif now < self._tripped_until:
            self._broken("INV-16", f"a trip is cleared before {when(self._tripped_until)}")

    def check_increase(self, order: Order) -> None:
        """INV-16 and INV-04: no increase on a tripped day, nor by a clock that has just jumped."""
        now, wrong = self._now(), self._wrong_since
        if now < self._tripped_until:
            self._broken("INV-16", f"{order} leaves on a tripped day")
        if wrong is not None and now - wrong < STEADY:
            age = (now - wrong) // SECOND
            self._broken("INV-04", f"{order} leaves {age} s after the clock went wrong")
