"""The desk as a process of its own: started beside an account, watched, and started again."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from smart_leverage.runtime.cores import allowed, spread
from smart_leverage.runtime.ports import keep_port, port_before
from smart_leverage.runtime.raw_log import private_log

PORT = "desk.port"
PID = "desk.pid"
LOG = "desk.log"
URL = "desk.url"

BACKOFF_S = 0.5
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0
"""Who has lived so long is started again at once when it ends."""

END_WITHIN_S = 5.0

Tell = Callable[[str], None]


@contextmanager
def desk_process(
    folder: Path, options: Sequence[str] = (), tell: Tell = lambda url: None
) -> Iterator["DeskProcess"]:
    """Keep a desk running beside the account of a folder until the block ends.

    Nothing of the account waits for it or hears of its troubles. It ends by itself when this
    process dies, however that happens.

    Args:
        folder: Of the account; its log and the port that it had last are kept there.
        options: Of the desk's own command line, as where to listen.
        tell: Hears the address whenever it is another one than before, on a thread of its own.
    """
    running = DeskProcess(folder, options, tell)
    running.start()
    try:
        yield running
    finally:
        running.stop()


class DeskProcess:
    """Starts the desk, and starts it again with growing pauses when it ends too soon."""

    def __init__(self, folder: Path, options: Sequence[str], tell: Tell) -> None:
        self._folder = folder
        self._options = tuple(options)
        self._tell = tell
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._cores = allowed()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="desk", daemon=True)
        self.url = ""
        """Where it listens, or did before it ended; empty until it has begun for the first time."""

    def start(self) -> None:
        """Begin to watch; the desk comes up by and by."""
        self._thread.start()

    def stop(self) -> None:
        """End the desk; it has a few seconds to hang up."""
        with self._lock:
            self._over.set()
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(END_WITHIN_S)
        for name in (PID, URL):
            with suppress(OSError):
                (self._folder / name).unlink()

    def _watch(self) -> None:
        pause_s = BACKOFF_S
        while not self._over.is_set():
            began_s = time.monotonic()
            with suppress(OSError):
                self._run_once()
            is_steady = time.monotonic() - began_s >= STEADY_S
            pause_s = BACKOFF_S if is_steady else min(2.0 * pause_s, BACKOFF_MAX_S)
            self._over.wait(pause_s)

    def _run_once(self) -> None:
        """Run a desk from its start to its end."""
        process = self._started()
        if process is None:
            return
        with process:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            self._hear(process.stdout)

    def _started(self) -> "subprocess.Popen[bytes] | None":
        """Start a desk, in a session of its own so that an interruption of ours spares it."""
        command = [sys.executable, "-m", "smart_leverage.server.desk", str(self._folder)]
        command += [
            "--watched",
            "--spare-port",
            str(port_before(self._folder / PORT)),
            *self._options,
        ]
        # The account may be kept on one core by now, and needs that for itself.
        with self._lock, private_log(self._folder / LOG) as log, spread(self._cores):
            if self._over.is_set():
                return None
            self._process = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
                command,
                # Nothing is ever written: it ends with this process, and the desk sees that.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
            with suppress(OSError):
                (self._folder / PID).write_text(f"{self._process.pid}\n", encoding="ascii")
            return self._process

    def _hear(self, said: IO[bytes]) -> None:
        """Hear where it listens, and then nothing more until it ends."""
        for line in said:
            word, _, url = line.decode("ascii", errors="replace").strip().partition(" ")
            if word == "ready" and url != self.url:
                self.url = url
                keep_port(self._folder / PORT, int(url.rpartition(":")[2]))
                with suppress(OSError):
                    (self._folder / URL).write_text(f"{url}\n", encoding="ascii")
                self._tell(url)


def url_of(folder: Path) -> str:
    """Return where the desk of an account listens, empty where none does."""
    try:
        return (folder / URL).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
