"""What a sweep was told: what is varied, how it is sampled, what is looked for."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from smart_leverage.domain.errors import ConfigError
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.research.sweep.figures import Goal
from smart_leverage.research.sweep.objectives import Objective, objectives_of
from smart_leverage.research.sweep.sampling import SETS_MAX, at_random, grid, quasi
from smart_leverage.research.sweep.space import Floats, Space, nearest, space_of

METHODS = ("grid", "random", "quasi", "optuna")
SAMPLERS = ("tpe", "nsga2", "random")
PRUNERS = ("none", "median", "halving")


class Search(NamedTuple):
    """How Optuna is asked.

    Attributes:
        sampler: One of `SAMPLERS`.
        pruner: One of `PRUNERS`.
        batch: Trials that are asked before any of them is told; equal for every engine, because
            what the sampler knows depends on it.
        rungs: Shares of the bars after which a pruner may give a trial up, rising.
        storage: Where the study is kept, `sqlite:///FILE` or `postgresql://…`; empty means a file
            in the folder of the sweep.
    """

    sampler: str = "tpe"
    pruner: str = "none"
    batch: int = 16
    rungs: tuple[float, ...] = (0.25, 0.5)
    storage: str = ""


class Plan(NamedTuple):
    """A sweep as it was asked for."""

    space: Space
    method: str = "grid"
    sets: int = 0
    seed: int = 1
    objectives: tuple[Objective, ...] = objectives_of(["goal_reached", "growth_bounded"])
    goal: Goal = Goal()
    has_months: bool = True
    search: Search = Search()

    def points(self) -> Floats:
        """Return all points of a sample that is known beforehand, impossible ones included.

        Returns:
            (n_sets, n_axes).
        """
        if self.method == "grid":
            return grid(self.space)
        return {"random": at_random, "quasi": quasi}[self.method](self.space, self.sets, self.seed)


_KEYS = ("space", "method", "count", "seed", "objectives", "goal", "months", "optuna")
_COUNT = 1000


def read_plan(path: Path, base: Policy = CLASSIC, **given: Any) -> Plan:
    """Read a plan from a file in TOML.

    Args:
        path: The file.
        base: The policy around which it varies.
        given: Keys of the first level that count instead of those of the file; None counts not.

    Raises:
        ConfigError: The file cannot be read, or everything in it that cannot be.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], str(path)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"is not TOML: {error}"], str(path)) from None
    tree |= {key: value for key, value in given.items() if value is not None}
    return plan_of(tree, base, str(path))


def plan_of(tree: Mapping[str, Any], base: Policy = CLASSIC, source: str = "plan") -> Plan:
    """Return the plan that a tree of keys means; see `docs/how-to/sweep-a-policy.md`.

    Raises:
        ConfigError: Everything that cannot be, each with what would be accepted.
    """
    reader = _Reader()
    reader.refuse_unknown(tree, _KEYS, "")
    space = objectives = None
    try:
        space = space_of(reader.table(tree, "space"), base)
    except ConfigError as error:
        reader.problems += error.problems
    has_months = reader.one_of(tree, "months", (True, False), True)
    try:
        names = tree.get(
            "objectives", ["goal_reached", "growth_bounded"] if has_months else ["growth_bounded"]
        )
        objectives = objectives_of(
            [names] if isinstance(names, str) else list(names), has_months=has_months
        )
    except ConfigError as error:
        reader.problems += error.problems
    method = reader.one_of(tree, "method", METHODS, "grid")
    if method == "grid" and "count" in tree:
        reader.problems.append("count: a grid has as many sets as there are combinations")
    plan_parts = {
        "method": method,
        "sets": reader.whole(tree, "count", 1, SETS_MAX, _COUNT),
        "seed": reader.whole(tree, "seed", 0, 2**32 - 1, 1),
        "goal": _goal(reader, reader.table(tree, "goal")),
        "has_months": has_months,
        "search": _search(reader, reader.table(tree, "optuna")),
    }
    if objectives is not None and len(objectives) > 1 and plan_parts["search"].pruner != "none":
        reader.problems.append("optuna.pruner: it judges by one objective; name one, or none")
    if reader.problems or space is None or objectives is None:
        raise ConfigError(reader.problems, source)
    return Plan(space=space, objectives=objectives, **plan_parts)


def _goal(reader: "_Reader", tree: Mapping[str, Any]) -> Goal:
    reader.refuse_unknown(tree, Goal._fields, "goal.")
    usual = Goal()
    return Goal(
        month=reader.number(tree, "month", -1.0, 10.0, usual.month, "goal."),
        drawdown=reader.number(tree, "drawdown", 0.0, 1.0, usual.drawdown, "goal."),
        level=reader.number(tree, "level", 0.0, 1.0, usual.level, "goal."),
    )


def _search(reader: "_Reader", tree: Mapping[str, Any]) -> Search:
    reader.refuse_unknown(tree, Search._fields, "optuna.")
    usual = Search()
    rungs = tree.get("rungs", usual.rungs)
    given = list(rungs) if isinstance(rungs, list | tuple) else None
    shares = [share for share in given or () if isinstance(share, float) and 0.0 < share < 1.0]
    if shares != given or sorted(set(shares)) != shares:
        reader.problems.append(f"optuna.rungs: {rungs!r} is not accepted; rising fractions below 1")
    storage = tree.get("storage", "")
    if not isinstance(storage, str):
        reader.problems.append(f"optuna.storage: {storage!r} is not accepted; an address")
    return Search(
        sampler=reader.one_of(tree, "sampler", SAMPLERS, usual.sampler, "optuna."),
        pruner=reader.one_of(tree, "pruner", PRUNERS, usual.pruner, "optuna."),
        batch=reader.whole(tree, "batch", 1, 10_000, usual.batch, "optuna."),
        rungs=tuple(shares),
        storage=str(storage),
    )


class _Reader:
    """Takes values out of tables and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def refuse_unknown(self, tree: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> None:
        self.problems += [
            f"{prefix}{key}: no such key{nearest(key, known)}" for key in tree if key not in known
        ]

    def table(self, tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = tree.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.problems.append(f"{key}: {value!r} is not accepted; a table, [{key}]")
        return {}

    def one_of(
        self, tree: Mapping[str, Any], key: str, known: Any, usual: Any, prefix: str = ""
    ) -> Any:
        value = tree.get(key, usual)
        if any(value is each or (value == each and type(value) is type(each)) for each in known):
            return value
        words = " or ".join(str(each).lower() if isinstance(each, bool) else each for each in known)
        self.problems.append(f"{prefix}{key}: {value!r} is not accepted; {words}")
        return usual

    def whole(
        self, tree: Mapping[str, Any], key: str, low: int, high: int, usual: int, prefix: str = ""
    ) -> int:
        value = tree.get(key, usual)
        if type(value) is int and low <= value <= high:
            return value
        self.problems.append(
            f"{prefix}{key}: {value!r} is not accepted; a whole number from {low} to {high:,}"
        )
        return usual

    def number(
        self,
        tree: Mapping[str, Any],
        key: str,
        low: float,
        high: float,
        usual: float,
        prefix: str = "",
    ) -> float:
        value = tree.get(key, usual)
        if type(value) in (int, float) and low < value < high:
            return float(value)
        self.problems.append(
            f"{prefix}{key}: {value!r} is not accepted; a number between {low:g} and {high:g}"
        )
        return usual
