"""What the account did to protect itself: plans, trips, locks and stops, from start to end."""

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.exact import ratio
from smart_leverage.domain.orders import Role
from smart_leverage.domain.records import BreakerMoved, PlanMoved, Resumed
from smart_leverage.domain.sentences import PLAN_ENDED
from smart_leverage.reports.story import Execution, Story

FLATTEN = "flatten"
SYMBOL = "symbol"
"""Groups of plans that are no capped group: everything, and one instrument."""


class Plan(NamedTuple):
    """One deleveraging, measured on positions; exposures and ceilings are fractions of equity.

    `end_ns` is None while it is running; `late_ns` is set once its first deadline had passed.
    `shortfall` tells what a plan left that ended in part or without success, and why. A plan for
    one instrument is measured in the journal by all positions; one that sells everything begins
    there at 1, and `first` is taken from the mark before it instead.
    """

    plan_id: str
    group: str
    why: str
    start_ns: int
    end_ns: int | None
    deadline_ns: int
    late_ns: int | None
    first: Decimal
    last: Decimal
    ceiling: Decimal
    stages: tuple[tuple[int, int, Decimal], ...]
    status: str
    places: tuple[int, ...]
    shortfall: str = ""

    @property
    def is_in_time(self) -> bool | None:
        """Whether it ended before its deadline; None while it is running and not late."""
        if self.end_ns is None:
            return False if self.late_ns is not None else None
        return self.end_ns <= self.deadline_ns


class Trip(NamedTuple):
    """One trip of a breaker until it was cleared; `value` and `limit` are losses, positive."""

    breaker: str
    why: str
    value: Decimal
    limit: Decimal
    start_ns: int
    end_ns: int | None
    seq: int


def plans(story: Story) -> list[Plan]:
    """Return every plan in the order in which they started."""
    moves: dict[str, list[tuple[int, PlanMoved]]] = {}
    for seq, move in zip(story.places.get(PlanMoved, ()), story.plans, strict=True):
        moves.setdefault(move.plan_id, []).append((seq, move))
    return [_plan(story, each) for each in moves.values()]


def _plan(story: Story, moves: list[tuple[int, PlanMoved]]) -> Plan:
    first, last = moves[0][1], moves[-1][1]
    is_over = last.status in PLAN_ENDED
    late = next((move.at_ns for _, move in moves if move.status == "late"), None)
    return Plan(
        plan_id=first.plan_id,
        group=first.group,
        why=first.why,
        start_ns=first.at_ns,
        end_ns=last.at_ns if is_over else None,
        deadline_ns=last.deadline_ns,
        late_ns=late,
        first=_held_at(story, first) if first.group == FLATTEN else first.exposure,
        last=last.exposure,
        ceiling=last.ceiling,
        stages=tuple((move.stage, move.at_ns, move.exposure) for _, move in moves),
        status=last.status,
        places=tuple(seq for seq, _ in moves),
        shortfall=last.why if is_over and last.status != "reached" else "",
    )


def _held_at(story: Story, move: PlanMoved) -> Decimal:
    """Return gross exposure at the last mark that was not later, or what the move says."""
    index = bisect_right(story.marks, move.at_ns, key=lambda mark: mark.at_ns) - 1
    if index < 0 or story.marks[index].equity <= 0:
        return move.exposure
    return ratio(story.marks[index].gross, story.marks[index].equity)


def trips(story: Story) -> list[Trip]:
    """Return every trip, oldest first; whoever resumes the account clears them all."""
    return sorted(_trips(story), key=lambda trip: (trip.start_ns, trip.seq))


def _trips(story: Story) -> Iterator[Trip]:
    running: dict[str, tuple[int, BreakerMoved]] = {}
    moves: list[tuple[int, BreakerMoved | Resumed]] = [
        *zip(story.places.get(BreakerMoved, ()), story.breakers, strict=True),
        *zip(story.places.get(Resumed, ()), story.resumes, strict=True),
    ]
    for seq, move in sorted(moves, key=lambda pair: pair[0]):
        if isinstance(move, Resumed):
            yield from (_trip(*each, move.at_ns) for each in running.values())
            running.clear()
        elif move.is_tripped:
            running.setdefault(move.breaker, (seq, move))
        elif move.breaker in running:
            yield _trip(*running.pop(move.breaker), move.at_ns)
    for seq, move in running.values():
        yield _trip(seq, move, None)


def _trip(seq: int, move: BreakerMoved, end_ns: int | None) -> Trip:
    return Trip(move.breaker, move.why, move.value, move.limit, move.at_ns, end_ns, seq)


def stopped(story: Story) -> list[Execution]:
    """Return the executions of protective stops, and of the sales that stood in for one."""
    return [each for each in story.executions if each.order.role in (Role.STOP, Role.GUARD)]
