"""One engine and its events by hand: a test says what happens and sees what follows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.evidence import Calibration, Measured, SleeveFigures
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import Opportunity, OrderWish
from smart_leverage.domain.orders import (
    AccountSnapshot,
    BrokerOrder,
    Change,
    Fill,
    Order,
    PositionSnapshot,
    Role,
    Side,
    TradeUpdate,
)
from smart_leverage.domain.records import Decided, Filled, LimitChanged, Noted, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    Answered,
    ChangeWished,
    Command,
    Commanded,
    Event,
    FlowArrived,
    LookedUp,
    Opened,
    Outcome,
    Prices,
    Proposed,
    Reconciled,
    Rung,
    Started,
    Updated,
    Verdict,
    Wished,
)
from smart_leverage.engine.state import State

D = Decimal
ZERO = D(0)
BTC, DOGE, ETH, SOL = (Key(f"crypto:{each}/USD") for each in ("BTC", "DOGE", "ETH", "SOL"))
AAPL, KO, SPY, TQQQ = (Key(f"us_equity:{each}") for each in ("AAPL", "KO", "SPY", "TQQQ"))
KEYS = (BTC, DOGE, ETH, SOL, AAPL, KO, SPY, TQQQ)
PRICE = {
    BTC: D(50_000), DOGE: D("0.1"), ETH: D(2_500), SOL: D(100),
    AAPL: D(200), KO: D(60), SPY: D(500), TQQQ: D(50),
}  # fmt: skip


def at(text: str) -> int:
    """Return the nanoseconds of a UTC time like 2024-03-05T15:00."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def measured(now_ns: int, **other: object) -> Measured:
    """Return evidence of the hundred days before a time, good for the thirty after it."""
    sleeve = SleeveFigures(
        days=70, es_per_unit="0.05", volatility="0.6", volatility_target="0.08",
        mean_low="0.1", kelly_best="0.2",
    )  # fmt: skip
    usual = Measured(
        from_ns=now_ns - 100 * DAY_NS,
        until_ns=now_ns,
        expires_ns=now_ns + 30 * DAY_NS,
        days=100,
        sha256="0" * 64,
        sleeves={"crypto": sleeve, "leveraged": SleeveFigures(days=3)},
        calibrations=(
            Calibration(
                source="signal", outcomes=60, method="platt",
                scores=("0.4", "0.8"), probabilities=("0.3", "0.6"),
            ),
        ),
    )  # fmt: skip
    return msgspec.structs.replace(usual, **other)


NOON = at("2024-03-05T17:00")
"""A Tuesday, noon in New York: every class trades."""


