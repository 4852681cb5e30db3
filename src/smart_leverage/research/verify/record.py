"""A record of daily returns to judge, and what it was chosen from."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.drawdown import max_drawdown
from smart_leverage.research.verify.sharpe import sharpe_ratio

SATURDAY = 5
DAYS_MIN = 30
"""Fewer days than this say nothing about a Sharpe ratio, and no number is made of them."""


class Record(NamedTuple):
    """One line of daily returns, or what is known of it where they were not kept.

    Attributes:
        name: What it is, in words.
        days: How many.
        per_year: 365 where weekends are among them, else 252.
        sharpe: Mean over standard deviation of a day.
        growth: Over all days, fraction.
        drawdown: Deepest fall, positive fraction.
        dates: (days,), empty where returns were not kept.
        returns: (days,), fractions, or None.
    """

    name: str
    days: int
    per_year: int
    sharpe: float
    growth: float
    drawdown: float
    dates: Sequence[str] = ()
    returns: FloatArray | None = None


class Run(NamedTuple):
    """A record to judge, and what it was chosen from.

    Attributes:
        kind: `backtest`, `sweep` or `walk-forward`.
        record: What is judged.
        trials: Everything that was looked at before it was chosen, itself included.
        counted: Who counted them, in words.
        sharpes: Of the trials of which it is known, per day.
        sets: (days, n_sets), daily returns of what could be chosen, or None.
        rival: (days,), returns of the policy as it was on the same days, or None.
        places: (n_windows,), share of the other candidates that the chosen one beat out of sample.
        missing: What cannot be said, and why.
    """

    kind: str
    record: Record
    trials: int
    counted: str
    sharpes: FloatArray
    sets: FloatArray | None = None
    rival: FloatArray | None = None
    places: FloatArray | None = None
    missing: Sequence[str] = ()


def record_of(name: str, dates: Sequence[str], returns: FloatArray, file: Path) -> Record:
    """Return a record of daily returns.

    Raises:
        BadData: There are too few, one is no return, or they never differ.
    """
    long_enough(len(returns), file)
    check_returns(dates, returns, file)
    sharpe = sharpe_ratio(returns).per_period
    if not np.isfinite(sharpe):
        raise BadData("the account never moved: there is nothing to judge", file=file)
    return Record(
        name=name,
        days=len(returns),
        per_year=days_a_year(map(date.fromisoformat, dates)),
        sharpe=sharpe,
        growth=float(np.prod(1.0 + returns) - 1.0),
        drawdown=max_drawdown(returns),
        dates=dates,
        returns=returns,
    )


def days_a_year(days: Iterable[date]) -> int:
    """Return 365 where weekends are among the days of a record, else 252."""
    return 365 if any(day.weekday() >= SATURDAY for day in days) else 252


def check_returns(dates: Sequence[str], returns: FloatArray, file: Path) -> None:
    """Refuse a day without a return, and one that lost more than everything.

    Raises:
        BadData: There is one; its date is named.
    """
    for wrong, why in ((~np.isfinite(returns), "has no return"), (returns < -1.0, "owes money")):
        if wrong.any():
            raise BadData(f"{dates[int(np.flatnonzero(wrong)[0])]} {why}", file=file)


def long_enough(days: int, file: Path) -> None:
    """Refuse fewer days than say anything.

    Raises:
        BadData: There are fewer than `DAYS_MIN`.
    """
    if days < DAYS_MIN:
        raise BadData(
            f"{days} days are too few to say anything; {DAYS_MIN} are the least",
            file=file,
            fix="run over a longer time",
        )


def with_trials(run: Run, trials: int | None) -> Run:
    """Return a run with the number of trials that somebody names.

    Raises:
        ConfigError: It is less than the run knows of.
    """
    if trials is None or trials == run.trials:
        return run
    if trials < run.trials:
        problem = f"--trials {trials}: the run knows of {run.trials}; name that many or more"
        raise ConfigError([problem], "verify")
    return run._replace(trials=trials, counted="as told")
