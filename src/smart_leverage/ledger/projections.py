"""What the entries add up to: the tables that can be made again from the journal, byte for byte."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from itertools import chain
from operator import attrgetter
from sqlite3 import Connection
from types import NoneType
from typing import Any

import msgspec

from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.orders import (
    EXTERNAL,
    OrderClass,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
)
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    CancelIntended,
    ConsentGiven,
    Decided,
    EnforcementChanged,
    EvidenceRecorded,
    ExposureMoved,
    Filled,
    FillRevised,
    FlowSeen,
    IncomeSeen,
    InstrumentListed,
    Intended,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    OrderTrailed,
    PastDealt,
    PastImported,
    PastValued,
    PlanMoved,
    PricesRemembered,
    RampMoved,
    Record,
    Resumed,
    SeatChanged,
    SplitSeen,
    StateChanged,
    TierGranted,
    Unprotected,
    decode,
)
from smart_leverage.ledger.base import Database, Entry
from smart_leverage.ledger.postings import (
    CASH,
    POSITION,
    USD,
    Leg,
    add,
    negated,
    of_fill,
    of_income,
    of_owner,
    plain,
    subtract,
)
from smart_leverage.ledger.statements import QUERIES, SCHEMA, widened

Row = Iterable[str | bytes | int | None]
Widths = Callable[[int], Iterable[int]]
"""Cuts a number of rows into the numbers that go into one statement each."""

_COLUMNS = re.compile(r"INSERT INTO \w+ \(([^()]*)\)")
_WIDTHS = (1024, 512, 256, 128, 64, 32, *range(16, 0, -1))
"""Rows a statement: few steps for any number, and few enough texts that all stay prepared. The
most, of the widest table, are 22,528 values; SQLite takes 32,766."""

_OWNERS_MAX = 50_000
_ZERO = Decimal(0)
_canonical = msgspec.json.Encoder(order="deterministic").encode

# How a value of each type stands in a column.
_CELLS: dict[type, Callable[[Any], str | int | None]] = {
    str: str,
    int: int,
    bool: int,
    NoneType: lambda none: none,
    Decimal: plain,
    dict: lambda figures: _canonical(figures).decode(),
}
for _words in (Side, OrderType, TimeInForce, OrderClass, Role, OrderState, AssetClass):
    _CELLS[_words] = attrgetter("value")


def _fields(statement: str, prefix: str = "") -> Callable[[Any], tuple[Any, ...]]:
    """Return the getter of the record's fields for the columns after seq and at_ns."""
    found = _COLUMNS.search(QUERIES[statement])
    assert found is not None, statement  # noqa: S101 - a mistake in our own file, seen at import
    _, _, *names = (name.strip(' \n"') for name in found[1].split(","))
    return attrgetter(*(prefix + name for name in names))


# The kinds whose fields are copied into a table of their own: statement and getter.
_COPIED: dict[type, tuple[str, Callable[[Any], tuple[Any, ...]]]] = {
    kind: (statement, _fields(statement, prefix))
    for kind, statement, prefix in (
        (AccountOpened, "insert_account", ""),
        (InstrumentListed, "insert_instrument", "instrument."),
        (Adopted, "insert_adopted", ""),
        (FlowSeen, "insert_flow", ""),
        (Decided, "insert_decision", ""),
        (Marked, "insert_mark", ""),
        (BaselineSet, "insert_baseline", ""),
        (BreakerMoved, "insert_breaker", ""),
        (AssetLocked, "insert_lock", ""),
        (TierGranted, "insert_tier", ""),
        (StateChanged, "insert_state", ""),
        (Resumed, "insert_resume", ""),
        (PlanMoved, "insert_plan", ""),
        (Unprotected, "insert_unprotected", ""),
        (Noted, "insert_note", ""),
    )
}
_ORDER = attrgetter(
    *(
        f"order.{name}"
        for name in (
            *("client_order_id", "bot", "key", "side", "qty", "type", "time_in_force"),
            *("limit_price", "stop_price", "order_class", "take_profit", "stop_loss"),
            *("stop_loss_limit", "trail_price", "trail_percent", "role"),
        )
    ),
    "decision_id",
    "reserve_price",
)
_FILL = attrgetter("key", "side", "qty", "price", "fee", "fee_asset", "at_ns")


