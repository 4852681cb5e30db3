"""A small journal for the time when the ledger is broken: only what makes the account safer."""

import os
import struct
import threading
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self
from zlib import crc32

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.files import EMERGENCY, FILE_MODE, beside, sync_folder

SIZE = 1 << 20
BLOCK = 512
"""What a disk writes whole or not at all; a record takes one block or a few."""

BLOCKS = SIZE // BLOCK

_MAGIC = b"SLE1"
_HEADER = struct.Struct(">4sIBBBBH")
"""Magic, number of the block, part, parts, length of the kind, 0, length of the content."""

_CRC = struct.Struct(">I")
_ROOM = BLOCK - _HEADER.size - _CRC.size
_PARTS_MAX = 255


class Note(NamedTuple):
    """One record as it was written; `block` is where it begins."""

    block: int
    kind: str
    payload: bytes


class Found(NamedTuple):
    """What can be read: whole records in order, and the blocks that hold something else.

    `mark` names the journal from its first record until it is cleared; empty when it holds nothing.
    """

    notes: tuple[Note, ...] = ()
    torn: tuple[int, ...] = ()
    mark: str = ""


class _Part(NamedTuple):
    number: int
    part: int
    parts: int
    kind_length: int
    content: bytes


class EmergencyJournal:
    """A file of a fixed size beside a ledger, whose room is taken while there is some.

    A full disk, or a connection that is not trusted after a failed sync, stops the ledger. Sales,
    cancels and halts still have to be written before they are acted on: they go here, each synced
    on its own, and are read back when the ledger has been opened again. Purchases never do.

    May be used by several threads.

    Raises:
        LedgerError: The file cannot be made or opened.
    """

    def __init__(self, path: Path, durability: Durability = Durability.FULL) -> None:
        self.path = beside(path, EMERGENCY)
        self._lock = threading.Lock()
        self._sync = os.O_DSYNC if durability is Durability.FULL else 0
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | self._sync, FILE_MODE)
        except OSError as error:
            raise self._trouble("be opened", error) from error
        try:
            self._preallocate()
            self._next = _used(self._image())
        except OSError as error:
            self.close()
            raise self._trouble("be made", error) from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written since it was made or cleared."""
        return self._next == 0

    @property
    def left(self) -> int:
        """Blocks that are free."""
        return BLOCKS - self._next

    def append(self, kind: str, payload: bytes) -> int:
        """Write a record and sync it; return the block in which it begins.

        A block that could not be written is never tried again: the disk may have kept any of it.

        Args:
            kind: What it is, a few ASCII letters.
            payload: Up to about 120 kB; a record's canonical JSON takes one block or two.

        Raises:
            LedgerError: It is full or closed, the record is too long, or the disk refused.
        """
        name = kind.encode("ascii")
        content = name + payload
        parts = max(1, -(-len(content) // _ROOM))
        if parts > _PARTS_MAX or len(name) > 255:
            raise LedgerError(f"{self.path}: a record of {len(content):,} bytes is too long")
        with self._lock:
            first = self._next
            if first + parts > BLOCKS:
                raise LedgerError(
                    f"{self.path}: full, {BLOCKS - first} of {BLOCKS:,} blocks are left"
                )
            blocks = b"".join(
                _block(first + part, part, parts, len(name), content[part * _ROOM :][:_ROOM])
                for part in range(parts)
            )
            self._next += parts
            self._write(blocks, first * BLOCK)
        return first

    def read(self) -> Found:
        """Return what was written, however it ended; what is torn is named and left out.

        Raises:
            LedgerError: The file cannot be read, or is closed.
        """
        try:
            return _found(self._image())
        except OSError as error:
            raise self._trouble("be read", error) from error

    def clear(self) -> None:
        """Forget everything, once the ledger holds it.

        The first block goes last and alone: whatever a power loss leaves has its mark still.

        Raises:
            LedgerError: The disk refused; read it again before it is trusted.
        """
        with self._lock:
            self._write(bytes(max(self._next - 1, 0) * BLOCK), BLOCK)
            self._write(bytes(BLOCK), 0)
            self._next = 0

    def copied(self, name: str) -> Path:
        """Write what it holds into another file beside it, durably, and return that one.

        Raises:
            LedgerError: The disk refused.
        """
        kept = self.path.with_name(f"{self.path.name}-{name}")
        try:
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | self._sync, FILE_MODE)
            try:
                _write_all(handle, self._image(), 0)
            finally:
                os.close(handle)
            if self._sync:
                sync_folder(kept.parent)
        except OSError as error:
            raise self._trouble("be copied", error) from error
        return kept

    def close(self) -> None:
        """Let go of the file; harmless twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _preallocate(self) -> None:
        """Fill the file up with zeros: room that was only promised may be gone when it is needed.

        What a program that was killed meanwhile left is filled up and kept.
        """
        size = os.fstat(self._handle).st_size
        if size < SIZE:
            _write_all(self._handle, bytes(SIZE - size), size)
            if self._sync:
                sync_folder(self.path.parent)

    def _image(self) -> bytes:
        return os.pread(self._handle, SIZE, 0)

    def _write(self, blocks: bytes, at: int) -> None:
        try:
            _write_all(self._handle, blocks, at)
        except OSError as error:
            raise self._trouble("be written", error) from error

    def _trouble(self, what: str, error: OSError) -> LedgerError:
        return LedgerError(f"{self.path}: cannot {what}: {error.strerror}")


