"""What an audit says in sentences: the verdict, skill or luck, the target."""

import math
from enum import StrEnum

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.sentences import money, percent
from smart_leverage.domain.stamps import span
from smart_leverage.reports.citing import counted, ratio_text, signed
from smart_leverage.research.verify.verdict import CONFIDENCE
from smart_leverage.research.verify.words import MOST_SURE, share
from smart_leverage.runtime.audit.auditing import Audit
from smart_leverage.runtime.audit.policy_words import held_back

TRADES_MIN = 10
"""From fewer trades nobody should be told how many more it takes."""


class Judged(StrEnum):
    """What trades and days together allow to say."""

    SKILL = "more than luck"
    LOSS = "a losing edge"
    OPEN = "not told from luck"
    NOTHING = "nothing to judge"


def judged(of: Audit) -> Judged:
    """Return what may be said of the result.

    Skill needs days: a high win rate alone is what a few large losses to come look like.
    """
    told, luck = None if of.rate is None else of.rate.told, of.days.luck
    if told is None and luck is None:
        return Judged.NOTHING
    real = [] if luck is None else [each for each in luck.luck.deflated if math.isfinite(each)]
    if real and min(real) >= CONFIDENCE:
        return Judged.SKILL
    # All that the win rate may be lies below break-even, which the same trades have told.
    is_below = told is not None and told.upper < told.bar and of.trades.net < 0
    if is_below or (real and max(real) <= 1.0 - CONFIDENCE):
        return Judged.LOSS
    return Judged.OPEN


def verdict(of: Audit) -> str:
    """Return the one sentence that stands above everything."""
    first = "What the policy would have made of it is not known"
    if of.replay is not None:
        first = held_back(of.replay)
    return f"{first}; {_luck_clause(of)}, and {_target_clause(of)}."


def _luck_clause(of: Audit) -> str:
    basis, is_one = _basis(of), of.trades.closed == 1
    shows = "shows" if is_one else "show"
    return {
        Judged.SKILL: f"{basis} {shows} more than luck at 95 %",
        Judged.LOSS: f"{basis} {shows} a strategy that loses",
        Judged.OPEN: f"{basis} {'does' if is_one else 'do'} not tell the result from luck",
        Judged.NOTHING: "no closed trade and too few days leave skill or luck open",
    }[judged(of)]


def _basis(of: Audit) -> str:
    parts = [counted(of.trades.closed, "closed trade")] if of.trades.closed else []
    first, last = of.span
    return " in ".join([*parts, lasted(last - first)])


def _target_clause(of: Audit) -> str:
    target = of.target
    aim = f"{percent(target.monthly, 0)} a month below {percent(target.drawdown, 0)} drawdown"
    if target.best is None:
        return f"{counted(target.days, 'day')} cannot say how likely {aim} is"
    often = in_hundred(target.best[0].joint_12, target.best[2].joint_12)
    return f"a year of {aim} would come about {often}, at the best size and if it went on like this"


def lasted(span_ns: int) -> str:
    """Return how long something took: "11 h 55 min", "259 days"."""
    return f"{round(span_ns / DAY_NS):,} days" if span_ns >= 2 * DAY_NS else span(span_ns)


def in_hundred(low: float, high: float) -> str:
    """Return a range of probabilities as people count: "3 to 12 times in 100"."""
    if high < 0.005:
        return "less than once in 200"
    if low > 0.995:
        return "more than 199 times in 200"
    least, most = round(low * 100), round(high * 100)
    if least == most:
        return "once in 100" if most == 1 else f"{most} times in 100"
    return f"{least} to {most} times in 100"


# -- the policy -----------------------------------------------------------------------------------


def happened(of: Audit) -> str:
    """Tell what the account did."""
    first, last = of.span
    when = f"in {lasted(last - first)}"
    if of.worths is None:
        own = of.gathered.sums
        return (
            f"Its trades made {money(own.net)} after fees {when}; what it was worth is not known."
        )
    whose = "The account" if of.is_recorded else "Replayed without the governor the account"
    start, end = of.worths.points[0][1], of.worths.points[-1][1]
    flows = ", deposits and withdrawals taken out" if of.gathered.flows else ""
    return (
        f"{whose} went from {money(start)} to {money(end)} {when}: {signed(of.worths.change)}"
        f"{flows}, at worst {share(of.worths.drawdown, 2)} below its best."
    )


# -- skill or luck --------------------------------------------------------------------------------


def skill(of: Audit) -> str:
    """Return the plain sentence on skill or luck."""
    found = judged(of)
    if found is Judged.NOTHING:
        return "Nothing was closed and there are too few days, so nobody can tell skill from luck."
    if found is Judged.SKILL:
        return (
            f"More than luck, as far as {_basis(of)} show it; whether it lasts, no past can say, "
            "and what else was tried before is not in these files."
        )
    if found is Judged.LOSS:
        return (
            f"{_basis(of).capitalize()} are enough to say that this loses money: the policy makes "
            "it lose more slowly, and cannot make it win."
        )
    more = _still_needed(of)
    verb = "is" if of.trades.closed == 1 else "are"
    return f"Not told from luck: {_basis(of)} {verb} too few to say{more}."


def _still_needed(of: Audit) -> str:
    parts = []
    if of.rate is not None and of.rate.told.needed and of.rate.told.trades >= TRADES_MIN:
        parts.append(f"{of.rate.told.needed:,} more trades like these")
    days = days_needed(of)
    if days is not None:
        parts.append(f"{days:,} more days like these")
    return f"; it would take about {' or '.join(parts)}" if parts else ""


def days_needed(of: Audit) -> int | None:
    """Return how many more days would prove the Sharpe ratio above zero; None where none do."""
    if of.days.luck is None:
        return None
    needed = of.days.luck.luck.days_needed
    return max(math.ceil(needed) - of.days.number, 0) if math.isfinite(needed) else None


def sure(probability: float) -> str:
    """Return a probability that never reads as certain."""
    if math.isnan(probability):
        return "not known"
    if probability > MOST_SURE:
        return f"above {share(MOST_SURE)}"
    return share(probability) if probability > 1.0 - MOST_SURE else f"below {share(1 - MOST_SURE)}"


# -- the target -----------------------------------------------------------------------------------


def goal(of: Audit) -> str:
    """Return the plain sentence on the target."""
    target = of.target
    aim = f"{percent(target.monthly, 0)} a month and a drawdown below {percent(target.drawdown, 0)}"
    asks = f"{aim} ask for a Sharpe ratio of about {ratio_text(target.needed, 1)}"
    if target.best is None or target.verdict is None:
        return f"{asks}. How far this past is from it, nobody can say: {target.why}."
    low, value, high = (each.sharpe for each in target.best)
    return (
        f"{asks}; this past has {ratio_text(value, 1)}, in truth between {ratio_text(low, 1)} and "
        f"{ratio_text(high, 1)} (90 %). On that record the target is {target.verdict}. An aim is "
        "no promise, and nothing here is a forecast."
    )
