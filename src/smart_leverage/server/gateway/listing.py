"""Which of a bot's orders a list shows."""

from typing import Any

from smart_leverage.runtime.shelf import Shelf, Shelved
from smart_leverage.server.gateway.views import order_of
from smart_leverage.wire.order_list import OrderList


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
    return wanted.side in ("any", one.order.side.value) and _is_between(one, wanted)


def _is_between(one: Shelved, wanted: OrderList) -> bool:
    """Tell whether the quantity that was asked for fits; an order for money asks for none."""
    if wanted.qty_above is None and wanted.qty_below is None:
        return True
    if one.terms is not None and one.terms.notional is not None:
        return False
    qty, above, below = one.order.qty, wanted.qty_above, wanted.qty_below
    return (above is None or qty > above) and (below is None or qty < below)
