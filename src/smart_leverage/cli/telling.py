"""What commands share that write files made from a ledger: progress, and what they refuse."""

from collections.abc import Callable
from pathlib import Path

from smart_leverage.cli.screen import Screen

LONG = 20_000
"""Journal entries from which reading takes long enough to be told about."""


def hearing(screen: Screen, total: int) -> Callable[[int], None]:
    """Return what the reader of the journal calls; short ledgers are read without a word."""
    show = screen.progress("reading")
    return lambda done: show(min(done, total), total) if total > LONG else None


def refuse_ledger(ledger: Path, to: Path) -> None:
    """Refuse to write over the ledger, or to where a folder is.

    Raises:
        BadData: One of the two is meant.
    """
    from smart_leverage.domain.errors import BadData

    if to.is_dir() or to.resolve() == ledger.resolve():
        what = "a folder" if to.is_dir() else "the ledger itself"
        raise BadData(f"{to} is {what}", fix="name the file that is to be written")


def unwritable(to: Path, error: OSError) -> Exception:
    """Return what is raised where a file cannot be written."""
    from smart_leverage.domain.errors import BadData

    return BadData(f"cannot be written: {error.strerror or error}", file=to, fix="name another")
