"""Random worlds for the kernel and the engine: prices, calendars, holes, signals and policies."""

import random
from array import array
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.policy.breakers import LossLimits
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.earning import ExposureTerms
from smart_leverage.policy.evidence import RecordTerms
from smart_leverage.policy.intraday import IntradayTerms
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.sizing import EdgeTerms, Sizing
from smart_leverage.policy.steady_breakers import RollingTerms
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import Caps, TierCaps, TierThresholds
from smart_leverage.research.kernel import Setup

COINS = ("BTC/USD", "ETH/USD", "DOGE/USD", "SHIB/USD", "LTC/USD", "SOL/USD")
SHARES = ("TQQQ", "SPY", "AAPL", "SQQQ", "SOXL")
FUNDS = ("QLD", "SQQQ", "BITX", "SOXL", "SPY")
"""Factors 2, −3, 2 on a coin, 3, and 1."""
BY_DAY = ("TQQQ", "SQQQ", "SOXL", "QLD", "BITX", "SPY", "AAPL", "MSFT")
FIRST_DAY = date(2021, 2, 26)
NEAR_HALF_DAY = date(2021, 11, 17)


class World(NamedTuple):
    """Everything that a run is made of."""

    series: list[BarSeries]
    opportunities: list[Opportunity]
    policy: Policy
    setup: Setup


class Scripted:
    """Hands out opportunities when their time has come, each once."""

    name = "scripted"

    def __init__(self, opportunities: Sequence[Opportunity]) -> None:
        self._due = list(reversed(opportunities))

    def on_bars(self, at_ns: int, closes: Sequence[tuple[Key, Bar]]) -> Sequence[Opportunity]:
        """Return what is due."""
        found = []
        while self._due and self._due[-1].at_ns <= at_ns:
            found.append(self._due.pop())
        return found


def world(seed: int, days: int = 40, listed: Sequence[str] = SHARES) -> World:
    """Return the world of a seed."""
    chance = random.Random(seed)
    registry = Registry.builtin()
    coins = chance.sample(COINS, chance.randint(0, 4))
    shares = chance.sample(listed, chance.randint(0 if coins else 1, 3))
    step_ns = chance.choice((HOUR_NS, HOUR_NS, 30 * MINUTE_NS, 4 * HOUR_NS, DAY_NS))
    wildness = chance.choice((0.01, 0.03, 0.06, 0.12))
    series = [_coin(chance, registry.resolve(name), days, step_ns, wildness) for name in coins]
    is_daily = chance.random() < 0.5
    series += [
        _share(chance, registry.resolve(name), days, is_daily=is_daily, wildness=wildness)
        for name in shares
    ]
    series = sorted((each for each in series if len(each)), key=lambda each: each.key)
    return World(series, list(_signals(chance, series)), policy_of(chance), _setup(chance))


