"""The research side for notebooks: prices in, results out, as frames of polars, pandas or NumPy.

import smart_leverage as sl

bars = sl.read_bars("prices/*-USDT.1h.parquet", quote={"USDT": "USD"})
one = sl.backtest(bars, policy={"limits.symbol_cap": 0.05})
one.curve, one.pictures                            # a data frame of polars, and SVG
many = sl.sweep(bars, {"limits.symbol_cap": [0.05, 0.10, 0.15]}, "sweeps/caps")
many.table, many.best_set, many.trials
"""

import glob
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.read_only import opened
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.files import Reading, load
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.reports.curve import Curve
from smart_leverage.reports.story import read_story
from smart_leverage.research import backtest as one_account
from smart_leverage.research.backtest import Backtest
from smart_leverage.research.curves import equity_picture
from smart_leverage.research.frames import series_of, signals_in
from smart_leverage.research.kernel import Columns, Setup, Signals, columns_of, signals_of
from smart_leverage.research.kernel.setup import row_of
from smart_leverage.research.sweep.figures import Inputs
from smart_leverage.research.sweep.picture import pictures
from smart_leverage.research.sweep.plan import Plan, plan_of
from smart_leverage.research.sweep.running import Outcome, run_sweep
from smart_leverage.research.sweep.space import NAMES, changed, nearest
from smart_leverage.strategies.base import Strategy
from smart_leverage.strategies.momentum import Momentum

__all__ = [
    "Sweep",
    "backtest",
    "bars_of",
    "equity_picture",
    "policy_with",
    "read_bars",
    "returns",
    "sweep",
]

Bars = Sequence[BarSeries]

LEDGER = "ledger.sqlite"
"""What the ledger in the folder of a run is called."""


def read_bars(
    *files: str | Path, quote: Mapping[str, str] | None = None, **reading: Any
) -> list[BarSeries]:
    """Read bar files; patterns with `*` are followed.

    Args:
        files: CSV, Parquet, Feather or JSON, as `BTC-USD.1h.csv`.
        quote: Which quote counts as which, {"USDT": "USD"}.
        reading: More declarations; see `market.files.Reading`.

    Raises:
        BadData: A file cannot be used, or a pattern finds none.
    """
    found: list[Path] = []
    for file in files:
        names = sorted(glob.glob(str(file))) if "*" in str(file) else [str(file)]  # noqa: PTH207
        if not names:
            raise BadData("finds no file", file=str(file), fix="look at the folder")
        found += map(Path, names)
    return load(found, Registry.builtin(), reading=Reading(quote_alias=quote or {}, **reading))


def bars_of(
    frames: Mapping[str, Any], step: str, quote: Mapping[str, str] | None = None, **reading: Any
) -> list[BarSeries]:
    """Return bars from frames by symbol; see `frames.series_of`."""
    return series_of(frames, step, Reading(quote_alias=quote or {}, **reading))


def returns(ledger: str | Path) -> pl.DataFrame:
    """Return the daily returns of an account, as quantstats and its kind take them.

    `returns(...).to_pandas().set_index("date")["return"]` is their series of pandas.

    Args:
        ledger: A ledger, or the folder of a run.

    Returns:
        `date`, a risk day that has a mark, and `return`, a fraction with flows left out, from the
        last mark before the day to its last mark.

    Raises:
        BadData: The ledger holds no account.
        LedgerError: There is no ledger.
    """
    path = Path(ledger)
    with opened(path / LEDGER if path.is_dir() else path) as reader:
        days = Curve(read_story(reader, keeps_figures=False)).days
    dates = [date.fromisoformat(day.label) for day in days]
    changes = [day.change for day in days]
    schema = {"date": pl.Date, "return": pl.Float64}
    return pl.DataFrame({"date": dates, "return": changes}, schema=schema)


def policy_with(changes: Mapping[str, float] | None = None, base: Policy = CLASSIC) -> Policy:
    """Return a policy with other numbers, named as a file of settings names them.

    Args:
        changes: As {"limits.symbol_cap": 0.05, "tiers.learning.crypto_cap": 0.2}.
        base: Holds all others.

    Raises:
        ConfigError: A key is unknown, or a number cannot be.
    """
    given = dict(changes or {})
    unknown = [f"{key}: no such number in the policy{nearest(key, NAMES)}" for key in given]
    problems = [told for key, told in zip(given, unknown, strict=True) if key not in NAMES]
    if problems:
        raise ConfigError(problems, "policy")
    made = changed(base, {NAMES[key]: value for key, value in given.items()})
    row_of(made)
    return made


