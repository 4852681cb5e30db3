"""Books over random histories: value is conserved, order of arrival does not matter."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.books.book import Applied, Book
from smart_leverage.books.exact import canonical
from smart_leverage.books.postings import imbalance
from smart_leverage.books.sharing import closing_shares
from smart_leverage.books.statistics import Statistics, Window
from smart_leverage.books.trades import Outcome
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import HOUSE, Fill, Order, Role, Side

D = Decimal

COIN, FUND = Key("crypto:AVAX/USD"), Key("us_equity:UPRO")
OPENING = D("25000.01")


def listed(key: Key, lot: str) -> Instrument:
    asset_class, symbol = key.split(":")
    return Instrument(
        key=key,
        asset_class=AssetClass(asset_class),
        symbol=symbol,
        name=symbol,
        kind="",
        underlying=symbol,
        factor=D(3),
        is_crypto=asset_class == "crypto",
        tick=D("0.01"),
        lot=D(lot),
        size_step=D(lot),
        notional_min=D(1),
        fractionable=True,
        shortable=True,
        marginable=False,
        maintenance_rate_long=D(1),
        maintenance_rate_short=D(1),
        reference_price=D(30),
    )


class Adoption(msgspec.Struct, frozen=True):
    key: Key
    qty: Decimal
    price: Decimal
    bot: str
    at_ns: int


Execution = tuple[Fill, Order]
Event = Execution | Adoption


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places)


@st.composite
def orders(draw: st.DrawFn) -> list[Order]:
    """Return orders of two bots and the house, over a coin and a fund."""
    made = []
    for number in range(draw(st.integers(1, 6))):
        bot = draw(st.sampled_from(["alpha", "beta", HOUSE]))
        made.append(
            Order(
                client_order_id=f"o{number}",
                bot=bot,
                key=draw(st.sampled_from([COIN, FUND])),
                side=draw(st.sampled_from(list(Side))),
                qty=D(100),
                role=Role.TRIM if bot == HOUSE else Role.BOT,
            )
        )
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Return executions with few distinct times, and perhaps an adoption before them."""
    book = draw(orders())
    events: list[Event] = []
    for number in range(draw(st.integers(1, 14))):
        order = draw(st.sampled_from(book))
        is_coin_fee = order.key == COIN and order.side is Side.BUY
        fee = draw(decimals("0", "0.009", 9) if is_coin_fee else decimals("-0.01", "2", 6))
        fill = Fill(
            execution_id=f"e{number:02}",
            client_order_id=order.client_order_id,
            key=order.key,
            side=order.side,
            qty=draw(decimals("0.01", "9", 9 if order.key == COIN else 2)),
            price=draw(decimals("1", "99", 6)),
            fee=fee,
            fee_asset="AVAX" if is_coin_fee else "USD",
            at_ns=draw(st.integers(10, 16)),
        )
        events.append((fill, order))
    for key in draw(st.lists(st.sampled_from([COIN, FUND]), unique=True)):
        qty, price = draw(decimals("0.01", "5", 4)), draw(decimals("1", "99", 2))
        events.append(Adoption(key, qty, price, draw(st.sampled_from(["alpha", HOUSE])), at_ns=5))
    return events


def opened() -> Book:
    book = Book()
    book.list_instrument(listed(COIN, "0.001"))
    book.list_instrument(listed(FUND, "1"))
    book.open(OPENING)
    return book


def apply(book: Book, event: Event) -> Applied:
    if isinstance(event, Adoption):
        return book.adopt(event.key, event.qty, event.price, event.bot, at_ns=event.at_ns)
    return book.apply_fill(*event)


def booked(events: Sequence[Event]) -> Book:
    book = opened()
    for event in events:
        apply(book, event)
    return book


def executions(events: Sequence[Event]) -> list[Fill]:
    return [event[0] for event in events if not isinstance(event, Adoption)]


