"""The exact proof: an increase leaves only if every cap holds in the worst case, in Decimal."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from smart_leverage.domain.instruments import Instrument
from smart_leverage.engine.exposure import Worst
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Tier, tier_caps

ZERO = Decimal(0)
ONE = Decimal(1)


class ExactCaps(NamedTuple):
    """The caps in force as exact fractions of equity."""

    crypto: Decimal
    leveraged: Decimal
    gross: Decimal
    symbol: Decimal
    symbol_broad: Decimal

    def of_symbol(self, instrument: Instrument) -> Decimal:
        """Return the cap on one instrument: broad unlevered funds may be a larger part."""
        return self.symbol_broad if instrument.is_broad else self.symbol


def exact(number: float) -> Decimal:
    """Return the decimal that a person wrote: 0.25 is a quarter, not its binary neighbour."""
    return Decimal(repr(number))


def exact_caps(tier: Tier, policy: Policy, factor: Decimal = ONE) -> ExactCaps:
    """Return the caps of a tier and of the preset, exact, or a part of each while they grow."""
    caps = tier_caps(tier, policy.tiers)
    groups = policy.groups
    whole = (caps.crypto, caps.leveraged, groups.gross, groups.symbol, groups.symbol_broad)
    return ExactCaps(*(exact(cap) if factor == ONE else exact(cap) * factor for cap in whole))


class Bound(NamedTuple):
    """The reason that a denial gives, a cap as a fraction of equity, and what of it is used.

    `weight` is how many times its market value the instrument counts, in `used` as well.
    """

    reason: Reason
    cap: Decimal
    used: Decimal
    weight: Decimal


class Proof(NamedTuple):
    """How much of an order holds, and the group that would break first."""

    qty: Decimal
    reason: Reason


def prove(
    instrument: Instrument,
    qty: Decimal,
    unit_worst: Decimal,
    unit_loss: Decimal,
    worst: Worst,
    caps: ExactCaps,
    bounds: Sequence[Bound] = (),
) -> Proof:
    """Return the largest part of a buy for which every cap still holds.

    Args:
        qty: Wanted quantity, whole lots.
        unit_worst: Worst-case value of one unit, account currency.
        unit_loss: What buying one unit may cost beyond its price: limit over price, and fees.
        worst: Everything else under way.
        caps: Caps in force.
        bounds: More of the same kind, as those of a bot's share.

    Source:
        With x units, worst + x·unit_worst·weight <= cap·(equity − x·unit_loss) for every group.
    """
    if qty <= 0:
        return Proof(ZERO, Reason.NONE)  # also where no price was ever seen
    key = instrument.key
    own = worst.by_key.get(key, ZERO)
    symbol = caps.of_symbol(instrument)
    lines: list[Bound] = list(bounds)
    if instrument.is_crypto:
        weight = worst.weight_in("crypto", key)
        lines.append(Bound(Reason.CAP_CRYPTO, caps.crypto, worst.crypto, weight))
    if instrument.is_leveraged:
        weight = worst.weight_in("leveraged", key)
        lines.append(Bound(Reason.CAP_LEVERAGED, caps.leveraged, worst.leveraged, weight))
    lines.append(Bound(Reason.CAP_GROSS, caps.gross, worst.gross, ONE))
    lines.append(Bound(Reason.CAP_SYMBOL, symbol, own, ONE))
    answer = Proof(qty, Reason.NONE)
    for reason, cap, used, weight in lines:
        room, unit = cap * worst.equity - used, unit_worst * weight
        fits = ZERO
        if room > 0:
            fits = _whole_lots(room / (unit + cap * unit_loss), instrument.lot)
            while fits > 0 and used + fits * unit > cap * (worst.equity - fits * unit_loss):
                fits -= instrument.lot
        if fits < answer.qty:
            answer = Proof(fits, reason)
    return answer


def over_cap(instrument: Instrument, worst: Worst, caps: ExactCaps) -> Reason:
    """Return the first cap that does not hold and that a purchase of this counts towards, or NONE.

    As in `prove`, a group that the instrument does not belong to is not its matter: coins over
    their cap keep back no share.
    """
    equity = worst.equity
    if instrument.is_crypto and worst.crypto > caps.crypto * equity:
        return Reason.CAP_CRYPTO
    if instrument.is_leveraged and worst.leveraged > caps.leveraged * equity:
        return Reason.CAP_LEVERAGED
    if worst.gross > caps.gross * equity:
        return Reason.CAP_GROSS
    if worst.by_key.get(instrument.key, ZERO) > caps.of_symbol(instrument) * equity:
        return Reason.CAP_SYMBOL
    return Reason.NONE


def _whole_lots(qty: Decimal, lot: Decimal) -> Decimal:
    return (qty / lot).to_integral_value(rounding=ROUND_DOWN) * lot
