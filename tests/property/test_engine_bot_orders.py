"""Whatever bots send, change and cancel at a venue: caps, shares and holdings are kept."""

from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.simulation.desk import AAPL, BTC, NOON, PRICE, TQQQ
from tests.simulation.watched import Watched, pairs_once

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import SECOND_NS, ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import OrderClass, OrderState, OrderType, Side, TimeInForce
from smart_leverage.domain.records import Noted, Record, decode
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    CancelWished,
    ChangeWished,
    Command,
    Commanded,
    Opened,
    Prices,
    Rung,
    Wished,
)
from smart_leverage.engine.tracked import Tracked
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader

D = Decimal
ZERO = D(0)
KEYS = (AAPL, TQQQ, BTC)
BOTS = ("large", "small")
SHARE = D("0.3")
MOVES = st.sampled_from([D(each) for each in ("0.95", "0.985", "0.997", "1.003", "1.015", "1.05")])
SIZES = {
    AAPL: ("1", "10", "24", "45"),
    TQQQ: ("1", "40", "90", "190"),
    BTC: ("0.01", "0.05", "0.1", "0.19"),
}
NEAR = st.sampled_from(
    [D("0.9"), D("0.97"), D("0.99"), D("0.998"), D("1.002"), D("1.02"), D("1.2")]
)
LASTS = (TimeInForce.DAY, TimeInForce.GTC)
CONFIG = EngineConfig()


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the terms of an order; prices are told as factors of the market's."""
    key, side = draw(st.sampled_from(KEYS)), draw(st.sampled_from(Side))
    not_of_coins = (OrderType.STOP, OrderType.TRAILING_STOP)
    kinds = [kind for kind in OrderType if key != BTC or kind not in not_of_coins]
    kind = draw(st.sampled_from(kinds))
    found: dict[str, Any] = {"key": key, "side": side, "type": kind}
    found["qty"] = D(draw(st.sampled_from(SIZES[key])))
    lasts = (TimeInForce.GTC, TimeInForce.IOC) if key == BTC else LASTS
    found["time_in_force"] = draw(st.sampled_from(lasts))
    up = 1 if side is Side.BUY else -1
    gap = draw(st.sampled_from([D("0.003"), D("0.02"), D("0.06")]))
    if kind in (OrderType.STOP, OrderType.STOP_LIMIT):
        found["stop_price"] = 1 + up * gap
    if kind is OrderType.LIMIT:
        found["limit_price"] = draw(NEAR)
    elif kind is OrderType.TRAILING_STOP:
        return found | {"trail_percent": gap * 100}
    elif kind is OrderType.STOP_LIMIT:
        found["limit_price"] = 1 + up * gap * draw(st.sampled_from([1, 2]))
    if key != BTC and draw(st.booleans()):
        found |= draw(exits(side))
    return found


@st.composite
def exits(draw: st.DrawFn, side: Side) -> dict[str, Any]:
    """Draw a target and a stop, or one of them: beside a purchase, or for what is held."""
    target = draw(st.sampled_from([D("1.01"), D("1.05")]))
    stop = draw(st.sampled_from([D("0.96"), D("0.99")]))
    both = {"take_profit": target, "stop_loss": stop}
    if side is Side.SELL:
        return {
            **both, "order_class": OrderClass.OCO, "type": OrderType.LIMIT, "limit_price": target,
            "stop_price": None,
        }  # fmt: skip
    of = draw(st.sampled_from([OrderClass.BRACKET, OrderClass.OTO]))
    if of is OrderClass.OTO:
        name = draw(st.sampled_from(sorted(both)))
        both = {name: both[name]}
    return {**both, "order_class": of}


