"""Moves every input of a case a little, the same way always, and keeps it one that makes sense."""

import random
from collections.abc import Callable
from typing import Any

from tests.golden.public import Case

SAME = {"wins": 3, "trades": 5, "n": 7, "losses": 4, "max_trades": 3, "months": 1}
"""Counts, and by how many they grow; trades by more than wins."""

FREE = {"mu", "rate", "benchmark", "skewness", "autocorrelation", "mean_return", "rf_per_period"}
"""What may have any sign, so that a zero may become either."""


def perturbed(case: Case) -> dict[str, Any]:
    """Return the inputs of a case, every one of them moved; words and days stay."""
    chance = random.Random(f"perturbed {case['id']}")
    inputs = {
        name: moved(name, value, chance) if name not in SPECIAL else SPECIAL[name](value, chance)
        for name, value in case["inputs"].items()
    }
    if case["fn"] == "crossing_probability":  # so few that fractions stay short
        inputs["max_trades"] = chance.randint(40, 70)
    if case["fn"] == "circular_block_mean_variance":
        inputs["block"] = {1: 2, 3: 4, 4: 2}[case["inputs"]["block"]]
    if case["fn"] == "rck_discrete":
        inputs["probabilities"] = [
            each / sum(inputs["probabilities"]) for each in inputs["probabilities"]
        ]
        inputs["returns"][-1] = [1.0] * len(inputs["returns"][-1])
    return inputs


def moved(name: str, value: Any, chance: random.Random) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, list):
        return [moved(name, item, chance) for item in value]
    if name in SAME:
        return value + SAME[name]
    by = chance.uniform(0.005, 0.04) * chance.choice((-1.0, 1.0))
    if value == 0:
        return by if name in FREE else abs(by) / 10.0
    if 0.0 < value < 1.0:  # whatever may be a probability stays one
        return value + by * min(value, 1.0 - value)
    return value * (1.0 + by)


def flipped(outcomes: Any, chance: random.Random) -> Any:
    """Change every seventh outcome or so; the kinds are those of the case."""
    other: dict[Any, Any] = {"0": "1", "1": "0", 0: 1, 1: 0}
    new = [other[each] if chance.random() < 0.15 else each for each in outcomes]
    return "".join(new) if isinstance(outcomes, str) else new


def remarked(marks: list[list[Any]], chance: random.Random) -> list[list[Any]]:
    return [[time, round(equity * chance.uniform(0.985, 1.015), 2)] for time, equity in marks]


def bounded(returns: Any, chance: random.Random) -> Any:
    """Move returns, but none below what the test of their mean is told to be the lowest."""
    if not isinstance(returns, list):  # another function's x is a plain number
        return moved("", returns, chance)
    return [value + chance.uniform(-0.004, 0.004) for value in returns]


def first_down(value: float, chance: random.Random) -> float:
    return value - chance.uniform(0.005, 0.02)


def other_even(value: int, chance: random.Random) -> int:
    return value + chance.choice((-2, 2)) if value > 4 else value + 2


def prior(value: float, chance: random.Random) -> float:
    return value + chance.uniform(0.2, 0.9)


SPECIAL: dict[str, Callable[[Any, random.Random], Any]] = {
    "outcomes": flipped,
    "marks": remarked,
    "x": bounded,
    "lower_bound": first_down,
    "blocks": other_even,
    "bins": lambda value, chance: value + chance.randint(1, 4),
    "tier": lambda value, chance: (value + 1) % 3,
    "expected_block": lambda value, chance: value + chance.uniform(0.1, 0.8),
    "window": lambda value, chance: value + 1,
    "block": lambda value, chance: value,
    "resume_before_index": lambda value, chance: [max(each - 1, 1) for each in value],
    "days_per_month": lambda value, chance: value + chance.choice((-1, 1)),
    "degrees_of_freedom": lambda value, chance: value + chance.uniform(0.2, 1.5),
    "prior_a": prior,
    "prior_b": prior,
    "discount": lambda value, chance: min(value, 0.995) - chance.uniform(0.0, 0.01),
    "rolling_day_hours": lambda value, chance: value + chance.choice((-3, 2)),
    "rolling_month_days": lambda value, chance: value - chance.choice((2, 4)),
}


def close_to(case: Case) -> dict[str, float]:
    """Return how close our answer has to come to the independent one: that of the case, or wider.

    An evaluation by quadrature or by another solver has digits of its own.
    """
    wider = {"constant_leverage_joint": 0.006, "surplus_policy_joint": 0.006, "reality_check": 0.03}
    floor = wider.get(case["fn"], 1e-9)
    return {name: max(float(value), floor) for name, value in case["tol"].items()}
