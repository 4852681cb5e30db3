"""What a broker's list of activities means: money that moved, units that changed, fees."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from smart_leverage.domain.activities import REORGANISED, Activity
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import FlowArrived, IncomeArrived, SplitArrived, UnitsArrived

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

SPIN_OFF = "SPIN"

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


def moved_units(listed: Sequence[Activity], now_ns: int) -> Iterator[UnitsArrived]:
    """Yield what went, what came, and what came in the place of what went.

    Two rows are one thing where the broker says so, or where they are of one kind and day and there
    are no others. Units that went alone were paid for, and those that came alone come out of a
    spin-off; anything else waits for its other half, and the account with it.
    """
    rows = [each for each in listed if each.type in REORGANISED and each.key and each.qty]
    groups: dict[tuple[str, str | int], list[Activity]] = {}
    for each in rows:
        groups.setdefault((each.type, each.group or each.at_ns), []).append(each)
    for group in groups.values():
        gone = [each for each in group if (each.qty or ZERO) < 0]
        came = [each for each in group if (each.qty or ZERO) > 0]
        if len(gone) == len(came) == 1:
            yield _units(gone[0], came[0], now_ns)
            continue
        yield from (_units(each, None, now_ns) for each in gone if each.net_amount > 0)
        yield from (_units(None, each, now_ns) for each in came if each.type == SPIN_OFF)


def _units(gone: Activity | None, came: Activity | None, now_ns: int) -> UnitsArrived:
    row = came or gone
    assert row is not None, "something moved"  # noqa: S101
    return UnitsArrived(
        at_ns=now_ns,
        gone=None if gone is None else _counted(gone),
        came=None if came is None else _counted(came),
        price=(came and came.price) or ZERO,
        source=REORGANISED[row.type],
        rows=tuple(each.activity_id for each in (gone, came) if each is not None),
    )


def _counted(row: Activity) -> tuple[Key, Decimal]:
    assert row.key is not None, "units are of something"  # noqa: S101
    return row.key, abs(row.qty or ZERO)
