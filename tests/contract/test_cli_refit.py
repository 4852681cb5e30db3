"""`refit` as users start it: an account at rest, one that runs, and one with too little past."""

import os
import signal
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from tests.contract.forked import told
from tests.contract.test_cli_control import Account
from tests.simulation.desk import BTC, ETH, Desk

from smart_leverage.domain.clock import DAY_NS, SystemClock
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import EvidenceRecorded, decode
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger

DAYS = 70


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return where an account lies that was traded for seventy days and ended an hour ago."""
    desk = Desk(now_ns=SystemClock().now_ns() - DAYS * DAY_NS, holdings={BTC: "0.1"}, cash=95_000)
    price = 50_000
    for number in range(DAYS):
        _signal(desk, won=number % 3 > 0)
        desk.wait(86_400 if number < DAYS - 1 else 82_800)
        price += 700 if number % 2 else -650
        desk.prices({BTC: str(price)})
        desk.prices()
    folder = tmp_path / "runs" / "live"
    folder.mkdir(parents=True)
    with SqliteLedger(folder / "ledger.sqlite") as ledger:
        ledger.commit(desk.records)
    return tmp_path


def _signal(desk: Desk, *, won: bool) -> None:
    """Let a signal buy, wait out the house's stop, and leave above or below."""
    desk.prices()
    desk.signal(ETH, confidence=0.7 if won else 0.6)
    desk.fill(desk.take(Role.SIGNAL), desk.price[ETH])
    stop = desk.take(Role.STOP)
    desk.wait(60)
    desk.prices()
    desk.signal(ETH, Side.SELL)
    desk.end(stop)
    desk.fill(desk.take(Role.SIGNAL), "2525" if won else "2475")


def recorded(home: Path) -> list[EvidenceRecorded]:
    with Reader.open(home / "runs/live/ledger.sqlite") as reader:
        every = [decode(entry.payload) for entry in reader.entries() if entry.kind == "evidence"]
    return [each for each in every if isinstance(each, EvidenceRecorded)]


def test_it_tells_what_would_change_and_writes_nothing(home: Path) -> None:
    done = told(home, "refit", "runs/live", "--dry-run", "--picture", "curve.svg")
    assert done.code == 0, done.err
    assert "crypto worst days" in done.out
    assert "69 days, worst 2.5 %, of sample or Student" in done.out  # the last is not over
    assert "69 closed signals, platt" in done.out
    assert "only tried: nothing was written" in done.out
    assert "signal: 69 closed signals, confidence off by 0." in done.out
    assert "  Brier 0." in done.out
    assert "  after the curve 0." in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    assert parse(home / "curve.svg").getroot().tag.endswith("svg")
    assert not recorded(home)


def test_an_account_at_rest_takes_it_once(home: Path) -> None:
    first = told(home, "refit", "runs/live", "--reason", "by schedule", "--json").json
    assert (first["result"], first["rows"][0]["old"]) == ("done", None)
    [record] = recorded(home)
    assert record.reason == "by schedule"
    assert record.measured.days == DAYS - 1
    assert [each.outcomes for each in record.measured.calibrations] == [DAYS - 1]
    again = told(home, "refit", "runs/live", "--json").json
    assert again["rows"][0]["old"] == again["rows"][0]["new"] == first["rows"][0]["new"]
    assert "nothing changed" in again["lines"][0]
    assert "the same is in force already" in told(home, "refit", "runs/live", "--dry-run").out
    assert len(recorded(home)) == 1
    assert told(home, "ledger", "verify", "runs/live").code == 0


def test_an_account_that_runs_takes_it_through_its_socket(home: Path) -> None:
    account = Account(home)
    account.start()
    try:
        done = account.told("refit", "runs/live", "--json")
        assert done.code == 0, done.err
        assert "no process runs" not in done.err
        assert done.json["lines"][0].startswith("evidence of ")
        assert "nothing changed" in account.json("refit", "runs/live")["lines"][0]
        assert len(recorded(home)) == 1
    finally:
        account.stop(signal.SIGKILL)
        for note in home.glob("runs/*/broker.pid"):
            os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_past_that_is_long_over_is_refused(tmp_path: Path) -> None:
    desk = Desk()
    for _ in range(2):
        desk.wait(86_400)
        desk.prices()
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit(desk.records)
    dry = told(tmp_path, "refit", ".", "--dry-run")
    assert (dry.code, "it would be refused, it has expired" in dry.out) == (0, True)
    done = told(tmp_path, "refit", ".")
    assert (done.code, "it has expired already" in done.out) == (5, True)


def test_an_account_of_a_day_has_no_past_yet(tmp_path: Path) -> None:
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit(Desk().records)
    done = told(tmp_path, "refit", ".")
    assert done.code == 1
    assert "no risk day is over yet" in done.err
