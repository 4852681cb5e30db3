"""Halt file, admin token and control socket: what stops increases, and who may let them go on."""

import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.clock import MINUTE_NS, SystemClock
from smart_leverage.domain.errors import BrokerDown, LedgerLocked
from smart_leverage.engine.events import Command
from smart_leverage.runtime.admin import FILE, has_token, is_admin, is_hash_sound, new_token
from smart_leverage.runtime.control import (
    RESUME_NEEDS,
    SOCKET,
    Answer,
    Control,
    Request,
    Result,
    Waiting,
    ask,
    gives_a_sign,
)
from smart_leverage.runtime.latch import HALT, HaltFile
from smart_leverage.runtime.people import sessions

# -- the halt file --------------------------------------------------------------------------------


def test_a_halt_file_says_who_and_why(tmp_path: Path) -> None:
    halt = HaltFile(tmp_path)
    assert not halt.is_set
    halt.set("ann", "exchange\noutage")
    assert halt.is_set
    assert halt.read() == ("ann", "exchange outage")
    assert stat.S_IMODE((tmp_path / HALT).stat().st_mode) == 0o600
    halt.clear()
    assert not halt.is_set


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"", id="empty"), pytest.param(b"\xff\xfe\x00", id="no-text")],
)
def test_a_file_made_by_hand_halts_whatever_it_says(tmp_path: Path, content: bytes) -> None:
    (tmp_path / HALT).write_bytes(content)
    assert HaltFile(tmp_path).is_set
    assert HaltFile(tmp_path).read().reason


def test_a_link_to_nowhere_halts(tmp_path: Path) -> None:
    (tmp_path / HALT).symlink_to(tmp_path / "nowhere")
    assert HaltFile(tmp_path).is_set


def test_what_cannot_be_looked_at_counts_as_halted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert HaltFile(tmp_path / "file").is_set


# -- the token ------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    with new_token(tmp_path) as token:
        assert not has_token(tmp_path)  # in force when it was shown, not before
    with pytest.raises(FileExistsError), new_token(tmp_path):
        pass
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert is_hash_sound(tmp_path)
    assert token not in (tmp_path / FILE).read_text()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert is_admin(tmp_path, token)
    assert is_admin(tmp_path, f"{token}\n")
    assert not is_admin(tmp_path, token[:-1])
    assert not is_admin(tmp_path, "")


def test_a_new_token_takes_the_place_of_the_old_one_when_it_was_shown(tmp_path: Path) -> None:
    old = token_of(tmp_path)
    with pytest.raises(BrokenPipeError), new_token(tmp_path, replaces=True) as unseen:
        raise BrokenPipeError
    assert is_admin(tmp_path, old)
    assert not is_admin(tmp_path, unseen)
    with new_token(tmp_path, replaces=True) as new:
        assert is_admin(tmp_path, old)
        with pytest.raises(LedgerLocked, match="somebody is making"), new_token(tmp_path):
            pass
    assert is_admin(tmp_path, new)
    assert not is_admin(tmp_path, old)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("kept", [pytest.param("", id="empty"), pytest.param("é", id="no-ascii")])
def test_without_a_readable_hash_nobody_is_an_admin(tmp_path: Path, kept: str) -> None:
    assert not is_admin(tmp_path, "")
    (tmp_path / FILE).write_text(kept, encoding="utf-8")
    assert not is_admin(tmp_path, "")
    assert not is_admin(tmp_path, kept)
    assert not is_hash_sound(tmp_path)


def token_of(folder: Path) -> str:
    with new_token(folder) as token:
        return token


# -- the socket -----------------------------------------------------------------------------------


class Loop:
    """Stands for the account's loop: takes what comes in and answers that it is done."""

    def __init__(self, folder: Path) -> None:
        self.woken = threading.Event()
        self.control = Control(folder, self.woken.set)
        self.taken: list[Request] = []
        self.was_set: list[bool] = []
        self._halt = HaltFile(folder)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_over = False
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over:
            self.woken.wait(5.0)
            self.woken.clear()
            for waiting in self.control.take():
                self.taken.append(waiting.request)
                self.was_set.append(self._halt.is_set)
                waiting.settle(Answer(Result.DONE, "halted", 7, ("told",)))

    def close(self) -> None:
        self._is_over = True
        self.woken.set()
        self._thread.join()
        self.control.close()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path)
    yield made
    made.close()


def test_a_halt_is_answered_when_what_was_on_its_way_is_out_of_the_way(tmp_path: Path) -> None:
    seen: list[bool] = []
    halt = HaltFile(tmp_path)
    with Control(tmp_path, lambda: None, lambda: seen.append(halt.is_set)) as control:
        answers = [
            threading.Thread(target=ask, args=(tmp_path, Request(command, "ann", "why")))
            for command in (Command.REDUCE, Command.HALT)
        ]
        for answer in answers:
            answer.start()
            taken: list[Waiting] = []
            until = time.monotonic() + 30.0
            while not taken and time.monotonic() < until:
                taken = control.take()
                time.sleep(0.001)
            for waiting in taken:
                waiting.settle(Answer(Result.DONE, "halted", 7, ()))
            answer.join(30.0)
    assert seen == [True]  # for the halt alone, and after the file was there


