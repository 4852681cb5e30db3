"""A statement: one period of an account in figures and tables, for people and for machines."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from smart_leverage.domain.sentences import MINUS, STATES, TIERS, money, percent
from smart_leverage.domain.stamps import iso
from smart_leverage.policy.reasons import TradingState
from smart_leverage.reports.citing import clipped, counted, signed, signed_money
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.html.parts import Cell, Table
from smart_leverage.reports.statement.figures import figures_of, pace
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.statement.period import Kind
from smart_leverage.reports.statement.tables import tables_of

NAMES = {
    Kind.DAY: "Daily statement",
    Kind.WEEK: "Weekly statement",
    Kind.MONTH: "Monthly statement",
}


class Statement(NamedTuple):
    """What a statement says, wherever it is shown."""

    part: Part
    figures: list[Figure]
    tables: dict[str, list[Table]]

    @property
    def name(self) -> str:
        """What it is called: "Daily statement 2026-11-24"."""
        return f"{NAMES[self.part.period.kind]} {self.part.period.label}"

    @property
    def file_name(self) -> str:
        """What its file is called, so that files sort by kind and time."""
        return f"{self.part.period.kind}-{self.part.period.label}.html"


def statement_of(part: Part) -> Statement:
    """Return the statement of a period."""
    return Statement(part, figures_of(part), tables_of(part))


def sentences(statement: Statement) -> Iterator[str]:
    """Yield what matters in three sentences."""
    part = statement.part
    yield f"{_made(part)} {_against(part)}"
    yield _asked(statement)
    state = STATES[TradingState[part.after.state.upper()]]
    why = f" ({clipped(part.after.state_why, 120)})" if part.after.state_why else ""
    tier = TIERS.get(part.after.tier, part.after.tier)
    held = counted(len(part.after.positions), "position")
    yield f"At the end the account is {state.word}{why} in tier {tier} and holds {held}."


def _made(part: Part) -> str:
    close, made, change = part.closing_equity, part.result, part.change
    if close is None or made is None or change is None:
        return "The account was not valued, so what it made is not known."
    flows = f", {signed_money(part.flows)} of it paid in or out" if part.flows else ""
    return (
        f"Equity went from {money(part.opening_equity)} to {money(close)}{flows}: "
        f"{signed(change)}, {signed_money(made)}."
    )


def _against(part: Part) -> str:
    change = part.change
    if change is None:
        return ""
    even = pace(part)
    word = "above" if change >= even else "below"
    gap = percent(abs(change - even), 2)
    return f"That is {gap} {word} an even pace to the month's target ({signed(even)})."


def _asked(statement: Statement) -> str:
    counts = {each.code: int(each.value or 0) for each in statement.figures}
    asked = counts["approved"] + counts["cut"] + counts["denied"]
    asked += counts.get("observed", 0) + counts.get("warned", 0)
    if not asked:
        return "Nobody asked for an order."
    more = f", {counts['rejected']:,} rejected by the broker" if counts["rejected"] else ""
    return (
        f"Of {counted(asked, 'order')} asked for, {counts['approved']:,} were approved, "
        f"{counts['cut']:,} cut and {counts['denied']:,} denied{more}; "
        f"{counted(counts['fills'], 'fill')} followed."
    )


def warnings(part: Part) -> Iterator[str]:
    """Yield why the period may not be what its name says."""
    zone = part.zone
    if not part.is_over:
        yield f"The ledger ends before the period does, at {zone.text(part.after.at_ns)}."
    if part.story.account.at_ns > part.period.start_ns:
        yield f"The account was opened within it, at {zone.text(part.story.account.at_ns)}."
    if part.story.account.mode.lower() == "sim":
        yield "The money is simulated."


def as_record(statement: Statement) -> dict[str, Any]:
    """Return a statement for machines: figures as numbers, tables as they are shown."""
    part, account = statement.part, statement.part.story.account
    return {
        "statement": statement.name,
        "period": part.period.kind.value,
        "label": part.period.label,
        "start": iso(part.period.start_ns),
        "end": iso(part.period.end_ns),
        "risk_timezone": account.risk_timezone,
        "is_over": part.is_over,
        "is_whole": part.is_whole,
        "account": account.account,
        "mode": account.mode,
        "preset": account.preset,
        "policy_hash": account.policy_hash,
        "enforcement": part.after.enforcement,
        "state": part.after.state,
        "tier": part.after.tier,
        "first_event": part.first_seq,
        "last_event": part.last_seq,
        "head": part.after.head,
        "read_to_event": part.story.seq,
        "figures": {each.code: _figure(each) for each in statement.figures},
        "tables": {
            name: [_table(each) for each in tables] for name, tables in statement.tables.items()
        },
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "shown": figure.shown,
        "basis": figure.basis,
        "source": figure.source,
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "caption": table.caption,
        "columns": [head.text for head in table.heads],
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
        "source": table.source,
        "left_out": table.more,
    }


def _plain(cell: Cell | str) -> str:
    """Return a cell with a minus that machines read."""
    text = cell if isinstance(cell, str) else cell.text
    return text.replace(MINUS, "-")
