"""What happens to orders: told by the one stream, and read from the lists where that is in doubt.

The stream repeats nothing. So after every connection, and as long as there is none, orders and
executions are read from the lists, and what was not told yet is told from there. Both name an
execution by how much of its order was filled after it, so that it is told once, whoever was first.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from smart_leverage.brokers.alpaca import reading
from smart_leverage.brokers.alpaca.line import Keys
from smart_leverage.brokers.alpaca.revisions import (
    REVISIONS,
    Names,
    corrected,
    is_revision,
    word_of,
)
from smart_leverage.brokers.told import Told
from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.errors import BadData, BrokerDown
from smart_leverage.domain.orders import BrokerOrder, Fill, TradeUpdate

_LOG = logging.getLogger(__name__)

OPEN_S, PING_S = 5.0, 10.0
AGAIN_S = (0.5, 30.0)
"""The first and the longest pause before another connection."""

LISTS_EVERY_S = 2.0
"""While the stream is down the lists are read this often at most."""

CHECKED_EVERY_S = 30.0
"""And this often while it is up: one that is silent by mistake looks like one with no news."""

FRAME_MAX = 1 << 20

APPLICATION = range(4_000, 5_000)
"""Codes of a close that mean what the server's program says, and not that something broke."""

UPDATES = "trade_updates"
FILLS = frozenset({"fill", "partial_fill"})
ZERO = Decimal(0)

Row = Mapping[str, Any]


class NotLetIn(ValueError):
    """The stream answers and does not let us in."""


class Source(Protocol):
    """Who reads lists and orders; each raises `BrokerDown` where there is no legible answer."""

    def legible(self, row: Row) -> BrokerOrder:
        """Return the order that an object shows."""
        ...

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time."""
        ...

    def order_of_id(self, broker_order_id: str) -> BrokerOrder | None:
        """Look one order up by the broker's id."""
        ...

    def activity_rows(self, category: str, after_ns: int = 0) -> list[Row]:
        """Return rows of activities since a time, oldest first."""
        ...


