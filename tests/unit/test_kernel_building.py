"""Machine code is made once, with a word about it, and found again without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from smart_leverage.research.kernel import building
from smart_leverage.research.kernel.building import CACHE, Speaker, cache_folder

SCRIPT = """
import numpy as np
from smart_leverage.research.kernel.building import compiled, told, tell_on_screen
from smart_leverage.research.kernel.ladder import CELL, Ladder, learn_column
at, cells, ratio = np.zeros(1, np.int64), np.zeros((1, 1), CELL), np.zeros((1, 1))
with told(tell_on_screen):
    compiled(learn_column)(at, cells, ratio, Ladder())
"""


def words_of_a_process(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={CACHE: str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == ""
    return done.stderr


def test_the_first_time_is_told_and_the_second_is_silent(tmp_path: Path) -> None:
    first = words_of_a_process(tmp_path)
    assert (
        f"compiling the policy to machine code, once for each version of it; kept in {tmp_path}"
        in first
    )
    assert "functions in" in first
    assert words_of_a_process(tmp_path) == ""


def test_the_cache_stands_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path))
    assert cache_folder() == tmp_path / "kernel"
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache_folder() == tmp_path / "user" / "smart-leverage" / "kernel"


def test_without_a_folder_that_can_be_written_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    assert cache_folder() is None
    lines: list[str] = []
    speaker = Speaker(lines.append)
    for _ in range(building.TELL_EVERY + 1):
        speaker.on_start(None)
    for _ in range(building.TELL_EVERY + 1):
        speaker.on_end(None)
    assert "kept nowhere" in lines[0]
    assert lines[1] == f"compiling: {building.TELL_EVERY} functions"
    assert lines[2].startswith(f"compiled {building.TELL_EVERY + 1} functions in")
