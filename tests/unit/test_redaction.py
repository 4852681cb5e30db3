"""Secrets are known by their shape and by having been seen; what only looks long is left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.redaction import STARS, Redactor, is_secret_name
from smart_leverage.runtime.tokens import new_token

SHAPED = [
    pytest.param("hTTq0zJ1xw3QmB7v-uYk_9aLr4Nn5Pp6Ss7Tt8Uu9V", id="secret-of-a-bot"),
    pytest.param("8sKqLz0PqWnE4rT6yU8iO0pA2sD4fG6hJ8kL0zXc", id="secret-at-alpaca"),
    pytest.param("aB3/dE5+gH7jK9lM1nO3pQ5rS7tU9vW1xY3zA5bC", id="older-secret-at-alpaca"),
    pytest.param("PKABCDEFGHIJKLMNOPQR", id="key-id-at-alpaca"),
    pytest.param("1234567890:AAF-abcdefghijklmnopqrstuvwxyz_12345", id="bot-at-telegram"),
    pytest.param("$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g", id="hash-of-a-password"),
]


@pytest.mark.parametrize("secret", SHAPED)
@pytest.mark.parametrize("around", ["{}", "it was {}.", '{{"x": "{}"}}', "({})", "a={}&b=2"])
def test_a_secret_is_known_by_its_shape(secret: str, around: str) -> None:
    said = Redactor()(around.format(secret))
    assert secret not in said
    assert STARS in said


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer SLKABC.short-one", "short-one"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("https://ann:hunter2@mail.example/x", "hunter2"),
        ("smtp://:hunter2@mail.example", "hunter2"),
        ("https://hooks.slack.com/services/T0/B0/short", "T0/B0"),
        ("https://discord.com/api/webhooks/1/short", "/1/short"),
        ("password = hunter2", "hunter2"),
        ('{"webhook_secret": "hunter2"}', "hunter2"),
        ("APCA-API-SECRET-KEY: hunter2", "hunter2"),
        ("the api_key=hunter2 is wrong", "hunter2"),
        ("cookie: session=hunter2", "hunter2"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", "hunter2"),
        ("-----BEGIN EC PRIVATE KEY-----\nhunter2", "hunter2"),
    ],
)
def test_what_stands_under_such_a_name_or_in_such_a_place_is_one(text: str, left: str) -> None:
    assert left not in Redactor()(text)


@pytest.mark.parametrize(
    "text",
    [
        "token_id=SLKEUOK4HITQ7G3GJRG is revoked",
        "a token was refused: source 127.0.0.1",
        "policy_hash=0123456789abcdef0123456789abcdef",
        "event 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "/home/Ann/projects/Trading2024/runs/live-20240101-120000/ledger.sqlite",
        "sl-mfzwizltmq2dcmjqgezdgnbvgy3tqojq",
        "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0",
        "token_file = secrets/telegram",
        "crypto cap: 25.0 % of equity allowed, this order would make 28.4 %",
        "test_a_process_that_began_again_compares_before_it_is_ready_2",
    ],
)
def test_what_only_looks_long_is_left_as_it_is(text: str) -> None:
    assert Redactor()(text) == text


def test_a_secret_that_was_seen_is_hidden_whatever_it_looks_like_and_however_it_is_spelled() -> (
    None
):
    redact = Redactor(["correct horse/battery"])
    for text in ("it is correct horse/battery.", "?p=correct%20horse%2Fbattery&x=1"):
        assert "battery" not in redact(text)
    redact.hide("short")
    assert redact("short") == "short"


@pytest.mark.parametrize(
    "piece",
    ["x", "a.", "token", "secret=", "z ", "://", "a://", "-----BEGIN KEY", "1:", "Aa1/", "="],
)
def test_no_text_takes_long(piece: str) -> None:
    began_s = time.process_time()
    Redactor(["correct horse/battery"])(piece * (32_000 // len(piece)))
    assert time.process_time() - began_s < 2.0


@given(st.text(max_size=200))
def test_twice_is_as_good_as_once(text: str) -> None:
    redact = Redactor(["correct horse/battery"])
    assert redact(redact(text)) == redact(text)


@given(st.text(alphabet="abcXYZ019 =:;,.'\"/\n{}", max_size=40), st.text(max_size=40))
def test_a_token_that_was_made_here_is_never_told(before: str, after: str) -> None:
    token = new_token()
    redact = Redactor([token.secret])
    assert token.secret not in redact(f"{before}{token.secret}{after}")


@pytest.mark.parametrize("name", ["password", "webhook_secret", "api_key", "token", "Set-Cookie"])
def test_a_field_of_that_name_holds_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["token_id", "bot", "secret_sha256", "token_file", "reason"])
def test_a_field_of_another_name_does_not(name: str) -> None:
    assert not is_secret_name(name)
