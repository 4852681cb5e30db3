"""What somebody would like to do: a sized-by-us opportunity, or an order that a bot wishes."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side


class Opportunity(Struct, frozen=True, kw_only=True):
    """A proposal without a size; a sell asks to leave the position.

    Attributes:
        at_ns: When it became known, UTC.
        confidence: Claimed chance of being right, fraction in [0, 1]; two thirds is neutral.
        volatility_ratio: Realised over reference volatility of the same period; 1 is normal.
        horizon_s: For how many seconds the claim is meant.
        source: Who says so, e.g. "momentum" or "file".
        id: Made from content, so that a replay finds its own traces.
    """

    at_ns: int
    key: Key
    side: Side
    confidence: float
    volatility_ratio: float
    horizon_s: int
    source: str
    id: str


class OrderWish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sized market order that a bot wants; exactly one of `qty` and `notional` is given.

    Attributes:
        qty: Coins or shares, positive.
        notional: Account currency, positive.
        reason: What the bot thought, for people who read the journal.
    """

    at_ns: int
    key: Key
    side: Side
    source: str
    id: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a wish that names both amounts, none, or one that is not positive."""
        given = [amount for amount in (self.qty, self.notional) if amount is not None]
        if len(given) != 1:
            raise ValueError("an order wish names either qty or notional")
        if not (given[0].is_finite() and given[0] > 0):
            raise ValueError(f"an order wish needs a positive amount, not {given[0]}")
