"""Policies side by side: figures, differences, ranks, and what may be said of them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.domain.sentences import percent
from smart_leverage.reports.citing import clipped, counted, ratio_text, signed
from smart_leverage.research.compare.figures import (
    DRAWDOWN_GOAL,
    MONTH_GOAL,
    Figures,
    figures_of,
)
from smart_leverage.research.compare.judging import Judged, Pair, judge
from smart_leverage.research.compare.running import Contest, Course, Progress, courses
from smart_leverage.research.kernel.results import Floats
from smart_leverage.research.walk_forward.regimes import day_ends


class Compared(NamedTuple):
    """What came of a contest.

    Attributes:
        contest: What was compared, the baseline first.
        first: Risk day of the first day that counts, `2021-03-08`.
        last: Of the last one.
        courses: One per policy, in order.
        figures: The same.
        judged: What can be told apart.
        by_window: (n_windows, n_policies), growth in each window.
    """

    contest: Contest
    first: str
    last: str
    courses: Sequence[Course]
    figures: Sequence[Figures]
    judged: Judged
    by_window: Floats

    @property
    def names(self) -> list[str]:
        """Of the policies, in order."""
        return [each.name for each in self.contest.contenders]

    @property
    def order(self) -> list[int]:
        """Places of the policies, the one that grew most first."""
        return sorted(range(len(self.names)), key=lambda place: -self.figures[place].growth)


def compare(contest: Contest, *, seed: int = 0, progress: Progress | None = None) -> Compared:
    """Run every policy of a contest and tell what can be told apart.

    Args:
        contest: What is compared; the first policy is the baseline.
        seed: Of the resampling.
        progress: Told after each policy.

    Raises:
        ConfigError: See `running.courses`.
        BadData: See there; or there is too little to judge by.
    """
    found = courses(contest, progress)
    tested = contest.windows
    first, end = tested[0].first, tested[-1].end
    ends = day_ends(contest.bars)
    months = contest.bars.instants["month"][np.maximum(ends[first:end] - 1, 0)]
    edges = [each.first - first for each in tested] + [end - first]
    equity = np.array([np.concatenate([[each.start], each.day_equity]) for each in found]).T
    return Compared(
        contest=contest,
        first=_date(contest, first),
        last=_date(contest, end - 1),
        courses=found,
        figures=[figures_of(each, months) for each in found],
        judged=judge(np.array([each.log_returns for each in found]).T, seed),
        by_window=equity[edges[1:]] / equity[edges[:-1]] - 1.0,
    )


def _date(contest: Contest, day: int) -> str:
    """Return the date of a risk day, counted from that of the first bar."""
    calendar = RiskCalendar(contest.timezone)
    start = calendar.day_start_ns(int(contest.bars.instants["at"][0]))
    for _ in range(day):
        start = calendar.next_day_ns(start)
    return calendar.day_of(start)


# -- words ----------------------------------------------------------------------------------------


def headline(result: Compared) -> str:
    """Return the one line that stands above everything."""
    best, count = result.judged.best, len(result.names)
    if len(best) == count:
        return f"None of {count} policies can be told from the best"
    if len(best) == 1:
        return f"{clipped(result.names[best[0]], 40)} grew fastest, and surely so"
    names = ", ".join(clipped(result.names[place], 40) for place in result.order if place in best)
    return f"{len(best)} of {count} policies cannot be told from the best: {names}"


def sentences(result: Compared) -> Iterator[str]:
    """Yield what has to be said beside the figures."""
    judged, count = result.judged, len(result.names)
    yield (
        f"{counted(count, 'policy', 'policies')} on the same bars, signals, costs and decision "
        f"times, {result.first} to {result.last}: {judged.days:,} days in "
        f"{counted(len(result.by_window), 'window')}, after a warm-up of "
        f"{result.contest.warm_up_days:,} days that are not reported. {_fitted(result)}"
    )
    yield _apart(result)
    yield _against(result)
    yield (
        "Rank and test are about growth alone, and growth can be bought with risk. Read it beside "
        "drawdown and the 5 % quantile of years; no policy here is said to be better than another "
        "in everything."
    )
    yield (
        "Past results promise nothing. The policies and the list of instruments were made by "
        "people who may have known these years, and all years overlap: "
        f"{judged.days / 365.25:.1f} of them are independent, not {result.figures[0].years:,}."
    )


def _fitted(result: Compared) -> str:
    dials = [each.dial for each in result.contest.contenders]
    if all(dial == 1.0 for dial in dials):
        return "No number was fitted."
    told = ", ".join(
        f"{clipped(name, 40)} {ratio_text(dial, 3)}"
        for name, dial in zip(result.names, dials, strict=True)
    )
    return (
        "One number each was fitted, on the warm-up alone: the share of its caps that made the "
        f"volatility of all accounts the same in it ({told})."
    )


def _apart(result: Compared) -> str:
    judged = result.judged
    bar = 1.0 - judged.level
    sure = [pair for pair in judged.pairs if pair.p <= bar]
    basis = (
        f"(bootstrap of paired days in blocks of {judged.block:.0f} days in the mean, "
        f"{judged.draws:,} resamples, {counted(len(judged.pairs), 'pair')} corrected for)"
    )
    if not sure:
        return (
            f"Nothing can be told apart at {percent(judged.level, 0)} {basis}: the order of the "
            "growth rates may be luck."
        )
    return (
        f"{len(sure)} of {counted(len(judged.pairs), 'pair')} can be told apart at "
        f"{percent(judged.level, 0)} {basis}: {'; '.join(_sure(result, pair) for pair in sure)}."
    )


def _sure(result: Compared, pair: Pair) -> str:
    names = [clipped(result.names[place], 40) for place in faster_first(result, pair)]
    return f"{names[0]} grew faster than {names[1]} (p {ratio_text(pair.p, 3)})"


def _against(result: Compared) -> str:
    spa, base = result.judged.spa, clipped(result.names[0], 40)
    if spa != spa:
        return f"All policies did the same as {base}, day by day."
    verdict = "that is no proof that any does"
    if spa <= 1.0 - result.judged.level:
        verdict = f"at {percent(result.judged.level, 0)} one does; ranks ask for more, of all pairs"
    others = counted(len(result.names) - 1, "other policy", "other policies")
    return (
        f"Does any of the {others} grow faster than {base}? Hansen's test, the search among all "
        f"of them counted: p {ratio_text(spa, 3)}, so {verdict}."
    )


def faster_first(result: Compared, pair: Pair) -> tuple[int, int]:
    """Return the places of a pair, the one that grew more first."""
    growth = [result.figures[place].growth for place in (pair.one, pair.other)]
    return (pair.one, pair.other) if growth[0] >= growth[1] else (pair.other, pair.one)


def rank_text(result: Compared, place: int) -> str:
    """Return the places that are left to a policy, "1" or "2–5"."""
    rank = result.judged.ranks[place]
    return str(rank.best) if rank.best == rank.worst else f"{rank.best}–{rank.worst}"


def range_text(low: float, high: float, places: int = 1) -> str:
    """Return an interval of changes, "−1.2 % to +3.4 %"."""
    return f"{signed(low, places)} to {signed(high, places)}"


# -- as a tree ------------------------------------------------------------------------------------


def as_fields(result: Compared) -> dict[str, Any]:
    """Return everything as a tree; NaN where something is not known."""
    judged = result.judged
    return {
        "first_day": result.first,
        "last_day": result.last,
        "days": judged.days,
        "windows": len(result.by_window),
        "warm_up_days": result.contest.warm_up_days,
        "baseline": result.names[0],
        "policies_counted": len(result.names),
        "level": judged.level,
        "block_days": judged.block,
        "resamples": judged.draws,
        "spa_p": judged.spa,
        "cannot_be_told_from_the_best": [result.names[place] for place in judged.best],
        "drawdown_goal": DRAWDOWN_GOAL,
        "month_goal": MONTH_GOAL,
        "policies": [_policy_fields(result, place) for place in result.order],
        "pairs": [
            {"one": result.names[pair.one], "other": result.names[pair.other], "p": pair.p}
            for pair in judged.pairs
        ],
    }


def _policy_fields(result: Compared, place: int) -> dict[str, Any]:
    judged, rank = result.judged, result.judged.ranks[place]
    return {
        "name": result.names[place],
        "rank_best": rank.best,
        "rank_worst": rank.worst,
        "dial": result.contest.contenders[place].dial,
        **result.figures[place]._asdict(),
        "growth_interval": list(judged.growth[place][:2]),
        "sharpe": judged.sharpe[place],
        "deflated_sharpe": judged.deflated[place],
        "difference": judged.difference[place].value,
        "difference_interval": list(judged.difference[place][:2]),
        "evidence_records": result.courses[place].records,
        "evidence_curves": result.courses[place].curves,
        "windows": result.by_window[:, place].tolist(),
    }
