"""What happens to orders, read from lists again and again: nobody tells it by himself.

Markets in which something of ours is open are looked at every few seconds, all others now and then,
for what somebody else may do there. An execution is named by its order and its own number, so it is
told once, also when it is read again after a restart. An order's last word waits until every
execution that it counts was told.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from smart_leverage.brokers.ccxt.reading import Execution
from smart_leverage.brokers.told import KEPT, Told
from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.orders import BrokerOrder, TradeUpdate
from smart_leverage.domain.seen import Latest

SOON_S, EVERY_S, ALL_EVERY_S = 0.25, 2.0, 60.0
"""Seconds between looks: after something was sent, while something is open, at all markets."""

ZERO = Decimal(0)


class Source(Protocol):
    """Who reads lists and orders; each raises `BrokerDown` where there is no legible answer."""

    def open_orders(self, market: str | None) -> list[BrokerOrder]:
        """Return open orders of one market, or of all that are watched."""
        ...

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time."""
        ...

    def order_of_id(self, order_id: str, market: str) -> BrokerOrder | None:
        """Look one order up by the exchange's id."""
        ...

    def executions(self, market: str, since_ns: int) -> list[Execution]:
        """Return executions in a market since a time."""
        ...

    def executions_of(self, order: BrokerOrder) -> list[Execution]:
        """Return every execution of one order."""
        ...

    def market_of(self, order: BrokerOrder) -> str:
        """Return the market of an order."""
        ...

    def watched(self) -> list[str]:
        """Return every market in which something may happen."""
        ...


