"""Orders over the wire: placed, changed, cancelled and listed, each for the bot that asks."""

import asyncio
import time
import uuid
from typing import Any

from msgspec import structs

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import OrderState, Side, TimeInForce
from smart_leverage.domain.records import Decided
from smart_leverage.engine.events import CancelWished, ChangeWished, Event, Wished
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.shelf import Shelf, Shelved
from smart_leverage.server.bridge import Bridge, Settling
from smart_leverage.server.gateway.denying import REFUSED, denial, refusal
from smart_leverage.server.gateway.instruments import Listing
from smart_leverage.server.gateway.listing import listed
from smart_leverage.server.gateway.loops import Loops, suspension
from smart_leverage.server.gateway.repeats import Repeats
from smart_leverage.server.gateway.views import order_of
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.server.rates import Rates
from smart_leverage.wire.checks import check_for_asset
from smart_leverage.wire.errors import forbidden, not_found, unprocessable
from smart_leverage.wire.order_list import order_list
from smart_leverage.wire.requests import change_request, order_request
from smart_leverage.wire.terms import ChangeRequest, OrderRequest

CANCEL_WITHIN_S = 3.0
CANCEL_LOOK_S = 0.05

Answer = dict[str, Any]


class Orders:
    """The routes of orders; every one that could add goes through the engine's decision."""

    def __init__(self, bridge: Bridge, listing: Listing, rates: Rates, similar_max: float) -> None:
        """Join the parts.

        Args:
            bridge: To the account.
            listing: What may be traded.
            rates: How often a token may come.
            similar_max: How often a bot may ask for one instrument within a minute before it is
                taken for one that loops.
        """
        self._bridge = bridge
        self._listing = listing
        self._rates = rates
        self._repeats = Repeats()
        self._similar_max, self._loops = similar_max, Loops(similar_max)

    # -- placing ----------------------------------------------------------------------------------

    async def create(self, call: Call) -> Reply:
        """Decide an order, and answer once the broker has taken it or the outcome stays open."""
        request = order_request(call.content)
        key = self._listing.key(request.symbol)
        check_for_asset(request, is_crypto=self._listing[key].asset_class is AssetClass.CRYPTO)
        if request.side is Side.BUY:
            _check_may_add(call)
            self._rates.take(call.seat.token_id)
            await self._stop_loop(call, key)
        with self._repeats.naming(call, request.client_order_id) as name:
            answer = await self.place(call, wish_of(request, key, name))
            return reply(answer)

    async def place(self, call: Call, wish: OrderWish) -> Answer:
        """Have a wish of a bot decided; return its order.

        Raises:
            WireError: Denied, or refused by the broker.
        """
        bot, may_shrink = call.bot, call.seat.may_shrink

        def stamp(at_ns: int) -> Event:
            return Wished(
                at_ns=at_ns, wish=structs.replace(wish, at_ns=at_ns), bot=bot, may_shrink=may_shrink
            )

        return await self._bridge.want(
            stamp,
            lambda trader, decided, settling: _settle(
                self._bridge.office.shelf, bot, wish.id, decided, settling
            ),
            lambda trader, shelf: _as_it_stands(shelf, bot, wish.id),
            is_urgent=wish.side is Side.SELL,
        )

    async def _stop_loop(self, call: Call, key: Key) -> None:
        """Suspend a bot that asks for the same again and again; what it holds it may still sell.

        Raises:
            WireError: It did; nothing of this was decided.
        """
        bot = call.bot
        if not self._loops.is_one(bot, key):
            return

        def done(trader: Driven, decided: object, settling: Settling[None]) -> None:
            settling.put(None)

        await self._bridge.want(
            lambda at_ns: suspension(at_ns, bot, key, self._similar_max),
            done,
            lambda trader, shelf: None,
            is_urgent=True,
        )
        raise forbidden("this bot asks for the same again and again and is suspended; an admin "
                        "gives it another token")  # fmt: skip

    # -- changing ---------------------------------------------------------------------------------

    async def replace(self, call: Call) -> Reply:
        """Decide what is to come in the place of an open order."""
        change = change_request(call.content)
        old = await self._known(call)
        _check_changeable(old, change)
        if old.order.side is Side.BUY:
            _check_may_add(call)
            if _could_add(old, change):
                self._rates.take(call.seat.token_id)
                await self._stop_loop(call, old.order.key)
        name = change.client_order_id or str(uuid.uuid4())
        ours, bot = old.order.client_order_id, call.bot

        def stamp(at_ns: int) -> Event:
            return ChangeWished(
                at_ns=at_ns,
                bot=bot,
                client_order_id=ours,
                request=name,
                qty=change.qty,
                limit_price=change.limit_price,
                stop_price=change.stop_price,
                trail=change.trail,
            )

        answer: Answer = await self._bridge.want(
            stamp,
            lambda trader, decided, settling: _settle(
                self._bridge.office.shelf, bot, name, decided, settling
            ),
            lambda trader, shelf: _as_it_stands(shelf, bot, name),
            is_urgent=old.order.side is Side.SELL,
        )
        return reply(answer)

    # -- cancelling -------------------------------------------------------------------------------

    async def cancel(self, call: Call) -> Reply:
        """Ask for a cancel; the stream tells when it has come through."""
        shelved = await self._known(call)
        if shelved.is_final:
            raise unprocessable(f'order is already in "{_word(shelved)}" state')
        await self._cancelled(call.bot, shelved)
        return Reply(204)

    async def cancel_all(self, call: Call) -> Reply:
        """Cancel every open order of the bot, and of nobody else."""
        call.query.only()
        return reply(await self.sweep(call.bot), 207)

    async def sweep(self, bot: str) -> list[Answer]:
        """Cancel a bot's open orders; return what became of each request."""
        shelves = await self._bridge.ask(lambda trader, shelf: shelf.open_orders(bot))
        # An entry takes its exits along; once it has ended they have to be cancelled themselves.
        entries = [one for one in shelves if one.parent is None or one.parent.is_final]
        await asyncio.gather(*(self._cancelled(bot, one) for one in entries))
        return [{"id": one.id, "status": 200} for one in shelves]

    async def until_ended(self, bot: str) -> None:
        """Wait, within bounds, until none of a bot's orders can fill any more."""
        until = time.monotonic() + CANCEL_WITHIN_S
        while time.monotonic() < until:
            left = await self._bridge.ask(lambda trader, shelf: len(shelf.open_orders(bot)))
            if not left:
                return
            await asyncio.sleep(CANCEL_LOOK_S)

    async def _cancelled(self, bot: str, shelved: Shelved) -> None:
        ours = shelved.order.client_order_id

        def done(trader: Driven, decided: list[Decided], settling: Settling[None]) -> None:
            settling.put(None)

        await self._bridge.want(
            lambda at_ns: CancelWished(at_ns=at_ns, bot=bot, client_order_id=ours),
            done,
            lambda trader, shelf: None,
            is_urgent=True,
        )

    # -- looking ----------------------------------------------------------------------------------

    async def list(self, call: Call) -> Reply:
        """List the bot's orders by every filter that the wire has."""
        wanted, bot = order_list(call.query), call.bot
        return reply(await self._bridge.ask(lambda trader, shelf: listed(shelf, bot, wanted)))

    async def by_id(self, call: Call) -> Reply:
        """Return one order."""
        is_nested = call.query.only("nested").flag("nested")
        order_id, bot = call.values["id"], call.bot

        def read(trader: Driven, shelf: Shelf) -> Answer:
            return order_of(_found(shelf, bot, order_id), is_nested=is_nested)

        return reply(await self._bridge.ask(read))

    async def by_client_id(self, call: Call) -> Reply:
        """Return one order by the bot's own name for it."""
        name = call.query.only("client_order_id").text("client_order_id") or ""
        bot = call.bot

        def read(trader: Driven, shelf: Shelf) -> Answer:
            shelved = shelf.by_request(bot, name)
            if shelved is None:
                raise not_found(f"order not found for {name}")
            return order_of(shelved, is_nested=False)

        return reply(await self._bridge.ask(read))

    async def _known(self, call: Call) -> Shelved:
        order_id, bot = call.values["id"], call.bot
        return await self._bridge.ask(lambda trader, shelf: _found(shelf, bot, order_id))


