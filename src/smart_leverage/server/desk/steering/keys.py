"""The key that a page gives each of its forms: whoever sends the form twice has sent it once."""

import hashlib
import hmac
import secrets
import time

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.wire.errors import WireError, forbidden

FRESH_NS = 15 * MINUTE_NS
"""What a page showed so long ago is no ground any more for letting exposure come back."""

KEY = "key"


def issue(csrf: str, action: str, now_ns: int | None = None) -> str:
    """Return a new key for a form of a session.

    Args:
        csrf: The proof of the session.
        action: What the form is for.
        now_ns: Time, UTC; None for the present.
    """
    at_ns = time.time_ns() if now_ns is None else now_ns
    text = f"{at_ns:x}.{secrets.token_hex(12)}"
    return f"{text}.{_mark(csrf, action, text)}"


def check(key: str, csrf: str, action: str) -> None:
    """Refuse a form whose key we did not give to this session for this action.

    Raises:
        WireError: It is none of ours.
    """
    text, _, mark = key.rpartition(".")
    if not hmac.compare_digest(mark.encode(), _mark(csrf, action, text).encode()):
        raise forbidden("the form is not of a page of this session; load it anew")


def check_fresh(key: str, now_ns: int) -> None:
    """Refuse a form, whose key was checked, of a page that was made too long ago.

    Raises:
        WireError: It is that old.
    """
    age_ns = now_ns - int(key.partition(".")[0], 16)
    if not age_ns <= FRESH_NS:
        minutes = age_ns // MINUTE_NS
        raise WireError(
            409, 40910000, f"this page is {minutes} minutes old; load it anew. Nothing was done"
        )


def _mark(csrf: str, action: str, text: str) -> str:
    return hmac.new(csrf.encode(), f"{action} {text}".encode(), hashlib.sha256).hexdigest()[:32]
