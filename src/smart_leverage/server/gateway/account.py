"""The bot's account, its configuration, what happened in it, and what it was worth."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from smart_leverage.domain.bots import is_suspended
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.server.bridge import Bridge, Settling
from smart_leverage.server.gateway.views import account_of, fills_of
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.wire.accounts import configuration_json
from smart_leverage.wire.activities import activity_list, page
from smart_leverage.wire.errors import forbidden, invalid
from smart_leverage.wire.history import HistoryRequest, history_json, history_request

_FIXED = {
    "fractional_trading": True,
    "max_margin_multiplier": "1",
    "no_shorting": True,
    "trade_confirm_email": "none",
    "ptp_no_exception_entry": False,
    "max_options_trading_level": 0,
    "disable_overnight_trading": True,
}
"""What a bot's configuration is; margin, shorts and options are not lent on by this gateway."""

_REMOVED = frozenset({"dtbp_check", "pdt_check"})


class AccountRoutes:
    """The routes below `/v2/account`."""

    def __init__(self, bridge: Bridge, ledger: Path, now_ns: Callable[[], int]) -> None:
        """Join the parts; the ledger is read by connections of their own."""
        self._bridge = bridge
        self._ledger = ledger
        self._now_ns = now_ns

    async def account(self, call: Call) -> Reply:
        """Return the bot's account."""
        bot = call.bot
        return reply(await self._bridge.ask(lambda trader, shelf: account_of(trader, bot)))

    async def configuration(self, call: Call) -> Reply:
        """Return the bot's configuration."""
        return reply(configuration_json(is_suspended=await self._is_suspended(call.bot)))

    async def configure(self, call: Call) -> Reply:
        """Tighten the configuration; whatever would loosen it is refused."""
        wants = {name: value for name, value in call.content.items() if value is not None}
        for name, value in wants.items():
            if name in _REMOVED:
                continue
            if name == "suspend_trade":
                if type(value) is not bool:
                    raise invalid("suspend_trade must be true or false")
                continue
            if name not in _FIXED:
                raise invalid(f"unknown field {name}")
            if str(value) != str(_FIXED[name]):
                raise forbidden(f"{name} stays {_FIXED[name]} behind this gateway")
        is_now = await self._is_suspended(call.bot)
        if wants.get("suspend_trade") is False and is_now:
            raise forbidden("only an admin lets a bot trade again that suspended itself")
        if wants.get("suspend_trade") is True and not is_now:
            await self._suspend(call)
        return await self.configuration(call)

    async def _is_suspended(self, bot: str) -> bool:
        return await self._bridge.ask(
            lambda trader, shelf: is_suspended(trader.engine.state.seats, bot)
        )

    async def _suspend(self, call: Call) -> None:
        bot, who = call.bot, call.seat.token_id

        def done(trader: Driven, decided: object, settling: Settling[None]) -> None:
            settling.put(None)

        await self._bridge.want(
            lambda at_ns: Commanded(
                at_ns=at_ns,
                command=Command.SEAT,
                who=who,
                reason="the bot suspended itself",
                changes=(("suspend", bot),),
            ),
            done,
            lambda trader, shelf: None,
            is_urgent=True,
        )

    # -- what happened ----------------------------------------------------------------------------

    async def activities(self, call: Call) -> Reply:
        """List the bot's executions and fees, newest first unless it is turned round."""
        wanted = activity_list(call.query, call.values.get("type"))
        bot = call.bot

        def read(trader: Driven, shelf: Shelf) -> list[dict[str, Any]]:
            return fills_of(trader, list(shelf.fills(bot)))

        rows = await self._bridge.ask(read)
        return reply(page(rows, wanted))

    # -- what it was worth ------------------------------------------------------------------------

    async def history(self, call: Call) -> Reply:
        """Return the account's equity over time, from the ledger's valuations."""
        wanted = history_request(call.query, self._now_ns())
        points = await asyncio.to_thread(_points, self._ledger, wanted)
        return reply(history_json(points, wanted.timeframe))


def _points(ledger: Path, wanted: HistoryRequest) -> list[tuple[int, Decimal]]:
    """Return the last valuation of each step, labelled by where the step begins."""
    points: dict[int, Decimal] = {}
    with Reader.open(ledger) as reader:
        for row in reader.marks(since_ns=wanted.start_ns, until_ns=wanted.end_ns + 1):
            points[row.at_ns - row.at_ns % wanted.step_ns] = row.equity
    return sorted(points.items())
