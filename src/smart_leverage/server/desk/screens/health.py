"""Whether what is shown is alive: the process of the account, its ledger, and their age."""

from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.ledger.files import EMERGENCY, beside, files_of
from smart_leverage.runtime.presence import Presence, presence

STALE_AFTER_NS = 90 * SECOND_NS
"""A running account values itself once a minute; without a record for so long it is stale."""

WORDS = {
    Presence.RUNNING: "running",
    Presence.WRITING: "writing its ledger, takes no commands",
    Presence.HANGING: "does not answer",
    Presence.DEAD: "was killed",
    Presence.STOPPED: "stopped",
}


class Health(NamedTuple):
    """The processes and files around an account at an instant."""

    presence: Presence
    process: int | None
    checked_ns: int
    ledger_bytes: int
    emergency: bool
    """Whether an emergency journal lies beside the ledger."""

    @property
    def word(self) -> str:
        """What is said of the process."""
        return WORDS[self.presence]

    @property
    def is_running(self) -> bool:
        """Whether somebody decides now."""
        return self.presence in (Presence.RUNNING, Presence.WRITING)


def examine(ledger: Path, now_ns: int) -> Health:
    """Look at the processes and files of an account, changing nothing; takes up to seconds."""
    found = presence(ledger)
    return Health(
        presence=found.presence,
        process=found.process,
        checked_ns=now_ns,
        ledger_bytes=sum(each.stat().st_size for each in files_of(ledger) if each.is_file()),
        emergency=beside(ledger, EMERGENCY).is_file(),
    )
