"""What other threads want of an account: in order, once, durable before anybody is told."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from queue import Full
from typing import cast

import pytest
from tests.fuzz.account import Account, account

from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.engine.events import ClockJudged, Event, Wished
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.office import BATCH, PATIENCE_S, WAITING_MAX, Office, Wish
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.runtime.writing import Kept

BTC = Key("crypto:BTC/USD")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Account]:
    with account(tmp_path) as opened:
        yield opened


class Asked:
    """Somebody who hands in wishes, and what was settled for them, in order."""

    def __init__(self, desk: Account) -> None:
        self.desk = desk
        self.settled: list[tuple[str, str]] = []

    def wish(self, name: str, qty: str = "0.001") -> Wish:
        def stamp(at_ns: int) -> Event:
            wish = OrderWish(
                at_ns=at_ns, key=BTC, side=Side.BUY, source="one", id=name, qty=Decimal(qty)
            )
            return Wished(at_ns=at_ns, wish=wish, bot="one")

        def settle(trader: Driven, decided: list[Decided] | None) -> None:
            assert decided is not None
            own = next((one.verdict for one in decided if one.request == name), "")
            self.settled.append((name, own))

        return Wish(stamp, settle)

    def attend(self) -> None:
        self.desk.office.attend(self.desk.trader, self.desk.clock.now_ns)


@pytest.fixture
def asked(desk: Account) -> Asked:
    return Asked(desk)


def decisions(desk: Account) -> int:
    return sum(entry.kind == "decision" for entry in desk.trader.ledger.read(0))


def test_wishes_are_decided_in_order_and_each_hears_its_own_decision(asked: Asked) -> None:
    for name, qty in (("a", "0.01"), ("b", "100"), ("c", "0.01")):
        asked.desk.office.want(asked.wish(name, qty))
    assert not asked.desk.office.is_idle
    asked.attend()
    assert asked.settled == [("a", "approved"), ("b", "denied"), ("c", "approved")]
    assert asked.desk.office.is_idle


class Parcels:
    """Somebody who tells of decisions, and how many the journal had each time."""

    def __init__(self, desk: Account) -> None:
        self.desk = desk
        self.early = 0
        self.counts: list[int] = []
        self.has_come = threading.Event()
        desk.office.add_teller(self)

    def tell_early(self) -> None:
        self.early += 1

    def parcel(self) -> Callable[[], None] | None:
        def deliver() -> None:
            self.counts.append(decisions(self.desk))
            self.has_come.set()

        return deliver


def test_nobody_hears_of_a_decision_that_is_not_in_the_journal(asked: Asked) -> None:
    parcels = Parcels(asked.desk)
    for name in ("a", "b"):
        asked.desk.office.want(asked.wish(name))
    asked.attend()
    assert parcels.has_come.wait(5.0)
    assert (parcels.early, parcels.counts) == (1, [2])


class Lost:
    """A ledger whose next commit fails, as the trader sees it: `then` hears False."""

    def __init__(self, desk: Account) -> None:
        self._trader = desk.trader
        self.is_lost = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._trader, name)

    def hand_over(self, then: Kept) -> None:
        if self.is_lost:
            self.is_lost = False
            then(False)
        else:
            self._trader.hand_over(then)


def test_after_a_commit_that_failed_wishes_are_settled_anew_and_nothing_was_told(
    asked: Asked,
) -> None:
    desk, heard = asked.desk, list[list[Decided] | None]()
    parcels, trader = Parcels(desk), cast("Driven", Lost(desk))
    wish = Wish(asked.wish("a").stamp, lambda trader, decided: heard.append(decided))
    asks: list[int] = []
    desk.office.want(wish)
    desk.office.ask(lambda trader: asks.append(len(heard)))
    desk.office.attend(trader, desk.clock.now_ns)
    assert (len(heard), asks, parcels.counts) == (1, [1], [])
    assert not desk.office.is_idle
    desk.office.attend(trader, desk.clock.now_ns)
    assert heard[1:] == [None]
    assert asks == [1, 2]
    assert parcels.has_come.wait(5.0)
    assert desk.office.is_idle


class Counting:
    """A trader that counts how often it is asked to make durable what was decided."""

    def __init__(self, desk: Account) -> None:
        self._trader = desk.trader
        self.times = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._trader, name)

    def hand_over(self, then: Kept) -> None:
        self.times += 1
        self._trader.hand_over(then)


def print_of(desk: Account) -> Event:
    """Return what a broker says by itself: nobody waits for it, and it is journalled."""
    return ClockJudged(at_ns=0, doubt="" if desk.trader.engine.is_clock_doubted else "it is late")


def test_what_nobody_waits_for_is_made_durable_with_what_somebody_waits_for(asked: Asked) -> None:
    desk = asked.desk
    desk.trader.flush()
    counting = Counting(desk)
    trader, head = cast("Driven", counting), desk.trader.ledger.head
    assert desk.office.patience_s is None
    desk.office.brought([print_of(desk)])
    desk.office.attend(trader, desk.clock.now_ns)
    assert counting.times == 0
    assert desk.trader.ledger.head == head
    assert 0.0 <= cast("float", desk.office.patience_s) <= PATIENCE_S
    desk.office.want(asked.wish("a"))
    desk.office.attend(trader, desk.clock.now_ns)
    assert counting.times == 1
    assert desk.office.patience_s is None
    desk.trader.flush()
    kinds = [entry.kind for entry in desk.trader.ledger.read(head.seq)]
    assert kinds[:2] == ["note", "decision"]


def test_patience_has_an_end_also_while_more_comes_in_all_the_time(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = asked.desk
    counting, now_s = Counting(desk), [100.0]
    monkeypatch.setattr("smart_leverage.runtime.office.time.monotonic", lambda: now_s[0])
    for _ in range(11):
        desk.office.brought([print_of(desk)])
        desk.office.attend(cast("Driven", counting), desk.clock.now_ns)
        now_s[0] += PATIENCE_S / 4
    assert counting.times == 2  # each when the first of them had waited for that long
    now_s[0] += PATIENCE_S
    assert desk.office.patience_s == 0.0
    desk.office.catch_up(cast("Driven", counting))
    assert counting.times == 3
    assert cast("float | None", desk.office.patience_s) is None


def test_a_broker_that_was_silent_when_asked_aside_is_told_once_all_else_is_done(
    asked: Asked,
) -> None:
    asked.desk.office.silent(BrokerDown("no answer"))
    asked.desk.office.want(asked.wish("a"))
    with pytest.raises(BrokerDown):
        asked.attend()
    assert asked.settled == [("a", "approved")]
    asked.attend()


def test_whoever_only_makes_durable_hears_nothing_of_a_silent_broker(asked: Asked) -> None:
    """At the end of a step nobody is there to take it; the next look at what came in is."""
    office, trader = asked.desk.office, asked.desk.trader
    office.silent(BrokerDown("no answer"))
    office.dispatch(trader)
    with pytest.raises(BrokerDown):
        office.catch_up(trader)
    office.catch_up(trader)


def test_a_wish_that_was_withdrawn_is_never_decided(asked: Asked) -> None:
    gone, stays = asked.wish("gone"), asked.wish("stays")
    for wish in (gone, stays):
        asked.desk.office.want(wish)
    assert gone.claim()
    asked.attend()
    assert asked.settled == [("stays", "approved")]
    assert decisions(asked.desk) == 1
    assert not stays.claim(), "what was decided cannot be withdrawn"


def test_a_crowd_is_refused_before_anything_was_decided_and_what_is_urgent_never(
    asked: Asked,
) -> None:
    office = asked.desk.office
    for number in range(WAITING_MAX):
        office.want(asked.wish(f"w{number}"))
    with pytest.raises(Full):
        office.want(asked.wish("one more"))
    office.want(asked.wish("urgent"), is_urgent=True)
    assert decisions(asked.desk) == 0
    for _ in range(WAITING_MAX // BATCH + 1):
        asked.attend()
    names = [name for name, _ in asked.settled]
    assert len(names) == len(set(names)) == WAITING_MAX + 1
    assert names[-1] == "urgent"
    assert "one more" not in names


def test_a_crowd_of_questions_is_refused_as_well(desk: Account) -> None:
    for _ in range(WAITING_MAX):
        desk.office.ask(lambda trader: None)
    with pytest.raises(Full):
        desk.office.ask(lambda trader: None)


def test_a_long_queue_does_not_keep_the_market_waiting(asked: Asked) -> None:
    """One turn takes so many and no more; prices and stops have theirs in between."""
    for number in range(BATCH + 1):
        asked.desk.office.want(asked.wish(f"w{number}"))
    asked.attend()
    assert len(asked.settled) == BATCH
    assert not asked.desk.office.is_idle
    asked.attend()
    assert len(asked.settled) == BATCH + 1


def test_a_question_sees_what_was_decided_before_it(asked: Asked) -> None:
    seen: list[int] = []
    asked.desk.office.want(asked.wish("a"))
    asked.desk.office.ask(
        lambda trader: seen.append(len(asked.desk.office.shelf.open_orders("one")))
    )
    asked.attend()
    assert seen == [1]


def test_whatever_comes_in_wakes_the_trading_thread() -> None:
    woken: list[bool] = []
    office = Office(lambda: woken.append(office.is_idle), Shelf())
    office.ask(lambda trader: None)
    office.answered([None])
    office.want(Wish(lambda at_ns: Event(at_ns=at_ns), lambda trader, decided: None))
    assert woken == [False] * 3


class Fetching:
    """A trader that counts how often the broker is asked for news."""

    def __init__(self, desk: Account) -> None:
        self._trader = desk.trader
        self.times = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._trader, name)

    def fetch(self) -> None:
        self.times += 1


def test_of_orders_that_were_answered_close_to_each_other_news_are_asked_for_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, now_s = asked.desk, [100.0]
    monkeypatch.setattr("smart_leverage.runtime.office.time.monotonic", lambda: now_s[0])
    fetching = Fetching(desk)
    trader = cast("Driven", fetching)
    for _ in range(3):
        desk.office.answered([print_of(desk)])
        desk.office.attend(trader, desk.clock.now_ns)
        now_s[0] += PATIENCE_S / 4
    assert fetching.times == 0
    assert desk.office.is_idle
    assert desk.office.patience_s == pytest.approx(PATIENCE_S / 4)
    now_s[0] += PATIENCE_S
    desk.office.catch_up(trader)
    assert (fetching.times, desk.office.patience_s) == (1, None)
    desk.office.catch_up(trader)
    assert fetching.times == 1


def test_news_of_a_cancel_are_asked_for_at_once(asked: Asked) -> None:
    """A sale may wait for the stop that was cancelled for it."""
    fetching = Fetching(asked.desk)
    asked.desk.office.answered([None])
    asked.desk.office.attend(cast("Driven", fetching), asked.desk.clock.now_ns)
    assert fetching.times == 1
    assert asked.desk.office.is_idle