class Projector:
    """Folds records and writes what they add up to; knows the balances between two flushes.

    The tables depend on the records alone, never on how they were grouped into flushes.
    """

    def __init__(self, connection: Database, widths: Widths | None = None) -> None:
        """Go on from the balances that the tables hold; `widths` cuts rows into statements."""
        self._connection = connection
        self._write = partial(write, widths=widths or in_few_widths)
        self._positions = {
            (bot, key): Decimal(qty)
            for bot, key, qty, _ in connection.execute(QUERIES["all_positions"])
        }
        self._cash = {
            asset: Decimal(amount) for asset, amount, _ in connection.execute(QUERIES["all_cash"])
        }
        self._owners: dict[str, str] = {}
        self._rows: dict[str, list[Row]] = {}
        self._moves: dict[str, OrderMoved] = {}
        self._move_seqs: dict[str, int] = {}
        self._trails: dict[str, Row] = {}
        self._cancels: dict[str, Row] = {}
        self._refilled: dict[str, Decimal] = {}
        self._removed: list[Row] = []
        self._moved_positions: dict[tuple[str, str], int] = {}
        self._moved_cash: dict[str, int] = {}
        self._handlers: dict[type, Callable[[int, Any], None]] = {
            **{kind: partial(self._copied, *how) for kind, how in _COPIED.items()},
            AccountOpened: self._opened,
            Adopted: self._adopted,
            FlowSeen: self._flow,
            Intended: self._intended,
            OrderMoved: self._moved,
            OrderTrailed: self._trailed,
            CancelIntended: self._cancelling,
            Filled: self._filled,
            FillRevised: self._revised,
            SplitSeen: self._split,
            IncomeSeen: self._income,
            PricesRemembered: self._journal_only,
            LimitChanged: self._journal_only,
            SeatChanged: self._journal_only,
            EnforcementChanged: self._journal_only,
            RampMoved: self._journal_only,
            ConsentGiven: self._journal_only,
            EvidenceRecorded: self._journal_only,
            ExposureMoved: self._journal_only,
            PastDealt: self._journal_only,
            PastValued: self._journal_only,
            PastImported: self._journal_only,
        }

    def fold(self, seq: int, record: Record) -> None:
        """Take one more record into account; nothing is written yet."""
        self._handlers[type(record)](seq, record)

    def flush(self) -> None:
        """Write everything folded since the last flush, inside the caller's transaction."""
        for statement, rows in self._rows.items():
            self._write(self._connection, statement, rows)
        self._rows.clear()
        # After the others: what was written with them may have been corrected meanwhile.
        self._write(self._connection, "remove_fill", self._removed)
        self._removed.clear()
        self._flush_orders()
        self._flush_balances()
        if len(self._owners) > _OWNERS_MAX:
            self._owners.clear()

    def _copied(
        self, statement: str, getter: Callable[[Any], tuple[Any, ...]], seq: int, record: Record
    ) -> None:
        self._row(statement, (seq, record.at_ns, *_cells(getter(record))))

    def _row(self, statement: str, row: Row) -> None:
        rows = self._rows.get(statement)
        if rows is None:
            rows = self._rows[statement] = []
        rows.append(row)

    def _journal_only(self, seq: int, record: Record) -> None:
        """Pass over a kind without a table: it is rare, or whoever asks folds the journal."""

    def _opened(self, seq: int, record: AccountOpened) -> None:
        self._copied(*_COPIED[AccountOpened], seq, record)
        # The record states the cash there is; what the books did not know came from the owner.
        unknown = subtract(record.cash, self._cash.get(USD, _ZERO))
        self._post(seq, of_owner(CASH, "", USD, unknown))

    def _adopted(self, seq: int, record: Adopted) -> None:
        self._copied(*_COPIED[Adopted], seq, record)
        self._post(seq, of_owner(POSITION, record.bot, record.key, record.qty))

    def _flow(self, seq: int, record: FlowSeen) -> None:
        self._copied(*_COPIED[FlowSeen], seq, record)
        self._post(seq, of_owner(CASH, "", USD, record.amount))

    def _income(self, seq: int, record: IncomeSeen) -> None:
        legs = list(of_income(CASH, "", USD, record.amount))
        for bot, units in sorted(record.shares.items()):
            legs += of_income(POSITION, bot, record.key or "", units)
        self._post(seq, legs)

    def _split(self, seq: int, record: SplitSeen) -> None:
        legs = (
            of_owner(POSITION, bot, record.key, units)
            for bot, units in sorted(record.shares.items())
        )
        self._post(seq, chain.from_iterable(legs))

    def _intended(self, seq: int, record: Intended) -> None:
        name = record.order.client_order_id
        self._owners[name] = record.order.bot
        self._moves.pop(name, None)  # What was said of the id before its intent has no row.
        self._trails.pop(name, None)
        self._cancels.pop(name, None)
        self._refilled.pop(name, None)
        times = (seq, record.at_ns, seq, record.at_ns)
        self._row("insert_order", (*_cells(_ORDER(record)), *times))

    def _moved(self, seq: int, record: OrderMoved) -> None:
        name = record.client_order_id
        before = self._moves.get(name)
        if before is not None and not record.broker_order_id:
            record = msgspec.structs.replace(record, broker_order_id=before.broker_order_id)
        self._moves[name] = record
        self._move_seqs[name] = seq
        self._refilled.pop(name, None)

    def _trailed(self, seq: int, record: OrderTrailed) -> None:
        name = record.client_order_id
        self._trails[name] = (name, plain(record.hwm), plain(record.stop_price))

    def _cancelling(self, seq: int, record: CancelIntended) -> None:
        self._cancels[record.client_order_id] = (record.client_order_id, seq, record.reason)

    def _filled(self, seq: int, record: Filled) -> None:
        fill = record.fill
        bot = self._owner(fill.client_order_id)
        ids = (fill.execution_id, fill.client_order_id, bot)
        self._row("insert_fill", (seq, record.at_ns, *ids, *_cells(_FILL(fill))))
        self._post(seq, of_fill(fill, bot))

    def _revised(self, seq: int, record: FillRevised) -> None:
        """Undo an execution by legs of its own, and book what counts in its place."""
        before, after = record.before, record.after
        bot = self._owner(before.client_order_id)
        legs = [leg._replace(amount=negated(leg.amount)) for leg in of_fill(before, bot)]
        self._removed.append((before.execution_id,))
        change = negated(before.qty)
        if after is not None:
            ids = (after.execution_id, after.client_order_id, bot)
            self._row("insert_fill", (seq, record.at_ns, *ids, *_cells(_FILL(after))))
            legs += of_fill(after, bot)
            change = add(change, after.qty)
        self._post(seq, legs)
        name = before.client_order_id
        filled = add(self._filled_qty(name), change)
        self._refilled[name] = filled if filled > 0 else _ZERO

    def _filled_qty(self, client_order_id: str) -> Decimal:
        """Return what an order had filled by what was said of it last."""
        known = self._refilled.get(client_order_id)
        if known is not None:
            return known
        move = self._moves.get(client_order_id)
        if move is not None:
            return move.filled_qty
        row = self._connection.execute(QUERIES["order_filled"], (client_order_id,)).fetchone()
        return _ZERO if row is None else Decimal(row[0])

    def _owner(self, client_order_id: str) -> str:
        known = self._owners.get(client_order_id)
        if known is not None:
            return known
        row = self._connection.execute(QUERIES["order_bot"], (client_order_id,)).fetchone()
        # One that was never intended is asked for once: an intent tells its bot by itself.
        bot = self._owners[client_order_id] = EXTERNAL if row is None else str(row[0])
        return bot

    def _post(self, seq: int, legs: Iterable[Leg]) -> None:
        for number, leg in enumerate(legs):
            row = (seq, number, leg.account, leg.bot, leg.asset, plain(leg.amount))
            self._row("insert_posting", row)
            if leg.account == CASH:
                self._cash[leg.asset] = add(self._cash.get(leg.asset, _ZERO), leg.amount)
                self._moved_cash[leg.asset] = seq
            elif leg.account == POSITION:
                account = ("", leg.asset)
                places = ((leg.bot, leg.asset), account) if leg.bot else (account,)
                for place in places:
                    self._positions[place] = add(self._positions.get(place, _ZERO), leg.amount)
                    self._moved_positions[place] = seq

    def _flush_orders(self) -> None:
        moves: list[Row] = [
            (
                *(name, move.state.value, move.status, plain(move.filled_qty)),
                *(move.broker_order_id, move.reason, self._move_seqs[name], move.at_ns),
            )
            for name, move in self._moves.items()
        ]
        self._write(self._connection, "move_order", moves)
        self._write(self._connection, "trail_order", list(self._trails.values()))
        self._write(self._connection, "cancel_order", list(self._cancels.values()))
        refilled: list[Row] = [(name, plain(qty)) for name, qty in self._refilled.items()]
        self._write(self._connection, "refill_order", refilled)
        for pending in (self._moves, self._move_seqs, self._trails, self._cancels, self._refilled):
            pending.clear()

    def _flush_balances(self) -> None:
        positions: list[Row] = [
            (*place, plain(self._positions[place]), seq)
            for place, seq in self._moved_positions.items()
        ]
        self._write(self._connection, "set_position", positions)
        cash: list[Row] = [
            (asset, plain(self._cash[asset]), seq) for asset, seq in self._moved_cash.items()
        ]
        self._write(self._connection, "set_cash", cash)
        self._moved_positions.clear()
        self._moved_cash.clear()


