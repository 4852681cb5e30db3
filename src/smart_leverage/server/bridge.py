"""From the thread of HTTP to the trading thread and back: questions, and wishes to decide."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Full
from typing import Any, Generic, TypeVar

from smart_leverage.domain.records import Decided
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.office import Office, Stamp, Wish
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.wire.errors import WireError, forbidden, internal, too_many

T = TypeVar("T")

ANSWER_WITHIN_S = 5.0
"""After so long an order whose outcome is still open is answered as it stands."""

BUSY = "the account is busy; nothing was decided and nothing was sent"


class Settling(Generic[T]):
    """The place for one answer; settled on the trading thread, once, awaited on the other."""

    __slots__ = ("_bridge", "_future", "is_settled")

    def __init__(self, bridge: "Bridge", future: "asyncio.Future[T]") -> None:
        self._bridge = bridge
        self._future = future
        self.is_settled = False

    def begin(self) -> None:
        """Let it be answered, also when what was answered before could not be told."""
        self.is_settled = False

    def put(self, answer: T) -> None:
        """Answer; what comes after the first one is passed over until it is begun anew."""
        if not self.is_settled:
            self.is_settled = True
            self._bridge.mail.append((self._future, answer, None))

    def fail(self, error: Exception) -> None:
        """Answer with an error."""
        if not self.is_settled:
            self.is_settled = True
            self._bridge.mail.append((self._future, None, error))


class Bridge:
    """Asks the trading thread; a batch of answers crosses back with one call."""

    def __init__(self, office: Office) -> None:
        """Ask this office; `connect` has to follow in the loop's own thread."""
        self.office = office
        self.mail: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: deque[tuple[float, asyncio.Future[Any]]] = deque()
        office.add_teller(self)

    def connect(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Deliver answers to this loop from now on; None when it ends."""
        self._loop = loop
        self._due.clear()

    async def ask(self, read: Callable[[Driven, Shelf], T]) -> T:
        """Return what somebody reads of the account between two decisions.

        Raises:
            WireError: It raised one, or too many ask.
        """
        settling: Settling[T] = self._settling()

        def question(trader: Driven) -> None:
            settling.begin()
            try:
                settling.put(read(trader, self.office.shelf))
            except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
                settling.fail(error)

        try:
            self.office.ask(question)
        except Full:
            raise too_many(BUSY) from None
        return await settling._future

    async def want(
        self,
        stamp: Stamp,
        then: Callable[[Driven, list[Decided], Settling[T]], None],
        otherwise: Callable[[Driven, Shelf], T],
        *,
        is_urgent: bool,
    ) -> T:
        """Have something decided; return what `then` settles, or `otherwise` when that takes long.

        Args:
            stamp: Makes the event.
            then: Called on the trading thread with the decisions; its answer is told once they are
                durable.
            otherwise: Reads how it stands once `ANSWER_WITHIN_S` is over.
            is_urgent: Whether it lowers exposure, and so is never refused for crowding.

        Raises:
            WireError: Denied, refused, or nothing was decided in time.
        """
        settling: Settling[T] = self._settling()

        def settle(trader: Driven, decided: list[Decided] | None) -> None:
            settling.begin()
            try:
                then(trader, decided or [], settling)
            except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
                settling.fail(error)

        wish = Wish(stamp, settle)
        try:
            self.office.want(wish, is_urgent=is_urgent)
        except Full:
            raise too_many(BUSY) from None
        self._expect(settling._future)
        try:
            return await settling._future
        except TimeoutError:
            if wish.claim():
                raise forbidden(BUSY) from None  # withdrawn: it will never be decided
        try:
            return await asyncio.wait_for(self.ask(otherwise), ANSWER_WITHIN_S / 2)
        except TimeoutError:
            raise internal("the account does not answer") from None

    def _expect(self, future: "asyncio.Future[Any]") -> None:
        """Let it raise `TimeoutError` after `ANSWER_WITHIN_S`.

        All have the same time, so one timer for the oldest does for all of them.
        """
        loop = future.get_loop()
        if not self._due:
            loop.call_later(ANSWER_WITHIN_S, self._look, loop)
        self._due.append((loop.time() + ANSWER_WITHIN_S, future))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        while self._due and (self._due[0][1].done() or self._due[0][0] <= now_s):
            _, future = self._due.popleft()
            if not future.done():
                future.set_exception(TimeoutError())
        if self._due:
            loop.call_at(self._due[0][0], self._look, loop)

    def _settling(self) -> Settling[Any]:
        loop = self._loop
        if loop is None:
            raise WireError(500, 50010000, "the server is ending")
        return Settling(self, loop.create_future())

    def tell_early(self) -> None:
        """Let answers cross that are the broker's word."""
        if (deliver := self.parcel()) is not None:
            deliver()

    def parcel(self) -> Callable[[], None] | None:
        """Return what lets the answers cross that there are."""
        if not self.mail or self._loop is None:
            return None
        loop, mail, self.mail = self._loop, self.mail, []

        def deliver() -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(_deliver, mail)

        return deliver


def _deliver(mail: list[tuple["asyncio.Future[Any]", Any, Exception | None]]) -> None:
    for future, answer, error in mail:
        if future.done():
            continue
        if error is None:
            future.set_result(answer)
        else:
            future.set_exception(error)
