"""Margin: what brokers state, what the account can really carry, and when a sale is forced."""

import math
from typing import Any

import pytest

from smart_leverage.policy.arithmetic import normal_cdf
from smart_leverage.policy.margin import (
    MarginAccount,
    MarginRates,
    MarginTerms,
    RuleSet,
    _reflected,
    account_equity,
    buying_power,
    concentrated_rate,
    crypto_capacity,
    implied_maintenance,
    initial_rate,
    intraday_capacity,
    liquidation_price_ratio,
    maintenance_excess,
    maintenance_rate,
    margin_equity,
    margin_multiplier,
    non_marginable_buying_power,
    options_buying_power,
    overnight_capacity,
    power,
    prob_touch_barrier,
    regt_buying_power,
    security_capacity,
    security_capacity_overnight,
)

RATES = MarginRates()
INTRADAY = MarginTerms()
LEGACY = MarginTerms(rule_set=RuleSet.LEGACY_PDT)
CASH = MarginTerms(rule_set=RuleSet.CASH)
TWOFOLD = MarginTerms(multiplier_max=2.0)


def account(**known: Any) -> MarginAccount:
    empty = MarginAccount(
        cash=0.0,
        long_value=0.0,
        short_value=0.0,
        crypto_value=0.0,
        initial_margin=0.0,
        maintenance_margin=0.0,
        equity_last=0.0,
        maintenance_margin_last=0.0,
        power_used_today=0.0,
        is_day_trader=False,
    )
    return empty._replace(**known)


def cents(value: float) -> Any:
    return pytest.approx(value, abs=0.0051)


# --- account payloads that were published, and what the broker stated in them --------------------

DAY_TRADER = account(
    cash=-23_140.20,
    long_value=126_960.76,
    initial_margin=63_480.38,
    maintenance_margin=38_088.228,
    equity_last=103_529.24,
    maintenance_margin_last=38_000.832,
    is_day_trader=True,
)
TWO_2025 = account(
    cash=954_321.95, long_value=45_745.83, initial_margin=22_872.92, maintenance_margin=14_164.56
)
TWO_2023 = account(
    cash=122_086.50, long_value=1_259.61, initial_margin=629.8, maintenance_margin=377.88
)
DEBIT_2026 = account(cash=-155_235.84, long_value=348_411.14, maintenance_margin=125_417.5925)
OPTIONS_2026 = account(
    cash=101_077.83, long_value=4_823.10, initial_margin=4_823.10, maintenance_margin=4_823.10
)
COINS_LIVE = account(cash=5.92, long_value=42.68, crypto_value=42.68)
FRESH = account(cash=100_000.0)


@pytest.mark.parametrize(
    ("held", "terms", "stated"),
    [
        pytest.param(DAY_TRADER, LEGACY, 262_113.632, id="legacy-day-trader"),
        pytest.param(TWO_2025, LEGACY, 1_954_389.73, id="twofold-2025"),
        pytest.param(TWO_2025, TWOFOLD, 1_954_389.73, id="twofold-by-configuration"),
        pytest.param(TWO_2023, LEGACY, 245_432.61, id="twofold-2023"),
        pytest.param(DEBIT_2026, INTRADAY, 271_030.83, id="intraday-with-debit"),
        pytest.param(OPTIONS_2026, INTRADAY, 404_311.32, id="intraday-with-options"),
        pytest.param(COINS_LIVE, CASH, 5.92, id="cash-account-with-coins"),
        pytest.param(COINS_LIVE, INTRADAY, 5.92, id="below-the-least-equity"),
        pytest.param(FRESH, INTRADAY, 400_000.0, id="fresh"),
    ],
)
def test_buying_power_is_what_the_broker_states(
    held: MarginAccount, terms: MarginTerms, stated: float
) -> None:
    # The published figures of the account of 2023 are 0.01 apart from their own sum.
    assert buying_power(held, terms) == pytest.approx(stated, abs=0.0151)


