"""Everything that waits to be told, as one state that is moved by a time handed in and is kept."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from smart_leverage.notify.grouping import Groups
from smart_leverage.notify.line import Line, Outcome, Standing, is_silent
from smart_leverage.notify.message import Level, Message, Notice, clean
from smart_leverage.notify.rules import Rules


class Parcel(NamedTuple):
    """One delivery: the whole text as it is sent; the same `name` again is the same message."""

    number: int
    name: str
    level: Level
    text: str
    is_silent: bool
    at_ns: int

    @classmethod
    def of_nothing(cls, at_ns: int) -> "Parcel":
        """Return what is handed to who needs no words, as a sign of life."""
        return cls(0, "", Level.QUIET, "", True, at_ns)


class Kept(Struct, kw_only=True):
    """What has to survive a restart: how far the journal was told, and what waits."""

    read_seq: int = -1
    """The last event that was taken in; −1 before anything was read."""
    read_hash: str = ""
    """Its hash: another one at that place is another journal."""
    stated_ns: int = 0
    """When the last daily statement was made, and beside it that of a week."""
    week_ns: int = 0
    number: int = 0
    groups: Groups = field(default_factory=Groups)
    lines: dict[str, Line] = {}
    watcher: Standing = field(default_factory=Standing)


class Post:
    """Takes messages in and hands parcels out, each channel by its own rules."""

    def __init__(self, rules: Mapping[str, Rules], kept: Kept | None = None) -> None:
        """Begin, or go on where it was kept; a channel that is not configured any more is left."""
        self._rules = dict(rules)
        self.kept = kept or Kept()
        self.label = ""
        """Mode and account, as every text begins."""
        lines = {name: self.kept.lines.get(name) or Line() for name in self._rules}
        self.kept.lines = lines
        for line in lines.values():
            line.revive()

    def take(self, messages: Iterable[Message], now_ns: int) -> None:
        """Take messages in."""
        for message in messages:
            for notice in self.kept.groups.take(message, now_ns):
                self._share(notice, now_ns)

    def state(self, text: str, now_ns: int) -> None:
        """Take a statement in; each channel adds the counts of what it was not told."""
        for name, line in self.kept.lines.items():
            words, counted = line.unheard.words(), line.unheard.take()
            told = f"{text}\nnot told one by one: {words}" if counted else text
            notice = Notice(
                level=Level.NORMAL,
                topic="statement",
                text=told,
                at_ns=now_ns,
                count=counted,
                must=True,
            )
            line.put(self._numbered(notice), self._rules[name], now_ns)

    def pass_time(self, now_ns: int) -> None:
        """Let what is due become notices."""
        for notice in list(self.kept.groups.due(now_ns)):
            self._share(notice, now_ns)
        for name, line in self.kept.lines.items():
            digest = line.digest(self._rules[name], now_ns)
            if digest is not None:
                line.put(self._numbered(digest), self._rules[name], now_ns)

    def hand_out(self, now_ns: int) -> dict[str, Parcel]:
        """Return what leaves now, at most one parcel a channel; keep the state before it does."""
        parcels = {}
        for name, line in self.kept.lines.items():
            rules = self._rules[name]
            waiting = line.next(rules, now_ns)
            if waiting is not None:
                notice = waiting.notice
                again = "again: " if waiting.is_again else ""
                parcels[name] = Parcel(
                    number=notice.number,
                    name=f"{notice.at_ns}-{notice.number}",
                    level=notice.level,
                    text=clean(f"[{self.label}] {again}{notice.text}"),
                    is_silent=is_silent(notice, rules),
                    at_ns=notice.at_ns,
                )
        return parcels

    def settle(self, channel: str, number: int, outcome: Outcome, now_ns: int) -> None:
        """Take in what became of a parcel."""
        if channel in self.kept.lines:
            self.kept.lines[channel].settle(number, outcome, now_ns)

    def encoded(self) -> bytes:
        """Return the state as it is kept."""
        return msgspec.json.encode(self.kept)

    def _share(self, notice: Notice, now_ns: int) -> None:
        numbered = self._numbered(notice)
        for name, line in self.kept.lines.items():
            line.put(numbered, self._rules[name], now_ns)

    def _numbered(self, notice: Notice) -> Notice:
        self.kept.number += 1
        return msgspec.structs.replace(notice, number=self.kept.number)


def decoded(content: bytes) -> Kept | None:
    """Return a state that was kept; None where it is none of this version."""
    try:
        return msgspec.json.decode(content, type=Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
