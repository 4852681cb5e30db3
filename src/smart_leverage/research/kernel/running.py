"""Runs one policy in full, or many for their metrics."""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.market.bars import refuse_longer
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel.books import (
    ACCOUNT,
    CURVE,
    DECISION,
    EPISODE,
    FILL,
    HELD,
    LOT,
    LOTS_MAX,
    MARK,
    MARKS,
    ORDER,
    ORDERS_PER_ASSET,
    PEAK,
    POSITION,
    RECORD,
    SOUND,
    TOO_LARGE,
    TOO_MANY_LOTS,
    TOO_MANY_ORDERS,
    TRADE,
    UNCONFIRMED,
    WINDOW,
    Tape,
    fill_sale,
)
from smart_leverage.research.kernel.building import Tell, compiled, tell_on_screen, told
from smart_leverage.research.kernel.buying import power_by_day
from smart_leverage.research.kernel.columns import Columns
from smart_leverage.research.kernel.cutting import close_rest, sell_by_day
from smart_leverage.research.kernel.groups import NONE, is_gone, share_by_day
from smart_leverage.research.kernel.instant import opening, propose, step
from smart_leverage.research.kernel.loop import Accounts, advance
from smart_leverage.research.kernel.market import Dated, Market, market_of, survey
from smart_leverage.research.kernel.plans import NEVER, heed_close, shrink, start_flatten
from smart_leverage.research.kernel.quiet import room_for_looks
from smart_leverage.research.kernel.results import Ends, Floats, Metrics, Run
from smart_leverage.research.kernel.setup import NAMES, Setup, check_setup, leaves, rows_of
from smart_leverage.research.kernel.signals import Signals
from smart_leverage.research.kernel.stops import send_sale, settle

APART: frozenset[Callable[..., Any]] = frozenset(
    {
        *(step, opening, propose, settle, send_sale, shrink, start_flatten, fill_sale),
        *(power_by_day, heed_close, close_rest, sell_by_day, is_gone, share_by_day),
    }
)
"""What is long, called from several places or rare, and therefore not merged into its callers."""

LENDS = NAMES.index("intraday.is_on")

SHARED = 4
"""From so many accounts on it pays to look over the prices of a span once for all of them."""

LANES = 64
"""So many accounts go through the bars side by side: enough to share what is read of the bars, few
enough for their books to stay in the processor's cache."""

_FAULTS = {
    TOO_MANY_LOTS: f"a position was bought in more than {LOTS_MAX} pieces",
    TOO_MANY_ORDERS: "more orders are under way than can be tracked",
    TOO_LARGE: "a quantity is beyond what can be counted in units of 1e-9",
    UNCONFIRMED: "a held price jumped, and no print of its own confirmed that before a new day",
}

_ENTRIES: dict[tuple[Any, ...], Callable[..., None]] = {}
"""Machine code by the kind of its arguments; to have the library find it costs a millisecond."""

Progress = Callable[[int, int], None]
"""Hears how many policies are done, of how many."""


