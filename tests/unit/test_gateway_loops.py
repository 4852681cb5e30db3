"""A bot that loops is suspended by itself: nothing is added for it, and it may still get out."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.account import SEAT, Account, Answered, account

from smart_leverage.domain.bots import is_suspended
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import SeatChanged, decode
from smart_leverage.server.gateway.loops import WITHIN_S, Loops

MOST = 5
BTC, ETH = Key("crypto:BTC/USD"), Key("crypto:ETH/USD")
RESTING = {"type": "limit", "limit_price": "30000", "qty": "0.001"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Account]:
    with account(tmp_path, similar_max=MOST) as opened:
        yield opened


async def order(desk: Account, side: str = "buy", **terms: Any) -> Answered:
    usual = {"symbol": "BTC/USD", "type": "market", "time_in_force": "gtc", "qty": "0.001"}
    return await desk("POST", "/v2/orders", json.dumps({**usual, "side": side, **terms}).encode())


def seats(desk: Account) -> list[SeatChanged]:
    desk.trader.flush()
    entries = [decode(entry.payload) for entry in desk.trader.ledger.read()]
    return [each for each in entries if isinstance(each, SeatChanged)]


def is_told_off(answer: Answered) -> bool:
    return answer.status == 403 and b"again and again and is suspended" in answer.body


def test_a_bot_that_buys_the_same_in_a_loop_is_suspended_until_a_person_says_otherwise(
    desk: Account,
) -> None:
    async def play() -> None:
        for _ in range(MOST):
            assert (await order(desk)).status == 200
        assert is_told_off(await order(desk))
        state = desk.trader.engine.state
        decided = state.decisions
        assert is_suspended(state.seats, SEAT.bot)
        (noted,) = seats(desk)
        assert (noted.who, noted.seat.bot, noted.seat.is_suspended) == ("throttle", SEAT.bot, True)
        assert (
            noted.reason == "it asked for BTC/USD more than 5 times within a minute, so it may loop"
        )
        # Nor may it buy anything else, whatever it says of itself; and it may sell what it holds.
        denied = await order(desk, symbol="ETH/USD", qty="0.01")
        assert (denied.status, state.decisions) == (403, decided + 1)
        lifted = b'{"suspend_trade": false}'
        assert (await desk("PATCH", "/v2/account/configurations", lifted)).status == 403
        desk.move()
        assert (await order(desk, "sell")).status == 200

    asyncio.run(play())


def test_a_loop_of_orders_and_cancels_is_one(desk: Account) -> None:
    async def play() -> None:
        for _ in range(MOST):
            rests = await order(desk, **RESTING)
            assert rests.status == 200
            name = json.loads(rests.body)["id"]
            assert (await desk("DELETE", f"/v2/orders/{name}")).status == 204
            desk.move()
        assert is_told_off(await order(desk, **RESTING))

    asyncio.run(play())


def test_a_loop_of_changes_and_one_of_denials_are_loops(desk: Account) -> None:
    async def play() -> None:
        rests = await order(desk, **RESTING)
        name = json.loads(rests.body)["id"]
        for step in range(1, MOST):
            body = json.dumps({"limit_price": str(30_000 + step)}).encode()
            changed = await desk("PATCH", f"/v2/orders/{name}", body)
            assert changed.status == 200
            name = json.loads(changed.body)["id"]
            desk.move()
        again = await desk("PATCH", f"/v2/orders/{name}", b'{"limit_price": "31000"}')
        assert is_told_off(again)

    async def beat() -> None:
        for _ in range(MOST):
            answer = await order(desk, symbol="ETH/USD", qty="1000")
            assert (answer.status, is_told_off(answer)) == (403, False)
        assert is_told_off(await order(desk, symbol="ETH/USD", qty="1000"))

    asyncio.run(play())
    asyncio.run(beat())


def test_sales_are_never_counted(desk: Account) -> None:
    async def play() -> None:
        assert (await order(desk, qty="0.05")).status == 200
        desk.move()
        for _ in range(4 * MOST):
            assert (await order(desk, "sell")).status == 200
        assert not is_suspended(desk.trader.engine.state.seats, SEAT.bot)

    asyncio.run(play())


def test_who_spreads_it_over_minutes_instruments_or_bots_does_not_loop() -> None:
    now_s = [0.0]
    loops = Loops(MOST, lambda: now_s[0])
    for _ in range(10 * MOST):
        assert not loops.is_one("a", BTC)
        now_s[0] += WITHIN_S / MOST + 0.1
    now_s[0] += 2 * WITHIN_S
    for key, bot in ((BTC, "a"), (ETH, "a"), (BTC, "b")):
        assert not any(loops.is_one(bot, key) for _ in range(MOST))
    assert loops.is_one("a", BTC)
    assert not loops.is_one("a", BTC)  # it is told once, and counted anew
