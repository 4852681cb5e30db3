"""Looks through a series that is kept: what is missing, what cannot be, what looks false."""

from array import array
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import key_of
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.download.checking_quotes import check_quotes
from smart_leverage.market.download.fetching import is_share
from smart_leverage.market.download.findings import (
    SHOWN,
    Checked,
    Finding,
    found,
    new_and_known,
    unfit,
)
from smart_leverage.market.download.rows import BarRow, columns_of
from smart_leverage.market.download.store import Part, Series
from smart_leverage.market.jumps import jumps_in
from smart_leverage.market.placing import (
    Hole,
    Spans,
    bars_between,
    holes_in,
    place_coins,
    place_days,
    place_intraday,
)

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def check(series: Series, sessions: Sessions | None = None) -> Checked:
    """Read every part of a series and return what there is to say.

    Args:
        series: On disk; it is not changed.
        sessions: Of the exchange, for shares; its own when None.
    """
    calendar = (sessions or Sessions.xnys()) if is_share(series) else None
    if series.holds_quotes:
        return check_quotes(series, calendar)
    rows, damaged = _read(series)
    findings = [Finding("damaged", 1, said) for said in damaged.values()]
    findings += unfit(series)
    findings += _faulty(rows)
    placed, more = _placed(series, rows, calendar)
    findings += more
    holes = tuple(holes_in(placed.spans, series.step_ns, calendar))
    findings += _told_holes(series, holes)
    findings += _ends(series, placed.spans, calendar)
    findings += _jumps(series, placed)
    return Checked(len(rows), tuple(findings), holes, tuple(damaged))


def _read(series: Series) -> tuple[list[BarRow], dict[str, str]]:
    rows: list[BarRow] = []
    damaged = {}
    for name, part in series.manifest.parts.items():
        try:
            rows += series.bars(part)
        except BadData as error:
            damaged[name] = f"part {name}: {error.fault}"
    return rows, damaged


# -- rows by themselves ---------------------------------------------------------------------------


def _faulty(rows: Sequence[BarRow]) -> Iterator[Finding]:
    """Yield what is wrong with rows one by one, and with their order."""
    at = [row.at_ns for row in rows]
    yield from found("duplicates", "there twice", [b for a, b in pairwise(at) if a == b])
    yield from found("disorder", "out of order", [b for a, b in pairwise(at) if b < a])
    wrong: dict[str, list[int]] = {"missing": [], "not_positive": [], "contradiction": []}
    for row in rows:
        kind = _wrong(row)
        if kind:
            wrong[kind].append(row.at_ns)
    yield from found("missing", "a value is missing (NaN)", wrong["missing"])
    yield from found("not_positive", "a price is not positive", wrong["not_positive"])
    yield from found(
        "contradiction", "high is below low, or open or close outside", wrong["contradiction"]
    )


def _wrong(row: BarRow) -> str:
    """Return what kind of fault a row has; every comparison is written so that a NaN fails it."""
    _, open_, high, low, close, volume = row
    if 0.0 < low <= open_ <= high and low <= close <= high and volume >= 0.0:
        return ""
    if any(value != value for value in row[1:]):
        return "missing"
    return "not_positive" if min(row[1:5]) <= 0.0 or volume < 0.0 else "contradiction"


# -- rows in time ---------------------------------------------------------------------------------


class _Placed(NamedTuple):
    """Rows that lie on the grid, each once and in order, with their spans."""

    rows: list[BarRow]
    spans: Spans


_NOTHING = _Placed([], Spans(array("q"), array("q")))


def _placed(
    series: Series, rows: Sequence[BarRow], calendar: Sessions | None
) -> tuple[_Placed, list[Finding]]:
    """Return the rows that have a place in time, and what was found about the others."""
    once = {row.at_ns: row for row in reversed(rows)}
    on: list[int] = []
    off: list[int] = []
    outside: list[int] = []
    for at_ns in sorted(once):
        where = _where(at_ns, series.step_ns, calendar)
        (on if where == "on" else off if where == "off" else outside).append(at_ns)
    findings = list(found("off_grid", f"not on the step of {series.manifest.step}", off))
    findings += found(
        "outside", "outside the sessions, --drop-outside leaves them out", outside, is_fault=False
    )
    findings += _midnights(series, on + off + outside)
    kept = [once[at_ns] for at_ns in on]
    try:
        return _Placed(kept, _spans(series, kept, calendar)), findings
    except BadData as error:  # rows of two grids
        return _NOTHING, [*findings, Finding("overlap", 1, error.fault)]


