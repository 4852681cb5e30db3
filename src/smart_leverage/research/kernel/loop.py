"""All instants of all accounts: most of them change nothing but prices, and are passed over fast.

Before an account is taken through an instant step by step, one look says whether anything can
happen to it: no price has come near a stop or a limit of its instrument, equity lies between the
loss limits, every group lies inside its band, and nothing is under way. The look is careful, never
exact: whenever it is in doubt the whole step is done, so it decides nothing. It is arithmetic over
all accounts side by side, which a compiler turns into vector instructions.
"""

import math
from typing import Any, NamedTuple

from smart_leverage.policy.breakers import LossLimits
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.params import Policy
from smart_leverage.policy.sizing import Sizing
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import Caps, TierCaps, TierThresholds, tier_caps
from smart_leverage.research.kernel.books import SOUND, Books, Tape, cash_of
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.kernel.instant import decide_only, roll_calmly, step, write_mark
from smart_leverage.research.kernel.setup import Setup
from smart_leverage.research.kernel.worst import symbol_cap, valuation_of

QUIET, DECIDING, ROLLING, CLOSELY = range(4)
"""What an instant is for all accounts: nothing of its own, one with signals, the first of a risk
day, or one that is gone through step by step."""

CAREFUL = 1e-9
"""Relative distance that counts as having come near."""


class Screen(NamedTuple):
    """What one look needs of every account.

    `holders` counts, per asset, the accounts that hold it. Arrays of (n_assets, n_accounts):
    quantity in coins or shares, the price at or below which and the price at or above which
    something may happen. All others are (n_accounts,): cash; bounds of
    equity; largest exposures of each group; the crypto cap; whether something is under way; and
    what every mark changes.
    """

    holders: Any
    qty: Any
    floor: Any
    ceiling: Any
    cash: Any
    least: Any
    most: Any
    crypto_max: Any
    leveraged_max: Any
    gross_max: Any
    cap: Any
    is_stirred: Any
    last: Any
    best: Any
    drawdown: Any
    exposure: Any
    exposure_crypto: Any
    cap_sum: Any


class Scratch(NamedTuple):
    """Sums of one look, (n_accounts,) each."""

    plain: Any
    leveraged: Any
    crypto: Any
    margin: Any


class Market(NamedTuple):
    """Everything that is the same for all accounts; see `Columns` and `Signals`."""

    instants: Any
    cells: Any
    nothing: Any
    low: Any
    close: Any
    open: Any
    facts: Any
    sessions: Any
    signals: Any
    first: Any
    busy: Any


class Accounts(NamedTuple):
    """The books of all accounts, the account first in every shape."""

    accounts: Any
    positions: Any
    active: Any
    lots: Any
    orders: Any
    rings: Any


def policy_at(row: Any) -> Policy:
    """Return a policy from its row of numbers, in the order of `setup.NAMES`."""
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
    )


