"""Hears what the product's own SQLite does to its files, through a file system of its own.

SQLite reaches files through a table of functions. A copy of that of the system, in which writing,
cutting, syncing and removing stand for themselves, becomes the default while a recording runs: the
library stays the one that Python is linked with, and connections are opened as always.
"""

import _sqlite3
import ctypes
import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, cast
from functools import cache
from pathlib import Path
from typing import Any

from tests.power.calls import Call, Calls, Op

OK, FULL, IOERR = 0, 13, 10
IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE, IOERR_DELETE = (
    IOERR | kind << 8 for kind in (3, 4, 6, 10)
)
CANTOPEN = 14
FOR_WRITING, CREATE = 0x2, 0x4
JOURNALS = 0x800 | 0x4000 | 0x80000
"""Files whose folder SQLite syncs together with the first sync of the file, where it made them."""

# A name stays a pointer: SQLite keeps it, and finds what belongs to the name behind it.
Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
Close = CFUNCTYPE(c_int, c_void_p)
Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class Files(Structure):
    """`sqlite3_vfs`: what can be done with names."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("path_max", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("own", c_void_p),
        ("open", Open),
        ("delete", Delete),
        ("rest", c_void_p * 13),
    )


class Methods(Structure):
    """`sqlite3_io_methods`: what can be done with an open file."""

    _fields_ = (
        ("version", c_int),
        ("close", Close),
        ("read", c_void_p),
        ("write", Write),
        ("truncate", Truncate),
        ("sync", Sync),
        ("rest", c_void_p * 13),
    )


class OpenFile:
    """A file that SQLite has open, and the functions that it would have without us."""

    def __init__(self, calls: Calls, methods: Methods, name: str, *, is_new_journal: bool) -> None:
        self.calls, self.methods, self.name = calls, methods, name
        self.number = calls.file_of(name)
        self.is_new_journal = is_new_journal


class Database:
    """The file system that stands between SQLite and that of the machine.

    There is one for the whole process, because SQLite keeps its address as long as a connection is
    open; it hears what it is told to, and otherwise lets everything through.
    """

    def __init__(self) -> None:
        self.calls: Calls | None = None
        self._library = library()
        self._real = self._library.sqlite3_vfs_find(None)
        self._files = Files.from_buffer_copy(self._real.contents)
        self._files.name, self._files.next = b"heard", None
        self._files.open, self._files.delete = Open(self._open), Delete(self._delete)
        self._own: dict[int, Methods] = {}
        self._file: dict[int, OpenFile] = {}

    def begin(self, calls: Calls) -> None:
        """Become the file system of every connection that is opened from now on."""
        self.calls = calls
        self._library.sqlite3_vfs_register(byref(self._files), 1)

    def end(self) -> None:
        """Step aside; what is open still is heard until it is closed."""
        self.calls = None
        self._library.sqlite3_vfs_register(self._real, 1)

    def _open(self, _: Any, path: int | None, file: int, flags: int, out: int | None) -> int:
        real = self._real.contents
        where = ctypes.string_at(path).decode() if path else None
        calls = self.calls
        name = None if calls is None or where is None else calls.name_of(where)
        if calls is None or name is None or not flags & FOR_WRITING:
            return int(real.open(cast(self._real, c_void_p), path, file, flags, out))
        with calls.lock:
            if calls.refuse(Call(Op.OPEN, 0, name)):
                # A file without functions is one that was never opened.
                cast(file, POINTER(c_void_p))[0] = None
                return CANTOPEN
            done = int(real.open(cast(self._real, c_void_p), path, file, flags, out))
            if done == OK:
                is_new_journal = bool(flags & CREATE and flags & JOURNALS)
                self._take(file, calls, name, is_new_journal=is_new_journal)
        return done

    def _take(self, file: int, calls: Calls, name: str, *, is_new_journal: bool) -> None:
        first = cast(file, POINTER(c_void_p))
        real = first[0]
        assert real is not None
        methods = Methods.from_address(real)
        self._file[file] = OpenFile(calls, methods, name, is_new_journal=is_new_journal)
        if real not in self._own:
            own = Methods.from_buffer_copy(methods)
            own.close, own.write = Close(self._close), Write(self._write)
            own.truncate, own.sync = Truncate(self._truncate), Sync(self._sync)
            self._own[real] = own
        first[0] = ctypes.addressof(self._own[real])

    def _close(self, file: int) -> int:
        return int(self._file.pop(file).methods.close(file))

    def _write(self, file: int, content: int, size: int, at: int) -> int:
        known = self._file[file]
        call = Call(Op.WRITE, known.number, known.name, at, ctypes.string_at(content, size))
        real = known.methods.write
        return _done(known.calls, call, IOERR_WRITE, lambda: real(file, content, size, at))

    def _truncate(self, file: int, size: int) -> int:
        known = self._file[file]
        call = Call(Op.TRUNCATE, known.number, known.name, size)
        real = known.methods.truncate
        return _done(known.calls, call, IOERR_TRUNCATE, lambda: real(file, size))

    def _sync(self, file: int, flags: int) -> int:
        known = self._file[file]
        call, real = Call(Op.SYNC, known.number, known.name), known.methods.sync
        with known.calls.lock:
            done = _done(known.calls, call, IOERR_FSYNC, lambda: real(file, flags))
            if done == OK and known.is_new_journal:
                known.is_new_journal = False
                _folder_synced(known.calls, known.name)
        return done

    def _delete(self, _: Any, path: int, is_synced: int) -> int:
        where, calls = Path(ctypes.string_at(path).decode()), self.calls
        name, real = None if calls is None else calls.name_of(where), self._real.contents

        def act() -> int:
            return int(real.delete(cast(self._real, c_void_p), path, is_synced))

        if calls is None or name is None or not where.exists():
            return act()
        with calls.lock:
            done = _done(calls, Call(Op.UNLINK, name=name), IOERR_DELETE, act)
            if done == OK and is_synced:
                _folder_synced(calls, name)
        return done


def _done(calls: Calls, call: Call, error: int, act: Callable[[], int]) -> int:
    with calls.lock:
        if number := calls.refuse(call):
            is_full = number == errno.ENOSPC and call.op is Op.WRITE
            return FULL if is_full else error
        done = int(act())
        if done == OK:
            calls.note(call)
    return done


def _folder_synced(calls: Calls, name: str) -> None:
    calls.note(Call(Op.SYNC_FOLDER, name=str(Path(name).parent)))


def library() -> Any:
    """Return the SQLite that the module of Python is linked with.

    Raises:
        AttributeError: It is inside the module and shows its functions to nobody.
    """
    found = ctypes.CDLL(_sqlite3.__file__)
    found.sqlite3_vfs_find.restype = POINTER(Files)
    found.sqlite3_vfs_find.argtypes = (c_char_p,)
    found.sqlite3_vfs_register.argtypes = (c_void_p, c_int)
    return found


@cache
def database() -> Database:
    """Return the one of this process."""
    return Database()


@contextmanager
def recorded(calls: Calls) -> Iterator[None]:
    """Hear what SQLite does to the files of a folder while the block runs."""
    database().begin(calls)
    try:
        yield
    finally:
        database().end()
