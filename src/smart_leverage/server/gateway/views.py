"""From what the engine and the shelf know to what the wire shows; on the trading thread."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from smart_leverage.books.baselines import Period
from smart_leverage.domain.bots import is_suspended
from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import OrderState, OrderType, TimeInForce
from smart_leverage.engine.subaccount import Holding
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.shelf import Executed, Shelved, Told, wire_id
from smart_leverage.wire.accounts import (
    AccountView,
    PositionView,
    account_json,
    position_json,
)
from smart_leverage.wire.activities import coin_fee_json, fill_json
from smart_leverage.wire.assets import asset_id
from smart_leverage.wire.orders import OrderView, order_json, status_of
from smart_leverage.wire.updates import Execution, update_json

GTC_DAYS = 90
PRICE_STEP = Decimal("0.000000001")

LastPrice = Callable[[Key], Decimal | None]
"""What an instrument closed at on the day before, None where nobody knows."""


def account_of(trader: Driven, bot: str) -> dict[str, Any]:
    """Return a bot's account: its own holdings, the shared cash, and the room that is left."""
    engine = trader.engine
    opened, own = engine.state.opened, engine.subaccount(bot)
    assert opened is not None, "the gateway opens after the account"  # noqa: S101
    opening = engine.state.opening(Period.DAY)
    change = engine.valuation().equity - opening if opening.is_finite() else Decimal(0)
    return account_json(
        AccountView(
            id=wire_id(f"{opened.account}/{bot}"),
            number=f"SL{wire_id(opened.account + bot)[:8].upper()}",
            equity=own.equity,
            last_equity=max(own.equity - change, Decimal(0)),
            cash=own.cash,
            market_value=own.market_value,
            buying_power=own.headroom.any,
            buying_power_coins=own.headroom.crypto,
            initial_margin=own.market_value,
            maintenance_margin=Decimal(0),
            created_ns=opened.at_ns,
            is_suspended=is_suspended(engine.state.seats, bot),
        )
    )


def position_of(holding: Holding, last_price: Decimal | None) -> dict[str, Any]:
    """Return the object of a bot's holding."""
    return position_json(
        PositionView(
            instrument=holding.instrument,
            qty=holding.qty,
            qty_available=holding.qty_available,
            entry_price=holding.entry_price,
            cost_basis=holding.cost_basis,
            price=holding.price,
            last_price=last_price,
        )
    )


def order_of(shelved: Shelved, *, is_nested: bool = True) -> dict[str, Any]:
    """Return the object of an order, as its bot asked for it."""
    return order_json(order_view(shelved), is_nested=is_nested)


def order_view(shelved: Shelved) -> OrderView:
    """Return everything that the wire says of an order: the bot's own terms where it named them."""
    order, terms, state = shelved.order, shelved.terms, shelved.state
    asset_class, _, symbol = order.key.partition(":")
    by_wire = terms is not None and shelved.parent is None
    kind = terms.type if by_wire and terms is not None else order.type
    limit = order.limit_price if kind is not OrderType.MARKET else None
    if by_wire and terms is not None and terms.limit_price is not None and not shelved.replaces:
        limit = terms.limit_price
    tif = (terms.time_in_force if by_wire and terms is not None else None) or order.time_in_force
    notional = terms.notional if by_wire and terms is not None else None
    average = shelved.average_price
    return OrderView(
        id=shelved.id,
        client_order_id=shelved.request,
        asset_id=asset_id(order.key),
        symbol=symbol,
        asset_class=asset_class,
        side=order.side,
        type=kind,
        time_in_force=tif,
        status=_status(shelved),
        qty=order.qty if notional is None else None,
        notional=notional,
        filled_qty=shelved.filled,
        filled_avg_price=None if average is None else average.quantize(PRICE_STEP),
        created_ns=shelved.created_ns,
        updated_ns=shelved.updated_ns,
        submitted_ns=shelved.submitted_ns,
        order_class=order.order_class,
        limit_price=limit,
        stop_price=shelved.stop_price if kind in _STOPS else None,
        trail_price=order.trail_price,
        trail_percent=order.trail_percent,
        hwm=shelved.hwm,
        extended_hours=bool(terms and terms.extended_hours),
        filled_ns=shelved.filled_ns if shelved.is_whole else None,
        expired_ns=shelved.ended_ns if state is OrderState.EXPIRED else None,
        canceled_ns=shelved.ended_ns if state is OrderState.CANCELED else None,
        failed_ns=shelved.ended_ns if state in _FAILED else None,
        replaced_ns=shelved.ended_ns if state is OrderState.REPLACED else None,
        expires_ns=_expires_ns(shelved, tif),
        replaces=shelved.replaces.id if shelved.replaces is not None else None,
        replaced_by=_successor(shelved),
        legs=tuple(order_view(leg) for leg in shelved.legs),
    )


_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
_FAILED = (OrderState.REJECTED, OrderState.ABSENT)


def _status(shelved: Shelved) -> str:
    return status_of(
        shelved.state, shelved.status, is_whole=shelved.is_whole, is_part=shelved.filled > 0
    )


def _successor(shelved: Shelved) -> str | None:
    """Return the id of the order that came in the place of one, once it has."""
    after = shelved.replaced_by
    return after.id if after is not None and shelved.state is OrderState.REPLACED else None


def _expires_ns(shelved: Shelved, tif: TimeInForce) -> int | None:
    is_coin = shelved.order.key.startswith(AssetClass.CRYPTO.value)
    if tif is TimeInForce.GTC or is_coin:
        return shelved.submitted_ns + GTC_DAYS * DAY_NS
    return calendar_for(AssetClass.US_EQUITY).next_close(shelved.submitted_ns)


def update_of(told: Told, position_qty: Decimal) -> dict[str, Any]:
    """Return one message of the stream of trade updates."""
    name = f"{told.order.id}/{told.event}/{told.at_ns}/{told.order.filled}"
    fill = told.fill
    return update_json(
        event=told.event,
        event_id=wire_id(name),
        at_ns=told.at_ns,
        order=order_of(told.order),
        fill=None
        if fill is None
        else Execution(
            wire_id(fill.execution_id),
            fill.price,
            fill.qty,
            position_qty,
            wire_id(told.revises) if told.revises else "",
        ),
    )


def fills_of(trader: Driven, fills: list[Executed]) -> list[dict[str, Any]]:
    """Return the rows of executions, and of the fees taken from coins, newest first."""
    rows: list[dict[str, Any]] = []
    for fill, shelved, filled, at_ns, event, revises, fee_back in fills:
        symbol = fill.key.partition(":")[2]
        name = f"{event} {revises}" if event else fill.execution_id
        in_coin = fill.fee if fill.fee_asset != "USD" and not event else -fee_back
        if in_coin:
            rows.append(
                coin_fee_json(
                    name=wire_id(f"fee {name}"),
                    at_ns=at_ns,
                    symbol=symbol,
                    qty=in_coin,
                    price=fill.price,
                )
            )
        rows.append(
            fill_json(
                name=wire_id(name),
                at_ns=at_ns,
                symbol=symbol,
                side=fill.side,
                qty=fill.qty,
                price=fill.price,
                order_id=shelved.id,
                order_qty=shelved.order.qty,
                filled_qty=filled,
                event=event,
                previous=wire_id(revises) if revises else "",
            )
        )
    return rows


def instruments_of(trader: Driven) -> dict[Key, Instrument]:
    """Return what is listed for the account."""
    return trader.engine.state.instruments
