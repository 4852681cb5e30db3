"""What goes wrong around an account: the kinds of faults, their strengths, and clock and disk.

Which kinds a world has, and how strongly, is drawn from its seed: with all of them at once most
mistakes would hide behind each other. `faulty_line` is what stands between account and venue.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Record
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.sqlite import SqliteLedger

KINDS = (
    "lost_before",  # an order or a cancel never arrives, and nobody says so
    "lost_after",  # it arrives, the answer does not
    "delayed",  # it arrives later than look-ups for it, inside the horizon
    "not_sent",  # provably nothing left
    "refused",  # the venue says no
    "stale_lookup",  # the venue does not list yet what it has accepted
    "duplicate",  # a message of the stream comes twice
    "late",  # a message comes after those that followed it
    "stalled",  # the stream says nothing for a while, then everything
    "reordered",  # what comes together comes in any order
    "silent",  # the venue answers nothing for a while
    "stale_price",  # an instrument is not told for a while
    "crossed_price",  # the middle of a crossed book, which is no price
    "nan_price",
    "zero_price",
    "jump_price",  # one print far away
    "foreign_order",  # somebody else trades on the account
    "deposit",  # money comes or goes at the venue
    "split",  # a share that is held is split, forwards or backwards
    "clock_back",  # our clock stands an hour back for a while
    "clock_forward",  # our clock stands a day ahead for a while
    "commit_fails",  # before or after it was written
    "killed",  # at a commit, or between an order's arrival and its answer
    "second_writer",  # another process wants to write the same ledger
    "revised",  # an execution of an order that is over is taken back, or corrected
)


class Killed(BaseException):
    """The process ended here; nothing of it may run on."""


class Faults(NamedTuple):
    """The kinds that a world has, each with the chance that it happens when it could."""

    strength: dict[str, float]

    @classmethod
    def of(cls, seed: int) -> "Faults":
        """Draw a subset; one world in sixteen has no faults at all."""
        chance = Random(f"{seed}/faults")
        if not chance.randrange(16):
            return cls({})
        share = chance.choice((0.1, 0.25, 0.5))
        return cls(
            {kind: 10 ** chance.uniform(-2.0, -0.6) for kind in KINDS if _is_in(chance, share)}
        )


def _is_in(chance: Random, share: float) -> bool:
    return chance.random() < share


class Dice:
    """Says whether a fault happens now, counts it, and can be told to stop."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.chance = Random(f"{seed}/dice")
        self.counts: Counter[str] = Counter()
        self.is_off = True
        self._strength = faults.strength

    def has(self, kind: str) -> bool:
        """Tell whether a kind can happen at all in this world."""
        return self._strength.get(kind, 0.0) > 0.0

    def hits(self, kind: str, scale: float = 1.0) -> bool:
        """Tell whether a fault of a kind happens; `scale` is for what is asked very often."""
        strength = self._strength.get(kind, 0.0)
        if self.is_off or not strength or self.chance.random() >= strength * scale:
            return False
        self.counts[kind] += 1
        return True

    def within_ns(self, low_s: float, high_s: float) -> int:
        """Draw a span of time."""
        return int(self.chance.uniform(low_s, high_s) * SECOND_NS)


class TrueTime:
    """The time of the world, and a clock of ours that may be wrong."""

    def __init__(self, at_ns: int) -> None:
        self.true_ns = at_ns
        self.offset_ns = 0

    def now_ns(self) -> int:
        return self.true_ns + self.offset_ns

    def monotonic_ns(self) -> int:
        return self.true_ns


class FaultyLedger(SqliteLedger):
    """A ledger whose commits fail or are the last thing that a process does, before or after."""

    dice: Dice

    def commit(self, records: Sequence[Record]) -> Head:
        fails, kills = self.dice.hits("commit_fails", 0.1), self.dice.hits("killed", 0.1)
        is_after = self.dice.chance.random() < 0.5
        if (fails or kills) and is_after:
            super().commit(records)
        if fails:
            raise LedgerError("the disk did not take it")
        if kills:
            raise Killed("at a commit")
        return super().commit(records)
