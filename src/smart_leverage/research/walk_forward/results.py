"""Windows put side by side: what was promised, what came, how often by luck, in which weather."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.research.kernel.columns import Columns
from smart_leverage.research.kernel.results import Floats
from smart_leverage.research.walk_forward.regimes import (
    NAMES,
    Rules,
    day_ends,
    label_days,
    market_returns,
)
from smart_leverage.research.walk_forward.running import (
    Candidate,
    Curve,
    Outcome,
    WindowDone,
    Work,
    deepest_fall,
)
from smart_leverage.research.walk_forward.scoring import MONTH_DAYS, Score

Ints = npt.NDArray[np.int64]


class Days(NamedTuple):
    """Returns of risk days, pooled over windows; training days count once for each window.

    Attributes:
        window: (n,), place of the window.
        day: (n,), number of the risk day.
        change: (n,), fraction.
    """

    window: Ints
    day: Ints
    change: Floats


class Weather(NamedTuple):
    """One regime: how many days it had, and what they brought.

    `inside` and `outside` are mean daily returns of the chosen, `plain` that of the policy as it
    was, out-of-sample; NaN without a day. `error` is the standard error of `outside`, as if days
    did not depend on each other; NaN below two days. `drawdown` is the deepest fall over its
    out-of-sample days, set one behind the other. The market is the mean of its instruments on
    those days.
    """

    name: str
    days_inside: int
    days: int
    inside: float
    outside: float
    error: float
    plain: float
    drawdown: float
    market: float

    @property
    def month(self) -> float:
        """What a month of such days would bring, compounded: an estimate, not a forecast."""
        return float((1.0 + self.outside) ** MONTH_DAYS - 1.0)


class Sample(NamedTuple):
    """All windows of one kind in one line.

    `month` is growth by the month, of training parts the mean over windows, of test parts over all
    of them behind each other; so is `drawdown`, from mark to mark. `score` is a mean over windows,
    `error` its standard error, `median` the median.
    """

    month: float
    day_mean: float
    drawdown: float
    score: float
    error: float
    median: float


class Result(NamedTuple):
    """A walk forward, whole or as far as it came.

    Attributes:
        windows: Those that are done.
        work: What they were made of.
        dates: (n_days,) of the line, `2024-03-08`.
        weather: One per regime, in the order of `regimes.NAMES`, unknown last.
        inside: The chosen over their training parts: mean over windows.
        outside: The chosen over the test parts, set one behind the other.
        plain_inside: The policy as it was over the training parts.
        plain_outside: The same over the test parts.
        beaten: Mean share of the other candidates that the chosen was better than, out-of-sample;
            half is what a blind choice gives; NaN with one candidate.
        labels: (n_days,) regime of every day, places in `regimes.NAMES`.
        is_stopped: Whether windows are missing.
    """

    windows: Sequence[WindowDone]
    work: Work
    dates: Sequence[str]
    weather: Sequence[Weather]
    inside: Sample
    outside: Sample
    plain_inside: Sample
    plain_outside: Sample
    beaten: float
    labels: Ints
    is_stopped: bool

    @property
    def candidates(self) -> Sequence[Candidate]:
        """All that could be chosen."""
        return self.work.candidates

    @property
    def score(self) -> Score:
        """What was chosen by."""
        return self.work.score

    @property
    def is_tuned(self) -> bool:
        """Whether there was anything to choose."""
        return len(self.candidates) > 1


def result_of(
    done: Sequence[WindowDone],
    work: Work,
    *,
    rules: Rules = Rules(),  # noqa: B008 - a tuple
    is_stopped: bool = False,
) -> Result:
    """Put windows side by side.

    Args:
        done: At least one, in order.
        work: What they were made of.
        rules: How regimes are judged.
        is_stopped: Whether windows are missing.
    """
    market = market_returns(work.bars)
    labels = label_days(market, rules)
    cash = work.setup.cash
    return Result(
        windows=done,
        work=work,
        dates=_dates(work.bars, work.timezone),
        weather=_weather(done, labels, market),
        inside=_mean([each.inside for each in done]),
        outside=_chained([each.outside for each in done], [each.curve for each in done], cash),
        plain_inside=_mean([each.plain_inside for each in done]),
        plain_outside=_chained(
            [each.plain_outside for each in done], [each.plain_curve for each in done], cash
        ),
        beaten=_beaten(done),
        labels=labels,
        is_stopped=is_stopped,
    )


def as_fields(result: Result) -> dict[str, Any]:
    """Return the figures as a tree; NaN where something is not known."""
    return {
        "windows_done": len(result.windows),
        "candidates": len(result.candidates),
        "score": result.score.name,
        "beaten": result.beaten,
        "interrupted": result.is_stopped,
        "inside": result.inside,
        "outside": result.outside,
        "plain_inside": result.plain_inside,
        "plain_outside": result.plain_outside,
        "regimes": result.weather,
        "windows": [_window_fields(result, each) for each in result.windows],
    }


def _window_fields(result: Result, window: WindowDone) -> dict[str, Any]:
    dates = result.dates
    return {
        "train": [dates[window.train[0]], dates[window.train[1] - 1]],
        "test": [dates[window.test[0]], dates[window.test[1] - 1]],
        "chosen": result.candidates[window.chosen].name,
        "expected": window.expected,
        **{
            f"{name}_{figure}": getattr(outcome, figure)
            for name, outcome in (("inside", window.inside), ("outside", window.outside))
            for figure in ("score", "growth", "drawdown", "trades")
        },
    }


def days_of(outcomes: Sequence[Outcome]) -> Days:
    """Return the daily returns of one outcome per window, pooled."""
    counts = [len(each.returns) for each in outcomes]
    return Days(
        window=np.repeat(np.arange(len(outcomes)), counts),
        day=np.concatenate([each.first_day + np.arange(len(each.returns)) for each in outcomes]),
        change=np.concatenate([np.array(each.returns) for each in outcomes]),
    )


def month_rate(growth: float, days: int) -> float:
    """Return growth over so many days as a rate by the month."""
    return float(max(1.0 + growth, 0.0) ** (MONTH_DAYS / days) - 1.0)


def standard_error(values: Floats) -> float:
    """Return the standard error of a mean of values that do not depend on each other.

    NaN below two values; what is not known is left out.
    """
    known = values[~np.isnan(values)]
    return float(np.std(known, ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")


def _dates(bars: Columns, timezone: str) -> list[str]:
    calendar = RiskCalendar(timezone)
    start = calendar.day_start_ns(int(bars.instants["at"][0]))
    dates = []
    for _ in range(len(day_ends(bars))):
        dates.append(calendar.day_of(start))
        start = calendar.next_day_ns(start)
    return dates


def _fall(changes: Floats) -> float:
    """Return the deepest fall of returns that are set one behind the other; 0.0 of none."""
    return deepest_fall(np.concatenate([[1.0], np.cumprod(1.0 + changes)]))


def _mean(outcomes: Sequence[Outcome]) -> Sample:
    months = [month_rate(each.growth, len(each.returns)) for each in outcomes]
    return Sample(
        month=float(np.mean(months)),
        day_mean=float(np.mean([each.day_mean for each in outcomes])),
        drawdown=float(np.mean([each.drawdown for each in outcomes])),
        **_summed(outcomes),
    )


def _chained(outcomes: Sequence[Outcome], curves: Sequence[Curve], cash: float) -> Sample:
    days = days_of(outcomes)
    equity = np.array([cash, *(value for curve in curves for value in curve.equity)])
    return Sample(
        month=month_rate(outcomes[-1].equity / cash - 1.0, len(days.change)),
        day_mean=float(np.mean(days.change)),
        drawdown=deepest_fall(equity),
        **_summed(outcomes),
    )


def _summed(outcomes: Sequence[Outcome]) -> dict[str, float]:
    scores = np.array([each.score for each in outcomes])
    known = scores[~np.isnan(scores)]
    return {
        "score": _mean_of(scores),
        "error": standard_error(scores),
        "median": float(np.median(known)) if len(known) else float("nan"),
    }


def _beaten(done: Sequence[WindowDone]) -> float:
    """Return the mean share of other candidates below the chosen one; ties count half."""
    shares = []
    for each in done:
        scores = np.array(each.outside_scores)
        others = np.delete(np.where(np.isnan(scores), -np.inf, scores), each.chosen)
        own = scores[each.chosen]
        if len(others) and own == own:
            shares.append(float(np.mean((others < own) + 0.5 * (others == own))))
    return _mean_of(np.array(shares))


def _weather(done: Sequence[WindowDone], labels: Ints, market: Floats) -> list[Weather]:
    inside = days_of([each.inside for each in done])
    outside = days_of([each.outside for each in done])
    plain = days_of([each.plain_outside for each in done])
    found = []
    for number in (*range(1, len(NAMES)), 0):
        is_in, is_out = labels[inside.day] == number, labels[outside.day] == number
        found.append(
            Weather(
                name=NAMES[number],
                days_inside=int(is_in.sum()),
                days=int(is_out.sum()),
                inside=_mean_of(inside.change[is_in]),
                outside=_mean_of(outside.change[is_out]),
                error=standard_error(outside.change[is_out]),
                plain=_mean_of(plain.change[is_out]),
                drawdown=_fall(outside.change[is_out]),
                market=_mean_of(market[outside.day[is_out]]),
            )
        )
    return found


def _mean_of(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else float("nan")
