"""Every trouble ends as it has to, and what does not is told."""

import json
from pathlib import Path

import pytest
from tests.conftest import quick_and_long
from tests.simulation.trouble_story import WRONG, Story
from tests.simulation.troubles import TROUBLES, Trouble, main, played

from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import Verdict, verify
from smart_leverage.runtime.steady import SteadyClock

Patch = pytest.MonkeyPatch


QUICK = {"disk-full", "sync-lost", "file-cut", "byte-changed", "lock-gone", "clock-back"}


@pytest.mark.parametrize("name", quick_and_long(list(TROUBLES), QUICK))
def test_a_trouble_ends_as_it_has_to(tmp_path: Path, name: str) -> None:
    story = played(name, tmp_path)
    assert len(story.outcomes) >= 6
    assert not story.wrong, f"\n{story}"


def test_a_writer_that_does_not_look_for_another_one_is_told(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(SqliteLedger, "_refuse_other", lambda self, epoch: None)
    wrong = {each.label: each.what for each in played("lock-gone", tmp_path).wrong}
    assert wrong["a commit of the old writer"] == "was taken"
    assert wrong["events in the ledger since"] == "1"


def test_a_clock_that_is_believed_whatever_it_shows_is_told(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(SteadyClock, "doubt", "")
    wrong = {each.label for each in played("clock-forward", tmp_path).wrong}
    assert {"noted in the ledger", "a buy"} <= wrong


def test_a_proof_that_finds_nothing_is_told(tmp_path: Path, monkeypatch: Patch) -> None:
    def blind(path: Path) -> Verdict:
        return verify(path)._replace(faults=())

    monkeypatch.setattr("tests.simulation.trouble_files.verify", blind)
    assert {each.label for each in played("byte-changed", tmp_path).wrong} == {"ledger verify"}


def _breaks_off(folder: Path, story: Story) -> None:
    story.did("Something is done.")
    raise OSError("and it breaks")


def test_what_breaks_off_is_wrong_and_ends_with_one(
    monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TROUBLES, "broken", Trouble("Something", _breaks_off))
    assert main(["broken", "lock-gone"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "  Something is done."
    assert told[2].startswith(f"  {WRONG} it broke off")
    assert told[2].endswith("and it breaks")
    assert json.loads(told[-1]) == {"troubles": 2, "wrong": 1}


def test_a_name_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["disk-empty"]) == 2
    assert "disk-full" in capsys.readouterr().err
