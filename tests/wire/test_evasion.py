"""A bot that tries to get around its limits: refused, or harmless."""

import threading
import time
import uuid
from typing import Any

import pytest
from tests.wire.raw import Answer, Raw
from tests.wire.serving import Served, gateway


@pytest.fixture
def served(tmp_path: Any) -> Any:
    """An account of its own: nothing that others hold is in the way."""
    with gateway(tmp_path) as running:
        yield running


@pytest.fixture
def raw(served: Served) -> Raw:
    return Raw(served.url, served.keys["bot"])


def price(raw: Raw) -> float:
    """Return about what a coin costs, learned from what a denial says."""
    answer = raw.order(qty="100")
    assert answer.status == 403, answer.body
    return float(answer.json["would_be"]) * 100_000 / 100


def room(raw: Raw) -> float:
    """Return the largest quantity that is allowed now."""
    return float(raw.order(qty="100").json["allowed_qty"])


def denied(answer: Answer) -> bool:
    return answer.status == 403 and answer.json["code"] == 40310000


def exposure(raw: Raw) -> float:
    """Return what is held and what may come, at the limits that were sent."""
    held = sum(float(one["market_value"]) for one in raw("GET", "/v2/positions").json)
    orders = raw("GET", "/v2/orders").json
    coming = sum(
        float(one["limit_price"] or 0) * (float(one["qty"]) - float(one["filled_qty"]))
        for one in orders
        if one["side"] == "buy"
    )
    return held + coming


def test_more_by_changing_an_order(raw: Raw) -> None:
    small = raw.order(type="limit", limit_price="50000", qty="0.01").json
    for change in ({"qty": "5"}, {"limit_price": "9000000"}, {"qty": "5", "limit_price": "50001"}):
        assert raw("PATCH", f"/v2/orders/{small['id']}", change).status in (403, 422)
    (there,) = raw("GET", "/v2/orders").json
    assert (there["qty"], there["limit_price"]) == ("0.01", "50000")


