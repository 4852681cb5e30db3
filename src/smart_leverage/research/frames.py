"""Prices and signals from data frames and arrays, results as data frames.

A frame may be of polars or pandas, or a mapping of names to arrays. It goes through the same
reading as a file does, so the same things are refused, with the same sentences.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.columns import STAMPS
from smart_leverage.market.files import Reading, load
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel import Columns, Run, Signals
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.kernel.signals import from_arrays


def series_of(
    frames: Mapping[str, Any], step: str, reading: Reading | None = None
) -> list[BarSeries]:
    """Return bars from frames.

    Args:
        frames: Symbol ("BTC/USD", "TQQQ") to a frame with the columns ts (start of the bar, with a
            zone; NumPy's own times are UTC), open, high, low, close, volume. A pandas index of
            times may stand for ts.
        step: Of all of them, as file names spell it: "1h", "1d".
        reading: Aliases and declarations; see `market.files.load`.

    Raises:
        BadData: The symbol, the row, the fault, and what would be right.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for symbol, frame in frames.items():
            path = Path(folder) / f"{symbol.replace('/', '-')}.{step}.parquet"
            frame_of(frame).write_parquet(path)
            paths.append(path)
        try:
            return load(paths, Registry.builtin(), reading=reading)
        except BadData as error:  # whoever gave a frame knows no file
            symbol = "" if error.file is None else error.file.name.partition(".")[0]
            raise BadData(
                f"{symbol.replace('-', '/')}: {error.fault}", row=error.row, fix=error.fix
            ) from None


def frame_of(frame: Any) -> pl.DataFrame:
    """Return a frame of polars from one of pandas, a mapping of arrays, or polars itself."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.partition(".")[0] == "pandas":
        return _from_pandas(frame)
    if isinstance(frame, Mapping):
        return pl.DataFrame([_column(str(name), values) for name, values in frame.items()])
    raise BadData(
        f"a {type(frame).__name__} is no frame", fix="give one of polars or pandas, or arrays"
    )


def _from_pandas(frame: Any) -> pl.DataFrame:
    if getattr(frame.index, "dtype", None) is not None and frame.index.dtype.kind == "M":
        name = frame.index.name or STAMPS[0]
        frame = frame.reset_index(names=name)
    columns = []
    for name in frame.columns:
        column = frame[name]
        zone = getattr(column.dtype, "tz", None)
        if zone is None:
            columns.append(pl.Series(str(name), column.to_numpy()))
            continue
        instants = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        # The zone is kept: a daily bar is labelled with a date of its own clock.
        utc = pl.Series(str(name), instants).dt.replace_time_zone("UTC")
        columns.append(utc.dt.convert_time_zone(str(zone)))
    return pl.DataFrame(columns)


def _column(name: str, values: Any) -> pl.Series:
    held = np.asarray(values)
    column = pl.Series(name, held if held.dtype.kind != "M" else held.astype("datetime64[ns]"))
    is_stamp = name.casefold() in (*STAMPS, "at")
    if is_stamp and held.dtype.kind == "i":
        column = column.cast(pl.Datetime("ns"))
    return column.dt.replace_time_zone("UTC") if is_stamp and held.dtype.kind in "Mi" else column


def signals_in(frame: Any, bars: Columns) -> Signals:
    """Return signals from a frame.

    Args:
        frame: Columns `at` (the end of a bar, with a zone), `symbol`, `side` ("buy", or "sell" to
            leave the position), `confidence`, and perhaps `volatility_ratio`.
        bars: The columns they are for.

    Raises:
        BadData: A column is missing, or a row cannot be a signal.
    """
    table = frame_of(frame)
    missing = {"at", "symbol", "side", "confidence"} - set(table.columns)
    if missing:
        raise BadData(f"signals have no column {min(missing)}", fix="at, symbol, side, confidence")
    stamps = table["at"]
    if not isinstance(stamps.dtype, pl.Datetime) or stamps.dtype.time_zone is None:
        raise BadData(f"the column at holds {stamps.dtype}", fix="times with a zone")
    registry = Registry.builtin()
    place_of = {key: place for place, key in enumerate(bars.keys)}
    keys = [registry.resolve(symbol).key for symbol in table["symbol"]]
    for row, key in enumerate(keys, start=1):
        if key not in place_of:
            raise BadData(f"{key} has no bars", row=row, fix="give bars for it")
    sides = [str(side).casefold() for side in table["side"]]
    if not set(sides) <= {Side.BUY.value, Side.SELL.value}:
        raise BadData("a side is neither buy nor sell", fix="sell leaves the position")
    ratio = table["volatility_ratio"] if "volatility_ratio" in table.columns else None
    return from_arrays(
        bars,
        at=stamps.dt.cast_time_unit("ns").cast(pl.Int64).to_numpy(),
        asset=np.array([place_of[key] for key in keys], dtype=np.int64),
        is_buy=np.array([side == Side.BUY.value for side in sides]),
        confidence=table["confidence"].cast(pl.Float64).to_numpy(),
        ratio=np.full(len(table), np.nan)
        if ratio is None
        else ratio.cast(pl.Float64).fill_null(np.nan).to_numpy(),
    )


# -- results --------------------------------------------------------------------------------------


def curve_frame(run: Run) -> pl.DataFrame:
    """Return the curve of a run: a row per mark; `Run.curve` says what the columns are."""
    return _frame(run.curve, {"tier": _names(Tier), "state": _names(TradingState)}, ())


def decisions_frame(run: Run, bars: Columns) -> pl.DataFrame:
    """Return the decisions of a run; quantities in coins or shares."""
    return _frame(run.decisions, {"reason": _names(Reason)}, bars.keys)


def fills_frame(run: Run, bars: Columns) -> pl.DataFrame:
    """Return the fills of a run; quantities and `fee_units` in coins or shares."""
    return _frame(run.fills, {}, bars.keys)


def trades_frame(run: Run, bars: Columns) -> pl.DataFrame:
    """Return the closed trades of a run."""
    return _frame(run.trades, {}, bars.keys)


_UNITS = ("asked", "given", "qty", "fee_units")


def _frame(rows: Any, names: Mapping[str, Mapping[int, str]], keys: Sequence[str]) -> pl.DataFrame:
    """Return rows of the kernel as people read them: times, instruments and words."""
    columns = []
    for name in rows.dtype.names:
        values = np.ascontiguousarray(rows[name])
        if name == "at":
            column = pl.Series(name, values.view("datetime64[ns]")).dt.replace_time_zone("UTC")
        elif name == "asset":
            column = _words("instrument", values, dict(enumerate(map(str, keys))))
        elif name in names:
            column = _words(name, values, names[name])
        elif name.startswith("is_"):
            column = pl.Series(name, values != 0)
        elif name in _UNITS:
            column = pl.Series(name, values / UNITS)
        else:
            column = pl.Series(name, values)
        columns.append(column)
    return pl.DataFrame(columns)


def _words(name: str, values: Any, of: Mapping[int, str]) -> pl.Series:
    return pl.Series(name, [of[int(value)] for value in values], dtype=pl.String)


def _names(members: Any) -> dict[int, str]:
    return {int(each): each.name.lower() for each in members}
