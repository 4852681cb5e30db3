"""An order by hand: a person is a bot, and their order takes the way of every bot's order."""

import hashlib
import hmac
from collections.abc import Mapping

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.runtime.people.sessions import bot_of
from smart_leverage.server.desk.asking import Asked
from smart_leverage.server.desk.steering import keys
from smart_leverage.server.desk.steering.account import Account, Told
from smart_leverage.server.desk.steering.acting import Action, Wrong
from smart_leverage.server.desk.steering.outcomes import DONE, PENDING, REFUSED, Outcome
from smart_leverage.server.desk.steering.views import Views
from smart_leverage.wire.errors import WireError

FIELDS = ("symbol", "side", "qty", "notional", "type", "limit_price", "time_in_force")
SEEN = "seen"


class Ticket(Action):
    """Asks what would be decided, and then sends the same order and no other."""

    name = "order"
    title = "Order by hand"
    says = "The same caps and the same decision as for every bot; first a preview, then the order."
    button = "Send this order"
    scope = Scope.REDUCE
    is_careful = True

    def __init__(self, account: Account, views: Views) -> None:
        """Order for the account that these views are of."""
        super().__init__(account)
        self._views = views

    def only_asks(self, asked: Asked) -> bool:
        """Tell whether it is a preview."""
        return asked.form.get("step") == "preview"

    async def shown(self, asked: Asked) -> Mapping[str, object]:
        """Return the fields as they were typed, and the decision where a preview was asked for."""
        decision, trouble, seen = None, "", ""
        if self.only_asks(asked):
            try:
                told = await self.account.post(asked, "/sl/v1/preview", terms_of(asked.form))
            except (BrokerDown, Wrong) as error:
                trouble = str(error)
            else:
                decision = told.content if told.status == 200 else None
                trouble = "" if told.status == 200 else told.message
                seen = _seen(asked) if told.status == 200 else ""
        return {
            "symbols": await self._views.symbols(),
            "now": await self._views.now(),
            "fields": {name: asked.form.get(name, "") for name in FIELDS},
            "decision": decision,
            "trouble": trouble,
            "seen": seen,
        }

    async def check(self, asked: Asked) -> None:
        """Want a preview of exactly this order first."""
        terms_of(asked.form)
        if not hmac.compare_digest(asked.form.get(SEEN, "").encode(), _seen(asked).encode()):
            raise Wrong("look at the preview of exactly this order first; nothing was sent")

    async def carried_out(self, asked: Asked, reason: str) -> Outcome:
        """Send it under a name made of the form's key: the same form is the same order."""
        name = f"desk-{hashlib.sha256(asked.form[keys.KEY].encode()).hexdigest()[:24]}"
        terms = terms_of(asked.form) | {"client_order_id": name}
        title = f"{terms['side']} {terms.get('qty') or terms.get('notional')} {terms['symbol']}"
        before = await self.account.head()
        told = await self.account.post(asked, "/v2/orders", terms)
        events = await self.account.ordered(before, bot_of(asked.visitor.name), name)
        return _outcome(title, told, events)


def terms_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return the order of a form as the gateway takes it.

    Raises:
        Wrong: A field is missing; whether its value is one, the gateway says.
    """
    symbol, side = form.get("symbol", "").strip(), form.get("side", "")
    if not symbol or side not in ("buy", "sell"):
        raise Wrong("an order needs a symbol and a side")
    amounts = {name: form.get(name, "").strip() for name in ("qty", "notional")}
    if bool(amounts["qty"]) == bool(amounts["notional"]):
        raise Wrong("name a quantity or an amount of money, and only one of them")
    kind, limit = form.get("type", "") or "market", form.get("limit_price", "").strip()
    if (kind == "limit") != bool(limit):
        raise Wrong("a limit order needs its price, and a market order has none")
    usual = "gtc" if "/" in symbol else "day"
    terms = {
        "symbol": symbol,
        "side": side,
        "type": kind,
        "time_in_force": form.get("time_in_force", "") or usual,
        "limit_price": limit,
        **amounts,
    }
    return {name: text for name, text in terms.items() if text}


def _seen(asked: Asked) -> str:
    """Return what proves that a preview of these terms was shown to this session."""
    try:
        text = repr(sorted(terms_of(asked.form).items()))
    except (Wrong, WireError):
        return ""
    return hmac.new(asked.visitor.csrf.encode(), text.encode(), hashlib.sha256).hexdigest()


def _outcome(title: str, told: Told, events: tuple[str, ...]) -> Outcome:
    if told.status != 200:
        return Outcome(title=title, result=REFUSED, lines=(told.message,), events=events)
    status, filled = told.content["status"], told.content["filled_qty"]
    result = PENDING if status == "pending_new" else DONE
    lines = (f"{status}, {filled} of it filled so far; the broker's id is {told.content['id']}",)
    return Outcome(title=title, result=result, lines=lines, events=events)
