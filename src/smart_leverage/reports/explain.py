"""Explains one decision from its own record: what was asked, what bound it, and the arithmetic."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct

from smart_leverage.books.exact import ratio
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.records import Decided, FillRevised, PlanMoved
from smart_leverage.domain.sentences import group_told, money, percent, plain, plan_told, sentence
from smart_leverage.domain.stamps import iso
from smart_leverage.reports.arithmetic import amount, arithmetic, figure, parse, symbol_of

T = TypeVar("T", bound=Struct)


class Sent(Struct, frozen=True):
    """What became of a decision: one order as the ledger knows it now."""

    client_order_id: str
    qty: Decimal
    filled_qty: Decimal
    state: str
    limit_price: Decimal | None = None
    reason: str = ""


def explain(
    decision: Struct,
    *,
    instrument: Instrument | None = None,
    orders: Sequence[Struct] = (),
    plan: Sequence[Struct] = (),
    revisions: Sequence[FillRevised] = (),
) -> list[str]:
    """Return the lines that explain a decision, plain text for a screen of 100 columns.

    Args:
        decision: The journal's `Decided`, or the ledger's row of it.
        instrument: Its instrument, if known: says whether the leveraged cap counts it.
        orders: The ledger's rows of the orders that were sent because of it.
        plan: The moves of the plan named in its figures, records or rows, oldest first.
        revisions: What the broker took back or corrected of those orders, oldest first.

    Raises:
        msgspec.ValidationError: An argument is a row of something else.
    """
    decided = _as(Decided, decision)
    lines = [*_headline(decided), ""]
    lines += _figure_lines(decided)
    steps = arithmetic(decided, instrument)
    if steps:
        lines.append("")
        lines += [f"  {step.label:<26}{step.value:>14}  = {step.how}" for step in steps]
    lines += ["", f"  {_outcome(decided)}"]
    lines += [f"  {_sent(_as(Sent, order))}" for order in orders]
    lines += [f"  {_revised(each)}" for each in revisions]
    lines += [f"  {_moved(_as(PlanMoved, move))}" for move in plan]
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """Return a text without what could steer a terminal: names come from outside."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _as(kind: type[T], row: Struct) -> T:
    """Return a record or a row of it as the record: the ledger's rows carry the same fields."""
    return msgspec.convert(row, kind, from_attributes=True)


# -- the head -------------------------------------------------------------------------------------


def _headline(decision: Decided) -> Iterator[str]:
    what = "everything of " if not decision.asked else f"{plain(decision.asked)} "
    value = f", about {money(decision.asked * decision.price)}" if decision.asked else ""
    yield (
        f"{iso(decision.at_ns)}  {decision.side} {what}{symbol_of(decision.key)}{value}  "
        f"by {decision.bot} ({decision.source}, {decision.decision_id})"
    )
    said = sentence(
        decision.reason,
        decision.unit,
        decision.bound,
        decision.would_be,
        is_sale=decision.side == "sell",
    )
    yield f"→ {_verdict(decision)}   {said}   [{decision.reason}]"


def _verdict(decision: Decided) -> str:
    if decision.verdict != "cut":
        return decision.verdict
    return f"cut to {plain(decision.given)}, about {money(decision.given * decision.price)}"


def _figure_lines(decision: Decided) -> Iterator[str]:
    """Yield the record's figures; exposures also as a share of equity, caps also as money."""
    equity = figure(decision, "equity")
    for name in sorted(decision.figures, key=_place):
        text = decision.figures[name]
        shown, share = _shown(name, text, equity)
        yield f"  {name:<26}{shown:>14}  {share}".rstrip()


_FIRST = (
    "equity",
    "crypto, worst case",
    "leveraged, worst case",
    "gross, worst case",
    "crypto",
    "leveraged",
    "gross",
)
_LAST = (
    "reserved by open buys",
    "cash",
    "cap crypto",
    "cap leveraged",
    "cap gross",
    "cap symbol",
    "tier",
    "trades imported",
    "policy size",
    "counted per unit",
    "look-through",
    "lost per unit at most",
)


def _place(name: str) -> tuple[int, int, str]:
    """Return where a figure stands: in the order in which a person checks, others in between."""
    if name in _FIRST:
        return 0, _FIRST.index(name), name
    return (2, _LAST.index(name), name) if name in _LAST else (1, 0, name)


def _shown(name: str, text: str, equity: Decimal | None) -> tuple[str, str]:
    number = parse(text)
    if number is None:
        return text, ""
    if name.startswith("cap ") and equity is not None:
        return amount(number * equity), percent(number)
    is_share = name.endswith("worst case") or name in ("crypto", "leveraged", "gross")
    if is_share and equity:
        return amount(number), percent(ratio(number, equity))
    return (amount(number) if "." in text and len(text.partition(".")[2]) == 2 else text), ""


# -- the end --------------------------------------------------------------------------------------


def _outcome(decision: Decided) -> str:
    asked, given = plain(decision.asked), plain(decision.given)
    if decision.verdict == "denied":
        allowed = f"; {plain(decision.allowed)} would have fitted" if decision.allowed else ""
        return f"asked {asked}, given nothing{allowed}"
    rest = " (down to the lot)" if decision.verdict == "cut" else ""
    return f"asked {asked}, given {given}{rest}"


def _sent(order: Sent) -> str:
    limit = "" if order.limit_price is None else f", limit {plain(order.limit_price)}"
    why = f", {order.reason}" if order.reason else ""
    return (
        f"order {order.client_order_id}: {order.state}, "
        f"{plain(order.filled_qty)} of {plain(order.qty)} filled{limit}{why}"
    )


def _revised(record: FillRevised) -> str:
    before, after = record.before, record.after
    what = f"{plain(before.qty)} at {plain(before.price)}"
    to = "taken back" if after is None else f"{plain(after.qty)} at {plain(after.price)} instead"
    return f"the broker {iso(record.at_ns)}: {what} of {before.client_order_id} {to}"


def _moved(move: PlanMoved) -> str:
    group = group_told(move.group)
    why = f"; {move.why}" if move.why else ""
    return (
        f"plan {move.plan_id} {plan_told(move.status, move.group)} {iso(move.at_ns)}: "
        f"{group} {percent(move.exposure)}, ceiling {percent(move.ceiling)}, "
        f"due {iso(move.deadline_ns)}{why}"
    )
