"""How a server is reached, what is asked of it, and what its refusals mean."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection, RawCursor
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrDumperUnknown, TextLoader

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.base import Durability, Rows
from smart_leverage.ledger.postgres.address import ADVICE, Address
from smart_leverage.ledger.postgres.dialect import statement as in_dialect

OLDEST_SERVER = 15
"""The oldest version of the server that will do."""

CONNECT_TIMEOUT_S = 5
SILENCE_S = 15
"""A peer that does not answer for so long is gone, here and on the server."""

_RAW = "AS BLOB"
"""A statement with this reads texts as bytes."""
_NUL, _ESCAPE = "\x00", "\x01"
_PARAPHRASED = re.compile(f"{_ESCAPE}(.)")
_WELL_KEPT = ("on", "remote_write", "remote_apply")
"""What `synchronous_commit` may be for a commit to survive a power loss of the server."""


class _TextDumper(StrDumperUnknown):
    """Writes text; a server cannot keep the character with the number 0, so that is paraphrased.

    With 1 and 1 for it, and 1 and 2 for the next one, texts sort as they did.
    """

    def dump(self, obj: str) -> Any:
        if _NUL in obj or _ESCAPE in obj:
            obj = obj.replace(_ESCAPE, f"{_ESCAPE}\x02").replace(_NUL, f"{_ESCAPE}\x01")
        return super().dump(obj)


class _TextLoader(TextLoader):
    def load(self, data: Any) -> str | bytes:
        text = super().load(data)
        if isinstance(text, str) and _ESCAPE in text:
            return _PARAPHRASED.sub(lambda found: _NUL if found[1] == "\x01" else _ESCAPE, text)
        return text


# A connection that is lost in the middle of a commit is an error of its own, told once, by us.
logging.getLogger("psycopg").setLevel(logging.ERROR)


def _adapt(adapters: AdaptersMap) -> None:
    """Make every integer as wide as the columns are, and every text one that can be kept."""
    for dumper in (Int8BinaryDumper, Int8Dumper):
        adapters.register_dumper(int, dumper)
    adapters.register_dumper(str, _TextDumper)
    adapters.register_loader("text", _TextLoader)


def connect(address: Address, *, is_writer: bool) -> "Connection[Any]":
    """Open a connection to the server of an address.

    No statement is prepared on the server: behind a pooler the next one may reach a session that
    never heard of it.

    Args:
        address: Of the ledger.
        is_writer: Whether it commits by itself; a reader asks in transactions that cannot write.

    Raises:
        LedgerError: The server does not let us in, is too old, or cannot keep a ledger.
    """
    try:
        given = conninfo_to_dict(address.url)
    except psycopg.Error as error:
        raise LedgerError(f"{address.told}: not a URL of a server ({_line(error)})") from error
    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": SILENCE_S // 3,
        "keepalives_interval": SILENCE_S // 3,
        "keepalives_count": 2,
        "tcp_user_timeout": SILENCE_S * 1_000,
        "application_name": f"smart-leverage {owner()}"[:63],
        "client_encoding": "UTF8",
    }
    whole = make_conninfo(address.url, **{k: v for k, v in ours.items() if k not in given})
    try:
        connection = psycopg.connect(whole, autocommit=is_writer, prepare_threshold=None)
    except psycopg.Error as error:
        raise refused(error, address) from error
    try:
        _adapt(connection.adapters)
        if not is_writer:
            connection.read_only = True
        check_server(connection.info.server_version, connection.info.parameter_status, address)
    except BaseException:
        connection.close()
        raise
    return connection


def owner() -> str:
    """Return who we are, as a server or another machine may show it."""
    return f"pid {os.getpid()} on {socket.gethostname()}"


def check_server(version: int, told: Any, address: Address) -> None:
    """Refuse a server that is too old, or a database that does not keep all letters.

    Args:
        version: As libpq has it, 150004 for 15.4.
        told: Returns what the server told of itself by name.
        address: For the sentence.

    Raises:
        LedgerError: It will not do; the sentence says what would.
    """
    if version < OLDEST_SERVER * 10_000:
        number = f"{version // 10_000}.{version % 10_000}"
        raise LedgerError(
            f"{address.told}: the server is PostgreSQL {number}, this needs {OLDEST_SERVER} or "
            "newer; update the server, or name another one"
        )
    encoding = told("server_encoding")
    if encoding not in (None, "UTF8"):  # None: a pooler does not tell
        raise LedgerError(
            f"{address.told}: the database keeps its letters as {encoding}; make another one with "
            "`createdb --encoding UTF8 --template template0 NAME`"
        )


def prepare_writer(connection: "Connection[Any]", address: Address, durability: Durability) -> None:
    """Set up the session that writes; refuse what is no server, or forgets what it acknowledged.

    Raises:
        LedgerError: It is a pooler or a standby, or it does not sync.
    """
    ask = _asking(connection)
    # Asked before anything is set or locked: a pooler would keep that for somebody else.
    if ask("SELECT pg_backend_pid()") != connection.info.backend_pid:
        raise LedgerError(
            f"{address.told}: this is a pooler, which may give the session with the lock to "
            "others; the writer needs the server itself"
        )
    if ask("SELECT pg_is_in_recovery()"):
        raise LedgerError(
            f"{address.told}: the server is a standby and takes no writes; name the primary, or "
            "add target_session_attrs=read-write to a URL with several hosts"
        )
    if durability is Durability.FULL:
        for setting in ("fsync", "full_page_writes"):
            if ask(f"SHOW {setting}") != "on":
                raise LedgerError(
                    f"{address.told}: the server runs with {setting} = off and loses what it "
                    f"acknowledged when its power fails; set {setting} = on"
                )
    is_kept = ask("SHOW synchronous_commit") in _WELL_KEPT
    if durability is Durability.NONE:
        connection.execute("SET synchronous_commit = off")
    elif not is_kept:
        connection.execute("SET synchronous_commit = on")
    silence = SILENCE_S // 3
    for setting, value in (
        # A writer may be idle for hours, and keeps its lock.
        ("idle_session_timeout", "0"),
        ("lock_timeout", "10s"),
        # Of a machine that is gone the lock is let go of within seconds, not hours.
        ("tcp_keepalives_idle", str(silence)),
        ("tcp_keepalives_interval", str(silence)),
        ("tcp_keepalives_count", "2"),
        ("tcp_user_timeout", str(SILENCE_S * 1_000)),
    ):
        connection.execute(f"SET {setting} = {value!r}")


def _asking(connection: "Connection[Any]") -> Any:
    def ask(question: str) -> Any:
        row = connection.execute(question).fetchone()
        return None if row is None else row[0]

    return ask


class ServerDatabase:
    """A `Database` of the tables of one ledger on a server.

    Whatever the server says against a statement is a `LedgerError`. Without autocommit every
    statement is a transaction of its own that ends before its rows are looked at, unless somebody
    `holds` it.
    """

    def __init__(self, connection: "Connection[Any]", address: Address) -> None:
        self.connection = connection
        self.address = address
        self.schema = address.schema
        self._is_held = False

    def execute(self, statement: str, values: Any = (), /) -> Rows:
        """Run a statement of `queries.sql`, or one that is written like those.

        Raises:
            LedgerError: The server refused, or is gone.
        """
        text, names = in_dialect(statement, self.schema)
        given = [values[name] for name in names] if names else tuple(values)
        with errors(self.address):
            try:
                cursor = self._cursor().execute(text, given)
            finally:
                if not self.connection.autocommit and not self._is_held:
                    self.connection.rollback()  # It only read; the rows have come in.
        return _Fetched(cursor, self.address, as_bytes=_RAW in statement)

    def _cursor(self) -> RawCursor[Any]:
        """Return a cursor that takes numbered places, and need not look for them in long texts."""
        return RawCursor(self.connection)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let all statements of a block see one and the same state, in one transaction.

        Raises:
            LedgerError: The server refused, or is gone.
        """
        self._is_held = True
        try:
            with errors(self.address):
                self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
        finally:
            self._is_held = False
            with suppress(psycopg.Error):
                self.connection.rollback()

    def close(self) -> None:
        """Let go of the connection; harmless twice."""
        with suppress(psycopg.Error):
            self.connection.close()


