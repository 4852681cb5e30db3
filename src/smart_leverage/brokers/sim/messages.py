"""What client and server of the venue's socket say to each other: framed JSON, both ends bounded.

A frame is four bytes of length, most significant first, and so many bytes of JSON. A client sends
one request and reads answers until one says that no more follow; long lists come in parts.
"""

from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from smart_leverage.brokers.sim.purse import Change
from smart_leverage.brokers.sim.venue import SimBroker
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    PositionSnapshot,
    TradeUpdate,
)

FRAME_MAX = 1 << 20
"""Longest frame in bytes; a longer one ends the connection."""

PART = 250
"""Rows in one answer; an order or an update with the longest names takes less than 4 KiB."""

HEADER = 4

UNREADABLE = "protocol"
"""Code of the answer to a request whose frame was whole and whose content could not be read."""


class Request(Struct, frozen=True, kw_only=True, tag_field="call", omit_defaults=True):
    """Base of all requests; each but `SubmitAll` has a `make` that makes its call at a venue."""


class Submit(Request, frozen=True, kw_only=True, tag="submit"):
    """Take an order."""

    approved: Approved

    def make(self, broker: SimBroker) -> BrokerOrder:
        """Make the call."""
        return broker.submit(self.approved)


class SubmitAll(Request, frozen=True, kw_only=True, tag="submit_all"):
    """Take orders, one after the other; the result holds an answer for each."""

    approved: list[Approved]


class Cancel(Request, frozen=True, kw_only=True, tag="cancel"):
    """End an order."""

    client_order_id: str

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.cancel(self.client_order_id)


class Replace(Request, frozen=True, kw_only=True, tag="replace"):
    """Change an order."""

    client_order_id: str
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    new_client_order_id: str | None = None

    def make(self, broker: SimBroker) -> BrokerOrder:
        """Make the call."""
        return broker.replace(
            self.client_order_id,
            qty=self.qty,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            trail=self.trail,
            new_client_order_id=self.new_client_order_id,
        )


class GetAccount(Request, frozen=True, kw_only=True, tag="account"):
    """Return the account."""

    def make(self, broker: SimBroker) -> AccountSnapshot:
        """Make the call."""
        return broker.account()


class GetPositions(Request, frozen=True, kw_only=True, tag="positions"):
    """Return the holdings."""

    def make(self, broker: SimBroker) -> list[PositionSnapshot]:
        """Make the call."""
        return list(broker.positions())


class GetOrders(Request, frozen=True, kw_only=True, tag="orders"):
    """Return orders."""

    is_open: bool | None = None
    after_ns: int = 0

    def make(self, broker: SimBroker) -> list[BrokerOrder]:
        """Make the call."""
        return list(broker.orders(is_open=self.is_open, after_ns=self.after_ns))


class GetOrder(Request, frozen=True, kw_only=True, tag="order"):
    """Return one order or null."""

    client_order_id: str

    def make(self, broker: SimBroker) -> BrokerOrder | None:
        """Make the call."""
        return broker.order(self.client_order_id)


class GetUpdates(Request, frozen=True, kw_only=True, tag="updates"):
    """Return the stream above a sequence."""

    after: int

    def make(self, broker: SimBroker) -> list[TradeUpdate]:
        """Make the call."""
        return list(broker.updates(self.after))


class GetActivities(Request, frozen=True, kw_only=True, tag="activities"):
    """Return activities above a number."""

    after: int = 0

    def make(self, broker: SimBroker) -> list[Activity]:
        """Make the call."""
        return list(broker.activities(self.after))


class GetChanges(Request, frozen=True, kw_only=True, tag="changes"):
    """Return entries above a number."""

    after: int = 0

    def make(self, broker: SimBroker) -> list[Change]:
        """Make the call."""
        return list(broker.changes(self.after))


