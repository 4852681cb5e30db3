"""An account between its disk and its venue: everything that may happen, one step at a time.

Engine, trader, scribe, messenger and recovery are the product's own. Disk, line, venue and the
lanes are small models that do nothing by themselves: the search says what happens next.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from tests.model.disk import Claim, Died, Disk, Writer
from tests.model.likeness import digest, fold, live, records, told
from tests.model.venue import REPEATED, ZERO, Flies, Resting, Venue
from tests.simulation.desk import BTC, NOON

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import OutcomeUnknown, Refused
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, OrderState, Side
from smart_leverage.domain.records import Intended, OrderMoved, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import (
    Answered,
    CancelWished,
    Command,
    Commanded,
    Event,
    Opened,
    Outcome,
    Prices,
    Updated,
    Wished,
)
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.carrying import Ask, Messenger
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.recovery import begin, rebuilt
from smart_leverage.runtime.trader import Trader

PRICE = Decimal(50_000)
CASH = Decimal(100_000)
CAP = Decimal("0.1") * CASH
"""One instrument may be a tenth of the account; no price moves, so equity stays what it is."""
HORIZON_S = 121
CONFIG = EngineConfig()
METER = Meter()
INSTRUMENT = Registry.builtin()[BTC]


class Want(NamedTuple):
    """What a bot will ask for, in the order of the scenario."""

    bot: str
    side: Side
    qty: str


class Step(NamedTuple):
    """Something that may happen; a fault is what would not happen on a good day."""

    name: str
    given: tuple[Any, ...] = ()
    is_fault: bool = False

    def __str__(self) -> str:
        return " ".join((self.name, *map(str, self.given)))


class Scenario(NamedTuple):
    """What may happen at all, and how often."""

    name: str
    wants: tuple[Want, ...]
    held: str = "0"
    again: int = 0
    cancels: int = 0
    faults: int = 1
    crashes: int = 1
    overtakes: int = 0
    waits: int = 1
    halts: int = 0
    resumes: int = 0
    halves: bool = False
    """Whether an order may fill in two parts."""
    stops_fill: bool = False
    """Whether the market may meet a resting sale."""
    quick_sales: bool = True
    """Whether sales and cancels that may leave do so at once, and are answered."""
    rejects_repeated_ids: bool = True


class Item:
    """One errand in a lane: queued, sent, or answered by the venue and on the way back."""

    def __init__(self, messenger: Messenger, approved: Approved | None, name: str) -> None:
        self.messenger = messenger
        self.approved = approved
        self.name = name
        self.stage = "queued"
        self.answer: BrokerOrder | str | None = None
        self.cancels: list[Item] = []
        """What waits until this one has been answered."""

    @property
    def is_quick(self) -> bool:
        """Whether it lowers."""
        return self.approved is None or self.approved.order.side is Side.SELL


class Lanes:
    """The carrier: what is durable waits here until the search lets it leave."""

    is_apart = True

    def __init__(self) -> None:
        self.items: list[Item] = []

    def carry(self, messenger: Messenger, outcome: Outcome) -> list[Event] | None:
        """Take everything in; a cancel waits for the answer to its own order."""
        assert not outcome.changes
        sends = [Item(messenger, one, one.order.client_order_id) for one in outcome.sends]
        under_way = {one.name: one for one in (*self.items, *sends) if one.approved is not None}
        for name in outcome.cancels:
            cancel = Item(messenger, None, name)
            ahead = under_way.get(name)
            (self.items if ahead is None else ahead.cancels).append(cancel)
        self.items += sends
        return None

    def fetch(self, ask: Ask) -> bool:
        """Leave it to whoever asks."""
        return False


class Latch:
    """The halt file: nothing but there or not, and durable."""

    def __init__(self) -> None:
        self.is_set = False

    def held_back(self) -> str:
        """Say why no increase may leave."""
        return "halted" if self.is_set else ""


class Clock:
    """Stands still until the search moves it."""

    def __init__(self) -> None:
        self.at_ns = NOON

    def now_ns(self) -> int:
        """See `Clock.now_ns`."""
        return self.at_ns

    def monotonic_ns(self) -> int:
        """See `Clock.monotonic_ns`."""
        return self.at_ns


class World:
    """All there is, with what happened so far as far as an oracle has to know it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.disk = Disk()
        self.venue = Venue(PRICE, CASH, rejects_repeated_ids=scenario.rejects_repeated_ids)
        self.latch = Latch()
        self.lanes = Lanes()
        self.orphans: list[Item] = []
        """Errands of a process that was overtaken and does not know it yet."""
        self.used: Counter[str] = Counter()
        self.asked = 0
        self.wrong: list[str] = []
        self.sends: Counter[str] = Counter()
        self.ended: set[str] = set()
        """Orders that the journal calls final."""
        self.booked: set[str] = set()
        self.intents: dict[str, Order] = {}
        """What is durably intended."""
        self.is_halt_told = False
        """Whether somebody was told that the account is halted, and nobody resumed it since."""
        self.disk_fold = b""
        self.trader = self._built()
        self._open()

    def _open(self) -> None:
        held = Decimal(self.scenario.held)
        if held:
            self.venue.held[BTC] = held
            self.venue.cash -= held * PRICE
        holdings = ((BTC, held, PRICE),) if held else ()
        self.trader.offer(
            Opened(
                at_ns=self.clock.at_ns,
                account="model",
                mode="sim",
                cash=self.venue.cash,
                preset="classic",
                policy_text="",
                policy_hash="",
                enforcement="all",
                version="0",
                instruments=(INSTRUMENT,),
                holdings=holdings,
            )
        )
        self._print()
        self._after()
        self.do_sync()
        self._after()
        for one in [one for one in self.lanes.items if one.is_quick]:  # stops of what is held
            self._at_once(one)
        self.do_sync()
        self._after()

    def _built(self) -> Trader:
        return rebuilt(
            CONFIG,
            Writer(self.disk),  # type: ignore[arg-type]
            self.venue,
            self.clock,
            held_back=self.latch.held_back,
            carrier=self.lanes,
            meter=METER,
        )

    @property
    def key(self) -> bytes:
        """What is the same of all worlds that go on alike."""
        return digest(self.plain)

    @property
    def plain(self) -> Any:
        """All that decides how the world goes on."""
        core, scribe = self.trader.engine._core, self.trader.scribe
        resting = [
            (name, one.status, told(one.filled), one.is_listed, one.number)
            for name, found in self.venue.orders_by_id.items()
            for one in found
        ]
        return (
            fold(core.state), live(core), self.trader._seen,
            self.disk_fold,
            tuple(records(each) for each, _ in self.disk.queue), records(scribe._loose),
            tuple(map(_item, self.lanes.items)), tuple(map(_item, self.orphans)),
            resting, [one.client_order_id for one in self.venue.flying], len(self.venue.messages),
            told(self.venue.held), self.clock.at_ns, self.latch.is_set, self.is_halt_told,
            sorted(self.used.items()), self.asked, sorted(self.sends.items()),
        )  # fmt: skip

    # -- what may happen --------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Yield everything that may happen next."""
        s, used = self.scenario, self.used
        if self.asked < len(s.wants):
            yield Step("asks", (self.asked,))
        if used["again"] < s.again:
            yield from (Step("asks again", (number,)) for number in range(self.asked))
        if used["cancels"] < s.cancels:
            yield from (Step("wants it gone", (name,)) for name in self._own_open())
        if self.disk.queue or self.trader.scribe._loose:
            yield Step("sync")
        yield from self._lane_steps()
        yield from self._venue_steps()
        if self.trader._seen < len(self.venue.messages):
            yield Step("hears")
        yield Step("compares")
        if used["waits"] < s.waits and not self.venue.flying and not self.orphans:
            yield Step("horizon passes")
        yield from self._process_steps()
        yield from self._halt_steps()

    def _can_fail(self) -> bool:
        return self.used["faults"] < self.scenario.faults

    def _own_open(self) -> list[str]:
        return [
            one.order.client_order_id
            for one in self.trader.engine.state.orders.by_id.values()
            if not one.is_of_house and one.state is not OrderState.PENDING_CANCEL
        ]

    def _lane_steps(self) -> Iterator[Step]:
        for number, item in enumerate(self.lanes.items):
            if item.stage == "queued":
                yield Step("leaves", (number, item.name))
                if item.approved is None and self._can_fail():
                    yield Step("cancel is lost", (number, item.name), is_fault=True)
            elif item.stage == "answered":
                yield Step("is answered", (number, item.name))
            is_lost = item.stage == "sent" and not self._flies(item.name)
            if is_lost or (item.stage != "queued" and self._can_fail()):
                yield Step("answer is lost", (number, item.name), is_fault=not is_lost)
        for number, item in enumerate(self.orphans):
            yield Step("leaves the old process", (number, item.name), is_fault=True)

    def _venue_steps(self) -> Iterator[Step]:
        for order in self.venue.flying:
            name = order.client_order_id
            yield Step("arrives", (name,))
            if self._can_fail():
                yield Step("arrives unlisted", (name,), is_fault=True)
                yield Step("is refused", (name,), is_fault=True)
                yield Step("is lost", (name,), is_fault=True)
        for one in self.venue.all:
            name = one.order.client_order_id
            if one.is_open and (one.order.side is Side.BUY or self.scenario.stops_fill):
                yield Step("fills", (name, one.number))
                if self.scenario.halves and not one.filled:
                    yield Step("fills half", (name, one.number))
            if not one.is_listed:
                yield Step("is listed", (name, one.number))
        if self.venue.messages and self._can_fail():
            yield Step("is told again", is_fault=True)

    def _process_steps(self) -> Iterator[Step]:
        left = self.scenario.crashes - self.used["crashes"]
        if left > 0:
            for kept in range(len(self.disk.queue) + 1):
                yield Step("crash", (kept,), is_fault=True)
        if left > 1:
            for syncs in (0, 1):
                yield Step("crash at start", (syncs,), is_fault=True)
        if self.used["overtakes"] < self.scenario.overtakes:
            yield Step("is overtaken", is_fault=True)

    def _halt_steps(self) -> Iterator[Step]:
        trading = self.trader.engine.state.trading
        if self.used["halts"] < self.scenario.halts and not self.latch.is_set:
            yield Step("halt")
        if self.latch.is_set and trading < TradingState.HALTED:
            yield Step("obeys the file")
        is_halted = self.latch.is_set and trading is TradingState.HALTED
        if is_halted and self.used["resumes"] < self.scenario.resumes:
            yield Step("resume")

    def take(self, step: Step) -> None:
        """Let something happen, and see what of it is wrong."""
        if step.is_fault and not step.name.startswith(("crash", "is overtaken", "leaves the old")):
            self.used["faults"] += 1
        getattr(self, f"do_{step.name.replace(' ', '_')}")(*step.given)
        self._after()

    # -- bots -------------------------------------------------------------------------------------

    def do_asks(self, number: int) -> None:
        self.asked = max(self.asked, number + 1)
        want = self.scenario.wants[number]
        wish = OrderWish(
            at_ns=NOON, key=BTC, side=want.side, source=want.bot, id=f"wish-{number}",
            qty=Decimal(want.qty),
        )  # fmt: skip
        self.trader.offer(Wished(at_ns=self.clock.at_ns, wish=wish, bot=want.bot))

    def do_asks_again(self, number: int) -> None:
        self.used["again"] += 1
        state = self.trader.engine.state
        before, name = state.sequence, (self.scenario.wants[number].bot, f"wish-{number}")
        is_known = name in state.requests
        self.do_asks(number)
        if is_known and state.sequence > before:
            self.wrong.append("INV-01: a request that was repeated made another order")

    def do_wants_it_gone(self, name: str) -> None:
        self.used["cancels"] += 1
        bot = self.trader.engine.state.orders.by_id[name].order.bot
        self.trader.offer(CancelWished(at_ns=self.clock.at_ns, bot=bot, client_order_id=name))

    # -- disk and process -------------------------------------------------------------------------

    def do_sync(self) -> None:
        self.trader.hand_over(_nothing)
        self.disk.sync()
        self.trader.settle()
        self.disk_fold = digest(fold(self.trader.engine.state))

    def do_crash(self, kept: int) -> None:
        self.used["crashes"] += 1
        self._die(kept)
        self._start()

    def do_crash_at_start(self, syncs: int) -> None:
        """Die, and once more while the next process begins, then begin for good."""
        self.used["crashes"] += 2
        self._die(0)
        self.disk.dies_after = syncs
        try:
            self._start()
        except Died:
            self._die(0)
        self.disk.dies_after = None
        self._start()

    def do_is_overtaken(self) -> None:
        """Another process begins while the old one stands still, with errands in its lanes."""
        self.used["overtakes"] += 1
        old = [one for one in self.lanes.items if one.stage == "queued"]
        self._die(0)
        self.orphans += old
        self._start()

    def _die(self, kept: int) -> None:
        for batch, _ in self.disk.queue[:kept]:
            self.disk.write(batch)
        self._heed_disk()
        self.disk.queue = []
        self.lanes = Lanes()

    def _start(self) -> None:
        self.trader = self._built()
        begin(self.trader)
        self._print()
        self.trader.flush()
        self.disk_fold = digest(fold(self.trader.engine.state))

    def _print(self) -> None:
        self.venue.now_ns = self.clock.at_ns
        self.trader.offer(Prices(at_ns=self.clock.at_ns, prints=((BTC, PRICE),)))

    # -- lanes and line ---------------------------------------------------------------------------

    def do_leaves(self, number: int, name: str) -> None:
        item = self.lanes.items[number]
        if item.approved is None:
            self.lanes.items.remove(item)
            event = item.messenger.cancel(item.name)
            if event is not None:
                self.trader.offer(self.trader.stamped(event))
            return
        event = self._sent(item, item.approved)
        if event is not None:
            self._answered(item, event)

    def do_leaves_the_old_process(self, number: int, name: str) -> None:
        item = self.orphans.pop(number)
        if item.approved is None:
            item.messenger.cancel(item.name)
        else:
            self._sent(item, item.approved)

    def _sent(self, item: Item, approved: Approved) -> Event | None:
        """Let the product send; None once the first byte is on the line."""
        try:
            return item.messenger.submit(approved)
        except Flies:
            item.stage = "sent"
        self._judge_byte(approved.order)
        return None

    def do_cancel_is_lost(self, number: int, name: str) -> None:
        del self.lanes.items[number]

    def do_arrives(self, name: str) -> None:
        self._arrived(name, is_listed=True)

    def do_arrives_unlisted(self, name: str) -> None:
        self._arrived(name, is_listed=False)

    def _arrived(self, name: str, *, is_listed: bool) -> None:
        order = self._flying(name)
        one = self.venue.arrive(order, is_listed=is_listed)
        self._reply(name, REPEATED if one is None else one.view(self.clock.at_ns))

    def do_is_refused(self, name: str) -> None:
        self.venue.flying.remove(self._flying(name))
        self._reply(name, "insufficient buying power")

    def do_is_lost(self, name: str) -> None:
        self.venue.flying.remove(self._flying(name))

    def _flies(self, name: str) -> bool:
        return any(one.client_order_id == name for one in self.venue.flying)

    def _flying(self, name: str) -> Order:
        return next(one for one in self.venue.flying if one.client_order_id == name)

    def _reply(self, name: str, answer: BrokerOrder | str) -> None:
        for item in self.lanes.items:
            if item.name == name and item.stage == "sent" and item.approved is not None:
                item.stage, item.answer = "answered", answer
                return

    def do_is_answered(self, number: int, name: str) -> None:
        item = self.lanes.items[number]
        answer = item.answer
        assert answer is not None
        assert item.approved is not None

        def reply() -> BrokerOrder:
            if isinstance(answer, str):
                raise Refused(40310000, answer)
            return answer

        self._answered(item, self._read(item.approved, reply))

    def do_answer_is_lost(self, number: int, name: str) -> None:
        item = self.lanes.items[number]
        assert item.approved is not None

        def reply() -> BrokerOrder:
            raise OutcomeUnknown(name, 10.0)

        self._answered(item, self._read(item.approved, reply))

    def _read(self, approved: Approved, reply: Any) -> Event:
        """Let the product say what an answer proves."""
        self.venue.reply = reply
        try:
            return Messenger(self.venue, _nobody).submit(approved)
        finally:
            self.venue.reply = None

    def _answered(self, item: Item, event: Event) -> None:
        self.lanes.items.remove(item)
        self.lanes.items += item.cancels
        assert isinstance(event, Answered)
        self.trader.offer(self.trader.stamped(event))

    # -- venue ------------------------------------------------------------------------------------

    def _one(self, name: str, number: int) -> Resting:
        return next(one for one in self.venue.orders_by_id[name] if one.number == number)

    def do_fills(self, name: str, number: int) -> None:
        one = self._one(name, number)
        self.venue.fill(one, one.remaining)

    def do_fills_half(self, name: str, number: int) -> None:
        one = self._one(name, number)
        self.venue.fill(one, one.order.qty / 2)

    def do_is_listed(self, name: str, number: int) -> None:
        self._one(name, number).is_listed = True

    def do_hears(self) -> None:
        self.trader.fetch()

    def do_is_told_again(self) -> None:
        update = self.venue.again()
        if update.sequence <= self.trader._seen:
            self.trader.offer(Updated(at_ns=self.clock.at_ns, update=update))

    def do_compares(self) -> None:
        self.trader.reconcile()

    def do_horizon_passes(self) -> None:
        self.used["waits"] += 1
        self.clock.at_ns += HORIZON_S * SECOND_NS
        for one in self.venue.all:
            one.is_listed = True  # lists lag for seconds; the horizon is longer than that
        self.trader.fetch()
        self._print()

    # -- people -----------------------------------------------------------------------------------

    def do_halt(self) -> None:
        """The file is there and whoever asked for it has been told so; the account may not know."""
        self.used["halts"] += 1
        self.latch.is_set = self.is_halt_told = True

    def do_obeys_the_file(self) -> None:
        self._command(Command.HALT)

    def do_resume(self) -> None:
        self.used["resumes"] += 1
        self._command(Command.RESUME)
        self.trader.flush()
        if self.trader.engine.state.trading < TradingState.HALTED:
            self.is_halt_told = self.latch.is_set = False

    def _command(self, command: Command) -> None:
        at_ns = self.clock.at_ns
        self.trader.offer(Commanded(at_ns=at_ns, command=command, who="ann", reason="because"))

    # -- what follows -----------------------------------------------------------------------------

    def _after(self) -> None:
        """Let what is quick be done, and heed what became durable."""
        self.trader.engine._core.out = Outcome()  # it has been taken; copies need not carry it
        self._heed_disk()
        if not self.scenario.quick_sales:
            return
        while quick := next((one for one in self.lanes.items if one.is_quick), None):
            self._at_once(quick)
            self._heed_disk()

    def _at_once(self, item: Item) -> None:
        """Let an errand leave, arrive and be answered in one step."""
        number = self.lanes.items.index(item)
        self.do_leaves(number, item.name)
        if item.approved is not None and item in self.lanes.items:
            self.do_arrives(item.name)
            self.do_is_answered(self.lanes.items.index(item), item.name)

    def _heed_disk(self) -> None:
        synced, self.disk.synced = self.disk.synced, []
        for record in synced:
            self._heed(record)

    def _heed(self, record: Record) -> None:
        if isinstance(record, Intended):
            self.intents[record.order.client_order_id] = record.order
        elif isinstance(record, OrderMoved):
            name = record.client_order_id
            if record.state.is_final:
                self.ended.add(name)
            elif name in self.ended:
                self.wrong.append(f"INV-08: {name} had ended and is {record.state.value} again")

    def _judge_byte(self, order: Order) -> None:
        """See whether the first byte of an order was allowed to leave."""
        name = order.client_order_id
        self.sends[name] += 1
        self._heed_disk()
        if self.intents.get(name) != order:
            self.wrong.append(f"INV-02: {name} left without a durable intent like it")
        if self.sends[name] > 1 and not self.scenario.rejects_repeated_ids:
            self.wrong.append(f"INV-01: {name} left twice for a venue that takes both")
        if order.side is Side.BUY and self.is_halt_told:
            self.wrong.append(f"INV-07: {name} left after the halt was acknowledged")


def _item(item: Item) -> Any:
    waits = tuple(each.name for each in item.cancels)
    return item.name, item.approved is None, item.stage, type(item.answer).__name__, waits


def _nothing(is_durable: bool) -> None:
    """Nobody waits for it."""


def _nobody() -> str:
    return ""


__all__ = ["BTC", "CAP", "PRICE", "ZERO", "Claim", "Scenario", "Step", "Want", "World", "msgspec"]
