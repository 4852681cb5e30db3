"""Over the cap means sold down to inside it: plans with stages, trims and the flatten."""

from decimal import ROUND_CEILING, Decimal

from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Role
from smart_leverage.domain.records import PlanMoved, StateChanged
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.deciding import house_sale
from smart_leverage.engine.exposure import ZERO, Valuation, value
from smart_leverage.engine.proof import exact
from smart_leverage.policy.deleverage import (
    ceiling_now,
    deadline_minutes,
    is_over_band,
    kept_lots,
    trim_target,
)
from smart_leverage.policy.reasons import Reason, TradingState

FLATTEN = "flatten"
SYMBOL = "symbol"
SLACK = 1.005
"""A running plan leaves exposure this close to its ceiling alone, so that it does not nibble."""

_REASONS = {
    "crypto": Reason.CAP_CRYPTO,
    "leveraged": Reason.CAP_LEVERAGED,
    "gross": Reason.CAP_GROSS,
    SYMBOL: Reason.CAP_SYMBOL,
    FLATTEN: Reason.FLATTEN,
}


def start_flatten(core: Core, why: str, who: str) -> None:
    """Sell everything; the account is halted when that is done, and only a person resumes it."""
    state = core.state
    if state.trading is not TradingState.HALTED:
        core.record(
            StateChanged(
                at_ns=core.now_ns,
                before=state.trading.name.lower(),
                after="reducing",
                why=why,
                who=who,
            )
        )
    for tracked in state.orders.buys():
        cancel(core, tracked, why)
    if state.plan is not None and state.plan.kind == FLATTEN:
        return
    valuation = value(core.state, core.ladder)
    held = valuation.gross / valuation.equity if valuation.equity > 0 else ZERO
    _start(core, FLATTEN, held, 0, why)


def shrink(core: Core, valuation: Valuation) -> None:
    """Start a plan when a group is over its band, and carry a running one on."""
    if valuation.equity <= 0:
        return
    if core.state.plan is None:
        kind = _over(core, valuation)
        if kind is None:
            return
        exposure = _exposure(core, kind, valuation)
        stage = 1 if float(exposure) > core.config.policy.deleveraging.first_ceiling else 2
        _start(core, kind, exposure, stage, f"{kind} over its cap")
    _carry_on(core, valuation)


def _over(core: Core, valuation: Valuation) -> str | None:
    """Return the first group beyond its band."""
    at = core.config.policy.deleveraging
    for kind in ("crypto", "leveraged", "gross"):
        exposure = float(_exposure(core, kind, valuation))
        if is_over_band(exposure, float(getattr(core.caps, kind)), at):
            return kind
    for key, _ in core.state.held():
        exposure = float(_held(core, key, valuation))
        if is_over_band(exposure, float(_symbol_cap(core, core.instrument(key))), at):
            return SYMBOL
    return None


def _exposure(core: Core, kind: str, valuation: Valuation) -> Decimal:
    """Return what a plan of this kind measures; of single instruments the largest against its cap.

    Plans of one instrument are told against the ordinary cap, so the part of a broad fund is scaled
    to it.
    """
    if kind == FLATTEN:
        return valuation.gross / valuation.equity
    if kind == SYMBOL:
        parts = [
            _held(core, key, valuation) * core.caps.symbol / _symbol_cap(core, core.instrument(key))
            for key, _ in core.state.held()
        ]
        return max(parts, default=ZERO)
    amount: Decimal = getattr(valuation, kind)
    return amount / valuation.equity


def _held(core: Core, key: Key, valuation: Valuation) -> Decimal:
    """Return one position as a fraction of equity; without a price it counts as nothing."""
    mark = core.ladder.mark(key)
    return ZERO if mark is None else core.state.book.qty(key) * mark / valuation.equity


def _symbol_cap(core: Core, instrument: Instrument) -> Decimal:
    return core.caps.symbol_broad if instrument.is_broad else core.caps.symbol


def _start(core: Core, kind: str, exposure: Decimal, stage: int, why: str) -> None:
    policy = core.config.policy.deleveraging
    minutes = int(deadline_minutes(float(exposure), policy))
    core.record(
        PlanMoved(
            at_ns=core.now_ns,
            plan_id=f"p{core.state.plans + 1}",
            status="started",
            group=kind,
            stage=stage,
            ceiling=_ceiling(core, kind, exposure, 0.0),
            exposure=_round(exposure),
            deadline_ns=_deadline(core, core.now_ns, minutes),
            why=why,
        )
    )


def _deadline(core: Core, from_ns: int, minutes: int) -> int:
    """Return when so many minutes have passed in which anything that is held trades."""
    ends = [
        calendar_for(core.instrument(key).asset_class).after_open_minutes(from_ns, minutes)
        for key, _ in core.state.held()
    ]
    return min(ends) if ends else from_ns + minutes * 60_000_000_000


def _ceiling(core: Core, kind: str, start: Decimal, elapsed: float) -> Decimal:
    """Return the exposure that a plan of this kind allows now, fraction of equity."""
    if kind == FLATTEN:
        return ZERO
    at = core.config.policy.deleveraging
    cap = core.caps.symbol if kind == SYMBOL else getattr(core.caps, kind)
    if kind in (SYMBOL, "gross"):
        return _round(exact(trim_target(float(cap), at)))
    return _round(Decimal(repr(ceiling_now(float(start), float(cap), elapsed, at))))


def _round(fraction: Decimal) -> Decimal:
    return fraction.quantize(Decimal("0.000001"))