def run(
    bars: Columns,
    signals: Signals,
    policy: Policy = CLASSIC,
    setup: Setup = Setup(),  # noqa: B008 - a tuple
    *,
    record: bool = True,
    evidence: Sequence[Dated] = (),
    tell: Tell = tell_on_screen,
) -> Run:
    """Take one account through all bars.

    Args:
        bars: Columns of bars.
        signals: What is proposed; made for the same columns.
        policy: Its numbers.
        setup: Cash, costs and the venue.
        record: Keep the curve, decisions, fills and trades; without, only the metrics.
        evidence: What was known of the sleeves, and when.
        tell: Hears that the kernel is being compiled, the first time.

    Raises:
        ConfigError: A number of policy or setup cannot be.
        BadData: The signals are of other bars, or the account came to what the kernel cannot do.
    """
    market = market_of(bars, signals, evidence)
    check_setup(setup)
    check_lengths(bars, [policy])
    rows = rows_of([policy])
    make_ready(market, setup, tell, lends=lends_of(rows))
    sizes = [len(bars.instants), 4096, 4096, 4096] if record else [0, 0, 0, 0]
    while True:
        tape = _tape(sizes)
        all_ = accounts_of(1, market, setup)
        _go(market, all_, rows, setup, tape)
        if not record or all(tape.counts <= sizes):
            break
        sizes = [max(int(count), size) for count, size in zip(tape.counts, sizes, strict=True)]
    _refuse_faults(all_.accounts)
    kept = tape.counts if record else np.zeros(4, dtype=np.int64)
    return Run(
        metrics=metrics_of(all_.accounts, bars, setup),
        curve=tape.curve[: kept[0]],
        decisions=tape.decisions[: kept[1]],
        fills=tape.fills[: kept[2]],
        trades=tape.trades[: kept[3]],
    )


def sweep(
    bars: Columns,
    signals: Signals,
    policies: Sequence[Policy],
    setup: Setup = Setup(),  # noqa: B008 - a tuple
    *,
    threads: int | None = None,
    lanes: int = LANES,
    evidence: Sequence[Dated] = (),
    progress: Progress | None = None,
    tell: Tell = tell_on_screen,
) -> Metrics:
    """Take one account per policy through all bars, and keep only what Metrics says.

    The result does not depend on threads and lanes, to the last bit.

    Args:
        bars: Columns of bars.
        signals: What is proposed.
        policies: One account each.
        setup: The same for all.
        threads: None takes one per core.
        lanes: Accounts side by side in one thread, at most.
        evidence: What was known of the sleeves, and when; the same for all.
        progress: Told after each group of accounts.
        tell: Hears that the kernel is being compiled, the first time.

    Raises:
        ConfigError: A number of a policy or of the setup cannot be.
        BadData: See `run`; the first account that came to it is named.
    """
    metrics, _ = sweep_ends(
        bars,
        signals,
        policies,
        setup,
        lambda ends: np.zeros((len(ends.days), 0)),
        threads=threads,
        lanes=lanes,
        evidence=evidence,
        progress=progress,
        tell=tell,
    )
    return metrics


def sweep_ends(
    bars: Columns,
    signals: Signals,
    policies: Sequence[Policy],
    setup: Setup,
    sum_up: Callable[[Ends], Floats],
    *,
    threads: int | None = None,
    lanes: int = LANES,
    evidence: Sequence[Dated] = (),
    progress: Progress | None = None,
    tell: Tell = tell_on_screen,
) -> tuple[Metrics, Floats]:
    """Do what `sweep` does, and sum up what the marks came to by days and months.

    Args:
        bars: See `sweep`, as for everything that is not told here.
        signals: See there.
        policies: See there.
        setup: See there.
        sum_up: Makes (n, n_figures) of the ends of n accounts, which are forgotten then; called in
            the threads that do the work.
        threads: See there.
        lanes: See there.
        evidence: See there.
        progress: See there.
        tell: See there.

    Returns:
        The metrics, and (n_policies, n_figures).
    """
    market = market_of(bars, signals, evidence)
    check_setup(setup)
    check_lengths(bars, policies)
    rows = rows_of(policies)
    make_ready(market, setup, tell, lends=lends_of(rows))
    workers = threads or os.cpu_count() or 1
    lanes = min(lanes, max(math.ceil(len(rows) / workers), 1))  # nobody is left without any
    if lanes >= SHARED:
        market = survey(market)
    groups = [rows[place : place + lanes] for place in range(0, len(rows), lanes)]
    accounts, sums = [np.zeros(0, dtype=ACCOUNT)], []
    done = 0

    def one(group: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], Floats]:
        all_ = accounts_of(len(group), market, setup)
        _go(market, all_, group, setup, _tape([0, 0, 0, 0]))
        return all_.accounts, sum_up(ends_of(all_, market))

    with ThreadPoolExecutor(workers) as pool:
        for ended, summed in pool.map(one, groups):
            accounts.append(ended)
            sums.append(summed)
            done += len(ended)
            if progress is not None:
                progress(done, len(rows))
    ended = np.concatenate(accounts)
    _refuse_faults(ended)
    return metrics_of(ended, bars, setup), np.concatenate(sums) if sums else np.zeros((0, 0))


