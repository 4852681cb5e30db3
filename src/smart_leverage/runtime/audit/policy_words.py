"""What an audit says of the policy: what it would have held back, sold, and what that changes."""

from smart_leverage.domain.sentences import money, percent, short
from smart_leverage.reports.citing import clipped, counted
from smart_leverage.runtime.audit.auditing import Replay

GROUPS = {"crypto": "crypto", "leveraged": "crypto and leveraged funds", "gross": "all positions"}
HALTS = ("halted", "reducing", "breaker_day", "breaker_month")


def held_back(replay: Replay) -> str:
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
