"""Every figure of an audit with what it means, what it is counted over, and where it comes from."""

from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.sentences import money, percent
from smart_leverage.policy.target import required_win_rate_simple
from smart_leverage.reports.citing import counted, ratio_text, signed, signed_money
from smart_leverage.reports.figure import Figure, known, unknown
from smart_leverage.research.audit import Rate, Target
from smart_leverage.research.verify.words import share
from smart_leverage.runtime.audit.auditing import Audit, Replay
from smart_leverage.runtime.audit.words import TRADES_MIN, days_needed, sure

REPLAY = "replay of these orders"
FILES = "the files"
MONTH_NS = 365.25 / 12 * DAY_NS
ABOVE = "Probability of a Sharpe ratio above 0"


def figures(of: Audit) -> list[Figure]:
    """Return the figures in the order in which the page tells them."""
    return [*_account(of), *_policy(of), *_trades(of), *_days(of), *_target(of)]


def _account(of: Audit) -> Iterator[Figure]:
    source = "equity in the files" if of.is_recorded else f"{REPLAY}, without the governor"
    definition = "Equity at the end over that at first, less one, deposits taken out."
    fell = "1 − lowest ÷ best before it, deposits taken out."
    if of.worths is None:
        for code, name, what in (
            ("return", "Return", definition), ("drawdown", "Deepest drawdown", fell),
        ):  # fmt: skip
            yield unknown(code, name, "fraction", of.why_not, what, "no point", source)
        return
    worths, basis = of.worths, counted(len(of.worths.points), "point")
    first = worths.points[0][1]
    yield known(
        "equity_first", "Equity at first", first, "USD", money(first),
        "What the account was worth before the first order.", "one point", of.asked.equity_from,
    )  # fmt: skip
    yield known(
        "return", "Return", worths.change, "fraction", signed(worths.change), definition, basis,
        source,
    )  # fmt: skip
    yield known(
        "drawdown", "Deepest drawdown", worths.drawdown, "fraction", share(worths.drawdown, 2),
        fell, basis, source,
    )  # fmt: skip


# -- the policy -----------------------------------------------------------------------------------


def _policy(of: Audit) -> Iterator[Figure]:
    if of.replay is None:
        yield unknown(
            "denied", "Orders denied", "orders", of.why_not, "Orders that would not have passed.",
            "no order", FILES,
        )  # fmt: skip
        return
    yield from _verdicts(of.replay)
    yield from _peaks(of.replay)
    yield from _money(of.replay)


def _verdicts(replay: Replay) -> Iterator[Figure]:
    lines = replay.compared.lines
    basis = counted(len(lines), "order") + " with a price"
    for verdict, name, definition in (
        ("approved", "Orders let pass", "Everything that was asked would have fitted."),
        ("cut", "Orders shrunk", "Less than was asked would have passed."),
        ("denied", "Orders denied", "Nothing of it would have passed."),
    ):
        found = [each for each in lines if each.verdict == verdict]
        asked = sum((each.asked_money for each in found), Decimal(0))
        yield known(
            verdict, name, len(found), "orders", f"{len(found):,}",
            f"{definition} Together they asked for {money(asked, 0)}.", basis, REPLAY,
        )  # fmt: skip
    house = replay.compared.governed.replayed.house
    sold = sum((each.notional for each in house.values()), Decimal(0))
    fills = sum(each.fills for each in house.values())
    yield known(
        "sold", "Sold by the policy", sold, "USD", money(sold),
        "By plans that come down to a cap and by protective stops.", counted(fills, "fill"), REPLAY,
    )  # fmt: skip


def _peaks(replay: Replay) -> Iterator[Figure]:
    alone, governed = (
        course.replayed.peaks for course in (replay.compared.alone, replay.compared.governed)
    )
    instants = counted(len(replay.compared.alone.equity), "instant")
    for group in ("crypto", "leveraged", "gross"):
        if group not in alone or not max(alone[group].share, governed[group].share):
            continue
        for code, name, peak in (
            (f"{group}_most", f"Most {_GROUPS[group]}, as it was", alone[group]),
            (f"{group}_most_governed", f"Most {_GROUPS[group]}, under the policy", governed[group]),
        ):
            yield known(
                code, name, peak.share, "fraction", percent(peak.share),
                "Largest exposure over equity.", f"{percent(peak.cap)} allowed then; {instants}",
                REPLAY,
            )  # fmt: skip


_GROUPS = {
    "crypto": "in crypto",
    "leveraged": "in crypto and leveraged funds",
    "gross": "in all positions",
}


