"""What a browser sends and gets: origins, cookies, keys of forms, streams that end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.server.desk.steering import keys
from smart_leverage.server.desk.steering.cookies import cookie_of, drop_cookie, set_cookie
from smart_leverage.server.desk.steering.entering import safe_place
from smart_leverage.server.desk.steering.forms import fields
from smart_leverage.server.desk.steering.origins import check_origin
from smart_leverage.server.desk.steering.streaming import STREAMS_OF_ONE_MAX, Streams
from smart_leverage.server.frames import Message
from smart_leverage.server.http import Streamed
from smart_leverage.wire.errors import WireError

NOW = 1_800_000_000 * 10**9
HOST = b"desk.example:8443"


# -- cookies --------------------------------------------------------------------------------------


def test_over_tls_a_cookie_is_bound_to_this_host() -> None:
    name, value = set_cookie("SLPX.secret", is_secure=True)
    assert name == "Set-Cookie"
    first, *attributes = value.split("; ")
    assert first == "__Host-sl=SLPX.secret"
    assert {*attributes} == {"Path=/", "HttpOnly", "SameSite=Strict", "Secure"}
    assert "Max-Age=0" in drop_cookie(is_secure=True)[1]


def test_over_tls_a_cookie_without_its_prefix_counts_for_nothing() -> None:
    header = b"sl=SLPX.planted; __Host-sl=SLPX.secret"
    assert cookie_of(header, is_secure=True) == "SLPX.secret"
    assert cookie_of(b"sl=SLPX.planted", is_secure=True) == ""
    assert cookie_of(header, is_secure=False) == "SLPX.planted"


# -- origins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({b"origin": b"https://desk.example:8443"}, True),
        ({b"origin": b"https://desk.example:8443", b"sec-fetch-site": b"same-origin"}, True),
        ({b"sec-fetch-site": b"same-origin"}, True),
        ({b"origin": b"http://desk.example:8443"}, False),
        ({b"origin": b"https://desk.example"}, False),
        ({b"origin": b"https://desk.example:8443.evil.example"}, False),
        ({b"origin": b"null"}, False),
        ({b"origin": b"null", b"sec-fetch-site": b"same-origin"}, False),
        ({b"origin": b"https://desk.example:8443", b"sec-fetch-site": b"cross-site"}, False),
        ({}, False),
    ],
)
def test_which_page_may_change_something(headers: dict[bytes, bytes], is_ours: bool) -> None:
    def check() -> None:
        check_origin("POST", {b"host": HOST, **headers}, is_secure=True)

    if is_ours:
        check()
        return
    with pytest.raises(WireError) as refused:
        check()
    assert refused.value.status == 403


# -- keys -----------------------------------------------------------------------------------------


@given(st.text(), st.text(max_size=20), st.text(max_size=20))
def test_no_text_is_a_key_but_one_of_ours(text: str, csrf: str, action: str) -> None:
    with pytest.raises(WireError):
        keys.check(text, csrf, action)


@given(st.integers(0, 2**62), st.integers(-(2**61), 2**61))
def test_a_key_is_fresh_for_a_quarter_of_an_hour(at_ns: int, age_ns: int) -> None:
    key = keys.issue("csrf", "resume", at_ns)
    keys.check(key, "csrf", "resume")
    if age_ns <= 15 * MINUTE_NS:
        keys.check_fresh(key, at_ns + age_ns)
        return
    with pytest.raises(WireError) as refused:
        keys.check_fresh(key, at_ns + age_ns)
    assert refused.value.status == 409


def test_a_key_is_for_one_session_and_one_action() -> None:
    key = keys.issue("csrf", "resume", NOW)
    assert key != keys.issue("csrf", "resume", NOW)
    for csrf, action in (("other", "resume"), ("csrf", "halt"), ("csrf", "")):
        with pytest.raises(WireError):
            keys.check(key, csrf, action)
    stamp, _, rest = key.partition(".")
    with pytest.raises(WireError):
        keys.check(f"{int(stamp, 16) + 1:x}.{rest}", "csrf", "resume")


# -- forms and places -----------------------------------------------------------------------------


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=8))
def test_fields_come_in_as_they_were_typed(typed: dict[str, str]) -> None:
    from urllib.parse import urlencode

    assert fields(urlencode(typed).encode()) == typed


@given(st.text(max_size=40))
def test_after_signing_in_one_is_on_a_page_of_ours(wanted: str) -> None:
    place = safe_place(wanted)
    assert place.startswith("/")
    assert not place.startswith(("//", "/\\"))
    assert place.isascii()
    assert place.isprintable()


# -- streams --------------------------------------------------------------------------------------


async def _forever() -> AsyncIterator[bytes]:
    while True:
        yield b": still here\n\n"
        await asyncio.sleep(0.01)


async def _never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def test_a_stream_ends_with_its_session() -> None:
    sent: list[Message] = []
    left = [3]

    async def is_open(session_id: str) -> bool:
        left[0] -= 1
        return left[0] > 0

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        streams = Streams(is_open, look_every_s=0.02)
        await asyncio.wait_for(streams.send(Streamed(_forever()), "SLPX", [], _never, send), 5.0)
        assert streams.has_room("SLPX")

    asyncio.run(run())
    assert sent[0]["headers"] == [(b"content-type", b"text/event-stream")]
    assert any(each.get("body") for each in sent)
    assert sent[-1] == {"type": "http.response.body", "body": b""}


def test_one_session_has_only_so_many_streams() -> None:
    async def is_open(session_id: str) -> bool:
        return True

    async def send(message: Message) -> None:
        return

    async def run() -> None:
        streams = Streams(is_open, look_every_s=0.02)
        tasks = [
            asyncio.create_task(streams.send(Streamed(_forever()), "SLPX", [], _never, send))
            for _ in range(STREAMS_OF_ONE_MAX)
        ]
        await asyncio.sleep(0.05)
        assert not streams.has_room("SLPX")
        assert streams.has_room("SLPY")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert streams.has_room("SLPX")

    asyncio.run(run())