def test_a_halt_is_in_force_before_the_loop_hears_of_it(loop: Loop, tmp_path: Path) -> None:
    answer = ask(tmp_path, Request(Command.HALT, "ann", "outage"))
    assert answer == Answer(Result.DONE, "halted", 7, ("told",))
    assert [request.command for request in loop.taken] == [Command.HALT]
    assert loop.was_set == [True]


def test_only_the_owner_of_the_folder_may_speak(loop: Loop, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_resume_without_the_token_does_not_reach_the_loop(
    loop: Loop, tmp_path: Path, token: str
) -> None:
    token_of(tmp_path)
    answer = ask(tmp_path, Request(Command.RESUME, "bot", "let me", token))
    assert (answer.result, answer.lines) == (Result.REFUSED, (RESUME_NEEDS,))
    assert loop.taken == []


@pytest.mark.parametrize(
    ("scope", "ago_ns", "is_taken"),
    [
        pytest.param(Scope.ADMIN, 0, True, id="an-admin"),
        pytest.param(Scope.TRADE, 0, False, id="a-trader"),
        pytest.param(Scope.ADMIN, 16 * MINUTE_NS, False, id="an-admin-of-long-ago"),
    ],
)
def test_a_session_of_an_admin_resumes_like_the_token(
    loop: Loop, tmp_path: Path, scope: Scope, ago_ns: int, is_taken: bool
) -> None:
    began_ns = SystemClock().now_ns() - ago_ns
    token = sessions.begin(tmp_path, "anna", (scope,), "link", began_ns)
    answer = ask(tmp_path, Request(Command.RESUME, "anna", "let me", token))
    assert (answer.result is Result.DONE) == is_taken
    assert len(loop.taken) == is_taken


def test_a_resume_with_the_token_reaches_it(loop: Loop, tmp_path: Path) -> None:
    token = token_of(tmp_path)
    assert ask(tmp_path, Request(Command.RESUME, "ann", "over", token)).result is Result.DONE
    assert [request.command for request in loop.taken] == [Command.RESUME]


def test_a_reason_is_needed(loop: Loop, tmp_path: Path) -> None:
    answer = ask(tmp_path, Request(Command.REDUCE, "ann", "  "))
    assert answer.lines == ("a reason is needed",)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\n", id="nothing"),
        pytest.param(b"{]\n", id="no-json"),
        pytest.param(b'{"command":"sell","who":"a","reason":"b"}\n', id="no-command"),
        pytest.param(b'{"command":"halt","who":"a","reason":"b","x":1}\n', id="unknown-field"),
        pytest.param(b"x" * 70_000, id="too-long"),
        pytest.param(b"\xff\xfe\n", id="no-text"),
    ],
)
def test_what_is_no_command_is_refused_and_the_next_one_is_heard(
    loop: Loop, tmp_path: Path, text: bytes
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(tmp_path / SOCKET))
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        assert b'"refused"' in connection.recv(65_536)
    assert ask(tmp_path, Request(Command.REDUCE, "ann", "b")).result is Result.DONE


def test_a_running_account_gives_a_sign_and_does_nothing(loop: Loop, tmp_path: Path) -> None:
    assert gives_a_sign(tmp_path) is True
    assert loop.taken == []
    assert not HaltFile(tmp_path).is_set


def test_who_listens_and_does_not_answer_gives_no_sign(tmp_path: Path) -> None:
    assert gives_a_sign(tmp_path) is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(tmp_path / SOCKET))
        assert gives_a_sign(tmp_path) is None  # left behind, as after a kill
        deaf.listen(0)
        assert gives_a_sign(tmp_path, within_s=0.05) is False
        assert gives_a_sign(tmp_path, within_s=0.05) is False  # nor is anybody let in
    assert [file.name for file in tmp_path.iterdir()] == [SOCKET]


def test_nobody_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(BrokerDown, match=r"no account answers on .*control.sock"):
        ask(tmp_path, Request(Command.HALT, "ann", "b"))


def test_a_second_process_is_told_and_the_first_one_goes_on(loop: Loop, tmp_path: Path) -> None:
    with pytest.raises(LedgerLocked):
        Control(tmp_path, lambda: None)
    assert ask(tmp_path, Request(Command.REDUCE, "ann", "b")).result is Result.DONE


def test_a_socket_left_by_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / SOCKET))
    left.close()  # bound and never listening again, as after a kill
    assert os.path.exists(tmp_path / SOCKET)  # noqa: PTH110 - a socket, not a file
    fresh = Loop(tmp_path)
    try:
        assert ask(tmp_path, Request(Command.REDUCE, "ann", "b")).result is Result.DONE
    finally:
        fresh.close()
    assert not (tmp_path / SOCKET).exists()
