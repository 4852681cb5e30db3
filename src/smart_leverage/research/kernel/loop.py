"""All instants of all accounts: span by span, and within a span one account after the other.

So the prices of a span are in the processor's cache while all accounts go over them, and what an
account does never depends on who is beside it.
"""

from typing import Any, NamedTuple

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.policy.breakers import LossLimits
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.earning import ExposureTerms
from smart_leverage.policy.evidence import RecordTerms
from smart_leverage.policy.intraday import IntradayTerms
from smart_leverage.policy.params import Policy
from smart_leverage.policy.sizing import EdgeTerms, Sizing
from smart_leverage.policy.steady_breakers import RollingTerms
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import Caps, TierCaps, TierThresholds
from smart_leverage.research.kernel.books import SOUND, Books, Tape
from smart_leverage.research.kernel.instant import decide_only, roll_calmly, step
from smart_leverage.research.kernel.market import CLOSELY, ROLLING, Market
from smart_leverage.research.kernel.quiet import Room, pass_over, show, step_caps
from smart_leverage.research.kernel.setup import Setup


class Accounts(NamedTuple):
    """The books of all accounts, the account first in every shape; see `Books`."""

    accounts: Any
    positions: Any
    active: Any
    held: Any
    lots: Any
    orders: Any
    rings: Any
    days: Any
    falls: Any
    records: Any
    closed: Any
    lasted: Any
    marks: Any
    peaks: Any


def policy_at(row: Any, lends: bool | None = True) -> Policy:
    """Return a policy from its row of numbers, in the order of `setup.NAMES`.

    With `lends` None no policy has the intraday plan on. That is known when machine code is made,
    and so whoever borrows nothing pays nothing for it.
    """
    if lends is None:
        intraday = IntradayTerms(False, 2.0, 60, 30, 10)
    else:
        intraday = IntradayTerms(row[71] != 0.0, row[72], int(row[73]), int(row[74]), int(row[75]))
    return Policy(
        thresholds=TierThresholds(row[0], row[1], row[2], int(row[3])),
        tiers=TierCaps(
            Caps(row[4], row[5]), Caps(row[6], row[7]), Caps(row[8], row[9]), Caps(row[10], row[11])
        ),
        groups=GroupCaps(row[12], row[13], row[14]),
        sizing=Sizing(
            row[15], row[16], row[17], row[18], row[19], row[20], row[21], row[22], row[23]
        ),
        limits=LossLimits(row[24], row[25], row[26]),
        deleveraging=Deleveraging(
            row[27], row[28], row[29], row[30], int(row[31]), row[32], row[33], row[34], row[35]
        ),
        stops=Stops(row[36], row[37], row[38], row[39]),
        exposure=ExposureTerms(
            row[40] != 0.0,
            row[41] != 0.0,
            row[42] != 0.0,
            row[43] != 0.0,
            row[44],
            row[45],
            int(row[46]),
            row[47],
            row[48],
            row[49],
            row[50],
            row[51],
            row[52],
            row[53] != 0.0,
        ),
        record=RecordTerms(
            row[54] != 0.0,
            row[55],
            row[56],
            row[57],
            int(row[58]),
            int(row[59]),
            row[60],
            row[61],
            row[62],
            row[63],
        ),
        rolling=RollingTerms(row[64] != 0.0, row[65], row[66]),
        edge=EdgeTerms(row[67] != 0.0, row[68], row[69], row[70]),
        intraday=intraday,
    )


def next_due(account: Any, instants: Any, begin: int, end: int, is_rolling: bool) -> int:
    """Return the first instant of a span at which the time of an order is up, or its end.

    Where losses are judged over a rolling day a look is no longer than that.
    """
    if is_rolling and instants[end - 1].at >= instants[begin].at + DAY_NS:
        while instants[end - 1].at >= instants[begin].at + DAY_NS:
            end -= 1
    if account.until <= instants[end - 1].at:
        for t in range(begin, end):
            if account.until <= instants[t].at:
                return t
    return end


def go_over(
    books: Books,
    market: Market,
    row: Any,
    setup: Setup,
    room: Room,
    tape: Tape,
    span: int,
    lends: bool | None,
) -> None:
    """Take one account through a span: what is quiet is passed over, the rest is done in full."""
    account = books.account
    begin, end = market.ends[span - 1] if span > 0 else 0, market.ends[span]
    busy = market.busy[begin]
    if busy == ROLLING and account.is_watched == 0:
        policy = policy_at(row, lends)
        if roll_calmly(books, market, begin, setup, policy):
            show(books, market.facts, policy, market.instants[begin].at)
        else:
            account.is_watched = 1
    t = begin
    while t < end and account.fault == SOUND:
        policy = policy_at(row, lends)  # here and not once: a number is read where it is used
        if busy != CLOSELY and account.is_watched == 0:
            due = next_due(account, market.instants, t, end, policy.rolling.is_rolling)
            is_quiet = True
            while t < due and is_quiet:
                passed = pass_over(books, market, policy, room, tape, span, t, due)
                is_quiet = t + passed < due and step_caps(
                    books, market, policy, room, tape, t, passed
                )
                t += passed + is_quiet
                is_quiet = is_quiet and account.is_watched == 0
        if t == end:
            if decide_only(books, market, t - 1, setup, tape, policy):
                show(books, market.facts, policy, market.instants[t - 1].at)
            return
        step(books, market, t, setup, tape, policy)
        show(books, market.facts, policy, market.instants[t].at)
        t += 1


def advance(
    market: Market,
    all_: Accounts,
    policies: Any,
    setup: Setup,
    room: Room,
    tape: Tape,
    spans: int,
    lends: bool | None,
) -> None:
    """Take all accounts through the first spans.

    Args:
        market: The same for all.
        all_: Their books.
        policies: (n_accounts, n_numbers), rows of `setup.row_of`.
        setup: The same for all.
        room: For the sums of a look.
        tape: Where a run of one account writes; without room in a sweep.
        spans: So many.
        lends: None where no policy has the intraday plan on.
    """
    for span in range(spans):
        for lane in range(len(all_.accounts)):
            books = Books(
                all_.accounts[lane],
                all_.positions[lane],
                all_.active[lane],
                all_.held[lane],
                all_.lots[lane],
                all_.orders[lane],
                all_.rings[lane],
                all_.days[lane],
                all_.falls[lane],
                all_.records[lane],
                all_.closed[lane],
                all_.lasted[lane],
                all_.marks[lane],
                all_.peaks[lane],
            )
            go_over(books, market, policies[lane], setup, room, tape, span, lends)
