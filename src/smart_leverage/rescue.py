"""Everything is sold at the real broker, without engine, ledger and server: for the day of need.

It knows the broker's adapter and nothing else of this program. What is held is asked anew in every
round, and no more is ever sold than is free at the broker just then; a sale of unknown outcome is
looked up by its own id before anything of the same instrument is sold again. So it may be started
twice, interrupted, and started while another program trades the account.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.orders import (
    HOUSE,
    Approved,
    BrokerOrder,
    Order,
    PositionSnapshot,
    Role,
    Side,
    TimeInForce,
)

LOOK_EVERY_S = 1.0
LASTS_S = 600.0
ABSENT_AFTER_S = 30.0
"""So long after its request a sale that the broker does not list counts as never arrived."""

ZERO = Decimal(0)


class Place(Protocol):
    """What is needed of a broker; see `Broker`."""

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders."""
        ...

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return every holding."""
        ...

    def submit(self, approved: Approved) -> BrokerOrder:
        """Send one order, once."""
        ...

    def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel."""
        ...

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Look one order up."""
        ...

    def suspend(self, *, is_suspended: bool) -> None:
        """Have the broker itself refuse every new order."""
        ...


class Line(Struct, frozen=True):
    """One thing that was done or found: when (UTC nanoseconds), what, and of which order."""

    at_ns: int
    what: str
    client_order_id: str = ""
    symbol: str = ""
    qty: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """How it ended; `left` is what is still held, by symbol, with why it was not sold."""

    is_flat: bool
    is_suspended: bool
    left: dict[str, str]
    lines: tuple[Line, ...]


class Rescue:
    """Cancels, sells and locks; each round begins with what the broker says now."""

    def __init__(
        self,
        broker: Place,
        tell: Callable[[Line], None] = lambda line: None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Join the parts; nothing is sent yet.

        Args:
            broker: Where everything is sold.
            tell: Hears each thing as it is done.
            now_ns: What the clock shows, UTC; ids of sales begin with it.
            pause: Waits, seconds.
        """
        self._broker, self._tell, self._now_ns, self._pause = broker, tell, now_ns, pause
        self._lines: list[Line] = []
        self._session = now_ns() // SECOND_NS
        self._count = 0
        self._unknown: dict[Key, tuple[str, int]] = {}
        self._why: dict[Key, str] = {}

    def run(self, lasts_s: float = LASTS_S, *, suspends: bool = True) -> Outcome:
        """Go round until nothing is held or the time is over; then lock the account.

        What waits for its market to open is left to the broker: its order stands there.
        """
        until_ns = self._now_ns() + int(lasts_s * SECOND_NS)
        while True:
            try:
                held = self._round()
                is_done = not self._is_worth_waiting(held)
            except BrokerDown as error:
                held, is_done = None, False
                self._say(f"the broker does not answer: {error}")
            if is_done or self._now_ns() >= until_ns:
                break
            self._pause(LOOK_EVERY_S)
        is_suspended = suspends and self._suspended()
        left = {_symbol(each.key): self._reason(each) for each in held or ()}
        if held is None:
            left = {"?": "the broker does not answer; what is held is not known"}
        return Outcome(
            is_flat=not left, is_suspended=is_suspended, left=left, lines=tuple(self._lines)
        )

    # -- a round ----------------------------------------------------------------------------------

    def _round(self) -> list[PositionSnapshot]:
        """Cancel what is not ours, sell what is free, and return what is held after it."""
        opened = list(self._broker.orders(is_open=True))
        for order in opened:
            if not self._is_own(order):
                self._cancel(order)
        self._resolve()
        under_way = {order.order.key for order in opened if self._is_own(order)}
        held = [each for each in self._broker.positions() if each.qty != 0]
        for each in held:
            if each.qty < 0:
                self._why[each.key] = "a short, which is not bought back here: close it by hand"
            elif each.key not in under_way and each.key not in self._unknown:
                self._sell(each)
        return held

    def _cancel(self, order: BrokerOrder) -> None:
        name = order.order.client_order_id
        try:
            self._broker.cancel(name)
        except Refused as error:
            self._say(f"not cancelled: {error.message}", order.order)
        except OutcomeUnknown:
            self._say("cancelled, not confirmed", order.order)  # the next round sees
        else:
            self._say("cancelled", order.order)

    def _sell(self, held: PositionSnapshot) -> None:
        """Sell what is free of a holding; shares that an order still holds follow in a round."""
        qty = min(held.qty, held.qty_available)
        if qty <= 0:
            self._why[held.key] = "another order holds it"
            return
        self._count += 1
        is_coin = held.key.startswith(f"{AssetClass.CRYPTO.value}:")
        order = Order(
            client_order_id=f"sl-rescue-{self._session}-{self._count}",
            bot=HOUSE,
            key=held.key,
            side=Side.SELL,
            qty=qty,
            time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
            role=Role.FLATTEN,
        )
        try:
            answer = self._broker.submit(Approved(order, "rescue"))
        except Refused as error:
            self._why[held.key] = f"refused: {error.message}"
            self._say(self._why[held.key], order)
        except NotSent as error:
            self._why[held.key] = f"not sent: {error}"
            self._say(self._why[held.key], order)
        except OutcomeUnknown:
            self._unknown[held.key] = (order.client_order_id, self._now_ns())
            self._why[held.key] = "outcome unknown"
            self._say("sale of unknown outcome, looked up", order)
        else:
            self._why[held.key] = f"its sale is {answer.status}"
            self._say(f"sale {answer.status}", order)

    def _resolve(self) -> None:
        """Look up sales of unknown outcome; one that never arrives is given up after a while."""
        for key, (name, since_ns) in list(self._unknown.items()):
            found = self._broker.order(name)
            if found is not None:
                self._say(f"found: {found.status}", found.order)
                del self._unknown[key]
            elif self._now_ns() - since_ns > ABSENT_AFTER_S * SECOND_NS:
                self._say(f"{name} never arrived")
                del self._unknown[key]

    # -- the end ----------------------------------------------------------------------------------

    def _is_worth_waiting(self, held: Sequence[PositionSnapshot]) -> bool:
        """Tell whether another round may sell more: not where the broker waits for an opening."""
        waiting = {
            order.order.key
            for order in self._broker.orders(is_open=True)
            if self._is_own(order) and order.status == "accepted"
        }
        return bool(self._unknown) or any(each.qty > 0 and each.key not in waiting for each in held)

    def _suspended(self) -> bool:
        try:
            self._broker.suspend(is_suspended=True)
        except (Refused, OutcomeUnknown, NotSent) as error:
            self._say(f"the broker was not told to refuse new orders: {error}")
            return False
        self._say("the broker refuses every new order from now on")
        return True

    def _reason(self, held: PositionSnapshot) -> str:
        return f"{held.qty:f} held: {self._why.get(held.key, 'not sold')}"

    def _is_own(self, order: BrokerOrder) -> bool:
        return order.order.client_order_id.startswith("sl-rescue-")

    def _say(self, what: str, order: Order | None = None) -> None:
        line = Line(
            self._now_ns(),
            what,
            "" if order is None else order.client_order_id,
            "" if order is None else _symbol(order.key),
            "" if order is None else f"{order.qty:f}",
        )
        self._lines.append(line)
        self._tell(line)


