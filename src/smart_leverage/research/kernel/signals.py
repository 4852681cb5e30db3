"""What strategies propose, ahead of time: nothing that they see depends on the account."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.orders import Side
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.feed import instants
from smart_leverage.research.kernel.columns import Columns
from smart_leverage.strategies.base import Strategy

WILD = 2.0
"""Volatility ratio assumed where a signal claims none and none is known yet."""

SIGNAL = np.dtype(
    [(name, "i8") for name in ("asset", "is_buy", "is_calibrated")]
    + [(name, "f8") for name in ("confidence", "ratio")]
)


class Signals(NamedTuple):
    """Proposals in the order in which they are decided.

    Attributes:
        rows: (n_signals,) of `SIGNAL`: place in `Columns.keys`, side, confidence in [0, 1], and
            realised over usual volatility (1 is normal); `is_calibrated` says that outcomes have
            shown what the confidence is worth. A sale asks to leave the position.
        first: (n_instants + 1,) those of instant t stand in [first[t], first[t + 1]).
    """

    rows: npt.NDArray[Any]
    first: npt.NDArray[np.int64]


def signals_of(
    strategies: Sequence[Strategy], series: Sequence[BarSeries], bars: Columns
) -> Signals:
    """Ask strategies about every instant with a close, as the driver of an account does.

    Args:
        strategies: New ones; they are asked in order. All lots count as those of one source.
        series: The bars of which `bars` was made.
        bars: The same as columns.

    Raises:
        BadData: A signal names an instrument without bars, or an id that was used before.
    """
    place_of = {key: place for place, key in enumerate(bars.keys)}
    known: set[tuple[str, str]] = set()
    rows: list[tuple[int, int, int, float, float]] = []
    first = np.zeros(len(bars.instants) + 1, dtype=np.int64)
    ordered = sorted(series, key=lambda each: each.key)
    for t, instant in enumerate(instants(ordered)):
        first[t] = len(rows)
        if not instant.closes:
            continue
        for strategy in strategies:
            for one in strategy.on_bars(instant.at_ns, instant.closes):
                if one.key not in place_of:
                    raise BadData(
                        f"a signal of {strategy.name} at {iso(instant.at_ns)} names {one.key}",
                        fix="give bars for every instrument that is named",
                    )
                if one.id and (one.source, one.id) in known:
                    raise BadData(f"the signal {one.id} of {one.source} comes twice")
                known.add((one.source, one.id))
                asset = place_of[one.key]
                ratio = one.volatility_ratio
                if ratio is None:
                    ratio = float(bars.ratio[t, asset])
                    ratio = WILD if ratio != ratio else ratio
                rows.append((asset, int(one.side is Side.BUY), 0, one.confidence, ratio))
    first[-1] = len(rows)
    return Signals(np.array(rows, dtype=SIGNAL), first)


def from_arrays(
    bars: Columns,
    at: npt.NDArray[np.int64],
    asset: npt.NDArray[np.int64],
    is_buy: npt.NDArray[np.bool_],
    confidence: npt.NDArray[np.float64],
    ratio: npt.NDArray[np.float64],
) -> Signals:
    """Return signals that were computed elsewhere as arrays of one length.

    Args:
        bars: The columns they are for.
        at: UTC ns, rising; each has to be the end of a bar of its instrument.
        asset: Place in `Columns.keys`.
        is_buy: Whether to buy; else to leave the position.
        confidence: In [0, 1].
        ratio: Realised over usual volatility; NaN takes the account's own measure.

    Raises:
        BadData: Lengths differ, times are out of order, or a value cannot be one.
    """
    columns = (at, asset, is_buy, confidence, ratio)
    if len({len(column) for column in columns}) != 1:
        raise BadData(f"signals of unequal length: {[len(column) for column in columns]}")
    places = np.searchsorted(bars.instants["at"], at)
    is_known = (places < len(bars.instants)) & (asset >= 0) & (asset < len(bars.keys))
    is_known &= bars.instants["at"][np.minimum(places, len(bars.instants) - 1)] == at
    is_known &= (confidence >= 0.0) & (confidence <= 1.0)
    if not is_known.all():
        raise BadData("a signal cannot be", row=int(np.argmin(is_known)) + 1)
    is_closing = bars.cells["closes"][places, asset] > 0
    if not is_closing.all():
        raise BadData(
            "a signal comes when no bar of its instrument ends",
            row=int(np.argmin(is_closing)) + 1,
            fix="decide on the close of a bar",
        )
    if len(at) > 1 and (np.diff(at) < 0).any():
        raise BadData("signals are out of order", fix="sort them by time")
    rows = np.zeros(len(at), dtype=SIGNAL)
    own = bars.ratio[places, asset]
    rows["asset"], rows["is_buy"], rows["confidence"] = asset, is_buy, confidence
    rows["ratio"] = np.where(np.isnan(ratio), np.where(np.isnan(own), WILD, own), ratio)
    first = np.searchsorted(places, np.arange(len(bars.instants) + 1))
    return Signals(rows, first.astype(np.int64))
