"""From where losses are counted: day, month, peak; per asset; per unit."""

from decimal import Decimal

import pytest

from smart_leverage.books.assets import AssetDay
from smart_leverage.books.baselines import Baseline, Baselines, Period
from smart_leverage.books.nav import Nav
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Side

D = Decimal

BTC = Key("crypto:BTC/USD")


def opened(equity: str = "100000", day: str = "2024-03-01") -> Baselines:
    baselines = Baselines()
    for due in baselines.due(day, day[:7], D(equity)):
        assert baselines.write(due)
    baselines.mark(D(equity))
    return baselines


def test_nothing_is_known_before_the_first_mark() -> None:
    baselines = Baselines()
    baselines.flow(D(500))
    assert baselines.last_mark is None
    assert baselines.opening(Period.DAY) is None
    assert baselines.loss_day(D(1)) is None
    assert baselines.return_month(D(1)) is None
    assert baselines.drawdown(D(1)) is None


def test_the_first_mark_opens_day_month_and_peak() -> None:
    baselines = opened()
    assert baselines.baseline(Period.DAY) == Baseline(Period.DAY, "2024-03-01", D(100000))
    assert baselines.baseline(Period.MONTH) == Baseline(Period.MONTH, "2024-03", D(100000))
    assert baselines.opening(Period.PEAK) == D(100000)


def test_measures_are_exact_fractions() -> None:
    baselines = opened()
    assert baselines.loss_day(D(97000)) == D("0.03")
    assert baselines.loss_day(D(101000)) == D("-0.01")
    assert baselines.return_month(D(95000)) == D("-0.05")
    baselines.mark(D(125000))
    assert baselines.drawdown(D(115000)) == D("0.08")
    assert baselines.drawdown(D(130000)) == 0


def test_a_period_opens_at_the_last_mark_before_its_boundary() -> None:
    baselines = opened(day="2024-03-31")
    baselines.mark(D(99000))
    due = baselines.due("2024-04-01", "2024-04", D(98000))
    assert due == (
        Baseline(Period.DAY, "2024-04-01", D(99000)),
        Baseline(Period.MONTH, "2024-04", D(99000)),
    )
    assert [baselines.write(each) for each in due] == [True, True]
    assert baselines.due("2024-04-01", "2024-04", D(98000)) == ()


def test_a_new_day_leaves_the_month_alone() -> None:
    baselines = opened()
    written = baselines.roll("2024-03-02", "2024-03", D(98000))
    assert [each.period for each in written] == [Period.DAY]
    assert baselines.opening(Period.DAY) == D(98000)
    assert baselines.opening(Period.MONTH) == D(100000)


@pytest.mark.parametrize(
    "label",
    [pytest.param("2024-03-01", id="again"), pytest.param("2024-02-29", id="clock-steps-back")],
)
def test_a_baseline_is_written_once(label: str) -> None:
    baselines = opened()
    assert not baselines.write(Baseline(Period.DAY, label, D(50000)))
    assert baselines.roll(label, "2024-03", D(50000)) == ()
    assert baselines.opening(Period.DAY) == D(100000)


def test_only_a_resume_counts_from_anew() -> None:
    baselines = opened()
    baselines.mark(D(91000))
    baselines.resume(D(91000))
    assert baselines.loss_day(D(91000)) == 0
    assert baselines.return_month(D(91000)) == 0
    assert baselines.drawdown(D(91000)) == 0
    assert not baselines.write(Baseline(Period.DAY, "2024-03-01", D(100000)))


@pytest.mark.parametrize("amount", ["50000", "-80000", "0.01"])
def test_a_flow_is_never_a_return(amount: str) -> None:
    baselines = opened()
    baselines.mark(D(102000))
    baselines.mark(D(99000))
    before = measures(baselines, D(99000))
    baselines.flow(D(amount))
    after = D(99000) + D(amount)
    assert baselines.last_mark == after
    assert measures(baselines, after) == pytest.approx(before, abs=D("1e-38"))


def measures(baselines: Baselines, equity: D) -> list[D | None]:
    return [
        baselines.loss_day(equity),
        baselines.return_month(equity),
        baselines.drawdown(equity),
    ]


def test_openings_scale_with_a_flow_and_stay_exact_where_they_can() -> None:
    baselines = opened()
    baselines.flow(D(50000))
    assert baselines.opening(Period.DAY) == D(150000)
    baselines.mark(D(120000))
    baselines.flow(D(-60000))  # half of what there is
    assert baselines.opening(Period.DAY) == D(75000)
    assert baselines.loss_day(D(60000)) == D("0.2")