# -- on the trading thread ------------------------------------------------------------------------


def _settle(
    shelf: Shelf, bot: str, name: str, decided: list[Decided], settling: Settling[Answer]
) -> None:
    """Answer with a denial, or with the order once the broker has said something of it.

    Without a decision the name was used before: what came of it then is the answer now.
    """
    own = next((each for each in decided if each.bot == bot and each.request == name), None)
    if own is not None and own.given <= 0:
        settling.fail(denial(own))
        return
    shelved = shelf.by_request(bot, name)
    if shelved is None:
        settling.fail(forbidden("the account is halted: its ledger is in trouble"))
        return
    shelf.when_told(shelved.order.client_order_id, lambda one: _answer(one, settling))


def _answer(shelved: Shelved, settling: Settling[Answer]) -> None:
    if shelved.state is OrderState.REJECTED and not shelved.filled:
        settling.fail(refusal(shelved.broker_code, shelved.reason))
    else:
        settling.put(order_of(shelved))


def _as_it_stands(shelf: Shelf, bot: str, name: str) -> Answer:
    """Return an order whose outcome is still open; the stream brings the truth."""
    shelved = shelf.by_request(bot, name)
    if shelved is None:
        raise forbidden("nothing was decided in time, and nothing was sent")
    return order_of(shelved)


