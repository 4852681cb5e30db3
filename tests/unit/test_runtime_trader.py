"""The commit loop: durable before the wire, answers never lost, silence never a permission."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec import structs

from smart_leverage.brokers.sim import SimBroker, SimConfig
from smart_leverage.domain.clock import MINUTE_NS, ManualClock
from smart_leverage.domain.errors import BrokerDown, LedgerError, NotSent, OutcomeUnknown
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import (
    EXTERNAL,
    Approved,
    BrokerOrder,
    Order,
    OrderState,
    Side,
    TimeInForce,
    TradeUpdate,
)
from smart_leverage.domain.records import (
    BaselineSet,
    Decided,
    Filled,
    Intended,
    Marked,
    OrderMoved,
    PricesRemembered,
    Record,
    decode,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, Commanded, Opened, Prices, Started, Wished
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, engine_config, opening

BTC = Key("crypto:BTC/USD")
START = 1_709_510_400_000_000_000  # 2024-03-04T00:00:00Z
CONFIG = engine_config(Settings())


class Venue(SimBroker):
    """The simulated venue, with failures between it and us."""

    def __init__(self, ledger: SqliteLedger) -> None:
        super().__init__(Registry.builtin(), config=SimConfig())
        self.ledger = ledger
        self.heads: list[Head] = []
        self.submits: list[str] = []
        self.is_silent = self.is_blind = False

    def order(self, client_order_id: str) -> BrokerOrder | None:
        return None if self.is_blind else super().order(client_order_id)

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        return () if self.is_blind else super().orders(is_open=is_open, after_ns=after_ns)

    def submit(self, approved: Approved) -> BrokerOrder:
        self.heads.append(self.ledger.head)
        if self.submits:
            fault, *self.submits = self.submits
            if fault == "lost answer":
                super().submit(approved)
                raise OutcomeUnknown(approved.order.client_order_id, 10.0)
            if fault == "lost request":
                raise OutcomeUnknown(approved.order.client_order_id, 10.0)
            raise NotSent("nothing left")
        return super().submit(approved)

    def updates(self, after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
        if self.is_silent:
            raise BrokerDown("no answer")
        return () if self.is_blind else super().updates(after, limit)


class Desk:
    """One account with its parts, and a minute hand."""

    def __init__(self) -> None:
        self.ledger = SqliteLedger.in_memory()
        self.venue = Venue(self.ledger)
        self.clock = ManualClock(START)
        self.heard: list[tuple[Record, int]] = []
        self.trader = Trader(Engine(CONFIG), self.ledger, self.venue, self.clock, self.hear)
        start = Beginning(cash=Decimal(100_000))
        self.trader.offer(opening(Settings(), START, start, Registry.builtin(), [BTC]))
        self.price("60000")

    def hear(self, record: Record) -> None:
        self.heard.append((record, self.ledger.head.seq))

    def price(self, text: str, *, minutes: int = 0) -> None:
        self.clock.move_to(self.clock.now_ns() + minutes * MINUTE_NS)
        now = self.clock.now_ns()
        self.venue.print_opens(now, [(BTC, float(text))])
        self.trader.offer(Prices(at_ns=now, prints=((BTC, Decimal(text)),)))

    def buy(self, notional: str) -> list[Decided]:
        wish = OrderWish(
            at_ns=self.clock.now_ns(),
            key=BTC,
            side=Side.BUY,
            source="bot",
            id=f"w{self.clock.now_ns()}",
            notional=Decimal(notional),
        )
        return self.trader.offer(Wished(at_ns=self.clock.now_ns(), wish=wish, bot="bot"))

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.ledger.read()]

    def states(self) -> list[OrderState]:
        return [one.state for one in self.trader.engine.state.orders.by_id.values()]


def test_an_intent_is_durable_before_the_order_leaves() -> None:
    desk = Desk()
    desk.buy("5000")
    (head,) = desk.venue.heads
    intents = [entry for entry in desk.ledger.read() if entry.kind == "order.intended"]
    assert [entry.seq for entry in intents] == [head.seq]


def test_a_listener_hears_records_in_order_and_only_once_they_are_durable() -> None:
    desk = Desk()
    desk.buy("5000")
    desk.trader.flush()
    assert [seq for _, seq in desk.heard] == sorted(seq for _, seq in desk.heard)
    for number, (_, durable) in enumerate(desk.heard, start=1):
        assert durable >= number
    assert len(desk.heard) == desk.ledger.head.seq


def test_a_lost_answer_keeps_the_reservation_until_the_lists_are_compared() -> None:
    desk = Desk()
    desk.venue.submits = ["lost answer"]
    desk.buy("5000")
    assert desk.trader.engine.state.orders.buys()  # counted although nobody confirmed it
    desk.trader.reconcile()
    assert desk.states() == [OrderState.OPEN]
    assert len(desk.venue.orders()) == 1


def test_a_lost_request_is_sent_once_more_under_its_own_id() -> None:
    desk = Desk()
    desk.venue.submits = ["lost request"]
    desk.buy("5000")
    (name,) = desk.trader.engine.state.orders.by_id
    desk.trader.reconcile()
    assert desk.states() == [OrderState.OPEN]
    assert [each.order.client_order_id for each in desk.venue.orders()] == [name]


def test_an_order_is_not_sent_once_more_after_a_halt() -> None:
    desk = Desk()
    desk.venue.submits = ["lost request"]
    desk.buy("5000")
    now = desk.clock.now_ns()
    desk.trader.offer(Commanded(at_ns=now, command=Command.HALT, who="me", reason="enough"))
    for _ in range(3):
        desk.trader.reconcile()
    assert desk.venue.orders() == []


def test_what_comes_after_it_was_sent_once_more_is_refused_by_its_id_and_counts_once() -> None:
    desk = Desk()
    desk.venue.submits = ["lost answer"]
    desk.venue.is_blind = True
    desk.buy("5000")
    desk.trader.reconcile()  # nothing is seen of it, so it leaves again, and the id is taken
    assert desk.states() == [OrderState.UNKNOWN]
    desk.venue.is_blind = False
    desk.trader.reconcile()
    assert desk.states() == [OrderState.OPEN]
    assert len(desk.venue.orders()) == 1
    assert len(desk.venue.heads) == 2


def test_a_request_lost_twice_ends_absent_after_the_horizon() -> None:
    desk = Desk()
    desk.venue.submits = ["lost request", "lost request"]
    desk.buy("5000")
    for _ in range(4):
        desk.trader.reconcile()
        assert desk.states() == [OrderState.UNKNOWN]  # three misses prove nothing by themselves
    desk.price("60000", minutes=3)
    desk.trader.reconcile()
    assert desk.states() == []
    assert desk.venue.orders() == []
    desk.trader.flush()
    moves = [record for record, _ in desk.heard if isinstance(record, OrderMoved)]
    assert moves[-1].state is OrderState.ABSENT


def test_what_was_provably_not_sent_is_released_at_once() -> None:
    desk = Desk()
    desk.venue.submits = ["not sent"]
    desk.buy("5000")
    assert desk.states() == []


def test_a_broker_that_falls_silent_raises_after_every_answer_was_taken_in() -> None:
    desk = Desk()
    desk.venue.is_silent = True
    with pytest.raises(BrokerDown):
        desk.buy("5000")
    assert desk.states() == [OrderState.OPEN]  # the answer to the order itself had come


def test_a_failed_commit_sends_nothing() -> None:
    desk = Desk()
    desk.ledger.close()
    with pytest.raises(LedgerError):
        desk.buy("5000")
    assert desk.venue.heads == []


# -- starting again -------------------------------------------------------------------------------


def _opened() -> Opened:
    return opening(Settings(), START, Beginning(Decimal(1000)), Registry.builtin(), [BTC])


def again(desk: Desk) -> Trader:
    """Forget everything but ledger and venue, and start."""
    desk.trader.flush()
    return recover(CONFIG, desk.ledger, desk.venue, desk.clock)


def opened_days(ledger: SqliteLedger) -> list[BaselineSet]:
    records = [decode(entry.payload) for entry in ledger.read()]
    return [one for one in records if isinstance(one, BaselineSet) and one.period == "day"]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_coin_opens_the_day_at_the_mark_at_which_the_account_does(is_killed: bool) -> None:
    """Also when nobody of ours was there at midnight, and the first price after it is another."""
    desk = Desk()
    desk.buy("5000")
    desk.price("60000", minutes=1)
    desk.venue.fill_opens(desk.clock.now_ns())
    desk.trader.drain()
    desk.price("50000", minutes=4 * 60 + 58)  # 23:59 in New York
    qty = desk.trader.engine.state.book.qty(BTC)
    assert qty > 0
    marked = [one for one, _ in desk.heard if isinstance(one, Marked)][-1]
    assert marked.prices == {BTC: Decimal(50_000)}
    desk.trader.flush()
    desk.clock.move_to(desk.clock.now_ns() + 60 * MINUTE_NS)
    desk.venue.print_opens(desk.clock.now_ns(), [(BTC, 45_000.0)])
    if is_killed:
        desk.trader = recover(CONFIG, desk.ledger, desk.venue, desk.clock, desk.hear)
        assert desk.trader.engine.state.day_label == "2024-03-04"
    desk.price("45000")
    desk.trader.flush()
    *_, day = opened_days(desk.ledger)
    assert (day.label, day.equity) == ("2024-03-04", marked.equity)
    assert day.holdings == {BTC: qty * 50_000}
    loss = desk.trader.engine.state.asset_day.loss(BTC, qty * 45_000)
    assert loss == qty * 5_000


def test_a_journal_whose_marks_name_no_prices_opens_the_day_at_what_the_broker_tells() -> None:
    """As versions before this one wrote them: what a coin once cost is no price of today."""
    desk = Desk()
    desk.buy("5000")
    desk.price("60000", minutes=1)
    desk.venue.fill_opens(desk.clock.now_ns())
    desk.trader.drain()
    desk.trader.flush()
    with SqliteLedger.in_memory() as older:
        for entry in desk.ledger.read():
            record = decode(entry.payload)
            if isinstance(record, PricesRemembered):
                continue
            if isinstance(record, Marked):
                record = structs.replace(record, prices={})
            older.commit([record])
        desk.clock.move_to(desk.clock.now_ns() + 6 * 60 * MINUTE_NS)
        desk.venue.print_opens(desk.clock.now_ns(), [(BTC, 45_000.0)])
        trader = recover(CONFIG, older, desk.venue, desk.clock)
        trader.offer(Prices(at_ns=desk.clock.now_ns(), prints=((BTC, Decimal(45_000)),)))
        trader.flush()
        *_, day = opened_days(older)
        assert day.label == "2024-03-04"
        assert day.holdings == {BTC: trader.engine.state.book.qty(BTC) * 45_000}


def test_an_empty_ledger_gives_an_engine_that_waits_for_an_account() -> None:
    with SqliteLedger.in_memory() as ledger:
        trader = recover(CONFIG, ledger, Venue(ledger), ManualClock(START))
    assert trader.engine.state.opened is None
    assert isinstance(trader.offer(_opened()), list)


def test_a_start_asks_the_broker_for_what_happened_meanwhile() -> None:
    desk = Desk()
    desk.buy("5000")
    desk.clock.move_to(START + MINUTE_NS)
    desk.venue.print_opens(START + MINUTE_NS, [(BTC, 60_000.0)])
    desk.venue.fill_opens(START + MINUTE_NS)  # filled while nobody of ours was there
    trader = again(desk)
    (held,) = desk.venue.positions()
    assert trader.engine.state.book.qty(BTC) == held.qty > 0
    assert trader.engine.state.book.cash == desk.venue.account().cash
    assert trader.engine.is_ready


def test_a_fill_that_was_journalled_is_not_taken_in_twice() -> None:
    desk = Desk()
    desk.buy("5000")
    desk.clock.move_to(START + MINUTE_NS)
    desk.venue.print_opens(START + MINUTE_NS, [(BTC, 60_000.0)])
    desk.venue.fill_opens(START + MINUTE_NS)
    desk.trader.drain()
    desk.trader.flush()
    again(desk)
    again(desk)
    assert desk.kinds.count("fill") == 1


def test_an_intent_without_an_answer_is_unknown_after_a_start_and_then_found() -> None:
    desk = Desk()
    desk.buy("5000")
    with SqliteLedger.in_memory() as cut:
        for entry in desk.trader.ledger.read():
            record = decode(entry.payload)
            cut.commit([record])
            if isinstance(record, Intended):
                break  # the process ended between the send and its answer
        engine = Engine(CONFIG, (decode(entry.payload) for entry in cut.read()))
        outcome = engine.process(Started(at_ns=START))
        (moved,) = [each for each in outcome.records if isinstance(each, OrderMoved)]
        assert moved.state is OrderState.UNKNOWN
        trader = recover(CONFIG, cut, desk.venue, desk.clock)
        (tracked,) = trader.engine.state.orders.by_id.values()
        assert tracked.state is OrderState.OPEN
    assert len(desk.venue.orders()) == 1


def test_nothing_is_bought_before_books_and_broker_were_compared() -> None:
    desk = Desk()
    desk.trader.flush()
    engine = Engine(CONFIG, (decode(entry.payload) for entry in desk.ledger.read()))
    trader = Trader(engine, desk.ledger, desk.venue, desk.clock)
    desk.trader = trader
    desk.price("60000")
    (decided,) = desk.buy("5000")
    assert (decided.verdict, decided.reason) == ("denied", "not_ready")
    trader.reconcile()
    (decided,) = desk.buy("5000")
    assert decided.verdict == "approved"


def test_money_that_came_at_the_broker_is_explained_by_it_and_counts_once() -> None:
    desk = Desk()
    desk.trader.flush()
    desk.venue.deposit(desk.clock.now_ns(), Decimal(500))
    for _ in range(2):
        trader = again(desk)
        assert trader.engine.state.trading.name == "ACTIVE"
        assert trader.engine.state.book.cash == desk.venue.account().cash == Decimal(100_500)


def dealt_by_hand(desk: Desk) -> None:
    """Let somebody buy at the venue without us."""
    desk.trader.flush()
    order = Order(
        client_order_id="by-hand",
        bot="somebody",
        key=BTC,
        side=Side.BUY,
        qty=Decimal("0.01"),
        time_in_force=TimeInForce.GTC,
    )
    desk.venue.submit(Approved(order, ""))
    now = desk.clock.now_ns() + MINUTE_NS
    desk.clock.move_to(now)
    desk.venue.print_opens(now, [(BTC, 60_000.0)])
    desk.venue.fill_opens(now)


def test_what_somebody_buys_at_the_broker_is_booked_as_external() -> None:
    desk = Desk()
    dealt_by_hand(desk)
    for _ in range(2):
        trader = again(desk)
        assert trader.engine.state.trading.name == "ACTIVE"
        (held,) = desk.venue.positions()
        assert trader.engine.state.book.quantities(BTC) == {EXTERNAL: held.qty}


def test_a_difference_that_nobody_explains_stops_increases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    dealt_by_hand(desk)
    monkeypatch.setattr(desk.venue, "updates", lambda after: [])  # nobody tells of it
    trader = again(desk)
    assert trader.engine.state.trading.name == "REDUCING"
    assert "differ" in trader.engine.state.trading_why


def test_fills_that_arrive_before_the_answer_count() -> None:
    desk = Desk()
    desk.buy("5000")
    desk.clock.move_to(START + MINUTE_NS)
    desk.venue.print_opens(START + MINUTE_NS, [(BTC, 60_000.0)])
    desk.venue.fill_opens(START + MINUTE_NS)
    desk.trader.drain()
    desk.trader.flush()
    fills = [record for record, _ in desk.heard if isinstance(record, Filled)]
    assert len(fills) == 1
    assert fills[0].sequence > 0
