"""How much is held of what a plan is about, and whether that is beyond its band."""

from decimal import Decimal

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.parts import is_by_day, is_in, parts_of
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import ZERO, Valuation
from smart_leverage.policy.deleverage import is_over_band
from smart_leverage.policy.intraday import is_of_night

FLATTEN = "flatten"
SYMBOL = "symbol"
GROUPS = ("crypto", "leveraged", "gross")
KINDS = (*GROUPS, SYMBOL)


def kind_over(core: Core, valuation: Valuation) -> str | None:
    """Return the first group beyond its band."""
    return next((kind for kind in KINDS if is_over(core, kind, valuation)), None)


def is_over(core: Core, kind: str, valuation: Valuation) -> bool:
    """Tell whether a group, or for single instruments any of them, is beyond its band."""
    at = core.config.policy.deleveraging
    if is_sellout(kind):
        return not is_inside(core, kind, valuation)
    if kind == SYMBOL:
        return any(
            is_over_band(
                float(share_held(core, key, valuation)),
                float(core.full_caps.of_symbol(core.instrument(key))),
                at,
            )
            for key, _ in core.state.held()
        )
    exposure = float(exposure_of_kind(core, kind, valuation))
    return is_over_band(exposure, float(getattr(core.full_caps, kind)), at)


def kind_outside(core: Core, valuation: Valuation) -> str | None:
    """Return the first group above its cap, by however little; measured on positions."""
    return next((kind for kind in KINDS if not is_inside(core, kind, valuation)), None)


def exposure_of_kind(core: Core, kind: str, valuation: Valuation) -> Decimal:
    """Return what a plan of this kind measures; of single instruments the largest against its cap.

    Plans of one instrument are told against the ordinary cap, so the part of a broad fund is scaled
    to it. What sells out goes on without equity, of which nothing is a fraction: it is 0 then.
    """
    if kind == FLATTEN:
        return valuation.gross / valuation.equity if valuation.equity > 0 else ZERO
    if is_sellout(kind):
        return _share_left(core, kind, valuation)
    if kind == SYMBOL:
        parts = [
            share_held(core, key, valuation)
            * core.full_caps.symbol
            / core.full_caps.of_symbol(core.instrument(key))
            for key, _ in core.state.held()
        ]
        return max(parts, default=ZERO)
    amount: Decimal = getattr(valuation, kind)
    return amount / valuation.equity


def share_held(core: Core, key: Key, valuation: Valuation) -> Decimal:
    """Return one position as a fraction of equity; without a price it counts as nothing."""
    mark = core.ladder.mark(key)
    return ZERO if mark is None else core.state.book.qty(key) * mark / valuation.equity


def _share_left(core: Core, kind: str, valuation: Valuation) -> Decimal:
    if valuation.equity <= 0:
        return ZERO
    return sum((share_held(core, key, valuation) for key in left_of(core, kind)), ZERO)


def is_sellout(kind: str) -> bool:
    """Tell whether a plan of this kind leaves nothing of what it is about: no cap measures it."""
    return kind == FLATTEN or bool(parts_of(kind))


def is_over_close(core: Core, valuation: Valuation) -> bool:
    """Tell whether more is held than the cap of the night allows, while that is in force."""
    return is_of_night(core.phase) and valuation.gross > core.full_caps.gross * valuation.equity


def left_of(core: Core, kind: str) -> list[Key]:
    """Return what is still held of what a plan sells out; dust that nobody takes may stay."""
    parts = parts_of(kind)
    return [
        key
        for key, qty in core.state.held()
        if (kind == FLATTEN or is_in(core.instrument(key), parts)) and not core.is_dust(key, qty)
    ]


def is_inside(core: Core, kind: str, valuation: Valuation) -> bool:
    """Tell whether the positions themselves, not orders, are inside the cap that bound."""
    if is_sellout(kind):
        return not (left_of(core, kind) or (is_by_day(kind) and is_over_close(core, valuation)))
    if kind == SYMBOL:
        return all(
            qty * (core.ladder.mark(key) or ZERO)
            <= core.full_caps.of_symbol(core.instrument(key)) * valuation.equity
            for key, qty in core.state.held()
        )
    cap: Decimal = getattr(core.full_caps, kind)
    return exposure_of_kind(core, kind, valuation) <= cap


def rounded(fraction: Decimal) -> Decimal:
    """Return a fraction of equity as the journal keeps it."""
    return fraction.quantize(Decimal("0.000001"))
