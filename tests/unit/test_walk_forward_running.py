"""A walk chooses on the past alone, tests on what came after, and carries the money on."""

from array import array

import numpy as np
import pytest
from msgspec.structs import replace
from tests.unit.walked import CANDIDATES, SCHEME, done, equal, market, same, work, work_over

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.market.bars import BarSeries
from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.kernel import Setup, run
from smart_leverage.research.kernel.results import Metrics
from smart_leverage.research.kernel.signals import Signals, from_arrays
from smart_leverage.research.walk_forward import SCORES, Candidate, Work, walk
from smart_leverage.research.walk_forward.parts import part_of
from smart_leverage.research.walk_forward.regimes import day_ends
from smart_leverage.research.walk_forward.scoring import best_of
from smart_leverage.research.walk_forward.splits import Span


def dearer_from(series: BarSeries, day: int, factor: float) -> BarSeries:
    """Return other prices from a day on: they go up by a factor, bar by bar."""
    from_ns = series.starts[0] + day * DAY_NS
    first = next(place for place, at in enumerate(series.starts) if at >= from_ns)

    def turned(column: "array[float]") -> "array[float]":
        grown = [value * factor ** (place + 1) for place, value in enumerate(column[first:])]
        return array("d", [*column[:first], *grown])

    return replace(
        series,
        opens=turned(series.opens),
        highs=turned(series.highs),
        lows=turned(series.lows),
        closes=turned(series.closes),
    )


# -- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("span", [Span(0, 40), Span(37, 90), Span(63, 64), Span(100, 150)], ids=str)
def test_a_part_is_the_whole_with_nobody_proposing_before(span: Span) -> None:
    whole = work()
    part = part_of(whole.bars, whole.signals, span)
    ends = [0, *day_ends(whole.bars)]
    first, last = int(ends[span.first]), int(ends[span.end])
    begin = int(whole.signals.first[first])
    late = np.maximum(whole.signals.first - begin, 0)
    quiet = run(whole.bars, Signals(whole.signals.rows[begin:], late), CLASSIC, Setup())
    alone = run(part.bars, part.signals, CLASSIC, Setup())
    at = whole.bars.instants["at"][first:last]
    expected = quiet.curve[np.isin(quiet.curve["at"], at)]
    assert len(alone.curve) == len(expected) > 0
    for name in ("at", "equity", "cash", "gross", "tier", "state"):
        assert alone.curve[name].tolist() == expected[name].tolist(), name
    assert alone.metrics.days[0] == span.days - 1, "a day counts when the next one begins"


def test_a_span_without_bars_is_refused() -> None:
    whole = work()
    cut = whole.bars.instants.copy()
    cut["closes"][:200] = 0
    with pytest.raises(BadData, match="no bar ends from day 1 to day 3"):
        part_of(whole.bars._replace(instants=cut), whole.signals, Span(0, 3))


# -- what is known when ---------------------------------------------------------------------------


def test_prices_of_the_test_change_nothing_of_the_choice() -> None:
    first = done()[0]
    other = work_over([dearer_from(each, first.test[0] + 1, 1.002) for each in market()])
    turned = next(walk(other, threads=1))
    assert turned.outside.equity != first.outside.equity
    assert turned.outside_scores != first.outside_scores
    assert turned.chosen == first.chosen
    assert same(turned.fold_scores, first.fold_scores)
    assert same(turned.inside_scores, first.inside_scores)
    assert turned.inside == first.inside
    assert turned.expected == first.expected


def test_prices_behind_a_window_change_nothing_of_it() -> None:
    second = done()[1]
    other = work_over([dearer_from(each, second.test[1] + 1, 1.002) for each in market()])
    turned = list(walk(other, threads=1))
    assert all(equal(one, two) for one, two in zip(turned[:2], done()[:2], strict=True))
    assert not equal(turned[2], done()[2])


def test_the_best_mean_of_the_folds_is_chosen() -> None:
    for each in done():
        assert each.chosen == best_of(np.array(each.fold_scores))
        assert len(each.fold_scores) == len(each.inside_scores) == len(CANDIDATES)


@pytest.mark.parametrize(
    ("scores", "place"),
    [
        pytest.param([0.1, 0.3, 0.2], 1, id="the-best"),
        pytest.param([0.3, 0.3], 0, id="a-tie-leaves-the-policy-as-it-was"),
        pytest.param([float("nan"), -0.9], 1, id="unknown-is-worse-than-any-loss"),
        pytest.param([float("nan"), float("nan")], 0, id="nothing-is-known"),
    ],
)
def test_best_of(scores: list[float], place: int) -> None:
    assert best_of(np.array(scores)) == place


# -- money ----------------------------------------------------------------------------------------


def test_equity_is_carried_from_window_to_window_less_the_costs_of_leaving() -> None:
    cash = work().setup.cash
    for each in done():
        assert each.curve.equity[0] == pytest.approx(cash)
        last = each.curve.equity[-1]
        assert each.outside.equity == last
        assert each.outside.growth == pytest.approx(last / cash - 1.0, abs=1e-12)
        cash = last
    assert sum(each.outside.switch for each in done()) > 0.0


