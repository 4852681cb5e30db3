"""Tables of an export: a table for each kind of record, exact text, and no memory of the ledger."""

import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from msgspec import Struct

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import AccountOpened, Marked, Record
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.reports.export.columns import Form, columns_of, written
from smart_leverage.reports.export.tables import NAMES, derived_tables, journal_tables
from smart_leverage.runtime.exporting import export_csv

D = Decimal


class Inner(Struct, frozen=True):
    """A record inside a record."""

    price: Decimal | None
    side: Side


class Outer(NamedTuple):
    """One of each form."""

    key: Key
    number: int
    share: float
    is_late: bool
    inner: Inner
    parts: tuple[str, ...]


def test_every_kind_of_record_has_a_table_of_its_own() -> None:
    assert set(NAMES) == set(get_args(Record))
    names = [*NAMES.values(), *derived_tables(), "orders"]
    assert len(set(names)) == len(names)


def test_every_table_says_what_its_rows_are() -> None:
    tables = [*journal_tables().values(), *derived_tables().values()]
    assert [table.name for table in tables if not table.meaning.endswith(".")] == []
    assert [table.name for table in tables if not table.columns] == []


def test_a_record_inside_a_record_gives_its_columns_in_its_place() -> None:
    columns = columns_of(Outer)
    assert [(each.name, each.form, each.is_optional) for each in columns] == [
        ("key", Form.TEXT, False),
        ("number", Form.WHOLE, False),
        ("share", Form.NUMBER, False),
        ("is_late", Form.FLAG, False),
        ("inner.price", Form.DECIMAL, True),
        ("inner.side", Form.TEXT, False),
        ("parts", Form.JSON, False),
    ]
    row = Outer(Key("crypto:BTC/USD"), 3, 0.1, True, Inner(None, Side.SELL), ("a", "b"))
    assert [written(each.get(row), each.form) for each in columns] == [
        "crypto:BTC/USD", "3", "0.1", "true", "", "sell", '["a","b"]',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(D("1E+3"), "1000", id="no-exponent"),
        pytest.param(D("0.000000001"), "0.000000001", id="small"),
        pytest.param(D("1.50"), "1.50", id="as-it-came"),
        pytest.param(D("-0.3333333333333333333333333333333333333333"), "-0." + "3" * 40, id="long"),
    ],
)
def test_decimals_are_written_digit_for_digit(value: Any, text: str) -> None:
    assert written(value, Form.DECIMAL) == text
    assert D(written(value, Form.DECIMAL)) == value


def ledger_of(path: Path, marks: int) -> Path:
    opened = AccountOpened(
        at_ns=0, account="demo", mode="sim", cash=D(100), risk_timezone="UTC", preset="classic",
        policy="", policy_hash="", enforcement="all", version="0",
    )  # fmt: skip
    with SqliteLedger(path, durability=Durability.NONE) as store:
        store.append([opened])
        for start in range(0, marks, 1_000):
            store.append([mark(start + each) for each in range(1_000)])
    return path


def mark(number: int) -> Marked:
    """Return one of those that come every five minutes."""
    zero = D(0)
    return Marked(
        at_ns=number * 300 * 10**9, equity=D(100 + number % 7), cash=D(100), crypto=zero,
        leveraged=zero, gross=zero, crypto_cap=D("0.25"), leveraged_cap=D("0.35"),
    )  # fmt: skip


def peak_of(ledger: Path, to: Path) -> int:
    tracemalloc.start()
    try:
        export_csv(ledger, to)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_ledger_of_many_times_the_marks_takes_no_more_memory(tmp_path: Path) -> None:
    short = ledger_of(tmp_path / "short.sqlite", 10_000)  # more than the 31 days that are kept
    long = ledger_of(tmp_path / "long.sqlite", 20_000)
    peak_of(short, tmp_path / "warm")
    assert peak_of(long, tmp_path / "long") < 1.2 * peak_of(short, tmp_path / "short")
    assert (tmp_path / "long" / "equity.csv").read_text().count("\n") == 20_001
    assert (tmp_path / "long" / "returns.csv").read_text().count("\n") == 71


def test_a_folder_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    with SqliteLedger(tmp_path / "empty.sqlite", durability=Durability.NONE):
        pass
    with pytest.raises(Exception, match="holds no account yet"):
        export_csv(tmp_path / "empty.sqlite", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
