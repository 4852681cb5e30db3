"""Protective stops: placed, resized, out of the way of a sale, back again, and watched as well."""

import pytest
from tests.simulation.desk import AAPL, BTC, KO, TQQQ, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE, Order, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Unprotected
from smart_leverage.engine.events import Verdict


def live(desk: Desk, key: Key) -> Order:
    stop = desk.state.live_stop(key)
    assert stop is not None
    return stop.order


def test_a_fill_is_followed_by_a_stop() -> None:
    desk = Desk()
    desk.buy(AAPL, "10")
    desk.fill(desk.take(), "201")

    stop = desk.take()

    assert (stop.bot, stop.role, stop.side) == (HOUSE, Role.STOP, Side.SELL)
    assert (stop.type, stop.time_in_force, stop.qty) == (OrderType.STOP, TimeInForce.GTC, D(10))
    assert stop.stop_price == D("192.96")  # 4 % below the entry while volatility is unknown


def test_a_coin_gets_a_stop_limit_below() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    assert (stop.type, stop.stop_price, stop.limit_price) == (
        OrderType.STOP_LIMIT,
        D("48000.00"),
        D("47040.00"),
    )


def test_what_was_adopted_gets_a_stop_at_the_first_price() -> None:
    assert live(Desk(holdings={BTC: "0.1"}), BTC).qty == D("0.1")


def test_the_distance_follows_volatility_within_bounds() -> None:
    desk = Desk()
    for number in range(300):
        desk.wait(3600)
        desk.prices({AAPL: "204" if number % 2 else "200", KO: f"{60 + number % 2 * 6}"})
    desk.prices({AAPL: "200", KO: "60"})
    stops = [desk.hold(key, "10").stop_price for key in (AAPL, KO)]
    # An hourly 2 % is 9.7 % a day; three times that, and 10 % an hour, are cut to 15 %.
    assert stops == [D("170.00"), D("51.00")]


def test_a_stop_covers_whole_shares_only() -> None:
    desk = Desk()
    assert desk.hold(AAPL, "1.5").qty == 1


def test_a_stop_grows_with_its_position() -> None:
    desk = Desk()
    stop = desk.hold(AAPL, "10")
    desk.buy(AAPL, "10")
    assert desk.cancelled == [stop.client_order_id]  # a venue refuses a buy against it
    desk.end(stop)

    desk.fill(desk.take(), "202")

    grown = desk.take()
    assert (grown.qty, grown.stop_price) == (D(20), D("192.96"))  # 4 % below 201


def test_a_stop_is_back_when_the_buy_did_not_fill() -> None:
    desk = Desk()
    stop = desk.hold(AAPL, "10")
    desk.buy(AAPL, "10")
    desk.end(stop)
    desk.end(desk.take(), "expired")
    assert desk.take().qty == 10


def test_a_stop_that_was_filled_in_part_goes_on_with_the_rest() -> None:
    desk = Desk()
    stop = desk.hold(AAPL, "10")
    desk.fill(stop, "192", "4")
    assert live(desk, AAPL) == stop
    assert not desk.cancelled


def test_a_stop_that_would_rise_above_the_price_stays_where_it_was() -> None:
    """The market calmed down, so the distance is smaller; what is added raises the stop."""
    desk = Desk()
    for number in range(300):
        desk.wait(3600)
        desk.prices({AAPL: "204" if number % 2 else "200"})
    desk.prices({AAPL: "200"})
    wide = desk.hold(AAPL, "40")
    assert wide.stop_price == D("170.00")
    for number in range(120):
        desk.wait(86_400)
        desk.prices({AAPL: "200.50" if number % 2 else "200"})
    desk.prices({AAPL: "190"})

    desk.buy(AAPL, "5")
    desk.end(wide)
    desk.fill(desk.take(), "190.50")  # the average is 198.94, 4 % below is 190.98

    rested = desk.take(Role.STOP)
    assert (rested.qty, rested.stop_price) == (D(45), D("170.00"))


