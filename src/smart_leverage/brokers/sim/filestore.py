"""The venue's own SQLite file: one transaction per call, so a kill loses a call or nothing."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from smart_leverage.brokers.sim.book import Line
from smart_leverage.brokers.sim.config import Setup
from smart_leverage.brokers.sim.exact import ZERO, plain
from smart_leverage.brokers.sim.fileaccess import (
    SCHEMA_VERSION,
    connected,
    locked,
    refuse_foreign,
    version,
)
from smart_leverage.brokers.sim.purse import CASH, Change, Holding, Purse
from smart_leverage.brokers.sim.store import numbered_above
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.brokers.sim.unit import Counters, Unit
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.errors import BadData, BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, TradeUpdate

TAIL_MAX = 4096
"""So many messages of the stream stay in memory; older ones are read from the file."""

T = TypeVar("T", bound=Struct)
Row = tuple[Any, ...]

_ENCODE = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode


_NAMED = "SELECT reference FROM changes WHERE cause IN ('flow', 'split', 'revision')"
"""What has a name of somebody else's and happens once."""


class Saved(Struct, kw_only=True):
    """The state that a file holds."""

    setup: Setup
    counters: Counters
    tickets: list[Ticket]
    purse: Purse
    lines: list[Row]
    flows: set[str]


class FileStore:
    """Keeps every call in SQLite; owned by one process, readable by any."""

    is_durable = True

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            BrokerDown: Another process runs a venue on it.
            BadData: It is something else, or was written by a newer version; nothing is touched.
            ConfigError: There is no such folder, or it cannot be written.
        """
        self.path = path
        refuse_foreign(path)
        self._lock = locked(path)
        try:
            self._db = connected(path)
            self.is_new = version(self._db, path) is None
        except sqlite3.Error as problem:
            os.close(self._lock)
            raise BadData(f"not a venue's file: {problem}", file=path) from problem
        self._sequence = 0
        self._tail: list[TradeUpdate] = []
        self._tail_first = 1

    def create(self, setup: Setup, account_id: str, purse: Purse, counters: Counters) -> None:
        """Write the schema and the opening balances."""
        counters.changes = purse.number
        sql = files("smart_leverage.brokers.sim").joinpath("schema.sql").read_text("utf-8")
        self._db.executescript(f"BEGIN IMMEDIATE;\n{sql}")
        meta = {
            "schema": SCHEMA_VERSION,
            "account_id": account_id,
            "setup": _text(setup),
            "counters": _text(counters),
        }
        self._db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        self._event(counters.now_ns, "opened", _text(setup.config))
        self._write_purse(purse)
        self._db.execute("COMMIT")
        purse.changes.clear()

    def setup(self) -> Setup:
        """Return what the venue was set up with."""
        return msgspec.json.decode(self._meta("setup"), type=Setup)

    def keep_instruments(self, setup: Setup) -> None:
        """Remember newer versions of the instruments."""
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'setup'", (_text(setup),))

    def load(self) -> Saved:
        """Return the state after the last call that was kept."""
        one = self._db.execute
        self._sequence = one("SELECT max(sequence) FROM events").fetchone()[0]
        last = one("SELECT max(update_sequence) FROM events").fetchone()[0] or 0
        self._tail_first = last + 1
        counters = msgspec.json.decode(self._meta("counters"), type=Counters)
        rows = one("SELECT state FROM orders ORDER BY number")
        return Saved(
            setup=self.setup(),
            counters=counters,
            tickets=[msgspec.json.decode(row[0], type=Ticket) for row in rows],
            purse=self._purse(counters.changes),
            lines=one("SELECT * FROM lines").fetchall(),
            flows={row[0] for row in one(_NAMED)},
        )

    def keep(self, unit: Unit, purse: Purse, counters: Counters) -> None:
        """Write a call in one transaction.

        Raises:
            BrokerDown: The file would not take it; nothing of the call is kept.
        """
        counters.changes = purse.number
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._write(unit, purse, counters)
            self._db.execute("COMMIT")
        except sqlite3.Error as problem:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise BrokerDown(f"the venue's file took nothing: {problem}") from problem
        self._tail += unit.updates
        if len(self._tail) > 2 * TAIL_MAX:
            self._tail_first += len(self._tail) - TAIL_MAX
            del self._tail[:-TAIL_MAX]
        purse.changes.clear()
        unit.clear()

    def updates(self, after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
        """Return the stream's messages above a sequence, oldest first."""
        if after + 1 >= self._tail_first:
            return numbered_above(self._tail, after, limit, self._tail_first)
        rows = self._rows(
            "SELECT payload FROM events WHERE update_sequence > ? ORDER BY update_sequence LIMIT ?",
            (after, -1 if limit is None else limit),
        )
        return _decoded(rows, TradeUpdate)

    def activities(self, after: int, limit: int | None = None) -> Sequence[Activity]:
        """Return the activities above a number, oldest first."""
        rows = self._rows(
            "SELECT payload FROM events WHERE kind = 'activity' ORDER BY sequence LIMIT ? OFFSET ?",
            (-1 if limit is None else limit, after),
        )
        return _decoded(rows, Activity)

    def changes(self, after: int, limit: int | None = None) -> Sequence[Change]:
        """Return the entries of cash and units above a number, oldest first."""
        rows = self._rows(
            "SELECT number, at_ns, asset, amount, balance, cause, reference FROM changes"
            " WHERE number > ? ORDER BY number LIMIT ?",
            (after, -1 if limit is None else limit),
        )
        names = Change.__struct_fields__
        return [msgspec.convert(dict(zip(names, row, strict=True)), Change) for row in rows]

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._db.close()
        os.close(self._lock)

    def _rows(self, query: str, values: Row) -> list[Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as problem:
            raise BrokerDown(f"the venue's file cannot be read: {problem}") from problem

    def _meta(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise BadData(f"a venue's file without its {name}", file=self.path)
        return str(row[0])

    def _purse(self, number: int) -> Purse:
        purse = Purse()
        purse.number = number
        cash = self._db.execute(
            "SELECT balance FROM changes WHERE asset = ? ORDER BY number DESC LIMIT 1", (CASH,)
        ).fetchone()
        names = Holding.__struct_fields__
        for row in self._db.execute("SELECT key, qty, avg_entry_price FROM positions"):
            holding = msgspec.convert(dict(zip(names, row, strict=True)), Holding)
            purse.holdings[holding.key] = holding
        purse.cash = msgspec.convert(cash[0], type(ZERO)) if cash else ZERO
        return purse

    def fills(self, since_ns: int) -> list[Fill]:
        """Return the fills after a time, oldest first."""
        return self._fills("at_ns > ? ORDER BY number", since_ns)

    def fill(self, execution_id: str) -> Fill | None:
        """Return an execution, also one that was corrected since, or None."""
        return next(iter(self._fills("execution_id = ?", execution_id)), None)

    def _fills(self, where: str, value: int | str) -> list[Fill]:
        rows = self._rows(f"{_SELECT_FILLS} WHERE {where}", (value,))
        names = Fill.__struct_fields__
        return [msgspec.convert(dict(zip(names, row, strict=True)), Fill) for row in rows]

    def _write(self, unit: Unit, purse: Purse, counters: Counters) -> None:
        for update in unit.updates:
            name = update.broker_order.order.client_order_id
            kind = f"update.{update.event}"
            self._event(update.at_ns, kind, _text(update), update.sequence, name)
        for activity in unit.activities:
            self._event(activity.at_ns, "activity", _text(activity))
        for refusal in unit.refusals:
            name = refusal.client_order_id
            self._event(refusal.at_ns, "refused", _text(refusal), None, name)
        if unit.tickets:
            self._db.executemany(_UPSERT_ORDER, map(_order_row, unit.tickets.values()))
        if unit.fills:
            first = counters.executions - len(unit.fills) + 1
            rows = (_fill_row(at, *each) for at, each in enumerate(unit.fills, first))
            self._db.executemany(_INSERT_FILL, rows)
        if purse.changes:
            self._write_purse(purse)
        if unit.lines:
            self._db.executemany(_UPSERT_LINE, map(_line_row, unit.lines))
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'counters'", (_text(counters),))

    def _write_purse(self, purse: Purse) -> None:
        self._db.executemany(_INSERT_CHANGE, map(_change_row, purse.changes))
        for asset in {change.asset for change in purse.changes} - {CASH}:
            holding = purse.holdings.get(Key(asset))
            if holding is None:
                self._db.execute("DELETE FROM positions WHERE key = ?", (asset,))
            else:
                row = (asset, plain(holding.qty), plain(holding.avg_entry_price))
                self._db.execute(_UPSERT_POSITION, row)

    def _event(
        self,
        at_ns: int,
        kind: str,
        payload: str,
        update: int | None = None,
        name: str | None = None,
    ) -> None:
        self._sequence += 1
        row = (self._sequence, at_ns, kind, update, name, payload)
        self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)


_UPSERT_ORDER = f"INSERT OR REPLACE INTO orders VALUES ({', '.join('?' * 26)})"  # noqa: S608
_UPSERT_LINE = f"INSERT OR REPLACE INTO lines VALUES ({', '.join('?' * 8)})"  # noqa: S608
_UPSERT_POSITION = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)"
_INSERT_FILL = f"INSERT INTO fills VALUES ({', '.join('?' * 11)})"  # noqa: S608
_SELECT_FILLS = (
    "SELECT execution_id, client_order_id, key, side, qty, price, fee, fee_asset, at_ns FROM fills"
)
_INSERT_CHANGE = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)"


