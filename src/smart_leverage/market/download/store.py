"""The folder of a series: parts of a day, month or year, and the manifest that says what they are.

A series lives in `STORE/SOURCE/SYMBOL/STEP/ADJUSTMENT`. Each part is written under a name with its
own hash before the manifest names it, and the manifest is replaced in one step; so whatever ends
the program, the manifest names only files that are whole, and what it does not name is swept away
by the next writer.
"""

import fcntl
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import msgspec

from smart_leverage.domain.classify import PAIR, SYMBOL
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.market_rows import QuoteRow
from smart_leverage.market.download.rows import QUOTES, RAW, BarRow, Row, Wanted
from smart_leverage.market.opening import parse_step

if TYPE_CHECKING:
    import polars as pl

MANIFEST = "manifest.json"
FORMAT = 1
_LOCK = ".lock"


class _Table(NamedTuple):
    """How rows of one kind stand in a file; quotes come many in a microsecond."""

    row: type[BarRow] | type[QuoteRow]
    unit: Literal["us", "ns"]
    unit_ns: int


_BARS, _QUOTES = _Table(BarRow, "us", 1_000), _Table(QuoteRow, "ns", 1)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part: the span that was asked for, and what came; `file` is empty where nothing did.

    Times are UTC nanoseconds. `as_of` is the date at which prices were adjusted.
    """

    from_ns: int
    until_ns: int
    file: str
    sha256: str
    bytes: int
    rows: int
    first_ns: int
    last_ns: int
    fetched_ns: int
    as_of: str


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hole that was asked for again and stayed."""

    from_ns: int
    until_ns: int
    asked_ns: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a series is and where it came from."""

    format: int = FORMAT
    source: str
    asset_class: AssetClass
    symbol: str
    step: str
    adjustment: str
    parts: dict[str, Part] = {}
    asked_again: tuple[Asked, ...] = ()

    @property
    def wanted(self) -> Wanted:
        """What its source is asked for."""
        return Wanted(self.asset_class, self.symbol, self.step, self.adjustment)


class Series:
    """One series on disk. Reading needs no lock: parts that are named are never changed."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """Speak of the series in a folder; `open_series` and `series_of` make one."""
        self.path, self.manifest = path, manifest
        self.step_ns = _grid_ns(manifest.step)

    @property
    def holds_quotes(self) -> bool:
        """Whether its rows are quotes, not bars."""
        return self.manifest.step == QUOTES

    @property
    def _table(self) -> _Table:
        return _QUOTES if self.holds_quotes else _BARS

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer while the block runs, and begin with what the last one left.

        Raises:
            BadData: Another process writes here.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadData(
                    "another process writes here", file=self.path, fix="wait for it"
                ) from None
            if (self.path / MANIFEST).exists():
                self.manifest = _read_manifest(self.path)
            self._sweep()
            yield
        finally:
            os.close(handle)

    def _sweep(self) -> None:
        """Remove what an interrupted writer left; nothing that the manifest names."""
        named = {part.file for part in self.manifest.parts.values()}
        for file in self.path.iterdir():
            is_part = file.suffix == ".parquet" and file.name not in named
            if is_part or file.suffix == ".new":
                file.unlink()

    def rows(self, part: Part) -> list[Row]:
        """Return the rows of a part, in the order of its file.

        Raises:
            BadData: The file is missing, or not the one that was written.
        """
        if not part.file:
            return []
        columns, row = self.columns(part), self._table.row
        stamps = columns["ts"].dt.timestamp("ns").to_list()
        numbers = (columns[name].to_list() for name in row._fields[1:])
        return [row(*values) for values in zip(stamps, *numbers, strict=True)]

    def bars(self, part: Part) -> list[BarRow]:
        """Return the bars of a part; see `rows`.

        Raises:
            BadData: These are quotes, too.
        """
        if self.holds_quotes:
            raise BadData("holds quotes, and bars are read here", file=self.path)
        return cast("list[BarRow]", self.rows(part))

    def columns(self, part: Part) -> "pl.DataFrame":
        """Return a part that has rows as it was written; see `rows`."""
        import polars as pl

        return pl.read_parquet(io.BytesIO(self.content(part)))

    def content(self, part: Part) -> bytes:
        """Return the bytes of a part that has rows; see `rows`."""
        file = self.path / part.file
        try:
            content = file.read_bytes()
        except OSError as error:
            raise BadData(
                f"cannot be read: {error.strerror}", file=file, fix="repair the series"
            ) from None
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise BadData(
                "the file is not the one that was written: its hash differs",
                file=file,
                fix="repair the series",
            )
        return content

    def keep(
        self, name: str, span: tuple[int, int], rows: Sequence[Row], now_ns: int, as_of: str
    ) -> None:
        """Write a part in place of the one before; it is there as a whole, or not at all."""
        content = _parquet(self._table, rows) if rows else b""
        digest = hashlib.sha256(content).hexdigest()
        part = Part(
            from_ns=span[0],
            until_ns=span[1],
            file=f"{name}.{digest[:12]}.parquet" if rows else "",
            sha256=digest,
            bytes=len(content),
            rows=len(rows),
            first_ns=rows[0].at_ns if rows else 0,
            last_ns=rows[-1].at_ns if rows else 0,
            fetched_ns=now_ns,
            as_of=as_of,
        )
        if rows:
            _write(self.path / part.file, content)
        parts = dict(sorted({**self.manifest.parts, name: part}.items()))
        before = self.manifest.parts.get(name)
        self._note(msgspec.structs.replace(self.manifest, parts=parts))
        if before is not None and before.file and before.file != part.file:
            (self.path / before.file).unlink(missing_ok=True)

    def note_asked(self, asked: Sequence[Asked]) -> None:
        """Write down which holes stayed when they were asked for again."""
        kept = {(one.from_ns, one.until_ns): one for one in self.manifest.asked_again}
        kept |= {(one.from_ns, one.until_ns): one for one in asked}
        told = tuple(kept[span] for span in sorted(kept))
        self._note(msgspec.structs.replace(self.manifest, asked_again=told))

    def _note(self, manifest: Manifest) -> None:
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        _write(self.path / MANIFEST, content + b"\n")
        self.manifest = manifest


def series_of(store: Path, source: str, wanted: Wanted) -> Series:
    """Return the series of a source, whether it is there already or not.

    Raises:
        BadData: The symbol or the step is none, or what is there cannot be read.
    """
    shape = PAIR if wanted.asset_class is AssetClass.CRYPTO else SYMBOL
    if not shape.fullmatch(wanted.symbol) or ".." in wanted.symbol:
        fix = "write it like BTC/USD or SPY; contracts are not read"
        raise BadData(f"{wanted.symbol[:40]!a} is no symbol", fix=fix)
    _grid_ns(wanted.step)
    folder = wanted.symbol.replace("/", "-")
    path = store / source / folder / wanted.step / wanted.adjustment
    if (path / MANIFEST).exists():
        return open_series(path)
    return Series(
        path,
        Manifest(
            source=source,
            asset_class=wanted.asset_class,
            symbol=wanted.symbol,
            step=wanted.step,
            adjustment=wanted.adjustment,
        ),
    )


def open_series(path: Path) -> Series:
    """Return the series in a folder.

    Raises:
        BadData: There is none, or its manifest cannot be read.
    """
    return Series(path, _read_manifest(path))


def is_series(path: Path) -> bool:
    """Tell whether a folder holds a series."""
    return (path / MANIFEST).is_file()


def all_series(store: Path) -> list[Series]:
    """Return every series below a folder, by path."""
    return [open_series(file.parent) for file in sorted(store.glob(f"*/*/*/*/{MANIFEST}"))]


def refuse_mixed(series: Series) -> None:
    """Refuse adjusted prices of several days: between them a dividend looks like a loss.

    Raises:
        BadData: The parts were adjusted on different dates.
    """
    dates = {part.as_of for part in series.manifest.parts.values() if part.rows}
    if series.manifest.adjustment != RAW and len(dates) > 1:
        raise BadData(
            f"the parts were adjusted on different dates, {min(dates)} to {max(dates)}",
            file=series.path,
            fix="let `data get` finish",
        )


def _read_manifest(path: Path) -> Manifest:
    file = path / MANIFEST
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise BadData(f"cannot be read: {error}", file=file) from None
    names = [part.file for part in manifest.parts.values() if part.file]
    if manifest.format != FORMAT or any(Path(name).name != name for name in names):
        raise BadData("was not written by this version", file=file, fix="fetch the series anew")
    return manifest


def _grid_ns(step: str) -> int:
    """Return on which grid a series begins and ends; that of quotes is ours."""
    return MINUTE_NS if step == QUOTES else parse_step(step)


def _parquet(kind: _Table, rows: Sequence[Row]) -> bytes:
    import polars as pl

    stamps = pl.Series("ts", [row.at_ns // kind.unit_ns for row in rows], dtype=pl.Int64)
    names = kind.row._fields[1:]
    columns = [
        pl.Series(name, [row[place] for row in rows], pl.Float64)
        for place, name in enumerate(names, start=1)
    ]
    table = pl.DataFrame([stamps.cast(pl.Datetime(kind.unit, "UTC")), *columns])
    written = io.BytesIO()
    table.write_parquet(written, compression="zstd")
    return written.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Put a file in place of another: whole, and still there after a power loss."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
