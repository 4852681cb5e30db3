"""Which of a bot's orders a list shows, by every filter that the wire has."""

from typing import Any

from msgspec import Struct

from smart_leverage.runtime.shelf import Shelf, Shelved
from smart_leverage.server.gateway.views import order_of
from smart_leverage.wire.errors import invalid
from smart_leverage.wire.reading import Query

_NAMES = (
    "status", "limit", "after", "until", "direction", "nested", "symbols", "side", "asset_class",
    "before_order_id", "after_order_id", "qty_above", "qty_below",
)  # fmt: skip


class OrderList(Struct, frozen=True, kw_only=True):
    """What a list of orders shall show; both times are exclusive, on submission."""

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
    )
    by_id = wanted.before_id is not None or wanted.after_id is not None
    by_time = wanted.after_ns is not None or wanted.until_ns is not None
    if by_id and (by_time or (wanted.before_id and wanted.after_id)):
        raise invalid("before_order_id, after_order_id and times exclude each other")
    return wanted


def listed(shelf: Shelf, bot: str, wanted: OrderList) -> list[dict[str, Any]]:
    """Return the orders that a list shows, newest first unless it is turned round."""
    found = [one for one in shelf.orders(bot) if _matches(one, wanted)]
    found = _by_id(found, wanted)
    if wanted.is_ascending:
        found.reverse()
    return [order_of(one, is_nested=wanted.is_nested) for one in found[: wanted.limit]]


def _by_id(found: list[Shelved], wanted: OrderList) -> list[Shelved]:
    ids = [one.id for one in found]
    if wanted.before_id in ids:
        return found[ids.index(wanted.before_id) + 1 :]
    if wanted.after_id in ids:
        return found[: ids.index(wanted.after_id)]
    return found


def _matches(one: Shelved, wanted: OrderList) -> bool:
    is_open = not one.is_final
    asset_class, _, symbol = one.order.key.partition(":")
    if wanted.is_nested and one.parent is not None:
        return False
    is_mark = one.id in (wanted.before_id, wanted.after_id)
    if not is_mark and wanted.status not in ("all", "open" if is_open else "closed"):
        return False
    if wanted.after_ns is not None and one.submitted_ns <= wanted.after_ns:
        return False
    if wanted.until_ns is not None and one.submitted_ns >= wanted.until_ns:
        return False
    if wanted.symbols and symbol.replace("/", "") not in wanted.symbols:
        return False
    if wanted.asset_classes and asset_class not in wanted.asset_classes:
        return False
    return wanted.side in ("any", one.order.side.value)
