"""A statement and its recount share no arithmetic and agree whatever happened; a lie is found."""

import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.unit.test_reports_statement import BTC, TQQQ, asked, ledger_of, mark, ns, opening

from smart_leverage.books.baselines import Period
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE, Fill, Order, OrderState, Role, Side
from smart_leverage.domain.records import (
    Adopted,
    BaselineSet,
    Filled,
    FillRevised,
    FlowSeen,
    Intended,
    Marked,
    OrderMoved,
    Record,
    SplitSeen,
)
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.ledger.read_only import opened
from smart_leverage.notify.known import Known
from smart_leverage.reports.recount.checking import Verdict, check, facts_of
from smart_leverage.reports.recount.figures import Recount
from smart_leverage.reports.statement.period import Kind
from smart_leverage.reports.statement.statement import as_record, statement_of
from smart_leverage.runtime.stating import parts

D = Decimal
NEW_YORK = RiskCalendar("America/New_York")

moves = st.lists(
    st.tuples(
        st.sampled_from(
            ("mark", "flow", "trade", "trade", "again", "ask", "refuse", "split", "revise")
        ),
        st.integers(1, 30),  # hours until then
        st.integers(-9_999, 9_999),
        st.sampled_from(("ann", "bob", HOUSE)),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def history(found: list[tuple[str, int, int, str, bool]]) -> Iterator[Record]:
    """Yield what such moves are, with the baselines that an account writes.

    Of the fund so much is held that it is never sold short: a split of a short is none of theirs.
    """
    yield from opening()
    yield Adopted(at_ns=ns(4), key=TQQQ, qty=D(1_000), price=D(60), bot=HOUSE)
    at_ns, day, equity, last = ns(4), "", D(160_000), ""
    standing: list[Fill] = []
    for number, (what, hours, size, bot, is_odd) in enumerate(found):
        at_ns += hours * HOUR_NS
        if what == "mark":
            if NEW_YORK.day_of(at_ns) != day:
                day = NEW_YORK.day_of(at_ns)
                yield BaselineSet(at_ns=at_ns, period="day", label=day, equity=equity)
            equity = D(100_000) + size * 9
            yield mark(at_ns, str(equity), str(D(abs(size)) / 20_000))
        elif what == "flow":
            yield FlowSeen(at_ns=at_ns, amount=D(size), source="broker")
        elif what == "ask":
            name = ("approved", "cut", "denied", "observed", "warned")[size % 5]
            yield asked(at_ns, f"d{number}", name, "none", source=HOUSE if is_odd else "order")
        elif what == "refuse":
            yield OrderMoved(
                at_ns=at_ns, client_order_id=f"r{number}", state=OrderState.REJECTED,
                status="rejected", filled_qty=D(0),
            )  # fmt: skip
        elif what == "split":
            yield SplitSeen(
                at_ns=at_ns, key=TQQQ, qty=D(3), factor=D(2), since_ns=at_ns, shares={},
                reference=f"s{number}",
            )  # fmt: skip
        elif what == "revise":
            yield from revised(at_ns, number, standing, size, is_bust=is_odd)
        else:
            key = TQQQ if is_odd else BTC
            is_new = what == "trade" or not last.endswith(key)
            if is_new:
                last = f"o{number}-{bot}-{'sell' if size < 0 else 'buy'}-{key}"
            yield from executed(at_ns, number, last, size, standing, is_new=is_new)


def revised(
    at_ns: int, number: int, standing: list[Fill], size: int, *, is_bust: bool
) -> Iterator[Record]:
    """Yield that one of the executions that count was another one, or none at all."""
    if not standing:
        return
    before = standing.pop(size % len(standing))
    after = None
    if not is_bust:
        price = before.price + D(abs(size) % 9 + 1) / 100
        after = structs.replace(
            before, execution_id=f"c{number}", price=price, qty=before.qty / (1 + size % 2)
        )
        standing.append(after)
    yield FillRevised(at_ns=at_ns, before=before, after=after)


def executed(
    at_ns: int, number: int, name: str, size: int, standing: list[Fill], *, is_new: bool
) -> Iterator[Record]:
    """Yield a fill: of an order of its own, or another slice of the one before."""
    _, bot, side, key = name.split("-")
    order = Order(
        client_order_id=name, bot=bot, key=Key(key), side=Side(side), qty=D(1),
        role=Role.TRIM if bot == HOUSE else Role.BOT, stop_price=D(3) if size % 3 else None,
    )  # fmt: skip
    if is_new:
        yield asked(at_ns, f"p{number}", "approved", "none", price=D(abs(size) % 5), bot=bot)
        yield Intended(at_ns=at_ns, order=order, decision_id=f"p{number}", reserve_price=D(1))
    is_coin = key == BTC and side == "buy" and size % 2 == 0
    fill = Fill(
        execution_id=f"e{number}",
        client_order_id=name,
        key=Key(key),
        side=Side(side),
        qty=D(abs(size) % 17 + 1) / (7 if size % 11 else 1) // D("0.0001") * D("0.0001"),
        price=D(abs(size) + 1) / 100,
        fee=D("0.00013") if is_coin else D(abs(size) % 7) / 100,
        fee_asset="BTC" if is_coin else "USD",
        at_ns=at_ns - (90 * 60 * 10**9 if size % 5 == 0 else 0),
    )
    standing.append(fill)
    yield Filled(at_ns=at_ns, fill=fill)


def checked(ledger: Path, kind: Kind) -> list[tuple[dict[str, Any], Verdict]]:
    with opened(ledger) as reader:
        recount = Recount(facts_of(reader))
        made = [as_record(statement_of(part)) for part in parts(ledger, kind, every=True)]
        return [(each, check(reader, recount, each)) for each in made]


@settings(max_examples=40, deadline=None)
@given(moves, st.sampled_from(tuple(Kind)))
def test_every_figure_holds_whatever_happened(
    found: list[tuple[str, int, int, str, bool]], kind: Kind
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for statement, verdict in checked(ledger_of(Path(folder), history(found)), kind):
            wrong = [line for line in verdict.lines if not line.holds]
            assert (wrong, verdict.faults) == ([], ()), statement["label"]


@settings(max_examples=20, deadline=None)
@given(moves)
def test_a_message_and_the_statement_of_its_day_say_the_same(
    found: list[tuple[str, int, int, str, bool]],
) -> None:
    known = Known()
    records = list(history([*found, ("mark", 1, 77, HOUSE, False)]))
    for record in records:
        known.take(record)
    with tempfile.TemporaryDirectory() as folder:
        (part,) = parts(ledger_of(Path(folder), records), Kind.DAY)
    begun, day = known.day_opening, known.baselines.baseline(Period.DAY)
    assert begun is not None
    assert day is not None
    assert day.label == part.period.label
    # Money that came between midnight and the first valuation stands on both sides.
    since = [each for each in part.records(FlowSeen) if each.at_ns < part.records(Marked)[0].at_ns]
    assert known.worth.result(begun) == part.result
    assert known.worth.change(begun) == part.change
    assert known.worth.came_in(begun) == part.flows - sum(each.amount for each in since)


@settings(max_examples=15, deadline=None)
@given(moves, st.data())
def test_a_figure_that_is_not_the_journals_is_named(
    found: list[tuple[str, int, int, str, bool]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_of(Path(folder), history(found))
        statement = as_record(statement_of(parts(ledger, Kind.DAY)[0]))
        code = data.draw(st.sampled_from(sorted(statement["figures"])))
        said = statement["figures"][code]["value"]
        lie = None if said is not None and data.draw(st.booleans()) else (said or 0.0) + 0.01
        statement["figures"][code]["value"] = lie
        with opened(ledger) as reader:
            verdict = check(reader, Recount(facts_of(reader)), statement)
        assert [line.code for line in verdict.lines if not line.holds] == [code]
