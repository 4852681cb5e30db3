"""What a sweep looks for, as one number per set, and which way is better."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.figures import Floats, Goal
from smart_leverage.research.sweep.space import nearest

Figures = Mapping[str, Floats]


class Objective(NamedTuple):
    """A wish: `value` makes it from figures of shape (n_sets,); NaN is worse than everything."""

    name: str
    says: str
    is_more_better: bool
    value: Callable[[Figures, Goal], Floats]
    needs_months: bool = False
    breaks_below: float = -math.inf
    """Values below it mean that a bound was broken, not how much was reached."""

    def losses(self, values: Floats) -> Floats:
        """Return values of which less is better, and which order even what is not known."""
        turned = -values if self.is_more_better else values
        return np.where(np.isnan(turned), np.inf, turned)


def _goal_reached(of: Figures, goal: Goal) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return of["months_good"] / of["months"]


def _growth_bounded(of: Figures, goal: Goal) -> Floats:
    # No account loses more than all, so whatever breaks the bound stands below whatever keeps it.
    return np.where(of["drawdown"] < goal.drawdown, of["growth"], -1.0 - of["drawdown"])


def _sharpe(of: Figures, goal: Goal) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found = of["day_mean"] / of["day_std"]
    return np.where(np.isfinite(found), found, np.nan)


def _figure(name: str) -> Callable[[Figures, Goal], Floats]:
    return lambda of, goal: of[name]


OBJECTIVES = {
    each.name: each
    for each in (
        Objective(
            "goal_reached",
            "share of whole months that reach the goal and stay above its drawdown",
            True,
            _goal_reached,
            needs_months=True,
        ),
        Objective(
            "growth_bounded",
            "growth where the drawdown stays below the goal's; else −1 − drawdown",
            True,
            _growth_bounded,
            breaks_below=-1.0,
        ),
        Objective(
            "shortfall",
            "mean of the worst daily losses, beyond the goal's level",
            False,
            _figure("shortfall"),
            needs_months=True,
        ),
        Objective(
            "growth", "equity at the end over cash at first, less one", True, _figure("growth")
        ),
        Objective("drawdown", "deepest fall below the best mark", False, _figure("drawdown")),
        Objective("sharpe", "mean over deviation of daily returns, not annualised", True, _sharpe),
        Objective(
            "month_worst", "return of the worst whole month", True, _figure("month_worst"), True
        ),
        Objective("turnover", "traded value over cash at first", False, _figure("turnover")),
        Objective("cap_use", "crypto held over the crypto cap in force", True, _figure("cap_use")),
    )
}
"""By name; the first is the one that is looked for when nobody says otherwise."""


def objectives_of(names: Sequence[str], *, has_months: bool = True) -> tuple[Objective, ...]:
    """Return objectives by their names.

    Raises:
        ConfigError: A name is unknown or there twice, or needs months that are not computed.
    """
    problems = [
        f"objectives: no such objective {name!r}{nearest(name, OBJECTIVES)}; known are "
        f"{', '.join(OBJECTIVES)}"
        for name in names
        if name not in OBJECTIVES
    ]
    found = [OBJECTIVES[name] for name in names if name in OBJECTIVES]
    problems += [
        f"objectives: {each.name} needs the curve of every account; leave out months = false"
        for each in found
        if each.needs_months and not has_months
    ]
    if len(set(names)) < len(names) or not names:
        problems.append("objectives: name at least one, and each once")
    if problems:
        raise ConfigError(problems, "objectives")
    return tuple(found)


def front(losses: Floats) -> npt.NDArray[np.bool_]:
    """Return which sets no other one beats in everything: the Pareto front.

    Args:
        losses: (n_sets, n_objectives), less is better, infinity for what is not known.

    Returns:
        (n_sets,), False where an objective is not known. Of equal sets all are told.
    """
    kept = np.zeros(len(losses), dtype=np.bool_)
    best: list[Floats] = []
    # In this order nothing is beaten by what comes later, so only the front is compared with.
    for place in np.lexsort(losses.T[::-1]):
        row = losses[place]
        if not np.isfinite(row).all():
            continue
        if any((each <= row).all() and (each < row).any() for each in best):
            continue
        best.append(row)
        kept[place] = True
    return kept
