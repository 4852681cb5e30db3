"""The Unix socket of a running account: an operator's commands come in, what happened goes out."""

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from smart_leverage.domain.clock import SystemClock
from smart_leverage.domain.errors import BrokerDown, LedgerLocked
from smart_leverage.engine.events import Command
from smart_leverage.runtime.admin import is_admin
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.people.seats import is_admin_session

SOCKET = "control.sock"
REQUEST_MAX = 65_536
ANSWER_WITHIN_S = 10.0
WAITING_MAX = 64
SIGN_WITHIN_S = 3.0
RESUME_NEEDS = "resume needs the admin token, or a session of an admin who signed in lately"


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One command of a person; `token` is needed where exposure may come back.

    It is the admin token, or what the cookie of an admin's session holds.

    `changes` are what it brings along by name, as the values that limits shall have.
    """

    command: Command
    who: str
    reason: str
    token: str = ""
    changes: dict[str, str] = {}


class Result(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"


class Answer(Struct, frozen=True):
    """What a command did: the state after it, the last journal event, and lines for people."""

    result: Result
    state: str
    seq: int
    lines: tuple[str, ...] = ()


class Waiting:
    """A request on its way to the loop, and the place for its answer."""

    def __init__(self, request: Request, *, is_admin: bool) -> None:
        self.request = request
        self.is_admin = is_admin
        self.answer: Answer | None = None
        self.is_answered = threading.Event()

    def settle(self, answer: Answer) -> None:
        """Hand the answer over."""
        self.answer = answer
        self.is_answered.set()


class Control:
    """Listens beside the loop; a halt is in force before the loop has even heard of it."""

    def __init__(
        self,
        folder: Path,
        wake: Callable[[], None],
        settle: Callable[[], object] = lambda: None,
    ) -> None:
        """Listen in a folder.

        Args:
            folder: Of the account.
            wake: Ends the loop's pause.
            settle: Waits, within bounds, until no purchase is on its way that had passed the halt
                file before it was there; a halt is answered after it.

        Raises:
            LedgerLocked: Another process listens there.
        """
        self._folder = folder
        self._wake = wake
        self._settle = settle
        self._halt = HaltFile(folder)
        self._waiting: queue.Queue[Waiting] = queue.Queue(WAITING_MAX)
        self._socket = _listening(folder / SOCKET)
        self._is_over = False
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def take(self) -> list[Waiting]:
        """Return the commands that have come in since; for the loop."""
        taken = []
        with contextlib.suppress(queue.Empty):
            while True:
                taken.append(self._waiting.get_nowait())
        return taken

    def threads(self) -> Sequence[threading.Thread]:
        """Return the thread that listens, as long as it is needed."""
        return () if self._is_over else (self._thread,)

    def close(self) -> None:
        """Stop listening and take the socket away."""
        self._is_over = True
        with contextlib.suppress(OSError):  # Whoever waits at it would keep it open.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(OSError):  # The next start takes away what is left behind.
            (self._folder / SOCKET).unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            # One at a time and bounded: a silent client holds up the others for a while only.
            with connection, contextlib.suppress(OSError):
                connection.settimeout(ANSWER_WITHIN_S)
                connection.sendall(msgspec.json.encode(self._answer(_read(connection))) + b"\n")

    def _answer(self, text: bytes) -> Answer:
        try:
            request = msgspec.json.decode(text, type=Request)
        except msgspec.MsgspecError as error:
            return Answer(Result.REFUSED, "", 0, (f"not a command: {error}",))
        if not request.reason.strip():
            return Answer(Result.REFUSED, "", 0, ("a reason is needed",))
        if request.command in (Command.HALT, Command.FLATTEN):
            with contextlib.suppress(OSError):  # the engine halts as well
                self._halt.set(request.who, request.reason)  # before anything that may be slow
        is_from_admin = is_admin(self._folder, request.token) or is_admin_session(
            self._folder, request.token, SystemClock().now_ns()
        )
        if request.command is Command.RESUME and not is_from_admin:
            return Answer(Result.REFUSED, "", 0, (RESUME_NEEDS,))
        waiting = Waiting(request, is_admin=is_from_admin)
        try:
            self._waiting.put_nowait(waiting)
        except queue.Full:
            return Answer(Result.PENDING, "", 0, ("too many commands wait; the halt file stands",))
        self._wake()
        if request.command in (Command.HALT, Command.FLATTEN):
            self._settle()
        if waiting.is_answered.wait(ANSWER_WITHIN_S) and waiting.answer is not None:
            return waiting.answer
        return Answer(Result.PENDING, "", 0, ("taken, but not journalled yet",))


def ask(folder: Path, request: Request, within_s: float = ANSWER_WITHIN_S + 2.0) -> Answer:
    """Send a command to the account that runs in a folder, and return its answer.

    Raises:
        BrokerDown: Nobody listens, or no whole answer came.
    """
    path = folder / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within_s)
        try:
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            return msgspec.json.decode(_read(connection), type=Answer)
        except (OSError, msgspec.MsgspecError) as error:
            raise BrokerDown(f"no account answers on {path}: {error}") from error


def gives_a_sign(folder: Path, within_s: float = SIGN_WITHIN_S) -> bool | None:
    """Tell whether the account that runs in a folder answers; None when nobody listens there.

    Nothing is sent, so nothing is ordered: the sign is that the account refuses it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within_s)
        try:
            connection.connect(str(folder / SOCKET))
        except (TimeoutError, BlockingIOError):
            return False  # so many wait already that no more are let in
        except OSError:
            return None
        try:
            connection.shutdown(socket.SHUT_WR)
            return bool(_read(connection))
        except OSError:
            return False


def _read(connection: socket.socket) -> bytes:
    text = bytearray()
    while not text.endswith(b"\n") and len(text) <= REQUEST_MAX:
        part = connection.recv(4_096)
        if not part:
            break
        text += part
    return bytes(text)


def _listening(path: Path) -> socket.socket:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            pass
        except OSError:
            path.unlink(missing_ok=True)  # left behind by a process that was killed
        else:
            raise LedgerLocked(f"another process answers on {path}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    listening.listen(8)
    return listening
