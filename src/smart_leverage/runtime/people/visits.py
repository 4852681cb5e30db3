"""Who came and who was refused: the last thousand, beside the sessions."""

import logging
from pathlib import Path
from typing import NamedTuple

from smart_leverage.runtime.people.store import reading, writing

_LOG = logging.getLogger(__name__)

KEPT = 1_000


class Visit(NamedTuple):
    """One sign-in, refusal or end; `source` is the address it came from."""

    at_ns: int
    what: str
    name: str
    source: str


def note(folder: Path, visit: Visit) -> None:
    """Keep what happened, in the file and in the log; never what anybody typed."""
    _LOG.warning("desk: %s, name %s, source %s", visit.what, visit.name or "-", visit.source or "-")
    with writing(folder) as database:
        database.execute(
            "INSERT INTO visits (at_ns, what, name, source) VALUES (?, ?, ?, ?)", visit
        )
        database.execute(
            "DELETE FROM visits WHERE number <= (SELECT max(number) FROM visits) - ?", (KEPT,)
        )


def last(folder: Path, count: int) -> list[Visit]:
    """Return the last visits, the latest first."""
    with reading(folder) as database:
        if database is None:
            return []
        rows = database.execute(
            "SELECT at_ns, what, name, source FROM visits ORDER BY number DESC LIMIT ?", (count,)
        ).fetchall()
    return [Visit(*row) for row in rows]
