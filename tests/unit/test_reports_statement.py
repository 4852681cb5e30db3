"""A statement of one period: figures by hand, what is not known, and a page that is harmless."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE, Fill, Order, OrderState, Side
from smart_leverage.domain.past import Deal
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    Decided,
    ExposureMoved,
    Filled,
    FlowSeen,
    InstrumentListed,
    Intended,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    PastDealt,
    PastImported,
    Record,
    SplitSeen,
    TierGranted,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.reports.html.statement import SIZE_MAX, rendered_statement
from smart_leverage.reports.statement.period import Kind, period_of
from smart_leverage.reports.statement.statement import Statement, as_record, statement_of
from smart_leverage.reports.story import Story
from smart_leverage.runtime.stating import parts

D = Decimal
BTC, TQQQ = Key("crypto:BTC/USD"), Key("us_equity:TQQQ")
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&<b>"


def ns(day: int, hour: int = 12, month: int = 3) -> int:
    """Return an instant of March 2024, UTC; New York is four or five hours behind."""
    return int(datetime(2024, month, day, hour, tzinfo=UTC).timestamp()) * 10**9


def opening(account: str = "demo") -> Iterator[Record]:
    yield AccountOpened(
        at_ns=ns(4),
        account=account,
        mode="sim",
        cash=D(100_000),
        risk_timezone="America/New_York",
        preset="classic",
        policy="limits.gross_cap = 1.0\nlimits.loss_limit_daily = 0.03",
        policy_hash="h",
        enforcement="all",
        version="0",
    )
    for key in (BTC, TQQQ):
        yield InstrumentListed(at_ns=ns(4), instrument=Registry.builtin()[key])


def mark(at_ns: int, equity: str, crypto: str = "0", cap: str = "0.25") -> Marked:
    return Marked(
        at_ns=at_ns,
        equity=D(equity),
        cash=D(equity),
        crypto=D(crypto) * D(equity),
        leveraged=D(crypto) * D(equity),
        gross=D(crypto) * D(equity),
        crypto_cap=D(cap),
        leveraged_cap=D("0.35"),
    )


def bought(at_ns: int, name: str, qty: str, price: str, bot: str = "bot") -> Iterator[Record]:
    order = Order(client_order_id=name, bot=bot, key=BTC, side=Side.BUY, qty=D(qty))
    yield Intended(at_ns=at_ns, order=order, decision_id="", reserve_price=D(price))
    yield Filled(
        at_ns=at_ns,
        fill=Fill(
            execution_id=f"e-{name}",
            client_order_id=name,
            key=BTC,
            side=Side.BUY,
            qty=D(qty),
            price=D(price),
            fee=D("1.25"),
            fee_asset="USD",
            at_ns=at_ns,
        ),
    )


def asked(at_ns: int, name: str, verdict: str, reason: str, **changes: Any) -> Decided:
    fields: dict[str, Any] = {
        "at_ns": at_ns,
        "decision_id": name,
        "bot": "bot",
        "source": "order",
        "key": BTC,
        "side": Side.BUY,
        "asked": D(2),
        "allowed": D(1),
        "given": D(0) if verdict == "denied" else D(1),
        "price": D(100),
        "verdict": verdict,
        "reason": reason,
        "unit": "fraction",
        "bound": D("0.25"),
        "would_be": D("0.3"),
        "figures": {},
    }
    return Decided(**{**fields, **changes})


def ledger_of(folder: Path, records: Iterable[Record]) -> Path:
    path = folder / "ledger.sqlite"
    with SqliteLedger(path, durability=Durability.NONE) as store:
        store.append(list(records))
    return path


def stated(
    folder: Path, records: Iterable[Record], kind: Kind = Kind.DAY, day: date | None = None
) -> Statement:
    (part,) = parts(ledger_of(folder, records), kind, day)
    return statement_of(part)


def value(statement: Statement, code: str) -> float | None:
    (found,) = [each.value for each in statement.figures if each.code == code]
    return found


# -- periods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "day", "label", "days"),
    [
        pytest.param(Kind.DAY, date(2024, 3, 10), "2024-03-10", 23 / 24, id="clocks-go-forward"),
        pytest.param(Kind.WEEK, date(2024, 3, 10), "2024-W10", 7 - 1 / 24, id="sunday-ends-a-week"),
        pytest.param(Kind.WEEK, date(2025, 12, 29), "2026-W01", 7, id="week-of-the-next-year"),
        pytest.param(Kind.MONTH, date(2024, 2, 29), "2024-02", 29, id="leap-month"),
        pytest.param(Kind.MONTH, date(2024, 12, 31), "2024-12", 31, id="month-that-ends-a-year"),
    ],
)
def test_periods_begin_at_midnight_of_the_accounts_zone(
    kind: Kind, day: date, label: str, days: float
) -> None:
    period = period_of(RiskCalendar("America/New_York"), kind, day)
    assert period.label == label
    assert (period.end_ns - period.start_ns) / 86_400e9 == pytest.approx(days)


# -- figures --------------------------------------------------------------------------------------


def week() -> list[Record]:
    return [
        *opening(),
        mark(ns(4, 14), "100000", "0.10"),
        mark(ns(5, 14), "102000", "0.20"),
        FlowSeen(at_ns=ns(5, 15), amount=D(98_000), source="broker"),
        mark(ns(5, 16), "200000", "0.10"),
        *bought(ns(5, 17), "o1", "0.5", "60000"),
        asked(ns(5, 18), "d1", "approved", "none"),
        asked(ns(5, 18), "d2", "denied", "cap_crypto"),
        asked(ns(5, 18), "d3", "cut", "cap_symbol"),
        asked(ns(5, 18), "d4", "approved", "none", source="house", bot=HOUSE),
        OrderMoved(
            at_ns=ns(5, 18), client_order_id="o9", state=OrderState.REJECTED,
            status="rejected", filled_qty=D(0), reason="insufficient balance",
        ),
        mark(ns(5, 20), "190000", "0.30"),
        mark(ns(6, 14), "199500", "0.30"),
    ]  # fmt: skip


def test_a_flow_is_never_a_return(tmp_path: Path) -> None:
    day = stated(tmp_path, week(), day=date(2024, 3, 5))
    assert value(day, "equity_open") == 100_000
    assert value(day, "equity_close") == 190_000
    assert value(day, "flows") == 98_000
    assert value(day, "result") == -8_000
    # 100,000 became 102,000; then 200,000 became 190,000.
    assert value(day, "return") == pytest.approx(1.02 * 0.95 - 1.0)
    assert value(day, "drawdown_worst") == pytest.approx(0.05)
    pace = 1.05 ** (1 / 31) - 1.0
    assert value(day, "target") == pytest.approx(1.02 * 0.95 - 1.0 - pace)


def test_money_that_came_after_the_last_valuation_is_no_loss(tmp_path: Path) -> None:
    """Neither of the day in which it came, nor a gain of the day after."""
    records: list[Record] = [
        *opening(),
        mark(ns(4, 14), "100000"),
        mark(ns(5, 14), "101000"),
        FlowSeen(at_ns=ns(5, 15), amount=D(50_000), source="broker"),
        mark(ns(6, 14), "151000"),
        mark(ns(7, 14), "151000"),
    ]
    path = ledger_of(tmp_path, records)
    days = [statement_of(part) for part in parts(path, Kind.DAY, every=True)]
    assert [value(day, "result") for day in days] == [0, 1_000, 0, 0]
    assert [value(day, "equity_close") for day in days] == [100_000, 151_000, 151_000, 151_000]
    assert [value(day, "equity_open") for day in days] == [100_000, 100_000, 151_000, 151_000]


def test_what_is_refused_at_midnight_belongs_to_one_day(tmp_path: Path) -> None:
    refused = OrderMoved(
        at_ns=ns(6, 5), client_order_id="o9", state=OrderState.REJECTED,
        status="rejected", filled_qty=D(0), reason="insufficient balance",
    )  # fmt: skip
    records = [*opening(), mark(ns(5, 14), "100000"), refused, mark(ns(6, 14), "100000")]
    path = ledger_of(tmp_path, records)
    days = [statement_of(part) for part in parts(path, Kind.DAY, every=True)]
    assert [value(day, "rejected") for day in days] == [0, 0, 1]


def test_orders_are_counted_by_verdict_without_the_house(tmp_path: Path) -> None:
    day = stated(tmp_path, week(), day=date(2024, 3, 5))
    counts = [value(day, each) for each in ("approved", "cut", "denied", "rejected", "fills")]
    assert counts == [1, 1, 1, 1, 1]
    assert value(day, "fees") == 1.25
    reasons = {(row[0], row[1]) for row in day.tables["orders"][1].rows}
    assert reasons == {
        ("denied", "crypto cap"),
        ("cut", "symbol cap"),
        ("rejected by the broker", "insufficient balance"),
    }


def test_exposure_holds_until_the_next_mark_and_from_before_the_period(tmp_path: Path) -> None:
    day = stated(tmp_path, week(), day=date(2024, 3, 5))
    # From midnight in New York, 05:00 UTC: 10 % until 14, 20 % until 16, 10 % until 20, then 30 %.
    mean = (9 * 0.10 + 2 * 0.20 + 4 * 0.10 + 9 * 0.30) / 24
    assert value(day, "exposure_crypto") == pytest.approx(mean)
    (crypto, *_) = day.tables["exposure"][0].rows
    assert crypto[2:5] == ("30.0 %", "2024-03-05 15:00", "25.0 %")


def test_a_price_that_nobody_knows_makes_a_value_that_is_not_known(tmp_path: Path) -> None:
    statement = stated(tmp_path, week(), day=date(2024, 3, 5))
    (row,) = statement.tables["standing"][0].rows
    assert row[:4] == ("BTC/USD", "0.5", "$60,000.00", "$100.00")  # the last decision's
    assert str(row[4]).startswith("a decision, 2024-03-05")
    assert str(row[8]).startswith("none for ")


def test_what_was_never_valued_says_so(tmp_path: Path) -> None:
    statement = stated(tmp_path, [*opening(), Noted(at_ns=ns(4, 15), code="x", text="y")])
    for code in ("equity_close", "return", "target", "drawdown", "exposure_crypto"):
        (figure,) = [each for each in statement.figures if each.code == code]
        assert figure.value is None
        assert figure.shown.startswith("not known: ")
    page = rendered_statement(statement)
    assert "there is no curve to draw" in page
    assert "what it made is not known" in page


def test_a_period_without_an_entry_is_refused_with_what_there_is(tmp_path: Path) -> None:
    path = ledger_of(tmp_path, week())
    with pytest.raises(BadData, match=r"2024-03-09.*2024-03-04 to 2024-03-06"):
        parts(path, Kind.DAY, date(2024, 3, 9))


def test_tier_limits_and_caps_stand_in_it_with_their_evidence(tmp_path: Path) -> None:
    records = [
        *week(),
        TierGranted(
            at_ns=ns(6, 15), before="LEARNING", after="STABLE", earned="STABLE", wins=12, closed=20,
            win_rate="0.6", month_return="0.021", why="rise",
        ),
        ExposureMoved(
            at_ns=ns(6, 16), sleeve="crypto", before=D("0.25"), after=D("0.12"),
            binding="drawdown", caps={"hard": "0.25", "drawdown": "0.12"},
        ),
        LimitChanged(
            at_ns=ns(6, 17), name="limits.symbol_cap", before="0.1", after="0.2", is_looser=True,
            effective_ns=ns(7, 17), who="anna", reason="agreed",
        ),
    ]  # fmt: skip
    statement = stated(tmp_path, records)
    tier, limits, *_ = statement.tables["judgement"]
    assert tier.rows[0][1:7] == (
        "1 LEARNING → 2 STABLE", "2 STABLE", "12 of 20", "60.0 %", "2.10 %", "rise",
    )  # fmt: skip
    assert [row[0] for row in limits.rows] == ["day", "month", "drawdown"]
    assert statement.tables["exposure"][1].rows[0][:2] == ("crypto", "drawdown")
    due = [(row[0], row[1]) for row in statement.tables["standing"][2].rows]
    assert any(what == "pending limit" and "symbol_cap" in str(text) for what, text in due)
    assert statement.tables["record"][1].rows[0][2] == "anna"


def changed(at_ns: int, before: str, after: str) -> LimitChanged:
    return LimitChanged(
        at_ns=at_ns, name="limits.symbol_cap", before=before, after=after, is_looser=False,
        effective_ns=at_ns, who="anna", reason="agreed",
    )  # fmt: skip


def test_limits_that_were_changed_are_shown_however_many_began_after_them(tmp_path: Path) -> None:
    """A value that a limit begins with is no change, and takes no change's place."""
    records: list[Record] = [*opening(), changed(ns(4, 15), "0.2", "0.1")]
    records += [changed(ns(4, 16) + each, "", "0.1") for each in range(50)]
    (row,) = stated(tmp_path, records).tables["record"][1].rows
    assert row[2] == "anna"


