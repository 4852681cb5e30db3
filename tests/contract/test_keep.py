"""Several accounts, a process each: whoever dies is started again, and one page shows all."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract.forked import environment
from tests.contract.started import started

from smart_leverage.reports.html.hub import Row, hub_page
from smart_leverage.runtime import supervising
from smart_leverage.runtime.supervising import Kept, Life

FINAL = frozenset({3})


def eventually(read: Callable[[], Any], within_s: float = 30.0) -> Any:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := read():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


def kept(folder: Path, code: str, told: list[str] | None = None) -> Kept:
    heard = [] if told is None else told
    command = [sys.executable, "-c", code]
    one = Kept(folder, command, FINAL, lambda name, what: heard.append(f"{name} {what}"))
    one.start()
    return one


def test_whoever_dies_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "BACKOFF_S", 0.05)
    told: list[str] = []
    one = kept(tmp_path, "import os; os.kill(os.getpid(), 9)", told)
    eventually(lambda: one.standing.starts >= 3)
    one.stop()
    assert one.standing.life is Life.ENDED
    assert f"{tmp_path.name} died, killed by signal 9; again in 0.1 s" in told


def test_who_says_that_a_person_is_needed_is_left_alone(tmp_path: Path) -> None:
    told: list[str] = []
    one = kept(tmp_path, "import sys; print('wrong key'); sys.exit(3)", told)
    eventually(lambda: one.standing.life is Life.NEEDS_A_PERSON)
    assert (one.standing.starts, one.standing.code) == (1, 3)
    assert "wrong key" in (tmp_path / supervising.LOG).read_text()
    assert stat.S_IMODE((tmp_path / supervising.LOG).stat().st_mode) == 0o600
    assert told[-1].endswith(f"see {tmp_path / supervising.LOG}")


def test_who_has_ended_in_order_stays_so(tmp_path: Path) -> None:
    one = kept(tmp_path, "pass")
    eventually(lambda: one.standing.life is Life.ENDED)
    assert one.standing.starts == 1


def test_an_end_in_order_is_asked_for_first(tmp_path: Path) -> None:
    wait = (
        "import time\ntry:\n time.sleep(60)\nexcept KeyboardInterrupt:\n print('whole', flush=True)"
    )
    one = kept(tmp_path, wait)
    eventually(lambda: one.standing.life is Life.RUNNING)
    time.sleep(0.5)  # it has to have begun before it can be interrupted
    one.stop()
    assert "whole" in (tmp_path / supervising.LOG).read_text()


def row(name: str, mode: str, level: str = "ok") -> Row:
    return Row(name, mode, "running", level)


def test_real_money_stands_apart_and_first() -> None:
    page = hub_page([row("a", "sim"), row("b", "paper"), row("<c>", "live"), row("d", "")], 0)
    places = [page.index(f'id="mode-{mode}"') for mode in ("live", "paper", "sim", "none")]
    assert places == sorted(places)
    assert "<c>" not in page
    assert "&lt;c&gt;" in page
    assert "4 accounts, all in order" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_what_needs_somebody_is_the_headline() -> None:
    page = hub_page([row("a", "sim"), row("b", "paper", "hit")], 0)
    assert "b: look there" in page


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, more in (("one", ()), ("two", ()), ("sick", ("--mode", "paper"))):
        assert started(tmp_path, "init", "--name", name, *more).code == 0
    return tmp_path


def test_accounts_are_kept_and_shown(home: Path) -> None:
    """One of three is killed and comes back; one lacks its keys and is left for a person."""
    variables = environment() | {"APCA_API_KEY_ID": "", "APCA_API_SECRET_KEY": ""}
    with (home / "out.txt").open("w") as out:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "smart_leverage", "keep", "one", "two", "sick"],
            cwd=home, env=variables, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        page = home / "runs" / "hub.html"
        eventually(lambda: page.exists() and page.read_text().count("ACTIVE") == 2, 90.0)
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        said = (home / "out.txt").read_text
        number = next(line for line in said().splitlines() if "two  started" in line).split()[-1]
        os.kill(int(number), signal.SIGKILL)
        eventually(lambda: said().count("two  started") == 2)
        eventually(lambda: "started 2 times" in page.read_text())
        assert "sick  ended with 3 and is not started again" in said()
        assert "needs a person" in page.read_text()
    finally:
        keeper.send_signal(signal.SIGINT)
        assert keeper.wait(60.0) == 0
    assert said().count("has ended") == 2


def test_an_account_that_nobody_made_is_refused(tmp_path: Path) -> None:
    done = started(tmp_path, "keep", "nobody")
    assert done.code == 2
    assert "`smart-leverage init --name nobody` makes it" in " ".join(done.err.split())
