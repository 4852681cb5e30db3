"""A broker whose answers are timed; it says what the broker says."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from smart_leverage.brokers.base import Broker, Capabilities, TakesMany
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.errors import BrokerError, Refused
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    PositionSnapshot,
    TradeUpdate,
)
from smart_leverage.runtime.meter import Meter

T = TypeVar("T")


class TimedBroker:
    """Asks a broker and tells a meter how long it took; for any thread.

    A refusal is an answer; silence, and what never left, are none.
    """

    def __init__(self, broker: Broker, meter: Meter) -> None:
        """Stand in front of a broker."""
        self._broker = broker
        self._meter = meter
        # Asked once: such a question takes longer than the rest of an order's way through here.
        self._taker = broker if isinstance(broker, TakesMany) else None

    @property
    def capabilities(self) -> Capabilities:
        """See `Broker.capabilities`."""
        return self._broker.capabilities

    def submit(self, approved: Approved) -> BrokerOrder:
        """See `Broker.submit`."""
        return self._timed("submit", lambda: self._broker.submit(approved))

    @property
    def many(self) -> int:
        """See `TakesMany.many`."""
        return 1 if self._taker is None else self._taker.many

    def submit_all(self, approved: Sequence[Approved]) -> Sequence[BrokerOrder | BrokerError]:
        """See `TakesMany.submit_all`; each order took as long as the message with all of them."""
        assert self._taker is not None  # noqa: S101 - `many` says so
        began_s = time.monotonic()
        answers = self._taker.submit_all(approved)
        for each in answers:
            is_answered = isinstance(each, BrokerOrder | Refused)
            self._meter.asked("submit", began_s, is_answered=is_answered)
        return answers

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
        """See `Broker.replace`."""
        return self._timed(
            "replace",
            lambda: self._broker.replace(
                client_order_id,
                qty=qty,
                limit_price=limit_price,
                stop_price=stop_price,
                trail=trail,
                new_client_order_id=new_client_order_id,
            ),
        )

    def cancel(self, client_order_id: str) -> None:
        """See `Broker.cancel`."""
        self._timed("cancel", lambda: self._broker.cancel(client_order_id))

    def account(self) -> AccountSnapshot:
        """See `Broker.account`."""
        return self._timed("account", self._broker.account)

    def positions(self) -> Sequence[PositionSnapshot]:
        """See `Broker.positions`."""
        return self._timed("positions", self._broker.positions)

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """See `Broker.orders`."""
        return self._timed(
            "orders", lambda: self._broker.orders(is_open=is_open, after_ns=after_ns)
        )

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """See `Broker.order`."""
        return self._timed("order", lambda: self._broker.order(client_order_id))

    def clock_ns(self) -> int | None:
        """See `Broker.clock_ns`."""
        return self._timed("clock", self._broker.clock_ns)

    def activities(self, after: int = 0) -> Sequence[Activity]:
        """See `Broker.activities`."""
        return self._timed("activities", lambda: self._broker.activities(after))

    def updates(self, after: int) -> Sequence[TradeUpdate]:
        """See `Broker.updates`."""
        return self._timed("updates", lambda: self._broker.updates(after))

    def _timed(self, call: str, ask: Callable[[], T]) -> T:
        began_s, is_answered = time.monotonic(), False
        try:
            answer = ask()
            is_answered = True
            return answer
        except Refused:
            is_answered = True
            raise
        finally:
            self._meter.asked(call, began_s, is_answered=is_answered)
