"""Everything that one call changed, handed to the store as a whole."""

from msgspec import Struct

from smart_leverage.brokers.sim.book import Line
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.orders import Fill, TradeUpdate


class Refusal(Struct, frozen=True, kw_only=True):
    """A request that the venue refused; nothing else changed."""

    at_ns: int
    request: str
    client_order_id: str
    code: int
    message: str
    facts: dict[str, str]


class Counters(Struct, kw_only=True):
    """The venue's time and its last numbers, from which everything that follows is made."""

    now_ns: int
    tickets: int = 0
    executions: int = 0
    updates: int = 0
    activities: int = 0
    changes: int = 0


class Unit:
    """Collects what a call changes; empty again once it is kept."""

    __slots__ = ("activities", "fills", "lines", "refusals", "tickets", "updates")

    def __init__(self) -> None:
        self.updates: list[TradeUpdate] = []
        self.tickets: dict[int, Ticket] = {}
        self.fills: list[tuple[Fill, bool]] = []
        self.activities: list[Activity] = []
        self.refusals: list[Refusal] = []
        self.lines: list[Line] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing but prices and time has changed."""
        return not (self.updates or self.tickets or self.activities)

    def clear(self) -> None:
        """Forget everything."""
        self.updates.clear()
        self.tickets.clear()
        self.fills.clear()
        self.activities.clear()
        self.refusals.clear()
        self.lines.clear()
