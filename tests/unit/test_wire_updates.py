"""What is said on the stream of trade updates: every frame of a client, and of a stranger."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from smart_leverage.wire.updates import (
    FRAME_MAX,
    action_of,
    authorization,
    credentials,
    framed,
    listening,
    said,
    streams,
)

HELLO = {"action": "authenticate", "data": {"key_id": "SLK1", "secret_key": "s3cret"}}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates", "account_updates"]}}


@pytest.mark.parametrize("content", [HELLO, LISTEN], ids=["hello", "listen"])
def test_text_binary_and_packed_frames_say_the_same(content: Mapping[str, Any]) -> None:
    words = json.dumps(content)
    assert said(words, None) == content
    assert said(None, words.encode()) == content
    assert said(None, b" \n" + words.encode()) == content
    assert said(None, msgspec.msgpack.encode(content)) == content


def test_both_forms_of_credentials_are_read() -> None:
    assert credentials(HELLO) == ("SLK1", "s3cret")
    assert credentials({"action": "auth", "key": "SLK1", "secret": "s3cret"}) == ("SLK1", "s3cret")
    assert credentials(LISTEN) is None
    assert credentials({}) is None


@pytest.mark.parametrize("value", [None, 5, True, ["SLK1"], {"a": "b"}, b"SLK1"])
def test_credentials_are_text_and_nothing_else(value: object) -> None:
    assert credentials({"action": "auth", "key": value, "secret": value}) == ("", "")
    data = {"key_id": value, "secret_key": value}
    assert credentials({"action": "authenticate", "data": data}) == ("", "")


def test_a_number_is_no_credential_however_it_is_framed() -> None:
    heard = said('{"action":"auth","key":1,"secret":2}', None)
    assert credentials(heard) == ("", "")


def test_credentials_are_cut_to_a_length() -> None:
    heard = {"action": "auth", "key": "k" * 10_000, "secret": "s" * 10_000}
    assert credentials(heard) == ("k" * 256, "s" * 256)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param({"streams": ["trade_updates"]}, ["trade_updates"], id="ours"),
        pytest.param({"streams": ["a", "trade_updates", "b"]}, ["trade_updates"], id="among-more"),
        pytest.param({"streams": ["account_updates"]}, [], id="another"),
        pytest.param({"streams": []}, [], id="none"),
        pytest.param({"streams": None}, [], id="null"),
        pytest.param({"streams": 5}, [], id="number"),
        pytest.param({"streams": "trade_updates"}, [], id="text"),
        pytest.param({"streams": {"trade_updates": 1}}, [], id="object"),
        pytest.param({"streams": [["trade_updates"]]}, [], id="nested"),
        pytest.param([], [], id="list"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_streams_are_chosen_anew_by_each_message(data: object, wanted: list[str]) -> None:
    assert streams({"action": "listen", "data": data}) == wanted


def test_what_is_no_choice_of_streams_changes_none() -> None:
    assert streams(HELLO) is None
    assert streams({}) is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut-off"),
        pytest.param("[]", id="list"),
        pytest.param("null", id="null"),
        pytest.param("[" * 8_000, id="deep-lists"),
        pytest.param('{"a":' * 1_500, id="deep-objects"),
        pytest.param('{"action":"auth","action":"listen"}', id="name-twice"),
        pytest.param('{"action":"\\ud800"}', id="escaped-surrogate"),
        pytest.param('{"action":"\ud800"}', id="raw-surrogate"),
        pytest.param('{"action":NaN}', id="nan"),
        pytest.param(json.dumps({**HELLO, "pad": "x" * FRAME_MAX}), id="too-long"),
        pytest.param(b"", id="no-bytes"),
        pytest.param(b"{", id="binary-cut-off"),
        pytest.param(b"\x91" * 8_000, id="deep-msgpack"),
        pytest.param(b"\x81\xa1a" * 2_000, id="deep-msgpack-maps"),
        pytest.param(b"\xa2\xff\xfe", id="msgpack-not-utf-8"),
        pytest.param(b"\x81\xa1a\xa2\xff\xfe", id="msgpack-value-not-utf-8"),
        pytest.param(b"\xc1", id="msgpack-never-used"),
        pytest.param(b"\x05", id="msgpack-number"),
        pytest.param(b"\xdf\xff\xff\xff\xff", id="msgpack-of-four-billion"),
        pytest.param(b"\xc7\x05\x05hello", id="msgpack-extension"),
        pytest.param(b"\x81\x81\x01\x02\x03", id="msgpack-map-as-a-name"),
        pytest.param(b"\xd6\xff\xff\xff\xff\xff", id="msgpack-timestamp"),
        pytest.param(msgspec.msgpack.encode({"pad": "x" * FRAME_MAX}), id="packed-too-long"),
    ],
)
def test_what_is_not_legible_is_nothing(frame: str | bytes) -> None:
    heard = said(frame, None) if isinstance(frame, str) else said(None, frame)
    assert heard == {} or "action" not in heard or heard["action"] == "?"
    assert credentials(heard) is None
    assert streams(heard) is None
    assert said(None, None) == {}


def test_what_is_said_back_is_short_and_text() -> None:
    assert action_of({"action": "x" * 100}) == "x" * 32
    assert action_of({"action": {"a": 1}}) == ""
    assert action_of({}) == ""


def test_answers_have_the_shape_that_clients_wait_for() -> None:
    answer = authorization("authorized", "authenticate")
    told = {"status": "authorized", "action": "authenticate"}
    assert answer == {"stream": "authorization", "data": told}
    heard = listening(["trade_updates"])
    assert heard == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    assert json.loads(framed(answer, is_packed=False)) == answer
    assert msgspec.msgpack.decode(framed(answer, is_packed=True)) == answer
