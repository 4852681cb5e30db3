"""People as a gateway knows them: a session is the seat of a bot that is a person."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from smart_leverage.domain.bots import Seat
from smart_leverage.domain.errors import ConfigError
from smart_leverage.runtime.people import sessions


class WithPeople(Mapping[str, Seat]):
    """The seats of an account, and those of its open sessions.

    The file of the sessions is read for ids that have their form only, so bots do not wait for it.
    While it cannot be read, nobody of them is known.
    """

    def __init__(
        self,
        folder: Path,
        seats: Callable[[], Mapping[str, Seat]],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Stand before the seats of the account in a folder."""
        self._folder = folder
        self._seats = seats
        self._now_ns = now_ns

    def __getitem__(self, token_id: str) -> Seat:
        if not token_id.startswith(sessions.PREFIX):
            return self._seats()[token_id]
        with suppress(OSError, ConfigError, sqlite3.Error):
            session = sessions.by_id(self._folder, token_id)
            if session is not None and session.is_open(self._now_ns()):
                return session.seat
        raise KeyError(token_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._seats())

    def __len__(self) -> int:
        return len(self._seats())


def is_person(seat: Seat) -> bool:
    """Tell whether a seat is that of a session."""
    return seat.token_id.startswith(sessions.PREFIX)


def is_admin_session(folder: Path, token: str, now_ns: int) -> bool:
    """Tell whether a cookie is that of an admin who has signed in lately."""
    if not token.startswith(sessions.PREFIX):
        return False
    with suppress(OSError, ConfigError, sqlite3.Error):
        session = sessions.find(folder, token, now_ns)
        return session is not None and session.is_admin(now_ns)
    return False
