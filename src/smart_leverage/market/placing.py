"""Puts rows where they belong in time: coins on the UTC grid, shares into their sessions."""

from array import array
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import Holes, step_text
from smart_leverage.market.columns import Columns

_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Spans(NamedTuple):
    """Start and end of every bar, UTC; starts and ends both rise strictly.

    `outside` are the rows, from 0, that were left out because no session was on.
    """

    starts: "array[int]"
    ends: "array[int]"
    outside: tuple[int, ...] = ()


def place_coins(rows: Columns, step_ns: int, file: str) -> Spans:
    """Return the spans of bars that trade round the clock: [stamp, stamp + step).

    Raises:
        BadData: A stamp is not on the step's grid, not after the one before, or a bare date in
            a file that is not daily.
    """
    _refuse_bare_dates(rows, step_ns, file)
    before = None
    for number, start in enumerate(rows.ns, start=1):
        if before is not None and start <= before:
            raise _disorder(before, start, file, number)
        if start % step_ns:
            raise _off_grid(start, step_ns, file, number)
        before = start
    return Spans(array("q", rows.ns), array("q", [start + step_ns for start in rows.ns]))


def place_days(rows: Columns, sessions: Sessions, file: str) -> Spans:
    """Return the spans of daily bars of US securities: from the session's open to its close.

    The stamp is the session's date at midnight of the file's own zone. A bar that ended at
    midnight would be known hours before its close was traded.

    Raises:
        BadData: A stamp has a time of day, is no session, or is not after the one before.
    """
    starts, ends = array("q"), array("q")
    before = None
    for number, wall_ns in enumerate(rows.wall_ns, start=1):
        if wall_ns % DAY_NS:
            raise BadData(
                f"{iso(wall_ns)[:-1]} has a time of day",
                file=file,
                row=number,
                fix="stamp a daily bar with the date of its session, at 00:00",
            )
        if before is not None and wall_ns <= before:
            raise _disorder(before, wall_ns, file, number)
        session = _session_of_row(sessions, wall_ns, file, number)
        if session is None:
            raise BadData(
                f"{iso(wall_ns)[:10]} is not a session of the exchange",
                file=file,
                row=number,
                fix="drop the row, or check whether the stamps are dates of New York",
            )
        starts.append(session.open_ns)
        ends.append(session.close_ns)
        before = wall_ns
    return Spans(starts, ends)


def place_intraday(
    rows: Columns, step_ns: int, sessions: Sessions, file: str, *, drops_outside: bool
) -> Spans:
    """Return the spans of intraday bars of US securities, cut to the session they lie in.

    A bar labelled 09:00 New York covers 09:30 to 10:00, and that is what its span says. Stamps lie
    on the UTC grid of the step or on the grid that begins at the session's open.

    Args:
        drops_outside: Leave out rows outside every session instead of refusing the first of them.

    Raises:
        BadData: A bar lies outside every session, off both grids, or begins before the one
            before has ended.
    """
    _refuse_bare_dates(rows, step_ns, file)
    starts, ends, outside = array("q"), array("q"), []
    before: int | None = None
    session: Session | None = None
    for number, stamp in enumerate(rows.ns, start=1):
        if before is not None and stamp <= before:
            raise _disorder(before, stamp, file, number)
        before = stamp
        if session is None or stamp >= session.close_ns:
            session = _session_of_row(sessions, stamp, file, number)
        if session is None or stamp + step_ns <= session.open_ns or stamp >= session.close_ns:
            if not drops_outside:
                raise _out_of_hours(stamp, file, number)
            outside.append(number - 1)
            continue
        if stamp % step_ns and (stamp - session.open_ns) % step_ns:
            raise _off_grid(stamp, step_ns, file, number)
        start = max(stamp, session.open_ns)
        if ends and start < ends[-1]:
            raise _overlap(stamp, file, number)
        starts.append(start)
        ends.append(min(stamp + step_ns, session.close_ns))
    return Spans(starts, ends, tuple(outside))


class Hole(NamedTuple):
    """Bars that are missing in a row, between the end of one bar and the start of the next."""

    from_ns: int
    until_ns: int
    bars: int


