"""A venue that speaks the real broker's protocol over sockets, with faults to order.

Behind it stands the simulated venue in a process of its own; between the two this says everything
as the broker does, by the records of `wire`. A fault is named before a request comes: its answer is
lost, cut, replaced, or the request never gets through.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from smart_leverage.brokers.alpaca import Hosts, Keys
from smart_leverage.brokers.sim import SimBrokerClient
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.orders import Approved, BrokerOrder, Fill, Order, TradeUpdate
from smart_leverage.domain.registry import Registry
from smart_leverage.wire.activities import activity_id, coin_fee_json, fill_json
from smart_leverage.wire.assets import asset_id
from smart_leverage.wire.encoding import text, when
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.orders import OrderView, order_json
from smart_leverage.wire.reading import parse
from smart_leverage.wire.requests import change_request, order_request
from smart_leverage.wire.symbols import key_of_symbol
from smart_leverage.wire.updates import Execution, update_json

KEYS = Keys("PKTEST", "a-secret-of-the-venue")
REGISTRY = Registry.builtin()
LOOPBACK = "127.0.0.1"

Fault = Callable[["Handler", int, bytes], bool]
"""Is given what would be answered, after it was carried out; True when it has answered itself."""


class Venue:
    """The venue's front: what clients asked, and what is to go wrong."""

    def __init__(self, behind: SimBrokerClient) -> None:
        self.behind = behind
        self.asked: list[tuple[str, str]] = []
        self.before: dict[str, Callable[[Handler], bool]] = {}
        """By method and path: a request that never gets through; True when it was answered."""
        self.after: dict[str, Fault] = {}
        self.is_streaming = True
        self.dropped: set[int] = set()
        """Sequences that the stream does not tell."""
        self.before_listening: Callable[[], None] = lambda: None
        """Happens between letting a client into the stream and telling it anything."""
        self.is_suspended = False
        self.names_previous = True
        """Whether stream and list say which execution they take back or correct."""
        self.streams: list[ServerConnection] = []
        self.refuse: Callable[[ServerConnection], object] | None = None
        """What the stream does instead of letting anybody in."""
        self.port = self.stream_port = 0

    @property
    def hosts(self) -> Hosts:
        return Hosts(f"http://{LOOPBACK}:{self.port}", f"ws://{LOOPBACK}:{self.stream_port}/stream")

    def row(self, order: BrokerOrder) -> dict[str, Any]:
        return order_json(view_of(order))

    def find(self, broker_order_id: str) -> BrokerOrder | None:
        return next(
            (one for one in self.behind.orders() if one.broker_order_id == broker_order_id), None
        )


