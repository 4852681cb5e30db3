"""What a notebook user does: frames in of every kind, frames out, and the same numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.contract.sweeps import MARKET

import smart_leverage as sl
from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.synthetic import generate
from smart_leverage.policy.params import CLASSIC


def polars_frame(of: BarSeries) -> pl.DataFrame:
    stamps = pl.Series("ts", np.array(of.starts).view("datetime64[ns]"))
    columns = ("opens", "highs", "lows", "closes", "volumes")
    prices = {name[:-1]: np.array(getattr(of, name)) for name in columns}
    return pl.DataFrame({"ts": stamps.dt.replace_time_zone("UTC"), **prices})


def arrays(frame: pl.DataFrame) -> dict[str, Any]:
    return {name: frame[name].to_numpy() for name in frame.columns}


def pandas_frame(frame: pl.DataFrame) -> pd.DataFrame:
    index = pd.DatetimeIndex(frame["ts"].to_numpy(), tz="UTC")
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns[1:]}, index=index)


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return {each.key.partition(":")[2]: polars_frame(each) for each in generate(MARKET)}


@pytest.fixture(scope="module")
def bars(frames: dict[str, pl.DataFrame]) -> list[BarSeries]:
    return sl.bars_of(frames, "1h")


@pytest.mark.parametrize("kind", [arrays, pandas_frame], ids=["numpy", "pandas"])
def test_frames_of_every_kind_are_the_same_bars(frames, bars, kind) -> None:
    others = sl.bars_of({symbol: kind(frame) for symbol, frame in frames.items()}, "1h")
    for one, other in zip(bars, others, strict=True):
        assert (one.key, one.starts, one.closes) == (other.key, other.starts, other.closes)


def test_a_frame_that_cannot_be_is_refused_by_its_symbol_and_row(frames) -> None:
    broken = frames["BTC/USD"].with_columns(high=pl.col("low") / 2)
    with pytest.raises(BadData) as refused:
        sl.bars_of({"BTC/USD": broken}, "1h")
    assert str(refused.value).startswith("row 1: BTC/USD") or "BTC/USD" in str(refused.value)


def test_a_backtest_gives_frames_that_agree_with_its_figures(bars, tmp_path: Path) -> None:
    one = sl.backtest(bars, policy={"limits.symbol_cap": 0.05}, cash=50_000.0)
    assert one.curve["equity"][-1] == one.figures["equity"]
    assert len(one.trades) == one.figures["trades"]
    assert one.curve["at"].dtype == pl.Datetime("ns", "UTC")
    assert one.curve["at"][0].isoformat() == "2024-01-01T01:00:00+00:00"
    files = one.write(tmp_path / "result")
    assert pl.read_parquet(files[0]).equals(one.curve)


def test_signals_may_come_from_a_frame(bars) -> None:
    at = pl.Series("at", [bars[0].ends[30], bars[0].ends[200]]).cast(pl.Datetime("ns", "UTC"))
    rows = {"symbol": ["BTC/USD"] * 2, "side": ["buy", "sell"], "confidence": [0.7, 0.7]}
    signals = pl.DataFrame({"at": at, **rows})
    one = sl.backtest(bars, signals)
    assert one.fills["is_buy"].to_list() == [True, False]
    # Decided on the close of a bar, filled at the next opening.
    assert one.fills["at"].cast(pl.Int64).to_list() == at.cast(pl.Int64).to_list()
    with pytest.raises(BadData):
        sl.backtest(bars, signals.drop("side"))
    with pytest.raises(BadData):
        sl.backtest(bars, signals.with_columns(at=pl.col("at").dt.offset_by("1m")))


def test_a_policy_is_named_as_the_settings_name_it() -> None:
    made = sl.policy_with({"limits.symbol_cap": 0.05, "tiers.learning.crypto_cap": 0.2})
    assert made.groups.symbol == 0.05
    assert made.tiers.learning.crypto == 0.2
    assert made.stops == CLASSIC.stops
    for wrong in ({"limits.symbol_kap": 0.1}, {"limits.symbol_cap": 7.0}):
        with pytest.raises(ConfigError):
            sl.policy_with(wrong)


def test_a_sweep_gives_a_table_pictures_and_the_number_of_trials(bars, tmp_path: Path) -> None:
    space = {"limits.symbol_cap": [0.05, 0.1], "sizing.confidence_scale": [1.5, 3.0]}
    plan = {"objectives": ["growth_bounded", "shortfall"]}
    many = sl.sweep(bars, space, tmp_path / "sweep", plan=plan, workers=1)
    assert (many.trials, len(many.table)) == (4, 4)
    assert many.best_set is not None
    assert many.best_set["growth_bounded"] == many.table["growth_bounded"].max()
    assert list(many.pictures) == ["map", "parallel", "front"]
    assert many.to_pandas()["set"].to_list() == [1, 2, 3, 4]
    assert many.front["front"].all()
    one = sl.backtest(bars, policy={key: many.best_set[key] for key in space})
    assert one.figures["equity"] == many.best_set["equity"]