class _Fetched:
    """The rows of a statement, as the ledger knows them."""

    def __init__(self, cursor: "psycopg.Cursor[Any]", address: Address, *, as_bytes: bool) -> None:
        self._cursor = cursor
        self._address = address
        self._as_bytes = as_bytes

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchone(self) -> Any:
        with errors(self._address):
            row = self._cursor.fetchone()
        return self._raw(row) if self._as_bytes and row is not None else row

    def fetchall(self) -> list[Any]:
        with errors(self._address):
            rows = self._cursor.fetchall()
        return [self._raw(row) for row in rows] if self._as_bytes else rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    @staticmethod
    def _raw(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(cell.encode() if type(cell) is str else cell for cell in row)


@contextmanager
def errors(address: Address) -> Iterator[None]:
    """Turn what the driver raises in a block into an error of the ledger."""
    try:
        yield
    except psycopg.Error as error:
        raise refused(error, address) from error


def refused(error: psycopg.Error, address: Address) -> LedgerError:
    """Return what an error of the driver means: what is wrong, where, and what would be right."""
    line = _line(error)
    for sign, what in _MEANINGS:
        if (error.sqlstate or "").startswith(sign) if len(sign) <= 5 else sign in line:
            return LedgerError(f"{what} ({address.told}: {line})")
    return LedgerError(f"{address.told}: {line}")


_AUTHENTICATION = f"the server does not take the password or the user; {ADVICE}"
_GONE = "the server does not answer; what was acknowledged is kept there, start it again"
_STOPPING = "the server is starting up or shutting down; try again in a moment"
_UNKNOWN_HOST = "the name of the server is not known; look at the URL and at the name service"
_NO_DATABASE = "there is no such database; make it with `createdb --encoding UTF8 NAME`"
_MEANINGS = (
    ("28", _AUTHENTICATION),
    ("password authentication failed", _AUTHENTICATION),
    ("no password supplied", _AUTHENTICATION),
    ("no pg_hba.conf entry", "the server lets nobody in from here; its pg_hba.conf says who may"),
    ("could not translate host name", _UNKNOWN_HOST),
    ("failed to resolve host", _UNKNOWN_HOST),
    ("the database system is", _STOPPING),
    ("57P03", _STOPPING),
    ("too many clients", "the server has no connection left; raise its max_connections"),
    ("53300", "the server has no connection left; raise its max_connections"),
    ("3D000", _NO_DATABASE),
    ('database "', _NO_DATABASE),
    ("42501", "the user lacks a right there; its owner grants it with GRANT"),
    ("permission denied", "the user lacks a right there; its owner grants it with GRANT"),
    ("25006", "the server takes no writes, as a standby does; name the primary"),
    ("53100", "the disk of the server is full; free some room there"),
    ("55P03", "somebody else holds the row of the writer for too long"),
    ("57P", _GONE),
    ("08", _GONE),
    ("connection failed", _GONE),
    ("connection is bad", _GONE),
    ("connection timeout", _GONE),
    ("connection is closed", _GONE),
    ("connection is lost", _GONE),
    ("server closed the connection", _GONE),
    ("terminating connection", _GONE),
    ("consuming input failed", _GONE),
    ("sending query failed", _GONE),
)
"""Beginnings of the server's codes, or parts of sentences: what they mean; the first counts."""


def _line(error: BaseException) -> str:
    """Return what the driver says in one line; it never holds the password."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300]
