"""What has to be equal: read from the journal and the venue, by code of its own."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulation.oracle_journal import Journal

from smart_leverage.brokers.sim import SimBrokerClient
from smart_leverage.ledger.reader import Reader

D = Decimal


class Facts(NamedTuple):
    """An account after an act, as plain data."""

    positions: dict[str, Decimal]
    cash: Decimal
    venue_positions: dict[str, Decimal]
    venue_cash: Decimal
    orders: tuple[tuple[str, ...], ...]
    fills: tuple[tuple[str, ...], ...]
    trading: tuple[str, str]
    halts: tuple[tuple[str, ...], ...]
    breakers: tuple[tuple[str, ...], ...]
    baselines: tuple[tuple[str, ...], ...]
    flows: tuple[str, ...]
    tier: int
    earned: tuple[tuple[str, ...], ...]
    """Every move of a tier, of what is in force of a sleeve with its six caps, every lock, and the
    evidence that was taken."""


class Watcher:
    """Follows one account from outside; each look reads what is new."""

    def __init__(self, ledger: Path, venue: SimBrokerClient) -> None:
        self._path, self._venue = ledger, venue
        self.broken: list[str] = []
        self._journal = Journal(lambda rule, text: self.broken.append(f"{rule} {text}"))
        self._halts: list[tuple[str, ...]] = []
        self._breakers: list[tuple[str, ...]] = []
        self._baselines: list[tuple[str, ...]] = []
        self._earned: list[tuple[str, ...]] = []

    def look(self) -> Facts:
        """Return what is true now."""
        with Reader.open(self._path) as reader:
            self._journal.take(reader.entries(self._journal.seq), self._hear)
        journal = self._journal
        return Facts(
            positions=dict(journal.held),
            cash=journal.cash,
            venue_positions={str(each.key): each.qty for each in self._venue.positions()},
            venue_cash=self._venue.account().cash,
            orders=tuple(
                sorted(
                    _order(known.order, known.state, known.filled)
                    for known in journal.orders.values()
                )
            ),
            fills=tuple(sorted(_fill(each) for each in journal.fills.values())),
            trading=(journal.trading, journal.why),
            halts=tuple(self._halts),
            breakers=tuple(self._breakers),
            baselines=tuple(self._baselines),
            flows=tuple(sorted(journal.flows)),
            tier=journal.tier,
            earned=tuple(self._earned),
        )

    def _hear(self, entry: dict[str, Any]) -> None:
        match entry["kind"]:
            case "state":
                words = (entry[name] for name in ("before", "after", "why", "who"))
                self._halts.append(tuple(words))
            case "breaker":
                tripped = str(entry.get("is_tripped", False))
                self._breakers.append((entry["breaker"], tripped, entry["value"], entry["limit"]))
            case "tier" | "exposure" | "asset.locked" | "evidence" as kind:
                told = (f"{name} {value}" for name, value in entry.items() if name != "kind")
                self._earned.append((kind, *told))
            case "baseline":
                holdings = sorted(entry.get("holdings", {}).items())
                self._baselines.append(
                    (entry["period"], entry["label"], entry["equity"], str(holdings))
                )


def differences(wanted: Facts, found: Facts) -> list[str]:
    """Return, a line each, where two accounts are not the same."""
    lines = []
    for name in Facts._fields:
        left, right = getattr(wanted, name), getattr(found, name)
        if left == right:
            continue
        if isinstance(left, dict):
            keys = [key for key in {**left, **right} if left.get(key) != right.get(key)]
            lines += [f"{name} {key}: {left.get(key)} / {right.get(key)}" for key in keys]
        elif isinstance(left, tuple) and left and isinstance(left[0], tuple):
            gone, added = Counter(left) - Counter(right), Counter(right) - Counter(left)
            lines += [f"{name}: only unkilled {each}" for each in gone.elements()]
            lines += [f"{name}: only killed {each}" for each in added.elements()]
        else:
            lines.append(f"{name}: {left} / {right}")
    return lines or ["the order in which things happened"] if wanted != found else []


def _order(order: dict[str, Any], state: str, filled: Decimal) -> tuple[str, ...]:
    names = ("bot", "role", "key", "side", "qty", "type", "limit_price", "stop_price")
    return (*(str(order.get(name, "")) for name in names), state, f"{filled:f}")


def _fill(fill: dict[str, Any]) -> tuple[str, ...]:
    names = ("key", "side", "qty", "price", "fee", "fee_asset")
    return tuple(str(fill[name]) for name in names)
