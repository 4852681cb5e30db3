"""A bot that listens to its stream while a commit of the whole account fails."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.contract.desk_in_trouble import BROKEN, Disk
from tests.wire.raw import Raw
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from smart_leverage.cli.live import market_of
from smart_leverage.domain.clock import SystemClock
from smart_leverage.engine.events import Command
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.runtime.admin import new_token
from smart_leverage.runtime.control import Request, ask
from smart_leverage.runtime.venue_process import FILE, SOCKET
from smart_leverage.server.gateway.updates import RESTARTED
from smart_leverage.settings import Settings
from smart_leverage.wiring import Traders, embedded, in_real_time
from smart_leverage.wiring.serving import first_token, served

WITHIN_S = 10.0


class Opening(Disk):
    """The disk in the place of what opens the ledger of an account, whatever its settings say."""

    def __call__(self, path: Path) -> WritingLedger:
        return self.open(path)


class Bot:
    """A bot with its stream; `fills` are the executions that the streams told it, in order."""

    def __init__(self, url: str, keys: tuple[str, str]) -> None:
        self.ask = Raw(url, keys)
        self._url, self._keys = url.replace("http", "ws", 1) + "/stream", keys
        self.fills: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[ClientConnection]:
        with connect(self._url) as stream:
            self._introduce(stream)
            yield stream

    def _introduce(self, stream: ClientConnection) -> None:
        key_id, secret = self._keys
        for said in (
            {"action": "auth", "key": key_id, "secret": secret},
            {"action": "listen", "data": {"streams": ["trade_updates"]}},
        ):
            stream.send(json.dumps(said))
            stream.recv(WITHIN_S)

    def buys(self) -> Any:
        order = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
        return self.ask("POST", "/v2/orders", {**order, "qty": "0.001"})

    def hears_of_fill(self, stream: ClientConnection, order_id: str) -> None:
        """Listen until an order is filled."""
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            told = json.loads(stream.recv(WITHIN_S))["data"]
            if "execution_id" in told:
                self.fills.append(told["execution_id"])
            if told["event"] == "fill" and told["order"]["id"] == order_id:
                return
        raise AssertionError(f"nothing was told of a fill of {order_id}")

    def executions(self) -> list[str]:
        listed = self.ask("GET", "/v2/account/activities/FILL?direction=asc").json
        return [each["id"].partition("::")[2] for each in listed]


def code_at_the_end_of(stream: ClientConnection) -> int | None:
    """Listen until it is over; return the code that says why."""
    with suppress(ConnectionClosed):
        for _ in range(100):
            stream.recv(WITHIN_S)
    return stream.close_code


class Account(NamedTuple):
    """An account that runs on a thread, its disk, and its bot."""

    disk: Disk
    bot: Bot
    folder: Path
    admin: str

    def resume(self) -> None:
        """Lift the halt that the trouble left, as a person does."""
        request = Request(Command.RESUME, "a test", "the disk was mended", self.admin, {})
        answer = ask(self.folder, request)
        assert answer.result == "done", answer


@contextmanager
def venue_in(folder: Path) -> Iterator[None]:
    """Run the venue of an account, which finds it there; here it ends with the block."""
    command = [sys.executable, "-m", "smart_leverage.brokers.sim", str(folder / SOCKET)]
    command += ["--file", str(folder / FILE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith(b"ready")
            yield
        finally:
            process.terminate()


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    disk, settings, over = Opening(), Settings(), threading.Event()
    monkeypatch.setattr("smart_leverage.wiring.accounts.Opener", lambda *_: disk)
    with new_token(tmp_path) as admin:
        pass
    behind = embedded(tmp_path, settings, market_of(tmp_path, seed=1))
    with (
        venue_in(tmp_path),
        in_real_time(tmp_path, settings, behind, Traders(), clock=SystemClock()) as (driver, venue),
    ):
        keys = first_token(driver)
        assert keys is not None
        with served(tmp_path, settings, driver, venue.last_close) as address:
            driver.step()
            thread = threading.Thread(target=driver.run, args=(over.is_set,))
            thread.start()
            yield Account(disk, Bot(address.url, keys), tmp_path, admin)
            over.set()
            thread.join(WITHIN_S)


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "in the file all the same"])
def test_after_a_commit_that_failed_it_is_cut_off_and_no_fill_is_told_twice(
    account: Account, *, is_kept: bool
) -> None:
    bot = account.bot
    with bot.listening() as stream:
        bot.hears_of_fill(stream, bot.buys().json["id"])
        account.disk.refuse(BROKEN, times=1, is_kept=is_kept)
        bot.buys()
        assert code_at_the_end_of(stream) == RESTARTED
    assert account.disk.refused == 1
    with bot.listening() as stream:
        account.resume()
        bot.hears_of_fill(stream, bot.buys().json["id"])
    assert len(set(bot.fills)) == len(bot.fills) >= 2
    assert bot.fills == bot.executions()