def peek(path: Path) -> Found:
    """Return what the emergency journal of a ledger holds, without opening it for writing.

    Raises:
        LedgerError: The file is there and cannot be read.
    """
    file = beside(path, EMERGENCY)
    try:
        return _found(file.read_bytes()[:SIZE])
    except FileNotFoundError:
        return Found()
    except OSError as error:
        raise LedgerError(f"{file}: cannot be read: {error.strerror}") from error


def _write_all(handle: int, content: bytes, at: int) -> None:
    """Write all of it: a disk that fills up, or a limit, may take a part and say so."""
    while content:
        taken = os.pwrite(handle, content, at)
        content, at = content[taken:], at + taken


def _block(number: int, part: int, parts: int, kind_length: int, content: bytes) -> bytes:
    header = _HEADER.pack(_MAGIC, number, part, parts, kind_length, 0, len(content))
    body = (header + content).ljust(BLOCK - _CRC.size, b"\0")
    return body + _CRC.pack(crc32(body))


def _used(image: bytes) -> int:
    """Return how many blocks there are up to the last that holds anything."""
    return -(-len(image.rstrip(b"\0")) // BLOCK)


def _part(image: bytes, number: int) -> _Part | None:
    """Return a block's content; None when it is not what was written there."""
    block = image[number * BLOCK :][:BLOCK]
    body, own = block[: -_CRC.size], block[-_CRC.size :]
    if len(block) < BLOCK or own != _CRC.pack(crc32(body)):
        return None
    magic, written_as, part, parts, kind_length, _, length = _HEADER.unpack_from(body)
    if magic != _MAGIC or written_as != number:
        return None
    return _Part(number, part, parts, kind_length, body[_HEADER.size :][:length])


def _found(image: bytes) -> Found:
    notes, torn = list[Note](), list[int]()
    number, used = 0, _used(image)
    while number < used:
        parts = _parts(image, number)
        if parts:
            notes.append(_note(parts))
        else:
            torn.append(number)
        number += len(parts) or 1
    mark = sha256(image[:BLOCK]).hexdigest() if used else ""
    return Found(tuple(notes), tuple(torn), mark)


def _parts(image: bytes, number: int) -> list[_Part]:
    """Return the parts of the record that begins at a block; none when it is not whole."""
    first = _part(image, number)
    if first is None:
        return []
    read = (_part(image, number + place) for place in range(first.parts))
    parts = [part for part in read if part is not None]
    is_whole = [part.part for part in parts] == [*range(first.parts)]
    return parts if is_whole else []


def _note(parts: list[_Part]) -> Note:
    content = b"".join(part.content for part in parts)
    length = parts[0].kind_length
    return Note(parts[0].number, content[:length].decode("ascii"), content[length:])
