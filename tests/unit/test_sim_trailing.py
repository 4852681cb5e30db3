"""Trailing stops at the simulated venue: what moves them in a bar, a quote, a session."""

from decimal import Decimal

import pytest
from tests.unit.test_sim_bars import AAPL, BUY, DAY, SELL, Pit, at
from tests.unit.test_sim_quotes import MONDAY, seen, send, venue

from smart_leverage.brokers.sim import SimBroker, SimConfig
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.orders import OrderType
from smart_leverage.domain.registry import Registry

D = Decimal
TRAILING = OrderType.TRAILING_STOP


@pytest.fixture
def pit() -> Pit:
    pit = Pit()
    pit.open(200.0)
    pit.send("a", SELL, type=TRAILING, trail_price="5")
    return pit


def stands(pit: Pit, name: str = "a") -> tuple[Decimal | None, Decimal | None]:
    """Return the best price and the stop."""
    order = pit.order(name)
    return order.hwm, order.order.stop_price


# -- bars -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bar", "status", "price", "mark"),
    [
        pytest.param((200.0, 203.0, 199.0, 202.0), "new", None, "203", id="rises-with-the-high"),
        pytest.param((200.0, 200.0, 196.0, 197.0), "new", None, "200", id="stays-as-it-falls"),
        pytest.param((200.0, 200.0, 195.0, 199.0), "filled", "194.96", "200", id="reached"),
        pytest.param((190.0, 196.0, 189.0, 195.0), "filled", "189.96", "200", id="jumped-over"),
        # The low may have come first: the high of the same bar does not lift the stop above it.
        pytest.param((200.0, 204.0, 198.0, 203.0), "new", None, "204", id="worst-price-first"),
        # An open is first in any case, so it does.
        pytest.param((203.0, 203.0, 198.0, 199.0), "filled", "197.96", "203", id="open-lifts-it"),
        # The close is last in any case: from 206 to 200 the market went through 201.
        pytest.param((200.0, 206.0, 198.0, 200.0), "filled", "200.95", "206", id="close-is-beyond"),
        pytest.param((200.0, 206.0, 198.0, 201.01), "new", None, "206", id="close-is-not"),
    ],
)  # fmt: skip
def test_a_bar_is_met_open_first_then_the_worst_then_the_best_then_the_close(
    pit: Pit, bar: tuple[float, float, float, float], status: str, price: str | None, mark: str
) -> None:
    pit.bar(*bar)
    assert pit.seen("a") == (status, None if price is None else D(price))
    assert stands(pit) == (D(mark), D(mark) - 5)


def test_a_purchase_is_the_mirror() -> None:
    pit = Pit()
    pit.open(200.0)
    pit.send("a", BUY, "1", type=TRAILING, trail_price="5")
    pit.bar(200.0, 200.0, 190.0, 192.0)
    assert stands(pit) == (D(190), D(195))
    pit.bar(192.0, 195.0, 191.0, 194.0)
    assert pit.seen("a") == ("filled", D("195.04"))


def test_of_the_bar_in_which_it_was_sent_only_the_close_counts(pit: Pit) -> None:
    pit.broker.cancel("a")
    pit.broker.advance(pit.at_ns + SECOND_NS)
    pit.send("b", SELL, type=TRAILING, trail_price="5")
    pit.bar(200.0, 230.0, 150.0, 201.0)
    assert stands(pit, "b") == (D(201), D(196))


def test_the_stop_is_on_the_step_of_the_price_away_from_the_market() -> None:
    pit = Pit()
    pit.open(200.0)
    pit.send("a", SELL, type=TRAILING, trail_percent=D("1.5"))
    pit.bar(200.0, 201.23, 199.0, 201.0)
    assert stands(pit) == (D("201.23"), D("198.21"))  # 198.21155
    pit.send("b", BUY, "1", type=TRAILING, trail_percent=D("1.5"))
    pit.bar(200.9, 200.9, 199.99, 200.0)
    assert stands(pit, "b") == (D("199.99"), D("202.99"))  # 202.98985


# -- quotes ---------------------------------------------------------------------------------------


def test_a_quote_moves_it_by_the_side_at_which_it_would_trade() -> None:
    with venue() as broker:
        send(broker, "a", SELL, type=TRAILING, trail_price="5")
        broker.on_quote(MONDAY + 1, AAPL, 199.0, 230.0)  # nobody pays 230
        broker.on_quote(MONDAY + 2, AAPL, 195.01, 195.02)
        assert seen(broker, "a") == ("new", None)
        broker.on_quote(MONDAY + 3, AAPL, 194.0, 194.01)
        assert seen(broker, "a") == ("filled", D(194))


def test_once_reached_the_rest_is_sold_whatever_comes() -> None:
    with venue(partial_probability=1.0, seed=3) as broker:
        send(broker, "a", SELL, type=TRAILING, trail_price="5")
        broker.on_quote(MONDAY + 1, AAPL, 195.0, 195.1)
        order = broker.order("a")
        assert order is not None
        assert order.status == "partially_filled"
        broker.on_quote(MONDAY + 2, AAPL, 250.0, 250.1)
        after = broker.order("a")
        assert after is not None
        assert after.filled_qty > order.filled_qty
        assert after.hwm == D(200)


# -- sessions -------------------------------------------------------------------------------------


def test_outside_the_session_it_neither_moves_nor_trades() -> None:
    with venue(at("2026-08-03T19:59+00:00")) as broker:
        send(broker, "a", SELL, "5", type=TRAILING, trail_price="5")
        send(broker, "day", SELL, "5", type=TRAILING, trail_price="5", time_in_force=DAY)
        for price in (230.0, 150.0, 200.0):
            broker.on_quote(broker.now_ns + 120 * SECOND_NS, AAPL, price, price)
        order = broker.order("a")
        assert order is not None
        assert (order.status, order.hwm) == ("new", D(200))
        assert seen(broker, "day") == ("expired", None)
        broker.on_quote(at("2026-08-04T13:30+00:00"), AAPL, 204.0, 204.0)
        order = broker.order("a")
        assert order is not None
        assert order.order.stop_price == D(199)


def test_without_a_price_there_is_nothing_to_follow() -> None:
    broker = SimBroker(
        Registry.builtin(), config=SimConfig(opened_at_ns=MONDAY, is_short_allowed=True)
    )
    with broker, pytest.raises(Refused, match="has no price yet"):
        send(broker, "a", BUY, "1", type=TRAILING, trail_price="5")
