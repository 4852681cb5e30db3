"""Writes docs/reference from the program itself: commands, settings, reasons, metrics, tables.

The table of faults is written from tests/faults.toml.

`python scripts/make_reference.py` writes; with `--check` it only tells what is stale and leaves
with 1. Run it after changing a command, a setting, a reason or a metric.
"""

import io
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

from pydantic import BaseModel
from typer.main import get_command

from smart_leverage.cli.app import app
from smart_leverage.cli.commands import COMMANDS, Entry
from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.domain.sentences import STATES, VERDICTS, sentence, short
from smart_leverage.ledger.rows import OrderRow
from smart_leverage.policy.reasons import Reason
from smart_leverage.reports.export.columns import Column
from smart_leverage.reports.export.tables import (
    AT,
    SEQ,
    Table,
    derived_tables,
    journal_tables,
    orders_table,
)
from smart_leverage.server.metrics.catalogue import CATALOGUE, Metric
from smart_leverage.settings import Settings

DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Written by scripts/make_reference.py; change the program, not this page. -->"


def main() -> int:
    """Write the pages, or tell which of them are stale."""
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1"}
    pages = {
        "commands": commands(),
        "settings": settings(),
        "reasons": reasons(),
        "export": export(),
        "metrics": metrics(),
        "faults": faults(),
    }
    stale = []
    for name, lines in pages.items():
        text = "\n".join([NOTE, "", *lines]).rstrip() + "\n"
        page = DOCS / f"{name}.md"
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(page.name)
        if "--check" not in sys.argv:
            DOCS.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
    print(f"reference: {len(pages)} pages, {', '.join(stale) or 'none'} stale")
    return int("--check" in sys.argv and bool(stale))


# -- commands -------------------------------------------------------------------------------------


