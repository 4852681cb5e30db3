"""Evidence comes in: taken whole, once, and not at all where it contradicts itself."""

import math
from collections.abc import Iterator

import msgspec

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.evidence import (
    DAYS_MIN,
    DAYS_MIN_MEAN,
    EARLY,
    LATE,
    OUTCOMES_MIN,
    SLEEVES,
    Calibration,
    Evidence,
    Measured,
    SleeveFigures,
    evidence_of,
)
from smart_leverage.domain.records import EvidenceRecorded, Noted
from smart_leverage.domain.stamps import iso
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Commanded
from smart_leverage.policy.calibration import are_knots
from smart_leverage.policy.sleeve import SleeveEvidence

REFUSED = "evidence.refused"
"""Code of the note with which evidence is refused, all of it."""

NAME = "measured"
"""Name of what an evidence command brings along: a `Measured` as JSON."""

LIFE_MAX_NS = 366 * DAY_NS
"""For so long at most after the end of its data may evidence be in force."""

NAME_MAX = 100

METHODS = ("platt", "isotonic")


def take_evidence(core: Core, event: Commanded) -> None:
    """Put what was measured in force; the same again changes nothing.

    It needs no token, so that a schedule can bring it: whatever it says, the caps of the tier and
    of the drawdown stand beside those that are made from it.
    """
    try:
        measured = msgspec.json.decode(dict(event.changes)[NAME], type=Measured)
        evidence = evidence_of(measured)
    except (KeyError, ValueError) as error:
        _refuse(core, event, f"not evidence: {error}")
        return
    known = core.state.evidence
    if measured == known.measured and known.is_in_force(core.now_ns):
        return
    if why := contradiction(evidence, core.now_ns) or _is_older(core, measured):
        _refuse(core, event, why)
        return
    core.record(
        EvidenceRecorded(at_ns=core.now_ns, measured=measured, who=event.who, reason=event.reason)
    )


def contradiction(evidence: Evidence, now_ns: int) -> str:
    """Return what evidence says that cannot be, empty where there is nothing."""
    measured = evidence.measured
    assert measured is not None, "there is something to ask about"  # noqa: S101
    if not 0 <= measured.from_ns < measured.until_ns:
        return "its data end before they begin"
    if measured.until_ns > now_ns:
        return "its data reach into a time that is still to come"
    if measured.expires_ns <= now_ns:
        return "it has expired already"
    if measured.expires_ns > measured.until_ns + LIFE_MAX_NS:
        return "it would be in force for more than a year after its data"
    if set(measured.sleeves) != set(SLEEVES):
        return f"it is about {', '.join(measured.sleeves) or 'nothing'}, not {', '.join(SLEEVES)}"
    wrong = (
        *(why for name in SLEEVES for why in _of_sleeve(evidence, name)),
        *(why for each in measured.calibrations for why in _of_curve(evidence, each)),
    )
    if not wrong and len(evidence.curves) != len(measured.calibrations):
        return "a source has two curves"
    return next(iter(wrong), "")


def _of_sleeve(evidence: Evidence, name: str) -> Iterator[str]:
    figures, told = evidence.sleeves[name], _told_figures(evidence, name)
    for names, needed in ((EARLY, DAYS_MIN), (LATE, DAYS_MIN_MEAN)):
        for each in names:
            value = getattr(figures, each)
            if getattr(told, each) and not math.isfinite(value):
                yield f"{each} of {name} is {value}"
            if getattr(told, each) and figures.days < needed:
                yield f"{each} of {name} is made from {told.days} days, not {needed}"
    if not _has_signs(figures):
        yield f"a figure of {name} has a sign that it cannot have"


def _told_figures(evidence: Evidence, name: str) -> SleeveFigures:
    assert evidence.measured is not None  # noqa: S101
    return evidence.measured.sleeves[name]


def _has_signs(figures: SleeveEvidence) -> bool:
    """Tell whether no figure is below what it can be; one that is not known is not."""
    positive = (figures.es_per_unit, figures.volatility, figures.volatility_target)
    share = figures.kelly_best
    return (
        figures.days >= 0.0
        and not any(each <= 0.0 for each in positive)
        and (math.isnan(share) or 0.0 <= share <= 1.0)
    )


def _of_curve(evidence: Evidence, told: Calibration) -> Iterator[str]:
    if not (told.source.isprintable() and 0 < len(told.source) <= NAME_MAX):
        yield "a source has no name that could be shown"
    if not are_knots(evidence.curves[told.source]):
        yield f"the knots of {told.source} are no curve that rises"
    if told.outcomes < OUTCOMES_MIN:
        yield f"{told.source} has {told.outcomes} outcomes, not {OUTCOMES_MIN}"
    if told.method not in METHODS:
        yield f"{told.method} is no method"


def _is_older(core: Core, measured: Measured) -> str:
    """Return why evidence comes too late: newer data are in force already."""
    known = core.state.evidence
    if known.measured is None or not known.is_in_force(core.now_ns):
        return ""
    if measured.until_ns >= known.measured.until_ns:
        return ""
    return f"its data end {iso(measured.until_ns)}, and newer evidence is in force"


def _refuse(core: Core, event: Commanded, why: str) -> None:
    text = f"nothing changed for {event.who}: {why}"
    core.record(Noted(at_ns=core.now_ns, code=REFUSED, text=text))