def test_changed_limits_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    records: list[Record] = [*opening()]
    records += [changed(ns(4, 15) + each, "0.2", "0.1") for each in range(45)]
    table = stated(tmp_path, records).tables["record"][1]
    assert (len(table.rows), table.more.startswith("40 of 45 rows")) == (40, True)


def test_a_trade_that_goes_on_after_midnight_is_told_alike_however_it_is_asked(
    tmp_path: Path,
) -> None:
    """It belongs to the day in which its closing began, with all that it closed."""

    def sold(at_ns: int, execution: str) -> Filled:
        return Filled(
            at_ns=at_ns,
            fill=Fill(
                execution_id=execution, client_order_id="s", key=BTC, side=Side.SELL, qty=D("0.2"),
                price=D(61_000), fee=D(0), fee_asset="USD", at_ns=at_ns,
            ),
        )  # fmt: skip

    order = Order(client_order_id="s", bot="bot", key=BTC, side=Side.SELL, qty=D("0.4"))
    records = [
        *opening(),
        *bought(ns(5, 17), "o1", "0.5", "60000"),
        Intended(at_ns=ns(5, 18), order=order, decision_id="", reserve_price=D(1)),
        sold(ns(6, 4), "e1"),  # 23:00 in New York
        sold(ns(6, 6), "e2"),
    ]
    path = ledger_of(tmp_path, records)
    every = [statement_of(part) for part in parts(path, Kind.DAY, every=True)]
    (alone,) = parts(path, Kind.DAY, date(2024, 3, 5))
    made = [value(each, "realised") for each in (statement_of(alone), every[1], every[2])]
    assert made == [399, 399, 0]


