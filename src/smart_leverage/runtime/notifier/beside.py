"""Where the notifier begins and ends; where nobody is to be told anything, nothing is loaded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from smart_leverage.notify.keeping import read_config

_LOG = logging.getLogger(__name__)


@contextmanager
def notifying(folder: Path, ledger: Path) -> Iterator[None]:
    """Tell people about an account while the block runs, if its run wants anybody told."""
    try:
        config = read_config(folder)
    except (OSError, msgspec.MsgspecError) as error:
        _LOG.error("nobody is told anything: %s", error)
        config = None
    if config is None or not config.is_on:
        yield
        return
    from smart_leverage.notify.sending import Network
    from smart_leverage.runtime.notifier.notifier import Running

    running = Running(ledger, config, Network())
    running.start()
    try:
        yield
    finally:
        running.stop()
