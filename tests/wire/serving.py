"""A governed account with its gateway in a process of its own, as a user starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.wire.raw import Raw

from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Request, ask
from smart_leverage.runtime.tokens import new_token

PROGRAM = str(Path(sys.executable).with_name("smart-leverage"))
SHIFTED = Path(__file__).with_name("shifted")
START_WITHIN_S = 30.0
_SHOWN = re.compile(r'TradingClient\("([^"]+)", "([^"]+)", url_override="([^"]+)"\)')
_ADMIN = re.compile(r"admin token of .*: (\S+)")


class Served(NamedTuple):
    """Where it is, and the keys of its bots."""

    url: str
    keys: dict[str, tuple[str, str]]
    folder: Path
    admin: str
    process: subprocess.Popen[str]

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1) + "/stream"

    def add_bot(
        self,
        name: str,
        *,
        scope: str = "trade",
        share: str = "",
        may_shrink: bool = False,
        symbols: str = "",
    ) -> tuple[str, str]:
        """Give another bot its keys, as the command does, by the socket of the account."""
        token = new_token()
        changes = {
            "bot": name,
            "token_id": token.token_id,
            "secret_sha256": token.secret_sha256,
            "scopes": scope,
            "share": share,
            "may_shrink": "true" if may_shrink else "",
            "symbols": symbols,
        }
        answer = ask(self.folder, Request(Command.SEAT, "a test", "a test", self.admin, changes))
        assert answer.result == "done", answer
        self.keys[name] = (token.token_id, token.secret)
        return self.keys[name]


@contextmanager
def gateway(
    place: Path,
    *,
    options: Sequence[str] = (),
    settings: str = "",
    bots: Sequence[str] = (),
    at: datetime | None = None,
    before: Served | None = None,
) -> Iterator[Served]:
    """Run an account in a folder below `place` until the block ends; `at` is what its clock shows.

    Without it the clock is right, and whether shares trade depends on the hour. An account that was
    `before` in that folder shows no keys again: those of then are used.
    """
    command = [PROGRAM, "run", "--name", "live"]
    command += ["--strategy", "none", *options]
    config = place / "smart-leverage.toml"
    if settings:
        config.write_text(settings)
        command += ["--config", str(config)]
    log = (place / "run.log").open("w+")
    process = subprocess.Popen(
        command, cwd=place, stdout=log, stderr=log, text=True, env=_environment(at)
    )
    try:
        served = _shown(process, place)
        if before is not None:
            served = served._replace(keys=before.keys, admin=before.admin)
        for bot in bots:
            served.add_bot(bot)
        _until_priced(served)
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _until_priced(served: Served) -> None:
    """Wait for the first look at the market: before it nothing can be bought."""
    order = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    bot, until = Raw(served.url, served.keys["bot"]), time.monotonic() + START_WITHIN_S
    while time.monotonic() < until:
        told = bot("POST", "/sl/v1/preview", {**order, "qty": "0.001"}).json
        if told.get("reason") != "no_price":
            return
        time.sleep(0.05)
    raise AssertionError("no price after the start")


def _environment(at: datetime | None) -> dict[str, str]:
    environment = {**os.environ, "COLUMNS": "200"}
    if at is not None:
        shift_ns = int(at.timestamp()) * 10**9 - time.time_ns()
        environment |= {"PYTHONPATH": str(SHIFTED), "TESTS_CLOCK_SHIFT_NS": str(shift_ns)}
    return environment


def _shown(process: "subprocess.Popen[str]", place: Path) -> Served:
    until, said = time.monotonic() + START_WITHIN_S, ""
    while time.monotonic() < until and process.poll() is None:
        said = (place / "run.log").read_text()
        if found := _SHOWN.search(said.replace("\n", "")):
            admin = _ADMIN.search(said)
            key_id, secret, url = found.groups()
            token = admin.group(1) if admin else ""
            return Served(url, {"bot": (key_id, secret)}, place / "runs" / "live", token, process)
        time.sleep(0.05)
    raise AssertionError(f"no gateway: {said}")
