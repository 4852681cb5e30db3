"""Settings become the policy and the engine's bounds."""

from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.ladder import LadderConfig
from smart_leverage.engine.proof import exact
from smart_leverage.policy.breakers import LossLimits
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.earning import ExposureTerms
from smart_leverage.policy.evidence import RecordTerms
from smart_leverage.policy.intraday import IntradayTerms
from smart_leverage.policy.params import Policy
from smart_leverage.policy.sizing import EdgeTerms, Sizing
from smart_leverage.policy.steady_breakers import RollingTerms
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import Caps, Tier, TierCaps, TierThresholds
from smart_leverage.settings import ExposureSection, Settings, TierSection


def policy_of(settings: Settings) -> Policy:
    """Return the numbers that `decide` works with."""
    tiers, limits = settings.tiers, settings.limits
    return Policy(
        thresholds=TierThresholds(
            month_return_emergency=tiers.month_return_emergency,
            win_rate_stable=tiers.win_rate_stable,
            win_rate_profitable=tiers.win_rate_profitable,
            trades_min=tiers.trades_min,
        ),
        tiers=TierCaps(
            emergency=_caps(tiers.emergency),
            learning=_caps(tiers.learning),
            stable=_caps(tiers.stable),
            profitable=_caps(tiers.profitable),
        ),
        groups=GroupCaps(
            gross=limits.gross_cap, symbol=limits.symbol_cap, symbol_broad=limits.symbol_cap_broad
        ),
        sizing=Sizing(**settings.sizing.model_dump()),
        limits=LossLimits(
            loss_limit_daily_asset=limits.loss_limit_daily_asset,
            loss_limit_daily=limits.loss_limit_daily,
            loss_limit_monthly=limits.loss_limit_monthly,
        ),
        deleveraging=Deleveraging(**settings.deleveraging.model_dump()),
        stops=Stops(**settings.stops.model_dump()),
        exposure=_exposure(settings.exposure),
        record=RecordTerms(
            is_earned=settings.record.earned == "on",
            **settings.record.model_dump(exclude={"earned"}),
        ),
        rolling=RollingTerms(
            is_rolling=settings.breakers.rolling == "on",
            drawdown_limit=settings.breakers.drawdown_limit,
            loss_limit_sleeve=settings.breakers.loss_limit_sleeve,
        ),
        edge=EdgeTerms(
            is_edge_sized=settings.edge.sized == "on",
            **settings.edge.model_dump(exclude={"sized"}),
        ),
        intraday=IntradayTerms(
            is_on=settings.intraday.plan == "on",
            **settings.intraday.model_dump(exclude={"plan"}),
        ),
    )


def engine_config(settings: Settings) -> EngineConfig:
    """Return everything that an engine is told once."""
    execution = settings.execution
    return EngineConfig(
        policy=policy_of(settings),
        ladder=LadderConfig(
            age_max_s=execution.price_age_max_s, still_max_s=execution.price_still_max_s
        ),
        risk_timezone=settings.risk.timezone,
        tier_ceiling=Tier[settings.tiers.ceiling.upper()],
        collar=exact(execution.collar),
        cost_rate=exact(execution.cost_rate),
        order_times_max=exact(execution.order_times_max),
        entry_life_s=execution.entry_life_s,
        mark_every_s=execution.mark_every_s,
        loosen_after_hours=settings.risk.loosen_after_hours,
        ramp_start=exact(settings.ramp.start),
        ramp_days=settings.ramp.days,
        adopted_consent=settings.account.adopted_consent == "given",
    )


def _exposure(section: ExposureSection) -> ExposureTerms:
    switches = {"drawdown_cap", "tail_cap", "kelly_cap", "volatility_cap", "look_through"}
    return ExposureTerms(
        is_drawdown_capped=section.drawdown_cap == "on",
        is_tail_capped=section.tail_cap == "on",
        is_kelly_capped=section.kelly_cap == "on",
        is_volatility_capped=section.volatility_cap == "on",
        is_look_through=section.look_through == "on",
        **section.model_dump(exclude=switches),
    )


def _caps(section: TierSection) -> Caps:
    return Caps(crypto=section.crypto_cap, leveraged=section.total_cap)
