"""What was asked, and what became of it: every decision, newest first."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.ledger.rows import DecisionRow, OrderRow


class Verdict(StrEnum):
    """What can be filtered for."""

    APPROVED = "approved"
    CUT = "cut"
    DENIED = "denied"
    OBSERVED = "observed"
    WARNED = "warned"
    HELD = "held"


_COLUMNS = (
    Column("id"),
    Column("time, UTC"),
    Column("bot"),
    Column("order"),
    Column("asked", is_number=True),
    Column("given", is_number=True),
    Column("verdict"),
    Column("because"),
    Column("became"),
)
_NARROW = (0, 1, 3, 4, 5, 6, 7)
_OPEN_COLUMNS = (
    Column("order"),
    Column("since, UTC"),
    Column("bot"),
    Column("role"),
    Column("what"),
    Column("quantity", is_number=True),
    Column("filled", is_number=True),
    Column("at", is_number=True),
    Column("state"),
)
_OPEN_NARROW = (1, 3, 4, 5, 7, 8)


@command(
    "smart-leverage orders --verdict denied --limit 5",
    "smart-leverage orders --symbol BTC/USD --json",
)
def orders(
    screen: Screen,
    ledger: LedgerPath = None,
    verdict: Annotated[
        Verdict | None, typer.Option(help="Only what got this answer.", show_choices=True)
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Only what this bound stopped, as cap_crypto."),
    ] = None,
    bot: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this bot.")] = None,
    symbol: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="Only of this instrument, as BTC/USD.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 20,
    is_open: Annotated[
        bool, typer.Option("--open", help="What rests at the broker now, stops included.")
    ] = False,
) -> None:
    """List what was asked, what was given and why, the newest first.

    `explain` shows the arithmetic behind each line.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.runtime.fates import fates

    _check_reason(reason)
    with opened(ledger_path(ledger)) as reader:
        key = None if symbol is None else _key(reader, symbol)
        if is_open:
            chosen = [
                order
                for order in reader.open_orders()
                if key in (None, order.key) and bot in (None, order.bot)
            ]
            _show_open(screen, chosen[-limit:])
            return
        decisions = reader.decisions(
            verdict=None if verdict is None else verdict.value,
            reason=reason,
            bot=bot,
            key=key,
            limit=limit,
        )
        _show(screen, decisions, fates(reader, decisions))


def _check_reason(reason: str | None) -> None:
    if reason is None:
        return
    from difflib import get_close_matches

    from smart_leverage.policy.reasons import Reason

    known = [member.name.lower() for member in Reason]
    if reason not in known:
        near = get_close_matches(reason, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise typer.BadParameter(f"no reason {reason!r}; {hint}", param_hint="--reason")


def _key(reader: "Reader", symbol: str) -> str:
    """Return the key of an instrument of this account, whatever its spelling."""
    from smart_leverage.cli.instruments import find

    return find(reader.instruments(), symbol).key


def _show(screen: Screen, decisions: "Sequence[DecisionRow]", fates: "dict[str, OrderRow]") -> None:
    if screen.as_json:
        for row in decisions:
            screen.record(_fields(row, fates.get(row.decision_id)))
    elif decisions:
        rows = [_row(row, fates.get(row.decision_id)) for row in decisions]
        _fitted(screen, _COLUMNS, rows, _NARROW)
    else:
        screen.note("nothing matches")


def _fitted(
    screen: Screen, columns: Sequence[Column], rows: Sequence[list[str]], narrow: Sequence[int]
) -> None:
    """Write a table; a narrow screen gets some of its columns, and times without year."""
    if not screen.is_narrow:
        screen.table(columns, rows)
        return
    when = next(place for place, column in enumerate(columns) if column.title.endswith("UTC"))
    short = [[*row[:when], row[when][5:16], *row[when + 1 :]] for row in rows]
    screen.table([columns[place] for place in narrow], [[row[n] for n in narrow] for row in short])


def _fields(row: "DecisionRow", order: "OrderRow | None") -> dict[str, Any]:
    from smart_leverage.runtime.told import decision_fields, fate_fields

    return {**decision_fields(row), "order": fate_fields(order)}


def _row(row: "DecisionRow", order: "OrderRow | None") -> list[str]:
    from smart_leverage.domain.sentences import money, plain, short
    from smart_leverage.domain.stamps import iso
    from smart_leverage.runtime.fates import fate

    def worth(qty: Any) -> str:
        return money(qty * row.price) if row.price else plain(qty)

    return [
        row.decision_id,
        iso(row.at_ns)[:19],
        row.bot,
        f"{row.side} {_symbol(row.key)}",
        worth(row.asked) if row.asked else "all" if row.side == "sell" else "sized by us",
        worth(row.given),
        row.verdict,
        "" if row.reason == "none" else short(row.reason),
        fate(order),
    ]


def _symbol(key: str) -> str:
    return key.partition(":")[2] or key


def _show_open(screen: Screen, rows: "Sequence[OrderRow]") -> None:
    if screen.as_json:
        for row in rows:
            screen.record({name: getattr(row, name) for name in row.__struct_fields__})
    elif rows:
        _fitted(screen, _OPEN_COLUMNS, [*map(_open_row, rows)], _OPEN_NARROW)
    else:
        screen.note("nothing is under way")


def _open_row(row: "OrderRow") -> list[str]:
    from smart_leverage.domain.sentences import plain, price
    from smart_leverage.domain.stamps import iso

    return [
        row.client_order_id,
        iso(row.intended_ns)[:19],
        row.bot,
        row.role.value,
        f"{row.side} {_symbol(row.key)}",
        plain(row.qty),
        plain(row.filled_qty),
        " / ".join(price(level) for level in _levels(row)),
        row.state.value,
    ]


def _levels(row: "OrderRow") -> Iterator[Any]:
    """Yield the prices at which an order waits: its stop, then its limit."""
    for level in (row.stop_price, row.limit_price):
        if level is not None:
            yield level
