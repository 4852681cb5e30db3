"""Each question to a ledger is answered with what was written, in the order that it promises."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, OrderState, OrderType, Side
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    CancelIntended,
    Decided,
    Filled,
    FlowSeen,
    InstrumentListed,
    Intended,
    Marked,
    Noted,
    OrderMoved,
    OrderTrailed,
    PlanMoved,
    Record,
    Resumed,
    StateChanged,
    TierGranted,
    Unprotected,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger import journal, reader
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger

D = Decimal
SPY, BTC = Key("us_equity:SPY"), Key("crypto:BTC/USD")

Read = Callable[..., Reader]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def read(request: pytest.FixtureRequest) -> Iterator[Read]:
    """Return what commits records, each with its number as time, and opens a reader on them."""
    opened: SqliteLedger | PostgresLedger
    if request.param == "sqlite":
        opened = SqliteLedger.in_memory()
    else:
        address: Address = request.getfixturevalue("postgres_account")
        opened = PostgresLedger(address, durability=Durability.NONE)
    with opened as ledger:
        open_readers = []

        def commit(*records: Record) -> Reader:
            ledger.commit(records)
            open_readers.append(ledger.reader())
            return open_readers[-1]

        yield commit
        for each in open_readers:
            each.close()


def shared(row: Struct, record: Struct) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields that both have, with their values in either."""
    names = [f.name for f in msgspec.structs.fields(row) if hasattr(record, f.name)]
    assert len(names) > 1
    return (
        {name: getattr(row, name) for name in names},
        {name: getattr(record, name) for name in names},
    )


def assert_told(row: Any, record: Any) -> None:
    told, written = shared(row, record)
    assert told == written


def account(at_ns: int, cash: str) -> AccountOpened:
    return AccountOpened(
        at_ns=at_ns,
        account="demo",
        mode="sim",
        cash=D(cash),
        risk_timezone="America/New_York",
        preset="classic",
        policy="[caps]\n",
        policy_hash="abc",
        enforcement="all",
        version="0.1",
    )


def decided(number: int, **changes: Any) -> Decided:
    fields: dict[str, Any] = {
        "at_ns": number,
        "decision_id": f"d{number}",
        "bot": "alpha",
        "source": "wire",
        "key": SPY,
        "side": Side.BUY,
        "asked": D("1.50"),
        "allowed": D("1.2"),
        "given": D(0),
        "price": D("501.25"),
        "verdict": "denied",
        "reason": "crypto_cap",
        "unit": "fraction",
        "bound": D("0.40"),
        "would_be": D("0.41"),
        "figures": {"equity": "1000.00", "cap": "0.40"},
    }
    return Decided(**{**fields, **changes})


def intended(number: int, **changes: Any) -> Intended:
    fields: dict[str, Any] = {
        "client_order_id": f"o{number}",
        "bot": "alpha",
        "key": SPY,
        "side": Side.BUY,
        "qty": D("2.50"),
        "type": OrderType.LIMIT,
        "limit_price": D("99.10"),
    }
    order = Order(**{**fields, **changes})
    return Intended(at_ns=number, order=order, decision_id=f"d{number}", reserve_price=D("100.1"))


def moved(at_ns: int, order: str, state: OrderState, **more: Any) -> OrderMoved:
    fields = {"status": state.value, "filled_qty": D(0), **more}
    return OrderMoved(at_ns=at_ns, client_order_id=order, state=state, **fields)


def filled(number: int, order: str, **changes: Any) -> Filled:
    fields: dict[str, Any] = {
        "execution_id": f"e{number}",
        "client_order_id": order,
        "key": SPY,
        "side": Side.BUY,
        "qty": D("0.5"),
        "price": D(100),
        "fee": D("0.10"),
        "fee_asset": "USD",
        "at_ns": number - 1,
    }
    return Filled(at_ns=number, fill=Fill(**{**fields, **changes}))


