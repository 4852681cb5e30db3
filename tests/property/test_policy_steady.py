"""Whatever the input: caps are never negative, evidence orders tiers, and a floor is kept."""

import math

import pytest
import scipy.special
from hypothesis import example, given
from hypothesis import strategies as st

from smart_leverage.policy.beta import beta_quantile, beta_survival, incomplete_beta
from smart_leverage.policy.drawdown import cushion_exposure, gap_cap, surplus_exposure
from smart_leverage.policy.evidence import (
    EvidenceState,
    EvidenceTerms,
    is_probably_above,
    payoff_prior,
    payoff_thresholds,
    posterior_prob_above,
    step_evidence,
)
from smart_leverage.policy.exposure import (
    Cap,
    ExposureCaps,
    exposure_decision,
    exposure_in_force,
    volatility_cap,
)
from smart_leverage.policy.kelly import kelly_binary, kelly_cap, log_growth_binary
from smart_leverage.policy.sizing import edge_multiplier
from smart_leverage.policy.steady_breakers import Mark, SteadyLimits, steady_breaker_path
from smart_leverage.policy.tail import es_exposure_cap
from smart_leverage.policy.tier import Tier

any_float = st.floats(allow_nan=True, allow_infinity=True)
shares = st.floats(0.0, 1.0)
inner = st.floats(0.001, 0.999)
shapes = st.floats(0.1, 2000.0)
caps = st.floats(0.0, 5.0) | st.just(math.inf) | st.just(math.nan)
outcomes = st.lists(st.booleans(), max_size=150)
AT = EvidenceTerms()
START = EvidenceState(wins=0.0, losses=0.0, tier=Tier.LEARNING)


@given(inner, shapes, shapes)
def test_the_beta_distribution_is_that_of_a_library(x: float, a: float, b: float) -> None:
    assert incomplete_beta(x, a, b) == pytest.approx(scipy.special.betainc(a, b, x), abs=1e-11)
    assert beta_survival(x, a, b) == pytest.approx(scipy.special.betaincc(a, b, x), abs=1e-11)


@given(inner, shapes, shapes)
def test_a_quantile_undoes_the_distribution(q: float, a: float, b: float) -> None:
    x = beta_quantile(q, a, b)
    # Near an end a double has no room for the exact one, so the neighbours have to bracket it.
    low, high = (scipy.special.betainc(a, b, each) for each in (x - 3e-16, min(x + 3e-16, 1.0)))
    assert not low > q + 1e-10
    assert q <= high + 1e-10


@given(any_float, any_float, any_float, any_float)
def test_a_cap_is_finite_and_not_negative(a: float, b: float, c: float, d: float) -> None:
    for cap in (
        kelly_cap(a, b, c, d),
        surplus_exposure(a, b, c, d),
        gap_cap(a, b),
        volatility_cap(a, b),
    ):
        assert 0.0 <= cap < math.inf
    assert 0.0 <= es_exposure_cap(a, b, c) <= max(c, 0.0) if not math.isnan(c) else True
    assert 0.0 <= edge_multiplier(a, b, c, d) <= max(d, 0.0) if not math.isnan(d) else True


@given(st.tuples(caps, caps, caps, caps, caps, caps))
def test_the_decision_is_the_smallest_cap_and_names_it(values: tuple[float, ...]) -> None:
    told = ExposureCaps(*values)
    decided = exposure_decision(told)
    known = [0.0 if math.isnan(value) else value for value in values]
    known[0] = known[0] if known[0] < math.inf else 0.0
    assert decided.exposure == min(known)
    assert decided.binding == Cap(known.index(min(known)))


@given(st.floats(0.0, 2.0), caps, st.floats(0.0, 0.5), st.booleans())
def test_exposure_falls_at_once_and_rises_only_beyond_the_band(
    present: float, allowed: float, band: float, is_tripped: bool
) -> None:
    now = exposure_in_force(present, allowed, band, is_tripped)
    assert now in (present, allowed, 0.0)
    if not allowed >= present:
        assert now <= present
    if now > present:
        assert not is_tripped
        assert now > present * (1.0 + band)


@given(inner, st.floats(0.05, 5.0), st.floats(0.05, 1.0), st.floats(0.0, 0.99))
def test_no_stake_grows_faster_than_kellys(
    p: float, gain: float, loss: float, share: float
) -> None:
    best = kelly_binary(p, gain, loss).used
    other = share / loss
    assert log_growth_binary(p, gain, loss, other) <= log_growth_binary(p, gain, loss, best) + 1e-12


@given(st.floats(1.0, 20.0), st.floats(0.5, 0.99), st.lists(st.floats(-0.04, 0.05), max_size=60))
def test_the_floor_holds_while_no_step_loses_more_than_the_multiplier_allows(
    multiplier: float, alpha: float, returns: list[float]
) -> None:
    wealth = peak = 1.0
    for value in returns:
        exposure = surplus_exposure(multiplier, alpha, wealth, peak)
        assert exposure == pytest.approx(
            cushion_exposure(multiplier, alpha * peak, wealth, math.inf), abs=1e-9
        )
        wealth *= 1.0 + exposure * value
        peak = max(peak, wealth)
        assert wealth >= alpha * peak * (1.0 - 1e-12)


