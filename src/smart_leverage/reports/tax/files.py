"""The lots as CSV: closed ones, open ones and totals, each file with what it is and is not."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from smart_leverage.books.exact import canonical
from smart_leverage.domain.stamps import iso
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.tax.lots import COIN, ClosedLot, Lots, OpenLot, Total, totals

NOTICE = "This is no tax advice. It is what the ledger says, sorted; a tax adviser knows the rules."

_COINS_DIFFER = "coin: the rule is said not to cover coins; marked so that you can ask"
_STEERING = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""

CLOSED = (
    "instrument",
    "kind",
    "bot",
    "direction",
    "acquired",
    "sold",
    "holding_days",
    "term",
    "quantity",
    "proceeds",
    "cost",
    "fees",
    "gain",
    "forced",
    "wash_sale",
    "wash_sale_quantity",
    "wash_sale_bought",
    "wash_sale_rule",
    "origin",
    "acquired_utc",
    "sold_utc",
    "order",
    "note",
)
OPEN = (
    "instrument",
    "kind",
    "bot",
    "acquired",
    "long_from",
    "quantity",
    "cost",
    "fees",
    "origin",
    "acquired_utc",
    "note",
)
TOTALS = (
    "term",
    "kind",
    "lots",
    "proceeds",
    "cost",
    "fees",
    "gain",
    "loss_with_wash_sale_warning",
)


class Written(NamedTuple):
    """The files, and how much is in them."""

    closed: Path
    opened: Path
    totals: Path
    closed_lots: int
    open_lots: int
    warned: int
    sums: list[Total]


def write_lots(lots: Lots, to: Path, *, year: int | None = None, head: str = "") -> Written:
    """Write the three files and return where they are.

    Args:
        lots: Of the account.
        to: The file of the closed lots; the others stand beside it, `-open` and `-totals`.
        year: Only lots sold in this year, by the account's risk time zone; None takes all.
        head: Which ledger it was made from, up to which entry.

    Raises:
        OSError: A file cannot be written.
    """
    chosen = [lot for lot in lots.closed if year is None or lot.sold.year == year]
    removed = [lot for lot in lots.removed if year is None or lot.sold.year == year]
    sums = totals(chosen)
    said = [NOTICE, *_said(lots, year), head]
    to.parent.mkdir(parents=True, exist_ok=True)
    opened, summed = (to.with_name(f"{to.stem}-{name}{to.suffix}") for name in ("open", "totals"))
    _write(to, said, CLOSED, map(_closed, [*chosen, *removed]))
    _write(opened, [NOTICE, f"Lots held at the end of {lots.last_day}", head], OPEN, _opened(lots))
    _write(summed, said, TOTALS, map(_total, sums))
    warned = sum(lot.wash is not None and lot.wash.qty > 0 for lot in chosen)
    return Written(to, opened, summed, len(chosen), len(lots.opened), warned, sums)


def _said(lots: Lots, year: int | None) -> Iterator[str]:
    """Yield how the file was made, line by line."""
    span = "every sale of the ledger" if year is None else f"sales of {year}"
    yield f"{span}; dates by {lots.zone}; first in, first out per bot; account currency US dollars"
    yield (
        "gain = proceeds - cost - fees; nothing is rounded; a wash sale is only warned of, neither "
        "gain nor cost is adjusted; the same purchase may stand beside several losses"
    )
    yield (
        "only the same instrument is looked for, in this account alone: funds on the same index "
        "and your other accounts count too"
    )
    if lots.unmatched:
        yield (
            f"{lots.unmatched} imported deals are not in here, or not in full: the files do not "
            "hold the purchases that they closed"
        )


def _write(
    to: Path, said: Sequence[str], names: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    beside = to.with_name(f".{to.name}.part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {line}\n" for line in said if line)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    beside.replace(to)


def _closed(lot: ClosedLot) -> tuple[str, ...]:
    closing = lot.closing
    is_sale = closing.is_sale
    return (
        _text(symbol_of(closing.key)),
        lot.kind,
        _text(closing.bot),
        "short" if closing.is_short else "long",
        lot.acquired.isoformat(),
        lot.sold.isoformat(),
        str(lot.holding_days),
        lot.term if is_sale else "",
        number(closing.qty),
        number(closing.exit_value) if is_sale else "",
        number(closing.entry_value),
        number(closing.fees),
        number(closing.net) if is_sale else "",
        "yes" if closing.is_forced else "no",
        *_wash(lot),
        lot.origin,
        iso(closing.opened_at_ns),
        iso(closing.closed_at_ns),
        _text(closing.client_order_id),
        _note(lot),
    )


def _wash(lot: ClosedLot) -> tuple[str, str, str, str]:
    """Return warning, units, days of purchase, and which rule is meant."""
    wash = lot.wash
    if wash is None:
        return ("no", "", "", "")
    rule = _COINS_DIFFER if lot.kind == COIN else "IRC 1091, shares and funds"
    until = "" if wash.open_until is None else f"open until {wash.open_until}"
    if not wash.qty:
        return (until or "no", "", "", rule if until else "")
    days = f"{wash.first} to {wash.last}"
    return (f"warning, {until}" if until else "warning", number(wash.qty), days, rule)


def _note(lot: ClosedLot) -> str:
    closing, notes = lot.closing, []
    if not closing.is_sale:
        notes.append("taken out of the books without an order: no sale, no gain is counted")
    if not closing.opened:
        notes.append("held before the account was opened: day and cost are those of the opening")
    if closing.is_short:
        notes.append("sold first: acquired is the day of the sale, sold that of the purchase")
    if closing.is_forced:
        notes.append("sold by the house")
    return "; ".join(notes)


def _opened(lots: Lots) -> Iterator[tuple[str, ...]]:
    for lot in lots.opened:
        notes = [] if lot.is_known else ["held before: day and cost are those of the opening"]
        if lot.origin != "ledger":
            notes.append("left open by imported deals; what is held now stands in lots of its own")
        yield _open(lot, "; ".join(notes))


def _open(lot: OpenLot, note: str) -> tuple[str, ...]:
    return (
        _text(symbol_of(lot.key)),
        lot.kind,
        _text(lot.bot),
        lot.acquired.isoformat(),
        lot.long_from.isoformat() if lot.is_known and lot.qty > 0 else "",
        number(lot.qty),
        number(lot.cost),
        number(lot.fees),
        lot.origin,
        iso(lot.opened_at_ns),
        note,
    )


def _total(total: Total) -> tuple[str, ...]:
    money = (total.proceeds, total.cost, total.fees, total.gain, total.warned)
    return (total.term, total.kind, str(total.lots), *map(number, money))


def number(value: Decimal) -> str:
    """Return a number as text: exact, without exponent, in its shortest form."""
    return f"{canonical(value):f}"


def _text(text: str) -> str:
    """Return a name that no spreadsheet takes for a formula: names come from outside."""
    return f"'{text}" if text.startswith(_STEERING) else text