def show(screen: Screen, books: Books, facts: Any, policy: Policy, lane: int) -> None:
    """Put what has become of an account where the next look finds it."""
    account = books.account
    caps = tier_caps(account.tier, policy.tiers)
    band = policy.deleveraging.band_over * (1.0 - CAREFUL)
    screen.cash[lane] = cash_of(account)
    least = 0.0
    if account.is_day_tripped == 0:
        least = max(least, account.day_open * (1.0 - policy.limits.loss_limit_daily))
    if account.is_month_tripped == 0:
        least = max(least, account.month_open * (1.0 - policy.limits.loss_limit_monthly))
    edge = account.month_open * (1.0 + policy.thresholds.month_return_emergency)
    if account.is_emergency == 0:
        least = max(least, edge)
        screen.most[lane] = math.inf
    else:
        screen.most[lane] = edge * (1.0 - CAREFUL)
    least *= 1.0 + CAREFUL
    screen.least[lane] = least
    screen.cap[lane] = caps.crypto
    screen.crypto_max[lane] = caps.crypto * band
    screen.leveraged_max[lane] = caps.leveraged * band
    screen.gross_max[lane] = policy.groups.gross * band
    is_stirred = account.is_stirred != 0
    lost = policy.limits.loss_limit_daily_asset * account.day_open
    kept = 0
    for rank in range(account.active):
        asset = books.active[rank]
        position, fact = books.positions[asset], facts[asset]
        share = symbol_cap(fact, policy.groups) * band * least
        if show_position(screen, position, fact, asset, lane, share, lost):
            is_stirred = True
        if is_dormant(position):
            position.is_active = 0
            position.worst = position.worst_units = position.unit_worst = 0.0
        else:
            books.active[kept] = asset
            kept += 1
    account.active = kept
    screen.is_stirred[lane] = 1.0 if is_stirred else 0.0
    screen.last[lane], screen.best[lane] = account.last, account.best
    screen.drawdown[lane], screen.cap_sum[lane] = account.drawdown, account.cap
    screen.exposure[lane] = account.exposure
    screen.exposure_crypto[lane] = account.exposure_crypto


def is_dormant(position: Any) -> bool:
    """Tell whether an instrument is neither held nor under way, and was not traded today."""
    is_idle = position.qty == 0 and position.buys == 0 and position.selling == 0
    return bool(is_idle and position.is_touched == 0)


def show_position(
    screen: Screen, position: Any, fact: Any, asset: int, lane: int, share: float, lost: float
) -> bool:
    """Put a position where the next look finds it; tell whether it has to be watched closely.

    Args:
        screen: Where.
        position: What is held.
        fact: The instrument.
        asset: Its place.
        lane: The account's place.
        share: Market value at which the instrument may be beyond its band.
        lost: Money that a coin may lose in a day.
    """
    held = position.qty / UNITS
    floor, ceiling = -math.inf, math.inf
    is_watched = False
    if position.qty > 0:
        floor, ceiling = position.stop_level, share / held
        if position.is_touched != 0 and fact.is_crypto != 0:
            floor = max(floor, (position.invested - lost) / held * (1.0 + CAREFUL))
        is_bare = position.is_bare != 0 and position.qty >= fact.lot
        is_watched = position.stop_level == 0.0 or is_bare or position.is_triggered != 0
    if (screen.qty[asset, lane] > 0.0) != (position.qty > 0):
        screen.holders[asset] += 1 if position.qty > 0 else -1
    screen.qty[asset, lane] = held
    screen.floor[asset, lane], screen.ceiling[asset, lane] = floor, ceiling
    return is_watched


def fetch(screen: Screen, account: Any, lane: int) -> None:
    """Take back what marks have changed since an account was shown."""
    account.last, account.best = screen.last[lane], screen.best[lane]
    account.drawdown, account.cap = screen.drawdown[lane], screen.cap_sum[lane]
    account.exposure = screen.exposure[lane]
    account.exposure_crypto = screen.exposure_crypto[lane]


def look(screen: Screen, scratch: Scratch, close: Any, low: Any, opened: Any, facts: Any) -> None:
    """Add up what all accounts are worth, and how far every price is from where it matters."""
    lanes = len(screen.cash)
    plain, leveraged, crypto = scratch.plain, scratch.leveraged, scratch.crypto
    margin = scratch.margin
    for lane in range(lanes):
        plain[lane] = leveraged[lane] = crypto[lane] = 0.0
        margin[lane] = math.inf
    for asset in range(len(facts)):
        if screen.holders[asset] == 0:
            continue
        price, worst = close[asset], min(low[asset], opened[asset])
        total = plain
        if facts[asset].is_leveraged != 0:
            total = crypto if facts[asset].is_crypto != 0 else leveraged
        qty, floor, ceiling = screen.qty[asset], screen.floor[asset], screen.ceiling[asset]
        for lane in range(lanes):
            total[lane] += qty[lane] * price
            above, below = worst - floor[lane], ceiling[lane] - price
            nearest = above if above < below else below
            margin[lane] = nearest if nearest < margin[lane] else margin[lane]


