"""The kernel makes the engine's decisions: in random worlds, and on years of real prices."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import MARKET_DATA, quick_and_long
from tests.parity.governed import Told, governed, of_kernel
from tests.parity.kernel_worlds import (
    Scripted,
    World,
    looking_world,
    quiet_world,
    steady_world,
    world,
)

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.evidence import SLEEVES, Measured, SleeveFigures, evidence_of
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import iso
from smart_leverage.market.clip import clip
from smart_leverage.market.files import Reading, load
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.reasons import Reason
from smart_leverage.research.kernel import Setup, columns_of, run, signals_of
from smart_leverage.research.kernel.market import Dated
from smart_leverage.settings import Settings
from smart_leverage.settings import load as load_settings
from smart_leverage.strategies.momentum import Momentum
from smart_leverage.wiring.policy import policy_of

SEEDS = (3, 5, 9, 13, 15, 35, 37, 38, 52, 56, 59, 60, 62, 346, 367, 727, 806, 857)
"""Coins, shares or both, with every reason among them; the last five and 56 once told the two
apart."""

STEADY_SEEDS = (0, 2, 5, 9, 11, 14, 19, 23, 28, 33, 40, 57)
"""Exposure by drawdown, record, rolling losses and edge, together and alone; 19 once told the two
apart."""

LOOKING_SEEDS = (5, 16, 39, 48, 52, 57, 62, 68, 89, 100, 136, 148)
"""Funds of factors 2, −3, 3 and 2 on a coin, counted with their multiple."""

EVIDENCE_SEEDS = (5, 9, 23, 40)

NOW_NS = 2**62


def by_instant(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    """Group rows by their time; within an instant the order of instruments means nothing."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return {at: sorted(group) for at, group in found.items()}


def differences(engine: Told, kernel: Told) -> list[str]:
    """Return a line for every instant at which decisions or fills are not the same."""
    lines = []
    for name in ("decisions", "fills"):
        ours, theirs = by_instant(getattr(kernel, name)), by_instant(getattr(engine, name))
        lines += [
            f"{name} at {iso(at)}: engine {theirs.get(at)}, kernel {ours.get(at)}"
            for at in sorted({*ours, *theirs})
            if ours.get(at) != theirs.get(at)
        ]
    return lines


def equity_gap(engine: Told, kernel: Told) -> Decimal:
    """Return the largest relative difference of marked equity; both have to mark alike."""
    theirs, ours = dict(engine.marks[1:]), dict(kernel.marks)
    assert theirs.keys() == ours.keys()
    return max((abs(ours[at] / equity - 1) for at, equity in theirs.items()), default=Decimal(0))


def played(one: World, folder: Path) -> tuple[Told, Told]:
    """Return what engine and kernel did in a world."""
    bars = columns_of(one.series, now_ns=NOW_NS)
    signals = signals_of([Scripted(one.opportunities)], one.series, bars)
    kernel = of_kernel(run(bars, signals, one.policy, one.setup), bars)
    strategies = [Scripted(one.opportunities)]
    return governed(folder, one.series, strategies, one.policy, one.setup), kernel


@pytest.mark.parametrize("seed", quick_and_long(SEEDS, SEEDS[::2]))
def test_in_a_random_world_the_kernel_decides_as_the_engine(seed: int, tmp_path: Path) -> None:
    engine, kernel = played(world(seed), tmp_path)
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")


@pytest.mark.parametrize("seed", quick_and_long(STEADY_SEEDS, STEADY_SEEDS[::2]))
def test_where_exposure_is_earned_the_kernel_decides_as_the_engine(
    seed: int, tmp_path: Path
) -> None:
    engine, kernel = played(steady_world(seed), tmp_path)
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")


@pytest.mark.parametrize("seed", quick_and_long(LOOKING_SEEDS, LOOKING_SEEDS[::2]))
def test_where_funds_are_looked_through_the_kernel_decides_as_the_engine(
    seed: int, tmp_path: Path
) -> None:
    engine, kernel = played(looking_world(seed), tmp_path)
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")


