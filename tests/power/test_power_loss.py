"""Whatever a power cut leaves, the product opens it and finds what it promised."""

from functools import partial
from pathlib import Path
from random import Random

import pytest
from tests.power.calls import Call, Calls, Op
from tests.power.disk import SECTOR, Disk, Loss, replayed
from tests.power.lives import LIVES
from tests.power.power_loss import SHARES, main, play

from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.latch import HaltFile

Patch = pytest.MonkeyPatch
IMAGES = 40


@pytest.mark.parametrize("name", LIVES)
def test_what_was_promised_is_on_every_disk(tmp_path: Path, name: str) -> None:
    result = play(name, round(IMAGES * SHARES[name]), 7, tmp_path)
    assert not result.wrong, "\n".join(result.wrong)
    assert result.syncs > 50
    assert result.edges_met == round(IMAGES * SHARES[name]) / 2
    assert sum(result.asked.values()) > 50


# --- the check can fail ---------------------------------------------------------------------------


def test_a_ledger_that_does_not_sync_is_found(tmp_path: Path, monkeypatch: Patch) -> None:
    loose = partial(SqliteLedger, durability=Durability.NONE)
    monkeypatch.setattr("tests.power.lives.SqliteLedger", loose)
    wrong = play("ledger", 20, 1, tmp_path).wrong
    assert any("were acknowledged; the ledger" in line for line in wrong)


def test_a_halt_whose_name_is_not_synced_is_found(tmp_path: Path, monkeypatch: Patch) -> None:
    def halt(folder: Path, calls: Calls) -> None:
        HaltFile(folder).set("ann", "to halt")

    monkeypatch.setitem(LIVES, "halt", halt)
    assert not play("halt", 20, 1, tmp_path).wrong
    monkeypatch.setattr("smart_leverage.runtime.latch.sync_folder", lambda folder: None)
    wrong = play("halt", 20, 2, tmp_path / "again").wrong
    assert {line.rpartition(": ")[2] for line in wrong} == {"the halt is gone"}


def test_people_who_are_kept_with_less_care_come_back(tmp_path: Path, monkeypatch: Patch) -> None:
    """A rollback journal that comes back takes the end of a session away again."""
    from smart_leverage.runtime.people import store

    opened = store._opened

    def loosely(path: Path):
        database = opened(path)
        database.execute("PRAGMA synchronous = FULL")
        return database

    monkeypatch.setattr(store, "_opened", loosely)
    wrong = play("household", 40, 1, tmp_path).wrong
    assert any("is not kept" in line for line in wrong)


def test_what_is_wrong_is_printed_and_ends_with_one(
    monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("smart_leverage.notify.keeping._sync_names", lambda folder: None)
    monkeypatch.setattr("tests.power.power_loss.LIVES", {"household": LIVES["household"]})
    assert main(["100", "1"]) == 1
    told = capsys.readouterr().out
    assert "20 disks as a power cut may leave them" in told
    assert "notices" in told


# --- the disk -------------------------------------------------------------------------------------

MADE = Call(Op.CREATE, 1, "a")
OLD, NEW = b"o" * 3 * SECTOR, b"n" * 3 * SECTOR


def disk_of(*calls: Call) -> Disk:
    disk = Disk()
    for call in calls:
        disk.take(call)
    return disk


def found(disk: Disk, loss: Loss, times: int = 300) -> set[bytes | None]:
    chance = Random(1)
    return {disk.cut(loss, chance).files.get("a") for _ in range(times)}


def test_what_was_synced_is_there_whatever_is_lost() -> None:
    written = Call(Op.WRITE, 1, "a", 0, OLD)
    disk = disk_of(MADE, written, Call(Op.SYNC, 1, "a"), Call(Op.SYNC_FOLDER, name="."))
    for loss in Loss:
        assert found(disk, loss, 20) == {OLD}


def test_a_synced_file_without_a_synced_name_may_be_gone() -> None:
    disk = disk_of(MADE, Call(Op.WRITE, 1, "a", 0, OLD), Call(Op.SYNC, 1, "a"))
    assert found(disk, Loss.ALL) == {None}
    assert found(disk, Loss.ANY) == {None, OLD}


def test_sectors_are_lost_one_by_one_and_never_torn() -> None:
    calls = [MADE, Call(Op.WRITE, 1, "a", 0, OLD), Call(Op.SYNC, 1, "a")]
    disk = disk_of(*calls, Call(Op.SYNC_FOLDER, name="."), Call(Op.WRITE, 1, "a", 0, NEW))
    anyhow = found(disk, Loss.ANY)
    assert anyhow == {
        b"".join(letter * SECTOR for letter in (a, b, c))
        for a in (b"o", b"n") for b in (b"o", b"n") for c in (b"o", b"n")
    }  # fmt: skip
    torn = found(disk, Loss.TAIL)
    assert torn == {NEW[: SECTOR * count] + OLD[SECTOR * count :] for count in range(4)}


def test_a_size_may_be_there_without_the_bytes() -> None:
    calls = [MADE, Call(Op.SYNC_FOLDER, name="."), Call(Op.WRITE, 1, "a", 0, NEW[:SECTOR])]
    disk = disk_of(*calls)
    assert found(disk, Loss.ANY) == {b"", NEW[:SECTOR], bytes(SECTOR)}
    garbled = {each for each in found(disk, Loss.GARBAGE) if each} - {NEW[:SECTOR]}
    assert len(garbled) > 10


def test_a_renaming_is_whole_or_not_there() -> None:
    other = Call(Op.CREATE, 2, "b")
    calls = [MADE, other, Call(Op.WRITE, 2, "b", 0, NEW), Call(Op.SYNC, 2, "b")]
    calls += [Call(Op.SYNC_FOLDER, name="."), Call(Op.RENAME, 2, "b", to="a")]
    disk = disk_of(*calls)
    assert found(disk, Loss.ANY) == {b"", NEW}
    assert replayed(calls).files == {"a": NEW}
