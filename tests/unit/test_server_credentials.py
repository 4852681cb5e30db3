"""Where a token is looked for: in headers of its own or as usual, and never half of it."""

import base64

import pytest

from smart_leverage.server.credentials import credentials_of

PAIR = ("KEY", "s3cret")


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(
            {b"apca-api-key-id": b"KEY", b"apca-api-secret-key": b"s3cret"}, id="the-venues-own"
        ),
        pytest.param(
            {b"apca-api-key-id": b" KEY ", b"apca-api-secret-key": b"s3cret "}, id="with-spaces"
        ),
        pytest.param({b"authorization": basic("KEY:s3cret")}, id="basic"),
        pytest.param({b"authorization": b"bearer KEY.s3cret"}, id="bearer-in-small-letters"),
        pytest.param({b"authorization": b"Bearer  KEY.s3cret "}, id="bearer-with-spaces"),
    ],
)
def test_a_token_is_found_wherever_a_client_puts_it(headers: dict[bytes, bytes]) -> None:
    assert credentials_of(headers) == PAIR


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        pytest.param({}, ("", ""), id="nothing"),
        pytest.param({b"apca-api-key-id": b"KEY"}, ("KEY", ""), id="no-secret"),
        pytest.param({b"apca-api-secret-key": b"s3cret"}, ("", "s3cret"), id="no-id"),
        pytest.param({b"authorization": b"Bearer KEY"}, ("KEY", ""), id="bearer-without-a-point"),
        pytest.param({b"authorization": basic("KEY")}, ("KEY", ""), id="basic-without-a-colon"),
        pytest.param({b"authorization": b"Basic KEY:s3cret"}, ("", ""), id="basic-in-the-clear"),
        pytest.param({b"authorization": b"Digest KEY.s3cret"}, ("", ""), id="another-way"),
        pytest.param({b"authorization": b""}, ("", ""), id="empty"),
    ],
)
def test_half_a_token_is_not_made_whole(
    headers: dict[bytes, bytes], found: tuple[str, str]
) -> None:
    assert credentials_of(headers) == found


def test_headers_of_its_own_are_not_mixed_with_others() -> None:
    """One half from here and the other from there would be a token that nobody sent."""
    both = {b"apca-api-key-id": b"KEY", b"authorization": basic("OTHER:s3cret")}
    assert credentials_of(both) == ("KEY", "")


def test_a_secret_may_hold_the_sign_that_parts_it_from_the_id() -> None:
    assert credentials_of({b"authorization": basic("KEY:a:b")}) == ("KEY", "a:b")
    assert credentials_of({b"authorization": b"Bearer KEY.a.b"}) == ("KEY", "a.b")


def test_what_is_longer_than_any_token_is_cut_and_what_is_no_text_is_read_all_the_same() -> None:
    found = credentials_of({b"apca-api-key-id": b"\xff" * 9_000, b"apca-api-secret-key": b"\x00"})
    assert (len(found[0]), found[1]) == (256, "\x00")
