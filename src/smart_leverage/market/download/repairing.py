"""Asks again for the holes of a series and for parts that are damaged, and for nothing else."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.errors import BadData
from smart_leverage.market.download.checking import check, covers
from smart_leverage.market.download.fetching import Progress, ask, joined
from smart_leverage.market.download.findings import Checked
from smart_leverage.market.download.rows import RAW, BarSpan, Row, RowSource
from smart_leverage.market.download.store import Asked, Part, Series
from smart_leverage.market.placing import Hole

_TOGETHER = 500
"""Holes of one part that lie within so many steps are asked for at once."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Repaired(NamedTuple):
    """What came of it: holes before, rows that came, what stayed empty, parts written anew."""

    holes: int
    rows: int
    empty: tuple[Hole, ...]
    mended: tuple[str, ...]


def repair(
    series: Series,
    source: RowSource,
    now_ns: int,
    *,
    sessions: Sessions | None = None,
    progress: Progress | None = None,
) -> Repaired:
    """Ask the source again for what is missing inside of what was asked for.

    A row that is there is never replaced, and what stays missing is written down with the time at
    which it was asked for; nothing is filled in.

    Args:
        series: To be mended.
        source: Its own source.
        now_ns: The present.
        sessions: Of the exchange, for shares; its own when None.
        progress: Told of the questions asked and all of them.

    Raises:
        SourceDown: The source does not answer; parts that are mended stay so.
        BadData: It refuses; or prices are adjusted at an earlier date, to which new ones would
            not fit.
    """
    as_of = (_EPOCH + timedelta(microseconds=now_ns // 1_000)).date().isoformat()
    with series.writing():
        _refuse_stale(series, as_of)
        mended = _mend(series, source, check(series, sessions), now_ns, as_of)
        before = check(series, sessions)
        work = [
            (name, part, inside)
            for name, part in series.manifest.parts.items()
            if (inside := _inside(part, before.holes))
        ]
        came = 0
        for number, (name, part, inside) in enumerate(work, start=1):
            came += _fill(series, source, (name, part), inside, now_ns)
            if progress is not None:
                progress(number, len(work))
        after = check(series, sessions) if work else before
        _note(series, work, after, now_ns)
    return Repaired(len(before.holes), came, after.holes, tuple(mended))


def _refuse_stale(series: Series, as_of: str) -> None:
    dates = {part.as_of for part in series.manifest.parts.values()}
    if series.manifest.adjustment != RAW and dates - {as_of}:
        raise BadData(
            f"prices were adjusted on {min(dates)}, and new ones would not fit to them",
            file=series.path,
            fix="fetch the series anew with `data get --again`",
        )


def _mend(series: Series, source: RowSource, before: Checked, now_ns: int, as_of: str) -> list[str]:
    """Fetch parts that cannot be read as a whole."""
    for name in before.damaged:
        part = series.manifest.parts[name]
        span = BarSpan(part.from_ns, part.until_ns)
        rows = joined(series, ask(series, source, span))
        (series.path / part.file).unlink(missing_ok=True)
        series.keep(name, span, rows, now_ns, as_of)
    return list(before.damaged)


def _inside(part: Part, holes: tuple[Hole, ...]) -> list[BarSpan]:
    spans = (BarSpan(*covers(part, hole)) for hole in holes)
    return [span for span in spans if span.from_ns < span.until_ns]


def _fill(
    series: Series,
    source: RowSource,
    named: tuple[str, Part],
    holes: list[BarSpan],
    now_ns: int,
) -> int:
    """Put what comes for the holes of a part into it; return how many rows that were."""
    name, part = named
    rows = series.rows(part)
    there = {row.at_ns for row in rows}
    new: list[Row] = []
    for span in _together(holes, series.step_ns):
        new += (
            row
            for row in ask(series, source, span)
            if row.at_ns not in there and any(a <= row.at_ns < b for a, b in holes)
        )
    if new:
        whole = (part.from_ns, part.until_ns)
        series.keep(name, whole, joined(series, rows, new), now_ns, part.as_of)
    return len(new)


def _together(holes: list[BarSpan], step_ns: int) -> list[BarSpan]:
    """Return holes with near ones joined, so that minutes without a trade are one question."""
    joined: list[BarSpan] = []
    for hole in holes:
        if joined and hole.until_ns - joined[-1].from_ns <= _TOGETHER * step_ns:
            joined[-1] = BarSpan(joined[-1].from_ns, hole.until_ns)
        else:
            joined.append(hole)
    return joined


def _note(
    series: Series, work: list[tuple[str, Part, list[BarSpan]]], after: Checked, now_ns: int
) -> None:
    """Write down the holes that stayed, as far as they were asked for."""
    covered = [part for _, part, _ in work]
    asked = [
        Asked(hole.from_ns, hole.until_ns, now_ns)
        for hole in after.holes
        if any(part.from_ns <= hole.from_ns < part.until_ns for part in covered)
        and any(part.from_ns < hole.until_ns <= part.until_ns for part in covered)
    ]
    if asked:
        series.note_asked(asked)
