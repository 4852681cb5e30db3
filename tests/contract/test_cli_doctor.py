"""Each thing that can be wrong with an account is found, told with what mends it, and left."""

import json
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.contract.test_cli_control import Account, wait_until

from smart_leverage.cli import check_account, check_ledger, check_program
from smart_leverage.cli.finding import Level
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.emergency import EmergencyJournal
from smart_leverage.ledger.space import Room, Space
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.admin import FILE
from smart_leverage.runtime.presence import Presence, Present, Venue

HOUR_NS = 3_600 * 10**9
LEDGER = "ledger.sqlite"


class Told(NamedTuple):
    """What the doctor said, by check; several lines of one check come one after the other."""

    code: int
    checks: list[dict[str, str]]

    def of(self, check: str) -> tuple[str, str]:
        (one,) = (each for each in self.checks if each["check"] == check)
        return one["level"], f"{one['found']}; {one['right']}"

    @property
    def wrong(self) -> list[str]:
        return [each["check"] for each in self.checks if each["level"] == "wrong"]

    @property
    def levels(self) -> dict[str, str]:
        return {each["check"]: each["level"] for each in self.checks}


def examined(account: Account, *words: str) -> Told:
    done = account.told("doctor", "--quiet", "--json", *words)
    assert done.err == ""
    told: dict[str, Any] = json.loads(done.out)
    return Told(done.code, told["checks"])


def names_in(folder: Path) -> set[str]:
    """Return the files of an account, without those that its desk writes whenever it is ready."""
    return {name for name in content(folder) if not name.startswith("desk.")}


