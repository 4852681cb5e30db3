"""The state is the fold of its records; the engine is deterministic; a fill counts once."""

import contextlib
import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.simulation.desk import AAPL, BTC, ETH, KO, SPY, Desk, measured
from tests.simulation.worlds import WORLDS, play

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.orders import EXTERNAL, Approved, Order, OrderState, Role, Side
from smart_leverage.domain.records import (
    RESTORED,
    UNWRITABLE,
    Decided,
    Filled,
    Intended,
    Noted,
    OrderMoved,
    Record,
    StateChanged,
    decode,
    encode,
)
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, Event, Outcome, Prices, Started, Verdict
from smart_leverage.engine.state import State
from smart_leverage.engine.tracked import order_id

D = Decimal


OF_PROCESS = {"misses", "is_under_way"}
"""What a process counts of its own look-ups and requests; the next one begins anew."""


def told(state: State) -> dict[str, Any]:
    """Return everything that a state says, in a form that compares."""
    plain = {
        name: value
        for name, value in vars(state).items()
        if name
        not in (
            *("book", "baselines", "asset_day", "allocation", "orders"),
            *("limits", "rollout", "_appliers", "peak", "rolling", "episodes"),
        )
    }
    orders = {
        name: {slot: getattr(one, slot) for slot in one.__slots__ if slot not in OF_PROCESS}
        for name, one in state.orders.by_id.items()
    }
    return plain | {
        "books": state.book.state(),
        "baselines": vars(state.baselines),
        "asset_day": vars(state.asset_day),
        "limits": vars(state.limits),
        "rollout": vars(state.rollout),
        "peak": vars(state.peak),
        "rolling": vars(state.rolling),
        "episodes": vars(state.episodes),
        "orders": orders,
        "selling": {key: state.orders.selling(key) for key in state.instruments},
    }


def story() -> Iterator[Desk]:
    """Yield a desk after everything that can happen to it."""
    desk = Desk(holdings={BTC: "0.1", SPY: "80"}, cash=55_000)
    yield desk
    stop = desk.hold(AAPL, "10")
    yield desk
    desk.buy(ETH, "1")
    desk.fill(desk.take(), "2500", "0.4")
    yield desk
    desk.sell(AAPL, "4")
    yield desk
    desk.end(stop)
    desk.answer(desk.pop(), Verdict.UNKNOWN, "no answer")
    yield desk
    desk.wait()
    desk.flow("5000")
    desk.prices({BTC: "41000"})
    yield desk
    desk.prices({SPY: "470"})
    yield desk
    desk.wait(86_400)
    desk.prices()
    yield desk
    desk.prices({SPY: "400", AAPL: "150"})
    yield desk
    desk.order(Command.HALT, "enough")
    desk.reconcile(cash=D(1))
    desk.evidence(measured(desk.now_ns))
    yield desk


def test_the_state_rebuilt_from_records_equals_the_live_one_at_every_step() -> None:
    for number, desk in enumerate(story()):
        rebuilt = Engine(desk.config, [decode(encode(record)) for record in desk.records])
        assert told(rebuilt.state) == told(desk.state), f"after step {number}"


def test_the_same_events_give_the_same_records_byte_for_byte() -> None:
    desk = list(story())[-1]
    again = Engine(desk.config)
    records = [record for event in desk.events for record in again.process(event).records]
    assert [encode(record) for record in records] == [encode(record) for record in desk.records]


@pytest.mark.parametrize("kind", ["calm", "heavy", "jumping"])
def test_a_random_run_folds_to_its_state(kind: str, tmp_path: Path) -> None:
    records: list[Record] = []
    folded, steps = State(), itertools.count()

    def look(trader: Any) -> None:
        for record in records:
            folded.apply(decode(encode(record)))
        records.clear()
        if next(steps) % 10 == 0:
            assert told(folded) == told(trader.engine.state)

    with listening(records):
        trader, _ = play(WORLDS[kind]._replace(seed=5, days=4), tmp_path / "venue", look=look)
    look(trader)
    assert told(folded) == told(trader.engine.state)
    assert next(steps) > 100


def test_two_runs_of_a_world_leave_the_same_bytes(tmp_path: Path) -> None:
    def bytes_of(name: str) -> list[bytes]:
        records: list[Record] = []
        with listening(records):
            play(WORLDS["paid-in"]._replace(seed=3, days=3), tmp_path / name)
        return [encode(record) for record in records]

    first = bytes_of("one")
    assert first == bytes_of("two")
    assert len(first) > 1_000


@contextlib.contextmanager
def listening(records: list[Record]) -> Iterator[None]:
    """Collect every record that any engine makes, in order."""
    process = Engine.process

    def also(self: Engine, event: Event) -> Outcome:
        outcome = process(self, event)
        records.extend(outcome.records)
        return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "process", also)
        yield


# -- one thing once -------------------------------------------------------------------------------


def test_a_fill_that_is_told_twice_counts_once() -> None:
    desk = Desk()
    desk.buy(KO, "50")
    again = desk.fill(desk.take(), "60", is_told_twice=True)
    assert not any(isinstance(record, Filled) for record in again.records)
    assert desk.state.book.qty(KO) == 50
    assert desk.state.book.cash == 97_000


