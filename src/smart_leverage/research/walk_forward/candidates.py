"""Which policies are tried: the one that is there, and those of the plan of a sweep."""

from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.domain.errors import ConfigError
from smart_leverage.policy.params import Policy
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Axis
from smart_leverage.research.walk_forward.running import Candidate

COUNT_MAX = 10_000


class Found(NamedTuple):
    """What may be chosen, and how many points of the plan were no policy."""

    candidates: list[Candidate]
    left_out: int


def candidates_of(name: str, policy: Policy, plan: Plan | None) -> Found:
    """Return the policy that is there, and after it the others of a plan.

    Args:
        name: Of the policy.
        policy: Stands first; a point that is equal to it is not tried twice.
        plan: Of a sweep around the policy; None names nothing else.

    Raises:
        ConfigError: The plan asks a search for its points, or has too many.
    """
    found = [Candidate(name, policy)]
    if plan is None:
        return Found(found, 0)
    if plan.method == "optuna":
        raise ConfigError(
            ["method = 'optuna'; a walk knows its candidates beforehand: grid, random or quasi"],
            "plan",
        )
    points = plan.points()
    if len(points) > COUNT_MAX:
        raise ConfigError([f"{len(points):,} candidates; at most {COUNT_MAX:,}"], "plan")
    names, left_out = _short(plan.space.axes), 0
    known = {policy}
    for point in points:
        if plan.space.fault(point):
            left_out += 1
            continue
        own = plan.space.policy(point)
        if own not in known:
            known.add(own)
            told = (f"{key} {value:.6g}" for key, value in zip(names, point, strict=True))
            found.append(Candidate(", ".join(told), own))
    return Found(found, left_out)


def _short(axes: Sequence[Axis]) -> list[str]:
    """Return keys without their sections, where that leaves no two alike."""
    lasts = [axis.key.rpartition(".")[2] for axis in axes]
    return [
        last if lasts.count(last) == 1 else axis.key for axis, last in zip(axes, lasts, strict=True)
    ]
