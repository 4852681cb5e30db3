"""The journal as the oracle reads it: its chain, and what its entries add up to.

Payloads are read as plain JSON, and the sums share no code with the books.
"""

import hashlib
import json
import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from tests.simulation.oracle_limits import GROUP_NAMES, Limits

D = Decimal
ZERO, ONE = D(0), D(1)
FINAL = frozenset(("filled", "canceled", "expired", "rejected", "replaced", "absent"))
ENDED = frozenset(("reached", "partial", "failed"))
"""What a plan's last move is called."""
TIERS = {"EMERGENCY": 0, "LEARNING": 1, "STABLE": 2, "PROFITABLE": 3}


class Link(Protocol):
    """One entry of the journal."""

    @property
    def seq(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def at_ns(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def prev_hash(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...


class Plan(NamedTuple):
    """What was said last of a plan."""

    status: str
    group: str
    stage: int
    started_ns: int
    deadline_ns: int


class Split(NamedTuple):
    """What a split changed every bot's holding by."""

    key: str
    shares: dict[str, Decimal]
    factor: Decimal


class Revised(NamedTuple):
    """An execution as it was counted, and what counts in its place; None is nothing."""

    before: dict[str, Any]
    after: dict[str, Any] | None


class Pair:
    """The exits of one order as the journal tells them; what one has filled, none can any more."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.bot, self.key = order["bot"], order["key"]
        self.qty = D(order["qty"])
        self.filled: Decimal = ZERO
        self.is_working = order["side"] == "sell"
        self.members: list[Known] = []

    @property
    def left(self) -> Decimal:
        """What they may sell together, once their entry has filled, also before they are named."""
        is_over = bool(self.members) and all(each.is_final for each in self.members)
        if not self.is_working or is_over:
            return ZERO
        return max(self.qty - self.filled, ZERO)


class Known:
    """An order as the journal tells it."""

    def __init__(
        self, order: dict[str, Any], before: "Known | None" = None, entry: "Known | None" = None
    ) -> None:
        self.order = order
        first = entry or before
        self.pair: Pair | None = first.pair if first else None
        if self.pair is None and (entry or order.get("order_class", "simple") != "simple"):
            self.pair = Pair(order)
        if self.pair is not None and order["side"] == "sell":
            self.pair.members.append(self)
            self.pair.qty = max(self.pair.qty, D(order["qty"]))
        self.before = before
        """The order in whose place it is to come."""
        self.base = before.filled if before else ZERO
        """What that one had filled when this was intended."""
        self.state = "intent"
        self.is_taken_back = False
        """Whether a cancel of it was ever intended."""
        self.taken_back_for = ""
        """Why, the last time."""
        self.attempts = 1
        """How often it may have left by now: each time, the journal says so before."""
        self.seen_ns = 0
        """When it was first read, by the world's clock."""
        self.broker_filled = ZERO
        self.filled: Decimal = ZERO

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def qty(self) -> Decimal:
        """The quantity, without what the order before has filled since."""
        return D(self.order["qty"]) - (self.before.filled - self.base if self.before else ZERO)

    @property
    def left(self) -> Decimal:
        """What may still fill, or has filled and was not told yet."""
        most = self.broker_filled if self.is_final else self.qty
        return max(most - self.filled, ZERO)


Broken = Callable[[str, str], None]


class Journal:
    """The fold of all entries so far; `broken` hears of every entry that may not be there."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self.digest = hashlib.sha256()
        self.seq, self._hash = 0, bytes(32)
        self.cash = ZERO
        self.held: dict[str, Decimal] = {}
        self.factors: dict[str, Decimal] = {}
        """The daily multiple of every listed instrument, signed."""
        self.lots: dict[str, Fraction] = {}
        self.orders: dict[str, Known] = {}
        self.fills: dict[str, dict[str, Any]] = {}
        self.adopted: list[dict[str, Any]] = []
        self.flows: set[str] = set()
        self.flow_amounts: list[Decimal] = []
        self.revised: set[str] = set()
        """Executions that do not count any more."""
        self.happened: list[dict[str, Any] | Split | Revised] = []
        """Fills and splits in the order of the journal: each counts in the units of its time."""
        self.opening_cash = ZERO
        self.trading, self.why, self.who = "active", "", ""
        self.tier = TIERS["LEARNING"]
        self.days: list[str] = []
        self.baselines: set[tuple[str, str]] = set()
        self.tripped_on: dict[str, str] = {}
        self.plans: dict[str, Plan] = {}
        self.limits = Limits(broken)
        self.entries = 0
        self.asked_by: dict[str, str] = {}
        """By decision, whose request it answered."""
        self.remembered: dict[str, tuple[Decimal, int, float]] = {}
        """Prices that a later process knows: when they were told, and the jump that is doubted."""
        self.anew: set[str] = set()
        """What was split since prices were remembered: its next price is no jump."""

    def remember(self, entry: dict[str, Any], told_ns: dict[str, int]) -> None:
        suspects = {key: float(seen[5] or 0) for key, seen in entry["seen"].items()}
        self.remembered = {
            key: (D(text), told_ns.get(key, 0), suspects[key])
            for key, text in entry["prices"].items()
        }
        self.anew = set()

    def take(self, links: Iterable[Link], hear: Callable[[dict[str, Any]], None]) -> None:
        """Fold new entries; `hear` sees each one after it was folded."""
        for each in links:
            self._check_link(each)
            entry = json.loads(each.payload, parse_float=self._float)
            entry["kind"] = each.kind
            fold = getattr(self, "_" + each.kind.replace(".", "_"), None)
            if fold is not None:
                fold(entry)
            hear(entry)

    def _float(self, text: str) -> Decimal:
        self._broken("INV-12", f"the journal holds a float: {text}")
        return D(text)

    def _check_link(self, each: Link) -> None:
        """INV-13: every link carries the hash of the one before, and its own over all fields."""
        kind, key = each.kind.encode(), each.key.encode()
        sizes = (len(kind), len(key), len(each.payload))
        head = struct.pack(">QQqIII", each.seq, each.epoch, each.at_ns, *sizes)
        own = hashlib.sha256(head + kind + key + each.payload + each.prev_hash).digest()
        if each.seq != self.seq + 1 or each.prev_hash != self._hash or each.hash != own:
            self._broken("INV-13", f"link {each.seq} does not follow link {self.seq}")
        self.seq, self._hash = each.seq, each.hash
        self.digest.update(each.payload)
        self.entries += 1

    # -- money and units --------------------------------------------------------------------------

    def _account_opened(self, entry: dict[str, Any]) -> None:
        self.cash = self.opening_cash = D(entry["cash"])
        self.limits.open(entry["policy"])

    def _instrument_listed(self, entry: dict[str, Any]) -> None:
        instrument = entry["instrument"]
        self.factors[instrument["key"]] = D(instrument["factor"])
        self.lots[instrument["key"]] = Fraction(D(instrument["lot"]))

    def weight(self, group: str, key: str) -> Decimal:
        """Return how many times its market value a key counts in a group, by decision 4b."""
        if group not in GROUP_NAMES or not self.limits.is_on("exposure.look_through"):
            return ONE
        return max(abs(self.factors.get(key, ONE)), ONE)

    def _position_adopted(self, entry: dict[str, Any]) -> None:
        self.adopted.append(entry)
        self._hold(entry["key"], D(entry["qty"]))

    def _flow(self, entry: dict[str, Any]) -> None:
        name = entry["reference"]
        if name in self.flows:
            self._broken("INV-11", f"the {entry['source']} {name} was counted twice")
        self.flows.add(name)
        self.flow_amounts.append(D(entry["amount"]))
        self.cash += D(entry["amount"])

    def _split(self, entry: dict[str, Any]) -> None:
        if entry["reference"] in self.flows:
            self._broken("INV-11", f"the split {entry['reference']} was counted twice")
        self.flows.add(entry["reference"])
        shares = {bot: D(text) for bot, text in entry["shares"].items()}
        self._hold(entry["key"], sum(shares.values(), ZERO))
        key, factor = entry["key"], D(entry["factor"])
        self.happened.append(Split(key, shares, factor))
        if key in self.remembered:
            self.remembered[key] = (self.remembered[key][0] / factor, 0, 0.0)
            self.anew.add(key)

    def _fill(self, entry: dict[str, Any]) -> None:
        fill = entry["fill"]
        if fill["execution_id"] in self.fills:
            self._broken("INV-11", f"execution {fill['execution_id']} was counted twice")
            return
        self.fills[fill["execution_id"]] = fill
        self.happened.append(fill)
        self._deal(fill, 1)
        qty, sign = D(fill["qty"]), 1 if fill["side"] == "buy" else -1
        known = self.orders.get(fill["client_order_id"])
        if known is None:
            self._broken("INV-02", f"a fill of {fill['client_order_id']}, which nobody intended")
            return
        known.filled += qty
        if known.pair is not None and sign < 0:
            known.pair.filled += qty
        if known.filled > known.qty:
            self._broken("INV-08", f"{fill['client_order_id']} filled more than its quantity")

    def _deal(self, fill: dict[str, Any], times: int) -> None:
        """Move cash and units by an execution, or with -1 back."""
        qty, fee = D(fill["qty"]), D(fill["fee"])
        sign = 1 if fill["side"] == "buy" else -1
        in_cash = fill["fee_asset"] == "USD"
        self.cash -= times * (sign * qty * D(fill["price"]) + (fee if in_cash else ZERO))
        self._hold(fill["key"], times * (sign * qty - (ZERO if in_cash else fee)))

    def _fill_revised(self, entry: dict[str, Any]) -> None:
        """INV-08, INV-11: only what counts is taken back, once, by an entry of its own."""
        before, after = entry["before"], entry.get("after")
        name = before["execution_id"]
        if self.fills.get(name) != before or name in self.revised:
            self._broken("INV-11", f"{name} was revised and does not count as it says")
            return
        self.revised.add(name)
        self._deal(before, -1)
        if after is not None:
            names = ("client_order_id", "key", "side")
            if any(after[each] != before[each] for each in names):
                self._broken("INV-08", f"{name} was corrected to be of another order")
            if after["execution_id"] in self.fills:
                self._broken("INV-11", f"execution {after['execution_id']} was counted twice")
            self.fills[after["execution_id"]] = after
            self._deal(after, 1)
        self.happened.append(Revised(before, after))

    def _hold(self, key: str, qty: Decimal) -> None:
        self.held[key] = self.held.get(key, ZERO) + qty
        if not self.held[key]:
            del self.held[key]

    # -- orders -----------------------------------------------------------------------------------

    def _order_intended(self, entry: dict[str, Any]) -> None:
        order = entry["order"]
        if order["client_order_id"] in self.orders:
            self._broken("INV-01", f"{order['client_order_id']} was intended twice")
        name = entry.get("replaces", "")
        before = self.orders.get(name)
        if name and (before is None or before.is_final):
            self._broken("INV-01", f"{order['client_order_id']} replaces what is no open order")
        asked_by = self.asked_by.get(entry.get("decision_id", ""))
        if asked_by is not None and asked_by != order["bot"]:
            text = f"{order['client_order_id']} of {order['bot']} was asked for by {asked_by}"
            self._broken("INV-17", text)
        entry_order = self.orders.get(entry.get("parent", ""))
        self.orders[order["client_order_id"]] = Known(order, before, entry_order)

    def _decision(self, entry: dict[str, Any]) -> None:
        self.asked_by[entry["decision_id"]] = entry["bot"]

    def _order_moved(self, entry: dict[str, Any]) -> None:
        known = self.orders.get(entry["client_order_id"])
        if known is None:
            self._broken("INV-02", f"{entry['client_order_id']} moved and was never intended")
            return
        if known.is_final and entry["state"] != known.state:
            text = f"{entry['client_order_id']} went from {known.state} to {entry['state']}"
            self._broken("INV-08", text)
        if entry["state"] == "intent":
            if known.state != "unknown" or known.before:
                self._broken("INV-01", f"{entry['client_order_id']} was {known.state}, sent again")
            known.attempts += 1
        known.state = entry["state"]
        known.broker_filled = D(entry["filled_qty"])
        if known.pair is not None:
            self._wake(known, known.pair, entry["status"])

    def _wake(self, known: Known, pair: Pair, status: str) -> None:
        """Exits work when their entry has filled, and when the venue says so of one of them."""
        if known.order["side"] == "buy":
            if known.state == "filled":
                pair.is_working, pair.qty = True, known.qty
        elif status not in ("", "held") and not known.is_final:
            pair.is_working = True

    def _order_cancel_intended(self, entry: dict[str, Any]) -> None:
        known = self.orders.get(entry["client_order_id"])
        if known is None or known.is_final:
            self._broken("INV-08", f"{entry['client_order_id']} is final and was cancelled")
            return
        known.state, known.is_taken_back = "pending_cancel", True
        known.taken_back_for = entry["reason"]

    # -- judgement --------------------------------------------------------------------------------

    def _state(self, entry: dict[str, Any]) -> None:
        if self.trading == "halted" and entry["after"] in ("active", "reducing"):
            is_person = entry["who"] not in ("", "policy")
            if entry["after"] == "active" and not is_person:
                self._broken("INV-07", f"a halt was lifted by {entry['who']!r}")
            elif entry["after"] == "reducing" and not self._is_lifted_on_a_tripped_day(entry):
                self._broken("INV-07", f"a halt became reducing for {entry['who']!r}")
        if entry["after"] == "active":
            self._check_resume(entry["who"])
        self.trading, self.why, self.who = entry["after"], entry["why"], entry["who"]

    def _is_lifted_on_a_tripped_day(self, entry: dict[str, Any]) -> bool:
        """After a resume on a day that tripped only midnight lifts the rest."""
        return entry["who"] == "policy" and "day" in self.tripped_on

    def _check_resume(self, who: str) -> None:
        """INV-07, INV-16: nothing is lifted while a purchase is unknown or the day is tripped."""
        if "day" in self.tripped_on:
            self._broken("INV-16", f"active for {who!r} on a day that is tripped")
        if who in ("", "policy"):
            return
        for name, known in self.orders.items():
            if known.state == "unknown" and known.order["side"] == "buy":
                self._broken("INV-07", f"resumed by {who} while {name} is unknown")

    def _tier(self, entry: dict[str, Any]) -> None:
        self.tier = TIERS[entry["after"]]

    def _baseline(self, entry: dict[str, Any]) -> None:
        name = (entry["period"], entry["label"])
        if name in self.baselines:
            self._broken("INV-16", f"the {name[0]} {name[1]} was opened twice")
        self.baselines.add(name)
        if entry["period"] == "day":
            if self.days and entry["label"] < self.days[-1]:
                self._broken("INV-16", f"the day {entry['label']} opened after {self.days[-1]}")
            self.days.append(entry["label"])

    def _breaker(self, entry: dict[str, Any]) -> None:
        name, day = entry["breaker"], self.days[-1] if self.days else ""
        if entry.get("is_tripped"):
            self.tripped_on[name] = day
        elif name == "day" and self.tripped_on.pop(name, None) == day:
            self._broken("INV-16", f"the trip of {day} was cleared on the same day")
        else:
            self.tripped_on.pop(name, None)

    def _limit(self, entry: dict[str, Any]) -> None:
        need = ", ".join(f"the {name} is tripped" for name in self.tripped_on)
        if not need and self.trading != "active":
            need = f"the account is {self.trading}"
        self.limits.take(entry, need, is_opening=not self.days)

    def _mark(self, entry: dict[str, Any]) -> None:
        """INV-20: prices are marked after plans were judged by them, so none is past its time."""
        for name, plan in self._running():
            if plan.deadline_ns < entry["at_ns"]:
                self._broken("INV-20", f"plan {name} is past its deadline and {plan.status}")

        if any(plan.group == "flatten" for _, plan in self._running()):
            self._check_way()

    def _check_way(self) -> None:
        """INV-05: a flatten has just sold what it can; what bots let rest is being cancelled."""
        for name, known in self.orders.items():
            order, is_held = known.order, known.pair is not None and not known.pair.is_working
            if known.state != "open" or order["side"] == "buy" or is_held:
                continue
            if order.get("role", "bot") == "bot" and order.get("is_resting"):
                self._broken("INV-05", f"{name} of {order['bot']} rests in the way of a flatten")

    def _plan(self, entry: dict[str, Any]) -> None:
        """INV-20: one plan at a time; it is late once and says what it left when it falls short."""
        name, status, at_ns = entry["plan_id"], entry["status"], entry["at_ns"]
        before = self.plans.get(name)
        if status == "started":
            for each, plan in self.plans.items():
                if plan.status not in ENDED:
                    self._broken("INV-20", f"plan {name} started while {each} is running")
                elif (plan.group, plan.started_ns) == (entry["group"], at_ns):
                    self._broken("INV-20", f"plan {name} started at the instant of {each}")
        elif before is None or before.status in ENDED:
            self._broken("INV-20", f"plan {name} is {status} and was not running")
        elif status == "late" and (before.status == "late" or before.stage != 1):
            self._broken("INV-20", f"plan {name} is late in stage {before.stage}")
        elif status in ENDED - {"reached"} and not entry.get("why"):
            self._broken("INV-20", f"plan {name} fell short and does not say by how much")
        started_ns = at_ns if before is None else before.started_ns
        self.plans[name] = Plan(
            status, entry["group"], entry["stage"], started_ns, entry["deadline_ns"]
        )

    def _running(self) -> list[tuple[str, Plan]]:
        return [(name, plan) for name, plan in self.plans.items() if plan.status not in ENDED]
