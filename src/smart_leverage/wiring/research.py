"""Settings become what the kernel is told beside the policy; loads heavy libraries."""

from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel import Setup
from smart_leverage.research.kernel.ladder import Ladder
from smart_leverage.settings import Settings


def setup_of(settings: Settings, *, resumes_monthly: bool = False) -> Setup:
    """Return the account and its venue, with the costs of the simulated broker.

    Args:
        settings: Cash, collar, lives and the tier's ceiling.
        resumes_monthly: Play the person who lifts a halt in a new month.
    """
    execution = settings.execution
    return Setup(
        cash=settings.account.cash,
        collar=execution.collar,
        cost_rate=execution.cost_rate,
        entry_life_s=execution.entry_life_s,
        tier_ceiling=Tier[settings.tiers.ceiling.upper()],
        resumes_monthly=resumes_monthly,
    )


def ladder_of(settings: Settings) -> Ladder:
    """Return how prices are believed."""
    return Ladder(age_max_s=settings.execution.price_age_max_s)
