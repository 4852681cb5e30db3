"""The native routes: preview, explanations, signals, the halt, and how the account stands."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from smart_leverage.domain.bots import Scope, Seat, authentic
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.domain.sentences import sentence
from smart_leverage.domain.stamps import iso, read_stamp
from smart_leverage.engine.events import Command, Commanded, Event, Proposed, Wished
from smart_leverage.ledger.reader import Reader
from smart_leverage.reports.explain import explain
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.people.seats import is_person
from smart_leverage.runtime.shelf import Shelf, Shelved
from smart_leverage.server.api.prospects import prospect
from smart_leverage.server.api.shapes import (
    Alert,
    DecisionTold,
    Explained,
    Ordered,
    Outcome,
    Reasoned,
    Signal,
    Standing,
    read,
)
from smart_leverage.server.bridge import Bridge, Settling
from smart_leverage.server.gateway.instruments import Listing
from smart_leverage.server.gateway.orders import wish_of
from smart_leverage.server.gateway.views import order_of
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.server.rates import Rates
from smart_leverage.wire.checks import check_for_asset
from smart_leverage.wire.errors import forbidden, invalid, not_found, unauthorized
from smart_leverage.wire.requests import order_request

FRESH_S = 300
"""A signal that became known longer ago, or so long ahead, is refused."""


class NativeParts(NamedTuple):
    """What the native routes stand on."""

    bridge: Bridge
    listing: Listing
    folder: Path
    ledger: Path
    rates: Rates
    seats: Callable[[], dict[str, Seat]]
    now_ns: Callable[[], int]
    settle: Callable[[], object] = lambda: None
    """Waits, within bounds, until the purchases on their way are out of the way."""


class Native:
    """The handlers of the native routes."""

    def __init__(self, parts: NativeParts) -> None:
        """Join the parts."""
        self._parts = parts
        self._bridge = parts.bridge

    async def status(self, call: Call) -> Reply:
        """Return how the account stands."""
        return reply(await self._bridge.ask(lambda trader, shelf: _standing(trader)))

    async def preview(self, call: Call) -> Reply:
        """Say what would happen to an order, without sending or remembering it."""
        request = order_request(call.content)
        key = self._parts.listing.key(request.symbol)
        check_for_asset(request, is_crypto=key.startswith("crypto"))
        wish, bot, may_shrink = wish_of(request, key, ""), call.bot, call.seat.may_shrink

        def ask(trader: Driven, shelf: Shelf) -> DecisionTold:
            at_ns = self._parts.now_ns()
            stamped = structs.replace(wish, at_ns=at_ns)
            event = Wished(at_ns=at_ns, wish=stamped, bot=bot, may_shrink=may_shrink)
            return told(trader.engine.preview(event))

        return reply(await self._bridge.ask(ask))

    async def decision(self, call: Call) -> Reply:
        """Explain a decision, to the value that bound it."""
        name = call.values["id"]
        is_admin = call.seat.may(Scope.ADMIN)
        found = await asyncio.to_thread(_explained, self._parts.ledger, name[:32])
        if found is None or not (is_admin or found.bot == call.bot):
            raise not_found(f"decision not found for {name[:32]}")
        return reply(found)

    async def plan(self, call: Call) -> Reply:
        """Say what would be sold to come inside every cap, and to hold nothing; for people."""
        call.query.only()
        if not (call.seat.may(Scope.ADMIN) or is_person(call.seat)):
            raise forbidden("a bot sees what is its own; a person sees the plan of the account")
        now_ns = self._parts.now_ns()
        return reply(await self._bridge.ask(lambda trader, shelf: prospect(trader.engine, now_ns)))

    async def halt(self, call: Call) -> Reply:
        """Halt the account: in force before this is answered, until an admin resumes it."""
        reason, who = read(call.content, Reasoned).reason, call.seat.token_id
        with suppress(OSError):  # The engine halts as well, and says whether that is durable.
            # Every increase looks at it before it leaves.
            HaltFile(self._parts.folder).set(who, reason)

        def stamp(at_ns: int) -> Event:
            return Commanded(at_ns=at_ns, command=Command.HALT, who=who, reason=reason)

        def done(trader: Driven, decided: list[Decided], settling: Settling[Ordered]) -> None:
            settling.put(Ordered(state=trader.engine.state.trading.name.lower(), is_durable=True))

        did: Ordered = await self._bridge.want(
            stamp,
            done,
            lambda trader, shelf: Ordered(state="halted", is_durable=False),
            is_urgent=True,
        )
        await asyncio.to_thread(self._parts.settle)
        return reply(did)

    # -- signals ----------------------------------------------------------------------------------

    async def signal(self, call: Call) -> Reply:
        """Take an opportunity in; the policy sizes it."""
        return await self._take(call.seat, read(call.content, Signal))

    async def alert(self, call: Call) -> Reply:
        """Take a chart's alert in: its key is in the body."""
        alert = read(call.content, Alert)
        key_id, _, secret = alert.key.partition(".")
        seat = authentic(self._parts.seats(), key_id, secret, self._parts.now_ns())
        if seat is None or not seat.may(Scope.TRADE):
            raise unauthorized()
        signal = Signal(
            id=alert.id,
            symbol=alert.symbol,
            side=alert.action,
            at=alert.time,
            confidence=alert.confidence,
        )
        return await self._take(seat, signal)

    async def _take(self, seat: Seat, signal: Signal) -> Reply:
        side, bot = Side(signal.side), seat.bot
        if side is Side.BUY:
            if not seat.may(Scope.TRADE):
                raise forbidden("this token may not do that: it lacks the scope trade")
            self._parts.rates.take(seat.token_id)
        key = self._parts.listing.key(signal.symbol)
        self._check_fresh(signal.at)

        def stamp(at_ns: int) -> Event:
            return Proposed(
                at_ns=at_ns,
                opportunity=Opportunity(
                    at_ns=at_ns,
                    key=key,
                    side=side,
                    confidence=signal.confidence,
                    volatility_ratio=signal.volatility_ratio,
                    horizon_s=signal.horizon_s,
                    source=bot,
                    id=signal.id,
                ),
            )

        def then(trader: Driven, decided: list[Decided], settling: Settling[Outcome]) -> None:
            _settle(self._bridge.office.shelf, bot, signal.id, decided, settling)

        outcome: Outcome = await self._bridge.want(
            stamp,
            then,
            lambda trader, shelf: _outcome(None, shelf.by_request(bot, signal.id)),
            is_urgent=side is Side.SELL,
        )
        return reply(outcome)

    def _check_fresh(self, text: str) -> None:
        try:
            at_ns = read_stamp(text).ns
        except ValueError as error:
            raise invalid(f"at: {error}") from None
        if abs(self._parts.now_ns() - at_ns) > FRESH_S * SECOND_NS:
            raise invalid(f"the signal is not of the last {FRESH_S} s")


