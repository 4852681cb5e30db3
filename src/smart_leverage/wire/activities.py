"""What happened in an account, as the wire lists it: executions, fees, money that came or went."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.orders import Side
from smart_leverage.wire.encoding import text, when
from smart_leverage.wire.errors import invalid
from smart_leverage.wire.reading import Query

TRADES = frozenset({"FILL"})
OTHERS = frozenset({"CFEE", "FEE", "TRANS", "CSD", "CSW", "SPLIT"})


_PARAMETERS = (
    "activity_types", "activity_type", "category", "date", "until", "after", "direction",
    "page_size", "page_token", "order_id",
)  # fmt: skip
_CATEGORIES = {
    "": TRADES | OTHERS,
    "trade_activity": TRADES,
    "non_trade_activity": OTHERS,
}
_ID = re.compile(r"([0-9]{17})::[0-9a-f-]{1,64}")

Row = Mapping[str, Any]


class ActivityList(Struct, frozen=True, kw_only=True):
    """Which activities a list shows; both times are exclusive, `token` is the last row seen."""

    kinds: frozenset[str]
    after_ns: int | None
    until_ns: int | None
    day: str | None
    order_id: str | None
    token: str | None
    is_ascending: bool
    size: int


def activity_list(query: Query, kind: str | None = None) -> ActivityList:
    """Return what a list shall show; `kind` is the one type of an address that names it.

    Raises:
        WireError: 422, a filter is no such filter, or two exclude each other.
    """
    query.only(*_PARAMETERS)
    named = query.words("activity_types") or query.words("activity_type")
    category = query.word("category", tuple(_CATEGORIES), "")
    if named and category:
        raise invalid("activity_types and category exclude each other")
    kinds = frozenset({kind} if kind is not None else named) or _CATEGORIES[category]
    day_ns, token = query.moment("date"), query.text("page_token")
    if token is not None and not _ID.fullmatch(token):
        raise invalid("page_token must be the id of an activity")
    return ActivityList(
        kinds=frozenset(each.upper() for each in kinds),
        after_ns=query.moment("after"),
        until_ns=query.moment("until"),
        day=None if day_ns is None else (when(day_ns) or "")[:10].replace("-", ""),
        order_id=query.text("order_id"),
        token=token,
        is_ascending=query.word("direction", ("asc", "desc"), "desc") == "asc",
        size=query.count("page_size", 100, 1, 100),
    )


def page(rows: Sequence[Row], wanted: ActivityList) -> list[Row]:
    """Return the page of a list that comes after its token; `rows` are newest first."""
    found = [row for row in rows if _matches(row, wanted)]
    if wanted.is_ascending:
        found.reverse()
    return _after(found, wanted)[: wanted.size]


def _matches(row: Row, wanted: ActivityList) -> bool:
    if row["activity_type"] not in wanted.kinds:
        return False
    if wanted.order_id is not None and row.get("order_id") != wanted.order_id:
        return False
    if wanted.day is not None and not row["id"].startswith(wanted.day):
        return False
    at_ns = _instant_ns(row["id"])
    if wanted.after_ns is not None and at_ns <= wanted.after_ns:
        return False
    return wanted.until_ns is None or at_ns < wanted.until_ns


def _after(found: list[Row], wanted: ActivityList) -> list[Row]:
    """Return the rows beyond the token; a row that is gone still says where it stood.

    To begin anew would let a client that reads page by page go round for ever.
    """
    if wanted.token is None:
        return found
    for place, row in enumerate(found):
        if row["id"] == wanted.token:
            return found[place + 1 :]
    at_ns = _instant_ns(wanted.token)
    if wanted.is_ascending:
        return [row for row in found if _instant_ns(row["id"]) > at_ns]
    return [row for row in found if _instant_ns(row["id"]) < at_ns]


def _instant_ns(name: str) -> int:
    """Return the instant that an id begins with, to the millisecond."""
    digits = name[:17]
    try:
        moment = datetime.strptime(digits[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise invalid("page_token must be the id of an activity") from None
    return int(moment.timestamp()) * SECOND_NS + int(digits[14:]) * 1_000_000


def activity_id(at_ns: int, name: str) -> str:
    """Return an id that sorts by time: seventeen digits, two colons, and a name of its own."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    stem = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
    return f"{stem}{rest // 1_000_000:03d}::{name}"


def fill_json(
    *, name: str, at_ns: int, symbol: str, side: Side, qty: Decimal, price: Decimal,
    order_id: str, order_qty: Decimal, filled_qty: Decimal, event: str = "", previous: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Return the row of one execution; `filled_qty` is what its order had filled by then.

    With an event, `trade_bust` or `trade_correct`, it says what became of the execution `previous`.
    """
    is_whole = filled_qty >= order_qty
    revised = {"type": event, "previous_execution_id": previous} if event else {}
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
    } | revised


def coin_fee_json(
    *, name: str, at_ns: int, symbol: str, qty: Decimal, price: Decimal
) -> dict[str, Any]:
    """Return the row of a fee that was taken from the coins bought; below zero it came back."""
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
