"""Exits that came with an order: they wait for it, and what one of them fills no other can."""

from decimal import Decimal

ZERO = Decimal(0)


class Exits:
    """The exits of one order, a target, a stop or both; at the venue they end together."""

    __slots__ = ("bot", "filled", "is_seen", "is_working", "qty")

    def __init__(self, bot: str, qty: Decimal) -> None:
        self.bot = bot
        self.qty = qty
        """What they sell in all, whichever of them."""
        self.filled = ZERO
        self.is_seen = False
        """Whether any of them was named; until then only their order is known."""
        self.is_working = False
        """Whether their entry has filled; before, the venue holds them back."""

    @property
    def left(self) -> Decimal:
        """What they may still sell together."""
        return max(self.qty - self.filled, ZERO)

    @property
    def is_owed(self) -> bool:
        """Whether they work at the venue already although nobody has told of them."""
        return self.is_working and not self.is_seen
