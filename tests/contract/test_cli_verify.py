"""`verify` as users start it, over what `backtest`, `sweep` and `walk-forward` really wrote."""

import json
from pathlib import Path

import polars as pl
import pytest
from tests.contract.started import started, write_bars
from tests.contract.sweeps import MARKET

from smart_leverage.market.synthetic import generate

PLAN = """
objectives = ["sharpe"]

[space.sizing]
base_share = [0.01, 0.04]
confidence_scale = [1.5, 6.0]
"""
BARS = ("BTC-USD.1h.csv", "DOGE-USD.1h.csv")
WALK = ("--train", "40", "--test", "15", "--folds", "2", "--threads", "1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_bars(folder, generate(MARKET))
    (folder / "plan.toml").write_text(PLAN)
    return folder


@pytest.fixture(scope="module")
def swept(home: Path) -> Path:
    done = started(home, "sweep", "plan.toml", *BARS, "--workers", "1", "-q")
    assert done.code == 0, done.err
    return home / "sweeps/plan"


def test_a_sweep_brings_its_number_of_trials(home: Path, swept: Path) -> None:
    done = started(home, "verify", "sweeps/plan", "--json")
    assert done.code == 0, done.err
    told = done.json
    assert told["kind"] == "sweep"
    assert told["trials"] == json.loads((swept / "sweep.json").read_text())["trials"] == 4
    assert told["overfitting"] is None
    assert "--returns" in told["not_said"][-1]
    assert f"among {told['trials']} tried; probability that it is real: " in told["verdict"]


def test_a_sweep_that_keeps_days_is_judged_whole(home: Path, swept: Path) -> None:
    before = (swept / "results.parquet").read_bytes()
    kept = started(home, "sweep", "plan.toml", *BARS, "--workers", "1", "-q", "--returns", "200")
    assert kept.code == 0, kept.err
    assert (swept / "results.parquet").read_bytes() == before
    table = pl.read_parquet(swept / "results.parquet")
    days = pl.read_parquet(swept / "returns.parquet")
    assert days.columns == ["date", *map(str, table["set"])]
    for name, mean, deviation in table.select("set", "day_mean", "day_std").iter_rows():
        assert days[str(name)].mean() == pytest.approx(mean, abs=1e-15)
        assert days[str(name)].std(ddof=0) == pytest.approx(deviation, rel=1e-6)
    told = started(home, "verify", "sweeps/plan", "--json").json
    assert 0.0 <= float(told["overfitting"]["pbo"]) <= 1.0
    assert told["best_of_many"] is not None
    assert told["resampled"]["growth"]["lower"] < told["resampled"]["growth"]["upper"]


def test_backtests_are_judged_alone_and_beside_each_other(home: Path) -> None:
    (home / "small.toml").write_text("[sizing]\nbase_share = 0.01\n")
    assert started(home, "backtest", *BARS, "--out", "a", "-q").code == 0
    assert started(home, "backtest", *BARS, "--out", "b", "-q", "--config", "small.toml").code == 0
    alone = started(home, "verify", "a")
    assert alone.code == 0, alone.err
    assert "trials    1, one folder" in alone.out
    assert alone.out.splitlines()[-1].startswith("verdict   of the Sharpe ")
    doubted = started(home, "verify", "a", "--trials", "500", "--json").json
    assert float(doubted["deflated_sharpe"]) < float(doubted["probabilistic_sharpe"])
    both = started(home, "verify", "a", "b", "--json").json
    assert both["trials"] == 2
    assert both["best_of_many"] is not None


def test_a_walk_is_judged_by_its_test_days(home: Path) -> None:
    walked = started(home, "walk-forward", *BARS, *WALK, "--candidates", "plan.toml", "-q")
    assert walked.code == 0, walked.err
    told = started(home, "verify", "walks/plan", "--json").json
    assert told["kind"] == "walk-forward"
    assert told["days"] == 45
    assert told["windows"] == 3


def test_what_says_nothing_is_refused_in_a_sentence(home: Path) -> None:
    empty = started(home, "verify", ".")
    assert empty.code == 1
    assert "holds no run; name a folder that backtest --out" in empty.err
    args = ("--until", "2024-01-20", "--out", "short", "-q")
    assert started(home, "backtest", *BARS, *args).code == 0
    short = started(home, "verify", "short")
    assert short.code == 1
    assert "are too few to say anything; 30 are the least" in short.err
