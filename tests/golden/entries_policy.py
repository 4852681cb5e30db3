"""How the inputs of a case reach the rules of `policy`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.golden.public import Public, number, plainly


def tier_and_caps(public: Public, win_rate: float, month_return: float, at: Any) -> dict[str, Any]:
    tier = public("policy.tier.select_tier")(win_rate, month_return, at)
    caps = public("policy.tier.tier_caps")(tier, public("policy.tier.TierCaps")())
    return {
        "tier": tier.name.lower(),
        "crypto_cap": caps.crypto,
        "total_cap": caps.leveraged,
    }


def seed_tier(public: Public, win_rate: Any, month_return: Any) -> dict[str, Any]:
    at = public("policy.tier.TierThresholds")()
    return tier_and_caps(public, number(win_rate), number(month_return), at)


def seed_tier_from_counts(
    public: Public,
    wins: int,
    trades: int,
    equity_month_start: float,
    equity_now: float,
    min_trades: int,
) -> dict[str, Any]:
    at = public("policy.tier.TierThresholds")(trades_min=min_trades)
    win_rate = public("policy.tier.win_rate_of")(wins, trades, at.trades_min)
    return tier_and_caps(public, win_rate, equity_now / equity_month_start - 1.0, at)


def seed_vol_adjustment(public: Public, volatility_ratio: Any) -> Any:
    at = public("policy.sizing.Sizing")()
    return public("policy.sizing.volatility_adjustment")(number(volatility_ratio), at)


def seed_position_size(
    public: Public,
    portfolio_value: float,
    crypto_cap: float,
    confidence: float,
    volatility_ratio: float,
    held_and_open_crypto: float,
) -> Any:
    at = public("policy.sizing.Sizing")()
    equity, cap = number(portfolio_value), number(crypto_cap)
    size = public("policy.sizing.position_size")(
        equity, cap, number(confidence), number(volatility_ratio), at
    )
    return min(size, public("policy.caps.headroom")(cap, equity, number(held_and_open_crypto)))


def seed_breaker_path(
    public: Public,
    marks: list[tuple[str, float]],
    resume_before_index: list[int],
    day_limit: float,
    month_limit: float,
    emergency: float,
) -> list[str]:
    """Walk along marks of equity; the opening of a period is the last mark before it."""
    limits = public("policy.breakers.LossLimits")(
        loss_limit_daily=day_limit, loss_limit_monthly=month_limit
    )
    clear = public("policy.breakers.BreakerState")(False, False, False)
    state, opens = clear, {"day": number(marks[0][1]), "month": number(marks[0][1])}
    last_time, last_equity = datetime.fromisoformat(marks[0][0]), number(marks[0][1])
    path = []
    for index, (text, mark) in enumerate(marks):
        time, equity = datetime.fromisoformat(text), number(mark)
        if time.date() != last_time.date():
            opens["day"], state = last_equity, state._replace(is_day_tripped=False)
        if (time.year, time.month) != (last_time.year, last_time.month):
            opens["month"] = last_equity
        if index in resume_before_index:
            opens, state = {"day": equity, "month": equity}, clear
        state = public("policy.breakers.step_breakers")(
            state, equity, public("policy.breakers.BreakerOpens")(**opens), limits, emergency
        )
        path.append(BREAKER_WORDS[public("policy.breakers.severity")(state).name])
        last_time, last_equity = time, equity
    return path


BREAKER_WORDS = {
    "NORMAL": "normal",
    "EMERGENCY": "emergency",
    "DAY": "day_halt",
    "MONTH": "month_halt",
    "DRAWDOWN": "drawdown_halt",
}


def liquidation_price_ratio(
    public: Public, leverage: float, maintenance_margin: float, side: str
) -> Any:
    return public("policy.margin.liquidation_price_ratio")(
        number(leverage), number(maintenance_margin), side == "short"
    )


def two_month_drawdown(public: Public, monthly_loss: float, months: int) -> Any:
    rule = public("policy.target.two_month_drawdown_at_monthly_limit")
    return rule(number(monthly_loss), months)


def daily_trigger_probability(
    public: Public, basis: str, exposure: float, limit: float, daily_vol: float
) -> Any:
    """A limit on the position's own value counts from exposure 1, the others from equity."""
    share = 1.0 if basis == "asset_loss_on_own_value" else number(exposure)
    rule = public("policy.target.daily_trigger_probability")
    return rule(share, number(limit), number(daily_vol))


