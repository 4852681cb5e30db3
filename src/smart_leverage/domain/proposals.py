"""A proposal to change limits: what was measured, what follows by which rule, and a seal on it."""

import difflib
from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec
from msgspec import Struct, structs

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.limits import LIMITS, is_looser
from smart_leverage.domain.phases import PhaseResult

NAME = "proposal"
"""Name of what a signature brings along: a `Proposal` as JSON."""

LIFE_NS = 7 * DAY_NS
"""For so long after the end of its evidence a proposal may be signed."""

SHORT = 12
"""So many digits of a hash are enough for people."""


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit, from the value in force to another; texts as the journal has them."""

    name: str
    before: str
    after: str
    rule: str
    evidence: str

    @property
    def is_looser(self) -> bool:
        """Whether it would let through more."""
        return is_looser(self.name, self.before, self.after)


class Proposal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person may sign: changes of limits, and phases that were due.

    It was made from the journal up to event `seq`, whose hash is `head`; the last of its evidence
    is of `until_ns`. `limits` is the hash of the limits it was made for, `review` that of what was
    measured, and `seal` covers all other fields.
    """

    account: str
    seq: int
    head: str
    until_ns: int
    expires_ns: int
    limits: str
    review: str
    changes: tuple[Change, ...] = ()
    phases: tuple[PhaseResult, ...] = ()
    seal: str = ""

    @property
    def id(self) -> str:
        """What people call it."""
        return self.seal[:SHORT]


def sealed(proposal: Proposal) -> Proposal:
    """Return a proposal with the seal that its content has."""
    return structs.replace(proposal, seal=_seal(proposal))


def is_whole(proposal: Proposal) -> bool:
    """Tell whether a proposal is as it was sealed."""
    return proposal.seal == _seal(proposal)


def _seal(proposal: Proposal) -> str:
    return hash_of(structs.replace(proposal, seal=""))


def hash_of(value: object) -> str:
    """Return the hash of the canonical JSON of a value."""
    return sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def limits_hash(in_force: Mapping[str, str], pending: Mapping[str, str]) -> str:
    """Return the hash of the limits in force, and of what is pending by name."""
    return hash_of([dict(in_force), dict(pending)])


def encoded(proposal: Proposal) -> str:
    """Return a proposal as a command carries it."""
    return msgspec.json.encode(proposal).decode()


def decoded(changes: Mapping[str, str]) -> Proposal:
    """Return the proposal that a command brings along.

    Raises:
        ValueError: There is none, or it is not one of this version.
    """
    if NAME not in changes:
        raise ValueError("no proposal came with it")
    return msgspec.json.decode(changes[NAME], type=Proposal)


def wanted(proposal: Proposal) -> dict[str, str]:
    """Return the values that a proposal wants, by name."""
    return {each.name: each.after for each in proposal.changes}


def contradiction(proposal: Proposal, account: str, limits: str, now_ns: int) -> str:
    """Return why a proposal cannot be signed now, empty where it can.

    Args:
        proposal: As it came.
        account: Name of the account it is brought to.
        limits: Hash of the limits that are in force and pending there.
        now_ns: When.
    """
    if not is_whole(proposal):
        return "it is not as it was sealed: somebody or something has changed it"
    if proposal.account != account:
        return f"it is about the account {proposal.account}"
    if not proposal.changes and not proposal.phases:
        return "it changes nothing and no phase was due, so there is nothing to sign"
    if any(each.name not in LIMITS for each in proposal.changes):
        return "it names what is no limit"
    if proposal.until_ns > now_ns:
        return "its evidence is from a time that is still to come"
    if now_ns >= min(proposal.expires_ns, proposal.until_ns + LIFE_NS):
        return "its evidence has expired; review again"
    if proposal.limits != limits:
        return "the limits have changed since it was made; review again"
    return ""


def diff(changes: Iterable[Change]) -> list[str]:
    """Return changes as a unified diff of the table of limits, without lines of context.

    Lines are numbered by the table; what stays in it stands empty on both sides.
    """
    by_name = {each.name: each for each in changes}
    before = [f"{name} = {by_name[name].before}" if name in by_name else name for name in LIMITS]
    after = [f"{name} = {by_name[name].after}" if name in by_name else name for name in LIMITS]
    titles = ("limits in force", "limits proposed")
    return list(difflib.unified_diff(before, after, *titles, n=0, lineterm=""))
