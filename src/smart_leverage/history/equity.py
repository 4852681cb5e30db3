"""Reads a portfolio history: what an account was worth over time, in parallel lists."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import iso
from smart_leverage.history.base import Asked, Read
from smart_leverage.history.values import ZERO, number, shown

FORM = "Alpaca portfolio history"
FLOWS = ("CSD", "CSW", "JNLC", "TRANS")
"""Cash flows that are no result of trading."""


def read_equity(tree: Mapping[str, Any], file: str, digest: str, asked: Asked) -> Read:
    """Return the equity and the flows of a portfolio history.

    A point without a value is left out, and so is what lies before the first money: both are
    counted. Nothing is filled in.

    Raises:
        BadData: The lists are not equally long, time does not rise, or a value is no number.
    """
    times, values = _list(tree, "timestamp", file), _list(tree, "equity", file)
    _equal("equity", values, times, file)
    equity: dict[int, Decimal] = {}
    left_out: dict[str, int] = {}
    for place, (time, value) in enumerate(zip(times, values, strict=True), start=1):
        at_ns = _time(time, place, times, file, asked)
        if value is None:
            left_out["points without a value"] = left_out.get("points without a value", 0) + 1
            continue
        worth = _worth(value, place, file)
        if not worth and not equity:
            left_out["points before the first money"] = (
                left_out.get("points before the first money", 0) + 1
            )
            continue
        equity[at_ns] = worth
    if not equity:
        raise BadData("no point has a value", file=file, fix="export a period with equity")
    return Read(
        name=file,
        sha256=digest,
        form=FORM,
        rows=len(times),
        left_out=left_out,
        equity=equity,
        flows=_flows(tree, times, file),
        start=next(iter(equity.values())),
    )


def _flows(tree: Mapping[str, Any], times: list[Any], file: str) -> dict[int, Decimal]:
    listed = tree.get("cashflow") or {}
    if not isinstance(listed, dict):
        raise BadData("cashflow is no object", file=file, fix="as in {'CSD': [0, 500]}")
    flows: dict[int, Decimal] = {}
    for kind in FLOWS:
        amounts = listed.get(kind)
        if amounts is None:
            continue
        if not isinstance(amounts, list):
            raise BadData(f"cashflow.{kind} is no list", file=file, fix="one value for each point")
        _equal(f"cashflow.{kind}", amounts, times, file)
        for place, (time, value) in enumerate(zip(times, amounts, strict=True), start=1):
            amount = ZERO if value is None else _worth(value, place, file)
            if amount:
                at_ns = int(time) * SECOND_NS
                flows[at_ns] = flows.get(at_ns, ZERO) + amount
    return flows


def _list(tree: Mapping[str, Any], name: str, file: str) -> list[Any]:
    value = tree.get(name)
    if not isinstance(value, list) or not value:
        raise BadData(f"{name} holds no points", file=file, fix="export a period with equity")
    return value


def _equal(name: str, values: list[Any], times: list[Any], file: str) -> None:
    if len(values) != len(times):
        raise BadData(
            f"{name} has {len(values)} points and timestamp {len(times)}",
            file=file,
            fix="the lists belong together point by point; export it anew",
        )


def _time(time: Any, place: int, times: list[Any], file: str, asked: Asked) -> int:
    if isinstance(time, bool) or not isinstance(time, int) or not 0 < time < 2**33:
        raise BadData(
            f"timestamp is {shown(time)}", file=file, row=place, fix="whole seconds since 1970"
        )
    if place > 1 and time <= times[place - 2]:
        raise BadData(
            f"timestamp {time} does not come after {times[place - 2]}",
            file=file,
            row=place,
            fix="sort the points, each once",
        )
    at_ns = time * SECOND_NS
    if at_ns > asked.now_ns:
        raise BadData(
            f"{iso(at_ns)} lies in the future",
            file=file,
            row=place,
            fix=f"it is {iso(asked.now_ns)} now",
        )
    return at_ns


def _worth(value: Any, place: int, file: str) -> Decimal:
    try:
        return number({"equity": value}, "equity")
    except BadData as error:
        raise BadData(error.fault, file=file, row=place, fix=error.fix) from None
