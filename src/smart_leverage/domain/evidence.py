"""What was measured of an account's past by a process of its own, as the journal keeps it.

Numbers are the shortest text that gives the same double again; empty where one is not known.
"""

from msgspec import Struct

from smart_leverage.domain.stamps import iso

SLEEVES = ("crypto", "leveraged")
"""The parts of an account that have a cap of their own."""

DAYS_MIN = 20
"""Fewer daily returns of a sleeve say nothing of its volatility and of its worst days."""

DAYS_MIN_MEAN = 60
"""Fewer daily returns of a sleeve say nothing of its mean."""

OUTCOMES_MIN = 50
"""Fewer outcomes say nothing of what a confidence is worth."""

EARLY = ("es_per_unit", "volatility", "volatility_target")
"""Figures that need `DAYS_MIN` days."""

LATE = ("mean_low", "kelly_best")
"""Figures that need `DAYS_MIN_MEAN` days."""


class SleeveFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of one sleeve from its daily returns at exposure 1; see `policy.sleeve`."""

    days: int = 0
    es_per_unit: str = ""
    volatility: str = ""
    volatility_target: str = ""
    mean_low: str = ""
    kelly_best: str = ""


class Calibration(Struct, frozen=True, kw_only=True):
    """The curve from what a source said to what came, by its knots; `method` is how it was fit."""

    source: str
    outcomes: int
    method: str
    scores: tuple[str, ...]
    probabilities: tuple[str, ...]


class Measured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that one look at the past gave.

    It was made from what happened from `from_ns` until before `until_ns`, `days` risk days; what of
    it was used has the hash `sha256`. From `expires_ns` on it is not in force.
    """

    from_ns: int
    until_ns: int
    expires_ns: int
    days: int
    sha256: str
    sleeves: dict[str, SleeveFigures]
    calibrations: tuple[Calibration, ...] = ()


def told(measured: Measured) -> str:
    """Return what evidence is about, in one line."""
    sleeves = ", ".join(f"{name} {measured.sleeves[name].days} days" for name in SLEEVES)
    curves = ", ".join(f"{each.source} {each.outcomes} outcomes" for each in measured.calibrations)
    return (
        f"evidence of {measured.days} risk days until {iso(measured.until_ns)[:10]}: {sleeves}"
        f"{f', {curves}' if curves else ''}; in force until {iso(measured.expires_ns)}"
    )
