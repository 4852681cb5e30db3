"""Runs one command line: errors become sentences on stderr and an exit code, never a trace."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from smart_leverage.domain.errors import (
    BrokerDown,
    BrokerError,
    ConfigError,
    NotSent,
    OutcomeUnknown,
    Refused,
    SmartLeverageError,
    SourceDown,
)
from smart_leverage.domain.redaction import redactor

PIPED_WIDTH = 100
"""Columns of an output that nobody looks at directly."""

DONE, ERROR, USAGE, CONFIGURATION, UNREACHABLE, DENIED, FOUND = range(7)
"""Exit codes; 130 is an interruption, and 2 comes from the parser of the command line."""

INTERRUPTED = 128 + signal.SIGINT

_CODES: tuple[tuple[type[SmartLeverageError], int], ...] = (
    (ConfigError, CONFIGURATION),
    (SourceDown, UNREACHABLE),
    (Refused, DENIED),
    (BrokerDown, UNREACHABLE),
    (NotSent, UNREACHABLE),
    (OutcomeUnknown, UNREACHABLE),
    (BrokerError, ERROR),
)


def enter(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    _prepare(arguments)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        return _hang_up()
    except Exception as error:  # noqa: BLE001 - the last resort of every command
        return _tell(error, is_verbose=_has(arguments, "-v", "--verbose"))
    return code


def _dispatch(arguments: Sequence[str]) -> int:
    from typer.main import get_command

    from smart_leverage.cli.app import app

    try:
        get_command(app)(list(arguments), prog_name="smart-leverage")
    except SystemExit as leaving:  # the parser leaves by itself, also when all went well
        return leaving.code if isinstance(leaving.code, int) else ERROR
    return DONE


def _prepare(arguments: Sequence[str]) -> None:
    """Settle width and colour for everybody who writes: us, the parser and the tables."""
    if _has(arguments, "--no-color"):
        os.environ["NO_COLOR"] = "1"
    if not sys.stdout.isatty():
        os.environ.setdefault("COLUMNS", str(PIPED_WIDTH))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a sign that the terminal cannot write becomes a "?"
            reconfigure(errors="replace")


def _has(arguments: Sequence[str], *options: str) -> bool:
    return any(option in arguments for option in options)


def exit_code(error: BaseException) -> int:
    """Return the code with which a command that failed this way leaves."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ERROR)


def _tell(error: Exception, *, is_verbose: bool) -> int:
    if is_verbose:
        sys.stderr.write(redactor("".join(traceback.format_exception(error))))
    if isinstance(error, SmartLeverageError):
        sys.stderr.write(redactor(f"{error} [{error.code}]\n"))
    else:
        hint = "" if is_verbose else "; -v shows where"
        sys.stderr.write(redactor(f"unexpected {type(error).__name__}: {error}{hint} [bug]\n"))
    return exit_code(error)


def _hang_up() -> int:
    """Nobody reads on: leave without a word, and without one at the interpreter's end."""
    for stream in (sys.stdout, sys.stderr):
        _mute(stream)
    return 128 + signal.SIGPIPE


def _mute(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
