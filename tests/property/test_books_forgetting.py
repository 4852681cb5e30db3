"""Whoever forgets what lies far back has the same holdings, cash, record and tier for it."""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.property.test_books_book import COIN, FUND, opened

from smart_leverage.books import positions
from smart_leverage.books.book import Applied, Book, cash_of
from smart_leverage.books.episodes import Episodes
from smart_leverage.books.exact import canonical
from smart_leverage.books.statistics import Statistics, TrackRecord, Window
from smart_leverage.books.trades import Outcome
from smart_leverage.domain.orders import HOUSE, Fill, Order, Role, Side

D = Decimal
KEPT, DEALS, LATE = 24, 240, 6
LOT = D("0.01")
BOTS = ("alpha", "beta", HOUSE)


@pytest.fixture(autouse=True, scope="module")
def small_steps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(positions, "CHECKPOINT_EVERY", 4)
        yield


def deals_of(chance: random.Random) -> list[tuple[Fill, Order]]:
    """Return executions of orders that fill in a few parts, each told at most so much too late."""
    made: list[tuple[int, Fill, Order]] = []
    for number in range(DEALS):
        bot, key = chance.choice(BOTS), chance.choice((COIN, FUND))
        order = Order(
            client_order_id=f"o{number}", bot=bot, key=key, qty=D(100),
            side=chance.choice(list(Side)), role=Role.TRIM if bot == HOUSE else Role.BOT,
        )  # fmt: skip
        for part in range(chance.randint(1, 3)):
            at_ns = 10 * number + part
            fill = Fill(
                execution_id=f"e{number:04}{part}", client_order_id=order.client_order_id, key=key,
                side=order.side, qty=D(chance.randint(1, 400)) / 100,
                price=D(chance.randint(100, 9_900)) / 100, fee=D(chance.randint(0, 9)) / 100,
                fee_asset="USD", at_ns=at_ns,
            )  # fmt: skip
            made.append((at_ns + 10 * chance.randint(0, LATE), fill, order))
    made.sort(key=lambda each: each[0])
    return [(fill, order) for _, fill, order in made]


class Told:
    """Books and episodes that are told the same, and forget or not."""

    def __init__(self) -> None:
        self.book, self.episodes = opened(), Episodes()

    def fill(self, fill: Fill, order: Order) -> Applied:
        applied = self.book.apply_fill(fill, order)
        for bot, qty in applied.moves:
            self.episodes.move(
                fill.at_ns, bot, fill.key, qty, applied.cash, LOT,
                is_forced=order.role.is_house, name=fill.execution_id,
            )  # fmt: skip
        return applied

    def revise(self, before: Fill, after: Fill | None) -> Applied:
        applied = self.book.revise(before, after)
        if applied.is_new:
            name = self.book.matched_as(before.execution_id)
            cash = D(0) if after is None else cash_of(after)
            self.episodes.revise(name, before.key, dict(applied.moves), cash, LOT)
        return applied

    def forget(self) -> None:
        self.book.forget(KEPT)
        self.episodes.forget(KEPT)


def decided(record: TrackRecord) -> list[Statistics]:
    """Return a record without its scratches: no cap goes by them, and old ones are forgotten."""
    both = (record.with_forced, record.without_forced)
    return [structs.replace(one, scratches=0, scratched=D(0)) for one in both]


def figures(told: Told) -> object:
    """Return what the engine goes by."""
    book, episodes = told.book, told.episodes
    return canonical(
        (
            book.cash,
            book.held(),
            [book.position(key) for key in book.keys],
            [decided(one) for one in (book.record, *map(book.bot_record, BOTS))],
        )
    ), (list(episodes.closed), episodes.losers(10 * DEALS + 99, {COIN: D(1), FUND: D(1)}))


def entries(book: Book) -> int:
    return sum(len(each.entries) for each in book._holdings.values())


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_nothing_that_the_engine_goes_by_depends_on_what_was_forgotten(seed: int) -> None:
    chance = random.Random(seed)
    whole, short = Told(), Told()
    recent: list[tuple[Fill, Order]] = []
    for fill, order in deals_of(chance):
        assert whole.fill(fill, order) == short.fill(fill, order)
        short.forget()
        recent = [*recent, (fill, order)][-LATE:]
        if chance.random() < 0.1:  # the venue takes one of the last back, or corrects it
            before, its = recent.pop(chance.randrange(len(recent)))
            after = structs.replace(before, execution_id=f"{before.execution_id}+", qty=D("0.5"))
            now = chance.choice((None, after))
            assert whole.revise(before, now) == short.revise(before, now)
            recent += [(now, its)] if now is not None else []
        assert figures(whole) == figures(short)
    assert entries(short.book) <= 2 * (2 * KEPT + positions.CHECKPOINT_EVERY) < entries(whole.book)
    assert set(short.book.trades()) < set(whole.book.trades())
    assert len(short.episodes._told) <= 2 * KEPT < len(whole.episodes._told)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_what_was_forgotten_counts_once_and_is_revised_no_more(seed: int) -> None:
    deals = deals_of(random.Random(seed))
    told = Told()
    for fill, order in deals:
        told.fill(fill, order)
    told.revise(deals[0][0], structs.replace(deals[0][0], execution_id="corrected", price=D(7)))
    told.forget()
    before = figures(told)
    for fill, order in deals:
        assert told.book.is_counted(fill.execution_id)
        assert not told.fill(fill, order).is_new
    assert told.book.is_counted("corrected")
    assert told.book.standing(deals[0][0].execution_id) is None
    for fill, _ in deals[:10]:
        assert not told.revise(fill, None).is_new
    assert figures(told) == before


@given(
    st.lists(st.tuples(st.integers(-3, 0), st.integers(-1, 1).map(D)), max_size=60),
    st.integers(1, 5),
)
def test_a_window_that_forgets_counts_the_same_wins_and_losses(
    changes: Sequence[tuple[int, Decimal]], size: int
) -> None:
    """Trades come a little late, and the last ones are revised."""
    whole, short = Window(size), Window(size)
    for number, (late, net) in enumerate(changes):
        outcome = Outcome.WON if net > 0 else Outcome.LOST if net else Outcome.SCRATCH
        for window in (whole, short):
            window.put((number + late, "e"), net, outcome)
        short.forget(8)
        one, other = whole.statistics, short.statistics
        assert (one.wins, one.losses, one.gain) == (other.wins, other.losses, other.gain)
        assert other.scratches <= one.scratches
        assert len(short._ranks) <= 32