def signed(fill: Fill) -> Decimal:
    """Return the change of position: the filled quantity, less a fee in coin."""
    in_coin = fill.fee if fill.fee_asset != "USD" else D(0)
    return (fill.qty if fill.side is Side.BUY else -fill.qty) - in_coin


@given(histories())
def test_positions_are_the_sum_of_fills_less_coin_fees(events: list[Event]) -> None:
    book = booked(events)
    for key in (COIN, FUND):
        filled = sum((signed(f) for f in executions(events) if f.key == key), D(0))
        adopted = sum((e.qty for e in events if isinstance(e, Adoption) and e.key == key), D(0))
        assert book.qty(key) == filled + adopted
        assert sum(book.quantities(key).values(), D(0)) == book.qty(key)
        assert (key in book.keys) == (book.qty(key) != 0)


@given(histories())
def test_cash_is_the_sum_of_payments(events: list[Event]) -> None:
    paid = Fraction(OPENING)
    for fill in executions(events):
        value = Fraction(fill.qty) * Fraction(fill.price)
        paid += value if fill.side is Side.SELL else -value
        paid -= Fraction(fill.fee) if fill.fee_asset == "USD" else 0
    assert Fraction(booked(events).cash) == paid


@given(histories())
def test_value_is_conserved_to_the_last_digit(events: list[Event]) -> None:
    """Cash and the cost of what is held are the start, what was adopted, and the net profits."""
    book = booked(events)
    held = [book.position(key) for key in book.keys]
    cost = sum((Fraction(p.cost_basis) * (1 if p.qty > 0 else -1) for p in held if p), Fraction(0))
    adopted = sum(Fraction(e.qty) * Fraction(e.price) for e in events if isinstance(e, Adoption))
    nets = sum(Fraction(trade.net) for trade in book.trades())
    assert Fraction(book.cash) + cost == Fraction(OPENING) + adopted + nets


@given(histories(), st.data())
def test_any_order_of_arrival_ends_in_the_same_books(events: list[Event], data: Any) -> None:
    shuffled = data.draw(st.permutations(events))
    repeated = [e for e in shuffled if not isinstance(e, Adoption) and data.draw(st.booleans())]
    book, other = booked(events), booked([*shuffled, *repeated])
    assert msgspec.json.encode(other.state()) == msgspec.json.encode(book.state())
    assert other.record == book.record
    for bot in ("alpha", "beta", HOUSE):
        assert other.bot_record(bot) == book.bot_record(bot)


def test_idle_zeros_of_a_sum_do_not_make_other_books() -> None:
    """Parts sold around a purchase leave 0.010 or 0.010000000, by the order of arrival."""

    def event(number: int, side: Side, bot: str) -> Execution:
        qty, name = D("0.010000000"), f"o-{bot}"
        fill = Fill(
            execution_id=f"e{number}", client_order_id=name, key=COIN, side=side, qty=qty,
            price=D("1.000000"), fee=D("0.000000"), fee_asset="USD", at_ns=10,
        )  # fmt: skip
        return fill, Order(client_order_id=name, bot=bot, key=COIN, side=side, qty=D(100))

    sold = [event(number, Side.SELL, "alpha") for number in (0, 1, 3, 4, 5, 6, 7)]
    bought = event(2, Side.BUY, "beta")
    states = [booked([*sold[:2], bought, *sold[2:]]), booked([sold[0], bought, *sold[1:]])]
    first, second = (msgspec.json.encode(book.state()) for book in states)
    assert first == second
    assert b"0.01" in first


@given(histories())
def test_repeats_are_told_and_change_nothing(events: list[Event]) -> None:
    book = booked(events)
    before = book.state()
    for event in events:
        if not isinstance(event, Adoption):
            again = apply(book, event)
            assert not again.is_new
            assert not again.is_contradiction
    assert book.state() == before