class CloseBars(Request, frozen=True, kw_only=True, tag="close_bars"):
    """Let orders meet bars."""

    at_ns: int
    bars: list[tuple[Key, Bar]]

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.close_bars(self.at_ns, self.bars)


class PrintOpens(Request, frozen=True, kw_only=True, tag="print_opens"):
    """Print opens."""

    at_ns: int
    opens: list[tuple[Key, float]]

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.print_opens(self.at_ns, self.opens)


class FillOpens(Request, frozen=True, kw_only=True, tag="fill_opens"):
    """Trade at the opens."""

    at_ns: int

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.fill_opens(self.at_ns)


class Quotes(Request, frozen=True, kw_only=True, tag="on_quotes"):
    """Let orders meet the quotes of one instant: key, bid and ask of each."""

    at_ns: int
    quotes: list[tuple[Key, float, float]]

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.on_quotes(self.at_ns, self.quotes)


class MeetNewcomers(Request, frozen=True, kw_only=True, tag="meet_newcomers"):
    """Let orders that came after the last quotes meet them."""

    at_ns: int

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.meet_newcomers(self.at_ns)


class Advance(Request, frozen=True, kw_only=True, tag="advance"):
    """Let time pass."""

    at_ns: int

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.advance(self.at_ns)


class Deposit(Request, frozen=True, kw_only=True, tag="deposit"):
    """Book a flow."""

    at_ns: int
    amount: Decimal
    reference: str

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.deposit(self.at_ns, self.amount, self.reference)


class Split(Request, frozen=True, kw_only=True, tag="split"):
    """Split an instrument."""

    at_ns: int
    key: Key
    factor: Decimal
    reference: str

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.split(self.at_ns, self.key, self.factor, self.reference)


class Bust(Request, frozen=True, kw_only=True, tag="bust"):
    """Take an execution back."""

    at_ns: int
    execution_id: str

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.bust(self.at_ns, self.execution_id)


class Correct(Request, frozen=True, kw_only=True, tag="correct"):
    """Correct an execution."""

    at_ns: int
    execution_id: str
    qty: Decimal | None = None
    price: Decimal | None = None

    def make(self, broker: SimBroker) -> None:
        """Make the call."""
        broker.correct(self.at_ns, self.execution_id, qty=self.qty, price=self.price)


Requests = (
    Submit
    | SubmitAll
    | Cancel
    | Replace
    | GetAccount
    | GetPositions
    | GetOrders
    | GetOrder
    | GetUpdates
    | GetActivities
    | GetChanges
    | CloseBars
    | PrintOpens
    | FillOpens
    | Quotes
    | MeetNewcomers
    | Advance
    | Deposit
    | Split
    | Bust
    | Correct
)


class Answer(Struct, frozen=True, kw_only=True, tag_field="answer", omit_defaults=True):
    """Base of all answers."""


class Done(Answer, frozen=True, kw_only=True, tag="done"):
    """The call was made; of a list, `has_more` tells that another part follows."""

    result: Raw
    has_more: bool = False


class No(Answer, frozen=True, kw_only=True, tag="refused"):
    """The venue refused."""

    code: int
    message: str
    facts: dict[str, str]


class Fault(Answer, frozen=True, kw_only=True, tag="fault"):
    """The call could not be made; `code` is that of our own error."""

    code: str
    message: str


Answers = Done | No | Fault

ENCODER = msgspec.json.Encoder(decimal_format="string")
REQUESTS: msgspec.json.Decoder[Requests] = msgspec.json.Decoder(Requests)
ANSWERS: msgspec.json.Decoder[Answers] = msgspec.json.Decoder(Answers)


def framed(message: Request | Answer) -> bytes:
    """Return a message as one frame.

    Raises:
        ValueError: It is longer than a frame may be.
    """
    body = ENCODER.encode(message)
    if len(body) > FRAME_MAX:
        raise ValueError(f"a message of {len(body)} bytes; at most {FRAME_MAX} fit")
    return len(body).to_bytes(HEADER) + body
