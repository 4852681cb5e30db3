"""What a record of closed trades proves: the believed win rate, and the tier that it earns.

A win rate from twenty trades says little, so the tier follows the probability that the win rate
lies above a threshold. It rises where that is likely and falls only where it has become unlikely;
the gap between the two keeps it from flapping.
"""

import math
from typing import NamedTuple

from smart_leverage.policy.beta import beta_quantile, beta_survival
from smart_leverage.policy.target import breakeven_win_rate
from smart_leverage.policy.tier import TOLERANCE, Tier
from smart_leverage.rule import rule

ABOVE_MEAN_LEAST, ABOVE_MEAN_MOST = 0.36, 0.64
"""1/e and 1 − 1/e, each with room for rounding; see `is_probably_above`."""

COUNTS_PLAIN = 1e4
"""Up to so many wins or losses the fraction for the probability has converged for certain."""


class CredibleInterval(NamedTuple):
    """Where the win rate lies with a stated probability, equal tails, and its mean."""

    lower: float
    upper: float
    mean: float


class EvidenceTerms(NamedTuple):
    """What a rise and a fall of the earned tier take; the defaults are the preset `steady`."""

    prior_a: float = 5.0
    prior_b: float = 5.0
    discount: float = 0.99
    """What an old trade keeps of its weight with every new one, in (0, 1]."""
    threshold_1: float = 0.45
    threshold_2: float = 0.60
    promote_probability: float = 0.80
    demote_probability: float = 0.30
    trades_min_1: float = 20.0
    trades_min_2: float = 40.0


class EvidenceState(NamedTuple):
    """Discounted counts of closed trades, and the tier that they have earned."""

    wins: float
    losses: float
    tier: Tier


class PayoffThresholds(NamedTuple):
    """Win rates to beat, given what a win and a loss are worth."""

    payoff_ratio: float
    breakeven: float
    threshold_1: float
    threshold_2: float


class Prior(NamedTuple):
    """Wins and losses believed in advance."""

    a: float
    b: float


@rule
def posterior_prob_above(
    prior_a: float, prior_b: float, wins: float, trades: float, threshold: float
) -> float:
    """Return the probability that the win rate lies above a threshold, given the record.

    Args:
        prior_a: Wins believed in advance, above 0.
        prior_b: Losses believed in advance, above 0.
        wins: Closed trades won; may be discounted, so not whole.
        trades: Closed trades, at least as many.
        threshold: Win rate, fraction.

    Returns:
        Probability in [0, 1]; 0.0, no evidence, when anything is NaN or out of range.
    """
    if not (prior_a > 0.0 and prior_b > 0.0 and 0.0 <= wins <= trades < math.inf):
        return 0.0
    if threshold < 0.0:
        return 1.0
    probability = beta_survival(threshold, prior_a + wins, prior_b + (trades - wins))
    return probability if probability >= 0.0 else 0.0


@rule
def credible_interval(
    prior_a: float, prior_b: float, wins: float, trades: float, level: float
) -> CredibleInterval:
    """Return where the win rate lies with the probability `level`, and its mean.

    Args:
        prior_a: Wins believed in advance, above 0.
        prior_b: Losses believed in advance, above 0.
        wins: Closed trades won.
        trades: Closed trades, at least as many.
        level: Probability inside, in [0, 1].

    Returns:
        Fractions; the whole of [0, 1] and a mean of NaN when anything is NaN or out of range.
    """
    is_known = prior_a > 0.0 and prior_b > 0.0 and 0.0 <= wins <= trades < math.inf
    if not (is_known and 0.0 <= level <= 1.0):
        return CredibleInterval(lower=0.0, upper=1.0, mean=math.nan)
    a = prior_a + wins
    b = prior_b + (trades - wins)
    tail = 0.5 * (1.0 - level)
    lower = beta_quantile(tail, a, b)
    upper = 1.0 - beta_quantile(tail, b, a)
    if not lower <= upper:  # also when one is NaN
        return CredibleInterval(lower=0.0, upper=1.0, mean=math.nan)
    return CredibleInterval(lower=lower, upper=upper, mean=a / (a + b))


