"""A split: more units at a lower price, or fewer at a higher one, and no gain or loss."""

from smart_leverage.domain.records import SplitSeen
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.events import SplitArrived


def on_split(core: Core, event: SplitArrived) -> None:
    """Book a split once, and take back every order that was meant for the old units.

    The stop stands at the level that means the same after it; it is rested anew when the old one is
    gone. Bought is the instrument again when a price has come that belongs to the new units. While
    the books lag behind nothing is booked: they differ from the broker's lists until they hold what
    was split.
    """
    if event.reference in core.state.flows:
        return
    foreseen = core.state.book.foreseen_split(event.key, event.qty, at_ns=event.since_ns)
    if foreseen is None:
        return
    core.record(
        SplitSeen(
            at_ns=core.now_ns,
            key=event.key,
            qty=event.qty,
            factor=foreseen.factor,
            since_ns=event.since_ns,
            shares=foreseen.moves,
            reference=event.reference,
        )
    )
    for tracked in core.state.orders.of(event.key):
        if tracked.intended_ns <= event.since_ns:
            cancel(core, tracked, "the instrument was split")