def _settle(
    shelf: Shelf, bot: str, name: str, decided: list[Decided], settling: Settling[Outcome]
) -> None:
    own = next((each for each in decided if each.bot == bot and each.request == name), None)
    shelved = shelf.by_request(bot, name)
    if shelved is None or (own is not None and own.given <= 0):
        settling.put(_outcome(own, None))
        return
    shelf.when_told(shelved.order.client_order_id, lambda one: settling.put(_outcome(own, one)))


def _outcome(decided: Decided | None, shelved: Shelved | None) -> Outcome:
    return Outcome(
        decision=None if decided is None else told(decided),
        order=None if shelved is None else order_of(shelved),
    )


def told(decided: Decided) -> DecisionTold:
    """Return a decision as it is told, with its sentence."""
    is_sale = decided.side is Side.SELL
    return DecisionTold(
        id=decided.decision_id,
        verdict=decided.verdict,
        reason=decided.reason,
        sentence=sentence(
            decided.reason, decided.unit, decided.bound, decided.would_be, is_sale=is_sale
        ),
        symbol=decided.key.partition(":")[2],
        side=decided.side.value,
        asked=decided.asked,
        allowed=decided.allowed,
        given=decided.given,
        price=decided.price,
        unit=decided.unit,
        bound=decided.bound,
        would_be=decided.would_be,
        figures=decided.figures,
    )


def _explained(ledger: Path, name: str) -> Explained | None:
    with Reader.open(ledger) as reader:
        row = reader.decision(name)
        if row is None:
            return None
        instruments = {one.key: one for one in reader.instruments()}
        orders = reader.orders(decision_id=row.decision_id)
        lines = explain(row, instrument=instruments.get(row.key), orders=orders)
    decided = structs.asdict(row)
    fields = {name: decided[name] for name in Decided.__struct_fields__ if name in decided}
    base = structs.asdict(told(Decided(**fields)))
    return Explained(**base, at=iso(row.at_ns), bot=row.bot, source=row.source, lines=tuple(lines))


def _standing(trader: Driven) -> Standing:
    engine, state = trader.engine, trader.engine.state
    worth, opened = engine.valuation(), state.opened
    assert opened is not None, "the gateway opens after the account"  # noqa: S101
    return Standing(
        state=state.trading.name.lower(),
        why=state.trading_why,
        is_ready=engine.is_ready,
        tier=state.tier.name.lower(),
        equity=worth.equity,
        crypto=worth.crypto,
        leveraged=worth.leveraged,
        gross=worth.gross,
        crypto_cap=engine.caps.crypto,
        leveraged_cap=engine.caps.leveraged,
        orders_under_way=len(state.orders.by_id),
        policy_hash=opened.policy_hash,
    )