def view_of(one: BrokerOrder) -> OrderView:
    order = one.order
    return OrderView(
        id=one.broker_order_id, client_order_id=order.client_order_id,
        asset_id=asset_id(order.key), symbol=order.key.partition(":")[2],
        asset_class=order.key.partition(":")[0], side=order.side, type=order.type,
        time_in_force=order.time_in_force, status=one.status, qty=order.qty, notional=None,
        filled_qty=one.filled_qty, filled_avg_price=one.filled_avg_price,
        created_ns=one.submitted_at_ns, updated_ns=one.updated_at_ns,
        submitted_ns=one.submitted_at_ns, order_class=order.order_class,
        limit_price=order.limit_price, stop_price=order.stop_price, trail_price=order.trail_price,
        trail_percent=order.trail_percent, hwm=one.hwm, replaces=one.replaces,
        replaced_by=one.replaced_by, legs=tuple(view_of(leg) for leg in one.legs),
        filled_ns=one.updated_at_ns if one.status == "filled" else None,
    )  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer's second part waits 40 ms for the first
    venue: Venue

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_PATCH = do_DELETE = do_POST  # noqa: N815 - as the library calls them

    def _handle(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        name = f"{self.command} {parts.path}"
        self.venue.asked.append((self.command, parts.path))
        fault = _first(self.venue.before, name)
        if fault is not None and fault(self):
            return
        try:
            status, content = self._answer(parts.path, dict(parse_qsl(parts.query)), body)
        except WireError as error:
            status, content = error.status, error.body()
        except Refused as error:
            status = int(str(error.broker_code)[:3])
            content = {"code": error.broker_code, "message": error.message, **error.facts}
        said = b"" if content is None else json.dumps(content).encode()
        late = _first(self.venue.after, name)
        if late is None or not late(self, status, said):
            self.say(status, said)

    def say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self) -> None:
        """End the connection without another word."""
        self.close_connection = True

    # -- routes -----------------------------------------------------------------------------------

    def _answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if (self.headers["APCA-API-KEY-ID"], self.headers["APCA-API-SECRET-KEY"]) != tuple(KEYS):
            return 401, {"code": 40110000, "message": "request is not authorized"}
        venue, behind = self.venue, self.venue.behind
        stem, _, last = path.rpartition("/")
        if path == "/v2/orders" and self.command == "POST":
            return 200, venue.row(self._submitted(body))
        if stem == "/v2/orders" and self.command == "GET":
            return 200, venue.row(self._named(last))
        if stem == "/v2/orders" and self.command == "PATCH":
            return 200, venue.row(self._replaced(last, body))
        if stem == "/v2/orders" and self.command == "DELETE":
            behind.cancel(self._named(last).order.client_order_id)
            return 204, None
        if path == "/v2/orders:by_client_order_id":
            found = behind.order(query["client_order_id"])
            if found is None:
                return 404, {"code": 40410000, "message": "order not found"}
            return 200, venue.row(found)
        if path == "/v2/orders":
            return 200, self._listed(query)
        if path == "/v2/account/configurations":
            venue.is_suspended = bool(parse(body).get("suspend_trade"))
            return 200, {"suspend_trade": venue.is_suspended}
        return 200, self._account(path, query)

    def _submitted(self, body: bytes) -> BrokerOrder:
        if self.venue.is_suspended:
            raise WireError(403, 40310000, "trading is suspended by the user")
        wanted = order_request(parse(body))
        key = key_of_symbol(wanted.symbol, REGISTRY)
        if key is None:
            raise WireError(422, 42210000, f'asset "{wanted.symbol}" not found')
        assert wanted.qty is not None
        order = Order(
            client_order_id=wanted.client_order_id or "none", bot="venue", key=key,
            side=wanted.side, qty=wanted.qty, type=wanted.type,
            time_in_force=wanted.time_in_force, limit_price=wanted.limit_price,
            stop_price=wanted.stop_price, order_class=wanted.order_class,
            take_profit=wanted.take_profit, stop_loss=wanted.stop_loss,
            stop_loss_limit=wanted.stop_loss_limit, trail_price=wanted.trail_price,
            trail_percent=wanted.trail_percent,
        )  # fmt: skip
        return self.venue.behind.submit(Approved(order, "venue"))

    def _replaced(self, broker_order_id: str, body: bytes) -> BrokerOrder:
        change = change_request(parse(body))
        return self.venue.behind.replace(
            self._named(broker_order_id).order.client_order_id, qty=change.qty,
            limit_price=change.limit_price, stop_price=change.stop_price, trail=change.trail,
            new_client_order_id=change.client_order_id,
        )  # fmt: skip

    def _named(self, broker_order_id: str) -> BrokerOrder:
        found = self.venue.find(broker_order_id)
        if found is None:
            raise WireError(404, 40410000, f"order not found for {broker_order_id}")
        return found

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        is_open = {"open": True, "closed": False}.get(query.get("status", "open"))
        rows = [self.venue.row(one) for one in self.venue.behind.orders(is_open=is_open)]
        rows = [row for row in rows if row["submitted_at"] > query.get("after", "")]
        if query.get("direction") != "asc":
            rows.reverse()
        return rows[: int(query.get("limit", "50"))]

    def _account(self, path: str, query: dict[str, str]) -> Any:
        behind = self.venue.behind
        if path == "/v2/account":
            one = behind.account()
            return {
                "id": one.account_id, "account_number": one.account_id, "status": "ACTIVE",
                "cash": text(one.cash), "equity": text(one.equity),
                "buying_power": text(one.buying_power), "multiplier": str(one.multiplier),
                "non_marginable_buying_power": text(one.non_marginable_buying_power),
                "initial_margin": text(one.initial_margin), "trading_blocked": False,
                "maintenance_margin": text(one.maintenance_margin), "a_new_field": {"x": [1]},
            }  # fmt: skip
        if path == "/v2/positions":
            return [
                {
                    "symbol": one.key.partition(":")[2].replace("/", ""), "qty": text(one.qty),
                    "asset_class": one.key.partition(":")[0], "current_price": text(one.price),
                    "qty_available": text(one.qty_available), "side": "long",
                    "avg_entry_price": text(one.avg_entry_price),
                }
                for one in behind.positions()
            ]  # fmt: skip
        if path == "/v2/clock":
            return {"timestamp": when(time.time_ns()), "is_open": True}
        assert path == "/v2/account/activities", path
        return self._activities(query)

    def _activities(self, query: dict[str, str]) -> list[dict[str, Any]]:
        if query["category"] == "trade_activity":
            since = query.get("after", "")
            rows = [row for row in self._executions() if str(row["transaction_time"]) > since]
        else:
            rows = list(self._others())
        rows.sort(key=lambda row: str(row["id"]))
        names = [row["id"] for row in rows]
        token = query.get("page_token")
        first = names.index(token) + 1 if token else 0
        return rows[first : first + int(query["page_size"])]

    def _executions(self) -> Iterator[dict[str, Any]]:
        filled: dict[str, Decimal] = {}
        names: dict[str, tuple[str, Fill]] = {}
        for update in self.venue.behind.updates(0):
            order = update.broker_order
            if (fill := update.fill) is not None:
                names[fill.execution_id] = f"{update.sequence:08d}", fill
            if update.revises:
                previous, before = names[update.revises]
                previous = previous if self.venue.names_previous else ""
                yield revision_json(update, fill or before, previous)
                continue
            if fill is None:
                continue
            filled[order.broker_order_id] = sofar = (
                filled.get(order.broker_order_id, Decimal(0)) + fill.qty
            )
            yield fill_json(
                name=f"{update.sequence:08d}", at_ns=update.at_ns,
                symbol=fill.key.partition(":")[2].replace("/", ""), side=fill.side, qty=fill.qty,
                price=fill.price, order_id=order.broker_order_id, order_qty=order.order.qty,
                filled_qty=sofar,
            )  # fmt: skip

    def _others(self) -> Iterator[dict[str, Any]]:
        for one in self.venue.behind.activities():
            if one.type == "CFEE" and one.key and one.qty and one.price:
                yield coin_fee_json(
                    name=one.activity_id, at_ns=one.at_ns, symbol=one.key.partition(":")[2],
                    qty=-one.qty, price=one.price,
                )  # fmt: skip
            else:
                yield {
                    "id": activity_id(one.at_ns, one.activity_id), "activity_type": one.type,
                    "date": (when(one.at_ns) or "")[:10], "net_amount": text(one.net_amount),
                }  # fmt: skip