@given(histories(), st.data())
def test_every_record_sums_to_zero_and_tells_all_moves(events: list[Event], data: Any) -> None:
    """The postings alone rebuild cash and every bot's holdings, late fills included."""
    book = opened()
    balances: dict[tuple[str, str], Decimal] = defaultdict(Decimal, {("cash", "USD"): OPENING})
    for event in data.draw(st.permutations(events)):
        postings = apply(book, event).postings
        assert imbalance(postings) == {}
        for each in postings:
            balances[each.account, each.asset] += each.amount
    assert balances["cash", "USD"] == book.cash
    for bot in ("alpha", "beta", HOUSE):
        for key in (COIN, FUND):
            assert balances[f"holding:{bot}", key] == book.bot_qty(bot, key)


@given(histories())
def test_all_bots_in_a_key_stand_on_one_side(events: list[Event]) -> None:
    book = opened()
    for event in events:
        apply(book, event)
        for key in book.keys:
            assert len({qty > 0 for qty in book.quantities(key).values()}) == 1


@given(histories())
def test_the_parts_of_a_trade_sum_to_it(events: list[Event]) -> None:
    for trade in booked(events).trades():
        for name in ("qty", "entry_value", "exit_value", "gross", "fees", "net"):
            parts = sum(Fraction(getattr(part.result, name)) for part in trade.parts)
            assert parts == Fraction(getattr(trade.result, name))
        assert trade.result.qty > 0
        assert trade.result.holding_ns >= 0


@given(histories())
def test_nothing_that_is_kept_is_a_float(events: list[Event]) -> None:
    book = booked(events)
    for kept in (book.state(), book.record, [book.position(key) for key in book.keys]):
        for leaf in leaves(kept):
            assert isinstance(leaf, Decimal | int | str)
            assert not isinstance(leaf, Decimal) or leaf.is_finite()


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.astuple(value)
    if isinstance(value, tuple | list):
        for each in value:
            yield from leaves(each)
    else:
        yield value


@given(histories())
def test_the_callers_context_is_of_no_matter(events: list[Event]) -> None:
    wide = booked(events)
    with localcontext() as context:
        context.prec = 3
        narrow = booked(events)
    assert narrow.state() == wide.state()
    assert narrow.record == wide.record


# --- first in, first out, against a model of single units ---------------------------------------


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(1, 6), st.integers(50, 150)),
        max_size=20,
    )
)
def test_matching_equals_a_queue_of_single_shares(moves: list[tuple[Side, int, int]]) -> None:
    book, queue, nets = opened(), list[int](), dict[str, int]()
    for number, (side, qty, price) in enumerate(moves):
        order = Order(client_order_id=f"o{number}", bot="alpha", key=FUND, side=side, qty=D(qty))
        book.apply_fill(
            Fill(
                execution_id=f"e{number:02}",
                client_order_id=order.client_order_id,
                key=FUND,
                side=side,
                qty=D(qty),
                price=D(price),
                fee=D(0),
                fee_asset="USD",
                at_ns=number,
            ),
            order,
        )
        one = price if side is Side.BUY else -price
        for _ in range(qty):  # a negative price in the queue is one share sold short
            if queue and (queue[0] > 0) != (one > 0):
                entry = queue.pop(0)
                nets[order.client_order_id] = nets.get(order.client_order_id, 0) - entry - one
            else:
                queue.append(one)
    assert {trade.client_order_id: trade.net for trade in book.trades()} == nets
    assert book.qty(FUND) == sum(1 if one > 0 else -1 for one in queue)


# --- sharing ------------------------------------------------------------------------------------


@given(
    st.dictionaries(st.sampled_from("abcde"), decimals("0.001", "50", 4), min_size=1),
    st.sampled_from("abcde"),
    st.sampled_from([D("0.001"), D("0.1"), D(1)]),
    st.data(),
)
def test_shares_sum_up_and_stay_within_what_is_held(
    held: dict[str, Decimal], bot: str, lot: Decimal, data: Any
) -> None:
    total = sum(held.values(), D(0))
    qty = data.draw(decimals("0.0001", str(total), 4))
    shares = closing_shares(qty, bot, held, lot)
    assert sum(shares.values(), D(0)) == qty
    assert all(0 < share <= held[name] for name, share in shares.items())
    assert shares.get(bot, D(0)) == min(qty, held.get(bot, D(0)))
    if len(held) > 1 and all(own >= lot for own in held.values()) and bot not in held:
        for name, own in held.items():
            assert abs(shares.get(name, D(0)) - qty * own / total) < 2 * lot


