"""`run` and `demo` as users start them: files in, a whole run out, nothing lost on the way."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.contract.forked import Done, environment, told

from smart_leverage.domain.stamps import iso
from smart_leverage.market.recipe import ASSETS, SyntheticMarket
from smart_leverage.market.synthetic import generate

COMMAND = [sys.executable, "-c", "from smart_leverage.cli import main; main()"]


COINS = tuple(asset for asset in ASSETS if asset.key in ("crypto:BTC/USD", "crypto:ETH/USD"))
HOUR = SyntheticMarket(seed=4, first_day=date(2024, 1, 2), days=60, step_s=3600, assets=COINS)


def write_bars(folder: Path, market: SyntheticMarket) -> list[str]:
    """Write CSV files as a user would bring them; return their names."""
    names = []
    for each in generate(market):
        symbol = each.key.partition(":")[2].replace("/", "-")
        name = f"{symbol}.1h.csv"
        lines = ["ts,open,high,low,close,volume"]
        lines += [
            f"{iso(b.start_ns)},{b.open!r},{b.high!r},{b.low!r},{b.close!r},{b.volume!r}"
            for b in each
        ]
        (folder / name).write_text("\n".join(lines) + "\n")
        names.append(name)
    return names


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def bars(home: Path) -> list[str]:
    return write_bars(home, HOUR)


# -- the demo -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(home: Path) -> Done:
    return told(home, "demo", "--name", "demo")


def test_the_demo_ends_by_itself_and_tells_cuts_denials_sales_and_stops(demo: Done) -> None:
    assert demo.code == 0, demo.err
    assert "$96,014.32" in demo.out
    for word in ("cut: buy", "denied: buy", "sold: ", "stopped: ", "plan p1", "tripped: "):
        assert word in demo.out, word
    assert re.search(r"with the governor +\$[\d,.]+ +[−+][\d.]+ %", demo.out)
    assert re.search(r"the same bot alone +\$[\d,.]+ +[−+][\d.]+ %", demo.out)


def test_the_demo_brings_the_account_inside_its_caps(demo: Done, home: Path) -> None:
    assert re.search(r"plan p1, crypto, reached: 24\.\d %", demo.out)
    done = told(home, "status", "--json", "--ledger", "runs/demo").json
    crypto = next(line for line in done["exposure"] if line["group"] == "crypto")
    assert float(crypto["fraction"]) <= float(crypto["cap"]) * 1.05


def test_the_demo_leaves_a_ledger_that_can_be_proved_and_explained(demo: Done, home: Path) -> None:
    assert told(home, "ledger", "verify", "runs/demo").code == 0
    for verdict in ("denied", "cut"):
        rows = told(home, "orders", "--verdict", verdict, "--json", "--ledger", "runs/demo").out
        first = json.loads(rows.splitlines()[0])
        done = told(home, "explain", first["id"], "--ledger", "runs/demo")
        assert (done.code, verdict in done.out) == (0, True)
    assert (home / "runs/demo/report.html").stat().st_size > 20_000


def test_one_seed_is_one_week_and_another_seed_another(home: Path) -> None:
    first, again, other = (
        told(home, "demo", "--json", "--seed", seed, "--name", f"week{place}").json
        for place, seed in enumerate(("5", "5", "6"))
    )
    same = ("equity_last", "ungoverned_equity_last", "decisions", "turnover")
    assert [first[name] for name in same] == [again[name] for name in same]
    assert first["equity_last"] != other["equity_last"]


# -- bars from files ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(home: Path, bars: list[str]) -> Done:
    return told(home, "run", *bars, "--strategy", "overbuyer", "--name", "greedy")


def test_a_run_over_files_says_what_it_read_and_what_came_of_it(ran: Done) -> None:
    assert ran.code == 0, ran.err
    assert re.search(r"BTC/USD +1h +1,440 +2024-01-02 +2024-03-02 +0", ran.out)
    assert re.search(r"equity +\$100,000.00 → \$[\d,.]+", ran.out)
    assert re.search(r"took +2,880 bars in [\d.]+ s CPU", ran.out)
    assert "report    runs/greedy/report.html" in ran.out


def test_a_run_is_the_last_one_for_every_other_command(ran: Done, home: Path) -> None:
    (home / "runs/latest").write_text("greedy\n")
    assert told(home, "status", "--json").json["ledger"] == "runs/greedy/ledger.sqlite"


def test_equal_files_give_equal_runs(ran: Done, home: Path, bars: list[str]) -> None:
    again = told(home, "run", *bars, "--strategy", "overbuyer", "--name", "greedy2", "--json").json
    (last,) = re.findall(r"→ (\$[\d,.]+)", ran.out)
    assert f"${float(again['equity_last']):,.2f}" == last


def test_a_name_that_is_taken_is_left_as_it_is(ran: Done, home: Path, bars: list[str]) -> None:
    before = (home / "runs/greedy/ledger.sqlite").read_bytes()
    again = told(home, "run", *bars, "--name", "greedy")
    assert again.code == 1
    assert "holds a run already" in again.err
    assert (home / "runs/greedy/ledger.sqlite").read_bytes() == before


def test_a_span_of_time_runs_alone(home: Path, bars: list[str]) -> None:
    span = ("--since", "2024-02-01", "--until", "2024-02-03", "--strategy", "none")
    done = told(home, "run", *bars, *span, "--name", "span", "--json")
    assert done.json["bars"] == 2 * 48, done.err


def test_ideas_from_a_file_are_sized_by_the_policy(home: Path, bars: list[str]) -> None:
    ideas = "at,symbol,side,confidence\n2024-01-15T00:00:00Z,BTC/USD,buy,0.6667\n"
    (home / "ideas.csv").write_text(ideas)
    done = told(
        home, "run", *bars, "--strategy", "none", "--signals", "ideas.csv", "--name", "ideas"
    )
    assert done.code == 0, done.err
    row = json.loads(told(home, "orders", "--json", "--ledger", "runs/ideas").out.splitlines()[0])
    # Half of 5 % of the learning tier's quarter, since nothing shows yet what the file's confidence
    # is worth; a unit counts at its limit and fee.
    assert float(row["asked"]) * float(row["price"]) == pytest.approx(625, rel=0.02)
    assert (row["bot"], row["verdict"]) == ("file", "approved")


ZERO = "2024-01-01T00:00:00Z,0,2,0,1,1"
GOOD = "2024-01-01T00:00:00Z,1,2,1,1.5,1"
BAD_FILES = [
    pytest.param([ZERO], r"row 1.*price is positive", id="zero"),
    pytest.param([GOOD, GOOD], r"row 2", id="twice"),
    pytest.param(["2024-01-01T01:00:00Z,1,2,1,1.5,1", GOOD], r"row 2", id="out-of-order"),
    pytest.param(["2024-01-01T00:00:00Z,1,1,2,1.5,1"], r"row 1.*high", id="crossed"),
    pytest.param(["2024-01-01T00:00:00Z,nan,2,1,1.5,1"], r"row 1.*nan", id="not-a-number"),
    pytest.param(["2024-01-01T00:00:00,1,2,1,1.5,1"], r"zone", id="no-zone"),
    pytest.param([], r"no rows|empty|no bars", id="no-rows"),
]


@pytest.mark.parametrize(("lines", "said"), BAD_FILES)
def test_a_bad_file_is_refused_by_name_and_row(tmp_path: Path, lines: list[str], said: str) -> None:
    text = "\n".join(["ts,open,high,low,close,volume", *lines]) + "\n"
    (tmp_path / "BTC-USD.1h.csv").write_text(text)
    done = told(tmp_path, "run", "BTC-USD.1h.csv", "--name", "bad")
    assert done.code == 1
    assert "BTC-USD.1h.csv" in done.err
    assert re.search(said, done.err), done.err
    assert not (tmp_path / "runs").exists()  # nothing begun, nothing lost


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["nowhere.1h.csv"], 1, "nowhere.1h.csv", id="missing-file"),
        pytest.param(
            ["BTC-USD.1h.csv", "--quote", "USDT"], 2, "write it like USDT=USD", id="quote"
        ),
        pytest.param(["BTC-USD.1h.csv", "--since", "tomorrow"], 2, "not a stamp", id="since"),
        pytest.param(
            ["BTC-USD.1h.csv", "--since", "2024-03-01", "--until", "2024-02-01"],
            2,
            "swap them",
            id="swapped",
        ),
        pytest.param(["BTC-USD.1h.csv", "--since", "2030-01-01"], 1, "widen --since", id="beyond"),
        pytest.param(["BTC-USD.1h.csv", "--name", "../up"], 1, "not a plain name", id="path"),
        pytest.param(["BTC-USD.1h.csv", "--cash", "-5"], 2, "not above zero", id="cash"),
        pytest.param(["--resume-monthly"], 2, "name bar files", id="bars-only-option"),
    ],
)
def test_wrong_words_say_what_would_be_right(
    home: Path, bars: list[str], arguments: list[str], code: int, said: str
) -> None:
    done = told(home, "run", *arguments)
    assert (done.code, said in done.err) == (code, True), done.err


def test_an_interruption_ends_a_run_where_it_is_whole(home: Path) -> None:
    (home / "many").mkdir()
    market = SyntheticMarket(
        seed=8, first_day=date(2020, 1, 6), days=900, step_s=3600, assets=COINS
    )
    many = write_bars(home / "many", market)
    process = subprocess.Popen(
        [*COMMAND, "run", *(f"many/{name}" for name in many), "--name", "cut", "--json"],
        cwd=home,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ledger = home / "runs/cut/ledger.sqlite"
    wait_until(lambda: ledger.exists() and ledger.stat().st_size > 200_000)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads(out)["bars"] < 2 * 900 * 24
    assert told(home, "ledger", "verify", "runs/cut").code == 0


def wait_until(is_true: Any, timeout_s: float = 40.0) -> None:
    until = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


# -- in real time ---------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Path]:
    """A place for a live run; whatever still runs there in the end is ended by its number."""
    yield tmp_path
    for note in tmp_path.glob("runs/*/broker.pid"):
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_killed_process_leaves_the_venue_and_the_next_one_goes_on(live: Path) -> None:
    words = ["run", "--strategy", "overbuyer", "--name", "live"]
    first = subprocess.Popen(
        [*COMMAND, *words], cwd=live, env=environment(), stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    ledger, pid = live / "runs/live/ledger.sqlite", live / "runs/live/broker.pid"
    wait_until(lambda: ledger.exists() and ledger.stat().st_size > 100_000)
    time.sleep(1.5)
    first.kill()
    first.wait(timeout=10)
    venue = int(pid.read_text())
    os.kill(venue, 0)  # it is still there
    began = told(live, "status", "--json").json["ledger_seq"]
    again = told(live, *words, "--for", "2")
    assert again.code == 0, again.err
    assert told(live, "status", "--json").json["ledger_seq"] > began
    assert told(live, "ledger", "verify").code == 0
    assert not pid.exists()  # ended in order, the venue with it
    wait_until(lambda: not is_alive(venue))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
