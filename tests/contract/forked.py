"""Commands as users start them, each a process of its own, without loading the program each time.

Half a second of CPU goes into the imports of a command, and tests start hundreds of them. So one
process loads the command line, runs nothing, and waits; every command is a fork of it, with its own
folder, environment, streams and exit code. What a start from nothing loads, and that it works, is
shown by `tests/unit/test_cli_imports.py` and by all tests that start what keeps running.
"""

import atexit
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

LOADED = (
    *("smart_leverage.settings", "smart_leverage.wiring", "typer.main", "rich.table"),
    *("numba", "polars", "scipy.stats", "sklearn.isotonic", "arch.bootstrap"),
)


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment() -> dict[str, str]:
    """Return the environment of the tests without settings of ours."""
    return {name: text for name, text in os.environ.items() if not name.startswith("SMART_")}


def told(
    home: Path,
    *words: str,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
) -> Done:
    """Run a command in a folder, with more variables of the environment, and wait for its end."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin.encode())
        given.seek(0)
        code = _waiting().start(
            home, words, environment() | dict(variables or {}), (given, out, err), timeout_s
        )
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    assert "Traceback" not in texts[1], texts[1]
    return Done(code, *texts)


class _Waiting:
    """The process that is forked; it ends when its line is cut."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.contract.forked", str(theirs.fileno())],
                cwd=Path(__file__).parents[2],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(
        self,
        home: Path,
        words: Sequence[str],
        variables: Mapping[str, str],
        streams: Sequence[Any],
        timeout_s: float,
    ) -> int:
        wish = json.dumps({"home": str(home), "words": words, "variables": variables})
        self._line.settimeout(timeout_s)
        socket.send_fds(self._line, [wish.encode() + b"\n"], [each.fileno() for each in streams])
        try:
            return int(_line_of(self._line, b""))
        except TimeoutError:
            self._process.kill()
            raise

    def end(self) -> None:
        self._line.close()
        self._process.wait(timeout=10)


@cache
def _waiting() -> _Waiting:
    one = _Waiting()
    atexit.register(one.end)
    return one


def _line_of(line: socket.socket, begun: bytes) -> bytes:
    while not begun.endswith(b"\n"):
        more = line.recv(1 << 16)
        if not more:
            raise EOFError("the other side is gone")
        begun += more
    return begun


def _become_a_command(line: socket.socket) -> None:
    """Fork for every wish and tell how it ended; return in the children only, prepared to run."""
    while True:
        begun, streams, _, _ = socket.recv_fds(line, 1 << 16, 3)
        if not begun:
            sys.exit()
        wish = json.loads(_line_of(line, begun))
        child = os.fork()
        if not child:
            break
        for each in streams:
            os.close(each)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line.sendall(f"{code}\n".encode())
    line.close()
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(wish["home"])
    os.environ.clear()
    os.environ.update(wish["variables"])
    sys.argv = ["smart-leverage", *wish["words"]]


if __name__ == "__main__":
    from smart_leverage.cli import main
    from smart_leverage.cli.commands import COMMANDS

    for name in LOADED:
        import_module(name)
    for entry in COMMANDS:
        for one in (entry, *entry.parts):
            if one.target:
                import_module(f"smart_leverage.cli.{one.target.partition(':')[0]}")
    gc.freeze()  # a collection would copy every page into every child
    _become_a_command(socket.socket(fileno=int(sys.argv[1])))
    main()
