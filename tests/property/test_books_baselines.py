"""Baselines over random days: a flow is never a return, and a baseline is written once."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.books.allocation import Allocation
from smart_leverage.books.assets import AssetDay
from smart_leverage.books.baselines import Baselines, Period
from smart_leverage.books.nav import Nav
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Side

D = Decimal

money = st.decimals(D(100), D(100000), places=2)
factors = st.decimals(D("0.9"), D("1.1"), places=4)
NEAR = D("1e-30")

Step = tuple[str, Decimal]


@st.composite
def walks(draw: st.DrawFn) -> tuple[Decimal, list[Step]]:
    """Return a start and steps: market moves as factors, flows as shares of what is there."""
    moves = st.tuples(st.just("move"), factors)
    flows = st.tuples(st.just("flow"), st.decimals(D("-0.9"), D(3), places=3))
    return draw(money), draw(st.lists(moves | flows, max_size=15))


@given(walks())
def test_measures_are_those_of_the_same_market_without_flows(
    walk: tuple[Decimal, list[Step]],
) -> None:
    start, steps = walk
    real, still = Baselines(), Baselines()
    for baselines in (real, still):
        baselines.roll("2024-01-01", "2024-01", start)
        baselines.mark(start)
    equity = untouched = start
    for kind, size in steps:
        if kind == "flow":
            amount = (equity * size).quantize(D("0.01"))
            real.flow(amount)
            equity += amount
        else:
            equity, untouched = equity * size, untouched * size
            real.mark(equity)
            still.mark(untouched)
    pairs = (
        (real.loss_day(equity), still.loss_day(untouched)),
        (real.return_month(equity), still.return_month(untouched)),
        (real.drawdown(equity), still.drawdown(untouched)),
    )
    for with_flows, without in pairs:
        assert with_flows is not None
        assert without is not None
        assert abs(with_flows - without) < D("1e-20")  # the walk itself rounds to 28 digits


@given(walks())
def test_a_flow_alone_moves_no_measure(walk: tuple[Decimal, list[Step]]) -> None:
    with localcontext(prec=200):  # the walk is exact, so whatever is lost is lost in the books
        start, steps = walk
        baselines, nav = Baselines(), Nav(start)
        baselines.roll("2024-01-01", "2024-01", start)
        baselines.mark(start)
        equity = start
        for kind, size in steps:
            before = baselines.loss_day(equity), baselines.drawdown(equity), nav.per_unit(equity)
            if kind == "move":
                equity *= size
                baselines.mark(equity)
                continue
            amount = (equity * size).quantize(D("0.01"))
            baselines.flow(amount)
            nav.flow(amount, equity)
            equity += amount
            after = baselines.loss_day(equity), baselines.drawdown(equity), nav.per_unit(equity)
            for left, right in zip(before, after, strict=True):
                assert left is not None
                assert right is not None
                assert abs(left - right) < NEAR


@given(walks())
def test_without_flows_the_day_is_the_change_since_its_opening(
    walk: tuple[Decimal, list[Step]],
) -> None:
    start, steps = walk
    baselines = Baselines()
    baselines.roll("2024-01-01", "2024-01", start)
    equity, peak = start, start
    baselines.mark(start)
    for _, factor in (step for step in steps if step[0] == "move"):
        equity = (equity * factor).quantize(D("0.01"))
        peak = max(peak, equity)
        baselines.mark(equity)
    assert baselines.opening(Period.DAY) == start
    assert baselines.opening(Period.PEAK) == peak
    loss = baselines.loss_day(equity)
    assert loss is not None
    assert abs(Fraction(loss) - (1 - Fraction(equity) / Fraction(start))) < Fraction(NEAR)


@given(st.lists(st.tuples(st.integers(1, 28), money), min_size=1, max_size=12))
def test_a_label_once_written_or_passed_is_never_written_again(
    openings: list[tuple[int, Decimal]],
) -> None:
    baselines, newest = Baselines(), 0
    for day, equity in openings:
        written = baselines.roll(f"2024-01-{day:02}", "2024-01", equity)
        is_later = day > newest
        assert [each.period for each in written if each.period is Period.DAY] == (
            [Period.DAY] if is_later else []
        )
        newest = max(newest, day)
    month = baselines.baseline(Period.MONTH)
    assert month is not None
    assert month.equity == openings[0][1]


@given(
    st.decimals(D(0), D(5000), places=2),
    st.lists(
        st.tuples(
            st.sampled_from(list(Side)),
            st.decimals(D("0.01"), D(9), places=4),
            st.decimals(D(1), D(99), places=2),
            st.decimals(D(0), D(1), places=4),
        ),
        max_size=10,
    ),
    st.decimals(D(0), D(5000), places=2),
)
def test_an_assets_loss_is_what_equity_lost_through_it(
    opening: Decimal, fills: list[tuple[Side, Decimal, Decimal, Decimal]], value_now: Decimal
) -> None:
    key, day, cash = Key("crypto:SOL/USD"), AssetDay(), Fraction(0)
    day.day_open({key: opening})
    for side, qty, price, fee in fills:
        day.apply_fill(
            Fill(
                execution_id="e",
                client_order_id="o",
                key=key,
                side=side,
                qty=qty,
                price=price,
                fee=fee,
                fee_asset="USD",
                at_ns=0,
            )
        )
        paid = Fraction(qty) * Fraction(price)
        cash += (paid if side is Side.SELL else -paid) - Fraction(fee)
    gained = cash + Fraction(value_now) - Fraction(opening)
    assert Fraction(day.loss(key, value_now)) == -gained


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50),
            st.decimals(D(0), D(1), places=3),
            st.decimals(D(0), D("0.8"), places=2),
        ),
        min_size=1,
        max_size=15,
    )
)
def test_allocation_equals_a_count_of_every_instant(
    marks: list[tuple[int, Decimal, Decimal]],
) -> None:
    allocation, instants, at_ns = Allocation(), list[tuple[Decimal, Decimal]](), 0
    for step, exposure, cap in marks:
        at_ns += step
        if instants or allocation.efficiency.span_ns or step:
            pass
        allocation.mark(at_ns, exposure, cap)
    at_ns = marks[0][0]
    for (_, exposure, cap), (step, _, _) in pairwise(marks):
        instants += [(exposure, cap)] * step
    efficiency = allocation.efficiency
    assert efficiency.span_ns == len(instants)
    if not instants:
        assert efficiency.in_band is None
        return
    inside = sum(D("0.40") <= exposure <= D("0.60") for exposure, _ in instants)
    assert efficiency.in_band is not None
    assert efficiency.exposure_mean is not None
    assert abs(efficiency.in_band - D(inside) / len(instants)) < D("1e-27")
    mean = sum((exposure for exposure, _ in instants), D(0)) / len(instants)
    assert abs(efficiency.exposure_mean - mean) < D("1e-27")
