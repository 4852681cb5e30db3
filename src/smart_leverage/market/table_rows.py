"""Turns rows of text, from CSV or JSON, into columns of instants and numbers."""

from collections.abc import Sequence

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import Stamp, read_stamp
from smart_leverage.market.columns import NUMBERS, Columns, pick_columns

_DST_S = 3600
"""Daylight saving moves a zone by one hour, so a file may show two offsets this far apart."""

KLINE = ("ts", *NUMBERS, "close_time", "quote_volume", "trades", "buy", "buy_quote", "ignored")
"""The fields of an exchange's kline row, in files without a header and in answers."""


def columns_of(
    header: Sequence[str], rows: Sequence[Sequence[str]], file: str, *, is_naive_utc: bool
) -> Columns:
    """Return the columns that a header names in rows of text.

    Args:
        header: Names in the order of the fields.
        rows: Below the header; each as wide as it.
        file: For errors.
        is_naive_utc: Take stamps without a zone as UTC.

    Raises:
        BadData: The file, row and fault.
    """
    where = pick_columns(header, file)
    width = len(header)
    stamps: list[Stamp] = []
    numbers: tuple[list[float], ...] = tuple([] for _ in NUMBERS)
    targets = [(numbers[index], where[name], name) for index, name in enumerate(NUMBERS)]
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise BadData(
                f"the row has {len(row)} fields, the header {width}",
                file=file,
                row=number,
                fix="write one value for each name, or drop the row",
            )
        stamps.append(_stamp(row[where["ts"]], file, number))
        for column, place, name in targets:
            column.append(_number(row[place], name, file, number))
    _refuse_zones(stamps, file, is_naive_utc=is_naive_utc)
    opens, highs, lows, closes, volumes = numbers
    is_date = bool(stamps) and stamps[0].is_date
    ns = [stamp.ns for stamp in stamps]
    wall_ns = [stamp.ns + (stamp.offset_s or 0) * SECOND_NS for stamp in stamps]
    return Columns(ns, wall_ns, is_date, opens, highs, lows, closes, volumes)


def is_kline(row: Sequence[str]) -> bool:
    """Tell whether twelve values are a kline: the seventh is the end of the bar, inclusive."""
    if len(row) != len(KLINE) or not all(map(is_number, row)):
        return False
    try:
        start, last = read_stamp(row[0]), read_stamp(row[6])
    except ValueError:
        return False
    return 0 < last.ns - start.ns <= DAY_NS


def is_number(text: str) -> bool:
    """Tell whether a text is a number, however it is written."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_zones(stamps: list[Stamp], file: str, *, is_naive_utc: bool) -> None:
    """Refuse stamps without a zone, and zones that cannot be the clock of one place."""
    if not stamps:
        return
    first = stamps[0]
    other = first.offset_s
    for number, stamp in enumerate(stamps, start=1):
        if stamp.is_date != first.is_date:
            raise BadData(
                "the row mixes dates and times of day with the rows before",
                file=file,
                row=number,
                fix="write every stamp in the same form",
            )
        if stamp.offset_s in (first.offset_s, other):
            continue
        if (
            stamp.offset_s is None
            or first.offset_s is None
            or other != first.offset_s
            or abs(stamp.offset_s - first.offset_s) != _DST_S
        ):
            raise BadData(
                f"the row is {_zone(stamp)}, the rows before are {_zone(first)}: mixed time zones",
                file=file,
                row=number,
                fix="write every stamp in UTC, like 2024-03-08T14:30:00Z",
            )
        other = stamp.offset_s
    if first.offset_s is None and not first.is_date and not is_naive_utc:
        raise BadData(
            "the stamp names no time zone",
            file=file,
            row=1,
            fix="write it like 2024-03-08T14:30:00Z, or declare that stamps without a zone are UTC",
        )


def _zone(stamp: Stamp) -> str:
    if stamp.offset_s is None:
        return "without a zone"
    sign = "-" if stamp.offset_s < 0 else "+"
    hours, rest = divmod(abs(stamp.offset_s), 3600)
    return f"at {sign}{hours:02d}:{rest // 60:02d}"


def _stamp(text: str, file: str, row: int) -> Stamp:
    try:
        return read_stamp(text)
    except ValueError as error:
        raise BadData(
            str(error),
            file=file,
            row=row,
            fix="write the start of the bar like 2024-03-08T14:30:00Z",
        ) from None


def _number(text: str, name: str, file: str, row: int) -> float:
    if not text.strip():
        raise BadData(
            f"{name} is missing", file=file, row=row, fix="drop the row; nothing is filled in"
        )
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        return float(text)
    except ValueError:
        raise BadData(
            f"{name} {text!r} is not a number", file=file, row=row, fix="write it like 1234.56"
        ) from None
