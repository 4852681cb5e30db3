"""A disk that may lose, tear and reorder whatever was not synced: what is on it after a power cut.

A sync makes durable what was written to one file before; nothing else does, also not the name of
the file: names are durable when their folder was synced. Of everything since, each sector of 512
bytes, each size and each name is there or not, as chance has it. A sector is never torn itself.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.power.calls import Call, Op

SECTOR = 512
MODE = 0o600
PASSING = ("-shm",)
"""Index in memory: the database makes it anew from the log, whatever it holds."""


class Loss(StrEnum):
    """How a disk loses what was not synced."""

    ALL = "all of it"
    NOTHING = "nothing"
    TAIL = "the last of it, torn"
    ANY = "any of it, in any order"
    GARBAGE = "any of it, and old bytes where it was"


class Image(NamedTuple):
    """What is on a disk: files by name."""

    files: dict[str, bytes]

    def put(self, folder: Path) -> None:
        """Write it into an empty folder, for its owner alone."""
        folder.mkdir(mode=0o700)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(MODE)


class Piece(NamedTuple):
    """A part of a write that one sector holds."""

    at: int
    content: bytes


class Store:
    """One file: what is durable of it, and what was done to it since."""

    def __init__(self) -> None:
        self.durable = b""
        self.since: list[Call] = []

    def sync(self) -> None:
        self.durable = _applied(self.durable, self.since)
        self.since = []

    def after(self, loss: Loss, chance: Random) -> bytes:
        """Return what may be found of it."""
        if loss is Loss.ALL or not self.since:
            return self.durable
        if loss is Loss.NOTHING:
            return _applied(self.durable, self.since)
        if loss is Loss.TAIL:
            return self._torn(chance)
        return self._any(chance, old=loss is Loss.GARBAGE)

    def _torn(self, chance: Random) -> bytes:
        whole = chance.randrange(len(self.since))
        last = self.since[whole]
        kept = self.since[:whole]
        if last.op is Op.WRITE:
            pieces = _pieces(last)
            for each in pieces[: chance.randrange(len(pieces) + 1)]:
                kept.append(last._replace(at=each.at, content=each.content))
        return _applied(self.durable, kept)

    def _any(self, chance: Random, *, old: bool) -> bytes:
        content, share = bytearray(self.durable), chance.random()
        for call in self.since:
            if call.op is Op.TRUNCATE:
                if chance.random() < share:
                    _cut(content, call.at)
                continue
            for piece in _pieces(call):
                end = piece.at + len(piece.content)
                if chance.random() < share:
                    _grow(content, piece.at, chance, old=old)
                    content[piece.at : end] = piece.content
                elif chance.random() < 0.5:  # the size is there, and the bytes are not
                    _grow(content, end, chance, old=old)
        return bytes(content)


class Disk:
    """A folder on a disk, to which calls are made one after the other."""

    def __init__(self) -> None:
        self._stores: dict[int, Store] = {}
        self._names: dict[str, int] = {}
        """Names as they are durable."""
        self._since: list[Call] = []
        """What was done to names since the folder was synced."""

    def take(self, call: Call) -> None:
        """Make a call."""
        match call.op:
            case Op.CREATE:
                self._stores[call.file] = Store()
                self._since.append(call)
            case Op.WRITE | Op.TRUNCATE:
                self._stores[call.file].since.append(call)
            case Op.SYNC:
                self._stores[call.file].sync()
            case Op.SYNC_FOLDER:
                here = [each for each in self._since if _folder(each) == call.name]
                self._names = _named(self._names, here)
                self._since = [each for each in self._since if _folder(each) != call.name]
            case Op.RENAME | Op.UNLINK:
                self._since.append(call)
            case Op.OPEN | Op.MARK:
                pass

    def cut(self, loss: Loss, chance: Random) -> Image:
        """Return what may be found when the power goes now."""
        return Image(
            {
                name: self._stores[file].after(loss, chance)
                for name, file in sorted(self._found_names(loss, chance).items())
                if not name.endswith(PASSING)
            }
        )

    def _found_names(self, loss: Loss, chance: Random) -> dict[str, int]:
        kept = self._since
        if loss is Loss.ALL:
            kept = []
        elif loss is Loss.TAIL:
            kept = kept[: chance.randrange(len(kept) + 1)]
        elif loss is not Loss.NOTHING:
            share = chance.random()
            kept = [call for call in kept if chance.random() < share]
        return _named(self._names, kept)


def replayed(calls: Iterable[Call]) -> Image:
    """Return what a folder holds after these calls, none of them lost."""
    disk = Disk()
    for call in calls:
        disk.take(call)
    return disk.cut(Loss.NOTHING, Random(0))


def differences(image: Image, folder: Path) -> list[str]:
    """Return which files of a folder are not those of an image: calls that nobody heard."""
    there = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(PASSING)
    }
    return sorted(
        name for name in there.keys() | image.files.keys()
        if there.get(name) != image.files.get(name)
    )  # fmt: skip


def _folder(call: Call) -> str:
    return str(Path(call.to or call.name).parent)


def _named(names: dict[str, int], calls: Iterable[Call]) -> dict[str, int]:
    found = dict(names)
    for call in calls:
        if call.op is Op.CREATE:
            found[call.name] = call.file
        elif call.op is Op.UNLINK:
            found.pop(call.name, None)
        else:  # A renaming that is there has taken the old name away, whatever became of that.
            found.pop(call.name, None)
            found[call.to] = call.file
    return found


def _applied(content: bytes, calls: Sequence[Call]) -> bytes:
    if not calls:
        return content
    found = bytearray(content)
    for call in calls:
        if call.op is Op.TRUNCATE:
            _cut(found, call.at)
        else:
            _grow(found, call.at)
            found[call.at : call.at + len(call.content)] = call.content
    return bytes(found)


def _cut(content: bytearray, size: int) -> None:
    del content[size:]
    _grow(content, size)


def _grow(
    content: bytearray, size: int, chance: Random | None = None, *, old: bool = False
) -> None:
    missing = size - len(content)
    if missing > 0:
        content += chance.randbytes(missing) if old and chance else bytes(missing)


def _pieces(call: Call) -> list[Piece]:
    """Cut a write where sectors end."""
    found, at, rest = list[Piece](), call.at, call.content
    while rest:
        room = SECTOR - at % SECTOR
        found.append(Piece(at, rest[:room]))
        at, rest = at + room, rest[room:]
    return found
