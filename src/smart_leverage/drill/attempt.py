"""An attempt: a few bad requests under a name, and what is written down while they are played."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from smart_leverage.drill.client import Answer, Client
from smart_leverage.drill.stage import Stage
from smart_leverage.drill.venue import Seen

BTC, ETH, SOL = "crypto:BTC/USD", "crypto:ETH/USD", "crypto:SOL/USD"
COINS = (BTC, ETH, SOL, *(f"crypto:{coin}/USD" for coin in ("LINK", "AVAX", "DOT", "UNI", "AAVE")))
SHARES = tuple(f"us_equity:{symbol}" for symbol in ("AAPL", "MSFT", "JPM", "KO", "COST"))
BROAD = ("us_equity:SPY", "us_equity:QQQ")


class Refusal(NamedTuple):
    """A request that was not carried out, with what stood against it.

    `limit` is the reason of a decision, or the status where nothing had to be decided; `bound` and
    `would_be` are empty there, and so is `decision_id`.
    """

    limit: str
    request: str
    told: str
    bound: str = ""
    would_be: str = ""
    unit: str = ""
    decision_id: str = ""


class Ground:
    """Where one attempt is played, and the notes that are taken of it."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        """Begin with empty notes; `chance` is the attempt's own."""
        self.stage, self.chance = stage, chance
        self.wrongs: list[str] = []
        self.notes: list[str] = []
        self.refusals: list[Refusal] = []
        self.taken = 0
        self._lock = threading.Lock()
        self.began = stage.seen().last
        stage.hear = self._hear

    def _hear(self, method: str, path: str, answer: Answer) -> None:
        with self._lock:
            if answer.is_taken:
                self.taken += 1
            else:
                self.refusals.append(_refusal(method, path, answer))

    # -- what an attempt finds --------------------------------------------------------------------

    def must(self, is_so: object, wrong: str) -> None:
        """Write down what is wrong where something is not as it has to be."""
        if not is_so:
            self.wrongs.append(wrong)

    def note(self, text: str) -> None:
        """Write down what whoever reads the result should know."""
        self.notes.append(text)

    def must_have_bought_nothing(self, since: int, when: str, key: str = "") -> None:
        """See to it that the venue took no purchase of a bot after an event."""
        bought = [one for one in self.stage.settled().bought_after(since) if key in one.key]
        self.must(not bought, f"{_orders(len(bought))} to buy reached the broker {when}")

    def must_have_sent_nothing(self, what: str) -> None:
        """See to it that no order at all came of this attempt."""
        seen = self.stage.settled()
        sent = [one for one in seen.of_bots if one.sequence > self.began]
        self.must(not sent, f"{_orders(len(sent))} reached the broker {what}")

    # -- what an attempt does ---------------------------------------------------------------------

    def bot(self, name: str = "bot", *, scope: str = "trade") -> Client:
        """Return a bot's line."""
        return self.stage.bot(name, scope=scope)

    def room(self, key: str, part: float = 1.0) -> str:
        """Return a part of what may be bought of something now, as a quantity."""
        free = self.bot().room(symbol_of(key)) * part
        return f"{free:.4f}" if key.startswith("crypto") else f"{int(free)}"

    def worth(self, key: str, part: float) -> str:
        """Return the quantity that is worth a part of the opening equity."""
        qty = float(self.stage.seen().opening) * part / self.stage.price(key)
        return f"{qty:.4f}" if key.startswith("crypto") else f"{max(int(qty), 1)}"

    def buy(self, key: str, qty: str, bot: Client | None = None, **terms: Any) -> Answer:
        """Send an order to buy."""
        return (bot or self.bot()).order(symbol=symbol_of(key), qty=qty, **terms)

    def fill_up(self, *keys: str) -> Seen:
        """Buy as much as may be held, as a bot that stays inside its limits does."""
        for key in keys:
            terms = {"symbol": symbol_of(key), "side": "buy", "type": "market"}
            terms["time_in_force"] = "gtc" if key.startswith("crypto") else "day"
            qty = self.room(key, 0.98)
            if float(qty) > 0:
                self.bot()("POST", "/v2/orders", {**terms, "qty": qty}, is_aside=True)
        return self.stage.settled()

    def buy_every_way(self, bot: Client | None = None, *keys: str) -> None:
        """Try to add a little exposure in each way that there is."""
        sender = bot or self.bot()
        for key in keys or (BTC, ETH, SHARES[0]):
            symbol, price = symbol_of(key), self.stage.price(key)
            qty = self.worth(key, 0.005)
            sender.order(symbol=symbol, qty=qty)
            sender.order(symbol=symbol, qty=qty, type="limit", limit_price=f"{price * 1.001:.2f}")
            sender.order(symbol=symbol, notional="300")
            self.signal(sender, symbol, f"every-way-{self.chance.getrandbits(32)}")
        share = symbol_of(SHARES[0])
        exits = {"take_profit": {"limit_price": 9_000}, "stop_loss": {"stop_price": 1}}
        sender.order(symbol=share, qty="2", order_class="bracket", **exits)

    def signal(self, bot: Client, symbol: str, name: str, side: str = "buy") -> Answer:
        """Send a signal; the policy sizes it."""
        at = bot.get("/v2/clock").get("timestamp", "")
        return bot("POST", "/sl/v1/signals", {"id": name, "symbol": symbol, "side": side, "at": at})

    def at_once(self, *duties: Callable[[], object]) -> None:
        """Do several things at the same time, and wait for all of them."""
        threads = [threading.Thread(target=duty) for duty in duties]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def state(self) -> str:
        """Return the trading state as the account tells it."""
        return str(self.bot().get("/sl/v1/status").get("state", ""))


