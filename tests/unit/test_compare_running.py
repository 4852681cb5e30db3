"""Policies are run on the same days, and their evidence knows only days that were over."""

import math

import numpy as np
import pytest
from tests.unit.compared import CONTENDERS, TEST, WARM_UP, ZONE, capped, contest, contest_over
from tests.unit.test_walk_forward_running import dearer_from
from tests.unit.walked import market

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.tier import Tier
from smart_leverage.research.compare import Contender
from smart_leverage.research.compare.evidence import (
    evidence_for,
    known_from,
    needs_evidence,
    without_measured_caps,
)
from smart_leverage.research.compare.running import courses, cut
from smart_leverage.research.compare.sleeves import sleeve_days
from smart_leverage.research.kernel import Setup, run
from smart_leverage.research.kernel.market import Dated
from smart_leverage.research.refit.past import Day, Past
from smart_leverage.research.walk_forward.splits import Span

SETUP = Setup(resumes_monthly=True)


def records(turned_on: int | None = None) -> list[Dated]:
    series = market()
    if turned_on is not None:
        series = tuple(dearer_from(each, turned_on, 1.002) for each in series)
    one = contest_over(series)
    return list(evidence_for(one.bars, one.signals, capped(), SETUP, ZONE).records)


# -- evidence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [45, 75, 100])
def test_later_prices_change_no_record_that_was_made_before(day: int) -> None:
    before, after = records(), records(day)
    turned_ns = market()[0].starts[0] + day * DAY_NS
    assert len(before) == len(after) == 4
    assert any(one.since_ns > turned_ns for one in before)
    for one, other in zip(before, after, strict=True):
        is_early = one.since_ns <= turned_ns
        assert (repr(one) == repr(other)) is is_early, "later ones do change"


def test_a_record_is_made_of_days_that_were_over_and_no_others() -> None:
    first = 20_000 * DAY_NS
    days = [
        Day(f"2024-{10 + d // 31:02}-{d % 31 + 1:02}", first + d * DAY_NS, first + (d + 1) * DAY_NS,
            0.01 * math.sin(d), math.nan)
        for d in range(31)
    ]  # fmt: skip
    (late,) = [
        one for one in known_from(Past("UTC", tuple(days), ())).records if one.crypto.days > 20
    ]
    over = sum(day.until_ns <= late.since_ns for day in days)
    assert late.crypto.days == over < len(days) + 1
    assert late.leveraged.days == 0
    assert late.since_ns < late.until_ns


def test_no_record_holds_before_its_month_begins() -> None:
    one = contest()
    found = records()
    days = sleeve_days(
        run(one.bars, one.signals, without_measured_caps(capped()), SETUP),
        one.bars,
        SETUP.cash,
        ZONE,
    )
    for record in found:
        known = [day for day in days if day.until_ns <= record.since_ns]
        assert record.crypto.days == sum(math.isfinite(day.crypto) for day in known)


def test_only_what_reads_evidence_gets_it() -> None:
    assert [needs_evidence(each.policy) for each in CONTENDERS] == [False, False, True]
    assert without_measured_caps(capped()).exposure._replace(volatility_max=0.0) == (
        CLASSIC.exposure._replace(volatility_max=0.0)
    )
    found = courses(contest())
    assert [each.records for each in found] == [0, 0, 4]
    plain, _, measured = found
    assert measured.exposure.mean() < plain.exposure.mean(), "the cap binds"


# -- days that count ------------------------------------------------------------------------------


def test_all_accounts_are_told_on_the_days_behind_the_warm_up() -> None:
    one = contest()
    spans = one.windows
    count = int(one.bars.instants["day"][-1]) + 1 - WARM_UP
    assert (spans[0].first, spans[-1].end) == (WARM_UP, WARM_UP + count)
    assert [each.days for each in spans] == [TEST] * 4 + [count - 4 * TEST]
    for course in courses(one):
        assert len(course.day_equity) == count
        place = np.searchsorted(one.bars.instants["at"], course.at[0])
        assert one.bars.instants["day"][place] == WARM_UP
        assert set(course.mark_day) == set(range(count))


def test_a_cut_tells_the_same_money_as_the_whole() -> None:
    one = contest()
    whole = run(one.bars, one.signals, CLASSIC, SETUP)
    days = int(one.bars.instants["day"][-1]) + 1
    all_days, late = (cut(whole, one.bars, SETUP.cash, Span(first, days)) for first in (0, 100))
    assert all_days.start == SETUP.cash
    assert all_days.day_equity[99] == late.start
    assert all_days.day_equity[100:].tolist() == late.day_equity.tolist()
    growth = math.exp(all_days.log_returns.sum()) - 1.0
    assert growth == pytest.approx(whole.metrics.growth[0], rel=1e-12)
    assert all_days.exposure.mean() == pytest.approx(whole.metrics.exposure[0], rel=1e-12)
    assert all_days.trades == whole.metrics.trades[0]
    assert late.traded < all_days.traded
    assert late.trades < all_days.trades


def test_fees_are_the_kernels_own_as_shares_of_equity() -> None:
    one = contest()
    whole = run(one.bars, one.signals, CLASSIC, SETUP)
    course = cut(whole, one.bars, SETUP.cash, Span(0, int(one.bars.instants["day"][-1]) + 1))
    low, high = whole.curve["equity"].min(), whole.curve["equity"].max()
    assert whole.metrics.fees[0] / high <= course.fees <= whole.metrics.fees[0] / low
    money = whole.metrics.turnover[0] * SETUP.cash
    assert money / high <= course.traded <= money / low


def test_prices_of_later_days_change_nothing_before_them() -> None:
    day = WARM_UP + 40
    turned = contest_over([dearer_from(each, day + 1, 1.002) for each in market()])
    for one, other in zip(courses(contest()), courses(turned), strict=True):
        assert one.day_equity[:40].tolist() == other.day_equity[:40].tolist()
        assert one.day_equity[-1] != other.day_equity[-1]


def test_a_ceiling_of_tiers_is_that_of_its_policy() -> None:
    floor = CLASSIC.thresholds._replace(
        win_rate_stable=0.01, win_rate_profitable=0.02, trades_min=1
    )
    eager = CLASSIC._replace(thresholds=floor)
    pair = (Contender("free", eager), Contender("low", eager, Tier.LEARNING))
    free, low = courses(contest_over(market(), pair))
    assert free.exposure.max() > low.exposure.max()


@pytest.mark.parametrize(
    ("contenders", "said"),
    [
        pytest.param(CONTENDERS[:1], "name two policies at least", id="one-alone"),
        pytest.param((), "name two policies at least", id="none"),
        pytest.param((*CONTENDERS, CONTENDERS[1]), "small is there twice", id="twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(contenders: tuple[Contender, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        courses(contest()._replace(contenders=contenders))


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(BadData, match="too few for a window"):
        courses(contest()._replace(warm_up_days=400))


def test_progress_counts_policies() -> None:
    heard: list[tuple[int, int]] = []
    courses(contest(), lambda done, count: heard.append((done, count)))
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert np.isfinite(courses(contest())[0].log_returns).all()
