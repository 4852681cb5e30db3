"""Which numbers of a policy are varied, and where each may lie."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.errors import ConfigError
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel.setup import leaves, row_of

Floats = npt.NDArray[np.float64]

_TIERS = tuple(tier.name.lower() for tier in Tier)

_SPELT_OTHERWISE = {
    "limits.gross_cap": "groups.gross",
    "limits.symbol_cap": "groups.symbol",
    "limits.symbol_cap_broad": "groups.symbol_broad",
    **{
        f"tiers.{name}": f"thresholds.{name}"
        for name in (
            "month_return_emergency",
            "win_rate_stable",
            "win_rate_profitable",
            "trades_min",
        )
    },
    **{
        f"exposure.{cap}_cap": f"exposure.is_{cap}_capped"
        for cap in ("drawdown", "tail", "kelly", "volatility")
    },
    "exposure.look_through": "exposure.is_look_through",
    "record.earned": "record.is_earned",
    "breakers.rolling": "rolling.is_rolling",
    "breakers.drawdown_limit": "rolling.drawdown_limit",
    "breakers.loss_limit_sleeve": "rolling.loss_limit_sleeve",
    "edge.sized": "edge.is_edge_sized",
    "intraday.plan": "intraday.is_on",
    **{f"tiers.{tier}.crypto_cap": f"tiers.{tier}.crypto" for tier in _TIERS},
    **{f"tiers.{tier}.total_cap": f"tiers.{tier}.leveraged" for tier in _TIERS},
}
"""What a file of settings calls otherwise than the policy does."""


def _names() -> dict[str, str]:
    spelt = {name: key for key, name in _SPELT_OTHERWISE.items()}
    return {spelt.get(name, name): name for name, _ in leaves(CLASSIC)}


NAMES = _names()
"""Every number of a policy: its key in a file of settings, and its name in the policy."""

_SWITCHES = {name for name, value in leaves(CLASSIC) if isinstance(value, bool)}
_WORDS = ("off", "on")

_WHOLE = {name for name, value in leaves(CLASSIC) if isinstance(value, int)}


class Axis(NamedTuple):
    """One number that is varied.

    Attributes:
        key: As a file of settings spells it.
        values: The values it may take, in their order; empty where any between the ends may be.
        low: Its least.
        high: Its most.
        is_log: Equal ratios are equal steps.
        is_whole: Only whole numbers are meant.
    """

    key: str
    values: tuple[float, ...]
    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False

    @property
    def name(self) -> str:
        """Its name in the policy."""
        return NAMES[self.key]

    def at(self, share: Floats) -> Floats:
        """Return the values at shares of the way from least to most, each in [0, 1)."""
        if self.values:
            return np.array(self.values)[(share * len(self.values)).astype(np.int64)]
        if self.is_whole:
            return self.low + np.floor(share * (self.high - self.low + 1.0))
        if self.is_log:
            low, high = math.log(self.low), math.log(self.high)
            # Rounding may lead a hair beyond an end.
            return np.clip(np.exp(low + share * (high - low)), self.low, self.high)
        return np.clip(self.low + share * (self.high - self.low), self.low, self.high)


class Space(NamedTuple):
    """The numbers that are varied, around a policy that holds all others."""

    axes: tuple[Axis, ...]
    base: Policy = CLASSIC

    def policy(self, point: Sequence[float]) -> Policy:
        """Return the policy of a point: one value per axis."""
        changes = {
            axis.name: int(value) if axis.is_whole else float(value)
            for axis, value in zip(self.axes, point, strict=True)
        }
        return changed(self.base, changes)

    def fault(self, point: Sequence[float]) -> str:
        """Return why a point cannot be a policy, or an empty text: its numbers may exclude."""
        try:
            row_of(self.policy(point))
        except ConfigError as error:
            return "; ".join(map(_as_spelt, error.problems))
        return ""


def changed(policy: Policy, changes: Mapping[str, float]) -> Policy:
    """Return a policy with other numbers; `changes` has their names in the policy."""
    found: Any = _changed(policy, changes, "")
    return found  # type: ignore[no-any-return]


def _changed(record: Any, changes: Mapping[str, float], prefix: str) -> Any:
    values = {}
    for name, value in zip(record._fields, record, strict=True):
        path = f"{prefix}{name}"
        is_inner = isinstance(value, tuple)
        values[name] = (
            _changed(value, changes, f"{path}.") if is_inner else changes.get(path, value)
        )
    return type(record)(**values)


def space_of(tree: Mapping[str, Any], base: Policy = CLASSIC, source: str = "space") -> Space:
    """Read what is varied.

    Args:
        tree: Keys of settings, dotted or as tables; each has a list of values, or a table with
            `from` and `to`, and perhaps `count` (so many values, both ends among them) and `log`.
        base: The policy that holds everything else.
        source: Named in errors.

    Raises:
        ConfigError: Every key that is unknown, and every value that cannot be.
    """
    problems: list[str] = []
    axes = []
    for key, told in _flat(tree):
        axis = _axis(key, told, problems)
        if axis is None:
            continue
        wrong = [each for value in _ends(axis) for each in _fault(base, axis, value)]
        problems += wrong[:1]
        axes.append(axis)
    if not axes and not problems:
        problems.append("nothing is varied; name at least one key of the policy")
    if problems:
        raise ConfigError(problems, source)
    return Space(tuple(axes), base)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and "from" not in value and "to" not in value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _axis(key: str, told: Any, problems: list[str]) -> Axis | None:
    name = NAMES.get(key)
    if name is None:
        problems.append(f"{key}: no such number in the policy{nearest(key, NAMES)}")
        return None
    is_whole = name in _WHOLE
    try:
        if isinstance(told, Mapping):
            if name in _SWITCHES:
                raise ValueError("has no range; a list of 'on' and 'off'")
            return _range(key, dict(told), is_whole=is_whole)
        if isinstance(told, list | tuple) and told:
            if name in _SWITCHES:
                told = [_switched(value) for value in told]
            return _listed(key, told, is_whole=is_whole)
    except ValueError as error:
        problems.append(f"{key}: {error}")
        return None
    problems.append(f"{key}: {told!r} is not accepted; a list of values, or {{ from = …, to = … }}")
    return None


def _switched(value: Any) -> int:
    if value not in _WORDS:
        raise ValueError(f"{value!r} is not accepted; 'on' or 'off'")
    return _WORDS.index(value)


def _listed(key: str, told: Sequence[Any], *, is_whole: bool) -> Axis:
    values = tuple(_number(value, is_whole=is_whole) for value in told)
    if len(set(values)) < len(values):
        raise ValueError("a value stands there twice")
    return Axis(key, values, min(values), max(values), is_whole=is_whole)


def _range(key: str, told: dict[str, Any], *, is_whole: bool) -> Axis:
    known = ("from", "to", "count", "log")
    for word in told:
        if word not in known:
            raise ValueError(f"no such word {word!r}{nearest(word, known)}")
    if "from" not in told or "to" not in told:
        raise ValueError("give both from and to")
    low = _number(told["from"], is_whole=is_whole)
    high = _number(told["to"], is_whole=is_whole)
    is_log, count = told.get("log", False), told.get("count")
    if not low < high:
        raise ValueError(f"from {low:g} is not below to {high:g}")
    if not isinstance(is_log, bool) or (is_log and (low <= 0.0 or is_whole)):
        raise ValueError("log is true or false, and wants two numbers above 0 that are not whole")
    values: tuple[float, ...] = ()
    if count is not None:
        if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= 100_000:
            raise ValueError(f"count = {count!r} is not a whole number from 2 to 100,000")
        values = tuple(_spaced(low, high, count, is_log=is_log))
        if is_whole and any(value != int(value) for value in values):
            raise ValueError(f"{count} values from {low:g} to {high:g} are not whole numbers")
    return Axis(key, values, low, high, is_log=is_log, is_whole=is_whole)


def _spaced(low: float, high: float, count: int, *, is_log: bool) -> Iterator[float]:
    """Yield values at equal distances; as decimals, so that 0.1 to 0.3 passes 0.2 exactly."""
    first, last = Decimal(repr(low)), Decimal(repr(high))
    for place in range(count):
        if place in (0, count - 1):
            yield low if place == 0 else high
        elif is_log:
            yield low * (high / low) ** (place / (count - 1))
        else:
            yield float(first + (last - first) * place / (count - 1))


def _number(value: Any, *, is_whole: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    if is_whole and value != int(value):
        raise ValueError(f"{value!r} is not a whole number")
    return float(value)


def _ends(axis: Axis) -> tuple[float, ...]:
    return axis.values or (axis.low, axis.high)


def _fault(base: Policy, axis: Axis, value: float) -> Iterator[str]:
    """Yield what is wrong with a value by itself; pairs that exclude are judged per point."""
    given = int(value) if axis.is_whole else value
    try:
        row_of(changed(base, {axis.name: given}))
    except ConfigError as error:
        for problem in error.problems:
            if problem.startswith(f"{axis.name} = ") and "; " in problem:
                yield _as_spelt(problem)


def _as_spelt(problem: str) -> str:
    """Return a problem of the kernel with the keys of settings instead of the policy's names."""
    words = problem.split(" ")
    spelt = {name: key for key, name in NAMES.items()}
    return " ".join(spelt.get(word, word) for word in words)


def nearest(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Return a hint at what may have been meant, or an empty text."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
