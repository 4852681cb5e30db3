"""What the journal remembers: one frozen record per kind of fact.

The durable state of an account is the fold of these records, live and after a crash alike: the
engine changes itself only by applying a record that it also hands to the ledger.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from smart_leverage.domain.bots import Seat
from smart_leverage.domain.evidence import Measured
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Fill, Order, OrderState, Side
from smart_leverage.domain.past import Deal, SourceFile


class Fact(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """Base of all records; `at_ns` is UTC and arrives inside the event that caused the record."""

    at_ns: int


class AccountOpened(Fact, frozen=True, kw_only=True, tag="account.opened"):
    """The account came under our rule with this much cash and this policy (TOML text).

    `broker_ns` is what the broker's clock showed when cash and holdings were read there: what it
    executed until then is in them. 0 for an account in which nobody dealt before. Of its activities
    those up to the number `activities` are in them as well. `broker_account` is its own name of the
    account, empty where it has none: an answer about another one is none.
    """

    account: str
    mode: str
    cash: Decimal
    risk_timezone: str
    preset: str
    policy: str
    policy_hash: str
    enforcement: str
    version: str
    broker_ns: int = 0
    activities: int = 0
    broker_account: str = ""


class InstrumentListed(Fact, frozen=True, kw_only=True, tag="instrument.listed"):
    """An instrument may be traded; lots and factor stay fixed for this version of it."""

    instrument: Instrument


class Adopted(Fact, frozen=True, kw_only=True, tag="position.adopted"):
    """A holding that was there before us, valued at this price.

    Also what the broker says of units that went (negative) or came without a trade: `why` is what
    it calls that, and `reference` its name for it, the same for all that belongs together.
    """

    key: Key
    qty: Decimal
    price: Decimal
    bot: str
    reference: str = ""
    why: str = ""


class FlowSeen(Fact, frozen=True, kw_only=True, tag="flow"):
    """Money came (positive) or went (negative); never a return.

    `reference` is the bank's or broker's own name for it: the same one again is the same money.
    """

    amount: Decimal
    source: str
    reference: str = ""


class IncomeSeen(Fact, frozen=True, kw_only=True, tag="income"):
    """What came or went beside trades and is a result: a dividend, interest, a fee.

    `amount` is money. A fee may be taken in coins instead: then `qty` units of `key`, negative, at
    `price`, and `shares` is every bot's part of them. `told` is what the broker named of a fee, in
    the one or the other; where the account had shown that before, less is booked. `reference` is
    the broker's own name for it, empty for what it has not told yet: the same one again is the
    same.
    """

    amount: Decimal
    source: str
    reference: str = ""
    key: Key | None = None
    told: Decimal = Decimal(0)
    qty: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    shares: dict[str, Decimal] = {}


class SplitSeen(Fact, frozen=True, kw_only=True, tag="split"):
    """An instrument was split: units came (positive) or went, and what was paid for all stays.

    It counts from `since_ns`: what was traded after that was in the new units. `qty` came to
    the whole holding, `shares` is what each bot's changes by now, `factor` divides the price.
    `reference` is the broker's name for it.
    """

    key: Key
    qty: Decimal
    factor: Decimal
    since_ns: int
    shares: dict[str, Decimal]
    reference: str


class Decided(Fact, frozen=True, kw_only=True, tag="decision"):
    """One answer of the policy, with every figure that an explanation needs.

    `verdict` is approved, cut, denied, or held (a signal for a position that is at its size). It is
    observed or warned where that much is not enforced: of an order all was given that was asked, of
    a sale of the house nothing was sold.
    `bound` and `would_be` are fractions of equity where
    `unit` is "fraction", account currency where it is "money", else plain counts.
    `figures` are name → exact text; whoever shows them puts them in order.
    `request` is the asker's own name for what it asked, `body` what that was: the same name again
    is the same request, whenever it comes.
    """

    decision_id: str
    bot: str
    source: str
    key: Key
    side: Side
    asked: Decimal
    allowed: Decimal
    given: Decimal
    price: Decimal
    verdict: str
    reason: str
    unit: str
    bound: Decimal
    would_be: Decimal
    figures: dict[str, str]
    request: str = ""
    body: str = ""


class Intended(Fact, frozen=True, kw_only=True, tag="order.intended"):
    """An order may be sent from now on; after a crash without an answer it counts as unknown.

    `replaces` names the order in whose place it is to come; of the two only the larger can fill.
    `is_foreign` says that somebody else put it there already: nothing leaves for it, and what the
    order before filled is not part of its quantity. `parent` names the entry of which it is an exit
    that the venue made, or the other exit of a pair. `filled_before` of it the books hold already:
    it was executed before the account was opened.
    """

    order: Order
    decision_id: str
    reserve_price: Decimal
    replaces: str = ""
    is_foreign: bool = False
    parent: str = ""
    filled_before: Decimal = Decimal(0)


class OrderMoved(Fact, frozen=True, kw_only=True, tag="order.moved"):
    """What we know of an order changed; `status` is the venue's own word.

    `sequence` is the number of the stream's message that told it, 0 if another source did.
    `broker_code` is the broker's own number for its refusal, 0 for what is none.
    """

    client_order_id: str
    state: OrderState
    status: str
    filled_qty: Decimal
    broker_order_id: str = ""
    reason: str = ""
    sequence: int = 0
    broker_code: int = 0


class OrderTrailed(Fact, frozen=True, kw_only=True, tag="order.trailed"):
    """The broker told where a trailing stop stands: the best price so far, and the stop by it."""

    client_order_id: str
    hwm: Decimal
    stop_price: Decimal


class CancelIntended(Fact, frozen=True, kw_only=True, tag="order.cancel_intended"):
    """A cancel may be sent from now on; harmless twice."""

    client_order_id: str
    reason: str


class Filled(Fact, frozen=True, kw_only=True, tag="fill"):
    """One execution happened; `sequence` is the number of the stream's message that told it."""

    fill: Fill
    sequence: int = 0


