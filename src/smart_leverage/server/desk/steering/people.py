"""The people of an account as the desk asks for them: on another thread, since they are on file."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from smart_leverage.runtime.people import sessions
from smart_leverage.runtime.people.sessions import Session


class PeopleOnFile:
    """Looks at the file each time: a session that was ended elsewhere is over at once."""

    def __init__(self, folder: Path, now_ns: Callable[[], int]) -> None:
        """Follow the people of the account in a folder."""
        self._folder = folder
        self._now_ns = now_ns

    async def who(self, token: str) -> Session | None:
        """Return an open session and note that its person is there; None for a wrong secret."""

        def find() -> Session | None:
            now_ns = self._now_ns()
            session = sessions.find(self._folder, token, now_ns)
            if session is not None:
                sessions.touch(self._folder, session, now_ns)
            return session

        return await asyncio.to_thread(find)

    async def is_open(self, session_id: str) -> bool:
        """Tell whether a session still opens anything."""

        def look() -> bool:
            session = sessions.by_id(self._folder, session_id)
            return session is not None and session.is_open(self._now_ns())

        return await asyncio.to_thread(look)
