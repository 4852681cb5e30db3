"""What a broker's list of activities means to the engine: money that moved, units that changed."""

from smart_leverage.domain.activities import Activity
from smart_leverage.engine.events import FlowArrived, SplitArrived

FLOWS = {"CSD": "deposit", "CSW": "withdrawal"}
"""Activities that move money and are no result of trading."""


def event_of(activity: Activity, now_ns: int) -> FlowArrived | SplitArrived | None:
    """Return what follows from an activity; None for fees, which the fills have brought already."""
    reference = activity.reference or activity.activity_id
    if activity.type in FLOWS:
        return FlowArrived(
            at_ns=now_ns,
            amount=activity.net_amount,
            source=FLOWS[activity.type],
            reference=reference,
        )
    if activity.type == "SPLIT" and activity.key is not None and activity.qty is not None:
        return SplitArrived(
            at_ns=now_ns,
            key=activity.key,
            qty=activity.qty,
            since_ns=activity.at_ns,
            reference=reference,
        )
    return None
