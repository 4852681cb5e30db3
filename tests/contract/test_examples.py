"""The notebook runs from top to bottom: as a script on a user's own files, and as a page."""

import subprocess
import sys
from datetime import date
from pathlib import Path

from tests.contract.sweeps import COINS
from tests.contract.test_notebook import polars_frame

from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "would_it_have_helped.py"
MARKET = SyntheticMarket(seed=11, first_day=date(2024, 1, 1), days=150, step_s=3600, assets=COINS)


def started(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_script_answers_about_an_invented_market(tmp_path: Path) -> None:
    done = started(NOTEBOOK, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0] == "Prices: an invented market."
    assert told[1].startswith("Best of 36 sets on the first part: limits.symbol_cap ")
    assert told[3].startswith("Of 2,000 redrawn histories it fell less deep")
    assert (tmp_path / "sweep" / "results.parquet").is_file()


def test_the_page_has_all_pictures_of_a_users_own_files_and_no_error(tmp_path: Path) -> None:
    for series in generate(MARKET):
        symbol = series.key.partition(":")[2].replace("/", "-")
        frame = polars_frame(series)
        frame.write_csv(tmp_path / f"{symbol}.1h.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    page, prices = tmp_path / "page.html", f"{tmp_path}/*.1h.csv"
    export = ("-m", "marimo", "--quiet", "export", "html", NOTEBOOK, "--output", page)
    done = started(*export, "--", "--bars", prices)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "vnd.marimo+error" not in text
    for title in (
        "equity",
        "held in crypto, beside the cap in force",
        "growth_bounded by limits.symbol_cap and tiers.learning.crypto_cap",
        "growth_bounded against shortfall",
    ):
        assert f'aria-label=\\"{title}\\"' in text, title
    assert f"Prices: {prices}." in text
