"""What part of the caps a bot may use: its positions and its orders under way, exact."""

from decimal import Decimal

from smart_leverage.domain.bots import Seat
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.proof import Bound
from smart_leverage.policy.reasons import Reason

ZERO = Decimal(0)


def bounds_of(
    core: Core, bot: str, instrument: Instrument, worst: Worst,
    without: frozenset[str] = frozenset(),
) -> list[Bound]:  # fmt: skip
    """Return the caps on a bot's own part, for the groups of an instrument; none without a share.

    Everything of the bot counts at the price at which the account counts it, but for the orders in
    `without`, as if they did not exist.
    """
    share = share_of(core, bot)
    if share is None:
        return []
    used = {key: units * _unit(worst, key) for key, units in _units(core, bot, without).items()}
    groups = [(core.caps.gross, list(used.values()))]
    if instrument.is_leveraged:
        groups.append((core.caps.leveraged, _of(core, used, "is_leveraged")))
    if instrument.is_crypto:
        groups.append((core.caps.crypto, _of(core, used, "is_crypto")))
    return [(Reason.CAP_BOT, share * cap, sum(amounts, ZERO)) for cap, amounts in groups]


def may_add(core: Core, bot: str, key: Key) -> bool:
    """Tell whether a bot may add to an instrument: its tokens may name those it may."""
    seats = _live(core, bot)
    return not seats or any(not seat.symbols or key in seat.symbols for seat in seats)


def share_of(core: Core, bot: str) -> Decimal | None:
    """Return the largest part of the caps that a live token of a bot grants, None for all."""
    shares = [seat.share for seat in _live(core, bot)]
    known = [share for share in shares if share is not None]
    return max(known) if shares and len(known) == len(shares) else None


def _live(core: Core, bot: str) -> list[Seat]:
    seats = core.state.seats.values()
    return [seat for seat in seats if seat.bot == bot and seat.is_live(core.now_ns)]


def _units(core: Core, bot: str, without: frozenset[str]) -> dict[Key, Decimal]:
    """Return what a bot holds and buys, by instrument."""
    book = core.state.book
    units = {key: book.bot_qty(bot, key) for key in book.keys}
    for tracked in core.state.orders.buys():
        if tracked.order.bot == bot and tracked.order.client_order_id not in without:
            key = tracked.order.key
            units[key] = units.get(key, ZERO) + core.state.orders.reserved(tracked)
    return units


def _unit(worst: Worst, key: Key) -> Decimal:
    units = worst.units.get(key, ZERO)
    return worst.by_key.get(key, ZERO) / units if units else ZERO


def _of(core: Core, used: dict[Key, Decimal], group: str) -> list[Decimal]:
    instruments = core.state.instruments
    return [amount for key, amount in used.items() if getattr(instruments[key], group)]
