"""Money that came and went, and fees in a coin that nobody traded."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from smart_leverage.brokers.ccxt import reading
from smart_leverage.brokers.ccxt.lists import Lists, each_of
from smart_leverage.brokers.ccxt.pairs import Pairs
from smart_leverage.brokers.ccxt.reading import Execution, Row
from smart_leverage.brokers.numbering import Numbering
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import DAY_NS

MS_NS = 1_000_000
ZERO = Decimal(0)


class Flows:
    """Reads deposits and withdrawals; the exchange has no numbers, so they get ours."""

    FIRST_NS = 90 * DAY_NS
    """So far back it is read at first; exchanges keep such lists no longer."""

    LATE_NS = 40 * DAY_NS
    """What is listed later than that after its date is found at the next start."""

    def __init__(self, lists: Lists, pairs: Pairs, path: Path, now_ns: Callable[[], int]) -> None:
        """Remember whom to ask, and read the numbers that were given."""
        self._lists, self._pairs, self._now_ns = lists, pairs, now_ns
        self._numbers = Numbering(path)
        self._newest_ns = 0

    def activities(self, after: int, foreign: Sequence[Execution]) -> list[Activity]:
        """Return what moved beside orders and fills, above a number, oldest first."""
        now_ns = self._now_ns()
        since_ns = now_ns - self.FIRST_NS
        if 0 < self._numbers.last <= after:
            since_ns = max(since_ns, self._newest_ns - self.LATE_NS)
        rows = [row for row in self._lists.flows(since_ns // MS_NS) if row.get("status") == "ok"]
        found: list[Activity] = each_of("a flow", rows, self._flow)
        found += [self._fee(each, place) for each in foreign for place in range(len(each.others))]
        found.sort(key=lambda each: (each.at_ns, each.activity_id))
        numbers = self._numbers.of([each.activity_id for each in found])
        dates = [each.at_ns for each in found if each.at_ns <= now_ns]
        self._newest_ns = max(self._newest_ns, *dates, 0)
        numbered = [
            _numbered(each, number)
            for each, number in zip(found, numbers, strict=True)
            if number > after
        ]
        return sorted(numbered, key=lambda each: each.number)

    def _flow(self, row: Row) -> Activity:
        """Return a flow: of our money it is one of cash, of a coin it changes what is held."""
        amount, code = reading.amount(row, "amount"), reading.text(row, "currency")
        is_deposit = row.get("type") == "deposit"
        fee = row.get("fee") or {}
        if not is_deposit and fee.get("currency") == code:
            amount += reading.number(fee, "cost") or ZERO
        amount = amount if is_deposit else -amount
        name = f"{row.get('type')}-{reading.text(row, 'id' if row.get('id') else 'txid')}"
        at_ns = reading.instant(row, "timestamp")
        if code == self._pairs.quote:
            kind = "CSD" if is_deposit else "CSW"
            return _activity(name, at_ns, kind, net_amount=amount)
        key = self._pairs.key_of_coin(code)
        return Activity(
            number=0, activity_id=name, at_ns=at_ns, type="TRANS", net_amount=ZERO, key=key,
            qty=amount, reference=name,
        )  # fmt: skip

    def _fee(self, execution: Execution, place: int) -> Activity:
        key, cost = execution.others[place]
        name = f"fee-{execution.fill.execution_id}-{place}"
        return Activity(
            number=0, activity_id=name, at_ns=execution.fill.at_ns, type="CFEE", net_amount=ZERO,
            key=key, qty=-cost, reference=name,
        )  # fmt: skip


def _activity(name: str, at_ns: int, kind: str, *, net_amount: Decimal) -> Activity:
    return Activity(
        number=0, activity_id=name, at_ns=at_ns, type=kind, net_amount=net_amount, reference=name
    )


def _numbered(activity: Activity, number: int) -> Activity:
    return Activity(
        number=number, activity_id=activity.activity_id, at_ns=activity.at_ns, type=activity.type,
        net_amount=activity.net_amount, key=activity.key, qty=activity.qty,
        reference=activity.reference,
    )  # fmt: skip
