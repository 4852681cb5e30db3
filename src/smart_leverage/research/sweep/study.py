"""Optuna as the one who proposes: a study that is kept, asked in batches and told in order.

Only this process asks and tells; workers never see the storage. What is proposed depends on the
seed, on the number of the trial and on what was told before it, and on nothing else. So a study
that was interrupted goes on as if it had not been, to the last bit, with either engine. (The
pruner `halving` remembers what it was asked; killed in the very moment of a decision, it may
decide otherwise when asked again.)
"""

import math
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.plan import Plan
from smart_leverage.research.sweep.space import Axis, Floats

_STARTUP = 10
"""Trials at random before the sampler learns."""

_POPULATION = 48
"""Of a generation of nsga2."""

_JUDGED_FROM = 8
"""Finished trials before the median means anything."""


class Asked(NamedTuple):
    """A trial that waits for its figures: its number, and a value for each axis."""

    number: int
    point: tuple[float, ...]


class Study:
    """The study of one plan."""

    def __init__(self, plan: Plan, key: str, storage: str) -> None:
        """Open the study, or begin it.

        Args:
            plan: With the method `optuna`.
            key: Of everything that the result depends on; it is part of the study's name.
            storage: Where it is kept, an address as SQLAlchemy reads it.

        Raises:
            ConfigError: The storage cannot be opened.
        """
        self._plan = plan
        self._distributions = {axis.key: _distribution(axis) for axis in plan.space.axes}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            store = optuna.storages.RDBStorage(_address(storage))
            # A server would be left with open connections, and its log with complaints.
            weakref.finalize(self, store.engine.dispose)
            self._study = optuna.create_study(
                study_name=f"sweep-{key[:16]}",
                storage=store,
                sampler=self._sampler(0),
                pruner=_pruner(plan.search.pruner),
                directions=[
                    "maximize" if each.is_more_better else "minimize" for each in plan.objectives
                ],
                load_if_exists=True,
            )
        except Exception as error:
            raise ConfigError([f"optuna.storage: cannot be opened: {error}"], "plan") from error

    def batch(self, number: int) -> list[Asked]:
        """Return the trials of a batch that are not told yet, asking for what is missing of it.

        Args:
            number: From 0; batches before it have been told.
        """
        first = number * self._plan.search.batch
        end = min(first + self._plan.search.batch, self._plan.sets)
        for each in range(len(self._trials()), end):
            self._study.sampler = self._sampler(each)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self._study.ask(self._distributions)
        return [
            Asked(trial.number, self._point(trial.params))
            for trial in self._trials()[first:end]
            if not trial.state.is_finished()
        ]

    def point(self, number: int) -> tuple[float, ...]:
        """Return the values of a trial."""
        return self._point(self._trials()[number].params)

    def tell(self, number: int, values: Sequence[float]) -> None:
        """Tell what came of a trial, in the order of the objectives; NaN counts as failed."""
        if all(map(math.isfinite, values)):
            self._study.tell(number, list(map(float, values)))
        else:
            self._study.tell(number, state=TrialState.FAIL)

    def climb(
        self, batch: Sequence[Asked], measured: Callable[[Sequence[Asked], float], Floats]
    ) -> dict[int, float]:
        """Take a batch from rung to rung and give up what the pruner gives up.

        Args:
            batch: Trials that are not told.
            measured: Returns the first objective of trials over a share of the bars; infinitely
                bad ones are NaN.

        Returns:
            The numbers of the trials that were given up, each with the share of the bars.
        """
        rungs = self._plan.search.rungs if self._plan.search.pruner != "none" else ()
        left, given_up = list(batch), dict[int, float]()
        for step, share in enumerate(rungs if batch else (), start=1):
            reported = {each.number: self._reports(each.number) for each in left}
            if any(step + 1 in steps for steps in reported.values()):
                continue  # before an interruption this rung was judged already
            due = [each for each in left if step not in reported[each.number]]
            for each, value in zip(due, measured(due, share), strict=True):
                self._trial(each.number).report(float(value), step)
            for each in list(left):
                if self._trial(each.number).should_prune():
                    self._study.tell(each.number, state=TrialState.PRUNED)
                    given_up[each.number] = share
                    left.remove(each)
        return given_up

    def pruned(self, first: int, end: int) -> dict[int, float]:
        """Return the pruned trials with a number in [first, end), and when they were given up."""
        rungs = self._plan.search.rungs
        return {
            trial.number: rungs[max(trial.intermediate_values) - 1]
            for trial in self._trials()[first:end]
            if trial.state is TrialState.PRUNED
        }

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _trial(self, number: int) -> Trial:
        return Trial(self._study, self._trials()[number]._trial_id)

    def _reports(self, number: int) -> Mapping[int, float]:
        return self._trials()[number].intermediate_values

    def _point(self, params: Mapping[str, Any]) -> tuple[float, ...]:
        return tuple(
            axis.values[int(params[axis.key])] if axis.values else float(params[axis.key])
            for axis in self._plan.space.axes
        )

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """Return a sampler for one trial: chance comes from its number, not from a past."""
        state = np.random.SeedSequence([self._plan.seed, number]).generate_state(1)
        seed = int(state[0])
        if self._plan.search.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if self._plan.search.sampler == "nsga2":
                return optuna.samplers.NSGAIISampler(population_size=_POPULATION, seed=seed)
            return optuna.samplers.TPESampler(
                n_startup_trials=_STARTUP, multivariate=True, constant_liar=True, seed=seed
            )


def _address(storage: str) -> str:
    """Return an address with the driver that we install, where none is named."""
    for plain in ("postgresql://", "postgres://"):
        if storage.startswith(plain):
            return f"postgresql+psycopg://{storage.removeprefix(plain)}"
    return storage


def _pruner(name: str) -> optuna.pruners.BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=_JUDGED_FROM)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    return optuna.pruners.NopPruner()


def _distribution(axis: Axis) -> BaseDistribution:
    """Return what Optuna may choose; of listed values the place, so that near stays near."""
    if axis.values:
        return IntDistribution(0, len(axis.values) - 1)
    if axis.is_whole:
        return IntDistribution(int(axis.low), int(axis.high))
    return FloatDistribution(axis.low, axis.high, log=axis.is_log)


def values_of(plan: Plan, figures: Floats, names: Sequence[str]) -> Floats:
    """Return the objectives of sets, (n_sets, n_objectives), from their figures."""
    columns = {name: figures[:, place] for place, name in enumerate(names)}
    return np.stack([each.value(columns, plan.goal) for each in plan.objectives], axis=1)
