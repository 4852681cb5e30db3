"""What a rule is given and cannot use: each figure alone makes it answer on the careful side.

A rule is called with figures that it can use, then with one of them out of its range at a time. At
the edges that belong to the range it has to answer as inside.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smart_leverage.policy.breakers import LossLimits, is_asset_locked, loss_since
from smart_leverage.policy.caps import exposure_of, headroom, lots_proved, lots_within
from smart_leverage.policy.drawdown import (
    cushion_exposure,
    gap_cap,
    gz_min_sharpe,
    surplus_exposure,
    surplus_multiplier,
)
from smart_leverage.policy.earning import whole_steps
from smart_leverage.policy.evidence import (
    credible_interval,
    payoff_thresholds,
    posterior_prob_above,
)
from smart_leverage.policy.exposure import volatility_cap
from smart_leverage.policy.kelly import (
    fractional_kelly,
    kelly_binary,
    kelly_cap,
    kelly_estimation_shrinkage,
    kelly_posterior,
    log_growth_binary,
    optimal_leverage_gbm,
)
from smart_leverage.policy.margin import prob_touch_barrier
from smart_leverage.policy.sizing import Sizing, edge_multiplier, size_by_factor
from smart_leverage.policy.steady_breakers import RollingTerms, is_sleeve_locked
from smart_leverage.policy.tail import es_exposure_cap, tail_cap
from smart_leverage.policy.tier import Tier, TierThresholds, select_tier
from smart_leverage.policy.volatility import annualised, leveraged_return_exact, vol_target_scale

NAN, INF = math.nan, math.inf
NOT_ABOVE_ZERO = (NAN, 0.0, -1.0, -INF)
NEGATIVE = (NAN, -1e-9, -1.0, -INF)
NO_SHARE = (NAN, -1e-9, 1.0 + 1e-9, INF, -INF)
RECORD = (NAN, -1e-9, 11.0, INF)
"""Wins that a record of ten trades cannot have."""

RULES: list[tuple[str, Callable[..., Any], dict[str, Any], dict[str, tuple[Any, ...]], Any]] = [
    ("kelly_binary", kelly_binary, {"p": 0.6, "gain": 1.0, "loss": 1.0},
     {"p": NO_SHARE, "gain": (*NOT_ABOVE_ZERO, INF), "loss": (*NOT_ABOVE_ZERO, INF)}, (NAN, 0.0)),
    ("log_growth_binary", log_growth_binary,
     {"p": 0.6, "gain": 1.0, "loss": 1.0, "fraction": 0.1},
     {"p": NO_SHARE, "gain": NOT_ABOVE_ZERO, "loss": NOT_ABOVE_ZERO, "fraction": NEGATIVE}, NAN),
    ("optimal_leverage_gbm", optimal_leverage_gbm, {"mu": 0.1, "rate": 0.02, "sigma": 0.2},
     {"sigma": (*NOT_ABOVE_ZERO, 1e-200)}, (NAN, NAN, NAN)),
    ("fractional_kelly", fractional_kelly, {"fraction_of_kelly": 0.5, "floor_fraction": 0.5},
     {"fraction_of_kelly": NEGATIVE, "floor_fraction": NEGATIVE}, (NAN, 1.0)),
    ("kelly_posterior", kelly_posterior,
     {"prior_a": 5.0, "prior_b": 5.0, "wins": 6.0, "trades": 10.0, "payoff_ratio": 2.0,
      "lower_quantile": 0.2},
     {"prior_a": NOT_ABOVE_ZERO, "prior_b": NOT_ABOVE_ZERO, "wins": RECORD,
      "trades": (NAN, 5.0, INF)}, (NAN, 0.0, NAN, 0.0)),
    ("kelly_cap", kelly_cap, {"kelly_fraction": 0.5, "shrink": 0.5, "mu": 0.1, "sigma": 0.5},
     {"kelly_fraction": NOT_ABOVE_ZERO, "shrink": NOT_ABOVE_ZERO, "mu": NOT_ABOVE_ZERO,
      "sigma": (*NOT_ABOVE_ZERO, -0.5, 1e-200)}, 0.0),
    ("size_by_factor",
     lambda **given: size_by_factor(**given, volatility_ratio=1.0, at=Sizing()),
     {"equity": 1e5, "cap": 0.25, "factor": 1.0},
     {"equity": (*NOT_ABOVE_ZERO, INF), "cap": NOT_ABOVE_ZERO, "factor": NOT_ABOVE_ZERO}, 0.0),
    ("edge_multiplier", edge_multiplier,
     {"confidence": 0.6, "breakeven": 0.5, "reference": 0.7, "upper": 1.5},
     {"confidence": (*NO_SHARE, 0.5), "breakeven": (*NEGATIVE, 0.7, 0.8),
      "reference": (NAN, 0.5, 0.4, -INF), "upper": NOT_ABOVE_ZERO}, 0.0),
    ("tail_cap", tail_cap, {"limit": 0.015, "es_per_unit": 0.05},
     {"limit": (*NOT_ABOVE_ZERO, INF), "es_per_unit": NOT_ABOVE_ZERO}, 0.0),
    ("es_exposure_cap", es_exposure_cap, {"limit": 0.015, "es_per_unit": 0.05, "cap": 0.6},
     {"limit": (*NOT_ABOVE_ZERO, INF), "es_per_unit": NOT_ABOVE_ZERO, "cap": NOT_ABOVE_ZERO}, 0.0),
    ("volatility_cap", volatility_cap, {"target": 0.1, "sigma": 0.6},
     {"target": (*NOT_ABOVE_ZERO, INF), "sigma": NOT_ABOVE_ZERO}, 0.0),
    ("headroom", headroom, {"cap": 0.25, "equity": 1e5, "worst": 1e4},
     {"cap": (*NOT_ABOVE_ZERO, INF), "equity": (*NOT_ABOVE_ZERO, INF),
      "worst": (NAN, INF, -INF, 25_000.0, 3e4)}, 0.0),
    ("lots_within", lots_within, {"room": 100.0, "lot_value": 0.01},
     {"room": (*NOT_ABOVE_ZERO, INF), "lot_value": NOT_ABOVE_ZERO}, 0),
    ("lots_proved", lots_proved,
     {"cap": 0.25, "equity": 1e5, "used": 1e4, "unit_worst": 60.0, "unit_loss": 1.0, "lot": 0.01},
     {"cap": NOT_ABOVE_ZERO, "equity": (*NOT_ABOVE_ZERO, INF), "used": (NAN, INF, 25_000.0),
      "unit_worst": (NAN, -60.0), "unit_loss": (NAN, -1e3), "lot": NOT_ABOVE_ZERO}, 0),
    ("posterior_prob_above", posterior_prob_above,
     {"prior_a": 5.0, "prior_b": 5.0, "wins": 6.0, "trades": 10.0, "threshold": 0.5},
     {"prior_a": NOT_ABOVE_ZERO, "prior_b": NOT_ABOVE_ZERO, "wins": RECORD,
      "trades": (NAN, 5.0, INF), "threshold": (NAN, 1.0, 2.0)}, 0.0),
    ("credible_interval", credible_interval,
     {"prior_a": 5.0, "prior_b": 5.0, "wins": 6.0, "trades": 10.0, "level": 0.9},
     {"prior_a": NOT_ABOVE_ZERO, "prior_b": NOT_ABOVE_ZERO, "wins": RECORD,
      "trades": (NAN, 5.0, INF), "level": NO_SHARE}, (0.0, 1.0, NAN)),
    ("payoff_thresholds", payoff_thresholds,
     {"wins": 6.0, "losses": 4.0, "mean_win": 0.02, "mean_loss": 0.01, "cost_per_trade": 0.001,
      "prior_trades": 20.0, "offset_2": 0.1},
     {"wins": NEGATIVE, "losses": NEGATIVE, "mean_win": (NAN, -1.0, INF),
      "mean_loss": (NAN, -1.0, INF), "cost_per_trade": NEGATIVE,
      "prior_trades": NOT_ABOVE_ZERO}, (0.0, INF, INF, INF)),
    ("surplus_exposure", surplus_exposure,
     {"multiplier": 4.0, "alpha": 0.93, "wealth": 1e5, "peak": 1e5},
     {"multiplier": (*NOT_ABOVE_ZERO, INF), "alpha": NEGATIVE, "wealth": NOT_ABOVE_ZERO,
      "peak": (*NOT_ABOVE_ZERO, INF)}, 0.0),
    ("cushion_exposure", cushion_exposure,
     {"multiplier": 2.0, "floor": 9e4, "wealth": 1e5, "exposure_cap": 0.6},
     {"multiplier": (*NOT_ABOVE_ZERO, INF), "floor": (*NEGATIVE, 1e5, INF),
      "wealth": (*NOT_ABOVE_ZERO, INF), "exposure_cap": NOT_ABOVE_ZERO}, 0.0),
    ("surplus_multiplier", surplus_multiplier,
     {"mu": 0.2, "rate": 0.02, "sigma": 0.5, "alpha": 0.9, "risk_tolerance": 0.0},
     {"mu": (NAN, 0.02, 0.01), "rate": (NAN, 0.2, 0.3), "sigma": (*NOT_ABOVE_ZERO, 1e-200),
      "alpha": (NAN, -1e-9, 1.0), "risk_tolerance": (NAN, 1.0, 2.0)}, 0.0),
    ("gap_cap", gap_cap, {"surplus": 0.07, "worst_gap": 0.3},
     {"surplus": (*NOT_ABOVE_ZERO, INF), "worst_gap": NOT_ABOVE_ZERO}, 0.0),
    ("whole_steps", whole_steps, {"exposure": 0.257, "steps": 100.0},
     {"exposure": NOT_ABOVE_ZERO, "steps": NOT_ABOVE_ZERO}, 0.0),
    ("loss_since", loss_since, {"opening": 1e5, "equity": 9e4},
     {"opening": (*NOT_ABOVE_ZERO, INF), "equity": (NAN, INF, -INF)}, NAN),
    ("is_asset_locked", lambda **given: is_asset_locked(**given, limits=LossLimits()),
     {"loss": 3e3, "opening_equity": 1e5},
     {"loss": (NAN, 0.0, -1.0), "opening_equity": (*NOT_ABOVE_ZERO, INF)}, False),
    ("is_sleeve_locked", is_sleeve_locked,
     {"loss": 3e3, "opening_equity": 1e5, "at": RollingTerms(is_rolling=True)},
     {"loss": (NAN, 0.0, -1.0), "opening_equity": (*NOT_ABOVE_ZERO, INF),
      "at": (RollingTerms(),)}, False),
    ("annualised", annualised, {"variance": 1e-4, "periods_per_year": 252.0},
     {"variance": (NAN, -1e-9), "periods_per_year": (NAN, -1.0)}, NAN),
    ("leveraged_return_exact", leveraged_return_exact,
     {"underlying_return": 0.1, "leverage": 2.0, "integrated_variance": 0.04, "rate": 0.0,
      "years": 1.0},
     {"underlying_return": (NAN, -1.0, -2.0)}, NAN),
    ("select_tier", lambda **given: select_tier(**given, at=TierThresholds()),
     {"win_rate": 0.7, "month_return": 0.0}, {"win_rate": (NAN, 1.0 + 1e-9, 60.0, INF)},
     Tier.LEARNING),
    ("prob_touch_barrier", prob_touch_barrier,
     {"price_ratio": 0.9, "drift": 0.1, "sigma": 0.2, "years": 0.5},
     {"price_ratio": (NAN, 1.0, 2.0), "drift": (NAN,), "sigma": (*NOT_ABOVE_ZERO, INF, 1e-200),
      "years": (NAN, INF)}, 1.0),
]  # fmt: skip


def is_alike(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return all(is_alike(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other or (one != one and other != other))


def unusable() -> Iterator[Any]:
    for name, rule, given, bad, refused in RULES:
        for field, values in bad.items():
            for value in values:
                yield pytest.param(
                    rule, given | {field: value}, refused, id=f"{name}-{field}-{value}"[:60]
                )


@pytest.mark.parametrize(("rule", "given", "refused"), list(unusable()))
def test_one_figure_that_cannot_be_is_enough(
    rule: Callable[..., Any], given: dict[str, Any], refused: Any
) -> None:
    assert is_alike(rule(**given), refused), rule(**given)


@pytest.mark.parametrize(
    ("rule", "given", "refused"),
    [pytest.param(rule, given, refused, id=name) for name, rule, given, _, refused in RULES],
)
def test_figures_that_can_be_are_used(
    rule: Callable[..., Any], given: dict[str, Any], refused: Any
) -> None:
    assert not is_alike(rule(**given), refused)


@pytest.mark.parametrize(
    ("rule", "given", "wanted"),
    [
        pytest.param(kelly_binary, (0.0, 1.0, 1.0), (-1.0, 0.0), id="never-won"),
        pytest.param(kelly_binary, (1.0, 1.0, 0.5), (2.0, 2.0), id="never-lost"),
        pytest.param(log_growth_binary, (0.0, 1.0, 1.0, 0.5), math.log(0.5), id="loses-half"),
        pytest.param(log_growth_binary, (0.0, INF, 1.0, 0.5), math.log(0.5), id="never-all"),
        pytest.param(log_growth_binary, (1.0, 1.0, 1.0, 0.5), math.log(1.5), id="wins-half"),
        pytest.param(log_growth_binary, (1.0, 1.0, 1.0, 2.0), math.log(3.0), id="nothing-to-lose"),
        pytest.param(log_growth_binary, (0.5, 1.0, 1.0, 0.0), 0.0, id="nothing-staked"),
        pytest.param(log_growth_binary, (0.5, 1.0, 0.5, 2.0), -INF, id="a-loss-takes-all"),
        pytest.param(log_growth_binary, (0.5, 1.0, 0.5, 3.0), -INF, id="a-loss-takes-more"),
        pytest.param(fractional_kelly, (0.0, 0.5), (0.0, 0.0), id="nothing-staked-of-kelly"),
        pytest.param(fractional_kelly, (0.0, 1.0), (0.0, 1.0), id="the-floor-is-where-it-stands"),
        pytest.param(fractional_kelly, (0.5, 0.0), (0.75, 0.0), id="no-floor"),
        pytest.param(fractional_kelly, (1.0, 0.5), (1.0, 0.5), id="all-of-kelly"),
        pytest.param(fractional_kelly, (0.5, 0.5), (0.75, 0.125), id="half-of-kelly"),
        pytest.param(
            lambda *given: fractional_kelly(*given)[1],
            (1.5, 0.5), 0.5 ** (1 / 3), id="beyond-kelly",
        ),
        pytest.param(fractional_kelly, (2.0, 0.5), (0.0, 1.0), id="twice-kelly"),
        pytest.param(fractional_kelly, (3.0, 0.5), (-3.0, 1.0), id="beyond-twice"),
        pytest.param(fractional_kelly, (0.5, 2.0), (0.75, 1.0), id="a-floor-above"),
        pytest.param(edge_multiplier, (1.0, 0.5, 0.75, 3.0), 2.0, id="certain"),
        pytest.param(edge_multiplier, (0.5, 0.0, 0.5, 3.0), 1.0, id="nothing-to-earn-back"),
        pytest.param(edge_multiplier, (0.9, 0.5, 0.7, 1.5), 1.5, id="at-most"),
        pytest.param(es_exposure_cap, (0.03, 0.05, 0.6), 0.6, id="the-cap-binds"),
        pytest.param(es_exposure_cap, (0.03, 0.05, 0.5), 0.5, id="below-what-the-tail-allows"),
        pytest.param(es_exposure_cap, (0.03, 0.05, 2.0), 0.6, id="the-tail-binds"),
        pytest.param(headroom, (0.25, 1e5, 0.0), 25_000.0, id="nothing-held"),
        pytest.param(headroom, (0.25, 1e5, -5.0), 25_000.0, id="a-negative-adds-no-room"),
        pytest.param(headroom, (0.25, 1e5, 0.5), 24_999.5, id="half-a-unit-held"),
        pytest.param(exposure_of, (5e4, 1e5), 0.5, id="exposure"),
        pytest.param(exposure_of, (0.25, 0.5), 0.5, id="exposure-of-half-a-unit"),
        pytest.param(exposure_of, (1.0, 0.0), INF, id="nothing-carries-it"),
        pytest.param(exposure_of, (1.0, NAN), INF, id="nobody-knows-what-carries-it"),
        pytest.param(posterior_prob_above, (5.0, 5.0, 6.0, 10.0, -1e-9), 1.0, id="above-nothing"),
        pytest.param(posterior_prob_above, (5.0, 5.0, 6.0, 10.0, 0.0), 1.0, id="above-zero"),
        pytest.param(posterior_prob_above, (0.5, 0.5, 0.0, 0.0, 0.5), 0.5, id="half-a-prior"),
        pytest.param(credible_interval, (5.0, 5.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.5), id="all-of-it"),
        pytest.param(credible_interval, (5.0, 5.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.5), id="middle"),
        pytest.param(
            lambda *given: credible_interval(*given)[2],
            (5.0, 5.0, 6.0, 10.0, 0.9), 11.0 / 20.0, id="the-mean",
        ),
        pytest.param(surplus_exposure, (4.0, 0.0, 0.5, 0.5), 4.0, id="no-floor-below"),
        pytest.param(surplus_exposure, (4.0, 0.5, 0.5, 0.5), 2.0, id="half-a-unit-of-wealth"),
        pytest.param(surplus_exposure, (0.5, 0.5, 1e5, 1e5), 0.25, id="half-a-multiple"),
        pytest.param(surplus_exposure, (4.0, 0.9, 9.0, 10.0), 0.0, id="at-the-floor"),
        pytest.param(cushion_exposure, (2.0, 0.0, 0.5, 9.0), 2.0, id="half-a-unit-above-nothing"),
        pytest.param(cushion_exposure, (0.5, 0.5, 1.0, 0.9), 0.25, id="half-of-the-cushion"),
        pytest.param(cushion_exposure, (4.0, 0.5, 1.0, 0.9), 0.9, id="up-to-the-cap"),
        pytest.param(surplus_multiplier, (0.2, 0.0, 0.5, 0.0, 0.5), 1.6, id="half-tolerance"),
        pytest.param(surplus_multiplier, (0.2, 0.0, 0.5, 0.5, -1.0), 0.8 / 1.5, id="averse"),
        pytest.param(gz_min_sharpe, (0.0, 0.08), 0.0, id="nothing-to-earn"),
        pytest.param(gz_min_sharpe, (-0.1, 0.08), 0.0, id="less-than-nothing-to-earn"),
        pytest.param(gz_min_sharpe, (0.05, 0.0), INF, id="no-drawdown-allowed"),
        pytest.param(gz_min_sharpe, (0.05, NAN), INF, id="nobody-knows-the-drawdown"),
        pytest.param(gz_min_sharpe, (math.e - 1.0, 0.24), 10.0, id="twelve-months-of-log-growth"
        ),
        pytest.param(loss_since, (0.5, 0.25), 0.5, id="half-of-half-a-unit"),
        pytest.param(vol_target_scale, (0.1, 0.2, 0.0, 1.0), 0.5, id="between-the-bounds"),
        pytest.param(vol_target_scale, (0.1, 0.0, 0.2, 1.0), 0.2, id="no-volatility-lower"),
        pytest.param(vol_target_scale, (0.1, 0.01, 0.2, 1.0), 1.0, id="upper"),
        pytest.param(vol_target_scale, (0.1, 1.0, 0.2, 1.0), 0.2, id="lower"),
        pytest.param(vol_target_scale, (NAN, 1.0, 0.2, 1.0), 0.2, id="no-target-lower"),
        pytest.param(whole_steps, (0.29, 100.0), 0.29, id="a-hair-below-a-step-is-the-step"),
        pytest.param(whole_steps, (0.0199, 100.0), 0.01, id="whole-steps-only"),
        pytest.param(whole_steps, (0.75, 2.0), 0.5, id="halves"),
        pytest.param(whole_steps, (1e9 + 0.5, 1.0), 1e9 + 0.5, id="just-too-many-to-count"),
        pytest.param(whole_steps, (1e8, 100.0), 1e8, id="too-many-to-count"),
        pytest.param(prob_touch_barrier, (0.9, 0.1, 0.2, 0.0), 0.0, id="no-time-left"),
        pytest.param(prob_touch_barrier, (0.9, 0.1, 0.2, -1.0), 0.0, id="time-is-over"),
        pytest.param(prob_touch_barrier, (0.0, 0.1, 0.2, 0.5), 0.0, id="never-at-nothing"),
        pytest.param(prob_touch_barrier, (-1.0, 0.1, 0.2, 0.5), 0.0, id="never-below-nothing"),
    ],
)  # fmt: skip
def test_edges_belong_to_the_range(
    rule: Callable[..., Any], given: tuple[Any, ...], wanted: Any
) -> None:
    assert rule(*given) == pytest.approx(wanted, abs=1e-12)


def test_a_lot_is_bought_that_only_rounding_took_and_none_that_is_short() -> None:
    assert lots_within(0.3, 0.1) == 3
    assert lots_within(100.0 * (1.0 - 1e-11), 0.01) == 9_999
    assert lots_within(0.5, 0.5) == 1
    assert lots_within(0.49, 0.5) == 0
    assert lots_within(2.0**53 - 2.0, 1.0) >= 2**53 - 2
    assert lots_within(2.0**53 - 1.0, 1.0) == 0


def test_lots_are_proved_with_what_their_purchase_costs() -> None:
    # Used + x × worst ≤ cap × (equity − x × loss), with x = 100 exactly at the edge.
    assert lots_proved(0.5, 1000.0, 200.0, 2.5, 1.0, 1.0) == 100
    assert lots_proved(0.5, 999.9, 200.0, 2.5, 1.0, 1.0) == 99
    assert lots_proved(0.5, 1.0, 0.25, 0.25, 0.0, 0.5) == 2
    assert lots_proved(0.5, 1e4, 0.0, 0.0, 1.0, 1.0) == 10_000
    assert lots_proved(0.5, 1e3, 0.0, 0.0, 0.0, 1.0) == 0
    assert lots_proved(1.0, 2.0**53 - 1.0, 0.0, 1.0, 0.0, 1.0) == 0
    assert lots_proved(1.0, 2.0**53 - 2.0, 0.0, 1.0, 0.0, 1.0) == 2**53 - 2
    assert lots_proved(1.0, 2.0**53, 0.0, 1.0, 0.0, 1.0) == 0


def test_shrinkage_grows_with_the_evidence_and_without_any_nothing_is_staked() -> None:
    known = kelly_estimation_shrinkage(1.0, 3.0)
    assert known == pytest.approx((0.75, 0.375, 1.0 - 0.5 * (1.0 + 1.0 / 3.0), 0.5))
    half = kelly_estimation_shrinkage(0.5, 0.5)
    assert half == pytest.approx((1.0 / 9.0, 1.0 / 72.0, 0.25 - 0.5 * 2.25, 0.125))
    for sharpe, years in [(2.0, 0.0), (1.0, 0.0), (1.0, -1.0), (1.0, NAN), (NAN, 1.0)]:
        found = kelly_estimation_shrinkage(sharpe, years)
        assert found[:3] == (0.0, 0.0, -INF)
        assert is_alike(found[3], 0.5 * sharpe * sharpe)
    assert kelly_estimation_shrinkage(0.0, 1.0)[:2] == (0.0, 0.0)
    assert kelly_estimation_shrinkage(1e200, 1.0).optimal_multiplier == 1.0


def test_two_figures_below_nothing_make_none_above_it() -> None:
    sizing = Sizing()
    assert size_by_factor(1e5, -0.25, -1.0, 1.0, sizing) == 0.0
    assert size_by_factor(-1e5, -0.25, 1.0, 1.0, sizing) == 0.0
    assert size_by_factor(-1e5, 0.25, -1.0, 1.0, sizing) == 0.0
    assert kelly_cap(-0.5, -0.5, 0.1, 0.5) == 0.0
    assert kelly_cap(-0.5, 0.5, -0.1, 0.5) == 0.0
    assert kelly_cap(0.5, -0.5, -0.1, 0.5) == 0.0
    assert tail_cap(-0.01, -0.05) == volatility_cap(-0.1, -0.5) == gap_cap(-0.1, -0.5) == 0.0
    assert surplus_exposure(-4.0, 0.93, 1e5, 2e5) == 0.0
    assert cushion_exposure(-2.0, 2e5, 1e5, 0.6) == 0.0
    assert headroom(-0.25, -1e5, 0.0) == 0.0
    assert lots_within(-3.0, -1.0) == lots_proved(-0.5, -1e3, 0.0, 1.0, 0.0, -1.0) == 0
    assert whole_steps(-0.5, -100.0) == 0.0
    assert surplus_multiplier(-0.2, 0.02, -0.5, 0.9, 0.0) == 0.0


@pytest.mark.parametrize("scale", [1e-6, 0.25, 1.0, 4096.0])
def test_money_has_no_unit(scale: float) -> None:
    """An account of a quarter is judged like a large one: no rule knows a sum of money."""
    sizing, limits = Sizing(), LossLimits()
    assert size_by_factor(scale, 0.25, 1.0, 1.0, sizing) == pytest.approx(0.0125 * scale)
    assert headroom(0.25, scale, 0.125 * scale) == 0.125 * scale
    assert headroom(0.5, scale, -scale) == 0.5 * scale
    assert lots_within(scale, scale / 8.0) == 8
    assert lots_proved(0.5, scale, 0.0, scale / 8.0, 0.0, 1.0) == 4
    assert exposure_of(scale / 4.0, scale) == 0.25
    assert loss_since(scale, 0.75 * scale) == 0.25
    assert is_asset_locked(0.03 * scale, scale, limits)
    assert is_sleeve_locked(0.03 * scale, scale, RollingTerms(is_rolling=True))
    assert not is_asset_locked(0.02 * scale, scale, limits)
    assert not is_sleeve_locked(0.02 * scale, scale, RollingTerms(is_rolling=True))
    assert surplus_exposure(4.0, 0.75, scale, scale) == 1.0
    assert cushion_exposure(1.0, 0.5 * scale, scale, 0.9) == 0.5
