"""What ccxt made of an exchange's words becomes records; every number was text, so it is exact.

A field that is missing, or that is no number, is an error of that object only where it is needed.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import msgspec

from smart_leverage.brokers.ccxt.pairs import Pairs
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    EXTERNAL,
    AccountSnapshot,
    BrokerOrder,
    Fill,
    Order,
    OrderType,
    PositionSnapshot,
    Side,
    TimeInForce,
)

W = TypeVar("W")
Row = Mapping[str, Any]

MS_NS = 1_000_000
USD = "USD"
ZERO = Decimal(0)

_STATUSES = {"canceled": "canceled", "expired": "expired", "rejected": "rejected"}
"""Words of ccxt after which nothing fills, beside closed."""


def broker_order(row: Row, pairs: Pairs, own: Mapping[str, Order]) -> BrokerOrder:
    """Return an order as the exchange shows it.

    Args:
        row: ccxt's order.
        pairs: Which instrument a market is.
        own: Orders that we sent, by client order id: they say whose they are, which the exchange
            does not know, and what it leaves out. Any other order belongs to somebody outside.

    Raises:
        BadData: Something that is needed is missing.
    """
    order = _order(row, pairs, own)
    filled = _number(row, "filled") or ZERO
    at_ns = _instant(row, "timestamp")
    return BrokerOrder(
        broker_order_id=_text(row, "id"),
        order=order,
        status=_status(row, filled, order.qty),
        filled_qty=filled,
        filled_avg_price=_number(row, "average") if filled else None,
        submitted_at_ns=at_ns,
        updated_at_ns=_instant(row, "lastUpdateTimestamp")
        or _instant(row, "lastTradeTimestamp")
        or at_ns,
    )


def answered(row: Row, sent: Order, pairs: Pairs, own: Mapping[str, Order]) -> BrokerOrder:
    """Return an order as the answer to its submission shows it: some say its id and no more.

    Args:
        row: ccxt's order.
        sent: The order with the quantity that left.
        pairs: Which instrument a market is.
        own: Orders that we sent, by client order id.

    Raises:
        BadData: Not even that, or it speaks of another order.
    """
    said = {name: value for name, value in row.items() if value is not None}
    if said.get("clientOrderId", sent.client_order_id) != sent.client_order_id:
        raise BadData("the exchange answered about another order")
    whole = {
        "clientOrderId": sent.client_order_id,
        "side": sent.side.value,
        "amount": str(sent.qty),
        "type": sent.type.value,
        "status": "open",
    } | said
    found = broker_order(whole, pairs, own)
    if (found.order.key, found.order.side) != (sent.key, sent.side):
        raise BadData("the exchange answered about another order")
    return found


def _order(row: Row, pairs: Pairs, own: Mapping[str, Order]) -> Order:
    name = _text(row, "clientOrderId") if row.get("clientOrderId") else f"none-{_text(row, 'id')}"
    key = pairs.key_of_market(row.get("symbol"))
    side = _word(Side, row.get("side"), "side")
    qty = _number(row, "amount")
    limit, stop = _number(row, "price"), _number(row, "triggerPrice") or _number(row, "stopPrice")
    mine = own.get(name)
    if mine is not None and (mine.key, mine.side) == (key, side):
        if mine.limit_price is None:  # of a market order some tell what it came to
            limit = None
        return msgspec.structs.replace(
            mine,
            qty=mine.qty if qty is None else qty,
            limit_price=limit or mine.limit_price,
            stop_price=stop or mine.stop_price,
        )
    kind = _type(row, stop)
    return Order(
        client_order_id=name,
        bot=EXTERNAL,
        key=key,
        side=side,
        qty=(_number(row, "filled") or ZERO) if qty is None else qty,  # of money: what was filled
        type=kind,
        time_in_force=TimeInForce.IOC
        if row.get("timeInForce") in ("IOC", "FOK")
        else TimeInForce.GTC,
        limit_price=limit if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
        stop_price=stop,
    )


def _type(row: Row, stop: Decimal | None) -> OrderType:
    has_limit = "limit" in str(row.get("type") or "market")
    if stop is not None:
        return OrderType.STOP_LIMIT if has_limit else OrderType.STOP
    return OrderType.LIMIT if has_limit else OrderType.MARKET


def _status(row: Row, filled: Decimal, qty: Decimal) -> str:
    said = row.get("status")
    if said == "closed":  # of one that ended in part, ccxt says the same for some exchanges
        return "filled" if filled >= qty else "canceled"
    if said == "open":
        return "partially_filled" if filled else "new"
    if said == "canceling":
        return "pending_cancel"
    return _STATUSES.get(str(said), f"unlisted: {str(said)[:32]}")


class Execution(NamedTuple):
    """One execution, and what it cost in a coin that is neither bought nor paid with."""

    order_id: str
    market: str
    fill: Fill
    others: tuple[tuple[Key, Decimal], ...]


def execution(row: Row, pairs: Pairs) -> Execution:
    """Return an execution with its fee: in our money, in the coin itself, or in some other.

    Raises:
        BadData: Something that is needed is missing.
    """
    key, side = pairs.key_of_market(row.get("symbol")), _word(Side, row.get("side"), "side")
    coin = key.partition(":")[2].partition("/")[0]
    order_id = _text(row, "order")
    fee, fee_asset, others = ZERO, USD, []
    for asset, cost in _fees(row):
        if asset == pairs.quote:
            asset = USD
        if asset in (USD, coin) and (not fee or asset == fee_asset):
            fee, fee_asset = fee + cost, asset
        else:
            others.append((pairs.key_of_coin(asset), cost))
    fill = Fill(
        execution_id=f"{order_id}/{_text(row, 'id')}",
        client_order_id="",
        key=key,
        side=side,
        qty=_needed(row, "amount"),
        price=_needed(row, "price"),
        fee=fee,
        fee_asset=fee_asset,
        at_ns=_needed_instant(row, "timestamp"),
    )
    return Execution(order_id, _text(row, "symbol"), fill, tuple(others))


def _fees(row: Row) -> Iterable[tuple[str, Decimal]]:
    """Yield currency and cost of each fee; ccxt tells one of them, or all in a list."""
    listed = row.get("fees") or ([row["fee"]] if row.get("fee") else [])
    for fee in listed:
        cost = _number(fee, "cost")
        if cost:
            yield _text(fee, "currency"), cost


class Balance(NamedTuple):
    """What is held of one coin, and how much of it no order holds back."""

    code: str
    total: Decimal
    free: Decimal


def balances(said: Row) -> list[Balance]:
    """Return every coin that is held.

    An account of which nothing is said at all is no empty account: ccxt makes that of an answer
    which it cannot read.

    Raises:
        BadData: An amount cannot be read, or there is none.
    """
    totals, free = said.get("total"), said.get("free")
    if not isinstance(totals, Mapping) or not isinstance(free, Mapping) or not totals:
        raise BadData("the exchange said no balances")
    found = []
    for code in sorted({*totals, *free}):
        total, left = _needed(totals, code), _number(free, code)
        if total:
            found.append(Balance(code, total, total if left is None else left))
    return found


def position(balance: Balance, price: Decimal, pairs: Pairs) -> PositionSnapshot:
    """Return a holding; what was paid for it no exchange keeps, so the price stands for that."""
    return PositionSnapshot(
        key=pairs.key_of_coin(balance.code),
        qty=balance.total,
        qty_available=balance.free,
        avg_entry_price=price,
        price=price,
    )


def account(
    said: Row,
    held: Iterable[Balance],
    prices: Mapping[str, Decimal],
    *,
    pairs: Pairs,
    account_id: str,
    at_ns: int,
) -> AccountSnapshot:
    """Return the account: its cash is the money that counts as dollars, and nothing is lent."""
    cash = free = equity = ZERO
    for each in held:
        if each.code == pairs.quote:
            cash, free = each.total, each.free
            equity += each.total
        else:
            equity += each.total * prices.get(each.code, ZERO)
    info = said.get("info")
    is_blocked = isinstance(info, Mapping) and info.get("canTrade") in (False, "false")
    return AccountSnapshot(
        account_id=account_id,
        cash=cash,
        equity=equity,
        buying_power=free,
        non_marginable_buying_power=free,
        initial_margin=ZERO,
        maintenance_margin=ZERO,
        multiplier=1,
        is_blocked=is_blocked,
        at_ns=at_ns,
    )


def account_name(exchange: str, said: Row, key_id: str) -> str:
    """Return what an account is known by: the exchange's own number, else a mark of its key."""
    info = said.get("info")
    uid = info.get("uid") if isinstance(info, Mapping) else None
    mark = str(uid) if uid else f"key-{sha256(key_id.encode()).hexdigest()[:12]}"
    return f"{exchange}-{mark}"