class Desk:
    """An account with an engine; every answer of the broker is given by the test."""

    def __init__(
        self,
        cash: int = 100_000,
        holdings: Mapping[Key, str] | None = None,
        config: EngineConfig | None = None,
        now_ns: int = NOON,
        first: Mapping[Key, str] | None = None,
        enforcement: str = "all",
    ) -> None:
        """Open the account and print the first prices; the stops of adopted holdings rest."""
        self.config = config or EngineConfig()
        self.engine = Engine(self.config)
        self.now_ns = now_ns
        self.price = dict(PRICE)
        self.records: list[Record] = []
        self.events: list[Event] = []
        self.sent: list[Order] = []
        self.changes: list[Change] = []
        self.cancelled: list[str] = []
        self.executions = 0
        held = tuple((k, D(qty), PRICE[k]) for k, qty in (holdings or {}).items())
        registry = Registry.builtin()
        self.feed(
            Opened(
                at_ns=now_ns,
                account="desk",
                mode="sim",
                cash=D(cash),
                preset="classic",
                policy_text="",
                policy_hash="",
                enforcement=enforcement,
                version="0",
                instruments=tuple(registry[key] for key in KEYS),
                holdings=held,
            )
        )
        self.prices(first)
        while any(order.role is Role.STOP for order in self.sent):
            self.take(Role.STOP)

    @property
    def state(self) -> State:
        return self.engine.state

    def feed(self, event: Event) -> Outcome:
        """Let the engine take an event in; keep what leaves until the test answers it."""
        self.events.append(event)
        outcome = self.engine.process(event)
        self.records += outcome.records
        self.sent += [approved.order for approved in outcome.sends]
        self.changes += outcome.changes
        self.cancelled += outcome.cancels
        return outcome

    # -- the market -----------------------------------------------------------------------------

    def wait(self, seconds: float = 60.0) -> None:
        self.now_ns += int(seconds * SECOND_NS)

    def prices(
        self, changed: Mapping[Key, str] | None = None, *, is_opening: bool = False
    ) -> Outcome:
        """Print every price again, some of them changed."""
        self.price |= {key: D(text) for key, text in (changed or {}).items()}
        prints = tuple(self.price.items())
        return self.feed(Prices(at_ns=self.now_ns, prints=prints, is_opening=is_opening))

    def print_one(self, key: Key, price: str, rung: Rung = Rung.TRADE) -> Outcome:
        """Print one price, a second later: the same print twice confirms nothing."""
        self.wait(1.0)
        return self.feed(Prices(at_ns=self.now_ns, prints=((key, D(price)),), rung=rung))

    # -- who wants something --------------------------------------------------------------------

    def buy(self, key: Key, qty: str = "", *, notional: str = "", bot: str = "bot",
            may_shrink: bool = False) -> Decided:  # fmt: skip
        return self._wish(key, Side.BUY, qty, notional, bot, may_shrink)

    def sell(self, key: Key, qty: str = "", *, notional: str = "", bot: str = "bot",
             may_shrink: bool = False) -> Decided:  # fmt: skip
        return self._wish(key, Side.SELL, qty, notional, bot, may_shrink)

    def _wish(
        self, key: Key, side: Side, qty: str, notional: str, bot: str, may_shrink: bool
    ) -> Decided:
        wish = OrderWish(
            at_ns=self.now_ns,
            key=key,
            side=side,
            source=bot,
            id=f"wish-{len(self.events)}",
            qty=D(qty) if qty else None,
            notional=D(notional) if notional else None,
        )
        event = Wished(at_ns=self.now_ns, wish=wish, bot=bot, may_shrink=may_shrink)
        return self.feed(event).decisions[0]

    def change(
        self, order: Order, qty: str = "", limit: str = "", *, stop: str = "", trail: str = "",
        bot: str = "bot", request: str = "",
    ) -> Decided:  # fmt: skip
        """Ask for another quantity, counted whole, or another price or trail of an order."""
        event = ChangeWished(
            at_ns=self.now_ns,
            bot=bot,
            client_order_id=order.client_order_id,
            request=request,
            qty=D(qty) if qty else None,
            limit_price=D(limit) if limit else None,
            stop_price=D(stop) if stop else None,
            trail=D(trail) if trail else None,
        )
        return self.feed(event).decisions[0]

    def signal(
        self, key: Key, side: Side = Side.BUY, confidence: float = 2 / 3, ratio: float = 1.0
    ) -> Decided:
        opportunity = Opportunity(
            at_ns=self.now_ns,
            key=key,
            side=side,
            confidence=confidence,
            volatility_ratio=ratio,
            horizon_s=3600,
            source="signal",
            id=f"signal-{len(self.events)}",
        )
        return self.feed(Proposed(at_ns=self.now_ns, opportunity=opportunity)).decisions[0]

    def order(self, command: Command, reason: str = "because", who: str = "admin") -> Outcome:
        return self.feed(Commanded(at_ns=self.now_ns, command=command, who=who, reason=reason))

    def close(self, part: str) -> Outcome:
        """Have a part of the account sold out."""
        return self.feed(
            Commanded(
                at_ns=self.now_ns, command=Command.CLOSE, who="ann", reason="because",
                changes=(("part", part),),
            )
        )  # fmt: skip

    def limit(
        self, *words: str, is_admin: bool = False, reason: str = "because"
    ) -> list[LimitChanged]:
        """Ask for limits, as "limits.symbol_cap=0.05", and return the changes."""
        wanted = tuple((name, text) for name, _, text in (word.partition("=") for word in words))
        outcome = self.feed(
            Commanded(
                at_ns=self.now_ns, command=Command.LIMITS, who="ann", reason=reason,
                changes=wanted, is_admin=is_admin,
            )
        )  # fmt: skip
        return [each for each in outcome.records if isinstance(each, LimitChanged)]

    def step(self, word: str, *, is_admin: bool = True, reason: str = "because") -> Outcome:
        """Order another step of enforcement."""
        return self.feed(
            Commanded(
                at_ns=self.now_ns, command=Command.ENFORCE, who="ann", reason=reason,
                changes=(("step", word),), is_admin=is_admin,
            )
        )  # fmt: skip

    def evidence(self, given: Measured, reason: str = "because") -> str:
        """Bring evidence; return why it was refused, empty if it was not."""
        outcome = self.feed(
            Commanded(
                at_ns=self.now_ns, command=Command.EVIDENCE, who="ann", reason=reason,
                changes=(("measured", msgspec.json.encode(given).decode()),),
            )
        )  # fmt: skip
        return "; ".join(each.text for each in outcome.records if isinstance(each, Noted))

    def seat(self, bot: str, token: str = "", *, share: str = "", symbols: str = "") -> Outcome:
        """Give a bot a token to trade with."""
        changes = {
            "bot": bot, "token_id": token or f"T-{bot}", "secret_sha256": "0" * 64,
            "scopes": "trade", "share": share, "symbols": symbols,
        }  # fmt: skip
        return self.feed(
            Commanded(
                at_ns=self.now_ns, command=Command.SEAT, who="ann", reason="a bot",
                changes=tuple(changes.items()), is_admin=True,
            )
        )  # fmt: skip

    def restart(self, config: EngineConfig | None = None) -> None:
        """Begin a new process on the records so far, with another configuration if one is given."""
        self.config = config or self.config
        self.engine = Engine(self.config, list(self.records))
        self.feed(Started(at_ns=self.now_ns))
        self.reconcile()

    def flow(self, amount: str) -> Outcome:
        return self.feed(FlowArrived(at_ns=self.now_ns, amount=D(amount), source="bank"))

    # -- what the broker says -------------------------------------------------------------------

    def take(self, role: Role | None = None) -> Order:
        """Return the next order that left, and let the broker accept it."""
        order = self.pop(role)
        self.answer(order, Verdict.ACCEPTED)
        return order

    def pop(self, role: Role | None = None) -> Order:
        """Return the next order that left, of a role if one is named, without an answer."""
        order = next(each for each in self.sent if role is None or each.role is role)
        self.sent.remove(order)
        return order

    def answer(self, order: Order, verdict: Verdict, reason: str = "") -> Outcome:
        broker_order = self.view(order, "new") if verdict is Verdict.ACCEPTED else None
        return self.feed(
            Answered(
                at_ns=self.now_ns,
                client_order_id=order.client_order_id,
                verdict=verdict,
                broker_order=broker_order,
                reason=reason,
            )
        )

    def take_change(self, *, less: str = "0") -> Order:
        """Let the broker accept the next change; `less` it had filled of the old order by then."""
        change = self.changes.pop(0)
        order = change.approved.order
        there = msgspec.structs.replace(order, qty=order.qty - D(less))
        broker_order = msgspec.structs.replace(
            self.view(there, "new"), replaces=f"b-{change.replaces}"
        )
        self.feed(
            Answered(
                at_ns=self.now_ns,
                client_order_id=order.client_order_id,
                verdict=Verdict.ACCEPTED,
                broker_order=broker_order,
            )
        )
        return there

    def look_up(self, order: Order, status: str = "", filled: str = "0") -> Outcome:
        """Ask the broker for an order; without a status it is not listed."""
        found = self.view(order, status, D(filled)) if status else None
        return self.feed(
            LookedUp(at_ns=self.now_ns, client_order_id=order.client_order_id, broker_order=found)
        )

    def view(self, order: Order, status: str, filled: Decimal = ZERO) -> BrokerOrder:
        return BrokerOrder(
            broker_order_id=f"b-{order.client_order_id}",
            order=order,
            status=status,
            filled_qty=filled,
            filled_avg_price=None,
            submitted_at_ns=self.now_ns,
            updated_at_ns=self.now_ns,
        )

    def fill(
        self, order: Order, price: str | Decimal, qty: str = "", *, is_told_twice: bool = False
    ) -> Outcome:
        """Let an order trade, in full unless a quantity is given; fees are none."""
        self.executions += 1
        known = self.state.orders.find(order.client_order_id)
        before = known.filled if known else ZERO
        traded = D(qty) if qty else order.qty - before
        is_whole = before + traded == order.qty
        fill = Fill(
            execution_id=f"x{self.executions:06d}",
            client_order_id=order.client_order_id,
            key=order.key,
            side=order.side,
            qty=traded,
            price=D(price),
            fee=D(0),
            fee_asset="USD",
            at_ns=self.now_ns,
        )
        update = TradeUpdate(
            sequence=len(self.events),
            event="fill" if is_whole else "partial_fill",
            broker_order=self.view(
                order, "filled" if is_whole else "partially_filled", before + traded
            ),
            at_ns=self.now_ns,
            fill=fill,
        )
        outcome = self.feed(Updated(at_ns=self.now_ns, update=update))
        if is_told_twice:
            again = msgspec.structs.replace(update, sequence=update.sequence + 1)
            return self.feed(Updated(at_ns=self.now_ns, update=again))
        return outcome

    def revise(self, fill: Fill, *, qty: str = "", price: str = "", name: str = "") -> Outcome:
        """Let the broker take an execution back, or correct it where a figure is given."""
        after = None
        if qty or price:
            after = msgspec.structs.replace(
                fill,
                execution_id=name or f"{fill.execution_id}+",
                qty=D(qty) if qty else fill.qty,
                price=D(price) if price else fill.price,
            )
        known = self.state.orders.find(fill.client_order_id)
        order = Order(
            client_order_id=fill.client_order_id, bot="bot", key=fill.key, side=fill.side,
            qty=fill.qty,
        ) if known is None else known.order  # fmt: skip
        update = TradeUpdate(
            sequence=len(self.events),
            event="trade_bust" if after is None else "trade_correct",
            broker_order=self.view(order, "filled", ZERO if after is None else after.qty),
            at_ns=self.now_ns,
            fill=after,
            revises=fill.execution_id,
        )
        return self.feed(Updated(at_ns=self.now_ns, update=update))

    def last_fill(self) -> Fill:
        """Return the execution that was counted last."""
        return next(each.fill for each in reversed(self.records) if isinstance(each, Filled))

    def end(self, order: Order, status: str = "canceled") -> Outcome:
        """Let the broker end an order without a fill."""
        self.cancelled = [each for each in self.cancelled if each != order.client_order_id]
        update = TradeUpdate(
            sequence=len(self.events),
            event=status,
            broker_order=self.view(order, status),
            at_ns=self.now_ns,
        )
        return self.feed(Updated(at_ns=self.now_ns, update=update))

    def hold(self, key: Key, qty: str, *, bot: str = "bot") -> Order:
        """Buy and fill at the price there is; return the stop that the broker then rests."""
        assert self.buy(key, qty, bot=bot).given == D(qty)
        self.fill(self.take(), self.price[key])
        return self.take(Role.STOP)

    def reconcile(
        self,
        cash: Decimal | None = None,
        positions: Mapping[Key, Decimal] | None = None,
        orders: tuple[BrokerOrder, ...] = (),
    ) -> Outcome:
        """Let the broker state cash and positions; what is not given agrees with the books."""
        theirs = dict(self.state.held()) if positions is None else positions
        snapshot = AccountSnapshot(
            account_id="desk",
            cash=self.state.book.cash if cash is None else cash,
            equity=D(0),
            buying_power=D(0),
            non_marginable_buying_power=D(0),
            initial_margin=D(0),
            maintenance_margin=D(0),
            multiplier=1,
            is_blocked=False,
            at_ns=self.now_ns,
        )
        stated = tuple(
            PositionSnapshot(
                key=key, qty=qty, qty_available=qty, avg_entry_price=D(1), price=self.price[key]
            )
            for key, qty in theirs.items()
        )
        return self.feed(
            Reconciled(at_ns=self.now_ns, account=snapshot, positions=stated, orders=orders)
        )

    # -- reading --------------------------------------------------------------------------------

    def of(self, kind: type[Record]) -> list[Record]:
        return [record for record in self.records if type(record) is kind]
