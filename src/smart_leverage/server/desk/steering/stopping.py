"""Towards safety: halt, reduce, sell everything, go inside the caps, let adopted positions go."""

from abc import abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.parts import GROUPS
from smart_leverage.engine.commanding import PART
from smart_leverage.engine.events import Command
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.steering.account import Account
from smart_leverage.server.desk.steering.acting import Action, Wrong
from smart_leverage.server.desk.steering.outcomes import Outcome
from smart_leverage.server.desk.steering.views import Views

LARGE = Decimal("0.10")
"""Above this part of equity a rebalance asks for its word."""

PLAN = "/sl/v1/plan"
NO_PLAN = "what would be sold is not known just now: {}; the account will work it out itself"


class _Stop(Action):
    """Denies what adds exposure; one tap, and never refused for what a page could show."""

    scope = Scope.HALT
    command: ClassVar[Command]

    def __init__(self, account: Account, views: Views) -> None:
        """Show what stands there while it is thought over."""
        super().__init__(account)
        self._views = views

    @property
    def template(self) -> str:
        """One form for both."""
        return "steering/stop.html"

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return which entries would be cancelled."""
        return {"entries": await self._views.entries(), "now": await self._views.now()}

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        return await self.account.order(asked, self.title, self.command, reason)


class Halt(_Stop):
    """Nothing that adds exposure passes."""

    name = "halt"
    title = "Halt"
    says = "Nothing that adds exposure passes until somebody resumes."
    button = "Halt now"
    command = Command.HALT


class Reduce(_Stop):
    """Only what lowers exposure passes."""

    name = "reduce"
    title = "Reduce"
    says = "Only orders that lower exposure pass until somebody resumes."
    button = "Reduce now"
    command = Command.REDUCE


class _Sale(Action):
    """Has the house sell; shown is what the account itself would sell now."""

    scope = Scope.TRADE

    def __init__(self, account: Account, views: Views) -> None:
        """Show the account's own plan."""
        super().__init__(account)
        self._views = views

    @property
    def template(self) -> str:
        """One form for all."""
        return "steering/sale.html"

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return what would be sold, closed markets first, with what it is worth and may cost."""
        try:
            told = await self.account.get(asked, PLAN)
        except BrokerDown as error:
            return {**_nothing(NO_PLAN.format(error)), "now": await self._views.now()}
        if told.status != 200:
            return {**_nothing(NO_PLAN.format(told.message)), "now": await self._views.now()}
        rows = sorted(told.content[self._part()], key=lambda row: (row["is_open"], row["symbol"]))
        return {
            **_sums(rows),
            "rows": rows,
            "equity": Decimal(told.content["equity"]),
            "trouble": "",
            "now": await self._views.now(),
        }

    @abstractmethod
    def _part(self) -> str:
        """Return which part of the plan it is."""


def _nothing(trouble: str) -> dict[str, object]:
    return {**_sums([]), "rows": [], "equity": None, "trouble": trouble}


def _sums(rows: list[dict[str, Any]]) -> dict[str, object]:
    return {
        name: sum((Decimal(row[name]) for row in rows), Decimal(0))
        for name in ("worth", "gain", "cost")
    } | {"closed": [row for row in rows if not row["is_open"]]}


class Flatten(_Sale):
    """Sells everything and leaves the account halted."""

    name = "flatten"
    title = "Flatten"
    says = "Halt, and sell everything; what a closed market holds goes at its opening."
    button = "Sell everything"
    word = "FLATTEN"

    def _part(self) -> str:
        return "everything"

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        return await self.account.order(asked, self.title, Command.FLATTEN, reason)


class Close(_Sale):
    """Sells out one instrument or one group; the rest of the account trades on."""

    name = "close"
    title = "Sell out a part"
    says = (
        "Sell one instrument or one group to the last unit. Its entries are cancelled and nothing "
        "of it is bought meanwhile; the rest of the account trades on."
    )
    button = "Sell it out"

    @property
    def template(self) -> str:
        """A form with a choice."""
        return "steering/close.html"

    def _part(self) -> str:
        return "everything"

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return what is held, and what of it was chosen."""
        chosen = asked.form.get(PART) or asked.query.get(PART, "")
        return {**await super().shown(asked), "groups": GROUPS, "chosen": chosen}

    async def check(self, asked: Asked) -> None:
        """Want a part; whether it is one, the account says."""
        if not asked.form.get(PART, "").strip():
            raise Wrong("choose what is sold out; nothing was done")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        part = asked.form[PART].strip()
        return await self.account.order(
            asked, f"{self.title}: {part}", Command.CLOSE, reason, {PART: part}
        )


class Rebalance(_Sale):
    """Sells down to inside every cap at once."""

    name = "rebalance"
    title = "Rebalance now"
    says = "Sell down to inside every cap now, without waiting for the stages of a plan."
    button = "Send these orders"

    def _part(self) -> str:
        return "inside"

    def typed(self, shown: Mapping[str, object]) -> str:
        """Return the word that is needed for a sale of more than a tenth."""
        return "REBALANCE" if _is_large(shown) else ""

    async def check(self, asked: Asked) -> None:
        """Want the word for a large sale: what it is now counts, whatever the page said."""
        word = self.typed(await self.shown(asked))
        if word and asked.form.get("word", "").strip() != word:
            raise Wrong(f"it sells more than 10 % of equity: type {word}; nothing was done")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        return await self.account.order(asked, self.title, Command.REBALANCE, reason)


class Consent(_Sale):
    """Lets the house sell what was there before it."""

    name = "consent"
    title = "Consent to sell what was there before"
    says = "Let the house sell positions that were there before it, where that waits for you."
    button = "I consent to these sales"
    needs_reason = True

    def _part(self) -> str:
        return "inside"

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Order it."""
        return await self.account.order(asked, self.title, Command.CONSENT, reason)


def _is_large(shown: Mapping[str, object]) -> bool:
    worth, equity = shown["worth"], shown["equity"]
    if not isinstance(worth, Decimal) or not isinstance(equity, Decimal):
        return False
    return worth > LARGE * equity