def look_at_one(
    screen: Screen, scratch: Scratch, close: Any, low: Any, opened: Any, facts: Any, books: Books
) -> None:
    """Do what `look` does where there is one account: only what it holds is looked at."""
    plain = leveraged = crypto = 0.0
    margin = math.inf
    for rank in range(books.account.active):
        asset = books.active[rank]
        price, worst = close[asset], min(low[asset], opened[asset])
        amount = screen.qty[asset, 0] * price
        if facts[asset].is_leveraged == 0:
            plain += amount
        elif facts[asset].is_crypto != 0:
            crypto += amount
        else:
            leveraged += amount
        above, below = worst - screen.floor[asset, 0], screen.ceiling[asset, 0] - price
        margin = min(margin, min(above, below))
    scratch.plain[0], scratch.leveraged[0], scratch.crypto[0] = plain, leveraged, crypto
    scratch.margin[0] = margin


def pass_one(screen: Screen, scratch: Scratch, is_mark: bool, lane: int) -> int:
    """Mark an account if nothing can happen to it; return 1 if it is left.

    Those left have 0.0 or less in `scratch.margin`.
    """
    equity, crypto, levered, gross = valuation_of(
        screen.cash[lane], scratch.plain[lane], scratch.leveraged[lane], scratch.crypto[lane]
    )
    is_quiet = (
        (scratch.margin[lane] > 0.0)
        & (screen.is_stirred[lane] == 0.0)
        & (equity > screen.least[lane])
        & (equity < screen.most[lane])
        & (crypto < screen.crypto_max[lane] * equity)
        & (levered < screen.leveraged_max[lane] * equity)
        & (gross < screen.gross_max[lane] * equity)
    )
    is_marked = is_quiet & is_mark
    best = equity if equity > screen.best[lane] else screen.best[lane]
    fall = 1.0 - equity / best
    deepest = fall if fall > screen.drawdown[lane] else screen.drawdown[lane]
    screen.last[lane] = equity if is_marked else screen.last[lane]
    screen.best[lane] = best if is_marked else screen.best[lane]
    screen.drawdown[lane] = deepest if is_marked else screen.drawdown[lane]
    screen.exposure[lane] += gross / equity if is_marked else 0.0
    screen.exposure_crypto[lane] += crypto / equity if is_marked else 0.0
    screen.cap_sum[lane] += screen.cap[lane] if is_marked else 0.0
    scratch.margin[lane] = 1.0 if is_quiet else -1.0
    return 0 if is_quiet else 1


def pass_over(screen: Screen, scratch: Scratch, is_mark: bool) -> int:
    """Mark every account to which nothing can happen; return how many are left."""
    left = 0
    for lane in range(len(screen.cash)):
        left += pass_one(screen, scratch, is_mark, lane)
    return left


def write_quiet(
    account: Any, row: Any, tape: Tape, screen: Screen, scratch: Scratch, policy: Policy
) -> None:
    """Write down the mark of an instant that was passed over, of the one account of a run."""
    valuation = valuation_of(
        screen.cash[0], scratch.plain[0], scratch.leveraged[0], scratch.crypto[0]
    )
    write_mark(account, row, tape, valuation, tier_caps(account.tier, policy.tiers))


def begin_day(
    market: Market,
    all_: Accounts,
    policies: Any,
    screen: Screen,
    row: Any,
    before: Any,
    cells: Any,
    cells_before: Any,
) -> None:
    """Begin a risk day of every account to which nothing else can happen by that."""
    for lane in range(len(screen.cash)):
        books = Books(
            all_.accounts[lane],
            all_.positions[lane],
            all_.active[lane],
            all_.lots[lane],
            all_.orders[lane],
            all_.rings[lane],
        )
        if screen.is_stirred[lane] != 0.0 or books.account.fault != SOUND:
            continue
        fetch(screen, books.account, lane)
        if roll_calmly(books, row, before, cells, cells_before):
            show(screen, books, market.facts, policy_at(policies[lane]), lane)
        else:
            screen.is_stirred[lane] = 1.0


