"""Whose lots an order closes: its own bot's first, then everybody else's pro rata."""

from collections.abc import Mapping
from decimal import Decimal

from smart_leverage.books.exact import ZERO


def share_out(qty: Decimal, held: Mapping[str, Decimal], lot: Decimal) -> dict[str, Decimal]:
    """Share a quantity among holders pro rata, in whole lots, by largest remainder.

    Ties go to the name that sorts first. Nobody gives more than it holds; what is no whole lot
    (dust in the quantity or in a holding) goes to the next in the same order. The shares sum to
    the quantity exactly, and a quantity equal to the sum held takes every holding whole.

    Args:
        qty: Positive, at most the sum of `held`.
        held: Positive quantity by bot.
        lot: Smallest quantity that is shared.
    """
    total = sum(held.values(), ZERO)
    if qty == total:
        return dict(held)
    shares = {bot: own * qty // (total * lot) * lot for bot, own in held.items()}
    left = qty - sum(shares.values(), ZERO)
    order = sorted(held, key=lambda bot: (shares[bot] * total - held[bot] * qty, bot))
    while left:
        for bot in order:
            piece = min(lot, held[bot] - shares[bot], left)
            shares[bot] += piece
            left -= piece
    return {bot: share for bot, share in shares.items() if share}


def closing_shares(
    qty: Decimal, bot: str, held: Mapping[str, Decimal], lot: Decimal
) -> dict[str, Decimal]:
    """Return from whom an order of `bot` takes a closing quantity.

    One rule for everybody: own lots first, the rest from all others pro rata. So a bot sells only
    its own lots; a house order reduces the house's adopted lots before it touches a bot's; and
    what was sold at the broker's page beyond its own lots falls on everyone alike.

    Args:
        qty: Positive, at most the sum of `held`.
        bot: The order's bot.
        held: Positive quantity by bot.
        lot: Smallest quantity that is shared.
    """
    own = min(held.get(bot, ZERO), qty)
    if own == qty:
        return {bot: own}
    others = {name: share for name, share in held.items() if name != bot}
    shares = share_out(qty - own, others, lot)
    return {bot: own, **shares} if own else shares
