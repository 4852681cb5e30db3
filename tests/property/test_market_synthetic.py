"""The synthetic market: consistent bars, equal for equal seeds, in sessions, rightly related."""

import hashlib
from datetime import date
from itertools import pairwise
from statistics import correlation, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, SECOND_NS
from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.recipe import ASSETS, Regime, SyntheticAsset, SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.market.walk import Shocks

BTC, ETH = Key("crypto:BTC/USD"), Key("crypto:ETH/USD")
QQQ, TQQQ, SQQQ = (Key(f"us_equity:{symbol}") for symbol in ("QQQ", "TQQQ", "SQQQ"))

recipes = st.builds(
    SyntheticMarket,
    seed=st.integers(0, 2**63),
    first_day=st.dates(date(2019, 1, 1), date(2029, 12, 1)),
    days=st.integers(1, 9),
    step_s=st.sampled_from([900, 1800, 3600]),
    clustering=st.floats(0.0, 1.0),
    tail_scale=st.floats(1.0, 6.0),
    script=st.sampled_from([(), ((0.0, Regime.PANIC),), ((0.0, Regime.CALM), (9.5, Regime.PANIC))]),
)


@pytest.fixture(scope="module")
def year() -> dict[Key, BarSeries]:
    """A year of hours, shared by the tests of how assets relate."""
    return {each.key: each for each in generate(SyntheticMarket(seed=11, days=364, step_s=3600))}


