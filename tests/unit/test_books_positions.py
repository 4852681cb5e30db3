"""Cash, lots and whose they are: worked examples, every number by hand."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest

from smart_leverage.books.book import Book
from smart_leverage.books.exact import ratio
from smart_leverage.books.positions import CHECKPOINT_EVERY
from smart_leverage.books.postings import Posting, imbalance
from smart_leverage.domain.errors import BadData, InvariantViolation
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import EXTERNAL, HOUSE, Fill, Order, Role, Side

D = Decimal

BTC = Key("crypto:BTC/USD")
SPY = Key("us_equity:SPY")


def instrument(key: Key, *, lot: str, tick: str = "0.01") -> Instrument:
    asset_class, symbol = key.split(":")
    is_crypto = asset_class == "crypto"
    return Instrument(
        key=key,
        asset_class=AssetClass(asset_class),
        symbol=symbol,
        name=symbol,
        kind="coin" if is_crypto else "fund",
        underlying=symbol,
        factor=D(1),
        is_crypto=is_crypto,
        tick=D(tick),
        lot=D(lot),
        size_step=D(lot),
        notional_min=D(1),
        fractionable=True,
        shortable=False,
        marginable=False,
        maintenance_rate_long=D(1),
        maintenance_rate_short=D(1),
        reference_price=D(100),
    )


class World:
    """A book, and orders by name whose fills it gets; time runs on by one with every fill."""

    def __init__(self, cash: str = "100000") -> None:
        self.book = Book()
        self.book.list_instrument(instrument(BTC, lot="0.01"))
        self.book.list_instrument(instrument(SPY, lot="1"))
        self.book.open(D(cash))
        self.now = 0

    def fill(
        self,
        order: str,
        bot: str,
        side: str,
        qty: str,
        price: str,
        *,
        fee: str = "0",
        fee_asset: str = "USD",
        key: Key = BTC,
        role: Role = Role.BOT,
        at_ns: int | None = None,
        execution_id: str = "",
    ) -> Any:
        self.now += 1
        at = self.now if at_ns is None else at_ns
        return self.book.apply_fill(
            Fill(
                execution_id=execution_id or f"{order}/{at}",
                client_order_id=order,
                key=key,
                side=Side(side),
                qty=D(qty),
                price=D(price),
                fee=D(fee),
                fee_asset=fee_asset,
                at_ns=at,
            ),
            Order(client_order_id=order, bot=bot, key=key, side=Side(side), qty=D(1000), role=role),
        )


@pytest.fixture
def world() -> World:
    return World()


# --- cash and fees ------------------------------------------------------------------------------


def test_a_fee_in_coin_shrinks_the_position_and_belongs_to_its_cost(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "20000", fee="0.0025", fee_asset="BTC")

    position = world.book.position(BTC)
    assert world.book.cash == D(80000)
    assert world.book.qty(BTC) == D("0.9975")
    assert position is not None
    assert position.average_entry_price == D(20000)
    assert (position.value, position.fees) == (D(19950), D(50))
    assert position.cost_basis == D(20000)  # exactly what was paid


def test_a_fee_in_money_leaves_the_position_whole(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "20000", fee="50")

    position = world.book.position(BTC)
    assert world.book.cash == D(79950)
    assert position is not None
    assert (position.qty, position.cost_basis) == (D(1), D(20050))


def test_the_average_entry_price_is_that_of_the_lots_still_held(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "20000")
    world.fill("b", "alpha", "buy", "3", "24000")
    assert_average(world, D(23000))  # (20000 + 72000) / 4
    world.fill("c", "alpha", "sell", "1", "30000")
    assert_average(world, D(24000))


def assert_average(world: World, price: D) -> None:
    position = world.book.position(BTC)
    assert position is not None
    assert position.average_entry_price == price


def test_a_flow_changes_cash_only(world: World) -> None:
    assert world.book.flow(D("-250.50")) == (
        Posting("cash", "USD", D("-250.50")),
        Posting("flows", "USD", D("250.50")),
    )
    assert world.book.cash == D("99749.50")
    assert world.book.keys == ()


def test_books_open_once(world: World) -> None:
    with pytest.raises(InvariantViolation):
        world.book.open(D(1))


# --- first in, first out ------------------------------------------------------------------------


def test_a_sale_takes_the_oldest_lots_first_and_slices_are_one_trade(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "20000", fee="0.0025", fee_asset="BTC")
    world.fill("b", "alpha", "buy", "0.5", "22000", fee="0.00125", fee_asset="BTC")
    world.fill("s", "alpha", "sell", "0.7", "21000", fee="36.75")
    # 0.7 of the first lot: 14700 − 14000 = 700. Of the lot's fee of 50 falls 50 × 0.7 / 0.9975.
    first = world.book.trade("s")
    assert first is not None
    assert first.result.gross == D(700)
    assert first.result.fees == D("35.087719298245") + D("36.75")
    assert first.net == D("628.162280701755")

    world.fill("s", "alpha", "sell", "0.5", "21000", fee="26.25")
    # 0.2975 is left of the first lot, 0.2025 comes from the second, whose fee is 27.5 for 0.49875:
    # 10500 − (5950 + 4455) = 95; fees 14.912280701755 + 11.165413533834 + 26.25.
    trade = world.book.trade("s")
    assert trade is not None
    assert world.book.trades() == (trade,)
    assert trade.result.qty == D("1.2")
    assert trade.result.gross == D(795)
    assert trade.result.fees == D("71.837719298245") + D("52.327694235589")
    assert trade.net == D("670.834586466166")
    assert (trade.result.opened_at_ns, trade.result.closed_at_ns) == (1, 4)
    assert trade.rank == (3, "s/3")
    assert world.book.record.with_forced.wins == 1

    position = world.book.position(BTC)
    assert position is not None
    assert position.qty == D("0.29625")
    assert position.average_entry_price == D(22000)
    assert position.fees == D("27.5") - D("11.165413533834")


def test_a_trade_that_was_won_can_be_lost_by_its_last_slice(world: World) -> None:
    world.fill("a", "alpha", "buy", "2", "100")
    world.fill("s", "alpha", "sell", "1", "101")
    assert world.book.record.with_forced.wins == 1
    world.fill("s", "alpha", "sell", "1", "97")
    statistics = world.book.record.with_forced
    assert (statistics.wins, statistics.losses, statistics.loss) == (0, 1, D(2))


def test_an_order_that_crosses_zero_closes_and_opens_with_its_fee_split(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100")
    world.fill("s", "alpha", "sell", "4", "110", fee="8")

    trade, position = world.book.trade("s"), world.book.position(BTC)
    assert trade is not None
    assert (trade.result.qty, trade.result.fees, trade.net) == (D(1), D(2), D(8))
    assert position is not None
    assert (position.qty, position.value, position.fees) == (D(-3), D(330), D(6))
    assert position.cost_basis == D(324)  # what the short has brought
    assert position.opened_at_ns == 2


def test_a_short_wins_when_the_price_falls(world: World) -> None:
    world.fill("a", "alpha", "sell", "3", "110")
    world.fill("b", "alpha", "buy", "3", "100")
    trade = world.book.trade("b")
    assert trade is not None
    assert trade.side is Side.BUY
    assert (trade.result.entry_price, trade.result.exit_price) == (D(110), D(100))
    assert trade.net == D(30)
    assert trade.result.net_return == ratio(D(1), D(11))  # 30 of 330


@pytest.mark.parametrize(
    ("exit_price", "outcome"),
    [
        pytest.param("100.009", "scratch", id="less-than-a-tick"),
        pytest.param("100.01", "won", id="a-whole-tick"),
        pytest.param("100", "scratch", id="nothing"),
        pytest.param("99.991", "scratch", id="less-than-a-tick-down"),
        pytest.param("99.99", "lost", id="a-whole-tick-down"),
    ],
)
def test_a_move_below_one_tick_is_neither_won_nor_lost(
    world: World, exit_price: str, outcome: str
) -> None:
    world.fill("a", "alpha", "buy", "5", "100")
    world.fill("s", "alpha", "sell", "5", exit_price)
    trade = world.book.trade("s")
    assert trade is not None
    assert trade.outcome == outcome


def test_a_position_opens_when_it_leaves_dust_behind(world: World) -> None:
    world.fill("a", "alpha", "buy", "1.005", "100")
    world.fill("s", "alpha", "sell", "1", "100")
    assert world.book.dust(BTC) == D("0.005")
    assert world.book.keys == (BTC,)  # dust is held, exactly
    world.fill("b", "alpha", "buy", "2", "100")
    position, own = world.book.position(BTC), world.book.bot_position("alpha", BTC)
    assert position == own
    assert position is not None
    assert (position.qty, position.opened_at_ns) == (D("2.005"), 3)


def test_a_full_close_sells_the_dust_and_leaves_nothing(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100", fee="0.00333", fee_asset="BTC")
    world.fill("s", "alpha", "sell", "0.99667", "100")
    assert world.book.keys == ()
    assert world.book.position(BTC) is None
    assert world.book.qty(BTC) == 0
    trade = world.book.trade("s")
    assert trade is not None
    assert trade.net == D("-0.333")  # the coin fee at the fill price


# --- whose lots ---------------------------------------------------------------------------------


def test_a_bot_sells_only_its_own_lots(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100")
    world.fill("b", "beta", "buy", "1", "120")
    applied = world.fill("s", "beta", "sell", "1", "110")
    assert world.book.quantities(BTC) == {"alpha": D(1)}
    assert applied.moves == (("beta", D(-1)),)
    assert applied.beyond == 0
    # Beta's own lot cost 120, although alpha's at 100 is the older one.
    assert world.book.bot_record("beta").with_forced.loss == D(10)
    assert world.book.bot_record("alpha").with_forced.closed == 0


def test_a_house_stop_is_shared_pro_rata_by_largest_remainder(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "2000")
    world.fill("b", "beta", "buy", "0.5", "2100")
    world.fill("h", HOUSE, "sell", "1", "1900", role=Role.STOP)
    # 2/3 and 1/3 of a coin in hundredths: 0.66 and 0.33, and the last hundredth goes to alpha.
    assert world.book.quantities(BTC) == {"alpha": D("0.33"), "beta": D("0.17")}
    trade = world.book.trade("h")
    assert trade is not None
    assert trade.is_forced
    assert trade.bots == ("alpha", "beta")
    assert [part.result.net for part in trade.parts] == [D("-67"), D("-66")]
    assert trade.net == D(-133)
    assert world.book.record.with_forced.losses == 1
    assert world.book.record.without_forced.losses == 0
    assert world.book.bot_record("beta").with_forced.loss == D(66)


def test_a_fee_of_a_shared_closing_is_shared_with_it(world: World) -> None:
    world.fill("a", "alpha", "buy", "2", "100")
    world.fill("b", "beta", "buy", "1", "100")
    world.fill("h", HOUSE, "sell", "3", "100", fee="1", role=Role.FLATTEN)
    trade = world.book.trade("h")
    assert trade is not None
    fees = {part.bot: part.result.fees for part in trade.parts}
    assert fees == {"alpha": D("0.666666666666"), "beta": D("0.333333333334")}


def test_a_house_order_takes_adopted_lots_of_the_house_first(world: World) -> None:
    world.book.adopt(BTC, D(1), D(90), HOUSE, at_ns=0)
    world.fill("a", "alpha", "buy", "2", "100")
    world.fill("h", HOUSE, "sell", "1.5", "95", role=Role.TRIM)
    assert world.book.quantities(BTC) == {"alpha": D("1.5")}
    trade = world.book.trade("h")
    assert trade is not None
    assert {part.bot: part.result.net for part in trade.parts} == {
        "alpha": D("-2.5"),
        "house": D(5),
    }


def test_a_house_order_in_the_name_of_a_bot_takes_that_bots_lots_first(world: World) -> None:
    world.fill("a", "alpha", "buy", "2", "100")
    world.fill("b", "beta", "buy", "2", "100")
    applied = world.fill("h", "beta", "sell", "2", "95", role=Role.STOP)
    assert world.book.quantities(BTC) == {"alpha": D(2)}
    assert applied.beyond == 0


def test_what_was_sold_elsewhere_falls_on_everyone_and_is_reported(world: World) -> None:
    world.book.adopt(BTC, D(1), D(90), HOUSE, at_ns=0)
    world.fill("a", "alpha", "buy", "3", "100")
    applied = world.fill("x", EXTERNAL, "sell", "2", "95")
    assert world.book.quantities(BTC) == {"alpha": D("1.5"), "house": D("0.5")}
    assert applied.beyond == D(2)
    trade = world.book.trade("x")
    assert trade is not None
    assert not trade.is_forced


def test_bots_never_hold_opposite_directions(world: World) -> None:
    world.fill("a", "alpha", "buy", "3", "100")
    applied = world.fill("s", "beta", "sell", "5", "95")
    assert applied.beyond == D(3)
    assert world.book.quantities(BTC) == {"beta": D(-2)}


def test_an_adopted_holding_costs_no_cash_and_closes_against_its_price(world: World) -> None:
    applied = world.book.adopt(SPY, D(10), D(400), "alpha", at_ns=5)
    assert world.book.cash == D(100000)
    assert applied.postings == (
        Posting("holding:alpha", SPY, D(10)),
        Posting("adopted", SPY, D(-10)),
    )
    world.fill("s", "alpha", "sell", "4", "410", key=SPY, at_ns=9)
    trade = world.book.trade("s")
    assert trade is not None
    assert (trade.net, trade.result.holding_ns) == (D(40), 4)


def test_an_adoption_against_a_holding_takes_lots_away_without_a_trade(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100")
    world.fill("b", "alpha", "buy", "1", "120")
    applied = world.book.adopt(BTC, D("-1.5"), D(110), "alpha", at_ns=9)
    assert applied.moves == (("alpha", D("-1.5")),)
    assert world.book.trades() == ()
    assert_average(world, D(120))


def test_held_keys_stand_in_a_stable_order(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100", key=SPY)
    world.fill("b", "alpha", "buy", "1", "100", key=BTC)
    assert list(world.book) == [BTC, SPY]
    assert world.book.keys == (BTC, SPY)
    world.fill("s", "alpha", "sell", "1", "100", key=BTC)
    assert list(world.book) == [SPY]


def test_nothing_is_held_of_what_was_never_traded(world: World) -> None:
    assert world.book.qty(SPY) == 0
    assert world.book.bot_qty("alpha", SPY) == 0
    assert world.book.position(SPY) is None
    assert world.book.bot_position("alpha", SPY) is None
    assert world.book.quantities(SPY) == {}


# --- repeats and late fills ---------------------------------------------------------------------


def test_an_execution_counts_once(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100", execution_id="e1", at_ns=1)
    before = world.book.state()
    again = world.fill("a", "alpha", "buy", "1", "100", execution_id="e1", at_ns=1)
    assert not again.is_new
    assert not again.is_contradiction
    assert again.postings == ()
    assert world.book.state() == before
    assert world.book.is_counted("e1")


def test_a_repeat_with_another_content_changes_nothing_and_says_so(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100", execution_id="e1", at_ns=1)
    before = world.book.state()
    other = world.fill("a", "alpha", "buy", "2", "100", execution_id="e1", at_ns=1)
    assert not other.is_new
    assert other.is_contradiction
    assert world.book.state() == before


def test_a_late_fill_is_matched_in_its_place(world: World) -> None:
    world.fill("b", "alpha", "buy", "1", "120", at_ns=20)
    world.fill("s", "alpha", "sell", "1", "110", at_ns=30)
    trade = world.book.trade("s")
    assert trade is not None
    assert trade.net == D(-10)

    late = world.fill("a", "alpha", "buy", "1", "100", at_ns=10)
    assert late.is_late
    assert [each.net for each in late.trades] == [D(10)]
    assert late.moves == (("alpha", D(1)),)
    assert world.book.record.with_forced.wins == 1
    assert world.book.record.with_forced.losses == 0
    assert_average(world, D(120))


def test_a_late_buy_undoes_the_trade_of_an_order_that_only_seemed_to_cover(world: World) -> None:
    world.fill("s", "alpha", "sell", "1", "110", at_ns=20)
    world.fill("b", "alpha", "buy", "1", "105", at_ns=30)
    assert [each.client_order_id for each in world.book.trades()] == ["b"]

    late = world.fill("a", "alpha", "buy", "1", "100", at_ns=10)
    assert late.undone == ("b",)
    assert [each.client_order_id for each in world.book.trades()] == ["s"]
    assert world.book.record.with_forced.gain == D(10)
    assert world.book.record.with_forced.closed == 1
    assert world.book.bot_record("alpha") == world.book.record
    assert world.book.quantities(BTC) == {"alpha": D(1)}


def test_a_late_fill_may_move_shares_between_bots_and_its_postings_say_so(world: World) -> None:
    world.fill("a", "alpha", "buy", "2", "100", at_ns=10)
    world.fill("h", HOUSE, "sell", "2", "90", role=Role.STOP, at_ns=30)
    late = world.fill("b", "beta", "buy", "2", "100", at_ns=20)
    assert late.moves == (("alpha", D(1)), ("beta", D(1)))
    assert world.book.quantities(BTC) == {"alpha": D(1), "beta": D(1)}
    assert imbalance(late.postings) == {}


def test_a_late_fill_finds_its_place_behind_many_others(world: World) -> None:
    count = 2 * CHECKPOINT_EVERY + 5
    for number in range(1, count):
        side = "buy" if number % 2 else "sell"
        price = str(100 + number % 7)
        world.fill(f"o{number}", "alpha", side, "1", price, at_ns=10 * number)
    late = {"order": "late", "bot": "alpha", "side": "buy", "qty": "1", "price": "50"}
    world.fill(**late, at_ns=15)  # type: ignore[arg-type]

    fresh = World()
    fresh.fill("o1", "alpha", "buy", "1", "101", at_ns=10)
    fresh.fill(**late, at_ns=15)  # type: ignore[arg-type]
    for number in range(2, count):
        side = "buy" if number % 2 else "sell"
        fresh.fill(f"o{number}", "alpha", side, "1", str(100 + number % 7), at_ns=10 * number)
    assert world.book.state() == fresh.book.state()
    assert world.book.record == fresh.book.record


# --- double entry and refusals ------------------------------------------------------------------


def test_the_postings_of_a_buy_name_every_account(world: World) -> None:
    applied = world.fill("a", "alpha", "buy", "1", "20000", fee="0.0025", fee_asset="BTC")
    assert applied.postings == (
        Posting("cash", "USD", D(-20000)),
        Posting("exchange", "USD", D(20000)),
        Posting("holding:alpha", BTC, D("0.9975")),
        Posting("fees", BTC, D("0.0025")),
        Posting("exchange", BTC, D(-1)),
    )


def test_the_postings_of_a_sale_charge_the_fee_to_cash(world: World) -> None:
    world.fill("a", "alpha", "buy", "1", "100")
    applied = world.fill("s", "alpha", "sell", "1", "110", fee="0.5")
    assert applied.cash == D("109.5")
    assert applied.postings == (
        Posting("cash", "USD", D("109.5")),
        Posting("fees", "USD", D("0.5")),
        Posting("exchange", "USD", D(-110)),
        Posting("holding:alpha", BTC, D(-1)),
        Posting("exchange", BTC, D(1)),
    )


@pytest.mark.parametrize(
    ("error", "spoil"),
    [
        pytest.param(BadData, {"qty": "0"}, id="no-quantity"),
        pytest.param(BadData, {"qty": "NaN"}, id="unknown-quantity"),
        pytest.param(BadData, {"price": "-1"}, id="negative-price"),
        pytest.param(BadData, {"price": "Infinity"}, id="infinite-price"),
        pytest.param(BadData, {"qty": "1E-40"}, id="absurdly-fine"),
        pytest.param(BadData, {"fee": "NaN"}, id="unknown-fee"),
        pytest.param(BadData, {"fee_asset": "ETH", "fee": "0.1"}, id="fee-in-another-coin"),
        pytest.param(BadData, {"fee_asset": "BTC", "fee": "1"}, id="fee-takes-everything"),
        pytest.param(InvariantViolation, {"key": Key("crypto:DOGE/USD")}, id="never-listed"),
    ],
)
def test_a_fill_that_cannot_be_booked_changes_nothing(
    world: World, error: type[Exception], spoil: dict[str, Any]
) -> None:
    before = world.book.state()
    with pytest.raises(error):
        world.fill(**{"order": "a", "bot": "x", "side": "buy", "qty": "1", "price": "9"} | spoil)
    assert world.book.state() == before
    assert not world.book.is_counted("a/1")


def test_a_fill_of_another_order_is_our_bug(world: World) -> None:
    order = Order(client_order_id="a", bot="x", key=BTC, side=Side.BUY, qty=D(1))
    fill = Fill(
        execution_id="e",
        client_order_id="b",
        key=BTC,
        side=Side.BUY,
        qty=D(1),
        price=D(1),
        fee=D(0),
        fee_asset="USD",
        at_ns=1,
    )
    with pytest.raises(InvariantViolation):
        world.book.apply_fill(fill, order)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda book: book.flow(D("NaN")), id="flow"),
        pytest.param(lambda book: book.flow(1.5), id="float"),
        pytest.param(lambda book: book.adopt(BTC, D(0), D(1), "x", at_ns=0), id="nothing"),
        pytest.param(lambda book: book.adopt(BTC, D(1), D(0), "x", at_ns=0), id="worthless"),
    ],
)
def test_what_cannot_be_booked_is_refused(world: World, spoil: Callable[[Book], object]) -> None:
    before = world.book.state()
    with pytest.raises(BadData):
        spoil(world.book)
    assert world.book.state() == before


def test_the_callers_decimal_context_does_not_reach_the_books() -> None:
    def build() -> World:
        world = World()
        world.fill("a", "alpha", "buy", "1.23456789", "20123.456789", fee="0.00308641",
                   fee_asset="BTC")  # fmt: skip
        world.fill("b", "beta", "buy", "0.98765432", "20345.678912")
        world.fill("h", HOUSE, "sell", "1.11", "19999.999999", fee="55.4321", role=Role.STOP)
        return world

    wide = build()
    with localcontext() as context:
        context.prec = 4
        narrow = build()
        assert narrow.book.dust(BTC) == D("0.00913580")
    assert narrow.book.state() == wide.book.state()
    exact = (
        Fraction(100000)
        - Fraction("1.23456789") * Fraction("20123.456789")
        - Fraction("0.98765432") * Fraction("20345.678912")
        + Fraction("1.11") * Fraction("19999.999999")
        - Fraction("55.4321")
    )
    assert Fraction(wide.book.cash) == exact


# Splits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "factor", "shares"),
    [
        pytest.param("40", "2", {"a": "30", "b": "10"}, id="two-for-one"),
        pytest.param("20", "1.5", {"a": "15", "b": "5"}, id="three-for-two"),
        pytest.param("-20", "0.5", {"a": "-15", "b": "-5"}, id="one-for-two"),
    ],
)
def test_a_split_changes_units_and_neither_cost_nor_cash(
    units: str, factor: str, shares: dict[str, str]
) -> None:
    world = World()
    world.fill("o1", "a", "buy", "30", "100", key=SPY)
    world.fill("o2", "b", "buy", "10", "60", key=SPY)
    cash, before = world.book.cash, world.book.position(SPY)
    foreseen = world.book.foreseen_split(SPY, D(units), at_ns=5)
    assert foreseen is not None
    assert foreseen.factor == D(factor)
    assert foreseen.moves == {bot: D(text) for bot, text in shares.items()}
    applied = world.book.split(SPY, D(units), at_ns=5)
    assert dict(applied.moves) == foreseen.moves
    assert imbalance(applied.postings) == {}
    after = world.book.position(SPY)
    assert before is not None
    assert after is not None
    assert after.qty == before.qty + D(units)
    assert abs(after.value - before.value) < D("1e-30")  # prices have 40 digits
    assert world.book.cash == cash


def test_what_is_sold_after_a_split_is_sold_in_new_units() -> None:
    world = World()
    world.fill("o1", "a", "buy", "10", "100", key=SPY)
    world.book.split(SPY, D(10), at_ns=5)
    world.now = 5
    trade = world.fill("o2", "a", "sell", "20", "55", key=SPY).trades[0]
    assert trade.result.gross == D(100)
    assert world.book.position(SPY) is None


def test_a_split_that_is_told_late_counts_from_when_it_was() -> None:
    world, known = World(), World()
    for each, is_late in ((world, True), (known, False)):
        each.fill("o1", "a", "buy", "10", "100", key=SPY, at_ns=1)
        if not is_late:
            each.book.split(SPY, D(10), at_ns=5)
        each.fill("o2", "a", "sell", "10", "55", key=SPY, at_ns=6)
        if is_late:
            foreseen = each.book.foreseen_split(SPY, D(10), at_ns=5)
            assert foreseen is not None
            assert (foreseen.factor, foreseen.moves) == (D(2), {"a": D(10)})
            each.book.split(SPY, D(10), at_ns=5)
    assert world.book.state() == known.book.state()
    assert world.book.qty(SPY) == D(10)


def test_a_split_waits_for_what_was_split() -> None:
    world = World()
    assert world.book.foreseen_split(SPY, D(10), at_ns=5) is None
    world.fill("o1", "a", "buy", "10", "100", key=SPY, at_ns=6)
    assert world.book.foreseen_split(SPY, D(10), at_ns=5) is None
    world.fill("o2", "a", "buy", "10", "100", key=SPY, at_ns=4)
    assert world.book.foreseen_split(SPY, D(-10), at_ns=5) is None
    assert world.book.foreseen_split(SPY, D(10), at_ns=5) is not None


def test_odd_splits_leave_nothing_behind_when_all_is_sold() -> None:
    world = World()
    for number in range(3):
        world.fill(f"o{number}", "a", "buy", "1", "33.33", key=SPY)
    world.book.split(SPY, D(4), at_ns=9)
    world.now = 9
    world.fill("s", "a", "sell", "7", "15", key=SPY)
    assert world.book.position(SPY) is None
