"""Reads the rows of a CSV bar file."""

import csv
import io
from collections.abc import Sequence

from smart_leverage.domain.errors import BadData
from smart_leverage.market.columns import NUMBERS, STAMPS, Columns, declared_header, shown
from smart_leverage.market.table_rows import KLINE, columns_of, is_kline, is_number


def read_csv(
    content: bytes, file: str, *, is_naive_utc: bool, names: Sequence[str] | None = None
) -> Columns:
    """Return the rows of a CSV file.

    Args:
        content: UTF-8 text; a byte order mark and blank lines are skipped. Without a header row
            the file must be one of klines, or `names` be given.
        file: For errors.
        is_naive_utc: Take stamps without a zone as UTC.
        names: Names of the columns, which stand above those of a header row.

    Raises:
        BadData: The file, row and fault; row 1 is the first below the header.
    """
    table = _table(content, file)
    if not table:
        raise BadData("the file has no header row", file=file, fix="fetch it again")
    first = table[0]
    if _is_header(first):
        return columns_of(
            declared_header(names, first, file), table[1:], file, is_naive_utc=is_naive_utc
        )
    if names is not None:
        header = declared_header(names, first, file)
    elif is_kline(first):
        header = KLINE
    else:
        raise _nameless(first, file)
    return columns_of(header, table, file, is_naive_utc=is_naive_utc)


def _nameless(first: Sequence[str], file: str) -> BadData:
    values, needed = shown(", ".join(first)), len(NUMBERS) + 1
    if len(first) < needed:
        return BadData(
            f"the first row holds {len(first)} values, and a bar has {needed}: {values}",
            file=file,
            fix="give the file of the prices: ts, open, high, low, close, volume",
        )
    return BadData(
        f"the file has no header row; the first one holds values: {values}",
        file=file,
        fix="write a first row with ts, open, high, low, close, volume, or declare the columns",
    )


def _is_header(row: Sequence[str]) -> bool:
    """Tell names from values: a header may name numbers, but then it also names a column."""
    known = {cell.strip().casefold() for cell in row} & {*STAMPS, *NUMBERS}
    return bool(known) or not any(is_number(cell) for cell in row)


def _table(content: bytes, file: str) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except UnicodeDecodeError as error:
        raise BadData(
            f"byte {error.start} is not UTF-8 text", file=file, fix="save it as UTF-8 CSV"
        ) from None
    except csv.Error as error:
        raise BadData(
            f"the text is not CSV: {error}", file=file, fix="save it as plain CSV"
        ) from None
