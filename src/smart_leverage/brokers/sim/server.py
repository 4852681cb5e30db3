"""Serves one venue over a Unix socket, one request of one connection at a time."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Raw

from smart_leverage.brokers.sim.messages import (
    ENCODER,
    FRAME_MAX,
    HEADER,
    PART,
    REQUESTS,
    UNREADABLE,
    Answer,
    Done,
    Fault,
    No,
    Requests,
    Submit,
    SubmitAll,
    framed,
)
from smart_leverage.brokers.sim.venue import SimBroker
from smart_leverage.domain.errors import BrokerDown, ConfigError, Refused, SmartLeverageError

CONNECTIONS_MAX = 32
BODY_TIMEOUT_S = 5.0
"""How long a client may take to send the rest of a frame, or to read an answer."""

ACCEPT_POLL_S = 0.2
PATH_MAX = 107
"""Longest path that the system takes for a socket."""


class Server:
    """Listens on a socket and lets each connection ask the venue, in turn."""

    def __init__(self, broker: SimBroker, path: Path) -> None:
        """Bind the socket, readable and writable by its owner only.

        Raises:
            BrokerDown: Somebody listens there already.
            ConfigError: There cannot be a socket at the path.
        """
        self._broker = broker
        self._path = path
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._places = threading.Semaphore(CONNECTIONS_MAX)
        self._connections: set[socket.socket] = set()
        self._listener = _bound(path)

    def stop(self) -> None:
        """Ask the server to end; safe in a signal handler."""
        self._stop.set()

    def serve(self) -> None:
        """Serve until `stop`; whoever waits for an answer then gets none."""
        try:
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    self._accept()
        finally:
            self._listener.close()
            self._path.unlink(missing_ok=True)
            for connection in list(self._connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            with self._turn:
                self._broker.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if not self._places.acquire(blocking=False):
            connection.close()
            return
        self._connections.add(connection)
        threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                while (request := _received(connection)) is not None:
                    self._reply(connection, request)
        finally:
            self._connections.discard(connection)
            self._places.release()

    def _reply(self, connection: socket.socket, request: Requests) -> None:
        with self._turn:
            try:
                answers = [framed(answer) for answer in self._answers(request)]
            except ValueError as problem:
                answers = [framed(Fault(code=BrokerDown.code, message=str(problem)))]
        for frame in answers:
            connection.sendall(frame)

    def _answers(self, request: Requests) -> Iterator[Answer]:
        if isinstance(request, SubmitAll):
            orders = (Submit(approved=each) for each in request.approved)
            yield Done(result=_raw([next(self._answers(each)) for each in orders]))
            return
        try:
            result = request.make(self._broker)
        except Refused as refusal:
            facts = refusal.facts
            yield No(code=refusal.broker_code, message=refusal.message, facts=facts)
            return
        except SmartLeverageError as problem:
            yield Fault(code=problem.code, message=str(problem))
            return
        if not isinstance(result, list):
            yield Done(result=_raw(result))
            return
        for start in range(0, max(1, len(result)), PART):
            part = result[start : start + PART]
            yield Done(result=_raw(part), has_more=start + PART < len(result))


def _raw(result: object) -> Raw:
    return Raw(ENCODER.encode(result))


def _received(connection: socket.socket) -> Requests | None:
    """Return the next request that can be read, or None when the client has gone."""
    while True:
        connection.settimeout(None)
        header = _read(connection, HEADER)
        if header is None:
            return None
        connection.settimeout(BODY_TIMEOUT_S)
        length = int.from_bytes(header)
        body = _read(connection, length) if length <= FRAME_MAX else None
        if body is None:
            return None
        try:
            return REQUESTS.decode(body)
        except msgspec.DecodeError as problem:
            connection.sendall(framed(Fault(code=UNREADABLE, message=str(problem))))


def _read(connection: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(min(65536, length - len(parts)))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _bound(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > PATH_MAX:
        raise ConfigError([f"socket = {path}: at most {PATH_MAX} bytes"])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path)
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        listener.listen(CONNECTIONS_MAX)
        listener.settimeout(ACCEPT_POLL_S)
    except OSError as problem:
        listener.close()
        raise ConfigError([f"socket = {path}: {problem.strerror}"], "simulated broker") from problem
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_dead(path: Path) -> None:
    """Remove the socket of a server that was killed; a living one is left alone."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise BrokerDown(f"another server listens on {path}")
