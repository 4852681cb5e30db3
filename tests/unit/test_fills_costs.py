"""Fees by class, side and volume, and what a loan costs per night."""

import math

import pytest

from smart_leverage.fills.costs import (
    STOCK_FEES_2026,
    STOCK_FEES_2027,
    CostModel,
    Costs,
    FeeSchedule,
    StockFees,
    costs_of,
    crypto_fee,
    crypto_fee_rate,
    crypto_fee_tier,
    rounded_up,
    stock_fee,
    trade_fee,
)
from smart_leverage.fills.financing import FinancingTerms, margin_interest
from smart_leverage.fills.market import Side

NAN = math.nan
MODEL = CostModel()
SCHEDULE = FeeSchedule()


@pytest.mark.parametrize(
    ("volume", "maker_bp", "taker_bp"),
    [
        pytest.param(0.0, 15, 25, id="nothing-traded"),
        pytest.param(100e3, 15, 25, id="edge-pays-the-dearer-row"),
        pytest.param(100e3 + 1, 12, 22, id="100k"),
        pytest.param(500e3 + 1, 10, 20, id="500k"),
        pytest.param(1e6 + 1, 8, 18, id="1M"),
        pytest.param(10e6 + 1, 5, 15, id="10M"),
        pytest.param(25e6 + 1, 2, 13, id="25M"),
        pytest.param(50e6 + 1, 2, 12, id="50M"),
        pytest.param(100e6, 2, 12, id="100M-is-not-above"),
        pytest.param(100e6 + 1, 0, 10, id="above-100M"),
        pytest.param(NAN, 15, 25, id="unknown"),
    ],
)
def test_coins_cost_less_with_volume(volume: float, maker_bp: float, taker_bp: float) -> None:
    assert crypto_fee_rate(volume, True, SCHEDULE) == pytest.approx(maker_bp / 10_000)
    assert crypto_fee_rate(volume, False, SCHEDULE) == pytest.approx(taker_bp / 10_000)


def test_rows_of_the_fee_table_are_counted_from_zero() -> None:
    assert crypto_fee_tier(0.0, SCHEDULE) == 0
    assert crypto_fee_tier(1e9, SCHEDULE) == 7


def test_a_purchase_of_coins_is_charged_in_coins() -> None:
    fee = crypto_fee(Side.BUY, 2.0, 30_000.0, 0.0025)
    assert fee.coins == 0.005
    assert fee.cash == 0.0


def test_a_sale_of_coins_is_charged_in_cash() -> None:
    fee = crypto_fee(Side.SELL, 2.0, 30_000.0, 0.0025)
    assert fee.coins == 0.0
    assert fee.cash == 150.0


def test_a_round_trip_as_taker_costs_half_a_per_cent() -> None:
    held = 1.0 - crypto_fee(Side.BUY, 1.0, 100.0, 0.0025).coins
    left = held * 100.0 - crypto_fee(Side.SELL, held, 100.0, 0.0025).cash
    assert 1.0 - left / 100.0 == pytest.approx(0.005, abs=1e-5)


@pytest.mark.parametrize("unknown", [NAN, 0.0, -1.0, math.inf])
@pytest.mark.parametrize("side", list(Side))
def test_what_did_not_trade_costs_nothing(side: Side, unknown: float) -> None:
    assert crypto_fee(side, unknown, 100.0, 0.0025) == (0.0, 0.0)
    assert crypto_fee(side, 1.0, unknown, 0.0025) == (0.0, 0.0)
    assert stock_fee(side, unknown, 100.0, STOCK_FEES_2026) == 0.0
    assert stock_fee(side, 1.0, unknown, STOCK_FEES_2026) == 0.0


def test_paper_stocks_cost_nothing() -> None:
    assert trade_fee(False, Side.SELL, False, 1_000.0, 50.0, MODEL) == (0.0, 0.0)


def test_a_live_sale_of_stock_pays_three_fees_each_rounded_up() -> None:
    # SEC 50,000 x 20.60 per million = 1.03; TAF 1,000 x 0.000195 = 0.195; CAT 0.003.
    assert stock_fee(Side.SELL, 1_000.0, 50.0, STOCK_FEES_2026) == pytest.approx(1.03 + 0.20 + 0.01)


