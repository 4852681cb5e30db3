"""What the free space on the ledger's disk allows."""

import errno
import os
from pathlib import Path

import pytest

from smart_leverage.ledger.space import Room, RoomWatch, Space, room, takes

GIB, MIB = 1 << 30, 1 << 20


def disk(free_bytes: int, reserve_bytes: int = 0) -> os.statvfs_result:
    """Return what the system says of a disk with blocks of one byte."""
    free = free_bytes + reserve_bytes
    return os.statvfs_result((4_096, 1, 1 << 40, free, free_bytes, 0, 0, 0, 0, 255))


@pytest.mark.parametrize(
    ("free_bytes", "level"),
    [
        pytest.param(50 * GIB, Space.ENOUGH, id="plenty"),
        pytest.param(GIB + 1, Space.ENOUGH, id="just-enough"),
        pytest.param(GIB, Space.LOW, id="edge-is-low"),
        pytest.param(100 * MIB + 1, Space.LOW, id="just-low"),
        pytest.param(100 * MIB, Space.SHORT, id="edge-is-short"),
        pytest.param(0, Space.SHORT, id="full"),
    ],
)
def test_the_level_follows_from_the_free_bytes(
    tmp_path: Path, free_bytes: int, level: Space
) -> None:
    found = room(tmp_path / "ledger.sqlite", statvfs=lambda _: disk(free_bytes))
    assert found == (free_bytes, level)


def test_what_the_system_keeps_for_itself_is_not_counted(tmp_path: Path) -> None:
    found = room(tmp_path / "l", statvfs=lambda _: disk(5 * MIB, reserve_bytes=50 * GIB))
    assert found == (5 * MIB, Space.SHORT)


def test_the_levels_can_be_moved(tmp_path: Path) -> None:
    found = room(tmp_path / "l", warn_bytes=10, refuse_bytes=5, statvfs=lambda _: disk(7))
    assert found.level is Space.LOW


def test_a_disk_that_does_not_answer_has_no_room(tmp_path: Path) -> None:
    assert room(tmp_path / "gone" / "ledger.sqlite") == (None, Space.SHORT)


def test_the_disk_that_is_asked_is_that_of_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "far" / "ledger.sqlite")
    asked: list[Path] = []

    def statvfs(folder: Path) -> os.statvfs_result:
        asked.append(folder)
        return os.statvfs(folder)

    here = room(tmp_path / "link.sqlite", statvfs=statvfs)
    assert asked == [tmp_path / "far"]
    assert here.free_bytes is not None
    assert here.free_bytes > 0


def test_a_disk_takes_a_probe_that_does_not_stay(tmp_path: Path) -> None:
    assert takes(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert not takes(tmp_path / "gone" / "ledger.sqlite")


def test_a_disk_whose_sync_fails_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    assert not takes(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_who_watches_asks_the_system_at_most_so_often(tmp_path: Path) -> None:
    now_s, asked = [0.0], list[Path]()

    def ask(folder: Path) -> Room:
        asked.append(folder)
        return Room(len(asked), Space.ENOUGH)

    watch = RoomWatch(tmp_path, 0.1, monotonic_s=lambda: now_s[0], ask=ask)
    seen = []
    for now_s[0] in (0.0, 0.05, 0.11, 0.2, 0.22):
        seen.append(watch.look().free_bytes)
    assert seen == [1, 1, 2, 2, 3]
    assert asked == [tmp_path] * 3
