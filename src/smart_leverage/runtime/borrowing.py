"""What an account has borrowed, and how far its holdings may fall until the broker wants more."""

import math
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.sentences import money, percent
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.lending import phase_at
from smart_leverage.engine.limits import laid_over
from smart_leverage.policy.intraday import (
    IntradayTerms,
    Phase,
    gross_for_entries,
    is_lent_on,
    power_lent,
)
from smart_leverage.policy.margin import MarginAccount, MarginTerms, call_distance
from smart_leverage.runtime.remembered import Remembered

ZERO = Decimal(0)
NEAR = 0.10
"""A call that a fall of so much brings is near: leveraged funds move that far in a day."""
RATE = 0.75
"""Maintenance rate of a fund of three times."""


class Margin(NamedTuple):
    """A loan against securities; money in account currency, coins carry nothing of it.

    `distance` is how far all securities may fall together until the account is in call: 0 in call
    already, None where their fall alone brings none.
    """

    borrowed: Decimal
    margin_equity: Decimal
    maintenance: Decimal
    distance: Decimal | None

    @property
    def sign(self) -> str:
        """Sign and word of how near a call is."""
        if self.distance is None or self.distance > Decimal(str(NEAR)):
            return "● OK"
        return "▲ NEAR" if self.distance > 0 else "■ CALL"

    @property
    def told(self) -> str:
        """The sentence that people read."""
        start = (
            f"{money(self.borrowed, 0)} borrowed, {money(self.maintenance, 0)} of "
            f"{money(self.margin_equity, 0)} has to stay"
        )
        if self.distance is None:
            return f"{start}; no fall of securities alone brings a call"
        if self.distance <= 0:
            return f"{start}; in call now"
        return f"{start}; in call if all securities fall by {percent(self.distance)}"


def margin(now: Remembered) -> Margin | None:
    """Return what is borrowed, at the last prices that the ledger knows; None if nothing is."""
    cash = now.state.book.cash
    if cash >= 0 or now.state.opened is None:
        return None
    account = _account(now, ZERO)
    distance = call_distance(account)
    securities = account.long_value - account.crypto_value
    return Margin(
        borrowed=-cash,
        margin_equity=cash + Decimal(repr(round(securities, 2))),
        maintenance=Decimal(repr(round(account.maintenance_margin, 2))),
        distance=None if math.isinf(distance) else Decimal(repr(round(distance, 6))),
    )


def lent(now: Remembered, cash: Decimal, reserved: Decimal) -> Decimal:
    """Return what may be spent on securities: the own cash, or what margin carries by day."""
    at = _terms(now)
    if not is_lent_on(phase_at(now.at_ns, at), False):
        return cash
    power = power_lent(float(cash), _account(now, reserved), RATE, MarginTerms())
    return Decimal(repr(round(power, 2)))


def _account(now: Remembered, reserved: Decimal) -> MarginAccount:
    """Return the account as the margin rules see it; what is reserved counts as kept in full."""
    state = now.state
    total, coins, maintenance = reserved, ZERO, reserved
    for key, qty in state.held():
        known, instrument = now.prices.get(key), state.instruments[key]
        value = qty * (state.entry_price(key) if known is None else known.price)
        total += value
        if instrument.is_coin:
            coins += value
        else:
            maintenance += value * instrument.margin_rate
    return MarginAccount(
        cash=float(state.book.cash - reserved),
        long_value=float(total),
        short_value=0.0,
        crypto_value=float(coins),
        initial_margin=math.nan,
        maintenance_margin=float(maintenance),
        equity_last=math.nan,
        maintenance_margin_last=math.nan,
        power_used_today=math.nan,
        is_day_trader=False,
    )


def gross_cap(now: Remembered, gross: Decimal | None) -> Decimal | None:
    """Return the cap on all positions in force for what adds, as the intraday plan has it."""
    at = _terms(now)
    phase = phase_at(now.at_ns, at)
    if phase is Phase.OFF or gross is None:
        return gross
    return Decimal(repr(gross_for_entries(phase, float(gross), at)))


def _terms(now: Remembered) -> IntradayTerms:
    in_force = now.state.limits.in_force
    if in_force.get("intraday.plan") != "on":
        return IntradayTerms()
    return laid_over(EngineConfig(), in_force).policy.intraday
