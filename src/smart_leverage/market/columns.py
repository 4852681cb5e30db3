"""The rows of a bar file as they stand there, and what every row must satisfy."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.domain.errors import BadData

PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "volume")
STAMPS = ("ts", "timestamp", "datetime", "date", "time", "open_time")
"""Accepted names of the column with the start of the bar, in order of preference."""

_MIXED_UP = "check which column is which; their order can be declared"


class Columns(NamedTuple):
    """Rows in file order, one list per column.

    `ns` is UTC. `wall_ns` is what the file's own clock shows, counted as if it were UTC: a daily
    bar is labelled with a date, and only the file's own zone says which. `is_date` tells that the
    stamps are dates without a time.
    """

    ns: list[int]
    wall_ns: list[int]
    is_date: bool
    opens: list[float]
    highs: list[float]
    lows: list[float]
    closes: list[float]
    volumes: list[float]


def pick_columns(header: Sequence[str], file: str) -> dict[str, int]:
    """Return where each needed column stands; upper and lower case are the same.

    Args:
        header: The names in the file, in order.
        file: For the error.

    Returns:
        Position of "ts" and of the five number columns.

    Raises:
        BadData: A column is missing or named twice.
    """
    names = [name.strip().casefold() for name in header]
    found: dict[str, int] = {}
    for wanted, accepted in (("ts", STAMPS), *((name, (name,)) for name in NUMBERS)):
        name = next((name for name in accepted if name in names), None)
        if name is None:
            raise BadData(
                f"there is no column {wanted} among {_listed(header)}",
                file=file,
                fix="name the columns ts, open, high, low, close, volume",
            )
        if names.count(name) > 1:
            raise BadData(f"the column {name} is named twice", file=file, fix="keep one of them")
        found[wanted] = names.index(name)
    return found


def declared_header(names: Sequence[str] | None, found: Sequence[str], file: str) -> Sequence[str]:
    """Return the declared names of the columns, or those that were found.

    Raises:
        BadData: More or fewer columns are declared than the file has.
    """
    if names is None:
        return found
    if len(names) != len(found):
        raise BadData(
            f"{len(names)} columns are declared and the file has {len(found)}",
            file=file,
            fix=f"name every column in its order; the first row is {_listed(found)}",
        )
    return names


def check_numbers(rows: Columns, file: str) -> None:
    """Refuse the first row whose prices or volume cannot be.

    Written as one chain of comparisons per row, so that a NaN fails it.

    Raises:
        BadData: The row and what is wrong in it.
    """
    inf = math.inf
    for index, (open_, high, low, close, volume) in enumerate(
        zip(rows.opens, rows.highs, rows.lows, rows.closes, rows.volumes, strict=True)
    ):
        if not (0.0 < low <= open_ <= high < inf and low <= close <= high and 0.0 <= volume < inf):
            fault, fix = _explain(open_, high, low, close, volume)
            if fix == _MIXED_UP:
                often = _how_often(rows)
                fault, fix = fault + often, fix if often else "drop the row, or fetch it again"
            raise BadData(fault, file=file, row=index + 1, fix=fix)


def _explain(open_: float, high: float, low: float, close: float, volume: float) -> tuple[str, str]:
    for name, value in zip(NUMBERS, (open_, high, low, close, volume), strict=True):
        if not math.isfinite(value):
            return f"{name} is {value}", "drop the row; a hole is allowed, an invented price is not"
        if name == "volume" and value < 0.0:
            return f"volume is {value!r}", "a volume is zero or positive"
        if name != "volume" and value <= 0.0:
            return f"{name} is {value!r}", "a price is positive"
    if high < low:
        return f"high {high!r} is below low {low!r}", _MIXED_UP
    name, value = ("open", open_) if not low <= open_ <= high else ("close", close)
    return (
        f"{name} {value!r} lies outside low {low!r} to high {high!r}",
        _MIXED_UP,
    )


def _how_often(rows: Columns) -> str:
    """Return how many rows contradict themselves, and where the highest price always stands."""
    table = list(zip(rows.opens, rows.highs, rows.lows, rows.closes, strict=True))
    faulty = sum(
        not (low <= open_ <= high and low <= close <= high) for open_, high, low, close in table
    )
    if faulty == 1:
        return ""
    said = f" ({faulty:,} of {len(table):,} rows contradict themselves"
    for place, name in enumerate(PRICES):
        if name != "high" and all(row[place] == max(row) for row in table):
            said += f"; the highest price of every row stands under {name}"
    return said + ")"


def shown(text: str, most: int = 60) -> str:
    """Return the beginning of what stands in a file, without what would steer a terminal."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text[:most])
    return plain if len(text) <= most else f"{plain}..."


def _listed(header: Sequence[str]) -> str:
    names = ", ".join(shown(name.strip(), 24) or "(empty)" for name in header[:8])
    return (names or "nothing") + (", ..." if len(header) > 8 else "")
