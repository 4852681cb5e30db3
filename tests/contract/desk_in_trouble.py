"""An account in real time whose disk fails when told to, with a venue that looks into the files."""

import copy
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tests.presets import CLASSIC_SETTINGS
from tests.simulation.faults import TrueTime

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, Side, TradeUpdate
from smart_leverage.domain.records import Decided, Intended, Record, StateChanged, decode
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.state import State
from smart_leverage.ledger.base import Ledger
from smart_leverage.ledger.emergency import peek
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.space import takes
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.quotes import QuotePath
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.runtime.carrying import Carrier
from smart_leverage.runtime.control import Control
from smart_leverage.runtime.keeping import Keeper
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.live import LiveDriver, Pace
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.operator import Operator
from smart_leverage.runtime.recovery import rebuilt
from smart_leverage.runtime.steady import steady_clock
from smart_leverage.runtime.trader import AT_ONCE, Trader
from smart_leverage.strategies.base import AccountView
from smart_leverage.wiring import Beginning, engine_config, opening
from smart_leverage.wiring.limits import contradicted

BTC = Key("crypto:BTC/USD")
SERIES = [
    each
    for each in generate(SyntheticMarket(seed=2, first_day=date(2024, 3, 4), days=1, step_s=60))
    if each.key == BTC
]
STEP_S = 10.0
CASH = Decimal(100_000)
FULL = "database or disk is full"
BROKEN = "disk I/O error"


class Market(NamedTuple):
    """What trades around an account, from the first bar on, and how often it is looked at."""

    series: Sequence[BarSeries] = tuple(SERIES)
    step_s: float = STEP_S


class Disk:
    """A real database whose commits fail while the disk refuses, and so does opening it."""

    def __init__(self) -> None:
        self.error = ""
        self.times = 0
        """The refusal after which everything succeeds again, as after a failed sync."""
        self.is_kept = False
        """Whether the commit that fails is in the file all the same."""
        self.refused = 0

    def refuse(self, error: str, *, times: int = 1_000_000, is_kept: bool = False) -> None:
        self.error, self.times, self.is_kept = error, self.refused + times, is_kept

    def mend(self) -> None:
        self.error = ""

    @property
    def is_refusing(self) -> bool:
        return bool(self.error) and self.refused < self.times

    def open(self, path: Path) -> WritingLedger:
        return SqliteLedger(path, connect=self.connect)

    def answers(self, path: Path) -> bool:
        return takes(path)

    def patiently(self, path: Path) -> WritingLedger:
        return self.open(path)

    def connect(self, uri: str) -> sqlite3.Connection:
        disk = self

        class Through(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                is_write = statement == "COMMIT" or statement.startswith("UPDATE writer")
                if not is_write or not disk.is_refusing:
                    return super().execute(statement, *values)
                disk.refused += 1
                if statement == "COMMIT":
                    super().execute("COMMIT" if disk.is_kept else "ROLLBACK")
                raise sqlite3.OperationalError(disk.error)

        return sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, factory=Through
        )


class Sent(NamedTuple):
    """An order that reached the venue, and where its intent was written by then."""

    order: Order
    written: str
    at_ns: int


