"""The account as the auditor keeps it: prices, cash, holdings, open orders and the worst case."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction

from tests.simulation.audit_record import CAP_SYMBOL, CAP_SYMBOL_BROAD, CAPS, JUMP, Terms
from tests.simulation.audit_report import GROUPS
from tests.simulation.audit_venue import Fill, Order

D = Decimal
ZERO, ONE = D(0), D(1)
CASH = "USD"

Price = Callable[[str], Decimal]


class Account:
    """Cash, units and orders, valued at the last prices; everything exact."""

    def __init__(self, cash: Decimal, terms: dict[str, Terms]) -> None:
        self.cash = cash
        self.terms = terms
        self.held: dict[str, Decimal] = {}
        self.orders: dict[str, dict[str, Order]] = {}
        self._price: dict[str, float] = {}
        self._exact: dict[str, Decimal] = {}
        self._believed: dict[str, float] = {}
        self._doubted: dict[str, float] = {}

    # -- prices ---------------------------------------------------------------------------------

    def see(self, key: str, price: float) -> None:
        """Take in a price; exposure believes it at once, losses after a jump only the second."""
        self._price[key] = price
        self._exact.pop(key, None)
        good, doubted = self._believed.get(key, price), self._doubted.pop(key, None)
        if abs(price / good - 1.0) > JUMP:
            is_confirmed = doubted is not None and (
                (price < good) == (doubted < good) or abs(price / doubted - 1.0) <= JUMP
            )
            if not is_confirmed:
                self._doubted[key] = price
                return
        self._believed[key] = price

    def last(self, key: str) -> Decimal:
        """Return the last price."""
        exact = self._exact.get(key)
        if exact is None:
            exact = self._exact[key] = D(repr(self._price[key]))
        return exact

    def judged(self, key: str) -> Decimal:
        """Return the price at which losses are judged."""
        return D(repr(self._believed[key])) if key in self._doubted else self.last(key)

    # -- what happens ---------------------------------------------------------------------------

    def hold(self, key: str, qty: Decimal) -> None:
        """Add units, or take them away."""
        self.held[key] = self.held.get(key, ZERO) + qty
        if not self.held[key]:
            del self.held[key]

    def trade(self, order: Order, fill: Fill) -> dict[tuple[str, str], Decimal]:
        """Move cash and units by a fill; return what the venue has to have booked for it."""
        key, sign = order.key, 1 if order.is_buy else -1
        paid = sign * fill.qty * fill.price
        self.cash -= paid + fill.fee_cash
        self.hold(key, sign * fill.qty - fill.fee_units)
        booked = {(CASH, "fill"): -paid, (key, "fill"): sign * fill.qty}
        if fill.fee:
            booked[(CASH if fill.fee_cash else key, "fee")] = -fill.fee
        order.left -= fill.qty
        if not order.left:
            self.end(order)
        return booked

    def add(self, order: Order) -> None:
        """Let an order rest."""
        self.orders.setdefault(order.key, {})[order.name] = order

    def end(self, order: Order) -> None:
        """Let an order be gone."""
        self.orders.get(order.key, {}).pop(order.name, None)

    # -- what is so -----------------------------------------------------------------------------

    def is_open(self, order: Order) -> bool:
        return order.name in self.orders.get(order.key, {})

    def buys(self, key: str) -> Iterator[Order]:
        return (order for order in self.orders.get(key, {}).values() if order.is_buy)

    def selling(self, key: str) -> Decimal:
        """Return what open orders may still sell of a key."""
        open_orders = self.orders.get(key, {}).values()
        return sum((self.counted(order) for order in open_orders if not order.is_buy), ZERO)

    def counted(self, order: Order) -> Decimal:
        """Return what an open order adds to what may trade."""
        return order.left

    def equity(self, price: Price | None = None) -> Decimal:
        """Return cash and market value."""
        price = price or self.last
        return sum((qty * price(key) for key, qty in self.held.items()), self.cash)

    def coins(self) -> dict[str, Decimal]:
        """Return the market value of every coin that is held, as losses are judged."""
        return {
            key: qty * self.judged(key)
            for key, qty in self.held.items()
            if self.terms[key].is_crypto
        }

    def is_in(self, key: str, group: str) -> bool:
        """Tell whether a key counts in a group."""
        terms = self.terms[key]
        if group == "crypto":
            return terms.is_crypto
        return group == "gross" or terms.is_leveraged or terms.is_crypto

    def weight(self, group: str, key: str) -> Decimal:
        """Return how many times its market value a key counts in a group."""
        return self.terms[key].weight if group in ("crypto", "leveraged") else ONE

    def cap(self, group: str, key: str, tier: int) -> Fraction:
        """Return the cap of a group, or of the symbol `key`, as a fraction of equity."""
        if group == "symbol":
            return CAP_SYMBOL_BROAD if self.terms[key].is_broad else CAP_SYMBOL
        return CAPS[group][tier]

    def worst(self, of: str) -> dict[str, Decimal]:
        """Return the worst case of every group in which a key counts.

        Every position with the buys under way fills, at the dearer of last price and limit.
        """
        worst = {group: ZERO for group in GROUPS if group == "symbol" or self.is_in(of, group)}
        bought = [key for key in self.orders if any(self.buys(key))]
        for key in {**self.held, **dict.fromkeys(bought)}:
            qty, price = self.held.get(key, ZERO), self.last(key)
            for order in self.buys(key):
                qty += self.counted(order)
                price = max(price, order.limit or price)
            for group in worst:
                if key == of if group == "symbol" else self.is_in(key, group):
                    worst[group] += qty * price * self.weight(group, key)
        return worst

    def sums(self, price: Price) -> dict[tuple[str, str], Decimal]:
        """Return the market value of every group (with no key) and of every symbol held."""
        sums: dict[tuple[str, str], Decimal] = {}
        for key, qty in self.held.items():
            value = sums[("symbol", key)] = qty * price(key)
            for group in GROUPS[:3]:
                if self.is_in(key, group):
                    counted = value * self.weight(group, key)
                    sums[(group, "")] = sums.get((group, ""), ZERO) + counted
        return sums