def test_more_by_many_small_orders_at_once(served: Served, raw: Raw) -> None:
    """The sum counts, also of what is under way; ten senders at once change nothing."""
    answers: list[Answer] = []

    def send() -> None:
        mine = Raw(served.url, served.keys["bot"])
        answers.extend(
            mine.order(
                type="limit", limit_price="40000", qty="0.005", client_order_id=str(uuid.uuid4())
            )
            for _ in range(12)
        )

    senders = [threading.Thread(target=send) for _ in range(10)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    given = sum(answer.status == 200 for answer in answers)
    assert given > 0
    assert any(denied(answer) for answer in answers)
    # One symbol may be a tenth of equity, counted at the market although the limit is lower.
    assert given * 0.005 * 40_000 < 10_000


def test_more_by_exits_of_a_bracket(raw: Raw) -> None:
    terms = {
        "order_class": "bracket",
        "take_profit": {"limit_price": 9},
        "stop_loss": {"stop_price": 1},
    }
    assert raw.order(qty="5", **terms).status == 422
    assert raw.order(symbol="SPY", qty="5000", time_in_force="day", **terms).status in (403, 422)
    assert raw("GET", "/v2/orders").json == []


def test_more_by_an_amount_of_money(raw: Raw) -> None:
    assert denied(raw.order(qty=None, notional="50000"))
    assert raw.order(qty="0.001", notional="50000").status == 422
    assert raw.order(qty=None, notional="1e12").status == 403
    assert raw("GET", "/v2/orders").json == []


def test_selling_more_than_is_held(raw: Raw) -> None:
    assert denied(raw.order(side="sell", qty="0.01"))
    assert raw.order(qty="0.002").status == 200
    until_held(raw)
    for qty in ("0.002", "1", "0.0019951"):
        assert denied(raw.order(side="sell", qty=qty))
    answers = [raw.order(side="sell", qty="0.001995") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 403, 403]
    time.sleep(2.5)
    assert raw("GET", "/v2/positions").json == []


def until_held(raw: Raw) -> None:
    end = time.monotonic() + 8.0
    while time.monotonic() < end:
        if raw("GET", "/v2/positions").json:
            return
        time.sleep(0.1)
    raise AssertionError("never filled")


def test_other_spellings_of_one_coin(raw: Raw) -> None:
    most = room(raw)
    half = f"{most * 0.6:.6f}"
    assert raw.order(symbol="BTC/USD", qty=half).status == 200
    assert denied(raw.order(symbol="BTCUSD", qty=half))
    for name in ("btc/usd", "BTC-USD", "BTC/USD ", "ВTC/USD", "BTC/US\u0044\u0301", "BTC//USD"):
        assert raw.order(symbol=name, qty="0.001").status == 422


def test_a_second_token_has_no_room_of_its_own(served: Served, raw: Raw) -> None:
    most = room(raw)
    assert raw.order(qty=f"{most * 0.7:.6f}").status == 200
    for name in ("bot", "another"):
        second = Raw(served.url, served.add_bot(name))
        assert denied(second.order(qty=f"{most * 0.7:.6f}"))


def test_a_second_token_sells_and_cancels_nothing_of_others(served: Served, raw: Raw) -> None:
    assert raw.order(qty="0.002").status == 200
    until_held(raw)
    mine = raw.order(symbol="ETH/USD", type="limit", limit_price="900", qty="0.02").json
    second = Raw(served.url, served.add_bot("another"))
    assert second("GET", "/v2/positions").json == []
    assert second("GET", "/v2/orders?status=all").json == []
    assert denied(second.order(side="sell", qty="0.001"))
    assert second("DELETE", f"/v2/orders/{mine['id']}").status == 404
    assert second("GET", f"/v2/orders/{mine['id']}").status == 404
    assert second("DELETE", "/v2/orders").json == []
    assert second("DELETE", "/v2/positions?cancel_orders=true").json == []
    assert [one["id"] for one in raw("GET", "/v2/orders").json] == [mine["id"]]


def test_raising_its_own_configuration(raw: Raw) -> None:
    for change in (
        {"max_margin_multiplier": "4"},
        {"no_shorting": False},
        {"max_options_trading_level": 3},
        {"disable_overnight_trading": False},
    ):
        assert denied(raw("PATCH", "/v2/account/configurations", change))
    assert raw("PATCH", "/v2/account/configurations", {"limits": {"symbol_cap": 1}}).status == 422


def test_a_repeated_request_after_a_lost_answer_is_one_order(served: Served, raw: Raw) -> None:
    """Whoever hangs up before the answer and sends the same again has one order, not two."""
    import socket

    body = b'{"symbol":"BTC/USD","side":"buy","type":"market","time_in_force":"gtc","qty":"0.003"}'
    head = (
        f"POST /v2/orders HTTP/1.1\r\nHost: {raw.host}\r\nAPCA-API-KEY-ID: {raw.keys[0]}\r\n"
        f"APCA-API-SECRET-KEY: {raw.keys[1]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(raw.place) as connection:
        connection.sendall(head + body)
    again = raw("POST", "/v2/orders", body)
    assert again.status == 200
    named = {"client_order_id": f"mine-{uuid.uuid4()}", "qty": "0.001"}
    first, second = raw.order(**named), raw.order(**named)
    assert first.json["id"] == second.json["id"]
    time.sleep(1.5)
    listed = raw("GET", "/v2/orders?status=all").json
    # The first one may have been answered into the void; then it counts as delivered.
    assert len(listed) in (2, 3)
    assert sum(one["client_order_id"] == named["client_order_id"] for one in listed) == 1


def test_a_token_does_what_its_scope_says_and_no_more(served: Served, raw: Raw) -> None:
    assert raw.order(qty="0.002").status == 200
    reader = Raw(served.url, served.add_bot("reader", scope="read"))
    assert reader("GET", "/v2/account").status == 200
    for method, path in (
        ("POST", "/v2/orders"),
        ("DELETE", "/v2/orders"),
        ("DELETE", "/v2/positions"),
    ):
        assert reader(method, path, {} if method == "POST" else None).status == 403
    seller = Raw(served.url, served.add_bot("seller", scope="reduce"))
    assert denied(seller.order(qty="0.001"))
    assert seller("DELETE", "/v2/orders").status == 207


def test_a_share_binds_beside_the_caps(served: Served) -> None:
    small = Raw(served.url, served.add_bot("small", share="0.1"))
    # A tenth of the coins' cap of a quarter of equity.
    assert small.order(qty=None, notional="2000").status == 200
    more = small.order(qty=None, notional="2000")
    assert denied(more)
    assert more.json["reason"] == "cap_bot"
    only = Raw(served.url, served.add_bot("only", symbols="crypto:ETH/USD"))
    assert denied(only.order(qty="0.001"))
    assert only.order(symbol="ETH/USD", qty=None, notional="100").status == 200
    shrinking = Raw(served.url, served.add_bot("shrinking", may_shrink=True, share="0.02"))
    cut = shrinking.order(symbol="ETH/USD", qty="50")
    assert cut.status == 200
    assert 0 < float(cut.json["qty"]) < 1


def test_strangers_are_told_nothing(served: Served, raw: Raw) -> None:
    key_id, secret = raw.keys
    wrong = [(key_id, secret[:-1] + "x"), (key_id, ""), ("SLKNOBODY", secret), ("", "")]
    for keys in wrong:
        answer = Raw(served.url, keys)("GET", "/v2/account")
        assert (answer.status, answer.json) == (
            401,
            {"code": 40110000, "message": "request is not authorized"},
        )
    assert (
        Raw(served.url, raw.keys)("GET", "/v2/account", headers={"Host": "evil.example"}).status
        == 421
    )
    page = raw("POST", "/v2/orders", {"qty": "1"}, {"Origin": "https://evil.example"})
    assert page.status == 403
    form = raw(
        "POST", "/v2/orders", b"qty=1", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert form.status == 400
    for place in (served.folder / "ledger.sqlite", served.folder.parent.parent / "run.log"):
        assert place.exists()
    assert secret.encode() not in (served.folder / "ledger.sqlite").read_bytes()
