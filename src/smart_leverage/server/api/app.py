"""The list of the native routes, each with the scope that it takes."""

from smart_leverage.domain.bots import Scope
from smart_leverage.server.api.native import Native
from smart_leverage.server.api.openapi import openapi
from smart_leverage.server.http import Call, Reply, Route, reply


def native_routes(native: Native) -> list[Route]:
    """Return the native routes."""

    async def document(call: Call) -> Reply:
        """Return this description of the routes."""
        return reply(openapi(routes))

    path = "/sl/v1"
    routes = [
        Route("GET", f"{path}/status", Scope.READ, native.status),
        Route("POST", f"{path}/preview", Scope.READ, native.preview),
        Route("GET", f"{path}/decisions/{{id}}", Scope.READ, native.decision),
        # A signal's rate is taken once its side is known: a sale is never throttled.
        Route("POST", f"{path}/signals", Scope.REDUCE, native.signal, is_free=True),
        Route(
            "POST", f"{path}/webhooks/alerts", Scope.TRADE, native.alert, is_open=True, is_free=True
        ),
        Route("GET", f"{path}/plan", Scope.READ, native.plan),
        Route("POST", f"{path}/halt", Scope.HALT, native.halt, is_free=True),
        Route("GET", f"{path}/openapi.json", Scope.READ, document),
    ]
    return routes