class Venue(SimBroker):
    """The simulated venue; it looks for the intent of every order that it gets."""

    path: Path
    is_silent = False
    has_clock = False
    """Whether it tells the time, as brokers do that are no part of a simulation."""

    def __init__(self, path: Path) -> None:
        config = SimConfig(mode=Mode.LIVE, cash=CASH, partial_probability=0.0)
        super().__init__(Registry.builtin(), config=config)
        self.path = path
        self.sent: list[Sent] = []
        self.requests: list[str] = []
        """Ids of what came in, orders and cancels, taken or not."""
        self.time: Callable[[], int] = lambda: 0

    def submit(self, approved: Approved) -> BrokerOrder:
        order = approved.order
        self.requests.append(order.client_order_id)
        self.sent.append(Sent(order, written(self.path, order.client_order_id), self.time()))
        return super().submit(approved)

    def cancel(self, client_order_id: str) -> None:
        self.requests.append(client_order_id)
        super().cancel(client_order_id)

    def clock_ns(self) -> int | None:
        return self.time() if self.has_clock else super().clock_ns()

    def updates(self, after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
        if self.is_silent:
            raise BrokerDown("no answer")
        return super().updates(after, limit)


def written(path: Path, order_id: str) -> str:
    """Return where the intent of an order is durable."""
    if any(order_id in note.payload.decode() for note in notes(path, "order.intended")):
        return "emergency"
    with Reader.open(path) as reader:
        return "ledger" if reader.entries_about(order_id) else "nowhere"


def notes(path: Path, kind: str = "") -> list[Any]:
    return [note for note in peek(path).notes if not kind or note.kind == kind]


class Scripted:
    """A bot that wants what the test wants, once."""

    name = "bot"

    def __init__(self) -> None:
        self.wishes: list[OrderWish] = []
        self.asked_ns = self._count = 0

    def wants(
        self, side: Side, *, qty: str | None = None, notional: str | None = None, key: Key = BTC
    ) -> None:
        self._count += 1
        self.wishes.append(
            OrderWish(
                at_ns=0,
                key=key,
                side=side,
                source="bot",
                id=f"wish-{self._count}",
                qty=None if qty is None else Decimal(qty),
                notional=None if notional is None else Decimal(notional),
            )
        )

    def on_bars(
        self, at_ns: int, closes: Sequence[tuple[Key, Bar]], account: AccountView
    ) -> Sequence[OrderWish]:
        wishes, self.wishes = self.wishes, []
        if wishes:
            self.asked_ns = at_ns
        return wishes


class Desk:
    """One account with everything around it; `start` begins a process on its files."""

    office: Office | None = None
    carrier: Carrier = AT_ONCE

    def see(self, record: Record) -> None:
        """Hear what is decided, before it is durable."""

    def __init__(
        self,
        folder: Path,
        market: Market = Market(),  # noqa: B008 - immutable
        disk: Disk | None = None,
    ) -> None:
        self.folder, self.path = folder, folder / "ledger.sqlite"
        self.market = market
        self.disk, self.bot = disk or Disk(), Scripted()
        self.venue = Venue(self.path)
        self.time = TrueTime(market.series[0].starts[0])
        self.venue.time = lambda: self.time.true_ns
        self.halt = HaltFile(folder)
        self.heard: list[Record] = []
        self.told: list[str] = []
        self.start()
        start, keys = Beginning(CASH), [each.key for each in market.series]
        registry = Registry.builtin()
        self.keeper.offer(opening(CLASSIC_SETTINGS, self.time.now_ns(), start, registry, keys))
        self.keeper.flush()

    def start(self) -> None:
        self.control = Control(self.folder, lambda: None)
        self.keeper = Keeper(
            self.path,
            self.time,
            self.halt,
            self.told.append,
            open_ledger=self.disk.open,
            answers=self.disk.answers,
            patiently=self.disk.patiently,
        )
        self.clock = steady_clock(self.time, self.keeper.ledger, self.venue)
        self.keeper.begin(self.built)
        self.driver = LiveDriver(
            self.keeper,
            self.venue,
            self.clock,
            QuotePath(self.market.series),
            market=self.venue,
            bots=[self.bot],
            pace=Pace(step_s=self.market.step_s, reconcile_every_s=30.0),
            operator=Operator(self.control, self.halt, contradicted),
            office=self.office,
            pause=self.pass_time,
        )

    def built(self, ledger: Ledger) -> Trader:
        return rebuilt(
            engine_config(CLASSIC_SETTINGS),
            ledger,
            self.venue,
            self.clock,
            self.heard.append,
            self.held_back,
            see=self.see,
            carrier=self.carrier,
        )

    def pass_time(self, seconds: float) -> None:
        self.time.true_ns += int(seconds * SECOND_NS)

    def twin(self) -> "Desk":
        """Return another process on the same files and venue, with a bot of its own, not begun."""
        twin = copy.copy(self)
        twin.bot, twin.heard, twin.told = copy.copy(self.bot), [], []
        twin.bot.wishes = []
        return twin

    def stop(self) -> None:
        self.control.close()
        self.keeper.close()

    def held_back(self) -> str:
        return "halted" if self.halt.is_set else ""

    def run(self, minutes: float) -> None:
        until_ns = self.time.true_ns + int(minutes * 60 * SECOND_NS)
        self.driver.run(lambda: self.time.true_ns >= until_ns)

    def hold(self) -> None:
        """Let the bot buy, and the stop of the house rest."""
        self.bot.wants(Side.BUY, notional="5000")
        self.run(2)
        assert self.state.held()
        assert self.state.stops
        self.venue.sent.clear()
        self.heard.clear()

    def flatten_wish(self) -> None:
        self.bot.wants(Side.SELL, qty=str(dict(self.state.held())[BTC]))

    @property
    def state(self) -> State:
        return self.keeper.engine.state

    def verdicts(self, side: Side) -> list[str]:
        decided = [each for each in self.heard if isinstance(each, Decided)]
        return [each.verdict for each in decided if each.side is side and each.bot == "bot"]

    def agrees(self) -> None:
        """Books and venue tell the same, and no order was sent twice."""
        assert dict(self.state.held()) == {each.key: each.qty for each in self.venue.positions()}
        assert abs(self.state.book.cash - self.venue.account().cash) <= Decimal("0.01")
        names = [each.order.client_order_id for each in self.venue.orders()]
        assert len(names) == len(set(names))


def recorded(path: Path, kind: type[Record]) -> list[Any]:
    """Return the records of a kind in a ledger."""
    with Reader.open(path) as reader:
        records = [decode(entry.payload) for entry in reader.entries()]
    return [record for record in records if isinstance(record, kind)]


def intents(path: Path) -> list[str]:
    return [each.order.client_order_id for each in recorded(path, Intended)]


def last_state(path: Path) -> str:
    return str(recorded(path, StateChanged)[-1].after)
