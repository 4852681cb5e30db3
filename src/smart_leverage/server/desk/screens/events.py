"""One stream per page: fragments that are ready to stand in it, as soon as the ledger has more."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

from smart_leverage.server.desk.screens import charts
from smart_leverage.server.desk.screens.news import Item
from smart_leverage.server.desk.screens.reading import ReadingRoom
from smart_leverage.server.desk.screens.rendering import page
from smart_leverage.server.desk.screens.standing import Standing

LOOK_EVERY_S = 0.1
TELL_EVERY_S = 0.25
"""The same panel is told at most four times a second, however fast the ledger grows."""

IDLE_EVERY_S = 2.0
"""So soon a page hears that nothing comes any more: what was fresh turns stale by itself."""

COMMENT_EVERY_S = 15.0
QUEUE_MAX = 64
"""So many messages may wait for a slow reader; then it is dropped and comes again."""

TOASTS_MAX = 3

PANELS: Mapping[str, tuple[str, ...]] = {
    "now": (
        *("ribbon", "exposure", "breakers", "today", "decisions", "positions", "duties"),
        *("chart", "toast"),
    ),
    "orders": ("ribbon", "open", "toast"),
    "performance": ("ribbon", "chart", "toast"),
    "limits": ("ribbon", "toast"),
    "system": ("ribbon", "health", "journal", "toast"),
    "bots": ("ribbon", "toast"),
    "help": ("ribbon", "toast"),
    "decision": ("ribbon", "toast"),
    "chart_table": ("ribbon", "toast"),
}
"""What each page is told of; a panel's name is its event's name and its template's."""

_OTHER = ("chart", "toast")
"""Events that are no panel."""


class Message(NamedTuple):
    """One event: its name, the entry of the ledger up to which it tells, and its text."""

    name: str
    seq: int
    text: str

    def encoded(self) -> bytes:
        """Return it as the stream has it."""
        data = "".join(f"data: {line}\n" for line in self.text.splitlines())
        return f"id: {self.seq}\nevent: {self.name}\n{data}\n".encode()


class _Reader:
    """Somebody who listens to a page."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue(QUEUE_MAX)

    def put(self, message: Message) -> bool:
        """Hand over a message; False when too many wait already."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True


class Broadcast:
    """Tells every open page what is new; what two pages show is worked out once for both."""

    def __init__(self, room: ReadingRoom) -> None:
        """Take what it tells from the one who reads."""
        self._room = room
        self._readers: set[_Reader] = set()
        self._told: dict[str, str] = {}
        self._seq = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def readers(self) -> int:
        """How many pages listen."""
        return len(self._readers)

    async def listen(self, name: str, after: int) -> AsyncIterator[bytes]:
        """Yield the stream of a page: first how it stands now, then whatever changes.

        Args:
            name: Of the page.
            after: The entry up to which the page knows everything; 0 for nothing.
        """
        reader = _Reader(name)
        self._readers.add(reader)
        self._run()
        try:
            for message in await self.frame(name, after):
                yield message.encoded()
            while True:
                try:
                    message_or_end = await asyncio.wait_for(reader.queue.get(), COMMENT_EVERY_S)
                except TimeoutError:
                    yield b": nothing new\n\n"
                    continue
                if message_or_end is None:
                    return
                yield message_or_end.encoded()
        finally:
            self._readers.discard(reader)

    async def frame(self, name: str, after: int) -> list[Message]:
        """Return how a page stands now, with the news since an entry."""
        return await self._room.ask(lambda standing: self._frame(standing, name, after))

    def _frame(self, standing: Standing | None, name: str, after: int) -> list[Message]:
        if standing is None or standing.seq < after:
            return [Message("reload", 0, "the ledger is another one")]
        panels = [
            Message(panel, standing.seq, _panel(standing, panel))
            for panel in PANELS[name]
            if panel not in _OTHER
        ]
        return [*panels, *self._news(standing, after)]

    def _news(self, standing: Standing, after: int) -> list[Message]:
        items = self._room.news.after(after) if after else []
        return [Message("toast", standing.seq, text) for text in toasts(items)]

    # -- the pump ---------------------------------------------------------------------------------

    def _run(self) -> None:
        """Begin to tell, unless that goes on already; it ends with the last reader."""
        if self._task is None or self._task.done():
            self._told, self._seq = {}, 0
            self._task = asyncio.get_running_loop().create_task(self._pump())

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        told_s = loop.time() - IDLE_EVERY_S
        is_new = False
        while self._readers:
            is_new = await self._room.follow() or is_new
            pause_s = TELL_EVERY_S if is_new else IDLE_EVERY_S
            if loop.time() - told_s >= pause_s:
                told_s, is_new = loop.time(), False
                self._hand_out(await self._room.ask(self._changed))
            await asyncio.sleep(LOOK_EVERY_S)

    def _changed(self, standing: Standing | None) -> list[Message]:
        """Return what differs from what was told last, for all pages that are open."""
        if standing is None:
            return [Message("reload", 0, "there is no account any more")]
        wanted = {panel for reader in self._readers for panel in PANELS[reader.name]}
        found = []
        for panel in sorted(wanted - {*_OTHER}):
            text = _panel(standing, panel)
            if text != self._told.get(panel):
                self._told[panel] = text
                found.append(Message(panel, standing.seq, text))
        point = charts.last(standing.history)
        text = json.dumps(point)
        if point is not None and text != self._told.get("chart"):
            self._told["chart"] = text
            found.append(Message("chart", standing.seq, text))
        before, self._seq = self._seq, standing.seq
        return [*found, *self._news(standing, before)]

    def _hand_out(self, messages: Iterable[Message]) -> None:
        for reader in [*self._readers]:
            own = {*PANELS[reader.name], "reload"}
            if not all(reader.put(each) for each in messages if each.name in own):
                self._drop(reader)

    def _drop(self, reader: _Reader) -> None:
        """Hang up on a reader that does not keep up: it comes again and sees how things stand."""
        self._readers.discard(reader)
        while not reader.queue.empty():
            reader.queue.get_nowait()
        reader.queue.put_nowait(None)


def toasts(items: list[Item]) -> list[str]:
    """Return news as fragments: what is loud one by one, the rest as the last few and a count."""
    loud = [item for item in items if item.is_loud]
    quiet = [item for item in items if not item.is_loud]
    shown = sorted([*loud, *quiet[-TOASTS_MAX:]], key=_place)
    more = len(items) - len(shown)
    made = [_toast(item=item, more=0) for item in shown]
    return [*made, _toast(item=None, more=more)] if more else made


def _place(item: Item) -> int:
    return item.seq


def _toast(**values: Any) -> str:
    return page("panels/toast.html", **values).decode()


def _panel(standing: Standing, name: str) -> str:
    return page(f"panels/{name}.html", standing=standing).decode()
