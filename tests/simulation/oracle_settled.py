"""What the oracle expects once faults have stopped and some quiet minutes have passed."""

from collections.abc import Collection, Iterator

from tests.simulation.oracle import Oracle
from tests.simulation.oracle_journal import ENDED

from smart_leverage.brokers.sim import SimBroker


def settle(oracle: Oracle, venue: SimBroker, now_ns: int, untold: Collection[str] = ()) -> None:
    """INV-20 and INV-09: nothing unknown is left, books and venue agree, every state has a cause.

    What somebody else did there is in the books like anything else, but for orders of which nobody
    was told: then it has to stay reducing.
    """
    oracle.look()
    is_untold = any(
        each.filled_qty and each.order.client_order_id in untold for each in venue.orders()
    )
    state = _state(oracle, is_untold=is_untold)
    for text in (*_orders(oracle, venue), *state, *_plans(oracle, now_ns)):
        oracle.broken("INV-20", text)


def _orders(oracle: Oracle, venue: SimBroker) -> Iterator[str]:
    theirs = {each.order.client_order_id for each in venue.orders(is_open=True)}
    for name, known in oracle.journal.orders.items():
        if known.is_final:
            if name in theirs:
                yield f"{name} is open at the venue and {known.state} in the journal"
            elif known.left:
                yield f"{name} is {known.state}, {known.left} of it was filled and never counted"
        elif name not in theirs:
            yield f"{name} is {known.state} in the journal and not open at the venue"
        elif known.state in ("intent", "unknown", "pending_cancel", "pending_replace"):
            yield f"{name} is still {known.state}"


def _state(oracle: Oracle, *, is_untold: bool) -> Iterator[str]:
    journal, differences = oracle.journal, oracle.differences()
    if differences and not is_untold:
        yield f"books and venue differ: {'; '.join(differences)}"
    if differences and journal.trading == "active":
        yield "active although books and venue differ"
    is_planned = any(plan.status not in ENDED for plan in journal.plans.values())
    has_cause = bool(differences) or "day" in journal.tripped_on or is_planned
    if journal.trading != "active" and not has_cause:
        yield f"{journal.trading} without a cause: {journal.why}"


def _plans(oracle: Oracle, now_ns: int) -> Iterator[str]:
    for name, plan in oracle.journal.plans.items():
        if plan.status not in ENDED and plan.deadline_ns < now_ns:
            yield f"plan {name} is past its deadline and {plan.status}"