def ewma_volatility(
    public: Public, returns: list[float], lam: float, periods_per_year: float
) -> Any:
    walk = public("policy.volatility.ewma_volatility")
    return walk([number(value) for value in returns], number(lam), number(periods_per_year))


def daily_rebalanced_leverage(public: Public, returns: list[float], leverage: float) -> Any:
    walk = public("policy.volatility.daily_rebalanced_leverage")
    return walk([number(value) for value in returns], number(leverage))._asdict()


def surplus(public: Public, multiplier: float, alpha: float, wealth: float, peak: float) -> Any:
    rule = public("policy.drawdown.surplus_exposure")
    return rule(number(multiplier), number(alpha), number(wealth), number(peak))


def posterior_tier_path(
    public: Public,
    outcomes: str,
    prior_a: float,
    prior_b: float,
    discount: float,
    threshold_1: float,
    threshold_2: float,
    promote_probability: float,
    demote_probability: float,
    min_effective_trades_1: float,
    min_effective_trades_2: float,
) -> dict[str, Any]:
    """Walk along closed trades; tiers are counted from the lowest that trades."""
    at = public("policy.evidence.EvidenceTerms")(
        prior_a=number(prior_a),
        prior_b=number(prior_b),
        discount=number(discount),
        threshold_1=number(threshold_1),
        threshold_2=number(threshold_2),
        promote_probability=number(promote_probability),
        demote_probability=number(demote_probability),
        trades_min_1=number(min_effective_trades_1),
        trades_min_2=number(min_effective_trades_2),
    )
    lowest = public("policy.tier.Tier").LEARNING
    state = public("policy.evidence.EvidenceState")(wins=0.0, losses=0.0, tier=lowest)
    step, above = (
        public(f"policy.evidence.{name}") for name in ("step_evidence", "posterior_prob_above")
    )
    changes = [[0, 0]]
    for index, outcome in enumerate(outcomes):
        state = step(state, outcome == "1", at)
        tier = int(state.tier) - int(lowest)
        if tier != changes[-1][1]:
            changes.append([index, tier])
    counts = (at.prior_a, at.prior_b, state.wins, state.wins + state.losses)
    return {
        "tier_changes": changes,
        "final_p1": above(*counts, at.threshold_1),
        "final_p2": above(*counts, at.threshold_2),
    }


def steady_breaker_path(
    public: Public,
    marks: list[tuple[str, float]],
    resume_before_index: list[int],
    day_limit: float,
    month_limit: float,
    emergency: float,
    drawdown_limit: float,
    rolling_day_hours: float,
    rolling_month_days: float,
) -> list[str]:
    at = public("policy.steady_breakers.SteadyLimits")(
        loss_limit_daily=number(day_limit),
        loss_limit_monthly=number(month_limit),
        drawdown_limit=number(drawdown_limit),
        month_return_emergency=number(emergency),
        rolling_day_s=number(rolling_day_hours) * 3600.0,
        rolling_month_s=number(rolling_month_days) * 86_400.0,
    )
    told = []
    for index, (text, equity) in enumerate(marks):
        time = datetime.fromisoformat(text)
        told.append(
            public("policy.steady_breakers.Mark")(
                time_s=(time - datetime(1970, 1, 1)).total_seconds(),  # noqa: DTZ001 - risk zone
                day=time.toordinal(),
                month=12 * time.year + time.month,
                equity=number(equity),
                is_resumed=index in resume_before_index,
            )
        )
    worst = public("policy.steady_breakers.steady_severity")
    path = public("policy.steady_breakers.steady_breaker_path")(told, at)
    return [BREAKER_WORDS[worst(state).name] for state in path]


