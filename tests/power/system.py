"""Puts itself between Python and the system: every function through which a program changes a file.

What SQLite does goes another way, see `database`. At the end of a recording the calls, carried out
once more, give the folder that is there; a call that was not heard would be noticed (`disk.same`).
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.power.calls import Call, Calls, Op
from tests.power.database import recorded

WRITES = os.O_WRONLY | os.O_RDWR


class Raw(io.FileIO):
    """A file of Python's own whose writes are heard."""

    def __init__(self, calls: Calls, number: int, name: str, *rest: Any, **named: Any) -> None:
        super().__init__(*rest, **named)
        self._calls, self._number, self._name = calls, number, name

    def write(self, content: Any) -> int:
        piece = bytes(content)
        at = self.seek(0, os.SEEK_END) if "a" in self.mode else self.tell()
        call = Call(Op.WRITE, self._number, self._name, at, piece)
        with self._calls.lock:
            self._calls.ask(call)
            taken = super().write(content)
            assert taken is not None
            self._calls.note(call._replace(content=piece[:taken]))
        return taken

    def truncate(self, size: int | None = None) -> int:
        at = self.tell() if size is None else size
        call = Call(Op.TRUNCATE, self._number, self._name, at)
        with self._calls.lock:
            self._calls.ask(call)
            super().truncate(at)
            self._calls.note(call)
        return at


class Handle:
    """A descriptor that may write: which file it is, and whether each write is synced at once."""

    def __init__(self, number: int, name: str, *, is_synced: bool) -> None:
        self.number, self.name, self.is_synced = number, name, is_synced


class System:
    """The functions that stand in for those of `os` and `io`; each does the real thing as well."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._handles: dict[int, Handle] = {}
        self._folders: dict[int, str] = {}
        self._real: dict[str, Callable[..., Any]] = {
            name: getattr(os, name)
            for name in ("open", "close", "write", "pwrite", "ftruncate", "truncate", "fsync",
                         "fdatasync", "replace", "rename", "unlink", "remove", "link")
        }  # fmt: skip
        self._real_io_open = io.open

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear what is done in the block."""
        own = {name: getattr(self, f"_{name}") for name in self._real}
        with mock.patch.multiple(os, **own), mock.patch.object(io, "open", self._io_open):
            yield

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        name = self._calls.name_of(path) if dir_fd is None else None
        if name is None or not flags & WRITES:
            handle = int(self._real["open"](path, flags, mode, dir_fd=dir_fd))
            if flags & os.O_DIRECTORY:
                own = Path(path).resolve() == self._calls.folder
                self._folders[handle] = "." if own else str(name)
            return handle
        with self._calls.lock:
            self._calls.ask(Call(Op.OPEN, 0, name))
            handle = int(self._real["open"](path, flags, mode))
            is_synced = bool(flags & (os.O_DSYNC | os.O_SYNC))
            number = self._taken_up(name, is_cut=bool(flags & os.O_TRUNC))
            self._handles[handle] = Handle(number, name, is_synced=is_synced)
        return handle

    def _taken_up(self, name: str, *, is_cut: bool) -> int:
        number = self._calls.file_of(name)
        if is_cut:
            self._calls.note(Call(Op.TRUNCATE, number, name, 0))
        return number

    def _close(self, handle: int) -> None:
        self._handles.pop(handle, None)
        self._folders.pop(handle, None)
        self._real["close"](handle)

    def _write(self, handle: int, content: bytes) -> int:
        if handle not in self._handles:
            return int(self._real["write"](handle, content))
        at = os.lseek(handle, 0, os.SEEK_CUR)
        return self._written(handle, content, at, lambda: self._real["write"](handle, content))

    def _pwrite(self, handle: int, content: bytes, at: int) -> int:
        if handle not in self._handles:
            return int(self._real["pwrite"](handle, content, at))
        return self._written(handle, content, at, lambda: self._real["pwrite"](handle, content, at))

    def _written(self, handle: int, content: bytes, at: int, act: Callable[[], int]) -> int:
        known = self._handles[handle]
        call = Call(Op.WRITE, known.number, known.name, at, bytes(content))
        with self._calls.lock:
            self._calls.ask(call)
            taken = act()
            self._calls.note(call._replace(content=call.content[:taken]))
            if known.is_synced:
                self._calls.note(Call(Op.SYNC, known.number, known.name))
        return taken

    def _ftruncate(self, handle: int, size: int) -> None:
        known = self._handles.get(handle)
        if known is None:
            self._real["ftruncate"](handle, size)
            return
        call = Call(Op.TRUNCATE, known.number, known.name, size)
        self._done(call, lambda: self._real["ftruncate"](handle, size))

    def _truncate(self, path: Any, size: int) -> None:
        name = self._calls.name_of(path)
        if name is None:
            self._real["truncate"](path, size)
            return
        call = Call(Op.TRUNCATE, self._calls.file_of(name), name, size)
        self._done(call, lambda: self._real["truncate"](path, size))

    def _fsync(self, handle: int) -> None:
        self._synced(handle, "fsync")

    def _fdatasync(self, handle: int) -> None:
        self._synced(handle, "fdatasync")

    def _synced(self, handle: int, how: str) -> None:
        known = self._handles.get(handle)
        if handle in self._folders:
            call = Call(Op.SYNC_FOLDER, name=self._folders[handle])
            self._done(call, lambda: self._real[how](handle))
        elif known is not None:
            call = Call(Op.SYNC, known.number, known.name)
            self._done(call, lambda: self._real[how](handle))
        else:
            self._real[how](handle)

    def _replace(self, source: Any, to: Any, **named: Any) -> None:
        self._moved("replace", source, to, named)

    def _rename(self, source: Any, to: Any, **named: Any) -> None:
        self._moved("rename", source, to, named)

    def _moved(self, how: str, source: Any, to: Any, named: dict[str, Any]) -> None:
        name, new = self._calls.name_of(source), self._calls.name_of(to)
        if name is None or new is None:
            self._real[how](source, to, **named)
            return
        call = Call(Op.RENAME, self._calls.file_of(name), name, to=new)
        self._done(call, lambda: self._real[how](source, to))

    def _link(self, source: Any, to: Any, **named: Any) -> None:
        assert self._calls.name_of(to) is None, "a second name of a file is not recorded"
        self._real["link"](source, to, **named)

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        name = self._calls.name_of(path) if dir_fd is None else None
        if name is None:
            self._real["unlink"](path, dir_fd=dir_fd)
            return
        self._done(Call(Op.UNLINK, name=name), lambda: self._real["unlink"](path))

    _remove = _unlink

    def _done(self, call: Call, act: Callable[[], Any]) -> None:
        with self._calls.lock:
            self._calls.ask(call)
            act()
            self._calls.note(call)

    def _io_open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        known = self._handles.get(file) if isinstance(file, int) else None
        name = known.name if known else self._calls.name_of(file)
        if name is None or not set(mode) & set("wax+"):
            return self._real_io_open(
                file, mode, buffering, encoding, errors, newline, closefd, opener
            )
        with self._calls.lock:
            if known is None:
                self._calls.ask(Call(Op.OPEN, 0, name))
            number = known.number if known else 0
            plain = mode.replace("b", "").replace("t", "")
            raw = Raw(self._calls, number, name, file, plain, closefd=closefd, opener=opener)
            if known is None:
                raw._number = self._taken_up(name, is_cut="w" in mode)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline)


@contextmanager
def heard(calls: Calls) -> Iterator[Calls]:
    """Hear every call that changes a file of the folder while the block runs."""
    with System(calls).heard(), recorded(calls):
        yield calls
