"""A record that never was: invented round trips in the journal, which say so themselves."""

from decimal import Decimal

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, OrderState, Side
from smart_leverage.domain.records import Filled, Intended, Noted, OrderMoved, Record, TierGranted
from smart_leverage.policy.tier import Tier
from smart_leverage.runtime.replay_case import BOT

RECORD_KEY = Key("us_equity:KO")
RECORD_TRADES = 40
"""Invented round trips of a forced record; half of them won, and money comes out even."""

FORCED = "forced for this replay"
ZERO = Decimal(0)


def forced_record(at_ns: int) -> list[Record]:
    """Return journal records of a past that never was: round trips, and the tier they support.

    The trades count in the books like any others and money comes out even, so that the engine's
    own judgement finds one win in two and leaves the tier where this puts it. It is free to take
    the tier back when the trades that follow are worse.

    Args:
        at_ns: After the opening of the account; they end 40 s later.
    """
    text = f"{RECORD_TRADES} invented round trips of {RECORD_KEY}, half of them won"
    records: list[Record] = [Noted(at_ns=at_ns, code="replay.forced", text=f"{FORCED}: {text}")]
    for number in range(2 * RECORD_TRADES):
        side = Side.SELL if number % 2 else Side.BUY
        price = Decimal(101 if number % 4 in (1, 2) else 100)  # up, down, up, down
        records += _invented(at_ns + (number + 1) * SECOND_NS // 2, number, side, price)
    wins = RECORD_TRADES // 2
    granted = TierGranted(
        at_ns=records[-1].at_ns,
        before=Tier.LEARNING.name,
        after=Tier.STABLE.name,
        earned=Tier.STABLE.name,
        wins=wins,
        closed=RECORD_TRADES,
        win_rate=f"{wins / RECORD_TRADES:.6f}",
        month_return=f"{0.0:.6f}",
        why=FORCED,
    )
    return [*records, granted]


def _invented(at_ns: int, number: int, side: Side, price: Decimal) -> list[Record]:
    name = f"replay-forced-{number:03d}"
    order = Order(client_order_id=name, bot=BOT, key=RECORD_KEY, side=side, qty=Decimal(1))
    fill = Fill(
        execution_id=name, client_order_id=name, key=RECORD_KEY, side=side, qty=order.qty,
        price=price, fee=ZERO, fee_asset="USD", at_ns=at_ns,
    )  # fmt: skip
    return [
        Intended(at_ns=at_ns, order=order, decision_id="", reserve_price=price),
        Filled(at_ns=at_ns, fill=fill),
        OrderMoved(
            at_ns=at_ns, client_order_id=name, state=OrderState.FILLED, status="filled",
            filled_qty=order.qty, reason=FORCED,
        ),
    ]  # fmt: skip
