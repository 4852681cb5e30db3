"""A link that signs one person in once, within minutes."""

import hmac
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.bots import Scope, digest
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.runtime.people.sessions import begun
from smart_leverage.runtime.people.store import writing
from smart_leverage.runtime.tokens import new_token

PREFIX = "SLO"
LASTS_NS = 10 * MINUTE_NS
LINKS_MAX = 16
NOTHING = digest("")


class Entered(NamedTuple):
    """A session that has begun: who it is, and what the cookie holds."""

    name: str
    token: str


def make(folder: Path, name: str, scopes: tuple[Scope, ...], now_ns: int) -> str:
    """Return what opens one session for a person until `LASTS_NS` from now.

    The oldest links that nobody has used give way where there are too many.
    """
    token = new_token(PREFIX)
    with writing(folder) as database:
        database.execute("DELETE FROM links WHERE expires_ns <= ?", (now_ns,))
        database.execute(
            "INSERT INTO links VALUES (?, ?, ?, ?, ?, NULL)",
            (token.token_id, token.secret_sha256, name, ",".join(scopes), now_ns + LASTS_NS),
        )
        database.execute(
            "DELETE FROM links WHERE rowid NOT IN "
            "(SELECT rowid FROM links ORDER BY rowid DESC LIMIT ?)",
            (LINKS_MAX,),
        )
    return f"{token.token_id}.{token.secret}"


def redeem(folder: Path, link: str, now_ns: int) -> Entered | None:
    """Begin the session of a link; None for one that is unknown, wrong, too old or used.

    Finding it, marking it used and beginning the session are one transaction that holds the file
    alone: of two who come with the same link one gets in.
    """
    name, _, secret = link.partition(".")
    with writing(folder) as database:
        row = database.execute(
            "SELECT secret_sha256, name, scopes FROM links "
            "WHERE id = ? AND used_ns IS NULL AND expires_ns > ?",
            (name, now_ns),
        ).fetchone()
        is_right = hmac.compare_digest(NOTHING if row is None else row[0], digest(secret))
        if row is None or not is_right:
            return None
        database.execute("UPDATE links SET used_ns = ? WHERE id = ?", (now_ns, name))
        scopes = tuple(Scope(word) for word in row[2].split(","))
        return Entered(row[1], begun(database, row[1], scopes, "link", now_ns))
