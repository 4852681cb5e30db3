"""Every limit that has a tighter direction, and how two of its values compare: the one table."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import NamedTuple

from smart_leverage.domain.records import LimitChanged
from smart_leverage.domain.sentences import plain
from smart_leverage.domain.stamps import local
from smart_leverage.policy.tier import Tier

CONFIGURATION = "configuration"
"""Who changes a limit when a process begins with another configuration than the one before."""


class Unit(Enum):
    """What a value is counted in."""

    FRACTION = "fraction"
    COUNT = "count"
    HOURS = "hours"
    TIER = "tier"
    RATIO = "ratio"
    SWITCH = "switch"


class Limit(NamedTuple):
    """One limit, named as in the configuration."""

    name: str
    is_lower_tighter: bool = True
    unit: Unit = Unit.FRACTION


_LIMITS = (
    # First, so that a longer delay holds for whatever is loosened together with it.
    Limit("risk.loosen_after_hours", is_lower_tighter=False, unit=Unit.HOURS),
    *(
        Limit(f"tiers.{tier.name.lower()}.{cap}")
        for tier in Tier
        for cap in ("crypto_cap", "total_cap")
    ),
    Limit("limits.gross_cap"),
    Limit("limits.symbol_cap"),
    Limit("limits.symbol_cap_broad"),
    Limit("limits.loss_limit_daily_asset"),
    Limit("limits.loss_limit_daily"),
    Limit("limits.loss_limit_monthly"),
    Limit("tiers.ceiling", unit=Unit.TIER),
    Limit("tiers.win_rate_stable", is_lower_tighter=False),
    Limit("tiers.win_rate_profitable", is_lower_tighter=False),
    Limit("tiers.trades_min", is_lower_tighter=False, unit=Unit.COUNT),
    Limit("tiers.month_return_emergency", is_lower_tighter=False),
    *(
        Limit(name, is_lower_tighter=False, unit=Unit.SWITCH)
        for name in (
            *("exposure.drawdown_cap", "exposure.tail_cap", "exposure.kelly_cap"),
            *("exposure.volatility_cap", "exposure.look_through"),
            *("record.earned", "breakers.rolling", "edge.sized"),
        )
    ),
    Limit("exposure.drawdown_multiple", unit=Unit.RATIO),
    Limit("exposure.drawdown_floor", is_lower_tighter=False),
    Limit("exposure.peak_days", is_lower_tighter=False, unit=Unit.COUNT),
    Limit("exposure.shortfall_max"),
    Limit("exposure.kelly_fraction"),
    Limit("exposure.kelly_least"),
    Limit("exposure.volatility_max"),
    Limit("record.promote_probability", is_lower_tighter=False),
    Limit("record.demote_probability", is_lower_tighter=False),
    Limit("record.trades_min_1", is_lower_tighter=False, unit=Unit.COUNT),
    Limit("record.trades_min_2", is_lower_tighter=False, unit=Unit.COUNT),
    Limit("breakers.drawdown_limit"),
    Limit("breakers.loss_limit_sleeve"),
    Limit("edge.factor_max", unit=Unit.RATIO),
    Limit("edge.uncalibrated"),
    Limit("intraday.plan", unit=Unit.SWITCH),  # what is off lends nothing, so on is looser
    Limit("intraday.gross_cap"),
    Limit("intraday.entries_until_minutes", is_lower_tighter=False, unit=Unit.COUNT),
    Limit("intraday.flat_from_minutes", is_lower_tighter=False, unit=Unit.COUNT),
    Limit("intraday.deadline_minutes", is_lower_tighter=False, unit=Unit.COUNT),
)

SWITCHES = ("off", "on")
"""A rule that is on is tighter than one that is off; a plan that lends is looser."""

LIMITS: Mapping[str, Limit] = {limit.name: limit for limit in _LIMITS}
"""By name, in the order in which changes are made and shown."""

# Plain notation and Python's own of small floats; what is longer is no limit that anybody means.
_NUMBER = re.compile(r"-?(?=[0-9.])[0-9]{0,12}(\.[0-9]{1,20})?(e-[0-9]{1,2})?", re.ASCII)


def canonical(name: str, text: str) -> str | None:
    """Return a value as the journal keeps it: equal values have one text.

    Args:
        name: Of a limit.
        text: A fraction like "0.25", a whole number, or the name of a tier.

    Returns:
        None where there is no such limit, or the text is no value of its unit.
    """
    limit = LIMITS.get(name)
    if limit is None:
        return None
    if limit.unit is Unit.TIER:
        return text.lower() if text.upper() in Tier.__members__ else None
    if limit.unit is Unit.SWITCH:
        return text if text in SWITCHES else None
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if limit.unit in (Unit.FRACTION, Unit.RATIO):
        return repr(float(number))
    return str(int(number)) if number == int(number) else None


def fraction_of(text: str) -> str:
    """Return a percentage as the fraction that it is, and anything else as it stands.

    Raises:
        ValueError: A per cent sign stands behind what is no number.
    """
    if not text.endswith("%"):
        return text
    try:
        return format(Decimal(text.removesuffix("%").strip()) / 100, "f")
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None


def number_of(name: str, text: str) -> float | int | str:
    """Return a canonical value as a configuration has it: tiers and switches stay words."""
    unit = LIMITS[name].unit
    if unit in (Unit.TIER, Unit.SWITCH):
        return text
    return float(text) if unit in (Unit.FRACTION, Unit.RATIO) else int(text)


def value_of(name: str, text: str) -> Decimal:
    """Return the number that a canonical value stands for; a tier is its own number."""
    unit = LIMITS[name].unit
    if unit is Unit.SWITCH:
        return Decimal(SWITCHES.index(text))
    return Decimal(Tier[text.upper()]) if unit is Unit.TIER else Decimal(text)


def is_looser(name: str, before: str, after: str) -> bool:
    """Tell whether a value lets through more than another, both canonical."""
    low, high = value_of(name, before), value_of(name, after)
    return low < high if LIMITS[name].is_lower_tighter else high < low


def shown(name: str, text: str) -> str:
    """Return a value as people read it, with every place it has: "12.5 %", "20", "stable"."""
    unit = LIMITS[name].unit
    if unit in (Unit.TIER, Unit.SWITCH):
        return text
    if unit is Unit.FRACTION:
        return f"{plain(Decimal(text) * 100)} %"
    return f"{plain(Decimal(text))} h" if unit is Unit.HOURS else plain(Decimal(text))


def told(change: LimitChanged) -> str:
    """Return what a change of a limit says to people: from what, to what, and from when."""
    after = shown(change.name, change.after)
    if not change.before:
        return f"{change.name} {after}, {change.reason}"
    if change.before == change.after:
        return f"{change.name} stays {after}, nothing is pending"
    if change.effective_ns > change.at_ns:
        when = f"from {local(change.effective_ns)}, if nothing is tripped or halted then"
    else:
        when = "in force now"
    return f"{change.name} {shown(change.name, change.before)} → {after}, {when}"
