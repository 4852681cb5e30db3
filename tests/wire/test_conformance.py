"""What the wire promises, item by item, whoever the client is."""

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from tests.wire.raw import Answer, Raw
from tests.wire.serving import Served

from smart_leverage.settings.sections import ServerSection

SOON_S = 8.0


@pytest.fixture
def raw(served: Served) -> Raw:
    name = f"raw{uuid.uuid4().hex[:8]}"
    return Raw(served.url, served.add_bot(name))


def until(read: Callable[[], Any]) -> Any:
    end = time.monotonic() + SOON_S
    while time.monotonic() < end:
        if found := read():
            return found
        time.sleep(0.05)
    raise AssertionError("not in time")


def bought(raw: Raw, **terms: Any) -> dict[str, Any]:
    answer = raw.order(**terms)
    assert answer.status == 200, answer.body
    name = answer.json["id"]

    def read() -> Any:
        order = raw("GET", f"/v2/orders/{name}").json
        return order if order["status"] == "filled" else None

    found: dict[str, Any] = until(read)
    return found


def resting(raw: Raw, **terms: Any) -> dict[str, Any]:
    usual = {"symbol": "ETH/USD", "type": "limit", "limit_price": "900", "qty": "0.02"}
    answer = raw.order(**(usual | terms))
    assert answer.status == 200, answer.body
    order: dict[str, Any] = answer.json
    return order


@pytest.mark.parametrize("qty", [0.0002, "0.0002", "2e-4", "0.000200000000000000000001"])
def test_01_numbers_come_as_numbers_or_text_and_never_as_floats(raw: Raw, qty: Any) -> None:
    body = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    text = json.dumps(body)[:-1] + f', "qty": {json.dumps(qty)}}}'
    answer = raw("POST", "/v2/orders", text.encode())
    assert answer.status == 200, answer.body
    assert answer.json["qty"] == "0.0002"


@pytest.mark.parametrize("name", ["BTC/USD", "BTC%2FUSD", "BTCUSD"])
def test_02_a_coin_is_found_by_every_spelling_in_a_path(raw: Raw, name: str) -> None:
    assert raw("GET", f"/v2/assets/{name}").json["symbol"] == "BTC/USD"
    bought(raw, qty="0.001")
    assert raw("GET", f"/v2/positions/{name}").json["symbol"] == "BTCUSD"


def test_03_booleans_times_and_lists_in_any_dress(raw: Raw) -> None:
    order = resting(raw)
    for nested in ("True", "true", "FALSE"):
        assert raw("GET", f"/v2/orders?nested={nested}").status == 200
    for when in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00%2B00:00", "2020-01-01"):
        assert raw("GET", f"/v2/orders?after={when}").json[0]["id"] == order["id"]
    for symbols in ("BTCUSD%2CETHUSD", "ETH/USD,BTC/USD", "ETH%2FUSD"):
        assert len(raw("GET", f"/v2/orders?symbols={symbols}").json) == 1


def test_04_unset_is_null_and_money_is_text(raw: Raw) -> None:
    order = resting(raw)
    assert order["order_class"] == ""
    assert (order["qty"], order["limit_price"], order["filled_qty"]) == ("0.02", "900", "0")
    for name in ("notional", "filled_avg_price", "stop_price", "filled_at", "legs", "hwm"):
        assert order[name] is None
    account = raw("GET", "/v2/account").json
    for name in ("cash", "equity", "buying_power", "multiplier", "long_market_value"):
        assert isinstance(account[name], str)
    assert isinstance(account["crypto_tier"], int)


