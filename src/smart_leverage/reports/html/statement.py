"""The page of a statement: one file, printable, readable without script and network."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from markupsafe import Markup

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.records import Marked
from smart_leverage.domain.sentences import STATES, TIERS, money
from smart_leverage.policy.reasons import TradingState
from smart_leverage.reports.citing import clipped, counted, signed
from smart_leverage.reports.html.frame import rendered_page
from smart_leverage.reports.html.money_charts import CENTS, dollars
from smart_leverage.reports.html.parts import Chart, Head, Table
from smart_leverage.reports.html.plot import (
    WIDTH,
    AxisTick,
    Key,
    Panel,
    Scale,
    drawn,
    line,
    padded,
)
from smart_leverage.reports.html.plot import (
    Path as Line,
)
from smart_leverage.reports.statement.figures import by_code
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.statement.statement import Statement, sentences, warnings

SIZE_MAX = 400_000
"""Largest statement, bytes."""

ISLAND_ID = "smart-leverage-statement"
TILES = ("return", "result", "target", "drawdown_worst", "denied", "fees")
_POINTS = 600
_SHAPES = {TradingState.ACTIVE: "●", TradingState.REDUCING: "▲"}


def write_statement(statement: Statement, to: Path) -> Path:
    """Write the page of a statement and return where it is.

    Raises:
        BadData: It would be too large to be one file for mail and print.
        OSError: The file cannot be written.
    """
    page = rendered_statement(statement).encode()
    if len(page) > SIZE_MAX:
        raise BadData(f"the statement has {len(page):,} bytes, {SIZE_MAX:,} are allowed")
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.part")
    beside.write_bytes(page)
    beside.replace(to)
    return to


def rendered_statement(statement: Statement) -> str:
    """Return the page of a statement."""
    part, account = statement.part, statement.part.story.account
    state = TradingState[part.after.state.upper()]
    return rendered_page(
        "statement.html.j2",
        {
            "title": f"{clipped(account.account, 64)}: {statement.name}",
            "name": statement.name,
            "eyebrow": (
                f"{clipped(account.account, 64)} · {clipped(account.mode.upper(), 16)} · "
                f"{part.zone.text(part.period.start_ns)} to {part.zone.text(part.period.end_ns)} "
                f"{part.zone.name}"
            ),
            "sentences": [*sentences(statement)],
            "warnings": [*warnings(part)],
            "state": part.after.state,
            "shape": _SHAPES.get(state, "■"),
            "word": STATES[state].word,
            "line": STATES[state].line,
            "mode": clipped(account.mode.upper(), 16),
            "tier": TIERS.get(part.after.tier, part.after.tier),
            "equity": _equity(part),
            "cash": money(part.after.cash),
            "enforcement": part.after.enforcement,
            "tiles": by_code(statement.figures, TILES),
            "figures": statement.figures,
            "tables": statement.tables,
            "chart": _chart(part),
            "zone": part.zone.name,
            "start_s": part.start_ns // SECOND_NS,
            "end_s": part.end_ns // SECOND_NS,
            "facts": [*_facts(part)],
            "island": Markup(_island(statement)),  # noqa: S704 - what could end it is escaped
            "island_id": ISLAND_ID,
        },
    )


def _equity(part: Part) -> str:
    return "not known" if part.closing_equity is None else money(part.closing_equity)


def _island(statement: Statement) -> str:
    """Return the figures as JSON that cannot end the element it stands in."""
    part = statement.part
    content = {
        "format": 1,
        "statement": statement.name,
        "account": part.story.account.account,
        "first_event": part.first_seq,
        "last_event": part.last_seq,
        "head": part.after.head,
        "figures": {each.code: each.value for each in statement.figures},
    }
    text = msgspec.json.encode(content).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facts(part: Part) -> Iterator[tuple[str, str]]:
    account = part.story.account
    yield "policy", f"preset {clipped(account.preset, 40)}, hash {clipped(account.policy_hash, 80)}"
    yield "enforcement", clipped(part.after.enforcement, 40)
    yield "program", f"smart-leverage {clipped(account.version, 40)}"
    yield "journal", f"events {part.first_seq:,} to {part.last_seq:,}"
    yield "head hash", part.after.head
    yield "prove it", "smart-leverage ledger verify LEDGER"
    yield "explain a decision", "smart-leverage explain EVENT --ledger LEDGER"


# -- the picture ----------------------------------------------------------------------------------


def _chart(part: Part) -> Chart | None:
    """Return equity over the period; None where there are not two values to draw."""
    marks = part.records(Marked)
    if len(marks) < 2:
        return None
    times = [max(part.start_ns, marks[0].at_ns - 1), *(mark.at_ns for mark in marks)]
    values = [float(part.opening_equity), *(float(mark.equity) for mark in marks)]
    x = Scale(part.start_ns, max(part.end_ns, part.start_ns + 1), units=WIDTH, flips=False)
    y = padded(min(values), max(values))
    own = drawn(times, values, _POINTS)
    start = y.units(values[0])
    ticks = part.zone.ticks(part.start_ns, part.end_ns)
    return Chart(
        id="equity",
        title="Equity",
        caption="Equity at every mark; the dotted line is the equity at the open.",
        source=part.source(Marked, "mark"),
        panels=[
            Panel(
                title="Equity",
                unit="US dollars",
                height=180,
                paths=[
                    Line("start", line([(0, start), (WIDTH, start)])),
                    Line("main", line(own.points(x, y))),
                ],
                ticks=y.ticks(dollars),
                zero=None,
                bands=[],
                marks=[],
                series=[own.series("equity", "money", "main", CENTS)],
            )
        ],
        keys=[Key("line main", "equity"), Key("line start", "at the open")],
        x_ticks=[
            AxisTick(x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ],
        x_title=f"time in {part.zone.name}",
        table=_days(part),
    )


def _days(part: Part) -> Table:
    """Return equity and return of each risk day of the period."""
    ends: dict[str, tuple[str, float]] = {}
    _, navs = part.navs
    for mark, nav in zip(part.records(Marked), navs, strict=True):
        ends[part.story.calendar.day_of(mark.at_ns)] = (money(mark.equity), nav)
    before, rows = part.navs[0], []
    for label, (equity, nav) in ends.items():
        change = signed(nav / before - 1.0) if before > 0.0 else "not known"
        rows.append((label, equity, change))
        before = nav
    return Table(
        caption=f"{counted(len(rows), 'day')} with a mark",
        heads=[Head("day"), Head("equity", is_number=True), Head("return", is_number=True)],
        rows=rows,
        source=part.source(Marked, "mark"),
    )
