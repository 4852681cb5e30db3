"""Bars of an exchange through ccxt, unmodified: pages, an empty stretch, and a busy server."""

import json
import os
import subprocess
from typing import Any

import pytest
from tests.wire.bars_server import serving
from tests.wire.others.conftest import HERE, TOOLS, Steps

HOUR_S = 3_600
FIRST_S, HOURS = 1_704_067_200, 2_500
EMPTY = range(600, 1_700)
"""Hours without a bar: more than two pages, so that one page in between has none at all."""

MARKET = {
    "name": "BTC/USD",
    "market_symbol": "btcusd",
    "base_currency": "BTC",
    "base_decimals": 8,
    "counter_currency": "USD",
    "counter_decimals": 0,
    "minimum_order_value": "10",
    "trading": "Enabled",
    "market_type": "SPOT",
    "description": "Bitcoin / U.S. dollar",
    "instant_order_counter_decimals": 2,
}


class Exchange:
    """Answers as Bitstamp does; is busy at first, and once more in the middle."""

    def __init__(self) -> None:
        self.busy = [(429, {"Retry-After": "3"}), (503, {})]

    def answers(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if "/markets" in path:
            return 200, {}, [MARKET]
        if "/ohlc/btcusd" not in path:
            return 200, {}, []
        if self.busy:
            status, heads = self.busy.pop(0)
            return status, heads, {}
        asked = range(int(query["start"]), int(query["end"]) + 1)
        bars = [bar(n) for n in range(HOURS) if n not in EMPTY and FIRST_S + n * HOUR_S in asked]
        return 200, {}, {"data": {"pair": "BTC/USD", "ohlc": bars[: int(query["limit"])]}}


def bar(number: int) -> dict[str, str]:
    values = {"open": "100.5", "high": "102", "low": "99", "close": f"{100 + number % 2}"}
    return {"timestamp": str(FIRST_S + number * HOUR_S), "volume": "0.25", **values}


@pytest.fixture(scope="module")
def seen() -> Steps:
    until_s = FIRST_S + (HOURS - 1) * HOUR_S  # the last hour is not asked for
    with serving(Exchange().answers) as server:
        done = subprocess.run(
            [
                str(TOOLS / "ccxt" / "bin" / "python"),
                str(HERE / "clients" / "with_ccxt_bars.py"),
                server.url,
                str(FIRST_S * 10**9),
                str(until_s * 10**9),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=180.0,
            env=os.environ | {"PYTHONPATH": str(HERE.parents[2] / "src")},
        )
    assert done.returncode == 0, done.stderr[-4_000:]
    return Steps(json.loads(done.stdout.splitlines()[-1]))


def test_every_bar_comes_once_and_an_empty_stretch_is_no_end(seen: Steps) -> None:
    assert seen["name"] == "ccxt-bitstamp"
    rows = seen["bars"]
    wanted = [n for n in range(HOURS - 1) if n not in EMPTY]
    assert [row[0] for row in rows] == [(FIRST_S + n * HOUR_S) * 10**9 for n in wanted]
    assert rows[1] == [(FIRST_S + HOUR_S) * 10**9, 100.5, 102.0, 99.0, 101.0, 0.25]


def test_a_busy_exchange_is_asked_again_when_it_says(seen: Steps) -> None:
    assert seen["pauses"] == [3.0, 2.0]


def test_what_the_exchange_does_not_have_is_refused(seen: Steps) -> None:
    told = {name: error["text"] for name, error in seen.errors.items()}
    assert told.keys() == {"unknown", "step", "adjusted", "no exchange", "elsewhere"}
    assert "XYZ/USD" in told["unknown"]
    assert "no bars of 7m" in told["step"]
    assert "no splits" in told["adjusted"]
    assert "knows no exchange" in told["no exchange"]
    assert "on this machine" in told["elsewhere"]
