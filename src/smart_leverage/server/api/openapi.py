"""The OpenAPI file of the native routes, made from what the code takes and gives."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from smart_leverage.server.api.shapes import (
    Alert,
    DecisionTold,
    Explained,
    Ordered,
    Outcome,
    Prospect,
    Reasoned,
    Signal,
    Standing,
)
from smart_leverage.server.http import Route

_NUMBER = {"oneOf": [{"type": "number"}, {"type": "string", "maxLength": 32}]}
_ORDER = {
    "type": "object",
    "required": ["symbol", "side", "type", "time_in_force"],
    "additionalProperties": False,
    "properties": {
        "symbol": {"type": "string", "maxLength": 26},
        "side": {"enum": ["buy", "sell"]},
        "type": {"enum": ["market", "limit", "stop", "stop_limit", "trailing_stop"]},
        "time_in_force": {"enum": ["day", "gtc", "ioc"]},
        "qty": _NUMBER,
        "notional": _NUMBER,
        "limit_price": _NUMBER,
        "stop_price": _NUMBER,
        "trail_price": _NUMBER,
        "trail_percent": _NUMBER,
        "extended_hours": {"type": "boolean"},
        "client_order_id": {"type": "string", "maxLength": 128},
        "order_class": {"enum": ["", "simple", "bracket", "oco", "oto"]},
        "take_profit": {"type": "object", "properties": {"limit_price": _NUMBER}},
        "stop_loss": {
            "type": "object",
            "properties": {"stop_price": _NUMBER, "limit_price": _NUMBER},
        },
    },
}
_ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}


class Spoken(NamedTuple):
    """What a route takes and gives; None takes or gives nothing of its own."""

    takes: type[Struct] | str | None
    gives: type[Struct] | None


SPOKEN: dict[tuple[str, str], Spoken] = {
    ("GET", "/sl/v1/status"): Spoken(None, Standing),
    ("POST", "/sl/v1/preview"): Spoken("Order", DecisionTold),
    ("GET", "/sl/v1/decisions/{id}"): Spoken(None, Explained),
    ("POST", "/sl/v1/signals"): Spoken(Signal, Outcome),
    ("POST", "/sl/v1/webhooks/alerts"): Spoken(Alert, Outcome),
    ("GET", "/sl/v1/plan"): Spoken(None, Prospect),
    ("POST", "/sl/v1/halt"): Spoken(Reasoned, Ordered),
    ("GET", "/sl/v1/openapi.json"): Spoken(None, None),
}


def openapi(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document; a route without a description here is the broker's own."""
    kinds = {kind for spoken in SPOKEN.values() for kind in spoken if isinstance(kind, type)}
    _, shapes = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        spoken = SPOKEN.get((route.method, route.path))
        if spoken is not None:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, spoken)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Smart Leverage", "version": version("smart-leverage")},
        "paths": paths,
        "components": {
            "schemas": {**shapes, "Order": _ORDER, "Error": _ERROR},
            "securitySchemes": {
                "keyId": {"type": "apiKey", "in": "header", "name": "APCA-API-KEY-ID"},
                "secret": {"type": "apiKey", "in": "header", "name": "APCA-API-SECRET-KEY"},
            },
        },
    }


def _operation(route: Route, spoken: Spoken) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": (route.handler.__doc__ or "").strip().splitlines()[0],
        "description": f"Scope: {'in the body' if route.is_open else route.scope.value}.",
        "responses": {
            "200": _content(spoken.gives),
            "4XX": {
                "description": "Refused; nothing was done.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if not route.is_open:
        operation["security"] = [{"keyId": [], "secret": []}]
    if spoken.takes is not None:
        name = spoken.takes if isinstance(spoken.takes, str) else spoken.takes.__name__
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        }
    if "{id}" in route.path:
        operation["parameters"] = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return operation


def _content(gives: type[Struct] | None) -> dict[str, Any]:
    schema = {} if gives is None else {"$ref": f"#/components/schemas/{gives.__name__}"}
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}
