"""An account is made in a folder of its own, run from there, and given another token."""

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from tests.contract.forked import environment
from tests.contract.test_cli_control import COMMAND, Account, wait_until
from tests.contract.test_cli_top import terminal

from smart_leverage.runtime.admin import FILE, is_admin

CONFIGURATION = "smart-leverage.toml"


@pytest.fixture
def home(tmp_path: Path) -> Account:
    """A working directory in which nothing was run yet; commands are told to it."""
    return Account(tmp_path)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_an_account_is_made_for_its_owner_alone(home: Account) -> None:
    done = home.told("init", "--name", "live", "--cash", "50000")
    assert done.code == 0
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert modes(home.folder) == {FILE: 0o600, CONFIGURATION: 0o600}
    token = next(line for line in done.out.splitlines() if "admin token" in line).split()[-1]
    assert is_admin(home.folder, token)
    assert "\n  smart-leverage run --name live\n" in done.out
    assert home.json("config", "check", "--config", f"runs/live/{CONFIGURATION}")["changed"] == [
        "account.cash",
        "account.name",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param((), "--rotate-token", id="the-same-again"),
        pytest.param(("--cash", "7"), "left as it is", id="with-other-cash"),
    ],
)
def test_what_exists_is_not_touched(home: Account, words: tuple[str, ...], told: str) -> None:
    home.told("init", "--name", "live")
    before = content(home.folder)
    done = home.told("init", "--name", "live", *words)
    assert (done.code, done.out) == (1, "")
    assert told in done.err
    assert "smart-leverage run --name live" in done.err
    assert content(home.folder) == before


@pytest.mark.parametrize("name", ["ledger.sqlite", "notes.txt", FILE])
def test_a_folder_with_something_in_it_is_left_as_it_is(home: Account, name: str) -> None:
    home.folder.mkdir(parents=True, mode=0o700)
    (home.folder / name).write_text("mine")
    done = home.told("init", "--name", "live")
    assert done.code == 1
    assert f"holds {name} already" in done.err
    assert content(home.folder) == {name: b"mine"}


def test_a_configuration_of_somebody_else_is_left_as_it_is(home: Account) -> None:
    home.folder.mkdir(parents=True, mode=0o700)
    (home.folder / CONFIGURATION).write_text("[limits]\nsymbol_cap = 0.2\n")
    done = home.told("init", "--name", "live")
    assert done.code == 1
    assert "is not what this command writes" in done.err
    assert list(content(home.folder)) == [CONFIGURATION]


def test_a_folder_that_others_can_read_is_refused(home: Account) -> None:
    home.folder.mkdir(parents=True)
    home.folder.chmod(0o755)
    done = home.told("init", "--name", "live")
    assert (done.code, "chmod 700 runs/live" in done.err) == (1, True)
    assert content(home.folder) == {}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--name", "a" * 65), id="name-too-long"),
        pytest.param(("--name", "a\nb"), id="name-of-two-lines"),
        pytest.param(("--cash", "none"), id="no-cash"),
        pytest.param(("--cash", "5", "--rotate-token"), id="cash-for-a-token"),
        pytest.param(("--token-file", "-"), id="token-for-a-new-account"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_made(
    home: Account, words: tuple[str, ...]
) -> None:
    assert home.told("init", *words).code == 2
    assert list(home.home.iterdir()) == []


@pytest.mark.parametrize("name", ["../live", "latest", "."])
def test_a_name_that_is_none_is_refused(home: Account, name: str) -> None:
    done = home.told("init", "--name", name)
    assert (done.code, "not a plain name" in done.err) == (1, True)
    assert list(home.home.iterdir()) == []


def test_a_killed_init_never_leaves_a_token_that_nobody_saw(home: Account) -> None:
    """It is killed at ever later moments, until it comes to its end."""
    words, waits_s, out = ("init", "--name", "live"), 0.2, ""
    while not (home.folder / FILE).exists():
        assert "next\n" not in out
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=home.home, env=environment(), stdout=subprocess.PIPE, text=True
        )
        time.sleep(waits_s)
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        waits_s += 0.1
    token = next(line for line in out.splitlines() if "admin token" in line).split()[-1]
    assert is_admin(home.folder, token)
    assert home.told("config", "check", "--config", f"runs/live/{CONFIGURATION}").code == 0


@pytest.mark.parametrize(
    "left",
    [
        pytest.param({}, id="only-the-folder"),
        pytest.param({f"{FILE}.new": FILE}, id="a-token-not-shown"),
        pytest.param({f"{FILE}.new": FILE, f"{CONFIGURATION}.new": "["}, id="half-a-configuration"),
        pytest.param({f"{FILE}.new": FILE, CONFIGURATION: CONFIGURATION}, id="no-token-yet"),
    ],
)
def test_a_half_made_folder_is_completed_by_the_same_command(
    home: Account, left: dict[str, str]
) -> None:
    home.told("init", "--name", "live", "--cash", "5000")
    whole = content(home.folder)
    for file in home.folder.iterdir():
        file.unlink()
    for name, text in left.items():
        (home.folder / name).write_bytes(whole.get(text, text.encode()))
    done = home.told("init", "--name", "live", "--cash", "5000")
    assert done.code == 0, done.err
    assert modes(home.folder) == {FILE: 0o600, CONFIGURATION: 0o600}
    assert content(home.folder)[CONFIGURATION] == whole[CONFIGURATION]
    assert content(home.folder)[FILE] != whole[FILE]