def test_a_position_that_was_added_to_below_its_average_stays_covered() -> None:
    desk = Desk()
    desk.buy(AAPL, "10")
    desk.fill(desk.take(), "200")
    low = desk.take()
    assert low.stop_price == D("192.00")
    desk.prices({AAPL: "192.50"})
    desk.buy(AAPL, "30")
    desk.end(low)
    desk.fill(desk.take(), "193.40")  # the average is 195.05, 4 % below is 187.24
    assert desk.take(Role.STOP).qty == 40


def test_what_gapped_through_its_stop_is_sold_by_the_engine() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")

    desk.prices({BTC: "46000"})
    assert desk.cancelled == [stop.client_order_id]
    desk.end(stop)

    sale = desk.take()
    assert (sale.role, sale.type, sale.qty) == (Role.GUARD, OrderType.MARKET, D("0.1"))


def test_the_watch_sells_once() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    desk.prices({BTC: "46000"})
    desk.end(stop)
    desk.take()
    desk.prices({BTC: "45000"})
    desk.prices({BTC: "44000"})
    assert not desk.sent


def test_a_holding_adopted_below_its_stop_is_sold() -> None:
    desk = Desk(holdings={TQQQ: "100"}, first={TQQQ: "45"})  # adopted at 50, 4 % below is 48
    assert [(o.role, o.qty) for o in desk.sent] == [(Role.GUARD, D(100))]


def test_a_part_of_a_share_has_no_stop_at_the_venue_and_is_watched() -> None:
    desk = Desk()
    desk.buy(AAPL, "0.5")
    desk.fill(desk.take(), "200")
    assert not desk.sent

    desk.prices({AAPL: "191"})

    assert [(o.role, o.qty) for o in desk.sent] == [(Role.GUARD, D("0.5"))]


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.NOT_SENT])
def test_a_stop_that_the_venue_did_not_take_is_tried_again_at_the_next_price(
    verdict: Verdict,
) -> None:
    desk = Desk()
    desk.buy(AAPL, "10")
    desk.fill(desk.take(), "200")

    desk.answer(desk.pop(), verdict, "not now")
    assert not desk.sent  # at once would be again and again
    desk.prices()

    assert desk.take().role is Role.STOP


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.NOT_SENT])
@pytest.mark.parametrize("side", list(Side))
def test_what_waits_for_a_stop_leaves_once_the_venue_has_not_taken_that(
    side: Side, verdict: Verdict
) -> None:
    """As when fill and wish come in together: the stop is taken back before it has left."""
    desk = Desk()
    desk.buy(AAPL, "10")
    desk.fill(desk.take(), "200")
    stop = desk.pop()
    if side is Side.BUY:
        desk.buy(AAPL, "5")
    else:
        desk.sell(AAPL, "5")
    assert not desk.sent  # it waits for the last word of the stop

    desk.answer(stop, verdict, "taken back before it left")

    left = desk.pop()
    assert (left.side, left.qty, left.role) == (side, D(5), Role.BOT)
    assert not desk.sent


def test_a_stop_of_unknown_outcome_is_not_sent_twice() -> None:
    desk = Desk()
    desk.buy(AAPL, "10")
    desk.fill(desk.take(), "200")
    desk.answer(desk.pop(), Verdict.UNKNOWN)
    desk.prices()
    assert not desk.sent


def test_a_stop_that_expired_is_replaced() -> None:
    desk = Desk()
    stop = desk.hold(AAPL, "10")
    desk.end(stop, "expired")
    again = desk.take()
    assert (again.qty, again.stop_price) == (stop.qty, stop.stop_price)


def test_a_position_without_a_stop_is_reported_once() -> None:
    desk = Desk()
    desk.buy(AAPL, "0.5")
    desk.fill(desk.take(), "200")
    since = desk.now_ns
    for _ in range(4):
        desk.wait(30)
        desk.prices()
    reports = [record for record in desk.records if isinstance(record, Unprotected)]
    assert [(each.key, each.since_ns) for each in reports] == [(AAPL, since)]
