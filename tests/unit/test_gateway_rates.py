"""How often a bot may come binds what could add exposure, and nothing that lowers it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.account import Account, Answered, account

BURST = 4


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Account]:
    with account(tmp_path, burst=BURST) as opened:
        yield opened


async def order(desk: Account, side: str, **terms: Any) -> Answered:
    usual = {"symbol": "BTC/USD", "type": "market", "time_in_force": "gtc", "qty": "0.001"}
    content = {**usual, "side": side, **terms}
    return await desk("POST", "/v2/orders", json.dumps(content).encode())


async def spent(desk: Account) -> str:
    """Hold a coin and rest a purchase of shares, then use up what is left; return its id."""
    assert (await order(desk, "buy", qty="0.05")).status == 200
    desk.move()
    terms = {"symbol": "SPY", "qty": "2", "limit_price": "500", "time_in_force": "day"}
    resting = await order(desk, "buy", type="limit", **terms)
    assert resting.status == 200
    for _ in range(BURST - 2):
        assert (await desk("GET", "/v2/account")).status == 200
    name: str = json.loads(resting.body)["id"]
    return name


def test_what_could_add_is_refused_and_nothing_of_it_is_decided(desk: Account) -> None:
    async def play() -> None:
        name = await spent(desk)
        before = desk.trader.engine.state.decisions
        refused = await order(desk, "buy")
        assert (refused.status, json.loads(refused.body)["code"]) == (429, 42910000)
        assert (await desk("GET", f"/v2/orders/{name}")).status == 429
        assert desk.trader.engine.state.decisions == before

    asyncio.run(play())


def test_sales_cancels_and_the_brake_are_let_through_as_often_as_they_come(desk: Account) -> None:
    async def play() -> None:
        name = await spent(desk)
        assert (await desk("DELETE", f"/v2/orders/{name}")).status == 204
        for _ in range(3 * BURST):
            assert (await order(desk, "sell")).status == 200
        assert (await desk("DELETE", "/v2/orders")).status == 207
        assert (await desk("DELETE", "/v2/positions")).status == 207
        suspend = b'{"suspend_trade": true}'
        asked = await desk("PATCH", "/v2/account/configurations", suspend)
        assert (asked.status, json.loads(asked.body)["suspend_trade"]) == (200, True)
        assert (await order(desk, "buy")).status == 429

    asyncio.run(play())


def test_a_stranger_cannot_use_up_the_alerts_of_others(desk: Account) -> None:
    async def alert(key: str) -> int:
        content = {"key": key, "id": "a", "symbol": "BTC/USD", "action": "sell", "time": ""}
        body = json.dumps(content).encode()
        return (await desk("POST", "/sl/v1/webhooks/alerts", body)).status

    async def play() -> None:
        for _ in range(BURST + 1):
            assert await alert("PK0.wrong") == 401
        assert await alert("SLKA.s") == 422  # its time cannot be read, but it was let in

    asyncio.run(play())


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"qty": "3"}, 429, id="more"),
        pytest.param({"limit_price": "501"}, 429, id="dearer"),
        pytest.param({"qty": "1", "limit_price": "501"}, 429, id="less-and-dearer"),
        pytest.param({"qty": "1"}, 200, id="less"),
        pytest.param({"limit_price": "499"}, 200, id="cheaper"),
    ],
)
def test_a_change_of_a_purchase_counts_when_it_could_add(
    desk: Account, change: dict[str, str], status: int
) -> None:
    async def play() -> None:
        name = await spent(desk)
        asked = await desk("PATCH", f"/v2/orders/{name}", json.dumps(change).encode())
        assert asked.status == status, asked.body

    asyncio.run(play())