@pytest.mark.parametrize(
    ("held", "terms", "stated"),
    [
        pytest.param(DAY_TRADER, LEGACY, 40_340.18, id="legacy-day-trader"),
        pytest.param(TWO_2025, LEGACY, 977_194.86, id="twofold-2025"),
        pytest.param(TWO_2023, LEGACY, 122_716.305, id="twofold-2023"),
        pytest.param(DEBIT_2026, INTRADAY, 67_757.70, id="intraday-with-debit"),
        pytest.param(OPTIONS_2026, INTRADAY, 101_077.83, id="intraday-with-options"),
        pytest.param(FRESH, INTRADAY, 100_000.0, id="fresh"),
        pytest.param(COINS_LIVE, INTRADAY, 5.92, id="nothing-lent"),
    ],
)
def test_options_buying_power_is_what_the_broker_states(
    held: MarginAccount, terms: MarginTerms, stated: float
) -> None:
    assert options_buying_power(held, terms) == pytest.approx(stated, abs=0.0101)


@pytest.mark.parametrize(
    ("held", "terms", "stated"),
    [
        pytest.param(TWO_2025, LEGACY, 975_194.86, id="free-margin-less-reserve"),
        pytest.param(TWO_2023, LEGACY, 122_086.50, id="cash-is-more"),
        pytest.param(OPTIONS_2026, INTRADAY, 101_077.83, id="options"),
        pytest.param(COINS_LIVE, CASH, 5.92, id="coins-do-not-count"),
        pytest.param(FRESH, INTRADAY, 100_000.0, id="fresh"),
    ],
)
def test_power_for_what_is_not_marginable_is_what_the_broker_states(
    held: MarginAccount, terms: MarginTerms, stated: float
) -> None:
    assert non_marginable_buying_power(held, terms) == cents(stated)


def test_overnight_power_is_what_the_broker_states() -> None:
    assert regt_buying_power(DAY_TRADER, LEGACY) == cents(80_680.36)
    assert regt_buying_power(FRESH, INTRADAY) == 200_000.0
    assert regt_buying_power(COINS_LIVE, CASH) == cents(5.92)


def test_published_margins_are_the_rates_of_ordinary_shares() -> None:
    assert pytest.approx(0.30, abs=1e-6) == DAY_TRADER.maintenance_margin / DAY_TRADER.long_value
    assert pytest.approx(0.50, abs=1e-6) == DAY_TRADER.initial_margin / DAY_TRADER.long_value


def test_the_ratio_of_buying_power_to_options_power_is_the_multiplier() -> None:
    assert margin_multiplier(FRESH, INTRADAY) == 44_299.68 / 11_074.92


def test_stated_power_tells_what_maintenance_the_broker_assumes() -> None:
    implied = implied_maintenance(193_175.30, 271_030.83, 4.0)
    assert implied == cents(125_417.59)
    assert implied / 348_411.14 == pytest.approx(0.36, abs=1e-4)
    assert math.isnan(implied_maintenance(100.0, 100.0, 0.0))


# --- the worked example: stock, a threefold fund and coins, without cash -------------------------


def mixed(initial: float) -> MarginAccount:
    return account(
        long_value=100_000.0,
        crypto_value=20_000.0,
        maintenance_margin=60_000.0 * 0.30 + 20_000.0 * 0.75,
        initial_margin=initial,
    )


def test_a_mixed_account_carries_what_its_margin_equity_allows() -> None:
    held = mixed(initial=40_000.0)
    assert account_equity(held) == 100_000.0
    assert margin_equity(held) == 80_000.0
    assert maintenance_excess(held) == 47_000.0
    assert intraday_capacity(held, INTRADAY) == 188_000.0
    assert overnight_capacity(held, INTRADAY) == 80_000.0
    assert security_capacity(held, 0.75, INTRADAY) == pytest.approx(62_666.67, abs=0.01)


def test_the_initial_rate_of_a_threefold_fund_lowers_overnight_capacity() -> None:
    initial = 60_000.0 * initial_rate(0.30, True, RATES) + 20_000.0 * initial_rate(
        0.75, True, RATES
    )
    assert initial == 45_000.0
    assert overnight_capacity(mixed(initial), INTRADAY) == 70_000.0


def test_coins_are_bought_with_own_cash_unless_borrowing_is_allowed() -> None:
    held = mixed(initial=40_000.0)
    lending = INTRADAY._replace(crypto_borrowing=1.0)
    assert crypto_capacity(held, 0.0, INTRADAY) == 0.0
    assert crypto_capacity(held, 0.0, lending) == 38_000.0
    assert crypto_capacity(held, 8_000.0, lending) == 30_000.0
    assert crypto_capacity(held, 0.0, INTRADAY._replace(crypto_borrowing=0.5)) == 19_000.0


