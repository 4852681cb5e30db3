"""Increases one at a time: approved, cut, denied, with the arithmetic, and what they reserve."""

from decimal import Decimal

import pytest
from tests.simulation.desk import AAPL, BTC, DOGE, ETH, KO, SOL, SPY, TQQQ, Desk, at

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderState, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Intended
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Prices, Rung, Verdict

D = Decimal


def test_an_order_inside_every_cap_leaves_as_a_limit_a_little_above_the_price() -> None:
    desk = Desk()

    decided = desk.buy(BTC, "0.1")

    assert (decided.verdict, decided.reason, decided.given) == ("approved", "none", D("0.1"))
    (order,) = desk.sent
    assert (order.side, order.qty, order.bot, order.role) == (Side.BUY, D("0.1"), "bot", Role.BOT)
    assert (order.type, order.limit_price) == (OrderType.LIMIT, D("50250.00"))
    assert order.time_in_force is TimeInForce.IOC


def test_the_arithmetic_of_a_decision_is_in_its_figures() -> None:
    desk = Desk(holdings={ETH: "2", SPY: "20"})
    desk.hold(BTC, "0.1")
    desk.buy(SOL, "10")

    figures = desk.buy(TQQQ, "20").figures

    # 95,000 of cash and 20,000 of holdings, of which trades are trusted to half a per cent; the SOL
    # under way may cost 5.00 above the price and 0.3 % of fees.
    assert figures["equity"] == "114891.98"
    assert figures["crypto, worst case"] == "11055.00"
    assert figures["leveraged, worst case"] == "11055.00"
    assert figures["gross, worst case"] == "21105.00"
    assert figures["TQQQ, worst case"] == "0.00"
    assert figures["reserved by open buys"] == "1008.02"
    assert figures["cash"] == "95000.00"
    assert figures["counted per unit"] == "50.25"
    assert (figures["cap crypto"], figures["cap leveraged"]) == ("0.25", "0.35")
    assert (figures["cap gross"], figures["cap symbol"]) == ("1.0", "0.1")
    assert figures["tier"] == "learning"


@pytest.mark.parametrize(
    ("key", "qty", "reason", "bound", "would_be"),
    [
        pytest.param(BTC, "0.3", "cap_symbol", "0.1", "0.15093146", id="symbol"),
        pytest.param(SPY, "110", "cap_symbol", "0.5", "0.55519745", id="broad-fund"),
        pytest.param(TQQQ, "250", "cap_symbol", "0.1", "0.12575099", id="fund"),
    ],
)
def test_an_order_over_a_cap_is_denied_with_bound_value_and_what_would_fit(
    key: Key, qty: str, reason: str, bound: str, would_be: str
) -> None:
    desk = Desk()

    decided = desk.buy(key, qty)

    assert (decided.verdict, decided.reason, decided.unit) == ("denied", reason, "fraction")
    assert decided.given == 0
    assert (decided.bound, decided.would_be) == (D(bound), D(would_be))
    assert not desk.sent
    # What would have fitted does fit, and not a lot more does.
    assert desk.buy(key, f"{decided.allowed}").verdict == "approved"


def test_the_largest_quantity_allowed_is_exact_to_the_lot() -> None:
    allowed = Desk().buy(BTC, "0.3").allowed
    # Counted per unit: the limit of 50,250, the 250 that it lies above the price, 0.3 % of fees.
    assert allowed * D("50650.75") <= 10_000 < (allowed + D("0.0000001")) * D("50650.75")


def test_a_bot_that_agreed_gets_what_fits() -> None:
    desk = Desk()

    decided = desk.buy(BTC, "0.3", may_shrink=True)

    assert (decided.verdict, decided.reason) == ("cut", "cap_symbol")
    assert decided.asked == D("0.3")
    assert decided.given == decided.allowed == desk.sent[0].qty > 0


def test_a_bot_may_buy_a_part_of_a_share() -> None:
    desk = Desk()
    assert desk.buy(AAPL, "1.5").given == D("1.5")
    assert desk.buy(KO, notional="90").given == D("1.5")


