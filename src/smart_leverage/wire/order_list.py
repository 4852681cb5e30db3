"""A list of orders as a client wants it: every filter, checked as far as that needs no order."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.wire.errors import invalid
from smart_leverage.wire.reading import Query

_NAMES = (
    "status", "limit", "after", "until", "direction", "nested", "symbols", "side", "asset_class",
    "before_order_id", "after_order_id", "qty_above", "qty_below",
)  # fmt: skip


class OrderList(Struct, frozen=True, kw_only=True):
    """What a list of orders shall show; times, on submission, and quantities are exclusive."""

    status: str
    limit: int
    after_ns: int | None
    until_ns: int | None
    is_ascending: bool
    is_nested: bool
    symbols: frozenset[str]
    side: str
    asset_classes: tuple[str, ...]
    before_id: str | None
    after_id: str | None
    qty_above: Decimal | None
    qty_below: Decimal | None


def order_list(query: Query) -> OrderList:
    """Return what a list shall show.

    Raises:
        WireError: 422, a filter is no such filter, or two contradict each other.
    """
    query.only(*_NAMES)
    wanted = OrderList(
        status=query.word("status", ("open", "closed", "all"), "open"),
        limit=query.count("limit", 50, 1, 500),
        after_ns=query.moment("after"),
        until_ns=query.moment("until"),
        is_ascending=query.word("direction", ("asc", "desc"), "desc") == "asc",
        is_nested=query.flag("nested"),
        symbols=frozenset(symbol.replace("/", "") for symbol in query.words("symbols")),
        side=query.word("side", ("buy", "sell", "any"), "any"),
        asset_classes=query.words("asset_class"),
        before_id=query.text("before_order_id"),
        after_id=query.text("after_order_id"),
        qty_above=query.amount("qty_above"),
        qty_below=query.amount("qty_below"),
    )
    by_id = wanted.before_id is not None or wanted.after_id is not None
    by_time = wanted.after_ns is not None or wanted.until_ns is not None
    if by_id and (by_time or (wanted.before_id and wanted.after_id)):
        raise invalid("before_order_id, after_order_id and times exclude each other")
    return wanted