# --- statistics ---------------------------------------------------------------------------------


def naive(trades: dict[int, Decimal], size: int) -> Statistics:
    """Count back from the newest until `size` trades are won or lost."""
    wins = losses = scratches = 0
    gain = loss = scratched = D(0)
    for _, net in sorted(trades.items(), reverse=True):
        if wins + losses == size:
            break
        wins, losses, scratches = wins + (net > 0), losses + (net < 0), scratches + (net == 0)
        gain, loss = gain + max(net, D(0)), loss - min(net, D(0))
    return Statistics(
        wins=wins, losses=losses, scratches=scratches, gain=gain, loss=loss, scratched=scratched
    )


@given(
    st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(-2, 2).map(D)), max_size=40),
    st.integers(1, 5),
)
def test_a_window_kept_up_equals_a_window_counted_anew(
    changes: list[tuple[int, Decimal | None]], size: int
) -> None:
    """Trades come in any order, are revised in any direction, and are undone."""
    window, trades = Window(size), dict[int, Decimal]()
    for place, net in changes:
        if net is None:
            window.remove((place, "e"))
            trades.pop(place, None)
        else:
            outcome = Outcome.WON if net > 0 else Outcome.LOST if net else Outcome.SCRATCH
            window.put((place, "e"), net, outcome)
            trades[place] = net
        assert window.statistics == naive(trades, size)


@given(histories(), st.data())
def test_the_record_is_that_of_the_trades_listed(events: list[Event], data: Any) -> None:
    book = booked(data.draw(st.permutations(events)))
    trades = book.trades()
    for outcome, count in (
        (Outcome.WON, book.record.with_forced.wins),
        (Outcome.LOST, book.record.with_forced.losses),
        (Outcome.SCRATCH, book.record.with_forced.scratches),
    ):
        assert count == sum(trade.outcome is outcome for trade in trades)
    own = [trade.net for trade in trades if not trade.is_forced]
    assert Fraction(book.record.without_forced.net) == sum(map(Fraction, own))
    for bot in ("alpha", "beta", HOUSE):
        parts = [part for trade in trades for part in trade.parts if part.bot == bot]
        total = sum(Fraction(part.result.net) for part in parts)
        assert Fraction(book.bot_record(bot).with_forced.net) == total
        assert book.trades(bot) == tuple(trade for trade in trades if bot in trade.bots)


@given(histories())
def test_closed_lots_sum_to_the_trades_to_the_last_digit(events: list[Event]) -> None:
    """Told one by one, lots are what the trades have summed: by order, by bot, and in all."""
    book = booked(events)
    by_part: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    quantities: dict[str, Fraction] = defaultdict(Fraction)
    for lot in book.closings():
        if lot.is_sale:
            by_part[lot.client_order_id, lot.bot] += Fraction(lot.net)
            quantities[lot.client_order_id] += Fraction(lot.qty)
    expected = {
        (trade.client_order_id, part.bot): Fraction(part.result.net)
        for trade in book.trades()
        for part in trade.parts
    }
    assert by_part == expected
    assert quantities == {t.client_order_id: Fraction(t.result.qty) for t in book.trades()}


@given(histories(), st.data())
def test_closed_lots_do_not_depend_on_the_order_of_arrival(events: list[Event], data: Any) -> None:
    shuffled = data.draw(st.permutations(events))
    assert sorted(map(repr, map(canonical, booked(shuffled).closings()))) == sorted(
        map(repr, map(canonical, booked(events).closings()))
    )
