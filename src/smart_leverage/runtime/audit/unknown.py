"""What an audit cannot know, each with its reason and what would help."""

from collections.abc import Iterator

from smart_leverage.books.exact import ZERO
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.sentences import money, percent
from smart_leverage.fills.costs import CostModel
from smart_leverage.reports.citing import clipped, counted, signed
from smart_leverage.runtime.audit.auditing import Audit, Replay

APART = 0.01
"""Record and orders may differ by this return before it is told."""

NAMED = 3
"""So many instruments are named where a list is long."""


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
