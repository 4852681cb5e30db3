"""The broker as every broker can be asked, over its own interface."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from smart_leverage.brokers.alpaca import reading
from smart_leverage.brokers.alpaca.hearing import Hearing
from smart_leverage.brokers.alpaca.hosts import Hosts
from smart_leverage.brokers.alpaca.line import Answer, Keys, Line, Lost
from smart_leverage.brokers.alpaca.writing import change_body, order_body
from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.budget import Budget, Lane
from smart_leverage.brokers.numbering import Numbering
from smart_leverage.brokers.told import KEPT
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData, BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    Order,
    OrderClass,
    PositionSnapshot,
    Side,
    TradeUpdate,
)
from smart_leverage.domain.seen import Latest
from smart_leverage.wire.encoding import when

T = TypeVar("T")

CAPABILITIES = Capabilities(
    has_coin_stops=False,
    has_fractional_stops=False,
    rejects_repeated_ids=True,
    fee_from_received=True,
    tells_fees=False,
    lists_lag=True,
)
ORDERS = "/v2/orders"
CONFIGURATION = "/v2/account/configurations"
BY_NAME = "/v2/orders:by_client_order_id"
PAGE = 500
ROWS = 100
PAGES_MAX = 200
"""A list that goes on beyond that many pages is none: the broker repeats itself."""

LATE_NS = 40 * DAY_NS
"""A row that the broker lists later than that after its date is found at the next start."""

ENDED = frozenset({404, 422})
"""With these the broker says that an order cannot be cancelled any more, or is not there."""


class AlpacaBroker:
    """Speaks to the broker; safe in threads. See `Broker` for what each call answers or raises."""

    def __init__(
        self,
        hosts: Hosts,
        keys: Keys,
        known: Mapping[Key, Instrument],
        folder: Path,
        budget: Budget | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Remember where it is; nothing is sent yet.

        Args:
            hosts: Where the broker is.
            keys: Of the account.
            known: The registry; what is not in it cannot be held or ordered here.
            folder: Of the account, where the numbers of its activities are kept.
            budget: Of requests; the broker's own limit when None.
            now_ns: What the clock shows, UTC.
        """
        self._now_ns = now_ns
        self._line = Line(hosts, keys, budget)
        self._known = known
        self._own = Latest[str, Order](KEPT)
        self._ids = Latest[str, str](KEPT)
        self._lock = threading.Lock()
        self._newest_ns = 0
        self._numbers = Numbering(folder / "broker-activities")
        self._hearing = Hearing(hosts.stream, keys, self, now_ns)

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""
        return CAPABILITIES

    # -- orders -----------------------------------------------------------------------------------

    def submit(self, approved: Approved) -> BrokerOrder:
        """Send one order, once."""
        order = approved.order
        with self._lock:
            self._own[order.client_order_id] = order
        lane = Lane.RISE if order.side is Side.BUY else Lane.FALL
        return self._changed("POST", ORDERS, order_body(order), order.client_order_id, lane)

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
        """Put a changed order in the place of an open one, once."""
        name = new_client_order_id or client_order_id
        before = self._own.get(client_order_id)
        if before is not None:
            with self._lock:
                self._own.setdefault(name, before)
        body = change_body(qty, limit_price, stop_price, trail, new_client_order_id)
        path = f"{ORDERS}/{self._id_of(client_order_id)}"
        lane = Lane.FALL if before is None or before.side is Side.SELL else Lane.RISE
        return self._changed("PATCH", path, body, name if new_client_order_id else "", lane)

    def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel; harmless to repeat."""
        began = time.monotonic()
        try:
            self._line.send("DELETE", f"{ORDERS}/{self._id_of(client_order_id)}", None, Lane.FALL)
        except Refused as error:
            if error.broker_code // 100_000 in ENDED:
                raise
            # Too many requests, wrong keys: the order stands as it stood, and has no last word.
            raise OutcomeUnknown(client_order_id, time.monotonic() - began) from error
        except (Lost, NotSent) as error:
            raise OutcomeUnknown(client_order_id, time.monotonic() - began) from error

    def _changed(
        self, method: str, path: str, body: Mapping[str, Any], name: str, lane: Lane
    ) -> BrokerOrder:
        """Send an order or a change; an answer about another order proves nothing about ours."""
        began = time.monotonic()
        try:
            order = self._read(self._line.send(method, path, body, lane).content)
        except (Lost, BadData, TypeError, AttributeError) as error:
            raise OutcomeUnknown(name, time.monotonic() - began) from error
        if name and order.order.client_order_id != name:
            raise OutcomeUnknown(name, time.monotonic() - began)
        return order

    def _id_of(self, client_order_id: str) -> str:
        """Return the broker's own id of an order.

        Raises:
            Refused: The broker does not list it.
            NotSent: It does not say; what was to be asked of it has not left.
        """
        found = self._ids.get(client_order_id)
        if found is None:
            try:
                order = self.order(client_order_id)
            except BrokerDown as error:
                raise NotSent(f"{client_order_id} could not be looked up: {error}") from error
            if order is None:
                raise Refused(40410000, f"order not found for {client_order_id}")
            found = order.broker_order_id
        return found

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up; None where the broker does not list it."""
        answer = self._line.ask(BY_NAME, {"client_order_id": client_order_id}, Lane.FALL)
        if answer.status != 200:
            return None
        order = self._legible(answer)
        if order.order.client_order_id != client_order_id:
            raise BrokerDown("the broker answered about another order")
        if order.order.order_class is OrderClass.SIMPLE:
            return order
        return self.order_of_id(order.broker_order_id)  # which alone tells of its exits

    def order_of_id(self, broker_order_id: str) -> BrokerOrder | None:
        """Look one order up by the broker's own id; None where it does not list it."""
        answer = self._line.ask(f"{ORDERS}/{broker_order_id}", {"nested": "true"}, Lane.FALL)
        return self._legible(answer) if answer.status == 200 else None

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time, oldest first; all of them, page by page."""
        found: dict[str, BrokerOrder] = {}
        since_ns = after_ns
        for _ in range(PAGES_MAX):
            params = {
                "status": {None: "all", True: "open", False: "closed"}[is_open],
                "limit": str(PAGE),
                "direction": "asc",
            }
            if since_ns:
                params["after"] = when(since_ns) or ""
            rows = self._rows(self._line.ask(ORDERS, params))
            page = [self._legible_row(row) for row in rows]
            is_more = any(each.broker_order_id not in found for each in page)
            found |= {each.broker_order_id: each for each in page}
            if len(rows) < PAGE:
                return sorted(found.values(), key=lambda each: each.submitted_at_ns)
            if not is_more:
                break
            # Orders of one instant may lie on both sides of a page's end: a step back finds them.
            since_ns = page[-1].submitted_at_ns - 1
        raise BrokerDown("the broker's list of orders has no end")

    # -- the account ------------------------------------------------------------------------------

    def account(self) -> AccountSnapshot:
        """Return the account as the broker states it now."""
        return _about(
            "account", lambda: reading.account(self._object("/v2/account"), self._now_ns())
        )

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return every holding."""
        rows = self._rows(self._line.ask("/v2/positions", {}))
        return _about("a position", lambda: [reading.position(row, self._known) for row in rows])

    def clock_ns(self) -> int | None:
        """Return what the broker's own clock shows, UTC."""
        row = self._object("/v2/clock")
        return _about("the clock", lambda: reading.instant(row, "timestamp"))

    def activities(self, after: int = 0) -> Sequence[Activity]:
        """Return what moved beside orders and fills, above a number, oldest first.

        The broker has no numbers, and lists some things days after their date: each row gets a
        number when it is first seen, and keeps it in a file. Whoever has everything that was seen
        is told what is new from `LATE_NS` before the newest on, and years are not read each time.
        """
        since_ns = self._newest_ns - LATE_NS if 0 < self._numbers.last <= after else 0
        rows = self.activity_rows("non_trade_activity", max(0, since_ns))
        numbers = self._numbers.of([str(row.get("id")) for row in rows])
        now_ns = self._now_ns()
        found = _about(
            "an activity",
            lambda: [
                reading.activity(row, number, self._known)
                for row, number in zip(rows, numbers, strict=True)
                if number > after
            ],
        )
        dates = _about("an activity", lambda: [reading.dated(row) for row in rows])
        self._newest_ns = max(self._newest_ns, *(at_ns for at_ns in dates if at_ns <= now_ns), 0)
        return sorted(found, key=lambda each: each.number)

    def activity_rows(self, category: str, after_ns: int = 0) -> list[Mapping[str, Any]]:
        """Return rows of activities since a time, oldest first, page by page."""
        rows: list[Mapping[str, Any]] = []
        params = {"category": category, "direction": "asc", "page_size": str(ROWS)}
        if after_ns:
            params["after"] = when(after_ns) or ""
        for _ in range(PAGES_MAX):
            page = self._rows(self._line.ask("/v2/account/activities", params))
            rows += page
            if len(page) < ROWS:
                return rows
            params["page_token"] = str(page[-1].get("id"))
        raise BrokerDown("the broker's list of activities has no end")

    def name_of(self, symbol: str) -> str:
        """Return what the broker calls a share or fund; empty for one that it does not list.

        Raises:
            BrokerDown: No answer, or none that can be read.
        """
        answer = self._line.ask(f"/v2/assets/{quote(symbol, safe='')}", {})
        row = answer.content if answer.status == 200 else {}
        name = row.get("name") if isinstance(row, dict) else None
        return name[:120] if isinstance(name, str) else ""

    # -- what has happened ------------------------------------------------------------------------

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        """Return what has happened to orders with a sequence above `after`, in order."""
        return self._hearing.updates(after)

    # -- the second wall --------------------------------------------------------------------------

    def suspend(self, *, is_suspended: bool) -> None:
        """Have the broker itself refuse every new order, or take them again.

        Raises:
            Refused: It does not.
            OutcomeUnknown: No answer; harmless to repeat.
        """
        self._configure({"suspend_trade": is_suspended})

    def limit_margin(self, multiplier: int) -> bool:
        """Have the broker itself lend no more than a multiple of equity, 1 for nothing at all.

        Returns:
            Whether that is new.

        Raises:
            BrokerDown: The broker does not say how it stands.
            Refused: It does not take the limit.
            OutcomeUnknown: No answer; harmless to repeat.
        """
        name = "max_margin_multiplier"
        if str(self._object(CONFIGURATION).get(name)) == str(multiplier):
            return False
        self._configure({name: str(multiplier)})
        return True

    def _configure(self, change: Mapping[str, Any]) -> None:
        began = time.monotonic()
        try:
            self._line.send("PATCH", CONFIGURATION, change, Lane.FALL)
        except Lost as error:
            raise OutcomeUnknown(next(iter(change)), time.monotonic() - began) from error

    @property
    def refused(self) -> str:
        """See `MayRefuseStream.refused`."""
        return self._hearing.refused

    def threads(self) -> Sequence[threading.Thread]:
        """Return the thread that hears the stream, as long as it is needed."""
        return self._hearing.threads()

    def close(self) -> None:
        """Let go of stream and connections."""
        self._hearing.close()
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- reading ----------------------------------------------------------------------------------

    def _read(self, row: Any) -> BrokerOrder:
        order = reading.broker_order(row, self._known, self._own)
        with self._lock:
            for each in (order, *order.legs):
                self._ids[each.order.client_order_id] = each.broker_order_id
        return order

    def legible(self, row: Any) -> BrokerOrder:
        """Return an order of the stream or of a list.

        Raises:
            BrokerDown: It cannot be read.
        """
        return self._legible_row(row)

    def _legible_row(self, row: Any) -> BrokerOrder:
        return _about("an order", lambda: self._read(row))

    def _legible(self, answer: Answer) -> BrokerOrder:
        return self._legible_row(answer.content)

    def _object(self, path: str) -> Mapping[str, Any]:
        content = self._line.ask(path, {}).content
        if not isinstance(content, dict):
            raise BrokerDown(f"the answer to {path} cannot be read")
        return content

    def _rows(self, answer: Answer) -> list[Mapping[str, Any]]:
        rows = answer.content
        if answer.status != 200 or not isinstance(rows, list):
            raise BrokerDown("a list of the broker cannot be read")
        if not all(isinstance(row, dict) for row in rows):
            raise BrokerDown("a list of the broker has something else in it")
        return rows


def _about(what: str, read: Callable[[], T]) -> T:
    """Return what was read; what cannot be read is no answer."""
    try:
        return read()
    except (BadData, TypeError, AttributeError) as error:
        raise BrokerDown(f"{what} of the broker cannot be read: {error}") from error
