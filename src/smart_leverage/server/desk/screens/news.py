"""What has just happened and is worth a word: heard entry by entry, the last few kept."""

from collections import deque
from typing import NamedTuple

from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    Filled,
    FillRevised,
    PlanMoved,
    Record,
    StateChanged,
    TierGranted,
)
from smart_leverage.ledger.base import Entry
from smart_leverage.runtime.remembered import Fold
from smart_leverage.server.desk.screens.journal import line

KEPT = 200

_ALWAYS = (AssetLocked, BreakerMoved, Filled, FillRevised, PlanMoved, StateChanged, TierGranted)
_LOUD = (AssetLocked, BreakerMoved, StateChanged)


class Item(NamedTuple):
    """One piece of news; what is loud stays until somebody takes it away."""

    seq: int
    at_ns: int
    kind: str
    text: str
    is_loud: bool


class News:
    """The latest news of a ledger."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque(maxlen=KEPT)

    def hear(self, entry: Entry, record: Record | None, fold: Fold) -> None:
        """Take in one entry of the journal."""
        is_refusal = isinstance(record, Decided) and record.verdict in ("denied", "cut")
        if is_refusal or isinstance(record, _ALWAYS):
            told = line(entry)
            loud = isinstance(record, _LOUD)
            self._items.append(Item(told.seq, told.at_ns, told.kind, told.text, loud))

    def after(self, seq: int) -> list[Item]:
        """Return what came after an entry, oldest first."""
        return [item for item in self._items if item.seq > seq]
