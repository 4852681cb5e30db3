"""The design's target beside what happened; nothing here is a promise or a forecast."""

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.records import Marked
from smart_leverage.domain.sentences import percent
from smart_leverage.policy.target import MONTHLY, annual_compound, daily_compound
from smart_leverage.reports.citing import cited, counted, signed
from smart_leverage.reports.curve import mean_over_time
from smart_leverage.reports.html.parts import Head, Table
from smart_leverage.reports.html.scene import Scene

DRAWDOWN = 0.08
"""The drawdown that the design wants to stay below, fraction."""

_MONTH_DAYS = 30.4375


def target_table(scene: Scene) -> Table:
    """Return the two aims of the design, each beside what this run did."""
    return Table(
        caption="The two aims of the design beside what this run did",
        heads=[
            Head("the design aims at"),
            Head("what happened", wraps=True),
            Head("beside it", wraps=True),
        ],
        rows=[_return(scene), _drawdown(scene)],
        source=cited(scene.places(Marked), "mark"),
    )


def _return(scene: Scene) -> tuple[str, str, str]:
    months = scene.curve.months
    aim = f"{percent(MONTHLY, 0)} a month"
    year, day = annual_compound(MONTHLY), daily_compound(MONTHLY, _MONTH_DAYS)
    asks = f"compounds to {percent(year, 1)} a year; {percent(day, 3)} on each of 30.4 days"
    if not months:
        return aim, "not known: the account was never valued", asks
    reached = sum(month.change >= MONTHLY for month in months)
    mean = sum(month.change for month in months) / len(months)
    whole = _whole_months(scene)
    did = (
        f"{reached} of {counted(len(months), 'month')} ({whole} of them whole) made "
        f"{percent(MONTHLY, 0)} or more ({percent(reached / len(months), 0)}); on average a month "
        f"made {signed(mean)}"
    )
    return aim, did, asks


def _drawdown(scene: Scene) -> tuple[str, str, str]:
    curve = scene.curve
    aim = f"a drawdown below {percent(DRAWDOWN, 0)}"
    if not scene.story.marks:
        return aim, "not known: the account was never valued", ""
    depths = curve.depths
    beyond = mean_over_time(curve.times, [float(-each >= DRAWDOWN) for each in depths])
    deepest = max(-each for each in depths)
    shown = "not known: no time passed" if beyond is None else f"{percent(beyond)} of the time"
    return (
        aim,
        f"the deepest was {percent(deepest, 2)}; at or beyond {percent(DRAWDOWN, 0)}: {shown}",
        "measured at every mark, flows taken out",
    )


def _whole_months(scene: Scene) -> int:
    """Count the months that the run covers but for less than a day at either end."""
    calendar, at_ns, count = scene.story.calendar, scene.start_ns, 0
    start_ns = at_ns
    while at_ns < scene.end_ns:
        end_ns = calendar.next_month_ns(at_ns)
        first_ns = start_ns if at_ns == start_ns else at_ns
        began = calendar.month_of(first_ns - DAY_NS) != calendar.month_of(first_ns)
        if began and scene.end_ns > end_ns - DAY_NS:
            count += 1
        at_ns = end_ns
    return count
