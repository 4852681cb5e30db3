"""The commands that let people in to the desk, show them and send them away."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from tests.wire.serving import PROGRAM

from smart_leverage.domain.bots import Scope
from smart_leverage.runtime.admin import new_token
from smart_leverage.runtime.people import links, password, sessions

SECRET = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ledger.sqlite").touch()
    with new_token(tmp_path) as token:
        (tmp_path / "token.txt").write_text(token)
    return tmp_path


def said(
    folder: Path, *words: str, given: str = "", code: int = 0
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [PROGRAM, "desk", *words, "--ledger", str(folder)],
        input=given, capture_output=True, text=True, timeout=60.0, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def proof(folder: Path) -> tuple[str, str]:
    return "--token-file", str(folder / "token.txt")


@pytest.mark.parametrize("scope", ["admin", "trade", "reduce", "halt,trade"])
def test_only_an_admin_lets_in_who_may_more_than_look_and_halt(folder: Path, scope: str) -> None:
    (folder / "wrong.txt").write_text("wrong")
    wrong = ("--token-file", str(folder / "wrong.txt"))
    done = said(folder, "link", "--scope", scope, *wrong, code=5)
    assert "that is not the admin token" in done.stderr
    assert done.stdout == ""
    said(folder, "password", *wrong, given=f"{SECRET}\n", code=5)
    assert not password.has_one(folder)
    assert said(folder, "link", "--scope", scope, *proof(folder)).stdout


def test_a_link_is_all_that_stdout_has(folder: Path) -> None:
    (folder / "desk.url").write_text("http://127.0.0.1:8123\n")
    out = said(folder, "link", "--scope", "halt,read", "--name", "anna").stdout
    place, _, token = out.strip().partition("/sign-in?link=")
    assert place == "http://127.0.0.1:8123"
    entered = links.redeem(folder, token, time.time_ns())
    assert entered is not None
    found = sessions.find(folder, entered.token, time.time_ns())
    assert found is not None
    assert (found.name, found.scopes) == ("anna", (Scope.HALT, Scope.READ))


def test_without_a_desk_that_runs_it_says_so(folder: Path) -> None:
    done = said(folder, "link", "--name", "anna", *proof(folder))
    assert done.stdout.startswith("/sign-in?link=SLO")
    assert "no desk runs here now" in done.stderr


@pytest.mark.parametrize(
    "words", [("--scope", "all"), ("--name", "two words"), ("--name", "x" * 25)]
)
def test_what_is_no_scope_or_name_is_wrong_usage(folder: Path, words: tuple[str, str]) -> None:
    said(folder, "link", *words, code=2)


def test_a_password_is_read_from_a_pipe(folder: Path) -> None:
    done = said(folder, "password", "--name", "anna", *proof(folder), given=f"{SECRET}\n")
    assert SECRET not in done.stdout + done.stderr
    assert password.owner_of(folder, SECRET) == "anna"
    short = said(folder, "password", *proof(folder), given="short\n", code=3)
    assert "has 5 characters" in short.stderr
    assert password.owner_of(folder, SECRET) == "anna"


def test_sessions_are_listed_and_ended(folder: Path) -> None:
    assert "nobody is signed in" in said(folder, "sessions").stdout
    for name in ("anna", "ben", "ben"):
        sessions.begin(folder, name, (Scope.TRADE,), "link", time.time_ns())
    rows = [json.loads(line) for line in said(folder, "sessions", "--json").stdout.splitlines()]
    assert [(row["name"], row["scopes"]) for row in rows] == [
        ("anna", ["trade"]),
        ("ben", ["trade"]),
        ("ben", ["trade"]),
    ]
    assert all("secret" not in key for row in rows for key in row)
    assert "2 sessions ended" in said(folder, "end", "ben").stdout
    assert "0 sessions ended" in said(folder, "end", "ben", code=1).stdout
    assert "1 session ended" in said(folder, "end", "all").stdout
    assert "ended by" in said(folder, "visits").stdout