def test_in_these_worlds_looking_through_decides_otherwise() -> None:
    """Both caps bind purchases of funds that are looked through, and plans sell them for both."""
    bound, differing = Counter[str](), 0
    for seed in LOOKING_SEEDS:
        one = looking_world(seed)
        bars = columns_of(one.series, now_ns=NOW_NS)
        signals = signals_of([Scripted(one.opportunities)], one.series, bars)
        exposure = one.policy.exposure._replace(is_look_through=False)
        plain = run(bars, signals, one.policy._replace(exposure=exposure), one.setup)
        done = run(bars, signals, one.policy, one.setup)
        differing += done.decisions.tobytes() != plain.decisions.tobytes()
        funds = np.abs(bars.facts["factor"][done.decisions["asset"]]) > 1.0
        for row in done.decisions[funds]:
            sold = "" if row["is_buy"] else "sold for "
            bound[f"{sold}{Reason(int(row['reason'])).name}"] += 1
    assert differing == len(LOOKING_SEEDS)
    caps = ("CAP_CRYPTO", "CAP_LEVERAGED")
    assert min(bound[f"{sold}{cap}"] for sold in ("", "sold for ") for cap in caps) > 0, bound


@pytest.mark.parametrize("seed", EVIDENCE_SEEDS)
def test_both_read_the_same_evidence_at_the_same_times(seed: int, tmp_path: Path) -> None:
    """Figures of two sleeves come, are renewed, and expire while the account trades."""
    one = steady_world(seed)
    exposure = one.policy.exposure._replace(
        is_tail_capped=True, is_kelly_capped=True, is_volatility_capped=True
    )
    policy = one.policy._replace(exposure=exposure)
    first = min(each.starts[0] for each in one.series)
    records = [
        (first + 10 * DAY_NS, figures(first + 9 * DAY_NS, 15, "0.06", "0.9")),
        (first + 30 * DAY_NS, figures(first + 29 * DAY_NS, 20, "0.04", "0.5")),
    ]
    bars = columns_of(one.series, now_ns=NOW_NS)
    signals = signals_of([Scripted(one.opportunities)], one.series, bars)
    dated = [
        Dated(at, each.expires_ns, *(evidence_of(each).sleeves[name] for name in SLEEVES))
        for at, each in records
    ]
    done = run(bars, signals, policy, one.setup, evidence=dated)
    strategies = [Scripted(one.opportunities)]
    engine = governed(tmp_path, one.series, strategies, policy, one.setup, evidence=records)
    assert differences(engine, of_kernel(done, bars)) == []
    assert equity_gap(engine, of_kernel(done, bars)) < Decimal("1e-9")
    without = run(bars, signals, policy, one.setup)
    assert not np.array_equal(done.curve["cap_crypto"], without.curve["cap_crypto"])


def figures(until_ns: int, days: int, shortfall: str, volatility: str) -> Measured:
    """Return evidence that is good for so many days."""
    sleeve = SleeveFigures(
        days=90, es_per_unit=shortfall, volatility=volatility, volatility_target="0.08",
        mean_low="0.1", kelly_best="0.4",
    )  # fmt: skip
    return Measured(
        from_ns=until_ns - 100 * DAY_NS,
        until_ns=until_ns,
        expires_ns=until_ns + days * DAY_NS,
        days=90,
        sha256="0" * 64,
        sleeves=dict.fromkeys(SLEEVES, sleeve),
    )


def test_these_worlds_come_to_what_only_earned_exposure_comes_to() -> None:
    reasons, events = set[str](), Counter[str]()
    for seed in STEADY_SEEDS:
        one = steady_world(seed)
        bars = columns_of(one.series, now_ns=NOW_NS)
        signals = signals_of([Scripted(one.opportunities)], one.series, bars)
        done = run(bars, signals, one.policy, one.setup)
        reasons |= {Reason(int(code)).name for code in done.decisions["reason"]}
        hard = [caps.crypto for caps in one.policy.tiers]
        is_earned = ~np.isin(done.curve["cap_crypto"], hard)
        events["caps beside the tiers"] += int(is_earned.sum())
        events["changes"] += int((np.diff(done.curve["cap_crypto"]) != 0.0).sum())
        events["tiers"] += len(set(done.curve["tier"])) if one.policy.record.is_earned else 0
    assert "BREAKER_DRAWDOWN" in reasons
    assert min(events.values()) > 10


