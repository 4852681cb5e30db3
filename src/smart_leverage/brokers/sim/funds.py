"""What the account can still buy, as if every open order that holds funds had been filled."""

import math
from copy import copy
from decimal import ROUND_FLOOR, Decimal
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

    def hold(self, line: Line, value: Decimal) -> None:
        """Add what is held, signed."""
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

    def trade(self, line: Line, value: Decimal) -> None:
        """Add what is paid for, or sold when negative."""
        self.cash = EXACT.subtract(self.cash, value)
        self.equity = EXACT.subtract(self.equity, value)
        self.hold(line, value)

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


class Funds:
    """Looks at the purse and the book and says what may be bought."""

    def __init__(self, purse: Purse, book: Book, terms: MarginTerms) -> None:
        self._purse = purse
        self._book = book
        self._terms = terms
        self._known: tuple[int, Adding] | None = None

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
        # An order that is about to be paid for meets prices that moved within this very call.
        adding = copy(self._held()) if without is None else self._added()
        for _, line in sorted(self._book.held_lines.items()):
            held, buys, sells = self._purse.qty(line.key), line.buy_holds, line.sell_holds
            if without is not None and without.order.key == line.key:
                own = self._book.hold_of(without)
                buys = EXACT.subtract(buys, own) if without.is_buy else buys
                sells = sells if without.is_buy else EXACT.subtract(sells, own)
            if buys and held >= 0:
                adding.trade(line, buys)
            if sells and held <= 0:
                adding.trade(line, EXACT.minus(sells))
        return adding.standing()

    def _held(self) -> Adding:
        """Return what is held; it is added up once for orders that come one after the other."""
        known = self._known
        if known is None or known[0] != self._purse.number:
            known = self._known = self._purse.number, self._added()
        return known[1]

    def _added(self) -> Adding:
        """Add up what is held, at the last price, or the entry price before there is one."""
        adding, lines = Adding(self._purse.cash), self._book.lines
        for key, each in self._purse.holdings.items():
            price = lines[key].price or each.avg_entry_price
            adding.hold(lines[key], EXACT.multiply(each.qty, price))
        return adding

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
        after = self.after_orders() if self._book.held_lines else now
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
