"""Rules over many paths at once: each is the scalar rule of the policy, path by path."""

import math

import numpy as np
import pytest

from smart_leverage.policy.drawdown import surplus_exposure
from smart_leverage.policy.exposure import (
    ExposureCaps,
    exposure_decision,
    exposure_in_force,
    volatility_cap,
)
from smart_leverage.policy.kelly import kelly_estimation_shrinkage
from smart_leverage.policy.tail import tail_cap
from smart_leverage.policy.tier import TierCaps, TierThresholds, select_tier, tier_caps
from smart_leverage.research.feasibility.rules import (
    EVIDENCE_EVERY,
    FLOOR,
    KELLY_BOUND,
    MEMORY,
    TAIL_LIMIT,
    Played,
    Steady,
    classic,
    constant,
    kelly_caps,
    play,
    shares,
    steady,
    surplus,
    tail_caps,
)
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.tail import (
    expected_shortfall_sample,
    expected_shortfall_student,
)

WARM_UP, DAYS, PATHS = 80, 90, 3
RETURNS = np.random.default_rng(7).normal(0.008, 0.03, (PATHS, WARM_UP + DAYS))


def _wealth(exposure: FloatArray, returns: FloatArray) -> FloatArray:
    wealth = [1.0]
    for held, value in zip(exposure, returns[WARM_UP:], strict=True):
        wealth.append(wealth[-1] * (1.0 + held * value))
    return np.array(wealth)


def test_surplus_is_the_scalar_rule() -> None:
    played = play(surplus(12.0, 0.92), RETURNS, warm_up=WARM_UP)
    for held, wealth in zip(played.exposure, played.wealth, strict=True):
        for day in range(DAYS):
            expected = surplus_exposure(12.0, 0.92, wealth[day], wealth[: day + 1].max())
            assert held[day] == pytest.approx(expected, abs=1e-12)


def _evidence(seen: FloatArray) -> tuple[float, float]:
    """Return the tail cap and the Kelly cap by the scalar rules of the policy."""
    spread, mean, days = seen.std(ddof=1), seen.mean(), len(seen)
    shortfall = max(
        expected_shortfall_sample(seen, 0.975), expected_shortfall_student(4.0, spread, 0.975)
    )
    year = mean / spread * math.sqrt(252.0)
    shrunk = kelly_estimation_shrinkage(year, days / 252.0).optimal_multiplier
    low = max(mean - KELLY_BOUND * spread / math.sqrt(days), 0.0)
    return tail_cap(TAIL_LIMIT, shortfall), 0.5 * shrunk * low / spread**2


def test_steady_is_the_smallest_of_the_scalar_caps() -> None:
    caps = Steady(volatility=0.10, hard=0.40)
    played = play(steady(caps), RETURNS, warm_up=WARM_UP)
    bound = set()
    for path, returns in enumerate(RETURNS):
        held, wealth = played.exposure[path], played.wealth[path]
        variance, present, slow = returns[0] ** 2, 0.0, (math.inf, math.inf)
        for value in returns[1:WARM_UP]:
            variance = MEMORY * variance + (1.0 - MEMORY) * value**2
        for day in range(DAYS):
            if day % EVIDENCE_EVERY == 0:
                slow = _evidence(returns[: WARM_UP + day])
            decided = exposure_decision(
                ExposureCaps(
                    hard=caps.hard,
                    drawdown=surplus_exposure(2.8, FLOOR, wealth[day], wealth[: day + 1].max()),
                    tail=slow[0],
                    kelly=slow[1],
                    volatility=volatility_cap(0.10, math.sqrt(variance * 252.0)),
                    evidence=math.inf,
                )
            )
            present = exposure_in_force(present, decided.exposure, 0.10, False)
            bound.add(decided.binding.name)
            assert held[day] == pytest.approx(present, abs=1e-9)
            variance = MEMORY * variance + (1.0 - MEMORY) * returns[WARM_UP + day] ** 2
        assert wealth == pytest.approx(_wealth(held, returns))
    assert {"DRAWDOWN", "TAIL"} <= bound


def test_evidence_caps_are_those_of_the_policy() -> None:
    seen = RETURNS[:, :130]
    for path, returns in enumerate(seen):
        tail, kelly = _evidence(returns)
        assert tail_caps(seen)[path] == pytest.approx(tail)
        assert kelly_caps(seen)[path] == pytest.approx(kelly, abs=1e-12)


def test_caps_without_evidence_are_not_in_force() -> None:
    played = play(steady(Steady()), RETURNS[:, :3], warm_up=0)
    assert played.exposure[:, 0] == pytest.approx([2.8 * (1.0 - FLOOR)] * PATHS)


def test_classic_is_the_tier_of_win_rate_and_month() -> None:
    returns = np.random.default_rng(8).normal(0.0, 0.04, (40, WARM_UP + 63))
    played = play(classic(), returns, warm_up=WARM_UP)
    held_caps = set()
    for path, wealth in enumerate(played.wealth):
        for day in range(63):
            seen = returns[path, WARM_UP + day - 50 : WARM_UP + day]
            opening = wealth[day - day % 21]
            tier = select_tier((seen > 0).mean(), wealth[day] / opening - 1.0, TierThresholds())
            expected = tier_caps(tier, TierCaps()).crypto
            if wealth[day - day % 21 : day + 1].min() / opening < 0.92:
                expected = 0.0
            held_caps.add(expected)
            assert played.exposure[path, day] == expected
    assert {0.0, 0.20, 0.25, 0.40} <= held_caps


def test_shares_count_months_falls_and_both() -> None:
    wealth = np.ones((4, 64))
    wealth[0, 21:], wealth[0, 42:], wealth[0, 63:] = 1.06, 1.12, 1.18  # every month, no fall
    wealth[1, 10], wealth[1, 63] = 0.91, 1.20  # fell first, made the total
    wealth[2, 63] = 1.20  # the last month alone
    told = shares(Played(wealth, np.zeros((4, 63))), 3, 0.05, 0.08, 252)
    assert (told.below, told.total, told.joint) == (0.75, 0.75, 0.5)
    assert told.month == pytest.approx(5 / 12)
    assert shares(Played(wealth, np.zeros((4, 63))), 1, 0.05, 0.08, 252).joint == 0.25


def test_a_loss_of_everything_is_final() -> None:
    returns = np.array([[-0.6, 0.5, 0.5]])
    played = play(constant(2.0), returns)
    assert played.wealth[0, -1] < 1e-10
