"""Money that is lent by day only: kernel and engine alike, and flat before every close."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.conftest import MARKET_DATA, quick_and_long
from tests.parity.governed import Told, governed, of_kernel
from tests.parity.kernel_worlds import (
    Scripted,
    World,
    intraday_world,
    steady_world,
    world,
)
from tests.parity.test_kernel_engine import NOW_NS, differences, equity_gap, played

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.clip import clip
from smart_leverage.market.files import Reading, load
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.intraday import IntradayTerms
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Caps, TierCaps
from smart_leverage.research.kernel import Columns, Run, Setup, columns_of, run, signals_of, sweep
from smart_leverage.settings import Settings
from smart_leverage.wiring import over_bars
from smart_leverage.wiring.policy import policy_of

SEEDS = (0, 2, 3, 5, 8, 16, 17, 19, 20, 22, 25, 26, 33, 43, 44, 47, 50, 54, 58)
"""Loans up to more than the equity, coins beside them, holes in bars, plans that come late."""

FUNDS = ("SPXL", "TNA", "FAS", "TMF", "SPY", "DIA", "TLT")
NEW_YORK = ZoneInfo("America/New_York")
LENDING = CLASSIC._replace(
    tiers=TierCaps(*[Caps(crypto=0.3, leveraged=0.9)] * 4),
    groups=GroupCaps(gross=1.0, symbol=0.5, symbol_broad=0.5),
    sizing=CLASSIC.sizing._replace(base_share=0.5, share_max=0.6),
    intraday=IntradayTerms(is_on=True, gross_cap=2.5),
)


def kernel_of(one: World, policy: Policy | None = None) -> tuple[Run, Columns]:
    bars = columns_of(one.series, now_ns=NOW_NS)
    signals = signals_of([Scripted(one.opportunities)], one.series, bars)
    return run(bars, signals, policy or one.policy, one.setup), bars


# --- random worlds -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", quick_and_long(SEEDS, SEEDS[::2]))
def test_where_money_is_lent_by_day_the_kernel_decides_as_the_engine(
    seed: int, tmp_path: Path
) -> None:
    engine, kernel = played(intraday_world(seed), tmp_path)
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")


@pytest.mark.parametrize("seed", SEEDS[::6])
def test_with_the_plan_off_the_same_worlds_are_decided_alike(seed: int, tmp_path: Path) -> None:
    one = intraday_world(seed)
    off = one.policy.intraday._replace(is_on=False)
    engine, kernel = played(one._replace(policy=one.policy._replace(intraday=off)), tmp_path)
    assert differences(engine, kernel) == []
    assert min(amount for _, amount in engine.marks) > 0


def test_these_worlds_come_to_what_only_lending_comes_to() -> None:
    reasons, debts = Counter[str](), 0
    for seed in SEEDS:
        done, _ = kernel_of(intraday_world(seed))
        debts += int(done.curve["cash"].min() < 0.0)
        for row in done.decisions:
            reasons[f"{'bought' if row['is_buy'] else 'sold'} {Reason(row['reason']).name}"] += 1
    assert debts >= len(SEEDS) // 2
    wanted = ("bought INTRADAY", "bought BUYING_POWER", "bought CAP_GROSS", "sold INTRADAY")
    assert min(reasons[each] for each in (*wanted, "sold CAP_GROSS")) > 10, reasons


@pytest.mark.parametrize("seed", [5, 9])
def test_numbers_of_a_plan_that_is_off_change_not_one_bit(seed: int) -> None:
    for one in (world(seed), steady_world(seed), intraday_world(seed)):
        off = one.policy._replace(intraday=IntradayTerms())
        other = IntradayTerms(False, 3.5, 200, 100, 50)
        left, right = kernel_of(one, off)[0], kernel_of(one, off._replace(intraday=other))[0]
        assert [part.tobytes() for part in left[1:]] == [part.tobytes() for part in right[1:]]


def test_a_sweep_plays_the_plan_as_a_run_does() -> None:
    one = intraday_world(19)
    off = one.policy._replace(intraday=IntradayTerms())
    bars = columns_of(one.series, now_ns=NOW_NS)
    signals = signals_of([Scripted(one.opportunities)], one.series, bars)
    many = sweep(bars, signals, [off, one.policy, off], one.setup, lanes=2)
    for place, policy in enumerate((off, one.policy, off)):
        alone = run(bars, signals, policy, one.setup, record=False).metrics
        assert all(
            column[place].tobytes() == getattr(alone, name)[0].tobytes()
            for name, column in many._asdict().items()
        )
    assert many.equity[0] != many.equity[1]


def test_on_every_day_of_these_worlds_nothing_borrowed_is_held_over_the_close() -> None:
    """A bar that is missing near the close is the one excuse, and then it goes with the next."""
    closes = excused = 0
    for seed in SEEDS:
        one = intraday_world(seed)
        done, bars = kernel_of(one)
        for session in sessions_of(bars):
            closes += 1
            held, cash = held_at(done, bars, session.close_ns)
            is_by_day = bars.facts["is_by_day"] != 0
            if held[is_by_day].any() or cash < 0.0:
                assert has_hole(bars, session, one.policy.intraday), (seed, session.date)
                excused += 1
    assert closes > 6 * len(SEEDS)
    assert excused < closes / 5


def sessions_of(bars: Columns) -> list[Session]:
    at = bars.instants["at"]
    return [
        session
        for session in Sessions.xnys().between(*(day_of(int(each)) for each in (at[0], at[-1])))
        if at[0] <= session.open_ns and session.close_ns <= at[-1]
    ]


def day_of(at_ns: int) -> date:
    return datetime.fromtimestamp(at_ns // 10**9, NEW_YORK).date()


def held_at(done: Run, bars: Columns, at_ns: int) -> tuple[np.ndarray, float]:
    """Return what fills left of every instrument, and the cash marked last before the close."""
    fills = done.fills[done.fills["at"] < at_ns]
    held = np.zeros(len(bars.keys), dtype=np.int64)
    for row in fills:
        held[row["asset"]] += row["qty"] - row["fee_units"] if row["is_buy"] else -row["qty"]
    marks = done.curve[done.curve["at"] <= at_ns]
    return held, float(marks["cash"][-1]) if len(marks) else 0.0


def has_hole(bars: Columns, session: Session, at: IntradayTerms) -> bool:
    """Tell whether any bar is missing while the plan sells."""
    instants = bars.instants["at"]
    since = session.close_ns - at.flat_from_minutes * MINUTE_NS
    looks = np.flatnonzero((instants >= since) & (instants < session.close_ns))
    shares = bars.facts["is_coin"] == 0
    step = min(int(np.diff(instants[looks]).min()) if len(looks) > 1 else 0, 30 * MINUTE_NS)
    expected = {int(bars.cells["opens"][place, shares].sum()) for place in looks}
    return step >= 0 and expected != {int(shares.sum())}


# --- one-minute bars of real funds ---------------------------------------------------------------


def minutes(names: Sequence[str], first: date, last: date) -> list[BarSeries]:
    files = [MARKET_DATA / "etf" / "2019-12" / f"{name}.1m.parquet" for name in names]
    reading = Reading(drops_outside=True)
    sessions = list(Sessions.xnys().between(first, last))
    since, until = sessions[0].open_ns, sessions[-1].close_ns
    return [clip(each, since, until) for each in load(files, Registry.builtin(), reading=reading)]


def greedy(series: Sequence[BarSeries]) -> list[Opportunity]:
    """Return proposals to buy everything every ten minutes until the last bar of every session."""
    found = list(_greedy(series))
    return sorted(found, key=lambda one: (one.at_ns, one.key))


def _greedy(series: Sequence[BarSeries]) -> Iterator[Opportunity]:
    for each in series:
        for end in each.ends:
            if end // MINUTE_NS % 10 == 0:
                yield Opportunity(
                    at_ns=end, key=each.key, side=Side.BUY, confidence=0.9, volatility_ratio=1.0,
                    horizon_s=1, source="scripted", id=f"{each.key} {end}",
                )  # fmt: skip


def both(folder: Path, series: list[BarSeries]) -> tuple[Run, Columns, Told, Told]:
    ideas, setup = greedy(series), Setup(cash=100_000.0)
    bars = columns_of(series)
    done = run(bars, signals_of([Scripted(ideas)], series, bars), LENDING, setup)
    engine = governed(folder, series, [Scripted(ideas)], LENDING, setup)
    return done, bars, engine, of_kernel(done, bars)


@pytest.mark.needs("market-data")
@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(date(2019, 12, 23), date(2019, 12, 26), id="a-half-day"),
        pytest.param(date(2019, 12, 16), date(2019, 12, 31), id="all-there-are"),
    ],
)  # fmt: skip
def test_over_minutes_of_real_funds_both_are_flat_before_every_close(
    tmp_path: Path, first: date, last: date
) -> None:
    done, bars, engine, kernel = both(tmp_path, minutes(FUNDS, first, last))
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")
    is_by_day = bars.facts["is_by_day"] != 0
    sessions = sessions_of(bars)
    assert sessions[-1].close_ns == bars.instants["at"][-1]
    for session in sessions:
        held, cash = held_at(done, bars, session.close_ns - 10 * MINUTE_NS)
        assert not held[is_by_day].any()
        assert held[~is_by_day].any()
        assert cash >= 0.0
        inside = (done.curve["at"] > session.open_ns) & (done.curve["at"] < session.close_ns)
        assert done.curve["cash"][inside].min() < 0.0  # it was lent in between
        assert (done.curve["gross"] / done.curve["equity"])[inside].max() > 1.3
    sold = done.decisions[(done.decisions["is_buy"] == 0) & (done.decisions["is_house"] == 1)]
    names = {Reason(code).name for code in sold["reason"]}
    assert {"INTRADAY", "CAP_GROSS"} <= names
    half = next(each for each in sessions if each.date == date(2019, 12, 24))
    on_half = sold[(sold["at"] > half.open_ns) & (sold["at"] < half.close_ns)]
    at_night = on_half[np.isin(on_half["reason"], [Reason.INTRADAY, Reason.CAP_GROSS])]
    assert at_night["at"].min() == half.close_ns - 30 * MINUTE_NS  # 12:30, an early close at 13:00


# --- what is refused -----------------------------------------------------------------------------


def test_bars_that_are_too_long_for_the_plan_are_refused(tmp_path: Path) -> None:
    one = intraday_world(0)
    terms = IntradayTerms(is_on=True, flat_from_minutes=4, deadline_minutes=3)
    sentence = "the intraday plan is on and sells from 4 minutes before the close, and a bar lasts"
    with pytest.raises(BadData, match=sentence):
        kernel_of(one, one.policy._replace(intraday=terms))
    tree = Settings().model_dump()
    tree["intraday"] |= {"plan": "on", "flat_from_minutes": 4, "deadline_minutes": 3}
    with (
        pytest.raises(BadData, match=sentence),
        over_bars(tmp_path, Settings.model_validate(tree), one.series, traders=()),  # type: ignore[arg-type]
    ):
        raise AssertionError("it was opened")


def test_the_settings_say_the_plan_as_the_policy_has_it() -> None:
    tree = Settings().model_dump()
    tree["intraday"] |= {"plan": "on", "gross_cap": 2.5}
    terms = policy_of(Settings.model_validate(tree)).intraday
    assert terms == IntradayTerms(is_on=True, gross_cap=2.5)
