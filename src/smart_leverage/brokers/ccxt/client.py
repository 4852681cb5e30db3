"""Any exchange as every broker can be asked, through ccxt."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.budget import Budget, Lane
from smart_leverage.brokers.ccxt import reading
from smart_leverage.brokers.ccxt.abilities import capabilities_of
from smart_leverage.brokers.ccxt.flows import Flows
from smart_leverage.brokers.ccxt.line import (
    INADMISSIBLE,
    NOT_FOUND,
    Line,
    Lost,
    Missing,
)
from smart_leverage.brokers.ccxt.lists import Lists, each_of
from smart_leverage.brokers.ccxt.names import Names
from smart_leverage.brokers.ccxt.options import ExchangeOptions, Keys
from smart_leverage.brokers.ccxt.pairs import Pairs
from smart_leverage.brokers.ccxt.reading import Balance, Execution, Row
from smart_leverage.brokers.ccxt.watching import Watching
from smart_leverage.brokers.ccxt.writing import Terms, terms_of, with_steps
from smart_leverage.brokers.told import KEPT
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.classify import strictest
from smart_leverage.domain.errors import BadData, BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    Order,
    PositionSnapshot,
    Side,
    TradeUpdate,
)
from smart_leverage.domain.seen import Latest

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

MS_NS = 1_000_000
ENDS_WITHIN = 8
"""So often an order that was cancelled for a change is looked up until it has its last word."""

ENDS_EVERY_S = 0.25
ZERO = Decimal(0)


class CcxtBroker:
    """Speaks to an exchange; safe in threads. See `Broker` for what each call answers or raises."""

    def __init__(
        self,
        options: ExchangeOptions,
        keys: Keys,
        known: Mapping[Key, Instrument],
        folder: Path,
        budget: Budget | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Remember where it is; nothing is sent yet.

        Args:
            options: Which exchange, and what is looked at there.
            keys: Of the account.
            known: The registry.
            folder: Of the account, where it is kept in which market each order is.
            budget: Of requests; what ccxt says of the exchange when None.
            now_ns: What the clock shows, UTC.

        Raises:
            ConfigError: ccxt is not installed, or the exchange lacks something that safety needs.
        """
        self._options, self._keys, self._now_ns = options, keys, now_ns
        self._line = Line(options, keys, budget)
        self._capabilities = capabilities_of(self._line.exchange, self._line.ability)
        self._pairs = Pairs(options.quote, known)
        self._own = Latest[str, Order](KEPT)
        self._before = Latest[str, str](KEPT)
        self._after = Latest[str, str](KEPT)
        self._lock = threading.Lock()
        self._names = Names(folder / "broker-markets")
        self._held: frozenset[str] = frozenset()
        self._totals: dict[str, Decimal] | None = None
        self._lists = Lists(self._line, lambda: now_ns() // MS_NS)
        self._watching = Watching(self, now_ns)
        self._flows = Flows(self._lists, self._pairs, folder / "broker-activities", now_ns)

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""
        return self._capabilities

    # -- orders -----------------------------------------------------------------------------------

    def submit(self, approved: Approved) -> BrokerOrder:
        """Send one order, once."""
        return self._sent(approved.order, self._terms(approved.order))

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
        """Cancel an open order and send the changed one for what is left, each once.

        No exchange is trusted to do both in one step and to take off what was filled on the way.
        So between the two nothing rests there; the second leaves when the first has its last word.
        """
        old = self._open_order(client_order_id)
        changed = _changed(old.order, limit_price, stop_price, trail)
        whole = old.order.qty if qty is None else qty
        name = new_client_order_id or _name_after(client_order_id)
        self._terms(_rest(changed, whole, old, name))  # refused before anything is cancelled
        self.cancel(client_order_id)
        ended = self._ended(old, name)
        order = _rest(changed, whole, ended, name)
        sent = self._sent(order, self._terms(order))
        with self._lock:
            self._before[sent.broker_order_id] = old.broker_order_id
            self._after[old.broker_order_id] = sent.broker_order_id
        return self._chained(sent)

    def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel; harmless to repeat."""
        began = time.monotonic()
        try:
            market = self._market_of_name(client_order_id)
            self._line.send(
                lambda client: client.cancel_order("", market, {"clientOrderId": client_order_id}),
                Lane.FALL,
            )
        except (Lost, NotSent, BrokerDown) as error:
            raise OutcomeUnknown(client_order_id, time.monotonic() - began) from error
        except Refused as error:
            if error.broker_code != NOT_FOUND:
                # Too many requests, wrong keys: the order stands as it stood, and has no last word.
                raise OutcomeUnknown(client_order_id, time.monotonic() - began) from error
            raise self._why_not_cancelled(client_order_id, time.monotonic() - began) from error
        self._watching.wake()

    def _why_not_cancelled(self, client_order_id: str, waited_s: float) -> Exception:
        """Return what it means that the exchange has no such open order."""
        try:
            order = self.order(client_order_id)
        except BrokerDown:
            return OutcomeUnknown(client_order_id, waited_s)
        if order is None:
            return Refused(NOT_FOUND, f"order not found for {client_order_id}")
        self._watching.expect(order)
        if order.is_open:
            return OutcomeUnknown(client_order_id, waited_s)
        return Refused(INADMISSIBLE, f'order is already in "{order.status}" state')

    def _terms(self, order: Order) -> Terms:
        """Return an order as it leaves.

        Raises:
            Refused: It cannot leave like that.
            NotSent: The exchange does not say its steps.
        """
        lane = Lane.RISE if order.side is Side.BUY else Lane.FALL
        try:
            market = self._pairs.market(order.key, self._line.load_markets(lane))
        except BrokerDown as error:
            raise NotSent(f"the exchange's markets cannot be read: {error}") from error
        mode = int(self._line.exchange.precisionMode)
        return terms_of(order, market, mode, has_stops=self._line.ability.has_stops)

    def _sent(self, order: Order, terms: Terms) -> BrokerOrder:
        name = order.client_order_id
        with self._lock:
            self._own[name] = order
        self._names.keep(name, terms.symbol)
        lane = Lane.RISE if order.side is Side.BUY else Lane.FALL
        began = time.monotonic()
        sent = msgspec.structs.replace(order, qty=Decimal(terms.amount))
        try:
            row = self._line.send(lambda client: client.create_order(*terms), lane)
            answer = reading.answered(row, sent, self._pairs, self._own)
        except (Lost, BadData, TypeError, AttributeError, KeyError) as error:
            raise OutcomeUnknown(name, time.monotonic() - began) from error
        self._watching.expect(answer)
        return answer

    # -- changes ----------------------------------------------------------------------------------

    def _open_order(self, client_order_id: str) -> BrokerOrder:
        """Return an order that is to be changed.

        Raises:
            Refused: It is not there, or has ended.
            NotSent: The exchange does not say.
        """
        try:
            old = self.order(client_order_id)
        except BrokerDown as error:
            raise NotSent(f"{client_order_id} could not be looked up: {error}") from error
        if old is None:
            raise Refused(NOT_FOUND, f"order not found for {client_order_id}")
        if not old.is_open:
            raise Refused(INADMISSIBLE, f'order is already in "{old.status}" state')
        return old

    def _ended(self, old: BrokerOrder, name: str) -> BrokerOrder:
        """Return the last word of an order that was cancelled for a change.

        Raises:
            OutcomeUnknown: It does not come; what was to follow has not left.
        """
        began = time.monotonic()
        for attempt in range(ENDS_WITHIN):
            if attempt:
                time.sleep(ENDS_EVERY_S)
            try:
                order = self.order(old.order.client_order_id)
            except BrokerDown:
                continue
            if order is not None and not order.is_open:
                return order
        raise OutcomeUnknown(name, time.monotonic() - began)

    # -- looking orders up ------------------------------------------------------------------------

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up; None where the exchange does not list it."""
        market = self._names.market(client_order_id)
        for each in self.watched() if market is None else [market]:
            found = self._looked_up(each, "", {"clientOrderId": client_order_id})
            if found is None:
                continue
            if found.order.client_order_id != client_order_id:
                raise BrokerDown("the exchange answered about another order")
            self._names.keep(client_order_id, each)
            return found
        return None

    def order_of_id(self, order_id: str, market: str) -> BrokerOrder | None:
        """Look one order up by the exchange's own id; None where it does not list it."""
        found = self._looked_up(market, order_id, {}, Lane.READ)
        if found is not None and found.broker_order_id != order_id:
            raise BrokerDown("the exchange answered about another order")
        return found

    def _looked_up(
        self, market: str, order_id: str, params: dict[str, str], lane: Lane = Lane.FALL
    ) -> BrokerOrder | None:
        try:
            row = self._line.ask(lambda client: client.fetch_order(order_id, market, params), lane)
        except Missing:
            return None
        return self._legible(row)

    def _market_of_name(self, client_order_id: str) -> str:
        """Return the market of an order.

        Raises:
            Refused: The exchange lists it in none.
            BrokerDown: It does not answer.
        """
        market = self._names.market(client_order_id)
        if market is None and self.order(client_order_id) is not None:
            market = self._names.market(client_order_id)
        if market is None:
            raise Refused(NOT_FOUND, f"order not found for {client_order_id}")
        return market

    def open_orders(self, market: str | None) -> list[BrokerOrder]:
        """Return open orders of one market, or of all."""
        if market is not None or self._lists.lists_all_markets:
            return self._legible_all(self._lists.open_orders(market))
        return [each for name in self.watched() for each in self.open_orders(name)]

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time, oldest first; all of them, market by market.

        The exchange's clock shows milliseconds: where `after_ns` lies within one, orders of that
        one are returned as well.
        """
        first_ns = after_ns - after_ns % MS_NS + (after_ns % MS_NS == 0)
        found = {each.broker_order_id: each for each in self.open_orders(None)}
        if is_open is not True:
            since_ms = max(after_ns, self._now_ns() - Flows.FIRST_NS) // MS_NS
            for market in self.watched():
                rows = self._lists.ended_orders(market, since_ms)
                found |= {each.broker_order_id: each for each in self._legible_all(rows)}
        kept = [
            each
            for each in found.values()
            if each.submitted_at_ns >= first_ns and is_open in (None, each.is_open)
        ]
        return sorted(kept, key=lambda each: (each.submitted_at_ns, each.broker_order_id))

    def executions(self, market: str, since_ns: int) -> list[Execution]:
        """Return executions in a market since a time."""
        rows = self._lists.executions(market, since_ns // MS_NS)
        return each_of("an execution", rows, lambda row: reading.execution(row, self._pairs))

    def executions_of(self, order: BrokerOrder) -> list[Execution]:
        """Return every execution of one order."""
        since_ms = order.submitted_at_ns // MS_NS
        market = self.market_of(order)
        rows = self._lists.executions_of(order.broker_order_id, market, since_ms)
        found = each_of("an execution", rows, lambda row: reading.execution(row, self._pairs))
        return [each for each in found if each.order_id == order.broker_order_id]

    def market_of(self, order: BrokerOrder) -> str:
        """Return the market of an order."""
        name = self._names.market(order.order.client_order_id)
        return name or self._pairs.market_name(order.order.key)

    def watched(self) -> list[str]:
        """Return every market in which something may happen, as far as anybody can tell."""
        return sorted({*self._options.pairs, *self._names.markets, *self._held})

    # -- the account ------------------------------------------------------------------------------

    def account(self) -> AccountSnapshot:
        """Return the account as the exchange states it now, and as its last prices value it."""
        said, held = self._balances()
        prices = self._prices(held)
        missing = [each for each in held if each.code not in prices and self._has_market(each)]
        if missing:  # an equity without them would be one that nobody lost
            raise BrokerDown(f"the exchange says no price of {missing[0].code}")
        account_id = reading.account_name(self._options.exchange, said, self._keys.key_id)
        return _about(
            "the account",
            lambda: reading.account(
                said, held, prices, pairs=self._pairs, account_id=account_id,
                at_ns=self._now_ns(),
            ),
        )  # fmt: skip

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return every coin that is held, also one that nothing is known of."""
        _, held = self._balances()
        prices = self._prices(held)
        coins = [each for each in held if each.code != self._pairs.quote]
        return _about(
            "a holding",
            lambda: [
                reading.position(each, prices.get(each.code, ZERO), self._pairs) for each in coins
            ],
        )

    def clock_ns(self) -> int | None:
        """Return what the exchange's own clock shows, UTC; None where it shows none."""
        if self._line.exchange.has.get("fetchTime") is not True:
            return None
        said = self._line.ask(lambda client: client.fetch_time())
        return _about("the clock", lambda: reading.needed_instant({"time": said}, "time"))

    def activities(self, after: int = 0) -> Sequence[Activity]:
        """Return what moved beside orders and fills, above a number, oldest first."""
        return self._flows.activities(after, list(self._watching.foreign_fees.values()))

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        """Return what has happened to orders with a sequence above `after`, in order."""
        return self._watching.updates(after)

    def instrument(self, key: Key, price: Decimal) -> Instrument | None:
        """Return an instrument with the exchange's own steps; None for one that it does not trade.

        What the registry does not know is read in the strictest way. An account here is to be
        opened on these: the registry's steps are another venue's.

        Args:
            key: Of a coin.
            price: A recent price, positive; only for what the registry does not know.

        Raises:
            BrokerDown: The exchange does not say its steps.
        """
        try:
            market = self._pairs.market(key, self._line.load_markets())
        except Refused:
            return None
        found = self._pairs.known.get(key) or strictest(key, price)
        mode = int(self._line.exchange.precisionMode)
        return None if found is None else with_steps(found, market, mode)

    def close(self) -> None:
        """Let go of all connections."""
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

    def _balances(self) -> tuple[Row, list[Balance]]:
        said = self._line.ask(lambda client: client.fetch_balance())
        held = _about("the balance", lambda: reading.balances(said))
        markets = self._line.exchange.markets
        names = (f"{each.code}/{self._pairs.quote}" for each in held)
        self._held = frozenset(
            name for name in names if name in markets and markets[name].get("active") is not False
        )
        self._heed_changes(held)
        return said, held

    def _heed_changes(self, held: Sequence[Balance]) -> None:
        """Have it looked for what moved a holding: it may be somebody else in a quiet market."""
        totals = {each.code: each.total for each in held}
        with self._lock:
            before, self._totals = self._totals, totals
        if before is not None:
            codes = before.keys() | totals.keys()
            moved = (code for code in codes if before.get(code) != totals.get(code))
            names = {f"{code}/{self._pairs.quote}" for code in moved}
            if found := names & self._line.exchange.markets.keys():
                self._watching.wake(found)

    def _has_market(self, balance: Balance) -> bool:
        return f"{balance.code}/{self._pairs.quote}" in self._held

    def _prices(self, held: Sequence[Balance]) -> dict[str, Decimal]:
        """Return what coins are worth, as far as the exchange says; one without a market is not."""
        names = {f"{each.code}/{self._pairs.quote}": each.code for each in held}
        names = {name: code for name, code in names.items() if name in self._held}
        if not names:
            return {}
        wanted = sorted(names)
        is_cheap = self._line.exchange.has.get("fetchLastPrices") is True
        said = self._line.ask(
            lambda client: (
                client.fetch_last_prices(wanted) if is_cheap else client.fetch_tickers(wanted)
            )
        )
        prices = _about(
            "a price",
            lambda: {code: reading.price_of(said.get(name) or {}) for name, code in names.items()},
        )
        return {code: price for code, price in prices.items() if price is not None}

    def _legible_all(self, rows: Sequence[Row]) -> list[BrokerOrder]:
        return [self._legible(row) for row in rows]

    def _legible(self, row: Any) -> BrokerOrder:
        order: BrokerOrder = _about(
            "an order", lambda: reading.broker_order(row, self._pairs, self._own)
        )
        name, market = order.order.client_order_id, str(row.get("symbol"))
        if self._names.market(name) is None and name.isprintable() and " " not in name:
            self._names.keep(name, market)
        return self._chained(order)

    def _chained(self, order: BrokerOrder) -> BrokerOrder:
        """Return an order with what it replaces and what replaced it, which only we know."""
        before = self._before.get(order.broker_order_id)
        after = self._after.get(order.broker_order_id)
        if before is None and after is None:
            return order
        return msgspec.structs.replace(order, replaces=before, replaced_by=after)


def _changed(
    order: Order, limit: Decimal | None, stop: Decimal | None, trail: Decimal | None
) -> Order:
    """Return an order with other prices.

    Raises:
        Refused: It has no such price.
    """
    if trail is not None:
        raise Refused(INADMISSIBLE, "this order must not have trail")
    for word, value in (("limit_price", limit), ("stop_price", stop)):
        if value is not None and getattr(order, word) is None:
            raise Refused(INADMISSIBLE, f"{order.type} orders must not have {word}")
    return msgspec.structs.replace(
        order,
        limit_price=order.limit_price if limit is None else limit,
        stop_price=order.stop_price if stop is None else stop,
    )


def _rest(order: Order, whole: Decimal, old: BrokerOrder, name: str) -> Order:
    """Return what is left to trade of an order whose whole quantity is told.

    Raises:
        Refused: Nothing is left.
    """
    if not (whole.is_finite() and whole > 0):
        raise Refused(INADMISSIBLE, "qty must be > 0")
    rest = whole - old.filled_qty
    if rest <= 0:
        raise Refused(INADMISSIBLE, f"qty must be > what is filled already, {old.filled_qty}")
    return msgspec.structs.replace(order, qty=rest, client_order_id=name)


def _name_after(client_order_id: str) -> str:
    """Return a name for an order that nobody named: the same change has the same one."""
    return f"r-{sha256(client_order_id.encode()).hexdigest()[:30]}"


def _about(what: str, read: Callable[[], T]) -> T:
    """Return what was read; what cannot be read is no answer."""
    try:
        return read()
    except (BadData, TypeError, AttributeError, KeyError) as error:
        raise BrokerDown(f"{what} of the exchange cannot be read: {error}") from error