# --- the account of the incident: 82.5 % in coins, "4:1" on the screen ---------------------------

EQUITY = 96_014.32
COINS = 79_223.0
INCIDENT = account(cash=EQUITY - COINS, long_value=COINS, crypto_value=COINS)


def test_coins_are_no_collateral_for_the_power_on_the_screen() -> None:
    assert pytest.approx(0.8251, abs=1e-4) == COINS / EQUITY
    assert intraday_capacity(INCIDENT, INTRADAY) == cents(67_165.28)
    assert overnight_capacity(INCIDENT, INTRADAY) == cents(33_582.64)
    assert security_capacity(INCIDENT, 0.50, INTRADAY) == cents(33_582.64)
    assert security_capacity(INCIDENT, 0.75, INTRADAY) == cents(22_388.43)
    assert crypto_capacity(INCIDENT, 0.0, INTRADAY) == cents(16_791.32)


def test_the_power_on_the_screen_is_fourfold_and_overstated() -> None:
    stated = 258_946.89
    assert stated - intraday_capacity(INCIDENT, INTRADAY) == cents(191_781.61)
    assert power(intraday_capacity(INCIDENT, INTRADAY), stated) == cents(67_165.28)
    assert stated / 2.0 > EQUITY  # so it cannot be twofold power
    implied = implied_maintenance(EQUITY, stated, 4.0)
    assert implied == cents(31_277.60)
    assert implied / COINS == pytest.approx(0.3948, abs=1e-4)


@pytest.mark.parametrize(
    ("rate", "capacity"),
    [
        pytest.param(0.30, 288_989.68, id="ordinary-coin-funds"),
        pytest.param(0.50, 225_611.28, id="twofold-coin-funds"),
    ],
)
def test_funds_that_hold_coins_do_carry_a_loan(rate: float, capacity: float) -> None:
    held = account(
        cash=EQUITY - COINS, long_value=COINS, maintenance_margin=COINS * rate, crypto_value=0.0
    )
    assert intraday_capacity(held, INTRADAY) == cents(capacity)


def test_the_figure_could_be_yesterdays_under_the_old_rule() -> None:
    equity_last = EQUITY / 0.972
    maintenance_last = implied_maintenance(equity_last, 258_946.89, 4.0)
    assert equity_last == cents(98_780.16)
    assert maintenance_last == cents(34_043.44)
    held = INCIDENT._replace(
        equity_last=equity_last, maintenance_margin_last=maintenance_last, is_day_trader=True
    )
    assert buying_power(held, LEGACY) == cents(258_946.89)
    used = held._replace(power_used_today=258_000.0)
    assert buying_power(used, LEGACY) == cents(946.89)


@pytest.mark.parametrize(
    ("cap", "margin", "fourfold", "overnight", "threefold_fund"),
    [
        pytest.param(0.25, 72_010.74, 288_042.96, 144_021.48, 96_014.32, id="learning"),
        pytest.param(0.40, 57_608.59, 230_434.37, 115_217.18, 76_811.46, id="stable"),
        pytest.param(0.60, 38_405.73, 153_622.91, 76_811.46, 51_207.64, id="profitable"),
    ],
)
def test_capacity_at_the_caps_of_the_tiers(
    cap: float, margin: float, fourfold: float, overnight: float, threefold_fund: float
) -> None:
    coins = cap * EQUITY
    held = account(cash=EQUITY - coins, long_value=coins, crypto_value=coins)
    assert margin_equity(held) == cents(margin)
    assert intraday_capacity(held, INTRADAY) == cents(fourfold)
    assert overnight_capacity(held, INTRADAY) == cents(overnight)
    assert security_capacity(held, 0.75, INTRADAY) == cents(threefold_fund)


# --- multipliers and capacity at the edges -------------------------------------------------------


