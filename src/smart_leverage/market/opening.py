"""Opens bar files: which kind it is, what its name says, and whether there are bars in it at all.

What is no bar file is refused by what it is: a page, a message, a pointer or an archive under the
name of a bar file is what a failed download leaves behind.
"""

import io
import re
import zipfile
import zlib
from pathlib import Path

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.market.columns import shown
from smart_leverage.market.declared import BarFile

KINDS = (".parquet", ".feather", ".csv", ".json")
"""Endings of files that can be read."""

_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}
_NAME_FIX = "name it like BTC-USDT.1h.parquet or TQQQ.1d.csv, or give symbol and step"
_LFS = b"version https://git-lfs.github.com/spec"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LEAN_ROW = re.compile(rb"[0-9]{8} [0-9]{2}:[0-9]{2},")


def identify(file: BarFile) -> tuple[str, int]:
    """Return symbol and step in nanoseconds, from the name where they are not given.

    A name is read as `BTC-USDT.1h`, or as exchanges and bots write it: `BTCUSDT-1h`, `BTC_USDT-1h`.

    Raises:
        BadData: Neither the name nor the declaration says them.
    """
    stem = file.path.name.removesuffix(file.path.suffix)
    symbol, _, step = stem.rpartition(".")
    if not symbol and (match := re.fullmatch(r"(.+)-([0-9]+[smhd])", stem)):
        symbol, step = match[1].replace("_", "-"), match[2]
    symbol, step = file.symbol or symbol, file.step or (step if symbol else "")
    if not symbol or not step:
        raise BadData(
            "the name does not say which instrument and step", file=file.path, fix=_NAME_FIX
        )
    try:
        return symbol, parse_step(step)
    except BadData as error:
        raise BadData(error.fault, file=file.path, fix=_NAME_FIX) from None


def parse_step(text: str) -> int:
    """Return the nanoseconds of a step such as "5m", "1h" or "1d".

    Raises:
        BadData: It is not a number with s, m, h or d, or does not divide a day.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([smhd])", text)
    step_ns = int(match[1]) * _UNITS_NS[match[2]] if match else 0
    if step_ns == 0 or DAY_NS % step_ns:
        raise BadData(
            f"step {text[:16]!a} is not a step", fix="one that divides a day: 1m, 5m, 1h, 1d"
        )
    return step_ns


def content_of(path: Path) -> bytes:
    """Return the bytes of a bar file of a kind that can be read.

    Raises:
        BadData: There is no such file, or it is something else than its name says.
    """
    if path.is_dir():
        raise BadData("is a folder and cannot be read as a file", file=path, fix="name its files")
    kind = path.suffix.lower()
    if kind not in (*KINDS, ".zip"):
        raise BadData(
            f"files of kind {kind or '(none)'} cannot be read",
            file=path,
            fix="give .parquet, .feather, .csv or .json",
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadData("there is no such file", file=path) from None
    except OSError as error:
        raise BadData(f"the file cannot be read: {error.strerror}", file=path) from None
    if not content:
        raise BadData("the file is empty", file=path, fix="fetch it again")
    if content.startswith(_LFS):
        raise BadData(
            "the file is a Git LFS pointer, not the data", file=path, fix="run git lfs pull"
        )
    if kind == ".zip":
        raise _archive(content, path)
    if kind in (".csv", ".json"):
        _refuse_other_text(content.removeprefix(_BYTE_ORDER_MARK).lstrip(), kind, path)
    return content


def _refuse_other_text(text: bytes, kind: str, path: Path) -> None:
    """Refuse pages and messages that were saved in place of bars, and the text of LEAN."""
    if text[:1] == b"<":
        raise BadData(
            f"the file holds a web page, not bars: {_begin(text)}", file=path, fix="fetch it again"
        )
    if text[:1] == b"{":
        raise BadData(
            f"the file holds a JSON object, not bars: {_begin(text)}",
            file=path,
            fix="read what it says, and fetch the file again",
        )
    if text[:1] == b"[" and kind == ".csv":
        raise BadData(
            f"the file holds JSON, not CSV: {_begin(text)}", file=path, fix="name it .json"
        )
    if _LEAN_ROW.match(text):
        raise _lean(path)


def _begin(text: bytes) -> str:
    return shown(" ".join(text[:400].decode("utf-8", "replace").split()), 90)


def _lean(path: Path) -> BadData:
    return BadData(
        "the rows are those of a LEAN data folder: stamps in New York time without a zone, prices "
        "of shares times 10,000, splits not in them",
        file=path,
        fix="export adjusted prices as CSV with the columns ts, open, high, low, close, volume",
    )


def _archive(content: bytes, path: Path) -> BadData:
    """Return the refusal of an archive, which says what is in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            begin = archive.open(names[0]).read(32) if len(names) == 1 else b""
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError):
        return BadData("the archive is damaged", file=path, fix="fetch it again")
    if _LEAN_ROW.match(begin):
        return _lean(path)
    inside = ", ".join(shown(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return BadData(
        f"an archive cannot be read; in it: {inside or 'nothing'}",
        file=path,
        fix="unpack it and give the file inside",
    )