def check_lengths(bars: Columns, policies: Sequence[Policy]) -> None:
    """Refuse bars that are too long for an intraday plan that is on.

    Raises:
        BadData: A session could close between two looks.
    """
    terms = [each.intraday for each in policies if each.intraday.is_on]
    if not terms:
        return
    least = min(each.flat_from_minutes for each in terms)
    for place, key in enumerate(bars.keys):
        if bars.facts["is_coin"][place] == 0:
            closes = np.flatnonzero(bars.cells["closes"][:, place])
            lasts = bars.instants["at"][closes] - bars.cells["start"][closes, place]
            refuse_longer(key, int(lasts.max()), least)


def ends_of(all_: Accounts, market: Market) -> Ends:
    """Return the ends of days and months of accounts that have gone through all bars."""
    all_.days[:, market.instants["day"][-1]] = all_.accounts["last"]
    all_.falls[:, market.instants["month"][-1]] = all_.accounts["month_fall"]
    return Ends(all_.days, all_.falls)


def accounts_of(count: int, market: Market, setup: Setup) -> Accounts:
    """Return the books of so many accounts that hold nothing but cash."""
    assets = len(market.facts)
    days, months = (int(market.instants[name][-1]) + 1 for name in ("day", "month"))
    accounts = np.zeros(count, dtype=ACCOUNT)
    for name in ("cash", "day_open", "month_open", "last", "best", "month_best", "day_base"):
        accounts[name] = setup.cash
    accounts["tier"] = accounts["earned"] = Tier.LEARNING
    accounts["earned_crypto"] = accounts["earned_leveraged"] = np.inf
    accounts["since_best"], accounts["breakeven"] = setup.cash, 0.5
    accounts["plan"], accounts["halted_in"], accounts["compared_on"] = NONE, -1, -1
    accounts["until"] = NEVER
    accounts["is_stirred"] = accounts["is_watched"] = 1
    positions = np.zeros((count, assets), dtype=POSITION)
    for name in ("mark", "vol", "print"):
        positions[name] = np.nan
    records = np.zeros((count, 2), dtype=RECORD)
    records["tier"] = Tier.LEARNING
    marks = np.zeros((count, MARKS), dtype=MARK)
    marks["at"][:, 0], marks["equity"][:, 0] = market.instants[0]["at"], setup.cash
    peaks = np.zeros((count, days + 1), dtype=PEAK)
    peaks["best"][:, 0] = setup.cash
    accounts["marked"] = accounts["peaks_end"] = 1
    accounts["marked_hour"] = market.instants[0]["at"] // HOUR_NS
    return Accounts(
        accounts=accounts,
        positions=positions,
        active=np.zeros((count, assets), dtype=np.int64),
        held=np.zeros((count, assets), dtype=HELD),
        lots=np.zeros((count, assets, LOTS_MAX), dtype=LOT),
        orders=np.zeros((count, ORDERS_PER_ASSET * assets), dtype=ORDER),
        rings=np.zeros((count, 2, WINDOW), dtype=np.int64),
        days=np.zeros((count, days)),
        falls=np.zeros((count, months)),
        records=records,
        closed=np.zeros((count, ORDERS_PER_ASSET * assets), dtype=EPISODE),
        lasted=np.zeros((count, 2, WINDOW), dtype=np.int64),
        marks=marks,
        peaks=peaks,
    )


