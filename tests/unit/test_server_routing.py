"""Which route a path finds: one at most, the nearest, and none by a detour."""

import pytest

from smart_leverage.domain.bots import Scope
from smart_leverage.server.http import Call, Reply, Route
from smart_leverage.server.routing import Table


async def unused(call: Call) -> Reply:
    raise AssertionError("no route is called here")


def route(method: str, path: str) -> Route:
    return Route(method, path, Scope.READ, unused)


TABLE = Table(
    [
        route("GET", "/v2/orders"),
        route("DELETE", "/v2/orders"),
        route("GET", "/v2/orders/{id}"),
        route("PATCH", "/v2/orders/{id}"),
        route("GET", "/v2/orders:by_client_order_id"),
        route("GET", "/v2/assets/{symbol:path}"),
        route("DELETE", "/v2/watchlists/{id}/{symbol:path}"),
        route("GET", "/v2/watchlists/mine"),
        route("GET", "/v2/watchlists/{id}"),
        route("GET", "/"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "found", "values"),
    [
        ("GET", "/v2/orders", "/v2/orders", {}),
        ("GET", "/v2/orders/", "/v2/orders", {}),
        ("GET", "/", "/", {}),
        ("GET", "/v2/orders/7", "/v2/orders/{id}", {"id": "7"}),
        ("PATCH", "/v2/orders/7/", "/v2/orders/{id}", {"id": "7"}),
        ("GET", "/v2/orders:by_client_order_id", "/v2/orders:by_client_order_id", {}),
        ("GET", "/v2/assets/SPY", "/v2/assets/{symbol:path}", {"symbol": "SPY"}),
        ("GET", "/v2/assets/BTC/USD", "/v2/assets/{symbol:path}", {"symbol": "BTC/USD"}),
        (
            "DELETE",
            "/v2/watchlists/7/BTC/USD",
            "/v2/watchlists/{id}/{symbol:path}",
            {"id": "7", "symbol": "BTC/USD"},
        ),
        ("GET", "/v2/watchlists/mine", "/v2/watchlists/mine", {}),
        ("GET", "/v2/watchlists/{id}", "/v2/watchlists/{id}", {"id": "{id}"}),
    ],
)
def test_a_path_finds_its_route(method: str, path: str, found: str, values: dict[str, str]) -> None:
    answer = TABLE.find(method, path)
    assert answer is not None
    assert (answer[0].method, answer[0].path, dict(answer[1])) == (method, found, values)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "/v2/orders", id="another-method"),
        pytest.param("get", "/v2/orders", id="a-method-in-small-letters"),
        pytest.param("GET", "/v2/Orders", id="another-case"),
        pytest.param("GET", "/v2", id="a-part-of-it"),
        pytest.param("GET", "/v2/orders/7/8", id="more-than-it"),
        pytest.param("GET", "/v2/assets", id="no-rest"),
        pytest.param("GET", "/v2/assets/", id="an-empty-rest"),
        pytest.param("GET", "/v2/orders//", id="an-empty-part"),
        pytest.param("GET", "//v2/orders/7", id="an-empty-part-first"),
        pytest.param("GET", "/v2/assets/./SPY", id="a-dot"),
        pytest.param("GET", "/v2/assets/../orders/7", id="two-dots"),
        pytest.param("GET", "/v2/x/../orders/7", id="two-dots-in-the-middle"),
        pytest.param("GET", "", id="nothing"),
    ],
)
def test_no_detour_leads_anywhere(method: str, path: str) -> None:
    assert TABLE.find(method, path) is None


def test_a_path_is_known_by_any_of_its_methods() -> None:
    assert TABLE.knows("/v2/orders/7")
    assert TABLE.knows("/v2/watchlists/7/SPY")
    assert not TABLE.knows("/v2/account")
    assert not TABLE.knows("/v2/orders/7/8")