def test_an_emptied_account_keeps_its_measures_until_money_returns() -> None:
    baselines = opened()
    baselines.mark(D(98000))
    baselines.flow(D(-98000))
    baselines.mark(D(0))
    assert baselines.loss_day(D(0)) == D("0.02")
    baselines.flow(D(49000))
    assert baselines.opening(Period.DAY) == D(50000)
    assert baselines.loss_day(D(49000)) == D("0.02")
    assert baselines.drawdown(D(49000)) == D("0.02")


def test_new_money_does_not_repair_a_total_loss() -> None:
    baselines = opened()
    baselines.mark(D(0))
    baselines.flow(D(100000))
    loss = baselines.loss_day(D(100000))
    assert loss == 1
    baselines.resume(D(100000))
    assert baselines.loss_day(D(100000)) == 0


def test_an_equity_that_is_not_a_number_is_refused() -> None:
    baselines = opened()
    with pytest.raises(BadData):
        baselines.mark(D("NaN"))
    with pytest.raises(BadData):
        baselines.write(Baseline(Period.DAY, "2024-03-02", D("Infinity")))
    assert baselines.last_mark == D(100000)


# --- one asset's day ----------------------------------------------------------------------------


def fill(side: Side, qty: str, price: str, fee: str = "0", fee_asset: str = "USD") -> Fill:
    return Fill(
        execution_id="e",
        client_order_id="o",
        key=BTC,
        side=side,
        qty=D(qty),
        price=D(price),
        fee=D(fee),
        fee_asset=fee_asset,
        at_ns=0,
    )


def test_an_assets_loss_counts_opening_value_purchases_sales_and_fees() -> None:
    day = AssetDay()
    day.day_open({BTC: D(2000)})  # 0.1 at 20000
    day.apply_fill(fill(Side.BUY, "0.1", "19000", fee="0.00025", fee_asset="BTC"))
    day.apply_fill(fill(Side.SELL, "0.05", "18000", fee="2.25"))
    # Held: 0.1 + 0.09975 − 0.05 = 0.14975 at 18000 = 2695.5.
    # Loss: 2000 + 1900 − (900 − 2.25) − 2695.5 = 306.75.
    assert day.loss(BTC, D("2695.5")) == D("306.75")
    assert day.loss_fraction(BTC, D("2695.5"), D(10000)) == D("0.030675")


def test_a_full_close_realises_the_days_loss() -> None:
    day = AssetDay()
    day.apply_fill(fill(Side.BUY, "1", "100"))
    day.apply_fill(fill(Side.SELL, "1", "90"))
    assert day.loss(BTC, D(0)) == D(10)


def test_a_new_day_and_an_adoption_begin_without_loss() -> None:
    day = AssetDay()
    day.apply_fill(fill(Side.BUY, "1", "100"))
    day.day_open({BTC: D(90)})
    day.adopt(BTC, D(45))
    assert day.loss(BTC, D(135)) == 0
    assert day.loss(Key("crypto:ETH/USD"), D(0)) == 0


def test_without_an_opening_equity_the_fraction_is_not_known() -> None:
    assert AssetDay().loss_fraction(BTC, D(1), D(0)) is None


# --- per unit -----------------------------------------------------------------------------------


def test_units_are_bought_and_sold_at_the_value_of_the_moment() -> None:
    nav = Nav(D(1000))
    assert nav.per_unit(D(1000)) == 1
    nav.flow(D(500), D(1250))
    assert nav.units == D(1400)
    assert nav.per_unit(D(1750)) == D("1.25")
    nav.flow(D(-875), D(1750))
    assert nav.per_unit(D(875)) == D("1.25")


def test_the_curve_stands_still_while_everything_is_withdrawn() -> None:
    nav = Nav(D(1000))
    nav.flow(D(-1100), D(1100))
    assert nav.units == 0
    assert nav.per_unit(D(0)) == D("1.1")
    nav.flow(D(550), D(0))
    assert nav.per_unit(D(605)) == D("1.21")


def test_a_lost_account_stays_at_zero_whatever_is_paid_in() -> None:
    nav = Nav(D(1000))
    nav.flow(D(500), D(-10))
    assert nav.per_unit(D(490)) == 0
    nav.flow(D(500), D(490))
    assert nav.per_unit(D(990)) == 0


@pytest.mark.parametrize("left", ["0.5", "1", "0.01"])
def test_an_account_of_less_than_a_dollar_is_measured_like_any_other(left: str) -> None:
    books = Baselines()
    books.mark(D(100))
    books.roll("2026-01-05", "2026-01", D(100))
    books.flow(D(left) - 100)
    assert books.opening(Period.DAY) == D(left)
    assert books.loss_day(D(left)) == 0
    assert books.loss_day(D(left) / 2) == D("0.5")
