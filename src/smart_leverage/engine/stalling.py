"""Orders that neither trade nor end: they stay reserved, and after a while somebody is told."""

from collections.abc import Iterable

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.orders import BrokerOrder, OrderState
from smart_leverage.domain.records import Noted
from smart_leverage.engine.core import Core

_WAITING = {
    OrderState.UNKNOWN: "of unknown outcome",
    OrderState.PENDING_CANCEL: "being cancelled",
    OrderState.PENDING_REPLACE: "being changed",
}
_WORDS = frozenset({"suspended", "stopped", "calculated", "pending_cancel", "pending_replace"})
"""The venue's words for an order that works no more and has not ended."""


def heed_stalled(core: Core, listed: Iterable[BrokerOrder]) -> None:
    """Note an order, once, that has stood between two states for longer than it may.

    It is counted as before: nothing says that it cannot fill. A process that begins counts from
    then on.
    """
    words = {one.order.client_order_id: one.status for one in listed}
    stalled = {}
    for name, tracked in core.state.orders.by_id.items():
        word = words.get(name, "")
        how = _WAITING.get(tracked.state, word if word in _WORDS else "")
        if not how:
            continue
        since_ns = stalled[name] = core.stalled.get(name, core.now_ns)
        limit_ns = int(core.config.stalled_after_s * SECOND_NS)
        if since_ns < 0 or core.now_ns - since_ns < limit_ns:
            continue
        stalled[name] = -1  # it is told once
        order = tracked.order
        minutes = (core.now_ns - since_ns) // (60 * SECOND_NS)
        text = (
            f"{order.side} {tracked.remaining} {order.key} is {how} for {minutes} minutes: {name}"
        )
        core.record(Noted(at_ns=core.now_ns, code="order.stalled", text=text))
    core.stalled = stalled
