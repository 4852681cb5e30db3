"""While the broker's stream refuses us nothing is added and nothing else stops."""

from pathlib import Path

from tests.simulation.desk import BTC, ETH, KO, SPY, Desk
from tests.unit.test_runtime_live import House

from smart_leverage.domain.orders import OrderState, Role
from smart_leverage.domain.records import Decided, Noted
from smart_leverage.engine.events import StreamJudged

TAKEN = "it says 406 connection limit exceeded"


def judge(desk: Desk, refusal: str = TAKEN) -> None:
    desk.feed(StreamJudged(at_ns=desk.now_ns, refusal=refusal))


def notes(desk: Desk) -> list[Noted]:
    return [each for each in desk.records if isinstance(each, Noted)]


def test_a_refused_stream_denies_increases_and_names_a_second_program() -> None:
    desk = Desk()
    judge(desk)
    assert (desk.buy(BTC, "0.01").verdict, desk.buy(BTC, "0.01").reason) == ("denied", "stream")
    assert desk.signal(ETH).reason == "stream"
    (note,) = notes(desk)
    assert note.code == "stream.refused"
    assert note.text == (
        f"the broker's stream does not let us in, {TAKEN}: "
        "a second program may run with the keys of this account"
    )


def test_a_comparison_of_the_lists_does_not_end_it_and_being_let_in_does() -> None:
    desk = Desk()
    judge(desk)
    judge(desk)
    desk.reconcile()
    assert desk.engine.is_ready
    assert desk.buy(BTC, "0.01").reason == "stream"
    judge(desk, "")
    judge(desk, "")
    assert [each.code for each in notes(desk)] == ["stream.refused", "stream.back"]
    assert desk.buy(BTC, "0.01").verdict == "approved"


def test_buys_under_way_are_cancelled_stops_stay_and_sales_leave() -> None:
    desk = Desk(holdings={SPY: "50"})
    desk.hold(KO, "10")
    desk.buy(BTC, "0.1")
    order = desk.take()
    judge(desk)
    assert desk.cancelled == [order.client_order_id]
    assert desk.state.orders.by_id[order.client_order_id].state is OrderState.PENDING_CANCEL
    assert desk.state.live_stop(SPY) is not None
    assert desk.sell(KO, "4").verdict == "approved"


def test_a_buy_that_waits_does_not_leave() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    assert desk.buy(KO, "5").verdict == "approved"
    judge(desk)
    desk.end(stop)
    assert not any(order.role is Role.BOT for order in desk.sent)


def test_the_driver_tells_the_engine_once_and_once_when_it_is_over(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.driver.step()
    house.venue.refused = TAKEN  # type: ignore[attr-defined]
    house.run(60)
    assert house.notes() == ["stream.refused"]
    buys = [each for each in house.heard if isinstance(each, Decided) and each.side == "buy"]
    assert buys[-1].reason == "stream"
    house.venue.refused = ""  # type: ignore[attr-defined]
    house.run(60)
    assert house.notes() == ["stream.refused", "stream.back"]
