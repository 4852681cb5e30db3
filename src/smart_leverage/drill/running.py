"""Plays the catalogue: an account, an attempt, and a judgement of what the broker's side holds."""

import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import httpx2

from smart_leverage.domain.enforcement import OBSERVED, WARNED
from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.drill.accounts import Accounts
from smart_leverage.drill.attempt import Attempt, Ground, Refusal, most_often
from smart_leverage.drill.client import refuse_other
from smart_leverage.drill.scene import PRICES, begin_of, scene_of
from smart_leverage.drill.stage import Stage, stage
from smart_leverage.ledger.reader import Reader
from smart_leverage.settings import Settings
from smart_leverage.settings.notifying import NotifySection
from smart_leverage.settings.sections import BrokerSection, LedgerSection
from smart_leverage.wiring.accounts import LEDGER

LOOPBACK = "127.0.0.1"
NAME = "drill"
CASH_MIN = 100_000.0
FORESEEN_MAX = 10_000


class Verdict(StrEnum):
    """What became of an attempt, by what the broker's side holds after it."""

    STOPPED = "stopped"
    """Something was refused, and nothing wrong reached the broker."""

    HARMLESS = "harmless"
    """Nothing was refused, and nothing wrong came of it."""

    NOT_STOPPED = "not stopped"
    """The broker's side holds, or has taken, what it never may."""

    NOT_TRIED = "not tried"
    """The attempt itself went wrong, so nothing is known."""


class Result(NamedTuple):
    """What became of one attempt.

    Attributes:
        attempt: Which one.
        verdict: The judgement.
        wrongs: Why it got through, in words.
        notes: What else is to be known.
        limits: What stood in the way and how often, the most frequent first.
        shown: The refusal that shows it best.
        taken: Requests that were carried out.
        foreseen: Decisions that only told what they would have denied, on a lower step.
        account: Name of the folder in which it was played.
        seconds: How long it took, the start of its account included.
    """

    attempt: Attempt
    verdict: Verdict
    wrongs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    shown: Refusal | None = None
    taken: int = 0
    foreseen: int = 0
    account: str = ""
    seconds: float = 0.0