def sheet(mode: str, trading: str) -> Iterator[str]:
    """Yield the lines of a paper for the day when nothing starts: what a person does by hand."""
    yield f"RESCUE SHEET, {mode} account"
    yield ""
    yield "1. On this machine:  smart-leverage rescue --keys FILE" + (
        "" if mode == "paper" else " --mode live"
    )
    yield "   It cancels every order, sells everything, and has the broker refuse new orders."
    yield "2. Without this program, with any HTTP client and both keys as headers:"
    for method, path, what in (
        ("DELETE", "/v2/orders", "cancels every open order"),
        ("DELETE", "/v2/positions?cancel_orders=true", "sells everything"),
        ("GET", "/v2/positions", "shows what is left; repeat until it is []"),
    ):
        yield f"   {method:<6} {trading}{path}  {what}"
    yield f'   PATCH  {trading}/v2/account/configurations  {{"suspend_trade": true}}'
    yield "3. Without a machine, on the broker's page or app: Orders, cancel all; Positions, close"
    yield "   all; then its help desk, for which account number and phone number stand below."
    yield ""
    yield "account number: ____________________   help desk: ____________________"
    yield "key id begins with: ________   where the keys lie: ____________________"


def _symbol(key: Key) -> str:
    return key.partition(":")[2]
