"""The venue's own file, for the auditor: orders, what was said of them, and the venue's books.

Part of the auditor: standard library only, read only, and nothing of what is audited.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

D = Decimal


class Order:
    """An order as the venue took it."""

    __slots__ = (
        "bot",
        "has_stop",
        "is_buy",
        "is_triggered",
        "key",
        "left",
        "limit",
        "meets",
        "name",
        "number",
        "qty",
        "sent",
        "stop",
    )

    def __init__(self, row: Sequence[Any]) -> None:
        self.name, self.bot, self.key, side, qty, limit, stop, self.sent, self.number = row
        self.is_buy = side == "buy"
        self.qty = self.left = D(qty)
        self.limit = None if limit is None else D(limit)
        self.has_stop = stop is not None
        self.stop = float(stop) if stop is not None else 0.0
        self.is_triggered = False
        self.meets = 0
        """The opening that this order met first, 0 before."""

    def __str__(self) -> str:
        side = "buy" if self.is_buy else "sell"
        return f"{side} {self.qty} {self.key} of {self.bot} (order {self.number})"


class Fill(NamedTuple):
    """An execution as the venue wrote it down."""

    execution: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool

    @property
    def fee_cash(self) -> Decimal:
        """The fee as far as it is money."""
        return self.fee if self.fee_asset == "USD" else D(0)

    @property
    def fee_units(self) -> Decimal:
        """The fee as far as it is taken from the units received."""
        return self.fee - self.fee_cash


class Said(NamedTuple):
    """One line of the venue's log."""

    at: int
    kind: str
    name: str
    text: str
    fill: Fill | None

    @property
    def is_alive(self) -> bool:
        """Whether it says that an order works or waits for its session."""
        return self.kind in ("new", "accepted")

    @property
    def is_end(self) -> bool:
        """Whether it says that an order ended without a fill."""
        return self.kind in ("canceled", "expired", "rejected", "replaced")


class Venue:
    """The venue's file, read only."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.orders = {
            row[0]: Order(row)
            for row in self._db.execute(
                "SELECT client_order_id, bot, key, side, qty, limit_price, stop_price,"
                " submitted_at_ns, number FROM orders"
            )
        }

    def until(self) -> int:
        """Return the venue's time: nothing is known of what came after."""
        text = self._db.execute("SELECT value FROM meta WHERE name = 'counters'").fetchone()[0]
        return int(json.loads(text)["now_ns"])

    def close(self) -> None:
        self._db.close()

    def opening(self) -> tuple[Decimal, list[tuple[str, Decimal, Decimal]]]:
        """Return the opening cash and holdings (key, quantity, price)."""
        text = self._db.execute("SELECT payload FROM events WHERE kind = 'opened'").fetchone()[0]
        config = json.loads(text)
        held = config.get("positions", [])
        rows = [[each[name] for name in ("key", "qty", "price")] for each in held]
        return D(config["cash"]), [(key, D(qty), D(price)) for key, qty, price in rows]

    def ticks(self) -> dict[str, Decimal]:
        """Return the price steps of the venue."""
        text = self._db.execute("SELECT value FROM meta WHERE name = 'setup'").fetchone()[0]
        return {each["key"]: D(each["tick"]) for each in json.loads(text)["instruments"]}

    def log(self) -> Iterator[Said]:
        """Yield everything that happened, in order."""
        rows = self._db.execute(
            "SELECT e.at_ns, e.kind, e.client_order_id,"
            " CASE WHEN e.kind = 'activity' OR e.kind = 'refused' THEN e.payload"
            "      ELSE e.payload ->> '$.reason' END,"
            " f.execution_id, f.qty, f.price, f.fee, f.fee_asset, f.is_maker"
            " FROM events e LEFT JOIN fills f"
            " ON e.kind IN ('update.fill', 'update.partial_fill')"
            " AND f.execution_id = e.payload ->> '$.fill.execution_id'"
            " ORDER BY e.sequence"
        )
        for at, kind, name, text, execution, qty, price, fee, fee_asset, is_maker in rows:
            fill = None
            if execution is not None:
                fill = Fill(execution, D(qty), D(price), D(fee), fee_asset, bool(is_maker))
            yield Said(at, kind.removeprefix("update."), name or "", text or "", fill)

    def changes(self) -> Iterator[tuple[int, str, Decimal, Decimal, str, str]]:
        rows = self._db.execute(
            "SELECT at_ns, asset, amount, balance, cause, reference FROM changes ORDER BY number"
        )
        for at, asset, amount, balance, cause, reference in rows:
            yield at, asset, D(amount), D(balance), cause, reference

    def positions(self) -> dict[str, Decimal]:
        return {k: D(qty) for k, qty in self._db.execute("SELECT key, qty FROM positions")}

    def filled(self) -> Iterator[tuple[str, Decimal]]:
        for name, qty in self._db.execute("SELECT client_order_id, filled_qty FROM orders"):
            yield name, D(qty)