@pytest.mark.parametrize(
    ("equity", "is_day_trader", "terms", "multiplier"),
    [
        pytest.param(1_999.99, True, INTRADAY, 1.0, id="too-small"),
        pytest.param(2_000.0, False, INTRADAY, 4.0, id="edge-is-enough"),
        pytest.param(24_999.99, True, LEGACY, 2.0, id="day-trader-too-small"),
        pytest.param(25_000.0, True, LEGACY, 4.0, id="day-trader"),
        pytest.param(25_000.0, False, LEGACY, 2.0, id="no-day-trader"),
        pytest.param(1e6, True, CASH, 1.0, id="cash-account"),
        pytest.param(1e6, True, INTRADAY._replace(multiplier_max=1.0), 1.0, id="lowered-to-1"),
        pytest.param(1e6, True, TWOFOLD, 2.0, id="lowered-to-2"),
        pytest.param(math.nan, True, INTRADAY, 1.0, id="unknown"),
    ],
)
def test_margin_multiplier(
    equity: float, is_day_trader: bool, terms: MarginTerms, multiplier: float
) -> None:
    assert margin_multiplier(account(cash=equity, is_day_trader=is_day_trader), terms) == multiplier


def test_an_account_without_intraday_leverage_has_its_overnight_capacity() -> None:
    held = account(cash=5_000.0, long_value=5_000.0, initial_margin=2_500.0)
    assert intraday_capacity(held, TWOFOLD) == overnight_capacity(held, TWOFOLD) == 15_000.0


def test_a_cash_account_spends_its_cash() -> None:
    held = account(cash=5_000.0, long_value=50_000.0)
    assert intraday_capacity(held, CASH) == 5_000.0
    assert overnight_capacity(held, CASH) == 5_000.0
    assert security_capacity(held, 0.75, CASH) == 5_000.0
    assert crypto_capacity(held, 0.0, CASH) == 5_000.0


def test_a_margin_call_leaves_no_capacity() -> None:
    held = account(
        cash=-80_000.0, long_value=100_000.0, initial_margin=50_000.0, maintenance_margin=30_000.0
    )
    assert maintenance_excess(held) == -10_000.0
    assert intraday_capacity(held, INTRADAY) == 0.0
    assert overnight_capacity(held, INTRADAY) == 0.0
    assert security_capacity(held, 0.30, INTRADAY) == 0.0
    assert buying_power(held, INTRADAY) == 0.0


def test_the_cash_of_a_short_sale_does_not_buy_coins() -> None:
    held = account(cash=150_000.0, short_value=50_000.0, maintenance_margin=15_000.0)
    assert crypto_capacity(held, 0.0, INTRADAY) == 85_000.0


def test_an_initial_rate_limits_what_is_kept_overnight() -> None:
    held = account(cash=30_000.0)
    assert security_capacity_overnight(held, 0.75, INTRADAY) == 40_000.0
    assert security_capacity_overnight(held, 0.50, INTRADAY) == 60_000.0
    assert security_capacity_overnight(held, 1.00, INTRADAY) == 30_000.0


@pytest.mark.parametrize("rate", [math.nan, 0.0, -0.5])
def test_an_unknown_rate_counts_as_not_marginable(rate: float) -> None:
    assert security_capacity(FRESH, rate, INTRADAY) == 100_000.0
    assert security_capacity_overnight(FRESH, rate, INTRADAY) == 100_000.0


@pytest.mark.parametrize("field", ["cash", "long_value", "crypto_value", "maintenance_margin"])
def test_an_unknown_account_has_no_capacity(field: str) -> None:
    held = account(**{"cash": 100_000.0, field: math.nan})
    assert crypto_capacity(held, 0.0, INTRADAY) == 0.0
    assert security_capacity(held, 0.30, INTRADAY) == 0.0


def test_unknown_open_buys_leave_nothing_for_coins() -> None:
    assert crypto_capacity(FRESH, math.nan, INTRADAY) == 0.0
    assert crypto_capacity(FRESH, 100_001.0, INTRADAY) == 0.0


