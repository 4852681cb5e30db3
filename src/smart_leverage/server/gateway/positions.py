"""What a bot holds, listed and closed; a close is a sale like any other and never blocked."""

import asyncio
import uuid
from decimal import ROUND_DOWN, Decimal
from typing import Any

from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side, TimeInForce
from smart_leverage.engine.subaccount import Holding
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.server.bridge import Bridge
from smart_leverage.server.gateway.instruments import Listing
from smart_leverage.server.gateway.orders import Orders
from smart_leverage.server.gateway.views import LastPrice, position_of
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.wire.accounts import position_symbol
from smart_leverage.wire.assets import asset_id
from smart_leverage.wire.errors import WireError, invalid, not_found
from smart_leverage.wire.fields import QTY_STEP, stepped
from smart_leverage.wire.numbers import positive
from smart_leverage.wire.reading import Query


class Positions:
    """The routes of positions."""

    def __init__(
        self, bridge: Bridge, orders: Orders, listing: Listing, last_price: LastPrice
    ) -> None:
        """Join the parts."""
        self._bridge = bridge
        self._orders = orders
        self._listing = listing
        self._last_price = last_price

    async def list(self, call: Call) -> Reply:
        """List everything that the bot holds."""
        bot = call.bot
        found = await self._bridge.ask(lambda trader, shelf: trader.engine.holdings(bot))
        return reply([position_of(one, self._last_price(one.instrument.key)) for one in found])

    async def one(self, call: Call) -> Reply:
        """Return one position, by any spelling of its symbol or by the id of its asset."""
        holding = await self._held(call)
        return reply(position_of(holding, self._last_price(holding.instrument.key)))

    async def close(self, call: Call) -> Reply:
        """Sell a position, all of it or a part."""
        query = call.query.only("qty", "percentage")
        holding = await self._held(call)
        return reply(await self._sold(call, holding.instrument, _part(query, holding)))

    async def close_all(self, call: Call) -> Reply:
        """Sell everything that the bot holds, if wanted after its orders were cancelled."""
        bot = call.bot
        if call.query.only("cancel_orders").flag("cancel_orders"):
            await self._orders.sweep(bot)
            await self._orders.until_ended(bot)
        found = await self._bridge.ask(lambda trader, shelf: trader.engine.holdings(bot))
        rows = await asyncio.gather(*(self._closed(call, holding) for holding in found))
        return reply(rows, 207)

    async def _closed(self, call: Call, holding: Holding) -> dict[str, Any]:
        row: dict[str, Any] = {"symbol": position_symbol(holding.instrument)}
        try:
            body = await self._sold(call, holding.instrument, holding.qty)
        except WireError as error:
            return {**row, "status": error.status, "body": error.body()}
        return {**row, "status": 200, "body": body}

    async def _sold(self, call: Call, instrument: Instrument, qty: Decimal) -> dict[str, Any]:
        is_coin = instrument.asset_class is AssetClass.CRYPTO
        wish = OrderWish(
            at_ns=0,
            key=instrument.key,
            side=Side.SELL,
            source="order",
            id=str(uuid.uuid4()),
            qty=qty,
            time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
        )
        return await self._orders.place(call, wish)

    async def _held(self, call: Call) -> Holding:
        symbol, bot = call.values["symbol"], call.bot
        key = self._listing.key_in_path(symbol)

        def read(trader: Driven, shelf: Shelf) -> Holding | None:
            if key is not None:
                return trader.engine.holding(bot, key)
            named = (one for one in trader.engine.holdings(bot) if _is_named(one, symbol))
            return next(named, None)

        holding = await self._bridge.ask(read)
        if holding is None:
            raise not_found("position does not exist")
        return holding


def _is_named(holding: Holding, name: str) -> bool:
    key: Key = holding.instrument.key
    return asset_id(key) == name


def _part(query: Query, holding: Holding) -> Decimal:
    """Return how much of a holding is meant: a percentage of whole shares stays whole."""
    qty, percentage = query.text("qty"), query.text("percentage")
    if qty is not None and percentage is not None:
        raise invalid("only one of qty and percentage can be given")
    if qty is not None:
        return stepped(positive(qty, "qty"), "qty")
    if percentage is None:
        return holding.qty
    share = positive(percentage, "percentage")
    if share > 100:
        raise invalid("percentage must be at most 100")
    step = Decimal(1) if holding.qty % 1 == 0 else QTY_STEP
    part = (holding.qty * share / 100).quantize(step, rounding=ROUND_DOWN)
    if part <= 0:
        raise invalid("percentage comes to less than the smallest quantity")
    return part
