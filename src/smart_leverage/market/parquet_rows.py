"""Reads the rows of Parquet and Feather files; the library for it is imported when one comes."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from smart_leverage.domain.errors import BadData
from smart_leverage.market.columns import NUMBERS, Columns, declared_header, pick_columns

if TYPE_CHECKING:
    import polars as pl


def read_parquet(
    content: bytes, file: str, *, is_naive_utc: bool, names: Sequence[str] | None = None
) -> Columns:
    """Return the rows of a Parquet file.

    Args:
        content: The bytes of the file.
        file: For errors.
        is_naive_utc: Take stamps without a zone as UTC.
        names: Names of the columns, which stand above those in the file.

    Raises:
        BadData: The file, row and fault.
    """
    return _read(content, file, "Parquet", b"PAR1", is_naive_utc=is_naive_utc, names=names)


def read_feather(
    content: bytes, file: str, *, is_naive_utc: bool, names: Sequence[str] | None = None
) -> Columns:
    """Return the rows of a Feather file, version 2; see `read_parquet`."""
    return _read(content, file, "Feather", b"ARROW1", is_naive_utc=is_naive_utc, names=names)


def _read(
    content: bytes,
    file: str,
    kind: str,
    mark: bytes,
    *,
    is_naive_utc: bool,
    names: Sequence[str] | None,
) -> Columns:
    table = _table(content, file, kind, mark)
    where = pick_columns(declared_header(names, table.columns, file), file)
    ns, wall_ns, is_date = _stamps(table.to_series(where["ts"]), file, is_naive_utc=is_naive_utc)
    opens, highs, lows, closes, volumes = (
        _numbers(table.to_series(where[name]), name, file) for name in NUMBERS
    )
    return Columns(ns, wall_ns, is_date, opens, highs, lows, closes, volumes)


def _table(content: bytes, file: str, kind: str, mark: bytes) -> "pl.DataFrame":
    if not content.startswith(mark) or not content.endswith(mark):
        raise BadData(
            f"the file is not {kind}, or was cut off: it does not begin and end with "
            f"{mark.decode()}",
            file=file,
            fix="fetch it again",
        )
    try:
        import polars as pl
    except ImportError:
        raise BadData(
            f"reading {kind} needs polars, which is not installed",
            file=file,
            fix="install smart-leverage[research], or give a CSV file",
        ) from None
    read = pl.read_parquet if kind == "Parquet" else pl.read_ipc
    try:
        return read(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadData(
            f"the {kind} file is damaged: {reason}", file=file, fix="fetch it again"
        ) from None


def _stamps(
    series: "pl.Series", file: str, *, is_naive_utc: bool
) -> tuple[list[int], list[int], bool]:
    """Return instants, what the file's clock shows, and whether the stamps are dates."""
    import polars as pl

    _refuse_missing(series, "ts", file)
    kind = series.dtype
    if kind == pl.Date:
        days = [day * 86_400_000_000_000 for day in series.cast(pl.Int64).to_list()]
        return days, days, True
    if not isinstance(kind, pl.Datetime):
        raise BadData(
            f"the column {series.name} holds {kind}",
            file=file,
            fix="store the start of the bar as a timestamp with time zone UTC",
        )
    if kind.time_zone is None and not is_naive_utc:
        raise BadData(
            f"the stamps of column {series.name} name no time zone",
            file=file,
            row=1,
            fix="store them with time zone UTC, or declare that stamps without a zone are UTC",
        )
    unit_ns = {"ns": 1, "us": 1_000, "ms": 1_000_000}[kind.time_unit]
    ns = [count * unit_ns for count in series.cast(pl.Int64).to_list()]
    if kind.time_zone in (None, "UTC"):
        return ns, ns, False
    wall = series.dt.replace_time_zone(None).cast(pl.Int64).to_list()
    return ns, [count * unit_ns for count in wall], False


def _numbers(series: "pl.Series", name: str, file: str) -> list[float]:
    import polars as pl

    if not series.dtype.is_numeric():
        raise BadData(
            f"the column {name} holds {series.dtype}", file=file, fix="store numbers (float64)"
        )
    _refuse_missing(series, name, file)
    return series.cast(pl.Float64).to_list()


def _refuse_missing(series: "pl.Series", name: str, file: str) -> None:
    if series.null_count():
        row = series.is_null().to_list().index(True) + 1
        raise BadData(
            f"{name} is missing", file=file, row=row, fix="drop the row; nothing is filled in"
        )
