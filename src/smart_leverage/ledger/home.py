"""Where the ledger of an account is: in the file of its path, or on a server that a note names."""

from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.files import beside, is_missing, put_in_place, sync_folder, write_durably

if TYPE_CHECKING:
    from smart_leverage.ledger.postgres.address import Address
    from smart_leverage.ledger.postgres.ledger import PostgresLedger
    from smart_leverage.ledger.postgres.promise import Reign
    from smart_leverage.ledger.sqlite import SqliteLedger

SERVER = "server"
"""The note beside a path whose ledger is on a server: its URL and its name there, a line each."""

LACKING = (
    "a ledger on PostgreSQL needs the extra `postgres`: install smart-leverage[postgres], or in a "
    "checkout `uv sync --extra postgres`"
)


def home_of(path: Path) -> "Address | None":
    """Return where on a server the ledger of a path is; None when it is in the file.

    Raises:
        LedgerError: The note beside the path cannot be read.
    """
    note = beside(path, SERVER)
    try:
        url, account = note.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LedgerError(f"{note}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LedgerError(
            f"{note}: should hold two lines, the URL of a server and the name of a ledger there"
        ) from error
    from smart_leverage.ledger.postgres.address import Address, fault_of

    if what := fault_of(url):
        raise LedgerError(f"{note}: the URL {what}")
    return Address(url, account)


def note_home(path: Path, address: "Address") -> None:
    """Note, so that it lasts, that the ledger of a path is on a server from now on.

    Raises:
        LedgerError: The note cannot be written.
    """
    note = beside(path, SERVER)
    new = note.with_name(f"{note.name}.new")
    write_durably(new, f"{address.url}\n{address.account}\n")
    put_in_place(new, note)
    try:
        sync_folder(note.parent)
    except OSError as error:
        raise LedgerError(f"{note}: its name cannot be made to last: {error.strerror}") from error


def forget_home(path: Path) -> None:
    """Take the note away: the ledger of a path is in its file from now on.

    Raises:
        LedgerError: The note cannot be removed.
    """
    note = beside(path, SERVER)
    try:
        note.unlink(missing_ok=True)
        sync_folder(note.parent)
    except OSError as error:
        raise LedgerError(f"{note}: cannot be removed: {error.strerror}") from error


def is_nowhere(path: Path) -> bool:
    """Whether a path has no ledger: neither a file nor a note of one on a server."""
    return is_missing(path) and not beside(path, SERVER).exists()


def open_ledger(path: Path) -> "SqliteLedger | PostgresLedger":
    """Open the ledger of a path for writing, wherever it is.

    Raises:
        LedgerError: See `SqliteLedger` and `PostgresLedger`; or the note cannot be read.
    """
    address = home_of(path)
    if address is None:
        from smart_leverage.ledger.sqlite import SqliteLedger

        return SqliteLedger(path)
    return open_served(address, path)


def open_served(
    address: "Address", path: Path, *, reign: "Reign | None" = None, is_new: bool = False
) -> "PostgresLedger":
    """Open a ledger on a server for writing, with what belongs to it here beside a path.

    Args:
        address: Where it is.
        path: Where the files beside it are.
        reign: How the account is run; None when its ledger is only written to.
        is_new: Refuse a ledger with something in it, which this place never wrote.

    Raises:
        LedgerError: See `PostgresLedger`; or the driver is not installed.
    """
    refuse_lacking()
    from smart_leverage.ledger.postgres.ledger import PostgresLedger

    return PostgresLedger(address, path, reign=reign, is_new=is_new)


def refuse_lacking() -> None:
    """Refuse, in words, to go on without the driver of the server.

    Raises:
        LedgerError: It is not installed.
    """
    from importlib.util import find_spec

    if find_spec("psycopg") is None:
        raise LedgerError(LACKING)
