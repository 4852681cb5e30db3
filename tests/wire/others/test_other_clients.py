"""Other people's clients, unmodified: each step of theirs ends as it would at the venue."""

from typing import Any

import pytest
from tests.wire.others.conftest import See

FINAL, LATE, UNREADABLE, UNKNOWN, STRANGER = 40310000, 42210000, 40010001, 40410000, 40110000

COMMON = {"too much": FINAL, "not held": FINAL, "unknown order": UNKNOWN, "wrong keys": STRANGER}

REFUSED: dict[str, dict[str, int]] = {
    "trade_api": COMMON
    | {
        "name taken": UNREADABLE,
        "cancel again": LATE,
        "unknown asset": UNKNOWN,
        "no such symbol": LATE,
        "day for a coin": LATE,
        "loosen": FINAL,
        "suspended": FINAL,
    },
    "ccxt": COMMON
    | {
        "too much money": FINAL,
        "too little": FINAL,
        "cancel again": LATE,
        "fill or kill": UNREADABLE,
        "withdraw": FINAL,
    },
    "lumibot": {"too much": FINAL},
    "node_v3": COMMON | {"unknown asset": UNKNOWN, "loosen": FINAL},
    "node_v4": COMMON
    | {
        "unknown asset": UNKNOWN,
        "loosen": FINAL,
        "trailing": UNREADABLE,
        "wallet": FINAL,
        "unknown market": UNREADABLE,
    },
}
"""Which steps of a client are refused, and by which code; every other one has to pass."""


VENUES_OWN = ["trade_api", "node_v3", "node_v4"]
"""The clients that the venue itself gives out; the official one of today is tested beside."""


def coins(text: str) -> Any:
    return pytest.approx(float(text))


@pytest.mark.parametrize("name", REFUSED)
def test_every_step_passes_or_is_refused_as_it_should(see: See, name: str) -> None:
    errors = see(name).errors
    assert errors.keys() == REFUSED[name].keys(), errors
    for step, code in REFUSED[name].items():
        error = errors[step]
        assert code == error["code"] or f'"code":{code}' in error["text"], error


@pytest.mark.parametrize("name", VENUES_OWN)
def test_an_account_is_read(see: See, name: str) -> None:
    steps = see(name)
    account, clock = steps["account"], steps["clock"]
    assert account["status"] == "ACTIVE"
    assert float(account.get("equity")) > 99_000
    assert (clock.get("is_open"), clock.get("isOpen")) != (None, None)
    assert [day["close"] for day in steps["calendar"]] == ["16:00", "13:00", "16:00"]
    assert "BTC/USD" in {asset["symbol"] for asset in steps["assets"]}
    assert steps["asset BTC/USD"]["symbol"] == "BTC/USD"
    assert steps["no positions"] == steps["no orders"] == []
    # The last valuation of a step: what clients before this one paid in fees may be gone from it.
    assert steps["history"]["equity"][0] == pytest.approx(100_000.0, rel=1e-3)


@pytest.mark.parametrize("name", VENUES_OWN)
def test_a_purchase_is_filled_held_less_its_fee_and_sold(see: See, name: str) -> None:
    steps = see(name)
    assert steps["bought"]["id"] == steps["buy"]["id"]
    assert float(steps["bought"]["filled_qty"]) == 0.01
    assert float(steps["position"]["qty"]) == coins("0.009975")
    assert [float(fill["qty"]) for fill in steps["fills"]] == [0.01]
    assert [sale["status"] for sale in steps["sell all"]] == [200]
    assert steps["nothing left"] is True


@pytest.mark.parametrize("name", VENUES_OWN)
def test_an_order_rests_is_changed_and_cancelled(see: See, name: str) -> None:
    steps = see(name)
    first, second = steps["limit"], steps["replace"]
    assert steps["by client id"]["id"] == first["id"]
    assert [order["id"] for order in steps["orders"]] == [first["id"]]
    assert steps["replaced"]["replaced_by"] == second["id"]
    assert (second["replaces"], second["limit_price"]) == (first["id"], "910")
    assert steps["cancelled"]["status"] == "canceled"
    assert steps["none open"] is True


@pytest.mark.parametrize("name", VENUES_OWN)
def test_the_stream_tells_what_becomes_of_each_order(see: See, name: str) -> None:
    steps = see(name)
    told = steps["updates"]

    def events(order: dict[str, Any]) -> list[str]:
        return [each["event"] for each in told if each["order"]["id"] == order["id"]]

    bought = events(steps["buy"])
    assert (bought[0], bought[-1]) == ("new", "fill")
    assert events(steps["limit"]) == ["new", "replaced"]
    assert events(steps["replace"]) == ["new", "pending_cancel", "canceled"]


