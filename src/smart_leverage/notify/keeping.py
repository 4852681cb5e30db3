"""The file in which the notifier keeps what it has told and what waits; others read how it does."""

import os
from contextlib import suppress
from pathlib import Path

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.notify.config import Notify
from smart_leverage.notify.config import decoded as decoded_config
from smart_leverage.notify.post import Kept, decoded

STATE = "notify.state.json"
CONFIG = "notify.config.json"
"""Beside the ledger: what a run tells its notifier to do. It names secrets and holds none."""

FILE_MODE = 0o600


def read_kept(folder: Path) -> Kept | None:
    """Return what was kept; None where nothing was, or nothing that can be read."""
    with suppress(OSError):
        return decoded((folder / STATE).read_bytes())
    return None


def failures(folder: Path) -> dict[str, int]:
    """Return how often each channel did not take what was sent; empty where nobody is told."""
    kept = read_kept(folder)
    if kept is None:
        return {}
    return {name: line.standing.failures_total for name, line in kept.lines.items()}


def read_config(folder: Path) -> Notify | None:
    """Return what a run wants; None where nobody is to be told.

    Raises:
        msgspec.MsgspecError: The file is damaged, or of another version.
    """
    try:
        return decoded_config((folder / CONFIG).read_bytes())
    except FileNotFoundError:
        return None


def write(path: Path, content: bytes, *, is_durable: bool) -> None:
    """Put a file in the place of the one before, whole or not at all.

    Args:
        path: Where.
        content: What.
        is_durable: Whether it has to survive a power loss; that waits for the disk.

    Raises:
        OSError: It could not be written; the one before is still there.
    """
    new = path.with_name(f"{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        if is_durable:
            os.fsync(handle)
    new.replace(path)
    if is_durable:
        _sync_names(path.parent)


def _sync_names(folder: Path) -> None:
    """Make the names in a folder survive a power loss: the new file is nothing without its own."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def failing(kept: Kept, now_ns: int) -> dict[str, str]:
    """Return the channels that fail, each with why and how much waits; for who shows health."""
    found = {}
    for name, line in kept.lines.items():
        standing = line.standing
        if not standing.failures:
            continue
        minutes = max(now_ns - standing.failed_ns, 0) // MINUTE_NS
        last = "just now" if not minutes else f"{minutes:,} min ago"
        found[name] = (
            f"{standing.failures} failures in a row, the last {last}: {standing.why}; "
            f"{len(line.waiting)} waiting"
        )
    return found