@given(outcomes)
def test_the_counts_say_all_about_a_record_but_its_order(record: list[bool]) -> None:
    state = START
    for is_win in record:
        state = step_evidence(state, is_win, AT._replace(discount=1.0))
    assert (state.wins, state.losses) == (sum(record), len(record) - sum(record))


@given(outcomes, st.booleans())
def test_a_tier_moves_one_step_and_a_win_never_lowers_it(record: list[bool], last: bool) -> None:
    state = START
    for is_win in record:
        before, state = state, step_evidence(state, is_win, AT)
        assert abs(state.tier - before.tier) <= 1
        assert state.tier != Tier.EMERGENCY
    up, down = (step_evidence(state, is_win, AT).tier for is_win in (True, False))
    assert down <= up


@given(st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.1, 50.0), inner, inner)
def test_more_wins_and_a_lower_threshold_are_more_evidence(
    wins: float, more: float, losses: float, a: float, b: float
) -> None:
    low, high = sorted((a, b))
    few = posterior_prob_above(5.0, 5.0, wins, wins + losses, high)
    assert few <= posterior_prob_above(5.0, 5.0, wins + more, wins + more + losses, high) + 1e-12
    assert few <= posterior_prob_above(5.0, 5.0, wins, wins + losses, low) + 1e-12


counts = st.floats(0.0, 120.0) | st.floats(0.0, 2e4) | any_float


@given(counts, counts, st.floats(0.0, 20.0) | any_float, inner | any_float, inner | any_float)
@example(30.0, 30.0, 10.0, 0.5, 0.37)
@example(30.0, 30.0, 10.0, 0.5, 0.63)
@example(0.0, 0.0, 2.0, 0.5, 0.7)  # flat, and an even chance
@example(0.0, 40.0, 1.0, 0.012, 0.65)
@example(40.0, 0.0, 1.0, 0.988, 0.35)
@example(-1.0, 40.0, 10.0, 0.01, 0.3)
@example(20.0, -1.0, 10.0, 0.1, 0.3)
@example(math.inf, 5.0, 10.0, 0.1, 0.3)
@example(5e7, 5e7, 10.0, 0.1, 0.3)
def test_the_mean_says_nothing_that_the_probability_would_not(
    wins: float, losses: float, strength: float, threshold: float, least: float
) -> None:
    for prior in (payoff_prior(0.4, strength), payoff_prior(threshold, strength)):
        above = posterior_prob_above(prior.a, prior.b, wins, wins + losses, threshold)
        assert is_probably_above(prior, wins, losses, threshold, least) == (above >= least)


@given(st.integers(0, 500), st.integers(0, 500), st.floats(1e-4, 0.2), st.floats(1e-4, 0.2))
def test_a_larger_win_lowers_what_has_to_be_won(wins: int, losses: int, a: float, b: float) -> None:
    small, large = (
        payoff_thresholds(float(wins), float(losses), each, 0.01, 0.0005, 20.0, 0.1)
        for each in sorted((a, b))
    )
    assert large.payoff_ratio >= small.payoff_ratio - 1e-12
    if wins and losses:
        prior = payoff_prior(small.breakeven, 10.0)
        assert prior.a / (prior.a + prior.b) == pytest.approx(small.breakeven)


@pytest.mark.parametrize("missing", range(6))
def test_what_is_not_known_earns_nothing(missing: int) -> None:
    known = [30.0, 20.0, 0.02, 0.01, 0.001, 20.0, 0.1]
    known[missing] = math.nan
    assert payoff_thresholds(*known).breakeven == math.inf
    terms = [5.0, 5.0, 30.0, 50.0, 0.5]
    terms[min(missing, 4)] = math.nan
    assert posterior_prob_above(*terms) == 0.0


def test_one_cap_alone_can_be_in_force() -> None:
    only = ExposureCaps(0.6, math.inf, math.inf, math.inf, 0.2, math.inf)
    assert exposure_decision(only) == (0.2, Cap.VOLATILITY)


@given(st.lists(st.floats(80.0, 120.0), min_size=1, max_size=40))
def test_midnight_disarms_nothing(equities: list[float]) -> None:
    at = SteadyLimits()
    marks = [Mark(3600.0 * 7 * i, 7 * i // 24, 0, each) for i, each in enumerate(equities)]
    for i, state in enumerate(steady_breaker_path(marks, at)):
        back = [m.equity for m in marks[: i + 1] if m.time_s <= marks[i].time_s - 86_400.0]
        reference = back[-1] if back else equities[0]
        if 1.0 - equities[i] / reference > at.loss_limit_daily + 1e-9:
            assert state.is_day_tripped
        peak = max(equities[: i + 1])
        if 1.0 - equities[i] / peak > at.drawdown_limit + 1e-9:
            assert state.is_drawdown_tripped
