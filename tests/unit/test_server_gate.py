"""The door: strangers learn nothing, a token does what it may, and every request gets an answer."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from tests.unit.leaping import ran

from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.server.gate import AT_ONCE_MAX, REQUEST_WITHIN_S, Door, Gate
from smart_leverage.server.http import Call, Reply, Route, reply
from smart_leverage.server.rates import Rates
from smart_leverage.wire.errors import unauthorized
from smart_leverage.wire.reading import BODY_MAX

NOW_NS = 1_700_000_000_000_000_000
BURST = 3


def seat(token: str, scope: Scope = Scope.TRADE, **more: Any) -> Seat:
    bot = f"bot of {token}"
    return Seat(bot=bot, token_id=token, secret_sha256=digest("s"), scopes=(scope,), **more)


SEATS = {
    one.token_id: one
    for one in (
        seat("TRADER"),
        seat("READER", Scope.READ),
        seat("REVOKED", is_revoked=True),
        seat("EXPIRED", expires_ns=NOW_NS),
        seat("FRESH", expires_ns=NOW_NS + 1),
    )
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class House:
    """A gate with a few rooms behind it; `seen` is who got as far as that."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.holds = asyncio.Event()
        routes = [
            Route("GET", "/look", Scope.READ, self.enter),
            Route("POST", "/trade", Scope.TRADE, self.enter),
            Route("DELETE", "/trade", Scope.REDUCE, self.enter, is_free=True),
            Route("GET", "/broken", Scope.READ, self.break_down),
            Route("GET", "/slow", Scope.READ, self.wait),
            Route("POST", "/alert", Scope.TRADE, self.refuse, is_open=True),
        ]
        door = Door(
            hosts=frozenset({"here", "::1"}),
            seats=lambda: SEATS,
            rates=Rates(1e-9, BURST),
            now_ns=lambda: NOW_NS,
        )
        self.gate = Gate(routes, door, {"/stream": self.stream})

    async def enter(self, call: Call) -> Reply:
        self.seen.append((call.seat.token_id, call.path))
        return reply({"bot": call.bot, "content": call.content})

    async def break_down(self, call: Call) -> Reply:
        raise RuntimeError("a secret of ours")

    async def wait(self, call: Call) -> Reply:
        await self.holds.wait()
        return reply({})

    async def refuse(self, call: Call) -> Reply:
        raise unauthorized()

    async def stream(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(("", scope["path"]))

    async def request(
        self,
        method: str,
        path: str,
        keys: tuple[str, str] = ("TRADER", "s"),
        *,
        parts: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[str, str]] = (),
        host: str = "here:8080",
        hangs: bool = False,
    ) -> Answer:
        """Send one request by hand; with `hangs` the last part of its body never comes."""
        left, sent = list(parts), []

        async def receive() -> Any:
            if not left:
                await asyncio.Event().wait()
            body = left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(left) or hangs}

        async def send(message: Any) -> None:
            sent.append(message)

        lines = [("host", host), ("apca-api-key-id", keys[0]), ("apca-api-secret-key", keys[1])]
        if parts != (b"",):
            lines.append(("content-type", "application/json"))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in (*lines, *headers)],
        }
        await self.gate(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], told, sent[1]["body"])


@pytest.fixture
def house() -> House:
    return House()


def asked(house: House, *words: Any, **more: Any) -> Answer:
    return ran(house.request(*words, **more))[0]


# -- who comes in ---------------------------------------------------------------------------------


WRONG = [
    ("TRADER", "wrong"),
    ("TRADER", ""),
    ("NOBODY", "s"),
    ("REVOKED", "s"),
    ("EXPIRED", "s"),
    ("", ""),
    ("", "s"),
    ("trader", "s"),
]


