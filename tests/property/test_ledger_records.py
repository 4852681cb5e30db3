"""Any record comes back from the file as it was, and any history adds up the same however cut."""

import os
import types
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Any, NewType, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from tests.postgres import drop_schema

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.orders import Fill, Side
from smart_leverage.domain.records import (
    AccountOpened,
    Filled,
    FillRevised,
    Intended,
    Record,
    decode,
    encode,
)
from smart_leverage.ledger.base import Durability, Entry
from smart_leverage.ledger.chain import GENESIS, draft, link
from smart_leverage.ledger.connections import connect, file_uri
from smart_leverage.ledger.dump import dump
from smart_leverage.ledger.journal import fault
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import ServerDatabase
from smart_leverage.ledger.postgres.connections import connect as connect_server
from smart_leverage.ledger.postgres.copying import contents_of_file, contents_of_server
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.postings import Leg, of_fill, of_owner, plain
from smart_leverage.ledger.projections import rebuild
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

KINDS: tuple[type[Struct], ...] = get_args(Record)

# Few names, so that records speak about the same things; and letters that databases trip over.
NAMES = {
    "client_order_id": st.sampled_from(["o1", "o2", "o3", "é\0'\";--"]),
    "bot": st.sampled_from(["", "alpha", "beta"]),
    "key": st.sampled_from(["us_equity:SPY", "crypto:BTC/USD"]),
    "execution_id": st.sampled_from([f"e{number}" for number in range(6)]),
    "fee_asset": st.sampled_from(["USD", "BTC"]),
    "broker_order_id": st.sampled_from(["", "b1", "b2"]),
}
DECIMALS = st.one_of(
    st.sampled_from([Decimal("-0"), Decimal("0E+3"), Decimal("1E-12"), Decimal("0.10")]),
    st.builds(
        lambda digits, exponent: Decimal(digits).scaleb(exponent),
        st.integers(-(10**15), 10**15),
        st.integers(-12, 6),
    ),
)
PLAIN: dict[type, st.SearchStrategy[Any]] = {
    Decimal: DECIMALS,
    str: st.text(max_size=8),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    types.NoneType: st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return every value that a field of this type can take."""
    if isinstance(kind, NewType):
        return values(kind.__supertype__)
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of(*map(values, get_args(kind)))
    if get_origin(kind) is dict:
        return st.dictionaries(*map(values, get_args(kind)), max_size=3)
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return structs(kind) if issubclass(kind, Struct) else PLAIN[kind]


def structs(kind: type[Struct]) -> st.SearchStrategy[Any]:
    fields = msgspec.structs.fields(kind)
    return st.builds(
        kind, **{f.name: NAMES[f.name] if f.name in NAMES else values(f.type) for f in fields}
    )


RECORDS = {kind: structs(kind) for kind in KINDS}


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Return records of all kinds; an order is intended once, an execution told once.

    Only what counts is taken back or corrected, by another execution of the same order.
    """
    seen: set[str] = set()
    history: list[Record] = []
    standing: list[Fill] = []
    for record in draw(st.lists(st.one_of(*RECORDS.values()), max_size=25)):
        once = ""
        if isinstance(record, FillRevised):
            if not standing:
                continue
            before = standing.pop(0)
            after = record.after and msgspec.structs.replace(
                record.after, execution_id=f"r{len(history)}", key=before.key, side=before.side,
                client_order_id=before.client_order_id,
            )  # fmt: skip
            standing += [after] if after else []
            record = msgspec.structs.replace(record, before=before, after=after)
        elif isinstance(record, Filled) and f"execution {record.fill.execution_id}" not in seen:
            standing.append(record.fill)
        if isinstance(record, Intended):
            once = f"order {record.order.client_order_id}"
        elif isinstance(record, Filled):
            once = f"execution {record.fill.execution_id}"
        if once not in seen:
            history.append(record)
        if once:
            seen.add(once)
    return history


@contextmanager
def memory() -> Iterator[Connection]:
    with closing(connect("file::memory:")) as connection:
        yield connection


def chain(records: list[Record]) -> list[Entry]:
    entries, head = [], GENESIS
    for record in records:
        entries.append(link(head, 1, draft(record)))
        head = type(head)(entries[-1].seq, entries[-1].hash)
    return entries


# --- a record -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_a_record_comes_back_from_the_ledger_unchanged(
    kind: type[Struct], data: st.DataObject
) -> None:
    record = data.draw(RECORDS[kind])
    with SqliteLedger.in_memory() as ledger:
        head = ledger.commit([record])
        (entry,) = ledger.read()
    assert decode(entry.payload) == record
    assert encode(decode(entry.payload)) == entry.payload == encode(record)
    assert (entry.seq, entry.hash) == head
    assert (entry.kind, entry.at_ns) == (kind.__struct_config__.tag, record.at_ns)
    raw = (*entry[:3], entry.kind.encode(), entry.key.encode(), *entry[5:])
    assert fault(raw, GENESIS) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_equal_records_have_equal_bytes(kind: type[Struct], data: st.DataObject) -> None:
    record = data.draw(RECORDS[kind])
    assert encode(rearranged(record)) == encode(record)


