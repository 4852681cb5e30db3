"""A world from one seed: prices, people, a clock, faults, and an oracle that looks on.

The account is the real one: trader, recovery, engine, ledger and the simulated venue with a file of
its own. Only the line between them is bad, and the process does not live for ever.
"""

import sqlite3
import traceback
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.simulation.faults import Dice, Faults, FaultyLedger, TrueTime
from tests.simulation.faulty_line import FaultyBroker
from tests.simulation.faulty_process import REGISTRY, Process
from tests.simulation.oracle import Oracle
from tests.simulation.oracle_settled import settle
from tests.simulation.regime import Regime, regime_of
from tests.simulation.worlds import Walk, World, bars_of, terms_of

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import LedgerLocked, Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Order, OrderType, Side, TimeInForce
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.quotes import Quote, QuotePath

STEPS = 120
QUIET_STEPS = 14
ZERO = Decimal(0)
OLD_NS = 600 * SECOND_NS
"""Longer than the line holds back what it was told, and a few restarts."""
UNTOLD = 0.4
"""So often nobody tells of what somebody else has ordered."""
GAPS_S = (2, 2, 2, 10, 10, 10, 10, 30, 30, 30, 30, 30, 61, 61, 200, 600, 7_200, 30_000)
"""Between two looks at the market; most are short, so that orders, look-ups and horizons meet."""


class Result(NamedTuple):
    """What came of a world."""

    seed: int
    days: float
    events: int
    faults: Counter[str]
    restarts: int
    sent: int
    violations: list[str]
    trace: str
    steps: int
    """How often it looked at the market before it was over."""


def world_of(seed: int) -> World:
    """Draw market and people of a world."""
    chance = Random(f"{seed}/world")
    holdings = (("crypto:BTC/USD", "0.7"), ("us_equity:KO", "300"))
    return World(
        seed,
        days=7,
        walk=Walk(
            drift=chance.choice((-0.004, 0.0, 0.003)),
            volatility=chance.choice((0.004, 0.01, 0.025)),
            jumps=chance.choice((0.0, 0.02)),
            jump=chance.choice((0.06, 0.3)),
        ),
        coins=("BTC", *chance.sample(("DOGE", "ETH", "SOL"), chance.randint(0, 2))),
        shares=("KO", *chance.sample(("AAPL", "SPY", "TQQQ"), chance.randint(0, 2))),
        cash=chance.choice((30_000, 100_000)),
        holdings=holdings[: chance.choice((0, 0, 1, 2))],
        bots=chance.randint(1, 3),
        greed=chance.choice((0.03, 0.1, 0.25)),
        pace=chance.choice((0.2, 0.5)),
        sells=chance.choice((0.2, 0.5)),
        may_shrink=chance.random() < 0.6,
    )


def with_funds(world: World) -> World:
    """Return a world in which funds with a daily multiple are traded as well."""
    chance = Random(f"{world.seed}/funds")
    funds = chance.sample(("BITX", "SQQQ", "TQQQ"), chance.randint(0, 2))
    return world._replace(
        shares=(*world.shares, *(one for one in funds if one not in world.shares))
    )


