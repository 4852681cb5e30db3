"""What was read from bar files, as a table, and what is odd about it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from smart_leverage.cli.screen import Column

if TYPE_CHECKING:
    from smart_leverage.market.bars import BarSeries

COLUMNS = (
    Column("instrument"),
    Column("step"),
    Column("bars", is_number=True),
    Column("from"),
    Column("to"),
    Column("missing", is_number=True),
)


def rows(series: Sequence["BarSeries"]) -> Iterator[list[str]]:
    """Yield a row per instrument."""
    from smart_leverage.market.bars import summary

    for each in series:
        told = summary(each)
        yield [
            told.key.partition(":")[2],
            told.step,
            f"{told.rows:,}",
            told.first[:10],
            told.last[:10],
            f"{told.bars_missing:,}",
        ]


def doubts(series: Sequence["BarSeries"]) -> Iterator[str]:
    """Yield what is odd about the prices and was taken as it stands."""
    for each in series:
        for doubt in each.source.doubts:
            yield f"▲ {each.source.name}: {doubt}"
