"""One thread for each channel, so that a service that hangs holds up nobody else."""

import logging
import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import NamedTuple

from smart_leverage.notify.channels.base import Channel
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.post import Parcel

_LOG = logging.getLogger(__name__)

END_WITHIN_S = 3.0


class Done(NamedTuple):
    """What became of one try."""

    channel: str
    number: int
    outcome: Outcome


class Workers:
    """Takes one parcel a channel at a time; what became of it is fetched later."""

    def __init__(self, channels: Mapping[str, Channel], wake: Callable[[], None]) -> None:
        """Start the threads; `wake` is called in them whenever something is done."""
        self._wake = wake
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._queues: dict[str, SimpleQueue[Parcel | None]] = {}
        self._threads = []
        for name, channel in channels.items():
            queue: SimpleQueue[Parcel | None] = SimpleQueue()
            self._queues[name] = queue
            thread = threading.Thread(
                target=self._work, args=(channel, queue), name=f"notify-{name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def hand(self, channel: str, parcel: Parcel) -> None:
        """Hand a parcel over; the post hands out no second one before this one is done."""
        self._queues[channel].put(parcel)

    def done(self) -> list[Done]:
        """Return what was tried since."""
        found = []
        while True:
            try:
                found.append(self._done.get_nowait())
            except Empty:
                return found

    def close(self) -> None:
        """End after what is under way, within bounds."""
        for queue in self._queues.values():
            queue.put(None)
        for thread in self._threads:
            thread.join(END_WITHIN_S)

    def _work(self, channel: Channel, queue: "SimpleQueue[Parcel | None]") -> None:
        while (parcel := queue.get()) is not None:
            try:
                outcome = channel.send(parcel)
            except Exception as error:  # noqa: BLE001 - a bug of ours costs one try, no channel
                # Not the error itself: its text, or a value in its trace, may be a secret.
                name = type(error).__name__
                _LOG.error("channel %s broke: %s", channel.name, name)
                outcome = Outcome(is_sent=False, why=f"broke: {name}", may_have_come=True)
            self._done.put(Done(channel.name, parcel.number, outcome))
            self._wake()
