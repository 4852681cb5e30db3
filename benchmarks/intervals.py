"""Shows by simulation that what `verify` and `monitor` say holds as often as they say it does.

Accounts of known skill are looked at after every trade or month; confidence sequences have to hold
the truth at every look in 95 of 100, and a usual interval beside them does not. Resampled intervals
of 90 % are held against worlds whose truth is known, and the probability of overfitting and the
test of the best of many against noise. Ends with 1 where a confidence sequence fails. The last line
is one JSON object; shares of worlds, so about ±√(p(1 − p)/worlds).

    python benchmarks/intervals.py [WORLDS]
"""

import json
import math
import sys
import time

import numpy as np

from smart_leverage.research.verify.betting import mixture_e_process_mean_above
from smart_leverage.research.verify.drawdown import max_drawdown
from smart_leverage.research.verify.overfitting import pbo_cscv
from smart_leverage.research.verify.resampling import block_length, bootstrap_interval
from smart_leverage.research.verify.sequential import (
    confidence_sequence_bernoulli,
    crossing_probability,
)
from smart_leverage.research.verify.snooping import reality_check

RATES = (0.45, 0.55, 0.65)
TRADES, MONTHS, DAYS, SETS = 300, 120, 250, 10
RESAMPLES = 200


def win_rates(worlds: int) -> dict[str, float]:
    """Return in how many accounts the truth was inside at every look."""
    covered, peeked = [], []
    bounds: dict[tuple[int, int], tuple[float, float]] = {}
    for rate in RATES:
        source = np.random.default_rng(1)
        held = usual = 0
        for wins in np.cumsum(source.random((worlds, TRADES)) < rate, axis=1):
            pairs = [(int(won), n) for n, won in enumerate(wins, 1)]
            for pair in pairs:
                if pair not in bounds:
                    bounds[pair] = tuple(confidence_sequence_bernoulli(*pair))
            held += all(bounds[pair][0] <= rate <= bounds[pair][1] for pair in pairs)
            usual += all(_usual(won, n, rate) for won, n in pairs[19:])
        covered.append(held / worlds)
        peeked.append(usual / worlds)
    exact = [1.0 - crossing_probability("two_sided_mixture", p, p, TRADES) for p in RATES]
    return {
        "win_rate_covered": min(covered),
        "win_rate_covered_exactly": min(exact),
        "usual_interval_covered": min(peeked),
    }


def _usual(won: int, n: int, rate: float) -> bool:
    """Tell whether an interval made for one look holds the truth (Wilson, 95 %)."""
    z = 1.959963984540054
    return abs(won / n - rate) <= z * math.sqrt(rate * (1.0 - rate) / n)


def months(worlds: int) -> dict[str, float]:
    """Return how many accounts whose mean month is exactly 5 % are ever called better."""
    source = np.random.default_rng(2)
    alarms = 0
    for _ in range(worlds):
        skewed = 0.05 + 0.05 * (1.0 - source.exponential(1.0, MONTHS))
        alarms += mixture_e_process_mean_above(np.maximum(skewed, -1.0), 0.05, -1.0).max_e >= 20.0
    return {"month_false_alarms": alarms / worlds}


def world(source: np.random.Generator, is_clustered: bool) -> np.ndarray:
    """Return log returns of mean 0.0004 and deviation 0.01 a day, with quiet and wild times."""
    shocks = source.normal(0.0, 1.0, DAYS)
    if is_clustered:
        logs = np.zeros(DAYS)
        for day in range(1, DAYS):
            logs[day] = 0.95 * logs[day - 1] + 0.15 * source.normal()
        shocks *= np.exp(logs - 0.15**2 / (1.0 - 0.95**2))  # so that the variance stays one
    return 0.0004 + 0.01 * shocks


def intervals(worlds: int) -> dict[str, float]:
    """Return how often resampled intervals of 90 % hold the true growth, and a new drawdown."""
    found = {}
    for name, is_clustered in (("plain", False), ("clustered", True)):
        source = np.random.default_rng(3)
        growth = drawdown = 0
        for number in range(worlds):
            returns = np.expm1(world(source, is_clustered))
            block = block_length(returns)
            low, high, _ = bootstrap_interval(returns, _log_growth, 0.9, block, RESAMPLES, number)
            growth += low <= 0.0004 * DAYS <= high
            low, high, _ = bootstrap_interval(returns, max_drawdown, 0.9, block, RESAMPLES, number)
            drawdown += low <= max_drawdown(np.expm1(world(source, is_clustered))) <= high
        found[f"growth_{name}_covered"] = growth / worlds
        found[f"drawdown_{name}_covered"] = drawdown / worlds
    return found


def _log_growth(returns: np.ndarray) -> float:
    return float(np.log1p(returns).sum())


def choices(worlds: int) -> dict[str, float]:
    """Return what is said of sets without skill, and of one with skill among them."""
    source = np.random.default_rng(4)
    noise, skilled, found = [], [], 0
    for number in range(worlds):
        sets = source.normal(0.0, 0.01, (DAYS, SETS))
        noise.append(pbo_cscv(sets, 10).pbo)
        test = reality_check(np.zeros(DAYS), sets, 1.0, RESAMPLES, number)
        found += test.studentised_p_consistent < 0.05
        sets[:, 3] += 0.002
        skilled.append(pbo_cscv(sets, 10).pbo)
    return {
        "pbo_noise": float(np.mean(noise)),
        "pbo_noise_error": float(np.std(noise, ddof=1) / math.sqrt(worlds)),
        "pbo_skill": float(np.mean(skilled)),
        "spa_false_alarms": found / worlds,
    }


def main() -> int:
    """Show all of it; return 1 where a confidence sequence fails."""
    sys.path.pop(0)  # its folder: numba, which arch loads, would take this file for a library
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    begun, found = time.process_time(), {"worlds": float(worlds)}
    for part, count in ((win_rates, 5 * worlds), (months, 5 * worlds), (intervals, worlds)):
        found |= part(count)
    found |= choices(worlds)
    found["cpu_s"] = time.process_time() - begun
    for name, value in found.items():
        print(f"{name:<28}{value:10.3f}")
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))
    return int(found["win_rate_covered_exactly"] < 0.95 or found["month_false_alarms"] > 0.05)


if __name__ == "__main__":
    sys.exit(main())