def daily_returns(series: BarSeries) -> dict[int, float]:
    """Return by the day of the close the return from close to close."""
    closes = {bar.end_ns // DAY_NS: bar.close for bar in series}
    return {day: now / before - 1.0 for (_, before), (day, now) in pairwise(closes.items())}


def related(one: BarSeries, other: BarSeries) -> float:
    a, b = daily_returns(one), daily_returns(other)
    days = sorted(a.keys() & b.keys())
    return correlation([a[day] for day in days], [b[day] for day in days])


@settings(max_examples=25)
@given(recipes)
def test_bars_are_consistent_positive_and_in_order(recipe: SyntheticMarket) -> None:
    for series in generate(recipe):
        before_ns = 0
        for bar in series:
            assert 0.0 < bar.low <= min(bar.open, bar.close)
            assert max(bar.open, bar.close) <= bar.high < float("inf")
            assert 0.0 <= bar.volume < float("inf")
            assert before_ns <= bar.start_ns < bar.end_ns
            before_ns = bar.end_ns
        assert series.holes.count == 0


@settings(max_examples=10)
@given(recipes)
def test_equal_recipes_give_equal_bars(recipe: SyntheticMarket) -> None:
    assert generate(recipe) == generate(recipe)


@settings(max_examples=15)
@given(recipes)
def test_shares_trade_in_sessions_only_and_coins_always(recipe: SyntheticMarket) -> None:
    sessions = Sessions.xnys()
    bars_per_day = 86_400 // recipe.step_s
    for series in generate(recipe):
        if series.key.startswith("crypto:"):
            assert len(series) == recipe.days * bars_per_day
            continue
        for bar in series:
            session = sessions.session_on(date.fromordinal(719_163 + bar.start_ns // DAY_NS))
            assert session is not None
            assert session.open_ns <= bar.start_ns < bar.end_ns <= session.close_ns


def test_a_week_of_five_minutes_has_five_sessions_and_every_key_is_registered() -> None:
    series = generate(SyntheticMarket())

    assert [each.key for each in series] == sorted(asset.key for asset in ASSETS)
    assert all(each.key in Registry.builtin() for each in series)
    assert {len(each) for each in series} == {7 * 288, 5 * 78}


def test_a_seed_means_these_prices_on_every_machine() -> None:
    # Only correctly rounded arithmetic is used, so a change here is a change of the market itself.
    digest = hashlib.sha256()
    for series in generate(SyntheticMarket(seed=42, days=3, step_s=900)):
        for column in (series.starts, series.opens, series.highs, series.lows, series.closes):
            digest.update(repr(list(column)).encode())

    assert digest.hexdigest() == "3eceea779eb88997dd2aa87b82fd46dbc1a7eeb7e254d6e3bdec08c8478eaf3c"


def test_another_seed_is_another_market() -> None:
    one, other = (generate(SyntheticMarket(seed=seed, days=1)) for seed in (1, 2))

    assert all(list(a.closes) != list(b.closes) for a, b in zip(one, other, strict=True))


def test_dropping_an_asset_leaves_the_others_as_they_were() -> None:
    kept = tuple(asset for asset in ASSETS if asset.key != ETH)

    full = {each.key: each for each in generate(SyntheticMarket(days=2))}
    fewer = generate(SyntheticMarket(days=2, assets=kept))

    assert all(list(each.closes) == list(full[each.key].closes) for each in fewer)


def test_opposite_funds_move_oppositely_and_coins_together(year: dict[Key, BarSeries]) -> None:
    assert related(year[TQQQ], year[SQQQ]) < -0.999
    assert related(year[TQQQ], year[QQQ]) > 0.999
    assert related(year[BTC], year[ETH]) > 0.7
    assert 0.1 < related(year[BTC], year[QQQ]) < 0.9


@pytest.mark.parametrize(("fund", "multiple"), [(TQQQ, 3.0), (SQQQ, -3.0)])
def test_a_fund_earns_its_multiple_each_session_and_not_over_time(
    year: dict[Key, BarSeries], fund: Key, multiple: float
) -> None:
    plain, levered = daily_returns(year[QQQ]), daily_returns(year[fund])

    # Prices are rounded to cents: 0.01 of 34 dollars is 3 basis points.
    assert all(abs(levered[day] - multiple * plain[day]) < 0.002 for day in plain)
    total, naive = (
        year[fund].closes[-1] / year[fund].closes[0] - 1.0,
        multiple * (year[QQQ].closes[-1] / year[QQQ].closes[0] - 1.0),
    )
    assert abs(total - naive) > 0.02


def test_shares_gap_over_the_weekend_and_coins_hardly_ever(year: dict[Key, BarSeries]) -> None:
    shares = [abs(after.open / before.close - 1.0) for before, after in pairwise(year[QQQ])]
    over_night = [
        gap
        for gap, (before, after) in zip(shares, pairwise(year[QQQ]), strict=True)
        if after.start_ns > before.end_ns
    ]

    assert len(over_night) > 240
    assert sum(gap > 0.001 for gap in over_night) > 0.7 * len(over_night)
    assert all(after.open == before.close for before, after in pairwise(year[BTC]))


def test_returns_have_fat_tails_and_wild_days_come_together(year: dict[Key, BarSeries]) -> None:
    returns = [after.close / before.close - 1.0 for before, after in pairwise(year[BTC])]
    deviation = pstdev(returns)
    kurtosis = sum(value**4 for value in returns) / len(returns) / deviation**4
    sizes = [abs(value) for value in returns]

    assert kurtosis > 5.0
    assert correlation(sizes[1:], sizes[:-1]) > 0.1


def test_panic_falls_and_is_wilder_than_calm() -> None:
    def run(regime: Regime) -> tuple[float, float]:
        moves, change = [], 0.0
        for seed in range(6):
            recipe = SyntheticMarket(
                seed=seed, days=4, step_s=3600, script=((0.0, regime),), assets=ASSETS[:1]
            )
            btc = generate(recipe)[0]
            moves += [after.close / before.close - 1.0 for before, after in pairwise(btc)]
            change += btc.closes[-1] / btc.opens[0] - 1.0
        return pstdev(moves), change

    calm, panic = run(Regime.CALM), run(Regime.PANIC)

    assert panic[0] > 2.0 * calm[0]
    assert panic[1] < -0.5 < calm[1]


def test_the_script_begins_a_regime_at_its_hour() -> None:
    calm = SyntheticMarket(days=3, step_s=3600, script=((0.0, Regime.CALM),))
    storm = SyntheticMarket(days=3, step_s=3600, script=((0.0, Regime.CALM), (30.0, Regime.PANIC)))

    one, other = generate(calm)[0], generate(storm)[0]

    assert list(one)[:30] == list(other)[:30]
    assert one[30] != other[30]


def test_a_short_last_bar_ends_with_the_session() -> None:
    series = {each.key: each for each in generate(SyntheticMarket(days=1, step_s=3600))}[QQQ]

    assert len(series) == 7
    assert series.ends[-1] - series.starts[-1] == HOUR_NS // 2


@settings(max_examples=20)
@given(st.integers(), st.floats(1.0, 8.0))
def test_shocks_have_mean_zero_and_variance_one(seed: int, tail_scale: float) -> None:
    draws = Shocks(f"{seed}", tail_scale).draw(4_000)

    assert abs(sum(draws) / 4_000) < 0.09
    assert 0.6 < sum(draw * draw for draw in draws) / 4_000 < 1.6


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"days": 0}, "days = 0: at least 1", id="no-days"),
        pytest.param({"step_s": 7 * 60}, "step_s = 420", id="odd-step"),
        pytest.param({"step_s": 30}, "at least 60", id="tiny-step"),
        pytest.param({"half_life_h": 0.0}, "half_life_h = 0", id="no-half-life"),
        pytest.param({"clustering": float("nan")}, "clustering = nan", id="nan"),
        pytest.param({"tail_scale": 0.5}, "tail_scale = 0.5", id="thin-tails"),
        pytest.param({"script": ((2.0, Regime.CALM),)}, "begin at hour 0", id="late-script"),
        pytest.param(
            {"script": ((0.0, Regime.CALM), (9.0, Regime.PANIC), (8.0, Regime.CALM))},
            "out of order",
            id="script-out-of-order",
        ),
        pytest.param({"assets": (ASSETS[0], ASSETS[0])}, "listed twice", id="twin-assets"),
        pytest.param({"assets": ASSETS[-1:]}, "multiple_of us_equity:QQQ", id="orphan-fund"),
        pytest.param(
            {"assets": (SyntheticAsset(key=BTC, price=0.0, decimals=2),)}, "price = 0", id="price"
        ),
        pytest.param(
            {"assets": (SyntheticAsset(key=BTC, price=1.0, decimals=2, loads=(("moon", 1.0),)),)},
            "factor moon: one of coins, nasdaq, risk",
            id="unknown-factor",
        ),
        pytest.param({"weathers": ()}, "describe each regime once", id="no-weather"),
    ],
)
def test_an_impossible_recipe_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match="synthetic market") as caught:
        SyntheticMarket(**changed)  # type: ignore[arg-type]

    assert words in str(caught.value)


def test_the_source_names_seed_and_recipe() -> None:
    recipe = SyntheticMarket(seed=5, days=1)

    source = generate(recipe)[0].source

    assert source.name == "synthetic market, seed 5"
    assert source.sha256 == recipe.fingerprint != SyntheticMarket(seed=5, days=2).fingerprint
    assert generate(recipe)[0].step_ns == 300 * SECOND_NS