def _where(at_ns: int, step_ns: int, calendar: Sessions | None) -> str:
    if calendar is None:
        return "off" if at_ns % step_ns else "on"
    if step_ns == DAY_NS and at_ns % DAY_NS:
        return "off"
    # The regular session of a date lies within its day of UTC.
    session = calendar.session_on(_date(at_ns))
    if step_ns == DAY_NS:
        return "outside" if session is None else "on"
    if session is None or at_ns + step_ns <= session.open_ns or at_ns >= session.close_ns:
        return "outside"
    return "off" if at_ns % step_ns and (at_ns - session.open_ns) % step_ns else "on"


def _midnights(series: Series, at: Sequence[int]) -> Iterator[Finding]:
    """Yield what stamps at midnight mean: an hourly series of days knows its closes too early."""
    if not at:
        return
    if series.step_ns < DAY_NS and len(at) > 2 and not any(one % DAY_NS for one in at):
        said = "every stamp is a midnight: these are days, and their step is not"
        yield Finding("midnight", len(at), said)
    elif series.step_ns == DAY_NS and is_share(series):
        said = "stamps are dates at midnight; a close is known when its session ends, not before"
        yield Finding("midnight", len(at), said, is_fault=False)


def _spans(series: Series, rows: Sequence[BarRow], calendar: Sessions | None) -> Spans:
    columns, file = columns_of(rows), str(series.path)
    if calendar is None:
        return place_coins(columns, series.step_ns, file)
    if series.step_ns == DAY_NS:
        return place_days(columns, calendar, file)
    return place_intraday(columns, series.step_ns, calendar, file, drops_outside=True)


# -- holes and ends -------------------------------------------------------------------------------


def _told_holes(series: Series, holes: Sequence[Hole]) -> Iterator[Finding]:
    """Yield the holes that can be asked for again, and those that stayed empty when they were."""
    new, known = new_and_known(series, holes)
    yield from _told("holes", "", new, is_fault=True)
    yield from _told("holes_empty", ", asked again and empty at the source", known, is_fault=False)


def _told(kind: str, more: str, holes: Sequence[Hole], *, is_fault: bool) -> Iterator[Finding]:
    if holes:
        bars = sum(hole.bars for hole in holes)
        longest = max(holes, key=lambda hole: hole.bars)
        said = f"{bars:,} bars missing, longest {longest.bars:,} from {iso(longest.from_ns)}{more}"
        yield Finding(kind, len(holes), said, is_fault)


def _ends(series: Series, spans: Spans, calendar: Sessions | None) -> Iterator[Finding]:
    """Yield where bars begin later or end earlier than what was asked for."""
    parts = list(series.manifest.parts.values())
    if not parts:
        yield Finding("nothing", 0, "nothing was fetched yet")
        return
    if not spans.starts:
        yield Finding("nothing", 0, "the source has no bar of this time", is_fault=False)
        return
    from_ns, until_ns = parts[0].from_ns, parts[-1].until_ns
    lead = bars_between(from_ns, spans.starts[0], series.step_ns, calendar)
    if lead:
        said = f"begins {iso(spans.starts[0])}, asked from {iso(from_ns)}"
        yield Finding("begins_later", lead, said, is_fault=False)
    tail = bars_between(spans.ends[-1], until_ns, series.step_ns, calendar)
    if tail:
        said = f"ends {iso(spans.ends[-1])}, asked until {iso(until_ns)}: dead, halted or renamed?"
        yield Finding("ends_earlier", tail, said, is_fault=False)


def _jumps(series: Series, placed: _Placed) -> Iterator[Finding]:
    """Yield prices that no market made: splits not adjusted, false ticks, another asset."""
    both = zip(placed.rows, placed.spans.starts, placed.spans.ends, strict=True)
    sound = [(row, start, end) for row, start, end in both if not _wrong(row)]
    columns = columns_of([row for row, _, _ in sound])
    told = series.manifest
    bars = BarSeries(
        key=key_of(told.asset_class, told.symbol),
        step_ns=series.step_ns,
        starts=array("q", (start for _, start, _ in sound)),
        ends=array("q", (end for _, _, end in sound)),
        opens=array("d", columns.opens),
        highs=array("d", columns.highs),
        lows=array("d", columns.lows),
        closes=array("d", columns.closes),
        volumes=array("d", columns.volumes),
        source=Source(str(series.path), ""),
    )
    found = list(jumps_in(bars))
    for jump in found[:SHOWN]:
        yield Finding("jump", 1, f"{iso(bars.starts[jump.at])}: {jump.fault}; {jump.fix}")
    if len(found) > SHOWN:
        yield Finding("jump", len(found) - SHOWN, "and more of these")


def _date(at_ns: int) -> date:
    return date.fromordinal(_EPOCH_DAY + at_ns // DAY_NS)


def covers(part: Part, hole: Hole) -> tuple[int, int]:
    """Return the part of a hole that lies in a part; empty where the first is not smaller."""
    return max(part.from_ns, hole.from_ns), min(part.until_ns, hole.until_ns)
