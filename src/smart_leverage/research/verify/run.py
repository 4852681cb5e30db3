"""What a folder that `backtest`, `sweep` or `walk-forward` wrote holds for a verdict."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.sweep.keeping import RETURNS
from smart_leverage.research.sweep.objectives import OBJECTIVES
from smart_leverage.research.sweep.parts import MANIFEST, RESULTS
from smart_leverage.research.sweep.tables import ranked
from smart_leverage.research.verify.drawdown import max_drawdown
from smart_leverage.research.verify.sharpe import sharpe_ratio
from smart_leverage.research.walk_forward.store import CANDIDATES, DAYS

CURVE = "curve.parquet"
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
        BadData: There are too few, one is not a number, or they never differ.
    """
    _long_enough(len(returns), file)
    wrong = np.flatnonzero(~np.isfinite(returns))
    if wrong.size:
        raise BadData(f"{dates[int(wrong[0])]} has no return", file=file, fix="run it again")
    sharpe = sharpe_ratio(returns).per_period
    if not np.isfinite(sharpe):
        raise BadData("the account never moved: there is nothing to judge", file=file)
    has_weekends = any(date.fromisoformat(day).weekday() >= 5 for day in dates)
    return Record(
        name=name,
        days=len(returns),
        per_year=365 if has_weekends else 252,
        sharpe=sharpe,
        growth=float(np.prod(1.0 + returns) - 1.0),
        drawdown=max_drawdown(returns),
        dates=dates,
        returns=returns,
    )


def _long_enough(days: int, file: Path) -> None:
    if days < DAYS_MIN:
        raise BadData(
            f"{days} days are too few to say anything; {DAYS_MIN} are the least",
            file=file,
            fix="run over a longer time",
        )


def read_run(folders: Sequence[Path], timezone: str = "America/New_York") -> Run:
    """Read what is to be judged.

    Args:
        folders: One of any kind, or several backtests: then the best of them is judged, and all
            of them are what it was chosen from.
        timezone: In which the days of a backtest begin.

    Raises:
        BadData: A folder holds no run or an unfinished one, or a record says nothing.
    """
    if len(folders) > 1:
        return _backtests(folders, timezone)
    folder = folders[0]
    if (folder / MANIFEST).exists():
        return _sweep(folder)
    if (folder / DAYS).exists():
        return _walk(folder)
    dates, returns = _days_of(folder, timezone)
    record = record_of("the account", dates, returns, folder)
    missing = (
        "overfitting and best of many: one record was given; name the folders of the others too",
    )
    return Run("backtest", record, 1, "one folder", np.array([record.sharpe]), missing=missing)


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


