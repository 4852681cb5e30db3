"""Secrets planted in every way by which they come in, and looked for in all that a run leaves."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.wire.raw import Raw
from tests.wire.serving import PROGRAM, Served, gateway
from tests.wire.test_desk_process import desk_url, eventually
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from smart_leverage.runtime.control import SOCKET
from smart_leverage.runtime.tokens import new_token

SETTINGS = '[logs]\nlevel = "debug"\n'
"""As much as can be logged."""

PASSWORD = "Tr0ub4dor&3-correct-horse"
WEBHOOK = "whsec_9f8A7b6C5d4E3f2G1h0JkLmNpQrStUvW"
BROKER_KEY = "PKZ9Y8X7W6V5U4T3S2R1"
BROKER_SECRET = "q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Zx"
TELEGRAM = "7654321098:AAE-abcDEFghiJKLmnoPQRstuVWXyz012345"


class Run(NamedTuple):
    """What was planted, and where everything of the run lies."""

    planted: dict[str, str]
    shown_once: tuple[str, ...]
    place: Path
    said: str
    processes: dict[str, tuple[str, str]]
    """Of each process of the run: how it was started and what is in its environment, its limits."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("account")
    made = new_token()
    planted = {
        "a broker's secret": BROKER_SECRET,
        "a broker's key": BROKER_KEY,
        "a bot's secret, wrong": made.secret,
        "a webhook's secret": WEBHOOK,
        "a token at Telegram": TELEGRAM,
        "a password": PASSWORD,
    }
    with gateway(place, settings=SETTINGS) as served:
        keys = served.add_bot("right")
        planted["a bot's secret, right"] = keys[1]
        planted["the admin token, used"] = served.admin
        replies = "".join(_all_ways_in(served, keys, (made.token_id, made.secret)))
        _told_to_the_desk(served, made.secret)
        os.kill(int((served.folder / "broker.pid").read_text()), signal.SIGSTOP)
        time.sleep(1.0)
        os.kill(int((served.folder / "broker.pid").read_text()), signal.SIGCONT)
        eventually(lambda: (served.folder / "trade.jsonl").read_bytes())
        processes = _processes(served.process.pid)
    shown_once = (served.admin, served.keys["bot"][1])
    return Run(planted, shown_once, place, replies + _commands(place), processes)


def _processes(first: int) -> dict[str, tuple[str, str]]:
    """Return what the system shows of a process and of all that it started."""
    found, wanted = dict[str, tuple[str, str]](), [first]
    while wanted:
        place = Path("/proc") / str(wanted.pop())
        words = place.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        shown = words + place.joinpath("environ").read_bytes().decode(errors="replace")
        found[words] = shown, place.joinpath("limits").read_text()
        for task in place.joinpath("task").iterdir():
            wanted += map(int, task.joinpath("children").read_text().split())
    return found


def _all_ways_in(served: Served, keys: tuple[str, str], wrong: tuple[str, str]) -> Iterator[str]:
    """Send secrets where they belong and where they do not; yield what was answered."""
    right, nobody = Raw(served.url, keys), Raw(served.url, ("", ""))
    order = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    for ask in (
        lambda: Raw(served.url, wrong)("GET", "/v2/account"),
        lambda: Raw(served.url, (BROKER_KEY, BROKER_SECRET))("GET", "/v2/account"),
        lambda: nobody("GET", "/v2/account", None, {"Authorization": f"Bearer {'.'.join(wrong)}"}),
        lambda: nobody("GET", "/v2/account", None, {"Authorization": f"Basic {BROKER_SECRET}"}),
        lambda: nobody("GET", f"/v2/account?key={BROKER_SECRET}&password={PASSWORD}"),
        lambda: nobody("GET", f"/v2/account/{BROKER_SECRET}"),
        lambda: right("GET", f"/v2/nowhere/{WEBHOOK}?token={TELEGRAM}"),
        lambda: right("PUT", f"/v2/orders/{WEBHOOK}"),
        lambda: right("GET", "/v2/account", headers={"Cookie": f"session={WEBHOOK}"}),
        lambda: right("GET", "/v2/account", headers={"Host": f"{PASSWORD}.example"}),
        lambda: right("POST", "/v2/orders", {**order, "qty": "0.001", "note": BROKER_SECRET}),
        lambda: right("POST", "/v2/orders", {**order, "qty": PASSWORD}),
        lambda: right("POST", "/v2/orders", {**order, "symbol": WEBHOOK, "qty": "1"}),
        lambda: right("POST", "/v2/orders", f'{{"secret": "{BROKER_SECRET}", '.encode()),
        lambda: right("POST", "/sl/v1/halt", {"why": PASSWORD}),
        lambda: nobody("POST", "/sl/v1/webhooks/alerts", {"key_id": wrong[0], "secret": WEBHOOK}),
        lambda: nobody(
            "POST", "/sl/v1/webhooks/alerts",
            {"key_id": keys[0], "secret": keys[1], "symbol": WEBHOOK, "side": "buy"},
        ),
        lambda: right.order(qty="0.002"),
    ):  # fmt: skip
        answer = ask()
        yield f"{answer.status} {answer.headers} {answer.body.decode(errors='replace')}\n"
    for message in (
        {"action": "auth", "key": wrong[0], "secret": wrong[1]},
        {"action": "auth", "key": BROKER_KEY, "secret": BROKER_SECRET},
        {"action": "auth", "key": keys[0], "secret": keys[1]},
        {"action": "listen", "password": PASSWORD, "token": TELEGRAM},
    ):
        yield _over_socket(served.ws, message)
    with closing(socket.socket(socket.AF_UNIX)) as control:
        control.connect(str(served.folder / SOCKET))
        control.sendall(f'{{"command": "resume", "token": "{BROKER_SECRET}"\n'.encode())
        control.settimeout(5.0)
        yield control.recv(65_536).decode(errors="replace")


