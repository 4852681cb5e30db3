"""One account over bars, in full: figures, curve, decisions, fills and trades."""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.research.curves import equity_picture, exposure_picture
from smart_leverage.research.frames import (
    curve_frame,
    decisions_frame,
    fills_frame,
    trades_frame,
)
from smart_leverage.research.kernel import Columns, Run, Setup, Signals, run
from smart_leverage.research.sweep.figures import WHOLE_NUMBERS, Goal, months_of, periods_of
from smart_leverage.research.sweep.parts import parquet, write_whole

TABLES = ("curve", "decisions", "fills", "trades")


class Backtest(NamedTuple):
    """What came of it.

    Attributes:
        figures: `Metrics` and `Months` of the account, by name; fractions, counts and money.
        curve: A row per mark: time, equity, cash, exposures in money, caps, tier and state.
        decisions: A row per decision, with the reason that bound it.
        fills: A row per execution.
        trades: A row per closing order.
        run: The same as the kernel's arrays.
    """

    figures: dict[str, float]
    curve: pl.DataFrame
    decisions: pl.DataFrame
    fills: pl.DataFrame
    trades: pl.DataFrame
    run: Run

    @property
    def pictures(self) -> dict[str, str]:
        """Equity, and what was held in crypto beside the cap in force, as SVG by name."""
        return {
            "equity": equity_picture({"equity": self.curve}),
            "exposure": exposure_picture(self.curve),
        }

    def _repr_html_(self) -> str:
        return "".join(self.pictures.values())

    def write(self, folder: Path | str) -> list[Path]:
        """Write the tables as Parquet files into a folder, made where there is none.

        Returns:
            The files.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        files = []
        for name in TABLES:
            files.append(place / f"{name}.parquet")
            write_whole(files[-1], parquet(getattr(self, name)))
        return files


def backtest(
    bars: Columns,
    signals: Signals,
    policy: Policy = CLASSIC,
    setup: Setup = Setup(),  # noqa: B008 - a tuple
    *,
    goal: Goal = Goal(),  # noqa: B008 - a tuple
    timezone: str = "America/New_York",
) -> Backtest:
    """Take one account through all bars.

    Args:
        bars: Columns of bars.
        signals: What is proposed; made for the same columns.
        policy: Its numbers.
        setup: Cash, costs and the venue.
        goal: What counts as a good month.
        timezone: In which days and months begin; that of the columns.

    Raises:
        ConfigError: A number of policy or setup cannot be.
        BadData: The account came to what the kernel cannot do.
    """
    one = run(bars, signals, policy, setup)
    months = months_of(one, periods_of(bars, timezone), setup.cash, goal)
    figures = {name: column[0].item() for name, column in one.metrics._asdict().items()}
    figures |= months._asdict()
    return Backtest(
        figures={
            name: int(value) if name in WHOLE_NUMBERS else float(value)
            for name, value in figures.items()
        },
        curve=curve_frame(one),
        decisions=decisions_frame(one, bars),
        fills=fills_frame(one, bars),
        trades=trades_frame(one, bars),
        run=one,
    )
