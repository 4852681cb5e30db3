"""Reads a table of trades as CSV: executions, round trips, or the order log of a bot."""

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal
from smart_leverage.history.base import Asked, Gathering, Read, Row
from smart_leverage.history.symbols import instrument_of
from smart_leverage.history.values import ZERO, moment, optional, positive, required, shown, word

NAME = "table:"
FILLS = ("time", "symbol", "side", "qty", "price")
TRIPS = ("symbol", "qty", "opened_at", "open_price", "closed_at", "close_price")
LOG = ("symbol", "side", "filled_at", "filled_qty", "filled_avg_price")
OPTIONAL = ("id", "order", "fee", "fee_asset", "asset_class", "direction")

_FORMS: Mapping[str, tuple[str, ...]] = {
    "table of executions": FILLS,
    "table of round trips": TRIPS,
    "order log": LOG,
}
_SIDES = ("buy", "sell", "sell_short", "buy_to_cover")
_NAME_LENGTH = 16


def read_table(content: bytes, file: str, asked: Asked) -> Read:
    """Return the deals of a table.

    Args:
        content: UTF-8 CSV with a header row; blank lines are skipped.
        file: For errors.
        asked: How it is to be read; `columns` names columns that are called otherwise.

    Raises:
        BadData: File, row (1 is the first below the header), what is wrong, what would be right.
    """
    rows, header = _rows(content, file, asked)
    form = next((name for name, needed in _FORMS.items() if {*needed} <= {*header}), None)
    if form is None:
        forms = "; or ".join(", ".join(needed) for needed in _FORMS.values())
        raise BadData(
            f"the columns are {', '.join(header)}",
            file=file,
            fix=f"needed are {forms}; --column time=YOURS names one that is called otherwise",
        )
    take = {FILLS: _fill, TRIPS: _trip, LOG: _logged}[_FORMS[form]]
    found = Gathering(file, asked)
    for place, row in enumerate(rows, start=1):
        try:
            take(found, place, row)
        except BadData as error:
            if error.file is not None:
                raise
            raise found.fault(place, error.fault, error.fix) from None
    return Read(
        name=file,
        sha256=sha256(content).hexdigest(),
        form=form,
        rows=len(rows),
        deals=tuple(found.deals),
        places=found.places,
        instruments=found.instruments,
        left_out=dict(found.left_out),
    )


def _rows(content: bytes, file: str, asked: Asked) -> tuple[list[dict[str, str]], list[str]]:
    try:
        text = content.decode("utf-8-sig")
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"the text is not CSV: {error}", file=file, fix="save it as UTF-8") from None
    if len(lines) < 2:
        raise BadData("the file has no rows", file=file, fix="a header and a row for each trade")
    header = _header(lines[0], file, asked)
    for place, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise BadData(
                f"the row has {len(line)} columns and the header {len(header)}: "
                f"{shown(','.join(line))}",
                file=file,
                row=place,
                fix="a comma inside of a value needs quotes; an empty value keeps its comma",
            )
    return [dict(zip(header, line, strict=True)) for line in lines[1:]], header


def _header(line: Sequence[str], file: str, asked: Asked) -> list[str]:
    ours = {theirs: name for name, theirs in asked.columns.items()}
    absent = [theirs for theirs in ours if theirs not in [cell.strip() for cell in line]]
    if absent:
        raise BadData(
            f"there is no column {absent[0]}", file=file, fix=f"there are {', '.join(line)}"
        )
    header = [ours.get(cell.strip(), cell.strip().lower()) for cell in line]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise BadData(f"the column {twice} stands twice", file=file, fix="rename one of them")
    return header


def _fill(found: Gathering, place: int, row: Row) -> None:
    _add(found, place, row, at="time", qty="qty", price="price")


def _logged(found: Gathering, place: int, row: Row) -> None:
    if not str(row["filled_at"]).strip():
        found.left_out["orders that did not fill"] += 1
        return
    _add(found, place, row, at="filled_at", qty="filled_qty", price="filled_avg_price")


