"""The hash of a link covers everything that stands in it, in the layout that is documented."""

from decimal import Decimal
from hashlib import sha256

import pytest

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, OrderState, Side
from smart_leverage.domain.records import (
    BaselineSet,
    Filled,
    Intended,
    Marked,
    Noted,
    OrderMoved,
    OrderTrailed,
    PlanMoved,
    Record,
    StateChanged,
)
from smart_leverage.ledger.base import Entry, Head
from smart_leverage.ledger.chain import GENESIS, digest, draft, link
from smart_leverage.ledger.journal import fault

D = Decimal
SPY = Key("us_equity:SPY")

NOTE = Noted(at_ns=-5, code="start", text="é")
ORDER = Order(client_order_id="a-1", bot="alpha", key=SPY, side=Side.BUY, qty=D("1.5"))
FILL = Fill(
    execution_id="x",
    client_order_id="a-1",
    key=SPY,
    side=Side.BUY,
    qty=D(1),
    price=D(2),
    fee=D(0),
    fee_asset="USD",
    at_ns=1,
)


def raw(entry: Entry) -> tuple[object, ...]:
    return (*entry[:3], entry.kind.encode(), entry.key.encode(), *entry[5:])


def test_the_hash_is_made_of_the_documented_bytes() -> None:
    entry = link(Head(6, b"\x07" * 32), 3, draft(NOTE))
    payload = '{"kind":"note","at_ns":-5,"code":"start","text":"é"}'.encode()
    written = (
        (7).to_bytes(8, "big")
        + (3).to_bytes(8, "big")
        + (-5).to_bytes(8, "big", signed=True)
        + (4).to_bytes(4, "big")
        + (5).to_bytes(4, "big")
        + len(payload).to_bytes(4, "big")
        + b"note"
        + b"start"
        + payload
        + b"\x07" * 32
    )
    assert entry.payload == payload
    assert entry.hash == sha256(written).digest()


def test_letters_cannot_move_between_the_columns_unseen() -> None:
    one = digest(1, 1, 1, b"note", b"ab", b"{}", bytes(32))
    other = digest(1, 1, 1, b"notea", b"b", b"{}", bytes(32))
    assert one != other


@pytest.mark.parametrize(
    ("record", "key"),
    [
        pytest.param(Intended(at_ns=1, order=ORDER, decision_id="d", reserve_price=D(1)), "a-1"),
        pytest.param(Filled(at_ns=1, fill=FILL), "a-1"),
        pytest.param(
            OrderMoved(
                at_ns=1, client_order_id="a-1", state=OrderState.OPEN, status="", filled_qty=D(0)
            ),
            "a-1",
        ),
        pytest.param(
            OrderTrailed(at_ns=1, client_order_id="a-1", hwm=D(204), stop_price=D(200)), "a-1"
        ),
        pytest.param(BaselineSet(at_ns=1, period="day", label="", equity=D(1)), "day"),
        pytest.param(
            PlanMoved(
                at_ns=1,
                plan_id="p1",
                status="",
                group="",
                stage=1,
                ceiling=D(1),
                exposure=D(1),
                deadline_ns=1,
            ),
            "p1",
        ),
        pytest.param(StateChanged(at_ns=1, before="", after="", why="", who=""), ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Record) else "",
)
def test_an_entry_is_found_by_what_its_record_is_about(record: Record, key: str) -> None:
    assert draft(record).key == key


def test_a_number_that_is_none_is_named() -> None:
    mark = Marked(
        at_ns=1,
        equity=D(1),
        cash=D(1),
        crypto=D("NaN"),
        leveraged=D(1),
        gross=D(1),
        crypto_cap=D(1),
        leveraged_cap=D(1),
    )
    with pytest.raises(InvariantViolation, match="a mark record holds NaN"):
        draft(mark)


def test_a_number_that_is_none_is_refused_inside_a_mapping() -> None:
    holdings = {SPY: D(1), Key("crypto:BTC/USD"): D("Infinity")}
    with pytest.raises(InvariantViolation, match="a baseline record holds Infinity"):
        draft(BaselineSet(at_ns=1, period="day", label="", equity=D(1), holdings=holdings))


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        pytest.param(0, 3, "event 2 is missing", id="number-skipped"),
        pytest.param(0, 1, "event 1 is out of place", id="number-told-twice"),
        pytest.param(6, bytes(32), "event 2 does not name the hash of event 1", id="other-past"),
        pytest.param(5, b"{}", "event 2 does not have the hash of its content", id="other-content"),
        pytest.param(1, None, "event 2 does not have the hash of its content", id="no-epoch"),
        pytest.param(1, -1, "event 2 does not have the hash of its content", id="negative-epoch"),
        pytest.param(2, 0.5, "event 2 does not have the hash of its content", id="time-is-a-float"),
        pytest.param(3, None, "event 2 does not have the hash of its content", id="no-kind"),
        pytest.param(7, "text", "event 2 does not have the hash of its content", id="hash-is-text"),
    ],
)
def test_a_row_that_does_not_follow_is_described(place: int, value: object, says: str) -> None:
    first = link(GENESIS, 1, draft(NOTE))
    head = Head(1, first.hash)
    row = list(raw(link(head, 1, draft(NOTE))))
    assert fault(tuple(row), head) is None
    row[place] = value
    assert fault(tuple(row), head) == says