def test_an_account_runs_by_its_own_configuration(home: Account) -> None:
    (home.home / CONFIGURATION).write_text('[account]\nname = "other"\ncash = 7.0\n')
    home.told("init", "--name", "live", "--cash", "5000")
    before = content(home.folder)
    done = home.told("run", "--name", "live", "--for", "1", "--json")
    assert done.code == 0, done.err
    assert "admin token" not in done.err  # it has one
    status = home.json("status")
    assert (status["account"], status["cash"]) == ("live", "5000.0")
    assert {name: content(home.folder)[name] for name in before} == before

    (home.home / "named.toml").write_text("[account]\ncash = 9.0\n")
    home.told("init", "--name", "second")
    home.told("run", "--name", "second", "--config", "named.toml", "--for", "1", "--json")
    assert home.json("status")["cash"] == "9.0"


def test_an_account_that_was_never_made_gets_its_token_at_its_first_run(home: Account) -> None:
    done = home.told("run", "--name", "live", "--for", "1", "--json", "--quiet")
    token = done.err.strip().rsplit(" ", 1)[1]
    assert is_admin(home.folder, token)
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    again = home.told("run", "--name", "live", "--for", "1", "--json", "--quiet")
    assert (again.code, again.err) == (0, "")


def test_a_token_is_rotated_by_whoever_has_the_old_one(home: Account) -> None:
    old = home.json("init", "--name", "live")["admin_token"]
    rotate = ("init", "--name", "live", "--rotate-token", "--token-file", "-")
    before = content(home.folder)
    refused = home.told(*rotate, stdin="wrong")
    assert (refused.code, refused.out) == (5, "")
    assert "nothing was changed" in refused.err
    assert content(home.folder) == before

    (home.home / "old.txt").write_text(f"{old}\n")
    done = home.told(*rotate[:-1], "old.txt", "--json")
    assert done.code == 0
    assert modes(home.folder) == {FILE: 0o600, CONFIGURATION: 0o600}
    assert home.told(*rotate, stdin=old).code == 5
    assert home.told(*rotate, stdin=done.out.split('"')[-2]).code == 0


def test_there_is_nothing_to_rotate_without_an_account(home: Account) -> None:
    done = home.told("init", "--name", "live", "--rotate-token", "--token-file", "-", stdin="x")
    assert (done.code, "no admin token is kept" in done.err) == (1, True)
    assert list(home.home.iterdir()) == []


def test_a_running_account_listens_to_the_new_token(tmp_path: Path) -> None:
    account = Account(tmp_path)
    account.token = account.json("init", "--name", "live")["admin_token"]
    account.start()
    try:
        rotate = ("init", "--name", "live", "--rotate-token", "--token-file", "-")
        new = account.json(*rotate, stdin=account.token)["admin_token"]
        account.told("halt", "--reason", "outage")
        resume = ("resume", "--reason", "over", "--token-file", "-")
        assert account.told(*resume, stdin=account.token).code == 5
        assert account.told(*resume, stdin=new).code == 0
    finally:
        account.stop()
    wait_until(lambda: not os.path.lexists(account.folder / "broker.sock"))


def test_on_a_terminal_it_asks_for_what_no_option_says(tmp_path: Path) -> None:
    with terminal(tmp_path, "init", "--preset", "fixed") as shown:
        shown.shows("name of the account [main]")
        shown.press("\n")
        shown.shows("opening cash [")
        shown.press("a lot\n")
        shown.shows("Invalid value")
        shown.press("2500\n")
        assert shown.ended() == 0
        assert "policy" not in shown.said.partition("admin token")[0]
    folder = tmp_path / "runs" / "main"
    text = (folder / CONFIGURATION).read_text()
    assert "\ncash = 2500.0 " in text
    assert '\npreset = "fixed" ' in text
    assert modes(folder) == {FILE: 0o600, CONFIGURATION: 0o600}


def test_who_leaves_a_question_leaves_nothing_behind(tmp_path: Path) -> None:
    with terminal(tmp_path, "init") as shown:
        shown.shows("name of the account [main]")
        shown.press("\x03")
        assert shown.ended() in (1, 130)
        assert "Traceback" not in shown.said
    assert list(tmp_path.iterdir()) == []


def test_a_preset_is_chosen_by_its_name(home: Account) -> None:
    assert home.told("init", "--name", "live", "--preset", "fixed").code == 0
    assert 'preset = "fixed"' in content(home.folder)[CONFIGURATION].decode()
    wrong = home.told("init", "--name", "other", "--preset", "bold")
    assert (wrong.code, "one of " in wrong.err) == (2, True)
