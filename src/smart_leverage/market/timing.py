"""Refuses stamps and steps that cannot be, of a file as a whole."""

from bisect import bisect_right
from datetime import date
from itertools import pairwise

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import step_text
from smart_leverage.market.columns import Columns
from smart_leverage.market.placing import Spans

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FAR_PAST_NS = (date(1700, 1, 1).toordinal() - _EPOCH_DAY) * DAY_NS
_FAR_FUTURE_NS = (date(2200, 1, 1).toordinal() - _EPOCH_DAY) * DAY_NS


def refuse_newest_first(rows: Columns, file: str) -> None:
    """Refuse a file that runs backwards as a whole, in other words than one row out of place.

    Raises:
        BadData: Every stamp is before the one in the row above it.
    """
    ns = rows.ns
    if len(ns) > 2 and all(after < before for before, after in pairwise(ns)):
        raise BadData(
            f"{iso(ns[1])} comes after {iso(ns[0])}: out of order, newest first throughout",
            file=file,
            row=2,
            fix="turn the rows round, oldest first",
        )


def refuse_far(rows: Columns, file: str) -> None:
    """Refuse stamps that a count of nanoseconds cannot hold.

    Raises:
        BadData: The first such row.
    """
    if min(rows.ns) > _FAR_PAST_NS and max(rows.ns) < _FAR_FUTURE_NS:
        return
    for number, stamp in enumerate(rows.ns, start=1):
        if not _FAR_PAST_NS < stamp < _FAR_FUTURE_NS:
            raise BadData(
                f"{iso(stamp)} is not of this age",
                file=file,
                row=number,
                fix="check the unit of the stamps; years 1700 to 2200 can be read",
            )


def refuse_future(spans: Spans, now_ns: int, file: str) -> None:
    """Refuse a bar that has not ended yet: it is still forming, or the stamps are wrong.

    Raises:
        BadData: The first row that ends after `now_ns`.
    """
    index = bisect_right(spans.ends, now_ns)
    if index < len(spans.ends):
        raise BadData(
            f"the bar ends at {iso(spans.ends[index])}, which is in the future",
            file=file,
            row=row_of(index, spans.outside),
            fix="drop bars that are still forming; check the unit of the stamps",
        )


def row_of(index: int, outside: tuple[int, ...]) -> int:
    """Return the row in the file, from 1, of a bar, from 0, when rows before it were left out."""
    row = index + 1
    for left_out in outside:
        row += left_out < row
    return row


def refuse_wrong_step(spans: Spans, step_ns: int, file: str) -> None:
    """Refuse a step that is finer than every distance between rows.

    Hourly rows also lie on a grid of five minutes; read so, each bar would last five minutes and
    be known 55 minutes too early.

    Raises:
        BadData: No bar follows another within one step, among at least three.
    """
    starts = spans.starts
    if len(starts) < 3:
        return
    closest = min(after - before for before, after in pairwise(starts))
    if closest > step_ns:
        raise BadData(
            f"no two rows are {step_text(step_ns)} apart; the closest are {step_text(closest)}",
            file=file,
            fix="declare the step of the file",
        )
