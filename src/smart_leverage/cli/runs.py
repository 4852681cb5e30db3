"""Folders of runs: a new one for each, and a note which was the last."""

from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from smart_leverage.cli.places import LATEST, LEDGER, RUNS, is_there
from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.files import FOLDER_MODE


def new_folder(name: str | None, kind: str) -> Path:
    """Make the folder of a run.

    Args:
        name: As given; None makes one from the kind and the time.
        kind: First part of a name that is made.

    Raises:
        LedgerError: The name is a path, or there is a ledger in it already: nothing is overwritten.
    """
    folder = same_folder(name, kind)
    if is_there(folder / LEDGER):
        raise LedgerError(
            f"{folder} holds a run already and is left as it is; choose another --name"
        )
    return folder


def same_folder(name: str | None, kind: str) -> Path:
    """Return the folder of a run that goes on, made where there is none yet; see `new_folder`."""
    if name is None:
        name = _free_name(f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    folder = folder_of(name)
    folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    return folder


def folder_of(name: str) -> Path:
    """Return where a run of a name lies, there or not.

    Raises:
        LedgerError: The name is a path, or that of the note of the last run.
    """
    if Path(name).name != name or name in (".", "..", LATEST):
        raise LedgerError(f"{name!r} is not a plain name; a run lies in {RUNS}/NAME")
    return RUNS / name


def _free_name(wanted: str) -> str:
    """Return a name that no run has: two may begin in the same second."""
    names = chain([wanted], (f"{wanted}-{number}" for number in count(2)))
    return next(name for name in names if not (RUNS / name).exists())


def note_latest(folder: Path) -> None:
    """Remember a run as the last one, for commands that are not told which is meant."""
    note = RUNS / LATEST
    fresh = note.with_suffix(".new")
    fresh.write_text(f"{folder.name}\n", encoding="utf-8")
    fresh.replace(note)
