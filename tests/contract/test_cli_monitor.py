"""`monitor` as users start it, over the ledger of a real demo."""

from pathlib import Path

import pytest
from tests.contract.forked import told

from smart_leverage.books.trades import Outcome
from smart_leverage.ledger.reader import Reader
from smart_leverage.reports.story import read_story


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    done = told(home, "demo", "-q", "--name", "demo")
    assert done.code == 0, done.err
    return home


def test_it_answers_from_the_trades_of_the_ledger(home: Path) -> None:
    done = told(home, "monitor", "--json")
    with Reader.open(home / "runs/demo/ledger.sqlite") as reader:
        outcomes = [trade.outcome for trade in read_story(reader).book.trades()]
    rate = done.json["win_rate"]
    assert rate["wins"] == outcomes.count(Outcome.WON) > 0
    assert rate["trades"] == rate["wins"] + outcomes.count(Outcome.LOST)
    assert float(rate["lower"]) < rate["wins"] / rate["trades"] < float(rate["upper"])
    assert done.json["month"]["months"] == 0
    assert done.json["is_stopped"] == (done.code == 6)


def test_it_says_what_is_not_decided_and_how_long_it_takes(home: Path) -> None:
    assert told(home, "demo", "-q", "--name", "falling", "--seed", "5").code == 0
    words = ("--win-rate", "0.2", "--broken", "0.01", "--ledger", "runs/falling")
    done = told(home, "monitor", *words)
    assert done.code == 0, done.err
    assert "above 20 %? not decided." in done.out
    assert "at this rate" in done.out
    assert "month     above 5 %? nothing to go by: no whole month yet" in done.out
    assert "● no sign of a win rate below 1 %" in done.out


def test_an_alarm_leaves_with_six(home: Path) -> None:
    done = told(home, "monitor", "--broken", "0.9")
    assert done.code == 6
    assert "■ it has stopped working: a win rate below 90 %" in done.out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(("--win-rate", "55%"), 2, "write 0.55", id="per-cent"),
        pytest.param(("--broken", "1"), 3, "between 0 and 1 is needed", id="no-bar"),
        pytest.param(("--ledger", "nowhere"), 1, "no ledger at nowhere", id="no-ledger"),
    ],
)
def test_what_cannot_be_asked_is_refused(home: Path, words, code, says) -> None:
    done = told(home, "monitor", *words)
    assert done.code == code
    assert says in done.err


def test_its_days_are_a_record_for_feasibility(home: Path) -> None:
    done = told(home, "feasibility", "--ledger", "runs/demo", "--json")
    assert done.code == 0, done.err
    with Reader.open(home / "runs/demo/ledger.sqlite") as reader:
        story = read_story(reader)
    outcomes = [trade.outcome for trade in story.book.trades()]
    assert done.json["verdict"] is None
    assert 0 < done.json["days"] < 60
    assert done.json["trades"]["wins"] == outcomes.count(Outcome.WON)
    assert float(done.json["trades"]["risk"]) > 0
    words = ("feasibility", "--ledger", "nowhere")
    assert "no ledger at nowhere" in told(home, *words).err
