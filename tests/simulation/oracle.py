"""The oracle: what has to hold at every moment of an account on a bad line.

It knows the venue's books, the journal, what left our process, and what reached it: everything that
a governor could know, and nothing that it remembers. The account that it keeps is the told one: a
fill counts from when its message arrived, an order from when it left until an answer ended it, so
what could not be known is never held against the product. What is beyond that are a foreign order
and a deposit until somebody tells of them.

INV-01 an id leaves as often as the journal said before, a change once; of both the larger counts;
       a request that comes again is no new order
INV-02 a durable, equal intent comes before the order
INV-03 worst case inside the smallest caps in force at the send of an increase, unknown orders
       counted, and at its fill as long as prices are those that were judged
INV-04 no increase at a price that is old, doubted or missing, while the venue is silent, or while
       our clock has just gone wrong
INV-05 a decrease is denied only for what is not held; a cancel is obeyed; a halt leaves stops
INV-06 what is being sold is held, by whoever sells it
INV-07 no increase leaves unless the account is active; a halt takes back what rests, only a person
       lifts it, and not while the outcome of a purchase is unknown
INV-09 an order counts as absent only when it can arrive no more
INV-08 what ended stays ended; a stop that trails is where the venue had it, and never falls
INV-14 a second writer is refused
INV-10 a difference that was seen stops increases
INV-11 an execution counts once    INV-13 the chain is sound
INV-16 one opening a day; a tripped day stays tripped, by the venue's clock as well
INV-17 no limit is looser before an admin asked for it and its delay is over, and none in need; an
       order is changed and taken back by its own bot only

What is earned, and what losses stop, is reckoned once more in `oracle_steady`.
INV-09 and INV-20 are judged at the end, when everything was quiet for a while (`settle`); of
INV-20, that a plan ends at its deadline and says what is left, at every entry as well, and that
what is beyond a cap is being sold, at every mark (`oracle_trims`).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from tests.simulation.audit_market import SECOND, when
from tests.simulation.audit_record import EXTERNAL, F, Terms
from tests.simulation.audit_venue import Fill, Order
from tests.simulation.oracle_account import Told
from tests.simulation.oracle_clock import WorldTime
from tests.simulation.oracle_journal import ENDED, FINAL, Journal, Known, Revised, Split
from tests.simulation.oracle_steady import Steady, Worth

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.orders import (
    BrokerOrder,
    PositionSnapshot,
    TradeUpdate,
)
from smart_leverage.domain.orders import Fill as Dealt
from smart_leverage.domain.orders import Order as Sent
from smart_leverage.ledger.sqlite import SqliteLedger

D = Decimal
ZERO = D(0)
FRESH = 60 * SECOND
AGE_MAX = FRESH + SECOND
HORIZON = 119 * SECOND
"""A request may still arrive so long after it left."""
CENT = D("0.01")
NOT_HELD = frozenset(("not_held", "bad_input", "minimum"))
"""Why a decrease may be denied: it is none, or it is no order."""


class Oracle:
    """Watches one account; `violations` has a line for each thing that may not be."""

    def __init__(
        self,
        venue: SimBroker,
        ledger: SqliteLedger,
        terms: dict[str, Terms],
        now: Callable[[], int],
    ) -> None:
        self.violations: list[str] = []
        self.journal = Journal(self.broken)
        self.time = WorldTime(now, self.broken)
        self.is_blind = False
        self.foreign: set[str] = set()
        self.account = Told(ZERO, terms, self.journal.weight)
        self.account.lots = self.journal.lots
        self._venue, self._ledger, self._terms, self._now = venue, ledger, terms, now
        self._reader = ledger.reader()
        self._sent: dict[str, Order] = {}
        self._attempts: dict[str, int] = {}
        self._left_ns: dict[str, int] = {}
        """When every order, or change, left last."""
        self._is_stop: dict[str, bool] = {}
        self._trails: dict[str, Decimal] = {}
        self._counted: set[str] = set()
        self._executed: dict[str, tuple[Order, Fill]] = {}
        """What was told of every execution."""
        self._undone: set[str] = set()
        self._early: dict[str, TradeUpdate] = {}
        """What was told to be taken back or corrected before it was told itself."""
        self._filled: dict[str, Decimal] = {}
        """What every order has filled, as far as it was told."""
        self._told_ns: dict[str, int] = {}
        self._is_replaying = False
        self._proved: Decimal | None = None
        """Equity when what rests was proved last; None where something has changed prices since."""
        self._gone: dict[str, Decimal] = {}
        self._differed = False
        self.shares: dict[str, Fraction] = {}
        """The part of each cap that a bot may use; who is not named may use all."""
        self.steady = Steady(self.journal, terms, self._worth, self.broken)
        self._exits: set[str] = set()
        """Orders that the venue made for one of ours."""
        self._gone_exits: set[str] = set()

    def broken(self, rule: str, text: str) -> None:
        self.violations.append(f"{rule} {when(self._now())}: {text}")

    # -- the journal ------------------------------------------------------------------------------

    def sync(self) -> None:
        """Read what has become durable."""
        if self._ledger.head.seq != self.journal.seq:
            self.journal.take(self._reader.entries(self.journal.seq), self._hear)

    def close(self) -> None:
        self._reader.close()

    def _hear(self, entry: dict[str, Any]) -> None:
        kind = entry["kind"]
        if kind == "order.intended":
            self.journal.orders[entry["order"]["client_order_id"]].seen_ns = self._now()
        if kind == "decision" and entry["side"] == "sell":
            self._check_reason(entry)
        elif kind == "order.moved" and entry["state"] == "absent":
            self._check_absent(entry["client_order_id"])
        elif kind == "order.trailed":
            self._check_trail(entry)
        elif kind == "flow":
            self.account.cash += D(entry["amount"])
            self._proved = None
        elif kind == "split":
            split = self.journal.happened[-1]
            assert isinstance(split, Split)
            self.account.split(*split)
            self._proved = None
            self._told_ns[entry["key"]] = 0
        elif kind == "prices.remembered":
            self.journal.remember(entry, self._told_ns)
        self.time.hear(entry)
        self.steady.hear(entry)

    def _worth(self) -> Worth:
        """Return what was told until now, as losses are judged: a lone jump is not believed."""
        account = self.account
        coins = [key for key, each in self._terms.items() if each.is_crypto]
        values = {key: qty * account.judged(key) for key, qty in account.held.items()}
        return Worth(account.cash, values, {key: values.get(key, ZERO) for key in coins})

    def _check_trail(self, entry: dict[str, Any]) -> None:
        """A stop that trails is where the venue had it once, and never falls back from there."""
        name, stop = entry["client_order_id"], D(entry["stop_price"])
        at_venue, before = self._venue.order(name), self._trails.get(name, ZERO)
        self._trails[name] = stop
        if at_venue is None or not before <= stop <= (at_venue.order.stop_price or ZERO):
            self.broken("INV-08", f"the stop of {name} went from {before} to {stop}")

    def _check_absent(self, name: str) -> None:
        """What counts as never arrived may neither be there nor be able to come."""
        self._end(name)
        found, passed = self._venue.order(name), self._now() - self._left_ns.get(name, 0)
        if passed < HORIZON:
            self.broken("INV-09", f"{name} counts as absent {passed // SECOND} s after it left")
        if found is not None:
            self.broken("INV-09", f"{name} counts as absent and is {found.status} at the venue")

    def _check_reason(self, entry: dict[str, Any]) -> None:
        if D(entry["given"]) <= 0 and entry["reason"] not in NOT_HELD:
            text = f"{entry['bot']} sells {entry['key']}: denied for {entry['reason']}"
            self.broken("INV-05", text)

    def free(self, bot: str, key: str) -> Fraction:
        """Return what a bot holds and nobody is selling already, stops left out."""
        self.sync()
        under_way = own = ZERO
        for name, known in self.journal.orders.items():
            order = known.order
            if known.is_final or (order["key"], order["side"]) != (key, "sell"):
                continue
            if order.get("role") == "stop" or known.pair is not None:
                continue
            sent = self._sent.get(name)
            left = known.left  # it waits for another order's end
            if sent is not None:
                left = self.account.counted(sent) if self.account.is_open(sent) else ZERO
            elif known.before is not None and not known.before.is_final:
                left = max(left - known.before.left, ZERO)
            under_way += left
            own += left if order["bot"] == bot else ZERO
        pairs = {id(one.pair): one.pair for one in self.journal.orders.values() if one.pair}
        for pair in pairs.values():
            if pair.key == key:
                under_way += pair.left
                own += pair.left if pair.bot == bot else ZERO
        mine = self.account.held_by(key, bot) - F(own)
        there = self.account.held.get(key, ZERO) - self._gone.get(key, ZERO)
        return min(mine, F(there - under_way))

    def check_denial(self, free: Fraction, asked: Decimal, given: Decimal, price: Decimal) -> None:
        """INV-05: a bot may always sell what was `free`; lots of a cent are the slack."""
        if not given and asked and (free - F(asked)) * F(price) > F(1, 10):
            self.broken("INV-05", f"a sale of {asked} was denied, {float(free)} is held and free")

    def check_own(self, own: Fraction, given: Decimal, price: Decimal) -> None:
        """INV-06: a bot sells nothing of others; lots of a cent are the slack."""
        if (F(given) - own) * F(price) > F(1, 10):
            self.broken("INV-06", f"a sale of {given} was given to whoever holds {float(own)}")

    def halt_acknowledged(self) -> None:
        """INV-07: a halt that the operator was told of is in the journal, or a crash forgets it."""
        self.sync()
        is_kept = self.journal.trading == "halted" or any(
            plan.status not in ENDED for plan in self.journal.plans.values()
        )
        if not is_kept:
            self.broken("INV-07", f"a halt was told and the journal says {self.journal.trading}")
        for name, known in self.journal.orders.items():
            is_buy = known.order["side"] == "buy"
            if is_buy and not known.is_final and known.state != "pending_cancel":
                self.broken("INV-07", f"{name} may still buy after a halt: it is {known.state}")

    def resting_stops(self) -> set[str]:
        """Return the stops of the house that the venue holds, by the journal."""
        self.sync()
        return {
            name
            for name, known in self.journal.orders.items()
            if known.state == "open" and known.order.get("role") == "stop"
        }

    def check_protection(self, before: set[str], why: str) -> None:
        """INV-05: a halt takes increases back; what protects stays."""
        for name in sorted(before - self.resting_stops()):
            if self.journal.orders[name].taken_back_for == why:
                self.broken("INV-05", f"a halt took the stop {name} back")

    def check_taken_back(self, name: str, bot: str) -> None:
        """INV-05: what a bot takes back is being cancelled, whatever the account may do."""
        self.sync()
        known = self.journal.orders.get(name)
        is_own = known is not None and known.order["bot"] == bot
        if known is None or known.is_final or (known.state == "pending_cancel") is is_own:
            return
        text = "was ignored" if is_own else "was obeyed"
        self.broken("INV-05" if is_own else "INV-17", f"the cancel of {name} by {bot} {text}")

    # -- what passes the line ---------------------------------------------------------------------

    def on_send(self, order: Sent) -> None:
        """An order's first byte is about to leave."""
        self.sync()
        name = order.client_order_id
        known = self.journal.orders.get(name)
        self._left_ns[name] = self._now()
        self._attempts[name] = self._attempts.get(name, 0) + 1
        if known is not None and self._attempts[name] > known.attempts:
            self.broken("INV-01", f"{name} leaves once more, which the journal does not say")
        if known is None or known.is_final or not _is_equal(known.order, order):
            state = "no intent" if known is None else f"an intent that is {known.state} or differs"
            self.broken("INV-02", f"{name} leaves with {state}")
        mine = self._sent.get(name)
        if mine is None:
            mine = self._sent[name] = _order(order, self._now(), len(self._sent))
            self._is_stop[name] = order.role.value == "stop"
            if order.order_class.value != "simple":
                self.account.pair_of[name] = name
                self.account.pair_left[name] = order.qty
            self.account.add(mine)
        if mine.is_buy:
            self._check_increase(mine)
        else:
            self._check_sells(mine)

    def on_change(self, old: str, name: str, qty: Decimal | None, limit: Decimal | None) -> None:
        """A change is about to leave: once, and as the journal says."""
        self.sync()
        known, before = self.journal.orders.get(name), self._sent[old]
        self._left_ns[name] = self._now()
        self._attempts[name] = self._attempts.get(name, 0) + 1
        if self._attempts[name] > 1:
            self.broken("INV-01", f"the change {name} leaves twice")
        if known is None or known.is_final or known.before is not self.journal.orders.get(old):
            self.broken("INV-02", f"{name} leaves in the place of {old} without an intent")
            return
        order = known.order
        whole = D(order["qty"]) + known.base
        is_equal = qty is None or qty == whole
        if not is_equal or D(order.get("limit_price") or 0) != (limit or before.limit or 0):
            self.broken("INV-02", f"{name} leaves as {qty} at {limit}, intended as {order}")
        mine = self._add_change(known, before)
        if not mine.is_buy:
            if self.account.is_open(mine):
                self._check_sells(mine)
        elif mine.left > before.left or (mine.limit or ZERO) > (before.limit or ZERO):
            self._check_increase(mine)

    def _add_change(self, known: Known, before: Order) -> Order:
        """Count a change beside the order that it changes; of both the larger counts."""
        order = known.order
        name, limit = order["client_order_id"], order.get("limit_price")
        row = (name, order["bot"], order["key"], order["side"], order["qty"])
        mine = self._sent[name] = Order((*row, limit, None, self._now(), len(self._sent)))
        told = self._filled.get(before.name, ZERO)  # maybe more than the journal knows by now
        mine.left = max(mine.qty + known.base - told, ZERO)
        self._is_stop[name] = False
        pair = self.account.pair_of.get(before.name, "")
        if pair:
            self.account.pair_of[name] = pair
            if mine.is_buy:
                self.account.pair_left[pair] = mine.qty
        at_venue = self._venue.order(before.name)
        if before.name in self._exits:
            self._exits.add(name)
            if at_venue is None or at_venue.status in ("held", *FINAL):
                return mine  # its place is that of one that waits for its entry, or has ended there
        self.account.add(mine)
        self.account.before[name] = before
        return mine

    def on_ended(self, client_order_id: str) -> None:
        """An answer says that the order does not exist; of a second attempt it proves nothing."""
        known = self.journal.orders.get(client_order_id)
        if known is None or known.attempts < 2:
            self._end(client_order_id)

    def _end(self, client_order_id: str) -> None:
        order = self._sent.get(client_order_id)
        if order is None:
            return
        self.account.end(order)
        before, pair = self.account.before.get(order.name), self.account.pair_of.get(order.name, "")
        if before is not None and pair and order.is_buy:  # the entry stays as it was
            self.account.pair_left[pair] = before.qty

    def on_told(self, update: TradeUpdate) -> None:
        """A message of the stream arrives."""
        self._see_exit(update.broker_order)
        fill = update.fill
        self._see_stranger(update.broker_order, is_dealt=fill is not None)
        order = self._sent.get(update.broker_order.order.client_order_id)
        if order is None:
            return
        if update.revises:
            self._revise(order, update)
        elif fill is not None and fill.execution_id not in self._counted:
            self._counted.add(fill.execution_id)
            if not self.account.is_open(order):  # it was said to have ended with less
                order.left = fill.qty
                self.account.add(order)
            self._filled[order.name] = self._filled.get(order.name, ZERO) + fill.qty
            paid = _fill(fill)
            self.account.fill(order, paid, fill.at_ns)
            self._executed[fill.execution_id] = order, paid
            if order.is_buy and order.name not in self.foreign:
                self._check_fill(order)
            early = self._early.pop(fill.execution_id, None)
            if early is not None:
                self._revise(order, early)
        self.on_listed(update.broker_order)

    def _revise(self, order: Order, update: TradeUpdate) -> None:
        """An execution is taken back or corrected: once, and not before it was told itself."""
        name, fill = update.revises, update.fill
        if name in self._undone:
            return
        if name not in self._executed:
            self._early[name] = update
            return
        self._undone.add(name)
        order, before = self._executed[name]
        after = None
        if fill is not None:
            self._counted.add(fill.execution_id)
            after = _fill(fill)
            self._executed[fill.execution_id] = order, after
        self.account.revise(order, before, after)
        self._proved = None

    def on_listed(self, broker_order: BrokerOrder) -> None:
        """The venue states an order: once it has ended, what it filled is all that will come."""
        for leg in broker_order.legs:
            self._see_exit(leg)
        self._see_exit(broker_order)
        self._see_stranger(broker_order)
        name = broker_order.order.client_order_id
        order = self._sent.get(name)
        if order is None:
            return
        before = self.account.before.get(name)
        if before is not None and broker_order.replaces:
            # What it took off the new quantity is all that the one before will have filled.
            known = self.journal.orders[name]
            self._ended(before, known.base + order.qty - broker_order.order.qty)
        if broker_order.status in FINAL:
            self._ended(order, broker_order.filled_qty)

    def _see_stranger(self, listed: BrokerOrder, *, is_dealt: bool = False) -> None:
        """Somebody else has an order there; what may still fill, or has just done so, counts."""
        name = listed.order.client_order_id
        if name not in self.foreign or name in self._sent:
            return
        if listed.status in FINAL and not is_dealt:
            return
        order = msgspec.structs.replace(listed.order, bot=EXTERNAL)
        mine = self._sent[name] = _order(order, self._now(), len(self._sent))
        self._is_stop[name] = False
        self.account.add(mine)

    def _see_exit(self, listed: BrokerOrder) -> None:
        """The venue names an exit that it made itself; it counts while it works."""
        name = listed.order.client_order_id
        if not listed.parent_id or (name in self._sent and name not in self._exits):
            return
        if name not in self._sent:
            everything = self._venue.orders()
            entry = next(each for each in everything if each.broker_order_id == listed.parent_id)
            pair = self.account.pair_of.get(entry.order.client_order_id)
            if pair is None:
                return  # of somebody else
            self.account.pair_of[name] = pair
            first = self._sent[entry.order.client_order_id]
            order = msgspec.structs.replace(listed.order, bot=first.bot)
            self._sent[name] = _order(order, self._now(), len(self._sent))
            self._is_stop[name] = False
            self._exits.add(name)
        mine = self._sent[name]
        if listed.status not in FINAL and listed.status != "held" and name not in self._gone_exits:
            # A message of before its end may come after it; what has nothing left stays gone.
            if mine.left and not self.account.is_open(mine):
                self.account.add(mine)
        elif listed.status in FINAL:
            self._gone_exits.add(name)

    def _ended(self, order: Order, filled: Decimal) -> None:
        """An order has ended; what it filled and was not told yet is still to come."""
        if not self.account.is_open(order):
            return
        order.left = max(min(order.left, filled - self._filled.get(order.name, ZERO)), ZERO)
        if not order.left:
            self.account.end(order)

    def on_positions(self, positions: Sequence[PositionSnapshot]) -> None:
        """Holdings are listed with prices, which are as good as any where no fresh one is known."""
        self.is_blind = False
        self.sync()
        self._note_gone({str(each.key): each.qty for each in positions})
        for each in positions:
            is_known = self._now() - self._told_ns.get(each.key, 0) <= FRESH
            is_needed = not is_known or self.account.is_doubted(each.key)
            if is_needed and self.account.is_news(each.key, each.price):
                self.account.hear(each.key, float(each.price), self._now())
                self._proved = None

    def _note_gone(self, listed: dict[str, Decimal]) -> None:
        """Somebody else sold what is held by what was told, and not by any order of ours."""
        self._gone = {}
        for key, qty in self.account.held.items():
            sells = [one for one in self._sent.values() if one.key == key and not one.is_buy]
            open_sells = [one for one in sells if self.account.is_open(one)]
            left = sum((self.account.counted(one) for one in open_sells), ZERO)
            self._gone[key] = max(qty - listed.get(key, ZERO) - left, ZERO)

    def on_price(self, key: str, price: Decimal) -> None:
        """A price is told; what is no price changes nothing."""
        self.sync()  # a split that was told before belongs before it
        if price.is_finite() and price > 0:
            self.account.hear(key, float(price), self._now())
            self._proved = None
            if not self.account.is_doubted(key):
                self._told_ns[key] = self._now()

    def on_restart(self) -> None:
        """A process ended: what is known now is what the journal holds."""
        self.sync()
        self.time.on_restart()
        journal = self.journal
        told = Told(journal.opening_cash, self._terms, journal.weight)
        told.lots = journal.lots
        self._told_ns, self.is_blind, self._proved = {}, True, None
        for entry in journal.adopted:
            told.adopt(entry["key"], D(entry["qty"]), D(entry["price"]))
        told.cash += sum(journal.flow_amounts, ZERO)
        for name, order in self._sent.items():
            order.left = order.qty
            if name in journal.orders and name not in self._exits:
                told.add(order)
        self._counted, self._filled = set(journal.fills), {}
        self._executed, self._early, self._undone = {}, {}, set(journal.revised)
        for fill in journal.happened:
            if isinstance(fill, Split):
                told.split(*fill)
                continue
            if isinstance(fill, Revised):
                after = None if fill.after is None else _read(fill.after)
                order, before = self._executed[fill.before["execution_id"]]
                told.revise(order, before, after)
                if after is not None:
                    self._executed[after.execution] = order, after
                continue
            order, paid = self._sent[fill["client_order_id"]], _read(fill)
            self._filled[order.name] = self._filled.get(order.name, ZERO) + paid.qty
            told.fill(order, paid, fill["at_ns"])
            self._executed[paid.execution] = order, paid
        for name, order in self._sent.items():
            known = journal.orders.get(name)
            if known is not None and (known.is_final or known.before):
                order.left = known.left
                if not order.left:
                    told.end(order)
            if known is not None and known.before:
                told.before[name] = self._sent[known.before.order["client_order_id"]]
        self._remember_exits(told)
        self.account = told
        self._remember_prices()

    def _remember_prices(self) -> None:
        """Know again what the journal remembers of prices."""
        journal, told = self.journal, self.account
        for key, (price, at_ns, suspect) in journal.remembered.items():
            told.see(key, float(price))
            if suspect:
                told.see(key, suspect)
            if key in journal.anew:
                told.begin_anew(key)
            self._told_ns[key] = at_ns

    def _remember_exits(self, told: Told) -> None:
        """What works of the exits by the journal is counted from the start."""
        told.pair_of = self.account.pair_of
        self._gone_exits = set()
        for name, pair in told.pair_of.items():
            known = self.journal.orders.get(name)
            if known is None or known.pair is None:
                continue
            told.pair_left[pair] = max(known.pair.qty - known.pair.filled, ZERO)
            if name in self._exits and known.pair.is_working and not known.is_final:
                told.add(self._sent[name])

    # -- what has to hold -------------------------------------------------------------------------

    def _check_increase(self, order: Order) -> None:
        journal, account = self.journal, self.account
        if journal.trading != "active":
            self.broken("INV-07", f"{order} leaves while {journal.trading}: {journal.why}")
        self.time.check_increase(order)
        if self.steady.coins.is_locked(order.key, self._now()):
            self.broken("INV-16", f"{order} leaves while {order.key} is locked")
        age = self._now() - self._told_ns.get(order.key, 0)
        if age > AGE_MAX or account.is_doubted(order.key):
            self.broken("INV-04", f"{order} leaves at a price of {age // SECOND} s ago")
        if self.is_blind:
            self.broken("INV-04", f"{order} leaves before the venue's lists were compared")
        equity = account.equity()
        self._check_caps(order, equity, "send")
        if order.bot in self.shares:
            self._check_share(order, F(equity))

    def _check_caps(self, order: Order, equity: Decimal, moment: str) -> None:
        """INV-03: the worst case of every group is inside the smallest cap in force."""
        for group, worst in self.account.worst(order.key).items():
            is_broad = self._terms[order.key].is_broad
            cap = self.steady.cap(group, self.journal.tier, is_broad=is_broad)
            if not F(worst) <= F(equity) * cap:
                share = f"{worst:.4f} over {float(cap)} of {equity:.4f}"
                self.broken("INV-03", f"{group} at the {moment} of {order}: {share}")

    def proved(self) -> None:
        """Prices were judged, so whatever may still fill was proved once more, or is taken back."""
        self._proved = self.account.equity()

    def _check_fill(self, order: Order) -> None:
        """INV-03 at the fill, unless prices moved since all was proved, or a cancel is under way.

        What sales have cost since then is no fault of the purchase, nor is a later one that was
        taken back so that this one fits.
        """
        self.sync()
        known = self.journal.orders.get(order.name)
        if self._proved is None or known is None or known.is_taken_back or known.is_final:
            return
        if known.state == "pending_cancel":  # it has ended at the venue already
            return
        taken_back = (name for name, one in self.journal.orders.items() if one.is_taken_back)
        self.account.left_out = frozenset(taken_back)
        self._check_caps(order, max(self._proved, self.account.equity()), "fill")
        self.account.left_out = frozenset()

    def _check_share(self, order: Order, equity: Fraction) -> None:
        """INV-03 of one bot: what it holds and buys is inside its part of every cap of a group."""
        account, share, tier = self.account, self.shares[order.bot], self.steady.tier_of(order.bot)
        for group in account.worst(order.key):
            if group == "symbol":
                continue
            keys = [key for key in self._terms if account.is_in(key, group)]
            parts = (self._of_bot(order.bot, key) * F(account.weight(group, key)) for key in keys)
            used = sum(parts, F(0))
            cap = share * self.steady.cap(group, tier, is_broad=False)
            if used > cap * equity:
                text = f"{float(used):.4f} over {float(cap)} of {float(equity):.4f}"
                self.broken("INV-03", f"{group} of {order.bot} at the send of {order}: {text}")

    def _of_bot(self, bot: str, key: str) -> Fraction:
        """Return the worth of what a bot holds and buys, at the dearest price that counts."""
        account = self.account
        buys = list(account.buys(key))
        units = account.held_by(key, bot)
        units += sum((F(account.counted(each)) for each in buys if each.bot == bot), F(0))
        if not units:
            return F(0)
        last = account.last(key)
        return units * F(max([last, *(each.limit or last for each in buys)]))

    def _check_sells(self, order: Order) -> None:
        selling = self.account.selling(order.key)
        held = self.account.held.get(order.key, ZERO)
        if selling > max(held, ZERO):
            self.broken("INV-06", f"{order} leaves: {selling} is being sold, {held} is held")

    def look(self) -> None:
        """Judge what has to hold after every event."""
        self.sync()
        for each in self._venue.positions():
            if each.qty < 0:
                self.broken("INV-06", f"the venue lists {each.qty} {each.key}")

    def compared(self) -> None:
        """INV-10: right after a comparison; one difference may be a message under way, not two."""
        self.sync()
        differs = bool(self.differences())
        if differs and self._differed and self.journal.trading == "active":
            self.broken("INV-10", f"active although books differ: {self.differences()}")
        self._differed = differs

    def differences(self) -> list[str]:
        """Return where the journal's sums are not what the venue says."""
        theirs = {str(each.key): each.qty for each in self._venue.positions() if each.qty}
        ours, cash = self.journal.held, self._venue.account().cash
        found = [
            f"{key}: venue {theirs.get(key, ZERO)}, journal {ours.get(key, ZERO)}"
            for key in sorted({*theirs, *ours})
            if theirs.get(key, ZERO) != ours.get(key, ZERO)
        ]
        if abs(cash - self.journal.cash) > CENT:
            found.append(f"cash: venue {cash}, journal {self.journal.cash}")
        return found


