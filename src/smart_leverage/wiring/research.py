"""Settings become what the kernel is told once; not imported where accounts are governed."""

from smart_leverage.domain.errors import ConfigError
from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel import Setup
from smart_leverage.research.kernel.ladder import Ladder
from smart_leverage.settings import Settings


def setup_of(settings: Settings, *, resumes_monthly: bool = False) -> Setup:
    """Return the account and its venue as the kernel takes them.

    Raises:
        ConfigError: The settings ask for what the kernel does not play.
    """
    account, ramp, execution = settings.account, settings.ramp, settings.execution
    problems = []
    if account.enforcement != "all":
        problems.append(f"account.enforcement = {account.enforcement!r}; research plays 'all' only")
    if ramp.start != 1.0 and ramp.days:
        problems.append(f"ramp.start = {ramp.start}; research plays caps that do not begin small")
    if problems:
        raise ConfigError(problems, "settings for research")
    return Setup(
        cash=account.cash,
        collar=execution.collar,
        cost_rate=execution.cost_rate,
        entry_life_s=execution.entry_life_s,
        tier_ceiling=Tier[settings.tiers.ceiling.upper()],
        resumes_monthly=resumes_monthly,
    )


def ladder_of(settings: Settings) -> Ladder:
    """Return how prices are believed."""
    return Ladder(age_max_s=settings.execution.price_age_max_s)
