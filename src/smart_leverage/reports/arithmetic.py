"""How a bound follows from the figures of a decision, in steps that a person can check."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.exact import ratio
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.domain.sentences import money, percent, plain

ZERO = Decimal(0)
_QTY = Decimal("0.000000001")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


class Step(NamedTuple):
    """One line of the arithmetic: a result and how it is made from the figures above it."""

    label: str
    value: str
    how: str


def symbol_of(key: str) -> str:
    """Return the symbol in a key."""
    return key.partition(":")[2] or key


def amount(number: Decimal) -> str:
    """Return money without its sign, for columns."""
    return money(number).replace("$", "")


def parse(text: str) -> Decimal | None:
    """Return the number that a figure is; None for a word such as the tier's name."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def figure(decision: Decided, name: str) -> Decimal | None:
    """Return a figure of a decision; None where it has none of that name."""
    return parse(decision.figures.get(name, ""))


def arithmetic(decision: Decided, instrument: Instrument | None = None) -> list[Step]:
    """Return how the bound follows from the figures; empty for a refusal that counted nothing."""
    if decision.side is Side.SELL:
        return [*_sale(decision)]
    if decision.reason.startswith("cap_") and decision.reason != "cap_bot":
        return [*_over_cap(decision, decision.reason.removeprefix("cap_"))]
    if decision.reason == "none":
        return [*_inside(decision, instrument)]
    return [*_other_bounds(decision)]


def _over_cap(decision: Decided, group: str) -> Iterator[Step]:
    equity, used = figure(decision, "equity"), _used(decision, group)
    unit, lost = _unit(decision, group), _lost(decision)
    if equity is None or used is None:
        return
    room = max(decision.bound * equity - used, ZERO)
    how = f"{plain(decision.bound)} × {amount(equity)} − {amount(used)}"
    yield Step("allowed more", amount(room), how if room else f"{how}, not below 0")
    if not unit:
        return
    if room:
        weight = unit + decision.bound * lost
        costs = f" + {plain(decision.bound)} × {plain(lost)}" if lost else ""
        each = f"({plain(unit)}{costs})" if costs else plain(unit)
        yield Step(
            "units that fit",
            plain(ratio(room, weight).quantize(_QTY)),
            f"{amount(room)} ÷ {each}, before rounding to lots",
        )
    after = equity - decision.asked * lost
    if after > 0:
        added = f"{amount(used)} + {plain(decision.asked)} × {plain(unit)}"
        less = f"({amount(equity)} − {plain(decision.asked)} × {plain(lost)})"
        yield Step(
            "asked would make",
            percent(ratio(used + decision.asked * unit, after), 2),
            f"({added}) ÷ {less if lost else amount(equity)}",
        )


def _inside(decision: Decided, instrument: Instrument | None) -> Iterator[Step]:
    """Yield what each group that counts the instrument comes to with this order."""
    equity = figure(decision, "equity")
    if not equity:
        return
    for group in _groups(decision, instrument):
        used, cap = _used(decision, group), figure(decision, f"cap {group}")
        unit = _unit(decision, group)
        if used is None or cap is None or not unit:
            continue
        after = ratio(used + decision.given * unit, equity)
        added = f"{plain(decision.given)} × {plain(unit)}"
        how = f"({amount(used)} + {added}) ÷ {amount(equity)}, cap {percent(cap)}"
        yield Step(f"{group} with this order", percent(after, 2), how)


def _groups(decision: Decided, instrument: Instrument | None) -> tuple[str, ...]:
    is_coin = decision.key.startswith("crypto:")
    is_crypto = is_coin if instrument is None else instrument.is_crypto
    is_leveraged = is_crypto if instrument is None else instrument.is_leveraged
    counted = {"crypto": is_crypto, "leveraged": is_leveraged, "gross": True, "symbol": True}
    return tuple(group for group, counts in counted.items() if counts)


def _other_bounds(decision: Decided) -> Iterator[Step]:
    used, size = _used(decision, "symbol"), figure(decision, "policy size")
    if decision.reason == "size" and used is not None and size is not None:
        how = f"{amount(size)} − {amount(used)}, not below 0"
        yield Step("still wanted", amount(max(size - used, ZERO)), how)
    cash, reserved = figure(decision, "cash"), figure(decision, "reserved by open buys")
    if decision.reason == "buying_power" and cash is not None and reserved is not None:
        how = f"{amount(cash)} − {amount(reserved)}, not below 0"
        yield Step("left to pay with", amount(max(cash - reserved, ZERO)), how)
    if decision.reason == "minimum":
        how = f"{plain(decision.allowed)} × {plain(decision.price)}"
        yield Step("what fits", amount(decision.allowed * decision.price), how)


def _sale(decision: Decided) -> Iterator[Step]:
    """Yield how a sale follows from what is held, from a plan, a stop or the day's loss."""
    loss, opening = figure(decision, "loss today"), figure(decision, "opening equity")
    if loss is not None and opening:
        how = f"{amount(loss)} ÷ {amount(opening)}, limit {percent(decision.bound)}"
        yield Step("lost today", percent(ratio(loss, opening), 2), how)
    stop, price = figure(decision, "stop price"), figure(decision, "price")
    if stop and price is not None:
        how = f"1 − {plain(price)} ÷ {plain(stop)}"
        yield Step("below the stop", percent(1 - ratio(price, stop), 2), how)
    if "plan" in decision.figures:
        yield from _plan_sale(decision)
    if decision.given and decision.price:
        how = f"{plain(decision.given)} × {plain(decision.price)}"
        yield Step("this sale is worth", amount(decision.given * decision.price), how)


def _plan_sale(decision: Decided) -> Iterator[Step]:
    group = decision.reason.removeprefix("cap_")
    equity = figure(decision, "equity")
    if not equity:
        return
    held, label = figure(decision, group if group in ("crypto", "leveraged") else "gross"), group
    if group == "symbol":
        held = (figure(decision, "held") or ZERO) * decision.price
        label = symbol_of(decision.key)
    if held is None:
        return
    share = percent(ratio(held, equity), 2)
    name = "everything held" if decision.reason == "flatten" else f"{label} held"
    yield Step(name, share, f"{amount(held)} ÷ {amount(equity)}")
    over = max(held - decision.bound * equity, ZERO)
    how = f"{amount(held)} − {plain(decision.bound)} × {amount(equity)}"
    yield Step("over the ceiling by", amount(over), how)


def _unit(decision: Decided, group: str) -> Decimal | None:
    """Return what one unit counts in a group: a fund that is looked through, times its multiple."""
    unit = figure(decision, "counted per unit")
    times = figure(decision, "look-through") if group in ("crypto", "leveraged") else None
    return unit if unit is None or times is None else unit * times


def _lost(decision: Decided) -> Decimal:
    """Return what one unit may cost beyond its price, and so takes from equity."""
    return figure(decision, "lost per unit at most") or ZERO


def _used(decision: Decided, group: str) -> Decimal | None:
    name = symbol_of(decision.key) if group == "symbol" else group
    return figure(decision, f"{name}, worst case")
