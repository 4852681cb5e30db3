"""Copying a ledger, going on from a copy and bringing it up to date, from the command line."""

import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.forked import told as run

from smart_leverage.domain.records import AccountOpened, Noted, decode
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import backup, verify
from smart_leverage.policy.reasons import TradingState
from smart_leverage.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working directory with one run in it, whose account is open and active."""
    ledger = tmp_path / "runs" / "main" / "ledger.sqlite"
    settings = Settings()
    opened = AccountOpened(
        at_ns=1,
        account="main",
        mode="sim",
        cash=Decimal(9000),
        risk_timezone="America/New_York",
        preset="classic",
        policy=settings.policy_text(),
        policy_hash=settings.policy_hash(),
        enforcement="all",
        version="0",
    )
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        store.commit([opened, *(Noted(at_ns=n, code="c", text="t") for n in range(2, 10))])
    (tmp_path / "runs" / "latest").write_text("main\n")
    return tmp_path


def saved(home: Path) -> None:
    """Take a backup of the run."""
    backup(home / "runs" / "main" / "ledger.sqlite", home / "monday.sqlite")


def alter(ledger: Path) -> Path:
    """Change an entry behind the ledger's back."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("DROP TRIGGER journal_is_not_updated")
        connection.execute("UPDATE journal SET payload = '{}' WHERE seq = 5")
    return ledger


def test_a_backup_is_one_proved_file(home: Path) -> None:
    done = run(home, "ledger", "backup", "monday.sqlite")
    assert done.code == 0
    assert "monday.sqlite: 9 events, chain sound, projections equal" in done.out
    assert verify(home / "monday.sqlite").events == 9
    again = run(home, "ledger", "backup", "monday.sqlite", "--ledger", "runs/main")
    assert again.code == 1
    assert "exists already; a copy never writes over anything [ledger.error]" in again.err


def test_a_backup_of_an_altered_ledger_is_kept_and_told_with_exit_6(home: Path) -> None:
    alter(home / "runs" / "main" / "ledger.sqlite")
    done = run(home, "ledger", "backup", "monday.sqlite", "--json")
    assert done.code == 6
    assert (done.json["bad_seq"], done.json["backup"]) == (5, "monday.sqlite")
    assert (home / "monday.sqlite").exists()


def test_a_restored_account_is_halted_for_whoever_opens_it(home: Path) -> None:
    saved(home)
    before = (home / "monday.sqlite").read_bytes()
    done = run(home, "ledger", "restore", "monday.sqlite", "--name", "again")
    assert done.code == 0, done.err
    assert "halted by event 10: compare with the broker, then resume with a reason" in done.out
    ledger = home / "runs" / "again" / "ledger.sqlite"
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        engine = Engine(EngineConfig(), (decode(entry.payload) for entry in store.read()))
    assert engine.state.trading is TradingState.HALTED
    assert engine.state.trading_why == "restored from a backup"
    with Reader.open(ledger) as reader:
        (state,) = reader.states()
    assert (state.before, state.after, state.who) == ("active", "halted", "operator")
    assert state.at_ns > 1_700_000_000_000_000_000
    assert verify(ledger).events == 10
    status = run(home, "status", "--ledger", str(ledger))
    assert "HALTED" in status.out
    assert (home / "monday.sqlite").read_bytes() == before
    assert (home / "runs" / "latest").read_text() == "main\n"


def test_a_restore_never_touches_a_run_that_is_there(home: Path) -> None:
    saved(home)
    ledger = home / "runs" / "main" / "ledger.sqlite"
    before = ledger.read_bytes()
    done = run(home, "ledger", "restore", "monday.sqlite", "--name", "main")
    assert done.code == 1
    assert "holds a run already and is left as it is" in done.err
    assert ledger.read_bytes() == before


def test_an_altered_backup_is_refused_and_leaves_nothing(home: Path) -> None:
    saved(home)
    alter(home / "monday.sqlite")
    done = run(home, "ledger", "restore", "monday.sqlite", "--name", "again", "--json")
    assert done.code == 6
    assert (done.json["bad_seq"], done.json["restored"]) == (5, None)
    assert not (home / "runs" / "again").exists()


def test_a_restore_from_nothing_is_an_error(home: Path) -> None:
    done = run(home, "ledger", "restore", "tuesday.sqlite", "--name", "again")
    assert done.code == 1
    assert "no ledger at tuesday.sqlite" in done.err
    assert not (home / "runs" / "again").exists()


def test_a_ledger_of_this_version_needs_no_migration(home: Path) -> None:
    done = run(home, "ledger", "migrate")
    assert done.code == 0
    assert "tables of version 1, nothing is to do" in done.out
    told = run(home, "ledger", "migrate", "--json").json
    assert (told["before"], told["after"], told["backup"]) == (1, 1, None)


def test_a_newer_ledger_is_not_migrated_down(home: Path) -> None:
    ledger = Path(shutil.copy(home / "runs" / "main" / "ledger.sqlite", home / "newer.sqlite"))
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE ledger_schema SET version = 99")
    done = run(home, "ledger", "migrate", "--ledger", "newer.sqlite")
    assert done.code == 1
    assert "update the program [ledger.newer]" in done.err