@rule
def step_evidence(state: EvidenceState, is_win: bool, at: EvidenceTerms) -> EvidenceState:
    """Return counts and earned tier after one more closed trade.

    Old trades lose weight before the new one is added. A fall is judged before a rise, and there is
    one step per trade.

    Args:
        state: Before; no counts and LEARNING at the start.
        is_win: Whether the trade closed with a profit, costs included. A scratch is no trade.
        at: Priors, thresholds and probabilities; where one is NaN nothing rises and all falls.

    Returns:
        The state; its tier is LEARNING, STABLE or PROFITABLE, never EMERGENCY, which is about the
        month and not about the record.
    """
    wins = at.discount * state.wins
    losses = at.discount * state.losses
    if is_win:
        wins = wins + 1.0
    else:
        losses = losses + 1.0
    return EvidenceState(wins=wins, losses=losses, tier=_earned(state.tier, wins, losses, at))


@rule
def is_probably_above(
    prior: Prior, wins: float, losses: float, threshold: float, least: float
) -> bool:
    """Tell whether the win rate lies above a threshold with at least some probability.

    That is `posterior_prob_above` compared with `least`, to the last case. Most cases need no more
    than the mean: where a density has a concave logarithm, as that of a beta variable has from one
    win and one loss on, the variable lies above its mean with a probability of at least 1/e and at
    most 1 − 1/e (Grünbaum's inequality).

    Args:
        prior: Wins and losses believed in advance.
        wins: Closed trades won; may be discounted.
        losses: Closed trades lost.
        threshold: Win rate, fraction.
        least: Probability that is asked for.
    """
    a, b = prior.a + wins, prior.b + losses
    is_plain = prior.a > 0.0 and prior.b > 0.0 and wins >= 0.0 and losses >= 0.0
    if is_plain and 1.0 <= a <= COUNTS_PLAIN and 1.0 <= b <= COUNTS_PLAIN:
        edge = (a + b) * threshold
        if edge >= a and least > ABOVE_MEAN_MOST:
            return False
        if edge <= a and least < ABOVE_MEAN_LEAST:
            return True
    return posterior_prob_above(prior.a, prior.b, wins, wins + losses, threshold) >= least


@rule
def _earned(tier: Tier, wins: float, losses: float, at: EvidenceTerms) -> Tier:
    prior = Prior(a=at.prior_a, b=at.prior_b)
    if tier == Tier.PROFITABLE:
        is_held = _holds(prior, wins, losses, at.threshold_2, at)
        return Tier.PROFITABLE if is_held else Tier.STABLE
    if tier == Tier.STABLE:
        if not _holds(prior, wins, losses, at.threshold_1, at):
            return Tier.LEARNING
        is_risen = _rises(prior, wins, losses, at.threshold_2, at.trades_min_2, at)
        return Tier.PROFITABLE if is_risen else Tier.STABLE
    is_risen = _rises(prior, wins, losses, at.threshold_1, at.trades_min_1, at)
    return Tier.STABLE if is_risen else Tier.LEARNING


@rule
def _holds(prior: Prior, wins: float, losses: float, threshold: float, at: EvidenceTerms) -> bool:
    return is_probably_above(prior, wins, losses, threshold, at.demote_probability - TOLERANCE)


@rule
def _rises(
    prior: Prior,
    wins: float,
    losses: float,
    threshold: float,
    trades_min: float,
    at: EvidenceTerms,
) -> bool:
    if not wins + losses >= trades_min - TOLERANCE:
        return False
    return is_probably_above(prior, wins, losses, threshold, at.promote_probability - TOLERANCE)


