"""A preview tells what would be decided, and leaves everything as it was."""

import msgspec
import pytest
from tests.simulation.desk import BTC, KO, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Wished


def wished(desk: Desk, key: Key, side: Side, qty: str, name: str = "one") -> Wished:
    wish = OrderWish(at_ns=desk.now_ns, key=key, side=side, source="bot", id=name, qty=D(qty))
    return Wished(at_ns=desk.now_ns, wish=wish, bot="bot")


@pytest.mark.parametrize(
    ("key", "side", "qty"),
    [
        pytest.param(BTC, Side.BUY, "0.1", id="granted"),
        pytest.param(BTC, Side.BUY, "3", id="over-a-cap"),
        pytest.param(KO, Side.SELL, "40", id="sold"),
        pytest.param(KO, Side.SELL, "400", id="not-held"),
        pytest.param(Key("us_equity:NO"), Side.BUY, "1", id="not-listed"),
    ],
)
def test_a_preview_says_what_would_be_decided(key: Key, side: Side, qty: str) -> None:
    desk = Desk()
    desk.hold(KO, "100")
    event = wished(desk, key, side, qty)
    shown = desk.engine.preview(event)
    decided = desk.feed(event).decisions[0]
    names = set(msgspec.structs.asdict(decided)) - {"decision_id", "request"}
    assert {name: getattr(shown, name) for name in names} == {
        name: getattr(decided, name) for name in names
    }


def test_nothing_comes_of_a_preview() -> None:
    desk = Desk()
    desk.hold(KO, "100")
    for event in (wished(desk, BTC, Side.BUY, "0.1"), wished(desk, KO, Side.SELL, "100")):
        desk.engine.preview(event)
    state = desk.state
    known = Engine(desk.config, desk.records).state
    assert (state.decisions, state.sequence) == (known.decisions, known.sequence)
    assert state.orders.by_id.keys() == known.orders.by_id.keys()
    assert state.requests == known.requests
    assert not desk.engine.waiting
    # The next event takes nothing of it along.
    assert desk.prices().records == []
    assert desk.feed(wished(desk, BTC, Side.BUY, "0.1")).decisions[0].decision_id == "d2"


def test_a_request_that_was_granted_can_be_previewed_again() -> None:
    desk = Desk()
    desk.feed(wished(desk, BTC, Side.BUY, "0.1"))
    assert desk.engine.preview(wished(desk, BTC, Side.BUY, "0.05")).verdict == "approved"
