"""How anything is ordered at the desk: shown first, sent once, answered by what the ledger has."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import msgspec
from jinja2 import Environment

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.runtime.people import acts
from smart_leverage.server.desk.asking import (
    Answered,
    Asked,
    DoorHandler,
    DoorRoute,
    page,
    see_other,
)
from smart_leverage.server.desk.steering import keys
from smart_leverage.server.desk.steering.account import Account
from smart_leverage.server.desk.steering.outcomes import PENDING, REFUSED, Outcome
from smart_leverage.wire.errors import WireError, forbidden, not_found

PLACE = "/act"
REASON_MAX = 200
EARLIER_WITHIN_S = 8.0
EARLIER_LOOK_S = 0.05

PROVE = "sign in again: this needs somebody who proved within 15 minutes who they are"


class Wrong(Exception):
    """A form that lacks something; it is shown again with the sentence."""


class Action(ABC):
    """One thing that a person may order."""

    name: ClassVar[str]
    title: ClassVar[str]
    says: ClassVar[str]
    """What it does, in one sentence."""
    button: ClassVar[str]
    scope: ClassVar[Scope]
    word: ClassVar[str] = ""
    """What has to be typed, letter by letter, before it is done."""
    needs_reason: ClassVar[bool] = False
    is_careful: ClassVar[bool] = False
    """Whether it leads away from safety: only from a page that is fresh."""
    needs_proof: ClassVar[bool] = False
    """Whether its person has to have signed in lately."""

    def __init__(self, account: Account) -> None:
        """Order it of this account."""
        self.account = account

    @property
    def template(self) -> str:
        """The form."""
        return f"steering/{self.name.replace('-', '_')}.html"

    @abstractmethod
    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return what the form shows before it is sent."""

    @abstractmethod
    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Have it done."""

    def typed(self, shown: Mapping[str, object]) -> str:
        """Return the word that has to be typed, given what the form showed."""
        return self.word

    def only_asks(self, asked: Asked) -> bool:
        """Tell whether the form only wants to know what would happen; nothing is done then."""
        return False

    async def check(self, asked: Asked) -> None:  # noqa: B027 - most forms need no more
        """Refuse what cannot be meant, before the key of the form is used up.

        Raises:
            Wrong: The form is shown again with this sentence.
            WireError: This person may not have it done, or not now.
        """


class Acting:
    """The routes of all actions: a form for each, and what it is sent to."""

    def __init__(
        self, actions: Iterable[Action], templates: Environment, now_ns: Callable[[], int]
    ) -> None:
        """Offer these actions."""
        self._actions = tuple(actions)
        self._templates = templates
        self._now_ns = now_ns

    def routes(self) -> Iterable[DoorRoute]:
        """Return two routes for each action, and those of the list and of what came of one."""
        yield DoorRoute("GET", PLACE, Scope.READ, self._list)
        yield DoorRoute("GET", f"{PLACE}/done/{{key}}", Scope.READ, self._again)
        for action in self._actions:
            where = f"{PLACE}/{action.name}"
            is_free = not action.is_careful
            yield DoorRoute("GET", where, action.scope, self._shower(action), is_free=is_free)
            yield DoorRoute("POST", where, action.scope, self._doer(action), is_free=is_free)

    # -- looking ----------------------------------------------------------------------------------

    async def _list(self, asked: Asked) -> Answered:
        """Show what may be ordered, and by whom."""
        return page(self._rendered("steering/list.html", asked, actions=self._actions))

    async def _again(self, asked: Asked) -> Answered:
        """Show what came of an act of this session."""
        key = asked.values["key"]
        folder = self._actions[0].account.folder
        kept = await asyncio.to_thread(acts.outcome, folder, key, _session(asked))
        if kept is None:
            raise not_found("nothing is known of such an act; the journal has all that was done")
        outcome = msgspec.json.decode(kept, type=Outcome)
        return page(self._rendered("steering/outcome.html", asked, outcome=outcome))

    def _shower(self, action: Action) -> DoorHandler:
        async def show(asked: Asked) -> Answered:
            return await self._form(action, asked)

        return show

    async def _form(
        self, action: Action, asked: Asked, why: str = "", status: int = 200
    ) -> Answered:
        shown = await action.shown(asked)
        return page(
            self._rendered(
                action.template,
                asked,
                action=action,
                word=action.typed(shown),
                why=why,
                key=keys.issue(asked.visitor.csrf, action.name, self._now_ns()),
                reason=asked.form.get("reason", ""),
                must_prove=action.needs_proof and not asked.is_fresh,
                prove=PROVE,
                **shown,
            ),
            status,
        )

    def _rendered(self, name: str, asked: Asked, **values: object) -> str:
        return self._templates.get_template(name).render(
            visitor=asked.visitor, is_part=asked.is_htmx, form=asked.form, **values
        )

    # -- doing ------------------------------------------------------------------------------------

    def _doer(self, action: Action) -> DoorHandler:
        async def do(asked: Asked) -> Answered:
            if action.only_asks(asked):
                return await self._form(action, asked)
            try:
                reason = await self._checked(action, asked)
            except Wrong as wrong:
                return await self._form(action, asked, str(wrong), 422)
            return self._told(asked, await self._once(action, asked, reason))

        return do

    async def _checked(self, action: Action, asked: Asked) -> str:
        """Return the reason of a form that is whole.

        Raises:
            Wrong: It is shown again with the sentence.
            WireError: It is no form of ours, too old, or of somebody who has to sign in first.
        """
        key, csrf = asked.form.get(keys.KEY, ""), asked.visitor.csrf
        keys.check(key, csrf, action.name)
        if action.is_careful:
            keys.check_fresh(key, self._now_ns())
        if action.needs_proof and not asked.is_fresh:
            raise forbidden(PROVE)
        await action.check(asked)
        if action.word and asked.form.get("word", "").strip() != action.word:
            raise Wrong(f"type {action.word} as it stands here; nothing was done")
        reason = " ".join(asked.form.get("reason", "").split())
        if len(reason) > REASON_MAX:
            raise Wrong(f"the reason has {len(reason)} characters, {REASON_MAX} are enough")
        if action.needs_reason and not reason:
            raise Wrong("say why; the reason stands in the ledger")
        return reason or "by hand at the desk"

    async def _once(self, action: Action, asked: Asked, reason: str) -> Outcome:
        """Do what a form is for; the same form again gets the answer that it got first."""
        folder, key = action.account.folder, asked.form[keys.KEY]
        session, now_ns = _session(asked), self._now_ns()
        if not await asyncio.to_thread(acts.begin, folder, key, session, now_ns):
            return await self._earlier(action, asked)
        outcome = Outcome(
            title=action.title,
            result=PENDING,
            lines=("it was sent, and no answer came; the journal shows whether it was done",),
        )
        try:
            outcome = await action.carried_out(asked, reason)
        except WireError as error:
            outcome = Outcome(title=action.title, result=REFUSED, lines=(error.message,))
        except SmartLeverageError as error:
            outcome = Outcome(title=action.title, result=PENDING, lines=(str(error),))
        finally:
            kept = msgspec.structs.replace(outcome, secrets=())
            await asyncio.shield(
                asyncio.to_thread(acts.finish, folder, key, msgspec.json.encode(kept).decode())
            )
        return outcome

    async def _earlier(self, action: Action, asked: Asked) -> Outcome:
        """Return what came of the same form, which may still be under way."""
        folder, key = action.account.folder, asked.form[keys.KEY]
        session = _session(asked)
        async with asyncio.timeout(EARLIER_WITHIN_S):
            while (kept := await asyncio.to_thread(acts.outcome, folder, key, session)) is None:
                await asyncio.sleep(EARLIER_LOOK_S)
        return msgspec.json.decode(kept, type=Outcome)

    def _told(self, asked: Asked, outcome: Outcome) -> Answered:
        """Answer at once where a part of a page is wanted or a secret is shown; else on a page.

        A page of its own can be loaded anew without anything being sent again.
        """
        if asked.is_htmx or outcome.secrets or outcome.result == REFUSED:
            text = self._rendered("steering/outcome.html", asked, outcome=outcome)
            return page(text, outcome.status)
        return see_other(f"{PLACE}/done/{asked.form[keys.KEY]}")


def _session(asked: Asked) -> str:
    return asked.token.partition(".")[0]
