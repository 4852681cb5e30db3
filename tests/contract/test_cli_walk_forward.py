"""`walk-forward` as users start it: bars in, report and tables out, gone on with after Ctrl-C."""

import json
import signal
import subprocess
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.contract.forked import Done
from tests.contract.started import COMMAND, started, write_bars

from smart_leverage.market.recipe import ASSETS, SyntheticMarket
from smart_leverage.market.synthetic import generate

SHORT = ["--train", "40", "--test", "15", "--folds", "2", "--threads", "1"]
PLAN = """\
[space]
sizing.base_share = [0.02, 0.05, 0.2]
"""


def walk_forward(home: Path, *arguments: str) -> Done:
    return started(home, "walk-forward", *arguments)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    coins = tuple(each for each in ASSETS if each.key in ("crypto:BTC/USD", "crypto:ETH/USD"))
    recipe = SyntheticMarket(
        seed=4, first_day=date(2024, 1, 2), days=110, step_s=3600, assets=coins
    )
    write_bars(folder, generate(recipe))
    (folder / "plan.toml").write_text(PLAN)
    return folder


BARS = ["BTC-USD.1h.csv", "ETH-USD.1h.csv"]


def test_a_plan_gives_report_and_tables(home: Path) -> None:
    done = walk_forward(home, *BARS, *SHORT, "--candidates", "plan.toml", "--json")
    assert done.code == 0, done.err
    assert "left out of the plan: 1 point" in done.err
    assert "plan: parts  100 %" in done.err
    told = done.json
    assert told["folder"] == "walks/plan"
    assert told["candidates"] == 2, "the policy as it is stands in the plan as well"
    assert told["windows_done"] == len(told["windows"]) == 4
    assert not told["interrupted"]
    assert sum(each["days"] for each in told["regimes"]) == len(
        pl.read_parquet(home / "walks/plan/days.parquet").filter(pl.col("sample") == "outside")
    )
    assert {each["chosen"] for each in told["windows"]} <= {"steady", "base_share 0.02"}
    assert "Past results promise nothing." in (home / told["report"]).read_text()
    assert all((home / table).exists() for table in told["tables"])


@pytest.fixture(scope="module")
def walked(home: Path) -> Done:
    return walk_forward(home, *BARS, *SHORT, "--json", "--out", "again")


def test_the_same_command_computes_nothing_twice(walked: Done, home: Path) -> None:
    second = walk_forward(home, *BARS, *SHORT, "--json", "--out", "again")
    assert walked.code == second.code == 0
    assert "4 of 4 windows are there already" in second.err
    assert second.json == walked.json


def test_another_walk_does_not_write_over_one(walked: Done, home: Path) -> None:
    before = {file.name: file.read_bytes() for file in (home / "again").iterdir()}
    done = walk_forward(home, *BARS, *SHORT, "--anchored", "--out", "again")
    assert done.code == 1
    assert "again: holds a walk over other bars, candidates or numbers" in done.err
    assert {file.name: file.read_bytes() for file in (home / "again").iterdir()} == before


def test_an_interrupted_walk_goes_on_and_ends_the_same(home: Path) -> None:
    whole = walk_forward(home, *BARS, *SHORT, "--test", "3", "--json", "--out", "whole").json
    cut = [*BARS, *SHORT, "--test", "3", "--json", "--out", "cut"]
    with subprocess.Popen(
        [*COMMAND, "walk-forward", *cut],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    ) as running:
        for _ in range(5_000):
            if (home / "cut/window-0001.msgpack").exists() or running.poll() is not None:
                break
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    # A fast machine may have been through before the signal came.
    assert (running.returncode, "the same command goes on" in err) in {(130, True), (0, False)}
    if running.returncode == 130:
        part = json.loads(out)
        assert part["interrupted"]
        assert part["windows"] == whole["windows"][: part["windows_done"]]
    gone_on = walk_forward(home, *cut)
    assert gone_on.code == 0
    assert {**gone_on.json, "folder": 0, "report": 0, "tables": 0} == {
        **whole,
        "folder": 0,
        "report": 0,
        "tables": 0,
    }


def test_people_get_a_table_and_the_honest_sentences(walked: Done, home: Path) -> None:
    done = walk_forward(home, *BARS, *SHORT, "--out", "again")
    assert done.code == 0
    for word in ("in-sample", "out-of-sample", "Nothing was tuned", "Past results promise nothing"):
        assert word in done.out, word
    assert "report    again/report.html" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--train", "8"], 3, "train_days = 8 in 4 folds", id="training-too-short"),
        pytest.param(
            ["--test", "30", "--step", "20"], 3, "would be tested twice", id="tests-overlap"
        ),
        pytest.param(["--candidates", "none.toml"], 3, "cannot be read", id="no-plan"),
        pytest.param(["--score", "luck"], 2, "luck", id="unknown-score"),
        pytest.param(["--train", "300"], 1, "too few for a window", id="too-few-days"),
    ],
)
def test_what_cannot_be_is_told_with_its_exit_code(
    home: Path, arguments: list[str], code: int, said: str
) -> None:
    done = walk_forward(home, *BARS, *arguments, "--out", "refused")
    assert done.code == code
    assert said in done.err
    assert not (home / "refused").exists()
