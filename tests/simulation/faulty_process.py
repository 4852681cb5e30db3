"""The process of an account, as a driver runs it: it looks, is silenced, dies and begins anew."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random

from tests.simulation.faults import Dice, FaultyLedger, Killed, TrueTime
from tests.simulation.faulty_line import FaultyBroker
from tests.simulation.kinds import priced_wish
from tests.simulation.oracle import Oracle
from tests.simulation.regime import STEADY_LIMITS, Looker, Regime
from tests.simulation.worlds import Greedy, Signals, World

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import BrokerDown, LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import (
    BrokerLost,
    CancelWished,
    ChangeWished,
    Command,
    Commanded,
    Event,
    Opened,
    Prices,
    Proposed,
    Rung,
    Wished,
)
from smart_leverage.engine.limits import laid_over
from smart_leverage.market.quotes import Quote
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.steady import SteadyClock, compare, steady_clock, watch
from smart_leverage.runtime.trader import Trader, view

REGISTRY = Registry.builtin()
COMMANDS = (
    *(Command.HALT, Command.REDUCE, Command.RESUME, Command.RESUME, Command.FLATTEN),
    *(Command.REBALANCE, Command.LIMITS, Command.LIMITS),
)
LIMITS = {
    "limits.symbol_cap": ("0.06", "0.08", "0.1", "0.15"),
    "limits.symbol_cap_broad": ("0.3", "0.5", "0.6"),
    "limits.gross_cap": ("0.6", "0.9", "1.0", "1.2"),
    "tiers.learning.crypto_cap": ("0.15", "0.2", "0.25", "0.3"),
    "tiers.learning.total_cap": ("0.25", "0.35", "0.45"),
    "tiers.stable.crypto_cap": ("0.3", "0.4", "0.5"),
    "tiers.ceiling": ("learning", "stable", "profitable"),
    "limits.loss_limit_daily": ("0.02", "0.03", "0.04"),
    "risk.loosen_after_hours": ("1", "2"),
}
"""What the operator sets, and what the files of new processes say, tighter and looser."""
RECONCILE_NS = 30 * SECOND_NS
Holding = tuple[Key, Decimal, Decimal]


class Process:
    """One account's process, its bots and its operator; only ledger and venue outlive it."""

    def __init__(
        self,
        world: World,
        keys: Sequence[Key],
        held: tuple[Holding, ...],
        time: TrueTime,
        dice: Dice,
        ledger: FaultyLedger,
        line: FaultyBroker,
        oracle: Oracle,
        regime: Regime,
    ) -> None:
        self.world, self.time, self.dice = world, time, dice
        self.regime, self._first = regime, regime.config()
        self._settable = LIMITS if regime.is_classic else {**LIMITS, **STEADY_LIMITS}
        self.looker = Looker(world.seed)
        self.ledger, self.line, self.oracle = ledger, line, oracle
        self._keys, self._held = keys, held
        self.chance = Random(f"{world.seed}/people")
        self.bots = [Greedy(f"bot-{number}", world) for number in range(world.bots)]
        self.changes = Random(f"{world.seed}/changes")
        self.kinds = Random(f"{world.seed}/kinds")
        self.others = Random(f"{world.seed}/others")
        """What bots do beside their own orders, and again: none of it may have a consequence."""
        self.changed = 0
        self.signals = Signals(world)
        self.trader: Trader | None = None
        self.clock = SteadyClock(time)
        self.is_lost = False
        self.edited: dict[str, str] = {}
        """What the file says by now."""
        self.restarts = self._events = 0
        self._reconciled_ns = 0
        self._stale: dict[Key, int] = {}

    @property
    def events(self) -> int:
        """How many events all processes of the account took."""
        return self._events + (self.trader.scribe.events if self.trader else 0)

    def open(self) -> None:
        """Put the account under our rule."""
        self._recover(self._first)
        assert self.trader is not None
        settings = self.regime.settings()
        self.trader.offer(
            Opened(
                at_ns=self.clock.now_ns(),
                account=f"world {self.world.seed}",
                mode="sim",
                cash=Decimal(self.world.cash),
                preset=settings.policy.preset,
                policy_text=settings.policy_text(),
                policy_hash=settings.policy_hash(),
                enforcement="all",
                version="0",
                instruments=tuple(REGISTRY[key] for key in self._keys),
                holdings=self._held,
            )
        )
        self._give_seats()
        self.trader.flush()
        self.oracle.on_restart()
        for key, _, price in self._held:
            self.oracle.account.see(key, float(price))

    def _give_seats(self) -> None:
        """Give every second bot a token with a part of each cap."""
        for bot in self.bots[1::2] or self.bots[: self.kinds.randint(0, 1)]:
            share = self.kinds.choice(("0.2", "0.4"))
            seat = {"bot": bot.name, "token_id": f"PK{bot.name}", "secret_sha256": "0" * 64}
            seat |= {"scopes": "trade", "share": share}
            self._offer(
                Commanded(
                    at_ns=self.clock.now_ns(), command=Command.SEAT, who="operator",
                    reason="to trade", changes=tuple(seat.items()), is_admin=True,
                )
            )  # fmt: skip
            self.oracle.shares[bot.name] = Fraction(share)

    def _preview(self, event: Wished) -> None:
        """Ask first what would be decided; nothing may come of it."""
        assert self.trader is not None
        engine = self.trader.engine
        before = (engine.state.decisions, engine.state.sequence, len(engine.state.orders.by_id))
        engine.preview(event)
        after = (engine.state.decisions, engine.state.sequence, len(engine.state.orders.by_id))
        if before != after:
            self.oracle.broken("INV-15", f"a preview changed {before} to {after}")

    def _recover(self, config: EngineConfig) -> None:
        self.clock = steady_clock(self.time, self.ledger, self.line)
        self.trader = recover(config, self.ledger, self.line, self.clock)

    def guarded(self, act: Callable[[], None]) -> None:
        """Act as a driver does: a silent venue is noted, a lost process begins anew."""
        if self.trader is None:
            self._start()
        if self.trader is None:
            return
        try:
            act()
        except BrokerDown:
            self._note_silence()
            self._insist()
        except (Killed, LedgerError):
            self._start()

    def _note_silence(self) -> None:
        assert self.trader is not None
        if self.is_lost:
            return
        self.is_lost = self.oracle.is_blind = True
        try:
            self._offer(BrokerLost(at_ns=self.clock.now_ns()))
            self.trader.flush()
        except (Killed, LedgerError):
            self._start()

    def _insist(self) -> None:
        """Let a bot buy that does not know that the venue is silent."""
        trader, key = self.trader, self.others.choice(self._keys)
        if trader is None or not self.is_lost or self.others.random() < 0.5:
            return
        wish = OrderWish(
            at_ns=self.time.true_ns, key=key, side=Side.BUY, source=self.bots[0].name,
            id=f"{self.bots[0].name}/insists {self.time.true_ns}", notional=Decimal(100),
        )  # fmt: skip
        try:
            self._offer(
                Wished(at_ns=self.clock.now_ns(), wish=wish, bot=wish.source, may_shrink=False)
            )
        except BrokerDown:
            return
        except (Killed, LedgerError):
            self._start()

    def _start(self) -> None:
        """Begin a new process, which may end while it begins; a silent venue is tried later."""
        if self.trader is not None:
            self._events += self.trader.scribe.events
        self.trader, self.is_lost = None, False
        for _ in range(10):
            self.restarts += 1
            self.oracle.on_restart()
            self.line.reconnected()
            try:
                self._recover(self._config())
                self._reconciled_ns = self.time.true_ns
                return
            except (Killed, LedgerError):
                continue
            except BrokerDown:
                return

    def _config(self) -> EngineConfig:
        """Return what the next process is configured with; now and then somebody edits the file."""
        if not self.dice.is_off and self.chance.random() < 0.3:
            self.edited |= self._wanted()
        return laid_over(self._first, self.edited)

    def _wanted(self) -> dict[str, str]:
        names = self.chance.sample(sorted(self._settable), self.chance.randint(1, 2))
        return {name: self.chance.choice(self._settable[name]) for name in names}

    def _offer(self, event: Event) -> None:
        assert self.trader is not None
        self.trader.offer(event)

    def look(self, quotes: Sequence[Quote], *, is_quiet: bool = False) -> None:
        trader = self.trader
        assert trader is not None
        is_due = self.time.true_ns - self._reconciled_ns >= RECONCILE_NS
        if self.is_lost or is_due or trader.engine.has_doubts:
            compare(trader, self.line, self.clock)
            trader.reconcile()
            trader.flush()
            self.is_lost = False
            self._reconciled_ns = self.time.true_ns
            self.oracle.compared()
        else:
            watch(trader, self.clock)
        trader.drain()
        prints = self._prints(quotes)
        for key, price in prints:
            self.oracle.on_price(key, price)
        self._offer(Prices(at_ns=self.clock.now_ns(), prints=tuple(prints), rung=Rung.QUOTE))
        self.oracle.proved()
        if not is_quiet:
            self._people(quotes)
        trader.flush()

    def _people(self, quotes: Sequence[Quote]) -> None:
        assert self.trader is not None
        now, chance = self.clock.now_ns(), self.chance
        closes = [(quote.key, _bar(quote, self.time.true_ns)) for quote in quotes]
        if chance.random() < 0.045:
            self.command(chance.choice(COMMANDS))
        if not closes:
            return
        for bot in self.bots:
            for wish in bot.on_bars(self.time.true_ns, closes, view(self.trader.engine)):
                self._wish(
                    Wished(at_ns=now, wish=wish, bot=bot.name, may_shrink=self.world.may_shrink)
                )
            self._orders_of(bot.name, closes)
        if not self.regime.is_classic:
            self._look_after()
        if chance.random() < (0.1 if self.regime.is_classic else 0.5):
            for opportunity in self.signals.on_bars(self.time.true_ns, closes):
                self._offer(Proposed(at_ns=now, opportunity=opportunity))

    def _orders_of(self, bot: str, closes: Sequence[tuple[Key, Bar]]) -> None:
        """Let a bot send other orders, change and take back what it has, and meddle."""
        if self.changes.random() < 0.5:
            self._buy_shares(bot, closes)
        if self.changes.random() < 0.7:
            self._change(bot)
        if self.kinds.random() < 0.5:
            self._wait_for_a_price(bot, closes)
        if self.kinds.random() < 0.2:
            self._cancel(bot)
        if self.others.random() < 0.1:
            self._meddle(bot)

    def _look_after(self) -> None:
        """Bring evidence now and then, and resume soon: what is halted earns nothing."""
        if self.looker.chance.random() < 0.08:
            self._bring_evidence()
        if self.oracle.journal.trading != "active" and self.looker.chance.random() < 0.15:
            self.resume()

    def _bring_evidence(self) -> None:
        """Let a schedule bring what it measured; what cannot be is refused, all of it."""
        text = self.looker.brings(self.time.true_ns, self.signals.name)
        self._offer(
            Commanded(
                at_ns=self.clock.now_ns(), command=Command.EVIDENCE, who="a schedule",
                reason="it is time", changes=(("measured", text),),
            )
        )  # fmt: skip

    def _wish(self, event: Wished) -> None:
        trader, wish = self.trader, event.wish
        assert trader is not None
        if self.kinds.random() < 0.2:
            self._preview(event)
        if wish.side is Side.BUY:
            given = trader.offer(event)
            if given and given[0].given and self.others.random() < 0.2:
                self._repeat(event)
            return
        trader.flush()
        free = self.oracle.free(event.bot, wish.key)
        own = self.oracle.account.held_by(wish.key, event.bot)
        for decided in trader.offer(event)[:1]:
            self.oracle.check_denial(free, decided.asked, decided.given, decided.price)
            self.oracle.check_own(own, decided.given, decided.price)

    def _repeat(self, event: Wished) -> None:
        """Ask once more for what was given, as a client does that lost the answer."""
        assert self.trader is not None
        state = self.trader.engine.state
        before = state.sequence
        self._offer(event)
        if state.sequence != before:
            self.oracle.broken("INV-01", f"{event.wish.id} was given twice")

    def _buy_shares(self, bot: str, closes: Sequence[tuple[Key, Bar]]) -> None:
        """Let a bot buy whole shares, of which a venue changes the quantity later."""
        trader, chance = self.trader, self.changes
        assert trader is not None
        shares = [each for each in closes if each[0].startswith("us_equity:")]
        if not shares:
            return
        key, bar = chance.choice(shares)
        qty = int(self.world.cash * chance.expovariate(1.0) * self.world.greed / bar.close)
        if qty:
            name = f"{bot}/shares {self.time.true_ns}"
            wish = OrderWish(
                at_ns=self.time.true_ns,
                key=key,
                side=Side.BUY,
                source=bot,
                id=name,
                qty=Decimal(qty),
            )
            trader.offer(Wished(at_ns=self.clock.now_ns(), wish=wish, bot=bot, may_shrink=False))

    def _wait_for_a_price(self, bot: str, closes: Sequence[tuple[Key, Bar]]) -> None:
        """Let a bot send an order that waits for its price, or one with exits."""
        assert self.trader is not None
        key, bar = self.kinds.choice(closes)
        held = self.trader.engine.state.book.bot_qty(bot, key)
        side = Side.SELL if held > 0 and self.kinds.random() < self.world.sells else Side.BUY
        wish = priced_wish(
            self.kinds, bot, key, side, at_ns=self.time.true_ns, price=bar.close, held=held,
            money=self.world.cash * self.kinds.expovariate(1.0) * self.world.greed,
        )  # fmt: skip
        if wish is not None:
            self._wish(Wished(at_ns=self.clock.now_ns(), wish=wish, bot=bot, may_shrink=False))

    def _cancel(self, bot: str) -> None:
        """Let a bot take one of its orders back."""
        trader = self.trader
        assert trader is not None
        orders = trader.engine.state.orders.by_id.items()
        own = [name for name, one in orders if one.order.bot == bot]
        if own:
            name = self.kinds.choice(own)
            was_house = trader.engine.state.orders.by_id[name].is_of_house
            trader.offer(CancelWished(at_ns=self.clock.now_ns(), bot=bot, client_order_id=name))
            trader.flush()
            if not was_house:
                self.oracle.check_taken_back(name, bot)

    def _meddle(self, bot: str) -> None:
        """Let a bot change the order of another one, or of the house."""
        trader = self.trader
        assert trader is not None
        orders = trader.engine.state.orders.by_id.values()
        foreign = [one.order for one in orders if one.order.bot != bot]
        if not foreign:
            return
        order = self.others.choice(foreign)
        self._offer(
            ChangeWished(
                at_ns=self.clock.now_ns(), bot=bot, client_order_id=order.client_order_id,
                request=f"{bot}/meddles {self.time.true_ns}", qty=max(order.qty // 2, Decimal(1)),
                limit_price=None, stop_price=None, trail=None,
            )
        )  # fmt: skip

    def _change(self, bot: str) -> None:
        """Let a bot want one of its orders to be another; which ones are open, it may not know."""
        trader, chance = self.trader, self.changes
        assert trader is not None
        orders = trader.engine.state.orders.by_id.values()
        own = [one.order for one in orders if one.order.bot == bot]
        if not own:
            return
        # A venue changes only whole quantities, so those are what a bot turns to first.
        order = chance.choice([each for each in own if each.qty % 1 == 0] or own)
        limit, factor = order.limit_price, Decimal(chance.choice(("0.1", "0.5", "1.3", "2")))
        qty = (order.qty * factor).quantize(Decimal(1)) if order.qty % 1 == 0 else None
        stop = order.stop_price
        trail = None if order.trail is None else (order.trail * factor).quantize(Decimal("0.01"))
        if order.trails and factor != Decimal("0.5"):
            qty = None
        if stop is not None and chance.random() < 0.5:
            stop = (stop * Decimal(chance.choice(("0.98", "1.01")))).quantize(stop)
            qty = limit = None
        if limit is not None and (not qty or chance.random() < 0.3):
            limit *= Decimal(chance.choice(("0.98", "0.995", "0.999", "1.0005")))
        self.changed += 1
        trader.offer(
            ChangeWished(
                at_ns=self.clock.now_ns(),
                bot=bot,
                client_order_id=order.client_order_id,
                request=f"{bot}/change {self.changed}",
                qty=qty,
                limit_price=limit,
                stop_price=stop if stop != order.stop_price else None,
                trail=trail or None,
            )
        )

    def command(self, command: Command) -> None:
        assert self.trader is not None
        is_of_limits, oracle = command is Command.LIMITS, self.oracle
        stops, loosened = oracle.resting_stops(), oracle.journal.limits.loosened
        event = Commanded(
            at_ns=self.clock.now_ns(),
            command=command,
            who="operator",
            reason=f"to {command}",
            changes=tuple(self._wanted().items()) if is_of_limits else (),
            is_admin=is_of_limits and self.chance.random() < 0.8,
        )
        self._offer(event)
        self.trader.flush()
        if command is Command.HALT:
            oracle.check_protection(stops, event.reason)
        if is_of_limits and not event.is_admin:
            oracle.sync()
            if oracle.journal.limits.loosened > loosened:
                oracle.broken("INV-17", "a limit was loosened without the admin")
        if command in (Command.HALT, Command.FLATTEN):
            self.oracle.halt_acknowledged()

    def resume(self) -> None:
        self.command(Command.RESUME)

    def _prints(self, quotes: Sequence[Quote]) -> list[tuple[Key, Decimal]]:
        """Return what the account is told of the market, which is not always so."""
        now, prints, dice = self.time.true_ns, [], self.dice
        for quote in quotes:
            price = Decimal(repr(quote.middle))
            if dice.hits("stale_price", 0.3):
                self._stale[quote.key] = now + dice.within_ns(20, 900)
            if now < self._stale.get(quote.key, 0) and not dice.is_off:
                continue
            if dice.hits("nan_price"):
                price = Decimal("NaN")
            elif dice.hits("zero_price"):
                price = dice.chance.choice((Decimal(0), Decimal(-1), Decimal("Infinity")))
            elif dice.hits("jump_price"):
                price = Decimal(f"{quote.middle * dice.chance.choice((0.03, 0.7, 1.3, 3.0)):.6f}")
            elif dice.hits("crossed_price"):
                price = Decimal(f"{quote.middle * dice.chance.uniform(0.97, 1.03):.6f}")
            prints.append((quote.key, price))
        return prints


def _bar(quote: Quote, at_ns: int) -> Bar:
    price = quote.middle
    return Bar(at_ns - MINUTE_NS, at_ns, price, price, price, price, 1.0)
