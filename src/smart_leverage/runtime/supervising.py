"""Several accounts, a process each: started, watched, and started again when one dies."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from smart_leverage.runtime.raw_log import private_log

LOG = "run.log"
BACKOFF_S, BACKOFF_MAX_S = 1.0, 60.0
STEADY_S = 120.0
"""Who has lived so long is started again at once when it ends."""

END_WITHIN_S = 30.0

Tell = Callable[[str, str], None]
"""Hears the name of an account and a sentence."""


class Life(StrEnum):
    """What became of the process of an account."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waits to be started again"
    NEEDS_A_PERSON = "needs a person"
    ENDED = "ended"


class Standing(NamedTuple):
    """How the process of an account stands; `code` is that of its last end, None before one."""

    life: Life
    starts: int
    code: int | None = None


class Kept:
    """One account: its process, and a thread that starts it again with growing pauses."""

    def __init__(
        self, folder: Path, command: Sequence[str], final: frozenset[int], tell: Tell
    ) -> None:
        """Remember what to start; see `start`.

        Args:
            folder: Of the account; what its process says goes into a file in there.
            command: The command line of its process.
            final: Exit codes after which starting again would change nothing, as that of a wrong
                configuration: a person is needed.
            tell: Hears what happens.
        """
        self._folder, self._command, self._final, self._tell = folder, command, final, tell
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=folder.name, daemon=True)
        self.standing = Standing(Life.STARTING, 0)

    @property
    def name(self) -> str:
        """Of the account."""
        return self._folder.name

    def start(self) -> None:
        """Begin to keep it running."""
        self._thread.start()

    def ask_to_end(self) -> None:
        """Ask the process to end where it is whole, and start it no more."""
        with self._lock:
            self._over.set()
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """Wait for its end; who does not end in time is killed, which loses nothing."""
        self.ask_to_end()
        self._thread.join(END_WITHIN_S)
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        self._thread.join(END_WITHIN_S)

    def _keep(self) -> None:
        pause_s, starts = BACKOFF_S, 0
        while not self._over.is_set():
            began_s, starts = time.monotonic(), starts + 1
            code = self._live_once(starts)
            if self._over.is_set() or code == 0:
                self._end(Life.ENDED, starts, code, "has ended")
                return
            if code in self._final:
                told = f"ended with {code} and is not started again: see {self._folder / LOG}"
                self._end(Life.NEEDS_A_PERSON, starts, code, told)
                return
            is_steady = time.monotonic() - began_s >= STEADY_S
            pause_s = BACKOFF_S if is_steady else min(2.0 * pause_s, BACKOFF_MAX_S)
            self._end(Life.WAITING, starts, code, f"died, {_how(code)}; again in {pause_s:g} s")
            self._over.wait(pause_s)
        self.standing = self.standing._replace(life=Life.ENDED)

    def _live_once(self, starts: int) -> int:
        """Run the process from its start to its end; return its exit code."""
        with self._lock, private_log(self._folder / LOG) as log:
            if self._over.is_set():
                return 0
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, umask=0o077,
            )  # fmt: skip
            process = self._process
        self.standing = Standing(Life.RUNNING, starts, self.standing.code)
        self._tell(self.name, f"started, process {process.pid}")
        return process.wait()

    def _end(self, life: Life, starts: int, code: int, told: str) -> None:
        self.standing = Standing(life, starts, code)
        self._tell(self.name, told)


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