def in_few_widths(count: int) -> Iterator[int]:
    """Cut rows into statements of few widths, so that all of them stay prepared."""
    for width in _WIDTHS:
        yield from [width] * (count // width)
        count %= width


def write(
    connection: Database, statement: str, rows: list[Row], *, widths: Widths = in_few_widths
) -> int:
    """Run a named statement for all rows, many rows a step; return the number of rows changed."""
    start = changed = 0
    for width in widths(len(rows)):
        values = tuple(chain.from_iterable(rows[start : start + width]))
        changed += connection.execute(widened(statement, width), values).rowcount
        start += width
    return changed


def create(connection: Connection) -> None:
    """Make the projected tables, empty."""
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA['projections']}; COMMIT")


def rebuild(entries: Iterable[Entry], connection: Connection, *, group: int = 5_000) -> int:
    """Fold entries into fresh tables of a connection; return how many there were.

    Args:
        entries: The links of a journal, from its first.
        group: Entries per transaction; the result does not depend on it.

    Raises:
        msgspec.ValidationError: A payload is not a record of this version.
    """
    create(connection)
    projector = Projector(connection)
    count = 0
    connection.execute("BEGIN IMMEDIATE")
    for entry in entries:
        projector.fold(entry.seq, decode(entry.payload))
        count += 1
        if count % group == 0:
            projector.flush()
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
    projector.flush()
    connection.execute("COMMIT")
    return count


def _cells(values: tuple[Any, ...]) -> list[str | int | None]:
    return [value if type(value) is str else _CELLS[type(value)](value) for value in values]
