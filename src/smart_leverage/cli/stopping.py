"""A first Ctrl-C or termination asks a duty to end where it is whole; the second breaks it off."""

import signal
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Stopping:
    """Listens for an interruption while it is entered."""

    def __init__(self) -> None:
        self.is_asked = False
        self._before: dict[int, signal._HANDLER] = {}

    def until_asked(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items as long as nobody asks to stop."""
        for item in items:
            if self.is_asked:
                return
            yield item

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True
