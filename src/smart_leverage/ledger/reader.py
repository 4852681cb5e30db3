"""Questions to a ledger, answered without disturbing its writer."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
from msgspec import Struct

from smart_leverage.domain.instruments import Instrument
from smart_leverage.ledger import rows
from smart_leverage.ledger.base import Database, Entry, Head
from smart_leverage.ledger.connections import Connect, connect, file_uri, open_reader
from smart_leverage.ledger.home import home_of, refuse_lacking
from smart_leverage.ledger.journal import (
    PAGE,
    hash_at,
    head_of,
    parse,
    raw_entries,
    raw_entries_about,
)
from smart_leverage.ledger.statements import QUERIES

T = TypeVar("T", bound=Struct)
R = TypeVar("R", bound=rows.Row)
_END = 2**63 - 1


class Reader:
    """A read-only connection to a ledger; not to be shared between threads.

    Every answer is fetched whole, or by pages of a few thousand rows, so that no transaction stays
    open while the caller thinks. Lists that grow without bound come newest first and cut at
    `limit`; pass the last `seq` as `before` for the next page.
    """

    def __init__(self, connection: Database) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, connect: Connect = connect) -> "Reader":
        """Open the ledger of a path: in its file, or on the server that the note beside it names.

        Raises:
            LedgerError: There is no ledger, or a newer or a damaged one.
        """
        address = home_of(path)
        if address is None:
            return cls(open_reader(file_uri(path, "ro"), str(path), connect))
        refuse_lacking()
        from smart_leverage.ledger.postgres.reader import ServerReader

        return ServerReader.at(address)

    def close(self) -> None:
        """Let go of the file; harmless twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def head(self) -> Head:
        """Return the last durable link."""
        return head_of(self._connection)

    def holds(self, link: Head) -> bool:
        """Whether this very link is in the journal."""
        return hash_at(self._connection, link.seq) == link.hash

    def data_version(self) -> int:
        """Return a number that changes whenever somebody else has committed."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def identity(self) -> int:
        """Return a number that another ledger in the same place would not have, as far as known."""
        return 0

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the links after this one, oldest first."""
        return map(parse, raw_entries(self._connection, after))

    def entries_about(self, key: str) -> list[Entry]:
        """Return everything recorded about one order, decision, plan, breaker or instrument."""
        return [parse(raw) for raw in raw_entries_about(self._connection, key)]

    def account(self) -> rows.AccountRow | None:
        """Return the account as it was opened last; None before it was."""
        return self._one(rows.AccountRow, "account")

    def instruments(self) -> list[Instrument]:
        """Return the latest version of each instrument, by key."""
        return self._all(Instrument, "instruments")

    def adopted(self) -> list[rows.AdoptedRow]:
        """Return the holdings that were there before us, oldest first."""
        return self._all(rows.AdoptedRow, "adopted")

    def flows(self) -> list[rows.FlowRow]:
        """Return all deposits and withdrawals, oldest first."""
        return self._all(rows.FlowRow, "flows")

    def mark(self) -> rows.MarkRow | None:
        """Return the latest valuation; None before the first."""
        return self._one(rows.MarkRow, "last_mark")

    def marks(
        self, *, after: int = 0, since_ns: int = 0, until_ns: int = _END
    ) -> Iterator[rows.MarkRow]:
        """Yield the valuations in [since_ns, until_ns), oldest first: the equity series."""
        span = {"since_ns": since_ns, "until_ns": until_ns}
        return self._paged(rows.MarkRow, "marks", after, **span)

    def decisions(
        self,
        *,
        verdict: str | None = None,
        reason: str | None = None,
        bot: str | None = None,
        key: str | None = None,
        before: int = _END,
        limit: int = 100,
    ) -> list[rows.DecisionRow]:
        """Return the decisions that match, newest first; None matches all."""
        asked = {"verdict": verdict, "reason": reason, "bot": bot, "key": key}
        return self._all(rows.DecisionRow, "decisions", before=before, limit=limit, **asked)

    def decision(self, which: int | str) -> rows.DecisionRow | None:
        """Return a decision by the number of its entry or by its id; None if there is none."""
        name = "decision_by_seq" if isinstance(which, int) else "decision_by_id"
        return self._one(rows.DecisionRow, name, which)

    def orders(
        self,
        *,
        bot: str | None = None,
        key: str | None = None,
        decision_id: str | None = None,
        before: int = _END,
        limit: int = 100,
    ) -> list[rows.OrderRow]:
        """Return the orders that match, newest first; `before` is an `intended_seq`."""
        asked = {"bot": bot, "key": key, "decision_id": decision_id}
        return self._all(rows.OrderRow, "orders", before=before, limit=limit, **asked)

    def open_orders(self) -> list[rows.OrderRow]:
        """Return the orders that can still fill, unknown ones included, oldest first."""
        return self._all(rows.OrderRow, "open_orders")

    def order(self, client_order_id: str) -> rows.OrderRow | None:
        """Return one order; None if it was never intended."""
        return self._one(rows.OrderRow, "order", client_order_id)

    def fills(
        self, *, bot: str | None = None, key: str | None = None, after: int = 0
    ) -> Iterator[rows.FillRow]:
        """Yield the executions that match, oldest first."""
        return self._paged(rows.FillRow, "fills", after, bot=bot, key=key)

    def fills_of(self, client_order_id: str) -> list[rows.FillRow]:
        """Return the executions of one order, oldest first."""
        return self._all(rows.FillRow, "fills_of_order", client_order_id)

    def postings(self, seq: int) -> list[rows.PostingRow]:
        """Return what one entry posted; the amounts sum to zero per asset."""
        return self._all(rows.PostingRow, "postings", seq)

    def positions(self, bot: str = "") -> list[rows.PositionRow]:
        """Return what is held, by key: by one bot, or by the account when none is named."""
        return [row for row in self._all(rows.PositionRow, "positions", bot) if row.qty]

    def cash(self) -> list[rows.CashRow]:
        """Return the cash of the books."""
        return self._all(rows.CashRow, "all_cash")

    def baselines(self) -> list[rows.BaselineRow]:
        """Return the baseline in force of each period."""
        return self._all(rows.BaselineRow, "baselines")

    def breakers(self) -> list[rows.BreakerRow]:
        """Return each breaker as it moved last."""
        return self._all(rows.BreakerRow, "breakers")

    def breaker_moves(self, *, before: int = _END, limit: int = 100) -> list[rows.BreakerRow]:
        """Return the trips and resets, newest first."""
        return self._all(rows.BreakerRow, "breaker_moves", before=before, limit=limit)

    def locks(self, at_ns: int) -> list[rows.LockRow]:
        """Return the asset locks in force at a time."""
        return self._all(rows.LockRow, "locks", at_ns)

    def tiers(self, *, before: int = _END, limit: int = 100) -> list[rows.TierRow]:
        """Return the changes of tier, newest first; the first is the tier in force."""
        return self._all(rows.TierRow, "tiers", before=before, limit=limit)

    def states(self, *, before: int = _END, limit: int = 100) -> list[rows.StateRow]:
        """Return the changes of the trading state, newest first; the first is in force."""
        return self._all(rows.StateRow, "states", before=before, limit=limit)

    def resumes(self, *, before: int = _END, limit: int = 100) -> list[rows.ResumeRow]:
        """Return the halts that persons lifted, newest first."""
        return self._all(rows.ResumeRow, "resumes", before=before, limit=limit)

    def plans(self, *, before: int = _END, limit: int = 100) -> list[rows.PlanRow]:
        """Return each deleveraging plan as it moved last, newest first."""
        return self._all(rows.PlanRow, "plans", before=before, limit=limit)

    def plan(self, plan_id: str) -> list[rows.PlanRow]:
        """Return every move of one plan, oldest first."""
        return self._all(rows.PlanRow, "plan_moves", plan_id)

    def unprotected(self, *, before: int = _END, limit: int = 100) -> list[rows.UnprotectedRow]:
        """Return the spans without a live stop, newest first."""
        return self._all(rows.UnprotectedRow, "unprotected", before=before, limit=limit)

    def notes(
        self, *, code: str | None = None, before: int = _END, limit: int = 100
    ) -> list[rows.NoteRow]:
        """Return the notes, newest first."""
        return self._all(rows.NoteRow, "notes", code=code, before=before, limit=limit)

    def _one(self, kind: type[T], name: str, *place: int | str) -> T | None:
        found = self._all(kind, name, *place)
        return found[0] if found else None

    def _all(
        self, kind: type[T], name: str, *place: int | str, **named: int | str | None
    ) -> list[T]:
        query = self._connection.execute(QUERIES[name], place or named)
        columns = [column[0] for column in query.description]
        found = [dict(zip(columns, row, strict=True)) for row in query.fetchall()]
        for row in found:
            if "figures" in row:
                row["figures"] = msgspec.json.decode(row["figures"])
        # Not strict: truth is stored as 0 and 1.
        return msgspec.convert(found, list[kind], strict=False)  # type: ignore[valid-type]

    def _paged(
        self, kind: type[R], name: str, after: int, **named: int | str | None
    ) -> Iterator[R]:
        while True:
            page = self._all(kind, name, after=after, limit=PAGE, **named)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].seq
