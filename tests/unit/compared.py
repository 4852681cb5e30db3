"""A small market on which policies are compared, shared by the tests of comparing."""

from collections.abc import Sequence
from functools import cache

from tests.unit.walked import market

from smart_leverage.market.bars import BarSeries
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.research.compare import Compared, Contender, Contest, compare
from smart_leverage.research.kernel import Setup, columns_of, signals_of
from smart_leverage.strategies.momentum import Momentum

WARM_UP, TEST = 60, 20
ZONE = "America/New_York"


def capped(policy: Policy = CLASSIC) -> Policy:
    """Return a policy whose volatility cap is on, so that it needs evidence."""
    exposure = policy.exposure._replace(is_volatility_capped=True, volatility_max=0.02)
    return policy._replace(exposure=exposure)


def small() -> Policy:
    """Return a policy that buys less."""
    return CLASSIC._replace(sizing=CLASSIC.sizing._replace(base_share=0.01))


CONTENDERS = (
    Contender("classic", CLASSIC),
    Contender("small", small()),
    Contender("capped", capped()),
)


def contest_over(
    series: Sequence[BarSeries], contenders: Sequence[Contender] = CONTENDERS
) -> Contest:
    bars = columns_of(series)
    signals = signals_of([Momentum()], series, bars)
    return Contest(bars, signals, contenders, Setup(resumes_monthly=True), WARM_UP, TEST)


@cache
def contest() -> Contest:
    return contest_over(market())


@cache
def compared() -> Compared:
    return compare(contest())
