"""The bars and signals that every peer is given, as files that need nothing but numpy."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from governing import Bars, Signals, Terms

from smart_leverage.policy.params import CLASSIC, Policy

ARRAYS, ACCOUNT = "bars.npz", "account.json"


class Case(NamedTuple):
    """Bars of coins that end together, and what is proposed at their closes.

    Attributes:
        at: (n_bars,) UTC ns at which each bar ends; it begins an hour earlier.
        high, low: (n_bars, n_coins), as `bars.opens` and `bars.closes`.
        bars: Prices, daily volatility once a close is known, days and months, by bar.
        signals: What is proposed.
        facts: Lot, lots in an order step, least value of a purchase; each of (n_coins,).
        names: Of the coins.
        terms, cash, policy: Of the account.
    """

    at: Any
    high: Any
    low: Any
    bars: Bars
    signals: Signals
    facts: tuple[Any, Any, Any]
    names: tuple[str, ...]
    terms: Terms
    cash: float
    policy: Policy

    @property
    def asset_bars(self) -> int:
        """Return how many bars of one coin there are."""
        return len(self.at) * len(self.names)

    def first_bars(self, count: int) -> "Case":
        """Return the same case with its first bars only."""
        bars = Bars(*(column[:count] for column in self.bars))
        signals = self.signals._replace(first=self.signals.first[: count + 1])
        at, high, low = self.at[:count], self.high[:count], self.low[:count]
        return self._replace(at=at, high=high, low=low, bars=bars, signals=signals)

    def of_coin(self, asset: int) -> "Case":
        """Return the same case with one coin only, and its share of the cash."""
        one = slice(asset, asset + 1)
        prices = {name: getattr(self.bars, name)[:, one] for name in Bars._fields[:3]}
        is_own = self.signals.asset == asset
        before = np.concatenate([[0], np.cumsum(is_own)])
        kept = {name: getattr(self.signals, name)[is_own] for name in Signals._fields[1:]}
        kept["asset"] = np.zeros_like(kept["asset"])
        return self._replace(
            high=self.high[:, one],
            low=self.low[:, one],
            bars=self.bars._replace(**prices),
            signals=Signals(first=before[self.signals.first], **kept),
            facts=tuple(column[one] for column in self.facts),
            names=self.names[one],
            cash=self.cash / len(self.names),
        )

    def in_lists(self) -> tuple[Bars, Signals, tuple[Any, ...]]:
        """Return bars, signals and facts as Python's own lists and numbers."""
        bars = Bars(*(column.tolist() for column in self.bars))
        signals = Signals(*(column.tolist() for column in self.signals))
        return bars, signals, tuple(column.tolist() for column in self.facts)


def save(case: Case, folder: Path) -> None:
    """Write a case into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"at": case.at, "high": case.high, "low": case.low}
    for group in (case.bars, case.signals):
        columns |= group._asdict()
    for name, column in zip(("lot", "step", "notional_min"), case.facts, strict=True):
        columns[name] = column
    np.savez(folder / ARRAYS, **columns)
    told = {"names": case.names, "terms": case.terms._asdict(), "cash": case.cash}
    (folder / ACCOUNT).write_text(json.dumps(told | {"policy": _plain(case.policy)}))


def load(folder: Path) -> Case:
    """Read a case."""
    told = json.loads((folder / ACCOUNT).read_text())
    with np.load(folder / ARRAYS) as read:
        columns = dict(read)
    return Case(
        at=columns["at"],
        high=columns["high"],
        low=columns["low"],
        bars=Bars(*(columns[name] for name in Bars._fields)),
        signals=Signals(*(columns[name] for name in Signals._fields)),
        facts=(columns["lot"], columns["step"], columns["notional_min"]),
        names=tuple(told["names"]),
        terms=Terms(**told["terms"]),
        cash=told["cash"],
        policy=_like(CLASSIC, told["policy"]),
    )


def _plain(record: Any) -> Any:
    if not hasattr(record, "_asdict"):
        return record
    return {name: _plain(value) for name, value in record._asdict().items()}


def _like(record: Any, told: Any) -> Any:
    if not hasattr(record, "_asdict"):
        return told
    return type(record)(**{name: _like(getattr(record, name), told[name]) for name in told})
