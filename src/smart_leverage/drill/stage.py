"""One account of the drill: its processes, its bots, its market, and what its venue holds."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from smart_leverage.domain.errors import BrokerDown
from smart_leverage.drill.client import Client, Hear, until
from smart_leverage.drill.market import Moves, move
from smart_leverage.drill.scene import Scene, keep
from smart_leverage.drill.stand import SETTINGS, end_venue
from smart_leverage.drill.venue import Caps, Seen, see
from smart_leverage.engine.events import Command
from smart_leverage.ledger.files import FILE_MODE, FOLDER_MODE
from smart_leverage.runtime.control import Answer, Request, ask
from smart_leverage.runtime.desk_process import url_of
from smart_leverage.runtime.raw_log import private_log
from smart_leverage.runtime.tokens import new_token
from smart_leverage.settings import Settings, template

STARTS_WITHIN_S = 60.0
MOVES_WITHIN_S = 10.0
QUIET_S = 0.7
"""So long the venue has nothing to say before the books count as settled: three looks at it."""

SETTLES_WITHIN_S = 8.0
ENDS_WITHIN_S = 15.0
CONFIGURATION = "smart-leverage.toml"
"""For people; the process reads the settings from the file beside it, to the last digit."""

LOG = "stand.log"
WHO = "drill"
_OURS = ("SMART_LEVERAGE_", "APCA_")
"""What the environment says of the real account is none of this one's business."""


class Stage:
    """An account that runs, and all that an attempt may do to it."""

    def __init__(self, folder: Path, settings: Settings, scene: Scene) -> None:
        """Remember what it is; nothing runs yet."""
        self.folder, self.settings, self.scene = folder, settings, scene
        self.url = self.admin = ""
        self.keys: dict[str, tuple[str, str]] = {}
        self.caps = Caps.of(settings)
        self.hear: Hear = lambda method, path, answer: None
        self._clients: list[Client] = []
        self._process: subprocess.Popen[bytes] | None = None

    # -- its processes ----------------------------------------------------------------------------

    def start(self) -> None:
        """Start the account, or start it again where it was; what it dealt with is not lost.

        Raises:
            BrokerDown: It does not come up; the sentence says why.
        """
        self._process = _started(self.folder)
        said = _said(self._process, self.folder)
        self.url, self.admin = str(said["gateway"]), str(said["admin"])
        if said["token"]:
            key_id, secret = said["token"]
            self.keys["bot"] = (str(key_id), str(secret))
        _await_prices(self)

    def stop(self) -> None:
        """Hang up, and let the account end in order, its venue too; harmless twice."""
        self._end()
        end_venue(self.folder)

    def crash(self) -> None:
        """Kill the process of the account; its venue goes on, as a real one would."""
        if self._process is not None:
            self._process.kill()
        self._end()

    def _end(self) -> None:
        for client in self._clients:
            client.close()
        self._clients = []
        if self._process is not None:
            _end(self._process)
        self._process = None

    # -- bots -------------------------------------------------------------------------------------

    def bot(self, name: str = "bot", *, scope: str = "trade") -> Client:
        """Return a bot's line, with a token of its own where it has none yet."""
        if name not in self.keys:
            self.keys[name] = self._seat(name, scope)
        return self.line(self.keys[name])

    def another_token(self, name: str) -> Client:
        """Return a line of a bot by one more token."""
        return self.line(self._seat(name, "trade"))

    def line(self, keys: tuple[str, str] | None, url: str = "") -> Client:
        """Return a line to the gateway with any keys, or to another address of this machine."""
        client = Client(url or self.url, keys, lambda *told: self.hear(*told))
        self._clients.append(client)
        return client

    def revoke(self, name: str) -> None:
        """Take a bot its keys, as its owner does."""
        self.command(Command.SEAT, {"revoke": name})

    def command(self, command: Command, changes: Mapping[str, str] | None = None) -> Answer:
        """Order something as the owner of the account."""
        return ask(self.folder, Request(command, WHO, WHO, self.admin, dict(changes or {})))

    def _seat(self, name: str, scope: str) -> tuple[str, str]:
        token = new_token()
        changes = {
            "bot": name,
            "token_id": token.token_id,
            "secret_sha256": token.secret_sha256,
            "scopes": scope,
            "share": "",
            "may_shrink": "",
            "symbols": "",
        }
        self.command(Command.SEAT, changes)
        return token.token_id, token.secret

    @property
    def desk_url(self) -> str:
        """Where the desk listens, once it does.

        Raises:
            BrokerDown: It does not come up.
        """
        url: str = until(lambda: url_of(self.folder), STARTS_WITHIN_S)
        if not url:
            raise BrokerDown(f"the desk of {self.folder} does not come up; see desk.log there")
        return url

    # -- market and venue -------------------------------------------------------------------------

    def price(self, key: str) -> float:
        """Return what something costs now."""
        return float(Moves(self.folder).now(key))

    def move(self, factor: float, *keys: str) -> None:
        """Multiply prices, of everything where nothing is named, and wait for it to show.

        Raises:
            BrokerDown: The market does not move: the account has ended or hangs.
        """
        wanted = {key: round(self.price(key) * factor, 4) for key in keys or self.scene.prices}
        if not move(self.folder, wanted, within_s=MOVES_WITHIN_S):
            raise BrokerDown(f"the market of {self.folder} does not move; see {LOG} there")

    def seen(self) -> Seen:
        """Return what the venue has taken and holds."""
        return see(self.folder, self.caps)

    def settled(self) -> Seen:
        """Return the same once nothing has happened at the venue for a while."""
        last, quiet = -1, threading.Event()

        def is_quiet() -> bool:
            nonlocal last
            before, last = last, self.seen().last
            return before == last and not quiet.wait(QUIET_S) and self.seen().last == last

        until(is_quiet, SETTLES_WITHIN_S)
        return self.seen()


