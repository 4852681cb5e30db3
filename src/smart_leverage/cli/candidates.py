"""Which policies are tried: overrides of the configuration, from a file in TOML."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from smart_leverage.cli.overrides import settings_with, unknown_in
from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.kernel.setup import row_of
from smart_leverage.research.walk_forward import Candidate
from smart_leverage.settings import Settings
from smart_leverage.wiring import policy_of

COUNT_MAX = 10_000
_SPACE, _NAMED, _NAME = "space", "candidates", "name"


class Candidates(NamedTuple):
    """What may be chosen: the configuration first; how many combinations exclude each other."""

    found: list[Candidate]
    impossible: int


class _Asked(NamedTuple):
    """One candidate as it was asked for, by dotted keys."""

    name: str
    changes: Mapping[str, Any]
    is_named: bool


def read_candidates(path: Path | None, settings: Settings, config: Path | None) -> Candidates:
    """Return the configuration as a candidate, and those of a file.

    Args:
        path: Has a table `space` of keys of the configuration, each with a list of values, of which
            every combination is tried, or a list `candidates` of tables with a name and keys; None
            names none.
        settings: The configuration.
        config: The file of it, on which the keys are laid.

    Raises:
        ConfigError: Everything that cannot be, each with what would be accepted. A combination
            whose numbers exclude each other is left out instead, and counted.
    """
    plain = Candidate(settings.policy.preset, policy_of(settings))
    row_of(plain.policy)
    if path is None:
        return Candidates([plain], 0)
    problems: list[str] = []
    asked = _asked(_read(path), problems)
    found, impossible = [plain], 0
    for each in [] if problems else asked:
        try:
            policy = policy_of(settings_with(_tree(each.changes), config, os.environ))
            row_of(policy)
        except ConfigError as error:
            if each.is_named or not _each_is_sound(each.changes, config):
                problems += [f"{each.name}: {problem}" for problem in error.problems]
                if len(problems) > 20:
                    break
            impossible += 1
            continue
        if all(policy != other.policy for other in found):
            found.append(Candidate(each.name, policy))
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), str(path))
    return Candidates(found, impossible)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], str(path)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"is not TOML: {error}"], str(path)) from None


def _asked(tree: Mapping[str, Any], problems: list[str]) -> list[_Asked]:
    problems += [
        f"{key}: unknown; [{_SPACE}] and [[{_NAMED}]] are known"
        for key in tree
        if key not in (_SPACE, _NAMED)
    ]
    found = [*_named(tree.get(_NAMED, []), problems), *_combined(tree.get(_SPACE, {}), problems)]
    if not found and not problems:
        problems.append(f"holds no candidate; give it [{_SPACE}] or [[{_NAMED}]]")
    names = [each.name for each in found]
    problems += [f"{name}: the name is there twice" for name in {*names} if names.count(name) > 1]
    return found


def _named(tables: Any, problems: list[str]) -> Iterator[_Asked]:
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        problems.append(f"{_NAMED}: write [[{_NAMED}]], once for each")
        return
    for place, table in enumerate(tables, 1):
        name = table.get(_NAME)
        if not isinstance(name, str) or not name.strip():
            problems.append(f"{_NAMED} {place}: give it a name")
            continue
        own = {key: value for key, value in table.items() if key != _NAME}
        problems += [f"{name}: {problem}" for problem in unknown_in(own)]
        yield _Asked(name, dict(_flat(own)), is_named=True)


def _combined(space: Any, problems: list[str]) -> Iterator[_Asked]:
    if not isinstance(space, dict):
        problems.append(f"{_SPACE}: write a table, [{_SPACE}]")
        return
    axes = dict(_flat(space))
    for key, values in axes.items():
        if not isinstance(values, list) or not values:
            problems.append(f"{key}: {values!r} is not accepted; a list of values")
        problems += unknown_in({key.partition(".")[0]: {}})
    if problems or not axes:
        return
    count = prod(map(len, axes.values()))
    if count > COUNT_MAX:
        problems.append(f"{_SPACE}: {count:,} combinations; at most {COUNT_MAX:,}")
        return
    short = _short(list(axes))
    for point in product(*axes.values()):
        changes = dict(zip(axes, point, strict=True))
        name = ", ".join(f"{short[key]} {value}" for key, value in changes.items())
        yield _Asked(name, changes, is_named=False)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Return keys without their sections, where that leaves no two alike."""
    lasts = [key.rpartition(".")[2] for key in keys]
    return {
        key: last if lasts.count(last) == 1 else key for key, last in zip(keys, lasts, strict=True)
    }


def _each_is_sound(changes: Mapping[str, Any], config: Path | None) -> bool:
    """Tell whether every number could be by itself, so that only their combination is at fault."""
    for key, value in changes.items():
        try:
            row_of(policy_of(settings_with(_tree({key: value}), config, os.environ)))
        except ConfigError as error:
            if any(problem.startswith(f"{key}:") for problem in error.problems):
                return False
    return True


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _tree(changes: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in changes.items():
        *sections, last = key.split(".")
        below = tree
        for each in sections:
            below = below.setdefault(each, {})
        below[last] = value
    return tree
