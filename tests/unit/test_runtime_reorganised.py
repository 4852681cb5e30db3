"""What a broker lists of a change of symbol explains its lists; until it does the account waits."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.clock import DAY_NS, ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import PositionSnapshot, Side
from smart_leverage.domain.records import Noted, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Prices, Rung, Wished
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.activities import moved_units
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
KO, OTHER = Key("us_equity:KO"), Key("us_equity:ZZQX")
NOON = 1_709_658_000_000_000_000


class Renamed(SimBroker):
    """The simulated venue, where what it holds of one share goes by another name."""

    name_now = KO
    rows: Sequence[Activity] = ()

    def positions(self) -> list[PositionSnapshot]:
        found = super().positions()
        return [structs.replace(each, key=self.name_now) for each in found]

    def activities(self, after: int = 0, limit: int | None = None) -> Sequence[Activity]:
        return [each for each in self.rows if each.number > after]


def row(number: int, key: Key, qty: str, **more: Any) -> Activity:
    usual: dict[str, Any] = {"type": "NC", "at_ns": NOON, "net_amount": D(0)}
    return Activity(
        number=number, activity_id=f"r{number}", key=key, qty=D(qty), **{**usual, **more}
    )


class House:
    """An account that holds ten shares."""

    def __init__(self) -> None:
        config = SimConfig(mode=Mode.LIVE, opened_at_ns=NOON, partial_probability=0.0)
        self.venue, self.clock = Renamed(Registry.builtin(), config=config), ManualClock(NOON)
        self.ledger = SqliteLedger.in_memory()
        self.heard: list[Record] = []
        self.trader = self.began()
        start = Beginning(cash=D(100_000))
        self.trader.offer(opening(Settings(), NOON, start, Registry.builtin(), [KO]))
        self.move(60.0)
        self.buy(KO, "10")
        self.move(60.0)
        assert self.trader.engine.state.book.qty(KO) == D(10)

    def began(self) -> Trader:
        config = engine_config(Settings())
        return recover(config, self.ledger, self.venue, self.clock, self.heard.append)

    def move(self, price: float, key: Key = KO) -> None:
        now = self.clock.now_ns() + 10**9
        self.clock.move_to(now)
        self.trader.offer(Prices(at_ns=now, prints=((key, D(str(price))),), rung=Rung.QUOTE))
        self.venue.on_quote(now, KO, price - 0.01, price + 0.01)
        self.trader.drain()

    def buy(self, key: Key, qty: str) -> str:
        now = self.clock.now_ns()
        name = f"w{now}-{qty}"
        wish = OrderWish(at_ns=now, key=key, side=Side.BUY, source="b", id=name, qty=D(qty))
        return self.trader.offer(Wished(at_ns=now, wish=wish, bot="b"))[0].reason

    def notes(self) -> list[str]:
        self.trader.flush()
        return [each.code for each in self.heard if isinstance(each, Noted)]


def test_a_change_of_symbol_is_explained_by_its_rows_and_no_difference_is_left() -> None:
    house = House()
    house.venue.name_now = OTHER
    house.venue.rows = [row(1, KO, "-10"), row(2, OTHER, "10")]
    house.trader.reconcile()
    state = house.trader.engine.state
    assert dict(state.held()) == {OTHER: D(10)}
    assert state.trading is TradingState.ACTIVE
    assert "reconcile.difference" not in house.notes()
    # Nothing of the new name is bought before it has a price of its own.
    assert house.buy(OTHER, "1") == "no_price"
    house.move(60.5, OTHER)
    assert house.buy(OTHER, "1") == "none"


def test_until_it_is_explained_nothing_at_all_is_added_and_then_the_lists_agree() -> None:
    house = House()
    house.venue.name_now = OTHER
    house.trader.reconcile()
    state = house.trader.engine.state
    assert state.trading is TradingState.REDUCING
    assert house.buy(KO, "1") == "reducing"
    house.venue.rows = [row(1, KO, "-10")]  # its other half is listed later
    house.trader.reconcile()
    assert dict(state.held()) == {KO: D(10)}
    house.venue.rows = [*house.venue.rows, row(2, OTHER, "10")]
    before = house.notes().count("reconcile.difference")
    house.trader.reconcile()
    assert dict(state.held()) == {OTHER: D(10)}
    assert house.notes().count("reconcile.difference") == before


def test_another_process_reads_the_same_rows_and_books_nothing_twice() -> None:
    house = House()
    house.venue.name_now = OTHER
    house.venue.rows = [row(1, KO, "-10"), row(2, OTHER, "10")]
    house.trader.reconcile()
    house.trader.flush()
    house.trader = house.began()
    house.trader.reconcile()
    assert dict(house.trader.engine.state.held()) == {OTHER: D(10)}
    assert "reconcile.difference" not in house.notes()


def test_units_of_a_spin_off_are_worth_what_the_broker_says_of_the_holding() -> None:
    house = House()
    spun = PositionSnapshot(
        key=OTHER, qty=D(5), qty_available=D(5), avg_entry_price=D(0), price=D("8.5")
    )
    positions = house.venue.positions
    house.venue.positions = lambda: [*positions(), spun]  # type: ignore[method-assign]
    house.venue.rows = [row(1, OTHER, "5", type="SPIN")]
    house.trader.reconcile()
    state = house.trader.engine.state
    assert dict(state.held()) == {KO: D(10), OTHER: D(5)}
    assert (state.entry_price(OTHER), state.trading) == (D("8.5"), TradingState.ACTIVE)


@pytest.mark.parametrize(
    ("rows", "moved"),
    [
        pytest.param([row(1, KO, "-1"), row(2, OTHER, "1")], [(KO, OTHER)], id="one-day"),
        pytest.param(
            [row(1, KO, "-1", group="g"), row(2, OTHER, "1", group="g", at_ns=NOON + DAY_NS)],
            [(KO, OTHER)],
            id="one-group",
        ),
        pytest.param(
            [row(1, KO, "-1"), row(2, OTHER, "1", at_ns=NOON + DAY_NS)], [], id="two-days"
        ),
        pytest.param([row(1, KO, "-1")], [], id="a-name-that-only-goes"),
        pytest.param([row(1, OTHER, "1")], [], id="a-name-that-only-comes"),
        pytest.param([row(1, OTHER, "1", type="SPIN")], [(None, OTHER)], id="spin-off"),
        pytest.param(
            [row(1, KO, "-1", type="MA", net_amount=D(50))], [(KO, None)], id="paid-in-cash"
        ),
        pytest.param([row(1, KO, "-1", type="MA")], [], id="paid-in-nothing"),
        pytest.param([row(1, KO, "5", type="JNLS")], [], id="brought-by-the-owner"),
    ],
)
def test_what_moved_is_told_where_both_halves_are_there_or_one_is_enough(
    rows: list[Activity], moved: list[tuple[Key | None, Key | None]]
) -> None:
    found = [
        (each.gone and each.gone[0], each.came and each.came[0]) for each in moved_units(rows, NOON)
    ]
    assert found == moved