@rule
def payoff_thresholds(
    wins: float,
    losses: float,
    mean_win: float,
    mean_loss: float,
    cost_per_trade: float,
    prior_trades: float,
    offset_2: float,
) -> PayoffThresholds:
    """Return the win rates to beat, from what wins and losses have been worth so far.

    Both means are drawn towards the mean size of all trades, as if `prior_trades` of that size had
    come before: a few lucky wins make no payoff ratio.

    Args:
        wins: Closed trades won.
        losses: Closed trades lost.
        mean_win: Of the winning ones, positive fraction; not read without any.
        mean_loss: Of the losing ones, positive fraction; not read without any.
        cost_per_trade: Fraction, 0 or more.
        prior_trades: How many trades the prior weighs, above 0.
        offset_2: How far the second threshold lies above break-even.

    Returns:
        Payoff ratio 1 and break-even ½ without a closed trade; an infinite break-even, which no
        record beats, when anything is NaN or out of range.
    """
    if wins == 0.0 and losses == 0.0:
        return PayoffThresholds(
            payoff_ratio=1.0, breakeven=0.5, threshold_1=0.5, threshold_2=0.5 + offset_2
        )
    won = wins * mean_win if wins > 0.0 else 0.0
    lost = losses * mean_loss if losses > 0.0 else 0.0
    is_known = wins >= 0.0 and losses >= 0.0 and 0.0 <= won < math.inf and 0.0 <= lost < math.inf
    if not (is_known and won + lost > 0.0 and prior_trades > 0.0 and cost_per_trade >= 0.0):
        return PayoffThresholds(
            payoff_ratio=0.0, breakeven=math.inf, threshold_1=math.inf, threshold_2=math.inf
        )
    prior = prior_trades * ((won + lost) / (wins + losses))
    win = (won + prior) / (wins + prior_trades)
    loss = (lost + prior) / (losses + prior_trades)
    if not (win < math.inf and 0.0 < loss < math.inf):
        return PayoffThresholds(
            payoff_ratio=0.0, breakeven=math.inf, threshold_1=math.inf, threshold_2=math.inf
        )
    ratio = win / loss
    breakeven = breakeven_win_rate(ratio, cost_per_trade / loss)
    return PayoffThresholds(
        payoff_ratio=ratio,
        breakeven=breakeven,
        threshold_1=breakeven,
        threshold_2=breakeven + offset_2,
    )


@rule
def payoff_prior(breakeven: float, strength: float) -> Prior:
    """Return a prior that believes in no edge: its mean is the win rate at break-even.

    Args:
        breakeven: Win rate at which trades earn nothing. From 1 on no record is enough: the prior
            has no wins left to give, and what is asked with it is answered with no.
        strength: How many trades it weighs.
    """
    return Prior(a=strength * breakeven, b=strength * (1.0 - breakeven))


class RecordTerms(NamedTuple):
    """How a record earns a tier under `steady`; with `is_earned` off the raw win rate decides."""

    is_earned: bool = False
    discount: float = 0.99
    promote_probability: float = 0.80
    demote_probability: float = 0.30
    trades_min_1: int = 20
    trades_min_2: int = 40
    prior_trades: float = 10.0
    """So many trades without an edge are believed in advance."""
    payoff_trades: float = 20.0
    """So many trades of one size are believed in advance for the payoff ratio."""
    offset: float = 0.10
    """How far above break-even the win rate of a profitable account lies."""
    scratch: float = 0.0001
    """A trade that moved by less than this part of what was put in is neither won nor lost."""


class Record(NamedTuple):
    """Discounted counts and sums of closed episodes, and the tier that they have earned.

    `won` and `lost` are sums of returns on what was put in, positive fractions.
    """

    wins: float = 0.0
    losses: float = 0.0
    won: float = 0.0
    lost: float = 0.0
    tier: Tier = Tier.LEARNING


