"""Evidence for a policy that needs it, made month by month from days that were over by then.

Live, `refit` measures the account's own past. Here a reference account does: the same policy on the
same signals, with the caps that need evidence off. Returns of a sleeve are at exposure 1, so it
matters little how much of the sleeve was held; and a cap that has shrunk an account to nothing
cannot starve its own evidence. A record counts from the month's beginning until it expires.

What became of the reference account's signals tells what their confidence was worth. A policy whose
sizes go by the edge gets that as a curve of the same record.
"""

from collections.abc import Sequence
from typing import NamedTuple

from smart_leverage.domain.evidence import evidence_of
from smart_leverage.policy.params import Policy
from smart_leverage.research.compare.outcomes import SOURCE, Curve, outcomes_of, with_curves
from smart_leverage.research.compare.sleeves import sleeve_days
from smart_leverage.research.kernel import Columns, Setup, Signals, run
from smart_leverage.research.kernel.market import Dated
from smart_leverage.research.refit.measuring import monthly
from smart_leverage.research.refit.past import Past


class Known(NamedTuple):
    """What a policy's account is given to know, month by month, oldest first.

    `curves` are fewer than `records` where outcomes were too few for one.
    """

    records: Sequence[Dated] = ()
    curves: Sequence[Curve] = ()


NOTHING = Known()


def needs_evidence(policy: Policy) -> bool:
    """Tell whether a policy reads anything that is measured: of the sleeves, or of signals."""
    at = policy.exposure
    is_capped = at.is_tail_capped or at.is_kelly_capped or at.is_volatility_capped
    return is_capped or policy.edge.is_edge_sized


def without_measured_caps(policy: Policy) -> Policy:
    """Return a policy whose caps ask for no evidence; its other caps stay as they are."""
    return policy._replace(
        exposure=policy.exposure._replace(
            is_tail_capped=False, is_kelly_capped=False, is_volatility_capped=False
        )
    )


def evidence_for(
    bars: Columns, signals: Signals, policy: Policy, setup: Setup, timezone: str
) -> Known:
    """Return what a monthly schedule would have measured for a policy.

    Args:
        bars: Columns of bars.
        signals: Made for the same columns.
        policy: The one that will read it; one that reads nothing gets nothing.
        setup: Of the account.
        timezone: In which the risk days of the bars begin.

    Raises:
        BadData: See `kernel.run`.
    """
    if not needs_evidence(policy):
        return NOTHING
    reference = run(bars, signals, without_measured_caps(policy), setup)
    is_look_through = policy.exposure.is_look_through
    days = sleeve_days(reference, bars, setup.cash, timezone, is_look_through=is_look_through)
    outcomes = outcomes_of(reference, bars, signals) if policy.edge.is_edge_sized else ()
    return known_from(Past(timezone, days, outcomes))


def known_from(past: Past) -> Known:
    """Return the records of every month in numbers, as the kernel reads them.

    A record holds from the beginning of its month, and knows what was over by then.
    """
    records, curves = [], []
    for one in monthly(past):
        told, until_ns = evidence_of(one.measured), one.measured.expires_ns
        sleeves = told.sleeves
        records.append(Dated(one.at_ns, until_ns, sleeves["crypto"], sleeves["leveraged"]))
        if SOURCE in told.curves:
            curves.append(Curve(one.at_ns, until_ns, told.curves[SOURCE]))
    return Known(records, curves)


def heard(signals: Signals, bars: Columns, known: Known) -> Signals:
    """Return signals as an account hears them that knows what their confidence was worth."""
    return with_curves(signals, bars, known.curves) if known.curves else signals