def _read(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadData(f"cannot be read: {error}", file=file, fix="run it again") from None


def _days_of(folder: Path, timezone: str) -> tuple[list[str], FloatArray]:
    """Return the days of a backtest that are over, and their returns, from the first mark on."""
    file = folder / CURVE
    if not file.exists():
        raise BadData(
            "holds no run",
            file=folder,
            fix="name a folder that backtest --out, sweep or walk-forward wrote",
        )
    curve = _read(file).with_columns(pl.col("at").dt.convert_time_zone(timezone).dt.date())
    ends = curve.group_by("at", maintain_order=True).agg(pl.col("equity").last())
    before = np.concatenate([curve["equity"].head(1).to_numpy(), ends["equity"].to_numpy()])
    with np.errstate(invalid="ignore", divide="ignore"):
        changes = before[1:] / before[:-1] - 1.0
    dates = [day.isoformat() for day in ends["at"]]
    return dates[:-1], changes[:-1]  # whether the last day is over, nobody knows


def _backtests(folders: Sequence[Path], timezone: str) -> Run:
    """Judge the best of several backtests over the days that all of them have."""
    found = [dict(zip(*_days_of(folder, timezone), strict=True)) for folder in folders]
    dates = [day for day in found[0] if all(day in each for each in found)]
    _long_enough(len(dates), folders[0])
    sets = np.array([[each[day] for each in found] for day in dates])
    sharpes = np.array([sharpe_ratio(column).per_period for column in sets.T])
    if not np.isfinite(sharpes).any():
        raise BadData("no account ever moved: there is nothing to judge", file=folders[0])
    best = int(np.nanargmax(sharpes))
    name = f"{folders[best]}, the best Sharpe ratio of {len(folders)}"
    record = record_of(name, dates, sets[:, best], folders[best])
    known = sharpes[np.isfinite(sharpes)]
    return Run("backtest", record, len(folders), "the folders given", known, sets=sets)


def _sweep(folder: Path) -> Run:
    file = folder / RESULTS
    if not file.exists():
        raise BadData("is not finished", file=folder, fix="the command that began it goes on")
    told, table = json.loads((folder / MANIFEST).read_text(encoding="utf-8")), _read(file)
    row = table.row(_best(told["objectives"], table, folder), named=True)
    name = f"set {row['set']}, the best by {told['objectives'][0]} of {len(table):,}"
    known = table.filter(pl.col("day_std") > 0.0, pl.col("days") > 1)
    sharpes = _sharpe(known["day_mean"], known["day_std"], known["days"]).to_numpy()
    common: dict[str, Any] = {
        "kind": "sweep",
        "trials": int(told["trials"]),
        "counted": "counted by the sweep",
        "sharpes": sharpes,
    }
    if (folder / RETURNS).exists():
        days = _read(folder / RETURNS)
        dates, sets = days["date"].to_list(), days.drop("date")
        record = record_of(name, dates, sets[str(row["set"])].to_numpy(), folder)
        some = (f"overfitting and best of many are of {sets.width:,} of {len(table):,} sets",)
        missing = some if sets.width < len(table) else ()
        return Run(record=record, sets=sets.to_numpy(), missing=missing, **common)
    missing = (
        (
            "skewness, kurtosis, intervals, drawdown laws, overfitting and best of many: they need "
            "the daily returns of the sets; `sweep --returns 200` keeps them"
        ),
    )
    return Run(record=_figures(name, row, told, folder), missing=missing, **common)


def _sharpe(mean: Any, deviation: Any, days: Any) -> Any:
    """Return Sharpe ratios per day; the kernel's deviation is that of all days there were."""
    return mean / deviation * ((days - 1) / days) ** 0.5


def _best(objectives: Sequence[str], table: pl.DataFrame, folder: Path) -> int:
    """Return the row that the sweep itself shows first."""
    losses = np.stack(
        [
            OBJECTIVES[name].losses(table[name].cast(pl.Float64).fill_null(np.nan).to_numpy())
            for name in objectives
        ],
        axis=1,
    )
    best = int(ranked(losses)[0])
    if not np.isfinite(losses[best, 0]):
        raise BadData(f"no set is known in {objectives[0]}", file=folder)
    return best


def _figures(name: str, row: dict[str, Any], told: dict[str, Any], folder: Path) -> Record:
    """Return what a sweep without returns knows of a set."""
    _long_enough(int(row["days"]), folder)
    if not (row["day_std"] or 0.0) > 0.0:
        raise BadData(f"{name}: it never moved, there is nothing to judge", file=folder)
    has_coins = any(key.startswith("crypto:") for key in told["bars"]["instruments"])
    return Record(
        name=name,
        days=int(row["days"]),
        per_year=365 if has_coins else 252,
        sharpe=_sharpe(row["day_mean"], row["day_std"], int(row["days"])),
        growth=row["growth"],
        drawdown=row["drawdown"],
    )


def _walk(folder: Path) -> Run:
    """Judge what a walk brought on days that had no part in the choice."""
    days = _read(folder / DAYS).unique(["sample", "date"], keep="first", maintain_order=True)
    tested = days.filter(pl.col("sample") == "outside")
    plain = days.filter(pl.col("sample") == "plain_outside")
    dates, returns = tested["date"].to_list(), tested["change"].to_numpy()
    record = record_of("the chosen ones on their test days", dates, returns, folder)
    rival = plain["change"].to_numpy()
    is_same = rival.shape == returns.shape and np.array_equal(rival, returns)
    places = _places(_read(folder / CANDIDATES))
    missing = ["overfitting by halves: a walk keeps no daily returns of what was not chosen"]
    if is_same:
        missing.append("chosen against unchanged policy: they are the same on every test day")
    return Run(
        kind="walk-forward",
        record=record,
        trials=1,
        counted="the test days had no part in any choice",
        sharpes=np.array([record.sharpe]),
        rival=None if is_same or rival.shape != returns.shape else rival,
        places=places if len(places) else None,
        missing=missing,
    )


def _places(candidates: pl.DataFrame) -> FloatArray:
    """Return which share of the others the chosen one beat in each window; ties count half."""
    shares = []
    for _, window in candidates.group_by("window", maintain_order=True):
        scores = window["outside_score"].fill_null(np.nan).to_numpy()
        is_chosen = window["is_chosen"].to_numpy()
        mine, others = scores[is_chosen], scores[~is_chosen]
        others = others[np.isfinite(others)]
        if mine.size == 1 and np.isfinite(mine[0]) and others.size:
            shares.append(float(np.mean(others < mine[0]) + 0.5 * np.mean(others == mine[0])))
    return np.array(shares)