@pytest.mark.parametrize("name", VENUES_OWN)
def test_watchlists(see: See, name: str) -> None:
    steps = see(name)
    assert [asset["symbol"] for asset in steps["watchlist"]["assets"]] == ["SPY", "BTC/USD"]
    assert steps["rename"]["name"] == "other"
    assert steps["watchlists"] == []


def test_node_reads_the_clock_and_the_calendar_of_a_market(see: See) -> None:
    steps = see("node_v4")
    assert [clock["market"]["acronym"] for clock in steps["newer clock"]["clocks"]] == [
        "NYSE",
        "NASDAQ",
    ]
    (clock,) = steps["clock of one"]["clocks"]
    assert (clock["phase"], clock["isMarketDay"]) == ("core", True)
    assert clock["phaseUntil"] == clock["nextMarketClose"] == "2026-11-25T21:00:00.000Z"
    days = steps["newer calendar"]["calendar"]
    assert [day["date"][:10] for day in days] == ["2026-11-25", "2026-11-27", "2026-11-30"]
    assert [day["coreEnd"][11:16] for day in days] == ["21:00", "18:00", "21:00"]
    assert [day.get("postEnd", "")[11:16] for day in days] == ["01:00", "", "01:00"]


def test_node_waits_on_the_stream_for_its_order(see: See) -> None:
    done = see("node_v4")["buy and wait"]
    assert (done["status"], done["notional"]) == ("filled", "50")


def test_a_repeated_request_is_the_same_order(see: See) -> None:
    steps = see("trade_api")
    assert steps["again"]["id"] == steps["limit"]["id"]


# -- ccxt -----------------------------------------------------------------------------------------


def test_ccxt_knows_markets_balances_and_trades(see: See) -> None:
    steps = see("ccxt")
    assert steps["markets"]["BTC/USD"] == "BTC/USD"
    assert steps["balance"]["USD"]["total"] == pytest.approx(100_000, rel=0.01)
    assert steps["balance with coins"]["BTC"] == {
        "free": coins("0.009975"),
        "used": 0.0,
        "total": coins("0.009975"),
    }
    assert [trade["amount"] for trade in steps["trades"]] == [0.01]
    assert (steps["sold"]["filled"], steps["sold"]["remaining"]) == (coins("0.009975"), 0.0)
    assert steps["bought for money"]["cost"] == pytest.approx(50, rel=0.02)
    assert [order["status"] for order in steps["closed orders"]] == ["closed", "closed"]


def test_ccxt_changes_and_cancels(see: See) -> None:
    steps = see("ccxt")
    assert steps["limit"]["clientOrderId"] == "ccxt-1"
    assert [order["id"] for order in steps["open orders"]] == [steps["limit"]["id"]]
    assert (steps["edit"]["price"], steps["edit"]["status"]) == (910.0, "open")
    assert steps["edited"]["status"] == "canceled"
    assert (steps["trigger"]["triggerPrice"], steps["trigger"]["price"]) == (9_000.0, 9_010.0)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("too much", "InsufficientFunds"),
        ("too much money", "InsufficientFunds"),
        ("not held", "InsufficientFunds"),
        ("too little", "InvalidOrder"),
        ("cancel again", "BadRequest"),
        ("fill or kill", "BadRequest"),
        ("wrong keys", "PermissionDenied"),
    ],
)
def test_ccxt_takes_a_refusal_as_final_and_not_as_lost(see: See, step: str, kind: str) -> None:
    """Of an OperationFailed it would hold that the order may have arrived, and may send again."""
    kinds = see("ccxt").errors[step]["kinds"]
    assert kinds[0] == kind
    assert "ExchangeError" in kinds
    assert "OperationFailed" not in kinds


def test_ccxt_watches_its_orders_and_trades(see: See) -> None:
    """It keeps the last state of an order only, so one between may be gone before it is read."""
    steps = see("ccxt")
    watched = steps["watched"]
    assert (watched[0], watched[-1]) == ([True, "open"], [True, "canceled"])
    assert steps["watched trades"] == [[True, "buy", 0.01]]


# -- lumibot --------------------------------------------------------------------------------------


def test_a_strategy_of_lumibot_trades_to_its_end(see: See) -> None:
    steps = see("lumibot")
    assert steps["left"] == []
    assert steps["worth"][1] == pytest.approx(100_000, rel=0.01)
    assert steps["bought"]["quantity"] == 0.01
    assert steps["position"] == coins("0.009975")
    cash, worth = steps["worth after"]
    assert cash < worth - 500
    assert steps["cancelled"]["status"] == "canceled"
    assert steps["positions"] == []
    assert sorted(order["status"] for order in steps["orders"]) == ["canceled", "fill", "fill"]
