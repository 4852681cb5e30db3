"""Exported tables as Parquet: exact decimals, read from CSV in a stream."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from smart_leverage.reports.export.columns import Column, Form

PRECISION_MAX = 38
"""Most digits of a decimal in Parquet; a column that needs more stays text, digit for digit."""


class Source(Protocol):
    """A table of CSV and what its writer has seen of it."""

    path: Path
    digits: dict[str, list[int]]

    @property
    def columns(self) -> Sequence[Column]:
        """The columns, in order."""
        ...


def to_parquet(table: Source, folder: Path) -> tuple[Path, dict[str, str]]:
    """Write a table beside its CSV; return where it is, and the type of each column."""
    path = folder / table.path.with_suffix(".parquet").name
    source = folder / table.path.name
    frame = pl.scan_csv(source, infer_schema=False)
    frame.with_columns(_typed(each, table.digits) for each in table.columns).sink_parquet(path)
    schema = pl.read_parquet_schema(path)
    return path, {name: str(kind) for name, kind in schema.items()}


def _typed(column: Column, digits: Mapping[str, Sequence[int]]) -> pl.Expr:
    text = pl.col(column.name)
    if column.form is Form.WHOLE:
        return text.cast(pl.Int64)
    if column.form is Form.NUMBER:
        return text.cast(pl.Float64)
    if column.form is Form.FLAG:
        return text == "true"
    if column.form is Form.DATE:
        return text.str.to_date("%Y-%m-%d")
    if column.form is Form.DECIMAL:
        before, after = digits.get(column.name, (PRECISION_MAX, PRECISION_MAX))
        if before + after <= PRECISION_MAX:
            return text.cast(pl.Decimal(PRECISION_MAX, after))
        return text
    return text if column.is_optional else text.fill_null("")