@pytest.mark.parametrize(
    ("own", "brokers", "spendable"),
    [
        pytest.param(10.0, 20.0, 10.0, id="own-is-less"),
        pytest.param(20.0, 10.0, 10.0, id="brokers-is-less"),
        pytest.param(10.0, 10.0, 10.0, id="equal"),
        pytest.param(-1.0, 10.0, 0.0, id="never-negative"),
        pytest.param(math.nan, 10.0, 0.0, id="own-unknown"),
        pytest.param(10.0, math.nan, 0.0, id="brokers-unknown"),
        pytest.param(math.inf, math.inf, 0.0, id="infinite-is-unknown"),
        pytest.param(math.inf, 10.0, 10.0, id="one-is-a-number"),
    ],
)
def test_power_is_the_smaller_of_two(own: float, brokers: float, spendable: float) -> None:
    assert power(own, brokers) == spendable


# --- rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "factor", "is_short", "stated", "rate"),
    [
        pytest.param(2.49, 1.0, False, math.nan, 1.00, id="long-penny"),
        pytest.param(2.50, 1.0, False, math.nan, 0.50, id="long-middle-from"),
        pytest.param(6.00, 1.0, False, math.nan, 0.50, id="long-middle-to"),
        pytest.param(6.01, 1.0, False, math.nan, 0.30, id="long-ordinary"),
        pytest.param(60.0, 2.0, False, math.nan, 0.50, id="long-twofold"),
        pytest.param(60.0, -2.0, False, math.nan, 0.50, id="long-inverse-twofold"),
        pytest.param(60.0, 3.0, False, math.nan, 0.75, id="long-threefold"),
        pytest.param(60.0, 1.5, False, math.nan, 0.375, id="long-one-and-a-half"),
        pytest.param(60.0, -1.0, False, math.nan, 0.30, id="long-plain-inverse"),
        pytest.param(60.0, 5.0, False, math.nan, 1.00, id="never-above-the-value"),
        pytest.param(2.00, 3.0, False, math.nan, 1.00, id="cheap-outweighs-factor"),
        pytest.param(4.00, 3.0, False, math.nan, 0.75, id="factor-outweighs-cheap"),
        pytest.param(math.nan, 1.0, False, math.nan, 1.00, id="long-price-unknown"),
        pytest.param(60.0, math.nan, False, math.nan, 1.00, id="factor-unknown"),
        pytest.param(4.00, 1.0, True, math.nan, 1.00, id="short-cheap"),
        pytest.param(2.00, 1.0, True, math.nan, 1.25, id="short-penny-per-share"),
        pytest.param(10.0, 1.0, True, math.nan, 0.50, id="short-per-share"),
        pytest.param(5.00, 1.0, True, math.nan, 1.00, id="short-edge-per-share"),
        pytest.param(60.0, 1.0, True, math.nan, 0.30, id="short-ordinary"),
        pytest.param(60.0, 2.0, True, math.nan, 0.60, id="short-twofold"),
        pytest.param(60.0, 3.0, True, math.nan, 0.90, id="short-threefold"),
        pytest.param(math.nan, 1.0, True, math.nan, math.inf, id="short-price-unknown"),
        pytest.param(60.0, 3.0, False, 0.90, 0.90, id="stated-wins"),
        pytest.param(60.0, 1.0, False, 0.0, 0.30, id="stated-zero-is-none"),
    ],
)
def test_maintenance_rate(
    price: float, factor: float, is_short: bool, stated: float, rate: float
) -> None:
    assert maintenance_rate(price, factor, is_short, stated, RATES) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("maintenance", "is_marginable", "rate"),
    [
        pytest.param(0.30, True, 0.50, id="ordinary"),
        pytest.param(0.75, True, 0.75, id="never-below-maintenance"),
        pytest.param(0.30, False, 1.00, id="not-marginable"),
        pytest.param(1.25, True, 1.25, id="above-the-value"),
        pytest.param(math.nan, True, 1.00, id="unknown"),
    ],
)
def test_initial_rate(maintenance: float, is_marginable: bool, rate: float) -> None:
    assert initial_rate(maintenance, is_marginable, RATES) == rate


@pytest.mark.parametrize(
    ("share", "debit", "rate"),
    [
        pytest.param(0.69, 200_000.0, 0.30, id="spread"),
        pytest.param(0.70, 99_999.0, 0.30, id="small-debit"),
        pytest.param(0.70, 100_000.0, 0.50, id="concentrated"),
        pytest.param(math.nan, math.nan, 0.50, id="unknown-is-concentrated"),
    ],
)
def test_one_dominating_security_costs_more(share: float, debit: float, rate: float) -> None:
    assert concentrated_rate(0.30, share, debit, RATES) == rate
    assert concentrated_rate(0.75, share, debit, RATES) == 0.75


