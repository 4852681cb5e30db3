"""Reads the rows of a CSV bar file."""

import csv
import io

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import Stamp, read_stamp
from smart_leverage.market.columns import NUMBERS, Columns, pick_columns

_DST_S = 3600
"""Daylight saving moves a zone by one hour, so a file may show two offsets this far apart."""


def read_csv(content: bytes, file: str, *, is_naive_utc: bool) -> Columns:
    """Return the rows of a CSV file.

    Args:
        content: UTF-8 text with a header row; a byte order mark and blank lines are skipped.
        file: For errors.
        is_naive_utc: Take stamps without a zone as UTC.

    Raises:
        BadData: The file, row and fault.
    """
    table = _table(content, file)
    if not table:
        raise BadData("the file has no header row", file=file)
    where = pick_columns(table[0], file)
    width = len(table[0])
    stamps: list[Stamp] = []
    numbers: tuple[list[float], ...] = tuple([] for _ in NUMBERS)
    targets = [(numbers[index], where[name], name) for index, name in enumerate(NUMBERS)]
    for number, row in enumerate(table[1:], start=1):
        if len(row) != width:
            raise BadData(
                f"the row has {len(row)} fields, the header {width}", file=file, row=number
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


def _table(content: bytes, file: str) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except UnicodeDecodeError as error:
        raise BadData(
            f"byte {error.start} is not UTF-8 text", file=file, fix="save it as UTF-8 CSV"
        ) from None
    except csv.Error as error:
        raise BadData(f"the text is not CSV: {error}", file=file) from None


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