def content(folder: Path) -> dict[str, tuple[float, int, bytes]]:
    """Everything there is, with times and modes; of a socket only that it is there."""
    return {
        file.name: (
            file.lstat().st_mtime_ns,
            file.lstat().st_mode,
            file.read_bytes() if file.is_file() else b"",
        )
        for file in folder.iterdir()
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with an account that was made, run for a moment, and ended in order."""
    home = Account(tmp_path_factory.mktemp("finished"))
    home.told("init", "--name", "live", "--cash", "5000")
    assert home.told("run", "--name", "live", "--for", "1", "--json").code == 0
    wait_until(lambda: not os.path.lexists(home.folder / "broker.sock"))
    return home.home


@pytest.fixture
def account(finished: Path, tmp_path: Path) -> Account:
    """The finished account, to be spoilt."""
    shutil.copytree(finished / "runs", tmp_path / "runs")
    return Account(tmp_path)


# -- nothing wrong --------------------------------------------------------------------------------


def test_before_any_run_there_is_only_the_installation(tmp_path: Path) -> None:
    done = Account(tmp_path).told("doctor")
    assert done.code == 0
    assert "only the installation was examined" in done.out.splitlines()[-1]
    checks = [line[2:15].strip() for line in done.out.splitlines()[:-1]]
    assert checks == ["program", "database", "configuration", "time zone", "disk"]
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_was_only_made_is_sound(tmp_path: Path) -> None:
    home = Account(tmp_path)
    home.told("init", "--name", "live")
    told = examined(home, "--ledger", "runs/live")
    assert (told.code, told.wrong) == (0, [])
    assert told.of("ledger")[1].startswith("none yet")
    assert told.of("configuration")[1].startswith("runs/live/smart-leverage.toml: no problem")


def test_a_stopped_account_is_sound_and_nothing_is_left_beside_it(account: Account) -> None:
    for name in ("-wal", "-shm"):  # the report that ends a run leaves an empty log
        (account.folder / f"{LEDGER}{name}").unlink(missing_ok=True)
    before = content(account.folder)
    told = examined(account)
    assert (told.code, told.wrong) == (0, [])
    assert told.of("process") == ("fine", "stopped: none runs this account; ")
    assert told.of("state")[1].startswith("ACTIVE")
    assert content(account.folder) == before

    shown = account.told("doctor")
    assert "100 %" in shown.err
    assert "■" not in shown.out
    assert "● ledger" in shown.out


def test_a_run_over_bars_needs_no_token(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "bars"
    folder.mkdir(parents=True, mode=0o700)
    with SqliteLedger(folder / LEDGER, durability=Durability.NONE) as ledger:
        told = examined(Account(tmp_path), "--ledger", "runs/bars")
        assert told.of("process")[1].startswith(f"running, process {os.getpid()}")
        ledger.close()
    told = examined(Account(tmp_path), "--ledger", "runs/bars")
    assert (told.code, "admin token" in told.levels, "venue" in told.levels) == (0, False, False)


# -- something wrong ------------------------------------------------------------------------------


def change_a_byte(folder: Path) -> None:
    file = folder / LEDGER
    data = bytearray(file.read_bytes())
    data[data.index(b'"cash":"5000') + 8] ^= 1
    file.write_bytes(data)


def cut_it_short(folder: Path) -> None:
    os.truncate(folder / LEDGER, 40_000)


def put_an_hour_ahead(folder: Path) -> None:
    with SqliteLedger(folder / LEDGER) as ledger:
        ledger.commit([Noted(at_ns=time.time_ns() + HOUR_NS, code="c", text="t")])


def leave_a_dead_socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        where = Path.cwd()
        os.chdir(folder)  # its path may be too long for a socket
        try:
            left.bind("control.sock")
        finally:
            os.chdir(where)


def misspell(folder: Path) -> None:
    (folder / "smart-leverage.toml").write_text("[limits]\nsymbol_cup = 1\ngross_cap = 9\n")


@pytest.mark.parametrize(
    ("spoil", "check", "found", "right"),
    [
        pytest.param(change_a_byte, "ledger", "sound chain", "restore", id="a-changed-byte"),
        pytest.param(cut_it_short, "ledger", "runs/live/", "restore", id="a-ledger-cut-short"),
        pytest.param(
            lambda folder: (folder / LEDGER).unlink(),
            "ledger",
            "was acknowledged",
            "restore",
            id="a-ledger-gone",
        ),
        pytest.param(
            lambda folder: (folder / LEDGER).write_bytes(b"x" * 5_000),
            "ledger",
            "runs/live/ledger.sqlite: not a ledger",
            "",
            id="not-a-ledger",
        ),
        pytest.param(
            lambda folder: folder.chmod(0o755),
            "folder",
            "mode 0755",
            "chmod 700 runs/live",
            id="a-folder-for-all",
        ),
        pytest.param(
            lambda folder: (folder / LEDGER).chmod(0o640),
            "files",
            "ledger.sqlite",
            "chmod 600 runs/live/ledger.sqlite",
            id="a-ledger-for-the-group",
        ),
        pytest.param(
            lambda folder: (folder / FILE).chmod(0o644),
            "files",
            FILE,
            f"chmod 600 runs/live/{FILE}",
            id="a-hash-for-all",
        ),
        pytest.param(
            lambda folder: (folder / "market.json").chmod(0o666),
            "files",
            "market.json",
            "chmod 600",
            id="a-file-that-all-may-write",
        ),
        pytest.param(
            lambda folder: (folder / FILE).unlink(),
            "admin token",
            "nobody can resume",
            "smart-leverage run --name live",
            id="no-hash",
        ),
        pytest.param(
            lambda folder: (folder / FILE).write_text(""),
            "admin token",
            "holds no hash",
            "remove it",
            id="an-empty-hash",
        ),
        pytest.param(
            put_an_hour_ahead, "clock", "before the last event", "time server", id="clock-back"
        ),
        pytest.param(
            leave_a_dead_socket,
            "process",
            "dead: nobody answers; left behind: control.sock",
            "smart-leverage run --name live",
            id="a-dead-socket",
        ),
        pytest.param(
            lambda folder: (folder / "broker.pid").write_text("4194305\n"),
            "process",
            "dead: nobody answers; left behind: broker.pid",
            "goes on",
            id="a-dead-venue",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_mends_it_and_is_left(
    account: Account, spoil: Callable[[Path], object], check: str, found: str, right: str
) -> None:
    spoil(account.folder)
    before = content(account.folder)
    told = examined(account)
    assert (told.code, told.wrong) == (6, [check])
    level, text = told.of(check)
    assert level == "wrong"
    assert found in text
    assert right in text
    assert "/tmp" not in text.replace(str(account.home), "")
    assert content(account.folder) == before
    assert f"■ {check}" in account.told("doctor", "--quiet").out


def test_what_is_told_to_mend_modes_does(account: Account) -> None:
    account.folder.chmod(0o755)
    (account.folder / LEDGER).chmod(0o644)
    told = examined(account)
    assert told.wrong == ["folder", "files"]
    for check in told.wrong:
        _, mode, *files = told.of(check)[1].split("`")[1].split()
        for file in files:
            (account.home / file).chmod(int(mode, 8))
    assert examined(account).code == 0


def test_every_problem_of_the_configuration_is_told_by_its_key(account: Account) -> None:
    misspell(account.folder)
    told = examined(account)
    assert (told.code, told.wrong) == (6, ["configuration"] * 2)
    found = "\n".join(each["found"] for each in told.checks if each["check"] == "configuration")
    assert "limits.symbol_cup: unknown key, did you mean symbol_cap?" in found
    assert "limits.gross_cap: 9 is above 4" in found


def test_a_folder_that_is_gone_is_told(account: Account) -> None:
    shutil.rmtree(account.folder)
    told = examined(account)
    assert (told.code, told.levels["folder"]) == (6, "wrong")
    named = account.told("doctor", "--ledger", "runs/live")
    assert (named.code, "neither a ledger nor the folder" in named.err) == (1, True)


# -- worth knowing --------------------------------------------------------------------------------


def test_a_halt_is_told_with_who_and_why(account: Account) -> None:
    account.told("halt", "--reason", "outage")
    told = examined(account)
    assert told.code == 0
    level, text = told.of("halt file")
    assert (level, "outage" in text, "smart-leverage resume" in text) == ("warning", True, True)
    level, text = told.of("state")
    assert (level, text.startswith("HALTED")) == ("warning", True)


def test_what_was_written_beside_the_ledger_is_told(account: Account) -> None:
    with EmergencyJournal(account.folder / LEDGER) as journal:
        journal.append("note", b"{}")
    before = content(account.folder)
    told = examined(account)
    assert told.code == 0
    assert told.of("emergencies") == (
        "warning",
        "1 written beside the ledger; they are taken over at the next start",
    )
    assert content(account.folder) == before


# -- who runs it ----------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Account]:
    made = Account(tmp_path)
    made.start()
    yield made
    made.stop(signal.SIGKILL)
    for note in tmp_path.glob("runs/*/broker.pid"):
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_running_hanging_dead_and_stopped_are_told_apart(running: Account) -> None:
    assert running.process is not None
    number, names = running.process.pid, names_in(running.folder)
    told = examined(running)
    assert (told.code, told.wrong) == (0, [])
    assert told.of("process")[1].startswith(f"running, process {number}, and it answers")
    assert told.of("venue")[1].startswith("running, process ")
    assert names_in(running.folder) == names
    assert running.json("reduce", "--reason", "it takes orders still")["result"] == "done"

    running.process.send_signal(signal.SIGSTOP)
    try:
        told = examined(running)
        assert told.wrong == ["process"]
        assert told.of("process")[1].startswith(f"hangs, process {number}")
    finally:
        running.process.send_signal(signal.SIGCONT)

    running.stop(signal.SIGKILL)
    before = content(running.folder)
    told = examined(running)
    assert (told.code, told.wrong) == (6, ["process"])
    assert "dead: nobody answers; left behind: control.sock, broker.pid" in told.of("process")[1]
    assert told.of("venue")[0] == "warning"
    assert "outlived the account" in told.of("venue")[1]
    assert told.of("ledger")[0] == "fine"
    venue_files = {"broker.sqlite", "broker.sqlite-wal", "broker.sqlite-shm"}
    after = content(running.folder)
    others = {name for name in after if not name.startswith("desk.")} - venue_files
    assert others == {name for name in before if not name.startswith("desk.")} - venue_files
    assert {name: after[name] for name in others} == {name: before[name] for name in others}

    os.kill(int((running.folder / "broker.pid").read_text()), signal.SIGKILL)
    wait_until(lambda: examined(running).of("venue")[1].startswith("dead"))

    running.start()
    running.stop()
    wait_until(lambda: not os.path.lexists(running.folder / "broker.sock"))
    told = examined(running)
    assert (told.code, told.of("process")[1]) == (0, "stopped: none runs this account; ")
    assert told.of("venue")[1].startswith("stopped")


# -- what cannot be had here ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "level"),
    [
        pytest.param(Room(2 << 30, Space.ENOUGH), Level.FINE, id="enough"),
        pytest.param(Room(500 << 20, Space.LOW), Level.WARNING, id="low"),
        pytest.param(Room(50 << 20, Space.SHORT), Level.WRONG, id="short"),
        pytest.param(Room(None, Space.SHORT), Level.WRONG, id="not-told"),
    ],
)
def test_little_room_is_a_warning_and_less_is_wrong(space: Room, level: Level) -> None:
    assert check_program.disk(space).level is level


@pytest.mark.parametrize(
    ("version", "level"),
    [
        pytest.param((3, 7, 0), Level.WARNING, id="first"),
        pytest.param((3, 40, 1), Level.WARNING, id="between"),
        pytest.param((3, 51, 2), Level.WARNING, id="last"),
        pytest.param((3, 51, 3), Level.FINE, id="mended"),
    ],
)
def test_a_library_with_the_defect_is_a_warning(version: tuple[int, ...], level: Level) -> None:
    assert check_program.database(version).level is level


def test_a_zone_that_is_not_installed_is_wrong() -> None:
    assert check_program.time_zone("Europe/Berlin").level is Level.FINE
    found = check_program.time_zone("Europe/Nowhere")
    assert (found.level, "tzdata" in found.right) == (Level.WRONG, True)


@pytest.mark.parametrize(
    ("behind_s", "level"),
    [
        pytest.param(-1, Level.FINE, id="after"),
        pytest.param(5, Level.FINE, id="as-clocks-differ"),
        pytest.param(6, Level.WRONG, id="before"),
    ],
)
def test_the_clock_may_be_behind_the_journal_by_seconds(behind_s: int, level: Level) -> None:
    now_ns = 1_700_000_000 * 10**9
    assert check_ledger.clock(now_ns + behind_s * 10**9, now_ns).level is level


def test_a_running_account_that_wrote_nothing_for_long_is_a_warning() -> None:
    now_ns = 1_700_000_000 * 10**9
    silent = check_ledger.last_event(7, now_ns - HOUR_NS, now_ns, is_running=True)
    assert silent.level is Level.WARNING
    at_rest = check_ledger.last_event(7, now_ns - HOUR_NS, now_ns, is_running=False)
    assert at_rest.level is Level.FINE


def test_a_venue_that_does_not_answer_its_account_is_wrong() -> None:
    running = Present(Presence.RUNNING, 7)
    found = check_account.venue_process(Venue(None, answers=False, left=("broker.pid",)), running)
    assert found.level is Level.WRONG


def test_what_no_owner_can_read_is_told(tmp_path: Path) -> None:
    found = check_account.unreadable(tmp_path / "none")
    assert found is not None
    assert found.level is Level.WRONG
    assert check_account.unreadable(tmp_path) is None
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
