"""The closed list of what can happen to an account, and what follows; time arrives in the event."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum

from msgspec import Struct

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.opportunity import Opportunity, OrderWish
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    Change,
    PositionSnapshot,
    TradeUpdate,
)
from smart_leverage.domain.past import Deal, SourceFile
from smart_leverage.domain.records import Decided, Record


class Rung(IntEnum):
    """Where a price comes from, the best first; only the first two carry an increase."""

    QUOTE = 0
    TRADE = 1
    BROKER = 2
    CLOSE = 3


class Event(Struct, frozen=True, kw_only=True):
    """Base of all events; `at_ns` is UTC."""

    at_ns: int


class Opened(Event, frozen=True, kw_only=True):
    """The account is put under our rule; happens once in its life.

    `holdings` are (key, quantity, price) of what is there already; they belong to the house.
    `broker_ns` is what the broker's clock showed when they were read, 0 where nobody dealt before,
    and `activities` the number of the last one that is in them. `broker_account` is the broker's
    own name of the account.
    """

    account: str
    mode: str
    cash: Decimal
    preset: str
    policy_text: str
    policy_hash: str
    enforcement: str
    version: str
    instruments: tuple[Instrument, ...]
    holdings: tuple[tuple[Key, Decimal, Decimal], ...] = ()
    broker_ns: int = 0
    activities: int = 0
    broker_account: str = ""


class Listed(Event, frozen=True, kw_only=True):
    """Instruments became known that nobody listed before."""

    instruments: tuple[Instrument, ...]


class Started(Event, frozen=True, kw_only=True):
    """A trader begins on a ledger that has a past; until the broker was asked, nothing is sure.

    `unsent` are orders of which the trader before, in the same process, let nothing leave.
    """

    unsent: tuple[Approved, ...] = ()


class BrokerLost(Event, frozen=True, kw_only=True):
    """The broker does not answer; nothing is added before its lists have been compared again.

    `why` is what was asked and what came back, as far as that can be said.
    """

    why: str = ""


class ClockJudged(Event, frozen=True, kw_only=True):
    """The clocks were held against each other; `doubt` says what is wrong, empty when settled."""

    doubt: str


class StreamJudged(Event, frozen=True, kw_only=True):
    """The broker's stream was asked for; `refusal` says why it does not let us in, or is empty."""

    refusal: str


class Prices(Event, frozen=True, kw_only=True):
    """Prices became known; at an opening the increases under way are proved again.

    `seen_ns` is when each of them was made, as many as prints; empty for the event's own time.
    """

    prints: tuple[tuple[Key, Decimal], ...]
    seen_ns: tuple[int, ...] = ()
    rung: Rung = Rung.TRADE
    is_opening: bool = False


class OpeningOver(Event, frozen=True, kw_only=True):
    """The venue has filled what it could at an opening; increases that met it and rest are late."""

    keys: tuple[Key, ...]


class Proposed(Event, frozen=True, kw_only=True):
    """A strategy offers an opportunity; the policy sizes it."""

    opportunity: Opportunity


class Wished(Event, frozen=True, kw_only=True):
    """A bot wants an order of its own size; `may_shrink` is what the bot agreed to."""

    wish: OrderWish
    bot: str
    may_shrink: bool = False


class CancelWished(Event, frozen=True, kw_only=True):
    """A bot wants an order of its own gone; nothing stands against it."""

    bot: str
    client_order_id: str


class ChangeWished(Event, frozen=True, kw_only=True):
    """A bot wants an open order of its own to be another; None leaves a term.

    `qty` counts the whole order, with what was filled already. `request` is the bot's own name for
    what it asks, empty when it has none. `trail` is in the unit that the trailing stop has.
    """

    bot: str
    client_order_id: str
    request: str = ""
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None


class Verdict(StrEnum):
    """What a broker's answer to a submission or a change proves."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class Answered(Event, frozen=True, kw_only=True):
    """A submission or a change came back, or did not; of a change this is about the new order.

    `broker_code` is the broker's own number for a refusal, 0 where it gave none.
    """

    client_order_id: str
    verdict: Verdict
    broker_order: BrokerOrder | None = None
    reason: str = ""
    broker_code: int = 0


class LookedUp(Event, frozen=True, kw_only=True):
    """The broker was asked for an order that is unsettled; None means not listed there."""

    client_order_id: str
    broker_order: BrokerOrder | None


class CancelAnswered(Event, frozen=True, kw_only=True):
    """A cancel was refused: the order is final already, its last word is `broker_order`."""

    client_order_id: str
    broker_order: BrokerOrder | None


class Updated(Event, frozen=True, kw_only=True):
    """The broker's stream said something."""

    update: TradeUpdate


class Reconciled(Event, frozen=True, kw_only=True):
    """The broker stated account and positions; `orders` are those open there."""

    account: AccountSnapshot
    positions: tuple[PositionSnapshot, ...]
    orders: tuple[BrokerOrder, ...]


class FlowArrived(Event, frozen=True, kw_only=True):
    """Money came or went; told again with the same reference it is the same money."""

    amount: Decimal
    source: str
    reference: str = ""


class IncomeArrived(Event, frozen=True, kw_only=True):
    """A dividend, interest or a fee; see `IncomeSeen`. Told again it is the same."""

    amount: Decimal
    source: str
    reference: str
    key: Key | None = None
    qty: Decimal = Decimal(0)
    price: Decimal = Decimal(0)


class SplitArrived(Event, frozen=True, kw_only=True):
    """An instrument was split at `since_ns`; `qty` is what came to the whole holding then."""

    key: Key
    qty: Decimal
    since_ns: int
    reference: str


class UnitsArrived(Event, frozen=True, kw_only=True):
    """Units went, came, or came in the place of others, without a trade: (key, quantity), positive.

    `price` is what one of those that came is worth, 0 where nobody said. `source` is what the
    broker calls it, `rows` are its names of what it lists.
    """

    gone: tuple[Key, Decimal] | None
    came: tuple[Key, Decimal] | None
    price: Decimal
    source: str
    rows: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The broker's names for it together."""
        return "units:" + "+".join(self.rows)


class PastArrived(Event, frozen=True, kw_only=True):
    """A person brings the history of the time before ours, checked and read from files.

    `is_admin` says whether the admin token came along; `equity` and `flows` are by nanoseconds.
    """

    who: str
    reason: str
    files: tuple[SourceFile, ...]
    deals: tuple[Deal, ...] = ()
    equity: dict[str, Decimal] = {}
    flows: dict[str, Decimal] = {}
    left_out: dict[str, int] = {}
    is_admin: bool = False


class Command(StrEnum):
    """What an operator may order."""

    HALT = "halt"
    REDUCE = "reduce"
    RESUME = "resume"
    FLATTEN = "flatten"
    CLOSE = "close"
    REBALANCE = "rebalance"
    LIMITS = "limits"
    SEAT = "seat"
    ENFORCE = "enforce"
    CONSENT = "consent"
    EVIDENCE = "evidence"
    REVIEW = "review"


class Commanded(Event, frozen=True, kw_only=True):
    """A person ordered something, with a reason.

    `changes` are (name, value) of limits, of a bot's seat, of the step of enforcement, or what was
    measured or proposed as JSON; `is_admin` says whether the admin token came along.
    """

    command: Command
    who: str
    reason: str
    changes: tuple[tuple[str, str], ...] = ()
    is_admin: bool = False


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
