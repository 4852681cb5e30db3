"""What an account has earned: its record of episodes, its peak, and the exposure in force."""

import math
from typing import Any

from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.policy.earning import (
    is_any_capped,
    named_caps,
    quiet_share,
    step_exposure,
)
from smart_leverage.policy.evidence import (
    Record,
    step_record,
    thresholds_of_record,
    tier_with_open_losers,
)
from smart_leverage.policy.intraday import gross_for_entries, gross_for_holding
from smart_leverage.policy.params import Policy
from smart_leverage.policy.sleeve import SleeveEvidence
from smart_leverage.policy.steady_breakers import SteadyReferences
from smart_leverage.policy.tier import Caps, Tier, tier_caps, tier_of, tighter
from smart_leverage.research.kernel.books import ACTIVE, MARKS, WINDOW, Books
from smart_leverage.research.kernel.market import Market
from smart_leverage.research.kernel.worst import Bounds

MONTH_NS = 30 * DAY_NS
CAREFUL = 1e-9
"""Relative distance that counts as having come near."""


# --- the record ----------------------------------------------------------------------------------


def record_of(row: Any) -> Record:
    """Return a record as the rules take it."""
    return Record(row.wins, row.losses, row.won, row.lost, tier_of(row.tier))


def take_outcome(row: Any, outcome: float, policy: Policy) -> None:
    """Count one more episode in a record."""
    after = step_record(record_of(row), outcome, policy.record)
    row.wins, row.losses, row.won, row.lost = after.wins, after.losses, after.won, after.lost
    row.tier = after.tier


def fold(books: Books, policy: Policy) -> None:
    """Count the episodes that have closed since."""
    account = books.account
    count = account.closed
    if count == 0:
        return
    account.closed = 0
    for place in range(count):
        one = books.closed[place]
        if policy.record.is_earned:  # nothing else asks how long episodes last
            note_lasted(books.lasted, account.episodes, one.lasted)
            take_outcome(books.records[0], one.outcome, policy)
            if one.is_forced == 0:
                take_outcome(books.records[1], one.outcome, policy)
        account.episodes += 1
    if policy.record.is_earned:
        judge_record(books, policy)


def note_lasted(lasted: Any, count: int, took: int) -> None:
    """Put a duration among the last ones, which stand in order of time and of length."""
    ring, ordered = lasted[0], lasted[1]
    known = min(count, WINDOW)
    if count >= WINDOW:
        place = 0
        while ordered[place] != ring[count % WINDOW]:
            place += 1
        known -= 1
        for after in range(place, known):
            ordered[after] = ordered[after + 1]
    ring[count % WINDOW] = took
    while known > 0 and ordered[known - 1] > took:
        ordered[known] = ordered[known - 1]
        known -= 1
    ordered[known] = took


def judge_record(books: Books, policy: Policy) -> None:
    """Find the tier that both records earn, and the win rate at which trades earn nothing."""
    account = books.account
    forced, own = record_of(books.records[0]), record_of(books.records[1])
    earned = tier_with_open_losers(forced, account.losers, policy.record)
    of_own = tier_with_open_losers(own, account.losers, policy.record)
    account.earned = of_own if of_own < earned else earned
    account.breakeven = thresholds_of_record(forced, policy.record).breakeven


