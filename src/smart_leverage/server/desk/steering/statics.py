"""Files of the pages: known by their name, told by their content, and read once."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.bots import Scope
from smart_leverage.server.desk.asking import Asked, DoorRoute
from smart_leverage.server.http import Reply
from smart_leverage.wire.errors import not_found

KINDS: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class File(NamedTuple):
    """A file as it is sent."""

    content: bytes
    kind: str
    etag: str


def static_route(folders: Iterable[Path]) -> DoorRoute:
    """Return the route of the files in some folders; the first that has a name is meant.

    They are read now. What is asked for is a key among them and never a path of the disk.
    """
    files: dict[str, File] = {}
    for folder in folders:
        for name, file in _read(folder):
            files.setdefault(name, file)

    async def serve(asked: Asked) -> Reply:
        """Send a file, or say that the browser has it."""
        file = files.get(asked.values["name"])
        if file is None:
            raise not_found("there is no such file")
        # Kept by the browser, and asked for each time: another version is seen at once.
        headers = (("ETag", file.etag), ("Cache-Control", "no-cache"))
        if file.etag in (each.strip() for each in asked.etag.split(",")):
            return Reply(304, b"", headers, file.kind)
        return Reply(200, file.content, headers, file.kind)

    return DoorRoute("GET", "/static/{name:path}", Scope.READ, serve, is_open=True, is_free=True)


def _read(folder: Path) -> Iterable[tuple[str, File]]:
    for path in sorted(folder.rglob("*")):
        kind = KINDS.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        content = path.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
        yield path.relative_to(folder).as_posix(), File(content, kind, etag)
