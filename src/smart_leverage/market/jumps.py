"""Looks for prices that no market made: unadjusted splits, false ticks, another asset.

A bar can be in order by itself and still be false beside the one before it. What is next to
certain is refused unless the reader declares it true, because everything that follows would act
on it: an unadjusted split looks like a loss of three quarters and trips every limit. What is only
odd is taken as it stands and told.
"""

from collections.abc import Iterator
from typing import NamedTuple

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.timing import row_of

_ODD = 1.4
"""A bar that opens this many times away from the close before is told, if it is a share."""

_FALSE = 2.0
"""A move of this many times that the next open takes back was a false tick.

Between one close and the next open nothing is traded, so a true fall is not taken back there: in
the death of LUNA hours fell by two thirds and tripled, and every hour opened where the last closed.
"""

_TAKEN_BACK = 1.33
"""How far the prices before and after a false tick lie apart at most."""

_BROKEN = 10.0
"""A bar that opens this many times away is of another asset, unit or adjustment."""

_SPLIT_TOLERANCE = 0.05
"""How far a session opens from the split's ratio at most.

Even a leveraged fund seldom moves more than that overnight, and what does is still told; the fall
of AAPL to 0.527 of the day before (2000-09-29), which was no split, lies outside of it.
"""

_NO_SPLIT = 1_000.0
"""No share is split this often at once."""

_TOLD_AT_MOST = 5
_SILENT_SHARE = 0.05
_SHARES = f"{AssetClass.US_EQUITY.value}:"


class Jump(NamedTuple):
    """Prices that no market made, at a bar counted from 0, and what would be right."""

    at: int
    fault: str
    fix: str


def judge_jumps(
    series: BarSeries, outside: tuple[int, ...], file: str, *, trusts: bool
) -> tuple[str, ...]:
    """Refuse what is next to certainly false, and return sentences on what is odd.

    Args:
        series: In order; its bars are sound one by one.
        outside: Rows, from 0, that were left out of the file.
        file: For the error.
        trusts: Tell what would be refused, instead.

    Raises:
        BadData: The first jump, with its row.
    """
    jumps = []
    for jump in jumps_in(series):
        if not trusts:
            raise BadData(
                jump.fault,
                file=file,
                row=row_of(jump.at, outside),
                fix=f"{jump.fix}, or declare that the jumps of the file are true",
            )
        jumps.append(f"row {row_of(jump.at, outside):,}: {jump.fault}; declared true")
    odd = [f"row {row_of(index, outside):,}: {said}" for index, said in _odd(series)]
    return (*jumps, *_shortened(odd), *_without_volume(series))


def jumps_in(series: BarSeries) -> Iterator[Jump]:
    """Yield what is next to certainly false."""
    opens, closes = series.opens, series.closes
    is_share = series.key.startswith(_SHARES)
    told = -1
    for index, (before, open_) in enumerate(zip(closes, opens[1:], strict=False), start=1):
        times = _times(before, open_)
        if times < _ODD:
            continue
        if index - 1 == told:  # the way back from a false tick that has been told
            continue
        # A false bar is met where it opens away, or where only its close was away, one bar later.
        jump = _false_tick(series, index - 1) or _false_tick(series, index)
        if jump is None and is_share:
            jump = _split(before, open_, index)
        if jump is None and times >= _BROKEN:
            jump = _break(series, index)
        if jump is not None:
            told = jump.at
            yield jump


def _false_tick(series: BarSeries, index: int) -> Jump | None:
    """Return the jump where the close of a bar lies away from both sides."""
    if not 0 < index < len(series) - 1:
        return None
    before, close, after = series.closes[index - 1], series.closes[index], series.opens[index + 1]
    if not (_times(before, close) >= _FALSE <= _times(close, after)):
        return None
    if _times(before, after) > _TAKEN_BACK or (close < before) == (after < close):
        return None
    return Jump(
        index,
        f"the close at {iso(series.starts[index])} is {close!r}, between {before!r} before and "
        f"{after!r} after: a false price",
        "drop the row",
    )


def _split(before: float, open_: float, index: int) -> Jump | None:
    """Return the jump where a share opens at a whole fraction, or at a multiple, of the close."""
    ratio = _times(before, open_)
    times = round(ratio) if ratio < _NO_SPLIT else 0
    if times < 2 or abs(ratio / times - 1.0) > _SPLIT_TOLERANCE:
        return None
    falls = open_ < before
    kind = f"a split {times}:1" if falls else f"a reverse split 1:{times}"
    cure = f"{'divide' if falls else 'multiply'} the prices before this row by {times}"
    return Jump(
        index,
        f"opens at {open_!r} after a close of {before!r}, which looks like {kind} that is not in "
        f"the prices before",
        f"fetch prices adjusted for splits, or {cure}",
    )


def _break(series: BarSeries, index: int) -> Jump:
    before, open_ = series.closes[index - 1], series.opens[index]
    times = f"{_times(before, open_):,.0f} times {'lower' if open_ < before else 'higher'}"
    hole = series.starts[index] > series.ends[index - 1]
    behind = f", behind a hole that begins at {iso(series.ends[index - 1])}" if hole else ""
    return Jump(
        index,
        f"opens at {open_!r} after a close of {before!r}, {times}{behind}: another asset, unit or "
        f"adjustment begins here",
        "keep the rows of one side",
    )


def _times(one: float, other: float) -> float:
    """Return how many times the larger of two prices holds the smaller, 1 or more."""
    return max(one, other) / min(one, other)


def _odd(series: BarSeries) -> Iterator[tuple[int, str]]:
    """Yield what happens, though rarely: wicks of half the price, and wide gaps in shares."""
    for index, (open_, high, low, close) in enumerate(
        zip(series.opens, series.highs, series.lows, series.closes, strict=True)
    ):
        if low * _FALSE < open_ and low * _FALSE < close:
            yield index, f"the low {low!r} is less than half of open {open_!r} and close {close!r}"
        if high > open_ * _FALSE and high > close * _FALSE:
            yield index, f"the high {high!r} is over twice open {open_!r} and close {close!r}"
    if series.key.startswith(_SHARES):
        for index, (before, open_) in enumerate(
            zip(series.closes, series.opens[1:], strict=False), start=1
        ):
            if _times(before, open_) >= _ODD:
                yield index, f"opens at {open_!r} after a close of {before!r}"


def _shortened(told: list[str]) -> list[str]:
    if len(told) <= _TOLD_AT_MOST:
        return told
    return [*told[:_TOLD_AT_MOST], f"and {len(told) - _TOLD_AT_MOST:,} rows of this kind more"]


def _without_volume(series: BarSeries) -> list[str]:
    silent = series.volumes.count(0.0)
    if not series.key.startswith(_SHARES) or silent < _SILENT_SHARE * len(series):
        return []
    return [f"{silent:,} of {len(series):,} rows have no volume"]