def _fill(fill: Dealt) -> Fill:
    name, asset = fill.execution_id, fill.fee_asset
    return Fill(name, fill.qty, fill.price, fill.fee, asset, False)


def _read(row: dict[str, Any]) -> Fill:
    """Return an execution as the journal has it."""
    qty, price, fee = (D(row[name]) for name in ("qty", "price", "fee"))
    return Fill(row["execution_id"], qty, price, fee, row["fee_asset"], False)


def _order(order: Sent, at_ns: int, number: int) -> Order:
    limit = None if order.limit_price is None else str(order.limit_price)
    stop = None if order.stop_price is None else str(order.stop_price)
    row = (order.client_order_id, order.bot, str(order.key), order.side.value, str(order.qty))
    return Order((*row, limit, stop, at_ns, number))


def _is_equal(told: dict[str, Any], order: Sent) -> bool:
    """Compare an intent with what leaves, field by field; what a journal leaves out is usual."""
    usual = {"type": "market", "time_in_force": "day", "role": "bot", "order_class": "simple"}
    names = ("bot", "key", "side", "qty", "type", "time_in_force", "limit_price", "stop_price")
    for name in (*names, "trail_price", "trail_percent", "order_class", "role"):
        here = getattr(order, name)
        there = told.get(name, usual.get(name))
        if isinstance(here, Decimal):
            if there is None or D(there) != here:
                return False
        elif (None if here is None else str(here)) != there:
            return False
    return True