# --- account, instruments, money ------------------------------------------------------------------


def test_an_empty_ledger_has_nothing_to_tell(read: Read) -> None:
    reader = read()
    assert reader.account() is None
    assert reader.mark() is None
    assert reader.order("o1") is None
    assert reader.decision(1) is reader.decision("d1") is None
    assert [*reader.marks(), *reader.fills(), *reader.orders(), *reader.positions()] == []
    assert reader.head().seq == 0


def test_the_account_is_the_one_opened_last(read: Read) -> None:
    first, last = account(1, "100"), account(2, "250.50")
    row = read(first, last).account()
    assert_told(row, last)
    assert row is not None
    assert row.seq == 2


def test_each_instrument_comes_back_in_its_latest_version(read: Read) -> None:
    listed = list(Registry.builtin().values())
    proxies = [each for each in listed if each.is_proxy]
    assert proxies
    some = [proxies[0], *(each for each in listed if each != proxies[0])][:5]
    newer = msgspec.structs.replace(some[0], version=2, lot=D("0.5"))
    records = [InstrumentListed(at_ns=1, instrument=each) for each in (*some, newer)]
    assert read(*records).instruments() == sorted((newer, *some[1:]), key=lambda each: each.key)


def test_holdings_and_flows_come_oldest_first(read: Read) -> None:
    holdings: list[Record] = [
        Adopted(at_ns=n, key=SPY, qty=D(n), price=D("1.10"), bot="house") for n in (1, 2)
    ]
    flows: list[Record] = [FlowSeen(at_ns=n, amount=D(f"-{n}.00"), source="bank") for n in (3, 4)]
    reader = read(*holdings, *flows)
    for row, record in zip([*reader.adopted(), *reader.flows()], holdings + flows, strict=True):
        assert_told(row, record)
    assert [str(row.amount) for row in reader.flows()] == ["-3.00", "-4.00"]


def test_cash_is_opening_plus_flows_minus_what_was_paid(read: Read) -> None:
    reader = read(
        account(1, "1000.00"),
        FlowSeen(at_ns=2, amount=D("-100"), source="bank"),
        intended(3),
        filled(4, "o3"),
    )
    (cash,) = reader.cash()
    assert (cash.asset, str(cash.amount), cash.seq) == ("USD", "849.90", 4)


def mark(at_ns: int) -> Marked:
    values = {name: D(at_ns) for name in ("equity", "cash", "crypto", "leveraged", "gross")}
    caps = {"crypto_cap": D("0.35"), "leveraged_cap": D("0.4")}
    return Marked(at_ns=at_ns, **values, **caps, prices={BTC: D(at_ns)})


def test_marks_are_the_series_of_a_span(read: Read) -> None:
    reader = read(*(mark(at_ns) for at_ns in (10, 20, 30, 40)))
    assert_told(reader.mark(), mark(40))
    assert [row.at_ns for row in reader.marks()] == [10, 20, 30, 40]
    assert [row.at_ns for row in reader.marks(since_ns=20, until_ns=40)] == [20, 30]
    assert [row.at_ns for row in reader.marks(after=3)] == [40]


def test_a_long_series_comes_page_by_page_without_gap_or_repeat(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "PAGE", 4)
    monkeypatch.setattr(journal, "PAGE", 4)
    several = read(intended(1), *(filled(n, "o1") for n in range(2, 14)))
    assert [row.seq for row in several.fills()] == list(range(2, 14))
    assert [row.seq for row in several.fills(after=9)] == [10, 11, 12, 13]
    assert [entry.seq for entry in several.entries()] == list(range(1, 14))
    assert [entry.seq for entry in several.entries(after=12)] == [13]


# --- decisions and orders -------------------------------------------------------------------------


