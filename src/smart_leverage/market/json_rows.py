"""Reads the rows of a JSON bar file: a list of lists, as exchanges answer and bots store it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from smart_leverage.domain.errors import BadData
from smart_leverage.market.columns import NUMBERS, Columns, declared_header, shown
from smart_leverage.market.table_rows import KLINE, columns_of, is_kline

_FIELDS = ("ts", *NUMBERS)


def read_json(
    content: bytes, file: str, *, is_naive_utc: bool, names: Sequence[str] | None = None
) -> Columns:
    """Return the rows of a JSON file, [[stamp, open, high, low, close, volume], ...] or klines.

    The order is never guessed from the prices: a file in another order contradicts itself in the
    first bars that move, and is read once its order is declared.

    Args:
        content: A list of lists.
        file: For errors.
        is_naive_utc: Take stamps without a zone as UTC.
        names: Names of the fields of a row, where they are others or stand in another order.

    Raises:
        BadData: The file, row and fault; row 1 is the first.
    """
    try:
        table = msgspec.json.decode(content, type=list[list[Any]])
    except (msgspec.ValidationError, RecursionError):
        raise BadData(
            "the file is not a list of rows",
            file=file,
            fix="write [[stamp, open, high, low, close, volume], ...]",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadData(
            f"the text is not JSON, or was cut off: {error}", file=file, fix="fetch it again"
        ) from None
    rows = [["" if value is None else str(value) for value in row] for row in table]
    found = rows[0] if rows else _FIELDS
    expected = KLINE if is_kline(found) else _FIELDS
    if names is None and len(found) != len(expected):
        raise BadData(
            f"the row has {len(found)} fields, not {len(_FIELDS)}: {shown(', '.join(found))}",
            file=file,
            row=1,
            fix="declare the columns in their order",
        )
    header = expected if names is None else declared_header(names, found, file)
    return columns_of(header, rows, file, is_naive_utc=is_naive_utc)
