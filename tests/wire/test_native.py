"""Our own routes over the wire: preview, explanations, signals, alerts, the halt, the document."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.wire.raw import Raw
from tests.wire.serving import Served


@pytest.fixture
def raw(served: Served) -> Raw:
    return Raw(served.url, served.add_bot(f"n{uuid.uuid4().hex[:8]}"))


def now() -> str:
    return datetime.now(UTC).isoformat()


def order(**terms: Any) -> dict[str, Any]:
    usual = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    return usual | terms


def test_a_preview_says_what_would_happen_and_nothing_happens(raw: Raw) -> None:
    before = raw("GET", "/sl/v1/status").json
    over = raw("POST", "/sl/v1/preview", order(qty="100")).json
    assert (over["verdict"], over["reason"], over["id"]) == ("denied", "cap_symbol", "")
    assert over["sentence"].startswith("symbol cap: 10.0 % of equity allowed")
    fits = raw("POST", "/sl/v1/preview", order(qty=over["allowed"])).json
    assert (fits["verdict"], fits["given"]) == ("approved", over["allowed"])
    assert raw("GET", "/v2/orders?status=all").json == []
    assert raw("GET", "/sl/v1/status").json["orders_under_way"] == before["orders_under_way"]
    assert raw("POST", "/v2/orders", order(qty=over["allowed"])).status == 200


def test_a_denial_names_the_decision_that_explains_it(served: Served, raw: Raw) -> None:
    denied = raw.order(qty="100")
    assert denied.status == 403
    name = denied.json["decision_id"]
    told = raw("GET", f"/sl/v1/decisions/{name}").json
    assert (told["reason"], told["bound"]) == (denied.json["reason"], denied.json["bound"])
    assert any("0.1" in line for line in told["lines"])
    other = Raw(served.url, served.add_bot(f"n{uuid.uuid4().hex[:8]}"))
    assert other("GET", f"/sl/v1/decisions/{name}").status == 404
    assert raw("GET", "/sl/v1/decisions/d999999").status == 404


def test_a_signal_is_sized_once_however_often_it_comes(raw: Raw) -> None:
    signal = {"id": f"s-{uuid.uuid4()}", "symbol": "ETH/USD", "side": "buy", "at": now()}
    first = raw("POST", "/sl/v1/signals", signal)
    assert first.status == 200, first.body
    assert float(first.json["order"]["qty"]) > 0
    assert first.json["decision"]["verdict"] in ("approved", "cut")
    again = raw("POST", "/sl/v1/signals", signal).json
    assert (again["decision"], again["order"]["id"]) == (None, first.json["order"]["id"])
    other = raw("POST", "/sl/v1/signals", {**signal, "symbol": "BTC/USD"}).json
    assert other["decision"]["reason"] == "bad_input"
    assert len(raw("GET", "/v2/orders?status=all").json) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"at": "2020-01-01T00:00:00Z"},
        {"at": "2050-01-01T00:00:00Z"},
        {"at": "soon"},
        {"confidence": 1.5},
        {"confidence": "NaN"},
        {"volatility_ratio": "NaN"},
        {"volatility_ratio": 0},
        {"side": "short"},
        {"symbol": "NOSUCH"},
        {"id": ""},
        {"id": "two words"},
        {"size": 5},
    ],
)
def test_a_signal_that_is_old_or_odd_decides_nothing(raw: Raw, change: dict[str, Any]) -> None:
    signal = {"id": f"s-{uuid.uuid4()}", "symbol": "ETH/USD", "side": "buy", "at": now()}
    assert raw("POST", "/sl/v1/signals", signal | change).status == 422
    assert raw("GET", "/v2/orders?status=all").json == []


def test_a_chart_alert_brings_its_key_in_the_body(raw: Raw) -> None:
    stranger = Raw(f"http://{raw.host}", ("", ""))
    alert = {
        "key": ".".join(raw.keys), "id": f"a-{uuid.uuid4()}", "symbol": "SOLUSD",
        "action": "buy", "time": now(),
    }  # fmt: skip
    taken = stranger("POST", "/sl/v1/webhooks/alerts", alert)
    assert taken.status == 200, taken.body
    assert taken.json["order"]["symbol"] == "SOL/USD"
    again = stranger("POST", "/sl/v1/webhooks/alerts", alert).json
    assert again["order"]["id"] == taken.json["order"]["id"]
    old = stranger("POST", "/sl/v1/webhooks/alerts", {**alert, "time": "2026-01-01T00:00:00Z"})
    assert old.status == 422
    wrong = stranger("POST", "/sl/v1/webhooks/alerts", {**alert, "key": f"{raw.keys[0]}.x"})
    assert (wrong.status, wrong.json["message"]) == (401, "request is not authorized")


def test_the_document_tells_of_every_native_route(raw: Raw) -> None:
    told = raw("GET", "/sl/v1/openapi.json").json
    assert told["openapi"].startswith("3.1")
    assert set(told["paths"]) == {
        "/sl/v1/status", "/sl/v1/preview", "/sl/v1/decisions/{id}", "/sl/v1/signals",
        "/sl/v1/webhooks/alerts", "/sl/v1/halt", "/sl/v1/plan", "/sl/v1/openapi.json",
    }  # fmt: skip
    for path in told["paths"].values():
        for operation in path.values():
            assert operation["summary"]


def test_a_halt_holds_at_once_and_exits_pass(served: Served, raw: Raw) -> None:
    """The last test of this account: only an admin lets it trade again."""
    assert raw.order(symbol="DOGE/USD", qty=None, notional="100").status == 200
    end = time.monotonic() + 8.0
    while not raw("GET", "/v2/positions").json and time.monotonic() < end:
        time.sleep(0.1)
    assert raw("POST", "/sl/v1/halt", {}).status == 422
    halted = raw("POST", "/sl/v1/halt", {"reason": "a test"})
    assert halted.json == {"state": "halted", "is_durable": True}
    denied = raw.order(qty="0.001")
    assert (denied.status, denied.json["reason"]) == (403, "halted")
    assert raw("DELETE", "/v2/positions/DOGEUSD").status == 200
    assert raw("GET", "/sl/v1/status").json["state"] == "halted"
    assert float(raw("GET", "/v2/account").json["buying_power"]) == 0
