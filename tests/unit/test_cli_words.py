"""Words, bars and JSON: what every screen says in the same way."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.books.statistics import rate_interval
from smart_leverage.cli.screen import Column, aligned
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import Noted
from smart_leverage.domain.stamps import span as age
from smart_leverage.engine.state import Plan
from smart_leverage.runtime.plain import Seconds, plain
from smart_leverage.runtime.words import gauge, rate, sign

S = 1_000_000_000


@pytest.mark.parametrize(
    ("span_ns", "words"),
    [
        pytest.param(0, "0 s", id="now"),
        pytest.param(-5 * S, "0 s", id="future"),
        pytest.param(999_999_999, "0 s", id="less-than-a-second"),
        pytest.param(59 * S, "59 s", id="seconds"),
        pytest.param(60 * S, "1 min", id="whole-minute"),
        pytest.param(3 * 3600 * S + 12 * 60 * S + 59 * S, "3 h 12 min", id="two-largest"),
        pytest.param(86_400 * S + 59 * 60 * S, "1 d", id="nothing-in-between"),
        pytest.param(400 * 86_400 * S, "400 d", id="long"),
    ],
)
def test_an_age_is_told_in_its_two_largest_units(span_ns: int, words: str) -> None:
    assert age(span_ns) == words


@given(st.decimals(min_value=-2, max_value=5, places=4), st.integers(min_value=1, max_value=40))
def test_a_gauge_is_never_longer_or_shorter_than_its_cells(used: Decimal, cells: int) -> None:
    bar = gauge(used, cells)
    assert len(bar) == cells
    assert bar == "█" * bar.count("█") + "░" * bar.count("░")
    assert (bar == "█" * cells) == (used >= 1)


@pytest.mark.parametrize(
    ("used", "word"),
    [("0", "● OK"), ("0.8999", "● OK"), ("0.9", "▲ NEAR"), ("0.9999", "▲ NEAR"), ("1", "■ HIT")],
)
def test_the_sign_changes_at_its_edges(used: str, word: str) -> None:
    assert sign(Decimal(used), Decimal("0.9")) == word


def test_a_win_rate_shows_its_count_and_its_doubt() -> None:
    assert rate(26, 61) == "43 % (26 of 61, 31–55 %)"
    assert rate(0, 0) == "none yet (0 closed trades)"


@given(st.integers(min_value=0, max_value=500), st.integers(min_value=1, max_value=500))
def test_the_interval_holds_the_rate_and_stays_a_share(wins: int, more: int) -> None:
    closed = wins + more - 1 or 1
    low, high = rate_interval(min(wins, closed), closed)
    assert 0.0 <= low <= min(wins, closed) / closed + 1e-12
    assert min(wins, closed) / closed - 1e-12 <= high <= 1.0


def test_json_keeps_decimals_exact_and_times_in_utc() -> None:
    told = plain(
        {
            "at_ns": 1_709_942_400_000_000_000,
            "tiny": Decimal("1E-9"),
            "huge": Decimal("1E+6"),
            "rate": 0.1,
            "small": 1e-7,
            "unknown": math.nan,
            "out": math.inf,
            "age_s": Seconds(1.23456),
            "count": 3,
            "flag": True,
            "none": None,
            "key": Key("crypto:BTC/USD"),
            "list": (Decimal("0.10"), "x"),
        }
    )
    assert told == {
        "at": "2024-03-09T00:00:00Z",
        "tiny": "0.000000001",
        "huge": "1000000",
        "rate": "0.1",
        "small": "0.0000001",
        "unknown": None,
        "out": None,
        "age_s": 1.235,
        "count": 3,
        "flag": True,
        "none": None,
        "key": "crypto:BTC/USD",
        "list": ["0.10", "x"],
    }


def test_json_opens_records_and_tuples_by_name() -> None:
    plan = Plan("p1", "crypto", 0, Decimal("0.8"), 0, 60_000_000_000)
    assert plain(plan) == {
        "plan_id": "p1",
        "kind": "crypto",
        "stage": 0,
        "start": "0.8",
        "started": "1970-01-01T00:00:00Z",
        "deadline": "1970-01-01T00:01:00Z",
        "is_late": False,
        "why": "",
    }
    assert plain(Noted(at_ns=0, code="c", text="t")) == {
        "at": "1970-01-01T00:00:00Z",
        "code": "c",
        "text": "t",
    }


def test_a_table_is_aligned_and_its_last_column_free() -> None:
    columns = (Column("what"), Column("money", is_number=True), Column("why"))
    rows = [["a", "$1.00", ""], ["longer", "$1,000.00", "because it is so"]]
    assert aligned(columns, rows) == [
        "what        money  why",
        "a           $1.00",
        "longer  $1,000.00  because it is so",
    ]
