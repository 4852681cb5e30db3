"""The time axis of the pictures of an audit, and the curves of money that are drawn on it."""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.reports.html.plot import WIDTH, AxisTick, Curve, Scale, drawn
from smart_leverage.reports.local import LocalTime
from smart_leverage.runtime.audit.auditing import Audit
from smart_leverage.runtime.counterfactual import Course

POINTS = 1_200
QUIET = 0.5
"""Where nothing moves for more than this share of the time at the end, it is not drawn."""

WITHOUT, WITH = "without the policy", "with it"


class Axis(NamedTuple):
    """The time axis that all pictures share; `is_cut` says that a quiet end is not drawn."""

    zone: LocalTime
    x: Scale
    start_ns: int
    end_ns: int
    is_cut: bool = False

    @property
    def ticks(self) -> list[AxisTick]:
        """Labels; every second one is left out where the page is narrow."""
        ticks = self.zone.ticks(self.start_ns, self.end_ns)
        return [
            AxisTick(self.x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ]

    @property
    def title(self) -> str:
        """What the axis shows."""
        return f"time in {self.zone.name}"

    @property
    def note(self) -> str:
        """What of the time is not drawn."""
        return "Afterwards nothing moved; that time is not drawn." if self.is_cut else ""

    def curve(self, times: Sequence[int], values: Sequence[float]) -> Curve:
        """Return what of a series is drawn."""
        count = bisect_right(times, self.end_ns)
        return drawn(times[:count], values[:count], POINTS)


class Line(NamedTuple):
    """A curve of money: its name, how it looks, and its points."""

    name: str
    css: str
    times: list[int]
    values: list[float]


def axis_of(of: Audit) -> Axis:
    """Return the axis from the first instant of anything that is drawn to the last that moves."""
    lines = lines_of(of)
    times = [at_ns for each in lines for at_ns in (each.times[0], each.times[-1])]
    start_ns, end_ns = (min(times), max(times)) if times else of.span
    moved_ns = max((_moved_until(each) for each in lines), default=end_ns)
    is_cut = moved_ns > start_ns and moved_ns - start_ns < QUIET * (end_ns - start_ns)
    if is_cut:
        end_ns = moved_ns + (moved_ns - start_ns) // 20
    end_ns = max(end_ns, start_ns + 1)
    x = Scale(start_ns, end_ns, units=WIDTH, flips=False)
    return Axis(LocalTime(of.asked.timezone), x, start_ns, end_ns, is_cut)


def _moved_until(line: Line) -> int:
    last = line.values[-1]
    place = next((at for at in reversed(range(len(line.values))) if line.values[at] != last), -1)
    return line.times[min(place + 1, len(line.times) - 1)]


def lines_of(of: Audit) -> list[Line]:
    """Return the curves of money: both replays, and the account's own record."""
    found = []
    if of.replay is not None:
        compared = of.replay.compared
        found += [_of_course(WITHOUT, "main", compared.alone)]
        found += [_of_course(WITH, "other", compared.governed)]
    if of.is_recorded and of.worths is not None:
        points = of.worths.points
        css = "main" if of.replay is None else "mean"
        found.append(Line("as recorded", css, [at for at, _ in points], _floats(points)))
    return found


def _of_course(name: str, css: str, course: Course) -> Line:
    return Line(name, css, [at_ns for at_ns, _ in course.equity], _floats(course.equity))


def _floats(points: Sequence[tuple[int, Decimal]]) -> list[float]:
    return [float(worth) for _, worth in points]
