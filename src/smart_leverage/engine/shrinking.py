"""Which sales bring every group inside, pro rata, counting what is being sold already."""

import math
from decimal import ROUND_CEILING, Decimal

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Role
from smart_leverage.domain.parts import is_by_day, is_in, parts_of
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import LOOKED_THROUGH, ZERO, Valuation
from smart_leverage.engine.measuring import (
    FLATTEN,
    GROUPS,
    SYMBOL,
    exposure_of_kind,
    is_sellout,
    left_of,
    rounded,
    share_held,
)
from smart_leverage.engine.proof import exact
from smart_leverage.engine.selling import house_sale
from smart_leverage.engine.state import Plan
from smart_leverage.policy.deleverage import (
    is_over_band,
    kept_lots,
    trim_target,
)
from smart_leverage.policy.intraday import is_of_night
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import TOLERANCE

_REASONS = {
    "crypto": Reason.CAP_CRYPTO,
    "leveraged": Reason.CAP_LEVERAGED,
    "gross": Reason.CAP_GROSS,
    SYMBOL: Reason.CAP_SYMBOL,
}


def sell_down(core: Core, plan: Plan, valuation: Valuation, ceiling: float) -> None:
    """Send the sales that bring every group inside, counting what is being sold already."""
    cut = _Cut(core, float(valuation.equity))
    if is_sellout(plan.kind):
        cut.sell_out(plan.kind)
    if is_by_day(plan.kind) and is_of_night(core.phase):
        cut.close_rest()
    if plan.kind != FLATTEN and valuation.equity > 0:
        cut.shrink_symbols(is_planned=plan.kind == SYMBOL or plan.is_at_once)
        for group in GROUPS:
            cut.shrink_group(group, *_bounds(core, plan, group, ceiling))
    for key, kind in cut.why.items():
        bound = ceiling if kind == plan.kind else _target(core, kind)
        _sell(core, kind, key, cut, valuation, bound)


def still_to_sell(core: Core, kind: str, valuation: Valuation) -> list[Key]:
    """Return what has to be sold, or is being sold, until a group is inside its cap."""
    cut = _Cut(core, float(valuation.equity))
    if kind == SYMBOL:
        cut.shrink_symbols(is_planned=True)
    elif not is_sellout(kind):
        cut.shrink_group(
            kind, float(getattr(core.full_caps, kind)) - TOLERANCE, _target(core, kind)
        )
    return [
        key
        for key, qty in core.state.held()
        if is_concerned(core, kind, key, qty, valuation)
        and (is_sellout(kind) or key in cut.why or core.state.orders.selling(key) > 0)
    ]


def is_concerned(core: Core, kind: str, key: Key, qty: Decimal, valuation: Valuation) -> bool:
    """Tell whether a plan of this kind is about so much of an instrument."""
    if kind == SYMBOL:
        cap = core.full_caps.of_symbol(core.instrument(key))
        return qty * (core.ladder.mark(key) or ZERO) > cap * valuation.equity
    if parts := parts_of(kind):
        return is_in(core.instrument(key), parts)
    return kind == FLATTEN or _is_member(core.instrument(key), kind)


def _bounds(core: Core, plan: Plan, group: str, ceiling: float) -> tuple[float, float]:
    """Return beyond which exposure a group is sold down, and to where."""
    cap, target = float(getattr(core.full_caps, group)), _target(core, group)
    if plan.is_at_once:
        return cap - TOLERANCE, target
    if plan.kind == group:
        return ceiling * core.config.policy.deleveraging.step_over, ceiling
    return cap * core.config.policy.deleveraging.band_over, target


def _target(core: Core, group: str) -> float:
    cap = float(core.full_caps.symbol if group == SYMBOL else getattr(core.full_caps, group))
    return trim_target(cap, core.config.policy.deleveraging)


