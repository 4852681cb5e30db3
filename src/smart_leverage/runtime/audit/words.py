"""What an audit says in sentences: the verdict, skill or luck, the target, what is not known."""

import math
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from smart_leverage.books.exact import ZERO
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.sentences import money, percent, short
from smart_leverage.domain.stamps import span
from smart_leverage.fills.costs import CostModel
from smart_leverage.reports.citing import clipped, counted, ratio_text, signed
from smart_leverage.research.verify.verdict import CONFIDENCE
from smart_leverage.research.verify.words import MOST_SURE, share
from smart_leverage.runtime.audit.auditing import Audit, Replay
from smart_leverage.runtime.counterfactual import Line

GROUPS = {"crypto": "crypto", "leveraged": "crypto and leveraged funds", "gross": "all positions"}
TRADES_MIN = 10
"""From fewer trades nobody should be told how many more it takes."""

APART = 0.01
"""Record and orders may differ by this return before it is told."""

HALTS = ("halted", "reducing", "breaker_day", "breaker_month")

NAMED = 3
"""So many instruments are named where a list is long."""


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
    first = "What the policy would have made of it is not known" if of.replay is None else (
        _held_back(of.replay)
    )  # fmt: skip
    return f"{first}; {_luck_clause(of)}, and {_target_clause(of)}."


def _held_back(replay: Replay) -> str:
    """Tell what would have been kept back, and the exposure that it would have spared."""
    buys = [each for each in replay.compared.lines if each.offer.side.value == "buy"]
    stopped = [each for each in buys if each.verdict in ("denied", "cut")]
    if not buys:
        first = "The policy would have had no purchase to judge"
    elif not stopped:
        first = f"The policy would have let all {counted(len(buys), 'purchase')} pass"
    else:
        verb = "denied or shrunk" if any(each.verdict == "cut" for each in stopped) else "denied"
        first = f"The policy would have {verb} {len(stopped):,} of {counted(len(buys), 'purchase')}"
    group = worst_group(replay)
    if group is None:
        return first
    peak = replay.compared.alone.replayed.peaks[group]
    held = replay.compared.governed.replayed.peaks[group].share
    return (
        f"{first} and kept {GROUPS[group]} at {percent(held, 0)} of equity at most instead of "
        f"{percent(peak.share, 0)}, where it allows {percent(peak.cap, 0)}"
    )


def worst_group(replay: Replay) -> str | None:
    """Return the group that stood furthest above its cap; None where none did."""
    peaks = replay.compared.alone.replayed.peaks
    ratios = {
        name: peaks[name].share / peaks[name].cap
        for name in GROUPS
        if name in peaks and peaks[name].cap > 0 and peaks[name].share > peaks[name].cap
    }
    return max(ratios, key=lambda name: ratios[name]) if ratios else None