class Score(NamedTuple):
    """How many of the attempts came to what."""

    tried: int
    stopped: int
    harmless: int
    not_stopped: int
    not_tried: int

    @classmethod
    def of(cls, results: Sequence[Result]) -> "Score":
        """Count results."""
        count = {one: sum(each.verdict is one for each in results) for one in Verdict}
        return cls(
            tried=len(results) - count[Verdict.NOT_TRIED],
            stopped=count[Verdict.STOPPED],
            harmless=count[Verdict.HARMLESS],
            not_stopped=count[Verdict.NOT_STOPPED],
            not_tried=count[Verdict.NOT_TRIED],
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing got through, and everything was tried."""
        return not (self.not_stopped or self.not_tried)


def configured(settings: Settings, *, step: str = "", host: str = "") -> Settings:
    """Return a user's settings for the drill: the same rules, and no part that is real.

    Account, ledger, keys, certificate and whoever is told of things are left where they are: the
    account is simulated, its ledger is a file, it listens on this machine, and tells nobody. A
    small account is played larger, or the venue's smallest order would stop what a limit has to.

    Args:
        settings: As `run` would take them.
        step: Of enforcement; empty leaves that with which the configuration begins.
        host: To listen on; empty takes that of the configuration.

    Raises:
        ConfigError: The address is not loopback.
    """
    listens = host or settings.server.host
    refuse_other(listens, "--host" if host else "server.host")
    cash = max(settings.account.cash, CASH_MIN)
    account = {"name": NAME, "mode": "sim", "cash": cash}
    account |= {"enforcement": step} if step else {}
    server = {"host": listens, "port": 0, "names": "", "certificate": "", "key": ""}
    return settings.model_copy(
        update={
            "account": settings.account.model_copy(update=account),
            "server": settings.server.model_copy(update=server),
            "broker": BrokerSection(),
            "ledger": LedgerSection(),
            "notify": NotifySection(),
        }
    )


class Drill:
    """Plays attempts one after the other, each on an account that nothing was bought in before."""

    def __init__(self, home: Path, settings: Settings, seed: int) -> None:
        """Prepare.

        Args:
            home: An empty folder for accounts and results.
            settings: See `configured`.
            seed: Makes prices and sizes.
        """
        self.home, self.settings, self.seed = home, settings, seed
        chance = random.Random(seed)  # noqa: S311 - a market, no secret
        self._prices = {key: round(at * chance.uniform(0.9, 1.1), 2) for key, at in PRICES.items()}
        self._begins_ns = begin_of(datetime.now(UTC).date())
        self._count = 0

    def play(
        self, attempts: Sequence[Attempt], begin: Callable[[Attempt], object] = lambda one: None
    ) -> Generator[Result]:
        """Yield what becomes of each attempt; `begin` hears which one is next."""
        with closing(Accounts(self._stage)) as accounts:
            for attempt, following in zip_longest(attempts, attempts[1:]):
                begin(attempt)
                began_s = time.monotonic()
                running = accounts.same()
                try:
                    if running is None or attempt.holds or attempt.is_alone:
                        running = accounts.another(attempt.holds)
                    if following is not None:
                        accounts.expect(following.holds)
                    result = self._played(running, attempt)
                except _BROKEN as problem:
                    result = _broken(attempt, problem, running)
                yield result._replace(seconds=round(time.monotonic() - began_s, 2))
                if running is None or not _is_fresh(running, result):
                    accounts.let_go()

    def _stage(self, holds: Mapping[str, float]) -> AbstractContextManager[Stage]:
        self._count += 1
        equity = Decimal(repr(self.settings.account.cash))
        scene = scene_of(equity, holds, self._prices, self._begins_ns)
        return stage(self.home, f"account-{self._count:02}", self.settings, scene)

    def _played(self, running: Stage, attempt: Attempt) -> Result:
        chance = random.Random(f"{self.seed} {attempt.name}")  # noqa: S311 - sizes, no secret
        ground = Ground(running, chance)
        attempt.play(ground)
        wrongs = [*running.settled().wrongs, *ground.wrongs]
        return Result(
            attempt,
            _verdict(wrongs, ground.refusals),
            wrongs=tuple(dict.fromkeys(wrongs)),
            notes=tuple(ground.notes),
            limits=tuple(most_often(ground.refusals)),
            shown=_telling(ground.refusals),
            taken=ground.taken,
            foreseen=_foreseen(running),
            account=running.folder.name,
        )


_BROKEN = (SmartLeverageError, httpx2.HTTPError, OSError, LookupError, TypeError, ValueError)
"""What ends an attempt without a judgement: no answer, or one that nobody expected."""


def _broken(attempt: Attempt, problem: Exception, running: Stage | None) -> Result:
    why = f"{type(problem).__name__}: {problem}"
    account = "" if running is None else running.folder.name
    return Result(attempt, Verdict.NOT_TRIED, wrongs=(why,), account=account)


def _verdict(wrongs: Sequence[str], refusals: Sequence[Refusal]) -> Verdict:
    if wrongs:
        return Verdict.NOT_STOPPED
    return Verdict.STOPPED if refusals else Verdict.HARMLESS


def _telling(refusals: Sequence[Refusal]) -> Refusal | None:
    """Return the refusal to be shown: of the limit that stood in the way most often.

    A decision says more than a status, so one is shown where there is any.
    """
    decided = [one for one in refusals if one.decision_id] or list(refusals)
    limits = most_often(decided)
    return next((one for one in decided if one.limit == limits[0][0]), None) if limits else None


def _foreseen(running: Stage) -> int:
    """Count what was only told: on a step below `all` a denial may be a line in the journal."""
    with Reader.open(running.folder / LEDGER) as reader:
        return sum(
            len(reader.decisions(verdict=verdict, limit=FORESEEN_MAX))
            for verdict in (OBSERVED, WARNED)
        )


def _is_fresh(running: Stage, result: Result) -> bool:
    """Whether the next attempt may be played on the same account: it has traded nothing yet."""
    if result.attempt.is_alone or result.attempt.holds or result.verdict is Verdict.NOT_TRIED:
        return False
    return not running.seen().orders
