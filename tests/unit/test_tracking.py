"""How the month goes: what was made, an even pace, and how likely the rest still is."""

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.test_cli_status import opened

from smart_leverage.books.peaks import RollingMarks
from smart_leverage.cli.entry import enter
from smart_leverage.domain.records import BaselineSet, Marked
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.target import chance_of_month

DAY = 86_400 * 10**9
HOUR = 3_600 * 10**9
D = Decimal


def marked(at_ns: int, equity: str) -> Marked:
    return Marked(
        at_ns=at_ns, equity=D(equity), cash=D(5000), crypto=D(0), leveraged=D(0), gross=D(0),
        crypto_cap=D("0.25"), leveraged_cap=D("0.35"),
    )  # fmt: skip


Tell = Callable[..., str]


@pytest.fixture
def tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Write marks of a month that opened at 10,000 and return what `target` says."""

    def tell_of(*equities: str) -> str:
        path = tmp_path / "ledger.sqlite"
        month = BaselineSet(at_ns=DAY, period="month", label="1970-01", equity=D(10_000))
        marks = [marked((day + 1) * DAY, equity) for day, equity in enumerate(equities)]
        with SqliteLedger(path) as ledger:
            ledger.commit([*opened(), month, *marks])
        assert enter(["target", "--ledger", str(path)]) == 0
        return capsys.readouterr().out

    return tell_of


def test_it_says_how_far_the_month_is_and_what_would_have_been_an_even_pace(tell: Tell) -> None:
    text = tell("10000", "10100")
    assert "this month: 1.00 % of 5.0 %, ahead of an even pace" in text
    assert "2 days of this account say nothing of how likely, 20 would" in text


def test_with_days_of_its_own_it_says_how_likely_the_month_still_is(tell: Tell) -> None:
    equities = [str(10_000 + 10 * day + 40 * (day % 2)) for day in range(24)]
    text = tell(*equities)
    assert "in 100 if they are like its last 24" in text
    assert "in 100 if it has no edge" in text


def test_what_is_reached_can_still_be_lost(tell: Tell) -> None:
    assert "the target is reached" in tell("10000", "10600")


# -- the arithmetic -------------------------------------------------------------------------------


def test_the_chance_is_that_of_a_normal_sum() -> None:
    assert chance_of_month(0.0, 9.0, 0.0, 0.01) == pytest.approx(0.5)
    one = math.expm1(0.03)
    assert chance_of_month(one, 9.0, 0.0, 0.01) == pytest.approx(0.158655, abs=1e-6)


def test_without_days_or_without_moves_it_is_certain() -> None:
    assert chance_of_month(0.01, 0.0, 0.0, 0.01) == 0.0
    assert chance_of_month(-0.01, 0.0, 0.0, 0.01) == 1.0
    assert chance_of_month(0.01, 10.0, 0.01, 0.0) == 1.0


def test_what_is_not_known_stays_so() -> None:
    assert math.isnan(chance_of_month(math.nan, 1.0, 0.0, 0.01))
    assert math.isnan(chance_of_month(0.01, 1.0, math.nan, 0.01))
    assert math.isnan(chance_of_month(0.01, -1.0, 0.0, 0.01))


def test_daily_marks_lie_a_day_apart_and_flows_are_none_of_their_business() -> None:
    marks = RollingMarks()
    for hour in range(72):
        marks.mark(hour * HOUR, D(100 + hour))
    assert marks.daily(71 * HOUR) == [100.0, 123.0, 147.0, 171.0]
    marks.flow(D(171), D(342))
    assert marks.daily(71 * HOUR) == [200.0, 246.0, 294.0, 342.0]
    assert RollingMarks().daily(0) == []
