"""What leaves for a simulated venue, judged at that instant by the venue's own state.

Nothing here asks the engine what is reserved: positions, open orders and cash are the venue's, the
caps are written down again, and the sums are done in another way.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, Side

D = Decimal
ZERO = D(0)
COST_RATE = D("0.003")
CAPS = {
    "EMERGENCY": (D("0.20"), D("0.28")),
    "LEARNING": (D("0.25"), D("0.35")),
    "STABLE": (D("0.40"), D("0.60")),
    "PROFITABLE": (D("0.60"), D("0.80")),
}
"""Of coins and of everything leveraged, by tier."""
CAP_GROSS, CAP_SYMBOL = D(1), D("0.1")
OUR_FAULT = ("insufficient", "wash trade", "must be unique")
"""What a venue may never have to say to us: we know what is held and what rests there."""


def pairs_once(orders: Iterable[BrokerOrder]) -> Decimal:
    """Return what sales may take together, by the venue's list: of two exits only one fills."""
    alone, pairs = ZERO, dict[str, Decimal]()
    for each in orders:
        left = each.order.qty - each.filled_qty
        name = each.parent_id or ""
        if not name and each.order.order_class.value == "oco":
            name = each.broker_order_id
        if name:
            pairs[name] = max(pairs.get(name, ZERO), left)
        else:
            alone += left
    return alone + sum(pairs.values(), ZERO)


class Watched:
    """A venue that judges every order before it takes it."""

    def __init__(self, venue: SimBroker, instruments: dict[Key, Instrument]) -> None:
        self.venue = venue
        self.instruments = instruments
        self.price: dict[Key, Decimal] = {}
        """What the account was told last."""
        self.tier = "LEARNING"
        self.shares: dict[str, Decimal] = {}
        self.own: dict[tuple[str, Key], Decimal] = {}
        """What each bot holds by the fills that were told, and the house's sales of it."""
        self.broken: list[str] = []
        self.increases = self.decreases = 0
        self.refused: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)

    # -- what passes ----------------------------------------------------------------------------

    def submit(self, approved: Approved) -> BrokerOrder:
        order = approved.order
        if order.side is Side.BUY:
            self._check_increase(order, order.qty)
        else:
            self._check_sale(order)
        try:
            return self.venue.submit(approved)
        except Refused as problem:
            self._hear(order, problem)
            raise

    def replace(self, client_order_id: str, **terms: Any) -> BrokerOrder:
        old = self.venue.order(client_order_id)
        try:
            answer = self.venue.replace(client_order_id, **terms)
        except Refused as problem:
            self.refused.append(problem.message)
            raise
        assert old is not None
        new = answer.order
        is_more = answer.order.qty > old.order.qty - old.filled_qty
        is_dearer = _dearest(new) > _dearest(old.order)
        if new.side is Side.BUY and (is_more or is_dearer):
            self._check_increase(new, ZERO)
        return answer

    def _hear(self, order: Order, problem: Refused) -> None:
        self.refused.append(problem.message)
        if any(words in problem.message for words in OUR_FAULT):
            self.broken.append(f"the venue refused {_told(order)}: {problem.message}")

    # -- what has to hold -----------------------------------------------------------------------

    def open(self, key: Key, side: Side) -> list[BrokerOrder]:
        """Return what works at the venue on one side; exits that wait for their entry do not."""
        return [
            each
            for each in self.venue.orders(is_open=True)
            if (each.order.key, each.order.side) == (key, side) and each.status != "held"
        ]

    def held(self) -> dict[Key, Decimal]:
        return {each.key: each.qty for each in self.venue.positions()}

    def _buys(self, key: Key, extra: Order, qty: Decimal) -> list[tuple[Decimal, Order]]:
        """Return what is bought of an instrument, with what is about to leave."""
        buys = [(each.order.qty - each.filled_qty, each.order) for each in self.open(key, Side.BUY)]
        return [*buys, (qty, extra)] if key == extra.key and qty else buys

    def _check_increase(self, order: Order, qty: Decimal) -> None:
        self.increases += 1
        equity, holdings = self.venue.account().cash, self.held()
        worst: dict[Key, Decimal] = {}
        unit: dict[Key, Decimal] = {}
        for key, price in self.price.items():
            held, buys = holdings.get(key, ZERO), self._buys(key, order, qty)
            unit[key] = max([price, *(_dearest(each) for _, each in buys)])
            worst[key] = (held + sum((left for left, _ in buys), ZERO)) * unit[key]
            equity += held * price
            for left, each in buys:
                worth = max(price, each.stop_price or ZERO)  # one that waits buys at that price
                equity -= left * max(_dearest(each) - worth, ZERO)
                equity -= left * _dearest(each) * COST_RATE
        crypto, leveraged = CAPS[self.tier]
        self._compare(order, "account", D(1), worst, equity, crypto, leveraged)
        if worst[order.key] > CAP_SYMBOL * equity:
            self.broken.append(f"symbol over its cap at {_told(order)}: {worst[order.key]}")
        share = self.shares.get(order.bot)
        if share is not None:
            part = {key: self._of_bot(order, qty, key) * unit[key] for key in unit}
            self._compare(order, order.bot, share, part, equity, crypto, leveraged)

    def _of_bot(self, order: Order, qty: Decimal, key: Key) -> Decimal:
        """Return what a bot holds and buys, with what is about to leave."""
        buys = [each for each in self.open(key, Side.BUY) if each.order.bot == order.bot]
        bought = sum((each.order.qty - each.filled_qty for each in buys), ZERO)
        return self.own.get((order.bot, key), ZERO) + bought + (qty if key == order.key else ZERO)

    def _compare(
        self, order: Order, who: str, share: Decimal, worst: dict[Key, Decimal], equity: Decimal,
        crypto: Decimal, leveraged: Decimal,
    ) -> None:  # fmt: skip
        own = self.instruments[order.key]
        groups = [("gross", CAP_GROSS, list(worst))]
        if own.is_crypto:
            coins = [key for key in worst if self.instruments[key].is_crypto]
            groups.append(("crypto", crypto, coins))
        if own.is_leveraged:
            funds = [key for key in worst if self.instruments[key].is_leveraged]
            groups.append(("leveraged", leveraged, funds))
        for name, cap, keys in groups:
            total = sum((worst[key] for key in keys), ZERO)
            if total > share * cap * equity:
                text = f"{total:.4f} over {share * cap} of {equity:.4f}"
                self.broken.append(f"{name} of {who} at {_told(order)}: {text}")

    def _check_sale(self, order: Order) -> None:
        self.decreases += 1
        sales = self.open(order.key, Side.SELL)
        selling = pairs_once(sales) + order.qty
        held = self.held().get(order.key, ZERO)
        if selling > held:
            self.broken.append(f"{_told(order)}: {selling} would be sold of {held}")
        if order.role.is_house:
            return
        mine = pairs_once(each for each in sales if each.order.bot == order.bot) + order.qty
        own = self.own.get((order.bot, order.key), ZERO)
        if mine > own:
            self.broken.append(f"{_told(order)}: {mine} would be sold of {own} that are its own")


def _dearest(order: Order) -> Decimal:
    return order.limit_price or ZERO


def _told(order: Order) -> str:
    return (
        f"{order.bot}'s {order.role.value} {order.order_class.value} {order.type.value} "
        f"{order.side.value} {order.qty} {order.key} at {order.limit_price}/{order.stop_price}"
    )
