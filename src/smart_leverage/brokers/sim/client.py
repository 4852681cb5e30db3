"""The venue of another process behind the same protocol, with honest answers when it is gone."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.sim.messages import (
    ANSWERS,
    FRAME_MAX,
    HEADER,
    UNREADABLE,
    Advance,
    Answers,
    Bust,
    Cancel,
    CloseBars,
    Correct,
    Deposit,
    Done,
    Fault,
    FillOpens,
    GetAccount,
    GetActivities,
    GetChanges,
    GetOrder,
    GetOrders,
    GetPositions,
    GetUpdates,
    MeetNewcomers,
    No,
    PrintOpens,
    Quotes,
    Replace,
    Request,
    Split,
    Submit,
    SubmitAll,
    framed,
)
from smart_leverage.brokers.sim.purse import Change
from smart_leverage.brokers.sim.tape import BarLike
from smart_leverage.brokers.sim.venue import CAPABILITIES
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.errors import (
    BadData,
    BrokerDown,
    BrokerError,
    ConfigError,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    PositionSnapshot,
    TradeUpdate,
)

T = TypeVar("T")

TIMEOUT_S = 10.0

MANY = 16
"""So many new orders in one message; more would let the first ones wait for the last."""


class _Lost(Exception):
    """The connection ended after bytes had left."""


class _Connections:
    """One connection a thread, so that no thread waits for the answer of another."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: set[socket.socket] = set()

    @property
    def connection(self) -> socket.socket | None:
        """The connection of this thread, None before it has one."""
        connection: socket.socket | None = getattr(self._local, "connection", None)
        return connection

    @property
    def heard(self) -> bytearray:
        """What this thread's connection has said and nobody has read yet."""
        heard: bytearray = self._local.heard
        return heard

    def keep(self, connection: socket.socket) -> None:
        """Make it the connection of this thread."""
        self._local.connection = connection
        self._local.heard = bytearray()
        with self._lock:
            self._all.add(connection)

    def drop(self) -> None:
        """Close the connection of this thread."""
        connection = self.connection
        if connection is not None:
            self._local.connection = None
            with self._lock:
                self._all.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def close(self) -> None:
        """Close the connections of all threads; one that waits then hears nothing more."""
        with self._lock:
            connections, self._all = self._all, set()
        self._local = threading.local()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.close()


