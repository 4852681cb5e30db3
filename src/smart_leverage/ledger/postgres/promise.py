"""What the owner of an account promised its successor: where it runs, and how long alone."""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.files import PLACE, beside, put_in_place, write_durably
from smart_leverage.ledger.postgres.connections import ServerDatabase, errors, owner
from smart_leverage.ledger.postgres.dialect import quoted, tables
from smart_leverage.ledger.postgres.tables import OWN, OWN_SCHEMA

UNDER_WAY_S = 120.0
"""How long a request may be under way to a broker after the owner has stopped sending."""

SESSION_S = 30.0
"""How long an owner may take to find its session gone: it looks, and waits for an answer."""

_LOOK_S = 2.0


class Reign(NamedTuple):
    """How an account is run on a server: what a ledger that is only written to does without.

    `refuge_s` is how long its owner may go on, halted, without the session that holds the lock;
    whoever takes over from another place waits so long, and then for what is `under_way_s`.
    """

    refuge_s: float
    """0 is no refuge: without its session the owner sends nothing."""
    warn: Callable[[str], None] = lambda line: None
    under_way_s: float = UNDER_WAY_S

    @property
    def alone_s(self) -> float:
        """How long after the last proof of its lock the owner may still send."""
        return max(self.refuge_s, SESSION_S)


def place_of(path: Path) -> str:
    """Return what tells the folder of a path from every other, also from a copy of it.

    The number is the folder's own and goes with it to another container; a copy has a file of its
    own, which the number of the file tells.

    Raises:
        LedgerError: It cannot be read or made.
    """
    file = beside(path, PLACE)
    try:
        if not file.exists():
            new = file.with_name(f"{file.name}.new")
            write_durably(new, f"{secrets.token_hex(16)}\n")
            put_in_place(new, file)
        return f"{file.read_text(encoding='ascii').strip()}-{file.stat().st_ino}"
    except (OSError, ValueError) as error:
        raise LedgerError(f"{file}: cannot be read: {error}") from error


def begin(database: ServerDatabase, path: Path, reign: Reign) -> None:
    """Wait until nobody else can act on the account any more, and promise the same.

    The lock is held meanwhile: an owner that comes back finds it taken and ends.

    Raises:
        LedgerError: The server refused, or went away.
    """
    place = place_of(path)
    _make_room(database)
    found = database.execute(OWN["promise"]).fetchone()
    if found is not None:
        there, who, refuge_ms, is_over = found
        if there != place and not is_over:
            _wait(database, who, refuge_ms / 1_000 + reign.under_way_s, reign)
    database.execute(OWN["make_promise"], (place, owner(), int(reign.alone_s * 1_000)))


def end(database: ServerDatabase, path: Path) -> None:
    """Tell that nothing is sent from here any more; a server that is gone is not told."""
    with suppress(LedgerError):
        database.execute(OWN["end_promise"], (place_of(path),))


def _make_room(database: ServerDatabase) -> None:
    """Make the table, which a ledger that was begun by an older program lacks."""
    name = f"{quoted(database.schema)}.promise"
    ((there,),) = database.execute("SELECT to_regclass(?)::text", (name,)).fetchall()
    if there is None:
        with errors(database.address):
            database.connection.execute(tables(OWN_SCHEMA["promise"], database.schema))


def _wait(database: ServerDatabase, who: str, wait_s: float, reign: Reign) -> None:
    reign.warn(
        f"■ {who} ran this account last and did not end in order. It may still be selling without "
        f"its server, so nothing is sent from here for {wait_s:g} s; what rests at the broker "
        "stays there"
    )
    until_s = time.monotonic() + wait_s
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, _LOOK_S))
        database.execute("SELECT pg_backend_pid()")  # the lock ends with the session
