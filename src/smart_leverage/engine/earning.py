"""What the account has earned: its tier by record, and the exposure that its named caps allow."""

import math
from decimal import Decimal

from smart_leverage.books.baselines import Period
from smart_leverage.books.episodes import ALL
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.evidence import SLEEVES
from smart_leverage.domain.records import ExposureMoved
from smart_leverage.engine.core import Core
from smart_leverage.engine.proof import exact
from smart_leverage.engine.standings import Standing
from smart_leverage.policy.earning import is_any_capped, named_caps, step_exposure
from smart_leverage.policy.evidence import thresholds_of_record
from smart_leverage.policy.exposure import ExposureCaps
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.steady_breakers import SteadyReferences
from smart_leverage.policy.tier import Caps, Tier, tier_caps

ROLLING_DAY_NS, ROLLING_MONTH_NS = DAY_NS, 30 * DAY_NS


def standing(core: Core, bot: str = ALL) -> Standing:
    """Return what the record of the account, or of one bot, has earned."""
    core.standings.fold(core.state.episodes.closed, core.config.policy.record)
    return core.standings.of(bot, core.state.losers.get(bot, 0))


def earned_tier(core: Core, is_emergency: bool) -> Tier:
    """Return the tier that month and record support."""
    return Tier.EMERGENCY if is_emergency else standing(core).tier


def breakeven(core: Core) -> float:
    """Return the win rate at which the trades of this account earn nothing."""
    record = standing(core).with_forced
    return thresholds_of_record(record, core.config.policy.record).breakeven


def references(core: Core, equity: Decimal) -> SteadyReferences:
    """Return the equities that losses are measured from; rolling ones only where they count."""
    state, now = core.state, core.now_ns
    day, month = float(state.opening(Period.DAY)), float(state.opening(Period.MONTH))
    if not core.config.policy.rolling.is_rolling:
        return SteadyReferences(day, math.nan, month, math.nan, math.nan)
    peak = state.opening(Period.PEAK)
    return SteadyReferences(
        day=day,
        day_rolling=float(state.rolling.before(now - ROLLING_DAY_NS)),
        month=month,
        month_rolling=float(state.rolling.before(now - ROLLING_MONTH_NS)),
        peak=float(equity if peak.is_nan() else max(peak, equity)),
    )


def judge_exposure(core: Core, equity: Decimal) -> None:
    """Find the exposure in force of each sleeve, and journal it when it is another one."""
    policy, state = core.config.policy, core.state
    if not is_any_capped(policy.exposure) and not state.exposure:
        return  # once a cap was on, what it left is in force until it is judged anew
    peak = max(state.peak.best(state.day_label, policy.exposure.peak_days), equity)
    tripped = state.breakers
    is_tripped = (
        tripped.is_day_tripped
        or tripped.is_month_tripped
        or tripped.is_drawdown_tripped
        or state.trading is not TradingState.ACTIVE
    )
    hard = tier_caps(state.tier, policy.tiers)
    earned = _earned_caps(core)
    for name in SLEEVES:
        caps = named_caps(
            getattr(hard, name),
            getattr(earned, name),
            float(equity),
            float(peak),
            state.evidence_at(core.now_ns, name),
            policy.exposure,
        )
        before = state.exposure.get(name, exact(getattr(hard, name)))
        after = step_exposure(float(before), caps, policy.exposure, is_tripped)
        in_force = exact(after.exposure)
        if in_force != before or name not in state.exposure:
            core.record(
                ExposureMoved(
                    at_ns=core.now_ns,
                    sleeve=name,
                    before=before,
                    after=in_force,
                    binding=after.binding.name.lower(),
                    caps=_texts(caps),
                )
            )


def _earned_caps(core: Core) -> Caps:
    policy = core.config.policy
    if not policy.record.is_earned:
        return Caps(math.inf, math.inf)
    return tier_caps(earned_tier(core, core.state.breakers.is_emergency), policy.tiers)


def _texts(caps: ExposureCaps) -> dict[str, str]:
    """Return every cap as text; one that is not in force is left empty."""
    return {
        name: "" if math.isinf(cap) else repr(cap)
        for name, cap in zip(caps._fields, caps, strict=True)
    }
