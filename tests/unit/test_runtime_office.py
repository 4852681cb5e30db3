"""What other threads want of an account: in order, once, durable before anybody is told."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from queue import Full

import pytest
from tests.fuzz.account import Account, account

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.engine.events import Event, Wished
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.office import BATCH, WAITING_MAX, Office, Wish
from smart_leverage.runtime.shelf import Shelf

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


def test_nobody_hears_of_a_decision_that_is_not_in_the_journal(asked: Asked) -> None:
    counts: list[int] = []

    def settle(trader: Driven, decided: list[Decided] | None) -> None:
        counts.append(decisions(asked.desk))

    for name in ("a", "b"):
        asked.desk.office.want(Wish(asked.wish(name).stamp, settle))
    asked.attend()
    assert counts == [2, 2]


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


def test_what_waits_to_be_told_of_a_decision_is_told_once_it_is_durable(asked: Asked) -> None:
    told: list[tuple[bool, int, int]] = []

    def act(*, is_durable: bool) -> None:
        told.append((is_durable, decisions(asked.desk), len(asked.settled)))

    asked.desk.office.afterwards(act)
    asked.desk.office.want(asked.wish("a"))
    asked.attend()
    assert told[0][0] is False
    assert told[-1] == (True, 1, 1)


def test_whatever_comes_in_wakes_the_trading_thread() -> None:
    woken: list[bool] = []
    office = Office(lambda: woken.append(office.is_idle), Shelf())
    office.ask(lambda trader: None)
    office.answered(None)
    office.want(Wish(lambda at_ns: Event(at_ns=at_ns), lambda trader, decided: None))
    assert woken == [False] * 3