def exposure_decision(
    public: Public,
    tier: int,
    vol_target: float,
    sigma: float,
    dd_multiplier: float,
    alpha: float,
    peak: float,
    equity: float,
    kelly_fraction: float,
    shrink: float,
    mu: float,
    es_limit: float,
    es_unit: float,
    hard_cap: float,
) -> dict[str, Any]:
    """Give each cap its evidence; tiers are counted from the lowest that trades."""
    kinds, caps = public("policy.tier.Tier"), public("policy.tier.TierCaps")()
    told = public("policy.exposure.ExposureCaps")(
        hard=number(hard_cap),
        drawdown=surplus(public, dd_multiplier, alpha, equity, peak),
        tail=public("policy.tail.tail_cap")(number(es_limit), number(es_unit)),
        kelly=public("policy.kelly.kelly_cap")(
            number(kelly_fraction), number(shrink), number(mu), number(sigma)
        ),
        volatility=public("policy.exposure.volatility_cap")(number(vol_target), number(sigma)),
        evidence=public("policy.exposure.evidence_cap")(kinds(tier + kinds.LEARNING), caps),
    )
    decided = public("policy.exposure.exposure_decision")(told)
    return {
        "caps": told._asdict(),
        "exposure": decided.exposure,
        "binding": public("policy.exposure.Cap")(decided.binding).name.lower(),
    }


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "seed_tier": seed_tier,
    "seed_tier_from_counts": seed_tier_from_counts,
    "seed_vol_adjustment": seed_vol_adjustment,
    "seed_position_size": seed_position_size,
    "seed_breaker_path": seed_breaker_path,
    "monthly_target_amount": plainly(
        "policy.target.monthly_target_amount", portfolio_value="equity"
    ),
    "daily_simple": plainly("policy.target.daily_simple"),
    "daily_compound": plainly("policy.target.daily_compound"),
    "annual_compound": plainly("policy.target.annual_compound"),
    "required_sleeve_return": plainly("policy.target.required_sleeve_return"),
    "required_sleeve_sharpe": plainly("policy.target.required_sleeve_sharpe"),
    "breakeven_win_rate": plainly("policy.target.breakeven_win_rate"),
    "required_win_rate_simple": plainly("policy.target.required_win_rate_simple"),
    "required_win_rate_log": plainly("policy.target.required_win_rate_log"),
    "consecutive_days_to_monthly_limit": plainly("policy.target.consecutive_days_to_monthly_limit"),
    "two_month_drawdown_at_monthly_limit": two_month_drawdown,
    "daily_trigger_probability": daily_trigger_probability,
    "daily_rebalanced_leverage": daily_rebalanced_leverage,
    "leveraged_return_exact": plainly("policy.volatility.leveraged_return_exact"),
    "ewma_volatility": ewma_volatility,
    "vol_target_scale": plainly("policy.volatility.vol_target_scale"),
    "liquidation_price_ratio": liquidation_price_ratio,
    "prob_touch_barrier": plainly("policy.margin.prob_touch_barrier"),
    "kelly_binary": plainly("policy.kelly.kelly_binary"),
    "log_growth_binary": plainly("policy.kelly.log_growth_binary"),
    "optimal_leverage_gbm": plainly("policy.kelly.optimal_leverage_gbm"),
    "growth_rate_gbm": plainly("policy.kelly.growth_rate_gbm"),
    "fractional_kelly": plainly("policy.kelly.fractional_kelly"),
    "kelly_estimation_shrinkage": plainly("policy.kelly.kelly_estimation_shrinkage"),
    "kelly_posterior": plainly("policy.kelly.kelly_posterior"),
    "gz_exposure": surplus,
    "gz_growth": plainly("policy.drawdown.gz_growth"),
    "gz_min_sharpe": plainly("policy.drawdown.gz_min_sharpe"),
    "gap_cap": plainly("policy.drawdown.gap_cap"),
    "es_exposure_cap": plainly("policy.tail.es_exposure_cap"),
    "posterior_prob_above": plainly("policy.evidence.posterior_prob_above"),
    "credible_interval": plainly("policy.evidence.credible_interval"),
    "posterior_tier_path": posterior_tier_path,
    "steady_breaker_path": steady_breaker_path,
    "payoff_thresholds": plainly("policy.evidence.payoff_thresholds"),
    "steady_confidence_multiplier": plainly("policy.sizing.edge_multiplier"),
    "exposure_decision": exposure_decision,
}
"""Which of our rules answers a case."""
