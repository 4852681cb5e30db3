"""What was typed is understood or refused, and every failure has its exit code and sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from smart_leverage.cli.commands import COMMANDS, Entry
from smart_leverage.cli.entry import enter, exit_code
from smart_leverage.domain.errors import (
    BadData,
    BrokerDown,
    ConfigError,
    InvariantViolation,
    LedgerCorrupt,
    LedgerError,
    LedgerLocked,
    LedgerNewer,
    NotSent,
    OutcomeUnknown,
    Refused,
    SmartLeverageError,
)


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Type = Callable[..., Done]


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    """Enter a command line in this process, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def enter_line(*arguments: str) -> Done:
        code = enter(arguments)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return enter_line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["nope"], "No such command 'nope'", id="command"),
        pytest.param(["statu"], "Did you mean 'status'", id="near"),
        pytest.param(["limits", "chek"], "Did you mean 'check'", id="near-in-a-group"),
        pytest.param(["status", "--nope"], "No such option", id="option"),
        pytest.param(["explain"], "Missing argument 'ID'", id="no-argument"),
        pytest.param(["orders", "--limit", "0"], "greater than or equal to 1", id="limit"),
        pytest.param(["orders", "--limit", "x"], "--limit", id="limit-text"),
        pytest.param(["orders", "--verdict", "no"], "'approved', 'cut', 'denied'", id="verdict"),
        pytest.param(["orders", "--reason", "cap_cryto"], "did you mean cap_crypto?", id="reason"),
        pytest.param(["limits", "check", "hold", "BTC/USD", "1"], "SIDE", id="side"),
        pytest.param(["limits", "check", "buy", "BTC/USD", "nan"], "not an amount", id="nan"),
        pytest.param(["limits", "check", "buy", "BTC/USD", "1e99"], "not an amount", id="huge"),
        pytest.param(["limits", "check", "buy", "BTC/USD", "much"], "not a number", id="text"),
        pytest.param(["limits", "check", "buy", "BTC/USD", "4,000"], "write 4000", id="commas"),
        pytest.param(["limits", "check", "buy", "BTC/USD", "0"], "not above zero", id="zero"),
        pytest.param(["limits", "eval"], "--example", id="no-file"),
        pytest.param(["ledger", "verify", "a", "--ledger", "b"], "once", id="two-ledgers"),
        pytest.param(["target", "--monthly", "5%"], "write 0.05", id="per-cent"),
        pytest.param(["target", "--monthly", "5"], "not per cent: 0.05?", id="above-one"),
        pytest.param(["target", "--monthly", "inf"], "not an amount", id="infinite"),
    ],
)
def test_wrong_usage_leaves_with_2_and_says_what_is_right(
    typed: Type, arguments: list[str], told: str
) -> None:
    done = typed(*arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["x"]), 3),
        (BadData("x"), 1),
        (LedgerError("x"), 1),
        (LedgerCorrupt("x"), 1),
        (LedgerNewer("x"), 1),
        (LedgerLocked("x"), 1),
        (InvariantViolation("x"), 1),
        (BrokerDown("x"), 4),
        (NotSent("x"), 4),
        (OutcomeUnknown("id", 1.0), 4),
        (Refused(40310000, "x"), 5),
        (RuntimeError("x"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_cause_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_is_a_sentence_with_its_code_last(typed: Type) -> None:
    done = typed("status")
    assert done.code == 1
    assert done.err.startswith("no run under ")
    assert done.err.endswith(" [ledger.error]\n")
    assert done.err.count("\n") == 1


def test_the_trace_of_an_error_is_shown_on_request_only(typed: Type) -> None:
    assert "Traceback" not in typed("status").err
    assert "Traceback" in typed("status", "-v").err
    assert typed("status", "--verbose").err.endswith(" [ledger.error]\n")


def test_a_bug_is_a_sentence_too(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Path:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("smart_leverage.cli.places.ledger_path", broken)
    done = typed("status")
    assert (done.code, done.err) == (1, "unexpected ZeroDivisionError: oh; -v shows where [bug]\n")


def test_an_interruption_leaves_with_130(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("smart_leverage.cli.places.ledger_path", interrupted)
    assert typed("status").code == 130


def test_a_reader_who_hangs_up_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'from smart_leverage.cli import main; main()' config schema"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc")}
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} | head -n 1"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_version_is_that_of_the_package(typed: Type) -> None:
    from importlib.metadata import version

    assert typed("--version").out == f"smart-leverage {version('smart-leverage')}\n"
    assert typed("version").out.startswith(f"smart-leverage {version('smart-leverage')}\npython ")


# -- help -----------------------------------------------------------------------------------------


def leaves(entries: tuple[Entry, ...], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command line that can be asked for help, groups included."""
    found = []
    for entry in entries:
        found.append((*before, entry.name))
        found += leaves(entry.parts, (*before, entry.name))
    return found


@pytest.mark.parametrize("line", leaves(COMMANDS), ids=" ".join)
def test_the_help_of_each_command_ends_with_two_examples_of_it(
    typed: Type, line: tuple[str, ...]
) -> None:
    done = typed(*line, "--help")
    assert done.code == 0
    assert done.err == ""
    examples = done.out.partition("Examples:\n")[2].strip().splitlines()
    assert len(examples) == 2
    for example in examples:
        assert example.strip().startswith(f"smart-leverage {' '.join(line)}")
    assert max(map(len, done.out.splitlines())) <= 100


def test_the_first_help_lists_every_command_in_three_groups(typed: Type) -> None:
    out = typed("--help").out
    places = [out.index(f"\n{heading}:\n") for heading in ("Operate", "Research", "Keep")]
    assert places == sorted(places)
    for entry in COMMANDS:
        assert f"\n  {entry.name} " in out


@pytest.mark.parametrize("line", leaves(COMMANDS), ids=" ".join)
def test_an_example_of_the_help_is_understood(typed: Type, line: tuple[str, ...]) -> None:
    """Asking for help behind an example parses it without running it."""
    text = typed(*line, "--help").out.partition("Examples:\n")[2]
    for example in text.strip().splitlines():
        words = example.split(">")[0].split("|")[0].split()[1:]
        assert typed(*words, "--help").code == 0


def test_no_code_of_the_error_tree_is_forgotten() -> None:
    codes = [kind.code for kind in _tree(SmartLeverageError)]
    assert len(codes) == len(set(codes))


def _tree(kind: type[SmartLeverageError]) -> list[type[SmartLeverageError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _tree(child))]
