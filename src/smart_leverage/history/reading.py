"""Reads a file of history, whatever program wrote it: it is told by what it holds."""

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from smart_leverage.domain.errors import BadData
from smart_leverage.history.alpaca import read_activities
from smart_leverage.history.base import Asked, Read
from smart_leverage.history.equity import read_equity
from smart_leverage.history.freqtrade import is_trade, read_backtest, read_trades
from smart_leverage.history.table import read_table

FILE_MAX = 2**28
"""Most bytes of a file, and of what is unpacked from one."""

_ACCEPTED = (
    "Alpaca's account activities or portfolio history, freqtrade's trades or backtest (JSON or "
    "ZIP), or a CSV table"
)


def read_files(paths: Sequence[Path], asked: Asked) -> list[Read]:
    """Return what every file holds.

    Raises:
        BadData: A file cannot be used as it stands, says one thing twice, or is named twice.
    """
    found = [read_file(path, asked) for path in paths]
    twice = [name for name, count in Counter(each.sha256 for each in found).items() if count > 1]
    if twice:
        names = ", ".join(
            str(p) for p, each in zip(paths, found, strict=True) if each.sha256 in twice
        )
        raise BadData(f"the same file is named twice: {names}", fix="name it once")
    return found


def read_file(path: Path, asked: Asked) -> Read:
    """Return what one file holds.

    Raises:
        BadData: The file, the row, what is wrong and what would be right.
    """
    content = _content(path)
    digest, file = sha256(content).hexdigest(), path.name
    if content[:2] == b"PK":
        content = _unpacked(content, file)
    if not content.strip():
        raise BadData("the file is empty", file=file, fix=_ACCEPTED)
    if content.lstrip()[:1] not in (b"{", b"["):
        return read_table(content, file, asked)
    return _of_json(_tree(content, file), file, digest, asked)


def _of_json(tree: Any, file: str, digest: str, asked: Asked) -> Read:
    if isinstance(tree, dict):
        if "strategy" in tree:
            return read_backtest(tree, file, digest, asked)
        if "timestamp" in tree and "equity" in tree:
            return read_equity(tree, file, digest, asked)
        tree = tree.get("trades", tree)
    if isinstance(tree, list) and not tree:
        raise BadData("the list is empty", file=file, fix="export a period with activity")
    if isinstance(tree, list) and all(isinstance(row, dict) for row in tree):
        if any("activity_type" in row for row in tree):
            return read_activities(tree, file, digest, asked)
        if any(is_trade(row) for row in tree):
            return read_trades(tree, file, digest, asked)
    raise BadData("the file is of no known form", file=file, fix=f"known are {_ACCEPTED}")


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_MAX:
            raise BadData(f"the file is larger than {FILE_MAX:,} bytes", file=path.name)
        return path.read_bytes()
    except OSError as error:
        raise BadData(f"cannot be read: {error.strerror}", file=path, fix=_ACCEPTED) from None


def _unpacked(content: bytes, file: str) -> bytes:
    """Return the one result in an archive of freqtrade's; what lies beside it is not read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [
                each
                for each in archive.infolist()
                if each.filename.endswith(".json") and not each.filename.endswith("_config.json")
            ]
            if len(members) != 1 or members[0].file_size > FILE_MAX:
                names = ", ".join(each.filename for each in members) or "none"
                raise BadData(f"the archive holds these results: {names}", file=file, fix="one")
            return archive.read(members[0])
    # A damaged directory leads behind the ends of the file, a damaged stream into the packer.
    except (
        zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError, EOFError,
        zlib.error, struct.error, lzma.LZMAError,
    ) as error:  # fmt: skip
        raise BadData(
            f"the archive cannot be read: {error}", file=file, fix="export anew"
        ) from None


def _tree(content: bytes, file: str) -> Any:
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_constant,
            object_pairs_hook=_pairs,
        )
    except (ValueError, RecursionError) as error:
        raise BadData(
            f"the text is not JSON, or was cut off: {error}", file=file, fix="export it anew"
        ) from None


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        names = Counter(name for name, _ in pairs)
        raise ValueError(f"{names.most_common(1)[0][0]} stands twice in one object")
    return tree
