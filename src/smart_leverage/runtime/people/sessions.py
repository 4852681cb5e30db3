"""Open sessions: a secret in a cookie, its hash on file, an end after idling and after a day."""

import hashlib
import hmac
import re
import sqlite3
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.bots import Scope, Seat, covered, digest
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.runtime.people.store import reading, writing
from smart_leverage.runtime.tokens import Token, new_token

PREFIX = "SLP"
IDLE_NS = 30 * MINUTE_NS
"""Who does nothing for so long has to sign in again, unless they could only look."""

LASTS_NS = 12 * HOUR_NS
FRESH_NS = 15 * MINUTE_NS
"""So long after signing in a session may do what only an admin may; then it has to sign in anew."""

SEEN_EVERY_NS = MINUTE_NS
SESSIONS_MAX = 32
KEPT_NS = 30 * DAY_NS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,23}", re.ASCII)
_NOBODY = hashlib.sha256(b"").hexdigest()


class Session(NamedTuple):
    """One person in one browser; times are UTC."""

    id: str
    secret_sha256: str
    name: str
    scopes: tuple[Scope, ...]
    way: str
    began_ns: int
    seen_ns: int
    ended_ns: int | None = None

    @property
    def expires_ns(self) -> int:
        """When it ends if nothing more happens."""
        last_ns = self.began_ns + LASTS_NS
        only_looks = covered(self.scopes) <= covered((Scope.READ,))
        return last_ns if only_looks else min(last_ns, self.seen_ns + IDLE_NS)

    def is_open(self, now_ns: int) -> bool:
        """Whether it still opens anything."""
        return self.ended_ns is None and self.began_ns <= now_ns < self.expires_ns

    def may(self, scope: Scope) -> bool:
        """Whether one of its scopes covers this one."""
        return scope in covered(self.scopes)

    def is_fresh(self, now_ns: int) -> bool:
        """Whether the person has proved so lately who they are that they may act as an admin."""
        return now_ns - self.began_ns <= FRESH_NS

    def is_admin(self, now_ns: int) -> bool:
        """Whether it may resume and loosen just now."""
        return self.may(Scope.ADMIN) and self.is_fresh(now_ns)

    @property
    def bot(self) -> str:
        """The name under which this person's own orders run."""
        return bot_of(self.name)

    @property
    def seat(self) -> Seat:
        """What a gateway knows this person by: the session's cookie is the token."""
        return Seat(
            bot=self.bot,
            token_id=self.id,
            secret_sha256=self.secret_sha256,
            scopes=self.scopes,
            expires_ns=self.expires_ns,
        )


def bot_of(name: str) -> str:
    """Return the name of the bot that a person is."""
    return f"person.{name}"


def is_name(name: str) -> bool:
    """Whether a person may be called that: it stands in the journal and names a bot."""
    return _NAME.fullmatch(name) is not None


def csrf_of(token: str) -> str:
    """Return what every form of a session sends back; it cannot be had without the cookie."""
    secret = token.partition(".")[2]
    return hmac.new(secret.encode(), b"forms of this session", hashlib.sha256).hexdigest()


def begin(folder: Path, name: str, scopes: tuple[Scope, ...], way: str, now_ns: int) -> str:
    """Begin a session and return what its cookie holds; the oldest ends where there are too many.

    Args:
        folder: Of the account.
        name: Of the person.
        scopes: What they may do.
        way: How they proved who they are, "password" or "link".
        now_ns: Time, UTC.
    """
    with writing(folder) as database:
        return begun(database, name, scopes, way, now_ns)


def begun(
    database: sqlite3.Connection, name: str, scopes: tuple[Scope, ...], way: str, now_ns: int
) -> str:
    """Begin a session inside a transaction that somebody else ends."""
    token: Token = new_token(PREFIX)
    database.execute("DELETE FROM sessions WHERE began_ns < ?", (now_ns - KEPT_NS,))
    database.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        (token.token_id, token.secret_sha256, name, ",".join(scopes), way, now_ns, now_ns),
    )
    database.execute(
        "UPDATE sessions SET ended_ns = ? WHERE ended_ns IS NULL AND id NOT IN "
        "(SELECT id FROM sessions WHERE ended_ns IS NULL ORDER BY began_ns DESC, rowid DESC "
        "LIMIT ?)",
        (now_ns, SESSIONS_MAX),
    )
    return f"{token.token_id}.{token.secret}"


def find(folder: Path, token: str, now_ns: int) -> Session | None:
    """Return the open session of a cookie; None for one that is unknown, wrong, or over."""
    name, _, secret = token.partition(".")
    session = by_id(folder, name)
    kept = _NOBODY if session is None else session.secret_sha256
    # Compared also where there is none, so that the time it takes tells nothing.
    is_right = hmac.compare_digest(kept, digest(secret))
    return session if session is not None and is_right and session.is_open(now_ns) else None


def by_id(folder: Path, session_id: str) -> Session | None:
    """Return a session, open or over, by the part of it that may be seen."""
    with reading(folder) as database:
        if database is None:
            return None
        row = database.execute("SELECT * FROM sessions WHERE id = ?", (session_id,)).fetchone()
    return None if row is None else _session(row)


def touch(folder: Path, session: Session, now_ns: int) -> None:
    """Note that a person is still there, at most once a minute."""
    if now_ns - session.seen_ns < SEEN_EVERY_NS:
        return
    with writing(folder) as database:
        database.execute("UPDATE sessions SET seen_ns = ? WHERE id = ?", (now_ns, session.id))


def opened(folder: Path, now_ns: int) -> list[Session]:
    """Return the sessions that are open, oldest first."""
    with reading(folder) as database:
        rows = (
            []
            if database is None
            else database.execute(
                "SELECT * FROM sessions WHERE ended_ns IS NULL ORDER BY began_ns, rowid"
            ).fetchall()
        )
    return [one for one in map(_session, rows) if one.is_open(now_ns)]


def end(folder: Path, which: str, now_ns: int) -> int:
    """End a session by its id, or those of a person by name; return how many were open."""
    gone = [each for each in opened(folder, now_ns) if which in (each.id, each.name)]
    if gone:
        with writing(folder) as database:
            database.executemany(
                "UPDATE sessions SET ended_ns = ? WHERE id = ? AND ended_ns IS NULL",
                [(now_ns, each.id) for each in gone],
            )
    return len(gone)


def _session(row: tuple[str, str, str, str, str, int, int, int | None]) -> Session:
    name, secret_sha256, who, scopes, way, began_ns, seen_ns, ended_ns = row
    return Session(
        id=name,
        secret_sha256=secret_sha256,
        name=who,
        scopes=tuple(Scope(word) for word in scopes.split(",")),
        way=way,
        began_ns=began_ns,
        seen_ns=seen_ns,
        ended_ns=ended_ns,
    )
