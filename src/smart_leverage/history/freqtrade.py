"""Reads freqtrade's trades: the result of a backtest, or what a running bot lists of itself."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal
from smart_leverage.history.base import Asked, Gathering, Read, Row
from smart_leverage.history.symbols import instrument_of
from smart_leverage.history.values import ZERO, moment, optional, positive, required, shown

NAME = "freqtrade:"
BACKTEST, LISTED = "freqtrade backtest", "freqtrade trades"

_NAME_LENGTH = 16
_TELL_APART = 12
_SLACK = Decimal("0.000001")


class _Step(NamedTuple):
    """One order of a trade as it filled."""

    name: str
    is_entry: bool
    at_ns: int
    qty: Decimal
    price: Decimal


def read_backtest(tree: Mapping[str, Any], file: str, digest: str, asked: Asked) -> Read:
    """Return the trades of one strategy of a backtest.

    Raises:
        BadData: It holds several and none is named, or a trade cannot be used.
    """
    strategies = tree["strategy"]
    if not isinstance(strategies, dict) or not strategies:
        raise BadData("strategy holds nothing", file=file, fix="export the backtest with --export")
    names = ", ".join(strategies)
    name = asked.strategy or (names if len(strategies) == 1 else "")
    if name not in strategies:
        why = f"no strategy {shown(name)}" if name else f"{len(strategies)} strategies"
        raise BadData(f"the file holds {why}", file=file, fix=f"--strategy, one of {names}")
    part = strategies[name]
    if not isinstance(part, dict) or not isinstance(part.get("trades"), list):
        raise BadData(f"strategy {name} holds no list of trades", file=file, fix="export it anew")
    found = read_trades(part["trades"], file, digest, asked, scope=f"{name} ")
    is_dollars = {**asked.quotes, "USD": "USD"}.get(str(part.get("stake_currency"))) == "USD"
    start = optional(part, "starting_balance") if is_dollars else None
    return found._replace(form=BACKTEST, start=start, is_simulated=True)


def read_trades(
    rows: Sequence[Any], file: str, digest: str, asked: Asked, *, scope: str = ""
) -> Read:
    """Return a list of trades.

    Args:
        rows: As `show-trades` and the bot's own interface write them.
        file: For errors.
        digest: SHA-256 of the file.
        asked: How it is to be read.
        scope: Tells trades of one strategy from those of another that have no number.

    Raises:
        BadData: File, row (1 is the first trade), what is wrong and what would be right.
    """
    found = Gathering(file, asked)
    for place, row in enumerate(rows, start=1):
        try:
            if not isinstance(row, dict):
                raise BadData("the trade is no object", fix="export it anew, as JSON")
            _take(found, place, row, scope)
        except BadData as error:
            if error.file is not None:
                raise
            raise found.fault(place, error.fault, error.fix) from None
    return Read(
        name=file,
        sha256=digest,
        form=LISTED,
        rows=len(rows),
        deals=tuple(found.deals),
        places=found.places,
        instruments=found.instruments,
        left_out=dict(found.left_out),
        doubts=tuple(found.doubts),
    )


def _take(found: Gathering, place: int, row: Row, scope: str) -> None:
    if row.get("is_open"):
        found.left_out["trades still open"] += 1
        return
    steps = _steps(row)
    instrument = instrument_of(
        found.asked, str(required(row, "pair")), steps[0].price, AssetClass.CRYPTO
    )
    found.instruments[instrument.key] = instrument
    name = _name(row, steps, scope)
    deals = [*_deals(found.asked, instrument, row, steps, name)]
    for deal in deals:
        if deal.id in found.places:
            raise BadData(
                f"the trade is row {found.places[deal.id]} once more",
                fix="take one of them out; trade_id tells trades apart",
            )
    for deal in deals:
        found.add(deal, place)
    _doubt(found, place, row, deals)


def _steps(row: Row) -> list[_Step]:
    """Return the filled orders of a trade, oldest first; without any its two ends."""
    orders = row.get("orders")
    listed = [one for one in orders if isinstance(one, dict)] if isinstance(orders, list) else []
    filled = [one for one in listed if one.get("order_filled_timestamp")]
    if filled:
        steps = [_of_order(one, number) for number, one in enumerate(filled)]
        return sorted(steps, key=lambda step: (step.at_ns, not step.is_entry))
    qty = positive(row, "amount")
    return [
        _Step("open", True, _time(row, "open"), qty, positive(row, "open_rate")),
        _Step("close", False, _time(row, "close"), qty, positive(row, "close_rate")),
    ]


def _of_order(order: Row, number: int) -> _Step:
    if "ft_is_entry" not in order:
        raise BadData("an order has no ft_is_entry", fix="export it with freqtrade 2022.4 or later")
    qty = "filled" if optional(order, "filled") else "amount"
    price = "average" if optional(order, "average") else "safe_price"
    return _Step(
        name=str(order.get("order_id") or number),
        is_entry=bool(order["ft_is_entry"]),
        at_ns=moment(order, "order_filled_timestamp"),
        qty=positive(order, qty),
        price=positive(order, price),
    )


def _time(row: Row, end: str) -> int:
    """Return when a trade opened or closed; the count since 1970 is the surer of the two."""
    stamp = f"{end}_timestamp"
    return moment(row, stamp if row.get(stamp) else f"{end}_date")


def _name(row: Row, steps: Sequence[_Step], scope: str) -> str:
    """Return the trade's own number, or a name made of everything that it is."""
    if row.get("trade_id") is not None:
        opened_s = steps[0].at_ns // SECOND_NS
        return f"{scope}{row['trade_id']} of {opened_s}"
    text = f"{scope}{row['pair']} {[tuple(map(str, step)) for step in steps]}"
    return sha256(text.encode()).hexdigest()[:_NAME_LENGTH]