def _order_row(ticket: Ticket) -> Row:
    order = ticket.order
    return (
        ticket.number,
        order.client_order_id,
        ticket.broker_order_id,
        order.bot,
        order.key,
        order.side,
        order.type,
        order.time_in_force,
        order.order_class,
        plain(order.qty),
        *map(_plain, (order.limit_price, order.stop_price)),
        *map(_plain, (order.trail_price, order.trail_percent, ticket.hwm)),
        ticket.status,
        plain(ticket.filled_qty),
        plain(ticket.filled_value),
        ticket.submitted_at_ns,
        ticket.updated_at_ns,
        ticket.expires_at_ns,
        ticket.part,
        ticket.parent_id,
        ticket.replaces,
        ticket.replaced_by,
        _text(ticket),
    )


def _plain(price: Decimal | None) -> str | None:
    return None if price is None else plain(price)


def _fill_row(number: int, fill: Fill, is_maker: bool) -> Row:
    return (
        number,
        fill.execution_id,
        fill.at_ns,
        fill.client_order_id,
        fill.key,
        fill.side,
        plain(fill.qty),
        plain(fill.price),
        plain(fill.fee),
        fill.fee_asset,
        is_maker,
    )


def _change_row(change: Change) -> Row:
    return (
        change.number,
        change.at_ns,
        change.asset,
        plain(change.amount),
        plain(change.balance),
        change.cause,
        change.reference,
    )


def _line_row(line: Line) -> Row:
    return (
        line.key,
        repr(line.mark),
        repr(line.bid),
        repr(line.ask),
        line.closed_ns,
        line.opened_ns,
        line.is_opening,
        line.print_number,
    )


def _text(value: object) -> str:
    return _ENCODE(value).decode()


def _decoded(rows: Iterable[Row], kind: type[T]) -> list[T]:
    return [msgspec.json.decode(row[0], type=kind) for row in rows]
