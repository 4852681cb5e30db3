"""A story knows where in the journal each of its facts stands."""

import gc
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, Side
from smart_leverage.domain.records import (
    AccountOpened,
    Decided,
    Filled,
    InstrumentListed,
    Intended,
    Marked,
    Noted,
    Record,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.reports.story import Story, read_story

D = Decimal
BTC = Key("crypto:BTC/USD")


def mark(at_ns: int, equity: int) -> Marked:
    return Marked(
        at_ns=at_ns,
        equity=D(equity),
        cash=D(equity),
        crypto=D(0),
        leveraged=D(0),
        gross=D(0),
        crypto_cap=D("0.25"),
        leveraged_cap=D("0.35"),
    )


def records() -> list[Record]:
    order = Order(client_order_id="o1", bot="bot", key=BTC, side=Side.BUY, qty=D(1))
    fill = Fill(
        execution_id="e1",
        client_order_id="o1",
        key=BTC,
        side=Side.BUY,
        qty=D(1),
        price=D(100),
        fee=D(0),
        fee_asset="USD",
        at_ns=3,
    )
    return [
        AccountOpened(
            at_ns=1,
            account="small",
            mode="sim",
            cash=D(1000),
            risk_timezone="UTC",
            preset="classic",
            policy="",
            policy_hash="abc",
            enforcement="all",
            version="0",
        ),
        InstrumentListed(at_ns=1, instrument=Registry.builtin()[BTC]),
        mark(2, 1000),
        Intended(at_ns=2, order=order, decision_id="d1", reserve_price=D(0)),
        Filled(at_ns=3, fill=fill),
        mark(4, 1010),
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as store:
        store.commit(records())
    return path


def test_every_fact_has_its_place(ledger: Path) -> None:
    with Reader.open(ledger) as reader:
        story, head = read_story(reader), reader.head()
    assert list(story.places[Marked]) == [3, 6]
    assert len(story.places[Marked]) == len(story.marks)
    assert (story.seq, story.head) == (head.seq, head.hash)


def test_an_execution_that_is_told_twice_keeps_its_first_place() -> None:
    story, told = Story(), records()
    for record in (*told, told[4]):
        story.apply(record)
    assert [each.seq for each in story.executions] == [5]
    assert list(story.places[Filled]) == [5, 7]


def test_a_story_can_end_at_an_entry(ledger: Path) -> None:
    with Reader.open(ledger) as reader:
        story = read_story(reader, until=3)
        third = [*reader.entries()][2]
    assert (story.seq, story.head, len(story.marks)) == (3, third.hash, 1)


def test_facts_without_a_place_are_counted_through() -> None:
    story = Story()
    for record in records():
        story.apply(record)
    assert story.seq == 6
    assert list(story.places[Marked]) == [3, 6]


def test_progress_ends_with_the_last_entry(ledger: Path) -> None:
    heard: list[int] = []
    with Reader.open(ledger) as reader:
        read_story(reader, progress=heard.append)
    assert heard == [6]


def test_a_journal_without_an_account_is_no_story(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as store:
        store.commit([Noted(at_ns=1, code="hello", text="nothing yet")])
    with Reader.open(path) as reader, pytest.raises(BadData, match="no account yet"):
        read_story(reader)


def test_figures_of_decisions_are_kept_unless_nobody_asks_for_them(tmp_path: Path) -> None:
    decided = Decided(
        at_ns=2,
        decision_id="d1",
        bot="bot",
        source="order",
        key=BTC,
        side=Side.BUY,
        asked=D(1),
        allowed=D(1),
        given=D(1),
        price=D(100),
        verdict="approved",
        reason="none",
        unit="fraction",
        bound=D(0),
        would_be=D(0),
        figures={"equity": "1000.00"},
    )
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as store:
        store.commit([*records()[:2], decided])
    with Reader.open(path) as reader:
        assert read_story(reader).decisions == [decided]
        (lean,) = read_story(reader, keeps_figures=False).decisions
    assert lean == structs.replace(decided, figures={})


def test_reading_leaves_the_collector_as_it_was(ledger: Path) -> None:
    assert gc.isenabled()
    with Reader.open(ledger) as reader:
        read_story(reader)
        assert gc.isenabled()
        gc.disable()
        try:
            read_story(reader)
            assert not gc.isenabled()
        finally:
            gc.enable()
