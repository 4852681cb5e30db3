"""Statistics of research: limits, orders, invariances, coverage, and agreement of two methods."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from smart_leverage.research.feasibility.bounds import (
    goal_probability_upper_bound,
    prob_month_at_least_gbm,
)
from smart_leverage.research.feasibility.joint import constant_leverage_joint
from smart_leverage.research.feasibility.paths import rolling_surplus_path, tipp_path
from smart_leverage.research.feasibility.worlds import World, resampled_returns, world_returns
from smart_leverage.research.kelly import (
    prob_ever_below,
    rck_binary,
    rck_discrete,
    rck_gbm_fraction_of_kelly,
)
from smart_leverage.research.verify.betting import mixture_e_process_mean_above
from smart_leverage.research.verify.calibration import (
    brier_decomposition,
    isotonic_curve,
    isotonic_fit,
    platt_fit,
)
from smart_leverage.research.verify.drawdown import max_drawdown, max_drawdown_with_flows
from smart_leverage.research.verify.drawdown_laws import (
    emdd_q_function,
    expected_max_drawdown_bm,
    max_vol_for_drawdown_budget,
    mean_time_to_drawdown,
    prob_mdd_below_gbm,
    prob_mdd_exceeds_bm,
)
from smart_leverage.research.verify.managed import volatility_managed
from smart_leverage.research.verify.overfitting import pbo_cscv
from smart_leverage.research.verify.resampling import (
    block_length,
    bootstrap_interval,
    resamples,
    stationary_mean_variance,
)
from smart_leverage.research.verify.sequential import (
    confidence_sequence_bernoulli,
    crossing_probability,
    e_value_win_rate_above,
    e_value_win_rate_below,
)
from smart_leverage.research.verify.sharpe import (
    deflated_sharpe,
    min_track_record_length,
    moments,
    probabilistic_sharpe,
    sharpe_ratio,
)
from smart_leverage.research.verify.snooping import reality_check
from smart_leverage.research.verify.tail import (
    expected_shortfall_normal,
    expected_shortfall_sample,
    expected_shortfall_student,
)

few = settings(max_examples=30, deadline=None)
returns = arrays.arrays(np.float64, st.integers(2, 40), elements=st.floats(-0.2, 0.2))
sharpes = st.floats(0.01, 0.6)


# --- Sharpe ratios --------------------------------------------------------------------------------


@given(sharpes, sharpes, st.integers(10, 2000))
def test_a_better_record_is_likelier_real(a: float, b: float, n: int) -> None:
    low, high = sorted((a, b))
    assert probabilistic_sharpe(low, 0.0, n, 0.0, 3.0) <= probabilistic_sharpe(
        high, 0.0, n, 0.0, 3.0
    )


@given(sharpes, st.floats(-1.0, 1.0), st.floats(3.0, 10.0), st.floats(0.6, 0.99))
def test_a_record_of_the_least_length_proves_just_that(
    sharpe: float, skewness: float, kurtosis: float, confidence: float
) -> None:
    n = min_track_record_length(sharpe, 0.0, skewness, kurtosis, confidence)
    below = probabilistic_sharpe(sharpe, 0.0, max(math.floor(n), 2), skewness, kurtosis)
    above = probabilistic_sharpe(sharpe, 0.0, max(math.ceil(n), 2), skewness, kurtosis)
    assert above >= confidence - 1e-9
    assert below <= confidence + 1e-9 or n < 2.0


def test_every_trial_costs_evidence() -> None:
    values = [deflated_sharpe(0.15, 1000, -0.5, 5.0, n, 0.002) for n in (1, 2, 10, 100, 1000)]
    assert values == sorted(values, reverse=True)
    assert values[0] == probabilistic_sharpe(0.15, 0.0, 1000, -0.5, 5.0)


def test_what_never_moves_has_no_sharpe_ratio() -> None:
    assert math.isnan(sharpe_ratio([0.1] * 7).annual)
    assert math.isnan(moments([0.1] * 7).kurtosis)


@pytest.mark.parametrize("bad", [[0.1, math.nan], [0.1, math.inf], [0.1], [[0.1, 0.2]]])
def test_a_record_that_is_none_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="returns"):
        sharpe_ratio(bad)


def test_moments_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="undefined"):
        probabilistic_sharpe(1.0, 0.0, 100, 4.0, 1.0)


# --- overfitting ----------------------------------------------------------------------------------


def test_the_order_of_candidates_and_the_scale_do_not_matter() -> None:
    table = np.random.default_rng(3).normal(size=(120, 9))
    first = pbo_cscv(table, 8)
    assert pbo_cscv(3.0 * table[:, ::-1], 8).pbo == first.pbo
    assert np.allclose(pbo_cscv(table[:, ::-1], 8).logits, first.logits)
    assert first.n_combinations == 70


def test_noise_overfits_in_about_half_and_skill_never() -> None:
    source = np.random.default_rng(5)
    noise = [pbo_cscv(source.normal(size=(200, 20)), 8).pbo for _ in range(40)]
    # Where ranks of twenty are even, the lower half has 10 of 20: one half, give or take.
    assert np.mean(noise) == pytest.approx(0.5, abs=0.08)
    skilled = source.normal(size=(400, 20))
    skilled[:, 4] += 1.0
    assert pbo_cscv(skilled, 10).pbo == 0.0


def test_what_cannot_be_cut_is_cut_from_the_old_end() -> None:
    table = np.random.default_rng(4).normal(size=(67, 4))
    assert np.array_equal(pbo_cscv(table, 8).logits, pbo_cscv(table[3:], 8).logits)


# --- drawdowns ------------------------------------------------------------------------------------


@given(returns)
def test_a_drawdown_does_not_depend_on_flows(values: np.ndarray) -> None:
    equity, flows = [100.0], [0.0]
    for i, value in enumerate(values):
        flows.append(50.0 if i % 3 == 0 else 0.0)
        equity.append((equity[-1] + flows[-1]) * (1.0 + value))
    assert max_drawdown_with_flows(equity, flows) == pytest.approx(max_drawdown(values), abs=1e-12)


@few
@given(st.floats(-1.0, 1.0), st.floats(0.05, 1.0), st.floats(0.05, 3.0), st.floats(0.02, 2.0))
def test_a_deeper_drawdown_is_less_likely(mu: float, sigma: float, years: float, h: float) -> None:
    levels = h * np.array([0.5, 0.8, 1.0, 1.5])
    law = prob_mdd_exceeds_bm(levels, mu, sigma, years)
    assert np.all(np.diff(law) <= 1e-11)
    assert law[1] <= prob_mdd_exceeds_bm(levels[1], mu, sigma, 1.2 * years) + 1e-11


@few
@given(st.floats(0.2, 2.5), st.floats(0.1, 1.0))
def test_without_drift_the_law_is_its_series(scaled: float, sigma: float) -> None:
    h = scaled * sigma
    n = np.arange(400)
    terms = 2.0 * (-1.0) ** n / ((n + 0.5) * np.pi)
    series = np.sum(terms * -np.expm1(-((sigma * (n + 0.5) * np.pi / h) ** 2) / 2.0))
    tail = np.sum(terms)  # of the alternating sum, which is 1 in the end
    assert prob_mdd_exceeds_bm(h, 0.0, sigma, 1.0) == pytest.approx(series + 1.0 - tail, abs=1e-9)


def test_the_laws_meet_simulation() -> None:
    steps, paths, theta, vol = 252, 20_000, 1.5, 0.12
    shocks = np.random.default_rng(9).standard_normal((paths, steps)) * vol / math.sqrt(steps)
    walk = np.cumsum(shocks + (theta * vol - vol**2 / 2.0) / steps, axis=1)
    peak = np.maximum(np.maximum.accumulate(walk, axis=1), 0.0)
    share = np.mean((peak - walk).max(axis=1) < -math.log(0.92))
    law = prob_mdd_below_gbm(theta, vol, 0.08, 1.0, "daily", 252)
    assert law == pytest.approx(share, abs=0.012)  # three errors, and 0.0065 for the shift


def test_the_mean_drawdown_is_smooth_where_methods_change() -> None:
    for sign, edge in (("negative", 0.5), ("negative", 50.0), ("positive", 5e3)):
        low, high = (emdd_q_function(sign, edge * k) for k in (1.0 - 1e-7, 1.0 + 1e-7))  # type: ignore[arg-type]
        assert low == pytest.approx(high, rel=1e-5)
    assert expected_max_drawdown_bm(1e-9, 0.2, 1.0) == pytest.approx(
        expected_max_drawdown_bm(0.0, 0.2, 1.0), rel=1e-6
    )


@few
@given(st.floats(0.0, 4.0), st.sampled_from((0.05, 0.08, 0.2)), st.sampled_from((0.5, 0.9)))
def test_the_volatility_that_fits_a_drawdown_just_fits(
    sharpe: float, drawdown: float, chance: float
) -> None:
    vol = max_vol_for_drawdown_budget(sharpe, drawdown, 1.0, chance)
    assert prob_mdd_below_gbm(sharpe, vol, drawdown, 1.0) == pytest.approx(chance, abs=1e-8)
    assert vol <= max_vol_for_drawdown_budget(sharpe + 0.5, drawdown, 1.0, chance)


def test_a_rising_drift_delays_a_drawdown() -> None:
    times = [mean_time_to_drawdown(mu, 0.2, 0.1) for mu in (-0.5, -1e-9, 0.0, 1e-9, 0.5)]
    assert times == sorted(times)
    assert times[1] == pytest.approx(times[3], rel=1e-6)


@given(returns, st.floats(0.0, 0.95))
def test_the_worst_are_no_better_than_all(values: np.ndarray, level: float) -> None:
    shortfall = expected_shortfall_sample(values, level)
    assert np.mean(values) - 1e-12 <= shortfall <= np.max(values) + 1e-12
    assert expected_shortfall_sample(2.0 * values[::-1], level) == pytest.approx(2.0 * shortfall)


def test_many_degrees_of_freedom_are_normal() -> None:
    student = expected_shortfall_student(1e7, 0.02, 0.975)
    assert student == pytest.approx(expected_shortfall_normal(0.0, 0.02, 0.975), rel=1e-5)


# --- sequential tests -----------------------------------------------------------------------------


@few
@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from((0.01, 0.05, 0.2)))
def test_a_confidence_sequence_holds_the_rate(wins: int, losses: int, alpha: float) -> None:
    trades = wins + losses
    low, high = confidence_sequence_bernoulli(wins, trades, alpha)
    assert 0.0 <= low <= (wins / trades if trades else 0.5) <= high <= 1.0
    other = confidence_sequence_bernoulli(losses, trades, alpha)
    assert (low, high) == pytest.approx((1.0 - other.upper, 1.0 - other.lower), abs=1e-9)
    wider = confidence_sequence_bernoulli(wins, trades, alpha / 2.0)
    assert wider.lower <= low
    assert high <= wider.upper


@few
@given(st.integers(1, 60), st.floats(0.05, 0.95))
def test_under_the_null_the_mean_e_value_is_one(n: int, p0: float) -> None:
    chances = [math.comb(n, k) * p0**k * (1.0 - p0) ** (n - k) for k in range(n + 1)]
    for e_value in (e_value_win_rate_above, e_value_win_rate_below):
        mean = math.fsum(c * e_value(k, n, p0) for k, c in enumerate(chances))
        assert mean == pytest.approx(1.0, abs=1e-9)


def test_an_e_value_does_not_underflow() -> None:
    assert 0.0 < e_value_win_rate_above(0, 3000, 0.5) < 1.0
    assert e_value_win_rate_above(5000, 5000, 0.5) == math.inf


@pytest.mark.parametrize("p", [0.3, 0.5, 0.6])
def test_looking_after_every_trade_is_covered(p: float) -> None:
    assert crossing_probability("two_sided_mixture", p, p, 300, 0.05) <= 0.05
    assert crossing_probability("one_sided_e", p, p, 300, 0.05) <= 0.05


def test_betting_on_a_mean_that_is_not_there_seldom_wins() -> None:
    source = np.random.default_rng(2)
    skewed = np.where(source.random((800, 120)) < 0.05, -0.19, 0.01)  # mean 0
    won = [mixture_e_process_mean_above(row, 0.0, -0.25).max_e >= 20.0 for row in skewed]
    assert np.mean(won) <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / 800)


def test_a_return_below_its_bound_voids_the_test() -> None:
    with pytest.raises(ValueError, match="below the lower bound"):
        mixture_e_process_mean_above([0.01, -0.3], 0.0, -0.25)


# --- calibration ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=2, max_size=60))
def test_calibration_keeps_the_order_and_the_mean(pairs: list[tuple[float, bool]]) -> None:
    scores, won = [s for s, _ in pairs], [float(w) for _, w in pairs]
    fitted = isotonic_fit(scores, won)
    assert np.all(np.diff(fitted[np.argsort(scores, kind="stable")]) >= -1e-12)
    assert np.mean(fitted) == pytest.approx(np.mean(won))
    parts = brier_decomposition(np.clip(fitted, 0.0, 1.0), won)
    assert parts.brier == pytest.approx(
        parts.reliability - parts.resolution + parts.uncertainty, abs=1e-12
    )
    curve = isotonic_curve(scores, won)
    assert [curve.probability(s) for s in scores] == pytest.approx(list(fitted), abs=1e-9)


def test_a_platt_curve_finds_the_one_that_made_the_outcomes() -> None:
    source = np.random.default_rng(6)
    scores = source.normal(size=20_000)
    won = source.random(20_000) < 1.0 / (1.0 + np.exp(-1.7 * scores + 0.4))
    curve = platt_fit(scores, won)
    assert pytest.approx((-1.7, 0.4), abs=0.08) == (curve.A, curve.B)
    assert 0.0 < curve.probability(-20.0) < curve.probability(20.0) <= 1.0


# --- resampling, snooping -------------------------------------------------------------------------


def test_a_resample_is_the_same_whoever_makes_it() -> None:
    values = np.random.default_rng(1).normal(size=(60, 2))
    whole = list(resamples(values, 5.0, 6, seed=4))
    parts = [*resamples(values, 5.0, 2, seed=4), *resamples(values, 5.0, 4, seed=4, first=2)]
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert not np.array_equal(whole[0], next(resamples(values, 5.0, 1, seed=5)))
    rows = {tuple(row) for row in values}
    assert all(tuple(row) in rows for row in whole[0])  # assets stay together


def test_resampled_means_vary_as_the_exact_formula_says() -> None:
    values = np.random.default_rng(8).normal(size=80).cumsum() / 10.0
    means = [each.mean() for each in resamples(values, 4.0, 3000, seed=1)]
    exact = stationary_mean_variance(values, 4.0)
    assert np.mean(means) == pytest.approx(exact.mean, abs=4.0 * math.sqrt(exact[1] / 3000))
    assert np.var(means) == pytest.approx(exact.variance_of_mean, rel=0.1)


def test_blocks_are_long_enough_for_quiet_and_wild_times() -> None:
    source = np.random.default_rng(7)
    wild = np.repeat(source.choice([0.5, 3.0], size=40), 25) * source.normal(size=1000)
    assert block_length(wild) > 2.0 * block_length(source.normal(size=1000))


def test_an_interval_covers_as_often_as_it_says() -> None:
    source, covered = np.random.default_rng(10), 0
    for seed in range(60):
        sample = source.normal(0.1, 1.0, size=120)
        low, high, _ = bootstrap_interval(sample, lambda x: float(x.mean()), 0.9, 2.0, 200, seed)
        covered += low <= 0.1 <= high
    assert covered >= 45  # 54 expected; fewer than 45 happen once in a thousand


def test_the_best_of_many_is_not_mistaken_for_skill() -> None:
    source = np.random.default_rng(12)
    noise, base = source.normal(size=(150, 30)), source.normal(size=150)
    checked = reality_check(base, noise, 3.0, 400, seed=1)
    assert checked.studentised_p_consistent > 0.05
    skilled = noise.copy()
    skilled[:, 3] += 0.6
    found = reality_check(base, skilled, 3.0, 400, seed=1)
    assert found.studentised_p_consistent < 0.05
    assert found.spa_p_lower <= found.spa_p_consistent <= found.spa_p_upper


def test_timing_by_volatility_adds_what_a_regression_says() -> None:
    source = np.random.default_rng(13)
    days = np.arange("2000-01", "2012-01", dtype="datetime64[D]")
    months = days.astype("datetime64[M]").astype(int) - 360
    wild = source.choice([0.005, 0.02], size=months.max() + 1)[months]
    fit = volatility_managed(days, 0.0004 + wild * source.normal(size=days.size))
    assert fit.months == 143
    assert 0.0 <= fit.r_squared <= 1.0
    assert fit.beta**2 == pytest.approx(fit.r_squared)  # both have the same deviation


# --- Kelly and feasibility ------------------------------------------------------------------------


def test_a_bounded_risk_is_kept() -> None:
    for p, alpha, beta in ((0.6, 0.92, 0.05), (0.6, 0.7, 0.1), (0.55, 0.8, 0.2)):
        bet = rck_binary(p, 1.0, 1.0, alpha, beta)
        gross = [[2.0, 0.0], [1.0, 1.0]]
        weights = [bet.fraction, 1.0 - bet.fraction]
        assert prob_ever_below(weights, gross, [p, 1.0 - p], alpha, 1000) < beta
        assert rck_discrete(gross, [p, 1.0 - p], alpha, beta).weights[0] == pytest.approx(
            bet.fraction, abs=2e-4
        )


def test_a_small_bet_is_a_brownian_one() -> None:
    bet = rck_binary(0.501, 0.01, 0.01, 0.9, 0.2)
    assert bet.fraction / bet.kelly == pytest.approx(rck_gbm_fraction_of_kelly(0.9, 0.2), rel=1e-2)


def test_no_simulated_policy_passes_the_bound() -> None:
    made = constant_leverage_joint(3.0, 0.18, paths=20_000)
    bound = goal_probability_upper_bound(3.0, 1.0, 0.92, 1.05**12)
    assert made.joint <= min(made.prob_mdd_below, made.prob_total_return) <= bound
    assert made.prob_month == pytest.approx(prob_month_at_least_gbm(3.0, 0.18, 0.05), abs=0.004)


@given(returns)
def test_a_peak_that_is_never_forgotten_is_that_of_all_times(values: np.ndarray) -> None:
    rolling = rolling_surplus_path(values, 4.0, 0.93, 0.6, 10_000)
    fixed = tipp_path(values, 4.0, 0.93, 0.6)
    assert rolling.wealth == pytest.approx(fixed.wealth, abs=1e-12)
    assert rolling.max_drawdown <= 0.07 + 1e-12  # no step here loses a quarter


# --- worlds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", ["normal", "student", "garch", "decay"])
def test_a_world_has_the_skill_and_the_temper_that_it_says(world: World) -> None:
    made = world_returns(world, 2.0, 0.30, 252, 4000, seed=1)
    assert made.shape == (4000, 252)
    assert np.array_equal(made[:10], world_returns(world, 2.0, 0.30, 252, 4000, seed=1)[:10])
    assert made.std() * math.sqrt(252.0) == pytest.approx(0.30, rel=0.02)
    half = made[:, :126].mean() * 252.0 / 0.30
    later = made[:, 126:].mean() * 252.0 / 0.30
    assert half == pytest.approx(2.0, abs=0.1)
    assert later == pytest.approx(-1.0 if world == "decay" else 2.0, abs=0.1)
    assert bool(moments(made.reshape(-1)).kurtosis > 3.5) is (world in ("student", "garch"))
    size = np.abs(made - made.mean())
    together = np.corrcoef(size[:, :-1].reshape(-1), size[:, 1:].reshape(-1))[0, 1]
    assert bool(together > 0.05) is (world == "garch")


def test_a_resampled_world_keeps_tails_and_takes_the_skill() -> None:
    real = np.random.default_rng(3).standard_t(3, 500) * 0.01
    made = resampled_returns(real, 1.0, 0.4, 10.0, 700, 400, seed=2)
    assert made.shape == (400, 700)
    assert made.mean() * 252.0 / 0.4 == pytest.approx(1.0, abs=0.15)
    assert moments(made.reshape(-1)).kurtosis == pytest.approx(moments(real).kurtosis, rel=0.1)
