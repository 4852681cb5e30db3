"""Runs one policy in full, or many for their metrics."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.errors import BadData
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.tier import Tier
from smart_leverage.research.kernel.books import (
    ACCOUNT,
    CURVE,
    DECISION,
    FILL,
    LOT,
    LOTS_MAX,
    ORDER,
    ORDERS_PER_ASSET,
    POSITION,
    SOUND,
    TOO_LARGE,
    TOO_MANY_LOTS,
    TOO_MANY_ORDERS,
    TRADE,
    UNCONFIRMED,
    WINDOW,
    Tape,
)
from smart_leverage.research.kernel.building import Tell, compiled, tell_on_screen, told
from smart_leverage.research.kernel.columns import Columns, check_begin
from smart_leverage.research.kernel.instant import closing, judge, opening, propose, step
from smart_leverage.research.kernel.ladder import CELL
from smart_leverage.research.kernel.loop import (
    CLOSELY,
    DECIDING,
    QUIET,
    ROLLING,
    Accounts,
    Market,
    Scratch,
    Screen,
    advance,
    begin_accounts,
)
from smart_leverage.research.kernel.plans import NEVER, NONE, shrink
from smart_leverage.research.kernel.results import Metrics, Run
from smart_leverage.research.kernel.setup import NAMES, Setup, check_setup, row_of
from smart_leverage.research.kernel.signals import Signals

LEVELS: frozenset[Callable[..., Any]] = frozenset({step, closing, opening, judge, shrink, propose})
"""What is called from one place only and merged into it."""

LANES = 32
"""So many accounts go through the bars side by side; their books stay in the processor's cache."""

_FAULTS = {
    TOO_MANY_LOTS: f"a position was bought in more than {LOTS_MAX} pieces",
    TOO_MANY_ORDERS: "more orders are under way than can be tracked",
    TOO_LARGE: "a quantity is beyond what can be counted in units of 1e-9",
    UNCONFIRMED: "a held price jumped, and no print of its own confirmed that before a new day",
}

Progress = Callable[[int, int], None]
"""Hears how many policies are done, of how many."""


