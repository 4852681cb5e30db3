"""What the rules of a review go by, counted from the journal up to one event."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from smart_leverage.books.trades import Outcome
from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.limits import LIMITS
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    PlanMoved,
    TierGranted,
    Unprotected,
)
from smart_leverage.policy.evidence import Record, RecordTerms, step_record, tier_with_open_losers
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Tier
from smart_leverage.reports.story import Story
from smart_leverage.research.review.deeds import PROTECT_S
from smart_leverage.research.review.window import Window

LOOK_DAYS = 30
"""The rules look back so far, whatever else is shown."""

FOR_GOOD = ("month", "drawdown")
"""Breakers that only a person lifts."""

CAPS = frozenset(
    reason.name.lower() for reason in (Reason.CAP_CRYPTO, Reason.CAP_LEVERAGED, Reason.CAP_SYMBOL)
)


class Event(NamedTuple):
    """Something of which a rule counts how often it happened: when, and where it stands."""

    at_ns: int
    seq: int
    name: str


class Closed(NamedTuple):
    """A closed trade: when, whether the house closed it, and its net return, fraction."""

    at_ns: int
    is_forced: bool
    outcome: float


class Standing(NamedTuple):
    """How the account stands at the end: limits by name, tier, and what is wrong, if anything.

    `need` is why nothing may be loosened now, empty where nothing stands against it. `losers` are
    open positions at a loss that are held for longer than usual.
    """

    in_force: Mapping[str, str]
    configured: Mapping[str, str]
    pending: Mapping[str, str]
    tier: Tier
    need: str
    losers: int = 0


class Facts(NamedTuple):
    """Everything that the rules know; events are those of the last thirty days, oldest first.

    `changed_ns` is when each limit was last changed by anybody, the opening where it never was.
    `best` is the best tier granted in the window, `earned` the one that was earned last by the
    account's own rule, `proven` the one that `policy.evidence` gives the account's own trades.
    Both rates, with and without the closings of the house, have to support `proven`. `won` are all
    trades with their times, from the opening on.
    """

    opened_ns: int
    until_ns: int
    standing: Standing
    changed_ns: Mapping[str, int]
    day_trips: tuple[Event, ...]
    hard_trips: tuple[Event, ...]
    locks: tuple[Event, ...]
    mishaps: tuple[Event, ...]
    capped: tuple[Event, ...]
    best: Tier
    earned: Tier
    proven: Tier
    won: tuple[tuple[int, bool], ...]
    cap_use_most: float | None

    @property
    def from_ns(self) -> int:
        """Since when the rules look."""
        return self.until_ns - LOOK_DAYS * DAY_NS


def facts_of(story: Story, until_ns: int, standing: Standing) -> Facts:
    """Return what the rules go by, from a story and how the account stands at its end."""
    window = Window(story, LOOK_DAYS, until_ns)
    trades = _closed(story, until_ns)
    moves = window.of(BreakerMoved, story.breakers)
    trips = [(seq, each) for seq, each in moves if each.is_tripped]
    locks = window.of(AssetLocked, story.locks)
    return Facts(
        opened_ns=story.account.at_ns,
        until_ns=until_ns,
        standing=standing,
        changed_ns=_changes(story),
        day_trips=_one_a_day(story, [(s, each) for s, each in trips if each.breaker == "day"]),
        hard_trips=tuple(
            Event(each.at_ns, seq, each.breaker) for seq, each in trips if each.breaker in FOR_GOOD
        ),
        locks=tuple(
            Event(each.at_ns, seq, each.key) for seq, each in locks if not each.is_by_sleeve
        ),
        mishaps=_mishaps(window),
        capped=tuple(
            Event(each.at_ns, seq, each.reason)
            for seq, each in window.of(Decided, story.decisions)
            if each.reason in CAPS and each.verdict in ("denied", "cut") and each.side == "buy"
        ),
        best=_best(window, standing.tier),
        earned=Tier[story.tiers[-1].earned.upper()] if story.tiers else standing.tier,
        proven=min(
            _proven([each.outcome for each in trades], standing.losers),
            _proven([each.outcome for each in trades if not each.is_forced], standing.losers),
        ),
        won=tuple((each.at_ns, each.outcome > 0.0) for each in trades),
        cap_use_most=_cap_use_most(window),
    )


def _changes(story: Story) -> dict[str, int]:
    """Return when each limit was last changed; what merely withdrew something counts as well."""
    changed = dict.fromkeys(LIMITS, story.account.at_ns)
    changed |= {each.name: each.at_ns for each in story.limits if each.name in changed}
    return changed


def _one_a_day(story: Story, trips: list[tuple[int, BreakerMoved]]) -> tuple[Event, ...]:
    """Return the first trip of every risk day."""
    found: dict[str, Event] = {}
    for seq, each in trips:
        label = story.calendar.day_of(each.at_ns)
        found.setdefault(label, Event(each.at_ns, seq, label))
    return tuple(found.values())


def _closed(story: Story, until_ns: int) -> list[Closed]:
    """Return the trades that were closed until an instant, oldest first; scratches are none."""
    return [
        Closed(each.rank[0], each.is_forced, float(each.result.net_return))
        for each in sorted(story.book.trades(), key=lambda trade: trade.rank)
        if each.outcome is not Outcome.SCRATCH and each.rank[0] <= until_ns
    ]


def _proven(outcomes: Iterable[float], losers: int) -> Tier:
    """Return the tier that the evidence of closed trades supports, open losers counted as lost."""
    terms, record = RecordTerms(), Record()
    for outcome in outcomes:
        record = step_record(record, outcome, terms)
    return tier_with_open_losers(record, losers, terms)


def _best(window: Window, now: Tier) -> Tier:
    granted = [each for _, each in window.of(TierGranted, window.story.tiers)]
    names = [name for each in granted for name in (each.before, each.after)]
    return max([now, *(Tier[name.upper()] for name in names if name.upper() in Tier.__members__)])


def _mishaps(window: Window) -> tuple[Event, ...]:
    """Return what went wrong beside losses: bare positions, and plans that were late."""
    story = window.story
    bare = window.of(Unprotected, story.unprotected)
    found = [
        Event(each.at_ns, seq, "a position without a stop")
        for seq, each in bare
        if each.at_ns - each.since_ns > PROTECT_S * SECOND_NS
    ]
    moves = window.of(PlanMoved, story.plans)
    late = ("late", "partial", "failed")
    found += [Event(each.at_ns, seq, "a late plan") for seq, each in moves if each.status in late]
    return tuple(sorted(found))


def _cap_use_most(window: Window) -> float | None:
    """Return the highest part of the crypto cap that was used at any mark."""
    crypto = window.groups[0]
    pairs = zip(crypto.exposures, crypto.caps, strict=True)
    return max((exposure / cap for exposure, cap in pairs if cap > 0.0), default=None)
