"""The ladder on which an account is put under our rule, from watching to everything."""

from collections.abc import Mapping
from enum import IntEnum

from smart_leverage.domain.records import ConsentGiven, EnforcementChanged, RampMoved
from smart_leverage.domain.sentences import percent
from smart_leverage.domain.stamps import local

OBSERVED, WARNED = "observed", "warned"
"""Verdicts of what would have been denied, cut or sold; with the second somebody is told so."""


class Enforcement(IntEnum):
    """How much of the rule is carried out; each step carries out what the one before does."""

    OBSERVE = 0
    WARN = 1
    ENTRIES = 2
    ALL = 3

    @property
    def word(self) -> str:
        """What it is called in journal, configuration and on screens."""
        return self.name.lower()

    @property
    def governs_entries(self) -> bool:
        """Whether what adds exposure is denied, cut and cancelled."""
        return self >= Enforcement.ENTRIES

    @property
    def sells(self) -> bool:
        """Whether the house sells by itself: plans, locks, and protective stops."""
        return self is Enforcement.ALL

    @property
    def verdict(self) -> str:
        """The word for what would have been done otherwise."""
        return OBSERVED if self is Enforcement.OBSERVE else WARNED


MEANING: Mapping[Enforcement, str] = {
    Enforcement.OBSERVE: "every order is forwarded; what would have happened is journalled",
    Enforcement.WARN: "every order is forwarded; what would have happened is told as well",
    Enforcement.ENTRIES: "what adds exposure is governed; the house sells nothing by itself",
    Enforcement.ALL: "everything: entries, plans, locks and protective stops",
}


def step_named(word: str) -> Enforcement | None:
    """Return the step of a word, None where there is no such step."""
    return Enforcement.__members__.get(word.upper())


def told(record: EnforcementChanged | RampMoved | ConsentGiven) -> str:
    """Return what a record of the ladder says to people."""
    if isinstance(record, ConsentGiven):
        return f"adopted positions may be sold: {record.reason}"
    if isinstance(record, RampMoved):
        part = percent(record.factor)
        return f"increases go by {part} of each cap, day {record.day} of {record.days}"
    if record.before == record.after:
        return f"enforcement stays {record.after}, nothing is pending"
    when = "in force now"
    if record.effective_ns > record.at_ns:
        when = f"from {local(record.effective_ns)}, if nothing is tripped or halted then"
    return f"enforcement {record.before} → {record.after}, {when}"
