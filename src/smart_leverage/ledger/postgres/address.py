"""Where on a server the ledger of an account is: a URL without a password, and a name."""

import re
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

SCHEMES = ("postgresql", "postgres")

_SECRET = ("password", "sslpassword", "oauth_client_secret")
_PLAIN = re.compile(r"[a-z0-9_]{1,50}", re.ASCII)
_LOCKS = "smart-leverage ledger "

ADVICE = (
    "put the password into ~/.pgpass or the file that PGPASSFILE names (mode 0600, "
    "HOST:PORT:DATABASE:USER:PASSWORD), or into PGPASSWORD"
)


class Address(NamedTuple):
    """The ledger of one account on a server.

    `url` is what libpq understands, without a password; what it leaves out comes from libpq's own
    environment (PGHOST, PGUSER, PGSERVICE, ...). `account` is the name of the ledger there.
    """

    url: str
    account: str

    @property
    def schema(self) -> str:
        """The schema that holds its tables; two names never share one."""
        if _PLAIN.fullmatch(self.account):
            return f"sl_{self.account}"
        slug = re.sub(r"[^a-z0-9]+", "_", self.account.lower(), flags=re.ASCII).strip("_")[:40]
        # A plain name has no digest, so that what is made of another one cannot be taken for it.
        return f"sl_{slug}-{sha256(self.account.encode()).hexdigest()[:12]}"

    @property
    def lock(self) -> int:
        """The number of the lock whose holder is the writer, in the database of the URL."""
        digest = sha256(f"{_LOCKS}{self.schema}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)

    @property
    def told(self) -> str:
        """How it is shown to a person."""
        return f"account {self.account} at {self.url}"


def fault_of(url: str) -> str | None:
    """Say what is wrong with the URL of a server; None when nothing is.

    The sentence does not repeat the URL: there may be a password in it.
    """
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None
    except ValueError:
        return "is not a URL; postgresql://[USER@]HOST[:PORT]/DATABASE is one"
    if parts.scheme not in SCHEMES:
        scheme = parts.scheme if re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme) else ""
        known = "known is postgresql://[USER@]HOST[:PORT]/DATABASE"
        return f"has the unknown scheme {scheme}://; {known}" if scheme else f"no scheme; {known}"
    if not url.startswith(f"{parts.scheme}://"):
        return f"lacks the // after {parts.scheme}:"
    if has_password or any(name in _SECRET for name, _ in parse_qsl(parts.query, True)):
        return f"holds a password, which does not belong there; {ADVICE}"
    if parts.fragment:
        return "has a part after #; write %23 where it belongs to a name"
    return None