class _Cut:
    """What is kept of every position if all sales under way fill, in lots, and what cut it last."""

    def __init__(self, core: Core, equity: float) -> None:
        state = core.state
        self._core, self._equity = core, equity
        self.lots = {
            key: max(state.instruments[key].lots(core.reachable(key)), 0) for key, _ in state.held()
        }
        self.keep = dict(self.lots)
        self.why: dict[Key, str] = {}

    def sell_out(self, kind: str) -> None:
        """Keep nothing of what a plan of this kind is about; the dust goes as well."""
        for key in left_of(self._core, kind):
            self.keep[key] = 0
            if self.lots[key] or self._core.reachable(key) > 0:
                self.why[key] = kind

    def close_rest(self) -> None:
        """Keep no more of what trades in sessions than may stay over the close beside the coins."""
        instruments, values = self._core.state.instruments, self._values()
        rest = [key for key in self.keep if not instruments[key].is_coin]
        securities = sum(values[key] for key in rest)
        coins = sum(amount for key, amount in values.items() if instruments[key].is_coin)
        cap, target = float(self._core.full_caps.gross), _target(self._core, "gross")
        if self._equity > 0.0:
            if (securities + coins) / self._equity <= cap - TOLERANCE:
                return
            exposure, target = securities / self._equity, target - coins / self._equity
        else:
            exposure, target = math.inf, 0.0
        for key in rest:
            self._keep_less(key, exposure, target, "gross")

    def shrink_symbols(self, *, is_planned: bool) -> None:
        """Bring single instruments inside; a plan for them does without the band."""
        at = self._core.config.policy.deleveraging
        for key, amount in self._values().items():
            cap = float(self._core.full_caps.of_symbol(self._core.instrument(key)))
            share = amount / self._equity
            if is_over_band(share, cap, at) or (is_planned and share > cap - TOLERANCE):
                self._keep_less(key, share, trim_target(cap, at), SYMBOL)

    def shrink_group(self, group: str, limit: float, target: float) -> None:
        """Shrink the members pro rata; a class that is closed waits for its own turn."""
        values, weights = self._values(), self._core.state.weights
        members = [key for key in self.keep if _is_member(self._core.instrument(key), group)]
        counted = (
            values[key] * float(weights[key]) if group in LOOKED_THROUGH else values[key]
            for key in members
        )
        exposure = sum(counted) / self._equity
        if exposure > limit:
            for key in members:
                self._keep_less(key, exposure, target, group)

    def _keep_less(self, key: Key, exposure: float, target: float, kind: str) -> None:
        kept = kept_lots(self.keep[key], exposure, target)
        if kept < self.keep[key]:
            self.keep[key], self.why[key] = kept, kind

    def _values(self) -> dict[Key, float]:
        values = {}
        for key, lots in self.keep.items():
            price = self._core.ladder.mark(key)
            lot = self._core.instrument(key).lot
            values[key] = 0.0 if price is None else float(lot * lots * price)
        return values


def _is_member(instrument: Instrument, group: str) -> bool:
    if group == "crypto":
        return instrument.is_crypto
    return instrument.is_leveraged if group == "leveraged" else True


def _quantity(core: Core, key: Key, lots: int, kept: int) -> Decimal:
    """Return what has to be sold: whole shares where the venue wants them, never too few."""
    instrument, reachable = core.instrument(key), core.reachable(key)
    if kept == 0:
        return reachable  # the dust leaves with the last lot
    qty = instrument.quantity(lots - kept)
    if instrument.size_step > instrument.lot:
        # Whole shares, rounded toward less exposure; `//` of decimals would cut toward zero.
        steps = (qty / instrument.size_step).to_integral_value(rounding=ROUND_CEILING)
        qty = min(steps * instrument.size_step, reachable)
    return min(max(qty, core.sale_min(key)), reachable)


def _sell(core: Core, kind: str, key: Key, cut: _Cut, valuation: Valuation, ceiling: float) -> None:
    state, instrument = core.state, core.instrument(key)
    qty = _quantity(core, key, cut.lots[key], cut.keep[key])
    if qty <= 0:
        return
    equity = valuation.equity
    bound, held = Decimal(repr(ceiling)), exposure_of_kind(core, kind, valuation)
    if kind == SYMBOL:
        cap = float(core.full_caps.of_symbol(instrument))
        bound = exact(trim_target(cap, core.config.policy.deleveraging))
        held = share_held(core, key, valuation)
    house_sale(
        core,
        key,
        qty,
        role=Role.FLATTEN if is_sellout(kind) else Role.TRIM,
        reason=_reason(kind, instrument),
        unit="fraction",
        bound=rounded(bound),
        would_be=rounded(held),
        figures={
            "equity": f"{equity:.2f}",
            "crypto": f"{valuation.crypto:.2f}",
            "leveraged": f"{valuation.leveraged:.2f}",
            "gross": f"{valuation.gross:.2f}",
            "cap crypto": str(core.full_caps.crypto),
            "cap leveraged": str(core.full_caps.leveraged),
            "plan": "" if state.plan is None else state.plan.plan_id,
            "held": f"{state.book.qty(key)}",
            "sold": f"{qty}",
        },
    )


def _reason(kind: str, instrument: Instrument) -> Reason:
    if not is_sellout(kind):
        return _REASONS[kind]
    return Reason.INTRADAY if is_by_day(kind) and instrument.is_intraday else Reason.FLATTEN


def excess(core: Core, valuation: Valuation) -> dict[Key, Decimal]:
    """Return what would have to be sold now to bring every group inside its cap; nothing is."""
    cut = _Cut(core, float(valuation.equity))
    cut.shrink_symbols(is_planned=True)
    for group in GROUPS:
        limit = float(getattr(core.full_caps, group)) - TOLERANCE
        cut.shrink_group(group, limit, _target(core, group))
    return {key: _quantity(core, key, cut.lots[key], cut.keep[key]) for key in cut.why}
