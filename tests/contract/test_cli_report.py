"""The report of a real run, written and checked by the command as its users start it."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.forked import Done, told
from tests.contract.traded import trade

from smart_leverage.domain.records import Noted
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.settings import Settings

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with one run in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "runs" / "weeks").mkdir(parents=True)
    trade(home / "runs" / "weeks" / "ledger.sqlite")
    (home / "runs" / "latest").write_text("weeks\n")
    return home


@pytest.fixture(scope="module")
def ledger(home: Path) -> Path:
    return home / "runs" / "weeks" / "ledger.sqlite"


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Start a command in the working directory, as its users do."""

    def start(*arguments: str, at: Path = home) -> Done:
        return told(at, *arguments)

    return start


@pytest.fixture(scope="module")
def report(run: Run, home: Path) -> Path:
    """The report of the run, where the command puts it by itself."""
    done = run("report")
    assert (done.code, done.err) == (0, "")
    path = home / "runs" / "weeks" / "report.html"
    assert done.out.startswith("runs/weeks/report.html   ")
    return path


def test_a_report_is_written_into_the_folder_of_the_run(report: Path) -> None:
    page = report.read_text()
    assert page.startswith("<!doctype html>")
    assert len(page.encode()) <= 400_000


def test_a_report_holds_what_the_ledger_says(report: Path, ledger: Path) -> None:
    page = report.read_text().replace("\u00a0", " ")
    with Reader.open(ledger) as reader:
        head, last = reader.head(), reader.mark()
        denied = len(reader.decisions(verdict="denied", limit=10**6))
        plans = len(reader.plans())
    assert last is not None
    assert f"${last.equity:,.2f}" in page
    assert head.hash.hex() in page
    assert f"{denied:,} were denied (most for: " in page
    assert f"{plans} plans sold down, the largest took crypto from 82.5 % to" in page
    assert Settings().policy_hash() in page
    assert "America/New_York" in page


def test_a_written_report_passes_its_check(run: Run, report: Path, ledger: Path) -> None:
    before = report.read_bytes()
    done = run("report", "--check", str(report))
    assert (done.code, done.err) == (0, "")
    assert "● " in done.out
    assert "25 figures as the ledger has them" in done.out
    told = run("report", "--check", str(report), "--ledger", str(ledger.parent), "--json").json
    assert (told["is_true"], told["differences"], told["figures"]) == (True, [], 25)
    assert report.read_bytes() == before


def test_a_changed_figure_is_found_with_exit_6(run: Run, report: Path, tmp_path: Path) -> None:
    page = report.read_text()
    better = re.sub(r'"return":-?\d', '"return":7', page, count=1)
    assert better != page
    (tmp_path / "better.html").write_text(better)
    done = run("report", "--check", str(tmp_path / "better.html"))
    assert done.code == 6
    assert "■ " in done.out
    assert "return: the report says 7." in done.out
    assert (
        run("report", "--check", str(tmp_path / "better.html"), "--json").json["is_true"] is False
    )


def test_a_changed_ledger_is_found_with_exit_6(
    run: Run, report: Path, ledger: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.sqlite"
    with sqlite3.connect(ledger) as source, sqlite3.connect(changed) as copy:
        source.backup(copy)
        copy.execute("DROP TRIGGER journal_is_not_updated")
        copy.execute(
            'UPDATE journal SET payload = replace(payload, \'"equity":"9\', \'"equity":"19\')'
            " WHERE kind = 'mark'"
        )
    done = run("report", "--ledger", str(changed), "--check", str(report))
    assert done.code == 6
    assert "return: the report says" in done.out


def test_a_report_goes_where_it_is_asked_to(run: Run, tmp_path: Path, ledger: Path) -> None:
    to = tmp_path / "new" / "mine.html"
    told = run("report", "--ledger", str(ledger), "--out", str(to), "--json").json
    with Reader.open(ledger) as reader:
        head = reader.head()
    assert (told["report"], told["bytes"]) == (str(to), to.stat().st_size)
    assert (told["events"], told["head"]) == (head.seq, head.hash.hex())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["--check", "none.html"], 1, "cannot be read", id="no-report"),
        pytest.param(["--check", "runs/latest"], 1, "this is no report", id="other-file"),
        pytest.param(["--out", "runs"], 1, "is a folder", id="folder"),
        pytest.param(["--out", "runs/weeks/ledger.sqlite"], 1, "the ledger itself", id="ledger"),
        pytest.param(["--out", "runs/latest/r.html"], 1, "cannot be written", id="no-place"),
        pytest.param(["--ledger", "nowhere"], 1, "no ledger at nowhere", id="no-ledger"),
        pytest.param(["--out", "a.html", "--check", "b.html"], 2, "--check writes", id="both"),
    ],
)
def test_what_cannot_be_done_says_why(run: Run, arguments: list[str], code: int, told: str) -> None:
    done = run("report", *arguments)
    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_a_ledger_without_an_account_has_no_report(run: Run, tmp_path: Path) -> None:
    with SqliteLedger(tmp_path / "fresh.sqlite") as fresh:
        fresh.commit([Noted(at_ns=1, code="hello", text="nothing yet")])
    done = run("report", "--ledger", str(tmp_path / "fresh.sqlite"))
    assert done.code == 1
    assert "holds no account yet" in done.err
    assert not (tmp_path / "report.html").exists()


def test_the_help_has_two_examples(run: Run) -> None:
    out = run("report", "--help").out
    assert out.count("  smart-leverage report ") == 2
    assert "report.html in the run's folder" in " ".join(out.split())
