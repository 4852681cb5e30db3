"""Forms as they come in: their fields, and the proof that this session was shown them."""

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from smart_leverage.wire.errors import bad_json, forbidden

FIELDS_MAX = 64
CSRF = "csrf"


def check_csrf(given: str, own: str) -> None:
    """Refuse a form that this session was not shown.

    Raises:
        WireError: What it brings along is missing, another session's, or of one that has ended.
    """
    if not given:
        raise forbidden("the form says nothing of the page it was on; nothing was done")
    if not hmac.compare_digest(given.encode(), own.encode()):
        raise forbidden("the form is of another session; load the page anew. Nothing was done")


def fields(text: bytes) -> Mapping[str, str]:
    """Return the fields of a form or an address.

    Raises:
        WireError: It is no text, there are too many, or one comes twice.
    """
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise bad_json("the fields cannot be read") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise bad_json("a field came twice")
    return found
