"""A report is compared with its ledger: what was changed in either is found."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.records import AccountOpened, Marked
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.reports.html import write_report
from smart_leverage.reports.island import differences, read_island

D = Decimal


def mark(day: int, equity: str) -> Marked:
    return Marked(
        at_ns=day * DAY_NS,
        equity=D(equity),
        cash=D(equity),
        crypto=D(0),
        leveraged=D(0),
        gross=D(0),
        crypto_cap=D("0.25"),
        leveraged_cap=D("0.35"),
    )


def records() -> Iterator[AccountOpened | Marked]:
    yield AccountOpened(
        at_ns=0,
        account="small",
        mode="sim",
        cash=D(1000),
        risk_timezone="UTC",
        preset="classic",
        policy="",
        policy_hash="abc",
        enforcement="all",
        version="0.1.0",
    )
    for day in range(1, 40):
        yield mark(day, f"{1000 + day * (-1) ** day}")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as store:
        store.commit([*records()])
    return path


@pytest.fixture
def page(ledger: Path, tmp_path: Path) -> str:
    with Reader.open(ledger) as reader:
        return write_report(reader, tmp_path / "report.html").read_text()


def compared(page: str, ledger: Path) -> list[str]:
    with Reader.open(ledger) as reader:
        return differences(read_island(page), reader)


def test_an_untouched_report_is_what_the_ledger_says(page: str, ledger: Path) -> None:
    assert compared(page, ledger) == []
    found = read_island(page)
    assert found.island.head.seq == 40
    assert set(found.shown) == set(found.island.figures)
    assert len(found.shown["return"]) == 2  # at the top, and in the list of all figures


def test_a_ledger_that_has_grown_since_still_proves_it(page: str, ledger: Path) -> None:
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        store.commit([mark(41, "5000")])
    assert compared(page, ledger) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('"return":-0.039', '"return":0.039', "return: the report says", id="json"),
        pytest.param("−3.90\u00a0%", "+3.90\u00a0%", "return: the report shows '+3.90", id="text"),
        pytest.param('"sharpe":', '"sharp":', "sharpe: missing in the report", id="taken-away"),
        pytest.param('"fees":0.0', '"fees":null', "fees: the report says None", id="unknown"),
        pytest.param('"account":"small"', '"account":"large"', "account: the report", id="account"),
        pytest.param('"policy_hash":"abc"', '"policy_hash":"abd"', "policy hash:", id="policy"),
        pytest.param('"seq":40', '"seq":39', "hash of the last entry:", id="entry"),
        pytest.param('"seq":40', '"seq":99', "last entry: the report says 99", id="never-written"),
    ],
)
def test_what_was_changed_in_the_report_is_told(
    page: str, ledger: Path, old: str, new: str, told: str
) -> None:
    assert old in page
    found = compared(page.replace(old, new), ledger)
    assert any(each.startswith(told) for each in found), found


def test_a_figure_is_checked_wherever_it_stands(page: str, ledger: Path) -> None:
    place = page.rindex("−3.90\u00a0%", 0, page.index('id="run"'))
    changed = page[:place] + "+9.90\u00a0%" + page[place + len("−3.90\u00a0%") :]
    assert len(compared(changed, ledger)) == 1


def test_the_last_digit_of_another_machine_is_no_difference(page: str, ledger: Path) -> None:
    value = read_island(page).island.figures["volatility"]
    assert value is not None
    near = page.replace(repr(value), repr(value * (1 + 1e-12)))
    assert near != page
    assert compared(near, ledger) == []


def test_the_report_of_another_ledger_is_told_apart(page: str, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with SqliteLedger(other, durability=Durability.NONE) as store:
        store.commit([*records()][:-1])
        store.commit([mark(40, "1001")])
    assert "hash of the last entry" in "\n".join(compared(page, other))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("<html></html>", "this is no report", id="other-page"),
        pytest.param("", "this is no report", id="nothing"),
        pytest.param(
            '<script id="smart-leverage-report">{"format": 1}</script>', "cannot be read", id="torn"
        ),
    ],
)
def test_what_is_no_report_is_refused(text: str, told: str) -> None:
    with pytest.raises(BadData, match=told):
        read_island(text)


def test_a_report_of_a_newer_format_is_refused(page: str) -> None:
    with pytest.raises(BadData, match="format 2"):
        read_island(page.replace('{"format":1', '{"format":2'))
