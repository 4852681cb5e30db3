"""What is read of a run and how it is judged: luck, trials, and what is refused."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from smart_leverage.cli.lacking import statistics
from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.research.verify.record import Run, record_of, with_trials
from smart_leverage.research.verify.run import read_run
from smart_leverage.research.verify.verdict import Both, judge, luck
from smart_leverage.research.verify.words import as_fields, is_proved, lines, verdict

HERE = Path("result")
SOME = np.random.default_rng(7).normal(0.002, 0.01, 300)


def days(count: int, first: date = date(2024, 1, 1)) -> list[str]:
    return [(first + timedelta(days=each)).isoformat() for each in range(count)]


def run_of(returns: np.ndarray, trials: int = 1, sets: np.ndarray | None = None) -> Run:
    record = record_of("it", days(len(returns)), returns, HERE)
    return Run("backtest", record, trials, "counted", np.array([record.sharpe]), sets=sets)


def write_curve(folder: Path, returns: np.ndarray) -> Path:
    """Write the curve of a backtest with two marks a day; one more day is not over."""
    folder.mkdir()
    ends = 1000.0 * np.cumprod(np.concatenate([1.0 + returns, [1.0]]))
    start = datetime(2024, 1, 1, 6, tzinfo=UTC)
    at = [start + timedelta(hours=12 * each) for each in range(2 * len(ends))]
    equity = np.repeat(ends, 2)
    equity[::2] = np.concatenate([[1000.0], ends[:-1]])
    pl.DataFrame({"at": at, "equity": equity}).with_columns(
        pl.col("at").cast(pl.Datetime("ns", "UTC"))
    ).write_parquet(folder / "curve.parquet")
    return folder


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returns", "why"),
    [
        pytest.param(SOME[:29], "29 days are too few", id="short"),
        pytest.param(np.zeros(40), "never moved", id="an-account-that-did-nothing"),
        pytest.param(np.full(40, 0.01), "never moved", id="constant"),
        pytest.param(np.append(SOME[:40], np.nan), "2024-02-10 has no return", id="a-hole"),
        pytest.param(np.append(SOME[:40], -1.5), "2024-02-10 owes money", id="below-nothing"),
    ],
)
def test_a_record_that_says_nothing_is_refused(returns, why):
    with pytest.raises(BadData, match=why):
        record_of("it", days(len(returns)), returns, HERE)


def test_thirty_days_are_enough_to_be_told_how_little_they_prove():
    told = judge(run_of(SOME[:30]))
    assert told.luck.days_needed > 30
    assert "not proved" in verdict(told)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(BadData, match="holds no run"):
        read_run([tmp_path])


def test_fewer_trials_than_the_run_knows_of_cannot_be_told():
    with pytest.raises(ConfigError, match="knows of 15"):
        with_trials(run_of(SOME, trials=15), 3)


def test_a_missing_library_is_named_with_what_installs_it():
    says = r"arch is not installed; pip install 'smart-leverage\[research,stats\]'"
    with pytest.raises(ConfigError, match=says), statistics("verify"):
        raise ModuleNotFoundError(name="arch.bootstrap")
    with pytest.raises(ModuleNotFoundError), statistics("verify"):
        raise ModuleNotFoundError(name="smart_leverage.nothing")


# -- what is judged -------------------------------------------------------------------------------


def test_more_trials_lower_what_is_left_of_a_sharpe_ratio():
    left = [luck(run_of(SOME, trials)).deflated.decided for trials in (1, 10, 100, 1000)]
    assert left == sorted(left, reverse=True)
    assert left[0] == luck(run_of(SOME)).probabilistic.decided
    assert left[-1] < 0.5 < left[0]


def test_the_smaller_probability_decides_and_an_undefined_one_does_not():
    assert Both(0.9, 0.8).decided == 0.8
    assert Both(float("nan"), 0.8).decided == 0.8


def test_noise_is_overfitted_in_half_of_the_halves():
    source = np.random.default_rng(3)
    found = []
    for _ in range(20):
        sets = source.normal(0.0, 0.01, (160, 10))
        told = judge(run_of(sets[:, 0], 10, sets))
        assert told.overfitting is not None
        found.append(told.overfitting.pbo)
    assert 0.4 < np.mean(found) < 0.6


def test_one_set_with_skill_is_neither_overfitted_nor_a_find_of_the_search():
    sets = np.random.default_rng(4).normal(0.0, 0.01, (400, 10))
    sets[:, 6] += 0.003
    told = judge(run_of(sets[:, 6], 10, sets))
    assert told.overfitting is not None
    assert told.best_of_many is not None
    assert told.overfitting.pbo < 0.05
    assert told.best_of_many.studentised_p_consistent < 0.05


def test_a_choice_between_sets_that_are_equally_good_is_called_luck():
    source = np.random.default_rng(8)
    sets = source.normal(0.002, 0.01, (300, 1)) + source.normal(0.0, 0.001, (300, 8))
    told = judge(run_of(sets[:, 0], 8, sets - sets.mean(axis=0) + 0.002))
    assert told.overfitting is not None
    assert told.overfitting.pbo >= 0.5
    assert "which of the sets was chosen is luck, PBO" in verdict(told)


def test_nothing_is_proved_where_the_best_of_many_is_not_told_from_cash():
    sets = np.random.default_rng(6).normal(0.0, 0.01, (300, 10))
    told = judge(run_of(sets[:, 0] + 0.01, 1, sets))
    assert told.luck.deflated.decided > 0.95
    assert not is_proved(told)
    assert "not proved at 95 % (the best of many is not told from cash" in verdict(told)


def test_no_probability_reads_as_certain():
    told = judge(run_of(SOME + 0.01))
    assert "probability that it is real: above 99.9 %" in verdict(told)
    assert "100.0 %" not in dict(lines(told))["above 0"]


def test_sets_that_are_alike_are_one_and_no_number_is_made_of_them():
    sets = np.stack([SOME, SOME, np.zeros(300)], axis=1)
    told = judge(run_of(SOME, 3, sets))
    assert told.overfitting is None
    assert told.best_of_many is None
    assert "1 of 3 sets never moved and are left out" in told.missing
    assert "1 sets did the same as another one, day by day, and are left out" in told.missing
    assert "overfitting and best of many: fewer than two sets differ" in told.missing


def test_intervals_hold_the_record_and_both_ways_to_a_fall_agree():
    told = judge(run_of(SOME))
    assert told.ranges is not None
    assert told.falls is not None
    assert told.ranges.growth.lower < told.run.record.growth < told.ranges.growth.upper
    assert told.falls.mean_law == pytest.approx(told.falls.mean_simulated, rel=0.1)
    assert told.falls.deeper_law == pytest.approx(told.falls.deeper_simulated, abs=0.04)


def test_the_same_seed_gives_the_same_verdict():
    assert as_fields(judge(run_of(SOME), 5)) == as_fields(judge(run_of(SOME), 5))


# -- what is read ---------------------------------------------------------------------------------


def test_a_backtest_is_read_by_days_that_are_over(tmp_path):
    run = read_run([write_curve(tmp_path / "a", SOME[:40])], "UTC")
    assert run.record.returns is not None
    assert (run.record.days, run.record.per_year, run.trials) == (40, 365, 1)
    assert run.record.returns == pytest.approx(SOME[:40])
    assert (run.record.dates[0], run.record.dates[-1]) == ("2024-01-01", "2024-02-09")


def test_the_best_of_several_backtests_is_judged_and_all_count(tmp_path):
    worse = write_curve(tmp_path / "a", SOME[:60] - 0.003)
    better = write_curve(tmp_path / "b", SOME[:60])
    run = read_run([worse, better], "UTC")
    assert run.trials == 2
    assert run.sets is not None
    assert run.sets.shape == (60, 2)
    assert run.record.name.startswith(str(better))


def sweep_folder(folder: Path, days_kept: np.ndarray | None = None) -> Path:
    told = {"trials": 50, "objectives": ["growth"], "bars": {"instruments": ["crypto:BTC/USD"]}}
    (folder / "sweep.json").write_text(json.dumps(told))
    pl.DataFrame(
        {
            "set": [1, 2, 3],
            "growth": [0.1, 0.4, None],
            "drawdown": [0.1, 0.2, None],
            "days": [300, 300, None],
            "day_mean": [0.0005, 0.002, None],
            "day_std": [0.01, 0.01, None],
            "fault": ["", "", "broke"],
        }
    ).write_parquet(folder / "results.parquet")
    if days_kept is not None:
        columns = {str(at + 1): days_kept[:, at] for at in range(days_kept.shape[1])}
        table = pl.DataFrame({"date": days(len(days_kept)), **columns})
        table.write_parquet(folder / "returns.parquet")
    return folder


def test_a_sweep_counts_its_trials_and_says_what_it_did_not_keep(tmp_path):
    told = judge(read_run([sweep_folder(tmp_path)]))
    assert told.run.trials == 50
    assert told.run.record.name == "set 2, the best by growth of 3"
    assert told.run.record.sharpe == pytest.approx(0.2 * (299 / 300) ** 0.5)
    assert not told.luck.is_shape_known
    assert told.ranges is None
    assert told.overfitting is None
    said = dict(lines(told))
    assert "50, counted by the sweep" in said["trials"]
    assert "taken as normal" in said["shape"]
    assert "--returns 200" in said["not said"]
    chance = told.luck.by_chance * 365**0.5
    assert f"chance alone gives {chance:.2f} among 50 tried" in said["verdict"]


def test_a_sweep_that_kept_days_is_judged_by_them(tmp_path):
    kept = np.random.default_rng(2).normal(0.001, 0.01, (300, 2))
    told = judge(read_run([sweep_folder(tmp_path, kept)]))
    assert told.run.record.returns is not None
    assert told.run.record.returns.tolist() == kept[:, 1].tolist()
    assert told.overfitting is not None
    assert "overfitting and best of many are of 2 of 3 sets" in told.missing


def test_one_backtest_with_a_hole_is_named_among_several(tmp_path):
    whole = write_curve(tmp_path / "a", SOME[:60])
    holed = write_curve(tmp_path / "b", np.where(np.arange(60) == 9, np.nan, SOME[:60]))
    with pytest.raises(BadData, match="b: 2024-01-10 has no return"):
        read_run([whole, holed], "UTC")


@pytest.mark.parametrize("text", ["{", "[]", '{"trials": 3}'])
def test_a_sweep_whose_note_is_damaged_is_refused(tmp_path, text):
    (sweep_folder(tmp_path) / "sweep.json").write_text(text)
    with pytest.raises(BadData, match="not of a finished sweep"):
        read_run([tmp_path])


def test_a_table_of_something_else_is_refused(tmp_path):
    pl.DataFrame({"at": [1]}).write_parquet(tmp_path / "curve.parquet")
    with pytest.raises(BadData, match="has no column equity"):
        read_run([tmp_path])


def test_sets_with_a_fault_are_trials_whose_sharpe_ratio_is_not_known(tmp_path):
    run = read_run([sweep_folder(tmp_path)])
    assert (run.trials, len(run.sharpes)) == (50, 2)


def test_an_unfinished_sweep_is_refused(tmp_path):
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(BadData, match="not finished"):
        read_run([tmp_path])


def test_a_walk_is_judged_by_days_that_had_no_part_in_the_choice(tmp_path):
    count, plain = 60, SOME[100:160]
    pl.DataFrame(
        {
            "sample": np.repeat(("inside", "outside", "plain_outside"), count),
            "date": days(count) * 3,
            "change": np.concatenate([SOME[200:260], SOME[:count], plain]),
        }
    ).write_parquet(tmp_path / "days.parquet")
    pl.DataFrame(
        {
            "window": [1, 1, 1, 2, 2, 2],
            "is_chosen": [True, False, False, False, True, False],
            "outside_score": [0.3, 0.1, 0.2, 0.5, 0.1, 0.4],
        }
    ).write_parquet(tmp_path / "candidates.parquet")
    told = judge(read_run([tmp_path]))
    assert told.run.record.returns is not None
    assert told.run.record.returns.tolist() == SOME[:count].tolist()
    assert told.run.trials == 1
    assert told.against_plain is not None
    said = dict(lines(told))
    assert said["windows"].endswith("in 1 of 2 windows")
    assert "as far as the run knows" in said["verdict"]
