"""Signing in and out: a password or a one-time link begins a session, always a new one."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment

from smart_leverage.domain.bots import Scope
from smart_leverage.runtime.people import links, password, sessions, visits
from smart_leverage.runtime.people.visits import Visit
from smart_leverage.server.desk.asking import Answered, Asked, DoorRoute, page, see_other
from smart_leverage.server.desk.steering.cookies import drop_cookie, set_cookie
from smart_leverage.server.rates import Failures
from smart_leverage.wire.errors import too_many

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
GUESSES_AT_ONCE = 8
"""So many may wait to have a password compared; that takes a while and much memory, by design."""

WRONG_PASSWORD = "that is not the password"  # noqa: S105 - a sentence
WRONG_LINK = "this link was used, is older than ten minutes, or never was one; ask for another"


class Entrance:
    """The routes by which people come and go."""

    def __init__(self, folder: Path, templates: Environment, now_ns: Callable[[], int]) -> None:
        """Let people into the account of a folder."""
        self._folder = folder
        self._templates = templates
        self._now_ns = now_ns
        self._failures = Failures()
        self._guessing = asyncio.Semaphore(1)
        self._guesses = 0

    def routes(self) -> list[DoorRoute]:
        """Return where one comes and goes."""
        return [
            DoorRoute("GET", SIGN_IN, Scope.READ, self.show, is_open=True),
            DoorRoute("POST", SIGN_IN, Scope.READ, self.enter, is_open=True),
            DoorRoute("POST", SIGN_OUT, Scope.READ, self.leave, is_free=True),
        ]

    async def show(self, asked: Asked) -> Answered:
        """Show the form; a link is put into it and used when it is sent, not when it is opened."""
        return page(self._form(asked, asked.query.get("link", ""), asked.query.get("next", "")))

    async def enter(self, asked: Asked) -> Answered:
        """Begin a session, and end the one that this browser had."""
        link = asked.form.get("link", "")
        entered = await (self._by_link(link) if link else self._by_password(asked))
        if entered is None:
            why = WRONG_LINK if link else WRONG_PASSWORD
            await self._note(f"refused: {why}", "", asked.source)
            await self._failures.hold_up(asked.source)
            return page(self._form(asked, "", asked.form.get("next", ""), why), 403)
        await self._forget(asked.token)
        await self._note(
            f"signed in by {'link' if link else 'password'}", entered.name, asked.source
        )
        cookie = set_cookie(entered.token, is_secure=asked.is_secure)
        return see_other(safe_place(asked.form.get("next", "")), cookie)

    async def leave(self, asked: Asked) -> Answered:
        """End the session, here and on file."""
        await self._forget(asked.token)
        await self._note("signed out", asked.visitor.name, asked.source)
        return see_other(SIGN_IN, drop_cookie(is_secure=asked.is_secure))

    async def _by_link(self, link: str) -> links.Entered | None:
        return await asyncio.to_thread(links.redeem, self._folder, link[:256], self._now_ns())

    async def _by_password(self, asked: Asked) -> links.Entered | None:
        if self._guesses >= GUESSES_AT_ONCE:
            raise too_many("too many passwords are being compared; try again in a moment")
        self._guesses += 1
        try:
            async with self._guessing:
                name = await asyncio.to_thread(
                    password.owner_of, self._folder, asked.form.get("password", "")
                )
        finally:
            self._guesses -= 1
        if name is None:
            return None
        token = await asyncio.to_thread(
            sessions.begin, self._folder, name, (Scope.ADMIN,), "password", self._now_ns()
        )
        return links.Entered(name, token)

    async def _forget(self, token: str) -> None:
        if token:
            which = token.partition(".")[0]
            await asyncio.to_thread(sessions.end, self._folder, which, self._now_ns())

    async def _note(self, what: str, name: str, source: str) -> None:
        visit = Visit(self._now_ns(), what, name, source)
        await asyncio.to_thread(visits.note, self._folder, visit)

    def _form(self, asked: Asked, link: str, wanted: str, why: str = "") -> str:
        return self._templates.get_template("steering/sign_in.html").render(
            link=link,
            next=safe_place(wanted),
            why=why,
            visitor=asked.visitor,
            has_password=password.has_one(self._folder),
        )


def safe_place(wanted: str) -> str:
    """Return where to go after signing in: a page of ours, the first one where it is none."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\", SIGN_IN, SIGN_OUT))
    return wanted if is_ours and wanted.isprintable() and wanted.isascii() else "/"