class SimBrokerClient:
    """Speaks to a `Server`; connects when needed, and again after the server was restarted.

    Safe in threads: each has a connection of its own.

    Where no byte left, an order is `NotSent`; where bytes left and no answer came, its outcome is
    unknown. Reads and market calls that get no answer raise `BrokerDown`; all of them may be
    repeated, since the venue passes over bars, openings and named flows that it was told before.
    """

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        """Remember where the server is; nothing is sent yet."""
        self._path = path
        self._timeout_s = timeout_s
        self._own = _Connections()

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""
        return CAPABILITIES

    def submit(self, approved: Approved) -> BrokerOrder:
        """Send one order, once; see `SimBroker.submit`."""
        began, name = time.monotonic(), approved.order.client_order_id
        answer = self._order_call(Submit(approved=approved), BrokerOrder, name)
        if answer.order.client_order_id != name:  # proves nothing about this order
            raise OutcomeUnknown(name, time.monotonic() - began)
        return answer

    @property
    def many(self) -> int:
        """So many new orders go into one message."""
        return MANY

    def submit_all(self, approved: Sequence[Approved]) -> list[BrokerOrder | BrokerError]:
        """Send orders with one message; see `TakesMany.submit_all`."""
        began, names = time.monotonic(), [each.order.client_order_id for each in approved]
        try:
            parts = self._exchange(SubmitAll(approved=list(approved)))
            answers = msgspec.json.decode(parts[0], type=list[Answers])
        except NotSent as problem:
            return [NotSent(str(problem)) for _ in names]
        except (_Lost, BrokerDown, msgspec.DecodeError):
            answers = []
        if len(answers) != len(names):  # whatever it was, it proves nothing about any of them
            return [OutcomeUnknown(name, time.monotonic() - began) for name in names]
        return [_word(name, each, began) for name, each in zip(names, answers, strict=True)]

    def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel; see `SimBroker.cancel`."""
        self._order_call(Cancel(client_order_id=client_order_id), None, client_order_id)

    def replace(
        self,
        client_order_id: str,
        *,
        qty: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail: Decimal | None = None,
        new_client_order_id: str | None = None,
    ) -> BrokerOrder:
        """Put a changed order in the place of an open one; see `SimBroker.replace`."""
        began, name = time.monotonic(), new_client_order_id or client_order_id
        request = Replace(
            client_order_id=client_order_id,
            qty=qty,
            limit_price=limit_price,
            stop_price=stop_price,
            trail=trail,
            new_client_order_id=new_client_order_id,
        )
        answer = self._order_call(request, BrokerOrder, name)
        if new_client_order_id and answer.order.client_order_id != name:
            raise OutcomeUnknown(name, time.monotonic() - began)  # it proves nothing about ours
        return answer

    def account(self) -> AccountSnapshot:
        """Return the account."""
        return self._call(GetAccount(), AccountSnapshot)

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return every holding."""
        return self._list(GetPositions(), PositionSnapshot)

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time, oldest first; 0 means all."""
        return self._list(GetOrders(is_open=is_open, after_ns=after_ns), BrokerOrder)

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Return one order as it stands, None when there is none of that id."""
        request = GetOrder(client_order_id=client_order_id)
        return self._call(request, BrokerOrder | None)  # type: ignore[arg-type]

    def clock_ns(self) -> int | None:
        """Return None, as the venue would; see `SimBroker.clock_ns`."""
        return None

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        """Return the stream's messages above a sequence."""
        return self._list(GetUpdates(after=after), TradeUpdate)

    def activities(self, after: int = 0) -> Sequence[Activity]:
        """Return fees, deposits and withdrawals above a number."""
        return self._list(GetActivities(after=after), Activity)

    def changes(self, after: int = 0) -> Sequence[Change]:
        """Return every movement of cash and units above a number."""
        return self._list(GetChanges(after=after), Change)

    def close_bars(self, at_ns: int, bars: Sequence[tuple[Key, BarLike]]) -> None:
        """Let resting orders meet the bars that end now."""
        self._call(CloseBars(at_ns=at_ns, bars=[(key, _bar(bar)) for key, bar in bars]), None)

    def print_opens(self, at_ns: int, opens: Sequence[tuple[Key, float]]) -> None:
        """Make the opens of the bars that begin now the last prices."""
        self._call(PrintOpens(at_ns=at_ns, opens=list(opens)), None)

    def fill_opens(self, at_ns: int) -> None:
        """Trade what is marketable at the opens just printed."""
        self._call(FillOpens(at_ns=at_ns), None)

    def on_quote(self, at_ns: int, key: Key, bid: float, ask: float) -> None:
        """Let the orders of a symbol meet a quote."""
        self.on_quotes(at_ns, [(key, bid, ask)])

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        """Let the orders of several symbols meet the quotes of one instant, in one call."""
        self._call(Quotes(at_ns=at_ns, quotes=list(quotes)), None)

    def meet_newcomers(self, at_ns: int) -> None:
        """Let orders that came after the last quotes meet them."""
        self._call(MeetNewcomers(at_ns=at_ns), None)

    def advance(self, at_ns: int) -> None:
        """Let time pass without a price."""
        self._call(Advance(at_ns=at_ns), None)

    def deposit(self, at_ns: int, amount: Decimal, reference: str = "") -> None:
        """Book money that comes, or goes when negative.

        Raises:
            Refused: More is withdrawn than is free.
            OutcomeUnknown: No answer; safe to repeat only with a reference.
        """
        request = Deposit(at_ns=at_ns, amount=amount, reference=reference)
        self._order_call(request, None, reference or "deposit")

    def split(self, at_ns: int, key: Key, factor: Decimal, reference: str) -> None:
        """Multiply what is held of an instrument and divide its price; its orders end."""
        request = Split(at_ns=at_ns, key=key, factor=factor, reference=reference)
        self._order_call(request, None, reference)

    def bust(self, at_ns: int, execution_id: str) -> None:
        """Take an execution back; safe to repeat."""
        self._order_call(Bust(at_ns=at_ns, execution_id=execution_id), None, execution_id)

    def correct(
        self,
        at_ns: int,
        execution_id: str,
        *,
        qty: Decimal | None = None,
        price: Decimal | None = None,
    ) -> None:
        """Correct an execution; the second time it is refused."""
        request = Correct(at_ns=at_ns, execution_id=execution_id, qty=qty, price=price)
        self._order_call(request, None, execution_id)

    def close(self) -> None:
        """Let go of the connection; the venue lives on."""
        self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _order_call(self, request: Request, kind: type[T] | None, name: str) -> T:
        began = time.monotonic()
        try:
            return _decoded(self._exchange(request), kind)
        except (_Lost, BrokerDown, msgspec.DecodeError) as problem:
            raise OutcomeUnknown(name, time.monotonic() - began) from problem

    def _call(self, request: Request, kind: type[T] | None) -> T:
        parts = self._asked(request)
        with _legible(self._path):
            return _decoded(parts, kind)

    def _list(self, request: Request, kind: type[T]) -> list[T]:
        parts = self._asked(request)
        with _legible(self._path):
            return [row for part in parts for row in msgspec.json.decode(part, type=list[kind])]  # type: ignore[valid-type]

    def _asked(self, request: Request) -> list[msgspec.Raw]:
        try:
            return self._exchange(request)
        except (_Lost, NotSent) as problem:
            raise BrokerDown(f"no answer from {self._path}: {problem}") from problem

    def _exchange(self, request: Request) -> list[msgspec.Raw]:
        """Send a request and return every part of its answer.

        Raises:
            NotSent: Nothing left.
            _Lost: Something left and no whole answer came.
            BrokerError: What the server answered.
        """
        try:
            frame = framed(request)
        except ValueError as problem:
            raise NotSent(str(problem)) from problem
        try:
            self._send(frame)
            return self._answer()
        except OSError as problem:
            self._own.drop()
            raise _Lost(str(problem) or type(problem).__name__) from problem
        except (_Lost, NotSent):
            self._own.drop()
            raise

    def _send(self, frame: bytes) -> None:
        """Send a whole frame; a connection that takes no byte is replaced once."""
        for connection in (self._own.connection, None):
            if connection is None:
                connection = self._connected()
            elif self._own.heard or not _is_alive(connection):
                self._own.drop()
                continue
            try:
                sent = connection.send(frame)
            except OSError:
                self._own.drop()
                continue
            connection.sendall(frame[sent:])
            return
        raise NotSent(f"{self._path} takes nothing")

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._timeout_s)
            connection.connect(str(self._path))
        except OSError as problem:
            connection.close()
            raise NotSent(f"nobody listens on {self._path}: {problem}") from problem
        self._own.keep(connection)
        return connection

    def _answer(self) -> list[msgspec.Raw]:
        parts: list[msgspec.Raw] = []
        while True:
            answer = self._received()
            if not isinstance(answer, Done):
                raise _error(answer)
            # The decoder's buffer is this answer's alone, so the part may be kept as it is.
            parts.append(answer.result)
            if not answer.has_more:
                return parts

    def _received(self) -> Answers:
        length = int.from_bytes(self._read(HEADER))
        if length > FRAME_MAX:
            raise _Lost(f"an answer of {length} bytes")
        try:
            return ANSWERS.decode(self._read(length))
        except msgspec.DecodeError as problem:
            raise _Lost(f"an answer that cannot be read: {problem}") from problem

    def _read(self, length: int) -> bytes:
        connection = self._own.connection
        if connection is None:
            raise _Lost("the connection is gone")
        heard = self._own.heard
        while len(heard) < length:
            part = connection.recv(65536)  # a head mostly comes with what follows it
            if not part:
                raise _Lost("the server went away")
            heard += part
        read = bytes(heard[:length])
        del heard[:length]
        return read


