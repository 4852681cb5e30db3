"""An order leaves nothing behind that only a collection of garbage could free."""

import asyncio
import gc
import json
from collections import Counter
from pathlib import Path
from types import CoroutineType, FrameType, TracebackType

import pytest
from tests.fuzz.account import account

ORDERS = 40


def is_of_an_order(left: object) -> bool:
    """Whether an order may have left it; compilers in the same process leave much else."""
    is_ours = type(left).__module__.startswith("smart_leverage")
    kinds = (FrameType, TracebackType, CoroutineType, asyncio.Future)
    return is_ours or isinstance(left, kinds)


@pytest.mark.parametrize(
    ("qty", "status"),
    [pytest.param("0.001", 200, id="approved"), pytest.param("0.0001", 403, id="denied")],
)
def test_an_order_leaves_no_cycles(tmp_path: Path, qty: str, status: int) -> None:
    with account(tmp_path) as one, asyncio.Runner() as runner:

        def send(name: str) -> int:
            order = {"symbol": "BTC/USD", "qty": qty, "side": "buy", "type": "market"}
            order |= {"time_in_force": "gtc", "client_order_id": name}
            return runner.run(one("POST", "/v2/orders", json.dumps(order).encode())).status

        send("first")
        gc.collect()
        gc.disable()
        try:
            assert {send(f"o{number}") for number in range(ORDERS)} == {status}
            one.move()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = Counter(type(each).__qualname__ for each in gc.garbage if is_of_an_order(each))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert left.total() < ORDERS, left
