"""What happened in an account, as the wire lists it: executions, fees, money that came or went."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.orders import Side
from smart_leverage.wire.encoding import text, when

TRADES = frozenset({"FILL"})
OTHERS = frozenset({"CFEE", "FEE", "TRANS", "CSD", "CSW", "SPLIT"})


def activity_id(at_ns: int, name: str) -> str:
    """Return an id that sorts by time: seventeen digits, two colons, and a name of its own."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    stem = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
    return f"{stem}{rest // 1_000_000:03d}::{name}"


def fill_json(
    *, name: str, at_ns: int, symbol: str, side: Side, qty: Decimal, price: Decimal,
    order_id: str, order_qty: Decimal, filled_qty: Decimal,
) -> dict[str, Any]:  # fmt: skip
    """Return the row of one execution; `filled_qty` is what its order had filled by then."""
    is_whole = filled_qty >= order_qty
    return {
        "id": activity_id(at_ns, name),
        "activity_type": "FILL",
        "transaction_time": when(at_ns),
        "type": "fill" if is_whole else "partial_fill",
        "price": text(price),
        "qty": text(qty),
        "side": side.value,
        "symbol": symbol,
        "leaves_qty": text(max(order_qty - filled_qty, Decimal(0))),
        "order_id": order_id,
        "cum_qty": text(filled_qty),
        "order_status": "filled" if is_whole else "partially_filled",
    }


def coin_fee_json(
    *, name: str, at_ns: int, symbol: str, qty: Decimal, price: Decimal
) -> dict[str, Any]:
    """Return the row of a fee that was taken from the coins bought."""
    return {
        "id": activity_id(at_ns, name),
        "activity_type": "CFEE",
        "date": (when(at_ns) or "")[:10],
        "net_amount": "0",
        "description": f"Coin Pair Transaction Fee (Non USD) for {symbol}",
        "symbol": symbol.replace("/", ""),
        "qty": text(-qty),
        "price": text(price),
        "status": "executed",
        "currency": "USD",
        "created_at": when(at_ns),
    }
