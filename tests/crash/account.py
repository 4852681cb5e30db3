"""The process that dies: ledger, engine and trader as they run, joined to a venue that survives."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.crash.death import STARTED, Box, Death, Fate
from tests.crash.script import (
    Act,
    Bring,
    Close,
    Fill,
    Flow,
    Open,
    Order,
    Over,
    Wish,
    acts_of,
    series_of,
)
from tests.simulation.regime import CLASSIC, Regime

from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.sim import SimBrokerClient
from smart_leverage.brokers.sim.messages import Cancel, Request, Submit
from smart_leverage.brokers.sim.venue import CAPABILITIES
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.records import Filled, OrderMoved, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Commanded, OpeningOver, Prices, Wished
from smart_leverage.ledger.base import Durability, Head
from smart_leverage.ledger.connections import BUSY_TIMEOUT_MS
from smart_leverage.ledger.sqlite import Bounds, SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader
from smart_leverage.wiring import Beginning, opening

CASH = Decimal(100_000)
LEDGER, VENUE, BOX = "ledger.sqlite", "venue.sock", "box"
BOUNDS = Bounds(wal_pages=60, wal_pages_max=120)
"""Small, so that the log is copied into the file often."""

T = TypeVar("T")


def config(regime: Regime) -> EngineConfig:
    """Return that of some settings, but prices are remembered at once.

    A start that knows older prices decides soundly and not always equally; here it has to be equal.
    """
    return regime.config()._replace(remember_every_s=0.0)


class MortalConnection(sqlite3.Connection):
    """A database connection that may be the last thing a process uses."""

    fate: Fate

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        kind = "commit" if sql == "COMMIT" else "checkpoint" if "wal_checkpoint" in sql else ""
        if kind:
            self.fate.pass_by(f"{kind} {'written, not synced' if kind == 'commit' else 'before'}")
        cursor = super().execute(sql, *values)
        if kind:
            self.fate.pass_by(f"{kind} {'synced' if kind == 'commit' else 'after'}")
        return cursor


class MortalLedger(SqliteLedger):
    """A ledger whose process dies around a commit, and which knows when an order is recorded."""

    def __init__(self, path: Path, fate: Fate) -> None:
        self._fate = fate

        def connect(uri: str) -> sqlite3.Connection:
            connection = sqlite3.connect(
                uri,
                uri=True,
                isolation_level=None,
                timeout=BUSY_TIMEOUT_MS / 1_000,
                check_same_thread=False,
                factory=MortalConnection,
            )
            connection.fate = fate
            return connection

        super().__init__(path, durability=Durability.FULL, bounds=BOUNDS, connect=connect)

    def commit(self, records: Sequence[Record]) -> Head:
        self._fate.pass_by("commit asked for")
        head = super().commit(records)
        moved = {each.client_order_id for each in records if isinstance(each, OrderMoved)}
        filled = {each.fill.client_order_id for each in records if isinstance(each, Filled)}
        self._fate.recorded(moved | filled)
        return head


class MortalLine(SimBrokerClient):
    """The line to the venue; the process may die before, inside and after each request."""

    def __init__(self, path: Path, fate: Fate, capabilities: Capabilities) -> None:
        super().__init__(path)
        self._fate = fate
        self._capabilities = capabilities
        self._order = ""

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def _order_call(self, request: Request, kind: type[T] | None, name: str) -> T:
        word = {Submit: "order", Cancel: "cancel"}.get(type(request), "deposit")
        self._fate.pass_by(f"{word} about to leave")
        self._order = name if word == "order" else word
        try:
            answer = super()._order_call(request, kind, name)
        finally:
            self._order = ""
        self._fate.pass_by(f"{word} answered")
        return answer

    def _send(self, frame: bytes) -> None:
        if not self._order:
            self._fate.pass_by("venue asked")
            super()._send(frame)
        elif self._order in ("cancel", "deposit"):
            word = self._order
            super()._send(frame)
            self._fate.pass_by(f"{word}'s last byte left")
        else:
            super()._send(frame[:1])
            self._fate.leaves(self._order)
            self._fate.pass_by("order's first byte left")
            assert self._own.connection is not None
            self._own.connection.sendall(frame[1:])
            self._fate.pass_by("order's last byte left")


class Account:
    """One life of the process."""

    def __init__(self, terms: "Terms", now_ns: int, fate: Fate) -> None:
        folder, seed, capabilities, regime = terms
        self._fate, self._regime = fate, regime
        self._halt = HaltFile(folder)
        self._series = series_of(seed)
        self.acts = acts_of(seed, self._series, regime)
        self._clock = ManualClock(now_ns)
        self._venue = MortalLine(folder / VENUE, fate, capabilities)
        self._ledger = MortalLedger(folder / LEDGER, fate)
        self._trader = self._recovered()

    def _recovered(self) -> Trader:
        held_back = lambda: "halted" if self._halt.is_set else ""  # noqa: E731
        trader = recover(
            config(self._regime), self._ledger, self._venue, self._clock, held_back=held_back
        )
        if trader.engine.state.opened is None:
            keys = [each.key for each in self._series]
            start, now_ns = Beginning(CASH), self._clock.now_ns()
            settings = self._regime.settings()
            trader.offer(opening(settings, now_ns, start, Registry.builtin(), keys))
        trader.flush()
        return trader

    def play(self, act: Act) -> None:
        """Play one act; everything of it is durable when this returns."""
        self._clock.move_to(act.at_ns)
        trader, venue = self._trader, self._venue
        match act:
            case Close(at_ns, bars):
                venue.close_bars(at_ns, bars)
                trader.drain()
                prints = tuple((key, Decimal(repr(bar.close))) for key, bar in bars)
                trader.offer(Prices(at_ns=at_ns, prints=prints))
            case Order(at_ns, command):
                self._obey(at_ns, command)
            case Bring(at_ns, measured):
                trader.offer(
                    Commanded(
                        at_ns=at_ns, command=Command.EVIDENCE, who="a schedule",
                        reason="it is time", changes=(("measured", measured),),
                    )
                )  # fmt: skip
            case Flow(at_ns, amount, reference):
                with suppress(Refused):  # open orders may hold the money
                    venue.deposit(at_ns, amount, reference)
                trader.reconcile()
            case Wish(at_ns, bot, wish):
                trader.offer(Wished(at_ns=at_ns, wish=wish, bot=bot, may_shrink=True))
            case Open(at_ns, opens):
                venue.print_opens(at_ns, opens)
                prints = tuple((key, Decimal(repr(price))) for key, price in opens)
                trader.offer(Prices(at_ns=at_ns, prints=prints, is_opening=True))
            case Fill(at_ns):
                venue.fill_opens(at_ns)
                trader.drain()
            case Over(at_ns, keys):
                trader.offer(OpeningOver(at_ns=at_ns, keys=keys))
        trader.flush()

    def _obey(self, at_ns: int, command: Command) -> None:
        """Do as the running account does with what comes over its socket."""
        if command in (Command.HALT, Command.FLATTEN):
            self._halt.set("operator", f"to {command}")
            self._fate.pass_by("halt file written")
        self._trader.offer(
            Commanded(at_ns=at_ns, command=command, who="operator", reason=f"to {command}")
        )
        self._trader.flush()
        is_active = self._trader.engine.state.trading is not TradingState.HALTED
        if command is Command.RESUME and is_active:
            self._fate.pass_by("halt file about to go")
            self._halt.clear()


class Terms(NamedTuple):
    """What every life of an account has in common."""

    folder: Path
    seed: int
    capabilities: Capabilities = CAPABILITIES
    regime: Regime = CLASSIC


def live(terms: Terms, now_ns: int, death: Death, pipe: Pipe) -> None:
    """Live until the parent hangs up, or until the time has come."""
    box = Box(terms.folder / BOX)
    account = Account(terms, now_ns, Fate(death, box))
    box.note(STARTED, 1)
    pipe.send("ready")
    while True:
        try:
            number = pipe.recv()
        except EOFError:
            return
        account.play(account.acts[number])
        pipe.send(number)
