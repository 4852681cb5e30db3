"""The statement of a day, and when one is due."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from tests.unit.test_notify_telling import AT, BTC, MARK, WHEN, decided, known

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.orders import HOUSE, Fill, Side
from smart_leverage.domain.records import BaselineSet, Filled, FlowSeen, LimitChanged, Resumed
from smart_leverage.notify.known import Known
from smart_leverage.notify.schedule import due
from smart_leverage.notify.statement import statement

D = Decimal


def traded() -> Known:
    fill = Fill(
        execution_id="e", client_order_id="x", key=BTC, side=Side.BUY, qty=D("0.1"),
        price=D(50_000), fee=D(0), fee_asset="USD", at_ns=AT,
    )  # fmt: skip
    return known(
        msgspec.structs.replace(MARK, at_ns=AT - 10, equity=D(98_000)),
        BaselineSet(at_ns=AT - 9, period="month", label="2026-11", equity=D(98_000)),
        msgspec.structs.replace(MARK, at_ns=AT - 9, equity=D(100_000)),
        BaselineSet(at_ns=AT - 8, period="day", label="2026-11-27", equity=D(100_000)),
        msgspec.structs.replace(MARK, at_ns=AT - 7, equity=D(101_000)),
        decided("approved"),
        decided("denied"),
        decided("denied"),
        Filled(at_ns=AT, fill=fill),
        msgspec.structs.replace(
            MARK, equity=D(99_000), cash=D(79_200), crypto=D(9_900), leveraged=D(9_900),
            gross=D(19_800),
        ),
    )  # fmt: skip


def test_a_statement_says_what_an_account_is_made_may_lose_and_did() -> None:
    assert statement(traded(), WHEN, AT, is_week=False).splitlines() == [
        "● DAY to 14:36 | ACTIVE | tier 1 LEARNING",
        "equity $99,000.00, cash $79,200.00",
        "day −1.00 % (−$1,000.00); limit −3.0 %, $2,000.00 left",
        "month +1.02 % (+$1,000.00) of a target of 5.0 %; limit −8.0 %, $8,840.00 left",
        "drawdown −2.0 %",
        "exposure: crypto 10.0 % of 25.0 %, leveraged 10.0 % of 35.0 %, gross 20.0 % of 100.0 %",
        "orders: 1 approved, 0 cut, 2 denied, 0 rejected by the broker (crypto cap 2)",
        "fills: 1, $5,000.00 turned over",
    ]


def test_an_account_that_was_never_valued_says_so() -> None:
    lines = statement(known(), WHEN, AT, is_week=False).splitlines()
    assert lines[1] == "not valued yet"


def test_a_changed_limit_is_the_one_that_is_stated() -> None:
    account = traded()
    change = LimitChanged(
        at_ns=AT,
        name="limits.loss_limit_daily",
        before="0.03",
        after="0.02",
        is_looser=False,
        effective_ns=AT,
        who="ann",
        reason="calmer",
    )
    account.take(change)
    assert "limit −2.0 %, $1,000.00 left" in statement(account, WHEN, AT, is_week=False)


def test_a_deposit_is_no_gain_of_the_week() -> None:
    account = traded()
    account.take(FlowSeen(at_ns=AT, amount=D(99_000), source="deposit"))
    account.take(msgspec.structs.replace(MARK, equity=D(198_000), cash=D(198_000)))
    assert "week −1.00 % (−$1,000.00)" in statement(account, WHEN, AT, is_week=True)


def test_a_resume_moves_what_limits_count_from_and_not_what_was_made() -> None:
    account = traded()
    account.take(Resumed(at_ns=AT, who="ann", reason="looked at", equity=D(99_000)))
    lines = statement(account, WHEN, AT, is_week=False).splitlines()
    assert lines[2] == "day −1.00 % (−$1,000.00); limit −3.0 %, $2,970.00 left"
    assert lines[4] == "drawdown −2.0 %"


def test_what_the_house_asks_of_itself_is_nobodys_order() -> None:
    account = traded()
    account.take(msgspec.structs.replace(decided("approved"), bot=HOUSE, source=HOUSE))
    assert "orders: 1 approved," in statement(account, WHEN, AT, is_week=False)


def test_the_next_day_counts_anew_and_the_week_goes_on() -> None:
    account = traded()
    account.begin_day(AT, is_week=False)
    assert "fills: 0," in statement(account, WHEN, AT, is_week=False)
    assert "fills: 1," in statement(account, WHEN, AT, is_week=True)


# -- when -----------------------------------------------------------------------------------------

NEW_YORK = Sessions.xnys()


def ns(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc, arg-type]


def test_a_statement_is_due_once_at_each_close() -> None:
    tuesday = ns(2026, 11, 24, 21, 0)
    assert due(NEW_YORK, tuesday - HOUR_NS, tuesday - 1) is None
    found = due(NEW_YORK, tuesday - HOUR_NS, tuesday)
    assert found is not None
    assert (found.close_ns, found.is_week) == (tuesday, False)
    assert due(NEW_YORK, tuesday, tuesday + HOUR_NS) is None


def test_a_short_friday_after_a_holiday_ends_the_week_at_its_own_close() -> None:
    friday = ns(2026, 11, 27, 18, 0)
    found = due(NEW_YORK, ns(2026, 11, 25, 22, 0), friday)
    assert found is not None
    assert (found.close_ns, found.is_week) == (friday, True)


def test_closes_that_nobody_was_there_for_are_one_statement() -> None:
    found = due(NEW_YORK, ns(2026, 11, 2, 12, 0), ns(2026, 11, 24, 22, 0))
    assert found is not None
    assert (found.close_ns, found.is_week) == (ns(2026, 11, 24, 21, 0), True)


def test_where_the_table_of_sessions_ends_there_are_no_statements() -> None:
    assert due(NEW_YORK, ns(2031, 6, 1, 0, 0), ns(2031, 6, 1, 0, 0) + 3 * DAY_NS) is None
