"""The same bots without the governor: what the account would have become on its own."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Approved, Order, OrderType, TimeInForce
from smart_leverage.market.feed import Instant
from smart_leverage.runtime.bars import Venue
from smart_leverage.strategies.base import AccountView, Bot


class Ungoverned(NamedTuple):
    """What became of the account: equity after every instant, and what the venue thought of it."""

    equity: list[tuple[int, Decimal]]
    sent: int
    rejected: int


def run_ungoverned(
    venue: Venue,
    clock: ManualClock,
    instruments: dict[Key, Instrument],
    bots: Sequence[Bot],
    instants: Iterable[Instant],
) -> Ungoverned:
    """Send every wish of the bots straight to a simulated venue, which has its own limits only.

    It is for comparison: nothing is decided, journalled or protected.

    Args:
        venue: A venue of its own, with the account's opening cash and holdings.
        instruments: Of everything that the bots may wish for.
    """
    equity: list[tuple[int, Decimal]] = []
    sent = rejected = 0
    for instant in instants:
        clock.move_to(instant.at_ns)
        if instant.closes:
            venue.close_bars(instant.at_ns, instant.closes)
            prices = {key: Decimal(repr(bar.close)) for key, bar in instant.closes}
            for wish in _wishes(venue, bots, instant):
                order = _order(wish, instruments[wish.key], prices.get(wish.key))
                if order is None:
                    continue
                sent += 1
                rejected += not _is_taken(venue, order)
        if instant.opens:
            venue.print_opens(instant.at_ns, instant.opens)
            venue.fill_opens(instant.at_ns)
        equity.append((instant.at_ns, venue.account().equity))
    return Ungoverned(equity, sent, rejected)


def _wishes(venue: Venue, bots: Sequence[Bot], instant: Instant) -> list[OrderWish]:
    account = venue.account()
    view = AccountView(
        equity=account.equity,
        cash=account.cash,
        positions={each.key: each.qty for each in venue.positions()},
    )
    return [wish for bot in bots for wish in bot.on_bars(instant.at_ns, instant.closes, view)]


def _order(wish: OrderWish, instrument: Instrument, price: Decimal | None) -> Order | None:
    """Return the market order that a bot would have sent; None where it comes to nothing."""
    if wish.qty is not None:
        qty = wish.qty
    elif wish.notional is not None and price is not None:
        qty = wish.notional / price
    else:
        return None
    qty = (qty / instrument.lot).to_integral_value(rounding=ROUND_DOWN) * instrument.lot
    if qty <= 0:
        return None
    is_coin = instrument.asset_class is AssetClass.CRYPTO
    return Order(
        client_order_id=wish.id,
        bot=wish.source,
        key=wish.key,
        side=wish.side,
        qty=qty,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
    )


def _is_taken(venue: Venue, order: Order) -> bool:
    try:
        venue.submit(Approved(order, ""))
    except Refused:
        return False
    return True