def faults() -> list[str]:
    """Return the page of all faults, and of the tests that show them."""
    path = DOCS.parents[1] / "tests" / "faults.toml"
    known = tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
    whole = sum(bool(each["tests"] and not each["missing"]) for each in known)
    partly = sum(bool(each["tests"] and each["missing"]) for each in known)
    lines = [
        "# Faults",
        "",
        "What can go wrong around an account, what has to come of it, and the tests that show it.",
        "A test is named by its file under `tests/`; `tests/faults.toml` is where this comes from,",
        "and a test asks pytest for every name.",
        "",
        (
            f"Of {len(known)} faults {whole} are shown, {partly} in part, "
            f"{len(known) - whole - partly} not."
        ),
        "",
        "| fault | what goes wrong | what has to come of it | shown by | not shown |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in known:
        shown = " ".join(f"`{name}`" for name in each["tests"]) or "**not shown**"
        lines.append(
            f"| {each['id']} | {each['what']} | {each['must']} | {shown} | {each['missing']} |"
        )
    return lines


def commands() -> Iterator[str]:
    """Yield the page of all commands: what `--help` says, word by word."""
    yield "# Commands"
    yield ""
    yield "Everything that `smart-leverage` (or `slev`) can be told, as `--help` tells it."
    for words in _names(COMMANDS):
        yield from ("", f"## {' '.join(words)}", "", "```text", *_help(words), "```")


# -- exported tables ------------------------------------------------------------------------------


def export() -> Iterator[str]:
    """Yield the page of what `export` writes: every table and its columns, from the records."""
    journal, derived = journal_tables(), derived_tables()
    orders = orders_table(OrderRow)
    yield "# Exported tables"
    yield ""
    yield (
        "What `smart-leverage export` writes. One table for each kind of record in the journal, a "
        "row for each entry with its number `seq` and its time `at`, oldest first, and tables that "
        "follow from them. `at_ns` and other names that end in `_ns` are nanoseconds since 1970, "
        "UTC. A name with a point belongs to a record inside the record. An optional column is "
        "empty where there is nothing. Decimals are text in CSV and exact decimals in Parquet, or "
        "text there too where 38 digits are too few; JSON is text in both."
    )
    yield from ("", "## Journal")
    for table in journal.values():
        yield from _exported(table, (SEQ, AT))
    yield from ("", "## What follows from it")
    for table in (orders, *derived.values()):
        yield from _exported(table, ())


def _exported(table: Table, before: tuple[Column, ...]) -> Iterator[str]:
    yield from (
        "",
        f"### {table.name}",
        "",
        table.meaning,
        "",
        "| column | holds |",
        "| --- | --- |",
    )
    for column in (*before, *table.columns):
        more = ", optional" if column.is_optional else ""
        yield f"| `{column.name}` | {column.form.value}{more} |"


def _names(entries: tuple[Entry, ...], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for entry in entries:
        words = (*before, entry.name)
        if entry.parts:
            yield from _names(entry.parts, words)
        else:
            yield words


def _help(words: tuple[str, ...]) -> list[str]:
    said = io.StringIO()
    with redirect_stdout(said):
        get_command(app).main([*words, "--help"], "smart-leverage", standalone_mode=False)
    return [line.rstrip() for line in said.getvalue().strip().splitlines()]


# -- settings -------------------------------------------------------------------------------------


def settings() -> Iterator[str]:
    """Yield the page of all settings, from the records that check them."""
    yield "# Settings"
    yield ""
    yield "Every key of `smart-leverage.toml`. In the environment a key is"
    yield "`SMART_LEVERAGE_SECTION__KEY`. Fractions are fractions: 0.25 is a quarter."
    yield "Unknown keys are errors. `smart-leverage config check` tells every problem at once."
    yield from _section("", Settings)


def _section(path: str, model: type[BaseModel], defaults: BaseModel | None = None) -> Iterator[str]:
    own = [(name, field) for name, field in model.model_fields.items() if not _is_section(field)]
    if path:
        yield from ("", f"## [{path}]", "", (model.__doc__ or "").strip())
    if own:
        yield from ("", "| key | default | meaning |", "| --- | --- | --- |")
        for name, field in own:
            value = getattr(defaults, name) if defaults is not None else field.default
            yield f"| `{name}` | `{_toml(value)}` | {field.description or ''} |"
    for name, field in model.model_fields.items():
        if _is_section(field):
            child = field.annotation
            assert isinstance(child, type)
            yield from _section(f"{path}.{name}" if path else name, child, field.default)


def _is_section(field: object) -> bool:
    kind = getattr(field, "annotation", None)
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


# -- reasons --------------------------------------------------------------------------------------


def reasons() -> Iterator[str]:
    """Yield the page of verdicts, reasons, states and error codes."""
    yield "# Words and codes"
    yield ""
    yield "## Verdicts"
    yield ""
    yield from _table(("verdict", "meaning"), [(w.word, w.line) for w in VERDICTS.values()])
    yield ""
    yield "## Trading states"
    yield ""
    yield from _table(("state", "what it allows"), [(w.word, w.line) for w in STATES.values()])
    yield ""
    yield "## Reasons"
    yield ""
    yield "The code stands in the ledger and in JSON, the sentence on the screen. The most severe"
    yield "reason is told first; the values are those of one example."
    yield ""
    rows = [
        (f"`{reason.name.lower()}`", short(reason.name.lower()), _example(reason))
        for reason in Reason
        if reason is not Reason.NONE
    ]
    yield from _table(("code", "short", "sentence"), rows)
    yield ""
    yield "## Errors"
    yield ""
    yield "The code at the end of an error is stable; the sentence may change."
    yield ""
    errors = [(f"`{kind.code}`", _first_line(kind)) for kind in _kinds(SmartLeverageError)]
    yield from _table(("code", "meaning"), errors)


def _example(reason: Reason) -> str:
    from decimal import Decimal

    unit, bound, value = "count", Decimal(0), Decimal(0)
    if reason.name.startswith("CAP_") and reason is not Reason.CAP_BOT:
        unit, bound, value = "fraction", Decimal("0.25"), Decimal("0.284")
    elif reason in (Reason.BREAKER_DAY, Reason.ASSET_LOCKED):
        unit, bound, value = "fraction", Decimal("0.03"), Decimal("0.0318")
    elif reason in (Reason.SIZE, Reason.CAP_BOT, Reason.BUYING_POWER, Reason.STOP_HIT):
        unit, bound, value = "money", Decimal(1200), Decimal(1500)
    return sentence(reason.name.lower(), unit, bound, value)


def _kinds(kind: type[SmartLeverageError]) -> Iterator[type[SmartLeverageError]]:
    for child in kind.__subclasses__():
        if "code" in vars(child):
            yield child
        yield from _kinds(child)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


# -- metrics --------------------------------------------------------------------------------------


def metrics() -> Iterator[str]:
    """Yield the page of all metrics: what is scraped, from which process, with which labels."""
    yield "# Metrics"
    yield ""
    yield "What `GET /metrics` serves, in the text form of Prometheus, to a token with the scope"
    yield "`scrape`. `trade` is the address of the gateway, `desk` that of the market data."
    yield "Counters and histograms begin at 0 with their process; an unknown gauge is absent."
    yield "Labels have closed lists: what stands in none is counted as `other`."
    yield "How to read them: [Monitor an account](../how-to/monitor-an-account.md)."
    yield ""
    rows = [
        (f"`{one.full_name}`", one.kind.value, one.place.value, one.meaning, _labels(one))
        for one in CATALOGUE
    ]
    yield from _table(("name", "kind", "process", "meaning", "labels"), rows)


def _labels(metric: Metric) -> str:
    if not metric.values:
        return ", ".join(f"`{label}`" for label in metric.labels)
    return "; ".join(
        f"`{label}`: {', '.join(values)}"
        for label, values in zip(metric.labels, metric.values, strict=True)
    )


def _table(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"| {' | '.join('---' for _ in titles)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


if __name__ == "__main__":
    sys.exit(main())