def _found(shelf: Shelf, bot: str, order_id: str) -> Shelved:
    shelved = shelf.by_id(bot, order_id)
    if shelved is None:
        raise not_found(f"order not found for {order_id[:64]}")
    return shelved


# -- requests -------------------------------------------------------------------------------------


def wish_of(request: OrderRequest, key: Key, name: str) -> OrderWish:
    """Return what a request wishes; it gets its time on the trading thread."""
    return OrderWish(
        at_ns=0,
        key=key,
        side=request.side,
        source="order",
        id=name,
        qty=request.qty,
        notional=request.notional,
        type=request.type,
        time_in_force=request.time_in_force,
        limit_price=request.limit_price,
        stop_price=request.stop_price,
        order_class=request.order_class,
        take_profit=request.take_profit,
        stop_loss=request.stop_loss,
        stop_loss_limit=request.stop_loss_limit,
        trail_price=request.trail_price,
        trail_percent=request.trail_percent,
        extended_hours=request.extended_hours,
    )


def _check_may_add(call: Call) -> None:
    if not call.seat.may(Scope.TRADE):
        raise forbidden(f"this token lacks the scope trade: its {REFUSED}")


def _check_changeable(old: Shelved, change: ChangeRequest) -> None:
    if old.is_final:
        raise unprocessable(f'order is already in "{_word(old)}" state')
    tif: TimeInForce | None = change.time_in_force
    own = old.terms.time_in_force if old.terms is not None else old.order.time_in_force
    if tif is not None and tif is not own:
        raise unprocessable("time_in_force cannot be replaced here; cancel and send anew")
    if old.terms is not None and old.terms.notional is not None:
        raise unprocessable("notional orders cannot be replaced")


def _could_add(old: Shelved, change: ChangeRequest) -> bool:
    """Tell whether a change of a purchase asks for more, or for what may cost more."""
    order = old.order
    terms = (
        (order.qty, change.qty),
        (order.limit_price, change.limit_price),
        (order.stop_price, change.stop_price),
    )
    return any(after is not None and (before is None or after > before) for before, after in terms)


def _word(shelved: Shelved) -> str:
    return "filled" if shelved.is_whole else shelved.state.value
