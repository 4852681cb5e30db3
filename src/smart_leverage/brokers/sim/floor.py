"""Lives of orders: executed, ended, activated, each with its update and its consequences."""

from collections import deque
from decimal import Decimal

import msgspec

from smart_leverage.brokers.sim.book import Group
from smart_leverage.brokers.sim.config import SimConfig
from smart_leverage.brokers.sim.exact import EXACT, HUNDRED, ZERO, fee_up, trim, worse_price
from smart_leverage.brokers.sim.gate import Gate
from smart_leverage.brokers.sim.ids import venue_id
from smart_leverage.brokers.sim.matching import Meeting
from smart_leverage.brokers.sim.opening import VOLUME_DAYS, Past
from smart_leverage.brokers.sim.purse import CASH
from smart_leverage.brokers.sim.revising import fee_back
from smart_leverage.brokers.sim.ticket import Part, Ticket
from smart_leverage.brokers.sim.trailing import follow
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import Fill, TradeUpdate
from smart_leverage.fills.costs import CostModel, crypto_fee_rate, trade_fee
from smart_leverage.fills.market import Side as Direction


class Floor:
    """Where orders trade and end; everything that happens goes into the unit of the call."""

    def __init__(self, past: Past, gate: Gate, costs: CostModel, config: SimConfig) -> None:
        self._book = past.book
        self._purse = past.purse
        self._unit = past.unit
        self._counters = past.counters
        self._gate = gate
        self._costs = costs
        self._config = config
        self._volume: deque[tuple[int, int]] = deque()
        self._volume_cents = 0
        for fill in past.fills_recent:
            self._note_volume(fill)

    def emit(
        self,
        ticket: Ticket,
        event: str,
        *,
        fill: Fill | None = None,
        why: str = "",
        revises: str = "",
    ) -> None:
        """Put a message about a ticket on the stream."""
        now_ns = self._counters.now_ns
        ticket.updated_at_ns = now_ns
        self._counters.updates += 1
        self.touch(ticket)
        self._unit.updates.append(
            TradeUpdate(
                sequence=self._counters.updates,
                event=event,
                broker_order=ticket.view(),
                at_ns=now_ns,
                fill=fill,
                reason=why,
                revises=revises,
            )
        )

    def touch(self, ticket: Ticket) -> None:
        """Note that a ticket has to be kept, without telling anybody."""
        self._unit.tickets[ticket.number] = ticket

    def activate(self, ticket: Ticket) -> None:
        """Let an order work from now on."""
        ticket.status = "new"
        ticket.active_since_ns = self._counters.now_ns
        self._book.settle(ticket)
        self.emit(ticket, "new")

    def trigger(self, ticket: Ticket) -> None:
        """Remember that a stop was reached."""
        ticket.is_triggered = True
        self.touch(ticket)
        self._book.settle(ticket)

    def follow(self, ticket: Ticket, price: float) -> None:
        """Let a trailing stop see a price. Nobody is told when it moves: whoever looks sees it."""
        instrument = self._book.lines[ticket.order.key].instrument
        if ticket.is_trailing and follow(ticket, instrument, price):
            self.touch(ticket)
            self._book.settle(ticket)

    def end(self, ticket: Ticket, status: str, why: str = "") -> None:
        """End an order without a fill, and what depends on it."""
        ticket.status = status
        self._book.settle(ticket)
        self.emit(ticket, status, why=why)
        group = self._book.groups.get(ticket.group)
        if group is not None:
            self._end_with(ticket, group)

    def _end_with(self, ticket: Ticket, group: Group) -> None:
        """A canceled member takes its group along; other ends take the exits that still wait."""
        for other in list(group.members()):
            is_waiting = ticket.part is Part.ENTRY and other.status == "held"
            if not other.is_final and (ticket.status == "canceled" or is_waiting):
                self.end(other, "canceled", f"with {ticket.broker_order_id}")

    def execute(self, ticket: Ticket, meeting: Meeting, qty: Decimal) -> None:
        """Fill a quantity at a rule's price, unless the account cannot pay for it."""
        line = self._book.lines[ticket.order.key]
        price = worse_price(meeting.price, ticket.order.side, line.instrument)
        if ticket.limit_price is not None:  # the rounding of a float must not pass it
            price = (min if ticket.is_buy else max)(price, ticket.limit_price)
        qty = min(qty, self._gate.deliverable(ticket))
        if not qty:
            self._stop_short(ticket, "nothing is left to close")
            return
        if not self._gate.can_pay(ticket, line, qty, price):
            self._stop_short(ticket, "insufficient buying power at the price met")
            return
        fill = self._fill(ticket, line.instrument, qty, price, meeting.is_maker)
        self._purse.book(fill)
        self._unit.fills.append((fill, meeting.is_maker))
        ticket.filled_qty = trim(EXACT.add(ticket.filled_qty, qty))
        ticket.filled_value = EXACT.add(ticket.filled_value, EXACT.multiply(qty, price))
        is_whole = not ticket.remaining
        ticket.status = "filled" if is_whole else "partially_filled"
        group = self._book.groups.get(ticket.group)
        self._book.settle(ticket)
        self.emit(ticket, "fill" if is_whole else "partial_fill", fill=fill)
        if group is not None:
            self._follow(ticket, group, qty)
        if not ticket.is_final and not self._gate.deliverable(ticket):
            self._stop_short(ticket, "nothing is left to close")

    def execution_name(self, number: int) -> str:
        """Return the id of an execution."""
        return f"{number:012d}-{venue_id(self._config.seed, 'execution', number)}"

    def revise(self, ticket: Ticket, before: Fill, after: Fill | None) -> None:
        """Tell what counts in the place of an execution; the order stays over."""
        change = EXACT.subtract(ZERO if after is None else after.qty, before.qty)
        value = EXACT.multiply(before.qty, before.price)
        ticket.filled_qty = trim(EXACT.add(ticket.filled_qty, change))
        ticket.filled_value = EXACT.subtract(ticket.filled_value, value)
        if after is not None:
            worth = EXACT.multiply(after.qty, after.price)
            ticket.filled_value = EXACT.add(ticket.filled_value, worth)
            self._unit.fills.append((after, False))
        back = fee_back(before, after)
        if back:
            in_cash = before.fee_asset == CASH
            self.note(
                "CFEE" if self._is_coin(before.key) else "FEE",
                back if in_cash else ZERO,
                key=before.key,
                qty=None if in_cash else back,
                price=before.price,
                reference=before.execution_id,
            )
        event = "trade_bust" if after is None else "trade_correct"
        self.emit(ticket, event, fill=after, revises=before.execution_id)

    def _stop_short(self, ticket: Ticket, why: str) -> None:
        """End an order that cannot trade; by the venue's states, never rejected after a part."""
        self.end(ticket, "canceled" if ticket.filled_qty else "rejected", why)

    def _follow(self, ticket: Ticket, group: Group, qty: Decimal) -> None:
        """A complete entry wakes its exits; an exit that trades shrinks or ends the other one."""
        if ticket.part is Part.ENTRY:
            if ticket.is_final:
                for exit_ in (group.target, group.stop):
                    if exit_ is not None and exit_.status == "held":
                        self.activate(exit_)
            return
        other = group.sibling(ticket)
        if other is None or other.is_final:
            return
        if ticket.is_final:
            self.end(other, "canceled", f"{ticket.broker_order_id} filled")
            return
        other.order = msgspec.structs.replace(
            other.order, qty=trim(EXACT.subtract(other.order.qty, qty))
        )
        self._book.settle(other)
        self.emit(other, "restated", why=f"{ticket.broker_order_id} filled in part")

    def _fill(
        self, ticket: Ticket, instrument: Instrument, qty: Decimal, price: Decimal, is_maker: bool
    ) -> Fill:
        self._counters.executions += 1
        number, now_ns = self._counters.executions, self._counters.now_ns
        fee, fee_asset = self._fee(ticket, instrument, qty, price, is_maker)
        fill = Fill(
            execution_id=self.execution_name(number),
            client_order_id=ticket.order.client_order_id,
            key=ticket.order.key,
            side=ticket.order.side,
            qty=trim(qty),
            price=price,
            fee=fee,
            fee_asset=fee_asset,
            at_ns=now_ns,
        )
        self._note_volume(fill)
        if fee:
            self._note_fee(fill)
        return fill

    def _fee(
        self, ticket: Ticket, instrument: Instrument, qty: Decimal, price: Decimal, is_maker: bool
    ) -> tuple[Decimal, str]:
        """Return the fee by the cost model, at the tier that the last 30 days have earned."""
        is_coin = instrument.asset_class is AssetClass.CRYPTO
        model, tiers = self._costs, self._config.fee_tiers
        if is_coin and tiers is not None:
            volume = self._volume_30d()
            rates = model.crypto._replace(
                fee_maker=crypto_fee_rate(volume, True, tiers),
                fee_taker=crypto_fee_rate(volume, False, tiers),
            )
            model = model._replace(crypto=rates)
        side = Direction.BUY if ticket.is_buy else Direction.SELL
        fee = trade_fee(is_coin, side, is_maker, float(qty), float(price), model)
        if fee.coins > 0.0:
            return fee_up(fee.coins), instrument.fee_asset
        return (fee_up(fee.cash) if fee.cash > 0.0 else ZERO), CASH

    def _volume_30d(self) -> float:
        since_ns = self._counters.now_ns - VOLUME_DAYS * DAY_NS
        while self._volume and self._volume[0][0] <= since_ns:
            self._volume_cents -= self._volume.popleft()[1]
        return self._volume_cents / 100

    def _note_volume(self, fill: Fill) -> None:
        if self._config.fee_tiers is None or not self._is_coin(fill.key):
            return
        # Whole cents, so that a venue read back from its file adds up to the same tier.
        cents = int(EXACT.multiply(EXACT.multiply(fill.qty, fill.price), HUNDRED))
        self._volume.append((fill.at_ns, cents))
        self._volume_cents += cents

    def _is_coin(self, key: Key) -> bool:
        return self._book.lines[key].instrument.asset_class is AssetClass.CRYPTO

    def _note_fee(self, fill: Fill) -> None:
        in_cash = fill.fee_asset == CASH
        self.note(
            "CFEE" if self._is_coin(fill.key) else "FEE",
            EXACT.minus(fill.fee) if in_cash else ZERO,
            key=fill.key,
            qty=None if in_cash else EXACT.minus(fill.fee),
            price=fill.price,
            reference=fill.execution_id,
        )

    def note(
        self,
        kind: str,
        net_amount: Decimal,
        *,
        key: Key | None = None,
        qty: Decimal | None = None,
        price: Decimal | None = None,
        reference: str = "",
    ) -> None:
        """Write a row of the account's activities."""
        self._counters.activities += 1
        number = self._counters.activities
        self._unit.activities.append(
            Activity(
                number=number,
                activity_id=venue_id(self._config.seed, "activity", number),
                at_ns=self._counters.now_ns,
                type=kind,
                net_amount=net_amount,
                key=key,
                qty=qty,
                price=price,
                reference=reference,
            )
        )
