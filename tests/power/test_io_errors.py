"""Whichever call to a disk fails, the account sells, buys nothing behind it, and starts again."""

import json
from pathlib import Path

import pytest
from tests.power.calls import Op
from tests.power.io_errors import Failing, calls_of, lived, main, one_of_each, played, told
from tests.power.lives import LIVES

from smart_leverage.ledger.base import Head
from smart_leverage.ledger.inbox import Batch
from smart_leverage.ledger.sqlite import SqliteLedger

Patch = pytest.MonkeyPatch


@pytest.mark.parametrize(
    ("name", "every"),
    [
        pytest.param("account", 9, id="account"),
        pytest.param("ledger", 3, id="ledger"),
        pytest.param("household", 2, id="household"),
    ],
)
def test_calls_of_many_kinds_fail(tmp_path: Path, name: str, every: int) -> None:
    """An account takes a while to live; all of its calls are for `make io-errors`."""
    calls = calls_of(name, tmp_path / "clean")
    kinds = one_of_each(calls)
    outcomes = played(name, kinds[::every], tmp_path)
    assert len(kinds) > 25
    assert len(outcomes) >= len(kinds) // every - 1
    assert {call.op for call in calls} >= {Op.OPEN, Op.WRITE, Op.SYNC, Op.SYNC_FOLDER, Op.RENAME}
    wrong = [f"{each.call.op} {each.call.name}: {each.wrong}" for each in outcomes if each.wrong]
    assert not wrong, "\n".join([*wrong, *told(name, outcomes)])


def test_a_ledger_that_hides_a_failed_commit_is_found(tmp_path: Path, monkeypatch: Patch) -> None:
    def hide(ledger: SqliteLedger, error: Exception, batches: list[Batch]) -> None:
        for batch in batches:
            batch.ticket.settle(Head(ledger.head.seq + len(batch.drafts), bytes(32)))

    calls = calls_of("ledger", tmp_path / "clean")
    log = [n for n, call in enumerate(calls) if call.name == "ledger.sqlite-wal"]
    monkeypatch.setattr(SqliteLedger, "_break", hide)
    _, wrong = lived("ledger", tmp_path / "home", Failing(log[len(log) // 2]))
    assert any("were acknowledged; the ledger" in line for line in wrong)


def test_what_came_of_each_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    monkeypatch.setattr("tests.power.io_errors.LIVES", {"household": LIVES["household"]})
    assert main(["120"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("calls failed, 0 ended wrong")
    assert json.loads(told[-1])["wrong"] == 0
