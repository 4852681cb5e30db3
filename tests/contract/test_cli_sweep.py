"""`backtest` and `sweep` as users start them: files in, results out, Ctrl-C and on again."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.contract.forked import Done, environment
from tests.contract.started import COMMAND, started, write_bars
from tests.contract.sweeps import MARKET

from smart_leverage.market.synthetic import generate

PLAN = """
objectives = ["growth_bounded", "shortfall"]

[space]
"limits.symbol_cap" = { from = 0.05, to = 0.25, count = 5 }

[space.sizing]
confidence_scale = [1.5, 6.0, 24.0]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_bars(folder, generate(MARKET))
    (folder / "plan.toml").write_text(PLAN)
    return folder


BARS = ("BTC-USD.1h.csv", "DOGE-USD.1h.csv")


# -- one account ----------------------------------------------------------------------------------


def test_a_backtest_tells_what_was_read_and_what_came_of_it(home: Path) -> None:
    done = started(home, "backtest", *BARS)
    assert done.code == 0, done.err
    assert re.search(r"BTC/USD +1h +2,280 +2024-01-01 +2024-04-05 +0", done.out)
    assert re.search(r"equity +\$100,000.00 → \$[\d,.]+ +[+−][\d.]+ %", done.out)
    assert re.search(r"months +3 whole, \d with \+5 % or more and never 8 % down", done.out)
    assert "took      4,560 bars in" in done.out


def test_a_backtest_gives_json_and_parquet_that_agree(home: Path) -> None:
    done = started(home, "backtest", *BARS, "--json", "--out", "result", "--cash", "50000")
    told = done.json
    tables = {Path(file).stem: pl.read_parquet(home / file) for file in told["files"]}
    assert sorted(tables) == ["curve", "decisions", "fills", "trades"]
    assert tables["curve"]["equity"][-1] == float(told["equity"])
    assert tables["curve"]["cash"][0] == 50_000.0
    assert len(tables["trades"]) == told["trades"]
    assert len(tables["fills"]) == told["fills"]
    assert tables["trades"]["outcome"].eq(1).sum() == told["wins"]
    assert set(tables["decisions"]["instrument"]) <= {"crypto:BTC/USD", "crypto:DOGE/USD"}


def test_a_backtest_writes_a_tear_sheet_that_says_what_the_json_says(home: Path) -> None:
    said = started(home, "backtest", *BARS, "--json", "--html", "sheet.html").json
    assert said["files"] == ["sheet.html"]
    page = (home / "sheet.html").read_text().replace("\u00a0", " ")
    assert len(page.encode()) <= 400_000
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert f"$100,000.00 became ${float(said['equity']):,.2f}" in page
    assert f"{said['denied']:,} denied" in page
    assert f"a drawdown of {float(said['drawdown']) * 100:.1f} %" in page
    assert "BTC-USD.1h.csv" in page
    assert "it is no forecast" in page


def test_a_backtest_is_the_run_of_the_same_files(home: Path) -> None:
    ran = started(home, "run", *BARS, "--json", "--name", "same").json
    told = started(home, "backtest", *BARS, "--json").json
    assert float(told["equity"]) == pytest.approx(float(ran["equity_last"]), rel=1e-12)
    assert (told["tier"], told["state"]) == (ran["tier"].lower(), ran["state"])


# -- many -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept(home: Path) -> Done:
    return started(home, "sweep", "plan.toml", *BARS)


def test_a_sweep_shows_the_best_sets_and_says_how_many_were_tried(swept: Done, home: Path) -> None:
    assert swept.code == 0, swept.err
    assert "15 sets of 2 numbers, grid" in swept.out
    assert "trials    15; the best of so many" in swept.out
    assert re.search(r"its 4 nearest sets have growth_bounded", swept.out)
    names = {file.name for file in (home / "sweeps/plan").iterdir()}
    assert {"results.parquet", "sweep.json", "map.svg", "parallel.svg", "front.svg"} == names


def test_a_finished_sweep_is_told_again_as_json(swept: Done, home: Path) -> None:
    told = started(home, "sweep", "plan.toml", *BARS, "--json").json
    table = pl.read_parquet(home / told["result"])
    assert (told["sets"], told["trials"], told["left_out"], told["faulty"]) == (15, 15, 0, 0)
    assert told["best"]["growth_bounded"] == str(table["growth_bounded"].max())
    assert told["front"] == table["front"].sum()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["none.toml", *BARS], 3, "cannot be read", id="no-plan"),
        pytest.param(["plan.toml", "none.1h.csv"], 1, "none.1h.csv", id="no-bars"),
        pytest.param(
            ["plan.toml", *BARS, "--objective", "luck"], 3, "no such objective", id="goal"
        ),
        pytest.param(["plan.toml", *BARS, "--method", "walk"], 3, "grid or random", id="method"),
        pytest.param(["plan.toml", *BARS, "--engine", "slurm"], 2, "local", id="engine"),
        pytest.param(["plan.toml", *BARS, "--out", "."], 1, "holds something else", id="folder"),
        pytest.param(["plan.toml"], 2, "BARS", id="nothing-to-read"),
    ],
)
def test_what_cannot_be_is_refused_with_its_exit_code(home: Path, arguments, code, told) -> None:
    done = started(home, "sweep", *arguments)
    assert (done.code, done.out) == (code, ""), done.err
    assert told in done.err


LONG = ("--method", "quasi", "--count", "768")


@pytest.fixture
def begun(home: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*COMMAND, "sweep", "plan.toml", *BARS, *LONG, "--out", "long"],
        cwd=home,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def parts(folder: Path) -> int:
    return len(list(folder.glob("parts/*.parquet")))


def wait_for_parts(folder: Path, count: int) -> None:
    end = time.monotonic() + 400
    while parts(folder) < count and time.monotonic() < end:
        time.sleep(0.02)


def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(home: Path, begun) -> None:
    folder = home / "long"
    wait_for_parts(folder, 2)
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=60)
    assert begun.returncode == 130, err
    kept = parts(folder)
    assert 2 <= kept < 12
    assert re.search(r"interrupted: [\d,]+ sets are kept in long; the same command goes on", err)
    resumed = started(home, "sweep", "plan.toml", *BARS, *LONG, "--out", "long", "--json")
    whole = started(home, "sweep", "plan.toml", *BARS, *LONG, "--out", "whole", "--json")
    assert resumed.json["sha256"] == whole.json["sha256"]
