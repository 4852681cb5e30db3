"""Whatever the account, spending a stated capacity never ends in a margin call."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.margin import (
    MarginAccount,
    MarginRates,
    MarginTerms,
    RuleSet,
    buying_power,
    crypto_capacity,
    initial_rate,
    intraday_capacity,
    liquidation_price_ratio,
    maintenance_excess,
    maintenance_rate,
    margin_equity,
    non_marginable_buying_power,
    options_buying_power,
    overnight_capacity,
    power,
    prob_touch_barrier,
    regt_buying_power,
    security_capacity,
    security_capacity_overnight,
)

SLACK = 1e-6
RATES = MarginRates()

money = st.floats(0.0, 1e7)
any_float = st.floats(allow_nan=True, allow_infinity=True)
rates = st.floats(0.25, 1.0)
rule_sets = st.sampled_from(list(RuleSet))


@st.composite
def accounts(draw: Any) -> MarginAccount:
    """An account of shares at one maintenance rate, coins, shorts and cash or a debit."""
    stock, crypto, short = draw(money), draw(money), draw(money)
    rate = draw(rates)
    return MarginAccount(
        cash=draw(st.floats(-1e7, 1e7)),
        long_value=stock + crypto,
        short_value=short,
        crypto_value=crypto,
        initial_margin=(stock + short) * max(0.5, rate),
        maintenance_margin=(stock + short) * rate,
        equity_last=draw(money),
        maintenance_margin_last=draw(money),
        power_used_today=draw(money),
        is_day_trader=draw(st.booleans()),
    )


@st.composite
def terms(draw: Any) -> MarginTerms:
    return MarginTerms(
        rule_set=draw(rule_sets),
        multiplier_max=draw(st.sampled_from([1.0, 2.0, 4.0])),
        crypto_borrowing=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


@given(accounts(), terms(), rates)
def test_buying_one_security_to_capacity_keeps_maintenance(
    account: MarginAccount, at: MarginTerms, rate: float
) -> None:
    bought = security_capacity(account, rate, at)
    assert bought == 0.0 or bought * rate <= maintenance_excess(account) + SLACK


@given(accounts(), terms(), rates)
def test_holding_one_security_overnight_keeps_the_initial_margin(
    account: MarginAccount, at: MarginTerms, rate: float
) -> None:
    bought = security_capacity_overnight(account, initial_rate(rate, True, RATES), at)
    free = margin_equity(account) - account.initial_margin
    assert bought == 0.0 or bought * max(0.5, rate) <= free + SLACK


@given(accounts(), terms(), money)
def test_buying_coins_to_capacity_keeps_maintenance(
    account: MarginAccount, at: MarginTerms, open_buys: float
) -> None:
    bought = crypto_capacity(account, open_buys, at)
    spent = bought + open_buys if bought > 0.0 else 0.0
    after = account._replace(
        cash=account.cash - spent,
        long_value=account.long_value + spent,
        crypto_value=account.crypto_value + spent,
    )
    assert maintenance_excess(after) >= min(maintenance_excess(account), 0.0) - SLACK
    if at.crypto_borrowing == 0.0:
        assert after.cash >= min(account.cash, 0.0) - SLACK


@given(accounts(), terms())
def test_a_coin_carries_nothing(account: MarginAccount, at: MarginTerms) -> None:
    swapped = account._replace(
        cash=account.cash - 1_000.0,
        long_value=account.long_value + 1_000.0,
        crypto_value=account.crypto_value + 1_000.0,
    )
    assert intraday_capacity(swapped, at) <= intraday_capacity(account, at) + SLACK
    assert overnight_capacity(swapped, at) <= overnight_capacity(account, at) + SLACK


@given(accounts(), terms(), st.floats(0.0, 1e6))
def test_more_maintenance_never_raises_a_capacity(
    account: MarginAccount, at: MarginTerms, more: float
) -> None:
    tighter = account._replace(maintenance_margin=account.maintenance_margin + more)
    assert intraday_capacity(tighter, at) <= intraday_capacity(account, at)
    assert crypto_capacity(tighter, 0.0, at) <= crypto_capacity(account, 0.0, at)
    assert security_capacity(tighter, 0.3, at) <= security_capacity(account, 0.3, at)


@given(st.builds(MarginAccount, *[any_float] * 9, st.booleans()), terms(), any_float)
def test_every_figure_is_a_finite_amount_whatever_comes_in(
    account: MarginAccount, at: MarginTerms, rate: float
) -> None:
    figures = (
        intraday_capacity(account, at),
        overnight_capacity(account, at),
        security_capacity(account, rate, at),
        security_capacity_overnight(account, rate, at),
        crypto_capacity(account, rate, at),
        non_marginable_buying_power(account, at),
        regt_buying_power(account, at),
        buying_power(account, at),
        options_buying_power(account, at),
    )
    assert all(0.0 <= figure < math.inf for figure in figures)


@given(any_float, any_float)
def test_power_never_exceeds_either_figure(own: float, brokers: float) -> None:
    spendable = power(own, brokers)
    assert spendable == 0.0 or (spendable <= own and spendable <= brokers)


@given(accounts(), terms())
def test_what_the_broker_states_is_never_below_the_own_model_of_current_values(
    account: MarginAccount, at: MarginTerms
) -> None:
    at = at._replace(rule_set=RuleSet.INTRADAY_MARGIN)
    assert buying_power(account, at) >= intraday_capacity(account, at) - SLACK


@given(st.floats(0.01, 1e5), st.floats(-4.0, 4.0), st.booleans())
def test_a_rate_is_at_least_the_floor_of_the_regulator(
    price: float, factor: float, is_short: bool
) -> None:
    rate = maintenance_rate(price, factor, is_short, math.nan, RATES)
    floor = min(1.0, (0.30 if is_short else 0.25) * max(1.0, abs(factor)))
    assert rate >= floor
    assert initial_rate(rate, True, RATES) >= rate


@given(st.floats(1.01, 20.0), st.floats(0.0, 0.9))
def test_at_the_liquidation_price_equity_is_the_maintenance(
    leverage: float, maintenance: float
) -> None:
    ratio = liquidation_price_ratio(leverage, maintenance, False)
    equity = leverage * ratio - (leverage - 1.0)
    assert math.isclose(equity, maintenance * leverage * ratio, rel_tol=1e-9, abs_tol=1e-9)


@given(
    st.floats(0.05, 0.999),
    st.floats(0.05, 0.999),
    st.floats(-1.0, 1.0),
    st.floats(0.01, 2.0),
    st.floats(0.01, 5.0),
)
def test_a_nearer_barrier_is_touched_more_often(
    a: float, b: float, drift: float, sigma: float, years: float
) -> None:
    far, near = sorted((a, b))
    low = prob_touch_barrier(far, drift, sigma, years)
    high = prob_touch_barrier(near, drift, sigma, years)
    assert 0.0 <= low <= high + 1e-9 <= 1.0 + 1e-9


@given(*[any_float] * 4)
def test_a_probability_stays_one_whatever_comes_in(
    ratio: float, drift: float, sigma: float, years: float
) -> None:
    assert 0.0 <= prob_touch_barrier(ratio, drift, sigma, years) <= 1.0
