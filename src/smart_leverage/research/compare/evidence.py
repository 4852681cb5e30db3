"""Evidence for a policy that needs it, made month by month from days that were over by then.

Live, `refit` measures the account's own past. Here a reference account does: the same policy on the
same signals, with the caps that need evidence off. Returns of a sleeve are at exposure 1, so it
matters little how much of the sleeve was held; and a cap that has shrunk an account to nothing
cannot starve its own evidence. A record counts from the month's beginning until it expires.
"""

from collections.abc import Sequence

from smart_leverage.domain.evidence import evidence_of
from smart_leverage.policy.params import Policy
from smart_leverage.research.compare.sleeves import sleeve_days
from smart_leverage.research.kernel import Columns, Setup, Signals, run
from smart_leverage.research.kernel.market import Dated
from smart_leverage.research.refit.measuring import monthly
from smart_leverage.research.refit.past import Day, Past


def needs_evidence(policy: Policy) -> bool:
    """Tell whether any of a policy's caps reads what was measured of the sleeves."""
    at = policy.exposure
    return at.is_tail_capped or at.is_kelly_capped or at.is_volatility_capped


def without_measured_caps(policy: Policy) -> Policy:
    """Return a policy whose caps ask for no evidence; its other caps stay as they are."""
    return policy._replace(
        exposure=policy.exposure._replace(
            is_tail_capped=False, is_kelly_capped=False, is_volatility_capped=False
        )
    )


def evidence_for(
    bars: Columns, signals: Signals, policy: Policy, setup: Setup, timezone: str
) -> list[Dated]:
    """Return the records that a monthly schedule would have made for a policy, oldest first.

    Args:
        bars: Columns of bars.
        signals: Made for the same columns.
        policy: The one that will read them.
        setup: Of the account.
        timezone: In which the risk days of the bars begin.

    Raises:
        BadData: See `kernel.run`.
    """
    reference = run(bars, signals, without_measured_caps(policy), setup)
    return dated(sleeve_days(reference, bars, setup.cash, timezone), timezone)


def dated(days: Sequence[Day], timezone: str) -> list[Dated]:
    """Return the records of every month in numbers, as the kernel reads them.

    A record holds from the beginning of its month, and knows the days that were over by then.
    """
    found = []
    for one in monthly(Past(timezone, tuple(days), ())):
        told = evidence_of(one.measured)
        found.append(
            Dated(
                since_ns=one.at_ns,
                until_ns=one.measured.expires_ns,
                crypto=told.sleeves["crypto"],
                leveraged=told.sleeves["leveraged"],
            )
        )
    return found
