"""What a reader returns: one row of each projected table, exact again."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    OrderClass,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
)


class Row(Struct, frozen=True, kw_only=True):
    """Base of the rows that belong to one entry: its number and the record's time, UTC."""

    seq: int
    at_ns: int


class AccountRow(Row, frozen=True, kw_only=True):
    """The account as it was opened; `policy` is TOML text."""

    account: str
    mode: str
    cash: Decimal
    risk_timezone: str
    preset: str
    policy: str
    policy_hash: str
    enforcement: str
    version: str


class AdoptedRow(Row, frozen=True, kw_only=True):
    """A holding that was there before us."""

    key: Key
    qty: Decimal
    price: Decimal
    bot: str


class FlowRow(Row, frozen=True, kw_only=True):
    """Money that came (positive) or went."""

    amount: Decimal
    source: str


class MarkRow(Row, frozen=True, kw_only=True):
    """One valuation: money, and the caps in force as fractions of equity."""

    equity: Decimal
    cash: Decimal
    crypto: Decimal
    leveraged: Decimal
    gross: Decimal
    crypto_cap: Decimal
    leveraged_cap: Decimal


class DecisionRow(Row, frozen=True, kw_only=True):
    """One answer of the policy; see `domain.records.Decided`."""

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


class OrderRow(Struct, frozen=True, kw_only=True):
    """An order as we know it now; `state` is ours, `status` the venue's own word.

    Of a trailing stop, `hwm` and `stop_price` are what the broker told last.
    """

    client_order_id: str
    bot: str
    key: Key
    side: Side
    qty: Decimal
    type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    order_class: OrderClass
    take_profit: Decimal | None
    stop_loss: Decimal | None
    stop_loss_limit: Decimal | None
    trail_price: Decimal | None
    trail_percent: Decimal | None
    hwm: Decimal | None
    role: Role
    decision_id: str
    reserve_price: Decimal
    intended_seq: int
    intended_ns: int
    state: OrderState
    status: str
    filled_qty: Decimal
    broker_order_id: str
    reason: str
    moved_seq: int
    moved_ns: int
    cancel_seq: int | None
    cancel_reason: str | None


class FillRow(Row, frozen=True, kw_only=True):
    """One execution; `executed_ns` is the venue's time, `at_ns` that of our record."""

    execution_id: str
    client_order_id: str
    bot: str
    key: Key
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    executed_ns: int


class PostingRow(Struct, frozen=True, kw_only=True):
    """One leg of an entry's double entry."""

    seq: int
    leg: int
    account: str
    bot: str
    asset: str
    amount: Decimal


class PositionRow(Struct, frozen=True, kw_only=True):
    """A quantity held, negative when short; an empty `bot` means the whole account."""

    bot: str
    key: Key
    qty: Decimal
    seq: int


class CashRow(Struct, frozen=True, kw_only=True):
    """The cash of the books; the broker's own figure is in the marks."""

    asset: str
    amount: Decimal
    seq: int


class BaselineRow(Row, frozen=True, kw_only=True):
    """The equity from which a period's loss is counted."""

    period: str
    label: str
    equity: Decimal


class BreakerRow(Row, frozen=True, kw_only=True):
    """A breaker as it moved; `value` and `limit` are fractions, losses positive."""

    breaker: str
    is_tripped: bool
    value: Decimal
    limit: Decimal
    why: str


class LockRow(Row, frozen=True, kw_only=True):
    """An asset that may not be bought until `until_ns`."""

    key: Key
    loss: Decimal
    limit: Decimal
    until_ns: int


class TierRow(Row, frozen=True, kw_only=True):
    """A change of the granted tier with its evidence."""

    before: str
    after: str
    earned: str
    wins: int
    closed: int
    win_rate: str
    month_return: str
    why: str


class StateRow(Row, frozen=True, kw_only=True):
    """A change of the trading state."""

    before: str
    after: str
    why: str
    who: str


class ResumeRow(Row, frozen=True, kw_only=True):
    """A halt lifted by a person."""

    who: str
    reason: str
    equity: Decimal


class PlanRow(Row, frozen=True, kw_only=True):
    """A deleveraging plan as it moved."""

    plan_id: str
    status: str
    group: str
    stage: int
    ceiling: Decimal
    exposure: Decimal
    deadline_ns: int
    why: str


class UnprotectedRow(Row, frozen=True, kw_only=True):
    """A span in which a position had no live stop; it ends at `at_ns`."""

    key: Key
    since_ns: int
    why: str


class NoteRow(Row, frozen=True, kw_only=True):
    """Something worth remembering."""

    code: str
    text: str