def test_the_worlds_come_to_everything_that_can_be_decided() -> None:
    """A reason that no world came to would not have been compared."""
    reasons, events = set[str](), Counter[str]()
    for seed in SEEDS:
        one = world(seed)
        bars = columns_of(one.series, now_ns=NOW_NS)
        signals = signals_of([Scripted(one.opportunities)], one.series, bars)
        done = run(bars, signals, one.policy, one.setup)
        reasons |= {Reason(int(code)).name for code in done.decisions["reason"]}
        for name in ("plans", "halts", "locks", "trips_day", "trips_month", "forced"):
            events[name] += int(getattr(done.metrics, name)[0])
    not_here = {"BAD_INPUT", "FROZEN", "REDUCING", "NO_EQUITY", "MARKET_CLOSED", "CAP_BOT"}
    not_here |= {"SHORT", "STOPPED_FIRST", "NOT_READY", "CLOCK", "NO_PRICE", "BREAKER_DRAWDOWN"}
    not_here |= {"INTRADAY", "STREAM", "UNUSUAL"}
    assert reasons == {reason.name for reason in Reason} - not_here
    assert min(events.values()) > 1


def test_a_stop_whose_time_is_up_is_renewed_while_nothing_else_happens(tmp_path: Path) -> None:
    """The venue ends a stop after ninety days; what meets the price later is the one after it."""
    calm = [50_000.0 + 100.0 * (number % 2) for number in range(100)]
    engine, kernel = played(quiet_world([*calm, 30_000.0, 30_000.0, 30_000.0]), tmp_path)
    assert differences(engine, kernel) == []
    assert len(kernel.fills) == 2


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    engine, kernel = played(world(56), tmp_path)
    at, *rest = kernel.decisions[3]
    shifted = kernel._replace(decisions=[*kernel.decisions[:3], (at + 1, *rest)])  # type: ignore[list-item]
    assert differences(engine, shifted)
    off = kernel._replace(
        marks=[(at, equity * (1 + Decimal("2e-9"))) for at, equity in kernel.marks]
    )
    assert equity_gap(engine, off) > Decimal("1e-9")


def test_what_cannot_be_counted_is_refused() -> None:
    one = world(0)
    bars = columns_of(one.series, now_ns=NOW_NS)
    signals = signals_of([Scripted(one.opportunities)], one.series, bars)
    with pytest.raises(BadData, match="units of 1e-9"):
        run(bars, signals, one.policy, one.setup)


@pytest.mark.long
@pytest.mark.needs("market-data")
def test_over_years_of_real_coins_the_kernel_decides_as_the_engine(tmp_path: Path) -> None:
    files = sorted((MARKET_DATA / "crypto").glob("*-USDT.1h.parquet"))
    series = load(files, Registry.builtin(), reading=Reading(quote_alias={"USDT": "USD"}))
    assert len(series) == 14
    setup = Setup(resumes_monthly=True)
    bars = columns_of(series)
    assert {"crypto:FTT/USD", "crypto:LUNA/USD"} == set(bars.dead)
    signals = signals_of([Momentum()], series, bars)
    kernel = of_kernel(run(bars, signals, CLASSIC, setup), bars)
    engine = governed(tmp_path, series, [Momentum()], CLASSIC, setup)
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")
    assert len(kernel.decisions) > 10_000


@pytest.mark.needs("market-data")
@pytest.mark.parametrize(
    ("since", "until", "decisions"),
    [
        pytest.param(
            datetime(2021, 10, 1, tzinfo=UTC),
            datetime(2022, 6, 1, tzinfo=UTC),
            50,
            id="a-coin-dies",
        ),
        pytest.param(None, None, 2_000, id="years", marks=pytest.mark.long),
    ],
)
def test_on_real_coins_exposure_is_earned_alike(
    tmp_path: Path, since: datetime | None, until: datetime | None, decisions: int
) -> None:
    """Four of the coins, two of which die, so that it ends in time; all fourteen agree as well."""
    names = ("BTC", "ETH", "FTT", "LUNA")
    files = [MARKET_DATA / "crypto" / f"{name}-USDT.1h.parquet" for name in names]
    series = load(files, Registry.builtin(), reading=Reading(quote_alias={"USDT": "USD"}))
    if since and until:
        series = [clip(each, ns(since), ns(until)) for each in series]
    steady = policy_of(settings({"SMART_LEVERAGE_POLICY__PRESET": "steady"}))
    setup = Setup(resumes_monthly=True)
    bars = columns_of(series)
    signals = signals_of([Momentum()], series, bars)
    kernel = of_kernel(run(bars, signals, steady, setup), bars)
    engine = governed(tmp_path, series, [Momentum()], steady, setup)
    assert differences(engine, kernel) == []
    assert equity_gap(engine, kernel) < Decimal("1e-9")
    assert len(kernel.decisions) > decisions


def ns(at: datetime) -> int:
    return int(at.timestamp()) * 10**9


def settings(environment: dict[str, str]) -> Settings:
    return load_settings(None, environment).settings
