"""What is told about a target: verdicts, intervals, records that are refused, the command."""

from pathlib import Path

import numpy as np
import pytest
from tests.contract.forked import told as run

from smart_leverage.domain.errors import BadData
from smart_leverage.research.feasibility import answer
from smart_leverage.research.feasibility.record import read_returns


def _table(path: Path, values: list[str]) -> Path:
    days = np.datetime64("2020-01-01") + np.arange(len(values))
    rows = [f"{day},{value}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(("date,return", *rows)))
    return path


@pytest.mark.parametrize(
    ("low", "most", "expected"),
    [(0.5, 1.0, "attainable"), (0.1, 0.49, "not attainable"), (0.49, 0.5, "undecided")],
)
def test_a_verdict_needs_the_unfavourable_end(low: float, most: float, expected: str) -> None:
    assert answer.verdict(low, most) == expected


def test_the_probabilities_are_those_of_the_published_row_of_sharpe_two() -> None:
    told = answer.chance(2.0, 0.20, 0.05, 0.08)
    assert told.month == pytest.approx(0.38, abs=0.005)
    assert told.below_12 == pytest.approx(0.12, abs=0.02)
    assert told.joint_12 == pytest.approx(0.058, abs=0.015)
    assert answer.most(2.0, 0.05, 0.08) > told.joint_12


@pytest.mark.parametrize(
    ("monthly", "needed"),
    [
        (0.01, (1.62, 1.04, 0.84, 0.64)),
        (0.02, (2.52, 1.67, 1.38, 1.04)),
        (0.03, (3.22, 2.17, 1.80, 1.37)),
        (0.05, (4.33, 2.96, 2.47, 1.90)),
    ],
)
def test_the_sharpe_ratio_that_is_needed_is_that_of_the_reference(
    monthly: float, needed: tuple[float, ...]
) -> None:
    """Found by another method, for drawdowns of 8, 15, 20 and 30 %; two places are known."""
    ours = [answer.sharpe_needed(monthly, depth) for depth in (0.08, 0.15, 0.20, 0.30)]
    assert ours == pytest.approx(needed, abs=0.0075)


def test_an_interval_shrinks_with_more_days() -> None:
    noise = np.random.default_rng(4).normal(0.001, 0.01, 2000)
    widths = [high - low for low, _, high in map(answer.sharpe_interval, (noise[:200], noise))]
    assert widths[1] < 0.6 * widths[0]


def test_a_record_with_weekends_has_more_days_a_year(tmp_path: Path) -> None:
    values = [f"{value:.6f}" for value in np.random.default_rng(6).normal(0.0, 0.01, 70)]
    every = _table(tmp_path / "every.csv", values)
    rows = every.read_text().splitlines()
    weekdays = [row for row in rows[1:] if np.is_busday(row[:10])]
    (tmp_path / "weekdays.csv").write_text("\n".join([rows[0], *weekdays, *_later(weekdays)]))
    assert read_returns(every).per_year == 365
    assert read_returns(tmp_path / "weekdays.csv").per_year == 252


def _later(rows: list[str]) -> list[str]:
    """Return the same rows 140 days later: weekdays again."""
    return [f"{np.datetime64(row[:10]) + np.timedelta64(140)}{row[10:]}" for row in rows]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (["0.01", "-0.01"], "60 at least"),
        (["nan"] * 70, "the return is nan"),
        (["x"] * 70, "not a date and a number"),
        (["0.01"] * 70, "every return is the same"),
        (["-1.5"] * 70, "above -1"),
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


def test_the_command_tells_a_record_and_refuses_contradictions(tmp_path: Path) -> None:
    values = np.random.default_rng(5).normal(0.0, 0.01, 500)
    file = _table(tmp_path / "returns.csv", [f"{value:.6f}" for value in values])
    told = run(tmp_path, "feasibility", str(file), "--json")
    assert told.code == 0
    assert told.json["days"] == 500
    assert told.json["lower"]["sharpe"] < told.json["value"]["sharpe"]
    out = run(tmp_path, "feasibility", "--sharpe", "2").out
    assert "by no sizing more than" in out
    assert "in 100 for a year; you would need" in out
    assert run(tmp_path, "feasibility", str(file), "--sharpe", "2").code == 2
    assert run(tmp_path, "feasibility", "--sharpe", "2", "--drawdown", "8").code == 2
