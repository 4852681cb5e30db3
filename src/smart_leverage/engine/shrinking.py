"""Which sales bring every group inside, pro rata, counting what is being sold already."""

from decimal import ROUND_CEILING, Decimal

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Role
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import Valuation
from smart_leverage.engine.measuring import (
    FLATTEN,
    SLACK,
    SYMBOL,
    exposure_of_kind,
    rounded,
    share_held,
)
from smart_leverage.engine.proof import exact
from smart_leverage.engine.selling import house_sale
from smart_leverage.policy.deleverage import (
    is_over_band,
    kept_lots,
    trim_target,
)
from smart_leverage.policy.reasons import Reason

_REASONS = {
    "crypto": Reason.CAP_CRYPTO,
    "leveraged": Reason.CAP_LEVERAGED,
    "gross": Reason.CAP_GROSS,
    SYMBOL: Reason.CAP_SYMBOL,
    FLATTEN: Reason.FLATTEN,
}


def sell_down(core: Core, kind: str, valuation: Valuation, ceiling: float) -> None:
    """Send the sales that bring every group inside, counting what is being sold already."""
    equity = float(valuation.equity)
    lots = _net_lots(core)
    keep = dict(lots)
    _shrink_symbols(core, keep, equity, is_planned=kind == SYMBOL)
    for group in ("crypto", "leveraged", "gross"):
        cap = float(getattr(core.caps, group))
        at = core.config.policy.deleveraging
        limit = ceiling * SLACK if kind == group else cap * at.band_over
        target = ceiling if kind == group else trim_target(cap, at)
        _shrink_group(core, group, keep, equity, limit, target)
    if kind == FLATTEN:
        keep = dict.fromkeys(keep, 0)
    for key, kept in keep.items():
        is_dust = kind == FLATTEN and not lots[key] and core.sellable(key) > 0
        if kept < lots[key] or is_dust:
            _sell(core, kind, key, lots[key], kept, valuation, ceiling)


def _net_lots(core: Core) -> dict[Key, int]:
    """Return what would be left of every position if all sales under way fill, in lots."""
    state = core.state
    return {key: max(state.instruments[key].lots(core.sellable(key)), 0) for key, _ in state.held()}


def _values(core: Core, keep: dict[Key, int]) -> dict[Key, float]:
    values = {}
    for key, lots in keep.items():
        price = core.ladder.mark(key)
        values[key] = 0.0 if price is None else float(core.instrument(key).lot * lots * price)
    return values


def _shrink_symbols(core: Core, keep: dict[Key, int], equity: float, *, is_planned: bool) -> None:
    at = core.config.policy.deleveraging
    for key, amount in _values(core, keep).items():
        cap = float(core.caps.of_symbol(core.instrument(key)))
        if is_over_band(amount / equity, cap, at) or (is_planned and amount / equity > cap):
            keep[key] = kept_lots(keep[key], amount / equity, trim_target(cap, at))


def _shrink_group(
    core: Core, group: str, keep: dict[Key, int], equity: float, limit: float, target: float
) -> None:
    """Shrink the members of a group pro rata; a class that is closed waits for its own turn."""
    values = _values(core, keep)
    members = [key for key in keep if _is_member(core.instrument(key), group)]
    exposure = sum(values[key] for key in members) / equity
    if exposure <= limit:
        return
    for key in members:
        keep[key] = kept_lots(keep[key], exposure, target)


def _is_member(instrument: Instrument, group: str) -> bool:
    if group == "crypto":
        return instrument.is_crypto
    return instrument.is_leveraged if group == "leveraged" else True


def _sell(
    core: Core, kind: str, key: Key, lots: int, kept: int, valuation: Valuation, ceiling: float
) -> None:
    state, instrument = core.state, core.instrument(key)
    qty = instrument.quantity(lots - kept)
    sellable = core.sellable(key)
    if kept == 0:
        qty = sellable  # the dust leaves with the last lot
    elif instrument.size_step > instrument.lot:
        # Whole shares, rounded toward less exposure; `//` of decimals would cut toward zero.
        steps = (qty / instrument.size_step).to_integral_value(rounding=ROUND_CEILING)
        qty = min(steps * instrument.size_step, sellable)
    if qty <= 0:
        return
    equity = valuation.equity
    bound, held = Decimal(repr(ceiling)), exposure_of_kind(core, kind, valuation)
    if kind == SYMBOL:
        cap = float(core.caps.of_symbol(instrument))
        bound = exact(trim_target(cap, core.config.policy.deleveraging))
        held = share_held(core, key, valuation)
    house_sale(
        core,
        key,
        qty,
        role=Role.FLATTEN if kind == FLATTEN else Role.TRIM,
        reason=_REASONS[kind],
        unit="fraction",
        bound=rounded(bound),
        would_be=rounded(held),
        figures={
            "equity": f"{equity:.2f}",
            "crypto": f"{valuation.crypto:.2f}",
            "leveraged": f"{valuation.leveraged:.2f}",
            "gross": f"{valuation.gross:.2f}",
            "cap crypto": str(core.caps.crypto),
            "cap leveraged": str(core.caps.leveraged),
            "plan": "" if state.plan is None else state.plan.plan_id,
            "held": f"{state.book.qty(key)}",
            "sold": f"{qty}",
        },
    )
