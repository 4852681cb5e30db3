"""What is the same for all accounts: bars and signals as the loop takes them, span by span."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData
from smart_leverage.policy.sleeve import UNKNOWN, SleeveEvidence
from smart_leverage.research.kernel.columns import Columns, check_begin
from smart_leverage.research.kernel.ladder import CELL
from smart_leverage.research.kernel.signals import Signals

QUIET, DECIDING, ROLLING, CLOSELY = range(4)
"""What an instant is for all accounts: nothing of its own, one with signals, the first of a risk
day, or one that is gone through step by step."""

SPAN = 32
"""So many instants are looked at together at most; their prices stay in the processor's cache."""


class Market(NamedTuple):
    """Bars and signals; see `Columns` and `Signals`.

    `low` and `close` are (n_assets, n_instants), so that one instrument's prices lie side by side.
    `before` is the cells of a time before any price. `busy` and `closes` are (n_instants,): what an
    instant is for all accounts, and whether any bar ends then. `evidence` are pairs of what is
    known of coins and of all that is leveraged, `evidence_at` says which of them holds when.
    """

    instants: Any
    cells: Any
    before: Any
    low: Any
    close: Any
    facts: Any
    sessions: Any
    signals: Any
    first: Any
    busy: Any
    closes: Any
    ends: Any
    lowest: Any
    highest: Any
    evidence: Any
    evidence_at: Any


SLEEVE = np.dtype([(name, "f8") for name in SleeveEvidence._fields])
"""`policy.sleeve.SleeveEvidence`."""


class Dated(NamedTuple):
    """Evidence of both sleeves, and between which instants it holds, UTC ns."""

    since_ns: int
    until_ns: int
    crypto: SleeveEvidence
    leveraged: SleeveEvidence


def market_of(bars: Columns, signals: Signals, evidence: Sequence[Dated] = ()) -> Market:
    """Return bars and signals as the loop takes them.

    Args:
        bars: Columns of bars.
        signals: What is proposed.
        evidence: In order of time; the last one that has come counts, until it expires.

    Raises:
        BadData: The signals were made for other columns, or these do not begin on day 0.
    """
    check_begin(bars)
    instants = bars.instants
    if len(signals.first) != len(instants) + 1:
        raise BadData(
            f"signals for {len(signals.first) - 1} instants, bars with {len(instants)}",
            fix="make the signals from these columns",
        )
    closes = np.ascontiguousarray(instants["closes"])
    busy = np.where(signals.first[1:] > signals.first[:-1], np.uint8(DECIDING), np.uint8(QUIET))
    begun = np.flatnonzero(instants["is_day_new"].astype(bool))
    busy[firsts_of(np.flatnonzero(closes.astype(bool)), begun)] = CLOSELY
    busy[begun] = ROLLING
    held = evidence_at(instants["at"], evidence)
    if evidence:
        busy[1:][held[1:] != held[:-1]] = CLOSELY
    busy[0] = CLOSELY
    before = np.zeros(len(bars.keys), dtype=CELL)
    for name in ("mark_close", "mark_open", "vol_close", "vol_open"):
        before[name] = np.nan
    return Market(
        instants=instants,
        cells=bars.cells,
        before=before,
        low=np.ascontiguousarray(bars.low.T),
        close=np.ascontiguousarray(bars.close.T),
        facts=bars.facts,
        sessions=bars.sessions,
        signals=signals.rows,
        first=signals.first,
        busy=busy,
        closes=closes,
        ends=ends_of(busy, signals.first),
        lowest=np.zeros((0, len(bars.keys))),
        highest=np.zeros((0, len(bars.keys))),
        evidence=np.array(
            [[tuple(UNKNOWN)] * 2, *([tuple(one[2]), tuple(one[3])] for one in evidence)], SLEEVE
        ),
        evidence_at=held,
    )


def firsts_of(closing: Any, begun: Any) -> Any:
    """Return the first instant of every day at which bars end, from those and where days begin."""
    places = np.searchsorted(closing, np.concatenate([[0], begun]))
    return closing[places[places < len(closing)]]


def evidence_at(at: Any, evidence: Sequence[Dated]) -> Any:
    """Return which evidence holds at each instant: 0 for none, else its place counted from 1."""
    if not evidence:
        return np.zeros(len(at), dtype=np.int64)
    at = np.ascontiguousarray(at)
    # Stretches of one evidence each, and between them those of none.
    since = np.searchsorted(at, [one.since_ns for one in evidence])
    until = np.searchsorted(at, [one.until_ns for one in evidence])
    following = np.append(since[1:], len(at))
    until = np.clip(until, since, following)
    edges = np.column_stack([since, until]).ravel()
    known = np.zeros(2 * len(evidence) + 1, dtype=np.int64)
    known[1::2] = np.arange(1, len(evidence) + 1)
    return np.repeat(known, np.diff(edges, prepend=0, append=len(at)))


def ends_of(busy: Any, first: Any) -> Any:
    """Return the instants behind those that are looked at together, span after span.

    A new risk day begins a span, signals end one, and what is gone through step by step is alone.
    """
    is_first = busy >= ROLLING
    is_first[1:] |= (busy[:-1] == CLOSELY) | (first[1:-1] > first[:-2])
    edges = np.append(np.flatnonzero(is_first), len(busy))
    begins, ends = edges[:-1], edges[1:]
    parts = -((begins - ends) // SPAN)
    if parts.max() == 1:
        return ends
    part = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    return np.minimum(np.repeat(begins, parts) + (part + 1) * SPAN, np.repeat(ends, parts))


def survey(market: Market) -> Market:
    """Find between which prices every instrument stays for a span, once for all accounts.

    Of most positions this says already that no price comes near.
    """
    begins = np.concatenate([[0], market.ends[:-1]])
    lowest = np.minimum.reduceat(market.low, begins, axis=1)
    highest = np.maximum.reduceat(market.close, begins, axis=1)
    return market._replace(
        lowest=np.ascontiguousarray(lowest.T), highest=np.ascontiguousarray(highest.T)
    )
