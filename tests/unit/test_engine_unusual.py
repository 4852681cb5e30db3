"""An order far beyond what a bot usually buys: a value that was typed for a quantity, as a rule."""

from collections import deque
from collections.abc import Iterable

import pytest
from tests.simulation.desk import BTC, ETH, KO, SPY, D, Desk
from tests.unit.test_engine_changes import bought

from smart_leverage.domain.records import Decided, decode, encode
from smart_leverage.domain.sentences import sentence
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.usual import LEAST, REMEMBERED, Usual


def used(times: int = LEAST, qty: str = "1", bot: str = "bot") -> Desk:
    """Return an account whose bot has bought shares of 60 dollars so often, each order alike."""
    desk = Desk()
    for _ in range(times):
        assert desk.buy(KO, qty, bot=bot).verdict == "approved"
    return desk


def test_a_value_that_is_typed_for_a_quantity_is_denied_although_every_cap_has_room() -> None:
    desk = used()
    denied = desk.buy(KO, "60")  # sixty dollars were meant
    assert (denied.verdict, denied.reason, denied.given) == ("denied", "unusual", D(0))
    limit = D("60.30")
    assert (denied.unit, denied.bound, denied.would_be) == ("money", 5 * limit, 60 * limit)
    told = sentence(denied.reason, denied.unit, denied.bound, denied.would_be)
    assert told.startswith("unusual size: $301.50 at most, by what this bot usually buys")
    assert told.endswith("this order comes to $3,618.00")
    assert used(0).buy(KO, "60").verdict == "approved"


def test_the_bound_is_five_times_the_usual_order_whatever_it_buys_and_how_it_says_so() -> None:
    desk = used()
    assert desk.buy(KO, "5").verdict == "approved"
    assert desk.buy(KO, "6").reason == "unusual"
    assert desk.buy(SPY, "1").reason == "unusual"
    assert desk.buy(ETH, notional="301").verdict == "approved"
    assert desk.buy(ETH, notional="302").reason == "unusual"


def test_nobody_knows_what_is_usual_before_the_tenth_purchase_and_of_another_bot() -> None:
    desk = used(LEAST - 1)
    assert desk.buy(KO, "60").verdict == "approved"
    assert used().buy(KO, "60", bot="other").verdict == "approved"


def test_an_order_that_would_be_cut_is_denied_as_well() -> None:
    desk = used()
    assert desk.buy(KO, "60", may_shrink=True).reason == "unusual"


def test_a_sale_may_be_as_large_as_the_holding() -> None:
    desk = Desk()
    desk.hold(KO, "10")
    for _ in range(LEAST):
        assert desk.buy(SPY, notional="60").verdict == "approved"
    assert desk.buy(SPY, notional="600").reason == "unusual"
    assert desk.sell(KO, "10").given == D(10)


def test_a_change_that_makes_an_order_unusual_is_denied() -> None:
    desk = used()
    order = bought(desk, "2")
    assert desk.change(order, "3").verdict == "approved"
    desk = used()
    decided = desk.change(bought(desk, "2"), "60")
    assert (decided.verdict, decided.reason) == ("denied", "unusual")


def test_who_sizes_by_the_policy_is_not_asked() -> None:
    desk = used()
    assert desk.signal(BTC).verdict == "approved"


def test_on_a_step_that_governs_no_entries_it_is_told_and_forwarded() -> None:
    desk = Desk(enforcement="observe")
    for _ in range(LEAST):
        desk.buy(KO, "1")
    told = desk.buy(KO, "60")
    assert (told.verdict, told.reason, told.given) == ("observed", "unusual", D(60))


def test_a_restart_knows_what_is_usual() -> None:
    desk = used()
    again = Engine(desk.engine._core.configured, [decode(encode(one)) for one in desk.records])
    for state in (again.state, desk.state):
        assert {bot: one.last for bot, one in state.usual.items()} == {
            "bot": deque([D("60.30")] * LEAST)
        }


@pytest.mark.parametrize(
    ("last", "middle"),
    [
        pytest.param(range(1, LEAST), None, id="too-few"),
        pytest.param([*range(1, LEAST), 100], 6, id="upper-of-two"),
        pytest.param([100, *range(1, LEAST + 1)], 6, id="whatever-the-order"),
    ],
)
def test_the_usual_is_the_median(last: Iterable[int], middle: int | None) -> None:
    usual = Usual()
    for each in last:
        usual.add(D(each))
    assert usual.median == (None if middle is None else D(middle))


def test_the_last_hundred_are_remembered() -> None:
    desk = used(REMEMBERED + 7)
    assert len(desk.state.usual["bot"].last) == REMEMBERED


def test_what_is_forgotten_counts_no_more() -> None:
    usual, values = Usual(), [D(each * 7_919 % 1_009) for each in range(5 * REMEMBERED)]
    for count, value in enumerate(values, 1):
        usual.add(value)
        kept = sorted(values[max(0, count - REMEMBERED) : count])
        assert usual.median == (kept[len(kept) // 2] if count >= LEAST else None)


def test_what_the_caps_left_of_an_order_is_no_usual_one() -> None:
    desk = Desk()
    for _ in range(2 * LEAST):
        decided = desk.buy(KO, "5000", may_shrink=True)
        assert decided.reason != "unusual"
    assert any(each.verdict == "cut" for each in desk.records if isinstance(each, Decided))
    assert desk.state.usual == {}


def test_denied_orders_are_no_usual_ones() -> None:
    desk = used()
    for _ in range(2 * LEAST):
        assert desk.buy(KO, "60").reason == "unusual"
    assert [each for each in desk.records if isinstance(each, Decided)][-1].reason == "unusual"