def _luck_clause(of: Audit) -> str:
    basis = _basis(of)
    return {
        Judged.SKILL: f"{basis} show more than luck at 95 %",
        Judged.LOSS: f"{basis} show a strategy that loses",
        Judged.OPEN: f"{basis} do not tell the result from luck",
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


def difference(replay: Replay) -> str:
    """Tell money and drawdown with and without the policy."""
    alone, governed = replay.compared.alone, replay.compared.governed
    more = governed.replayed.equity_last - alone.replayed.equity_last
    deeper = governed.drawdown - alone.drawdown
    ended = f"{money(abs(more))} {'more' if more > 0 else 'less'}" if more else "the same"
    fell = "the same" if not deeper else (
        f"{percent(governed.drawdown, 2)} instead of {percent(alone.drawdown, 2)}"
    )  # fmt: skip
    return (
        f"Under the policy the same orders end with {ended}, and the deepest drawdown is {fell}. "
        "That is no skill: it is what these prices made of other positions."
    )


def sales(replay: Replay) -> str:
    """Tell what would have been sold without being asked."""
    house = replay.compared.governed.replayed.house
    if not house:
        return "Nothing would have been sold by the policy itself."
    words = {"trim": "to come down to a cap", "stop": "by protective stops"}
    parts = [
        f"{money(each.notional)} {words.get(name, f'({clipped(name, 24)})')} in "
        f"{counted(each.fills, 'fill')}"
        for name, each in house.items()
    ]
    return f"The policy itself would have sold {' and '.join(parts)}."


def halted(replay: Replay) -> str:
    """Tell that the replay ends in a halt, which a person would have had to lift."""
    if replay.compared.governed.replayed.state != "halted":
        return ""
    late = sum(each.reason in HALTS for each in replay.denied)
    return (
        f"The account ends halted, and {counted(late, 'order')} would have been denied for a halt "
        "or a tripped limit: a person has to resume after a month that lost its limit, and in a "
        "replay nobody does. --resume-monthly plays that person."
    )


def kept_from_selling(replay: Replay) -> str:
    """Tell about denied sales; a sale of what is held is never denied."""
    sold = [each for each in replay.denied if each.offer.side.value == "sell"]
    if not sold:
        return ""
    names = ", ".join(dict.fromkeys(short(each.reason) for each in sold))
    return (
        f"{counted(len(sold), 'sale')} would have been denied ({names}): there was nothing of it "
        "to sell, since the purchase before had been denied or is not in these files. What is "
        "held may always be sold."
    )


def asked_less_given(line: Line) -> Decimal:
    """Return what of an order was kept back, in money."""
    return line.asked_money - line.given_money


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
    return f"Not told from luck: {_basis(of)} are too few to say{more}."


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


# -- what is not known ----------------------------------------------------------------------------


def unknown(of: Audit) -> Iterator[str]:
    """Yield what is not known, why, and what would help."""
    yield from _unknown_money(of)
    if of.replay is None:
        yield f"What the policy would have made of it: {of.why_not}."
    else:
        yield from _unknown_replay(of, of.replay)
    yield from _unknown_files(of)
    for why in dict.fromkeys(each for each in (of.days.why, of.target.why) if each):
        yield f"{why[:1].upper()}{why[1:]}."
    if of.rate is not None and of.rate.breakeven is None:
        yield "The payoff: it takes a trade that was won and one that was lost."
    elif of.rate is not None:
        yield (
            "The break-even win rate comes from the same trades that are held against it; one "
            "large loss that has not come yet would move it."
        )
    yield (
        "How many strategies, instruments and periods were tried before this one was chosen: "
        "each of them makes a good result likelier by luck alone. Taxes are not counted."
    )


def _unknown_money(of: Audit) -> Iterator[str]:
    if of.asked.is_assumed:
        yield (
            f"What the account had at first. {of.asked.equity_from[:1].upper()}"
            f"{of.asked.equity_from[1:]}; every share of equity, cap and drawdown here rests on "
            "it. --equity says what it was, holdings included."
        )
    if of.is_recorded and of.replay is not None and of.worths is not None:
        alone = of.replay.compared.alone
        told = float(alone.replayed.equity_last / alone.replayed.equity_first) - 1.0
        if abs(told - of.worths.change) > APART:
            yield (
                f"Why the account's own record says {signed(of.worths.change)} and its orders here "
                f"come to {signed(told)}: orders are missing, or money came that no file names."
            )
    if not of.is_recorded:
        yield (
            "What the account was worth from day to day: these files hold orders, no equity. The "
            "curve is a replay of its fills at a simulated venue; a portfolio history beside the "
            "file would show the real one."
        )


def _unknown_fees(of: Audit) -> str:
    costs = of.asked.costs
    if costs is None:
        usual = CostModel()
        return (
            "What was paid in fees: the files name none. The replays are charged "
            f"{percent(usual.crypto.fee_taker, 2)} on coins and "
            f"{percent(usual.stock.fee_taker, 2)} on shares, the closed trades nothing."
        )
    return (
        "The fee of each order in a replay: both are charged what the files paid on the whole, "
        f"{percent(costs.crypto.fee_taker, 3)} on coins and {percent(costs.stock.fee_taker, 3)} on "
        "shares."
    )


def _unknown_replay(of: Audit, replay: Replay) -> Iterator[str]:
    yield _unknown_fees(of)
    if not of.asked.bars:
        yield (
            "Prices between the fills: those of the fills are the only ones there are, so what "
            "fell and rose again in between is not seen, nor a stop that it would have hit. "
            "--bars adds prices."
        )
    yield (
        "Bids, offers and depth: there are no quotes, so bid and ask are one price and every "
        "order fills whole. Before its first fill an instrument has the price of that fill, "
        "which is a look ahead."
    )
    log = replay.log
    if log.unpriced:
        count = sum(log.unpriced.values())
        yield (
            f"What {counted(count, 'order')} would have become that have no price, since nothing "
            f"of the instrument filled: {_list(sorted(log.unpriced))}."
        )
    if replay.refused:
        yield (
            f"Where the money came from for {counted(replay.refused, 'order')} that filled in "
            "truth, and that the replay without the governor could not pay or deliver: another "
            "program on the account, a deposit, margin, or holdings from before. The curve "
            "without the governor lacks them."
        )
    strange = sorted(key.partition(":")[2] for key in log.trails if key not in Registry.builtin())
    if strange:
        yield (
            f"What {_list(strange)} is: no table knows it, so it counts as the strictest of its "
            "class."
        )
    yield (
        "What a bot would have done after a denial. The history goes on as if nothing had "
        "happened, and a halted account stays halted unless --resume-monthly plays the person "
        "who lifts it."
    )


def _unknown_files(of: Audit) -> Iterator[str]:
    found = of.gathered
    for why, count in sorted(found.left_out.items()):
        yield f"Left out, {clipped(why, 120)}: {count:,}."
    if found.cash_fees != ZERO:
        yield f"To which trades {money(found.cash_fees)} of fees belong; they are in none."
    if found.left_open:
        names = _list([each.key.partition(":")[2] for each in found.left_open])
        yield f"How what is still open will end: {names}. Closed trades alone make the win rate."
    for doubt in found.doubts:
        yield f"{clipped(doubt, 200)}."


def _list(names: list[str]) -> str:
    shown = ", ".join(clipped(name, 24) for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
