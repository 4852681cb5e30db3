"""While the clock is doubted nothing is added and nothing else stops; a day rolls over once."""

import pytest
from tests.simulation.desk import BTC, ETH, KO, SPY, D, Desk, at

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.orders import OrderState, Role
from smart_leverage.domain.records import BaselineSet, Noted, decode, encode
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import ClockJudged, Command, Commanded

JUMPED = "the clock of this machine is 1 d ahead of the time that has passed"


def doubt(desk: Desk, why: str = JUMPED) -> None:
    desk.feed(ClockJudged(at_ns=desk.now_ns, doubt=why))


def notes(desk: Desk) -> list[str]:
    return [each.code for each in desk.records if isinstance(each, Noted)]


def test_a_doubted_clock_denies_increases_and_says_so() -> None:
    desk = Desk()
    doubt(desk)
    assert (desk.buy(BTC, "0.01").verdict, desk.buy(BTC, "0.01").reason) == ("denied", "clock")
    assert desk.signal(ETH).reason == "clock"
    assert [each.text for each in desk.records if isinstance(each, Noted)] == [JUMPED]


def test_once_settled_increases_pass_again() -> None:
    desk = Desk()
    doubt(desk)
    doubt(desk, "the clock of the broker is 6 s ahead of ours")
    doubt(desk, "")
    doubt(desk, "")
    assert notes(desk) == ["clock.jumped", "clock.settled"]
    assert desk.buy(BTC, "0.01").verdict == "approved"


def test_buys_under_way_are_cancelled_and_stops_stay() -> None:
    desk = Desk(holdings={SPY: "50"})
    desk.buy(BTC, "0.1")
    order = desk.take()
    doubt(desk)
    assert desk.cancelled == [order.client_order_id]
    assert desk.state.orders.by_id[order.client_order_id].state is OrderState.PENDING_CANCEL
    assert desk.state.live_stop(SPY) is not None


def test_a_sale_leaves_and_the_rest_gets_its_stop() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    doubt(desk)
    assert desk.sell(KO, "4").verdict == "approved"
    desk.end(stop)
    desk.fill(desk.pop(Role.BOT), "60")
    assert desk.take(Role.STOP).qty == D(6)


def test_a_buy_that_waits_does_not_leave() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    assert desk.buy(KO, "5").verdict == "approved"
    assert desk.cancelled == [stop.client_order_id]  # the buy waits for its end
    doubt(desk)
    desk.end(stop)
    assert not any(order.role is Role.BOT for order in desk.sent)
    assert desk.take(Role.STOP).qty == D(10)


def test_a_comparison_of_the_lists_does_not_end_the_doubt() -> None:
    desk = Desk()
    doubt(desk)
    desk.reconcile()
    assert desk.engine.is_ready
    assert desk.buy(BTC, "0.01").reason == "clock"


def test_no_time_of_a_journal_opens_a_day_or_ends_a_trip() -> None:
    """A halt was written by a clock a day ahead; the next process begins by the right one."""
    desk = Desk(holdings={SPY: "100"}, cash=50_000)
    desk.prices({SPY: "465"})
    assert desk.state.breakers.is_day_tripped
    ahead = Commanded(at_ns=desk.now_ns + DAY_NS, command=Command.HALT, who="ann", reason="out")
    rest = Engine(desk.config, desk.records)
    records = [*desk.records, *rest.process(ahead).records]
    desk.engine, label = Engine(desk.config, records), desk.state.day_label
    desk.reconcile()
    desk.prices({SPY: "465"})
    desk.prices({SPY: "466"})
    assert desk.state.breakers.is_day_tripped
    assert desk.state.day_label == label


DAYS = [
    pytest.param("2025-03-08T12:00", "2025-03-09", 23, id="spring-in-new-york"),
    pytest.param("2025-11-01T12:00", "2025-11-02", 25, id="autumn-in-new-york"),
    pytest.param("2025-10-25T12:00", "2025-10-26", 24, id="autumn-in-europe-a-week-before"),
    pytest.param("2025-03-29T12:00", "2025-03-30", 24, id="spring-in-europe-weeks-later"),
    pytest.param("2024-02-28T12:00", "2024-02-29", 24, id="leap-day"),
    pytest.param("2024-12-31T12:00", "2025-01-01", 24, id="year-end"),
]


@pytest.mark.parametrize(("began", "label", "hours"), DAYS)
def test_a_day_opens_once_and_lasts_from_midnight_to_midnight(
    began: str, label: str, hours: int
) -> None:
    desk = Desk(now_ns=at(began))
    opened: list[tuple[str, int]] = []
    while desk.now_ns < at(began) + 3 * DAY_NS:
        desk.now_ns += 30 * MINUTE_NS
        desk.records.clear()
        desk.prices()
        opened += [
            (each.label, desk.now_ns)
            for each in desk.records
            if isinstance(each, BaselineSet) and each.period == "day"
        ]
    labels = [each for each, _ in opened]
    assert labels == sorted(set(labels))
    place = labels.index(label)
    assert opened[place + 1][1] - opened[place][1] == hours * HOUR_NS


def test_a_process_that_begins_in_the_hour_told_twice_keeps_day_and_trip() -> None:
    desk = Desk(holdings={SPY: "100"}, cash=50_000, now_ns=at("2025-11-02T05:30"))  # 01:30, once
    desk.prices({SPY: "465"})
    desk.now_ns = at("2025-11-02T06:30")  # 01:30 again
    desk.engine = Engine(desk.config, [decode(encode(each)) for each in desk.records])
    desk.records.clear()
    desk.reconcile()
    desk.prices({SPY: "465"})
    desk.prices({SPY: "490"})
    assert desk.state.breakers.is_day_tripped
    assert desk.state.day_label == "2025-11-02"
    assert not any(isinstance(each, BaselineSet) for each in desk.records)
    assert desk.buy(KO, "1").reason == "breaker_day"
    assert desk.state.book.qty(SPY) == D(100)