def _add(found: Gathering, place: int, row: Row, *, at: str, qty: str, price: str) -> None:
    side = word(row, "side", _SIDES)
    fee_asset = str(row.get("fee_asset") or "USD").strip().upper()
    instrument = _instrument(found, row, price)
    if fee_asset not in ("USD", instrument.fee_asset):
        raise BadData(f"fee_asset is {fee_asset}", fix=f"USD or {instrument.fee_asset}")
    if fee_asset != "USD" and not side.startswith("buy"):
        raise BadData(f"fee_asset of a sale is {fee_asset}", fix="a sale is charged in USD")
    name = _named(found, place, row)
    deal = Deal(
        id=f"{NAME}{name}",
        order=f"{NAME}{str(row.get('order') or '').strip() or name}",
        key=instrument.key,
        side=Side.BUY if side.startswith("buy") else Side.SELL,
        qty=positive(row, qty),
        price=positive(row, price),
        fee=_fee(row),
        fee_asset=fee_asset,
        at_ns=moment(row, at),
        lot=instrument.lot,
        tick=instrument.tick_at(positive(row, price)),
        bot=found.asked.bot,
        is_short=side in ("sell_short", "buy_to_cover"),
    )
    found.add(deal, place)


def _trip(found: Gathering, place: int, row: Row) -> None:
    """Take a round trip as its two ends; its fee is paid at the second."""
    given = {"direction": row.get("direction") or "long"}
    is_short = word(given, "direction", ("long", "short")) == "short"
    instrument, name = _instrument(found, row, "open_price"), _named(found, place, row)
    opened_ns, closed_ns = moment(row, "opened_at"), moment(row, "closed_at")
    if closed_ns < opened_ns:
        raise BadData("closed_at is before opened_at", fix="swap them")
    for end, at_ns in (("open", opened_ns), ("close", closed_ns)):
        is_open = end == "open"
        found.add(
            Deal(
                id=f"{NAME}{name} {end}",
                order=f"{NAME}{name} {end}",
                key=instrument.key,
                side=Side.BUY if is_open is not is_short else Side.SELL,
                qty=positive(row, "qty"),
                price=positive(row, f"{end}_price"),
                fee=ZERO if is_open else _fee(row),
                fee_asset="USD",
                at_ns=at_ns,
                lot=instrument.lot,
                tick=instrument.tick_at(positive(row, f"{end}_price")),
                bot=found.asked.bot,
                is_short=is_short,
                trip=f"{NAME}{name}",
            ),
            place,
        )


def _instrument(found: Gathering, row: Row, price: str) -> Instrument:
    named = str(row.get("asset_class") or "").strip()
    classes = tuple(each.value for each in AssetClass)
    asset_class = AssetClass(word(row, "asset_class", classes)) if named else None
    symbol = str(required(row, "symbol"))
    instrument = instrument_of(found.asked, symbol, positive(row, price), asset_class)
    found.instruments[instrument.key] = instrument
    return instrument


def _fee(row: Row) -> Decimal:
    """Return what was paid; a minus may mean a cost or a rebate, and is not guessed at."""
    fee = optional(row, "fee") or ZERO
    if fee < 0:
        raise BadData(f"fee is {shown(row['fee'])}", fix="what was paid, without a minus")
    return fee


def _named(found: Gathering, place: int, row: Row) -> str:
    """Return the row's id, or a name made of the whole row, which then may stand there once."""
    given = str(row.get("id") or "").strip()
    if "id" in row and not given:
        raise BadData("id is empty", fix="fill it in, or take the column out")
    if given:
        return given
    text = "\n".join(f"{name}={value.strip()}" for name, value in sorted(row.items()))
    return f"row {sha256(text.encode()).hexdigest()[:_NAME_LENGTH]}"
