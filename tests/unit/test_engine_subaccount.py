"""What one bot sees of the account: its own holdings, shared cash, and what it may still add."""

from tests.simulation.desk import BTC, KO, D, Desk
from tests.unit.test_engine_shares_of_bots import seat

from smart_leverage.engine.events import BrokerLost, Command


def test_a_bot_sees_its_own_and_nothing_of_others() -> None:
    desk = Desk()
    desk.hold(KO, "100")
    desk.hold(BTC, "0.1", bot="other")
    (mine,) = desk.engine.holdings("bot")
    assert (mine.instrument.key, mine.qty, mine.price) == (KO, D(100), D(60))
    assert (mine.entry_price, mine.cost_basis) == (D(60), D(6000))
    assert desk.engine.holding("bot", BTC) is None
    assert desk.engine.subaccount("bot").market_value == 6_000


def test_what_is_being_sold_is_not_available_and_the_stop_of_the_house_is_no_sale() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    first = desk.engine.holding("bot", KO)
    assert first is not None
    assert first.qty_available == 100
    desk.sell(KO, "30")
    desk.end(stop)
    then = desk.engine.holding("bot", KO)
    assert then is not None
    assert (then.qty, then.qty_available) == (D(100), D(70))


def test_equity_is_own_holdings_and_the_cash_that_is_not_reserved() -> None:
    desk = Desk()
    desk.hold(KO, "100")
    seen = desk.engine.subaccount("bot")
    assert (seen.cash, seen.equity) == (D(94_000), D(100_000))
    desk.buy(BTC, "0.1")
    assert desk.engine.subaccount("bot").cash == 94_000 - D("0.1") * 50_250 * D("1.003")


def test_a_share_bounds_the_cash_of_a_bot() -> None:
    desk = Desk()
    seat(desk, share="0.2")
    assert desk.engine.subaccount("bot").cash == 20_000
    desk.hold(KO, "100")
    seen = desk.engine.subaccount("bot")
    assert (seen.cash, seen.equity) == (D(14_000), D(20_000))


def test_headroom_is_what_the_caps_leave() -> None:
    desk = Desk()
    room = desk.engine.subaccount("bot").headroom
    assert (room.any, room.crypto) == (D(100_000), D(25_000))
    desk.hold(BTC, "0.1")  # counts 5,025 as long as its price is a trade's
    after = desk.engine.subaccount("bot").headroom
    assert after.crypto < 25_000 - 5_000
    assert after.any < 95_000


def test_there_is_no_headroom_while_nothing_may_be_added() -> None:
    for act in (
        lambda desk: desk.order(Command.HALT),
        lambda desk: desk.order(Command.REDUCE),
        lambda desk: desk.feed(BrokerLost(at_ns=desk.now_ns)),
    ):
        desk = Desk()
        act(desk)
        room = desk.engine.subaccount("bot").headroom
        assert (room.any, room.crypto) == (D(0), D(0))
