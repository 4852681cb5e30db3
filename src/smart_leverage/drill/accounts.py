"""The accounts of a drill: while one is played on, the next one starts, and the last one ends."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import NamedTuple

from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.drill.stage import Stage

Holds = Mapping[str, float]
Prepare = Callable[[Holds], AbstractContextManager[Stage]]
"""Says how an account that begins with such holdings is run; nothing of it has started yet."""


class _Account(NamedTuple):
    holds: Holds
    stack: ExitStack
    stage: Stage


class Accounts:
    """Hands out one account at a time; what starts and ends takes nobody's time."""

    def __init__(self, prepare: Prepare) -> None:
        """Begin with none."""
        self._prepare = prepare
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="accounts")
        self._now: _Account | None = None
        self._ahead: tuple[Holds, Future[_Account]] | None = None

    def same(self) -> Stage | None:
        """Return the account that was handed out last, unless it has been let go."""
        return None if self._now is None else self._now.stage

    def another(self, holds: Holds) -> Stage:
        """Return an account on which nothing was played yet.

        Raises:
            BrokerDown: It does not start; the sentence says why.
        """
        self.let_go()
        if self._ahead is None or self._ahead[0] != holds:
            self._drop_ahead()
            self.expect(holds)
        ahead, self._ahead = self._ahead, None
        assert ahead is not None  # noqa: S101 - expected just now
        self._now = ahead[1].result()
        return self._now.stage

    def expect(self, holds: Holds) -> None:
        """Begin to start the account that will probably be wanted next, unless one is starting."""
        if self._ahead is None:
            context = self._prepare(holds)
            self._ahead = holds, self._pool.submit(_started, holds, context)

    def let_go(self) -> None:
        """Have the account that was handed out last end by and by."""
        if self._now is not None:
            self._pool.submit(self._now.stack.close)
        self._now = None

    def close(self) -> None:
        """End all of them, and wait for it."""
        self.let_go()
        self._drop_ahead()
        self._pool.shutdown()

    def _drop_ahead(self) -> None:
        if self._ahead is not None:
            self._pool.submit(_end, self._ahead[1])
        self._ahead = None


def _started(holds: Holds, context: AbstractContextManager[Stage]) -> _Account:
    stack = ExitStack()
    return _Account(holds, stack, stack.enter_context(context))


def _end(starting: "Future[_Account]") -> None:
    with suppress(SmartLeverageError, OSError):  # one that did not start has nothing to be ended
        starting.result().stack.close()
