"""The limits of an account, folded from its journal, and the configuration with them laid over."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any

from smart_leverage.domain.limits import (
    CONFIGURATION,
    LIMITS,
    SWITCHES,
    canonical,
    is_looser,
    number_of,
)
from smart_leverage.domain.records import AccountOpened, LimitChanged
from smart_leverage.engine.config import EngineConfig
from smart_leverage.policy.tier import Tier

LOOK_THROUGH = "exposure.look_through"
"""The switch by which a fund counts with its daily multiple."""

_THRESHOLDS = ("win_rate_stable", "win_rate_profitable", "trades_min", "month_return_emergency")
_LOSSES = ("loss_limit_daily_asset", "loss_limit_daily", "loss_limit_monthly")
_CAPS = ("drawdown_cap", "tail_cap", "kelly_cap", "volatility_cap")
_EXPOSURE = (
    *("drawdown_multiple", "drawdown_floor", "peak_days", "shortfall_max"),
    *("kelly_fraction", "kelly_least", "volatility_max"),
)
_RECORD = ("promote_probability", "demote_probability", "trades_min_1", "trades_min_2")
_ROLLING = ("drawdown_limit", "loss_limit_sleeve")
_EDGE = ("factor_max", "uncalibrated")
_INTRADAY = ("gross_cap", "entries_until_minutes", "flat_from_minutes", "deadline_minutes")

PLACES: Mapping[str, tuple[str, ...]] = {
    "risk.loosen_after_hours": ("loosen_after_hours",),
    "tiers.ceiling": ("tier_ceiling",),
    "limits.gross_cap": ("policy", "groups", "gross"),
    "limits.symbol_cap": ("policy", "groups", "symbol"),
    "limits.symbol_cap_broad": ("policy", "groups", "symbol_broad"),
    **{f"limits.{name}": ("policy", "limits", name) for name in _LOSSES},
    **{f"tiers.{name}": ("policy", "thresholds", name) for name in _THRESHOLDS},
    **{f"exposure.{name}": ("policy", "exposure", f"is_{name}ped") for name in _CAPS},
    LOOK_THROUGH: ("policy", "exposure", "is_look_through"),
    **{f"exposure.{name}": ("policy", "exposure", name) for name in _EXPOSURE},
    "record.earned": ("policy", "record", "is_earned"),
    **{f"record.{name}": ("policy", "record", name) for name in _RECORD},
    "breakers.rolling": ("policy", "rolling", "is_rolling"),
    **{f"breakers.{name}": ("policy", "rolling", name) for name in _ROLLING},
    "edge.sized": ("policy", "edge", "is_edge_sized"),
    **{f"edge.{name}": ("policy", "edge", name) for name in _EDGE},
    "intraday.plan": ("policy", "intraday", "is_on"),
    **{f"intraday.{name}": ("policy", "intraday", name) for name in _INTRADAY},
    **{
        f"tiers.{tier.name.lower()}.{cap}": ("policy", "tiers", tier.name.lower(), group)
        for tier in Tier
        for cap, group in (("crypto_cap", "crypto"), ("total_cap", "leveraged"))
    },
}
"""Where in the engine's configuration each limit stands."""


def limits_of(config: EngineConfig) -> dict[str, str]:
    """Return the limits of a configuration as the journal writes them."""
    found = {}
    for name in LIMITS:
        value: Any = config
        for part in PLACES[name]:
            value = getattr(value, part)
        found[name] = _text(value)
    return found


def _text(value: Any) -> str:
    if isinstance(value, Tier):
        return value.name.lower()
    return SWITCHES[value] if isinstance(value, bool) else repr(value)


def laid_over(config: EngineConfig, in_force: Mapping[str, str]) -> EngineConfig:
    """Return a configuration with the limits in force in the place of its own."""
    changes: dict[str, Any] = {}
    for name, text in in_force.items():
        *branches, last = PLACES[name]
        among = changes
        for branch in branches:
            among = among.setdefault(branch, {})
        among[last] = _value(name, text)
    laid: EngineConfig = _replaced(config, changes)
    return laid


def _value(name: str, text: str) -> Any:
    if text in SWITCHES:
        return text == "on"
    value = number_of(name, text)
    return Tier[value.upper()] if isinstance(value, str) else value


def _replaced(record: Any, changes: Mapping[str, Any]) -> Any:
    """Return a record with other values in some places; a table goes into a record below it."""
    return record._replace(
        **{
            name: _replaced(getattr(record, name), value) if isinstance(value, dict) else value
            for name, value in changes.items()
        }
    )


class Limits:
    """What is in force, what the last configuration said, and what waits to be loosened."""

    def __init__(self) -> None:
        """Begin with the defaults, which hold wherever a journal is silent."""
        self.in_force = limits_of(EngineConfig())
        self.configured = dict(self.in_force)
        self.pending: dict[str, LimitChanged] = {}

    @property
    def is_look_through(self) -> bool:
        """Whether a fund counts with its daily multiple."""
        return self.in_force[LOOK_THROUGH] == "on"

    def open(self, record: AccountOpened) -> None:
        """Take the limits from the policy with which the account was opened."""
        for name, text in _texts(record.policy).items():
            self.in_force[name] = self.configured[name] = text

    def apply(self, record: LimitChanged) -> None:
        """Take a change in: in force now, or pending until its time."""
        if record.who == CONFIGURATION:
            self.configured[record.name] = record.after
        if record.effective_ns > record.at_ns:
            self.pending[record.name] = record
            return
        self.in_force[record.name] = record.after
        self.pending.pop(record.name, None)

    def courses(self, changes: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """Yield all limits as they would be with some changes: now, and later if any is looser.

        Later is after each pending change and then after these. Tightening is judged by what is in
        force alone: nothing that only may come can hold it up.
        """
        looser = {name: text for name, text in changes.items() if self._is_looser(name, text)}
        course = {**self.in_force, **{n: text for n, text in changes.items() if n not in looser}}
        yield dict(course)
        if not looser:
            return
        waiting = [each for name, each in self.pending.items() if name not in changes]
        for _, due in groupby(sorted(waiting, key=_effective), key=_effective):
            course |= {each.name: each.after for each in due}
            yield dict(course)
        yield course | looser

    def _is_looser(self, name: str, text: str) -> bool:
        after = canonical(name, text)
        return after is not None and is_looser(name, self.in_force[name], after)


def _effective(change: LimitChanged) -> int:
    return change.effective_ns


@lru_cache(maxsize=16)  # an account reads the same one at every start
def _texts(policy: str) -> Mapping[str, str]:
    """Return the limits that a policy text names; none where it cannot be read."""
    try:
        return texts_in(tomllib.loads(policy))
    except tomllib.TOMLDecodeError:
        return {}


def texts_in(numbers: Mapping[str, Any]) -> dict[str, str]:
    """Return the limits among the numbers of a policy by section, as the journal writes them."""
    found = {}
    for name in LIMITS:
        value: Any = numbers
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if (text := canonical(name, str(value))) is not None:
            found[name] = text
    return found
