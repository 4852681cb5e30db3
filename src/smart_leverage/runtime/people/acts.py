"""What a page has sent already: a key that comes twice is one act."""

from pathlib import Path

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.runtime.people.store import reading, writing


def begin(folder: Path, key: str, session: str, now_ns: int) -> bool:
    """Take a key for an act that is about to begin; False when it was taken before.

    It is durable before anything is done, so a page that is sent again after a restart does
    nothing twice.
    """
    with writing(folder) as database:
        database.execute("DELETE FROM acts WHERE at_ns < ?", (now_ns - DAY_NS,))
        taken = database.execute(
            "INSERT OR IGNORE INTO acts VALUES (?, ?, ?, NULL)", (key, session, now_ns)
        )
        return taken.rowcount == 1


def finish(folder: Path, key: str, outcome: str) -> None:
    """Keep what came of an act, for who asks again."""
    with writing(folder) as database:
        database.execute("UPDATE acts SET outcome = ? WHERE key = ?", (outcome, key))


def outcome(folder: Path, key: str, session: str) -> str | None:
    """Return what came of an act of a session; None while nothing is known."""
    with reading(folder) as database:
        if database is None:
            return None
        row = database.execute(
            "SELECT outcome FROM acts WHERE key = ? AND session = ?", (key, session)
        ).fetchone()
    return None if row is None or row[0] is None else str(row[0])