def test_05_statuses_of_success(raw: Raw) -> None:
    order = resting(raw)
    gone = raw("DELETE", f"/v2/orders/{order['id']}")
    assert (gone.status, gone.body) == (204, b"")
    for path in ("/v2/orders", "/v2/positions"):
        answer = raw("DELETE", path)
        assert (answer.status, type(answer.json)) == (207, list)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v2/nothing", None, 404, 40410000),
        ("GET", "/", None, 404, 40410000),
        ("GET", "/v2/orders/no-such-order", None, 404, 40410000),
        ("GET", "/v2/positions/ETHUSD", None, 404, 40410000),
        ("GET", "/v2/orders?limit=many", None, 422, 40010001),
        ("GET", "/v2/orders?wishes=1", None, 422, 40010001),
        ("POST", "/v2/orders", b"{", 400, 40010000),
        ("POST", "/v2/orders", b"[]", 400, 40010000),
        ("POST", "/v2/orders", b"\xff\xfe{}", 400, 40010000),
        ("POST", "/v2/orders", b"{}", 422, 40010001),
        ("DELETE", "/v2/orders/no-such-order", None, 404, 40410000),
    ],
)
def test_06_every_error_is_json_with_code_and_message(
    raw: Raw, method: str, path: str, body: bytes | None, status: int, code: int
) -> None:
    answer = raw(method, path, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert isinstance(answer.json["message"], str)
    assert answer.headers["content-type"] == "application/json"


def test_07_a_rate_is_bounded_before_anything_is_decided(raw: Raw) -> None:
    """Sales and cancels are never bounded; a purchase beyond the burst is told to come again."""
    answers = [raw.order(qty="nonsense").status for _ in range(3)]
    assert answers == [422, 422, 422]
    statuses = {raw("GET", "/v2/clock").status for _ in range(700)}
    assert statuses == {200, 429}
    assert raw("DELETE", "/v2/orders").status == 207
    refused = raw("GET", "/v2/clock")
    if refused.status == 429:
        assert refused.json["code"] == 42910000
        assert refused.headers["retry-after"] == "1"


def test_07_a_bot_that_loops_is_suspended_and_gets_out(raw: Raw) -> None:
    bought(raw, qty="0.0002")
    most = ServerSection().similar_max
    beyond = [raw.order(qty="1000000") for _ in range(most)]
    assert {each.status for each in beyond} == {403}
    assert "again and again" in beyond[-1].json["message"]
    assert "again and again" not in beyond[-2].json["message"]
    assert raw("GET", "/v2/account/configurations").json["suspend_trade"] is True
    assert raw.order(symbol="ETH/USD", qty="0.02").status == 403
    assert raw.order(side="sell", qty="0.0001").status == 200


def test_08_names_are_unique_and_a_repeated_request_is_the_same_order(raw: Raw) -> None:
    name = f"once-{uuid.uuid4()}"
    first = resting(raw, client_order_id=name)
    again = resting(raw, client_order_id=name)
    assert again["id"] == first["id"]
    other = raw.order(
        symbol="ETH/USD", type="limit", limit_price="900", qty="0.03", client_order_id=name
    )
    assert (other.status, other.json["code"]) == (422, 40010001)
    assert other.json["message"] == "client_order_id must be unique"
    assert len(raw("GET", "/v2/orders?status=all").json) == 1
    unnamed = resting(raw)
    assert str(uuid.UUID(unnamed["client_order_id"])) == unnamed["client_order_id"]


def test_10_a_fee_is_taken_from_what_is_received(raw: Raw) -> None:
    order = bought(raw, symbol="ETH/USD", qty="0.2")
    assert order["filled_qty"] == "0.2"
    assert raw("GET", "/v2/positions/ETHUSD").json["qty"] == "0.1995"


def test_11_room_shrinks_when_an_order_is_accepted_and_comes_back(raw: Raw) -> None:
    def power() -> float:
        return float(raw("GET", "/v2/account").json["non_marginable_buying_power"])

    before = power()
    order = resting(raw, qty="1.0")
    assert power() < before - 500
    raw("DELETE", f"/v2/orders/{order['id']}")
    until(lambda: power() > before - 100)
    bought(raw, symbol="ETH/USD", qty="0.4")
    held = raw("GET", "/v2/positions/ETHUSD").json["qty"]
    raw.order(symbol="ETH/USD", side="sell", type="limit", limit_price="90000", qty="0.1")
    until(lambda: raw("GET", "/v2/positions/ETHUSD").json["qty_available"] != held)


def test_12_lists_are_bounded_and_newest_first(raw: Raw) -> None:
    orders = [resting(raw, limit_price=str(700 + step))["id"] for step in range(3)]
    listed = [one["id"] for one in raw("GET", "/v2/orders?limit=2").json]
    assert listed == orders[::-1][:2]
    asc = [one["id"] for one in raw("GET", "/v2/orders?direction=asc&limit=100000").json]
    assert asc == orders
    older = raw("GET", f"/v2/orders?before_order_id={orders[1]}").json
    assert [one["id"] for one in older] == orders[:1]


def test_13_a_replacement_has_an_id_of_its_own_and_both_are_linked(raw: Raw) -> None:
    old = resting(raw)
    new = raw("PATCH", f"/v2/orders/{old['id']}", {"limit_price": "905"})
    assert new.status == 200, new.body
    assert (new.json["replaces"], new.json["limit_price"]) == (old["id"], "905")
    before = until(lambda: _replaced(raw, old["id"]))
    assert before["replaced_by"] == new.json["id"]


def _replaced(raw: Raw, name: str) -> Any:
    order = raw("GET", f"/v2/orders/{name}").json
    return order if order["status"] == "replaced" else None


def test_15_a_position_is_the_sum_of_fills_less_fees(raw: Raw) -> None:
    for qty in ("0.001234567", "0.0007", "0.000333333"):
        bought(raw, qty=qty)
    rows = raw("GET", "/v2/account/activities").json
    units = sum(_nano(row["qty"]) for row in rows)
    assert units == _nano(raw("GET", "/v2/positions/BTCUSD").json["qty"])


def _nano(text: str) -> int:
    whole, _, part = text.lstrip("-").partition(".")
    value = int(whole) * 10**9 + int(part.ljust(9, "0")[:9] or "0")
    assert len(part) <= 12
    return -value if text.startswith("-") else value


def test_16_what_is_empty_is_well_formed(raw: Raw) -> None:
    for path in ("/v2/orders", "/v2/positions", "/v2/account/activities", "/v2/watchlists"):
        assert raw("GET", path).json == []
    assert raw("GET", "/v2/calendar?start=2026-11-26&end=2026-11-26").json == []
    history = raw("GET", "/v2/account/portfolio/history?start=2020-01-01&end=2020-01-02").json
    assert history["timestamp"] == history["equity"] == []


def test_16_the_clock_and_the_calendar_of_a_market(raw: Raw) -> None:
    clocks = raw("GET", "/v3/clock").json["clocks"]
    assert [clock["market"]["mic"] for clock in clocks] == ["XNYS", "XNAS"]
    asked = raw("GET", "/v3/clock?markets=NYSE&time=2026-11-25T15:00:00Z").json
    assert [clock["phase"] for clock in asked["clocks"]] == ["core"]
    days = raw("GET", "/v3/calendar/NYSE?start=2026-11-25&end=2026-11-27&timezone=UTC").json
    assert [day["core_end"][11:16] for day in days["calendar"]] == ["21:00", "18:00"]
    assert raw("GET", "/v3/calendar/NYSE?start=2026-11-26&end=2026-11-26").json["calendar"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/v3/clock?markets=XLON",
        "/v3/clock?time=soon",
        "/v3/clock?time=2200-01-01T00:00:00Z",
        "/v3/clock?time=1960-01-01T00:00:00Z",
        "/v3/clock?zone=UTC",
        "/v3/calendar/XLON",
        "/v3/calendar/NYSE?timezone=Europe/Paris",
        "/v3/calendar/NYSE?start=soon",
    ],
)
def test_16_what_no_market_here_has_is_refused(raw: Raw, path: str) -> None:
    answer = raw("GET", path)
    assert (answer.status, answer.json["code"]) == (422, 40010001)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/v2/account/configurations/x"),
        ("POST", "/v2/wallets/transfers"),
        ("POST", "/v2/positions/AAPL261218C00200000/exercise"),
        ("PUT", "/v2/perpetuals/leverage"),
        ("POST", "/v2/tokenization/mint"),
        ("POST", "/v1/locates"),
        ("DELETE", "/v2/account"),
        ("PUT", "/v2/orders"),
    ],
)
def test_17_a_mutating_route_that_is_not_here_is_refused(raw: Raw, method: str, path: str) -> None:
    answer = raw(method, path, {})
    assert (answer.status, answer.json["code"]) == (403, 40310000)