class Watching:
    """Looks when it is asked and due; safe in threads."""

    def __init__(
        self,
        source: Source,
        now_ns: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember whom to ask; nothing is asked yet."""
        self._source, self._now_ns, self._clock = source, now_ns, clock
        self._told = Told()
        self._sums = Latest[str, Decimal](KEPT)
        self._costs = Latest[str, Decimal](KEPT)
        self._expected: dict[str, BrokerOrder] = {}
        self._lock = threading.Lock()
        self._news = threading.Lock()
        """Of what others say; nobody who sends an order waits for a list."""
        self._looked_s = self._looked_at_all_s = float("-inf")
        self._since_ns = 0
        self._is_begun = False
        self._wants = True
        self._woken: set[str] = set()
        self.foreign_fees = Latest[str, Execution](KEPT)
        """Executions that cost a coin which is neither bought nor paid with, by their name."""

    def expect(self, order: BrokerOrder) -> None:
        """Hear that something was sent or changed, so that there will be news of it soon."""
        with self._news:
            self._expected[order.broker_order_id] = order
            self._wants = True

    def wake(self, markets: Iterable[str] = ()) -> None:
        """Hear that an order is about to end, or that something has moved in some markets."""
        with self._news:
            self._wants = True
            self._woken |= set(markets)

    def updates(self, after: int) -> list[TradeUpdate]:
        """Return what is known above a sequence.

        Raises:
            BrokerDown: The lists have to be read, and are not answered.
        """
        with self._lock:
            if not self._is_begun:
                self._begin(after)
            now_s = self._clock()
            if now_s - self._looked_at_all_s >= ALL_EVERY_S:
                self._look_at_all()
                self._looked_s = self._looked_at_all_s = now_s
            elif now_s - self._looked_s >= (SOON_S if self._wants else EVERY_S):
                self._look()
                self._looked_s = now_s
            return self._told.since(after)

    def _begin(self, after: int) -> None:
        # A sequence is the time of an update where that has grown: so it says from when to read.
        self._since_ns = after if after > DAY_NS else self._now_ns() - DAY_NS
        self._told.last = max(self._told.last, after)
        self._is_begun = True

    # -- looking ----------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look where something of ours is open or was just sent, and where something moved."""
        with self._news:
            self._wants, woken = False, set(self._woken)
        found: dict[str, BrokerOrder] = {}
        markets = {self._market(order) for order in self._unended().values()}
        for market in sorted(markets | woken):
            found |= {each.broker_order_id: each for each in self._source.open_orders(market)}
        since_ns = self._since_ns - HOUR_NS
        executions = [
            each for market in sorted(woken) for each in self._source.executions(market, since_ns)
        ]
        self._take(found, executions)
        with self._news:
            self._woken -= woken

    def _look_at_all(self) -> None:
        begun_ns, since_ns = self._now_ns(), self._since_ns - HOUR_NS
        self._wants = False
        orders = self._source.open_orders(None)
        if self._looked_at_all_s == float("-inf"):  # what ended while nobody looked
            orders += self._source.orders(after_ns=since_ns)
        executions = [
            each
            for market in self._source.watched()
            for each in self._source.executions(market, since_ns)
        ]
        self._take({each.broker_order_id: each for each in orders}, executions)
        self._since_ns = begun_ns

    def _unended(self) -> dict[str, BrokerOrder]:
        told = dict(self._told.open)
        with self._news:
            return told | self._expected

    def _take(self, found: dict[str, BrokerOrder], executions: Iterable[Execution]) -> None:
        """Read what is missing, and tell what was not told yet.

        Whatever is not answered leaves everything as it was; the next look begins anew.
        """
        by_order: dict[str, dict[str, Execution]] = {}
        for each in executions:
            by_order.setdefault(each.order_id, {})[each.fill.execution_id] = each
        wanted = {name: self._market(one) for name, one in self._unended().items()}
        for name, those in by_order.items():
            if any(not self._told.has(each) for each in those):
                wanted.setdefault(name, next(iter(those.values())).market)
        for name in sorted(wanted.keys() - found.keys()):
            order = self._source.order_of_id(name, wanted[name])
            if order is not None:
                found[name] = order
        for name, order in list(found.items()):
            found[name] = self._complete(order, by_order.setdefault(name, {}))
        for order in sorted(found.values(), key=lambda each: each.updated_at_ns):
            if self._tell(order, by_order[order.broker_order_id]):
                with self._news:
                    self._expected.pop(order.broker_order_id, None)

    def _complete(self, order: BrokerOrder, those: dict[str, Execution]) -> BrokerOrder:
        """Read the executions of an order that counts more than were read, or itself again."""
        name = order.broker_order_id
        total = self._sums.get(name, ZERO)
        total += sum((each.fill.qty for each in self._untold(those)), ZERO)
        if total < order.filled_qty:
            for each in self._source.executions_of(order):
                those[each.fill.execution_id] = each
        elif total > order.filled_qty:
            return self._source.order_of_id(name, self._market(order)) or order
        return order

    def _untold(self, those: dict[str, Execution]) -> list[Execution]:
        new = [each for name, each in those.items() if not self._told.has(name)]
        return sorted(new, key=lambda each: (each.fill.at_ns, _rank(each.fill.execution_id)))

    def _market(self, order: BrokerOrder) -> str:
        return self._source.market_of(order)

    # -- telling ----------------------------------------------------------------------------------

    def _tell(self, order: BrokerOrder, those: dict[str, Execution]) -> bool:
        """Tell what was not told; return whether that is all there is to tell of it now."""
        name = order.broker_order_id
        for each in self._untold(those):
            fill = msgspec.structs.replace(each.fill, client_order_id=order.order.client_order_id)
            total = self._sums[name] = self._sums.get(name, ZERO) + fill.qty
            cost = self._costs[name] = self._costs.get(name, ZERO) + fill.qty * fill.price
            is_whole = total >= order.order.qty
            stand = msgspec.structs.replace(
                order,
                status="filled" if is_whole else "partially_filled",
                filled_qty=total,
                filled_avg_price=cost / total,
            )
            self._told.fill(stand, fill, "fill" if is_whole else "partial_fill", total)
            if each.others:
                self.foreign_fees[fill.execution_id] = each
        if self._sums.get(name, ZERO) < order.filled_qty:
            self.expect(order)  # the lists lag behind: its word waits for the executions
            return False
        if self._sums.get(name, ZERO) > order.filled_qty:
            self.expect(order)  # the order itself lags behind, and is read again
            return False
        event = "new" if order.is_open else order.status
        self._told.change(event, order, order.updated_at_ns or order.submitted_at_ns)
        return True


def _rank(execution_id: str) -> tuple[int, str]:
    """Return the order of executions within one instant: their numbers grow, where they are."""
    number = execution_id.rpartition("/")[2]
    return (int(number) if number.isdecimal() and len(number) < 30 else 0, number)
