"""A bot changes its order at a real venue, in each form, also when answers get lost on the way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.test_broker_contract import AAPL, FORMS, MONDAY, Form, Venue

from smart_leverage.brokers.sim import Mode, SimConfig
from smart_leverage.domain.clock import SECOND_NS, ManualClock
from smart_leverage.domain.errors import OutcomeUnknown
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import BrokerOrder, OrderState, Side
from smart_leverage.domain.records import Decided, Intended, Noted, decode
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import ChangeWished, Command, Commanded, Prices, Rung, Wished
from smart_leverage.engine.tracked import Tracked
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
CONFIG = engine_config(Settings())


class Line:
    """What lies between trader and venue: it may lose a change, or let something happen before."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.loses = ""
        self.meanwhile: Callable[[], None] = lambda: None
        self.changes = 0

    def replace(self, client_order_id: str, **terms: Any) -> BrokerOrder:
        self.changes += 1
        self.meanwhile()
        if self.loses == "request":
            raise OutcomeUnknown(client_order_id, 10.0)
        answer = self.venue.replace(client_order_id, **terms)
        if self.loses == "answer":
            raise OutcomeUnknown(client_order_id, 10.0)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)


class Account:
    """One account on a venue; the bot's limit lies below the offer until the market moves."""

    def __init__(self, venue: Venue) -> None:
        self.line = Line(venue)
        self.ledger = SqliteLedger.in_memory()
        self.clock = ManualClock(MONDAY)
        broker: Any = self.line
        self.trader = Trader(Engine(CONFIG), self.ledger, broker, self.clock)
        start = Beginning(cash=D(100_000))
        self.trader.offer(opening(Settings(), MONDAY, start, Registry.builtin(), [AAPL]))
        self.trader.reconcile()
        self.price()

    def wait(self, seconds: int = 1) -> None:
        self.clock.move_to(self.clock.now_ns() + seconds * SECOND_NS)

    def price(self) -> None:
        """Tell the account of 200; the offer stands above every limit."""
        self.wait()
        now = self.clock.now_ns()
        self.line.venue.on_quote(now, AAPL, 199.9, 210.0)
        self.trader.drain()
        self.trader.offer(Prices(at_ns=now, prints=((AAPL, D(200)),), rung=Rung.QUOTE))

    def trade(self) -> None:
        """Let the offer come down to where every purchase trades, in full or in part."""
        self.wait()
        self.line.venue.on_quote(self.clock.now_ns(), AAPL, 199.9, 199.95)

    def order(self, qty: str, side: Side = Side.BUY) -> Tracked:
        name = f"w{self.clock.now_ns()}"
        now = self.clock.now_ns()
        wish = OrderWish(at_ns=now, key=AAPL, side=side, source="bot", id=name, qty=D(qty))
        (decided,) = self.trader.offer(Wished(at_ns=now, wish=wish, bot="bot"))
        assert decided.given == D(qty)
        return list(self.trader.engine.state.orders.by_id.values())[-1]

    def change(self, old: Tracked, qty: str = "", limit: str = "") -> Decided:
        event = ChangeWished(
            at_ns=self.clock.now_ns(),
            bot="bot",
            client_order_id=old.order.client_order_id,
            request=f"c{self.clock.now_ns()}",
            qty=D(qty) if qty else None,
            limit_price=D(limit) if limit else None,
        )
        return self.trader.offer(event)[0]

    def command(self, command: Command) -> None:
        now = self.clock.now_ns()
        self.trader.offer(Commanded(at_ns=now, command=command, who="ann", reason="because"))

    def restart(self) -> None:
        broker: Any = self.line
        self.trader = recover(CONFIG, self.ledger, broker, self.clock)

    def under_way(self) -> list[tuple[OrderState, Decimal]]:
        orders = self.trader.engine.state.orders
        return [
            (one.state, one.remaining) for one in orders.of(AAPL) if not one.order.role.is_house
        ]

    def units(self) -> Decimal:
        """Return what is held and may come at worst."""
        return self.trader.engine._core.worst().units.get(AAPL, D(0))

    def open_at_venue(self) -> Decimal:
        """Return what bots' orders may still trade there."""
        return sum(
            (
                each.order.qty - each.filled_qty
                for each in self.line.venue.orders(is_open=True)
                if each.order.bot == "bot"
            ),
            D(0),
        )

    def agrees(self) -> None:
        """Assert that books and venue say the same, and that nothing else is reserved."""
        self.trader.reconcile()
        state = self.trader.engine.state
        theirs = {each.key: each.qty for each in self.line.venue.positions()}
        assert dict(state.held()) == theirs
        assert sum((left for _, left in self.under_way()), D(0)) == self.open_at_venue()
        assert state.trading in (TradingState.ACTIVE, TradingState.HALTED)
        codes = [each.code for each in self.records(Noted)]
        assert "reconcile.difference" not in codes

    def records(self, kind: type[Any]) -> list[Any]:
        every = [decode(entry.payload) for entry in self.ledger.read()]
        return [each for each in every if isinstance(each, kind)]


