"""What ends the pause of the trading thread; cheaper than an event: it is rung for each order."""

import threading


class Bell:
    """Wakes the one thread that waits; rung while it does not, it ends the next wait at once."""

    __slots__ = ("_silence",)

    def __init__(self) -> None:
        """Begin silent."""
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """End the wait, in any thread; twice is like once."""
        try:
            self._silence.release()
        except RuntimeError:
            return  # it has been rung, and nobody has heard it yet

    def wait(self, seconds: float) -> bool:
        """Wait until it is rung, at most so long; tell whether it was."""
        return self._silence.acquire(timeout=max(seconds, 0.0))