def test_a_decision_is_found_by_number_and_by_id(read: Read) -> None:
    record = decided(2)
    reader = read(decided(1), record)
    assert_told(reader.decision(2), record)
    assert reader.decision("d2") == reader.decision(2)
    assert reader.decision(9) is reader.decision("d9") is None


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        pytest.param({}, [5, 4, 3, 2, 1], id="all-newest-first"),
        pytest.param({"verdict": "approved"}, [2, 1], id="verdict"),
        pytest.param({"reason": "gross_cap"}, [4], id="reason"),
        pytest.param({"bot": "beta"}, [5, 2], id="bot"),
        pytest.param({"key": BTC}, [5, 3], id="instrument"),
        pytest.param({"bot": "beta", "key": BTC}, [5], id="both"),
        pytest.param({"limit": 2}, [5, 4], id="first-page"),
        pytest.param({"limit": 2, "before": 4}, [3, 2], id="next-page"),
        pytest.param({"bot": "nobody"}, [], id="none"),
    ],
)
def test_decisions_are_filtered_and_paged(
    read: Read, asked: dict[str, Any], numbers: list[int]
) -> None:
    reader = read(
        decided(1, verdict="approved"),
        decided(2, verdict="approved", bot="beta"),
        decided(3, key=BTC),
        decided(4, reason="gross_cap"),
        decided(5, bot="beta", key=BTC),
    )
    assert [row.seq for row in reader.decisions(**asked)] == numbers


def test_an_order_that_was_only_intended_says_so(read: Read) -> None:
    record = intended(1, stop_loss=D("90.00"))
    row = read(record).order("o1")
    assert row is not None
    assert_told(row, record.order)
    assert (row.decision_id, row.reserve_price) == ("d1", D("100.1"))
    assert (row.state, row.status, row.filled_qty) == (OrderState.INTENT, "", D(0))
    assert (row.intended_seq, row.intended_ns, row.moved_seq, row.moved_ns) == (1, 1, 1, 1)
    assert (row.stop_price, row.cancel_seq, row.cancel_reason) == (None, None, None)


def test_an_order_is_as_it_moved_last_and_keeps_the_brokers_id(read: Read) -> None:
    opened = moved(2, "o1", OrderState.OPEN, broker_order_id="b-7")
    final = moved(4, "o1", OrderState.CANCELED, filled_qty=D("0.50"), reason="by bot")
    cancel = CancelIntended(at_ns=3, client_order_id="o1", reason="asked")
    row = read(intended(1), opened, cancel, final).order("o1")
    assert row is not None
    told, written = shared(row, final)
    assert told == {**written, "broker_order_id": "b-7"}
    assert (row.moved_seq, row.moved_ns) == (4, 4)
    assert (row.cancel_seq, row.cancel_reason) == (3, "asked")


def test_a_trailing_stop_stands_where_the_broker_told_last(read: Read) -> None:
    terms = {"type": OrderType.TRAILING_STOP, "limit_price": None, "trail_percent": D("1.5")}
    intent = intended(1, side=Side.SELL, **terms)
    row = read(intent).order("o1")
    assert row is not None
    assert_told(row, intent.order)
    assert (row.hwm, row.stop_price) == (None, None)
    told = [
        OrderTrailed(at_ns=n, client_order_id="o1", hwm=D(hwm), stop_price=D(stop))
        for n, hwm, stop in ((2, "200", "197"), (3, "204.40", "201.33"))
    ]
    row = read(*told, moved(4, "o1", OrderState.OPEN)).order("o1")
    assert row is not None
    assert_told(row, told[-1])
    assert (row.trail_percent, row.trail_price) == (D("1.5"), None)


def test_a_move_of_an_order_never_intended_makes_no_order(read: Read) -> None:
    assert read(moved(1, "foreign", OrderState.OPEN)).orders() == []


