"""What a broker's list of activities means: money that moved, units that changed, fees."""

from decimal import Decimal

from smart_leverage.domain.activities import Activity
from smart_leverage.engine.events import FlowArrived, IncomeArrived, SplitArrived

ZERO = Decimal(0)

FLOWS = {
    "CSD": "deposit",
    "CSW": "withdrawal",
    "JNLC": "journal",
    "TRANS": "transfer",
    "PTC": "transfer",
    "ACATC": "transfer",
}
"""Activities that move money and are no result of trading."""

INCOME = {"DIV": "dividend", "INT": "interest", "CGD": "capital gain"}
"""By how they begin; anything else that moves money is a fee, or named as the broker names it."""

OTHER_FEE = "XFEE"
"""A fee in a coin that was neither bought nor paid with: no fill can bring it."""

FEES = ("FEE", "CFEE", "PTR", OTHER_FEE)


def event_of(
    activity: Activity, now_ns: int, *, tells_fees: bool
) -> FlowArrived | IncomeArrived | SplitArrived | None:
    """Return what follows from an activity; None where nothing does.

    Args:
        activity: As the broker lists it.
        now_ns: When it is taken in.
        tells_fees: Whether fills have brought their fees already.
    """
    reference = activity.reference or activity.activity_id
    if activity.type in FLOWS:
        return FlowArrived(
            at_ns=now_ns,
            amount=activity.net_amount,
            source=FLOWS[activity.type],
            reference=reference,
        )
    if activity.type == "SPLIT":
        if activity.key is None or activity.qty is None:
            return None
        return SplitArrived(
            at_ns=now_ns,
            key=activity.key,
            qty=activity.qty,
            since_ns=activity.at_ns,
            reference=reference,
        )
    is_fee = activity.type in FEES
    is_told = is_fee and tells_fees and activity.type != OTHER_FEE
    if is_told or not (activity.net_amount or (is_fee and activity.qty)):
        return None
    income = next((name for word, name in INCOME.items() if activity.type.startswith(word)), "")
    return IncomeArrived(
        at_ns=now_ns,
        amount=activity.net_amount,
        source=income or ("fee" if is_fee else activity.type),
        reference=reference,
        key=activity.key if is_fee else None,
        qty=activity.qty if is_fee and activity.key and activity.qty else ZERO,
        price=activity.price or ZERO,
    )
