"""What somebody would like to do: a sized-by-us opportunity, or an order that a bot wishes."""

from decimal import Decimal

import msgspec
from msgspec import Struct

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce


class Opportunity(Struct, frozen=True, kw_only=True):
    """A proposal without a size; a sell asks to leave the position.

    Attributes:
        at_ns: When it became known, UTC.
        confidence: Claimed chance of being right, fraction in [0, 1]; two thirds is neutral.
        volatility_ratio: Realised over reference volatility of the same period; 1 is normal, None
            leaves it to the account's own measure.
        horizon_s: For how many seconds the claim is meant.
        source: Who says so, e.g. "momentum" or "file".
        id: Made from content, so that a replay finds its own traces.
    """

    at_ns: int
    key: Key
    side: Side
    confidence: float
    volatility_ratio: float | None
    horizon_s: int
    source: str
    id: str


class WishTerms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an order shall be; exactly one of `qty` and `notional` is given.

    Attributes:
        qty: Coins or shares, positive.
        notional: Account currency, positive.
        time_in_force: None leaves it to the engine.
        trail_percent: Percent, as in `domain.orders.Order`.
    """

    key: Key
    side: Side
    qty: Decimal | None = None
    notional: Decimal | None = None
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False

    @property
    def has_exits(self) -> bool:
        """Whether exits come with the order, at the venue."""
        return self.order_class is not OrderClass.SIMPLE


class OrderWish(WishTerms, frozen=True, kw_only=True, omit_defaults=True):
    """A sized order that a bot wants.

    Attributes:
        reason: What the bot thought, for people who read the journal.
    """

    at_ns: int
    source: str
    id: str
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a wish that names both amounts, none, or one that is not positive."""
        given = [amount for amount in (self.qty, self.notional) if amount is not None]
        if len(given) != 1:
            raise ValueError("an order wish names either qty or notional")
        if not (given[0].is_finite() and given[0] > 0):
            raise ValueError(f"an order wish needs a positive amount, not {given[0]}")


_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_DECODER = msgspec.json.Decoder(WishTerms)


def body_of(wish: OrderWish) -> str:
    """Return the terms of a wish as canonical JSON: it differs whenever the order would."""
    terms = WishTerms(**{name: getattr(wish, name) for name in WishTerms.__struct_fields__})
    return _ENCODER.encode(terms).decode()


def terms_of(body: str) -> WishTerms | None:
    """Return the terms that `body_of` wrote; None for the body of anything else."""
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError:
        return None
