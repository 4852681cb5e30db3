"""Orders without a name of their own that come again before they were answered."""

import hashlib
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from smart_leverage.server.http import Call

AGAIN_WITHIN_S = 15.0
"""An order without a name of its own that comes again so soon, unanswered, is the same one."""

REMEMBERED = 4_096


class Repeats:
    """Gives names to such orders; an identical request gets the same one until it is answered."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], tuple[str, float]] = OrderedDict()

    @contextmanager
    def naming(self, call: Call, own: str | None) -> Iterator[str]:
        """Yield the name of an order, its own or one that is given, while it is being answered.

        Whoever hung up meanwhile may not have the answer, so the name is kept for the repetition.
        """
        if own is not None:
            yield own
            return
        call.listen()
        place = call.seat.token_id, hashlib.sha256(call.body).digest()
        name, then = self._known.get(place, ("", 0.0))
        if not name or time.monotonic() - then > AGAIN_WITHIN_S:
            name = str(uuid.uuid4())
        self._known[place] = name, time.monotonic()
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        try:
            yield name
        finally:
            if not call.is_gone():
                self._known.pop(place, None)
