"""Lots for a tax return: terms by dates, warnings of wash sales, and files that add up."""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE, Fill, Order, Role, Side
from smart_leverage.domain.past import Deal
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    Filled,
    InstrumentListed,
    Intended,
    PastDealt,
    PastImported,
    Record,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.reports.story import Story
from smart_leverage.reports.tax.files import CLOSED, NOTICE, number, write_lots
from smart_leverage.reports.tax.lots import Lots, lots_of, totals
from smart_leverage.reports.tax.terms import long_from, term_of

D = Decimal
BTC, TQQQ = Key("crypto:BTC/USD"), Key("us_equity:TQQQ")
START = date(2024, 1, 2)


def ns(day: date, hour: int = 15) -> int:
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


def opening() -> Iterator[Record]:
    yield AccountOpened(
        at_ns=ns(START, 0),
        account="demo",
        mode="sim",
        cash=D(100_000),
        risk_timezone="America/New_York",
        preset="classic",
        policy="",
        policy_hash="h",
        enforcement="all",
        version="0",
    )
    for key in (BTC, TQQQ):
        yield InstrumentListed(at_ns=ns(START, 0), instrument=Registry.builtin()[key])


class Trading:
    """Writes orders with their fills, a day each."""

    def __init__(self) -> None:
        self.story = Story()
        for record in opening():
            self.story.apply(record)
        self._count = 0

    def fill(
        self, day: date, side: Side, qty: str, price: str, *, key: Key = TQQQ, fee: str = "0",
        bot: str = "bot", role: Role = Role.BOT,
    ) -> None:  # fmt: skip
        self._count += 1
        name, at_ns = f"o{self._count}", ns(day)
        order = Order(client_order_id=name, bot=bot, key=key, side=side, qty=D(qty), role=role)
        fill = Fill(
            execution_id=f"e{self._count:03}", client_order_id=name, key=key, side=side,
            qty=D(qty), price=D(price), fee=D(fee), fee_asset="USD", at_ns=at_ns,
        )  # fmt: skip
        self.story.apply(Intended(at_ns=at_ns, order=order, decision_id="", reserve_price=D(price)))
        self.story.apply(Filled(at_ns=at_ns, fill=fill))

    def buy(self, day: date, qty: str, price: str, **more: str) -> None:
        self.fill(day, Side.BUY, qty, price, **more)  # type: ignore[arg-type]

    def sell(self, day: date, qty: str, price: str, **more: str) -> None:
        self.fill(day, Side.SELL, qty, price, **more)  # type: ignore[arg-type]

    def lots(self, until: date | None = None) -> Lots:
        if until is not None:
            self.story.last_ns = ns(until)
        return lots_of(self.story)


# -- terms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acquired", "first"),
    [
        pytest.param(date(2023, 3, 15), date(2024, 3, 16), id="the-day-after-the-year"),
        pytest.param(date(2023, 12, 31), date(2025, 1, 1), id="last-day-of-a-year"),
        pytest.param(date(2024, 2, 29), date(2025, 3, 1), id="leap-day"),
        pytest.param(date(2024, 2, 28), date(2025, 3, 1), id="day-before-a-leap-day"),
        pytest.param(date(2023, 2, 28), date(2024, 3, 1), id="last-of-february-before-a-leap-year"),
    ],
)
def test_a_lot_is_long_term_when_it_was_held_for_more_than_a_year(
    acquired: date, first: date
) -> None:
    assert long_from(acquired) == first
    assert term_of(acquired, first) == "long"
    assert term_of(acquired, first - timedelta(days=1)) == "short"


def test_what_was_held_before_has_no_known_term_within_a_year() -> None:
    assert term_of(START, START + timedelta(days=30), is_known=False) == "unknown"
    assert term_of(START, START + timedelta(days=800), is_known=False) == "long"


def test_what_is_sold_first_is_short_term_however_long_it_took() -> None:
    assert term_of(START, START + timedelta(days=800), is_short=True) == "short"


# -- wash sales -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "is_warned"),
    [
        pytest.param(30, True, id="thirty-days-after"),
        pytest.param(31, False, id="thirty-one-days-after"),
    ],
)
def test_a_purchase_after_a_loss_warns_up_to_thirty_days(gap: int, is_warned: bool) -> None:
    trading, sold = Trading(), date(2024, 6, 3)
    trading.buy(date(2024, 3, 1), "10", "50")
    trading.sell(sold, "10", "40")
    trading.buy(sold + timedelta(days=gap), "4", "41")
    (lot,) = trading.lots(date(2024, 12, 31)).closed
    assert lot.wash is not None
    assert lot.wash.qty == (D(4) if is_warned else D(0))
    assert lot.wash.open_until is None


