"""What became of signals in a run of the kernel, and what their confidence was worth by then.

The rule is that of `refit.past`: an outcome goes from holding nothing to holding nothing again, and
bears the confidence of the purchase that it began with. To the kernel all signals are of one
source, so they have one curve.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from smart_leverage.books.episodes import Episodes
from smart_leverage.policy.calibration import CalibrationKnots, calibrated
from smart_leverage.research.kernel import Columns, Run, Signals
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.refit.past import Outcome

SOURCE = "signals"
"""The one that all signals count as."""

_UNITS = Decimal(UNITS)


class Curve(NamedTuple):
    """What a confidence is worth, and between which instants that is in force, UTC ns."""

    since_ns: int
    until_ns: int
    knots: CalibrationKnots


def outcomes_of(run: Run, bars: Columns, signals: Signals) -> tuple[Outcome, ...]:
    """Return what became of signals, in the order in which it was over.

    Args:
        run: With its decisions and fills.
        bars: What it went through.
        signals: What was proposed.
    """
    confidences = _Confidences(run, bars, signals)
    lots = [Decimal(int(lot)) / _UNITS for lot in bars.facts["lot"]]
    episodes, began, found = Episodes(), dict[int, float](), list[Outcome]()
    for fill in run.fills:
        at_ns, asset = int(fill["at"]), int(fill["asset"])
        value = Decimal(int(fill["qty"])) / _UNITS * Decimal(repr(float(fill["price"])))
        fee = Decimal(repr(float(fill["fee_cash"])))
        qty = Decimal(int(fill["qty"] if fill["is_buy"] else -fill["qty"]) - int(fill["fee_units"]))
        cash = -value - fee if fill["is_buy"] else value - fee
        if fill["is_buy"]:
            began.setdefault(asset, confidences.before(asset, at_ns))
        closed, key = len(episodes.closed), bars.keys[asset]
        episodes.move(at_ns, SOURCE, key, qty / _UNITS, cash, lots[asset], is_forced=False)
        for episode in episodes.closed[closed:]:
            confidence = began.pop(asset)
            if episode.outcome:
                found.append(Outcome(SOURCE, confidence, episode.outcome > 0.0, at_ns))
    return tuple(found)


class _Confidences:
    """The confidences of purchases that were granted, by instrument and time."""

    def __init__(self, run: Run, bars: Columns, signals: Signals) -> None:
        rows = run.decisions
        granted = rows[(rows["is_buy"] != 0) & (rows["is_house"] == 0) & (rows["given"] > 0)]
        self._times: dict[int, list[int]] = {}
        self._values: dict[int, list[float]] = {}
        said = _said(bars, signals)
        for one in granted:
            at_ns, asset = int(one["at"]), int(one["asset"])
            self._times.setdefault(asset, []).append(at_ns)
            self._values.setdefault(asset, []).append(said[at_ns, asset])

    def before(self, asset: int, at_ns: int) -> float:
        """Return the confidence of the last purchase that was granted by a time."""
        return self._values[asset][bisect_right(self._times[asset], at_ns) - 1]


def _said(bars: Columns, signals: Signals) -> Mapping[tuple[int, int], float]:
    """Return the confidence of each signal to buy by time and instrument; of several the last."""
    at = np.repeat(bars.instants["at"], np.diff(signals.first)).tolist()
    rows = signals.rows
    triples = zip(at, rows["asset"].tolist(), rows["confidence"].tolist(), strict=True)
    is_buy = (rows["is_buy"] != 0).tolist()
    return {
        (time, asset): confidence
        for (time, asset, confidence), buys in zip(triples, is_buy, strict=True)
        if buys
    }


def with_curves(signals: Signals, bars: Columns, curves: Sequence[Curve]) -> Signals:
    """Return signals whose confidence is replaced by what it was worth, where that was known.

    Args:
        signals: Made for the bars.
        bars: They tell the times.
        curves: In order of time; where two are in force the later one counts.
    """
    rows = signals.rows.copy()
    at = np.repeat(bars.instants["at"], np.diff(signals.first))
    which = np.full(len(rows), -1)
    for place, curve in enumerate(curves):
        which[(at >= curve.since_ns) & (at < curve.until_ns)] = place
    for row in np.flatnonzero((which >= 0) & (rows["is_buy"] != 0)):
        said = float(signals.rows["confidence"][row])
        rows["confidence"][row] = calibrated(said, curves[which[row]].knots)
        rows["is_calibrated"][row] = 1
    return signals._replace(rows=rows)