def test_a_signal_is_sized_by_the_policy_and_in_whole_shares() -> None:
    desk = Desk()
    # 5 % of what the crypto cap makes available is 1,250; counted per unit as above.
    given = desk.signal(BTC).given
    assert given * D("50650.75") <= 1_250 < (given + D("0.0000001")) * D("50650.75")
    assert desk.signal(AAPL).given == 24  # 5,000 at 202.60 per share


def test_a_signal_for_a_position_at_its_size_is_held() -> None:
    desk = Desk()
    desk.hold(BTC, "0.025")
    assert (desk.signal(BTC).verdict, desk.signal(BTC).reason) == ("held", "size")


def test_open_orders_use_the_room_of_the_next() -> None:
    desk = Desk()
    assert desk.buy(BTC, "0.19").verdict == "approved"
    assert desk.buy(ETH, "3.9").verdict == "approved"

    third = desk.buy(SOL, "90")

    # 0.19 at 50,250 and 3.9 at 2,512.50; another 9,045 would make 28,391 of 25,000.
    assert (third.verdict, third.reason) == ("denied", "cap_crypto")
    assert third.figures["crypto, worst case"] == "19346.25"


def test_two_orders_in_parallel_against_one_cap() -> None:
    desk = Desk()
    first, second = desk.buy(BTC, "0.15"), desk.buy(BTC, "0.15")
    assert (first.verdict, second.verdict) == ("approved", "denied")
    assert second.reason == "cap_symbol"
    assert second.figures["BTC/USD, worst case"] == "7537.50"


@pytest.mark.parametrize("status", ["canceled", "expired", "rejected"])
def test_room_comes_back_when_an_order_ends(status: str) -> None:
    desk = Desk()
    desk.buy(BTC, "0.19")
    desk.end(desk.take(), status)
    assert desk.buy(BTC, "0.19").verdict == "approved"


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.NOT_SENT])
def test_room_comes_back_when_the_broker_never_had_the_order(verdict: Verdict) -> None:
    desk = Desk()
    desk.buy(BTC, "0.19")
    desk.answer(desk.pop(), verdict)
    assert desk.buy(BTC, "0.19").verdict == "approved"


def test_an_order_of_unknown_outcome_keeps_its_room() -> None:
    desk = Desk()
    desk.buy(BTC, "0.19")
    order = desk.pop()

    desk.answer(order, Verdict.UNKNOWN, "no answer")

    assert desk.state.orders.by_id[order.client_order_id].state is OrderState.UNKNOWN
    assert desk.buy(BTC, "0.05").reason == "cap_symbol"
    desk.wait(3_600)
    desk.prices()
    assert desk.buy(BTC, "0.05").reason == "cap_symbol"


def test_a_partial_fill_moves_room_from_the_order_to_the_position() -> None:
    desk = Desk()
    desk.buy(BTC, "0.19")
    desk.fill(desk.take(), "50000", "0.10")

    figures = desk.buy(BTC, "0.1").figures

    assert figures["BTC/USD, worst case"] == "9547.50"
    assert figures["reserved by open buys"] == "4536.07"  # 0.09 at 50,250 and 0.3 %


def test_an_open_sell_frees_nothing() -> None:
    desk = Desk()
    desk.hold(BTC, "0.19")
    desk.hold(ETH, "3.6")
    assert desk.sell(BTC, "0.19").verdict == "approved"
    assert desk.buy(SOL, "70").reason == "cap_crypto"


def test_an_instrument_that_was_not_listed_is_refused() -> None:
    desk = Desk()
    decided = desk.buy(Key("crypto:SHIB/USD"), "1")
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert "not listed" in decided.figures["instrument"]


@pytest.mark.parametrize(
    ("qty", "notional", "worth"),
    [
        pytest.param("0.00000001", "", "0.0005", id="less-than-a-lot"),
        pytest.param("0.0001", "", "5", id="lots"),
        pytest.param("", "5", "5", id="money"),
    ],
)
def test_less_than_the_venue_takes_is_refused_in_money(qty: str, notional: str, worth: str) -> None:
    decided = Desk().buy(BTC, qty, notional=notional)
    assert (decided.reason, decided.unit) == ("minimum", "money")
    assert (decided.bound, decided.would_be) == (D(10), D(worth))