def price_of(ticker: Row) -> Decimal | None:
    """Return what a coin is worth: its last price, else the middle of what is offered."""
    price = _number(ticker, "last") or _number(ticker, "price")
    bid, ask = _number(ticker, "bid"), _number(ticker, "ask")
    if price is None and bid and ask:
        price = (bid + ask) / 2
    return price if price and price > 0 else None


def instant(row: Row, name: str) -> int:
    """Return an instant in nanoseconds, 0 where there is none."""
    return _instant(row, name)


def needed_instant(row: Row, name: str) -> int:
    """Return an instant that has to be there."""
    return _needed_instant(row, name)


def number(row: Row, name: str) -> Decimal | None:
    """Return a number, None where there is none."""
    return _number(row, name)


def amount(row: Row, name: str) -> Decimal:
    """Return a number that has to be there."""
    return _needed(row, name)


def text(row: Row, name: str) -> str:
    """Return a word that has to be there."""
    return _text(row, name)


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 256:
        raise BadData(f"the exchange said no {name}")
    return value


def _number(row: Row, name: str) -> Decimal | None:
    value = row.get(name)
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or not -60 < found.adjusted() < 60:
        raise BadData(f"the exchange said {name} = {str(value)[:32]!r}")
    return found


def _needed(row: Row, name: str) -> Decimal:
    found = _number(row, name)
    if found is None:
        raise BadData(f"the exchange said no {name}")
    return found


def _instant(row: Row, name: str) -> int:
    """Return an instant that ccxt tells in milliseconds, 0 where it does not."""
    found = _number(row, name)
    return 0 if found is None else int(found) * MS_NS


def _needed_instant(row: Row, name: str) -> int:
    _needed(row, name)
    return _instant(row, name)


def _word(words: type[W], value: object, name: str) -> W:
    try:
        return words(value)  # type: ignore[call-arg]
    except ValueError:
        raise BadData(f"the exchange said {name} = {str(value)[:32]!r}") from None
