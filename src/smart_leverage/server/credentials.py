"""Where a request says who it comes from; never in its address, which ends up in logs."""

import base64
import binascii
from collections.abc import Mapping

NOBODY = ("", "")


def credentials_of(headers: Mapping[bytes, bytes]) -> tuple[str, str]:
    """Return token id and secret: from the key headers, or as Basic or Bearer `id.secret`."""
    key_id = headers.get(b"apca-api-key-id")
    secret = headers.get(b"apca-api-secret-key")
    if key_id is not None or secret is not None:
        return _text(key_id or b""), _text(secret or b"")
    way, _, rest = headers.get(b"authorization", b"").partition(b" ")
    if way.lower() == b"bearer":
        first, _, second = rest.strip().partition(b".")
        return _text(first), _text(second)
    if way.lower() == b"basic":
        return _basic(rest.strip())
    return NOBODY


def _basic(text: bytes) -> tuple[str, str]:
    try:
        first, _, second = base64.b64decode(text, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return NOBODY
    return _text(first), _text(second)


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip()[:256]
