"""What the account can still buy, as if every open order that holds funds had been filled."""

import math
from decimal import ROUND_FLOOR, Decimal
from itertools import takewhile
from typing import NamedTuple

from smart_leverage.brokers.sim.book import Book, Line
from smart_leverage.brokers.sim.exact import EXACT, ZERO, meant
from smart_leverage.brokers.sim.purse import Purse
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.domain.orders import AccountSnapshot
from smart_leverage.policy.margin import (
    MarginAccount,
    MarginTerms,
    buying_power,
    crypto_capacity,
    maintenance_excess,
    margin_multiplier,
    non_marginable_buying_power,
    security_capacity,
)

_CENT = Decimal("0.01")


class Standing(NamedTuple):
    """An account reduced to what the margin rules read, with the exact sums beside it."""

    cash: Decimal
    equity: Decimal
    account: MarginAccount


class Adding:
    """An account that is being added up; floats in the order in which stakes are told."""

    __slots__ = ("cash", "crypto", "equity", "initial", "long", "maintenance", "short")

    def __init__(self, cash: Decimal) -> None:
        self.cash = self.equity = cash
        self.long = self.short = self.crypto = self.initial = self.maintenance = 0.0

    def hold(self, line: Line, qty: Decimal, price: Decimal) -> None:
        """Add a quantity that is held at a price."""
        value = EXACT.multiply(qty, price)
        self.equity = EXACT.add(self.equity, value)
        amount = float(value)
        is_short = amount < 0.0
        if is_short:
            self.short -= amount
        else:
            self.long += amount
        if line.is_coin:
            self.crypto += amount
        else:
            rates = line.rates(is_short)
            self.initial += rates.initial * abs(amount)
            self.maintenance += rates.maintenance * abs(amount)

    def trade(self, line: Line, qty: Decimal, price: Decimal) -> None:
        """Add a quantity that is paid for, or sold when negative."""
        paid = EXACT.multiply(qty, price)
        self.cash = EXACT.subtract(self.cash, paid)
        self.equity = EXACT.subtract(self.equity, paid)
        self.hold(line, qty, price)

    def standing(self) -> Standing:
        """Return what the margin rules read of it."""
        account = MarginAccount(
            cash=float(self.cash),
            long_value=self.long,
            short_value=self.short,
            crypto_value=self.crypto,
            initial_margin=self.initial,
            maintenance_margin=self.maintenance,
            equity_last=float(self.equity),
            maintenance_margin_last=self.maintenance,
            power_used_today=0.0,
            is_day_trader=False,
        )
        return Standing(cash=self.cash, equity=self.equity, account=account)


class _Known(NamedTuple):
    """What the orders up to a number leave, and what it was added up from."""

    adding: Adding
    number: int
    changes: tuple[int, int]


class Funds:
    """Looks at the purse and the book and says what may be bought."""

    def __init__(self, purse: Purse, book: Book, terms: MarginTerms) -> None:
        self._purse = purse
        self._book = book
        self._terms = terms
        self._known: _Known | None = None

    def forget(self) -> None:
        """Add up anew: prices may have changed."""
        self._known = None

    def now(self) -> Standing:
        """Return the account as it is, at last prices."""
        return self._held().standing()

    def after_orders(self, without: Ticket | None = None) -> Standing:
        """Return the account as if every order that opens or adds had been filled.

        Args:
            without: An order whose own hold is left out, because it is about to be replaced or
                paid for.
        """
        if without is None:
            return self._after().standing()
        adding = self._held()
        for ticket in self._book.open.values():
            if ticket is not without:
                self._add(adding, ticket)
        return adding.standing()

    def _after(self) -> Adding:
        """Go on from where the last addition ended while only new orders have come since."""
        tickets, changes = self._book.open, (self._purse.number, self._book.changes)
        known = self._known
        if known is None or known.changes != changes:
            known = _Known(self._held(), 0, changes)
        new = list(takewhile(lambda each: each.number > known.number, reversed(tickets.values())))
        for ticket in reversed(new):
            self._add(known.adding, ticket)
        last = new[0].number if new else known.number
        self._known = known._replace(number=last)
        return known.adding

    def _add(self, adding: Adding, ticket: Ticket) -> None:
        if self.holds_funds(ticket):
            qty = ticket.remaining if ticket.is_buy else EXACT.minus(ticket.remaining)
            adding.trade(self._book.lines[ticket.order.key], qty, ticket.reserve_price)

    def _held(self) -> Adding:
        """Add up what is held, at the last price, or the entry price before there is one."""
        adding, lines = Adding(self._purse.cash), self._book.lines
        for key, each in self._purse.holdings.items():
            adding.hold(lines[key], each.qty, lines[key].price or each.avg_entry_price)
        return adding

    def _has_holds(self) -> bool:
        return any(map(self.holds_funds, self._book.open.values()))

    def holds_funds(self, ticket: Ticket) -> bool:
        """Whether an order needs funds to fill: one that closes a position does not."""
        if ticket.part.is_exit or not ticket.reserve_price:
            return False
        held = self._purse.qty(ticket.order.key)
        return held >= 0 if ticket.is_buy else held <= 0

    def power_for(self, line: Line, is_short: bool, without: Ticket | None = None) -> Decimal:
        """Return the largest value of one instrument that the venue would let the account open.

        Coins are paid from cash. A security is bounded by the stated multiplier and by its own
        maintenance rate on the equity without coins, which can be less than the buying power that
        the account shows.
        """
        after = self.after_orders(without)
        if line.is_coin:
            capacity = _money(crypto_capacity(after.account, 0.0, self._terms))
            return max(ZERO, min(capacity, after.cash))
        rate = line.rates(is_short).maintenance
        capacity = _money(security_capacity(after.account, rate, self._terms))
        if margin_multiplier(after.account, self._terms) <= 1.0:
            return max(ZERO, min(capacity, after.cash))
        return capacity

    def free_cash(self) -> Decimal:
        """Return what may be withdrawn: cash that no order holds and no position needs."""
        after = self.after_orders()
        return max(ZERO, min(after.cash, _money(maintenance_excess(after.account))))

    def snapshot(self, account_id: str, at_ns: int) -> AccountSnapshot:
        """Return the account as the venue states it; powers are what open orders leave."""
        now = self.now()
        after = self.after_orders() if self._has_holds() else now
        return AccountSnapshot(
            account_id=account_id,
            cash=now.cash,
            equity=now.equity,
            buying_power=_cents(buying_power(after.account, self._terms)),
            non_marginable_buying_power=_cents(
                non_marginable_buying_power(after.account, self._terms)
            ),
            initial_margin=_cents(now.account.initial_margin),
            maintenance_margin=_cents(now.account.maintenance_margin),
            multiplier=int(margin_multiplier(now.account, self._terms)),
            is_blocked=False,
            at_ns=at_ns,
        )


def _money(amount: float) -> Decimal:
    """Return a capacity without float noise; infinite or unknown is none."""
    return meant(round(amount, 6)) if math.isfinite(amount) else ZERO


def _cents(amount: float) -> Decimal:
    return _money(amount).quantize(_CENT, rounding=ROUND_FLOOR)
