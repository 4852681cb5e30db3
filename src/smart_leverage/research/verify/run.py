"""What a folder that `backtest`, `sweep` or `walk-forward` wrote holds for a verdict."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from smart_leverage.domain.errors import BadData
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.sweep.keeping import RETURNS
from smart_leverage.research.sweep.objectives import OBJECTIVES
from smart_leverage.research.sweep.parts import MANIFEST, RESULTS
from smart_leverage.research.sweep.tables import ranked
from smart_leverage.research.verify.record import (
    Record,
    Run,
    check_returns,
    long_enough,
    record_of,
)
from smart_leverage.research.verify.sharpe import sharpe_ratio
from smart_leverage.research.walk_forward.store import CANDIDATES, DAYS

CURVE = "curve.parquet"


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


def _read(file: Path, *columns: str) -> pl.DataFrame:
    """Return a table that has these columns."""
    try:
        table = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadData(f"cannot be read: {error}", file=file, fix="run it again") from None
    if missing := set(columns) - set(table.columns):
        raise BadData(f"has no column {min(missing)}", file=file, fix="run it again")
    return table


def _days_of(folder: Path, timezone: str) -> tuple[list[str], FloatArray]:
    """Return the days of a backtest that are over, and their returns, from the first mark on."""
    file = folder / CURVE
    if not file.exists():
        raise BadData(
            "holds no run",
            file=folder,
            fix="name a folder that backtest --out, sweep or walk-forward wrote",
        )
    curve = _read(file, "at", "equity").with_columns(
        pl.col("at").dt.convert_time_zone(timezone).dt.date()
    )
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
    long_enough(len(dates), folders[0])
    sets = np.array([[each[day] for each in found] for day in dates])
    for folder, column in zip(folders, sets.T, strict=True):
        check_returns(dates, column, folder)
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
    told, table = _manifest(folder), _read(file, "set", "days", "day_mean", "day_std", "fault")
    row = table.row(_best(told["objectives"], table, folder), named=True)
    name = f"set {row['set']}, the best by {told['objectives'][0]} of {len(table):,}"
    known = table.filter(pl.col("day_std") > 0.0, pl.col("days") > 1, pl.col("fault") == "")
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


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["objectives"] and told["bars"]["instruments"] and int(told["trials"]):
            return dict(told)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise BadData("is not of a finished sweep", file=file, fix="the command that began it goes on")


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
    long_enough(int(row["days"]), folder)
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
    days = _read(folder / DAYS, "sample", "date", "change").unique(
        ["sample", "date"], keep="first", maintain_order=True
    )
    tested = days.filter(pl.col("sample") == "outside")
    plain = days.filter(pl.col("sample") == "plain_outside")
    dates, returns = tested["date"].to_list(), tested["change"].to_numpy()
    record = record_of("the chosen ones on their test days", dates, returns, folder)
    rival = plain["change"].to_numpy()
    is_same = rival.shape == returns.shape and np.array_equal(rival, returns)
    places = _places(_read(folder / CANDIDATES, "window", "outside_score", "is_chosen"))
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
