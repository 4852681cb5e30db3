"""Measures the past of an account anew and puts the result in force as dated evidence."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.evidence import Calibration, Measured
    from smart_leverage.research.refit.curves import Quality
    from smart_leverage.research.refit.past import Past

NEUTRAL = 2.0 / 3.0
"""A curve is told by what it makes of the confidence that counts as neutral."""


class Row(NamedTuple):
    """One figure: what was in force, what is measured, and why; None where it is not known."""

    figure: str
    old: float | None
    new: float | None
    why: str


@command(
    "smart-leverage refit --dry-run",
    'smart-leverage refit runs/live --reason "first of the month" --picture reliability.svg',
)
def refit(
    screen: Screen,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Of an account.  [default: of the last run]"),
    ] = None,
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.")
    ] = "measured anew",
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would change; nothing is written.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a reliability diagram, an SVG, to this file."),
    ] = None,
) -> None:
    """Measure the sleeves of an account and what its signals are worth, from its own past.

    Daily returns at exposure 1 give expected shortfall, volatility, its target, and bounds of the
    mean; closed signals give a curve for the confidence of their source. The result is in force for
    40 days after the end of its data. The account may run or stand still, no token is needed; the
    same data change nothing. For a schedule: once a month.
    """
    from smart_leverage.cli.control import order
    from smart_leverage.cli.lacking import statistics
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.engine.learning import NAME
    from smart_leverage.runtime.remembered import remember

    path = ledger_path(folder)
    state = remember(path).state
    with statistics("refit"):
        past, measured, told = _measured(path, is_look_through=state.limits.is_look_through)
        if picture is not None:
            _draw(picture, told)
    rows = list(_rows(state.evidence.measured, measured, past))
    if not screen.as_json:
        screen.say(*_lines(measured, rows, told), "")
    fields = {"measured": measured, "rows": rows, "sources": told, "ledger": str(path)}
    if is_dry:
        _tell_only(screen, path, measured, fields)
        return
    order(screen, "evidence", reason, path, changes={NAME: _encoded(measured)}, more=fields)


def _measured(path: Path, *, is_look_through: bool) -> "tuple[Past, Measured, list[Quality]]":
    """Read the past and return it, what it gives, and how good every source was."""
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.records import decode
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.research.refit.curves import quality, sources_of
    from smart_leverage.research.refit.measuring import measure
    from smart_leverage.research.refit.past import KINDS, read_past

    with opened(path) as reader:
        past = read_past(
            (decode(entry.payload) for entry in reader.entries() if entry.kind in KINDS),
            is_look_through=is_look_through,
        )
    measured = measure(past, SystemClock().now_ns())
    used = [each for each in past.outcomes if measured.from_ns <= each.at_ns <= measured.until_ns]
    return past, measured, [quality(*each) for each in sources_of(used).items()]


def _encoded(measured: "Measured") -> str:
    import msgspec

    return msgspec.json.encode(measured).decode()


def _tell_only(screen: Screen, path: Path, measured: "Measured", fields: dict[str, Any]) -> None:
    """Tell what a real run would answer, without asking anybody."""
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.evidence import evidence_of
    from smart_leverage.engine.learning import contradiction
    from smart_leverage.runtime.remembered import remember

    is_known = measured == remember(path).state.evidence.measured
    why = contradiction(evidence_of(measured), SystemClock().now_ns())
    if screen.as_json:
        screen.record({"result": "dry-run", "is_known": is_known, "refused": why, **fields})
    elif why:
        screen.say(f"■ only tried: it would be refused, {why}")
    elif is_known:
        screen.say("● only tried: the same is in force already, nothing would be written")
    else:
        screen.say("▲ only tried: nothing was written; without --dry-run it is put in force")


def _draw(file: Path, told: "Sequence[Quality]") -> None:
    from smart_leverage.domain.errors import BadData
    from smart_leverage.research.refit.picture import reliability_picture

    try:
        file.write_text(reliability_picture(told), encoding="utf-8")
    except OSError as error:
        raise BadData(f"cannot be written: {error.strerror}", file=file) from None


# -- the table ------------------------------------------------------------------------------------


def _rows(old: "Measured | None", new: "Measured", past: "Past") -> Iterator[Row]:
    from smart_leverage.domain.evidence import DAYS_MIN, DAYS_MIN_MEAN, EARLY, LATE, SLEEVES

    for sleeve in SLEEVES:
        before, after = None if old is None else old.sleeves[sleeve], new.sleeves[sleeve]
        for names, least in ((EARLY, DAYS_MIN), (LATE, DAYS_MIN_MEAN)):
            for name in names:
                value = _number(getattr(after, name))
                yield Row(
                    f"{sleeve} {_WORDS[name][0]}",
                    None if before is None else _number(getattr(before, name)),
                    value,
                    _why(name, value, after.days, least),
                )
    yield from _curves(old, new, past)


def _why(name: str, value: float | None, days: int, least: int) -> str:
    if days < least:
        return f"needs {least} days with a return, has {days}"
    return "its returns never differ" if value is None else f"{days} days, {_WORDS[name][1]}"


_WORDS = {
    "es_per_unit": ("worst days", "worst 2.5 %, of sample or Student"),
    "volatility": ("volatility", "a year, weighted 0.94 a day"),
    "volatility_target": ("volatility target", "8 % drawdown in a year, at 90 %"),
    "mean_low": ("mean, lower bound", "a year, true with 90 %"),
    "kelly_best": ("share of Kelly", "at the lower Sharpe ratio"),
}


def _number(text: str) -> float | None:
    return float(text) if text else None


def _curves(old: "Measured | None", new: "Measured", past: "Past") -> Iterator[Row]:
    from smart_leverage.domain.evidence import OUTCOMES_MIN

    before = {} if old is None else {each.source: each for each in old.calibrations}
    after = {each.source: each for each in new.calibrations}
    counts: dict[str, int] = {}
    for each in past.outcomes:
        if new.from_ns <= each.at_ns <= new.until_ns:
            counts[each.source] = counts.get(each.source, 0) + 1
    for source in sorted({*before, *after, *counts}):
        made, count = after.get(source), counts.get(source, 0)
        why = f"needs {OUTCOMES_MIN} closed signals, has {count}"
        if made is not None:
            why = f"{made.outcomes} closed signals, {made.method}"
        elif count >= OUTCOMES_MIN:
            why = "others have more outcomes, and a command carries no more"
        yield Row(f"{source} at {NEUTRAL:.2f}", _at(before.get(source)), _at(made), why)


def _at(curve: "Calibration | None") -> float | None:
    """Return what a curve makes of the neutral confidence."""
    from smart_leverage.domain.evidence import knots_of
    from smart_leverage.policy.calibration import calibrated

    return None if curve is None else calibrated(NEUTRAL, knots_of(curve))


def _lines(measured: "Measured", rows: "Sequence[Row]", told: "Sequence[Quality]") -> Iterator[str]:
    from smart_leverage.domain.stamps import iso
    from smart_leverage.reports.explain import printable

    yield (
        f"{measured.days} risk days, {iso(measured.from_ns)[:10]} to {iso(measured.until_ns)[:10]}"
        f"   in force until {iso(measured.expires_ns)[:10]}   data {measured.sha256[:12]}"
    )
    yield f"{'':<28}{'old':>10}{'new':>10}  why"
    for row in rows:
        name = printable(row.figure)
        yield f"{name:<28}{_shown(row.old):>10}{_shown(row.new):>10}  {row.why}"
    for each in told:
        yield from map(printable, _quality(each))


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _quality(told: "Quality") -> Iterator[str]:
    parts = told.brier
    yield (
        f"{told.source}: {told.outcomes} closed signals, confidence off by {told.error:.3f} in the "
        "mean"
    )
    yield (
        f"  Brier {parts.brier:.3f} = reliability {parts.reliability:.3f} − resolution "
        f"{parts.resolution:.3f} + uncertainty {parts.uncertainty:.3f}"
    )
    if told.calibrated is not None:
        yield f"  after the curve {told.calibrated.brier:.3f}, on the outcomes that it was made of"
