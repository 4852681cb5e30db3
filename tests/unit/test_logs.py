"""One chain for every line: named, complete, without secrets, and nobody waits for it."""

import json
import logging
import queue
import sys
import threading
import time
import warnings
from contextlib import suppress
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided, Marked, Noted, StateChanged
from smart_leverage.runtime.logs import journal
from smart_leverage.runtime.logs.handing import FLOOD_MAX, Handing, PrivateFile
from smart_leverage.runtime.logs.setup import Log, LogConfig, Names, logging_to

NAMES = Names("main", "sim", "trade")
SECRET = "hTTq0zJ1xw3QmB7v-uYk_9aLr4Nn5Pp6Ss7Tt8Uu9V"
OURS = logging.getLogger("smart_leverage.some.part")


class Written:
    """A log with what a person saw of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "trade.jsonl"
        self.terminal = StringIO()
        self.log: Log

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text("ascii").splitlines()]


def write(folder: Path, act: Any, **config: Any) -> Written:
    """Let something be logged, until all of it is written."""
    written = Written(folder)
    with logging_to(folder, NAMES, LogConfig(**config), written.terminal) as written.log:
        act()
    return written


def test_every_line_says_when_what_of_which_account_and_which_decision(tmp_path: Path) -> None:
    def act() -> None:
        OURS.info("something of %s", "note", extra={"bot": "grid", "qty": Decimal("0.10")})
        OURS.warning("decided", extra={"decision_id": "d7"})

    first, second = write(tmp_path, act).lines
    assert first["event"] == "something of note"
    assert (first["account"], first["mode"], first["process"]) == ("main", "sim", "trade")
    assert (first["level"], first["logger"]) == ("info", "smart_leverage.some.part")
    assert (first["bot"], first["qty"]) == ("grid", "0.10")
    assert first["at"].endswith("Z")
    assert first["decision_id"] is None
    assert second["decision_id"] == "d7"


def test_a_person_reads_warnings_and_what_the_journal_tells_is_told_elsewhere(
    tmp_path: Path,
) -> None:
    def act() -> None:
        OURS.info("quiet")
        OURS.warning("loud", extra={"source": "127.0.0.1"})
        journal.hear(StateChanged(at_ns=1, before="active", after="halted", why="x", who="ann"))

    written = write(tmp_path, act)
    assert [line["event"] for line in written.lines] == ["quiet", "loud", "state active to halted"]
    said = written.terminal.getvalue()
    assert "loud  source=127.0.0.1" in said
    assert len(said.splitlines()) == 1


def test_a_line_cannot_steer_a_terminal_nor_end_early(tmp_path: Path) -> None:
    evil = "\x1b[2J\r\nforged line\u2028\x9b31m"
    written = write(tmp_path, lambda: OURS.warning("name %s", evil, extra={"bot": evil}))
    (line,) = written.lines
    assert line["bot"] == evil
    raw = written.path.read_bytes()
    assert raw.count(b"\n") == 1
    assert all(32 <= byte < 127 or byte == 10 for byte in raw)
    said = written.terminal.getvalue()
    assert said.count("\n") == 1
    assert said.strip().isprintable()


def test_a_library_passes_the_same_chain_from_a_warning_on(tmp_path: Path) -> None:
    other = logging.getLogger("websockets.server")

    def act() -> None:
        other.debug("> TEXT %s", '{"secret": "body"}')
        other.info("connection open")
        other.warning("token=%s was odd", SECRET)
        warnings.warn("an old call", DeprecationWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        first, second = write(tmp_path, act, level="debug").lines
    assert first["logger"] == "websockets.server"
    assert SECRET not in json.dumps(first)
    assert first["account"] == "main"
    assert "an old call" in second["event"]


def test_no_way_into_a_line_lets_a_secret_through(tmp_path: Path) -> None:
    class Odd:
        def __str__(self) -> str:
            return f"odd {SECRET}"

    def fail() -> None:
        local = SECRET
        raise ValueError(f"refused {local}")

    def act() -> None:
        OURS.warning(f"in the text {SECRET}")
        OURS.warning("as an argument %s", SECRET)
        OURS.warning("as a field", extra={"field": SECRET, "other": Odd(), "more": [SECRET]})
        OURS.warning("by its name", extra={"password": "hunter2"})
        OURS.warning("as a name", extra={SECRET: 1})
        try:
            fail()
        except ValueError:
            OURS.exception("in a trace")

    written = write(tmp_path, act)
    assert len(written.lines) == 6
    for said in (written.path.read_text(), written.terminal.getvalue()):
        assert SECRET not in said
        assert "hunter2" not in said
        assert "raise ValueError" in said


def test_what_nobody_caught_is_logged_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError(f"broke on {SECRET}")

    def act() -> None:
        thread = threading.Thread(target=fail, name="lane")
        thread.start()
        thread.join()
        try:
            fail()
        except RuntimeError as error:
            sys.excepthook(RuntimeError, error, error.__traceback__)

    first, second = write(tmp_path, act).lines
    assert first["event"] == "the thread lane ended"
    assert second["event"] == "nobody caught this"
    assert SECRET not in json.dumps([first, second]) + capsys.readouterr().err
    assert "RuntimeError: broke on ***" in second["trace"]


def test_a_body_is_cut(tmp_path: Path) -> None:
    (line,) = write(tmp_path, lambda: OURS.warning("x" * 50_000, extra={"y": "z " * 9_000})).lines
    assert len(json.dumps(line)) < 9_000


def test_files_are_private_and_rotate(tmp_path: Path) -> None:
    line, size = "x" * 99, 2_000
    file = PrivateFile(tmp_path / "trade.jsonl", size, 2)
    for number in range(90):
        file.handle(logging.makeLogRecord({"msg": f"{number:03} {line[4:]}"}))
    file.close()
    found = sorted(tmp_path.iterdir())
    assert [each.name for each in found] == ["trade.jsonl", "trade.jsonl.1", "trade.jsonl.2"]
    for each in found:
        assert each.stat().st_mode & 0o077 == 0
        assert each.stat().st_size <= size
    assert (tmp_path / "trade.jsonl").read_text().splitlines()[-1].startswith("089 ")


def test_a_flood_of_one_wording_is_cut_and_counted_and_others_still_pass(tmp_path: Path) -> None:
    def act() -> None:
        for number in range(FLOOD_MAX + 30):
            OURS.warning("a token was refused: source %s", number)
        OURS.warning("something else")

    written = write(tmp_path, act)
    assert len(written.lines) == FLOOD_MAX + 1
    assert written.lines[-1]["event"] == "something else"
    assert written.log.dropped == 30


def test_who_logs_does_not_wait_for_a_full_queue() -> None:
    handing = Handing(queue.Queue(2))
    for number in range(5):
        handing.handle(logging.makeLogRecord({"msg": f"{number}", "levelno": logging.DEBUG}))
    assert handing.dropped == 3


def test_a_disk_that_refuses_is_counted_and_nobody_else_hears_of_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    written = Written(tmp_path)
    with logging_to(tmp_path, NAMES, LogConfig(), None) as log:
        file = log._file
        stream = file.stream
        full = file.stream = open("/dev/full", "a", encoding="ascii")  # noqa: SIM115, PTH123
        OURS.warning("lost %s", SECRET)
        until_s = time.monotonic() + 10.0
        while not log.dropped and time.monotonic() < until_s:
            time.sleep(0.005)
        file.stream = stream
        with suppress(OSError):  # what it still holds cannot be written either
            full.close()
        OURS.warning("kept")
    assert [line["event"] for line in written.lines] == ["kept"]
    assert SECRET not in capfd.readouterr().err


@pytest.fixture
def decided() -> Decided:
    return Decided(
        at_ns=2,
        decision_id="d1",
        bot="greedy",
        source="order",
        key=Key("crypto:BTC/USD"),
        side=Side.BUY,
        asked=Decimal(1),
        allowed=Decimal(0),
        given=Decimal(0),
        price=Decimal(50_000),
        verdict="denied",
        reason="cap_symbol",
        unit="fraction",
        bound=Decimal("0.1"),
        would_be=Decimal("5.1"),
        figures={},
        request="a name of the bot's own",
        body="what it asked",
    )


def test_the_journal_tells_decisions_to_those_who_look_closely_and_never_their_bodies(
    tmp_path: Path, decided: Decided
) -> None:
    note = Noted(at_ns=3, code="broker.lost", text="the broker does not answer")
    mark = Marked(
        at_ns=3, equity=Decimal(1), cash=Decimal(1), crypto=Decimal(0), leveraged=Decimal(0),
        gross=Decimal(0), crypto_cap=Decimal(1), leveraged_cap=Decimal(1),
    )  # fmt: skip

    def act() -> None:
        for record in (decided, mark, note):
            journal.hear(record)

    (only,) = write(tmp_path, act).lines
    assert (only["event"], only["level"]) == ("the broker does not answer", "warning")
    (tmp_path / "trade.jsonl").unlink()
    first, _ = write(tmp_path, act, level="debug").lines
    assert (first["event"], first["decision_id"], first["reason"]) == (
        "decision: denied", "d1", "cap_symbol",
    )  # fmt: skip
    assert "what it asked" not in json.dumps(first)


def test_logging_is_as_before_once_the_block_has_ended(tmp_path: Path) -> None:
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    before = (root.level, list(root.handlers), OURS.level)
    write(tmp_path, lambda: OURS.info("x"))
    assert (root.level, list(root.handlers), OURS.level) == before
    assert (sys.excepthook, threading.excepthook) == hooks
