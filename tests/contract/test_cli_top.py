"""`top` on a real terminal and into a pipe, `watch` line by line, and what a shell completes."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fcntl import ioctl
from pathlib import Path

import pytest
from tests.contract.forked import environment, told
from tests.unit.test_cli_imports import records
from tests.wire.serving import PROGRAM

from smart_leverage.cli.completing import VARIABLE, answer
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Side
from smart_leverage.domain.records import Filled, StateChanged
from smart_leverage.ledger.sqlite import SqliteLedger

BTC = Key("crypto:BTC/USD")
PATIENCE_S = 60.0
ROWS, COLUMNS = 30, 100
ENTERS, LEAVES = "\x1b[?1049h", "\x1b[?1049l"
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def fill(at_ns: int, qty: str = "0.01") -> Filled:
    return Filled(
        at_ns=at_ns,
        fill=Fill(
            execution_id=f"x{at_ns}",
            client_order_id="none-of-ours",
            key=BTC,
            side=Side.BUY,
            qty=Decimal(qty),
            price=Decimal(50_000),
            fee=Decimal(0),
            fee_asset="USD",
            at_ns=at_ns,
        ),
    )


def halted(at_ns: int) -> StateChanged:
    return StateChanged(at_ns=at_ns, before="active", after="halted", why="a test", who="ann")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """A tiny account that this process writes, so that what comes can be told to come."""
    run = tmp_path / "runs" / "tiny"
    run.mkdir(parents=True)
    (tmp_path / "runs" / "latest").write_text("tiny\n")
    with SqliteLedger(run / "ledger.sqlite") as opened:
        opened.commit([*records()])
        yield opened


class Terminal:
    """A command on a terminal of its own: what stands on it, and keys that are pressed."""

    def __init__(self, home: Path, *words: str) -> None:
        self._own, other = pty.openpty()
        ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(other)
        self._other = other
        self.said = ""
        self.process = subprocess.Popen(
            [PROGRAM, *words],
            cwd=home,
            env={**environment(), "TERM": "xterm-256color"},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),
        )

    def read(self) -> str:
        while select.select([self._own], [], [], 0.05)[0]:
            try:
                self.said += os.read(self._own, 65_536).decode(errors="replace")
            except OSError:
                break
        return self.said

    def shows(self, text: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            if text in self.read():
                return
        raise AssertionError(f"never showed {text!r}:\n{_CODES.sub('', self.said)[-3_000:]}")

    def press(self, key: str) -> None:
        os.write(self._own, key.encode())

    def resize(self, rows: int, columns: int) -> None:
        ioctl(self._other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def ended(self) -> int:
        until_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < until_s:
            self.read()
        assert self.process.returncode is not None, "still there"
        self.read()
        return self.process.returncode

    @property
    def is_as_before(self) -> bool:
        return termios.tcgetattr(self._other) == self.before

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._own)
        os.close(self._other)


@contextmanager
def terminal(home: Path, *words: str) -> Iterator[Terminal]:
    made = Terminal(home, *words)
    try:
        yield made
    finally:
        made.close()


def test_top_keeps_a_screen_up_to_date_and_q_gives_it_back(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    with terminal(tmp_path, "top", "--every", "0.25") as shown:
        shown.shows("q ends this")
        assert ENTERS in shown.said
        assert "SIM tiny" in shown.said
        assert "denied" in shown.said
        ledger.commit([halted(3)])
        shown.shows("HALTED")
        assert shown.process.poll() is None
        shown.press("q")
        assert shown.ended() == 0
        assert LEAVES in shown.said
        assert shown.is_as_before


@pytest.mark.parametrize("key", ["\x03", "Q"], ids=["ctrl-c", "capital"])
def test_another_way_out_is_as_good(tmp_path: Path, ledger: SqliteLedger, key: str) -> None:
    with terminal(tmp_path, "top") as shown:
        shown.shows("q ends this")
        shown.press("x")
        time.sleep(0.5)
        assert shown.process.poll() is None
        shown.press(key)
        assert shown.ended() == 0
        assert LEAVES in shown.said
        assert "Traceback" not in shown.said
        assert shown.is_as_before


def test_a_frame_is_never_wider_or_higher_than_its_terminal(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    ledger.commit([fill(at) for at in range(10, 90)])
    with terminal(tmp_path, "top", "--every", "0.25") as shown:
        shown.shows("q ends this")
        time.sleep(0.5)
        shown.read()
        shown.said = ""
        shown.resize(12, 60)
        shown.process.send_signal(signal.SIGWINCH)
        shown.shows("q ends this")
        time.sleep(1.0)
        # Each frame begins at the upper left corner.
        last = shown.read().split("\x1b[H")[-1]
        lines = _CODES.sub("", last).replace("\r", "").rstrip("\n").split("\n")
        assert len(lines) <= 12, lines
        assert max(map(len, lines)) <= 60, lines
        assert any(line.endswith("…") for line in lines)
        shown.press("q")
        assert shown.ended() == 0


def test_into_a_pipe_top_writes_one_frame_and_as_json_what_status_does(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    done = told(tmp_path, "top")
    assert done.code == 0
    assert "SIM tiny" in done.out
    assert "process   ● writes" in done.out
    assert re.search(r"■ denied +d1 +greedy: buy BTC/USD for \$50,000", done.out)
    assert "\x1b" not in done.out
    assert told(tmp_path, "top", "--json").json == told(tmp_path, "status", "--json").json


def test_where_there_is_no_account_top_and_watch_say_so(tmp_path: Path) -> None:
    for words in (("top",), ("watch", "--for", "0")):
        done = told(tmp_path, *words)
        assert done.code == 1
        assert "no run under" in done.err


def test_watch_tells_the_past_that_is_asked_for_and_then_what_comes(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    with subprocess.Popen(
        [PROGRAM, "watch", "--last", "1", "--json"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["kind"], first["decision_id"], first["verdict"]) == (
            "decision",
            "d1",
            "denied",
        )
        assert first["sentence"].startswith("symbol cap")
        ledger.commit([fill(5, "0.02"), halted(6)])
        second, third = (json.loads(process.stdout.readline()) for _ in range(2))
        assert (second["kind"], second["qty"], second["price"]) == ("fill", "0.02", "50000")
        assert (third["kind"], third["after"], third["seq"]) == (
            "state",
            "halted",
            second["seq"] + 1,
        )
        assert third["at"].startswith("1970-01-01T00:00:00")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_watch_in_words_is_a_line_an_event(tmp_path: Path, ledger: SqliteLedger) -> None:
    ledger.commit([fill(7), halted(8)])
    lines = told(tmp_path, "watch", "--for", "0").out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"00:00:00  ✓ filled +buy 0\.01 BTC/USD at \$50,000(\.00)?, \$500", lines[1]
    )
    assert "■ HALTED, a test" in lines[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(tmp_path: Path, shell: str) -> None:
    done = told(tmp_path, "completion", "show", shell)
    assert done.code == 0
    assert "_SMART_LEVERAGE_COMPLETE" in done.out
    assert str(tmp_path) not in done.out


def test_bash_completes_commands_and_options_and_loads_little(tmp_path: Path) -> None:
    script = told(tmp_path, "completion", "show", "bash").out
    (tmp_path / "complete.sh").write_text(script)
    asks = """
    source complete.sh
    COMP_WORDS=("$PROGRAM" {words}); COMP_CWORD={place}
    _smart_leverage_completion "$PROGRAM"
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    for words, place, expected in (
        ("sta", 1, {"statement", "status"}),
        ("wa", 1, {"walk-forward", "watch"}),
        ("limits s", 2, {"set", "show"}),
        ("top --ev", 2, {"--every"}),
    ):
        done = subprocess.run(
            ["bash", "-c", asks.format(words=words, place=place)],
            cwd=tmp_path, env={**environment(), "PROGRAM": PROGRAM},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert set(done.stdout.split()) == expected, done.stderr


NAMES = [
    pytest.param("sta", "statement status", id="command"),
    pytest.param("limits s", "set show", id="part-of-a-group"),
    pytest.param("w", "walk-forward watch", id="several"),
    pytest.param("nothing", "", id="none"),
]


@pytest.mark.parametrize(("line", "names"), NAMES)
def test_a_name_is_completed_before_anything_heavy_is_loaded(line: str, names: str) -> None:
    words = f"smart-leverage {line}"
    place = str(len(words.split()) - 1)
    asked = {
        "complete_bash": {"COMP_WORDS": words, "COMP_CWORD": place},
        "complete_zsh": {"_TYPER_COMPLETE_ARGS": words},
        "complete_fish": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    for shell, more in asked.items():
        code = "import sys; from smart_leverage.cli import main\ntry: main()\nfinally: "
        done = subprocess.run(
            [sys.executable, "-c", f"{code}sys.stderr.write(f'{{len(sys.modules)}}')"],
            env={**environment(), "_SMART_LEVERAGE_COMPLETE": shell, **more},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        found = re.findall(r"[a-z][a-z-]+", done.stdout.replace("_arguments", ""))
        assert sorted(found) == (names.split() or (["files"] if shell == "complete_zsh" else [])), (
            shell
        )
        assert int(done.stderr) <= 120


def test_fish_is_told_whether_there_is_something_to_complete() -> None:
    for line, code in (("smart-leverage sta", 0), ("smart-leverage nothing", 1)):
        asks = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
        assert answer({VARIABLE: "complete_fish", **asks}) == (code, "")


def test_options_and_values_are_left_to_the_parser() -> None:
    for words in ("smart-leverage top --ev", "smart-leverage orders x", "smart-leverage 'open"):
        asks = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        assert answer({VARIABLE: "complete_bash", **asks}) is None
