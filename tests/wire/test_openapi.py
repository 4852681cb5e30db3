"""The native routes against their own OpenAPI document, with requests that nobody would write."""

import json
import uuid
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from tests.wire.raw import Raw
from tests.wire.serving import Served

STATUSES = frozenset({200, 400, 401, 403, 404, 422, 429})


@pytest.fixture(scope="module")
def keys(served: Served) -> tuple[str, str]:
    return served.add_bot(f"schema{uuid.uuid4().hex[:6]}")


def test_every_route_answers_as_it_says(served: Served, keys: tuple[str, str]) -> None:
    raw = Raw(served.url, keys)
    document = raw("GET", "/sl/v1/openapi.json").json
    del document["paths"]["/sl/v1/halt"]  # it would end the others; it has tests of its own
    operations: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    tried = {one.label: attempt(raw, one) for one in (each.ok() for each in operations)}
    assert len(tried) == 7
    assert all(count > 0 for count in tried.values())
    assert sum(tried.values()) > 100


def attempt(raw: Raw, operation: Any) -> int:
    """Send what is generated for one route; return how often."""
    count = 0

    @settings(max_examples=30, deadline=None, database=None)
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        nonlocal count
        count += 1
        check(raw, case)

    send()
    return count


def check(raw: Raw, case: Any) -> None:
    path = case.formatted_path
    if not (path.isascii() and path.isprintable()) or " " in path:
        return  # no client can send that as it stands
    body = _bytes(case.body) if case.method == "POST" else None
    answer = raw(case.method, path, body)
    assert answer.status in STATUSES, (case.method, path, body, answer)
    told = json.loads(answer.body)
    if answer.status != 200:
        assert isinstance(told["code"], int)
        assert isinstance(told["message"], str)
    elif path.endswith("status"):
        assert told["state"] == "active"


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str | int | float | list | dict) or body is None:
        return json.dumps(body).encode("utf-8", "surrogatepass")
    return b""  # none was generated
