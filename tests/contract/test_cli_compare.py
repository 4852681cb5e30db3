"""`compare` as users start it: bars and policies in, table, page and JSON out."""

from datetime import date
from pathlib import Path

import pytest
from tests.contract.forked import Done
from tests.contract.started import started, write_bars

from smart_leverage.market.recipe import ASSETS, SyntheticMarket
from smart_leverage.market.synthetic import generate

BARS = ["BTC-USD.1h.csv", "ETH-USD.1h.csv"]
SHORT = ["--warm-up", "40", "--test", "15"]
MINE = """\
[policy]
preset = "fixed"

[sizing]
base_share = 0.02

[account]
cash = 5.0
"""


def compare(home: Path, *arguments: str, **variables: str) -> Done:
    return started(home, "compare", *arguments, **variables)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    coins = tuple(each for each in ASSETS if each.key in ("crypto:BTC/USD", "crypto:ETH/USD"))
    recipe = SyntheticMarket(
        seed=4, first_day=date(2024, 1, 2), days=110, step_s=3600, assets=coins
    )
    write_bars(folder, generate(recipe))
    (folder / "mine.toml").write_text(MINE)
    return folder


@pytest.fixture(scope="module")
def everything(home: Path) -> Done:
    return compare(home, *BARS, *SHORT, "--json", "--html", "pages/all.html")


def test_all_presets_are_compared_where_nobody_names_any(everything: Done, home: Path) -> None:
    assert everything.code == 0, everything.err
    assert "policies  100 %  6 of 6" in everything.err
    told = everything.json
    assert told["baseline"] == "classic"
    assert told["policies_counted"] == 6
    assert {each["name"] for each in told["policies"]} == {
        *("classic", "steady", "fixed", "vol-target", "fractional-kelly", "drawdown-control")
    }
    needing = {each["name"] for each in told["policies"] if each["evidence_records"]}
    assert needing == {"steady", "vol-target", "fractional-kelly"}
    assert len(told["pairs"]) == 15
    assert told["page"] == "pages/all.html"
    assert "What can be told apart" in (home / "pages/all.html").read_text()


def test_a_file_is_compared_by_its_policy_alone(home: Path) -> None:
    chosen = ["--policy", "mine.toml", "--policy", "classic", "--baseline", "mine.toml"]
    done = compare(home, *BARS, *SHORT, *chosen, "--json")
    assert done.code == 0, done.err
    told = done.json
    assert told["baseline"] == "mine"
    names = {each["name"]: each for each in told["policies"]}
    assert float(names["mine"]["turnover"]) > 0.0, "its cash of $5 would have bought nothing"
    assert float(names["mine"]["difference"]) == 0.0


def test_the_environment_changes_no_preset(home: Path) -> None:
    chosen = [*BARS, *SHORT, "--policy", "fixed", "--json"]
    plain = compare(home, *chosen)
    other = compare(home, *chosen, SMART_LEVERAGE_SIZING__BASE_SHARE="0.01")
    assert plain.code == other.code == 0, other.err
    assert plain.json == other.json
    assert [plain.json["baseline"], plain.json["policies_counted"]] == ["classic", 2]


def test_people_get_tables_and_the_honest_sentences(home: Path) -> None:
    done = compare(home, *BARS, *SHORT, "--policy", "fixed")
    assert done.code == 0
    for word in (
        *("rank", "90 % interval", "against classic", "years < 8 %", "fees a year", "halted"),
        *("Past results promise nothing", "1 pair corrected for", "No number was fitted"),
        "after a warm-up of 40 days",
    ):
        assert word in done.out, word


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--policy", "luck"], 2, "is neither a file in TOML nor one of", id="unknown"),
        pytest.param(["--policy", "none.toml"], 3, "none.toml does not exist", id="no-file"),
        pytest.param(["--policy", "classic"], 3, "name two policies at least", id="one-alone"),
        pytest.param(["--warm-up", "300"], 1, "too few for a window", id="too-few-days"),
        pytest.param(["--test", "1"], 3, "test_days = 1", id="window-too-short"),
    ],
)
def test_what_cannot_be_is_told_with_its_exit_code(
    home: Path, arguments: list[str], code: int, said: str
) -> None:
    done = compare(home, *BARS, *arguments, "--html", "refused.html")
    assert done.code == code, done.err
    assert said in done.err
    assert not (home / "refused.html").exists()
