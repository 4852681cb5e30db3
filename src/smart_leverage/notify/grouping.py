"""What is told now and what is counted: the first of a cause at once, the rest after a while."""

from collections.abc import Iterator

from msgspec import Struct

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.domain.stamps import span
from smart_leverage.notify.message import Level, Manner, Message, Notice

WINDOW_NS = 15 * MINUTE_NS
"""So long what follows the first message of a cause is only counted."""

REPEATS_NS = (5 * MINUTE_NS, 15 * MINUTE_NS, 60 * MINUTE_NS)
"""When an urgent trouble that lasts is told again, counted from its beginning; then every hour."""

CAUSES_MAX = 500
"""So many causes are told apart at a time; beyond that those of one topic are one."""


class Window(Struct, kw_only=True):
    """A cause that was told, and what has followed since."""

    level: Level
    topic: str
    until_ns: int
    text: str = ""
    count: int = 0


class Trouble(Struct, kw_only=True):
    """Something that began and is not over; `count` are sights of it that were not told yet."""

    level: Level
    topic: str
    text: str
    since_ns: int
    told: int = 1
    count: int = 0


class Groups(Struct, kw_only=True):
    """Lets messages pass or counts them; its fields are all that it knows, and can be kept.

    Whatever it takes in is in the count of exactly one notice, sooner or later.
    """

    windows: dict[str, Window] = {}
    troubles: dict[str, Trouble] = {}

    def take(self, message: Message, now_ns: int) -> list[Notice]:
        """Take one message in and return what is told at once because of it."""
        match message.manner:
            case Manner.EACH:
                return [_told(message, must=True)]
            case Manner.GROUPED:
                return self._group(message, now_ns)
            case Manner.OPENS:
                return self._open(message, now_ns)
            case Manner.CLOSES:
                return self._close(message)

    def due(self, now_ns: int) -> Iterator[Notice]:
        """Yield what has been counted for long enough, and what is told again."""
        yield from self._over(now_ns)
        for trouble in self.troubles.values():
            if trouble.level is not Level.URGENT or now_ns < _repeat_ns(trouble):
                continue
            trouble.told += 1
            while now_ns >= _repeat_ns(trouble):  # nobody was here to tell it: once is enough
                trouble.told += 1
            lasts = f"still, for {span(now_ns - trouble.since_ns)}: {trouble.text}"
            yield Notice(
                level=trouble.level,
                topic=trouble.topic,
                text=lasts,
                at_ns=now_ns,
                count=trouble.count,
                must=True,
            )
            trouble.count = 0

    @property
    def counted(self) -> int:
        """How many messages were taken in and are in no notice yet."""
        in_windows = sum(window.count for window in self.windows.values())
        return in_windows + sum(trouble.count for trouble in self.troubles.values())

    def _group(self, message: Message, now_ns: int) -> list[Notice]:
        cause = message.cause
        if cause not in self.windows and len(self.windows) >= CAUSES_MAX:
            cause = message.topic
        window = self.windows.get(cause)
        if window is None:
            self.windows[cause] = Window(
                level=message.level, topic=message.topic, until_ns=now_ns + WINDOW_NS
            )
            return [_told(message)]
        window.count += 1
        window.text = message.text
        return []

    def _open(self, message: Message, now_ns: int) -> list[Notice]:
        trouble = self.troubles.get(message.cause)
        if trouble is not None:
            trouble.count += 1
            trouble.text = message.text
            return []
        self.troubles[message.cause] = Trouble(
            level=message.level, topic=message.topic, text=message.text, since_ns=now_ns
        )
        return [_told(message)]

    def _close(self, message: Message) -> list[Notice]:
        trouble = self.troubles.pop(message.cause, None)
        if trouble is None:
            return []
        return [
            Notice(
                level=trouble.level,
                topic=trouble.topic,
                text=message.text,
                at_ns=message.at_ns,
                count=1 + trouble.count,
                must=trouble.level is Level.URGENT,
            )
        ]

    def _over(self, now_ns: int) -> Iterator[Notice]:
        for cause, window in list(self.windows.items()):
            if now_ns < window.until_ns:
                continue
            if not window.count:
                del self.windows[cause]
                continue
            yield Notice(
                level=window.level,
                topic=window.topic,
                text=f"{window.count:,} more of this, the last: {window.text}",
                at_ns=now_ns,
                count=window.count,
            )
            window.count, window.until_ns = 0, now_ns + WINDOW_NS


def _told(message: Message, *, must: bool = False) -> Notice:
    return Notice(
        level=message.level,
        topic=message.topic,
        text=message.text,
        at_ns=message.at_ns,
        must=must or message.level is Level.URGENT,
    )


def _repeat_ns(trouble: Trouble) -> int:
    """Return when a trouble is told once more."""
    place = trouble.told - 1
    if place < len(REPEATS_NS):
        return trouble.since_ns + REPEATS_NS[place]
    return trouble.since_ns + REPEATS_NS[-1] + (place - len(REPEATS_NS) + 1) * HOUR_NS