def test_a_live_purchase_of_stock_pays_only_for_the_audit_trail() -> None:
    assert stock_fee(Side.BUY, 1_000.0, 50.0, STOCK_FEES_2026) == pytest.approx(0.01)
    assert stock_fee(Side.BUY, 10_000.0, 50.0, STOCK_FEES_2026) == pytest.approx(0.03)


def test_the_activity_fee_has_a_bound() -> None:
    only = StockFees(taf_per_share_sold=0.000195, taf_max=9.79)
    assert stock_fee(Side.SELL, 1e6, 1.0, only) == pytest.approx(9.79)
    assert stock_fee(Side.SELL, 1e6, 1.0, only._replace(taf_max=0.0)) == pytest.approx(195.0)
    assert STOCK_FEES_2027.taf_max == 11.61
    assert STOCK_FEES_2027.sec_per_dollar_sold == STOCK_FEES_2026.sec_per_dollar_sold


@pytest.mark.parametrize(
    ("amount", "step", "rounded"),
    [
        pytest.param(0.195, 0.01, 0.20, id="up"),
        pytest.param(0.0003, 0.01, 0.01, id="a-trace-is-a-cent"),
        pytest.param(0.07, 0.01, 0.07, id="whole-cents-stay"),
        pytest.param(1.1 + 2.2, 0.01, 3.30, id="whole-cents-but-for-rounding"),
        pytest.param(0.195, 0.0, 0.195, id="no-step"),
        pytest.param(0.0, 0.01, 0.0, id="nothing"),
        pytest.param(NAN, 0.01, 0.0, id="unknown"),
        pytest.param(1e300, 0.01, 1e300, id="beyond-counting"),
    ],
)
def test_fees_are_rounded_up(amount: float, step: float, rounded: float) -> None:
    assert rounded_up(amount, step) == pytest.approx(rounded, rel=1e-12)


def test_a_maker_pays_the_makers_rate() -> None:
    assert trade_fee(True, Side.SELL, True, 1.0, 1_000.0, MODEL).cash == pytest.approx(1.5)
    assert trade_fee(True, Side.SELL, False, 1.0, 1_000.0, MODEL).cash == pytest.approx(2.5)
    assert trade_fee(True, Side.BUY, False, 1.0, 1_000.0, MODEL).coins == pytest.approx(0.0025)


def test_a_commission_on_stock_is_cash_on_both_sides() -> None:
    model = MODEL._replace(
        stock=Costs(half_spread=0.0, slippage=0.0, fee_maker=0.0, fee_taker=0.001),
        stock_fees=StockFees(cat_per_share=0.01),
    )
    for side in Side:
        fee = trade_fee(False, side, False, 10.0, 100.0, model)
        assert fee.cash == pytest.approx(1.0 + 0.1)
        assert fee.coins == 0.0


def test_each_class_has_its_own_costs() -> None:
    assert costs_of(True, MODEL) == MODEL.crypto
    assert costs_of(False, MODEL) == MODEL.stock


@pytest.mark.parametrize(
    ("cash", "days", "interest"),
    [
        pytest.param(-10_000.0, 1, 1.805556, id="one-night"),
        pytest.param(-10_000.0, 3, 5.416667, id="weekend"),
        pytest.param(0.0, 1, 0.0, id="no-debit"),
        pytest.param(10_000.0, 1, 0.0, id="cash-earns-nothing-here"),
        pytest.param(-10_000.0, 0, 0.0, id="same-day"),
        pytest.param(NAN, 1, 0.0, id="unknown"),
    ],
)
def test_a_loan_costs_per_night(cash: float, days: int, interest: float) -> None:
    assert margin_interest(cash, days, FinancingTerms()) == pytest.approx(interest, abs=1e-6)


@pytest.mark.parametrize("terms", [FinancingTerms(rate=0.0), FinancingTerms(days_per_year=0.0)])
def test_without_a_rate_or_a_day_count_a_loan_is_free(terms: FinancingTerms) -> None:
    assert margin_interest(-10_000.0, 1, terms) == 0.0
