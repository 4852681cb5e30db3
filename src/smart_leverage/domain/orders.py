"""Orders, fills and what a broker says of them, exact and frozen."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from smart_leverage.domain.instruments import Key


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """How an order meets the market."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order rests."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"


class OrderClass(StrEnum):
    """Whether an order stands alone or brings protective children."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"


class Role(StrEnum):
    """Who wanted an order: a bot, a sized signal, or the house for one of its duties.

    A stop rests at the broker; a guard is the sale that the engine sends itself when a price went
    through a stop that did not sell, or when an asset is locked for the day.
    """

    BOT = "bot"
    SIGNAL = "signal"
    STOP = "stop"
    TRIM = "trim"
    FLATTEN = "flatten"
    GUARD = "guard"

    @property
    def is_house(self) -> bool:
        """Whether the order is ours: hidden from bots, and its closings count as forced."""
        return self in _HOUSE_ROLES


_HOUSE_ROLES = frozenset({Role.STOP, Role.TRIM, Role.FLATTEN, Role.GUARD})

HOUSE = "house"
"""The bot that owns adopted holdings and sends protective orders."""

EXTERNAL = "external"
"""The bot to which orders are attributed that did not come through us."""


class OrderState(StrEnum):
    """What we know of an order; the first five keep their reservation."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    OPEN = "open"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"
    ABSENT = "absent"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can fill."""
        return self in _FINAL


_FINAL = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.REPLACED,
        OrderState.ABSENT,
    }
)


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request as it may go to a broker; quantities and prices are positive.

    A trailing stop has one of `trail_price` and `trail_percent`, its distance in money or in
    percent of the best price since it was sent (1.5 is 1.5 %). Its `stop_price` is the venue's to
    say: None in a request, where it stands now in a broker's answer.
    """

    client_order_id: str
    bot: str
    key: Key
    side: Side
    qty: Decimal
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    role: Role = Role.BOT
    is_resting: bool = False
    """Whether its bot lets it wait for its price: it does not age, and gives way to the house."""

    @property
    def trails(self) -> bool:
        """Whether its stop follows the best price."""
        return self.type is OrderType.TRAILING_STOP

    @property
    def trail(self) -> Decimal | None:
        """Distance of a stop that trails, in the unit that it has; None of all others."""
        return self.trail_price if self.trail_percent is None else self.trail_percent


class Approved(Struct, frozen=True):
    """An order that the engine has proved against every cap: only this can be submitted."""

    order: Order
    decision_id: str


class Change(Struct, frozen=True, kw_only=True):
    """An approved order that is to come in the place of one at the broker; None leaves a term.

    `qty` counts the whole order, with what `replaces` has filled already.
    """

    replaces: str
    approved: Approved
    qty: Decimal | None
    limit_price: Decimal | None
    is_increase: bool
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    """Another distance of a trailing stop, in the unit that it has."""


class Fill(Struct, frozen=True, kw_only=True):
    """One execution, counted once by `execution_id`.

    `fee` is in `fee_asset`: "USD" is taken from cash, a coin code from the coins received, so that
    the position grows by `qty − fee` while the order's filled quantity stays gross.
    """

    execution_id: str
    client_order_id: str
    key: Key
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at_ns: int


class BrokerOrder(Struct, frozen=True, kw_only=True):
    """An order as the broker lists it; `status` keeps the venue's own word."""

    broker_order_id: str
    order: Order
    status: str
    filled_qty: Decimal
    filled_avg_price: Decimal | None
    submitted_at_ns: int
    updated_at_ns: int
    parent_id: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    hwm: Decimal | None = None
    """Of a trailing stop, the best price since it was sent: highest for a sale, lowest to buy."""
    legs: tuple["BrokerOrder", ...] = ()
    """The exits that the venue made for it; told with the answer to its submission."""

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill, by the venue's word."""
        return self.status not in FINAL_STATUSES


FINAL_STATUSES = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
"""Venue words after which an order cannot fill; any other word counts as open."""


class TradeUpdate(Struct, frozen=True, kw_only=True):
    """One message of the broker's stream; `sequence` orders messages of one broker.

    Where `revises` names an execution, the broker takes that one back, or corrects it: `fill` is
    what counts in its place from now on, None for nothing.
    """

    sequence: int
    event: str
    broker_order: BrokerOrder
    at_ns: int
    fill: Fill | None = None
    reason: str = ""
    revises: str = ""


class PositionSnapshot(Struct, frozen=True, kw_only=True):
    """A position as the broker lists it."""

    key: Key
    qty: Decimal
    qty_available: Decimal
    avg_entry_price: Decimal
    price: Decimal


class AccountSnapshot(Struct, frozen=True, kw_only=True):
    """An account as the broker states it; money in account currency."""

    account_id: str
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    non_marginable_buying_power: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    multiplier: int
    is_blocked: bool
    at_ns: int