@contextmanager
def stage(home: Path, name: str, settings: Settings, scene: Scene) -> Iterator[Stage]:
    """Run an account in a folder of its own until the block ends; the folder stays.

    Args:
        home: Of the drill.
        name: Of the account and of its folder.
        settings: Of the drill; see `configured`.
        scene: What the account begins with.

    Raises:
        BrokerDown: It does not start; the sentence says why.
    """
    folder = home / name
    folder.mkdir(FOLDER_MODE)
    _write(folder / CONFIGURATION, template(settings).encode())
    _write(folder / SETTINGS, settings.model_dump_json().encode())
    keep(folder, scene)
    running = Stage(folder, settings, scene)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _write(file: Path, content: bytes) -> None:
    file.touch(FILE_MODE)
    file.write_bytes(content)


def _started(folder: Path) -> "subprocess.Popen[bytes]":
    with private_log(folder / LOG) as log:
        return subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            [sys.executable, "-m", "smart_leverage.drill.stand", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=bare_environment(),
            start_new_session=True,  # an interruption is for the drill, which ends this in order
            umask=0o077,
        )


def bare_environment() -> dict[str, str]:
    """Return the environment without settings and keys of the real account."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def _said(process: "subprocess.Popen[bytes]", folder: Path) -> dict[str, Any]:
    """Return what it says once it is ready."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    late = threading.Timer(STARTS_WITHIN_S, process.kill)
    late.start()
    try:
        line = process.stdout.readline()
    finally:
        late.cancel()
    if not line:
        last = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip()
        raise BrokerDown(
            f"the account of the drill did not start: {last.splitlines()[-1:] or ['no word']}"
        )
    said: dict[str, Any] = json.loads(line)
    return said


def _await_prices(running: Stage) -> None:
    """Wait for the first look at the market: before it nothing can be bought."""
    terms = {"symbol": "BTC/USD", "side": "buy", "type": "market", "qty": "0.0001"}
    bot = running.bot()

    def is_priced() -> bool:
        told = bot("POST", "/sl/v1/preview", {**terms, "time_in_force": "gtc"}, is_aside=True).json
        return bool(told.get("reason", "no_price") != "no_price")

    if not until(is_priced, STARTS_WITHIN_S):
        raise BrokerDown(f"the account of {running.folder} has no prices after its start")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let it end in order: it does when nobody holds its input any more."""
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