def make_ready(
    market: Market, setup: Setup, tell: Tell = tell_on_screen, *, lends: bool | None = None
) -> None:
    """Load the machine code, or make it, once in a process; nothing is run.

    There are two forms of it: one that lends by day, and one in which nothing of that is left.
    """
    if any(kind[0] is lends for kind in tuple(_ENTRIES)):
        return
    dispatcher = _machine_code()
    if any((known[-1] == types.none) is (lends is None) for known in dispatcher.signatures):
        return
    all_ = accounts_of(1, market, setup)
    is_on = lends is not None
    rows = rows_of([CLASSIC._replace(intraday=CLASSIC.intraday._replace(is_on=is_on))])
    with told(tell):
        _go(market, all_, rows, setup, _tape([0, 0, 0, 0]), spans=0)


def lends_of(rows: npt.NDArray[np.float64]) -> bool | None:
    """Return whether any policy lends by day, None for no."""
    return True if rows[:, LENDS].any() else None


def _go(
    market: Market,
    all_: Accounts,
    rows: npt.NDArray[np.float64],
    setup: Setup,
    tape: Tape,
    spans: int | None = None,
) -> None:
    room = room_for_looks()
    lends = lends_of(rows)
    count = len(market.ends) if spans is None else spans
    arguments = (market, all_, rows, setup, room, tape, count, lends)
    # Accounts, room and tape are made here, always alike; the rest tells apart what was compiled.
    kind = (
        lends,
        tuple((each.dtype, each.ndim, each.flags.num) for each in (*market, rows)),
        tuple(type(number) for _, number in leaves(setup)),
    )
    if kind not in _ENTRIES:
        dispatcher = _machine_code()
        dispatcher(market, all_, rows, setup, room, tape, 0, lends)
        types_of = tuple(dispatcher.typeof_pyval(each) for each in arguments)
        _ENTRIES[kind] = dispatcher.overloads[types_of].entry_point
    _ENTRIES[kind](*arguments)


@cache
def _machine_code() -> Any:
    return compiled(advance, APART)


def _tape(sizes: Sequence[int]) -> Tape:
    return Tape(
        curve=np.zeros(sizes[0], dtype=CURVE),
        decisions=np.zeros(sizes[1], dtype=DECISION),
        fills=np.zeros(sizes[2], dtype=FILL),
        trades=np.zeros(sizes[3], dtype=TRADE),
        counts=np.zeros(4, dtype=np.int64),
    )


def _refuse_faults(accounts: npt.NDArray[Any]) -> None:
    faulty = np.flatnonzero(accounts["fault"] != SOUND)
    if len(faulty):
        place = int(faulty[0])
        raise BadData(f"policy {place + 1}: {_FAULTS[int(accounts['fault'][place])]}")


def metrics_of(accounts: npt.NDArray[Any], bars: Columns, setup: Setup) -> Metrics:
    """Return the metrics of accounts that have gone through all bars."""
    marks = int((bars.instants["closes"] != 0).sum())
    days = accounts["days"]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = accounts["day_sum"] / days
        variance = np.maximum(accounts["day_squares"] / days - mean * mean, 0.0)
        use = accounts["exposure_crypto"] / accounts["cap"]
    counted = {
        name: accounts[name].copy()
        for name in (
            *("days", "trades", "wins", "losses", "forced", "bought", "denied"),
            *("trips_day", "trips_month", "locks", "plans", "halts"),
        )
    }
    return Metrics(
        equity=accounts["last"].copy(),
        growth=accounts["last"] / setup.cash - 1.0,
        drawdown=accounts["drawdown"].copy(),
        day_mean=mean,
        day_std=np.sqrt(variance),
        exposure=accounts["exposure"] / max(marks, 1),
        exposure_crypto=accounts["exposure_crypto"] / max(marks, 1),
        cap_use=use,
        fees=accounts["fees"].copy(),
        turnover=accounts["traded"] / setup.cash,
        **counted,
    )
