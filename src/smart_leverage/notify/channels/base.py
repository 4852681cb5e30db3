"""What every channel promises: one try to deliver, and honest words about what became of it."""

from typing import Protocol

from smart_leverage.notify.line import Outcome
from smart_leverage.notify.post import Parcel


class Channel(Protocol):
    """A service that reaches people. Tries are made one at a time, by a thread of its own."""

    name: str

    def send(self, parcel: Parcel) -> Outcome:
        """Try once to deliver, within bounded time; whatever happens is an outcome.

        The words of an outcome hold no secret: they are shown and kept.
        """
        ...