# -- the page -------------------------------------------------------------------------------------


def test_no_name_can_end_an_element_or_load_anything(tmp_path: Path) -> None:
    records = [
        *opening(account=HOSTILE),
        mark(ns(4, 14), "100000"),
        mark(ns(4, 15), "100001"),
        *bought(ns(4, 16), "o1", "1", "60000", bot=HOSTILE),
        asked(ns(4, 17), "d1", "denied", HOSTILE, bot=HOSTILE, key=Key(f"crypto:{HOSTILE}")),
        Noted(at_ns=ns(4, 18), code=HOSTILE, text=HOSTILE),
        FlowSeen(at_ns=ns(4, 19), amount=D(5), source=HOSTILE),
    ]
    page = rendered_statement(stated(tmp_path, records))
    assert "<img" not in page
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert page.count("<script") == page.count("</script>") == 3


def test_a_crowded_day_stays_below_the_size_of_a_page(tmp_path: Path) -> None:
    records: list[Record] = [*opening()]
    for count in range(4_000):
        at_ns = ns(4, 14) + count * 5 * 10**9
        records.append(mark(at_ns, str(100_000 + count % 977), "0.2"))
        records.append(asked(at_ns, f"d{count}", "denied", f"reason_{count}", bot=f"bot{count}"))
        records.append(Noted(at_ns=at_ns, code=f"code_{count}", text="x" * 400))
    statement = stated(tmp_path, records)
    assert len(rendered_statement(statement).encode()) <= SIZE_MAX
    table = statement.tables["orders"][0]
    assert (len(table.rows), table.more.startswith("40 of 4,000 rows")) == (40, True)


