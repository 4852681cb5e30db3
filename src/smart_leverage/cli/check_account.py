"""Checks of an account's folder: who may read it, who runs it, what holds it up."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from smart_leverage.cli.finding import Finding, fine, several, warning, wrong
from smart_leverage.cli.places import CONFIGURATION
from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.emergency import peek
from smart_leverage.ledger.files import FILE_MODE, FOLDER_MODE, files_of
from smart_leverage.market.kept import NOTE
from smart_leverage.runtime.admin import FILE, has_token, is_hash_sound
from smart_leverage.runtime.latch import HALT, HaltFile
from smart_leverage.runtime.presence import Presence, Present, Venue

_OTHERS, _OTHERS_WRITE = 0o077, 0o022


def is_in_real_time(folder: Path, present: Present) -> bool:
    """Whether an account in real time lives in a folder; a run over bars takes no commands."""
    signs = (NOTE, CONFIGURATION, FILE)
    is_one = present.presence in (Presence.RUNNING, Presence.HANGING, Presence.DEAD)
    return is_one or any((folder / name).exists() for name in signs)


def unreadable(folder: Path) -> Finding | None:
    """Return why nothing in a folder can be examined; None where it can."""
    if not folder.is_dir():
        return wrong("folder", f"{folder} is gone", "name another account with --ledger")
    if not os.access(folder, os.R_OK | os.X_OK):
        owner = folder.stat().st_uid
        return wrong("folder", f"{folder} belongs to user {owner}", "ask as that user")
    return None


def folder_modes(ledger: Path) -> Iterator[Finding]:
    """Yield whether folder and files are their owner's alone."""
    folder = ledger.parent
    found = folder.stat()
    mode, user = stat.S_IMODE(found.st_mode), os.geteuid()
    if user not in (0, found.st_uid):
        yield wrong(
            "folder", f"{folder} belongs to user {found.st_uid}, not to {user}", "run as its owner"
        )
    elif mode & _OTHERS:
        mends = f"`chmod {FOLDER_MODE:o} {folder}`"
        yield wrong("folder", f"{folder} is open to others, mode {mode:04o}", mends)
    else:
        yield fine("folder", f"{folder}, mode {mode:04o}")
    yield _files(ledger)


def _files(ledger: Path) -> Finding:
    """Return whether others can read what only the owner should, or write anything."""
    folder = ledger.parent
    private = {each.name for each in files_of(ledger)} | {FILE, str(CONFIGURATION)}
    open_ones, count = list[str](), 0
    for file in sorted(folder.iterdir()):
        if not file.is_file():
            continue  # a socket, which the process that made it has closed to others
        count += 1
        forbidden = _OTHERS if file.name in private else _OTHERS_WRITE
        if file.stat().st_mode & forbidden:
            open_ones.append(file.name)
    if open_ones:
        mends = f"`chmod {FILE_MODE:o} {' '.join(str(folder / name) for name in open_ones)}`"
        return wrong("files", f"open to others: {several(open_ones)}", mends)
    return fine("files", f"{count}, none of them open to others")


def token(folder: Path) -> Finding:
    """Return whether somebody can resume; the modes of the hash are among those of the files."""
    start = f"`smart-leverage run --name {folder.name}`"
    if not has_token(folder):
        return wrong("admin token", "none is kept, so nobody can resume", f"{start} makes one")
    if not is_hash_sound(folder):
        return wrong(
            "admin token",
            f"{folder / FILE} holds no hash, so nobody can resume",
            f"remove it, and {start} makes a new token",
        )
    return fine("admin token", "its hash is kept")


def process(present: Present, folder: Path) -> Finding:
    """Return who runs the account: somebody, nobody, or nobody any more."""
    number = "" if present.process is None else f", process {present.process}"
    match present.presence:
        case Presence.RUNNING:
            return fine("process", f"running{number}, and it answers")
        case Presence.WRITING:
            return fine("process", f"running{number}; it takes no commands, as over bars")
        case Presence.HANGING:
            return wrong(
                "process",
                f"hangs{number}: it listens and does not answer",
                "`smart-leverage halt` holds it up by a file; end it, then run it again",
            )
        case Presence.DEAD:
            return wrong(
                "process",
                f"dead: nobody answers; left behind: {several([*present.left])}",
                f"`smart-leverage run --name {folder.name}` goes on where it was",
            )
        case Presence.STOPPED:
            return fine("process", "stopped: none runs this account")


def venue_process(venue: Venue, present: Present) -> Finding:
    """Return whether the simulated venue is where it should be, beside a process or not at all."""
    is_run = present.presence in (Presence.RUNNING, Presence.HANGING)
    number = "" if venue.process is None else f", process {venue.process}"
    is_over = present.presence in (Presence.DEAD, Presence.STOPPED)
    if venue.answers and not is_over:
        return fine("venue", f"running{number}, and it answers")
    if is_run:
        return wrong(
            "venue",
            f"does not answer{number}: nothing that adds exposure is sent",
            "stop the account and run it again",
        )
    if venue.answers:
        return warning(
            "venue",
            f"outlived the account{number}: its orders and stops still rest there",
            "the next start finds it",
        )
    if venue.left:
        return warning(
            "venue",
            f"dead; left behind: {several([*venue.left])}",
            "the next start takes that away",
        )
    return fine("venue", "stopped with the account")


def halt_file(folder: Path) -> Finding:
    """Return whether a halt stands."""
    halt = HaltFile(folder)
    if not halt.is_set:
        return fine("halt file", "none")
    who, reason = halt.read()
    return warning(
        "halt file", f"{folder / HALT}: set by {who}: {reason}", "`smart-leverage resume` lifts it"
    )


def emergency(ledger: Path) -> Finding:
    """Return whether the journal for emergencies holds what the ledger does not."""
    try:
        notes, torn, _ = peek(ledger)
    except LedgerError as error:
        return wrong("emergencies", str(error), "make the file readable to its owner")
    if not notes and not torn:
        return fine("emergencies", "none: everything is in the ledger")
    damaged = f", {len(torn)} blocks of it torn" if torn else ""
    return warning(
        "emergencies",
        f"{len(notes)} written beside the ledger{damaged}",
        "they are taken over at the next start",
    )
