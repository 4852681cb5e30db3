"""The drill as a user starts it: real processes, a bad bot over the wire, and holes that show."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.wire.serving import PROGRAM

from smart_leverage.drill.attempts import CATALOGUE
from smart_leverage.drill.running import Drill, Result, Verdict, configured
from smart_leverage.drill.telling import Told, keep, ladder_lines
from smart_leverage.settings import load

LIMIT_S = 300.0


@contextmanager
def broker_that_nobody_calls() -> Iterator[tuple[str, list[bytes]]]:
    """Listen in the broker's place, and keep the first bytes of whoever comes."""
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    came.append(connection.recv(200))

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        server.shutdown(socket.SHUT_RDWR)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return all that lies in a folder, with when it was changed."""
    return {
        str(one.relative_to(folder)): (one.stat().st_mtime_ns, one.read_bytes())
        for one in folder.rglob("*")
        if one.is_file()
    }


def of_drill(home: Path) -> list[str]:
    """Return the command lines of processes that run in a drill's folder and do not end soon."""
    until_s = time.monotonic() + 60.0
    while (lines := running_in(home)) and time.monotonic() < until_s:
        time.sleep(0.1)
    return lines


def running_in(home: Path) -> list[str]:
    lines = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            lines.append(one.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if str(home) in line]


def test_a_live_configuration_is_drilled_on_loopback_and_its_account_is_left_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("live")  # short: sockets lie below
    account = place / "runs" / "savings"
    account.mkdir(parents=True)
    (account / "ledger.sqlite").write_bytes(b"not to be opened")
    keys = place / "alpaca.keys"
    keys.write_text("PKREAL\nREALSECRET\n")
    keys.chmod(0o600)
    home = place / "drilled"
    with broker_that_nobody_calls() as (url, came):
        (account / "smart-leverage.toml").write_text(
            f'[account]\nmode = "live"\nname = "savings"\n[broker]\nkeys_file = "{keys}"\n'
            f'url = "{url}"\ndata_url = "{url}"\n[policy]\npreset = "classic"\n'
        )
        before = tree(place)
        words = ["drill", "--name", "savings", "--as", "all", "--out", str(home), "--json"]
        words += ["--only", "more-by-replacing", "--only", "a-reading-token"]
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            env={**os.environ, "APCA_API_KEY_ID": "PKREAL", "APCA_API_SECRET_KEY": "REALSECRET"},
        )
        assert came == []
    assert done.returncode == 0, (done.stdout, done.stderr)
    told = json.loads(done.stdout)
    assert told["score"] == {
        "tried": 2, "stopped": 2, "harmless": 0, "not_stopped": 0, "not_tried": 0,
    }  # fmt: skip
    assert (told["clean"], told["enforcement"]) == (True, "all")
    assert told["control"]["verdict"] in ("harmless", "stopped")
    after = tree(place)
    assert {name: one for name, one in after.items() if not name.startswith("drilled")} == before
    leaked = [name for name, (_, content) in after.items() if b"REALSECRET" in content]
    assert leaked == [keys.name]
    assert of_drill(home) == []
    explained(place, told)
    assert "more-by-replacing" in (home / "drill.html").read_text()
    kept = json.loads((home / "drill.json").read_text())
    assert (kept["score"], kept["folder"]) == (told["score"], str(home))