def holes_in(spans: Spans, step_ns: int, sessions: Sessions | None) -> Iterator[Hole]:
    """Yield what is missing between the first and the last bar.

    Args:
        spans: Of one series.
        step_ns: Its step.
        sessions: For US securities, which miss nothing while the exchange is closed; None for
            what trades round the clock.
    """
    for end, start in zip(spans.ends, spans.starts[1:], strict=False):
        if start != end and (bars := bars_between(end, start, step_ns, sessions)):
            yield Hole(end, start, bars)


def count_holes(spans: Spans, step_ns: int, sessions: Sessions | None) -> Holes:
    """Return how much is missing between the first and the last bar; see `holes_in`."""
    holes = list(holes_in(spans, step_ns, sessions))
    if not holes:
        return Holes()
    longest = max(holes, key=lambda hole: hole.bars)
    return Holes(len(holes), sum(hole.bars for hole in holes), longest.bars, longest.from_ns)


def bars_between(from_ns: int, until_ns: int, step_ns: int, sessions: Sessions | None) -> int:
    """Return how many bars fit into the trading time between two instants."""
    if sessions is None:
        return max(0, until_ns - from_ns) // step_ns
    return _bars_in_sessions(sessions, from_ns, until_ns, step_ns)


def _bars_in_sessions(sessions: Sessions, from_ns: int, until_ns: int, step_ns: int) -> int:
    """Return how many bars fit into the trading time between two instants."""
    bars = 0
    for session in _sessions_between(sessions, from_ns, until_ns):
        open_ns, close_ns = max(session.open_ns, from_ns), min(session.close_ns, until_ns)
        if open_ns < close_ns:
            # A daily bar is shorter than a day, so that each session counts once.
            bars += -(-(close_ns - open_ns) // step_ns)
    return bars


def _sessions_between(sessions: Sessions, from_ns: int, until_ns: int) -> Iterator[Session]:
    for day in range(from_ns // DAY_NS, until_ns // DAY_NS + 1):
        session = _session_on(sessions, day * DAY_NS)
        if session is not None:
            yield session


def _session_on(sessions: Sessions, at_ns: int) -> Session | None:
    return sessions.session_on(date.fromordinal(_EPOCH_DAY + at_ns // DAY_NS))


def _session_of_row(sessions: Sessions, at_ns: int, file: str, row: int) -> Session | None:
    try:
        return _session_on(sessions, at_ns)
    except BadData as error:
        raise BadData(error.fault, file=file, row=row, fix=error.fix) from None


def _refuse_bare_dates(rows: Columns, step_ns: int, file: str) -> None:
    if rows.is_date and step_ns != DAY_NS:
        raise BadData(
            f"the stamp is a date, and bars of {step_text(step_ns)} need a time of day",
            file=file,
            row=1,
            fix="write it like 2024-03-08T14:30:00Z, or declare the step 1d",
        )


def _disorder(before: int, stamp: int, file: str, row: int) -> BadData:
    if stamp == before:
        return BadData(
            f"{iso(stamp)} is there twice", file=file, row=row, fix="keep one row per bar"
        )
    return BadData(
        f"{iso(stamp)} comes after {iso(before)}: out of order",
        file=file,
        row=row,
        fix="sort the rows, oldest first",
    )


def _out_of_hours(stamp: int, file: str, row: int) -> BadData:
    return BadData(
        f"the bar at {iso(stamp)} lies outside the trading session",
        file=file,
        row=row,
        fix="keep the regular session only, or declare that rows outside of it are dropped",
    )


def _overlap(stamp: int, file: str, row: int) -> BadData:
    return BadData(
        f"the bar at {iso(stamp)} begins before the one in the row before has ended",
        file=file,
        row=row,
        fix="use one grid for the whole file",
    )


def _off_grid(stamp: int, step_ns: int, file: str, row: int) -> BadData:
    step = step_text(step_ns)
    if step_ns == DAY_NS:
        return BadData(
            f"the day begins at {iso(stamp)}, and days of coins are UTC days",
            file=file,
            row=row,
            fix="fetch days of UTC, or hours; if these are no days, declare the step of the file",
        )
    return BadData(
        f"{iso(stamp)} is not on the step of {step}",
        file=file,
        row=row,
        fix=f"stamps of {step} bars are multiples of {step}; declare the step of the file",
    )
