"""Everything of a ledger as CSV: one pass over the journal, a row for each entry as it is read.

What has to stay in memory are the books, which hold fills and trades, never decisions and marks.
"""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from smart_leverage.books.units import Units
from smart_leverage.domain.errors import BadData, LedgerError
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    FlowSeen,
    Marked,
    Record,
    decode,
)
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.domain.stamps import iso
from smart_leverage.engine.state import State
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.read_only import opened
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.rows import AccountRow, OrderRow
from smart_leverage.reports.export.tables import (
    AT,
    SEQ,
    DailyReturn,
    OpenLot,
    RoundTrip,
    derived_tables,
    journal_tables,
    orders_table,
)
from smart_leverage.reports.export.writing import Tables, TableWriter
from smart_leverage.reports.story import Progress
from smart_leverage.runtime.remembered import Fold

MANIFEST = "manifest.json"
_PAGE = 1_000
_PROGRESS_EVERY = 5_000


class Exported(NamedTuple):
    """Where the files are, up to which entry, and what each table holds."""

    folder: Path
    seq: int
    head: str
    tables: dict[str, TableWriter]


def export_csv(ledger: Path, to: Path, *, progress: Progress | None = None) -> Exported:
    """Write every table into a folder that is made as a whole, or not at all.

    Args:
        ledger: The ledger; it may grow meanwhile, what comes later is left out.
        to: The folder; it may be there if it is empty.
        progress: Hears the number of entries read, now and then.

    Raises:
        BadData: There is something in the folder already.
        LedgerError: There is no ledger, or it holds no account.
        OSError: A file cannot be written.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadData(f"{to} is there and not empty", fix="name a new folder")
    beside = to.with_name(f".{to.name}.part")
    if beside.exists():
        shutil.rmtree(beside)
    beside.mkdir(parents=True)
    try:
        made = _write(ledger, beside, progress)
        beside.replace(to)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return made._replace(folder=to)


def _write(ledger: Path, folder: Path, progress: Progress | None) -> Exported:
    with opened(ledger) as reader, Tables(folder) as tables:
        account = reader.account()
        if account is None:
            raise LedgerError(f"{ledger}: holds no account yet; start a run with it first")
        pass_ = _Pass(tables, account)
        for entry in reader.entries():
            pass_.take(entry)
            pass_.head = entry.hash.hex()
            if progress is not None and not entry.seq % _PROGRESS_EVERY:
                progress(entry.seq)
        pass_.finish()
        _orders(reader, tables, pass_.seq)
        made = Exported(folder, pass_.seq, pass_.head, tables.writers)
    if progress is not None:
        progress(pass_.seq)
    _manifest(made, account)
    return made


class _Pass:
    """Writes each record as it comes, and folds what the derived tables need."""

    def __init__(self, tables: Tables, account: AccountRow) -> None:
        self.seq = 0
        self.head = ""
        self._journal = {
            kind: tables.add(table, before=(SEQ, AT)) for kind, table in journal_tables().items()
        }
        self._derived = {name: tables.add(table) for name, table in derived_tables().items()}
        self._fold = Fold(with_prices=False, is_whole=True)
        self._calendar = RiskCalendar(account.risk_timezone)
        self._units = Units()
        self._before = self._nav = 1.0
        self._day = ""

    def take(self, entry: Entry) -> None:
        record = decode(entry.payload)
        self.seq = entry.seq
        self._journal[type(record)].write(record, str(entry.seq), iso(record.at_ns))
        self._fold.take(entry, record)
        self._value(record)

    def _value(self, record: Record) -> None:
        """Take in what moves the NAV; a day is written once the next one has a mark."""
        if isinstance(record, AccountOpened):
            self._units.open(record.cash)
        elif isinstance(record, Adopted):
            self._units.adopt(record.qty * record.price)
        elif isinstance(record, FlowSeen):
            self._units.flow(record.amount)
        elif isinstance(record, Marked):
            day = self._calendar.day_of(record.at_ns)
            if day != self._day:
                self._end_day()
                self._day = day
            self._nav = self._units.mark(record.equity)

    def _end_day(self) -> None:
        if not self._day:
            return
        change = self._nav / self._before - 1.0 if self._before > 0.0 else 0.0
        self._derived["returns"].write(DailyReturn(date.fromisoformat(self._day), change))
        self._before = self._nav

    def finish(self) -> None:
        """Write what is known only at the end."""
        self._end_day()
        for name, rows in _derived(self._fold.state):
            for row in rows:
                self._derived[name].write(row)


def _derived(state: State) -> Iterator[tuple[str, Iterator[Any]]]:
    book = state.book
    positions = (book.position(key) for key in book.keys)
    yield "positions", (each for each in positions if each is not None)
    yield "closed_lots", book.closings()
    yield (
        "open_lots",
        (
            OpenLot(held.key, held.bot, lot.qty, lot.price, lot.fee, lot.opened_at_ns, lot.source)
            for held in book.held()
            for lot in held.lots
        ),
    )
    yield (
        "round_trips",
        (
            RoundTrip(
                client_order_id=trade.client_order_id,
                bot=trade.bot,
                key=trade.key,
                side=trade.side,
                is_forced=trade.is_forced,
                is_imported=trade.is_imported,
                outcome=trade.outcome,
                result=trade.result,
            )
            for trade in (*book.past_trades(), *book.trades())
        ),
    )
    yield "episodes", iter(state.episodes.closed)


def _orders(reader: Reader, tables: Tables, last: int) -> None:
    """Write the orders as the ledger's own rows have them, page by page."""
    writer, before = tables.add(orders_table(OrderRow)), last + 1
    while True:
        page = reader.orders(before=before, limit=_PAGE)
        for row in page:
            writer.write(row)
        if len(page) < _PAGE:
            return
        before = page[-1].intended_seq


def _manifest(made: Exported, account: AccountRow) -> None:
    content = {
        "format": 1,
        "account": account.account,
        "mode": account.mode,
        "risk_timezone": account.risk_timezone,
        "policy_hash": account.policy_hash,
        "version": account.version,
        "last_event": made.seq,
        "head": made.head,
        "tables": {
            name: {
                "rows": writer.rows,
                "meaning": writer.table.meaning,
                "columns": {each.name: each.form.value for each in writer.columns},
            }
            for name, writer in made.tables.items()
        },
    }
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    (made.folder / MANIFEST).write_bytes(text + b"\n")
