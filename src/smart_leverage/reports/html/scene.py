"""What every part of the page is made from: the story, its curve, the zone, and the bounds."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from smart_leverage.domain.records import Decided, StateChanged, TierGranted
from smart_leverage.reports.curve import Curve
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.figures import key_figures
from smart_leverage.reports.html.plot import WIDTH, AxisTick, Scale
from smart_leverage.reports.inputs import Comparison, DataFile
from smart_leverage.reports.local import LocalTime
from smart_leverage.reports.story import Story
from smart_leverage.reports.trading import Sum, denials, refused, summed
from smart_leverage.reports.usage import Group, groups, policy_of

FIRST_TIER = "LEARNING"
"""The tier of an account without a record; the journal notes only changes."""

FIRST_STATE = "active"


class Bounds(NamedTuple):
    """How much the page may show; chosen so that the whole stays below its size."""

    points: int = 1_600
    rows: int = 400
    marks: int = 300


class Span(NamedTuple):
    """A stretch in which something held, and the journal entry that began it."""

    start_ns: int
    end_ns: int
    name: str
    why: str
    seq: int | None
    is_open: bool = False


class Scene:
    """A story prepared for drawing; what does not depend on the bounds is computed once."""

    def __init__(
        self,
        story: Story,
        *,
        data: Sequence[DataFile] = (),
        baseline: Comparison | None = None,
    ) -> None:
        self.story = story
        self.data = data
        self.baseline = baseline
        self.bounds = Bounds()
        self.curve = Curve(story)
        self.zone = LocalTime(story.account.risk_timezone)
        self.policy = policy_of(story)
        self.start_ns = story.account.at_ns
        self.end_ns = max(story.last_ns, self.start_ns)
        self.x = Scale(self.start_ns, self.end_ns, units=WIDTH, flips=False)

    @cached_property
    def groups(self) -> list[Group]:
        """Exposure and cap of each group."""
        return groups(self.story)

    @cached_property
    def figures(self) -> list[Figure]:
        """The key figures."""
        return key_figures(self.story, self.curve)

    @cached_property
    def denials(self) -> list[tuple[int, Decided]]:
        """Every denial with its place in the journal."""
        return denials(self.story)

    @cached_property
    def refused(self) -> list[Decimal]:
        """The value that each denial refused."""
        return [refused(each) for _, each in self.denials]

    @cached_property
    def by_reason(self) -> list[Sum]:
        """Denials by reason, the most frequent first."""
        return summed((each.reason for _, each in self.denials), self.refused)

    @property
    def x_title(self) -> str:
        """What the time axis shows."""
        return f"time in {self.zone.name}"

    @cached_property
    def x_ticks(self) -> list[AxisTick]:
        """Labels of the time axis; every second one is left out where the page is narrow."""
        ticks = self.zone.ticks(self.start_ns, self.end_ns)
        return [
            AxisTick(self.x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ]

    def places(self, kind: type) -> Sequence[int]:
        """Return where in the journal the records of a kind stand."""
        return self.story.places.get(kind, ())

    @cached_property
    def states(self) -> list[Span]:
        """The trading states one after another, from the opening to the end."""
        moves = [(each.at_ns, each.after, each.why) for each in self.story.states]
        return self._spans(FIRST_STATE, moves, self.places(StateChanged))

    @cached_property
    def tiers(self) -> list[Span]:
        """The tiers one after another."""
        granted = self.story.tiers
        first = granted[0].before if granted else FIRST_TIER
        moves = [(each.at_ns, each.after, each.why) for each in granted]
        return self._spans(first, moves, self.places(TierGranted))

    def _spans(
        self, first: str, moves: Sequence[tuple[int, str, str]], places: Sequence[int]
    ) -> list[Span]:
        opening = "the account was opened"
        starts: list[tuple[int, str, str, int | None]] = [(self.start_ns, first, opening, None)]
        starts += [(*move, seq) for move, seq in zip(moves, places, strict=True)]
        ends = [*(start[0] for start in starts[1:]), self.end_ns]
        last = len(starts) - 1
        return [
            Span(start[0], end, start[1], start[2], start[3], is_open=place == last)
            for place, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end > start[0] or place == last
        ]
