"""A record of daily returns from a CSV file, refused where it would mislead."""

import csv
import math
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData
from smart_leverage.research.numbers import FloatArray
from smart_leverage.research.verify.record import days_a_year

FEWEST_DAYS = 60


class Returns(NamedTuple):
    """A record of days.

    Attributes:
        values: (n,), simple daily returns, fractions.
        per_year: 365 where weekends are among the days, else 252.
    """

    values: FloatArray
    per_year: int


def read_returns(file: Path) -> Returns:
    """Return the returns of a table with the columns `date` and `return`, a row a day.

    Raises:
        BadData: The file cannot be read, or a row is unsorted, not a number or loses everything.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines)
            if not {"date", "return"} <= set(table.fieldnames or ()):
                raise BadData("lacks a column", file=file, fix="the header is date,return")
            return _values(file, list(table))
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"cannot be read: {error}", file=file) from None


def _values(file: Path, rows: list[dict[str, str]]) -> Returns:
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
    if len(values) < FEWEST_DAYS:
        fix = f"{FEWEST_DAYS} at least are needed for a verdict"
        raise BadData(f"holds {len(values)} days", file=file, fix=fix)
    if min(values) == max(values):
        raise BadData("every return is the same", file=file, fix="daily returns vary")
    return Returns(np.array(values), days_a_year(days))
