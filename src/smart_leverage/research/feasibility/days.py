"""Daily returns from a table, from equity with its flows, or from what closed trades earned."""

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData
from smart_leverage.research.feasibility.record import Days
from smart_leverage.research.verify.record import SATURDAY, days_a_year

COLUMNS = frozenset({"date", "return"})


class Dated(NamedTuple):
    """Daily returns, oldest first, each with its day."""

    dates: tuple[date, ...]
    values: tuple[float, ...]

    @property
    def days(self) -> Days:
        """Return the record as research takes it."""
        return Days(np.array(self.values, dtype=np.float64), days_a_year(self.dates))


def is_returns(file: Path) -> bool:
    """Whether a file is a table of daily returns, by its first line."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            return set(next(csv.reader(lines), [])) >= COLUMNS
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def read_returns(file: Path) -> Dated:
    """Return the returns of a table with the columns `date` and `return`, a row a day.

    Raises:
        BadData: The file cannot be read, or a row is unsorted, not a number or loses everything.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines)
            if not set(table.fieldnames or ()) >= COLUMNS:
                raise BadData("lacks a column", file=file, fix="the header is date,return")
            return _rows(file, list(table))
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"cannot be read: {error}", file=file) from None


def _rows(file: Path, rows: list[dict[str, str]]) -> Dated:
    last, days, values = date.min, [], []
    for number, row in enumerate(rows, start=2):
        try:
            day, value = date.fromisoformat(row["date"]), float(row["return"])
        except (TypeError, ValueError):
            fix = "a row is 2024-03-05,0.0012"
            raise BadData("is not a date and a number", file=file, row=number, fix=fix) from None
        if day <= last:
            raise BadData(f"{day} is not after {last}", file=file, row=number, fix="sort by date")
        if not (math.isfinite(value) and value > -1.0):
            fix = "a return is a fraction above -1; drop a day that is not known"
            raise BadData(f"the return is {value}", file=file, row=number, fix=fix)
        last = day
        days.append(day)
        values.append(value)
    if not days:
        raise BadData("holds no day", file=file, fix="a row for each day, as 2024-03-05,0.0012")
    if len(values) > 1 and min(values) == max(values):
        raise BadData("every return is the same", file=file, fix="daily returns vary")
    return Dated(tuple(days), tuple(values))


def of_equity(equity: Mapping[date, float], flows: Mapping[date, float]) -> Dated:
    """Return the daily returns of an account; a deposit or withdrawal is none.

    Args:
        equity: At the end of each day, account currency, above 0.
        flows: Sum of each day, positive for deposits; one on a day without equity counts on the
            next day that has some.
    """
    days = sorted(equity)
    dates, values, waiting = [], [], dict(flows)
    for before, day in pairwise(days):
        came = sum(waiting.pop(each) for each in sorted(waiting) if before < each <= day)
        start = equity[before] + came
        dates.append(day)
        values.append(equity[day] / start - 1.0 if start > 0.0 else 0.0)
    return Dated(tuple(dates), tuple(values))


def of_closings(closings: Sequence[tuple[date, float]], equity: float, *, is_coin: bool) -> Dated:
    """Return what closed trades earned each day; a day without one earned nothing.

    What open positions lost on the way is not seen, so true drawdowns are deeper.

    Args:
        closings: Day and net profit of each trade, account currency.
        equity: Before the first one, above 0.
        is_coin: Whether weekends are days too.
    """
    earned: dict[date, float] = {}
    for day, net in closings:
        earned[day] = earned.get(day, 0.0) + net
    dates, values, wealth = [], [], equity
    day, last = min(earned), max(earned)
    while day <= last:
        if is_coin or day.weekday() < SATURDAY or day in earned:
            net = earned.get(day, 0.0)
            dates.append(day)
            values.append(max(net / wealth, -1.0) if wealth > 0.0 else 0.0)
            wealth += net
        day += timedelta(days=1)
    return Dated(tuple(dates), tuple(values))