# --- forced sales --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leverage", "maintenance", "is_short", "ratio"),
    [
        pytest.param(2.0, 0.25, False, 2.0 / 3.0, id="twofold"),
        pytest.param(4.0, 0.25, False, 1.0, id="in-call-when-opened"),
        pytest.param(1.0, 0.25, False, 0.0, id="no-debt"),
        pytest.param(0.5, 0.25, False, 0.0, id="half-invested"),
        pytest.param(2.0, 1.0, False, math.inf, id="not-marginable"),
        pytest.param(2.0, 0.30, True, 1.5 / 1.3, id="short"),
        pytest.param(0.0, 0.30, True, math.inf, id="nothing-short"),
        pytest.param(0.0, 0.30, False, 0.0, id="nothing-long"),
    ],
)
def test_liquidation_price_ratio(
    leverage: float, maintenance: float, is_short: bool, ratio: float
) -> None:
    assert liquidation_price_ratio(leverage, maintenance, is_short) == pytest.approx(ratio)


@pytest.mark.parametrize("is_short", [True, False])
def test_an_unknown_leverage_or_rate_has_no_liquidation_price(is_short: bool) -> None:
    assert math.isnan(liquidation_price_ratio(math.nan, 0.25, is_short))
    assert math.isnan(liquidation_price_ratio(2.0, math.nan, is_short))


def test_equity_meets_maintenance_at_the_liquidation_price() -> None:
    ratio = liquidation_price_ratio(3.0, 0.30, False)
    position, debt = 3.0 * ratio, 2.0
    assert position - debt == pytest.approx(0.30 * position)


@pytest.mark.parametrize(
    ("ratio", "drift", "sigma", "years", "probability"),
    [
        pytest.param(1.0, 0.1, 0.5, 1.0, 1.0, id="touched-already"),
        pytest.param(0.0, 0.1, 0.5, 1.0, 0.0, id="a-price-is-never-zero"),
        pytest.param(0.9, 0.1, 0.5, 0.0, 0.0, id="no-time"),
        pytest.param(0.9, 0.1, 0.0, 1.0, 1.0, id="no-volatility-is-unknown"),
        pytest.param(math.nan, 0.1, 0.5, 1.0, 1.0, id="ratio-unknown"),
        pytest.param(0.9, math.nan, 0.5, 1.0, 1.0, id="drift-unknown"),
        pytest.param(0.9, 0.1, math.nan, 1.0, 1.0, id="volatility-unknown"),
        pytest.param(0.9, 0.1, 0.5, math.nan, 1.0, id="horizon-unknown"),
        pytest.param(0.9, -50.0, 0.01, 10.0, 1.0, id="certain-fall-does-not-overflow"),
    ],
)
def test_probability_at_the_edges(
    ratio: float, drift: float, sigma: float, years: float, probability: float
) -> None:
    assert prob_touch_barrier(ratio, drift, sigma, years) == pytest.approx(probability)


def test_without_drift_in_the_logarithm_touching_is_twice_as_likely_as_ending_below() -> None:
    ends_below = 0.5 * math.erfc(-math.log(0.8) / (0.4 * math.sqrt(2.0)))
    assert prob_touch_barrier(0.8, 0.5 * 0.4 * 0.4, 0.4, 1.0) == pytest.approx(2.0 * ends_below)


@pytest.mark.parametrize("exponent", [600.5, 640.0, 690.0])
@pytest.mark.parametrize("end_over_barrier", [0.2, 1.0, 3.0])
def test_the_asymptotic_form_of_the_reflection_equals_the_product(
    exponent: float, end_over_barrier: float
) -> None:
    # The product overflows soon after, but up to here both of its factors are still doubles.
    barrier = -0.1
    end = end_over_barrier * barrier
    variance = 2.0 * end * barrier / exponent
    product = math.exp(exponent) * normal_cdf((barrier + end) / math.sqrt(variance))
    assert _reflected(barrier, end, variance) == pytest.approx(product, rel=1e-7)
