"""The ladder over the wire: what a bot may do on each step, and who is told of what would be."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.wire.raw import Raw
from tests.wire.serving import PROGRAM, Served, gateway
from tests.wire.test_alpaca_py import eventually
from tests.wire.test_evasion import denied

from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Answer, Request, ask

OVER = {"qty": None, "notional": "20000"}
"""Twice what one coin may be of the account."""

INSIDE = {"symbol": "ETH/USD", "qty": None, "notional": "1000"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with gateway(tmp_path, settings='[account]\nenforcement = "warn"\n') as running:
        yield running


@pytest.fixture
def raw(served: Served) -> Raw:
    return Raw(served.url, served.keys["bot"])


def step_to(served: Served, step: str, token: str) -> Answer:
    """Ask for a step as the command does."""
    request = Request(Command.ENFORCE, "a test", "a quiet week", token, {"step": step})
    return ask(served.folder, request)


def holds(raw: Raw, symbol: str) -> float:
    return next(
        (
            float(one["market_value"])
            for one in raw("GET", "/v2/positions").json
            if one["symbol"] == symbol
        ),
        0.0,
    )


def told(served: Served, *words: str) -> list[dict[str, Any]]:
    """Return what a command says of the account that runs, as an operator reads it."""
    place = ["--ledger", str(served.folder / "ledger.sqlite"), "--json"]
    done = subprocess.run([PROGRAM, *words, *place], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def house_orders(served: Served) -> int:
    """Count what the house sent, in the venue's own file."""
    file = served.folder / "broker.sqlite"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        (count,) = db.execute("SELECT count(*) FROM orders WHERE bot = 'house'").fetchone()
    return int(count)


def over_the_cap(raw: Raw) -> None:
    """Let the bot hold twice what one coin may be of the account."""
    answer = raw.order(**OVER)
    assert answer.status == 200, answer.body
    eventually(lambda: holds(raw, "BTCUSD") > 19_000)


def test_warn_forwards_what_would_be_denied_and_tells_the_bot_and_the_operator(
    served: Served, raw: Raw
) -> None:
    order = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    asked = raw("POST", "/sl/v1/preview", {**order, "notional": "20000"}).json
    assert (asked["verdict"], asked["reason"], asked["bound"]) == ("warned", "cap_symbol", "0.1")
    assert asked["given"] == asked["asked"]
    over_the_cap(raw)
    (warned,) = (
        one for one in told(served, "orders", "--verdict", "warned") if one["bot"] == "bot"
    )
    assert (warned["reason"], warned["given"]) == ("cap_symbol", warned["asked"])
    assert warned["order"]["state"] == "filled"
    (shown,) = told(served, "enforcement", "show")
    assert [
        (one["done"], one["foreseen"]) for one in shown["evidence"] if one["what"] == "denied"
    ] == [(0, 1)]
    log = served.folder.parent.parent / "run.log"
    eventually(lambda: "warned: buy BTC/USD" in log.read_text())


def test_warn_forwards_no_sale_of_what_is_not_held(raw: Raw) -> None:
    assert denied(raw.order(side="sell", qty="0.1"))
    assert raw("GET", "/v2/orders?status=all").json == []


def test_warn_forwards_nothing_that_a_person_has_stopped(served: Served, raw: Raw) -> None:
    ask(served.folder, Request(Command.HALT, "a test", "lunch"))
    refused = raw.order(**INSIDE)
    assert (refused.status, refused.json["reason"]) == (403, "halted")


def test_entries_denies_what_adds_too_much_and_lets_the_rest_through(
    served: Served, raw: Raw
) -> None:
    over_the_cap(raw)
    resting = raw.order(symbol="ETH/USD", type="limit", limit_price="900", qty="0.02").json
    assert step_to(served, "entries", token="").result == "refused"
    assert step_to(served, "entries", served.admin).result == "done"
    refused = raw.order(**OVER)
    assert denied(refused)
    assert refused.json["reason"] == "cap_symbol"
    assert raw.order(**INSIDE).status == 200
    assert raw("DELETE", f"/v2/orders/{resting['id']}").status == 204
    assert raw.order(side="sell", qty=None, notional="1000").status == 200
    eventually(lambda: 0 < holds(raw, "BTCUSD") < 19_500)


def test_the_house_sells_on_the_last_step_only(served: Served, raw: Raw) -> None:
    over_the_cap(raw)
    assert step_to(served, "entries", served.admin).result == "done"

    def would_sell() -> list[dict[str, Any]]:
        decisions = told(served, "orders", "--verdict", "warned")
        return [one for one in decisions if one["source"] == "house"]

    assert eventually(would_sell)[0]["given"] == "0"
    assert house_orders(served) == 0
    assert holds(raw, "BTCUSD") > 19_000
    assert step_to(served, "all", served.admin).result == "done"
    eventually(lambda: house_orders(served) > 0)
    eventually(lambda: holds(raw, "BTCUSD") < 10_500)
