"""Window after window: choose on the training part, then run the choice on the test part.

The test part is looked at after the choice has been made, and by nothing that chooses. Afterwards
all other candidates go through it as well, which tells how much of the choice was luck.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from smart_leverage.domain.errors import BadData
from smart_leverage.policy.params import Policy
from smart_leverage.research.kernel import Columns, Metrics, Run, Setup, Signals, run, sweep
from smart_leverage.research.kernel.results import Floats
from smart_leverage.research.walk_forward.parts import Part, part_of
from smart_leverage.research.walk_forward.regimes import day_ends
from smart_leverage.research.walk_forward.scoring import SCORES, Score, best_of, ordered
from smart_leverage.research.walk_forward.splits import Fold, Scheme, Span, Window, folds, windows

Progress = Callable[[int, int], None]
"""Hears how many steps are done, of how many."""


class Candidate(NamedTuple):
    """A policy that may be chosen."""

    name: str
    policy: Policy


class Outcome(Struct, frozen=True):
    """One account over one part; fractions unless another unit is named.

    `score` is that of the choice, NaN where the part says nothing of it. `first_day` and `returns`
    are the returns of its risk days, one after another; 0.0 on days without a price. `switch` is
    the money that selling everything at the end costs; it is taken off the last return.
    """

    score: float
    growth: float
    drawdown: float
    day_mean: float
    trades: int
    wins: int
    losses: int
    exposure: float
    halts: int
    fees: float
    switch: float
    equity: float
    first_day: int
    returns: list[float]


class Curve(Struct, frozen=True):
    """Marks of an account: UTC ns and money."""

    at: list[int]
    equity: list[float]


class WindowDone(Struct, frozen=True):
    """What one window came to.

    Attributes:
        train: Days of the training part, first and end.
        test: Days of the test part.
        chosen: Place of the chosen candidate.
        inside: The chosen one over the training part: what one would have been promised.
        outside: The chosen one over the test part, with the equity carried from the window before.
        plain_inside: The first candidate, the policy as it was, over the training part.
        plain_outside: The same over the test part, with its own equity carried.
        inside_scores: (n_candidates,) over the whole training part.
        fold_scores: (n_candidates,) mean over the folds; the choice went by it.
        outside_scores: (n_candidates,) over the test part; nothing was chosen by them.
        expected: Mean score of choices made outside of each fold, in it.
        curve: Marks of the chosen one in the test part.
        plain_curve: Marks of the first candidate in it.
    """

    train: tuple[int, int]
    test: tuple[int, int]
    chosen: int
    inside: Outcome
    outside: Outcome
    plain_inside: Outcome
    plain_outside: Outcome
    inside_scores: list[float]
    fold_scores: list[float]
    outside_scores: list[float]
    expected: float
    curve: Curve
    plain_curve: Curve


class Work(NamedTuple):
    """What is walked through.

    Attributes:
        bars: Columns of bars; their risk days are the line that is cut.
        signals: Made for the same columns.
        candidates: The first is the policy as it is; it is run beside every choice.
        scheme: How the line is cut.
        setup: Cash of the first window, costs, and who lifts a halt.
        score: What is chosen by.
        timezone: In which the risk days of the columns begin.
    """

    bars: Columns
    signals: Signals
    candidates: Sequence[Candidate]
    scheme: Scheme = Scheme()
    setup: Setup = Setup()
    score: Score = SCORES["month"]
    timezone: str = "America/New_York"

    @property
    def windows(self) -> list[Window]:
        """The windows, in order.

        Raises:
            ConfigError: The scheme cannot be.
            BadData: There are too few days for a single window.
        """
        return windows(len(day_ends(self.bars)), self.scheme)


class Choice(NamedTuple):
    """What was chosen on a training part, and on which grounds.

    `fold_scores` are means over the folds, one per candidate; `expected` is the mean score of
    choices made outside of each fold, in it.
    """

    place: int
    fold_scores: Floats
    expected: float


class _Desk(NamedTuple):
    """Where every window is worked out."""

    work: Work
    threads: int | None
    tick: Callable[[], None]

    def part(self, span: Span) -> Part:
        return part_of(self.work.bars, self.work.signals, span)

    def scores(self, span: Span) -> Floats:
        """Return the score of every candidate over a span."""
        found = self._scores(self.part(span))
        self.tick()
        return found

    def _scores(self, part: Part) -> Floats:
        policies = [each.policy for each in self.work.candidates]
        try:
            found = sweep(part.bars, part.signals, policies, self.work.setup, threads=self.threads)
        except BadData:  # one account came to what the kernel cannot do; the others go on
            return np.array([self._score(part, policy) for policy in policies])
        return self.work.score.value(found)

    def _score(self, part: Part, policy: Policy) -> float:
        try:
            found = run(part.bars, part.signals, policy, self.work.setup, record=False)
        except BadData:
            return float("nan")
        return float(self.work.score.value(found.metrics)[0])


def walk(
    work: Work,
    *,
    done: Sequence[WindowDone] = (),
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[WindowDone]:
    """Yield every window as soon as it is done.

    Args:
        work: What is walked through.
        done: Windows that were worked out before, of equal work; they are yielded first.
        threads: None takes one per core; the result does not depend on it.
        progress: Told each time all candidates have gone through a part.

    Raises:
        ConfigError: The scheme, a policy or the setup cannot be.
        BadData: Too few days, a part without bars, or what the kernel cannot do; the window is
            named.
    """
    cut = work.windows
    tick = _ticker(progress, len(done), len(cut), _steps(work))
    desk = _Desk(work, threads, tick)
    yield from done
    cash = plain_cash = work.setup.cash
    if done:
        cash, plain_cash = done[-1].outside.equity, done[-1].plain_outside.equity
    for number in range(len(done), len(cut)):
        try:
            found = _window(desk, cut[number], cash, plain_cash)
        except BadData as error:
            raise BadData(f"window {number + 1} of {len(cut)}: {error}") from error
        yield found
        cash, plain_cash = found.outside.equity, found.plain_outside.equity


def _steps(work: Work) -> int:
    """Return in how many parts of a window all candidates are tried."""
    if len(work.candidates) == 1:
        return 2
    cut = folds(Span(0, work.scheme.train_days), work.scheme)
    return 2 + sum(1 + len(fold.train) for fold in cut)


def _ticker(progress: Progress | None, done: int, count: int, steps: int) -> Callable[[], None]:
    at = done * steps

    def tick() -> None:
        nonlocal at
        at += 1
        if progress is not None:
            progress(min(at, count * steps), count * steps)

    return tick


def _window(desk: _Desk, window: Window, cash: float, plain_cash: float) -> WindowDone:
    inside_scores = desk.scores(window.train)
    choice = _choose(desk, window.train)
    policies = [desk.work.candidates[place].policy for place in (choice.place, 0)]
    inside, plain_inside = (
        _account(desk, window.train, policy, desk.work.setup.cash)[0] for policy in policies
    )
    outside, curve = _account(desk, window.test, policies[0], cash)
    plain_outside, plain_curve = _account(desk, window.test, policies[1], plain_cash)
    return WindowDone(
        train=(window.train.first, window.train.end),
        test=(window.test.first, window.test.end),
        chosen=choice.place,
        inside=inside,
        outside=outside,
        plain_inside=plain_inside,
        plain_outside=plain_outside,
        inside_scores=inside_scores.tolist(),
        fold_scores=choice.fold_scores.tolist(),
        outside_scores=desk.scores(window.test).tolist(),
        expected=choice.expected,
        curve=curve,
        plain_curve=plain_curve,
    )


# -- the choice -----------------------------------------------------------------------------------


def _choose(desk: _Desk, train: Span) -> Choice:
    """Choose a candidate by its mean score over the folds of a training part.

    Beside it, every fold is also a small test: the best outside of it is taken and scored in it.
    The mean of those is what a choice of this kind may be expected to give, as far as the training
    part can tell.
    """
    if len(desk.work.candidates) == 1:
        return Choice(0, np.full(1, np.nan), float("nan"))
    tested, expected = [], []
    for fold in folds(train, desk.work.scheme):
        scores = desk.scores(fold.test)
        tested.append(scores)
        expected.append(float(scores[best_of(_outside(desk, fold))]))
    found = np.mean(np.array([ordered(scores) for scores in tested]), axis=0)
    means = np.where(np.isfinite(found), found, np.nan)
    known = [each for each in expected if each == each]
    return Choice(best_of(means), means, float(np.mean(known)) if known else float("nan"))


def _outside(desk: _Desk, fold: Fold) -> Floats:
    """Return the scores of all candidates on what is left around a fold, weighted by days."""
    if not fold.train:
        return np.zeros(len(desk.work.candidates))
    weights = [float(span.days) for span in fold.train]
    return np.average([desk.scores(span) for span in fold.train], axis=0, weights=weights)


# -- one account ----------------------------------------------------------------------------------


def _account(desk: _Desk, span: Span, policy: Policy, cash: float) -> tuple[Outcome, Curve]:
    """Take one account through a span, and sell everything at its end."""
    part = desk.part(span)
    found = run(part.bars, part.signals, policy, desk.work.setup._replace(cash=cash))
    switch = _cost_of_leaving(found, desk.work.setup)
    equity = found.curve["equity"].copy()
    equity[-1] -= switch
    metrics = found.metrics
    outcome = Outcome(
        score=float(desk.work.score.value(metrics)[0]),
        growth=float(equity[-1] / cash - 1.0),
        drawdown=deepest_fall(np.concatenate([[cash], equity])),
        day_mean=float(np.mean(returns := _returns(part, span, equity, cash))),
        trades=_count(metrics, "trades"),
        wins=_count(metrics, "wins"),
        losses=_count(metrics, "losses"),
        exposure=float(metrics.exposure[0]),
        halts=_count(metrics, "halts"),
        fees=float(metrics.fees[0]),
        switch=switch,
        equity=float(equity[-1]),
        first_day=span.first,
        returns=returns.tolist(),
    )
    return outcome, Curve(found.curve["at"].tolist(), equity.tolist())


def _count(metrics: Metrics, name: str) -> int:
    return int(getattr(metrics, name)[0])


def _cost_of_leaving(found: Run, setup: Setup) -> float:
    """Return what selling all costs; at the dearer of both classes, for marks tell no classes."""
    dearest = max(
        each.half_spread + each.slippage + each.fee_taker
        for each in (setup.costs.crypto, setup.costs.stock)
    )
    return float(found.curve["gross"][-1]) * dearest


def deepest_fall(equity: Floats) -> float:
    """Return the deepest fall below the best value before it, fraction."""
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


def _returns(part: Part, span: Span, equity: Floats, cash: float) -> Floats:
    """Return the change of equity from the last mark of each day to that of the next."""
    instants = part.bars.instants
    days: Any = instants["day"][instants["closes"] > 0] + part.first_day
    marks = np.searchsorted(days, np.arange(span.first, span.end), side="right")
    lasts = np.concatenate([[cash], equity])[marks]
    return np.asarray(lasts / np.concatenate([[cash], lasts[:-1]]) - 1.0)
