"""What a bot is shown of its orders: its own, as they stand, and each piece of news once."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest
from msgspec import structs
from tests.simulation.desk import AAPL, BTC, KO, SPY, D, Desk

from smart_leverage.domain.orders import Order, OrderState
from smart_leverage.domain.records import FillRevised
from smart_leverage.engine.events import CancelWished, Verdict
from smart_leverage.runtime import shelf as module
from smart_leverage.runtime.shelf import Shelf, Shelved, wire_id
from smart_leverage.server.gateway.views import fills_of, update_of


class Shown:
    """A desk whose records a shelf hears as they are made."""

    def __init__(self) -> None:
        self.desk, self.shelf, self._heard = Desk(), Shelf(), 0
        self.hear()

    def hear(self) -> None:
        for record in self.desk.records[self._heard :]:
            self.shelf.hear(record)
        self._heard = len(self.desk.records)

    def bought(self, key: str = KO, qty: str = "10", bot: str = "bot") -> Order:
        """Let the broker take a purchase of a bot."""
        assert self.desk.buy(key, qty, bot=bot).given > 0  # type: ignore[arg-type]
        order = self.desk.take()
        self.hear()
        return order

    def of(self, order: Order) -> Shelved:
        found = [one for one in self.shelf.orders(order.bot) if one.order == order]
        assert len(found) == 1
        return found[0]

    def events(self) -> list[str]:
        self.hear()
        return [told.event for told in self.shelf.take_told()]


@pytest.fixture
def shown() -> Shown:
    return Shown()


def names(orders: Iterator[Shelved] | list[Shelved]) -> list[str]:
    return [one.order.client_order_id for one in orders]


# -- whose orders ---------------------------------------------------------------------------------


def test_a_bot_sees_its_own_orders_newest_first_and_nobody_elses(shown: Shown) -> None:
    first, other, second = shown.bought(), shown.bought(AAPL, bot="other"), shown.bought(BTC, "0.1")
    assert names(shown.shelf.orders("bot")) == [each.client_order_id for each in (second, first)]
    assert names(shown.shelf.orders("other")) == [other.client_order_id]
    assert names(shown.shelf.orders("nobody")) == []
    theirs = shown.of(other)
    assert shown.shelf.by_id("other", theirs.id) is theirs
    assert shown.shelf.by_id("bot", theirs.id) is None
    assert shown.shelf.by_request("bot", theirs.request) is None


def test_what_the_house_does_is_on_no_list_and_in_no_stream(shown: Shown) -> None:
    order = shown.bought()
    shown.events()
    shown.desk.fill(order, "60")
    shown.desk.take()  # the stop of the house
    assert shown.events() == ["fill"]
    for bot in ("bot", "house", ""):
        assert names(shown.shelf.orders(bot)) == ([order.client_order_id] if bot == "bot" else [])


def test_an_order_is_found_by_the_name_that_its_bot_gave_it_also_before_the_broker_knows(
    shown: Shown,
) -> None:
    decided = shown.desk.buy(KO, "10")
    shown.hear()
    found = shown.shelf.by_request("bot", decided.request)
    assert found is not None
    assert (found.state, found.is_known, found.is_told) == (OrderState.INTENT, False, False)
    assert shown.shelf.by_id("bot", found.id) is found


def test_a_denied_order_is_on_no_list(shown: Shown) -> None:
    denied = shown.desk.buy(KO, "10000")
    shown.hear()
    assert denied.verdict == "denied"
    assert list(shown.shelf.orders("bot")) == []
    assert shown.shelf.by_request("bot", denied.request) is None


# -- how they stand -------------------------------------------------------------------------------


def test_fills_add_up_to_their_average_and_each_is_counted_once(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.desk.fill(order, "60", "4", is_told_twice=True)
    shown.desk.fill(order, "61", "6")
    assert shown.events() == ["new", "partial_fill", "fill"]
    shelved = shown.of(order)
    assert (shelved.filled, shelved.average_price) == (D(10), D("60.6"))
    assert shelved.is_final
    assert shown.shelf.open_orders("bot") == []
    executions = [(each.fill.qty, each.filled) for each in shown.shelf.fills("bot")]
    assert executions == [(D(6), D(10)), (D(4), D(4))]
    assert list(shown.shelf.fills("other")) == []


def test_a_cancel_is_shown_at_once_and_what_filled_meanwhile_is_not_lost(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.desk.feed(
        CancelWished(at_ns=shown.desk.now_ns, bot="bot", client_order_id=order.client_order_id)
    )
    assert shown.events() == ["new", "pending_cancel"]
    assert shown.of(order).state is OrderState.PENDING_CANCEL
    shown.desk.fill(order, "60", "3")
    shown.desk.end(order)
    assert shown.events() == ["partial_fill", "canceled"]
    assert (shown.of(order).filled, shown.of(order).state) == (D(3), OrderState.CANCELED)


def test_what_has_ended_stays_as_it_ended(shown: Shown) -> None:
    order = shown.bought()
    shown.desk.end(order, "expired")
    shown.desk.end(order, "canceled")
    assert shown.events() == ["new", "expired"]
    assert shown.of(order).state is OrderState.EXPIRED


def test_a_refusal_of_the_broker_is_shown_with_its_reason(shown: Shown) -> None:
    shown.desk.buy(KO, "10")
    order = shown.desk.pop()
    shown.desk.answer(order, Verdict.REFUSED, "no such luck")
    assert shown.events() == ["rejected"]
    shelved = shown.of(order)
    assert (shelved.state, shelved.reason, shelved.is_told) == (
        OrderState.REJECTED,
        "no such luck",
        True,
    )


def test_an_order_and_the_one_in_its_place_name_each_other(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.desk.change(order, "12")
    shown.hear()
    assert shown.of(order).state is OrderState.PENDING_REPLACE
    after = shown.desk.take_change()
    shown.desk.end(order, "replaced")
    shown.hear()
    old, new = shown.of(order), shown.of(after)
    assert (old.state, old.replaced_by, new.replaces) == (OrderState.REPLACED, new, old)
    assert names(shown.shelf.open_orders("bot")) == [after.client_order_id]


def test_a_change_that_the_broker_refused_leaves_the_order_open(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.desk.change(order, "12")
    change = shown.desk.changes.pop(0).approved.order
    shown.desk.answer(change, Verdict.REFUSED, "not now")
    shown.hear()
    assert shown.of(order).state is OrderState.OPEN
    assert shown.of(change).state is OrderState.REJECTED


# -- who waits for the first word -----------------------------------------------------------------


def test_whoever_waits_for_the_brokers_word_is_called_once_when_it_comes(shown: Shown) -> None:
    called: list[Shelved] = []
    shown.desk.buy(KO, "10")
    order = shown.desk.pop()
    shown.hear()
    shown.shelf.when_told(order.client_order_id, called.append)
    assert called == []
    shown.desk.answer(order, Verdict.UNKNOWN)
    shown.hear()
    assert called == []  # nobody knows yet whether the broker has it
    shown.desk.answer(order, Verdict.ACCEPTED)
    shown.desk.fill(order, "60")
    shown.hear()
    assert called == [shown.of(order)]
    shown.shelf.when_told(order.client_order_id, called.append)
    assert len(called) == 2


@pytest.mark.parametrize("parts", [("10",), ("4", "6")], ids=["at-once", "in-parts"])
def test_a_fill_is_the_brokers_word_where_nothing_was_said_before_it(
    shown: Shown, parts: Sequence[str]
) -> None:
    called: list[Shelved] = []
    shown.desk.buy(KO, "10")
    order = shown.desk.pop()
    shown.hear()
    shown.shelf.when_told(order.client_order_id, called.append)
    shown.desk.feed(
        CancelWished(at_ns=shown.desk.now_ns, bot="bot", client_order_id=order.client_order_id)
    )
    shown.hear()
    assert called == []
    for part in parts:
        shown.desk.fill(order, "60", part)
    shown.hear()
    assert called == [shown.of(order)]
    assert shown.of(order).is_final


def test_news_is_taken_once_and_shows_the_order_as_it_was_then(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.desk.fill(order, "60", "4")
    shown.desk.fill(order, "60")
    shown.hear()
    told = shown.shelf.take_told()
    assert [(one.event, one.order.filled) for one in told] == [
        ("new", D(0)),
        ("partial_fill", D(4)),
        ("fill", D(10)),
    ]
    assert shown.shelf.take_told() == []


# -- after a restart, and for years ---------------------------------------------------------------


def picture(shelf: Shelf) -> list[tuple[str, str, OrderState, Decimal, Decimal | None]]:
    return [
        (one.id, one.request, one.state, one.filled, one.average_price)
        for bot in ("bot", "other")
        for one in shelf.orders(bot)
    ]


def test_a_shelf_that_hears_the_journal_again_shows_the_same(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.bought(AAPL, "5", bot="other")
    shown.desk.fill(order, "60", "4")
    shown.desk.change(order, "12")
    shown.hear()
    before = picture(shown.shelf)
    with shown.shelf.recalling():
        assert picture(shown.shelf) == []
        for record in shown.desk.records:
            shown.shelf.hear(record)
    assert picture(shown.shelf) == before


def test_what_it_hears_again_no_stream_tells_once_more(shown: Shown) -> None:
    """Else a bot would count each fill of its life twice after a commit that failed."""
    order = shown.bought(qty="10")
    shown.desk.fill(order, "60", "4")
    assert shown.events()
    with shown.shelf.recalling():
        for record in shown.desk.records:
            shown.shelf.hear(record)
    assert shown.shelf.take_told() == []
    shown.desk.fill(order, "60", "6")
    assert shown.events() == ["fill"]


def test_only_ended_orders_are_forgotten_when_there_are_too_many(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    resting = shown.bought(SPY, "1")
    for qty in ("1", "2", "3", "4"):
        shown.desk.end(shown.bought(KO, qty))
        shown.hear()
    kept = names(shown.shelf.orders("bot"))
    assert len(kept) == 3
    assert resting.client_order_id in kept
    assert names(shown.shelf.open_orders("bot")) == [resting.client_order_id]


# -- what the broker takes back or corrects --------------------------------------------------------


def test_a_bot_hears_that_an_execution_was_taken_back_and_which(shown: Shown) -> None:
    order = shown.bought(qty="10")
    shown.desk.fill(order, "60")
    fill = shown.desk.last_fill()
    shown.events()
    shown.desk.revise(fill)
    shown.hear()
    (told,) = shown.shelf.take_told()
    assert (told.event, told.revises, told.fill) == ("trade_bust", fill.execution_id, fill)
    shelved = shown.of(order)
    assert (shelved.filled, shelved.average_price) == (D(0), None)
    assert shelved.is_final  # what has ended stays ended
    said = update_of(told, D(0))
    assert said["previous_execution_id"] == wire_id(fill.execution_id)
    assert (said["event"], said["qty"], said["price"]) == ("trade_bust", "10", "60")
    assert said["order"]["filled_qty"] == "0"
    assert said["order"]["status"] == "filled"
    assert shown.shelf.open_orders("bot") == []


def test_a_correction_stands_in_the_list_beside_what_it_corrects(shown: Shown) -> None:
    order = shown.bought(BTC, "0.1")
    shown.desk.fill(order, "50000")
    first = shown.desk.last_fill()
    shown.desk.revise(first, qty="0.08", price="49000")
    shown.hear()
    rows = fills_of(None, list(shown.shelf.fills("bot")))  # type: ignore[arg-type]
    assert [(row["type"], row["qty"], row["price"]) for row in rows] == [
        ("trade_correct", "0.08", "49000"), ("fill", "0.1", "50000"),
    ]  # fmt: skip
    assert rows[0]["previous_execution_id"] == rows[1]["id"].partition("::")[2]
    assert "previous_execution_id" not in rows[1]
    assert shown.of(order).average_price == D(49_000)


def test_a_fee_in_coins_comes_back_in_the_list_as_well(shown: Shown) -> None:
    order = shown.bought(BTC, "0.1")
    shown.desk.fill(order, "50000")
    fill = structs.replace(shown.desk.last_fill(), fee=D("0.0002"), fee_asset="BTC")
    shown.shelf.hear(FillRevised(at_ns=shown.desk.now_ns, before=fill))
    rows = fills_of(None, list(shown.shelf.fills("bot")))  # type: ignore[arg-type]
    assert [row["qty"] for row in rows if row["activity_type"] == "CFEE"] == ["0.0002"]
