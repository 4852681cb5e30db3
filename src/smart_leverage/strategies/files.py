"""Opportunities from a file, replayed at their own times."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import iso, read_stamp

SOURCE = "file"


class _Row(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the file; the policy's own bounds hold here already, and NaN is in none of them."""

    at: str
    symbol: str
    side: Side
    confidence: Annotated[float, Meta(ge=0.0, le=1.0)]
    volatility_ratio: Annotated[float, Meta(ge=0.01, le=100.0)] = 1.0
    horizon_s: Annotated[int, Meta(ge=1)] = 86_400
    id: Annotated[str, Meta(max_length=128)] = ""
    asset_class: AssetClass | None = None


_COLUMNS = ", ".join(_Row.__struct_fields__)


class FileStrategy:
    """Hands out the opportunities of a file when their time has come, each once."""

    name = SOURCE

    def __init__(self, opportunities: Sequence[Opportunity]) -> None:
        """Keep opportunities in the order of their times."""
        self._opportunities = sorted(opportunities, key=lambda each: each.at_ns)
        self._next = 0

    def on_bars(self, at_ns: int, closes: Sequence[tuple[Key, Bar]]) -> Sequence[Opportunity]:
        """Return what has come due since the last call; see `Strategy`."""
        first = self._next
        while self._next < len(self._opportunities):
            if self._opportunities[self._next].at_ns > at_ns:
                break
            self._next += 1
        return self._opportunities[first : self._next]


def read_opportunities(
    path: Path, registry: Registry, *, quote_alias: Mapping[str, str] | None = None
) -> list[Opportunity]:
    """Return the opportunities of a CSV or JSONL file, in time order.

    Args:
        path: Rows with at (a stamp with its zone, or a count since 1970), symbol, side and
            confidence; volatility_ratio (1), horizon_s (86400), id and asset_class may be left
            out.
        registry: Knows the symbols.
        quote_alias: Quotes accepted as another, {"USDT": "USD"}.

    Raises:
        BadData: The file, the row (1 is the first below a header), the fault, and what would be
            right.
    """
    found: list[Opportunity] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(_rows(path), start=1):
        try:
            opportunity = _opportunity(row, number, registry, quote_alias)
        except BadData as error:
            raise BadData(error.fault, file=path, row=number, fix=error.fix) from None
        if found and opportunity.at_ns < found[-1].at_ns:
            raise BadData(
                f"{iso(opportunity.at_ns)} comes after {iso(found[-1].at_ns)}: out of order",
                file=path,
                row=number,
                fix="sort the rows, oldest first",
            )
        twin = seen.setdefault(opportunity.id, number)
        if twin != number:
            raise BadData(
                f"id {opportunity.id!r} stands in row {twin} already",
                file=path,
                row=number,
                fix="give every row an id of its own, or none",
            )
        found.append(opportunity)
    if not found:
        raise BadData("the file has no rows", file=path, fix="leave it out")
    return found


def _opportunity(
    row: _Row, number: int, registry: Registry, quote_alias: Mapping[str, str] | None
) -> Opportunity:
    try:
        stamp = read_stamp(row.at)
    except ValueError as error:
        raise BadData(str(error), fix="write at like 2024-03-08T14:30:00Z") from None
    if stamp.offset_s is None:
        raise BadData(
            f"the stamp {row.at!r} names no time zone", fix="write at like 2024-03-08T14:30:00Z"
        )
    instrument = registry.resolve(row.symbol, row.asset_class, quote_alias=quote_alias)
    return Opportunity(
        at_ns=stamp.ns,
        key=instrument.key,
        side=row.side,
        confidence=row.confidence,
        volatility_ratio=row.volatility_ratio,
        horizon_s=row.horizon_s,
        source=SOURCE,
        id=row.id or f"{SOURCE}:{number}:{instrument.key}:{stamp.ns}",
    )


def _rows(path: Path) -> Iterator[_Row]:
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadData(
            f"files of kind {path.suffix or '(none)'} cannot be read",
            file=path,
            fix="give .csv or .jsonl",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadData(f"the file cannot be read: {error.strerror}", file=path) from None
    except UnicodeDecodeError as error:
        raise BadData(f"byte {error.start} is not UTF-8 text", file=path) from None
    return reader(text, path)


def _json_rows(text: str, path: Path) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(_Row)
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            yield decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise _refusal(error, path, number) from None


def _csv_rows(text: str, path: Path) -> Iterator[_Row]:
    try:
        table = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise BadData(f"the text is not CSV: {error}", file=path) from None
    header = [name.strip() for name in table[0]] if table else []
    for number, row in enumerate(table[1:], start=1):
        if len(row) != len(header):
            raise BadData(
                f"the row has {len(row)} fields, the header {len(header)}", file=path, row=number
            )
        # An empty field is a field left out: the row has a default for it, or is refused.
        fields: dict[str, Any] = {
            name: value.strip() for name, value in zip(header, row, strict=True) if value.strip()
        }
        try:
            yield msgspec.convert(fields, _Row, strict=False)
        except msgspec.ValidationError as error:
            raise _refusal(error, path, number) from None


def _refusal(error: msgspec.MsgspecError, path: Path, number: int) -> BadData:
    return BadData(str(error), file=path, row=number, fix=f"the columns are {_COLUMNS}")
