"""What is borrowed by day, and how far a margin call is, as the first page says it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import WIDE, Account, Opened, eventually, running

from smart_leverage.domain.sentences import money, percent

IN_SESSION = datetime(2026, 9, 16, 15, 0, tzinfo=UTC)
"""A Wednesday, eleven in New York."""

LENT = """
[intraday]
plan = "on"
[limits]
symbol_cap = 0.6
symbol_cap_broad = 0.9
[execution]
mark_every_s = 1.0
"""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running(tmp_path_factory.mktemp("account"), LENT, at=IN_SESSION) as found:
        yield found


def test_a_loan_is_told_with_the_fall_that_brings_a_call(account: Account, opened: Opened) -> None:
    expect(opened("/").locator("#panel-exposure")).not_to_contain_text("margin:")
    for symbol, notional in (("SPY", "80000"), ("QQQ", "50000")):
        answer = account.buy("grid", symbol, notional=notional, time_in_force="day")
        assert answer.status == 200, answer
    told = eventually(lambda: json.loads(account.said("status", "--json")).get("margin"))
    borrowed, distance = Decimal(told["borrowed"]), Decimal(told["distance"])
    assert borrowed > 20_000
    assert 0 < distance < 1
    for size in (WIDE, {"width": 390, "height": 844}):
        line = opened("/", viewport=size).locator("#panel-exposure .binding", has_text="margin")
        expect(line).to_contain_text(f"{money(borrowed, 0)} borrowed")
        expect(line).to_contain_text(f"in call if all securities fall by {percent(distance)}")
        expect(line).to_contain_text("●")