def account_of(form: Form, folder: Path, stack: ExitStack, partial: float = 0.0) -> Account:
    config = SimConfig(mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=partial, seed=3)
    venue = stack.enter_context(form(config, folder)).venue
    venue.on_quote(MONDAY, AAPL, 199.9, 210.0)
    return Account(venue)


@pytest.fixture(params=FORMS)
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    with ExitStack() as stack:
        yield account_of(FORMS[request.param], tmp_path, stack)


@pytest.fixture(params=FORMS)
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    """An account at a venue where purchases trade in parts."""
    with ExitStack() as stack:
        yield account_of(FORMS[request.param], tmp_path, stack, partial=1.0)


@pytest.mark.parametrize(
    ("qty", "limit", "left"),
    [
        pytest.param("30", "", "30", id="more"),
        pytest.param("5", "", "5", id="less"),
        pytest.param("", "200.50", "20", id="cheaper"),
        pytest.param("10", "199.00", "10", id="less-and-cheaper"),
    ],
)
def test_a_change_puts_the_new_order_in_the_place_of_the_old(
    account: Account, qty: str, limit: str, left: str
) -> None:
    old = account.order("20")
    assert account.change(old, qty, limit).verdict == "approved"
    assert account.under_way() == [(OrderState.OPEN, D(left))]
    (there,) = account.line.venue.orders(is_open=True)
    assert (there.order.qty, there.replaces) == (D(left), old.broker_order_id)
    assert there.order.limit_price == (D(limit) if limit else D(201))
    account.agrees()
    account.trade()
    account.agrees()


def test_a_partly_filled_order_is_changed_to_a_whole_quantity(parts: Account) -> None:
    old = parts.order("40")
    parts.trade()
    parts.price()
    filled = parts.trader.engine.state.book.qty(AAPL)
    assert 0 < filled < 40
    assert parts.change(old, "48").verdict == "approved"
    assert parts.under_way() == [(OrderState.OPEN, 48 - filled)]
    assert parts.units() == 48
    parts.agrees()


def test_what_the_old_order_fills_on_the_way_is_taken_off(parts: Account) -> None:
    old = parts.order("40")
    parts.line.meanwhile = parts.trade
    assert parts.change(old, "48").verdict == "approved"
    parts.line.meanwhile = lambda: None
    filled = parts.trader.engine.state.book.qty(AAPL)
    assert 0 < filled < 40
    assert parts.units() == 48
    parts.agrees()
    assert parts.under_way() == [(OrderState.OPEN, 48 - filled)]


def test_a_change_that_the_venue_refuses_leaves_the_order(account: Account) -> None:
    old = account.order("2.5")
    assert account.change(old, "4").verdict == "approved"
    assert account.under_way() == [(OrderState.OPEN, D("2.5"))]
    account.agrees()
    account.price()
    assert account.change(old, "", "199.50").verdict == "approved"
    account.agrees()