def _money(replay: Replay) -> Iterator[Figure]:
    alone, governed = replay.compared.alone, replay.compared.governed
    basis = counted(len(alone.equity), "instant")
    more = governed.replayed.equity_last - alone.replayed.equity_last
    yield known(
        "equity_difference", "Money, with the policy less without", more, "USD",
        signed_money(more), "Equity at the end of both replays, one less the other.", basis, REPLAY,
    )  # fmt: skip
    for code, name, course in (
        ("drawdown_alone", "Deepest drawdown, without the policy", alone),
        ("drawdown_governed", "Deepest drawdown, with the policy", governed),
    ):
        yield known(
            code, name, course.drawdown, "fraction", percent(course.drawdown, 2),
            "1 − lowest ÷ best before it.", basis, REPLAY,
        )  # fmt: skip


# -- skill or luck --------------------------------------------------------------------------------


def _trades(of: Audit) -> Iterator[Figure]:
    trades, rate = of.trades, of.rate
    basis = counted(trades.closed + trades.scratches, "closed trade")
    source = "fills in the files, first in, first out, fees included"
    yield known(
        "trades_net", "Made by closed trades", trades.net, "USD", signed_money(trades.net),
        "Sales less purchases less fees, of what was closed.", basis, source,
    )  # fmt: skip
    definition = "Trades won over trades won or lost; less than a tick is neither."
    if rate is None:
        why = "no trade was closed that was won or lost"
        yield unknown("win_rate", "Win rate", "fraction", why, definition, basis, source)
        return
    told = rate.told
    won = told.wins / told.trades
    interval = f"{percent(rate.lower, 0)} to {percent(rate.upper, 0)}"
    yield known(
        "win_rate", "Win rate", won, "fraction", f"{percent(won)} ({interval})",
        f"{definition} In brackets the 95 % interval of one look.", f"{told.wins} of {told.trades}",
        source,
    )  # fmt: skip
    yield known(
        "win_rate_low", "Win rate, low end of its confidence sequence", told.lower, "fraction",
        percent(told.lower), "95 %, and it holds however often one looks.", basis, source,
    )  # fmt: skip
    yield known(
        "win_rate_high", "Win rate, high end of its confidence sequence", told.upper, "fraction",
        percent(told.upper), "95 %, and it holds however often one looks.", basis, source,
    )  # fmt: skip
    yield from _payoff(rate, basis, source)


def _payoff(rate: Rate, basis: str, source: str) -> Iterator[Figure]:
    definition = "Mean win over mean loss, after fees."
    needs = "1 ÷ (1 + payoff): below it the trades lose money."
    if rate.payoff is None or rate.breakeven is None:
        why = "it takes a trade that was won and one that was lost"
        yield unknown("payoff", "Payoff", "ratio", why, definition, basis, source)
        yield unknown("breakeven", "Break-even win rate", "fraction", why, needs, basis, source)
        return
    yield known(
        "payoff", "Payoff", rate.payoff, "ratio", ratio_text(rate.payoff), definition, basis, source
    )
    yield known(
        "breakeven", "Break-even win rate", rate.breakeven, "fraction", percent(rate.breakeven),
        needs, basis, source,
    )  # fmt: skip
    for code, name, value in (
        ("evidence", "Evidence for a win rate above break-even", rate.told.evidence),
        ("counter", "Evidence for one below", rate.told.counter),
    ):
        yield known(
            code, name, value, "e-value", _evidence(value),
            "Highest e-value so far; 20 decides at 95 %, whenever somebody looked.", basis, source,
        )  # fmt: skip


def _evidence(value: float) -> str:
    return "above 1,000,000" if value > 1e6 else f"{value:,.3g}"