class FillRevised(Fact, frozen=True, kw_only=True, tag="fill.revised"):
    """The broker took an execution back, or corrected it, after the fact.

    `before` is the execution as it counted until now, `after` what counts in its place: None where
    it is taken back. It keeps its place in time, so that everything after it is as if it had never
    been told otherwise. What was journalled of it stays; this compensates for it. `sequence` is
    the number of the stream's message that told it.
    """

    before: Fill
    after: Fill | None = None
    sequence: int = 0


class SeenPrice(Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is remembered of one instrument beside its price; variances are a day's, exact text.

    `rung` says where the price came from, `suspect` is a lone jump that waits to be confirmed.
    """

    at_ns: int
    rung: int
    first_ns: int
    fast: str = ""
    slow: str = ""
    suspect: str = ""
    suspect_ns: int = 0


class PricesRemembered(Fact, frozen=True, kw_only=True, tag="prices.remembered"):
    """What was known of prices: a later process goes on from here, not from nothing."""

    prices: dict[Key, Decimal]
    seen: dict[Key, SeenPrice]


class Marked(Fact, frozen=True, kw_only=True, tag="mark"):
    """The account was valued; exposures are money, caps are fractions of equity in force.

    Crypto and what is leveraged are counted as the caps count them: where funds are looked through,
    times their multiple. The gross is market value. `prices` are the last good ones of what was
    held: a start values holdings at them until new ones come.
    """

    equity: Decimal
    cash: Decimal
    crypto: Decimal
    leveraged: Decimal
    gross: Decimal
    crypto_cap: Decimal
    leveraged_cap: Decimal
    prices: dict[Key, Decimal] = {}


class BaselineSet(Fact, frozen=True, kw_only=True, tag="baseline"):
    """The equity from which a period's loss is counted; `period` is day, month or peak.

    `holdings` are the market values at a day's opening, for the loss limit per asset.
    """

    period: str
    label: str
    equity: Decimal
    holdings: dict[Key, Decimal] = {}


class BreakerMoved(Fact, frozen=True, kw_only=True, tag="breaker"):
    """A breaker tripped or was cleared; `value` and `limit` are fractions, losses positive."""

    breaker: str
    is_tripped: bool
    value: Decimal
    limit: Decimal
    why: str


class AssetLocked(Fact, frozen=True, kw_only=True, tag="asset.locked"):
    """An asset is closed and may not be bought until `until_ns`.

    It lost its day's share, or all coins together lost theirs: `is_by_sleeve`.
    """

    key: Key
    loss: Decimal
    limit: Decimal
    until_ns: int
    is_by_sleeve: bool = False


class TierGranted(Fact, frozen=True, kw_only=True, tag="tier"):
    """The granted tier changed, with the evidence; `win_rate` is empty when there is no record.

    `imported` of the closed trades happened before our time and came from a file.
    """

    before: str
    after: str
    earned: str
    wins: int
    closed: int
    win_rate: str
    month_return: str
    why: str
    imported: int = 0


class ExposureMoved(Fact, frozen=True, kw_only=True, tag="exposure"):
    """The exposure in force of a sleeve changed; fractions of equity.

    `caps` are all of the named ones, empty where one is not in force; `binding` is the smallest.
    What is in force may be less: a rise waits until it is worth its trades.
    """

    sleeve: str
    before: Decimal
    after: Decimal
    binding: str
    caps: dict[str, str]


class StateChanged(Fact, frozen=True, kw_only=True, tag="state"):
    """The trading state changed: active, reducing, halted or frozen."""

    before: str
    after: str
    why: str
    who: str


RESTORED = "restored from a backup"
"""Why a ledger is halted that goes on from a copy; orders after it get ids of their own."""

UNWRITABLE = "the ledger cannot be written"
"""How the reason begins of a halt for trouble with the ledger; orders after it get own ids too."""


VOID = "the ledger refused the intent, nothing has left"
"""Why an order ends whose commit failed; what asked for it may ask again."""


class Resumed(Fact, frozen=True, kw_only=True, tag="resumed"):
    """A person lifted a halt with a reason; the equity becomes the new baseline."""

    who: str
    reason: str
    equity: Decimal


class LimitChanged(Fact, frozen=True, kw_only=True, tag="limit"):
    """A limit is another from `effective_ns` on: at once, or once its delay is over.

    Values are text as a configuration has them; `before` is the one in force, empty at the opening.
    """

    name: str
    before: str
    after: str
    is_looser: bool
    effective_ns: int
    who: str
    reason: str


class SeatChanged(Fact, frozen=True, kw_only=True, tag="seat"):
    """A token of a bot is what this says from now on: given, changed or revoked, and by whom."""

    seat: Seat
    who: str
    reason: str


class EnforcementChanged(Fact, frozen=True, kw_only=True, tag="enforcement"):
    """The step of enforcement is another from `effective_ns` on: at once, or after a delay.

    `before` is the one in force: observe, warn, entries or all.
    """

    before: str
    after: str
    effective_ns: int
    who: str
    reason: str


class RampMoved(Fact, frozen=True, kw_only=True, tag="ramp"):
    """Increases go by `factor` of each cap from now on; `day` of `days` risk days are counted."""

    start: Decimal
    day: int
    days: int
    factor: Decimal


class ConsentGiven(Fact, frozen=True, kw_only=True, tag="consent"):
    """A person let the house sell what was adopted."""

    who: str
    reason: str


class EvidenceRecorded(Fact, frozen=True, kw_only=True, tag="evidence"):
    """What was measured of the past is in force from now on, in the place of what was before."""

    measured: Measured
    who: str
    reason: str


class PlanMoved(Fact, frozen=True, kw_only=True, tag="plan"):
    """A deleveraging plan started, moved to a stage, was late for its first one, or ended.

    It ends reached, partial or failed; `why` then says what is left and why that was not sold.
    `ceiling` and `exposure` are fractions of equity of the group that binds.
    """

    plan_id: str
    status: str
    group: str
    stage: int
    ceiling: Decimal
    exposure: Decimal
    deadline_ns: int
    why: str = ""


class Unprotected(Fact, frozen=True, kw_only=True, tag="unprotected"):
    """A position was without a live stop from `since_ns` until this record's time."""

    key: Key
    since_ns: int
    why: str


class PastDealt(Fact, frozen=True, kw_only=True, tag="past.deal"):
    """A deal from before our time; it counts once the import that it belongs to is complete."""

    import_id: str
    deal: Deal


class PastValued(Fact, frozen=True, kw_only=True, tag="past.equity"):
    """What the account was worth before our time, by an instant in nanoseconds; shown, not judged.

    `flows` are deposits (positive) and withdrawals at the same instants, as far as they are known.
    """

    import_id: str
    equity: dict[str, Decimal]
    flows: dict[str, Decimal] = {}


class PastImported(Fact, frozen=True, kw_only=True, tag="past.imported"):
    """A history was taken in, all of it or nothing; who wanted it, and from which files.

    `deals` are those written with it, `left_out` says why rows were not counted, and how many.
    """

    import_id: str
    who: str
    reason: str
    files: tuple[SourceFile, ...]
    deals: int
    left_out: dict[str, int] = {}


class Noted(Fact, frozen=True, kw_only=True, tag="note"):
    """Something worth remembering that changes nothing; `code` is stable."""

    code: str
    text: str


Record = (
    AccountOpened
    | InstrumentListed
    | Adopted
    | FlowSeen
    | IncomeSeen
    | SplitSeen
    | Decided
    | Intended
    | OrderMoved
    | OrderTrailed
    | CancelIntended
    | Filled
    | FillRevised
    | PricesRemembered
    | Marked
    | BaselineSet
    | BreakerMoved
    | AssetLocked
    | TierGranted
    | ExposureMoved
    | StateChanged
    | Resumed
    | LimitChanged
    | SeatChanged
    | EnforcementChanged
    | RampMoved
    | ConsentGiven
    | EvidenceRecorded
    | PlanMoved
    | Unprotected
    | PastDealt
    | PastValued
    | PastImported
    | Noted
)

_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="string")
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    """Return the canonical JSON of a record: same record, same bytes."""
    return _ENCODER.encode(record)


def decode(payload: bytes) -> Record:
    """Return the record of a canonical JSON text.

    Raises:
        msgspec.ValidationError: The text is not a record of this version.
    """
    return _DECODER.decode(payload)
