"""Sees from a thread of its own that an account stands still or has lost a part, and halts it."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.pulse import Pulse

_LOG = logging.getLogger(__name__)

WHO = "watchdog"
EVERY_S = 1.0
HELD_UP_S = 30.0
"""An account that has not gone round for so long is halted: nobody looks at prices or stops."""

END_WITHIN_S = 10.0
"""So long an account that has lost a part may take to end by itself; then it is ended."""

GONE = 70
"""Exit code of a process that could not end by itself; recovery is what follows a kill."""

Threads = Callable[[], Iterable[threading.Thread]]
"""Returns the threads without which a part does not do its work, as long as it is to do it."""


class PartDied(InvariantViolation):
    """A thread of the account has ended while it was needed; the account ends, halted."""

    code = "bug.part_died"


class Watchdog:
    """Halts by the file, which is looked at before every increase and needs nobody who goes round.

    Only time that passes while this thread itself is awake counts, so that a machine that was
    suspended is not mistaken for an account that hangs. What was halted stays so until a person
    resumes it.
    """

    def __init__(
        self,
        pulse: Pulse,
        halt: HaltFile,
        warn: Callable[[str], None] = lambda line: None,
        *,
        every_s: float = EVERY_S,
        held_up_s: float = HELD_UP_S,
        end_within_s: float = END_WITHIN_S,
        now_s: Callable[[], float] = time.monotonic,
        end: Callable[[], object] = lambda: os._exit(GONE),
    ) -> None:
        """Join the parts; nothing is watched before the block begins.

        Args:
            pulse: Tells when the driver last went round.
            halt: The file that halts the account.
            warn: Tells a person what is wrong.
            every_s: How often it is looked.
            held_up_s: How long the driver may take for one round.
            end_within_s: How long an account that has lost a part may take to end.
            now_s: Monotonic time.
            end: Ends the process at once.
        """
        self._pulse, self._halt, self._warn = pulse, halt, warn
        self._every_s, self._held_up_s, self._end_within_s = every_s, held_up_s, end_within_s
        self._now_s, self._end = now_s, end
        self._parts: list[Threads] = []
        self._suspects: set[threading.Thread] = set()
        self._looked_s: float | None = None
        self._stamp: float | None = None
        self._stood_s = self._dead_s = 0.0
        self._is_told = False
        self._dead = ""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Look again and again while the block runs."""
        self._thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join(self._every_s + 1.0)

    @contextmanager
    def over(self, threads: Threads) -> Iterator[None]:
        """Watch threads of a part as well while the block runs."""
        self._parts.append(threads)
        try:
            yield
        finally:
            self._parts.remove(threads)

    def threads(self) -> list[threading.Thread]:
        """Return what is watched now."""
        return [one for part in [*self._parts] for one in part()]

    def assure(self) -> None:
        """See that every part lives; for whoever goes round.

        Raises:
            PartDied: One does not.
        """
        if self._dead:
            raise PartDied(f"{self._dead}; the account is halted and ends")

    def look(self) -> None:
        """Look once, and halt where something stands still or has died."""
        now_s = self._now_s()
        # Who slept longer than that was not alone in it: the whole process was held.
        passed_s = min(now_s - (self._looked_s or now_s), 2.0 * self._every_s)
        self._looked_s = now_s
        self._look_at_parts(passed_s)
        self._look_at_rounds(passed_s)

    def _look_at_parts(self, passed_s: float) -> None:
        if self._dead:
            self._dead_s += passed_s
            if self._dead_s >= self._end_within_s:
                self._end()
            return
        dead = {one for one in self.threads() if not one.is_alive()}
        # Seen twice: one that was just told to end is left out by its part the next time.
        lost = sorted(one.name for one in dead & self._suspects)
        self._suspects = dead
        if lost:
            self._dead = f"a part of the account has died: {', '.join(lost)}"
            self._hold(self._dead)

    def _look_at_rounds(self, passed_s: float) -> None:
        stamp = self._pulse.stepped_s
        if not self._pulse.goes_round or stamp != self._stamp:
            self._stamp, self._stood_s, self._is_told = stamp, 0.0, False
            return
        self._stood_s += passed_s
        if self._stood_s >= self._held_up_s and not self._is_told:
            self._is_told = True
            self._hold(f"the account has not gone round for {self._stood_s:.0f} s")

    def _hold(self, why: str) -> None:
        _LOG.error("%s", why)
        if not self._halt.is_set:
            try:
                self._halt.set(WHO, why)
            except OSError as error:
                _LOG.error("and the halt file could not be written: %s", error)
        self._warn(f"■ {why}. It is halted: look at its log, then resume with a reason")

    def _run(self) -> None:
        while not self._is_over.wait(self._every_s):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - whatever it was, the next look may see what matters
                _LOG.exception("looking after the account broke")