def test_a_halt_is_told_before_a_size_that_is_too_small() -> None:
    desk = Desk()
    desk.order(Command.HALT)
    assert desk.buy(BTC, notional="0.000001").reason == "halted"


def test_what_is_held_counts_at_the_limit_of_a_buy_from_the_start() -> None:
    """Otherwise an order is sent that the next price, though the same, has to cancel."""
    desk = Desk()
    desk.hold(KO, "150")
    desk.prices()
    quotes = tuple(desk.price.items())
    desk.feed(Prices(at_ns=desk.now_ns, prints=quotes, rung=Rung.QUOTE))
    assert desk.buy(KO, "500", may_shrink=True).verdict == "cut"
    order = next(one for one in desk.state.orders.buys()).order
    desk.feed(Prices(at_ns=desk.now_ns + 1, prints=quotes, rung=Rung.QUOTE))
    assert order.client_order_id in desk.state.orders.by_id


@pytest.mark.parametrize("bot", ["one", "two"])
def test_a_buy_against_a_sale_under_way_is_refused(bot: str) -> None:
    """The venue would refuse it: the two might trade with each other."""
    desk = Desk()
    desk.hold(BTC, "0.05", bot="one")
    desk.sell(BTC, "0.05", bot="one")
    assert desk.buy(BTC, "0.01", bot=bot).reason == "opposite_bot"
    assert desk.buy(ETH, "0.1", bot=bot).verdict == "approved"


# -- prices ---------------------------------------------------------------------------------------


def bought(desk: Desk) -> tuple[str, str]:
    decided = desk.buy(DOGE, "10000")
    return decided.verdict, decided.reason


@pytest.mark.parametrize(
    ("price", "limit"),
    [
        pytest.param("1.0049", "1.01", id="collar-below-a-cent"),
        pytest.param("0.2061", "0.2071", id="below-a-dollar"),
        pytest.param("49.987654", "50.23", id="adjusted-price"),
    ],
)
def test_a_limit_lies_on_the_venues_tick(price: str, limit: str) -> None:
    desk = Desk()
    for _ in range(2):  # so far away is a jump, which a second print confirms
        desk.print_one(TQQQ, price)
    assert desk.buy(TQQQ, "10").verdict == "approved"
    assert desk.sent[0].limit_price == D(limit)


def test_a_price_that_has_grown_old_carries_no_increase() -> None:
    desk = Desk()
    desk.wait(60)
    assert bought(desk) == ("approved", "none")
    desk.wait(1)
    assert bought(desk) == ("denied", "no_price")


@pytest.mark.parametrize("price", ["NaN", "sNaN", "0", "-1", "Infinity"])
def test_what_cannot_be_a_price_is_no_news(price: str) -> None:
    desk = Desk()
    desk.wait(61)
    desk.print_one(DOGE, price)
    assert bought(desk) == ("denied", "no_price")
    assert desk.engine.valuation().equity == 100_000


def test_a_lone_jump_carries_no_increase_until_it_is_confirmed() -> None:
    desk = Desk()
    desk.print_one(DOGE, "0.2")
    assert bought(desk) == ("denied", "no_price")
    desk.print_one(DOGE, "0.205")
    assert bought(desk) == ("approved", "none")


def test_a_jump_that_was_a_slip_is_forgotten() -> None:
    desk = Desk()
    desk.print_one(DOGE, "0.0001")
    desk.print_one(DOGE, "0.101")
    assert bought(desk) == ("approved", "none")


@pytest.mark.parametrize("rung", [Rung.BROKER, Rung.CLOSE])
def test_the_lower_rungs_value_a_position_and_carry_no_increase(rung: Rung) -> None:
    desk = Desk()
    desk.print_one(DOGE, "0.1", rung)
    assert bought(desk) == ("denied", "no_price")


def test_a_stale_position_counts_higher_and_its_equity_lower() -> None:
    desk = Desk(holdings={TQQQ: "100"}, cash=95_000)
    desk.wait(61)
    desk.print_one(BTC, "50000")

    figures = desk.buy(BTC, "0.1").figures

    assert figures["leveraged, worst case"] == "5500.00"
    assert figures["equity"] == "99500.00"