@pytest.mark.parametrize("path", ["/look", "/nowhere", "/trade", "/broken"])
def test_every_wrong_token_gets_the_same_refusal_wherever_it_knocks(
    house: House, path: str
) -> None:
    answers = [asked(house, "GET", path, keys) for keys in WRONG]
    told = {(one.status, one.body, one.headers["content-type"]) for one in answers}
    body = b'{"code":40110000,"message":"request is not authorized"}'
    assert told == {(401, body, "application/json")}
    assert house.seen == []


def test_a_token_that_has_not_ended_opens(house: House) -> None:
    assert asked(house, "GET", "/look", ("FRESH", "s")).json["bot"] == "bot of FRESH"


def test_whoever_goes_on_guessing_waits_and_whoever_has_the_secret_does_not(house: House) -> None:
    async def guess() -> float:
        for _ in range(30):
            await house.request("GET", "/look", ("TRADER", "guess"))
        before = asyncio.get_running_loop().time()
        assert (await house.request("GET", "/look")).status == 200
        return asyncio.get_running_loop().time() - before

    waited_s, whole_s = ran(guess())
    assert whole_s > 60.0
    assert waited_s == 0.0


def test_a_key_in_the_body_is_guessed_as_slowly(house: House) -> None:
    async def guess() -> set[int]:
        return {(await house.request("POST", "/alert", ("", ""))).status for _ in range(BURST)}

    assert ran(guess())[0] == {401}
    assert asked(house, "POST", "/alert", ("", "")).status == 429


def test_a_token_does_what_its_scope_covers(house: House) -> None:
    assert asked(house, "GET", "/look", ("READER", "s")).status == 200
    for method in ("POST", "DELETE"):
        refused = asked(house, method, "/trade", ("READER", "s"))
        assert (refused.status, refused.json["code"]) == (403, 40310000)
        assert "lacks the scope" in refused.json["message"]
    assert house.seen == [("READER", "/look")]


@pytest.mark.parametrize("host", ["here", "HERE:80", "[::1]:8080", "[::1]"])
def test_it_is_addressed_by_its_own_names(house: House, host: str) -> None:
    assert asked(house, "GET", "/look", host=host).status == 200


@pytest.mark.parametrize("host", ["", "evil.example", "here.evil.example:8080", "[::2]", "here@x"])
def test_no_other_name_reaches_it_with_the_right_token_either(house: House, host: str) -> None:
    assert asked(house, "GET", "/look", host=host).status == 421
    assert house.seen == []


def test_a_web_page_gets_nothing(house: House) -> None:
    assert asked(house, "GET", "/look", headers=[("origin", "http://here:8080")]).status == 403
    form = [("content-type", "text/plain")]
    answer = asked(house, "POST", "/trade", parts=[b"{}"], headers=form)
    assert (answer.status, answer.json["code"]) == (400, 40010000)
    assert house.seen == []


@pytest.mark.parametrize("name", ["host", "content-length", "transfer-encoding"])
def test_a_header_that_could_be_read_in_two_ways_is_refused(house: House, name: str) -> None:
    twice = [(name, "1"), (name, "2")]
    assert asked(house, "GET", "/look", headers=twice).status == 400


# -- how much and how often -----------------------------------------------------------------------


def test_what_lowers_exposure_is_never_throttled(house: House) -> None:
    statuses = [asked(house, "GET", "/look").status for _ in range(BURST + 2)]
    assert statuses == [200] * BURST + [429, 429]
    assert [asked(house, "DELETE", "/trade").status for _ in range(20)] == [200] * 20
    late = asked(house, "GET", "/look")
    assert (late.json["code"], late.headers["retry-after"]) == (42910000, "1")
    assert asked(house, "GET", "/look", ("READER", "s")).status == 200


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        pytest.param([b"x" * (BODY_MAX + 1)], None, id="too-long"),
        pytest.param([b"x" * BODY_MAX, b"x"], "1", id="longer-than-it-says"),
        pytest.param([b"{}"], str(BODY_MAX + 1), id="says-that-it-is"),
        pytest.param([b"{}"], "-1", id="no-length"),
        pytest.param([b"{}"], "9" * 40, id="a-length-beyond-all"),
    ],
)
def test_a_body_has_its_bound_whatever_is_said_of_it(
    house: House, parts: list[bytes], told: str | None
) -> None:
    headers = [] if told is None else [("content-length", told)]
    answer = asked(house, "POST", "/trade", parts=parts, headers=headers)
    assert (answer.status, answer.json["code"]) == (413, 41310000)
    assert house.seen == []