def test_a_fill_after_the_cancel_counts() -> None:
    desk = Desk()
    desk.buy(KO, "50")
    order = desk.take()
    desk.end(order)
    assert desk.state.orders.by_id == {}
    desk.fill(order, "60", "20")
    assert desk.state.book.qty(KO) == 20
    assert desk.take(Role.STOP).qty == 20


def test_an_order_is_filled_only_when_its_executions_are_there() -> None:
    desk = Desk()
    desk.buy(KO, "50")
    order = desk.take()
    desk.end(order, "filled")  # the word comes before the execution
    assert desk.state.orders.by_id[order.client_order_id].state is OrderState.PENDING_CANCEL
    desk.fill(order, "60")
    assert order.client_order_id not in desk.state.orders.by_id


def test_an_order_that_was_not_ours_is_noted_and_booked() -> None:
    ours, theirs = Desk(), Desk(cash=50_000)
    theirs.buy(KO, "50", bot="somebody")
    ours.fill(theirs.take(), "60")
    noted = [record.code for record in ours.records if isinstance(record, Noted)]
    assert noted == ["order.external"]
    assert ours.state.book.quantities(KO) == {EXTERNAL: 50}


def test_time_never_runs_backwards_inside_the_engine() -> None:
    desk = Desk()
    desk.wait(-3_600)
    desk.prices({KO: "61"})
    assert [r.at_ns for r in desk.records] == sorted(r.at_ns for r in desk.records)


def test_nothing_happens_before_an_account_is_opened() -> None:
    with pytest.raises(InvariantViolation, match="before the account was opened"):
        Engine(EngineConfig()).process(Prices(at_ns=1, prints=()))


@pytest.mark.parametrize(
    "why",
    [
        pytest.param(RESTORED, id="restored-backup"),
        pytest.param(f"{UNWRITABLE}: disk full", id="ledger-in-trouble"),
    ],
)
def test_orders_have_ids_of_their_own_when_others_may_have_been_sent(why: str) -> None:
    """After the copy was made, or in a commit that nobody acknowledged."""
    desk = Desk()
    desk.buy(BTC, "0.01")
    first = desk.of(Intended)[-1]
    assert isinstance(first, Intended)
    copied = list(itertools.takewhile(lambda each: not isinstance(each, Decided), desk.records))
    halted = StateChanged(
        at_ns=desk.now_ns, before="active", after="halted", why=why, who="operator"
    )
    engine = Engine(EngineConfig(), [*copied, halted])
    state = engine.state
    assert state.sequence == 0
    assert state.opened is not None
    again = order_id(state.opened.account, "bot", state.session, state.sequence + 1)
    assert again != first.order.client_order_id
    plain = order_id(state.opened.account, "bot", str(state.opened.at_ns), state.sequence + 1)
    assert plain == first.order.client_order_id  # without the mark it would have been the same


@pytest.mark.parametrize(
    ("ids", "count"),
    [
        pytest.param(["d1", "d2"], 2, id="in-a-row"),
        pytest.param(["d1", "d5"], 5, id="denials-were-left-out"),
        pytest.param(["d1", "by hand"], 2, id="no-number"),
    ],
)
def test_a_decision_never_gets_an_id_that_was_given(ids: list[str], count: int) -> None:
    desk = Desk()
    desk.buy(BTC, "0.01")
    decided = desk.of(Decided)[-1]
    state = State()
    for each in ids:
        state.apply(structs.replace(decided, decision_id=each))
    assert state.decisions == count


@pytest.mark.parametrize(
    ("is_unsent", "state"),
    [
        pytest.param(True, "sent", id="nothing-has-left"),
        pytest.param(False, "unknown", id="it-may-have-left"),
    ],
)
def test_a_sale_of_which_nothing_has_left_leaves_after_a_new_start(
    is_unsent: bool, state: str
) -> None:
    desk = Desk(holdings={BTC: "0.1"})
    order = Order(
        client_order_id="sl-1", bot="house", key=BTC, side=Side.SELL, qty=D("0.1"), role=Role.GUARD
    )
    intended = Intended(at_ns=desk.now_ns, order=order, decision_id="d1", reserve_price=D(0))
    out_of_the_way = [
        OrderMoved(
            at_ns=desk.now_ns,
            client_order_id=name,
            state=OrderState.CANCELED,
            status="canceled",
            filled_qty=D(0),
        )
        for name in desk.engine.state.stops.values()
    ]
    engine = Engine(EngineConfig(), [*desk.records, *out_of_the_way, intended])
    unsent = (Approved(order, "d1"),) if is_unsent else ()
    outcome = engine.process(Started(at_ns=desk.now_ns, unsent=unsent))
    sent = [approved.order for approved in outcome.sends]
    assert sent == ([order] if is_unsent else [])
    is_unknown = engine.state.orders.by_id["sl-1"].state is OrderState.UNKNOWN
    assert is_unknown is (state == "unknown")


def test_a_purchase_of_which_nothing_has_left_ends_at_a_new_start() -> None:
    desk = Desk()
    order = Order(
        client_order_id="sl-1", bot="bot", key=BTC, side=Side.BUY, qty=D("0.1"), role=Role.BOT
    )
    intended = Intended(at_ns=desk.now_ns, order=order, decision_id="d1", reserve_price=D(1))
    engine = Engine(EngineConfig(), [*desk.records, intended])
    outcome = engine.process(Started(at_ns=desk.now_ns, unsent=(Approved(order, "d1"),)))
    assert not outcome.sends
    assert "sl-1" not in engine.state.orders.by_id
