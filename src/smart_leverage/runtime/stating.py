"""Statements of an account: its ledger is read once, and at the end of each period it is looked at.

The story tells what happened, the engine's own state how the account stood: both take every record
in the same pass, so a statement of last month says what stood then and not what stands now.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from smart_leverage.books.exact import ratio
from smart_leverage.books.units import Worth
from smart_leverage.domain.errors import BadData, LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.limits import told
from smart_leverage.domain.phases import told as phase_told
from smart_leverage.domain.records import AccountOpened, BaselineSet, Record, decode
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.domain.sentences import PLAN_STATUS, group_told, percent, plan_told
from smart_leverage.domain.stamps import iso
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.read_only import opened
from smart_leverage.ledger.rows import AccountRow
from smart_leverage.reports.statement.close import Close, Due, Limited, Position, Seen
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.statement.period import Kind, Period, period_at, period_of
from smart_leverage.reports.story import Progress, Story
from smart_leverage.runtime.figures import losses
from smart_leverage.runtime.remembered import Fold, Remembered

_PROGRESS_EVERY = 5_000


class Ended(NamedTuple):
    """A period that is over, or as far as the ledger goes, and the account before and after."""

    period: Period
    before: Close | None
    after: Close


def parts(
    path: Path, kind: Kind, day: date | None = None, *, every: bool = False,
    progress: Progress | None = None,
) -> list[Part]:  # fmt: skip
    """Return the periods that are asked for, oldest first.

    Args:
        path: The ledger.
        kind: Days, weeks or months of the account's risk time zone.
        day: A day within the period; None means the last period of which the ledger holds anything.
        every: Return every period that holds an entry instead.
        progress: Hears the number of entries read, now and then.

    Raises:
        BadData: The ledger holds nothing of that period.
        LedgerError: There is no ledger, or it holds no account.
    """
    with opened(path) as reader:
        account = reader.account()
        if account is None:
            raise LedgerError(f"{path}: holds no account yet; start a run with it first")
        follower = _Follower(path, account, kind, day)
        for entry in reader.entries():
            follower.take(entry)
            if progress is not None and not entry.seq % _PROGRESS_EVERY:
                progress(entry.seq)
        follower.finish()
        if progress is not None:
            progress(follower.story.seq)
    ended = follower.ended
    if day is not None and not every:
        ended = [each for each in ended if each.period == follower.wanted]
        if not ended:
            label = "" if follower.wanted is None else follower.wanted.label
            raise BadData(f"holds nothing of {label}", file=path, fix=_fix(follower.ended))
    chosen = ended if every else ended[-1:]
    return [Part(follower.story, *each) for each in chosen]


def _fix(ended: Sequence[Ended]) -> str:
    labels = [each.period.label for each in ended]
    return f"it reaches from {labels[0]} to {labels[-1]}" if labels else "run something into it"


class _Follower:
    """Folds a journal and closes a period whenever a record comes from after its end."""

    def __init__(self, path: Path, account: AccountRow, kind: Kind, day: date | None) -> None:
        self._path = path
        self._account = account
        self._kind = kind
        self._calendar = RiskCalendar(account.risk_timezone)
        self._fold = Fold(with_prices=True, is_whole=True)
        self._period: Period | None = None
        self._head = b""
        self.story = Story(keeps_figures=False)
        self.ended: list[Ended] = []
        self.wanted = None if day is None else period_of(self._calendar, kind, day)
        self._is_done = False

    def take(self, entry: Entry) -> None:
        """Take in an entry; once what was asked for is over, only the story goes on.

        An order that began to close in the period may go on after it, and is one trade.
        """
        record = decode(entry.payload)
        if self._is_done:
            self._tell(record, entry)
            return
        is_first = self._period is None and isinstance(record, AccountOpened)
        if is_first or (self._period is not None and record.at_ns >= self._period.end_ns):
            self._close(record)
            if self.wanted is not None and record.at_ns >= self.wanted.end_ns:
                self._is_done = True
                self._tell(record, entry)
                return
            self._period = period_at(self._calendar, self._kind, record.at_ns)
        self._tell(record, entry)
        self._head = entry.hash
        self._fold.take(entry, record)

    def _tell(self, record: Record, entry: Entry) -> None:
        self.story.apply(record, entry.seq)
        self.story.head = entry.hash

    def finish(self) -> None:
        """Close the period that the ledger ends in."""
        if not self._is_done:
            self._close()

    def _close(self, after: Record | None = None) -> None:
        """Close the period; the first record after it may say what the holdings were worth."""
        if self._period is None:
            return
        before = self.ended[-1].after if self.ended else None
        now = self._fold.remembered(self._path, self._account, [])
        opening = after if isinstance(after, BaselineSet) and after.period == "day" else None
        close = close_of(now, self._head, self.story.worth, opening)
        self.ended.append(Ended(self._period, before, close))


def close_of(
    now: Remembered, head: bytes, worth: Worth, opening: BaselineSet | None = None
) -> Close:
    """Return how an account stands as a statement tells it; `now` may go on changing after it.

    Args:
        now: The account after the last entry of the period.
        head: Hash of that entry.
        worth: What the account was worth then.
        opening: What the engine valued the holdings at when the next day began, if it is known.
    """
    state = now.state
    return Close(
        seq=now.events,
        head=head.hex(),
        at_ns=now.at_ns,
        worth=worth,
        state=state.trading.name.lower(),
        state_why=state.trading_why if int(state.trading) else "",
        tier=state.tier.name,
        enforcement=state.rollout.step.word,
        cash=state.book.cash,
        positions=tuple(_positions(now, opening)),
        losses=tuple(
            Limited(each.name, each.change, each.limit, each.is_tripped) for each in losses(now)
        ),
        due=tuple(_due(now)),
    )


def _seen(now: Remembered, key: Key, qty: Decimal, opening: BaselineSet | None) -> Seen | None:
    if opening is not None and key in opening.holdings:
        price = ratio(opening.holdings[key], qty)
        return Seen(price, opening.at_ns, "the opening of the next day")
    known = now.prices.get(key)
    return None if known is None else Seen(known.price, known.at_ns, known.source)


def _positions(now: Remembered, opening: BaselineSet | None) -> Iterator[Position]:
    state = now.state
    for key, qty in state.held():
        yield Position(
            key=key,
            qty=qty,
            entry_price=state.entry_price(key),
            stop=state.stop_prices.get(key) if state.live_stop(key) else None,
            bare_since_ns=state.bare_since.get(key),
            seen=_seen(now, key, qty, opening),
        )


def _due(now: Remembered) -> Iterator[Due]:
    """Yield what is under way, pending or overdue."""
    state = now.state
    if state.short is not None:
        short = state.short
        group, status = group_told(short.group), PLAN_STATUS.get(short.status, "")
        yield Due("plan that fell short", f"{short.plan_id}: {group} {status}: {short.why}")
    if state.plan is not None:
        plan = state.plan
        late = f", {plan_told('late', plan.kind)}" if plan.is_late else ""
        yield Due(
            "plan",
            f"{plan.plan_id}: {group_told(plan.kind)} down from {percent(plan.start)}, "
            f"stage {plan.stage}, due {iso(plan.deadline_ns)}{late}",
        )
    for change in state.limits.pending.values():
        yield Due("pending limit", told(change))
    for key, until_ns in sorted(state.locks.items()):
        if until_ns > now.at_ns:
            yield Due("lock", f"{key} until {iso(until_ns)}")
    for key, since_ns in sorted(state.bare_since.items()):
        yield Due("no live stop", f"{key} since {iso(since_ns)}")
    for phase in now.phases:
        yield Due("▲ phase" if phase.is_due else "phase", phase_told(phase))
    under_way = len(state.orders.by_id)
    if under_way:
        yield Due("orders under way", f"{under_way:,}, protective stops among them")
