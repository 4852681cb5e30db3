"""The first Ctrl-C asks a long duty to end where it is whole; the second one breaks it off."""

import signal
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Stopping:
    """Listens for an interruption while it is entered."""

    def __init__(self) -> None:
        self.is_asked = False
        self._before: signal.Handlers | signal._HANDLER = signal.SIG_DFL

    def until_asked(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items as long as nobody asks to stop."""
        for item in items:
            if self.is_asked:
                return
            yield item

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True