def test_a_body_that_comes_in_parts_is_put_together(house: House) -> None:
    answer = asked(house, "POST", "/trade", parts=[b'{"a"', b":", b'"b"}'])
    assert answer.json["content"] == {"a": "b"}


def test_nobody_is_waited_for_who_never_ends_a_request(house: House) -> None:
    answer, waited_s = ran(house.request("POST", "/trade", parts=[b'{"a":'], hangs=True))
    assert (answer.status, answer.json["code"]) == (408, 40810000)
    assert waited_s == REQUEST_WITHIN_S
    assert house.seen == []


def test_more_at_the_same_time_than_can_be_held_are_told_to_come_again() -> None:
    async def crowd() -> list[int]:
        house = House()
        slow = [
            asyncio.ensure_future(house.request("GET", "/slow", (token, "s")))
            for token in ("TRADER", "READER", "FRESH")
            for _ in range(BURST)
        ]
        guesses = [
            asyncio.ensure_future(house.request("POST", "/trade", parts=[b"{"], hangs=True))
            for _ in range(AT_ONCE_MAX - len(slow))
        ]
        await asyncio.sleep(0)
        one_more = await house.request("GET", "/look")
        house.holds.set()
        ended = {answer.status for answer in await asyncio.gather(*slow)}
        for guess in guesses:
            guess.cancel()
        return [one_more.status, *ended]

    assert ran(crowd())[0] == [429, 200]


# -- what is answered -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, 40410000),
        ("OPTIONS", "/trade", 405, 40510000),
        ("POST", "/nowhere", 403, 40310000),
        ("PUT", "/trade", 403, 40310000),
        ("PATCH", "/look", 403, 40310000),
    ],
)
def test_what_is_not_offered_is_refused_and_what_would_change_something_is_final(
    house: House, method: str, path: str, status: int, code: int
) -> None:
    answer = asked(house, method, path)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_a_bug_of_ours_is_told_without_a_word_of_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    answer = asked(house, "GET", "/broken")
    reference = answer.headers["x-request-id"]
    assert (answer.status, answer.json["code"]) == (500, 50010000)
    assert answer.json["message"] == f"internal error, reference {reference}"
    assert reference in caplog.text
    assert "a secret of ours" in caplog.text


def test_head_is_get_without_its_body(house: House) -> None:
    head, get = asked(house, "HEAD", "/look"), asked(house, "GET", "/look")
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize("path", ["/look", "/nowhere", "/broken"])
def test_no_answer_is_kept_shown_elsewhere_or_without_its_number(house: House, path: str) -> None:
    headers = asked(house, "GET", path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert len(headers["x-request-id"]) == 32
    assert "server" not in headers


@pytest.mark.parametrize(
    ("path", "host", "is_let_in"),
    [
        ("/stream", "here", True),
        ("/stream/", "here:8080", True),
        ("/stream", "evil.example", False),
        ("/other", "here", False),
    ],
)
def test_a_stream_is_found_under_its_path_and_our_name(
    house: House, path: str, host: str, is_let_in: bool
) -> None:
    sent: list[Any] = []

    async def connect() -> None:
        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": path, "headers": [(b"host", host.encode())]}
        await house.gate(scope, receive, send)

    ran(connect())
    assert bool(house.seen) is is_let_in
    assert [one["code"] for one in sent] == ([] if is_let_in else [1008])