def _is_alive(connection: socket.socket) -> bool:
    """Whether the other end is still there; between requests it has nothing to say."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    return not waiting.poll(0)


@contextlib.contextmanager
def _legible(path: Path) -> Iterator[None]:
    try:
        yield
    except msgspec.DecodeError as problem:
        raise BrokerDown(f"an answer from {path} that cannot be read: {problem}") from problem


def _error(answer: No | Fault) -> BrokerError | BadData | ConfigError:
    if isinstance(answer, No):
        return _refused(answer)
    if answer.code in (BadData.code, UNREADABLE):  # a NaN does not pass as JSON
        return BadData(answer.message)
    if answer.code == ConfigError.code:
        return ConfigError([answer.message])
    return BrokerDown(f"{answer.message} ({answer.code})")


def _word(name: str, answer: Answers, began: float) -> BrokerOrder | BrokerError:
    """Return what one of several answers says of its order."""
    if isinstance(answer, No):
        return _refused(answer)
    if isinstance(answer, Done):
        with contextlib.suppress(msgspec.DecodeError):
            order = msgspec.json.decode(answer.result, type=BrokerOrder)
            if order.order.client_order_id == name:
                return order
    return OutcomeUnknown(name, time.monotonic() - began)


def _refused(answer: No) -> Refused:
    return Refused(answer.code, answer.message, **answer.facts)


def _decoded(parts: list[msgspec.Raw], kind: type[T] | None) -> T:
    value: Any = None if kind is None else msgspec.json.decode(parts[0], type=kind)
    return value  # type: ignore[no-any-return]


def _bar(bar: BarLike) -> Bar:
    if isinstance(bar, Bar):
        return bar
    return Bar(bar.start_ns, bar.end_ns, bar.open, bar.high, bar.low, bar.close, 0.0)