@pytest.mark.parametrize(
    ("gap", "is_warned"),
    [
        pytest.param(30, True, id="thirty-days-before"),
        pytest.param(31, False, id="thirty-one-days-before"),
    ],
)
def test_a_purchase_before_a_loss_warns_where_it_is_still_held(gap: int, is_warned: bool) -> None:
    trading, sold = Trading(), date(2024, 6, 3)
    trading.buy(date(2024, 3, 1), "10", "50")
    trading.buy(sold - timedelta(days=gap), "25", "45")
    trading.sell(sold, "10", "40")
    (lot,) = trading.lots(date(2024, 12, 31)).closed
    assert lot.wash is not None
    assert lot.wash.qty == (D(10) if is_warned else D(0))  # no more than was lost on


def test_what_was_sold_together_with_the_loss_replaces_nothing() -> None:
    trading, sold = Trading(), date(2024, 6, 3)
    trading.buy(sold - timedelta(days=10), "10", "50")
    trading.buy(sold - timedelta(days=5), "10", "45")
    trading.sell(sold, "20", "40")
    assert [lot.wash.qty for lot in trading.lots(date(2024, 12, 31)).closed if lot.wash] == [0, 0]


def test_a_window_that_has_not_passed_is_told_to_be_open() -> None:
    trading, sold = Trading(), date(2024, 6, 3)
    trading.buy(date(2024, 3, 1), "10", "50")
    trading.sell(sold, "10", "40")
    (lot,) = trading.lots().closed
    assert lot.wash is not None
    assert lot.wash.open_until == date(2024, 7, 3)


def test_a_gain_and_a_purchase_of_something_else_warn_of_nothing() -> None:
    trading, sold = Trading(), date(2024, 6, 3)
    trading.buy(date(2024, 3, 1), "10", "50")
    trading.buy(date(2024, 3, 1), "1", "60000", key=BTC)
    trading.sell(sold, "10", "60")
    trading.sell(sold, "1", "50000", key=BTC)
    trading.buy(sold, "10", "60")
    gain, loss = sorted(trading.lots(date(2024, 12, 31)).closed, key=lambda lot: lot.kind)[::-1]
    assert (gain.kind, gain.wash) == ("leveraged fund", None)
    assert loss.kind == "coin"
    assert loss.wash is not None
    assert loss.wash.qty == 0


# -- files ----------------------------------------------------------------------------------------


def rows_of(file: Path) -> list[dict[str, str]]:
    lines = file.read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def test_the_files_say_what_they_are_and_add_up(tmp_path: Path) -> None:
    trading = Trading()
    trading.buy(date(2024, 3, 1), "10.5", "50.10", fee="0.13")
    trading.buy(date(2024, 3, 2), "1", "60000", key=BTC, fee="90")
    trading.sell(date(2024, 6, 3), "4.2", "40", fee="0.02", bot=HOUSE, role=Role.FLATTEN)
    trading.sell(date(2025, 6, 3), "6.3", "80", fee="0.02")
    trading.sell(date(2025, 6, 4), "0.25", "90000", key=BTC, fee="5")
    written = write_lots(trading.lots(), tmp_path / "lots.csv", head="ledger x")
    for file in (written.closed, written.opened, written.totals):
        assert file.read_text().startswith(f"# {NOTICE}\n")
    closed = rows_of(written.closed)
    assert [(row["instrument"], row["term"], row["forced"]) for row in closed] == [
        ("TQQQ", "short", "yes"),
        ("TQQQ", "long", "no"),
        ("BTC/USD", "long", "no"),
    ]
    net = sum((trade.net for trade in trading.story.book.trades()), D(0))
    assert sum(D(row["gain"]) for row in closed) == net
    assert sum(D(row["gain"]) for row in rows_of(written.totals)) == net
    (held,) = rows_of(written.opened)
    assert (held["instrument"], held["quantity"], held["long_from"]) == (
        "BTC/USD", "0.75", "2025-03-03",
    )  # fmt: skip
    assert tuple(closed[0]) == CLOSED