class Hearing:
    """Listens in a thread of its own; whoever asks reads the lists where that is needed."""

    def __init__(
        self, url: str, keys: Keys, source: Source, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Remember where the stream is; nothing is opened before somebody asks."""
        self._url, self._keys, self._source, self._now_ns = url, keys, source, now_ns
        self._told = Told()
        self._lock = threading.RLock()
        self._connection: ClientConnection | None = None
        self._is_over = threading.Event()
        self._is_up = False
        self.refused = ""
        """Why the stream does not let us in; empty while it does, or is only away."""
        self._wants_lists = True
        self._listed_s = 0.0
        self._since_ns = 0
        self._names = Names()
        self._revisions: list[tuple[BrokerOrder, Row]] = []
        """What the stream said of executions that had been told; the lists say which is meant."""
        self._thread: threading.Thread | None = None

    @property
    def is_up(self) -> bool:
        """Whether the stream is there, and nothing on it was missed."""
        return self._is_up and not self._wants_lists

    def updates(self, after: int) -> list[TradeUpdate]:
        """Return what is known above a sequence.

        Raises:
            BrokerDown: The lists have to be read, and are not answered.
        """
        if self._thread is None:
            self._begin(after)
        now_s = time.monotonic()
        every_s = CHECKED_EVERY_S if self._is_up else LISTS_EVERY_S
        if self._wants_lists or now_s - self._listed_s > every_s:
            self._read_lists()
            self._listed_s = now_s
        with self._lock:
            return self._told.since(after)

    def threads(self) -> Sequence[threading.Thread]:
        """Return the thread that listens, as long as it is needed."""
        thread = self._thread
        return () if thread is None or self._is_over.is_set() else (thread,)

    def close(self) -> None:
        """End the stream."""
        self._is_over.set()
        with self._lock:
            connection = self._connection
        if connection is not None:
            connection.close()
        if self._thread is not None:
            self._thread.join(OPEN_S)

    def _begin(self, after: int) -> None:
        # A sequence is the time of an update where that has grown: so it says from when to read.
        self._since_ns = after if after > DAY_NS else self._now_ns() - DAY_NS
        self._told.last = max(self._told.last, after)
        self._thread = threading.Thread(target=self._listen, name="broker-stream", daemon=True)
        self._thread.start()

    # -- the stream -------------------------------------------------------------------------------

    def _listen(self) -> None:
        pause_s = AGAIN_S[0]
        while not self._is_over.is_set():
            began_s = time.monotonic()
            try:
                self._hear_out()
            except (OSError, WebSocketException, ValueError) as error:
                _LOG.info("the broker's stream ended: %s", error)
                self.refused = self._refusal(error) or self.refused
            except Exception:  # noqa: BLE001 - a bug of ours: whoever asks reads the lists
                _LOG.exception("hearing the broker's stream broke")
            self._is_up, self._wants_lists = False, True
            lasted = time.monotonic() - began_s > AGAIN_S[1]
            pause_s = AGAIN_S[0] if lasted else min(2.0 * pause_s, AGAIN_S[1])
            self._is_over.wait(pause_s)

    def _refusal(self, error: Exception) -> str:
        """Return why a connection that ended was none; empty where the stream was only away.

        Before it let us in, a word of the server says that it does not want to: no network does.
        """
        if self._is_up:
            return ""
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            return f"it answers {status}" if 400 <= status < 500 else ""
        if isinstance(error, ConnectionClosed) and error.rcvd is not None:
            code, reason = error.rcvd.code, error.rcvd.reason
            is_ours_alone = code in (CloseCode.POLICY_VIOLATION, *APPLICATION)
            return f"it closes with {code} {reason}".strip() if is_ours_alone else ""
        return str(error) if isinstance(error, NotLetIn) else ""

    def _hear_out(self) -> None:
        """Connect, and take in what comes until the connection ends."""
        with connect(
            self._url, open_timeout=OPEN_S, ping_interval=PING_S, ping_timeout=PING_S,
            max_size=FRAME_MAX, proxy=None,
        ) as connection:  # fmt: skip
            with self._lock:
                self._connection = connection
            if self._is_over.is_set():
                return
            data = {"key_id": self._keys.key_id, "secret_key": self._keys.secret}
            connection.send(json.dumps({"action": "authenticate", "data": data}))
            while True:
                # A server that lets us in and then says nothing would be listened to for ever.
                frame = connection.recv(None if self._is_up else OPEN_S)
                self._take(json.loads(frame, parse_float=Decimal), connection)

    def _take(self, message: Any, connection: ClientConnection) -> None:
        for each in message if isinstance(message, list) else ():
            self._take(each, connection)
        if not isinstance(message, dict):
            return
        stream, data = message.get("stream"), message.get("data")
        if message.get("T") == "error" or message.get("action") == "error":
            raise NotLetIn(f"it says {message.get('code')} {message.get('msg')}")
        if stream == "authorization" and isinstance(data, dict):
            if data.get("status") != "authorized":
                raise NotLetIn(f"it says {data.get('status') or 'nothing'} to our keys")
            connection.send(json.dumps({"action": "listen", "data": {"streams": [UPDATES]}}))
        elif stream == "listening" and isinstance(data, dict):
            # What happened before this word is in the lists; what comes after it comes by itself.
            self._is_up, self._wants_lists = UPDATES in (data.get("streams") or ()), True
            self.refused = "" if self._is_up else "it does not tell what happens to orders"
        elif stream == UPDATES and isinstance(data, dict):
            try:
                self._hear(data)
            except (BrokerDown, BadData):
                self._wants_lists = True  # what cannot be read here may be legible there

    def _hear(self, data: Row) -> None:
        order, event = self._source.legible(data.get("order") or {}), str(data.get("event"))
        with self._lock:
            if event in REVISIONS:
                self._revisions.append((order, data))
                self._wants_lists = True
            elif event in FILLS:
                fill = _fill(order, data, order.filled_qty)
                self._names.learn(data, fill)
                is_whole = self._told.fill(order, fill, event, order.filled_qty)
                self._wants_lists = self._wants_lists or not is_whole
            else:
                self._told.change(event, order, _at_ns(data))

    # -- the lists --------------------------------------------------------------------------------

    def _read_lists(self) -> None:
        """Tell what the lists have and nobody told; what comes meanwhile is told beside it."""
        self._wants_lists = False
        try:
            since_ns = self._since_ns - HOUR_NS
            begun_ns = self._now_ns()
            orders = {each.broker_order_id: each for each in self._source.orders(is_open=True)}
            recent = self._source.orders(after_ns=since_ns)
            orders |= {each.broker_order_id: each for each in recent}
            rows = self._source.activity_rows("trade_activity", since_ns)
            self._look_up_rest(orders, rows)
            self._tell_lists(orders, rows)
            self._tell_revisions(orders, rows)
        except BrokerDown:
            self._wants_lists = True
            raise
        except BadData as error:
            self._wants_lists = True
            raise BrokerDown(f"an execution of the broker cannot be read: {error}") from error
        self._since_ns = begun_ns

    def _tell_lists(self, orders: Mapping[str, BrokerOrder], rows: Sequence[Row]) -> None:
        with self._lock:
            self._tell_executions(orders, rows)
            for order in sorted(orders.values(), key=lambda each: each.updated_at_ns):
                event = order.status if not order.is_open else "new"
                self._told.change(event, order, order.updated_at_ns or order.submitted_at_ns)

    def _look_up_rest(self, orders: dict[str, BrokerOrder], rows: Sequence[Row]) -> None:
        """Read orders that are in no list: once open and now ended, or sent long ago and filled."""
        wanted = set(self._told.open)
        wanted |= {str(row["order_id"]) for row in rows if row.get("order_id")}
        for broker_order_id in sorted(wanted - orders.keys()):
            known = self._told.order(broker_order_id)
            if known is not None and not known.is_open:
                orders[broker_order_id] = known
            elif (found := self._source.order_of_id(broker_order_id)) is not None:
                orders[broker_order_id] = found

    def _tell_executions(self, orders: Mapping[str, BrokerOrder], rows: Sequence[Row]) -> None:
        for order, row, fill, cumulated in _executions(orders, rows):
            self._names.learn(row, fill)
            event = str(row.get("type") or "partial_fill")
            self._told.fill(order, fill, event, cumulated)

    # -- what is taken back or corrected ----------------------------------------------------------

    def _tell_revisions(self, orders: Mapping[str, BrokerOrder], rows: Sequence[Row]) -> None:
        """Tell what became of executions, by the stream's word or by the list's, once each."""
        with self._lock:
            heard, self._revisions = self._revisions, []
        listed = [
            (orders[str(row.get("order_id"))], row)
            for row in sorted(rows, key=_at_ns)
            if is_revision(row) and str(row.get("order_id")) in orders
        ]
        for place, (order, row) in enumerate([*heard, *listed]):
            try:
                before = self._meant(order, row)
            except BrokerDown:
                with self._lock:  # the list is read again, the stream says nothing twice
                    self._revisions = [*heard[place:], *self._revisions]
                raise
            with self._lock:
                self._tell_revision(order, row, before)

    def _tell_revision(self, order: BrokerOrder, row: Row, before: Fill | None) -> None:
        event, at_ns = word_of(row), _at_ns(row)
        if before is None:
            name = row.get("previous_execution_id") or row.get("execution_id") or row.get("id")
            self._told.revise(event, order, f"{order.broker_order_id}/?{name}", None, at_ns)
            return
        after = corrected(before, row) if event == "trade_correct" else None
        if after is not None:
            self._names.learn(row, after)
        self._told.revise(event, order, before.execution_id, after, at_ns)

    def _meant(self, order: BrokerOrder, row: Row) -> Fill | None:
        """Return the execution that is meant; None where neither its id nor its figures tell."""
        found = self._names.named(row)
        if found is None:
            orders = {order.broker_order_id: order}
            rows = self._source.activity_rows("trade_activity", max(order.submitted_at_ns - 1, 0))
            for _, each, fill, _ in _executions(orders, rows):
                self._names.learn(each, fill)
            found = self._names.named(row) or self._names.alike(order, row)
        return found


def _executions(
    orders: Mapping[str, BrokerOrder], rows: Sequence[Row]
) -> Iterator[tuple[BrokerOrder, Row, Fill, Decimal]]:
    """Yield the executions of a list by time, with what their orders had filled after each."""
    sums: dict[str, Decimal] = {}
    for row in sorted(rows, key=_at_ns):
        broker_order_id = str(row.get("order_id"))
        order = orders.get(broker_order_id)
        if order is None or is_revision(row):
            continue  # the broker itself does not know the order, or it is about another execution
        cumulated = sums.get(broker_order_id, ZERO) + reading.amount(row, "qty")
        if row.get("cum_qty"):
            cumulated = reading.amount(row, "cum_qty")
        sums[broker_order_id] = cumulated
        yield order, row, _fill(order, row, cumulated), cumulated


def _fill(order: BrokerOrder, row: Row, cumulated: Decimal) -> Fill:
    """Return the execution that a row of the stream or of a list is about."""
    qty, price = reading.amount(row, "qty"), reading.amount(row, "price")
    at_ns = _at_ns(row)
    return reading.fill_of(row, order, price=price, qty=qty, cumulated=cumulated, at_ns=at_ns)


def _at_ns(row: Row) -> int:
    for name in ("timestamp", "transaction_time", "at"):
        if row.get(name):
            return reading.instant(row, name)
    raise BadData("the broker said no time")