def _over_socket(url: str, message: dict[str, str]) -> str:
    try:
        with connect(url, open_timeout=10) as stream:
            stream.send(json.dumps(message))
            return str(stream.recv(timeout=10))
    except (WebSocketException, TimeoutError) as error:
        return str(error)


def _told_to_the_desk(served: Served, secret: str) -> None:
    url = desk_url(served)
    Raw(url, ("SLKNOBODY", secret))("GET", f"/v2/stocks/bars?symbols={WEBHOOK}&token={TELEGRAM}")
    Raw(url, served.keys["right"])("GET", f"/v2/stocks/quotes/latest?symbols=SPY&x={PASSWORD}")
    _over_socket(
        url.replace("http", "ws", 1) + "/v2/iex",
        {"action": "auth", "key": "SLKNOBODY", "secret": secret},
    )


def _commands(place: Path) -> str:
    """Have commands fail over secrets in the wrong place; return what they say."""
    config = place / "wrong.toml"
    config.write_text(f'[server]\npassword = "{PASSWORD}"\nport = "{BROKER_SECRET}"\n')
    token = place / "token.txt"
    token.write_text(BROKER_SECRET)
    environment = {**os.environ, "SMART_LEVERAGE_ACCOUNT__CASH": TELEGRAM}
    said = ""
    for words, more in (
        (["config", "check", "--config", str(config)], os.environ),
        (["config", "check"], environment),
        (["config", "show"], environment),
        (["resume", "--reason", "x", "--token-file", str(token), "-v"], os.environ),
        (["halt", "--reason", "x", "--ledger", f"{place}/{BROKER_SECRET}", "-v"], os.environ),
    ):
        command = [PROGRAM, *words]
        done = subprocess.run(
            command, cwd=place, env=dict(more), capture_output=True, text=True, check=False
        )
        assert done.returncode, words
        said += done.stdout + done.stderr
    return said


def test_both_processes_have_logged_what_happened(run: Run) -> None:
    """A scan proves something only where there is something to scan."""
    folder = run.place / "runs" / "live"
    lines = [json.loads(line) for line in (folder / "trade.jsonl").read_text().splitlines()]
    events = " ".join(line["event"] for line in lines)
    for expected in ("a token was refused", "decision: approved", "token given", "order intended"):
        assert expected in events
    assert any(line["decision_id"] for line in lines)
    assert {line["account"] for line in lines} == {"main"}
    assert {line["mode"] for line in lines} == {"sim"}
    assert "a token was refused" in (folder / "desk.jsonl").read_text()
    for name in ("trade.jsonl", "desk.jsonl", "desk.log", "broker.log"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_no_secret_stands_in_anything_that_a_run_leaves_or_says(run: Run) -> None:
    found, scanned = [], 0
    for file in sorted(run.place.rglob("*")):
        if not file.is_file() or file.name in ("wrong.toml", "token.txt", "run.log"):
            continue  # where they were planted, and where two are shown once
        content = file.read_bytes()
        scanned += len(content)
        found += [
            f"{what} in {file.name}"
            for what, secret in run.planted.items()
            if secret.encode() in content
        ]
    found += [f"{what} in an answer" for what, one in run.planted.items() if one in run.said]
    assert not found
    assert scanned > 50_000


def test_no_secret_stands_in_the_list_of_processes_or_in_their_environment(run: Run) -> None:
    programs = " ".join(run.processes)
    assert "smart_leverage.server.desk" in programs
    assert "smart_leverage.brokers.sim" in programs
    found = [
        f"{what} of {words}"
        for words, (shown, _) in run.processes.items()
        for what, secret in run.planted.items()
        if secret in shown
    ]
    assert not found


def test_no_process_leaves_its_memory_on_the_disk(run: Run) -> None:
    for _, limits in run.processes.values():
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


def test_what_is_shown_once_is_shown_once(run: Run) -> None:
    said = (run.place / "run.log").read_text().replace("\n", "")
    for secret in run.shown_once:
        assert said.count(secret) == 1
    for what, secret in run.planted.items():
        assert secret in run.shown_once or secret not in said, what


def test_no_body_of_a_request_is_logged(run: Run) -> None:
    for name in ("trade.jsonl", "desk.jsonl"):
        text = (run.place / "runs" / "live" / name).read_text()
        assert not re.search(r"time_in_force|apca-api|key_id", text, re.IGNORECASE)
