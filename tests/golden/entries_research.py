"""How the inputs of a case reach the functions of `research`."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from tests.golden.public import NotBuilt, Public, fields, plainly


def given(path: str, **renamed: str) -> Callable[..., Any]:
    """Make an entry for a function that takes its inputs as they are, lists and words too."""

    def entry(public: Public, **inputs: Any) -> Any:
        arguments = {renamed.get(name, name): value for name, value in inputs.items()}
        return fields(public(path)(**arguments))

    return entry


def rck_paper_example(
    public: Public,
    numpy_legacy_seed: int,
    bets: int,
    outcomes: int,
    recipe: str,
    alpha: float,
    beta: float,
) -> dict[str, Any]:
    """Draw the bets of the paper, solve them, and simulate them as its authors do."""
    source = np.random.RandomState(numpy_legacy_seed)
    chances = source.uniform(size=outcomes)
    chances /= chances.sum()
    gross = source.uniform(0.7, 1.3, size=(bets, outcomes))
    for _ in range(30):
        for jackpot in (0.1, 2.5):
            gross[source.choice(bets), source.choice(outcomes)] = jackpot
    gross[-1] = 1.0
    drawn = np.random.RandomState(numpy_legacy_seed).choice(outcomes, size=1_000_000, p=chances)
    solve = public("research.kelly.rck_discrete")
    aversions = (0.0, public("research.kelly.rck_lambda")(alpha, beta), 5.5)
    solved = [solve(gross, chances, aversion=each) for each in aversions]
    rows = []
    for aversion, found in zip(aversions, solved, strict=True):
        paths = np.cumsum(np.log(found.weights @ gross)[drawn].reshape(-1, 100), axis=1)
        fallen = float(np.mean(paths.min(axis=1) < np.log(alpha)))
        rows.append([found.growth, alpha**aversion, fallen])
    return {
        "kelly_growth": solved[0].growth,
        "rck_growth_lambda_6_456": solved[1].growth,
        "rck_growth_lambda_5_5": solved[2].growth,
        "published_table": {
            "kelly": rows[0],
            "lambda_6_456": rows[1],
            "lambda_5_5": rows[2],
            "columns": ["growth", "bound", "monte_carlo_probability"],
        },
    }


def sp500() -> tuple[Any, Any]:
    """Return days and simple returns of the index that the package `arch` carries."""
    from arch.data import sp500 as index

    close = index.load()["Adj Close"]
    returns = close.pct_change().dropna()
    return returns.index.to_numpy(), returns.to_numpy()


def vol_managed_sp500(public: Public, dataset: str, estimator: str) -> Any:
    return fields(public("research.verify.managed.volatility_managed")(*sp500()))


def vol_managed_factor(
    public: Public, dataset: str, factor: str, first_month: str, last_month: str, estimator: str
) -> Any:
    import polars as pl

    table = pl.read_parquet(public.dataset(dataset)).drop_nulls(factor)
    days, daily = table.get_column(table.columns[0]), table.get_column(factor).to_numpy()
    is_market = factor == "mkt_rf"
    return fields(
        public("research.verify.managed.volatility_managed")(
            days.cast(pl.Date).to_numpy(),
            daily,
            table.get_column("rf").to_numpy() if is_market else None,
            first_month,
            last_month,
        )
    )


def pbo_cscv(public: Public, returns: list[list[float]], blocks: int, metric: str) -> Any:
    return fields(public("research.verify.overfitting.pbo_cscv")(returns, blocks))


def mixture(public: Public, x: list[float], null_mean: float, lower_bound: float, bets: str) -> Any:
    rule = public("research.verify.betting.mixture_e_process_mean_above")
    return fields(rule(x, null_mean, lower_bound))


def platt_fit(public: Public, scores: list[float], outcomes: list[int]) -> dict[str, Any]:
    curve = public("research.verify.calibration.platt_fit")(scores, outcomes)
    middle = curve.probability(float(np.median(scores)))
    return {**curve._asdict(), "probability_at_median_score": middle}


def optimal_block_length(public: Public, series: Any, dataset: str | None = None) -> Any:
    if dataset is not None:
        words = {"squared": np.square, "absolute": np.abs}
        kind = next((words[word] for word in words if re.search(rf"\b{word}\b", series)), None)
        _, returns = sp500()
        series = returns if kind is None else kind(returns)
    return fields(public("research.verify.resampling.optimal_block_length")(series))


def reality_check(
    public: Public, benchmark: Any, models: Any, expected_block: float, bootstrap: str
) -> Any:
    if bootstrap != "stationary":
        raise NotBuilt(bootstrap)
    return fields(
        public("research.verify.snooping.reality_check")(benchmark, models, expected_block)
    )


VERIFY, FEASIBILITY = "research.verify", "research.feasibility"

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "rck_lambda": plainly("research.kelly.rck_lambda"),
    "rck_gbm_fraction_of_kelly": plainly("research.kelly.rck_gbm_fraction_of_kelly"),
    "rck_binary": plainly("research.kelly.rck_binary"),
    "rck_discrete": given("research.kelly.rck_discrete"),
    "rck_paper_finite_example": rck_paper_example,
    "azema_yor_wealth": given(f"{FEASIBILITY}.paths.azema_yor_wealth"),
    "tipp_path": given(f"{FEASIBILITY}.paths.tipp_path"),
    "cppi_path": given(f"{FEASIBILITY}.paths.cppi_path"),
    "rolling_surplus_path": given(f"{FEASIBILITY}.paths.rolling_surplus_path"),
    "vol_managed_sp500": vol_managed_sp500,
    "vol_managed_factor": vol_managed_factor,
    "expected_shortfall_sample": given(f"{VERIFY}.tail.expected_shortfall_sample"),
    "expected_shortfall_normal": plainly(f"{VERIFY}.tail.expected_shortfall_normal"),
    "expected_shortfall_student": plainly(f"{VERIFY}.tail.expected_shortfall_student"),
    "sharpe_ratio": given(f"{VERIFY}.sharpe.sharpe_ratio"),
    "moments": given(f"{VERIFY}.sharpe.moments"),
    "probabilistic_sharpe": plainly(f"{VERIFY}.sharpe.probabilistic_sharpe"),
    "min_track_record_length": plainly(f"{VERIFY}.sharpe.min_track_record_length"),
    "expected_max_sharpe": plainly(f"{VERIFY}.sharpe.expected_max_sharpe"),
    "deflated_sharpe": plainly(f"{VERIFY}.sharpe.deflated_sharpe"),
    "min_backtest_length_years": plainly(f"{VERIFY}.sharpe.min_backtest_length_years"),
    "psr_null_variance_ar1": plainly(f"{VERIFY}.sharpe.psr_null_variance_ar1"),
    "min_track_record_null_variance": plainly(f"{VERIFY}.sharpe.min_track_record_null_variance"),
    "pbo_cscv": pbo_cscv,
    "max_drawdown": given(f"{VERIFY}.drawdown.max_drawdown"),
    "max_drawdown_with_flows": given(f"{VERIFY}.drawdown.max_drawdown_with_flows"),
    "emdd_q_function": given(f"{VERIFY}.drawdown_laws.emdd_q_function"),
    "expected_max_drawdown_bm": plainly(f"{VERIFY}.drawdown_laws.expected_max_drawdown_bm"),
    "prob_mdd_exceeds_bm": plainly(f"{VERIFY}.drawdown_laws.prob_mdd_exceeds_bm"),
    "prob_mdd_below_gbm": given(f"{VERIFY}.drawdown_laws.prob_mdd_below_gbm"),
    "mean_time_to_drawdown": plainly(f"{VERIFY}.drawdown_laws.mean_time_to_drawdown"),
    "max_vol_for_drawdown_budget": plainly(f"{VERIFY}.drawdown_laws.max_vol_for_drawdown_budget"),
    "raw_tier_distribution": given(f"{VERIFY}.win_rates.raw_tier_distribution"),
    "confidence_sequence_bernoulli": plainly(f"{VERIFY}.sequential.confidence_sequence_bernoulli"),
    "e_value_win_rate_above": plainly(f"{VERIFY}.sequential.e_value_win_rate_above"),
    "crossing_probability": given(f"{VERIFY}.sequential.crossing_probability"),
    "normal_mixture_radius": plainly(f"{VERIFY}.sequential.normal_mixture_radius"),
    "stitched_radius": plainly(f"{VERIFY}.sequential.stitched_radius"),
    "betting_e_process_mean_above": given(f"{VERIFY}.betting.betting_e_process_mean_above"),
    "mixture_e_process_mean_above": mixture,
    "brier_decomposition": given(f"{VERIFY}.calibration.brier_decomposition"),
    "log_loss": given(f"{VERIFY}.calibration.log_loss"),
    "isotonic_fit": given(f"{VERIFY}.calibration.isotonic_fit"),
    "platt_fit": platt_fit,
    "expected_calibration_error": given(f"{VERIFY}.calibration.expected_calibration_error"),
    "prob_month_at_least_gbm": plainly(f"{FEASIBILITY}.bounds.prob_month_at_least_gbm"),
    "goal_probability_upper_bound": plainly(f"{FEASIBILITY}.bounds.goal_probability_upper_bound"),
    "twelve_month_streak_upper_bound": plainly(
        f"{FEASIBILITY}.bounds.twelve_month_streak_upper_bound"
    ),
    "circular_block_mean_variance": given(
        f"{VERIFY}.resampling.circular_block_mean_variance", series="values"
    ),
    "stationary_mean_variance": given(
        f"{VERIFY}.resampling.stationary_mean_variance", series="values"
    ),
    "optimal_block_length": optimal_block_length,
    "reality_check": reality_check,
    "constant_leverage_joint": given(f"{FEASIBILITY}.joint.constant_leverage_joint"),
    "surplus_policy_joint": given(f"{FEASIBILITY}.joint.surplus_policy_joint"),
}
"""Which of our functions answers a case."""
