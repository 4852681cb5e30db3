"""What follows from an event: records first, then what leaves the process."""

from dataclasses import dataclass, field

from smart_leverage.domain.orders import Approved, Change
from smart_leverage.domain.records import Decided, Record


@dataclass(slots=True)
class Outcome:
    """The answer to one event; cancels and sends leave only after the records are durable.

    Cancels go out first: a house order often waits for one. Changes go before what is sent anew.
    """

    records: list[Record] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    sends: list[Approved] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
