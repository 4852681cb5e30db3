"""Refuses orders that this account may not send now: stops, quantity, wash trades, funds."""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from smart_leverage.brokers.sim.book import Book, Line
from smart_leverage.brokers.sim.codes import forbidden, inadmissible, malformed
from smart_leverage.brokers.sim.config import SimConfig
from smart_leverage.brokers.sim.exact import EXACT, ROUNDED, ZERO, plain, trim, worse_price
from smart_leverage.brokers.sim.funds import Funds
from smart_leverage.brokers.sim.purse import Purse
from smart_leverage.brokers.sim.shape import check_stop_distance
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.orders import Order, OrderClass, OrderType, Side
from smart_leverage.fills.costs import CostModel, costs_of
from smart_leverage.fills.market import Side as Direction
from smart_leverage.fills.market import market_fill_price

_SHORT_MARGIN = Decimal("1.03")
_BUY_STOP_CHEAP = Decimal(50)
_BUY_STOP_ROOM_CHEAP = Decimal("1.04")
_BUY_STOP_ROOM = Decimal("1.025")


class Terms(NamedTuple):
    """What the venue adds to an order it takes: its worst price, and the price it reserves at."""

    limit_price: Decimal | None
    reserve_price: Decimal


class Gate:
    """Judges orders against the account; changes nothing."""

    def __init__(
        self, book: Book, purse: Purse, funds: Funds, costs: CostModel, config: SimConfig
    ) -> None:
        self._book = book
        self._purse = purse
        self._funds = funds
        self._costs = costs
        self._config = config

    def check(self, order: Order, line: Line, replaced: Ticket | None = None) -> Terms:
        """Return the venue's terms for a shaped order, or refuse it.

        Args:
            order: As `shaped` returned it.
            line: Its symbol.
            replaced: The order whose place it takes; what that one holds is free for this one.

        Raises:
            Refused: With the code, the message and the facts of the first rule that it breaks.
        """
        if order.client_order_id in self._book.by_client_id:
            raise malformed("client_order_id must be unique")
        self._check_stops(order, line)
        limit_price = effective_limit(order, line)
        held = self._purse.qty(order.key)
        is_closing = held > 0 if order.side is Side.SELL else held < 0
        if is_closing:
            self._check_available(order, line, EXACT.abs(held), replaced)
        elif order.side is Side.SELL or order.order_class is OrderClass.OCO:
            self._check_short(order, line)
        self._check_wash(order, line, replaced)
        if is_closing:
            return Terms(limit_price, ZERO)
        reserve_price = self._reserve_price(order, line, limit_price)
        self._check_notional(order, line, reserve_price)
        self._check_funds(order, line, reserve_price, replaced)
        return Terms(limit_price, reserve_price)

    def can_pay(self, ticket: Ticket, line: Line, qty: Decimal, price: Decimal) -> bool:
        """Whether an order without a worst price can still be paid for at this price."""
        if not self._funds.holds_funds(ticket) or ticket.limit_price is not None:
            return True
        power = self._funds.power_for(line, not ticket.is_buy, without=ticket)
        return EXACT.multiply(qty, price) <= power

    def deliverable(self, ticket: Ticket) -> Decimal:
        """Return how much of what is left an order can trade: one that closes, what is there.

        No execution turns a position around, although exits that woke up late may hold more than
        others have left of it.
        """
        if ticket.reserve_price:  # it opens or adds
            return ticket.remaining
        held = self._purse.qty(ticket.order.key)
        return max(ZERO, min(ticket.remaining, EXACT.minus(held) if ticket.is_buy else held))

    def _check_stops(self, order: Order, line: Line) -> None:
        price = line.price
        if order.stop_price is not None and price is not None:
            is_sell = order.side is Side.SELL
            if (order.stop_price >= price) if is_sell else (order.stop_price <= price):
                word = "less" if is_sell else "greater"
                raise inadmissible(
                    f"stop price must be {word} than current price",
                    market_price=price,
                    stop_price=order.stop_price,
                )
        base = order.limit_price or order.stop_price or price
        if base is not None:
            check_stop_distance(order, base)

    def _check_available(
        self, order: Order, line: Line, existing: Decimal, replaced: Ticket | None
    ) -> None:
        held = line.held_qty(order.side, without=replaced)
        available = max(ZERO, EXACT.subtract(existing, held))
        if order.qty <= available:
            return
        asked = f"(requested: {plain(order.qty)}, available: {plain(available)})"
        coin = line.instrument.fee_asset
        if line.is_coin:
            message, symbol = f"insufficient balance for {coin} {asked}", coin
        else:
            message = f"insufficient qty available for order {asked}"
            symbol = line.instrument.symbol
        raise _with_related(
            forbidden(
                message,
                symbol=symbol,
                available=available,
                balance=existing,
                existing_qty=existing,
                held_for_orders=held,
            ),
            (each for each in line.tickets if each.order.side is order.side),
        )

    def _check_short(self, order: Order, line: Line) -> None:
        """Refuse a sale of what is not held, unless this venue lends the shares."""
        instrument, symbol = line.instrument, line.instrument.symbol
        if instrument.asset_class is AssetClass.CRYPTO:
            coin = instrument.fee_asset
            raise forbidden(
                f"insufficient balance for {coin} (requested: {plain(order.qty)}, available: 0)",
                symbol=coin,
                available=ZERO,
                balance=ZERO,
            )
        if order.order_class is OrderClass.OCO:
            raise forbidden("oco orders require an existing position", symbol=symbol)
        if order.qty != order.qty.to_integral_value():
            raise inadmissible("fractional orders cannot be sold short", qty=order.qty)
        if not self._config.is_short_allowed:
            raise forbidden("account is not allowed to short", symbol=symbol)
        if not instrument.shortable:
            raise inadmissible(f'asset "{symbol}" cannot be sold short')

    def _check_wash(self, order: Order, line: Line, replaced: Ticket | None) -> None:
        """Refuse an order that could trade with an opposite order of the same account."""
        is_exempt = order.trails or order.order_class is OrderClass.OCO
        if is_exempt or (replaced and replaced.part.is_exit):
            return
        for other in line.tickets:
            if other.order.side is order.side or other.is_exempt:
                continue
            if _is_market_or_stop(order) or other.is_market_or_stop:
                kind = "market/stop"
            elif _crosses(order, other):
                kind = "limit"
            else:
                continue
            raise forbidden(
                "potential wash trade detected. use complex orders",
                symbol=line.instrument.symbol,
                reason=f"opposite side {kind} order exists",
            )

    def _reserve_price(self, order: Order, line: Line, limit_price: Decimal | None) -> Decimal:
        """Return the price at which a purchase or a short sale holds funds."""
        if limit_price is not None and order.side is Side.BUY:
            return limit_price
        ask = self._ask(line)
        if order.side is Side.BUY:
            return max(ask, order.stop_price or ZERO)  # a trailing one; others have a limit
        raised = trim(EXACT.multiply(ask, _SHORT_MARGIN))
        return raised if limit_price is None else max(limit_price, raised)

    def _ask(self, line: Line) -> Decimal:
        """Return what buying would cost now: the offer, or the last price and costs."""
        if line.price is None:
            raise inadmissible(f'asset "{line.instrument.symbol}" has no price yet')
        if line.ask > 0.0:
            return worse_price(line.ask, Side.BUY, line.instrument)
        costs = costs_of(line.is_coin, self._costs)
        asked = market_fill_price(Direction.BUY, line.mark, costs.half_spread, costs.slippage)
        return worse_price(asked, Side.BUY, line.instrument)

    def _check_notional(self, order: Order, line: Line, price: Decimal) -> None:
        instrument = line.instrument
        is_coin = instrument.asset_class is AssetClass.CRYPTO
        cost = EXACT.multiply(order.qty, price)
        is_fraction = order.qty != order.qty.to_integral_value()
        if (is_coin or is_fraction) and cost < instrument.notional_min:
            least = plain(instrument.notional_min)
            raise forbidden(
                f"cost basis must be >= minimal amount of order {least}", cost_basis=cost
            )
        most = self._config.coin_order_notional_max
        if is_coin and cost > most:
            raise forbidden(
                f"cost basis must be <= maximal amount of order {plain(most)}", cost_basis=cost
            )

    def _check_funds(
        self, order: Order, line: Line, price: Decimal, replaced: Ticket | None
    ) -> None:
        cost = EXACT.multiply(order.qty, price)
        power = self._funds.power_for(line, order.side is Side.SELL, without=replaced)
        if cost <= power:
            return
        if line.is_coin:
            asked = f"(requested: {plain(cost)}, available: {plain(power)})"
            raise forbidden(
                f"insufficient balance for USD {asked}",
                symbol="USD",
                available=power,
                balance=self._purse.cash,
            )
        raise forbidden("insufficient buying power", buying_power=power, cost_basis=cost)


def effective_limit(order: Order, line: Line) -> Decimal | None:
    """Return the worst price the order accepts; the venue bounds a buy stop by itself."""
    if order.type is not OrderType.STOP or order.side is Side.SELL or order.stop_price is None:
        return order.limit_price
    cheap = order.stop_price < _BUY_STOP_CHEAP
    raised = EXACT.multiply(order.stop_price, _BUY_STOP_ROOM_CHEAP if cheap else _BUY_STOP_ROOM)
    tick = line.instrument.tick_at(raised)
    ticks = ROUNDED.divide(raised, tick).to_integral_value(rounding=ROUND_DOWN)
    return trim(EXACT.multiply(ticks, tick))


def _is_market_or_stop(order: Order) -> bool:
    return order.type in (OrderType.MARKET, OrderType.STOP)


def _crosses(order: Order, other: Ticket) -> bool:
    """Whether two limits of opposite sides could meet."""
    mine, theirs = order.limit_price or ZERO, other.limit_price or ZERO
    return mine >= theirs if order.side is Side.BUY else theirs >= mine


def _with_related(refusal: Refused, orders: Iterator[Ticket]) -> Refused:
    refusal.facts["related_orders"] = ",".join(each.broker_order_id for each in orders)
    return refusal