def test_an_order_that_fills_first_leaves_its_change_refused(account: Account) -> None:
    old = account.order("20")
    account.line.meanwhile = account.trade
    assert account.change(old, "30").verdict == "approved"
    account.line.meanwhile = lambda: None
    assert account.under_way() == []
    assert account.units() == 20
    account.agrees()


@pytest.mark.parametrize("qty", ["30", "5"])
def test_a_change_whose_request_was_lost_is_not_sent_again(account: Account, qty: str) -> None:
    old = account.order("20")
    account.line.loses = "request"
    account.change(old, qty)
    account.line.loses = ""
    most = max(D(qty), D(20))
    assert {state for state, _ in account.under_way()} == {
        OrderState.PENDING_REPLACE,
        OrderState.UNKNOWN,
    }
    assert account.units() == most
    for _ in range(4):
        account.wait(45)
        account.price()
        account.trader.reconcile()
    assert account.line.changes == 1
    assert account.under_way() == [(OrderState.OPEN, D(20))]
    account.agrees()


@pytest.mark.parametrize("qty", ["30", "5"])
@pytest.mark.parametrize("is_restarted", [False, True], ids=["goes-on", "begins-anew"])
def test_a_change_whose_answer_was_lost_is_found(
    account: Account, qty: str, is_restarted: bool
) -> None:
    old = account.order("20")
    account.line.loses = "answer"
    account.change(old, qty)
    account.line.loses = ""
    if is_restarted:
        account.restart()
    account.trader.reconcile()
    assert account.under_way() == [(OrderState.OPEN, D(qty))]
    assert account.units() == D(qty)
    assert account.line.changes == 1
    account.trade()
    account.agrees()


def test_a_sale_is_changed_while_the_account_is_halted(account: Account) -> None:
    account.order("20")
    account.trade()
    account.price()
    sale = account.order("20", Side.SELL)
    account.command(Command.HALT)
    assert account.change(sale, "8").verdict == "approved"
    assert account.under_way() == [(OrderState.OPEN, D(8))]
    account.trade()
    account.agrees()
    assert account.trader.engine.state.book.qty(AAPL) == 12


def test_a_halt_cancels_a_purchase_with_its_change(account: Account) -> None:
    old = account.order("20")
    account.line.loses = "answer"
    account.change(old, "30")
    account.line.loses = ""
    account.command(Command.HALT)
    account.agrees()
    assert account.under_way() == []
    assert account.open_at_venue() == 0


def test_what_somebody_else_changed_is_adopted(account: Account) -> None:
    old = account.order("20")
    account.line.venue.replace(old.order.client_order_id, qty=D(25), new_client_order_id="by-hand")
    account.trader.drain()
    assert account.under_way() == [(OrderState.OPEN, D(25))]
    account.agrees()
    account.trade()
    account.agrees()
    assert account.trader.engine.state.book.bot_qty("bot", AAPL) == 25


def test_a_halt_file_holds_back_more_and_not_less(account: Account) -> None:
    old = account.order("20")
    account.trader.messenger.held_back = lambda: "HALT is there"
    account.change(old, "30")
    assert account.line.changes == 0
    assert account.under_way() == [(OrderState.OPEN, D(20))]
    account.wait()
    account.change(old, "5")
    assert account.line.changes == 1
    assert account.under_way() == [(OrderState.OPEN, D(5))]
    account.agrees()


def test_an_intent_is_durable_before_a_change_leaves(account: Account) -> None:
    old = account.order("20")
    durable: list[str] = []
    account.line.meanwhile = lambda: durable.extend(
        each.replaces for each in account.records(Intended) if each.replaces
    )
    account.change(old, "30")
    assert durable == [old.order.client_order_id]


def test_an_order_of_unknown_outcome_is_found_in_the_list(account: Account) -> None:
    old = account.order("20")
    old.state = OrderState.UNKNOWN
    account.line.order = lambda name: None  # type: ignore[attr-defined]
    account.trader.reconcile()
    assert account.under_way() == [(OrderState.OPEN, D(20))]
