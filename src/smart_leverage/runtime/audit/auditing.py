"""Audits a past: replays it, judges its trades and days, and holds it against the target."""

from collections.abc import Callable, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from smart_leverage.books.statistics import Statistics
from smart_leverage.books.trades import Outcome
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.fills.costs import CostModel
from smart_leverage.ledger.reader import Reader
from smart_leverage.reports.arithmetic import arithmetic
from smart_leverage.reports.story import Story, read_story
from smart_leverage.reports.trading import statistics
from smart_leverage.reports.usage import Group, groups
from smart_leverage.research.audit import Days, Rate, Target, days_of, rate_of, target_of
from smart_leverage.research.verify.record import days_a_year
from smart_leverage.runtime.audit.capital import Worths, worths_of
from smart_leverage.runtime.counterfactual import Compared, Heard, Line, compare
from smart_leverage.runtime.importing import Gathered
from smart_leverage.runtime.replay_case import Account
from smart_leverage.runtime.replay_log import OrderLog

LARGEST = 5
"""So many of the largest denied orders are explained."""


class Asked(NamedTuple):
    """What the audit is asked beside the files.

    `equity_from` says in words where the equity at first comes from, `is_assumed` that nobody
    stated it. `target` is return of a month and drawdown, fractions. `costs` are the fees that the
    files name, None where they name none and the venue's own were charged.
    """

    policy: str
    timezone: str
    equity_from: str
    is_assumed: bool
    target: tuple[float, float] = (0.05, 0.08)
    bars: int = 0
    costs: CostModel | None = None


class Explained(NamedTuple):
    """A denied order with the steps of its arithmetic, each a label, a value and how."""

    line: Line
    steps: tuple[tuple[str, str, str], ...]


class Replay(NamedTuple):
    """The past under the policy: `groups` have the caps it would have had, instant by instant."""

    log: OrderLog
    compared: Compared
    groups: tuple[Group, ...]
    largest: tuple[Explained, ...]

    @property
    def denied(self) -> list[Line]:
        """The orders that would have been denied, covers of denied shorts left out."""
        return [each for each in self.compared.lines if each.verdict == "denied"]

    @property
    def refused(self) -> int:
        """Orders that filled in truth, and that the venue would not take without the governor."""
        return sum(bool(each.refusal) and each.offer.has_filled for each in self.compared.lines)


class Audit(NamedTuple):
    """Everything that the page, the terminal and the JSON say.

    `worths` are those of the account's own record, or of the replay without the governor where it
    has none (`is_recorded`); None where neither is known. `replay` is None where `why_not` says so.
    """

    asked: Asked
    gathered: Gathered
    replay: Replay | None
    why_not: str
    worths: Worths | None
    is_recorded: bool
    per_year: int
    trades: Statistics
    rate: Rate | None
    days: Days
    target: Target

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last instant of the past, UTC nanoseconds."""
        found = self.gathered
        times = [each for each in (found.first_ns, found.last_ns) if each is not None]
        times += [min(found.equity), max(found.equity)] if found.equity else []
        times += [] if self.replay is None else [each.at_ns for each in self.replay.log.orders]
        return min(times), max(times)


def replayed(log: OrderLog, account: Account, ledger: Path, heard: Heard | None = None) -> Replay:
    """Return the past under the policy; the ledger of the governed account stays at `ledger`.

    Raises:
        BadData: No order of the log has a price.
    """
    compared = compare(log, account, path=ledger, heard=heard)
    with Reader.open(ledger) as reader:
        story = read_story(reader)
    return Replay(log, compared, tuple(groups(story)), tuple(_explained(compared, story)))


def audit(
    asked: Asked, gathered: Gathered, replay: Replay | None, why_not: str = "",
    heard: Callable[[str], None] = lambda _: None,
) -> Audit:  # fmt: skip
    """Return what a past was worth.

    Args:
        asked: The policy and the target.
        gathered: What the files hold.
        replay: The past under the policy, where its orders are known.
        why_not: Why they are not.
        heard: Hears what is worked on.
    """
    worths, weekends = _worths(asked, gathered, replay), _trades_weekends(gathered)
    dates, returns = ((), ()) if worths is None else (worths.dates, worths.returns)
    trades = statistics(gathered.trades)
    outcomes = [each.outcome for each in gathered.trades if each.outcome is not Outcome.SCRATCH]
    monthly, drawdown = asked.target
    per_year = days_a_year(map(date.fromisoformat, dates)) if dates else 365 if weekends else 252
    heard("skill or luck")
    won = [each is Outcome.WON for each in outcomes]
    rate = rate_of(won, float(trades.gain), float(trades.loss))
    days = days_of(dates, returns, () if worths is None else worths.months, monthly)
    heard("the target")
    return Audit(
        asked=asked,
        gathered=gathered,
        replay=replay,
        why_not=why_not,
        worths=worths,
        is_recorded=bool(gathered.equity),
        per_year=per_year,
        trades=trades,
        rate=rate,
        days=days,
        target=target_of(returns, per_year, monthly, drawdown),
    )


def _worths(asked: Asked, gathered: Gathered, replay: Replay | None) -> Worths | None:
    """Return the account's own record of equity, else what the replay without a governor shows."""
    calendar, weekends = RiskCalendar(asked.timezone), _trades_weekends(gathered)
    if gathered.equity:
        points = sorted(gathered.equity.items())
        return worths_of(points, gathered.flows, calendar, trades_weekends=weekends)
    if replay is None:
        return None
    return worths_of(replay.compared.alone.equity, {}, calendar, trades_weekends=weekends)


def _trades_weekends(gathered: Gathered) -> bool:
    """Whether anything in the past trades on weekends; without deals its own points say it."""
    if gathered.deals:
        return any(deal.key.startswith("crypto:") for deal in gathered.deals)
    steps = [later - earlier for earlier, later in pairwise(sorted(gathered.equity))]
    return bool(steps) and max(steps) < 2 * DAY_NS


def _explained(compared: Compared, story: Story) -> list[Explained]:
    """Return the largest denied orders, each with its arithmetic from the ledger.

    Purchases come first: a denied sale is most often that of what a denied purchase did not bring.
    """
    denied = [each for each in compared.lines if each.verdict == "denied"]
    ranked = sorted(
        denied,
        key=lambda each: (each.offer.side is Side.SELL, -each.asked_money, each.offer.at_ns),
    )[:LARGEST]
    decided = {each.decision_id: each for each in story.decisions}
    return [
        Explained(each, _steps(decided.get(each.decision_id), story.instruments)) for each in ranked
    ]


def _steps(
    decided: Decided | None, instruments: Mapping[Key, Instrument]
) -> tuple[tuple[str, str, str], ...]:
    if decided is None:
        return ()
    steps = arithmetic(decided, instruments.get(decided.key))
    return tuple((each.label, each.value, each.how) for each in steps)