def rearranged(value: Any) -> Any:
    """Return an equal value made of other objects, with the entries of mappings turned round."""
    if isinstance(value, dict):
        return {name: rearranged(value[name]) for name in reversed(value)}
    if isinstance(value, Struct):
        names = (field.name for field in msgspec.structs.fields(value))
        return type(value)(**{name: rearranged(getattr(value, name)) for name in names})
    return Decimal(str(value)) if isinstance(value, Decimal) else value


NOT_NUMBERS = st.sampled_from([Decimal(text) for text in ("NaN", "sNaN", "-Infinity", "Infinity")])


def holes(value: Struct, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every decimal in a record, those in mappings included."""
    for field in msgspec.structs.fields(value):
        held = getattr(value, field.name)
        if isinstance(held, Decimal):
            yield (*path, field.name)
        elif isinstance(held, Struct):
            yield from holes(held, (*path, field.name))
        elif isinstance(held, dict):
            yield from ((*path, field.name, k) for k, v in held.items() if isinstance(v, Decimal))


def spoilt(value: Any, path: tuple[Any, ...], by: Decimal) -> Any:
    if not path:
        return by
    first, *rest = path
    if isinstance(value, dict):
        return {**value, first: by}
    inner = spoilt(getattr(value, first), tuple(rest), by)
    return msgspec.structs.replace(value, **{first: inner})


@given(record=st.one_of(*RECORDS.values()), by=NOT_NUMBERS, data=st.data())
def test_what_is_not_a_number_is_refused_wherever_it_stands(
    record: Record, by: Decimal, data: st.DataObject
) -> None:
    draft(record)
    places = list(holes(record))
    if places:
        with pytest.raises(InvariantViolation, match="not a number"):
            draft(spoilt(record, data.draw(st.sampled_from(places)), by))


@given(value=DECIMALS)
def test_plain_text_is_the_same_number_without_an_exponent(value: Decimal) -> None:
    assert "E" not in plain(value)
    assert Decimal(plain(value)) == value


# --- a history ------------------------------------------------------------------------------------


@given(records=histories(), group=st.integers(1, 30))
def test_the_tables_do_not_depend_on_the_grouping(records: list[Record], group: int) -> None:
    entries = chain(records)
    with memory() as one_by_one, memory() as grouped:
        assert rebuild(entries, one_by_one, group=1) == len(records)
        rebuild(entries, grouped, group=group)
        assert dump(grouped) == dump(one_by_one)


@settings(max_examples=20)
@given(records=histories(), cuts=st.lists(st.integers(0, 25), max_size=3))
def test_the_tables_of_a_ledger_opened_again_and_again_are_those_of_its_journal(
    records: list[Record], cuts: list[int]
) -> None:
    with TemporaryDirectory() as folder, memory() as anew:
        path = Path(folder) / "ledger.sqlite"
        for start, end in pairwise([0, *sorted(cuts), 25]):
            with SqliteLedger(path, durability=Durability.NONE) as ledger:
                ledger.commit(records[start:end])
                assert ledger.head.seq == len(records[:end])
        with SqliteLedger(path, durability=Durability.NONE) as ledger:
            assert rebuild(ledger.read(), anew) == len(records)
        with closing(connect(file_uri(path, "ro"))) as stored:
            assert dump(stored) == dump(anew)
        assert verify(path).is_sound


@pytest.mark.needs("postgres")
@settings(max_examples=25)
@given(records=histories(), cuts=st.lists(st.integers(0, 25), max_size=3))
def test_a_history_is_the_same_in_a_file_and_on_a_server(
    postgres_server: str, records: list[Record], cuts: list[int]
) -> None:
    address = Address(postgres_server, f"history {os.getpid()}")
    parts = [records[start:end] for start, end in pairwise([0, *sorted(cuts), 25])]
    try:
        with SqliteLedger.in_memory() as filed:
            with PostgresLedger(address, durability=Durability.NONE) as served:
                for part in parts:
                    assert filed.commit(part) == served.commit(part)
                assert list(served.read()) == list(filed.read())
            database = ServerDatabase(connect_server(address, is_writer=False), address)
            with closing(database), database.held():
                assert contents_of_server(database) == contents_of_file(filed._connection)
    finally:
        drop_schema(postgres_server, address.schema)


@given(records=histories())
def test_the_postings_of_every_entry_sum_to_zero_per_asset(records: list[Record]) -> None:
    with memory() as tables:
        rebuild(chain(records), tables)
        sums: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for seq, asset, amount in tables.execute("SELECT seq, asset, amount FROM postings"):
            sums[seq, asset] = exact(sums[seq, asset], Decimal(amount))
        told = {row[0] for row in tables.execute("SELECT seq FROM postings")}
    assert not any(sums.values())
    assert {n for n, record in enumerate(records, 1) if isinstance(record, Filled)} <= told


@given(records=histories())
def test_balances_are_the_sums_of_their_postings(records: list[Record]) -> None:
    with memory() as tables:
        rebuild(chain(records), tables)
        sums: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        query = "SELECT account, bot, asset, amount FROM postings"
        for account, bot, asset, amount in tables.execute(query):
            sums[account, bot, asset] = exact(sums[account, bot, asset], Decimal(amount))
            if account == "position" and bot:
                sums[account, "", asset] = exact(sums[account, "", asset], Decimal(amount))
        cash = dict(tables.execute("SELECT asset, amount FROM cash").fetchall())
        held = tables.execute("SELECT bot, key, qty FROM positions").fetchall()
    assert {asset: Decimal(amount) for asset, amount in cash.items()} == {
        asset: total for (account, _, asset), total in sums.items() if account == "cash"
    }
    assert {(bot, key): Decimal(qty) for bot, key, qty in held} == {
        (bot, key): total for (account, bot, key), total in sums.items() if account == "position"
    }


def exact(a: Decimal, b: Decimal) -> Decimal:
    """Add as fractions of whole numbers, so that nothing here can round."""
    scale = -min(0, int(a.as_tuple().exponent), int(b.as_tuple().exponent))
    total = whole(a, scale) + whole(b, scale)
    return Decimal((int(total < 0), tuple(map(int, str(abs(total)))), -scale))


def whole(value: Decimal, scale: int) -> int:
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits))) * int(10 ** (int(exponent) + scale))
    return -number if sign else number


FILLS = structs(Fill)


@given(fill=FILLS, bot=st.sampled_from(["alpha", "external"]))
def test_a_fill_moves_cash_and_asset_by_what_it_says(fill: Fill, bot: str) -> None:
    legs = list(of_fill(fill, bot))
    sign = 1 if fill.side is Side.BUY else -1
    fee_in_cash = fill.fee_asset == "USD"
    charged = whole(fill.fee, 24)
    paid = sign * whole(fill.qty, 12) * whole(fill.price, 12)
    assert total(legs, "cash") == -paid - charged * fee_in_cash
    assert total(legs, "position") == sign * whole(fill.qty, 24) - charged * (not fee_in_cash)
    assert {leg.bot for leg in legs if leg.account == "position"} == {bot}


def total(legs: list[Leg], account: str) -> int:
    return sum(whole(leg.amount, 24) for leg in legs if leg.account == account)


@given(amount=DECIMALS)
def test_what_the_owner_brings_is_balanced_by_the_owner(amount: Decimal) -> None:
    legs = list(of_owner("cash", "", "USD", amount))
    assert total(legs, "cash") == whole(amount, 24) == -total(legs, "owner")


@given(first=DECIMALS, again=DECIMALS)
def test_an_account_opened_again_has_the_cash_it_states(first: Decimal, again: Decimal) -> None:
    opened = AccountOpened(
        at_ns=1,
        account="a",
        mode="sim",
        cash=first,
        risk_timezone="UTC",
        preset="classic",
        policy="",
        policy_hash="",
        enforcement="all",
        version="0",
    )
    with SqliteLedger.in_memory() as ledger:
        ledger.commit([opened, msgspec.structs.replace(opened, cash=again)])
        with ledger.reader() as reader:
            assert sum(row.amount for row in reader.cash()) == again