def revision_json(update: TradeUpdate, fill: Fill, previous: str) -> dict[str, Any]:
    """Return the row that says what became of an execution, which the list names as its own."""
    order = update.broker_order
    return fill_json(
        name=f"{update.sequence:08d}", at_ns=update.at_ns,
        symbol=fill.key.partition(":")[2].replace("/", ""), side=fill.side, qty=fill.qty,
        price=fill.price, order_id=order.broker_order_id, order_qty=order.order.qty,
        filled_qty=order.filled_qty, event=update.event, previous=previous,
    )  # fmt: skip


def _first(faults: dict[str, Any], name: str) -> Any:
    """Take out the fault of a request: one that is named is used up by it."""
    found = next((each for each in faults if name.startswith(each)), None)
    return None if found is None else faults.pop(found)


# -- the stream -----------------------------------------------------------------------------------


def _told(venue: Venue, update: TradeUpdate) -> dict[str, Any]:
    fill, previous, executed = update.fill, "", None
    if update.revises:
        first = next(
            each for each in venue.behind.updates(0)
            if each.fill is not None and each.fill.execution_id == update.revises
        )  # fmt: skip
        previous = f"x{first.sequence}" if venue.names_previous else ""
        fill = fill or first.fill
    if fill is not None:
        executed = Execution(f"x{update.sequence}", fill.price, fill.qty, Decimal(0), previous)
    data = update_json(
        event=update.event, event_id=str(update.sequence), at_ns=update.at_ns,
        order=venue.row(update.broker_order), fill=executed,
    )  # fmt: skip
    return {"stream": "trade_updates", "data": data}


def _stream(venue: Venue, connection: ServerConnection) -> None:
    if venue.refuse is not None:
        venue.refuse(connection)
        return
    heard = json.loads(connection.recv(timeout=10))["data"]
    is_ours = (heard["key_id"], heard["secret_key"]) == tuple(KEYS)
    status = "authorized" if is_ours and venue.is_streaming else "unauthorized"
    connection.send(json.dumps({"stream": "authorization", "data": {"status": status}}).encode())
    if status != "authorized":
        return
    wish = json.loads(connection.recv(timeout=10))
    assert wish["action"] == "listen"
    venue.before_listening()
    seen = venue.behind.updates(0)
    last = seen[-1].sequence if seen else 0
    connection.send(json.dumps({"stream": "listening", "data": wish["data"]}).encode())
    venue.streams.append(connection)
    while venue.is_streaming:
        for update in venue.behind.updates(last):
            last = update.sequence
            if last not in venue.dropped:
                connection.send(json.dumps(_told(venue, update)).encode())
        try:
            connection.recv(timeout=0.01)
        except TimeoutError:
            continue
        except ConnectionClosed:
            return


@contextmanager
def alpaca_venue(behind: SimBrokerClient) -> Iterator[Venue]:
    """Serve requests and stream until the block ends."""
    venue = Venue(behind)
    handler = type("Bound", (Handler,), {"venue": venue})
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    with serve(lambda connection: _stream(venue, connection), LOOPBACK, 0) as streams:
        venue.port = server.server_address[1]
        venue.stream_port = streams.socket.getsockname()[1]
        threads = [
            threading.Thread(target=each, daemon=True)
            for each in (lambda: server.serve_forever(0.02), streams.serve_forever)
        ]
        for thread in threads:
            thread.start()
        try:
            yield venue
        finally:
            venue.is_streaming = False
            server.shutdown()
            server.server_close()
            streams.shutdown()
            for thread in threads:
                thread.join(5.0)