def test_daily_returns_multiply_to_the_growth_of_their_part() -> None:
    for each in done():
        for outcome, span in ((each.inside, each.train), (each.outside, each.test)):
            assert outcome.first_day == span[0]
            assert len(outcome.returns) == span[1] - span[0]
            assert np.prod(1.0 + np.array(outcome.returns)) - 1.0 == pytest.approx(outcome.growth)


def test_the_policy_as_it_was_is_the_first_candidate_alone() -> None:
    alone = list(walk(work_over(market(), CANDIDATES[:1]), threads=1))
    for one, many in zip(alone, done(), strict=True):
        assert one.chosen == 0
        assert one.outside == one.plain_outside == many.plain_outside
        assert one.plain_inside == many.plain_inside
        assert np.isnan(one.expected)


def test_anchored_training_begins_with_the_first_day() -> None:
    anchored = list(
        walk(work_over(market(), CANDIDATES, SCHEME._replace(is_anchored=True)), threads=1)
    )
    assert [each.train[0] for each in anchored] == [0] * len(anchored)
    assert [each.test for each in anchored] == [each.test for each in done()]


# -- whoever computes it --------------------------------------------------------------------------


def test_threads_and_interruptions_do_not_show() -> None:
    assert all(equal(one, two) for one, two in zip(walk(work(), threads=2), done(), strict=True))
    gone_on = walk(work(), done=done()[:2], threads=1)
    assert all(equal(one, two) for one, two in zip(gone_on, done(), strict=True))


def test_progress_comes_to_its_end() -> None:
    heard: list[tuple[int, int]] = []
    count = len(list(walk(work(), threads=1, progress=lambda at, of: heard.append((at, of)))))
    assert heard[-1][0] == heard[-1][1] == len(heard)
    assert len(heard) % count == 0


def jumping_into_a_hole(series: BarSeries, hour: int) -> BarSeries:
    """Return bars of which one closes half as high again, and the twelve behind it are missing."""
    highs, closes = series.highs[:], series.closes[:]
    closes[hour] *= 1.5
    highs[hour] = closes[hour]
    columns = {
        name: column[: hour + 1] + column[hour + 13 :]
        for name, column in {
            **{each: getattr(series, each) for each in ("starts", "ends", "opens", "lows")},
            "volumes": series.volumes,
            "highs": highs,
            "closes": closes,
        }.items()
    }
    return replace(series, **columns)


def test_a_candidate_that_the_kernel_cannot_play_is_never_chosen() -> None:
    bitcoin, ether = market()
    idle = CLASSIC._replace(sizing=CLASSIC.sizing._replace(base_share=1e-6))
    candidates = [Candidate("idle", idle), Candidate("classic", CLASSIC)]
    other = work_over([jumping_into_a_hole(bitcoin, 24 * 40 + 1), ether], candidates)
    bars = other.bars
    at = bars.instants["at"][np.flatnonzero(bars.cells["closes"][:, 0])][::24]
    asset, ones = np.zeros(len(at), dtype=np.int64), np.ones(len(at))
    buying = from_arrays(bars, at, asset, ones > 0, ones * 0.5, ones)
    found = next(walk(other._replace(signals=buying), threads=1))
    assert np.isnan(found.inside_scores[1]), "a held price jumped, and nothing confirmed it"
    assert found.inside_scores[0] == 0.0
    assert found.chosen == 0


def test_a_fault_in_a_window_names_the_window() -> None:
    whole = work()
    instants = whole.bars.instants.copy()
    instants["closes"][day_ends(whole.bars)[62] :] = 0
    holed = Work(whole.bars._replace(instants=instants), whole.signals, CANDIDATES[:1], SCHEME)
    with pytest.raises(BadData, match=r"window 1 of 4.*no bar ends from day 64 to day 83"):
        list(walk(holed, threads=1))


# -- scores ---------------------------------------------------------------------------------------


def metrics(growth: float, days: int, drawdown: float, mean: float, std: float) -> Metrics:
    whole = run(work().bars, work().signals, CLASSIC, record=False).metrics
    return whole._replace(
        growth=np.array([growth]),
        days=np.array([days]),
        drawdown=np.array([drawdown]),
        day_mean=np.array([mean]),
        day_std=np.array([std]),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("month", 1.2 ** (365.25 / 12 / 366) - 1.0, id="growth-by-the-month"),
        pytest.param("month_bounded", -1.09, id="the-drawdown-breaks-the-bound"),
        pytest.param("sharpe", 0.05, id="mean-over-deviation"),
    ],
)
def test_a_score_is_what_it_says(name: str, value: float) -> None:
    found = SCORES[name].value(metrics(0.2, 365, 0.09, 0.001, 0.02))
    assert found[0] == pytest.approx(value)


def test_without_movement_a_ratio_says_nothing() -> None:
    assert np.isnan(SCORES["sharpe"].value(metrics(0.0, 30, 0.0, 0.0, 0.0))[0])
    assert SCORES["month"].value(metrics(-1.5, 30, 1.0, 0.0, 0.0))[0] == -1.0
