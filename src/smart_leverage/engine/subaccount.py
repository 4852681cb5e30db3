"""What one bot has of an account: holdings that are its own, and what it may still add."""

from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.engine.asking import power_of
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import Worst, value
from smart_leverage.engine.selling import free
from smart_leverage.engine.shares import parts_of, share_of
from smart_leverage.policy.intraday import Phase, is_lent_on
from smart_leverage.policy.reasons import TradingState

ZERO = Decimal(0)
CENT = Decimal("0.01")

RATE_PLAIN, RATE_FUND = 0.30, 0.75
"""Maintenance rates of a plain share and of a fund of three times, for telling what is left."""


class Holding(NamedTuple):
    """What a bot holds of one instrument, and what of it nobody is selling; account currency."""

    instrument: Instrument
    qty: Decimal
    qty_available: Decimal
    entry_price: Decimal
    cost_basis: Decimal
    price: Decimal


class Headroom(NamedTuple):
    """What a bot may add at most: to anything, to coins, to what is leveraged; never below zero.

    What is leveraged is told as if it counted once, as coins do: of a fund that is looked through
    a part of it fits.
    """

    any: Decimal
    crypto: Decimal
    leveraged: Decimal


class Subaccount(NamedTuple):
    """A bot's view of the account; `equity` is its holdings and the cash that it could use."""

    equity: Decimal
    cash: Decimal
    market_value: Decimal
    headroom: Headroom


def holdings(core: Core, bot: str) -> list[Holding]:
    """Return what a bot holds, in the order in which the instruments were listed."""
    found = [holding(core, bot, key) for key in core.state.book.keys]
    return [one for one in found if one is not None]


def holding(core: Core, bot: str, key: Key) -> Holding | None:
    """Return what a bot holds of one instrument, None if nothing."""
    position = core.state.book.bot_position(bot, key)
    if position is None or position.qty <= 0:
        return None
    price = core.ladder.mark(key)
    entry = position.average_entry_price
    return Holding(
        instrument=core.instrument(key),
        qty=position.qty,
        qty_available=free(core, bot, key),
        entry_price=entry,
        cost_basis=position.cost_basis,
        price=entry if price is None else price,
    )


def subaccount(core: Core, bot: str) -> Subaccount:
    """Return a bot's account: nothing in it belongs to anybody else, but the cash is shared."""
    own = sum((one.qty * one.price for one in holdings(core, bot)), ZERO)
    cash = max(core.state.book.cash - core.worst().reserved, ZERO)
    share, most = share_of(core, bot), None
    if share is not None:
        most = max(share * value(core.state, core.ladder).equity - own, ZERO)
        cash = min(cash, most)
    debt = ZERO if core.phase is Phase.OFF else max(-core.state.book.cash, ZERO)
    return Subaccount(
        equity=max(cash + own - debt, ZERO),
        cash=cash,
        market_value=own,
        headroom=headroom(core, bot, cash, most),
    )


def headroom(core: Core, bot: str, cash: Decimal, most: Decimal | None = None) -> Headroom:
    """Return what the account's caps and the bot's part of them leave, bounded by what pays.

    That is the cash, and by day what margin carries of securities where the intraday plan lends;
    `most` bounds both for a bot with a share of its own.

    Nothing while nothing may be added. The cap on one instrument is not part of it, and a bot that
    spends all of it in one market order is denied by what its limit lies above the price.
    """
    if core.state.trading is not TradingState.ACTIVE or not core.is_ready or core.is_doubted:
        return Headroom(ZERO, ZERO, ZERO)
    worst, caps = core.worst(), core.caps
    own = parts_of(core, bot, worst)

    def left(group: str) -> Decimal:
        cap, used = own.get(group, (ZERO, ZERO))
        room: Decimal = getattr(caps, group) * worst.equity - getattr(worst, group)
        return min(room, cap * worst.equity - used) if own else room

    plain, funds = (_pays(core, worst, cash, most, rate) for rate in (RATE_PLAIN, RATE_FUND))
    room = max(min(left("gross"), plain), ZERO)
    leveraged = max(min(left("leveraged"), room, funds), ZERO)
    return Headroom(room, max(min(left("crypto"), leveraged, cash), ZERO), leveraged)


def _pays(core: Core, worst: Worst, cash: Decimal, most: Decimal | None, rate: float) -> Decimal:
    """Return what can be paid for a security of a maintenance rate."""
    if not is_lent_on(core.phase, False):
        return cash
    lent = power_of(core, worst, float(cash), rate)
    power = Decimal(repr(lent)).quantize(CENT, rounding=ROUND_FLOOR)
    return power if most is None else min(power, most)
