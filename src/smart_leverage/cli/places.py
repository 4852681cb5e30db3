"""Where things lie: the ledger that is meant, the run it belongs to, the configuration."""

from pathlib import Path

from smart_leverage.domain.errors import LedgerError

RUNS = Path("runs")
LATEST = "latest"
LEDGER = "ledger.sqlite"
SERVER = "server"
"""Ending of the note beside a path whose ledger is on a server."""
CONFIGURATION = Path("smart-leverage.toml")

_ADVICE = "start one with `smart-leverage demo`, or name a ledger with --ledger PATH"


def ledger_path(given: Path | None) -> Path:
    """Return the ledger that is meant: the one named, or that of the last run.

    Args:
        given: A ledger file, or the folder of a run; None means the run that `runs/latest` names.

    Raises:
        LedgerError: There is none; the sentence says where it was looked for and what to do.
    """
    if given is None:
        return _last_run() / LEDGER
    if given.is_dir():
        given = given / LEDGER
    if not is_there(given):
        raise LedgerError(f"no ledger at {given}; {_ADVICE}")
    return given


def place_of(given: Path | None) -> Path | None:
    """Return where a ledger should be, there or not; None where nothing is named and no run was.

    Raises:
        LedgerError: What is named does not exist, or the note of the last run cannot be read.
    """
    if given is None:
        name = _noted()
        return None if name is None else RUNS / Path(name).name / LEDGER
    if given.is_dir():
        return given / LEDGER
    if not (given.exists() or is_there(given)):
        raise LedgerError(f"neither a ledger nor the folder of an account is at {given}")
    return given


def is_there(ledger: Path) -> bool:
    """Whether a path has a ledger: in its file, or on the server that a note beside it names."""
    return ledger.is_file() or ledger.with_name(f"{ledger.name}.{SERVER}").is_file()


def run_folder(ledger: Path) -> Path:
    """Return the folder in which the other files of a ledger's run lie."""
    return ledger.parent


def _last_run() -> Path:
    name = _noted()
    if name is None:
        raise LedgerError(f"no run under {RUNS.absolute()}; {_ADVICE}")
    folder = RUNS / Path(name).name
    if not is_there(folder / LEDGER):
        raise LedgerError(
            f"{RUNS / LATEST} names the run {name!r}, but there is no {folder / LEDGER}; {_ADVICE}"
        )
    return folder


def _noted() -> str | None:
    """Return the run that the note of the last one names; None where there is no note."""
    note = RUNS / LATEST
    try:
        return note.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"{note} cannot be read: {error}; {_ADVICE}") from None


def configuration(given: Path | None, folder: Path | None = None) -> Path | None:
    """Return the configuration file that is meant; None where defaults are all there is.

    Args:
        given: As named; it comes before all others.
        folder: Of an account, whose own file comes before that of the working directory.
    """
    if given is not None:
        return given
    own = [] if folder is None else [folder / CONFIGURATION]
    return next((file for file in (*own, CONFIGURATION) if file.exists()), None)