def explained(place: Path, told: dict[str, Any]) -> None:
    """Every limit that is named leads to a decision that the ledger of the drill explains."""
    (one,) = (each for each in told["attempts"] if each["name"] == "more-by-replacing")
    assert (one["limit"], one["bound"]) == ("cap_symbol", "0.1")
    words = one["explain"].split()
    assert words[:2] == ["smart-leverage", "explain"]
    done = subprocess.run(
        [PROGRAM, *words[1:], "--json"], cwd=place, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["reason"] == "cap_symbol"


def played(home: Path, name: str, step: str = "", **variables: str) -> tuple[Result, Drill]:
    """Play one attempt on a configuration, as the command does."""
    settings = load(None, {f"SMART_LEVERAGE_{key}": text for key, text in variables.items()})
    drill = Drill(home, configured(settings.settings, step=step), seed=1)
    (attempt,) = (one for one in CATALOGUE if one.name == name)
    (result,) = drill.play([attempt])
    return result, drill


def test_a_configuration_with_a_hole_shows(tmp_path: Path) -> None:
    """Caps of everything forbid nothing, and coins come to what they came to in the incident."""
    tiers, caps = ("LEARNING", "STABLE", "PROFITABLE"), ("CRYPTO", "TOTAL")
    every = {f"TIERS__{tier}__{cap}_CAP": "1.0" for tier in tiers for cap in caps}
    hole = {"POLICY__PRESET": "classic", "LIMITS__SYMBOL_CAP": "0.5", **every}
    result, _ = played(tmp_path, "incident-nine-orders-one-snapshot", **hole)
    assert result.verdict is Verdict.NOT_STOPPED, result
    assert "as they did then" in result.wrongs[-1]


def test_on_the_lowest_step_orders_are_told_of_and_not_stopped(tmp_path: Path) -> None:
    result, drill = played(tmp_path, "new-ids-after-a-timeout", step="observe")
    assert result.verdict is Verdict.NOT_STOPPED
    assert "the cap is 10.00 %" in result.wrongs[0]
    assert result.foreseen > 3
    found = Told(tmp_path, "observe", 1, None, result, (result,))
    keep(found)
    assert "enforcement stands at observe" in ladder_lines(found)[0]
    assert of_drill(drill.home) == []


def test_a_fall_of_the_market_stops_purchases(tmp_path: Path) -> None:
    result, _ = played(tmp_path, "beyond-the-daily-stop")
    assert result.verdict is Verdict.STOPPED, result
    assert dict(result.limits)["breaker_day"] > 10
    assert "of equity was lost first" in result.notes[0]


def test_nothing_goes_on_when_the_drill_is_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("killed") / "drilled"
    with subprocess.Popen(
        [PROGRAM, "drill", "--out", str(home), "--only", "strangers"],
        cwd=home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as drill:
        until_s = time.monotonic() + LIMIT_S
        while not (home / "account-01" / "broker.pid").exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        assert running_in(home)
        drill.kill()
    assert of_drill(home) == []


ANYONE = """
from smart_leverage.domain import bots
real = bots.authentic
def anyone(seats, key_id, secret, now_ns):
    return real(seats, key_id, secret, now_ns) or next(iter(seats.values()), None)
bots.authentic = anyone
"""
EVERY_SCOPE = """
from smart_leverage.domain import bots
bots.Seat.may = lambda self, scope: True
"""
NO_CAP = """
from smart_leverage.wiring import policy
real = policy.policy_of
def boundless(settings):
    made = real(settings)
    return made._replace(groups=made.groups._replace(symbol=1.0))
policy.policy_of = boundless
"""
PLANTED = {
    "a-reading-token": (EVERY_SCOPE, "by a token that may not send any"),
    "strangers": (ANYONE, "from somebody who is not let in"),
    "other-spellings": (NO_CAP, "in BTC/USD, the cap is 10.00 %"),
}
"""A weakness in the program itself, and what has to be found of it."""


@pytest.mark.parametrize("name", PLANTED)
def test_a_weakness_of_the_program_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    weakness, found = PLANTED[name]
    plant = tmp_path / "plant"
    plant.mkdir()
    # Every process of the account runs this before anything of ours.
    (plant / "sitecustomize.py").write_text(weakness)
    monkeypatch.setenv("PYTHONPATH", str(plant))
    result, _ = played(tmp_path, name)
    assert result.verdict is Verdict.NOT_STOPPED, result
    assert found in " ".join(result.wrongs)