def _deals(
    asked: Asked, instrument: Instrument, row: Row, steps: Sequence[_Step], name: str
) -> Iterator[Deal]:
    is_short = bool(row.get("is_short"))
    rates = {True: optional(row, "fee_open") or ZERO, False: optional(row, "fee_close") or ZERO}
    funding = optional(row, "funding_fees") or ZERO
    exits = sum(not step.is_entry for step in steps)
    if not exits:
        raise BadData("the trade is closed and has no filled exit", fix="export it anew")
    for place, step in enumerate(steps):
        is_last = place == len(steps) - 1
        fee = step.qty * step.price * rates[step.is_entry] - (funding if is_last else ZERO)
        yield Deal(
            id=f"{NAME}{name} {step.name} {place}",
            order=f"{NAME}{name} {'in' if step.is_entry else 'out'} {step.name}",
            key=instrument.key,
            side=Side.BUY if step.is_entry is not is_short else Side.SELL,
            qty=step.qty,
            price=step.price,
            fee=fee.quantize(Decimal(1).scaleb(-_TELL_APART)),
            fee_asset="USD",
            at_ns=step.at_ns,
            lot=instrument.lot,
            tick=instrument.tick_at(step.price),
            bot=asked.bot,
            is_short=is_short,
            trip=f"{NAME}{name}",
        )


def _doubt(found: Gathering, place: int, row: Row, deals: Sequence[Deal]) -> None:
    """Say where a file contradicts its own prices, quantities and fees; what was dealt counts."""
    said = optional(row, "profit_abs")
    said = optional(row, "close_profit_abs") if said is None else said
    if said is None:
        return
    paid = sum((d.qty * d.price * (1 if d.side is Side.BUY else -1) + d.fee for d in deals), ZERO)
    counted = -paid
    turned = sum((deal.qty * deal.price for deal in deals), ZERO)
    if abs(counted - said) > max(turned * _SLACK, Decimal("0.01")):
        found.doubts.append(
            f"row {place}: says a profit of {said:f}; prices and fees make {counted:.4f}"
        )


def is_trade(row: object) -> bool:
    """Whether an object looks like one of freqtrade's trades."""
    return isinstance(row, dict) and {"pair", "open_rate"} <= row.keys()
