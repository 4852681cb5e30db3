"""Daily returns of the sleeves, from what the kernel did; the rule is that of `refit.past`.

A ledger tells the same of an account that the engine governed, and a test holds the two together.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import nan
from typing import Any, NamedTuple

import numpy as np

from smart_leverage.domain.evidence import SLEEVES
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.policy.caps import weight_of
from smart_leverage.research.kernel import Columns, Run
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.kernel.results import Floats
from smart_leverage.research.refit.past import EXPOSURE_MIN, INFLOW_MAX, Day, days_open

_LEAST = float(EXPOSURE_MIN)
_FACTS = ("is_crypto", "is_leveraged")
"""What of an instrument says that it counts in a sleeve, in the order of `SLEEVES`."""


class _Fills(NamedTuple):
    """Fills: their instants, and for each instrument units bought less sold, and money put in."""

    at: Any
    asset: Any
    units: Any
    paid: Floats


class _Opening(NamedTuple):
    """A day as it begins: its first instant, equity, and what is held of each instrument."""

    at_ns: int
    equity: float
    worth: Floats


def sleeve_days(
    run: Run, bars: Columns, cash: float, timezone: str, *, is_look_through: bool = False
) -> tuple[Day, ...]:
    """Return the risk days that were over when the bars ended, with the return of each sleeve.

    Args:
        run: With its curve and fills.
        bars: What it went through.
        cash: That it began with.
        timezone: In which the risk days of the bars begin.
        is_look_through: Whether the caps that will read it count a fund with its multiple.
    """
    fills = _fills_of(run)
    times = np.array([weight_of(one, is_look_through) for one in bars.facts["factor"].tolist()])
    calendar = RiskCalendar(timezone)
    found = []
    for before, after in pairwise(_openings(run, bars, fills, cash)):
        begin, end = np.searchsorted(fills.at, (before.at_ns, after.at_ns))
        today = _Fills(*(column[begin:end] for column in fills))
        labels = calendar.day_of(before.at_ns), calendar.day_of(after.at_ns)
        values = [_return(bars, name, times, labels, before, after, today) for name in _FACTS]
        found.append(
            Day(labels[0], before.at_ns, after.at_ns, **dict(zip(SLEEVES, values, strict=True)))
        )
    return tuple(found)


def _fills_of(run: Run) -> _Fills:
    """Return fills by what they moved; fees that are paid in coins leave the holding."""
    rows = run.fills
    sign = np.where(rows["is_buy"] != 0, 1, -1)
    value = rows["qty"] / UNITS * rows["price"]
    return _Fills(
        at=rows["at"],
        asset=rows["asset"],
        units=sign * rows["qty"] - rows["fee_units"],
        paid=sign * value + rows["fee_cash"],
    )


def _openings(run: Run, bars: Columns, fills: _Fills, cash: float) -> Iterator[_Opening]:
    """Yield each day as it begins; holdings at the last prices that were known before."""
    at, days = bars.instants["at"], bars.instants["day"]
    firsts = np.flatnonzero(np.concatenate([[True], np.diff(days) > 0]))
    units = np.zeros(len(bars.keys), dtype=np.int64)
    done = 0
    for first in firsts:
        upto = int(np.searchsorted(fills.at, at[first]))
        np.add.at(units, fills.asset[done:upto], fills.units[done:upto])
        done = upto
        marks = int(np.searchsorted(run.curve["at"], at[first]))
        prices = bars.cells["mark_open"][first - 1] if first else np.zeros(len(units))
        yield _Opening(
            at_ns=int(at[first]),
            equity=float(run.curve["equity"][marks - 1]) if marks else cash,
            worth=np.where(units > 0, units / UNITS * prices, 0.0),
        )


def _return(
    bars: Columns,
    fact: str,
    times: Floats,
    labels: tuple[str, str],
    before: _Opening,
    after: _Opening,
    today: _Fills,
) -> float:
    """Return the profit of a sleeve over what was at work in it, NaN where it says too little."""
    mine = bars.facts[fact] != 0
    value, closing = float(before.worth[mine].sum()), float(after.worth[mine].sum())
    opening = float((before.worth * times)[mine].sum())
    if not (before.equity > 0.0 and opening > 0.0 and opening >= _LEAST * before.equity):
        return nan
    if days_open(*labels, _classes(bars, mine & (before.worth > 0.0))) != 1:
        return nan
    is_mine = mine[today.asset]
    at_work = opening + np.cumsum((today.paid * times[today.asset])[is_mine])
    most = max(opening, float(at_work.max(initial=opening)))
    if most > INFLOW_MAX * opening:
        return nan
    invested = value + np.cumsum(today.paid[is_mine])
    return float((closing - (invested[-1] if len(invested) else value)) / most)


def _classes(bars: Columns, held: Any) -> frozenset[AssetClass]:
    coins = bars.facts["is_coin"][held] != 0
    return frozenset(AssetClass.CRYPTO if each else AssetClass.US_EQUITY for each in coins)