class FaultyWorld:
    """One account on a bad line, from its opening until everything has come to rest."""

    def __init__(
        self, seed: int, folder: Path, faults: Faults | None = None, regime: Regime | None = None
    ) -> None:
        regime = regime_of(seed) if regime is None else regime
        self.seed, self.world = seed, world_of(seed)
        if not regime.is_classic:
            self.world = with_funds(self.world)
        series = bars_of(self.world)
        self.keys = [each.key for each in series]
        self.path = QuotePath(series)
        self.chance = Random(f"{seed}/course")
        began = min(each.starts[0] for each in series)
        self.time = TrueTime(began + DAY_NS + self.chance.randrange(24) * HOUR_NS)
        self.dice = Dice(seed, Faults.of(seed) if faults is None else faults)
        self.file = folder / f"venue-{seed}.sqlite"
        first = {each.key: Decimal(repr(each.opens[0])) for each in series}
        held = [(Key(key), Decimal(qty)) for key, qty in self.world.holdings]
        self.held = tuple((key, qty, first[key]) for key, qty in held)
        config = SimConfig(
            seed=seed,
            mode=Mode.LIVE,
            cash=Decimal(self.world.cash),
            positions=tuple(Start(*each) for each in self.held),
            partial_probability=self.chance.choice((0.1, 0.6)),
            opened_at_ns=self.time.true_ns,
        )
        self.venue = SimBroker(REGISTRY, config=config, path=self.file)
        self.ledger_file = folder / f"ledger-{seed}.sqlite"
        self.ledger = self._ledger()
        self.ledger.dice = self.dice
        terms = terms_of([REGISTRY[key] for key in self.keys])
        self.oracle = Oracle(self.venue, self.ledger, terms, lambda: self.time.true_ns)
        self.line = FaultyBroker(self.venue, self.time, self.dice, self.oracle)
        self.process = Process(
            self.world, self.keys, self.held, self.time, self.dice, self.ledger, self.line,
            self.oracle, regime,
        )  # fmt: skip
        self.steps = self._wrong_until = 0
        self.factors: dict[Key, Decimal] = {}
        """By what every instrument was split; the path of its prices does not know."""

    def _ledger(self) -> FaultyLedger:
        """Return a ledger in a file where somebody else wants to write it, else in memory."""
        if not self.dice.has("second_writer"):
            return FaultyLedger.in_memory()
        return FaultyLedger(self.ledger_file, durability=Durability.NONE)

    # -- the course -------------------------------------------------------------------------------

    def run(self, steps: int | None = None) -> Result:
        """Play the world; what goes wrong inside is a violation, not an exception.

        Args:
            steps: After so many it is left where it is; None plays it to its end.
        """
        began = self.time.true_ns
        try:
            self._quote()
            self.process.open()
            self.dice.is_off = False
            for self.steps in range(1, (STEPS if steps is None else steps) + 1):
                self._step(self.chance.choice(GAPS_S) * SECOND_NS)
                if self.oracle.violations:
                    break
            else:
                if steps is None:
                    self._come_to_rest()
        except Exception:  # noqa: BLE001 - a crash of the product is what is looked for
            self.oracle.broken("CRASH", traceback.format_exc(limit=-6))
        days = (self.time.true_ns - began) / DAY_NS
        trace = self._trace()
        self.oracle.close()
        self.ledger.close()
        self.venue.close()
        process = self.process
        oracle = self.oracle
        return Result(
            self.seed, days, process.events, self.dice.counts, process.restarts,
            len(oracle.journal.orders), oracle.violations, trace, self.steps,
        )  # fmt: skip

    def _step(self, gap_ns: int) -> None:
        """Let time pass at the venue, then let the account look."""
        self.time.true_ns += gap_ns
        self._bend_clock()
        quotes = self._quote()
        self.line.deliver()
        self._meddle(quotes)
        self.process.guarded(lambda: self.process.look(quotes))
        self.oracle.look()

    def _come_to_rest(self) -> None:
        """Stop all faults; after some quiet minutes everything has to agree."""
        self.dice.is_off = True
        self.time.offset_ns = 0
        self.oracle.time.bent(is_wrong=False)
        for number in range(QUIET_STEPS):
            self.time.true_ns += MINUTE_NS
            quotes = self._quote()
            self.line.deliver()
            self.process.is_lost = True  # so that every look begins with a comparison
            self.process.guarded(partial(self.process.look, quotes, is_quiet=True))
            if number >= QUIET_STEPS - 4 and self.oracle.journal.trading != "active":
                self.process.guarded(self.process.resume)
            self.oracle.look()
        settle(self.oracle, self.venue, self.time.true_ns, self.line.untold)

    # -- the world --------------------------------------------------------------------------------

    def _quote(self) -> list[Quote]:
        now = self.time.true_ns
        quotes = [self._split_quote(quote) for quote in self.path.at(now)]
        for quote in quotes:
            self.venue.on_quote(now, quote.key, quote.bid, quote.ask)
        if not quotes:
            self.venue.advance(now)
        return quotes

    def _split_quote(self, quote: Quote) -> Quote:
        factor = float(self.factors.get(quote.key, 1))
        return Quote(quote.key, quote.bid / factor, quote.ask / factor)

    def _split(self) -> None:
        """Split a share that is held; the market shows it from the next quote on."""
        shares = [each.key for each in self.venue.positions() if each.key.startswith("us_")]
        if not shares:
            self.dice.counts["split"] -= 1
            return
        key, now = self.chance.choice(shares), self.time.true_ns
        factor = Decimal(self.chance.choice(("2", "3", "1.5", "0.5")))
        self.venue.split(now, key, factor, f"split-{now}")
        self.factors[key] = self.factors.get(key, Decimal(1)) * factor

    def _bend_clock(self) -> None:
        now = self.time.true_ns
        if now >= self._wrong_until:
            self.time.offset_ns = 0
            if self.dice.hits("clock_back", 0.3):
                self.time.offset_ns = -HOUR_NS
            elif self.dice.hits("clock_forward", 0.1):
                self.time.offset_ns = DAY_NS
            self._wrong_until = now + self.dice.within_ns(10, 1800)
        self.oracle.time.bent(is_wrong=self.time.offset_ns != 0)

    def _meddle(self, quotes: Sequence[Quote]) -> None:
        """Let somebody else use the account."""
        now = self.time.true_ns
        if quotes and self.dice.hits("foreign_order", 0.1):
            name = f"foreign-{now}"
            quote = self.chance.choice(quotes)
            is_coin = quote.key.startswith("crypto:")
            order = Order(
                client_order_id=name,
                bot="somebody",
                key=quote.key,
                side=self.chance.choice((Side.BUY, Side.SELL)),
                qty=Decimal("0.05") if is_coin else Decimal(2),
                type=OrderType.MARKET,
                time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
            )
            try:
                self.venue.submit(Approved(order, ""))
                is_untold = Random(name).random() < UNTOLD
                (self.line.untold if is_untold else self.oracle.foreign).add(name)
            except Refused:
                self.dice.counts["foreign_order"] -= 1
        if self.dice.hits("split", 0.1):
            self._split()
        if self.dice.hits("second_writer", 0.1):
            self._intrude()
        if self.dice.hits("revised", 0.3):
            self._revise()
        if self.dice.hits("deposit", 0.2):
            amount = Decimal(self.chance.randrange(-3_000, 20_000) or 1)
            try:
                self.venue.deposit(now, amount, f"flow-{now}")
            except Refused:
                self.dice.counts["deposit"] -= 1

    def _revise(self) -> None:
        """Take an execution back, or correct it, where that leaves nothing sold that is not held.

        One of an order that was executed in parts is so old that all of them were told. What was
        split is left alone: nobody says whether the old units come back, or the new ones.
        """
        now, dealt = self.time.true_ns, self.venue.updates(0)
        gone = {each.revises for each in dealt if each.revises}
        fills = [each.fill for each in dealt if each.fill and each.fill.execution_id not in gone]
        parts = Counter(fill.client_order_id for fill in fills)
        found = [
            fill
            for fill in fills
            if fill.client_order_id not in self.line.untold
            and fill.key not in self.factors
            and (parts[fill.client_order_id] == 1 or now - fill.at_ns > OLD_NS)
        ]
        chance = self.chance
        for fill in chance.sample(found, min(3, len(found))):
            is_bust = chance.random() < 0.6
            price = None if is_bust else fill.price * Decimal(chance.choice(("0.99", "1.01")))
            qty = None if is_bust or chance.random() < 0.5 else fill.qty / 2
            sold = ZERO if fill.side is Side.BUY else fill.qty
            held = self._held(fill.key) + sold - (fill.qty if fill.side is Side.BUY else ZERO)
            if held < 0:
                continue
            try:
                if is_bust:
                    self.venue.bust(now, fill.execution_id)
                else:
                    self.venue.correct(now, fill.execution_id, qty=qty, price=price)
                return
            except Refused:
                continue
        self.dice.counts["revised"] -= 1

    def _held(self, key: Key) -> Decimal:
        return next((each.qty for each in self.venue.positions() if each.key == key), ZERO)

    def _intrude(self) -> None:
        """INV-14: a second process that wants to write the ledger is refused."""
        try:
            with SqliteLedger(self.ledger_file, durability=Durability.NONE) as other:
                other.commit([Noted(at_ns=self.time.true_ns, code="second", text="was here")])
        except LedgerLocked:
            return
        self.oracle.broken("INV-14", "a second process wrote the ledger")

    def _trace(self) -> str:
        """Return a hash of everything that the journal and the venue hold."""
        self.oracle.sync()
        digest = sha256(self.oracle.journal.digest.digest())
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True) as venue:
            for row in venue.execute(
                "SELECT at_ns, kind, client_order_id, payload FROM events ORDER BY sequence"
            ):
                digest.update(repr(row).encode())
        venue.close()
        return digest.hexdigest()


def play(
    seed: int, folder: Path, faults: Faults | None = None, regime: Regime | None = None,
    steps: int | None = None,
) -> Result:  # fmt: skip
    """Play one world, or its first steps, and leave nothing behind but its result."""
    world = FaultyWorld(seed, folder, faults, regime)
    result = world.run(steps)
    for file in (world.file, world.ledger_file):
        for each in folder.glob(f"{file.name}*"):
            each.unlink()
    return result