@pytest.mark.parametrize(
    ("jump", "crypto", "equity"),
    [
        pytest.param("4000", "8000.00", "99500.00", id="up-counts-as-exposure"),
        pytest.param("1500", "5500.00", "98000.00", id="down-counts-in-equity"),
    ],
)
def test_a_doubted_jump_counts_where_it_is_worse(jump: str, crypto: str, equity: str) -> None:
    desk = Desk(holdings={ETH: "2"}, cash=95_000)
    desk.print_one(ETH, jump)

    figures = desk.buy(BTC, "0.01").figures

    assert (figures["crypto, worst case"], figures["equity"]) == (crypto, equity)


# -- again at the open ----------------------------------------------------------------------------


def test_increases_are_proved_again_at_the_opening_and_the_newest_goes_first() -> None:
    desk = Desk(holdings={ETH: "3.9"}, cash=90_250)
    desk.buy(BTC, "0.19")
    desk.buy(SOL, "50")
    first, second = desk.take(), desk.take()

    desk.prices({ETH: "2800"}, is_opening=True)

    assert desk.cancelled == [second.client_order_id]
    assert desk.state.orders.by_id[first.client_order_id].state is OrderState.OPEN


def test_coins_over_their_cap_take_no_purchase_of_shares_along() -> None:
    """A share neither adds to the coins nor makes room for them; the newest coins go."""
    desk = Desk(holdings={ETH: "3.9"}, cash=90_250)
    desk.buy(BTC, "0.19")
    first = desk.take()
    desk.buy(KO, "20")
    share = desk.take()

    desk.prices({ETH: "4200"}, is_opening=True)

    assert desk.cancelled == [first.client_order_id]
    assert desk.state.orders.by_id[share.client_order_id].state is OrderState.OPEN


def test_what_still_fits_at_the_opening_stays() -> None:
    desk = Desk()
    desk.buy(BTC, "0.19")
    desk.take()
    desk.prices({BTC: "50200"}, is_opening=True)
    assert not desk.cancelled


def test_the_room_of_a_cancelled_order_is_kept_until_the_broker_confirms() -> None:
    desk = Desk(holdings={ETH: "3.9"}, cash=90_250)
    desk.buy(BTC, "0.19")
    desk.buy(SOL, "50")
    desk.take()
    second = desk.take()
    desk.prices({ETH: "2800"}, is_opening=True)

    before = desk.buy(DOGE, "1000").figures["crypto, worst case"]
    desk.end(second)
    after = desk.buy(DOGE, "1000").figures["crypto, worst case"]

    assert D(before) - D(after) == D("5025.00")


@pytest.mark.parametrize("key", [BTC, AAPL])
def test_an_order_that_rests_too_long_while_its_class_trades_is_cancelled(key: Key) -> None:
    desk = Desk(config=EngineConfig(entry_life_s=120.0))
    desk.buy(key, "0.1")
    order = desk.take()
    desk.wait(120)
    desk.prices()
    assert not desk.cancelled
    desk.wait(60)
    desk.prices()
    assert desk.cancelled == [order.client_order_id]


def test_a_share_order_does_not_age_over_night() -> None:
    desk = Desk(config=EngineConfig(entry_life_s=120.0), now_ns=at("2024-03-05T21:00"))
    desk.buy(AAPL, "10")
    order = desk.take()
    for moment in ("2024-03-06T02:00", "2024-03-06T14:30", "2024-03-06T14:32"):
        desk.now_ns = at(moment)
        desk.prices()
    assert not desk.cancelled
    desk.now_ns = at("2024-03-06T14:33")
    desk.prices()
    assert desk.cancelled == [order.client_order_id]


def test_ids_are_made_from_content() -> None:
    def names() -> list[str]:
        desk = Desk()
        desk.buy(BTC, "0.1")
        desk.buy(ETH, "0.1", bot="other")
        return [order.client_order_id for order in desk.sent]

    assert names() == names()
    assert len(set(names())) == 2


def test_every_order_was_intended_before_it_left() -> None:
    desk = Desk()
    desk.buy(BTC, "0.1")
    assert [r.order for r in desk.records if isinstance(r, Intended)] == desk.sent