def test_18_a_close_is_a_decision_of_its_own(raw: Raw) -> None:
    bought(raw, qty="0.002")
    held = raw("GET", "/v2/positions/BTCUSD").json["qty"]
    more = raw("DELETE", "/v2/positions/BTCUSD?qty=0.5")
    assert (more.status, more.json["code"]) == (403, 40310000)
    assert more.json["available"] == held
    both = raw("DELETE", "/v2/positions/BTCUSD?qty=0.001&percentage=50")
    assert both.status == 422
    assert raw("DELETE", "/v2/positions/BTCUSD?percentage=100").status == 200
    until(lambda: raw("GET", "/v2/positions").json == [])


def test_19_the_server_survives(raw: Raw) -> None:
    checks: list[tuple[Answer, int]] = [
        (raw("HEAD", "/v2/clock"), 200),
        (raw("OPTIONS", "/v2/clock"), 405),
        (resting_answer(raw, client_order_id="x" * 128), 200),
        (resting_answer(raw, client_order_id="x" * 129), 422),
        (raw.order(qty="0.000000001"), 403),
        (raw.order(qty="1e-05"), 403),
        (raw("POST", "/v2/orders", b'{"symbol":"BTC/USD","qty":NaN}'), 400),
        (raw("POST", "/v2/orders", b'{"symbol":"BTC/USD","qty":Infinity}'), 400),
        (raw.order(qty="NaN"), 422),
        (raw.order(qty="1E+2000000"), 422),
        (raw("POST", "/v2/orders", b" " * 66_000), 413),
    ]
    for answer, status in checks:
        assert answer.status == status, answer
    assert raw("POST", "/v2/orders", b" " * 1_000_000).status in (413, 0)
    assert raw("HEAD", "/v2/clock").body == b""
    assert raw("GET", "/v2/clock").status == 200


def resting_answer(raw: Raw, **terms: Any) -> Answer:
    return raw.order(symbol="ETH/USD", type="limit", limit_price="900", qty="0.02", **terms)


def test_every_answer_names_its_request_and_says_nothing_of_the_server(raw: Raw) -> None:
    headers = raw("GET", "/v2/clock").headers
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    assert "server" not in headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
