"""Gets what is missing of a series, part by part; what is complete stays, whatever happens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import NamedTuple, TypeVar

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.market.download.rows import RAW, BarSpan, Row, RowSource
from smart_leverage.market.download.store import Part, Series

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.date().toordinal()

R = TypeVar("R", bound=Row)
Progress = Callable[[int, int], None]
"""Called with the steps done and all of them; a step may turn out to have no bar."""


class Got(NamedTuple):
    """What a call did: parts that were there, parts that were fetched, and rows that are new."""

    kept: int
    fetched: int
    rows: int


class Piece(NamedTuple):
    """What a part of a series is to cover, and which spans of that have to be asked for."""

    name: str
    whole: BarSpan
    missing: tuple[BarSpan, ...]


def get(
    series: Series,
    source: RowSource,
    asked: BarSpan,
    now_ns: int,
    *,
    is_again: bool = False,
    progress: Progress | None = None,
) -> Got:
    """Fetch what a series lacks of a span.

    After an interruption the same call goes on behind the last part that was finished. Nothing
    that has not ended is asked for. Adjusted prices of another date are fetched once more as soon
    as something newer is, since they would not fit to it.

    Args:
        series: Where rows are kept.
        source: Who is asked.
        asked: Which time; the end is brought forward to what has ended and settled.
        now_ns: The present.
        is_again: Fetch everything anew.
        progress: Told of the steps that are done.

    Raises:
        SourceDown: The source does not answer; finished parts are kept.
        BadData: It refuses, or nothing of the span has ended.
    """
    span = settled(series, asked, now_ns, source.settled_s)
    as_of = (_EPOCH + timedelta(microseconds=now_ns // 1_000)).date().isoformat()
    with series.writing():
        pieces = _pieces(series, span, as_of, is_again=is_again)
        wanted = [piece for piece in pieces if piece.missing]
        steps = _Steps(series.step_ns, wanted, progress)
        rows = sum(_fetch(series, source, piece, now_ns, as_of, steps) for piece in wanted)
        steps.end()
    return Got(len(pieces) - len(wanted), len(wanted), rows)


def settled(series: Series, asked: BarSpan, now_ns: int, settled_s: int) -> BarSpan:
    """Return the part of a span that has ended and settled, on the grid of the step.

    Raises:
        BadData: Nothing is left.
    """
    step_ns = series.step_ns
    last = min(asked.until_ns, now_ns - settled_s * SECOND_NS)
    # The session of a date is over before the next midnight in UTC.
    first, last = asked.from_ns // step_ns * step_ns, last // step_ns * step_ns
    if first >= last:
        raise BadData("nothing of that time has ended and settled", fix="ask from an earlier time")
    return BarSpan(first, last)


def periods(step_ns: int, span: BarSpan) -> Iterator[tuple[str, BarSpan]]:
    """Yield the parts that a span touches: months, or years where a bar lasts a day."""
    day = date.fromordinal(_EPOCH_DAY + span.from_ns // DAY_NS)
    is_yearly = step_ns >= DAY_NS
    first = day.replace(month=1, day=1) if is_yearly else day.replace(day=1)
    while _midnight(first) < span.until_ns:
        years, month = divmod(first.month, 12)
        after = (
            first.replace(year=first.year + 1)
            if is_yearly
            else first.replace(year=first.year + years, month=month + 1)
        )
        yield (
            f"{first:%Y}" if is_yearly else f"{first:%Y-%m}",
            BarSpan(max(span.from_ns, _midnight(first)), min(span.until_ns, _midnight(after))),
        )
        first = after


def days(span: BarSpan) -> Iterator[tuple[str, BarSpan]]:
    """Yield the days that a span touches, which are the parts of quotes."""
    for number in range(span.from_ns // DAY_NS, -(-span.until_ns // DAY_NS)):
        day_ns = number * DAY_NS
        whole = BarSpan(max(span.from_ns, day_ns), min(span.until_ns, day_ns + DAY_NS))
        yield date.fromordinal(_EPOCH_DAY + number).isoformat(), whole


def merged(rows: Iterable[R], more: Iterable[R]) -> list[R]:
    """Return rows in the order of time; equal ones once, those that contradict each other all."""
    return sorted(dict.fromkeys((*rows, *more)), key=lambda row: row.at_ns)


def joined(series: Series, *spans: Sequence[Row]) -> list[Row]:
    """Return the rows of spans that follow each other.

    Quotes stand as they came: an equal one may come back behind another within the same instant.
    """
    rows = chain.from_iterable(spans)
    return list(rows) if series.holds_quotes else merged(rows, ())


def _pieces(series: Series, span: BarSpan, as_of: str, *, is_again: bool) -> list[Piece]:
    """Return the parts of a span, and every other one as well if all must be of one date."""
    held = series.manifest.parts
    touched = days(span) if series.holds_quotes else periods(series.step_ns, span)
    pieces = [_piece(name, whole, None if is_again else held.get(name)) for name, whole in touched]
    if series.manifest.adjustment == RAW or not any(piece.missing for piece in pieces):
        return pieces
    hulls = {piece.name: piece.whole for piece in pieces}
    for name, part in held.items():
        hulls.setdefault(name, BarSpan(part.from_ns, part.until_ns))
    known = {piece.name: piece for piece in pieces}
    return [
        known[name]
        if name in known and (name not in held or held[name].as_of == as_of)
        else Piece(name, hull, () if held[name].as_of == as_of and not is_again else (hull,))
        for name, hull in sorted(hulls.items())
    ]


def _piece(name: str, span: BarSpan, held: Part | None) -> Piece:
    """Return what is missing on either side of what is held, so that a part has no gap inside."""
    if held is None:
        return Piece(name, span, (span,))
    whole = BarSpan(min(span.from_ns, held.from_ns), max(span.until_ns, held.until_ns))
    sides = (BarSpan(whole.from_ns, held.from_ns), BarSpan(held.until_ns, whole.until_ns))
    return Piece(name, whole, tuple(side for side in sides if side.from_ns < side.until_ns))


def _fetch(
    series: Series, source: RowSource, piece: Piece, now_ns: int, as_of: str, steps: "_Steps"
) -> int:
    """Fetch a part and write it; return how many rows came."""
    held = series.manifest.parts.get(piece.name)
    before = [] if held is None or piece.missing == (piece.whole,) else series.rows(held)
    found = [(held.from_ns, before)] if held is not None else []
    for span in piece.missing:
        found.append((span.from_ns, ask(series, source, span, steps.reached)))
        steps.passed(span)
    rows = joined(series, *(each for _, each in sorted(found, key=lambda one: one[0])))
    series.keep(piece.name, piece.whole, rows, now_ns, as_of)
    return len(rows) - len(before)


def ask(
    series: Series,
    source: RowSource,
    span: BarSpan,
    reached: Callable[[BarSpan, int], None] | None = None,
) -> list[Row]:
    """Return the rows of a span from its source; rows outside of it are left out."""
    found: list[Row] = []
    for page in source.fetch(series.manifest.wanted, span):
        found += (row for row in page if span.from_ns <= row.at_ns < span.until_ns)
        if reached is not None and found:
            reached(span, found[-1].at_ns)
    return found


class _Steps:
    """Counts steps of time for a progress line."""

    def __init__(self, step_ns: int, pieces: Sequence[Piece], progress: Progress | None) -> None:
        self._step_ns, self._progress = step_ns, progress
        spans = [span for piece in pieces for span in piece.missing]
        self._total = sum((span.until_ns - span.from_ns) // step_ns for span in spans)
        self._done = 0

    def reached(self, span: BarSpan, at_ns: int) -> None:
        """Say how far the span has come."""
        self._show(self._done + (at_ns - span.from_ns) // self._step_ns)

    def passed(self, span: BarSpan) -> None:
        """Say that a span is done."""
        self._done += (span.until_ns - span.from_ns) // self._step_ns
        self._show(self._done)

    def end(self) -> None:
        """Say that all is done; a span that was empty to its end has said so already."""
        if self._progress is not None and self._total and self._done < self._total:
            self._progress(self._total, self._total)

    def _show(self, done: int) -> None:
        if self._progress is not None and self._total:
            self._progress(min(done, self._total), self._total)


def _midnight(day: date) -> int:
    return (day.toordinal() - _EPOCH_DAY) * DAY_NS


def is_share(series: Series) -> bool:
    """Tell whether a series follows the sessions of the exchange."""
    return series.manifest.asset_class is AssetClass.US_EQUITY
