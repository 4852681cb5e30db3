"""Makes a token: an id that may be seen, and a secret that is shown once."""

import base64
import secrets
from typing import NamedTuple

from smart_leverage.domain.bots import digest
from smart_leverage.domain.redaction import redactor

PREFIX = "SLK"
ID_BYTES = 10
SECRET_BYTES = 32


class Token(NamedTuple):
    """What somebody is given; only `secret_sha256` is kept."""

    token_id: str
    secret: str

    @property
    def secret_sha256(self) -> str:
        """What is kept of the secret."""
        return digest(self.secret)


def new_token(prefix: str = PREFIX) -> Token:
    """Return a token that nobody has seen; the prefix of its id says what it is for."""
    name = base64.b32encode(secrets.token_bytes(ID_BYTES)).decode("ascii").rstrip("=")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    redactor.hide(secret)
    return Token(f"{prefix}{name}", secret)
