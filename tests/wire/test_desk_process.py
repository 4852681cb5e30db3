"""Two processes under one command: the desk dies, the account does not notice, the desk is back."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.wire.raw import Raw
from tests.wire.serving import Served, gateway

from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.desk_process import LOG, PID, desk_process

T = TypeVar("T")
BOOK = "/v1beta3/crypto/us/latest/orderbooks?symbols=BTC/USD"
QUOTE = "/v2/stocks/quotes/latest?symbols=XYZ"


def eventually(read: Callable[[], T], within_s: float = 20.0) -> T:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := read():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with gateway(tmp_path) as running:
        yield running


def desk_url(served: Served) -> str:
    def read() -> str:
        said = (served.folder.parents[1] / "run.log").read_text()
        found = re.search(r"market data (http://[0-9.:]+)", said)
        return found[1] if found else ""

    return eventually(read)


def pid_of(folder: Path) -> int:
    return int((folder / PID).read_text())


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def answers(url: str) -> bool:
    try:
        with urlopen(url + BOOK, timeout=5.0) as reply:
            return bool(reply.status == 200)
    except (URLError, ConnectionError):
        return False


def test_an_account_does_not_notice_that_its_desk_was_killed(served: Served) -> None:
    url, first = desk_url(served), pid_of(served.folder)
    keys = served.keys["bot"]
    assert Raw(url, keys)("GET", QUOTE).json == {"quotes": {}}
    gate = Raw(served.url, keys)
    with Reader.open(served.folder / "ledger.sqlite") as reader:
        before = reader.head().seq
        os.kill(first, signal.SIGKILL)
        assert gate("GET", "/v2/account").status == 200
        assert gate.order(qty="0.01").status == 200
        assert eventually(lambda: reader.head().seq > before)
    assert eventually(lambda: answers(url))
    assert pid_of(served.folder) != first
    # It knows the account's bots again, at the address that they have.
    assert Raw(url, keys)("GET", QUOTE).status == 200
    assert served.process.poll() is None


def test_a_bot_that_is_added_sees_shares_and_one_that_is_revoked_does_not(served: Served) -> None:
    url = desk_url(served)
    keys = served.add_bot("late")
    assert Raw(url, keys)("GET", QUOTE).status == 200
    assert Raw(url, (keys[0], "wrong"))("GET", QUOTE).status == 401


def test_the_desk_ends_with_the_account_however_that_ends(tmp_path: Path) -> None:
    for place, number in (("order", signal.SIGINT), ("killed", signal.SIGKILL)):
        (tmp_path / place).mkdir()
        with gateway(tmp_path / place) as served:
            url = desk_url(served)
            pid = pid_of(served.folder)
            assert is_there(pid)
            os.kill(served.process.pid, number)
            served.process.wait(20.0)
            eventually(lambda pid=pid: not is_there(pid))  # type: ignore[misc]
        assert not answers(url)
        if number is signal.SIGKILL:
            # The venue outlives its account, by design; nobody goes on with this one.
            os.kill(int((served.folder / "broker.pid").read_text()), signal.SIGTERM)


def test_a_desk_that_cannot_start_harms_nobody(tmp_path: Path) -> None:
    with desk_process(tmp_path) as running:
        assert eventually(lambda: (tmp_path / LOG).exists() and (tmp_path / LOG).read_bytes())
        assert running.url == ""
    assert b"market.json" in (tmp_path / LOG).read_bytes()
    assert not (tmp_path / PID).exists()
