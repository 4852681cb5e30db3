"""What the venue's own file says of a run, read with SQL and counted apart from the engine."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

D = Decimal
ZERO = D(0)
ENDS = ("canceled", "expired", "rejected", "replaced")
HOUSE = "house"

Price = Callable[[str, int], Decimal]
"""What a key was worth at a time, as the market showed it."""


class Trade(NamedTuple):
    """What an order came to, or a part of it."""

    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str


class Line(NamedTuple):
    """One line of the venue's log, with the order that it is about."""

    at_ns: int
    kind: str
    name: str
    bot: str
    key: str
    is_buy: bool
    qty: Decimal
    limit: Decimal
    fill: Trade | None


class Seen(NamedTuple):
    """What came of it; `over` says in words which increase stood above which cap."""

    over: list[str]
    shorts: list[str]
    turns: int
    swings: int
    highest: dict[str, Decimal]
    orders: dict[str, int]
    fills: dict[str, int]


class Reading:
    """Replays the venue's log.

    At every acceptance and every fill of a purchase, all that is held and all that open purchases
    may still buy, at the dearer of price and limit, has to be inside each cap of that instant.
    """

    def __init__(self, price: Price, caps: Callable[[str], Mapping[str, Decimal]]) -> None:
        """Begin empty; `caps` names the groups in which a key counts, each with its cap."""
        self._price = price
        self._caps = caps
        self._cash = ZERO
        self._held: dict[str, Decimal] = {}
        self._coming: dict[str, Line] = {}
        self._known: set[str] = set()
        self._house_bought: dict[str, bool] = {}
        self._hands: dict[str, list[bool]] = {}
        self._seen = Seen([], [], 0, 0, {}, {}, {})

    def read(self, file: Path) -> Seen:
        """Read a file to its end."""
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            (text,) = db.execute("SELECT payload FROM events WHERE kind = 'opened'").fetchone()
            opening = json.loads(text)
            self._cash = Decimal(opening["cash"])
            for start in opening["positions"]:
                self._held[start["key"]] = Decimal(start["qty"])
            for line in lines(db):
                self._take(line)
            said = dict(db.execute("SELECT key, qty FROM positions"))
        assert {k: q for k, q in self._held.items() if q} == {
            k: Decimal(q) for k, q in said.items()
        }
        return self._seen

    def _take(self, line: Line) -> None:
        is_new = line.name not in self._known
        self._known.add(line.name)
        if is_new:
            self._seen.orders[line.bot] = self._seen.orders.get(line.bot, 0) + 1
        if line.fill is not None:
            self._fill(line, line.fill)
        elif line.kind in ENDS:
            self._coming.pop(line.name, None)
        elif is_new and line.is_buy:
            self._coming[line.name] = line
        if line.is_buy and (line.fill is not None or (is_new and line.kind not in ENDS)):
            self._judge(line)

    def _fill(self, line: Line, fill: Trade) -> None:
        sign = 1 if line.is_buy else -1
        is_cash = fill.fee_asset == "USD"
        self._cash -= sign * fill.qty * fill.price + (fill.fee if is_cash else ZERO)
        held = self._held.get(line.key, ZERO) + sign * fill.qty - (ZERO if is_cash else fill.fee)
        self._held[line.key] = held
        if held < 0:
            self._seen.shorts.append(f"{line.key} by {-held} after {line.name} of {line.bot}")
        if line.name in self._coming:
            left = self._coming[line.name].qty - fill.qty
            self._coming[line.name] = self._coming[line.name]._replace(qty=left)
        self._seen.fills[line.bot] = self._seen.fills.get(line.bot, 0) + 1
        self._follow(line)

    def _follow(self, line: Line) -> None:
        """Count the house's changes of direction, and its sales of what was bought after its sale.

        The second is the oscillation of the incident: sold by the house, bought again, sold again.
        """
        is_house = line.bot == HOUSE
        if is_house:
            turned = self._house_bought.setdefault(line.key, line.is_buy) is not line.is_buy
            self._house_bought[line.key] = line.is_buy
            self._seen = self._seen._replace(turns=self._seen.turns + turned)
        hands = self._hands.setdefault(line.key, [])
        if not (is_house or (line.is_buy and hands)) or (hands and hands[-1] is is_house):
            return
        self._seen = self._seen._replace(swings=self._seen.swings + bool(is_house and hands))
        hands.append(is_house)

    def _judge(self, line: Line) -> None:
        worth: dict[str, Decimal] = {}
        equity = self._cash
        for key, qty in self._held.items():
            price = self._price(key, line.at_ns)
            equity += qty * price
            worth[key] = abs(qty) * price
        for one in self._coming.values():
            dearest = max(one.limit, self._price(one.key, line.at_ns))
            worth[one.key] = worth.get(one.key, ZERO) + one.qty * dearest
        for group, cap in self._caps(line.key).items():
            share = sum((w for key, w in worth.items() if group in self._caps(key)), ZERO) / equity
            self._seen.highest[group] = max(self._seen.highest.get(group, ZERO), share)
            if not share <= cap:
                what = f"{line.kind} of {line.name} ({line.key})"
                self._seen.over.append(f"{what}: {group} {share:.6f} of {cap}")


def lines(db: sqlite3.Connection) -> Iterator[Line]:
    """Yield what the venue said of its orders, oldest first."""
    rows = db.execute(
        "SELECT e.at_ns, substr(e.kind, 8), o.client_order_id, o.bot, o.key, o.side, o.qty,"
        " o.limit_price, f.qty, f.price, f.fee, f.fee_asset"
        " FROM events e JOIN orders o USING (client_order_id)"
        " LEFT JOIN fills f ON f.execution_id = e.payload ->> '$.fill.execution_id'"
        " WHERE e.update_sequence IS NOT NULL ORDER BY e.sequence"
    )
    for at_ns, kind, name, bot, key, side, qty, limit, done, price, fee, asset in rows:
        trade = None if done is None else Trade(D(done), D(price), D(fee), asset)
        worst = ZERO if limit is None else D(limit)
        yield Line(at_ns, kind, name, bot, key, side == "buy", D(qty), worst, trade)
