"""Which tables an export has: one for each kind of record, and those that follow from them."""

import inspect
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from smart_leverage.books.closings import Closing
from smart_leverage.books.episodes import Episode
from smart_leverage.books.positions import Position
from smart_leverage.books.trades import Result
from smart_leverage.domain import records
from smart_leverage.domain.instruments import Key
from smart_leverage.reports.export.columns import Column, Form, columns_of


class RoundTrip(NamedTuple):
    """A trade as the track record counts it: one closing order against the lots that it closed."""

    client_order_id: str
    bot: str
    key: Key
    side: str
    is_forced: bool
    is_imported: bool
    outcome: str
    result: Result


class OpenLot(NamedTuple):
    """A lot that is held: magnitudes, of one bot; `source` is the execution that opened it."""

    key: Key
    bot: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    opened_at_ns: int
    source: str


class DailyReturn(NamedTuple):
    """The return of one risk day, flows left out, from the last mark before it to its last mark."""

    date: date
    value: float


class Table(NamedTuple):
    """A table of an export: its name is that of its file."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


NAMES: dict[type, str] = {
    records.AccountOpened: "account",
    records.InstrumentListed: "instruments",
    records.Adopted: "adopted",
    records.FlowSeen: "flows",
    records.IncomeSeen: "income",
    records.SplitSeen: "splits",
    records.Decided: "decisions",
    records.Intended: "intents",
    records.OrderMoved: "order_moves",
    records.OrderTrailed: "order_trails",
    records.CancelIntended: "cancels",
    records.Filled: "fills",
    records.FillRevised: "fill_revisions",
    records.PricesRemembered: "prices",
    records.Marked: "equity",
    records.BaselineSet: "baselines",
    records.BreakerMoved: "breakers",
    records.AssetLocked: "locks",
    records.TierGranted: "tiers",
    records.ExposureMoved: "exposure",
    records.StateChanged: "states",
    records.Resumed: "resumes",
    records.LimitChanged: "limits",
    records.SeatChanged: "bots",
    records.EnforcementChanged: "enforcement",
    records.RampMoved: "ramp",
    records.ConsentGiven: "consents",
    records.EvidenceRecorded: "evidence",
    records.PlanMoved: "plans",
    records.Unprotected: "unprotected",
    records.PastDealt: "past_deals",
    records.PastValued: "past_equity",
    records.PastImported: "imports",
    records.Noted: "notes",
}
"""The table of each kind of record; a row is an entry of the journal, oldest first."""

_SECRET = frozenset({"seat.secret_sha256"})
"""Columns that leave no ledger, hashes though they are."""

SEQ = Column("seq", Form.WHOLE, is_optional=False, get=lambda row: row[0])
AT = Column("at", Form.TEXT, is_optional=False, get=lambda row: row[1])
"""What stands in front of every row of the journal: its number, and its time as people read it."""


_ORDERS = "An order as the ledger knows it now, the newest first; `intents` has what was wanted."


def journal_tables() -> dict[type, Table]:
    """Return the table of each kind of record."""
    return {kind: _table(name, kind) for kind, name in NAMES.items()}


def _table(name: str, kind: type) -> Table:
    own = [each for each in columns_of(kind) if each.name not in _SECRET]
    return Table(name, meaning_of(kind), tuple(own))


def derived_tables() -> dict[str, Table]:
    """Return the tables that follow from the records, by name."""
    made: tuple[tuple[str, type, str], ...] = (
        ("positions", Position, "What is held at the end, by instrument; quantities are signed."),
        ("open_lots", OpenLot, meaning_of(OpenLot)),
        ("closed_lots", Closing, meaning_of(Closing)),
        ("round_trips", RoundTrip, meaning_of(RoundTrip)),
        ("episodes", Episode, meaning_of(Episode)),
    )
    found = {name: Table(name, text, tuple(columns_of(kind))) for name, kind, text in made}
    returns = [
        Column("date", Form.DATE, is_optional=False, get=lambda day: day.date),
        Column("return", Form.NUMBER, is_optional=False, get=lambda day: day.value),
    ]
    found["returns"] = Table("returns", meaning_of(DailyReturn), tuple(returns))
    return found


def orders_table(row: type) -> Table:
    """Return the table of orders as the ledger has them in its own rows."""
    return Table("orders", _ORDERS, tuple(columns_of(row)))


def meaning_of(kind: Any) -> str:
    """Return what a record is, as its class says it."""
    text = inspect.getdoc(kind) or ""
    return " ".join(text.partition("\n\n")[0].split())
