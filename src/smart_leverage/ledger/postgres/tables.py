"""The tables of a ledger on a server: made whole, known by their version, never two writers."""

import time
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerLocked, LedgerNewer
from smart_leverage.ledger.connections import SCHEMA_VERSION
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import ServerDatabase, errors
from smart_leverage.ledger.postgres.dialect import quoted, tables
from smart_leverage.ledger.statements import QUERIES, SCHEMA, load

OWN = load("queries.sql", __package__)
"""Statements that only a server is asked."""

OWN_SCHEMA = load("schema.sql", __package__)
_LOCK_PAUSE_S = 0.02


class Home(NamedTuple):
    """Whose ledger it is, where it was moved to, and who opened it last."""

    account: str
    moved_to: str
    owner: str


def exists(database: ServerDatabase) -> bool:
    """Whether the tables of a ledger are there.

    Raises:
        LedgerError: Something else has the schema.
    """
    found = dict(
        database.execute(
            "SELECT relname, relkind FROM pg_class WHERE relnamespace = to_regnamespace(?)",
            (quoted(database.schema),),
        ).fetchall()
    )
    if not found:
        return False
    if "ledger_schema" not in found or "home" not in found:
        raise LedgerError(
            f"{database.address.told}: the schema {database.schema} is there and is not a ledger; "
            "name the account otherwise, or another database"
        )
    return True


def create(database: ServerDatabase) -> None:
    """Make all tables and the rows that must be there, in the transaction of the caller.

    Raises:
        LedgerError: The user may not, or the server refused.
    """
    address, schema = database.address, database.schema
    run = database.connection.execute
    with errors(address):
        (is_there,) = run("SELECT to_regnamespace(%s)", (quoted(schema),)).fetchone() or (None,)
        try:
            if is_there is None:
                run(f"CREATE SCHEMA {quoted(schema)}")
        except psycopg.errors.InsufficientPrivilege as error:
            info = database.connection.info
            raise LedgerError(
                f"{address.told}: {info.user} may not make the schema of a ledger; as the owner of "
                f"the database: GRANT CREATE ON DATABASE {quoted(info.dbname)} TO "
                f"{quoted(info.user)}"
            ) from error
        for part in (SCHEMA["journal"], SCHEMA["projections"], OWN_SCHEMA["home"]):
            run(tables(part, schema))
        run(OWN_SCHEMA["guards"].replace(":schema", quoted(schema)))
    database.execute(OWN["insert_home"], (address.account,))


def check(database: ServerDatabase) -> Home:
    """Refuse what is not a ledger of this version and this account.

    Raises:
        LedgerNewer: A newer program wrote it.
        LedgerCorrupt: It is a ledger, but a row that must be there is missing.
        LedgerError: It is an older ledger, or that of another account.
    """
    where = database.address.told
    row = database.execute(QUERIES["schema_version"]).fetchone()
    home = database.execute(OWN["home"]).fetchone()
    if row is None or row[0] < 1 or home is None:
        raise LedgerCorrupt(f"{where}: the version of the tables is missing")
    if row[0] > SCHEMA_VERSION:
        raise LedgerNewer(
            f"{where}: written with tables of version {row[0]}, this program knows "
            f"{SCHEMA_VERSION}; update the program"
        )
    if row[0] < SCHEMA_VERSION:
        raise LedgerError(
            f"{where}: written with tables of version {row[0]}, this program writes "
            f"{SCHEMA_VERSION}; bring it up with the program that wrote it"
        )
    found = Home(*home)
    if found.account != database.address.account:
        raise LedgerError(f"{where}: these are the tables of the account {found.account}")
    return found


def refuse_moved(home: Home, address: Address) -> None:
    """Refuse to write a ledger that lives elsewhere now.

    Raises:
        LedgerError: It was moved away.
    """
    if home.moved_to:
        raise LedgerError(
            f"{address.told}: this ledger was moved to {home.moved_to} and is only kept here; "
            "nothing may be added to it"
        )


def lock(database: ServerDatabase, wait_s: float) -> None:
    """Take the right to write, for as long as this session lives.

    Args:
        database: The connection that writes; the right ends with it.
        wait_s: How long to wait for it: the session of a process that was killed may still be
            ending.

    Raises:
        LedgerLocked: Somebody else has it.
    """
    until_s = time.monotonic() + wait_s
    while not _try_lock(database):
        if time.monotonic() >= until_s:
            raise LedgerLocked(f"{database.address.told}: {_holder(database)}")
        time.sleep(_LOCK_PAUSE_S)


def _try_lock(database: ServerDatabase) -> bool:
    asked = database.execute("SELECT pg_try_advisory_lock(?)", (database.address.lock,))
    return bool(asked.fetchone()[0])


def _holder(database: ServerDatabase) -> str:
    """Say who writes, as far as the server tells."""
    who: Any = None
    with suppress(LedgerError):
        who = database.execute(
            "SELECT application_name FROM pg_stat_activity WHERE pid = "
            "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND (classid::bigint << 32) | objid::bigint = ?)",
            (database.address.lock,),
        ).fetchone()
    name = str(who[0] or "") if who else ""
    if name.startswith("smart-leverage"):
        return f"{name.removeprefix('smart-leverage ')} is writing this ledger"
    return f"somebody else is writing this ledger{f' ({name})' if name else ''}"