def test_orders_are_filtered_and_paged(read: Read) -> None:
    reader = read(
        intended(1), intended(2, bot="beta"), intended(3, key=BTC), intended(4, bot="beta", key=BTC)
    )

    def numbers(**asked: Any) -> list[int]:
        return [row.intended_seq for row in reader.orders(**asked)]

    assert numbers() == [4, 3, 2, 1]
    assert numbers(bot="beta") == [4, 2]
    assert numbers(key=BTC, bot="alpha") == [3]
    assert numbers(decision_id="d2") == [2]
    assert numbers(limit=1, before=3) == [2]


def test_open_orders_are_all_that_can_still_fill(read: Read) -> None:
    names = {state: f"o{number}" for number, state in enumerate(OrderState, 1)}
    intents = [intended(number) for number in range(1, len(names) + 1)]
    numbers = count(100)
    moves = [moved(next(numbers), name, state) for state, name in names.items()]
    told = read(*intents, *moves).open_orders()
    assert [row.client_order_id for row in told] == [
        name for state, name in names.items() if not state.is_final
    ]


# --- fills and what they add up to ----------------------------------------------------------------


def test_fills_carry_the_bot_of_their_order(read: Read) -> None:
    ours, foreign = filled(2, "o1"), filled(3, "foreign", key=BTC, fee_asset="BTC")
    reader = read(intended(1), ours, foreign)
    for row, record in zip(reader.fills(), (ours, foreign), strict=True):
        told, written = shared(row, record.fill)
        assert told == {**written, "at_ns": record.at_ns}
        assert row.executed_ns == record.fill.at_ns
    assert [row.bot for row in reader.fills()] == ["alpha", "external"]
    assert [row.seq for row in reader.fills(bot="external")] == [3]
    assert [row.seq for row in reader.fills(key=SPY)] == [2]
    assert [row.seq for row in reader.fills_of("o1")] == [2]


def test_the_postings_of_a_fill_are_its_two_exchanges_and_its_fee(read: Read) -> None:
    rows = read(intended(1), filled(2, "o1")).postings(2)
    assert [(row.account, row.bot, row.asset, row.amount) for row in rows] == [
        ("cash", "", "USD", D(-50)),
        ("trading", "", "USD", D(50)),
        ("position", "alpha", SPY, D("0.5")),
        ("trading", "", SPY, D("-0.5")),
        ("cash", "", "USD", D("-0.10")),
        ("fees", "", "USD", D("0.10")),
    ]
    assert [row.leg for row in rows] == list(range(6))


def test_positions_are_those_of_a_bot_or_of_the_account(read: Read) -> None:
    reader = read(
        intended(1),
        intended(2, bot="beta", key=BTC),
        filled(3, "o1"),
        filled(4, "o2", key=BTC, qty=D(2), fee=D("0.005"), fee_asset="BTC"),
        filled(5, "o2"),
        filled(6, "o1", side=Side.SELL),
    )

    def held(bot: str = "") -> list[tuple[str, Decimal, int]]:
        return [(row.key, row.qty, row.seq) for row in reader.positions(bot)]

    assert held("alpha") == []  # Bought and sold: a flat position is no holding.
    assert held("beta") == [(BTC, D("1.995"), 4), (SPY, D("0.5"), 5)]
    assert held() == [(BTC, D("1.995"), 4), (SPY, D("0.5"), 6)]


# --- limits, states and plans ---------------------------------------------------------------------


def test_the_baseline_in_force_is_the_last_of_its_period(read: Read) -> None:
    set_ = [
        BaselineSet(at_ns=n, period=period, label=f"{n}", equity=D(n))
        for n, period in enumerate(("day", "month", "day", "peak"), 1)
    ]
    rows = read(*set_).baselines()
    assert [row.seq for row in rows] == [3, 2, 4]
    for row in rows:
        assert_told(row, set_[row.seq - 1])


