"""What the broker says becomes records; names that we do not know are passed over.

A field that is missing, or that is no number, is an error of that object only where it is needed.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from smart_leverage.domain.activities import REORGANISED, Activity
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import (
    EXTERNAL,
    AccountSnapshot,
    BrokerOrder,
    Fill,
    Order,
    OrderClass,
    OrderType,
    PositionSnapshot,
    Role,
    Side,
    TimeInForce,
)
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.wire.symbols import key_of_symbol, pair_of

W = TypeVar("W")
Row = Mapping[str, Any]
Known = Mapping[Key, Instrument]

_CLASS = re.compile(r"[a-z][a-z_]{0,23}")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,31}")

ZERO = Decimal(0)
USD = "USD"


def broker_order(row: Row, known: Known, own: Mapping[str, Order]) -> BrokerOrder:
    """Return an order as the broker shows it.

    Args:
        row: The object of an order.
        known: The instruments that we know.
        own: Orders that we sent, by client order id: they say whose they are, which the broker
            does not know. Any other order belongs to somebody outside.

    Raises:
        BadData: Something that is needed is missing, or the instrument is unknown.
    """
    return BrokerOrder(
        broker_order_id=_text(row, "id"),
        order=_order(row, known, own),
        status=_text(row, "status"),
        filled_qty=_number(row, "filled_qty") or ZERO,
        filled_avg_price=_number(row, "filled_avg_price"),
        submitted_at_ns=_instant(row, "submitted_at") or _instant(row, "created_at") or 0,
        updated_at_ns=_instant(row, "updated_at") or 0,
        replaces=row.get("replaces") or None,
        replaced_by=row.get("replaced_by") or None,
        hwm=_number(row, "hwm"),
        legs=tuple(broker_order(leg, known, own) for leg in _legs(row)),
    )


def _legs(row: Row) -> list[Row]:
    legs = row.get("legs") or []
    if not isinstance(legs, list | tuple) or not all(isinstance(leg, Mapping) for leg in legs):
        raise BadData(f"the broker said legs = {str(legs)[:32]!r}")
    return list(legs)


def _order(row: Row, known: Known, own: Mapping[str, Order]) -> Order:
    name = _text(row, "client_order_id")
    mine, kind = own.get(name), row.get("type") or row.get("order_type")
    qty = _number(row, "qty")
    if qty is None:  # of money: only what was filled is known in units
        qty = _number(row, "filled_qty") or ZERO
    return Order(
        client_order_id=name,
        bot=EXTERNAL if mine is None else mine.bot,
        key=key_in(row, known),
        side=_word(Side, row.get("side"), "side"),
        qty=qty,
        type=_word(OrderType, kind, "type"),
        time_in_force=_word(TimeInForce, row.get("time_in_force"), "time_in_force"),
        limit_price=_number(row, "limit_price"),
        stop_price=_number(row, "stop_price"),
        order_class=_word(OrderClass, row.get("order_class") or "simple", "order_class"),
        take_profit=None if mine is None else mine.take_profit,
        stop_loss=None if mine is None else mine.stop_loss,
        stop_loss_limit=None if mine is None else mine.stop_loss_limit,
        trail_price=_number(row, "trail_price"),
        trail_percent=_number(row, "trail_percent"),
        role=Role.BOT if mine is None else mine.role,
        is_resting=mine is not None and mine.is_resting,
    )


def fill_of(
    row: Row, order: BrokerOrder, *, price: Decimal, qty: Decimal, cumulated: Decimal, at_ns: int
) -> Fill:
    """Return one execution, named by how much of its order was filled after it.

    The stream and the list of activities name executions differently, and this both can say.
    """
    fee = _number(row, "commission") or ZERO
    return Fill(
        execution_id=f"{order.broker_order_id}/{cumulated.normalize():f}",
        client_order_id=order.order.client_order_id,
        key=order.order.key,
        side=order.order.side,
        qty=qty,
        price=price,
        fee=fee,
        fee_asset=USD,
        at_ns=at_ns,
    )


def position(row: Row, known: Known) -> PositionSnapshot:
    """Return a holding."""
    qty, free = _needed(row, "qty"), _number(row, "qty_available")
    if row.get("side") == "short":  # whether its quantity has a sign is nowhere promised
        qty, free = -abs(qty), None if free is None else -abs(free)
    entry = _number(row, "avg_entry_price") or ZERO
    return PositionSnapshot(
        key=key_in(row, known),
        qty=qty,
        qty_available=qty if free is None else free,
        avg_entry_price=entry,
        price=_number(row, "current_price") or entry,
    )


def account(row: Row, at_ns: int) -> AccountSnapshot:
    """Return the account; anything that stops trading makes it blocked."""
    status = str(row.get("status") or "")
    blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    return AccountSnapshot(
        account_id=str(row.get("account_number") or row.get("id") or ""),
        cash=_needed(row, "cash"),
        equity=_needed(row, "equity"),
        buying_power=_needed(row, "buying_power"),
        non_marginable_buying_power=_number(row, "non_marginable_buying_power") or ZERO,
        initial_margin=_number(row, "initial_margin") or ZERO,
        maintenance_margin=_number(row, "maintenance_margin") or ZERO,
        multiplier=int(_number(row, "multiplier") or 1),
        is_blocked=status not in ("", "ACTIVE") or any(row.get(name) is True for name in blocks),
        at_ns=at_ns,
    )


def activity(row: Row, number: int, known: Known) -> Activity:
    """Return a row that is no trade."""
    qty, symbol = _number(row, "qty"), row.get("symbol")
    # These rows do not tell a class. Money counts all the same; a quantity has to be of something.
    is_money = qty is None and isinstance(symbol, str) and key_of_symbol(symbol, known) is None
    if row.get("activity_type") in REORGANISED:  # only securities are, and some are new to us
        row = {"asset_class": AssetClass.US_EQUITY, **row}
    return Activity(
        number=number,
        activity_id=_text(row, "id"),
        at_ns=dated(row),
        type=_text(row, "activity_type"),
        net_amount=_number(row, "net_amount") or ZERO,
        key=None if not symbol or is_money else key_in(row, known),
        qty=qty,
        price=_number(row, "price"),
        reference=_text(row, "id"),
        group=str(row.get("group_id") or ""),
    )


def dated(row: Row) -> int:
    """Return when an activity was, UTC nanoseconds; 0 where the broker does not say."""
    return _instant(row, "date") or _instant(row, "transaction_time") or 0


def key_in(row: Row, known: Known) -> Key:
    """Return which instrument a row is about.

    One that the registry does not have is named by the broker's own class and symbol: a single
    holding that we have no record of must not hide all others, which may have to be sold.

    Raises:
        BadData: The row names none.
    """
    symbol = row.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise BadData("the broker said no symbol")
    return key_of_symbol(symbol, known) or _unlisted(symbol, row.get("asset_class"))


def _unlisted(symbol: str, asset_class: object) -> Key:
    if not isinstance(asset_class, str) or not _CLASS.fullmatch(asset_class):
        raise BadData(f"the broker speaks of {symbol[:32]!r} and does not say what it is")
    if not _SYMBOL.fullmatch(symbol):
        raise BadData(f"the broker speaks of {symbol[:32]!r}, which is no symbol")
    if asset_class == AssetClass.CRYPTO:  # a holding is told as FOOUSD, its order is for FOO/USD
        symbol = pair_of(symbol) or symbol
    return Key(f"{asset_class}:{symbol}")


def instant(row: Row, name: str) -> int:
    """Return an instant that has to be there, UTC nanoseconds."""
    found = _instant(row, name)
    if found is None:
        raise BadData(f"the broker said no {name}")
    return found


def amount(row: Row, name: str) -> Decimal:
    """Return a number that has to be there."""
    return _needed(row, name)


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise BadData(f"the broker said no {name}")
    return value


def _number(row: Row, name: str) -> Decimal | None:
    value = row.get(name)
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadData(f"the broker said {name} = {str(value)[:32]!r}")
    return number


def _needed(row: Row, name: str) -> Decimal:
    number = _number(row, name)
    if number is None:
        raise BadData(f"the broker said no {name}")
    return number


def _instant(row: Row, name: str) -> int | None:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        return None
    try:
        return read_stamp(value).ns
    except ValueError as error:
        raise BadData(f"the broker said {name} = {value[:40]!r}") from error


def _word(words: type[W], value: object, name: str) -> W:
    try:
        return words(value)  # type: ignore[call-arg]
    except ValueError:
        raise BadData(f"the broker said {name} = {str(value)[:32]!r}") from None
