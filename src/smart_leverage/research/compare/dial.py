"""One dial per policy: all its caps scaled by one share, so that risk is equal before growth is.

The dials are set on the warm-up alone, by the volatility that each account had in it, down to that
of the calmest; what is reported knows nothing of them. Equal in the warm-up does not mean equal
afterwards, so the volatility of the days that count is told beside it.
"""

import math

from smart_leverage.domain.errors import BadData
from smart_leverage.policy.params import Policy
from smart_leverage.policy.tier import Caps, TierCaps
from smart_leverage.research.compare.figures import volatility_of
from smart_leverage.research.compare.running import Contender, Contest, course_of
from smart_leverage.research.walk_forward.parts import part_of
from smart_leverage.research.walk_forward.splits import Span

LEAST = 0.01
"""No dial is turned down further than to this share of the caps."""
STEPS = 12
"""So often an interval is halved: to a four-thousandth of the dial."""


def scaled(policy: Policy, share: float) -> Policy:
    """Return a policy with every cap on the exposure of a sleeve scaled by a share, in (0, 1].

    Limits on losses, sizes relative to what is available, and stops stay as they are.
    """
    at, tiers = policy.exposure, policy.tiers
    return policy._replace(
        tiers=TierCaps(
            **{
                name: Caps(crypto=each.crypto * share, leveraged=each.leveraged * share)
                for name, each in tiers._asdict().items()
            }
        ),
        exposure=at._replace(
            drawdown_multiple=at.drawdown_multiple * share,
            shortfall_max=at.shortfall_max * share,
            kelly_fraction=at.kelly_fraction * share,
            kelly_least=at.kelly_least * share,
            volatility_max=at.volatility_max * share,
        ),
    )


def dialled(contest: Contest) -> Contest:
    """Return the same contest with all policies scaled to the calmest one of the warm-up.

    Raises:
        ConfigError: A policy, the setup or a length cannot be.
        BadData: Too few days, or an account that never moved in the warm-up; it is named.
    """
    days = Span(0, contest.windows[0].first)
    part = part_of(contest.bars, contest.signals, days)
    warm_up = contest._replace(bars=part.bars, signals=part.signals)
    before = [_volatility(warm_up, each, 1.0) for each in contest.contenders]
    for each, volatility in zip(contest.contenders, before, strict=True):
        if not volatility > 0.0:
            raise BadData(
                f"{each.name} held nothing in the warm-up: there is nothing to set its dial by",
                fix="give a longer warm-up",
            )
    found = []
    for each, volatility in zip(contest.contenders, before, strict=True):
        share = 1.0 if volatility <= min(before) else _share(warm_up, each, min(before))
        found.append(each._replace(policy=scaled(each.policy, share), dial=share))
    return contest._replace(contenders=found)


def _share(warm_up: Contest, contender: Contender, target: float) -> float:
    """Return the largest share found whose volatility is not above a target."""
    low, high = LEAST, 1.0
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        if _volatility(warm_up, contender, middle) <= target:
            low = middle
        else:
            high = middle
    return low


def _volatility(warm_up: Contest, contender: Contender, share: float) -> float:
    one = contender._replace(policy=scaled(contender.policy, share))
    return volatility_of(course_of(warm_up, one, Span(0, warm_up.warm_up_days)))