def test_every_table_and_figure_of_the_page_is_in_the_json(tmp_path: Path) -> None:
    statement = stated(tmp_path, week(), day=date(2024, 3, 5))
    said = as_record(statement)
    page = rendered_statement(statement).replace("\u00a0", " ")
    assert list(said["figures"]) == [each.code for each in statement.figures]
    for figure in said["figures"].values():
        assert figure["source"]
        assert figure["shown"] in page
    for tables in said["tables"].values():
        for table in tables:
            assert table["caption"] in page
            assert all(len(row) == len(table["columns"]) for row in table["rows"])


# -- what it is made from -------------------------------------------------------------------------


def test_a_story_counts_splits_and_what_was_imported() -> None:
    story = Story()
    for record in opening():
        story.apply(record)
    story.apply(Adopted(at_ns=ns(4), key=TQQQ, qty=D(10), price=D(60), bot=HOUSE))
    story.apply(
        SplitSeen(
            at_ns=ns(5), key=TQQQ, qty=D(10), factor=D(2), since_ns=ns(5),
            shares={HOUSE: D(10)}, reference="s1",
        )
    )  # fmt: skip
    assert story.book.qty(TQQQ) == 20
    for name, side, price in (("a", Side.BUY, "20"), ("b", Side.SELL, "30")):
        deal = Deal(
            id=name, order=name, bot="", key=TQQQ, side=side, qty=D(5), price=D(price), fee=D(0),
            fee_asset="USD", at_ns=ns(1) + len(name), lot=D("0.01"), tick=D("0.01"),
        )  # fmt: skip
        story.apply(PastDealt(at_ns=ns(5), import_id="i", deal=deal))
    assert story.book.past_trades() == ()  # not before the import is complete
    story.apply(PastImported(at_ns=ns(5), import_id="i", who="me", reason="", files=(), deals=2))
    assert [trade.net for trade in story.book.past_trades()] == [D(50)]