def test_a_year_holds_its_sales_by_the_accounts_time_zone(tmp_path: Path) -> None:
    trading = Trading()
    trading.buy(date(2024, 3, 1), "10", "50")
    trading.sell(date(2024, 12, 30), "1", "60")
    trading.sell(date(2025, 1, 2), "1", "60")
    written = write_lots(trading.lots(), tmp_path / "lots.csv", year=2025)
    assert [row["sold"] for row in rows_of(written.closed)] == ["2025-01-02"]
    assert "sales of 2025; dates by America/New_York" in written.closed.read_text()


def test_a_name_from_outside_is_no_formula(tmp_path: Path) -> None:
    trading = Trading()
    trading.buy(date(2024, 3, 1), "10", "50", bot="=cmd|' /C calc'!A0")
    trading.sell(date(2024, 6, 3), "10", "60", bot="=cmd|' /C calc'!A0")
    written = write_lots(trading.lots(), tmp_path / "lots.csv")
    (row,) = rows_of(written.closed)
    assert row["bot"].startswith("'=cmd")


def test_adopted_lots_and_those_that_only_vanished_say_so(tmp_path: Path) -> None:
    trading = Trading()
    trading.story.apply(Adopted(at_ns=ns(START), key=TQQQ, qty=D(10), price=D(50), bot=HOUSE))
    trading.sell(date(2024, 6, 3), "4", "60", bot=HOUSE, role=Role.TRIM)
    trading.story.apply(
        Adopted(at_ns=ns(date(2024, 6, 4)), key=TQQQ, qty=D(-1), price=D(50), bot=HOUSE)
    )
    written = write_lots(trading.lots(), tmp_path / "lots.csv")
    sold, vanished = rows_of(written.closed)
    assert (sold["term"], sold["gain"]) == ("unknown", "40")
    assert "held before the account was opened" in sold["note"]
    assert (vanished["term"], vanished["gain"]) == ("", "")
    assert "taken out of the books without an order" in vanished["note"]
    assert sum(D(row["gain"]) for row in rows_of(written.totals)) == 40


def test_imported_lots_stand_beside_our_own_and_what_is_not_known_is_said(tmp_path: Path) -> None:
    trading = Trading()

    def deal(name: str, day: date, side: Side, qty: str, price: str) -> Deal:
        return Deal(
            id=name, order=name, bot="", key=TQQQ, side=side, qty=D(qty), price=D(price), fee=D(0),
            fee_asset="USD", at_ns=ns(day), lot=D("0.01"), tick=D("0.01"),
        )  # fmt: skip

    for each in (
        deal("a", date(2022, 3, 1), Side.BUY, "5", "20"),
        deal("b", date(2023, 6, 1), Side.SELL, "8", "30"),
    ):
        trading.story.apply(PastDealt(at_ns=ns(START), import_id="i", deal=each))
    trading.story.apply(
        PastImported(at_ns=ns(START), import_id="i", who="me", reason="", files=(), deals=2)
    )
    written = write_lots(trading.lots(), tmp_path / "lots.csv")
    (row,) = rows_of(written.closed)
    assert (row["origin"], row["quantity"], row["gain"], row["term"]) == (
        "import",
        "5",
        "50",
        "long",
    )
    assert "1 imported deals are not in here" in written.closed.read_text()


sides = st.sampled_from(list(Side))
amounts = st.decimals(D("0.01"), D(20), places=2)


@given(st.lists(st.tuples(st.integers(0, 90), sides, amounts, amounts, amounts), max_size=25))
def test_random_fills_add_up_to_what_the_books_say(
    fills: list[tuple[int, Side, Decimal, Decimal, Decimal]],
) -> None:
    trading = Trading()
    for day, side, qty, price, fee in fills:
        trading.fill(START + timedelta(days=day), side, str(qty), str(price), fee=str(fee / 100))
    lots = trading.lots(START + timedelta(days=90))
    net = sum((trade.net for trade in trading.story.book.trades()), D(0))
    assert sum((lot.closing.net for lot in lots.closed), D(0)) == net
    assert sum((total.gain for total in totals(lots.closed)), D(0)) == net
    held = sum((lot.qty for lot in lots.opened), D(0))
    assert held == trading.story.book.qty(TQQQ)
    for lot in lots.closed:
        assert (lot.wash is None) == (lot.closing.net >= 0 or lot.closing.is_short)
        assert lot.wash is None or 0 <= lot.wash.qty <= lot.closing.qty


def test_numbers_are_exact_and_have_no_exponent() -> None:
    assert number(D("1E+3")) == "1000"
    assert number(D("0.000000001")) == "0.000000001"
    assert number(D("-0.50")) == "-0.5"