def count_losers(books: Books, row: Any, policy: Policy) -> None:
    """Count, as a day begins, what is open at a loss for longer than usual."""
    account = books.account
    fold(books, policy)
    before = account.losers
    account.losers = 0
    count = min(account.episodes, WINDOW)
    if not policy.record.is_earned or count == 0:
        return
    usual = books.lasted[1, (count - 1) // 2]
    for rank in range(account.active):
        position = books.positions[books.active[rank]]
        if position.episode_in > 0.0 and row.at - position.episode_at > usual:
            account.losers += 1 if position.episode_cash + position.invested < 0.0 else 0
    if account.losers != before:
        judge_record(books, policy)


# --- marks ---------------------------------------------------------------------------------------


def remember(books: Books, at: int, equity: float) -> None:
    """Keep a mark: the first of every hour, the best of every day, the best since a resume."""
    note_hour(books, at, equity)
    note_best(books, equity)


def note_hour(books: Books, at: int, equity: float) -> None:
    """Keep the first mark of every hour, counted from the epoch."""
    account, hour = books.account, at // HOUR_NS
    if hour > account.marked_hour:
        one = books.marks[account.marked % MARKS]
        one.at, one.equity = at, equity
        account.marked += 1
        account.marked_hour = hour


def note_best(books: Books, equity: float) -> None:
    """Let a mark stand among the best of the days; what it beats is forgotten."""
    account, peaks = books.account, books.peaks
    account.since_best = max(account.since_best, equity)
    while account.peaks_end > account.peaks_first and (peaks[account.peaks_end - 1].best <= equity):
        account.peaks_end -= 1
    is_first = account.peaks_end == account.peaks_first
    if is_first or peaks[account.peaks_end - 1].day < account.day:
        peaks[account.peaks_end].day, peaks[account.peaks_end].best = account.day, equity
        account.peaks_end += 1


def peak_of(books: Books, equity: float, peak_days: int) -> float:
    """Return the best mark of so many days, the present one included."""
    account, peaks = books.account, books.peaks
    while account.peaks_first < account.peaks_end and (
        peaks[account.peaks_first].day <= account.day - peak_days
    ):
        account.peaks_first += 1
    if account.peaks_first == account.peaks_end:
        return equity
    return float(max(peaks[account.peaks_first].best, equity))


def begin_anew(books: Books, at: int, equity: float) -> None:
    """Count everything from this equity on."""
    account = books.account
    account.marked = account.day_place = account.month_place = 0
    account.peaks_first = account.peaks_end = 0
    account.since_best = equity
    one = books.marks[0]
    one.at, one.equity = at, equity
    account.marked = 1
    account.marked_hour = at // HOUR_NS


def references(books: Books, at: int, equity: float, policy: Policy) -> SteadyReferences:
    """Return the equities that losses are measured from; rolling ones only where they count."""
    account = books.account
    if not policy.rolling.is_rolling:
        nan = math.nan
        return SteadyReferences(account.day_open, nan, account.month_open, nan, nan)
    account.day_place = place_at(books, account.day_place, at - DAY_NS)
    account.month_place = place_at(books, account.month_place, at - MONTH_NS)
    return SteadyReferences(
        account.day_open,
        books.marks[account.day_place % MARKS].equity,
        account.month_open,
        books.marks[account.month_place % MARKS].equity,
        max(account.since_best, equity),
    )


def place_at(books: Books, place: int, at: int) -> int:
    """Return the place of the last mark at or before a time, or of the first."""
    while place + 1 < books.account.marked and books.marks[(place + 1) % MARKS].at <= at:
        place += 1
    return place


# --- exposure ------------------------------------------------------------------------------------


def caps_now(account: Any, policy: Policy) -> Bounds:
    """Return the caps in force for what adds: those of the tier, or what is earned if less."""
    caps = tighter(
        tier_caps(account.tier, policy.tiers), Caps(account.earned_crypto, account.earned_leveraged)
    )
    gross = gross_for_entries(account.phase, policy.groups.gross, policy.intraday)
    return Bounds(caps.crypto, caps.leveraged, gross)


def caps_held(account: Any, caps: Bounds, policy: Policy) -> Bounds:
    """Return the caps to which is sold down, from those for what adds."""
    gross = gross_for_holding(account.phase, policy.groups.gross, policy.intraday)
    return Bounds(caps.crypto, caps.leveraged, gross)


def judge_exposure(books: Books, market: Market, t: int, equity: float, policy: Policy) -> None:
    """Find the exposure in force of both sleeves."""
    if not is_any_capped(policy.exposure):
        return
    account, known = books.account, market.evidence[market.evidence_at[t]]
    crypto, leveraged = sleeve_of(known[0]), sleeve_of(known[1])
    peak = peak_of(books, equity, policy.exposure.peak_days)
    is_tripped = is_held_down(account)
    hard = tier_caps(account.tier, policy.tiers)
    earned = Caps(math.inf, math.inf)
    if policy.record.is_earned:
        tier = Tier.EMERGENCY if account.is_emergency != 0 else tier_of(account.earned)
        earned = tier_caps(tier, policy.tiers)
    caps = named_caps(hard.crypto, earned.crypto, equity, peak, crypto, policy.exposure)
    before = account.earned_crypto if account.is_judged != 0 else hard.crypto
    after = step_exposure(before, caps, policy.exposure, is_tripped)
    account.earned_crypto = after.exposure
    account.least_crypto = least_beside_drawdown(caps)
    caps = named_caps(hard.leveraged, earned.leveraged, equity, peak, leveraged, policy.exposure)
    before = account.earned_leveraged if account.is_judged != 0 else hard.leveraged
    after = step_exposure(before, caps, policy.exposure, is_tripped)
    account.earned_leveraged = after.exposure
    account.least_leveraged = least_beside_drawdown(caps)
    account.is_judged = 1


def is_held_down(account: Any) -> bool:
    """Tell whether anything is tripped, reduced or halted: nothing rises then."""
    is_tripped = account.is_day_tripped + account.is_month_tripped + account.is_drawdown_tripped
    return bool(is_tripped != 0 or account.state != ACTIVE)


def sleeve_of(row: Any) -> SleeveEvidence:
    """Return what is known of a sleeve as the rules take it."""
    return SleeveEvidence(
        row.days,
        row.es_per_unit,
        row.volatility,
        row.volatility_target,
        row.mean_low,
        row.kelly_best,
    )


def least_beside_drawdown(caps: Any) -> float:
    """Return the smallest cap that does not move with equity."""
    return float(
        min(min(min(caps.hard, caps.tail), min(caps.kelly, caps.volatility)), caps.evidence)
    )


def show_earned(books: Books, at: int, policy: Policy) -> None:
    """Find between which bounds nothing earned changes; those of the peak go with the peak.

    Within one look no mark is older than a day that was not there at its beginning, because a look
    ends with the risk day or after 24 hours.
    """
    show_shares(books, policy)
    if policy.rolling.is_rolling:
        show_rolling(books, at, policy)


def show_shares(books: Books, policy: Policy) -> None:
    """Find between which shares of its peak equity leaves the exposure in force as it is."""
    account, terms = books.account, policy.exposure
    account.share_least, account.share_most, account.peak = 0.0, math.inf, 0.0
    if not terms.is_drawdown_capped:
        return
    account.peak = peak_of(books, account.last, terms.peak_days)
    crypto = quiet_share(account.earned_crypto, account.least_crypto, terms)
    leveraged = quiet_share(account.earned_leveraged, account.least_leveraged, terms)
    account.share_least = max(crypto.least, leveraged.least)
    if not is_held_down(account):
        account.share_most = min(crypto.most, leveraged.most)


def stay(books: Books, closes: Any, equity: Any, begin: int, count: int, policy: Policy) -> int:
    """Return how many instants pass before equity comes too far from its peaks, or too near.

    Args:
        books: The account.
        closes: Whether any bar ends, by instant.
        equity: At the instants of the look.
        begin: First instant.
        count: So many of them.
        policy: What is judged.
    """
    account = books.account
    peak, best = account.peak, account.since_best
    least = account.share_least * (1.0 + CAREFUL)
    most = account.share_most * (1.0 - CAREFUL)
    fall = 0.0
    if policy.rolling.is_rolling and account.is_drawdown_tripped == 0:
        fall = (1.0 - policy.rolling.drawdown_limit) * (1.0 + CAREFUL)
    for i in range(count):
        if closes[begin + i] != 0:
            now = equity[i]
            peak, best = max(peak, now), max(best, now)
            if now < fall * best:
                return i
            if now < least * peak or now > most * peak:
                account.is_cap_due = 1
                return i
    return count


def show_rolling(books: Books, at: int, policy: Policy) -> None:
    """Keep equity where no rolling limit can trip, and no emergency begin or end."""
    account, marks = books.account, books.marks
    edge = 1.0 + policy.thresholds.month_return_emergency
    # Kept, so that no place falls behind what the marks still hold: a look comes every day.
    account.day_place = place_at(books, account.day_place, at - DAY_NS)
    account.month_place = place_at(books, account.month_place, at - MONTH_NS)
    if account.is_day_tripped == 0:
        most = 0.0
        for place in range(account.day_place, account.marked):
            most = max(most, marks[place % MARKS].equity)
        account.least = max(account.least, most * (1.0 - policy.limits.loss_limit_daily))
    lowest, highest = math.inf, 0.0
    place = account.month_place
    while place < account.marked:
        one = marks[place % MARKS]
        lowest, highest = min(lowest, one.equity), max(highest, one.equity)
        if one.at > at - MONTH_NS + DAY_NS:
            break
        place += 1
    if account.is_month_tripped == 0:
        account.least = max(account.least, highest * (1.0 - policy.limits.loss_limit_monthly))
    if account.is_emergency == 0:
        account.least = max(account.least, highest * edge)
    else:
        account.most = min(account.most, max(lowest, account.month_open) * edge)
