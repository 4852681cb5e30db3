"""Looks through quotes that are kept, a day at a time: stamps, sides, and days without any."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import iso
from smart_leverage.market.download.findings import (
    SHOWN,
    Checked,
    Finding,
    found,
    new_and_known,
    unfit,
)
from smart_leverage.market.download.store import Part, Series
from smart_leverage.market.placing import Hole

if TYPE_CHECKING:
    import polars as pl

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def check_quotes(series: Series, calendar: Sessions | None) -> Checked:
    """Read every part of a series of quotes and return what there is to say.

    Args:
        series: On disk; it is not changed.
        calendar: Of shares; coins have none.
    """
    disorder, crossed, empty = _Tally(), _Tally(), _Tally()
    rows, damaged = 0, dict[str, str]()
    for name, part in series.manifest.parts.items():
        if not part.file:
            continue
        try:
            columns = series.columns(part)
        except BadData as error:
            damaged[name] = f"part {name}: {error.fault}"
            continue
        rows += columns.height
        _look(columns, disorder, crossed, empty)
    holes, ends = _days(series, calendar)
    findings = [
        *(Finding("damaged", 1, said) for said in damaged.values()),
        *unfit(series),
        *disorder.told("disorder", "out of order"),
        *crossed.told("crossed", "the bid is above the ask", is_fault=False),
        *empty.told("empty", "a side without a price or a size", is_fault=False),
        *_told_holes(series, holes),
        *ends,
    ]
    return Checked(rows, tuple(findings), tuple(holes), tuple(damaged))


# -- quotes ---------------------------------------------------------------------------------------


class _Tally:
    """How many quotes are of some kind, and the first of them; all would be millions at times."""

    def __init__(self) -> None:
        self._number, self._first = 0, list[int]()

    def add(self, stamps: "pl.Series") -> None:
        self._number += len(stamps)
        self._first = (self._first + stamps.head(SHOWN).to_list())[:SHOWN]

    def told(self, kind: str, what: str, *, is_fault: bool = True) -> Iterator[Finding]:
        return found(kind, what, self._first, number=self._number, is_fault=is_fault)


def _look(columns: "pl.DataFrame", disorder: _Tally, crossed: _Tally, empty: _Tally) -> None:
    import polars as pl

    stamps = columns["ts"].dt.timestamp("ns")
    disorder.add(stamps.filter(stamps.diff().fill_null(0) < 0))
    # A NaN is larger than any number there.
    sides = [pl.col(name) for name in ("bid", "bid_size", "ask", "ask_size")]
    is_whole = pl.all_horizontal(side.is_finite() & (side > 0.0) for side in sides)
    judged = columns.select(is_whole=is_whole, is_crossed=is_whole & (sides[0] > sides[2]))
    crossed.add(stamps.filter(judged["is_crossed"]))
    empty.add(stamps.filter(~judged["is_whole"]))


# -- days -----------------------------------------------------------------------------------------


def _days(series: Series, calendar: Sessions | None) -> tuple[list[Hole], list[Finding]]:
    """Return the days without a quote between the first and the last, and what lies outside."""
    parts = list(series.manifest.parts.values())
    if not parts:
        return [], [Finding("nothing", 0, "nothing was fetched yet")]
    held = [part for part in parts if part.rows]
    if not held:
        said = "the source has no quote of this time"
        return [], [Finding("nothing", 0, said, is_fault=False)]
    first_ns, last_ns = held[0].first_ns, held[-1].last_ns
    without = [part for part in parts if not part.rows and _is_traded(part, calendar)]
    ends = []
    lead = sum(part.until_ns <= first_ns for part in without)
    if lead:
        said = f"begins {iso(first_ns)}, asked from {iso(parts[0].from_ns)}"
        ends.append(Finding("begins_later", lead, said, is_fault=False))
    tail = sum(part.from_ns > last_ns for part in without)
    if tail:
        until = iso(parts[-1].until_ns)
        said = f"ends {iso(last_ns)}, asked until {until}: dead, halted or renamed?"
        ends.append(Finding("ends_earlier", tail, said, is_fault=False))
    inside = [part for part in without if first_ns < part.from_ns and part.until_ns <= last_ns]
    return [Hole(part.from_ns, part.until_ns, 0) for part in inside], ends


def _is_traded(part: Part, calendar: Sessions | None) -> bool:
    """Tell whether some trading lies in what was asked for of a day."""
    if calendar is None:
        return True
    session = calendar.session_on(date.fromordinal(_EPOCH_DAY + part.from_ns // DAY_NS))
    return (
        session is not None and session.open_ns < part.until_ns and part.from_ns < session.close_ns
    )


def _told_holes(series: Series, holes: Sequence[Hole]) -> Iterator[Finding]:
    new, known = new_and_known(series, holes)
    yield from found("holes", "no quote on the day from", [hole.from_ns for hole in new])
    said = "asked again, and no quote at the source on the day from"
    yield from found("holes_empty", said, [hole.from_ns for hole in known], is_fault=False)