def _carry_on(core: Core, valuation: Valuation) -> None:
    plan = core.state.plan
    if plan is None:
        return
    elapsed = _elapsed_minutes(core, plan.started_ns)
    ceiling = _ceiling(core, plan.kind, plan.start, elapsed)
    _sell_down(core, plan.kind, valuation, float(ceiling))
    _move_on(core, valuation, ceiling)


def _elapsed_minutes(core: Core, since_ns: int) -> float:
    """Return the minutes since then in which the class that trades most of what is held traded."""
    traded = [
        calendar_for(core.instrument(key).asset_class).open_minutes(since_ns, core.now_ns)
        for key, _ in core.state.held()
    ]
    return float(max(traded, default=0))


def _sell_down(core: Core, kind: str, valuation: Valuation, ceiling: float) -> None:
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
        is_dust = kind == FLATTEN and not lots[key] and core.state.sellable(key) > 0
        if kept < lots[key] or is_dust:
            _sell(core, kind, key, lots[key], kept, valuation, ceiling)


def _net_lots(core: Core) -> dict[Key, int]:
    """Return what would be left of every position if all sales under way fill, in lots."""
    state = core.state
    return {
        key: max(state.instruments[key].lots(state.sellable(key)), 0) for key, _ in state.held()
    }


def _values(core: Core, keep: dict[Key, int]) -> dict[Key, float]:
    values = {}
    for key, lots in keep.items():
        price = core.ladder.mark(key)
        values[key] = 0.0 if price is None else float(core.instrument(key).lot * lots * price)
    return values


def _shrink_symbols(core: Core, keep: dict[Key, int], equity: float, *, is_planned: bool) -> None:
    at = core.config.policy.deleveraging
    for key, amount in _values(core, keep).items():
        cap = float(_symbol_cap(core, core.instrument(key)))
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
    sellable = state.sellable(key)
    if kept == 0:
        qty = sellable  # the dust leaves with the last lot
    elif instrument.size_step > instrument.lot:
        # Whole shares, rounded toward less exposure; `//` of decimals would cut toward zero.
        steps = (qty / instrument.size_step).to_integral_value(rounding=ROUND_CEILING)
        qty = min(steps * instrument.size_step, sellable)
    if qty <= 0:
        return
    equity = valuation.equity
    bound, held = Decimal(repr(ceiling)), _exposure(core, kind, valuation)
    if kind == SYMBOL:
        cap = float(_symbol_cap(core, instrument))
        bound = exact(trim_target(cap, core.config.policy.deleveraging))
        held = _held(core, key, valuation)
    house_sale(
        core,
        key,
        qty,
        role=Role.FLATTEN if kind == FLATTEN else Role.TRIM,
        reason=_REASONS[kind],
        unit="fraction",
        bound=_round(bound),
        would_be=_round(held),
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


def _move_on(core: Core, valuation: Valuation, ceiling: Decimal) -> None:
    """Move the plan to its next stage, end it, or say that it is late; measured on positions."""
    plan = core.state.plan
    if plan is None:
        return
    exposure = _exposure(core, plan.kind, valuation)
    if plan.stage == 1 and float(exposure) <= core.config.policy.deleveraging.first_ceiling:
        minutes = int(core.config.policy.deleveraging.last_minutes)
        deadline = _deadline(core, plan.started_ns, minutes)
        _progress(core, "stage", 2, ceiling, exposure, deadline)
    if _is_reached(core, plan.kind, valuation):
        _end(core, ceiling, exposure)
    elif core.now_ns > plan.deadline_ns and core.late_plan != plan.plan_id:
        core.late_plan = plan.plan_id
        _progress(core, "late", plan.stage, ceiling, exposure, plan.deadline_ns)


def _is_reached(core: Core, kind: str, valuation: Valuation) -> bool:
    if kind == FLATTEN:
        return not core.state.held()
    return _over(core, valuation) is None and _is_inside(core, kind, valuation)


def _is_inside(core: Core, kind: str, valuation: Valuation) -> bool:
    """Tell whether the positions themselves, not orders, are inside the cap that bound."""
    if kind == SYMBOL:
        return all(
            qty * (core.ladder.mark(key) or ZERO)
            <= _symbol_cap(core, core.instrument(key)) * valuation.equity
            for key, qty in core.state.held()
        )
    cap: Decimal = getattr(core.caps, kind)
    return _exposure(core, kind, valuation) <= cap


def _progress(
    core: Core, status: str, stage: int, ceiling: Decimal, exposure: Decimal, deadline_ns: int
) -> None:
    plan = core.state.plan
    if plan is None:
        return
    core.record(
        PlanMoved(
            at_ns=core.now_ns,
            plan_id=plan.plan_id,
            status=status,
            group=plan.kind,
            stage=stage,
            ceiling=ceiling,
            exposure=_round(exposure),
            deadline_ns=deadline_ns,
        )
    )


def _end(core: Core, ceiling: Decimal, exposure: Decimal) -> None:
    """End the plan; after a flatten the account is halted, and only a person resumes it."""
    state, plan = core.state, core.state.plan
    if plan is None:
        return
    _progress(core, "reached", plan.stage, ceiling, exposure, plan.deadline_ns)
    if plan.kind == FLATTEN:
        core.record(
            StateChanged(
                at_ns=core.now_ns,
                before=state.trading.name.lower(),
                after="halted",
                why=state.trading_why,
                who="policy",
            )
        )