Play = Callable[[Ground], None]


class Attempt(NamedTuple):
    """One entry of the catalogue.

    Attributes:
        name: By which it is replayed.
        what: One sentence: what the bot does.
        play: Does it.
        holds: What the account begins with, fractions of equity by key.
        is_alone: It changes the account beyond what the venue sees, as a halt does; the next
            attempt gets another account.
    """

    name: str
    what: str
    play: Play
    holds: Mapping[str, float]
    is_alone: bool


def attempt(
    *, holds: Mapping[str, float] | None = None, is_alone: bool = False
) -> Callable[[Play], Attempt]:
    """Make an entry of a function: it is called as the function is, and does what it says."""

    def made(play: Play) -> Attempt:
        what = (play.__doc__ or "").strip().splitlines()[0].rstrip(".")
        name = play.__name__.replace("_", "-")
        return Attempt(name, what, play, dict(holds or {}), is_alone)

    return made


def symbol_of(key: str) -> str:
    """Return an instrument as orders spell it."""
    return key.partition(":")[2]


def most_often(refusals: Sequence[Refusal]) -> list[tuple[str, int]]:
    """Return what stood in the way, and how often, the most frequent first."""
    return Counter(one.limit for one in refusals).most_common()


def _refusal(method: str, path: str, answer: Answer) -> Refusal:
    told = answer.json
    if not isinstance(told, dict):
        told = {}
    message = str(told.get("message", "")) or "it hung up"
    limit = str(told.get("reason", "")) or _KINDS.get(answer.status, f"status {answer.status}")
    if not told.get("reason") and "decision_id" in told:
        limit = "not_held"
    elif not told.get("reason") and message.startswith("insufficient"):
        limit = BROKER
    return Refusal(
        limit=limit,
        request=f"{method} {path}",
        told=message,
        bound=str(told.get("bound", told.get("available", ""))),
        would_be=str(told.get("would_be", "")),
        unit=str(told.get("unit", "")),
        decision_id=str(told.get("decision_id", "")),
    )


BROKER = "the broker itself"
"""It refuses what nobody may have, as more than it lends; that is no limit of ours."""

_KINDS = {
    0: "hung up",
    400: "unreadable",
    401: "no valid token",
    403: "not allowed",
    404: "not found",
    405: "not offered",
    408: "too slow",
    413: "too large",
    421: "foreign name",
    422: "invalid",
    429: "too often",
    431: "too large",
}


def _orders(count: int) -> str:
    return "an order" if count == 1 else f"{count} orders"
