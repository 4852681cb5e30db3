"""When money is lent by day, to what, and that nothing unknown ever lends or stops a sale."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.intraday import (
    IntradayTerms,
    Phase,
    gross_for_entries,
    gross_for_holding,
    gross_overnight,
    is_entry_over,
    is_flattening,
    is_intraday,
    is_lent_on,
    is_of_night,
    phase_of,
    power_lent,
)
from smart_leverage.policy.margin import MarginAccount, MarginTerms, RuleSet, call_distance

ON = IntradayTerms(is_on=True, gross_cap=2.5)
NAN, INF = math.nan, math.inf
anything = st.floats(allow_nan=True, allow_infinity=True)


def account(**other: Any) -> MarginAccount:
    """Return $100,000 of cash and nothing else, with some fields changed."""
    usual = MarginAccount(
        cash=100_000.0, long_value=0.0, short_value=0.0, crypto_value=0.0, initial_margin=0.0,
        maintenance_margin=0.0, equity_last=NAN, maintenance_margin_last=NAN, power_used_today=NAN,
        is_day_trader=False,
    )  # fmt: skip
    return usual._replace(**other)


@pytest.mark.parametrize(
    ("minutes_left", "is_session", "phase"),
    [
        pytest.param(390.0, True, Phase.LENDING, id="the-open"),
        pytest.param(60.001, True, Phase.LENDING, id="just-before-entries-end"),
        pytest.param(60.0, True, Phase.KEEPING, id="entries-end"),
        pytest.param(30.001, True, Phase.KEEPING, id="nothing-has-to-go-yet"),
        pytest.param(30.0, True, Phase.FLATTENING, id="selling-begins"),
        pytest.param(10.0, True, Phase.LATE, id="the-deadline"),
        pytest.param(0.001, True, Phase.LATE, id="the-last-moment"),
        pytest.param(0.0, True, Phase.CLOSED, id="the-close"),
        pytest.param(-5.0, True, Phase.CLOSED, id="after-it"),
        pytest.param(200.0, False, Phase.CLOSED, id="no-session"),
        pytest.param(NAN, True, Phase.CLOSED, id="unknown"),
        pytest.param(INF, True, Phase.CLOSED, id="a-session-without-an-end"),
    ],
)
def test_the_phase_of_a_session(minutes_left: float, is_session: bool, phase: Phase) -> None:
    assert phase_of(minutes_left, is_session, ON) is phase
    assert phase_of(minutes_left, is_session, IntradayTerms()) is Phase.OFF


@pytest.mark.parametrize(
    ("is_coin", "factor", "expected"),
    [
        pytest.param(False, 3.0, True, id="three-times"),
        pytest.param(False, -1.0, False, id="an-inverse-fund-that-is-not-leveraged"),
        pytest.param(False, -2.0, True, id="twice-the-other-way"),
        pytest.param(False, 1.0, False, id="a-share"),
        pytest.param(False, NAN, True, id="unknown-is-leveraged"),
        pytest.param(True, NAN, False, id="a-coin-never-closes"),
    ],
)
def test_what_is_held_by_day_only(is_coin: bool, factor: float, expected: bool) -> None:
    assert is_intraday(is_coin, factor) is expected


@pytest.mark.parametrize(
    ("phase", "entries", "holding"),
    [
        pytest.param(Phase.OFF, 1.2, 1.2, id="off"),
        pytest.param(Phase.CLOSED, 1.0, 1.0, id="closed"),
        pytest.param(Phase.LENDING, 2.5, 2.5, id="lending"),
        pytest.param(Phase.KEEPING, 1.0, 2.5, id="keeping"),
        pytest.param(Phase.FLATTENING, 1.0, 1.0, id="flattening"),
        pytest.param(Phase.LATE, 1.0, 1.0, id="late"),
    ],
)
def test_the_gross_cap_by_phase(phase: Phase, entries: float, holding: float) -> None:
    assert gross_for_entries(phase, 1.2, ON) == entries
    assert gross_for_holding(phase, 1.2, ON) == holding
    assert is_of_night(phase) is (phase in (Phase.CLOSED, Phase.FLATTENING, Phase.LATE))
    assert is_flattening(phase) is (phase in (Phase.FLATTENING, Phase.LATE))
    assert is_entry_over(phase, True) is (phase not in (Phase.OFF, Phase.LENDING))
    assert not is_entry_over(phase, False)
    assert is_lent_on(phase, False) is (phase is Phase.LENDING)
    assert not is_lent_on(phase, True)


def test_over_a_close_nothing_is_borrowed_whatever_the_cap() -> None:
    assert [gross_overnight(cap) for cap in (0.8, 1.0, 4.0)] == [0.8, 1.0, 1.0]
    assert math.isnan(gross_overnight(NAN))


@pytest.mark.parametrize(
    ("account", "rate", "power"),
    [
        # FINRA 4210 multiplies the base rate of 25 % by the factor: 75 % of a threefold fund.
        pytest.param(account(), 0.75, 100_000 / 0.75, id="a-fund-of-three-times"),
        pytest.param(account(), 0.30, 100_000 / 0.30, id="a-share"),
        pytest.param(account(), 0.10, 400_000.0, id="four-times-at-most"),
        pytest.param(
            account(cash=20_000.0, long_value=80_000.0, crypto_value=80_000.0), 0.75,
            20_000 / 0.75, id="coins-carry-nothing",
        ),
        pytest.param(
            account(cash=-50_000.0, long_value=150_000.0, maintenance_margin=112_500.0), 0.75,
            0.0, id="in-call",
        ),
        pytest.param(account(cash=1_500.0), 0.75, 1_500.0, id="too-small-for-a-loan"),
        pytest.param(account(maintenance_margin=NAN), 0.75, 100_000.0, id="unknown-maintenance"),
        pytest.param(account(long_value=NAN), 0.75, 100_000.0, id="unknown-value"),
        pytest.param(account(), NAN, 100_000.0, id="unknown-rate"),
    ],
)  # fmt: skip
def test_what_may_be_spent_by_day(account: MarginAccount, rate: float, power: float) -> None:
    own = max(account.cash, 0.0)
    assert power_lent(own, account, rate, MarginTerms()) == pytest.approx(power)


def test_a_cash_account_is_lent_nothing() -> None:
    assert power_lent(100_000.0, account(), 0.3, MarginTerms(rule_set=RuleSet.CASH)) == 100_000.0


@given(st.floats(0.0, 1e9), anything, anything, anything, anything, anything)
def test_never_less_than_the_own_cash_and_nothing_from_what_is_unknown(
    own: float, cash: float, long: float, coins: float, maintenance: float, rate: float
) -> None:
    one = account(cash=cash, long_value=long, crypto_value=coins, maintenance_margin=maintenance)
    power = power_lent(own, one, rate, MarginTerms())
    assert power >= own
    if math.isnan(cash + long + coins + maintenance):
        assert power == own


@given(anything, st.booleans(), anything)
def test_whatever_is_told_of_a_session_the_cap_of_the_night_holds_unless_it_lends(
    minutes_left: float, is_session: bool, gross: float
) -> None:
    phase = phase_of(minutes_left, is_session, ON)
    if phase is not Phase.LENDING:
        assert not gross_for_entries(phase, gross, ON) > 1.0
        assert is_entry_over(phase, True)


@pytest.mark.parametrize(
    ("account", "distance"),
    [
        # 150,000 of a fund at 75 % with 50,000 borrowed: equity 100,000, needed 112,500.
        pytest.param(
            account(cash=-50_000.0, long_value=150_000.0, maintenance_margin=112_500.0), 0.0,
            id="in-call",
        ),
        # Equity 100,000 - 120,000 x f meets 0.75 x 120,000 x (1 - f) at f = 1/3.
        pytest.param(
            account(cash=-20_000.0, long_value=120_000.0, maintenance_margin=90_000.0), 1 / 3,
            id="a-third",
        ),
        # 300,000 of shares at 30 %: 100,000 - 300,000 f = 90,000 (1 - f) at f = 10/210.
        pytest.param(
            account(cash=-200_000.0, long_value=300_000.0, maintenance_margin=90_000.0), 10 / 210,
            id="threefold",
        ),
        pytest.param(account(), INF, id="nothing-borrowed"),
        pytest.param(
            account(long_value=50_000.0, maintenance_margin=15_000.0), INF, id="own-money-only"
        ),
        pytest.param(account(cash=NAN), NAN, id="unknown"),
    ],
)  # fmt: skip
def test_how_far_securities_may_fall(account: MarginAccount, distance: float) -> None:
    assert call_distance(account) == pytest.approx(distance, nan_ok=True)


@given(st.floats(1.0, 1e8), st.floats(0.0, 1e8), st.floats(0.25, 1.0), st.floats(-0.9, 0.0))
def test_after_the_fall_that_is_told_equity_is_what_has_to_stay(
    long: float, coins: float, rate: float, debt: float
) -> None:
    one = account(
        cash=debt * long, long_value=long + coins, crypto_value=coins,
        maintenance_margin=rate * long,
    )  # fmt: skip
    distance = call_distance(one)
    if 0.0 < distance < 1.0:
        left = long * (1.0 - distance)
        assert debt * long + left == pytest.approx(rate * left, abs=1e-6 * long)
