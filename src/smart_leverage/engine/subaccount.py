"""What one bot has of an account: holdings that are its own, and what it may still add."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import value
from smart_leverage.engine.selling import free
from smart_leverage.engine.shares import share_of
from smart_leverage.policy.reasons import TradingState

ZERO = Decimal(0)


class Holding(NamedTuple):
    """What a bot holds of one instrument, and what of it nobody is selling; account currency."""

    instrument: Instrument
    qty: Decimal
    qty_available: Decimal
    entry_price: Decimal
    cost_basis: Decimal
    price: Decimal


class Headroom(NamedTuple):
    """What a bot may add at most: to anything, and to coins; money, never below zero."""

    any: Decimal
    crypto: Decimal


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
    share = share_of(core, bot)
    if share is not None:
        cash = min(cash, max(share * value(core.state, core.ladder).equity - own, ZERO))
    return Subaccount(
        equity=cash + own, cash=cash, market_value=own, headroom=headroom(core, bot, cash)
    )


def headroom(core: Core, bot: str, cash: Decimal) -> Headroom:
    """Return what the caps leave, bounded by cash; nothing while nothing may be added."""
    if core.state.trading is not TradingState.ACTIVE or not core.is_ready or core.is_clock_doubted:
        return Headroom(ZERO, ZERO)
    worst, caps = core.worst(), core.caps
    room = min(caps.gross * worst.equity - worst.gross, cash)
    coins = min(
        caps.crypto * worst.equity - worst.crypto,
        caps.leveraged * worst.equity - worst.leveraged,
        room,
    )
    return Headroom(max(room, ZERO), max(coins, ZERO))