def advance(
    market: Market,
    all_: Accounts,
    policies: Any,
    screen: Screen,
    scratch: Scratch,
    setup: Setup,
    tape: Tape,
    begin: int,
    end: int,
) -> int:
    """Take all accounts through instants; return how many steps were done in full.

    Args:
        market: The same for all.
        all_: Their books.
        policies: (n_accounts, n_numbers), rows of `setup.row_of`.
        screen: What one look needs; set by `show` for every account.
        scratch: Room for the sums of a look.
        setup: The same for all.
        tape: Where a run of one account writes; without room in a sweep.
        begin: First instant.
        end: The instant behind the last.
    """
    steps = 0
    is_taped = len(tape.curve) > 0
    books_of_one = Books(
        all_.accounts[0],
        all_.positions[0],
        all_.active[0],
        all_.lots[0],
        all_.orders[0],
        all_.rings[0],
    )
    for t in range(begin, end):
        row = market.instants[t]
        left = len(screen.cash)
        is_busy = market.busy[t]
        before = market.instants[t - 1] if t > 0 else row
        cells_before = market.cells[t - 1] if t > 0 else market.nothing
        first, last = market.first[t], market.first[t + 1]
        if is_busy == ROLLING:
            begin_day(market, all_, policies, screen, row, before, market.cells[t], cells_before)
        if is_busy != CLOSELY:
            close, low, opened = market.close[t], market.low[t], market.open[t]
            if left == 1:
                look_at_one(screen, scratch, close, low, opened, market.facts, books_of_one)
                left = pass_one(screen, scratch, row.closes != 0, 0)
            else:
                look(screen, scratch, close, low, opened, market.facts)
                left = pass_over(screen, scratch, row.closes != 0)
            if is_taped and left == 0 and row.closes != 0:
                policy = policy_at(policies[0])
                write_quiet(all_.accounts[0], row, tape, screen, scratch, policy)
        if left == 0 and first == last:
            continue
        for lane in range(len(screen.cash)):
            is_quiet = is_busy != CLOSELY and scratch.margin[lane] > 0.0
            if is_quiet and first == last:
                continue
            books = Books(
                all_.accounts[lane],
                all_.positions[lane],
                all_.active[lane],
                all_.lots[lane],
                all_.orders[lane],
                all_.rings[lane],
            )
            if books.account.fault != SOUND:
                continue
            policy = policy_at(policies[lane])
            if is_quiet:
                if decide_only(
                    books,
                    row,
                    market.cells[t],
                    market.facts,
                    market.signals,
                    first,
                    last,
                    setup,
                    tape,
                    policy,
                ):
                    fetch(screen, books.account, lane)
                    show(screen, books, market.facts, policy, lane)
                continue
            steps += 1
            fetch(screen, books.account, lane)
            step(
                books,
                row,
                before,
                market.cells[t],
                cells_before,
                market.facts,
                market.sessions,
                market.signals,
                first,
                last,
                setup,
                tape,
                policy,
            )
            show(screen, books, market.facts, policy, lane)
    return steps


def begin_accounts(market: Market, all_: Accounts, policies: Any, screen: Screen) -> None:
    """Show every account as it begins."""
    for lane in range(len(screen.cash)):
        books = Books(
            all_.accounts[lane],
            all_.positions[lane],
            all_.active[lane],
            all_.lots[lane],
            all_.orders[lane],
            all_.rings[lane],
        )
        show(screen, books, market.facts, policy_at(policies[lane]), lane)
