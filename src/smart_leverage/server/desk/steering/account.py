"""The account as a person reaches it: its socket for commands, its gateway for orders."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec

from smart_leverage.domain.errors import BrokerDown, LedgerError
from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Answer, Request, Result, ask, gives_a_sign
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.steering.outcomes import (
    DONE,
    PENDING,
    REFUSED,
    Outcome,
    head,
    ordered,
    written,
)

WITHIN_S = 7.0
"""So long an answer is waited for; the door itself waits ten seconds."""

SIGN_WITHIN_S = 0.5

DEAD = "no process of this account answers"

BY_FILE = (
    "the halt file is written, so nothing that adds exposure leaves and the account starts halted"
)


class Told(NamedTuple):
    """What the gateway answered."""

    status: int
    content: Mapping[str, Any]

    @property
    def message(self) -> str:
        """Why it refused, in its own words."""
        return str(self.content.get("message", f"the account answered {self.status}"))


class Account:
    """Sends what a signed-in person wants; the account itself proves who that is."""

    def __init__(self, folder: Path, gateway: str, certificate: Path | None) -> None:
        """Reach the account of a folder.

        Args:
            folder: Of the account.
            gateway: Where it takes orders; empty where nobody said so.
            certificate: Of that server, the only one that is believed; None without TLS.
        """
        self.folder = folder
        self.ledger = folder / "ledger.sqlite"
        self._gateway = gateway
        self._certificate = certificate

    # -- commands ---------------------------------------------------------------------------------

    async def order(
        self,
        asked: Asked,
        title: str,
        command: Command,
        reason: str,
        changes: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Have a command carried out; return what came of it, as the ledger has it.

        A halt is in force before anybody is asked, also where nobody answers.
        """
        who = who_of(asked)
        request = Request(command, who, reason, asked.token, dict(changes or {}))
        return await asyncio.to_thread(self._ordered, title, request)

    def _ordered(self, title: str, request: Request) -> Outcome:
        before = self._head()
        if request.command in _HALTING:
            HaltFile(self.folder).set(request.who, request.reason)
        try:
            answer = ask(self.folder, request, WITHIN_S)
        except BrokerDown:
            return self._unanswered(title, request, before)
        events = self._written(before, request.who)
        # The file that halts may have been seen before the command itself: then it is so already.
        lines = () if answer.result is Result.DONE and events else answer.lines
        return Outcome(
            title=title,
            result=_RESULTS[answer.result],
            state=answer.state,
            lines=lines or _said(answer),
            events=events,
        )

    def _unanswered(self, title: str, request: Request, before: int) -> Outcome:
        """Say what stands while nobody answers: for a halt that is the file."""
        lines = [f"{DEAD}; {BY_FILE}"] if request.command in _HALTING else [DEAD]
        if request.command is Command.HALT:
            return Outcome(title=title, result=DONE, state="halted", lines=tuple(lines))
        if gives_a_sign(self.folder, SIGN_WITHIN_S) is None:
            lines.append("nothing else was done; start it with `smart-leverage run`")
            return Outcome(title=title, result=REFUSED, lines=tuple(lines))
        lines.append("what was asked may still be done when it goes on; the journal will show it")
        events = self._written(before, request.who)
        return Outcome(title=title, result=PENDING, lines=tuple(lines), events=events)

    def _head(self) -> int:
        with suppress(LedgerError, OSError):
            return head(self.ledger)
        return 2**62  # a ledger that cannot be read tells nothing afterwards either

    def _written(self, before: int, who: str) -> tuple[str, ...]:
        with suppress(LedgerError, OSError, msgspec.MsgspecError):
            return written(self.ledger, before, who)
        return ()

    async def head(self) -> int:
        """Return the number of the last event of the ledger."""
        return await asyncio.to_thread(self._head)

    async def ordered(self, after: int, bot: str, request: str) -> tuple[str, ...]:
        """Return what the ledger has of a bot's order since an event."""

        def read() -> tuple[str, ...]:
            with suppress(LedgerError, OSError, msgspec.MsgspecError):
                return ordered(self.ledger, after, bot, request)
            return ()

        return await asyncio.to_thread(read)

    # -- the gateway ------------------------------------------------------------------------------

    async def get(self, asked: Asked, path: str) -> Told:
        """Ask the gateway as the person who asks.

        Raises:
            BrokerDown: It does not answer.
        """
        return await self._call(asked, lambda client: client.get(path))

    async def post(self, asked: Asked, path: str, content: Mapping[str, object]) -> Told:
        """Send the gateway something as the person who sends it.

        Raises:
            BrokerDown: It does not answer; what was sent may have arrived.
        """
        return await self._call(asked, lambda client: client.post(path, json=content))

    async def _call(self, asked: Asked, call: Callable[[httpx2.AsyncClient], Any]) -> Told:
        if not self._gateway:
            raise BrokerDown("the desk was not told where the account takes orders")
        key_id, _, secret = asked.token.partition(".")
        headers = {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret}
        try:
            async with httpx2.AsyncClient(
                base_url=self._gateway,
                headers=headers,
                timeout=WITHIN_S,
                trust_env=False,
                verify=_only(self._certificate),
            ) as client:
                answer = await call(client)
                content = msgspec.json.decode(answer.content, type=dict[str, Any])
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise BrokerDown(f"the account does not answer: {error}") from error
        return Told(answer.status_code, content)


_HALTING = frozenset({Command.HALT, Command.FLATTEN})
"""What the file of the halt stands for at once, whether anybody answers or not."""

_RESULTS = {Result.DONE: DONE, Result.REFUSED: REFUSED, Result.PENDING: PENDING}


def who_of(asked: Asked) -> str:
    """Return how the ledger names a person who acts at the desk."""
    return f"{asked.visitor.name} (desk)"


def _said(answer: Answer) -> tuple[str, ...]:
    return () if answer.result is Result.DONE else ("the account gave no reason",)


def _only(certificate: Path | None) -> ssl.SSLContext | bool:
    """Return what believes one certificate and no other; its name is not that of a loopback."""
    if certificate is None:
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
