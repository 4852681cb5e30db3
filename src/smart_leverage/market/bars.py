"""Bars of one instrument in columns, with where they came from and what is missing in them."""

from array import array
from collections.abc import Iterator

from msgspec import Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.stamps import iso

__all__ = ["Bar", "BarSeries", "Holes", "Source", "Summary", "step_text", "summary"]


class Source(Struct, frozen=True):
    """Where bars came from: the file's name or a recipe, and the hash of what was read.

    `quoted_in` names the currency of the file when it was accepted as another one ("USDT" read as
    US dollars); empty otherwise. `rows_dropped` counts rows outside trading sessions that were left
    out because the reader had said so. `doubts` are sentences on rows that look odd and were taken
    as they stand.
    """

    name: str
    sha256: str
    quoted_in: str = ""
    rows_dropped: int = 0
    doubts: tuple[str, ...] = ()


class Holes(Struct, frozen=True):
    """Bars that should be there and are not; nothing is ever filled in.

    `longest` counts the missing bars of the longest hole, which begins at `longest_from_ns`.
    """

    count: int = 0
    bars_missing: int = 0
    longest: int = 0
    longest_from_ns: int = 0


def refuse_longer(key: Key, longest_ns: int, minutes: int) -> None:
    """Refuse bars between which a session could close before the intraday plan has looked.

    Args:
        key: A security.
        longest_ns: Its longest bar.
        minutes: How long before the close the plan begins to sell.

    Raises:
        BadData: A bar is longer.
    """
    if longest_ns > minutes * MINUTE_NS:
        raise BadData(
            f"{key}: the intraday plan is on and sells from {minutes} minutes before the close, "
            f"and a bar lasts {longest_ns / MINUTE_NS:g} minutes",
            fix="use shorter bars, a longer intraday.flat_from_minutes, or turn intraday.plan off",
        )


class BarSeries(Struct, frozen=True):
    """The bars of one instrument in time order, one typed array per column.

    Every bar has its own end: a daily bar of a US security ends at the close of its session, which
    is not a fixed step after its start. The arrays expose their memory, so numerical code can view
    them without a copy; they must not be written to.
    """

    key: Key
    step_ns: int
    starts: "array[int]"
    ends: "array[int]"
    opens: "array[float]"
    highs: "array[float]"
    lows: "array[float]"
    closes: "array[float]"
    volumes: "array[float]"
    source: Source
    holes: Holes = Holes()

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Bar:
        return Bar(
            self.starts[index],
            self.ends[index],
            self.opens[index],
            self.highs[index],
            self.lows[index],
            self.closes[index],
            self.volumes[index],
        )

    def __iter__(self) -> Iterator[Bar]:
        return self.bars(0, len(self))

    def bars(self, first: int, stop: int) -> Iterator[Bar]:
        """Return the bars with an index in [first, stop)."""
        columns = (
            self.starts,
            self.ends,
            self.opens,
            self.highs,
            self.lows,
            self.closes,
            self.volumes,
        )
        return map(Bar, *(column[first:stop] for column in columns))


class Summary(Struct, frozen=True):
    """What a report prints of a series; times as people read them, `last` is the last end."""

    source: str
    key: Key
    step: str
    rows: int
    first: str
    last: str
    holes: int
    bars_missing: int
    longest_hole: int
    longest_hole_from: str
    sha256: str
    quoted_in: str
    rows_dropped: int
    doubts: tuple[str, ...] = ()


def summary(series: BarSeries) -> Summary:
    """Return what there is to say of a series with at least one bar."""
    holes, source = series.holes, series.source
    return Summary(
        source=source.name,
        key=series.key,
        step=step_text(series.step_ns),
        rows=len(series),
        first=iso(series.starts[0]),
        last=iso(series.ends[-1]),
        holes=holes.count,
        bars_missing=holes.bars_missing,
        longest_hole=holes.longest,
        longest_hole_from=iso(holes.longest_from_ns) if holes.count else "",
        sha256=source.sha256,
        quoted_in=source.quoted_in,
        rows_dropped=source.rows_dropped,
        doubts=source.doubts,
    )


def step_text(step_ns: int) -> str:
    """Return a step as file names spell it: "5m", "1h", "1d"."""
    for unit_ns, letter in ((DAY_NS, "d"), (HOUR_NS, "h"), (MINUTE_NS, "m")):
        if step_ns % unit_ns == 0:
            return f"{step_ns // unit_ns}{letter}"
    return f"{step_ns // SECOND_NS}s"
