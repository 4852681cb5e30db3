"""Away from safety, or either way: resume, limits, the ceiling of the tier, the ladder."""

import hashlib
import time
from collections.abc import Mapping

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.enforcement import step_named
from smart_leverage.domain.limits import LIMITS, canonical, fraction_of, is_looser, shown
from smart_leverage.engine.enforcing import STEP
from smart_leverage.engine.events import Command
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.steering import keys
from smart_leverage.server.desk.steering.account import Account
from smart_leverage.server.desk.steering.acting import PROVE, Action, Wrong
from smart_leverage.server.desk.steering.outcomes import Outcome
from smart_leverage.server.desk.steering.views import Now, Views
from smart_leverage.wire.errors import forbidden

CEILING = "tiers.ceiling"


class _Viewed(Action):
    """An action that shows how the account stands."""

    def __init__(self, account: Account, views: Views) -> None:
        """Show what these views have."""
        super().__init__(account)
        self._views = views


class Resume(_Viewed):
    """Lifts a halt."""

    name = "resume"
    title = "Resume"
    says = "Let orders inside the caps pass again, after a halt or a month trip."
    button = "Resume"
    scope = Scope.ADMIN
    word = "RESUME"
    needs_reason = True
    is_careful = True
    needs_proof = True

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return the cause, how far the limits are, and what would refuse it."""
        now = await self._views.now()
        return {"now": now, "cause": _cause(now), "distances": await self._views.distances()}

    async def check(self, asked: Asked) -> None:
        """Refuse what was meant for another cause than the one that holds now."""
        if asked.form.get("cause", "") != _cause(await self._views.now()):
            raise Wrong("the account stands for another cause now than this page showed; read it")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        return await self.account.order(asked, self.title, Command.RESUME, reason)


def check_admin(asked: Asked) -> None:
    """Refuse whoever is no admin, or has not proved it lately.

    Raises:
        WireError: 403, with what is missing.
    """
    if Scope.ADMIN not in asked.visitor.scopes:
        raise forbidden("that needs the scope admin, which this session lacks")
    if not asked.is_fresh:
        raise forbidden(PROVE)


def _cause(now: Now | None) -> str:
    """Return what names a state and its cause in a form."""
    text = "" if now is None else f"{now.word} {now.why} {now.tripped}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Limit(_Viewed):
    """Changes one limit: tighter at once, looser by an admin and after the delay."""

    name = "limit"
    title = "Change a limit"
    says = "Tighter is in force at once; looser needs an admin, a reason and a day."
    button = "Change it"
    scope = Scope.HALT

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return all limits, the one that is meant, and what it would be."""
        name = asked.form.get("limit") or asked.query.get("limit", "")
        value = asked.form.get("value", "") or asked.query.get("value", "")
        in_force = (await self._views.in_force()).get(name)
        after = _read(name, value)
        is_up = in_force is not None and after is not None and is_looser(name, in_force, after)
        return {
            "lines": await self._views.limits(),
            "limit": name,
            "value": value,
            "before": "" if in_force is None else shown(name, in_force),
            "after": "" if after is None else shown(name, after),
            "is_looser": is_up,
            "now": await self._views.now(),
        }

    def only_asks(self, asked: Asked) -> bool:
        """Tell whether the difference is wanted only."""
        return asked.form.get("step") == "preview"

    async def check(self, asked: Asked) -> None:
        """Refuse what is no limit, and what is looser without all that this takes."""
        name, value = asked.form.get("limit", ""), asked.form.get("value", "")
        if name not in LIMITS:
            raise Wrong(f"{name or 'nothing'} is no limit; choose one of the list")
        after, before = _read(name, value), (await self._views.in_force()).get(name)
        if after is None:
            raise Wrong(f"{value or 'nothing'} is no value of {name}; write 0.05 or 5 %")
        if before is None:
            raise Wrong("how the account stands is not known just now; nothing was done")
        if is_looser(name, before, after):
            await self._check_loosening(asked)

    async def _check_loosening(self, asked: Asked) -> None:
        check_admin(asked)
        keys.check_fresh(asked.form[keys.KEY], time.time_ns())
        now = await self._views.now()
        if now is None or asked.form.get("suffix", "").strip() != now.suffix:
            ends = "" if now is None else f", the last {len(now.suffix)} of its characters"
            raise Wrong(f"that is looser: type the end of the account's name{ends}")
        if not asked.form.get("reason", "").strip():
            raise Wrong("that is looser: say why; the reason stands in the ledger")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it; what is looser by now the account itself refuses without an admin."""
        name = asked.form["limit"]
        after = _read(name, asked.form["value"]) or ""
        title = f"{name} {shown(name, after)}"
        return await self.account.order(asked, title, Command.LIMITS, reason, {name: after})


def _read(name: str, text: str) -> str | None:
    try:
        return canonical(name, fraction_of(text.strip()))
    except ValueError:
        return None


class TierRise(_Viewed):
    """Moves the ceiling up to which a tier rises by itself."""

    name = "tier"
    title = "Tier rise"
    says = "Approve that the tier may rise one step higher, or hold it where it is."
    button = "Answer"
    scope = Scope.HALT
    needs_reason = True
    is_careful = True

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return the record that the tier stands on, and the caps before and after."""
        return {"view": await self._views.tier(), "now": await self._views.now()}

    async def check(self, asked: Asked) -> None:
        """Refuse what is no answer, and an approval by who may not give it."""
        if asked.form.get("answer") not in ("approve", "refuse"):
            raise Wrong("approve or refuse, or close this and decide later")
        view = await self._views.tier()
        if view is None:
            raise Wrong("how the account stands is not known just now; nothing was done")
        if asked.form["answer"] == "approve":
            check_admin(asked)
            if not view.above:
                raise Wrong("the ceiling is the highest tier already")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it: an approval moves the ceiling up a step, a refusal down to the tier."""
        view = await self._views.tier()
        after = "" if view is None else view.above
        if view is not None and asked.form["answer"] == "refuse":
            after = view.held
        return await self.account.order(
            asked, f"Tier ceiling {after.upper()}", Command.LIMITS, reason, {CEILING: after}
        )


class Enforce(_Viewed):
    """Goes up or down the ladder of enforcement."""

    name = "enforce"
    title = "Enforcement"
    says = "Go up or down the ladder from watching to everything."
    button = "Enforce this step"
    scope = Scope.ADMIN
    needs_reason = True
    is_careful = True
    needs_proof = True

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return the steps, and what the last days have brought or would have."""
        view = await self._views.enforcement()
        wanted = asked.form.get("step") or asked.query.get("step", "")
        return {"view": view, "now": await self._views.now(), "wanted": wanted}

    async def check(self, asked: Asked) -> None:
        """Refuse what is no step."""
        step = asked.form.get("step", "")
        if step_named(step) is None:
            raise Wrong(f"{step or 'nothing'} is no step: observe, warn, entries or all")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        step = asked.form["step"].lower()
        return await self.account.order(
            asked, f"Enforcement {step}", Command.ENFORCE, reason, {STEP: step}
        )