def run(
    bars: Columns,
    signals: Signals,
    policy: Policy = CLASSIC,
    setup: Setup = Setup(),  # noqa: B008 - a tuple
    *,
    record: bool = True,
    tell: Tell = tell_on_screen,
) -> Run:
    """Take one account through all bars.

    Args:
        bars: Columns of bars.
        signals: What is proposed; made for the same columns.
        policy: Its numbers.
        setup: Cash, costs and the venue.
        record: Keep the curve, decisions, fills and trades; without, only the metrics.
        tell: Hears that the kernel is being compiled, the first time.

    Raises:
        ConfigError: A number of policy or setup cannot be.
        BadData: The signals are of other bars, or the account came to what the kernel cannot do.
    """
    market = market_of(bars, signals)
    check_setup(setup)
    rows = row_of(policy)[None, :]
    make_ready(market, setup, tell)
    sizes = [len(bars.instants), 4096, 4096, 4096] if record else [0, 0, 0, 0]
    while True:
        tape = _tape(sizes)
        all_ = accounts_of(1, len(bars.keys), setup)
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
        lanes: Accounts side by side in one thread.
        progress: Told after each group of accounts.
        tell: Hears that the kernel is being compiled, the first time.

    Raises:
        ConfigError: A number of a policy or of the setup cannot be.
        BadData: See `run`; the first account that came to it is named.
    """
    market = market_of(bars, signals)
    check_setup(setup)
    rows = np.array([row_of(policy) for policy in policies]).reshape(len(policies), len(NAMES))
    make_ready(market, setup, tell)
    groups = [rows[place : place + lanes] for place in range(0, len(rows), lanes)]
    ends = []
    done = 0

    def one(group: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        all_ = accounts_of(len(group), len(bars.keys), setup)
        _go(market, all_, group, setup, _tape([0, 0, 0, 0]))
        accounts: npt.NDArray[Any] = all_.accounts
        return accounts

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for end in pool.map(one, groups):
            ends.append(end)
            done += len(end)
            if progress is not None:
                progress(done, len(rows))
    accounts = np.concatenate(ends) if ends else np.zeros(0, dtype=ACCOUNT)
    _refuse_faults(accounts)
    return metrics_of(accounts, bars, setup)


def market_of(bars: Columns, signals: Signals) -> Market:
    """Return bars and signals as the loop takes them.

    Raises:
        BadData: The signals were made for other columns, or these do not begin on day 0.
    """
    check_begin(bars)
    instants = bars.instants
    if len(signals.first) != len(instants) + 1:
        raise BadData(
            f"signals for {len(signals.first) - 1} instants, bars with {len(instants)}",
            fix="make the signals from these columns",
        )
    busy = np.where(np.diff(signals.first) > 0, DECIDING, QUIET).astype(np.uint8)
    closing = np.flatnonzero(instants["closes"])
    is_first = np.concatenate([[True], np.diff(instants["day"][closing]) > 0])
    busy[closing[is_first]] = CLOSELY
    busy[instants["is_day_new"] > 0] = ROLLING
    busy[0] = CLOSELY
    nothing = np.zeros(len(bars.keys), dtype=CELL)
    for name in ("mark_close", "mark_open", "vol_close", "vol_open"):
        nothing[name] = np.nan
    return Market(
        instants=instants,
        cells=bars.cells,
        nothing=nothing,
        low=bars.low,
        close=bars.close,
        open=bars.open,
        facts=bars.facts,
        sessions=bars.sessions,
        signals=signals.rows,
        first=signals.first,
        busy=busy,
    )


def accounts_of(count: int, assets: int, setup: Setup) -> Accounts:
    """Return the books of so many accounts that hold nothing but cash."""
    accounts = np.zeros(count, dtype=ACCOUNT)
    for name in ("cash", "day_open", "month_open", "last", "best", "day_base"):
        accounts[name] = setup.cash
    accounts["tier"] = Tier.LEARNING
    accounts["plan"], accounts["halted_in"], accounts["compared_on"] = NONE, -1, -1
    accounts["until"] = NEVER
    accounts["is_stirred"] = 1
    positions = np.zeros((count, assets), dtype=POSITION)
    for name in ("mark", "vol", "print"):
        positions[name] = np.nan
    return Accounts(
        accounts=accounts,
        positions=positions,
        active=np.zeros((count, assets), dtype=np.int64),
        lots=np.zeros((count, assets, LOTS_MAX), dtype=LOT),
        orders=np.zeros((count, ORDERS_PER_ASSET * assets), dtype=ORDER),
        rings=np.zeros((count, 2, WINDOW), dtype=np.int64),
    )


def make_ready(market: Market, setup: Setup, tell: Tell = tell_on_screen) -> None:
    """Load the machine code, or make it, once in a process; nothing is run."""
    dispatcher: Any = compiled(advance, LEVELS)
    if dispatcher.signatures:
        return
    all_ = accounts_of(1, len(market.facts), setup)
    with told(tell):
        _go(market, all_, row_of(CLASSIC)[None, :], setup, _tape([0, 0, 0, 0]), until=0)


def _go(
    market: Market,
    all_: Accounts,
    rows: npt.NDArray[np.float64],
    setup: Setup,
    tape: Tape,
    until: int | None = None,
) -> None:
    count, assets = all_.positions.shape
    holders = np.zeros(assets, dtype=np.int64)
    screen = Screen(holders, *np.zeros((3, assets, count)), *np.zeros((14, count)))
    screen.floor[:], screen.ceiling[:] = -np.inf, np.inf
    scratch = Scratch(*np.zeros((4, count)))
    compiled(begin_accounts, LEVELS)(market, all_, rows, screen)
    end = len(market.instants) if until is None else until
    compiled(advance, LEVELS)(market, all_, rows, screen, scratch, setup, tape, 0, end)
    for name, column in (
        ("last", screen.last),
        ("best", screen.best),
        ("drawdown", screen.drawdown),
        ("exposure", screen.exposure),
        ("exposure_crypto", screen.exposure_crypto),
        ("cap", screen.cap_sum),
    ):
        all_.accounts[name] = column


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
    marks = int(np.count_nonzero(bars.instants["closes"]))
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