class BotsAtAVenue(RuleBasedStateMachine):
    """Two bots, one with a share of the caps, on one account at a simulated venue."""

    def __init__(self) -> None:
        super().__init__()
        registry = Registry.builtin()
        config = SimConfig(mode=Mode.LIVE, partial_probability=0.3, opened_at_ns=NOON)
        self.sim = SimBroker(registry, config=config)
        self.venue = Watched(self.sim, {key: registry[key] for key in KEYS})
        self.venue.shares["small"] = SHARE
        self.ledger = SqliteLedger.in_memory()
        self.clock = ManualClock(NOON)
        self.price = {key: PRICE[key] for key in KEYS}
        self.count = 0
        self.trader = Trader(Engine(CONFIG), self.ledger, self._broker, self.clock)
        self.trader.offer(
            Opened(
                at_ns=NOON, account="bots", mode="sim", cash=config.cash, preset="classic",
                policy_text="", policy_hash="", enforcement="all", version="0",
                instruments=tuple(registry[key] for key in KEYS),
            )
        )  # fmt: skip
        for bot, share in (("large", ""), ("small", str(SHARE))):
            seat = {"bot": bot, "token_id": f"PK{bot}", "secret_sha256": "0" * 64, "share": share}
            self._command(Command.SEAT, tuple({**seat, "scopes": "trade"}.items()))
        self.trader.reconcile()
        self._print()

    @property
    def _broker(self) -> Any:
        return self.venue

    @property
    def now_ns(self) -> int:
        return self.clock.now_ns()

    def _wait(self, seconds: int = 1) -> None:
        self.clock.move_to(self.now_ns + seconds * SECOND_NS)

    def _print(self, *, is_wide: bool = True) -> None:
        """Tell every price; quotes that are wide let only what pays well above the price trade."""
        self._wait()
        self.venue.price = dict(self.price)
        prints = tuple(self.price.items())
        self.trader.offer(Prices(at_ns=self.now_ns, prints=prints, rung=Rung.QUOTE))
        half = D("0.01") if is_wide else D("0.0005")
        for key, price in self.price.items():
            self.sim.on_quote(
                self.now_ns, key, float(price * (1 - half)), float(price * (1 + half))
            )
        self._note()
        self.trader.drain()
        self.trader.flush()
        self._note()

    def _note(self) -> None:
        """Keep what each bot holds by the books, of which other tests show that they are right."""
        state = self.trader.engine.state
        self.venue.own = {(bot, key): state.book.bot_qty(bot, key) for bot in BOTS for key in KEYS}
        self.venue.tier = state.tier.name

    def _command(self, command: Command, changes: tuple[tuple[str, str], ...] = ()) -> None:
        self.trader.offer(
            Commanded(
                at_ns=self.now_ns, command=command, who="ann", reason="because", changes=changes,
                is_admin=True,
            )
        )  # fmt: skip
        self.trader.flush()

    # -- what happens ---------------------------------------------------------------------------

    @rule(wanted=terms(), bot=st.sampled_from(BOTS), may_shrink=st.booleans())
    def wish(self, wanted: dict[str, Any], bot: str, may_shrink: bool) -> None:
        self._wait()
        key, self.count = wanted["key"], self.count + 1
        tick = self.venue.instruments[key].tick
        priced = {
            name: (self.price[key] * factor).quantize(tick)
            for name, factor in wanted.items()
            if name in ("limit_price", "stop_price", "take_profit", "stop_loss") and factor
        }
        wish = OrderWish(
            at_ns=self.now_ns, source="order", id=f"w{self.count}", **{**wanted, **priced}
        )
        free = self._free(bot, key) if wish.side is Side.SELL else None
        self._note()
        event = Wished(at_ns=self.now_ns, wish=wish, bot=bot, may_shrink=may_shrink)
        (decided, *_) = self.trader.offer(event)
        self.trader.flush()
        if free is not None and wish.qty is not None and wish.qty <= free:
            assert decided.given == wish.qty, f"{free} is free: {decided}"

    def _free(self, bot: str, key: Key) -> Decimal:
        """Return what a bot may sell for certain: its own, while the house sells nothing."""
        sales = self.venue.open(key, Side.SELL)
        waiting = [one.order for one in self.trader.engine.waiting if one.order.key == key]
        if any(one.order.role.is_house and one.order.role != "stop" for one in sales):
            return ZERO
        if any(order.role.is_house for order in waiting):
            return ZERO
        own = pairs_once(one for one in sales if one.order.bot == bot)
        own += sum((one.qty for one in waiting if one.bot == bot and one.side is Side.SELL), ZERO)
        return self.trader.engine.state.book.bot_qty(bot, key) - own

    def _own(self, bot: str) -> list[Tracked]:
        orders = self.trader.engine.state.orders.by_id.values()
        return [one for one in orders if one.order.bot == bot and not one.is_of_house]

    @rule(bot=st.sampled_from(BOTS), number=st.integers(0, 9))
    def cancel(self, bot: str, number: int) -> None:
        own = self._own(bot)
        if own:
            name = own[number % len(own)].order.client_order_id
            self._wait()
            self.trader.offer(CancelWished(at_ns=self.now_ns, bot=bot, client_order_id=name))
            self.trader.flush()

    @rule(
        bot=st.sampled_from(BOTS),
        number=st.integers(0, 9),
        qty=st.sampled_from([None, D("0.5"), D(2)]),
        limit=st.sampled_from([None, D("0.99"), D("1.002")]),
        stop=st.sampled_from([None, D("0.99"), D("1.01")]),
        trail=st.sampled_from([None, D("0.5"), D("3")]),
    )
    def change(
        self, bot: str, number: int, qty: Decimal | None, limit: Decimal | None,
        stop: Decimal | None, trail: Decimal | None,
    ) -> None:  # fmt: skip
        own = self._own(bot)
        if not own:
            return
        order = own[number % len(own)].order
        self._wait()
        self._note()
        self.count += 1
        at, tick = self.price[order.key], self.venue.instruments[order.key].tick
        self.trader.offer(
            ChangeWished(
                at_ns=self.now_ns,
                bot=bot,
                client_order_id=order.client_order_id,
                request=f"c{self.count}",
                qty=(qty and (order.qty * qty).quantize(D(1))) or None,
                limit_price=limit and order.limit_price and (at * limit).quantize(tick),
                stop_price=stop and order.stop_price and (at * stop).quantize(tick),
                trail=trail and order.trail and order.trail * trail,
            )
        )
        self.trader.flush()

    @rule(
        key=st.sampled_from(KEYS),
        factor=MOVES,
        is_wide=st.booleans(),
    )
    def move(self, key: Key, factor: Decimal, is_wide: bool) -> None:
        self.price[key] = (self.price[key] * factor).quantize(D("0.01"))
        self._print(is_wide=is_wide)

    @rule(seconds=st.sampled_from([30, 400, 4_000, 65_000]))
    def wait(self, seconds: int) -> None:
        self._wait(seconds)
        self.sim.advance(self.now_ns)
        self.trader.drain()
        self._print()

    @rule()
    def restart(self) -> None:
        self.trader = recover(CONFIG, self.ledger, self._broker, self.clock)
        self._print()

    @rule()
    def reconcile(self) -> None:
        self._wait()
        self.trader.reconcile()
        self.trader.flush()

    @rule(command=st.sampled_from([Command.FLATTEN, Command.REBALANCE, Command.HALT]))
    def house(self, command: Command) -> None:
        self._wait()
        self._note()
        self._command(command)
        self._print(is_wide=False)

    @rule(part=st.sampled_from(["crypto", "leveraged", "BTC/USD", "AAPL"]))
    def close(self, part: str) -> None:
        self._wait()
        self._note()
        self._command(Command.CLOSE, (("part", part),))
        self._print(is_wide=False)

    @precondition(lambda self: self.trader.engine.state.trading is not TradingState.ACTIVE)
    @rule()
    def resume(self) -> None:
        self._wait()
        self._command(Command.RESUME)

    # -- what has to hold -----------------------------------------------------------------------

    @invariant()
    def nothing_is_broken(self) -> None:
        assert not self.venue.broken, self.venue.broken
        assert all(qty >= 0 for qty in self.venue.held().values())

    @invariant()
    def nobody_holds_less_than_nothing(self) -> None:
        book = self.trader.engine.state.book
        for key in KEYS:
            parts = [book.bot_qty(bot, key) for bot in (*BOTS, "house")]
            assert min(parts) >= 0
            assert sum(parts, ZERO) == book.qty(key)

    def teardown(self) -> None:
        try:
            for _ in range(4):
                self._print()
                self._wait(40)
                self.trader.reconcile()
                self.trader.flush()
            self._check_settled()
            self._check_flat()
        finally:
            self.ledger.close()
            self.sim.close()

    def _records(self) -> list[Record]:
        return [decode(entry.payload) for entry in self.ledger.read()]

    def _check_settled(self) -> None:
        """Prices stand and lists were compared: both sides say the same, and nothing waits."""
        state = self.trader.engine.state
        assert not self.venue.broken, self.venue.broken
        assert dict(state.held()) == self.venue.held()
        theirs = {each.order.client_order_id: each for each in self.sim.orders(is_open=True)}
        assert state.orders.by_id.keys() == theirs.keys()
        unsettled = {one.state for one in state.orders.by_id.values()} - {OrderState.OPEN}
        assert not unsettled
        for key in KEYS:
            sales = self.venue.open(key, Side.SELL)
            theirs_under_way = pairs_once(one for one in sales if one.order.role != "stop")
            assert state.orders.selling(key) == theirs_under_way
        codes = {each.code for each in self._records() if isinstance(each, Noted)}
        assert not codes & {"order.external", "reconcile.difference"}

    def _check_flat(self) -> None:
        """No bot keeps the house from selling everything, whatever it lets rest."""
        self._wait(65_000 if not self._is_open() else 1)
        self._command(Command.FLATTEN)
        for _ in range(12):
            self._print(is_wide=False)
        assert not self.venue.broken, self.venue.broken
        if self._is_open():
            assert self.venue.held() == {}
            assert not self.sim.orders(is_open=True)

    def _is_open(self) -> bool:
        """Whether shares trade: between 14:30 and 21:00, from Monday to Friday."""
        minutes = self.now_ns // (60 * SECOND_NS)
        weekday = (minutes // 1440 + 3) % 7
        return weekday < 5 and 14 * 60 + 30 <= minutes % 1440 < 21 * 60 - 5


TestBotsAtAVenue = BotsAtAVenue.TestCase
TestBotsAtAVenue.settings = settings(max_examples=25, stateful_step_count=40)
