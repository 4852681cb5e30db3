"""How far each group's exposure was from its cap, weighted by the time it stayed there."""

import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from smart_leverage.reports.curve import mean_over_time
from smart_leverage.reports.story import Story

NEAR = 0.9
"""Part of a cap from which exposure counts as near it."""


class Group:
    """One capped group, mark by mark: exposure and the cap in force, fractions of equity.

    `times` hold only marks with an equity above zero; `caps` is empty where the cap is not known.
    """

    def __init__(
        self, name: str, times: list[int], exposures: list[float], caps: list[float]
    ) -> None:
        self.name = name
        self.times = times
        self.exposures = exposures
        self.caps = caps

    @cached_property
    def mean(self) -> float | None:
        """Mean exposure over time."""
        return mean_over_time(self.times, self.exposures)

    @cached_property
    def near(self) -> float | None:
        """Share of time at or above 90 % of the cap, breaches included."""
        return self._share(lambda exposure, cap: exposure >= NEAR * cap)

    @cached_property
    def above(self) -> float | None:
        """Share of time above the cap: by prices, or until a plan had sold down."""
        return self._share(lambda exposure, cap: exposure > cap)

    @cached_property
    def breaches(self) -> int:
        """How often exposure went from inside the cap to above it; a start above counts."""
        over = [each > cap for each, cap in zip(self.exposures, self.caps, strict=False)]
        return sum(now and not before for before, now in pairwise([False, *over]))

    def _share(self, holds: Any) -> float | None:
        if not self.caps:
            return None
        pairs = zip(self.exposures, self.caps, strict=True)
        return mean_over_time(self.times, [float(holds(*pair)) for pair in pairs])


def groups(story: Story) -> list[Group]:
    """Return crypto, leveraged and gross, in this order."""
    marks = [mark for mark in story.marks if mark.equity > 0]
    times = [mark.at_ns for mark in marks]
    equities = [float(mark.equity) for mark in marks]

    def shares(amounts: Sequence[Any]) -> list[float]:
        return [float(each) / equity for each, equity in zip(amounts, equities, strict=True)]

    return [
        Group(
            "crypto",
            times,
            shares([mark.crypto for mark in marks]),
            [float(mark.crypto_cap) for mark in marks],
        ),
        Group(
            "leveraged",
            times,
            shares([mark.leveraged for mark in marks]),
            [float(mark.leveraged_cap) for mark in marks],
        ),
        Group(
            "gross",
            times,
            shares([mark.gross for mark in marks]),
            _gross_caps(story, times),
        ),
    ]


def _gross_caps(story: Story, times: Sequence[int]) -> list[float]:
    """Return the gross cap in force at each time; empty where the policy does not tell it."""
    first = number(policy_of(story), "limits.gross_cap")
    if first is None:
        return []
    moves = [
        (each.at_ns, float(each.after))
        for each in story.limits
        if each.name == "limits.gross_cap" and each.effective_ns <= each.at_ns
    ]
    caps = [first, *(cap for _, cap in moves)]
    starts = [at_ns for at_ns, _ in moves]
    return [caps[bisect_right(starts, at_ns)] for at_ns in times]


def policy_of(story: Story) -> dict[str, Any]:
    """Return the policy under which the account was opened; empty where it cannot be read."""
    try:
        return tomllib.loads(story.account.policy)
    except tomllib.TOMLDecodeError:
        return {}


def number(policy: dict[str, Any], path: str) -> float | None:
    """Return a number of the policy, "limits.gross_cap"; None where there is none."""
    here: Any = policy
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return float(here) if isinstance(here, int | float) else None