def backtest(
    bars: Bars,
    signals: Any = "momentum",
    policy: Policy | Mapping[str, float] | None = None,
    *,
    timezone: str = "America/New_York",
    **setup: Any,
) -> Backtest:
    """Take one account through bars.

    Args:
        bars: From `read_bars` or `bars_of`.
        signals: "momentum", strategies, or a frame (see `frames.signals_in`).
        policy: A policy, or what is other than in `classic`.
        timezone: Days and months begin at its midnight.
        setup: `cash`, `resumes_monthly` and more; see `kernel.Setup`.

    Raises:
        ConfigError: A number of policy or set-up cannot be.
        BadData: Bars or signals cannot be used.
    """
    columns = columns_of(bars, timezone=timezone)
    return one_account.backtest(
        columns,
        _signals(signals, bars, columns),
        _policy(policy),
        _setup(setup),
        timezone=timezone,
    )


class Sweep:
    """What came of a sweep: a table, and pictures that a notebook shows."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self._plan = plan
        self._outcome = outcome

    @property
    def table(self) -> pl.DataFrame:
        """A row per set; see `running.Outcome`."""
        return self._outcome.table

    @property
    def trials(self) -> int:
        """Sets that were ever looked at; whoever judges the best needs to know."""
        return self._outcome.trials

    @property
    def best_set(self) -> dict[str, Any] | None:
        """The row of the best set, None where none is known."""
        best = self._outcome.best
        return None if best is None else self.table.row(best, named=True)

    @property
    def front(self) -> pl.DataFrame:
        """The sets that no other one beats in everything."""
        return self.table.filter(pl.col("front"))

    @property
    def pictures(self) -> dict[str, str]:
        """Pictures by name, as SVG."""
        return pictures(self._plan, self.table)

    def to_pandas(self) -> Any:
        """Return the table as a data frame of pandas, which has to be installed."""
        import pandas  # noqa: ICN001 - only for whoever asks

        return pandas.DataFrame({name: self.table[name].to_numpy() for name in self.table.columns})

    def _repr_html_(self) -> str:
        best = f"<p>{self.trials:,} trials; best: {self.best_set}</p>"
        return best + "".join(self.pictures.values())


def sweep(
    bars: Bars,
    space: Mapping[str, Any],
    folder: str | Path,
    signals: Any = "momentum",
    policy: Policy | Mapping[str, float] | None = None,
    *,
    engine: str = "local",
    workers: int | None = None,
    plan: Mapping[str, Any] | None = None,
    timezone: str = "America/New_York",
    **setup: Any,
) -> Sweep:
    """Vary numbers of a policy; called again after an interruption it goes on.

    Args:
        bars: From `read_bars` or `bars_of`.
        space: What is varied, {"limits.symbol_cap": [0.05, 0.1]}; see `space.space_of`.
        folder: Where parts and result are kept.
        signals: See `backtest`.
        policy: Holds what is not varied.
        engine: "local" or "ray".
        workers: Processes; one per core when None.
        plan: Method, count, seed, objectives and more; see `plan.plan_of`.
        timezone: Days and months begin at its midnight.
        setup: See `backtest`.

    Raises:
        ConfigError: The plan cannot be carried out.
        BadData: The folder holds another sweep, or bars or signals cannot be used.
    """
    columns = columns_of(bars, timezone=timezone)
    wanted = plan_of({**(plan or {}), "space": space}, _policy(policy))
    inputs = Inputs(
        columns,
        _signals(signals, bars, columns),
        _setup(setup),
        wanted.goal,
        timezone,
        wanted.has_months,
    )
    return Sweep(wanted, run_sweep(wanted, inputs, Path(folder), engine=engine, workers=workers))


def _policy(given: Policy | Mapping[str, float] | None) -> Policy:
    return given if isinstance(given, Policy) else policy_with(given)


def _setup(given: Mapping[str, Any]) -> Setup:
    unknown = [
        f"{name}: no such part of the set-up{nearest(name, Setup._fields)}"
        for name in given
        if name not in Setup._fields
    ]
    if unknown:
        raise ConfigError(unknown, "set-up")
    return Setup(**given)


def _signals(given: Any, bars: Bars, columns: Columns) -> Signals:
    if isinstance(given, Signals):
        return given
    if isinstance(given, list | tuple) and all(hasattr(each, "on_bars") for each in given):
        strategies: Sequence[Strategy] = given
        return signals_of(strategies, bars, columns)
    if isinstance(given, str):
        if given == "momentum":
            return signals_of([Momentum()], bars, columns)
        raise BadData(f"no such strategy {given!r}", fix="momentum, strategies, or a frame")
    return signals_in(given, columns)