def _days(of: Audit) -> Iterator[Figure]:
    days = of.days
    source = "equity in the files" if of.is_recorded else f"{REPLAY}, without the governor"
    basis = counted(days.number, "day")
    needs = "So many more, until a Sharpe ratio like this one would be told from zero at 95 %."
    above = "Probability that the true Sharpe ratio is above zero; the smaller of two forms."
    if days.luck is None:
        yield unknown(
            "psr",
            ABOVE,
            "fraction",
            days.why,
            above,
            basis,
            source,
        )
        yield unknown("days_needed", "Days still needed", "days", days.why, needs, basis, source)
    else:
        real = days.luck.luck.probabilistic.decided
        yearly = days.luck.run.record.sharpe * days.luck.run.record.per_year**0.5
        yield known(
            "sharpe", "Sharpe ratio a year", yearly, "ratio", ratio_text(yearly),
            f"Mean day over its deviation, × √{days.luck.run.record.per_year}; cash at zero.",
            basis, source,
        )  # fmt: skip
        yield known("psr", ABOVE, real, "fraction", sure(real), above, basis,
                    source)  # fmt: skip
        more = days_needed(of)
        if more is None:
            why = "no length proves a Sharpe ratio that is not above zero"
            yield unknown("days_needed", "Days still needed", "days", why, needs, basis, source)
        else:
            yield known(
                "days_needed", "Days still needed", more, "days", f"{more:,}", needs, basis, source
            )
    if days.months is not None and days.months.months:
        yield known(
            "month_mean", "Mean of whole months", days.months.mean, "fraction",
            signed(days.months.mean),
            f"Evidence that it is above {percent(days.months.bar, 0)}: "
            f"{_evidence(days.months.evidence)}, 20 decides.",
            counted(days.months.months, "whole month"), source,
        )  # fmt: skip


# -- the target -----------------------------------------------------------------------------------


def _target(of: Audit) -> Iterator[Figure]:
    target = of.target
    basis = counted(target.days, "day")
    aim = f"{percent(target.monthly, 0)} a month, drawdown below {percent(target.drawdown, 0)}"
    yield known(
        "sharpe_needed", "Sharpe ratio needed", target.needed, "ratio", ratio_text(target.needed),
        f"For a median month at the target ({aim}) with the drawdown kept 9 years in 10.",
        "no day: arithmetic", "feasibility, normal days, closes",
    )  # fmt: skip
    yield from _pace(of)
    source = "feasibility: normal days, constant volatility, at this Sharpe ratio and its 90 % ends"
    definition = f"Probability of both in a year ({aim})"
    if target.best is None or target.held is None:
        yield unknown("joint_12", "Target met in a year", "fraction", target.why, definition, basis,
                      source)  # fmt: skip
        return
    yield from _chances(target, definition, basis, source)


def _pace(of: Audit) -> Iterator[Figure]:
    """Yield the win rate that the target needs at the payoff, the pace and the risk of the past."""
    first, last = of.span
    months, trades = (last - first) / MONTH_NS, of.trades
    if of.rate is None or of.rate.payoff is None or of.worths is None:
        return
    if trades.closed < TRADES_MIN or months < 1.0 or of.worths.points[0][1] <= 0:
        return
    pace = trades.closed / months
    risk = float(trades.loss) / trades.losses / float(of.worths.points[0][1])
    needed = required_win_rate_simple(of.target.monthly, pace, risk, of.rate.payoff, 0.0)
    code, name = "win_rate_needed", f"Win rate that {percent(of.target.monthly, 0)} a month needs"
    definition = (
        f"At this payoff, {pace:,.0f} trades a month and {percent(risk, 2)} of the first equity "
        "lost with each loss; gains not reinvested."
    )
    basis, source = counted(trades.closed, "closed trade"), "arithmetic on the trades"
    if needed > 1.0:
        why = "out of reach at this payoff, pace and size, even without a loss"
        yield Figure(code, name, None, "fraction", why, definition, basis, source)
        return
    yield known(code, name, needed, "fraction", percent(needed), definition, basis, source)


def _between(low: float, value: float, high: float) -> str:
    ends = sure(low), sure(high)
    return sure(value) if set(ends) == {sure(value)} else f"{sure(value)} ({ends[0]} to {ends[1]})"


def _chances(target: Target, definition: str, basis: str, source: str) -> Iterator[Figure]:
    if target.best is None or target.held is None:
        return
    for code, name, chances in (
        ("joint_12_held", "Target met in a year, as it was held", target.held),
        ("joint_12", "Target met in a year, at its best constant size", target.best),
    ):
        low, value, high = (each.joint_12 for each in chances)
        yield known(
            code, name, value, "fraction", _between(low, value, high),
            f"{definition}, at a volatility of {share(chances[1].volatility, 0)} a year.", basis,
            source,
        )  # fmt: skip
    low, value, high = (each.month for each in target.best)
    yield known(
        "month", "A month reaches it, at that size", value, "fraction",
        _between(low, value, high),
        "Probability that one month makes the return, whatever the drawdown.", basis, source,
    )  # fmt: skip
    if target.most is not None:
        yield known(
            "most", "No sizing passes", target.most, "fraction", sure(target.most),
            f"{definition}, at the high end of the Sharpe ratio, by any rule.", basis, source,
        )  # fmt: skip
