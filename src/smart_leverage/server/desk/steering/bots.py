"""Keys of bots: given by an admin, whose page shows the secret once, and taken away at once."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.clock import DAY_NS, SystemClock
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Command
from smart_leverage.runtime.tokens import new_token
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.steering.account import Account
from smart_leverage.server.desk.steering.acting import Action, Wrong
from smart_leverage.server.desk.steering.outcomes import DONE, Outcome
from smart_leverage.server.desk.steering.views import Views
from smart_leverage.wire.symbols import key_of_symbol

DAYS_MAX = 3_650


class _OfBots(Action):
    """An action that shows the keys there are."""

    def __init__(self, account: Account, views: Views) -> None:
        """Show what these views have."""
        super().__init__(account)
        self._views = views

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return the keys in force."""
        which = asked.form.get("which") or asked.query.get("which", "")
        return {"bots": await self._views.bots(), "which": which, "now": await self._views.now()}


class BotAdd(_OfBots):
    """Gives a bot a key."""

    name = "bot-add"
    title = "Give a bot a key"
    says = "An id and a secret for one bot; the secret is shown once."
    button = "Give the key"
    scope = Scope.ADMIN
    needs_reason = True
    is_careful = True
    needs_proof = True

    async def check(self, asked: Asked) -> None:
        """Refuse what describes no key."""
        _changes(asked.form)

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it, and show the secret if the account took it."""
        token = new_token()
        changes = _changes(asked.form) | {
            "token_id": token.token_id,
            "secret_sha256": token.secret_sha256,
        }
        title = f"Key for {changes['bot']}"
        outcome = await self.account.order(asked, title, Command.SEAT, reason, changes)
        if outcome.result != DONE:
            return outcome
        return Outcome(
            title=title,
            result=outcome.result,
            state=outcome.state,
            lines=outcome.lines,
            events=outcome.events,
            secrets=(("key id", token.token_id), ("secret", token.secret)),
        )


class BotRevoke(_OfBots):
    """Takes a bot its keys."""

    name = "bot-revoke"
    title = "Take a bot its keys"
    says = "At once and for good; what it holds and has ordered stays its own."
    button = "Revoke"
    scope = Scope.HALT

    async def check(self, asked: Asked) -> None:
        """Refuse a form that names nobody."""
        if not asked.form.get("which", "").strip():
            raise Wrong("name a bot, or one of its keys")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        which = asked.form["which"].strip()
        return await self.account.order(
            asked, f"Keys of {which}", Command.SEAT, reason, {"revoke": which}
        )


def _changes(form: Mapping[str, str]) -> dict[str, str]:
    """Return what describes the seat, but for its token.

    Raises:
        Wrong: A field is none.
    """
    name, scope = form.get("bot", "").strip(), form.get("scope", "")
    if not name:
        raise Wrong("the bot needs a name")
    if scope not in {each.value for each in Scope}:
        raise Wrong(f"{scope or 'nothing'} is no scope: read, reduce, trade, halt or admin")
    return {
        "bot": name,
        "scopes": scope,
        "share": _share(form.get("share", "").strip()),
        "may_shrink": "true" if form.get("may_shrink") else "",
        "symbols": ",".join(_keys(form.get("symbols", ""))),
        "expires_ns": _until(form.get("expires_days", "").strip()),
    }


def _share(text: str) -> str:
    if not text:
        return ""
    try:
        share = Decimal(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        raise Wrong(f"share: {text} is no fraction; write 0.5 or 50 %") from None
    if not (share.is_finite() and 0 < share <= 1):
        raise Wrong(f"share: above 0 and at most 1, not {text}")
    return format(share, "f")


def _keys(symbols: str) -> list[str]:
    known, found = Registry.builtin(), []
    for symbol in filter(None, (each.strip() for each in symbols.split(","))):
        key = key_of_symbol(symbol, known)
        if key is None:
            raise Wrong(f"symbols: {symbol} is not known")
        found.append(str(key))
    return found


def _until(text: str) -> str:
    if not text:
        return "0"
    if not (text.isascii() and text.isdigit() and int(text) <= DAYS_MAX):
        raise Wrong(f"days: a whole number up to {DAYS_MAX:,}, not {text}")
    days = int(text)
    return str(SystemClock().now_ns() + days * DAY_NS) if days else "0"
