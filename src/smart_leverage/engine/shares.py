"""What part of the caps a bot may use: its positions and its orders under way, exact."""

from decimal import Decimal

from smart_leverage.domain.bots import Scope, Seat, widest_share
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.engine.core import Core
from smart_leverage.engine.earning import standing
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.proof import Bound
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Tier, select_tier, win_rate_of

ZERO = Decimal(0)
ONE = Decimal(1)


def bounds_of(
    core: Core, bot: str, instrument: Instrument, worst: Worst,
    without: frozenset[str] = frozenset(),
) -> list[Bound]:  # fmt: skip
    """Return the caps on a bot's own part, for the groups of an instrument.

    They are its share of the caps of its tier. Everything of the bot counts at the price at which
    the account counts it, but for the orders in `without`, as if they did not exist. None are
    needed where share and tier are those of the account.
    """
    parts = parts_of(core, bot, worst, without)
    counted = ("gross", *(name for name in ("leveraged", "crypto") if _is_in(instrument, name)))
    return [
        Bound(Reason.CAP_BOT, *parts[name], worst.weight_in(name, instrument.key))
        for name in counted
        if name in parts
    ]


def parts_of(
    core: Core, bot: str, worst: Worst, without: frozenset[str] = frozenset()
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return by group a bot's cap, as a fraction of equity, and what it uses of it.

    Empty where share and tier are those of the account.
    """
    share, tier = share_of(core, bot), tier_of(core, bot)
    if share is None and tier is core.state.tier:
        return {}
    part, caps, instruments = ONE if share is None else share, core.caps_of(tier), core.instrument
    used = {key: units * _unit(worst, key) for key, units in _units(core, bot, without).items()}
    return {
        name: (
            part * cap,
            sum(
                (
                    money * worst.weight_in(name, key)
                    for key, money in used.items()
                    if _is_in(instruments(key), name)
                ),
                ZERO,
            ),
        )
        for name, cap in (
            ("gross", caps.gross),
            ("leveraged", caps.leveraged),
            ("crypto", caps.crypto),
        )
    }


def _is_in(instrument: Instrument, group: str) -> bool:
    if group == "crypto":
        return instrument.is_crypto
    return instrument.is_leveraged if group == "leveraged" else True


def may_add(core: Core, bot: str, key: Key) -> bool:
    """Tell whether a bot may add to an instrument: its tokens may name those it may."""
    seats = _live(core, bot)
    return not seats or any(not seat.symbols or key in seat.symbols for seat in seats)


def tier_of(core: Core, bot: str) -> Tier:
    """Return the tier of a bot: the lower of the account's and what its own trades have earned.

    Who never had a token is the account itself: a strategy in its process, or the house.
    """
    state, thresholds = core.state, core.config.policy.thresholds
    if all(seat.bot != bot for seat in state.seats.values()):
        return state.tier
    if core.config.policy.record.is_earned:
        return min(state.tier, standing(core, bot).tier)
    record = state.book.bot_record(bot).capping
    rate = win_rate_of(record.wins, record.closed, thresholds.trades_min)
    return min(state.tier, select_tier(rate, 0.0, thresholds))


def share_of(core: Core, bot: str) -> Decimal | None:
    """Return the largest part of the caps that a live token of a bot grants, None for all."""
    return widest_share(_live(core, bot))


def _live(core: Core, bot: str) -> list[Seat]:
    """Return the live tokens of a bot that say what it may add: those that can, if any can."""
    own = [seat for seat in core.state.seats.values() if seat.bot == bot]
    live = [seat for seat in own if seat.is_live(core.now_ns)]
    return [seat for seat in live if seat.may(Scope.TRADE)] or live


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
