"""Daily returns of a record: from a table, from equity and its flows, from closed trades."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.research.feasibility.days import (
    is_returns,
    of_closings,
    of_equity,
    read_returns,
)


def _table(path: Path, values: list[str]) -> Path:
    days = np.datetime64("2020-01-01") + np.arange(len(values))
    rows = [f"{day},{value}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(("date,return", *rows)))
    return path


def test_a_deposit_is_no_return() -> None:
    days = [date(2024, 1, day) for day in (1, 2, 3, 5)]
    equity = dict(zip(days, (100.0, 110.0, 165.0, 132.0), strict=True))
    told = of_equity(equity, {days[2]: 40.0, date(2024, 1, 4): -33.0})
    assert told.dates == tuple(days[1:])
    assert told.values == pytest.approx((0.10, 0.10, 0.0))


def test_days_without_a_closing_earned_nothing() -> None:
    friday, monday = date(2024, 1, 5), date(2024, 1, 8)
    closings = [(friday, 100.0), (monday, -55.0), (monday, -55.0)]
    shares = of_closings(closings, 1000.0, is_coin=False)
    assert shares.dates == (friday, monday)
    assert shares.values == pytest.approx((0.10, -0.10))
    coins = of_closings(closings, 1000.0, is_coin=True)
    assert len(coins.dates) == 4
    assert coins.days.per_year == 365
    assert coins.values[1:3] == (0.0, 0.0)


def test_a_record_with_weekends_has_more_days_a_year(tmp_path: Path) -> None:
    values = [f"{value:.6f}" for value in np.random.default_rng(6).normal(0.0, 0.01, 70)]
    every = _table(tmp_path / "every.csv", values)
    rows = every.read_text().splitlines()
    weekdays = [row for row in rows[1:] if np.is_busday(row[:10])]
    (tmp_path / "weekdays.csv").write_text("\n".join([rows[0], *weekdays]))
    assert read_returns(every).days.per_year == 365
    assert read_returns(tmp_path / "weekdays.csv").days.per_year == 252


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (["nan"] * 70, "the return is nan"),
        (["x"] * 70, "not a date and a number"),
        (["0.01"] * 70, "every return is the same"),
        (["-1.5"] * 70, "above -1"),
        ([], "holds no day"),
    ],
)
def test_a_record_that_misleads_is_refused(tmp_path: Path, values: list[str], fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        read_returns(_table(tmp_path / "returns.csv", values))


def test_an_unsorted_record_is_refused_with_its_row(tmp_path: Path) -> None:
    file = tmp_path / "returns.csv"
    file.write_text("date,return\n2020-01-02,0.01\n2020-01-01,0.02\n")
    with pytest.raises(BadData, match=r"row 3.*sort by date"):
        read_returns(file)


def test_a_table_of_returns_is_told_by_its_header(tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("time,symbol,side,qty,price\n")
    assert not is_returns(file)
    assert not is_returns(tmp_path / "none.csv")
    assert is_returns(_table(tmp_path / "returns.csv", ["0.01"]))
