"""Runs every policy over the same bars and signals, and cuts out the days that count.

Each account lives through all bars: the warm-up gives it a record and its caps their evidence, and
only the days behind it are reported. Nothing is chosen or fitted anywhere, so all of those are out
of sample as far as the policies go; the windows are those of a walk forward with such a training.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.tier import Tier
from smart_leverage.research.compare.evidence import NOTHING, Known, evidence_for, heard
from smart_leverage.research.kernel import Columns, Run, Setup, Signals, run
from smart_leverage.research.kernel.exact import UNITS
from smart_leverage.research.kernel.results import Floats, Ints
from smart_leverage.research.walk_forward.regimes import day_ends
from smart_leverage.research.walk_forward.splits import Scheme, Span, windows

Progress = Callable[[int, int], None]
"""Hears how many policies are done, of how many."""


class Contender(NamedTuple):
    """A policy that is compared, and the highest tier it may be granted.

    `dial` tells by which share its caps were scaled before; see `dial.scaled`.
    """

    name: str
    policy: Policy
    tier_ceiling: Tier = Tier.PROFITABLE
    dial: float = 1.0


class Contest(NamedTuple):
    """What is compared, and on what.

    Attributes:
        bars: Columns of bars.
        signals: Made for the same columns.
        contenders: Two at least, of different names; the first is the baseline.
        setup: Cash and costs, the same for all; its ceiling of tiers is that of each contender.
        warm_up_days: Not reported; every account has a record and evidence afterwards.
        test_days: Length of a window.
        timezone: In which the risk days of the columns begin.
    """

    bars: Columns
    signals: Signals
    contenders: Sequence[Contender]
    setup: Setup = Setup()
    warm_up_days: int = 365
    test_days: int = 91
    timezone: str = "America/New_York"

    @property
    def windows(self) -> list[Span]:
        """The test parts, one behind the other.

        Raises:
            ConfigError: A length cannot be.
            BadData: There are too few days for a single window.
        """
        scheme = Scheme(self.warm_up_days, self.test_days, purge_days=0, folds=2)
        return [each.test for each in windows(len(day_ends(self.bars)), scheme)]


class Course(NamedTuple):
    """How one account went over the days that count.

    `start` is its equity as they begin. Arrays over marks are (n_marks,): UTC ns, money, shares of
    equity (what is held, and the cap on coins), and whether it was halted. `mark_day` counts days
    from the first one, `day_equity` is (n_days,) the last mark of each. `traded` and `fees` are
    sums over fills as shares of equity at the time. `records` is how many monthly records of
    evidence it read, `curves` how many of them told what confidence was worth.
    """

    start: float
    at: Ints
    equity: Floats
    exposure: Floats
    exposure_crypto: Floats
    cap_crypto: Floats
    is_halted: Any
    mark_day: Ints
    day_equity: Floats
    traded: float
    fees: float
    trades: int
    records: int
    curves: int

    @property
    def log_returns(self) -> Floats:
        """Daily log returns, (n_days,)."""
        return np.diff(np.log(np.concatenate([[self.start], self.day_equity])))


def check_contenders(contenders: Sequence[Contender]) -> None:
    """Refuse what cannot be compared.

    Raises:
        ConfigError: There are fewer than two policies, or two of one name.
    """
    names = [each.name for each in contenders]
    problems = [
        f"{name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if len(names) < 2:
        problems.append(f"{', '.join(names) or 'no policy'}: name two policies at least")
    if problems:
        raise ConfigError(problems, "compare")


def courses(contest: Contest, progress: Progress | None = None) -> list[Course]:
    """Run every policy and return how it went, in their order.

    Raises:
        ConfigError: A policy, the setup or a length cannot be.
        BadData: Too few days, or an account came to what the kernel cannot do; it is named.
    """
    check_contenders(contest.contenders)
    tested = contest.windows
    days = Span(tested[0].first, tested[-1].end)
    found = []
    for place, contender in enumerate(contest.contenders):
        try:
            found.append(course_of(contest, contender, days))
        except BadData as error:
            raise BadData(f"{contender.name}: {error}") from error
        if progress is not None:
            progress(place + 1, len(contest.contenders))
    return found


def course_of(contest: Contest, contender: Contender, days: Span) -> Course:
    """Run one policy and return how it went over some risk days.

    Raises:
        ConfigError: The policy or the setup cannot be.
        BadData: The account came to what the kernel cannot do.
    """
    setup = contest.setup._replace(tier_ceiling=contender.tier_ceiling)
    bars, signals, policy = contest.bars, contest.signals, contender.policy
    known = evidence_for(bars, signals, policy, setup, contest.timezone)
    one = run(bars, heard(signals, bars, known), policy, setup, evidence=known.records)
    return cut(one, bars, setup.cash, days, known)


def cut(one: Run, bars: Columns, cash: float, days: Span, known: Known = NOTHING) -> Course:
    """Return the days of a run that count.

    Args:
        one: With its curve and fills.
        bars: What it went through.
        cash: That it began with.
        days: Risk days of the bars.
        known: What its account was given to know.
    """
    instants = bars.instants
    mark_day = instants["day"][np.searchsorted(instants["at"], one.curve["at"])] - days.first
    begin, end = np.searchsorted(mark_day, (0, days.days))
    curve, mark_day = one.curve[begin:end], mark_day[begin:end]
    if not len(curve):
        raise BadData("no bar ends on the days that count")
    equity = np.concatenate([[cash], one.curve["equity"]])
    lasts = np.searchsorted(mark_day, np.arange(days.days), side="right") + begin
    first_ns, last_ns = (int(curve["at"][place]) for place in (0, -1))
    traded, fees = _spent(one, equity, first_ns, last_ns)
    is_inside = (one.trades["at"] >= first_ns) & (one.trades["at"] <= last_ns)
    return Course(
        start=float(equity[begin]),
        at=curve["at"].copy(),
        equity=curve["equity"].copy(),
        exposure=curve["gross"] / curve["equity"],
        exposure_crypto=curve["crypto"] / curve["equity"],
        cap_crypto=curve["cap_crypto"].copy(),
        is_halted=curve["state"] >= int(TradingState.HALTED),
        mark_day=mark_day,
        day_equity=equity[lasts],
        traded=traded,
        fees=fees,
        trades=int(np.count_nonzero(is_inside)),
        records=len(known.records),
        curves=len(known.curves),
    )


def _spent(one: Run, equity: Floats, first_ns: int, last_ns: int) -> tuple[float, float]:
    """Return what was traded and what it cost, each fill as a share of equity at the time."""
    fills = one.fills[(one.fills["at"] >= first_ns) & (one.fills["at"] <= last_ns)]
    at_work = equity[np.searchsorted(one.curve["at"], fills["at"], side="right")]
    value = fills["qty"] / UNITS * fills["price"]
    fee = fills["fee_cash"] + fills["fee_units"] / UNITS * fills["price"]
    return float(np.sum(value / at_work)), float(np.sum(fee / at_work))