@rule
def thresholds_of_record(record: Record, at: RecordTerms) -> PayoffThresholds:
    """Return the win rates that a record has to beat, given what its wins and losses were worth.

    Its returns are net of costs, so no cost is added. Drawing the payoff ratio towards one size
    keeps a few lucky wins from lowering the bar; it must not lower that of an account whose rare
    losses are large, so the higher of both counts.
    """
    mean_win = record.won / record.wins if record.wins > 0.0 else 0.0
    mean_loss = record.lost / record.losses if record.losses > 0.0 else 0.0
    drawn = payoff_thresholds(
        record.wins, record.losses, mean_win, mean_loss, 0.0, at.payoff_trades, at.offset
    )
    if not (mean_win > 0.0 and mean_loss > 0.0):
        return drawn
    breakeven = breakeven_win_rate(mean_win / mean_loss, 0.0)
    if not breakeven > drawn.breakeven:
        return drawn
    return PayoffThresholds(
        payoff_ratio=mean_win / mean_loss,
        breakeven=breakeven,
        threshold_1=breakeven,
        threshold_2=breakeven + at.offset,
    )


@rule
def _terms_of(record: Record, at: RecordTerms) -> EvidenceTerms:
    worth = thresholds_of_record(record, at)
    prior = payoff_prior(worth.breakeven, at.prior_trades)
    return EvidenceTerms(
        prior_a=prior.a,
        prior_b=prior.b,
        discount=at.discount,
        threshold_1=worth.threshold_1,
        threshold_2=worth.threshold_2,
        promote_probability=at.promote_probability,
        demote_probability=at.demote_probability,
        trades_min_1=float(at.trades_min_1),
        trades_min_2=float(at.trades_min_2),
    )


class Proof(NamedTuple):
    """What a record says of both thresholds: where they lie, and how sure it is of being above."""

    threshold_1: float
    threshold_2: float
    above_1: float
    above_2: float


@rule
def proof_of(record: Record, at: RecordTerms) -> Proof:
    """Return how sure a record is of being above either threshold; for people.

    Args:
        record: Of closed episodes.
        at: Terms.
    """
    terms = _terms_of(record, at)
    trades = record.wins + record.losses
    return Proof(
        threshold_1=terms.threshold_1,
        threshold_2=terms.threshold_2,
        above_1=posterior_prob_above(
            terms.prior_a, terms.prior_b, record.wins, trades, terms.threshold_1
        ),
        above_2=posterior_prob_above(
            terms.prior_a, terms.prior_b, record.wins, trades, terms.threshold_2
        ),
    )


@rule
def step_record(record: Record, outcome: float, at: RecordTerms) -> Record:
    """Return a record after one more closed episode.

    Args:
        record: Before.
        outcome: Net profit as a fraction of what was put in; a scratch, or NaN, changes nothing.
        at: Terms.
    """
    if not (outcome >= at.scratch or outcome <= -at.scratch):
        return record
    wins, losses = at.discount * record.wins, at.discount * record.losses
    won, lost = at.discount * record.won, at.discount * record.lost
    if outcome > 0.0:
        wins, won = wins + 1.0, won + outcome
    else:
        losses, lost = losses + 1.0, lost - outcome
    after = Record(wins=wins, losses=losses, won=won, lost=lost, tier=record.tier)
    tier = _earned(record.tier, wins, losses, _terms_of(after, at))
    return Record(wins=wins, losses=losses, won=won, lost=lost, tier=tier)


@rule
def tier_with_open_losers(record: Record, losers: int, at: RecordTerms) -> Tier:
    """Return the tier that is left when open losers count as lost: it falls, and never rises.

    Args:
        record: Of closed episodes.
        losers: Open episodes at a loss that are older than half of those that closed.
        at: Terms.
    """
    if losers <= 0:
        return record.tier
    terms, losses = _terms_of(record, at), record.losses + float(losers)
    tier = record.tier
    if tier == Tier.PROFITABLE:
        tier = _left(tier, record.wins, losses, terms.threshold_2, terms)
    if tier == Tier.STABLE:
        tier = _left(tier, record.wins, losses, terms.threshold_1, terms)
    return tier


@rule
def _left(tier: Tier, wins: float, losses: float, threshold: float, at: EvidenceTerms) -> Tier:
    if _holds(Prior(a=at.prior_a, b=at.prior_b), wins, losses, threshold, at):
        return tier
    return Tier.STABLE if tier == Tier.PROFITABLE else Tier.LEARNING