def intraday_world(seed: int, days: int = 12) -> World:
    """Return the world of a seed in which money is lent by day; its second Friday closes early."""
    chance = random.Random(f"intraday {seed}")
    registry, uniform = Registry.builtin(), chance.uniform
    step_ns = chance.choice((5, 10, 15, 30)) * MINUTE_NS
    wildness = chance.choice((0.01, 0.03, 0.06))
    series = [
        _coin(chance, registry.resolve(name), days, HOUR_NS, wildness, NEAR_HALF_DAY)
        for name in chance.sample(COINS[:2], chance.randint(0, 2))
    ]
    series += [
        _share(
            chance, registry.resolve(name), days, is_daily=False, wildness=wildness,
            step_ns=step_ns, first=NEAR_HALF_DAY,
        )
        for name in chance.sample(BY_DAY, chance.randint(4, 7))
    ]  # fmt: skip
    series = sorted((each for each in series if len(each)), key=lambda each: each.key)
    one = policy_of(chance)
    deadline, flat, entries = sorted(chance.sample(range(1, 150), 3))
    policy = one._replace(
        tiers=TierCaps(*[Caps(uniform(0.3, 0.6), uniform(0.6, 1.0))] * 4),
        groups=GroupCaps(gross=uniform(0.7, 1.2), symbol=0.7, symbol_broad=0.7),
        limits=LossLimits(0.1, uniform(0.05, 0.5), 0.6),
        sizing=one.sizing._replace(base_share=uniform(0.3, 0.6), share_max=uniform(0.6, 1.0)),
        intraday=IntradayTerms(
            is_on=True,
            gross_cap=uniform(0.9, 4.0),
            entries_until_minutes=max(entries, step_ns // MINUTE_NS),
            flat_from_minutes=max(flat, step_ns // MINUTE_NS),
            deadline_minutes=deadline,
        ),
    )
    setup = _setup(chance)
    return World(series, list(_signals(chance, series, (0.1, 0.3))), policy, setup)


def quiet_world(prices: Sequence[float]) -> World:
    """Return a world of one coin with days that begin and end at prices, bought on the third."""
    instrument = Registry.builtin().resolve("BTC/USD")
    first_ns = (FIRST_DAY - date(1970, 1, 1)).days * DAY_NS
    starts = [first_ns + number * DAY_NS for number in range(len(prices) - 1)]
    opens, closes = array("d", prices[:-1]), array("d", prices[1:])
    series = BarSeries(
        key=instrument.key,
        step_ns=DAY_NS,
        starts=array("q", starts),
        ends=array("q", [start + DAY_NS for start in starts]),
        opens=opens,
        highs=array("d", map(max, opens, closes)),
        lows=array("d", map(min, opens, closes)),
        closes=closes,
        volumes=array("d", [1.0] * len(starts)),
        source=Source("a quiet world", ""),
    )
    bought = Opportunity(
        at_ns=series.ends[2],
        key=instrument.key,
        side=Side.BUY,
        confidence=0.9,
        volatility_ratio=1.0,
        horizon_s=1,
        source="scripted",
        id="the only one",
    )
    return World([series], [bought], CLASSIC, Setup())


def _coin(
    chance: random.Random,
    instrument: Instrument,
    days: int,
    step_ns: int,
    wildness: float,
    first: date = FIRST_DAY,
) -> BarSeries:
    first_ns = (first - date(1970, 1, 1)).days * DAY_NS
    spans = []
    at = first_ns
    end = first_ns + days * DAY_NS
    if chance.random() < 0.2:
        end -= chance.randint(0, days // 2) * DAY_NS  # a coin that dies
    while at < end:
        if chance.random() < 0.005:
            at += chance.randint(1, 30) * step_ns  # a hole
            continue
        spans.append((at, at + step_ns))
        at += step_ns
    return _series(chance, instrument, spans, step_ns, wildness * (step_ns / DAY_NS) ** 0.5)


def _share(
    chance: random.Random,
    instrument: Instrument,
    days: int,
    *,
    is_daily: bool,
    wildness: float,
    step_ns: int = 30 * MINUTE_NS,
    first: date = FIRST_DAY,
) -> BarSeries:
    spans: list[tuple[int, int]] = []
    step_ns = DAY_NS if is_daily else step_ns
    for number in range(days):
        session = Sessions.xnys().session_on(first + timedelta(days=number))
        if session is None or chance.random() < 0.03:
            continue
        if is_daily:
            spans.append((session.open_ns, session.close_ns))
            continue
        for start in range(session.open_ns, session.close_ns, step_ns):
            if chance.random() > 0.02:
                spans.append((start, min(start + step_ns, session.close_ns)))
    scale = 0.7 if is_daily else 0.25
    return _series(chance, instrument, spans, step_ns, wildness * scale)


def _series(
    chance: random.Random,
    instrument: Instrument,
    spans: list[tuple[int, int]],
    step_ns: int,
    sigma: float,
) -> BarSeries:
    places = max(-instrument.tick.as_tuple().exponent - chance.randint(0, 1), 0)  # type: ignore[operator]
    if instrument.asset_class.value == "us_equity":
        places = 2
    least = 10.0**-places
    price = float(instrument.reference_price) * chance.uniform(0.3, 3.0)
    columns: list[list[float]] = [[], [], [], []]
    for _ in spans:
        price *= 1.0 + max(chance.gauss(0.0, sigma * 0.3), -0.5)
        if chance.random() < 0.003:
            price *= chance.choice((0.45, 0.6, 0.8, 1.3, 1.6))  # a gap, or a lone jump
        opened = max(round(price, places), least)
        path = [opened]
        for _ in range(4):
            price *= 1.0 + max(chance.gauss(0.0, sigma * 0.5), -0.5)
            path.append(max(round(price, places), least))
        if chance.random() < 0.002:
            path.insert(2, max(round(path[1] * 0.7, places), least))  # a spike inside the bar
        for column, value in zip(columns, (path[0], max(path), min(path), path[-1]), strict=True):
            column.append(value)
    opens, highs, lows, closes = (array("d", column) for column in columns)
    return BarSeries(
        key=instrument.key,
        step_ns=step_ns,
        starts=array("q", (start for start, _ in spans)),
        ends=array("q", (end for _, end in spans)),
        opens=opens,
        highs=highs,
        lows=lows,
        closes=closes,
        volumes=array("d", [1.0] * len(spans)),
        source=Source("a random world", ""),
    )


def _signals(
    chance: random.Random, series: Sequence[BarSeries], frequent: Sequence[float] = ()
) -> Iterator[Opportunity]:
    found = []
    for each in series:
        often = chance.choice((0.01, 0.05, 0.2)) if len(each) > 300 else chance.choice((0.2, 0.5))
        often = chance.choice(frequent) if frequent else often
        for end in each.ends:
            if chance.random() >= often:
                continue
            is_sale = chance.random() < 0.2
            ratio = chance.choice((None, 1.0, chance.uniform(0.4, 2.5)))
            found.append(
                Opportunity(
                    at_ns=end,
                    key=each.key,
                    side=Side.SELL if is_sale else Side.BUY,
                    confidence=chance.choice((2.0 / 3.0, chance.uniform(0.3, 1.0), 0.0)),
                    volatility_ratio=ratio,
                    horizon_s=1,
                    source="scripted",
                    id=f"{each.key} {end}",
                )
            )
    order = {each.key: place for place, each in enumerate(series)}
    yield from sorted(found, key=lambda one: (one.at_ns, order[one.key]))


def policy_of(chance: random.Random) -> Policy:
    """Return a policy of random numbers that may be together."""
    uniform = chance.uniform
    caps = sorted(uniform(0.05, 0.9) for _ in range(4))
    base = uniform(0.05, 0.6)
    distance = uniform(0.01, 0.1)
    limit = uniform(0.005, 0.05)
    pace = uniform(5.0, 300.0)
    stable = uniform(0.3, 0.5)
    return Policy(
        thresholds=TierThresholds(
            month_return_emergency=-uniform(0.01, 0.08),
            win_rate_stable=stable,
            win_rate_profitable=uniform(stable, 0.7),
            trades_min=chance.randint(1, 20),
        ),
        tiers=TierCaps(*(Caps(cap, min(cap * uniform(1.0, 1.5), 1.0)) for cap in caps)),
        groups=GroupCaps(gross=uniform(0.5, 1.2), symbol=uniform(0.03, 0.4), symbol_broad=0.45),
        sizing=Sizing(
            base_share=base,
            share_max=uniform(base, 1.0),
            top_up_min=uniform(0.05, 0.5),
        ),
        limits=LossLimits(uniform(0.003, 0.03), limit, uniform(limit, 0.15)),
        deleveraging=Deleveraging(
            first_ceiling=uniform(0.1, 0.5),
            first_minutes=uniform(1.0, 90.0),
            last_minutes=pace + uniform(0.0, 2000.0) + 90.0,
            pace_minutes=pace,
            slices=chance.randint(1, 8),
            slice_at_once=uniform(0.005, 0.1),
            band_over=uniform(1.0, 1.2),
            band_to=uniform(0.8, 1.0),
            step_over=uniform(1.0, 1.02),
        ),
        stops=Stops(
            volatility_multiple=uniform(0.5, 4.0),
            distance_min=distance,
            distance_max=uniform(distance, 0.3),
            limit_gap=uniform(0.001, 0.05),
        ),
    )


def looking_world(seed: int) -> World:
    """Return the world of a seed in which funds count with their multiple.

    Every second time exposure is earned as well.
    """
    one = steady_world(seed, 60, FUNDS) if seed % 2 else world(seed, 60, FUNDS)
    exposure = one.policy.exposure._replace(is_look_through=True)
    return one._replace(policy=one.policy._replace(exposure=exposure))


def steady_world(seed: int, days: int = 80, listed: Sequence[str] = SHARES) -> World:
    """Return the world of a seed, with a policy under which exposure is earned."""
    one, chance = world(seed, days, listed), random.Random(f"steady {seed}")
    uniform, is_on = chance.uniform, (lambda: chance.random() < 0.7)
    limits = LossLimits(uniform(0.003, 0.03), uniform(0.01, 0.05), uniform(0.05, 0.15))
    policy = one.policy._replace(
        limits=limits,
        exposure=ExposureTerms(
            is_drawdown_capped=is_on(),
            drawdown_multiple=uniform(1.0, 8.0),
            drawdown_floor=uniform(0.6, 0.97),
            peak_days=chance.choice((5, 20, 365)),
            rise_min=uniform(0.01, 0.3),
            steps=chance.choice((20.0, 100.0, 400.0)),
        ),
        record=RecordTerms(
            is_earned=is_on(),
            discount=uniform(0.9, 1.0),
            promote_probability=uniform(0.5, 0.7),
            demote_probability=uniform(0.2, 0.5),
            trades_min_1=chance.randint(1, 3),
            trades_min_2=chance.randint(3, 6),
            prior_trades=uniform(0.5, 5.0),
            payoff_trades=uniform(0.5, 20.0),
            offset=uniform(0.01, 0.2),
        ),
        rolling=RollingTerms(
            is_rolling=is_on(),
            drawdown_limit=uniform(0.02, 0.2),
            loss_limit_sleeve=uniform(0.003, 0.03),
        ),
        edge=EdgeTerms(is_edge_sized=is_on(), uncalibrated=uniform(0.2, 1.0)),
    )
    return one._replace(policy=policy)


def _setup(chance: random.Random) -> Setup:
    return Setup(
        cash=chance.choice((1_000.0, 25_000.0, 100_000.0, 3_000_000.0)),
        entry_life_s=chance.choice((300.0, 60.0, 7_200.0)),
        resumes_monthly=chance.random() < 0.5,
    )