def test_breakers_are_as_they_moved_last_and_every_move_is_kept(read: Read) -> None:
    moves = [
        BreakerMoved(
            at_ns=n, breaker=name, is_tripped=up, value=D("0.031"), limit=D("0.03"), why=""
        )
        for n, (name, up) in enumerate((("day", True), ("month", True), ("day", False)), 1)
    ]
    reader = read(*moves)
    assert [(row.breaker, row.is_tripped, row.seq) for row in reader.breakers()] == [
        ("day", False, 3),
        ("month", True, 2),
    ]
    assert [row.seq for row in reader.breaker_moves()] == [3, 2, 1]
    assert [row.seq for row in reader.breaker_moves(limit=1, before=3)] == [2]
    for row in reader.breaker_moves():
        assert_told(row, moves[row.seq - 1])


def test_a_lock_is_in_force_until_its_time(read: Read) -> None:
    lock = AssetLocked(at_ns=1, key=BTC, loss=D("0.02"), limit=D("0.02"), until_ns=50)
    reader = read(lock)
    assert_told(reader.locks(49)[0], lock)
    assert reader.locks(50) == []


def tier(at_ns: int) -> TierGranted:
    return TierGranted(
        at_ns=at_ns,
        before="learning",
        after="stable",
        earned="stable",
        wins=11,
        closed=20,
        win_rate="0.55",
        month_return="0.01",
        why="earned",
    )


def plan(at_ns: int, plan_id: str = "p1") -> PlanMoved:
    return PlanMoved(
        at_ns=at_ns,
        plan_id=plan_id,
        status="running",
        group="crypto",
        stage=1,
        ceiling=D("0.4"),
        exposure=D("0.825"),
        deadline_ns=99,
        why="over",
    )


HISTORIES: dict[str, Callable[[int], Record]] = {
    "tiers": tier,
    "states": lambda n: StateChanged(at_ns=n, before="active", after="halted", why="w", who="me"),
    "resumes": lambda n: Resumed(at_ns=n, who="me", reason="checked", equity=D("99.50")),
    "unprotected": lambda n: Unprotected(at_ns=n, key=SPY, since_ns=n - 1, why="cancelled"),
    "notes": lambda n: Noted(at_ns=n, code="start", text="é\n"),
    "plans": lambda n: plan(n, f"p{n}"),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_comes_newest_first_and_by_pages(read: Read, name: str) -> None:
    records = [HISTORIES[name](number) for number in range(1, 6)]
    ask = getattr(read(*records), name)
    assert [row.seq for row in ask()] == [5, 4, 3, 2, 1]
    assert [row.seq for row in ask(limit=2)] == [5, 4]
    assert [row.seq for row in ask(limit=2, before=4)] == [3, 2]
    for row in ask():
        assert_told(row, records[row.seq - 1])


def test_notes_are_found_by_their_code(read: Read) -> None:
    reader = read(*(Noted(at_ns=n, code=code, text="") for n, code in enumerate("abab", 1)))
    assert [row.seq for row in reader.notes(code="b")] == [4, 2]
    assert [row.seq for row in reader.notes(code="b", before=4)] == [2]


def test_a_plan_is_listed_as_it_moved_last_and_told_from_its_start(read: Read) -> None:
    reader = read(plan(1, "p1"), plan(2, "p2"), plan(3, "p1"))
    assert [(row.plan_id, row.seq) for row in reader.plans()] == [("p1", 3), ("p2", 2)]
    assert [row.seq for row in reader.plan("p1")] == [1, 3]


# --- entries --------------------------------------------------------------------------------------


def test_everything_about_one_thing_is_found_by_its_name(read: Read) -> None:
    reader = read(
        decided(1),
        intended(2),
        moved(3, "o2", OrderState.OPEN),
        filled(4, "o2"),
        StateChanged(at_ns=5, before="", after="", why="", who=""),
    )
    assert [entry.seq for entry in reader.entries_about("o2")] == [2, 3, 4]
    assert [entry.kind for entry in reader.entries_about("d1")] == ["decision"]
    assert reader.entries_about("") == []
    assert [entry.seq for entry in reader.entries(after=3)] == [4, 5]
    assert reader.head().hash == list(reader.entries())[-1].hash
