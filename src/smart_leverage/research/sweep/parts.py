"""The folder of a sweep: what it was asked, the parts that are finished, and the result.

Every part is written whole or not at all, under a name that its number gives it. So whoever comes
after an interruption, a crash or a lost worker finds exactly what was finished, and computes the
rest; the bytes of the result are those of a sweep that nobody disturbed.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from smart_leverage.domain.errors import BadData

MANIFEST = "sweep.json"
RESULTS = "results.parquet"
PARTS = "parts"
INPUTS = "inputs"
STUDY = "study.sqlite"


class Folder:
    """Where a sweep lives; made where there is none yet."""

    def __init__(self, path: Path, told: Mapping[str, Any]) -> None:
        """Open the folder of a sweep, to begin or to go on.

        Args:
            path: The folder.
            told: Everything that the result depends on, as JSON can hold it; `key` is the hash of
                the rest.

        Raises:
            BadData: The folder holds another sweep, or something else; nothing is overwritten.
        """
        self.path = path
        self.key = str(told["key"])
        manifest = path / MANIFEST
        before = _read(manifest)
        if before is None and path.exists() and any(path.iterdir()):
            raise BadData("holds something else", file=path, fix="choose another --out")
        if before is not None and before.get("key") != self.key:
            raise BadData(
                f"holds another sweep: {_difference(before, told)} differs",
                file=path,
                fix="choose another --out, or remove it",
            )
        self.was_there = before is not None
        (path / PARTS).mkdir(parents=True, exist_ok=True)
        if before is None:
            self.note(told)

    def note(self, told: Mapping[str, Any]) -> None:
        """Write down what is known of the sweep, its key among it."""
        text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(self.path / MANIFEST, f"{text}\n".encode())

    @property
    def results(self) -> Path:
        """Where the result is once all parts are there."""
        return self.path / RESULTS

    def part(self, number: int) -> pl.DataFrame | None:
        """Return a part, or None while it is not there."""
        path = self._place(number)
        return pl.read_parquet(path) if path.exists() else None

    def table(self, count: int) -> pl.DataFrame:
        """Return the parts that are there, of so many, one below the other."""
        parts = [part for each in range(count) if (part := self.part(each)) is not None]
        return pl.concat(parts) if parts else pl.DataFrame()

    def has_part(self, number: int) -> bool:
        """Tell whether a part is finished."""
        return self._place(number).exists()

    def put(self, number: int, part: pl.DataFrame) -> None:
        """Keep a part; when this returns it survives a crash."""
        write_whole(self._place(number), parquet(part))

    def finish(self, table: pl.DataFrame, metadata: Mapping[str, str]) -> str:
        """Write the result in place of its parts and return the hash of its bytes."""
        content = parquet(table, metadata)
        write_whole(self.results, content)
        shutil.rmtree(self.path / PARTS)
        shutil.rmtree(self.path / INPUTS, ignore_errors=True)
        return hashlib.sha256(content).hexdigest()

    def _place(self, number: int) -> Path:
        return self.path / PARTS / f"{number:06}.parquet"


def parquet(table: pl.DataFrame, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return a table as the bytes of a Parquet file; equal tables give equal bytes."""
    held = io.BytesIO()
    table.rechunk().write_parquet(
        held, row_group_size=65_536, metadata=None if metadata is None else dict(metadata)
    )
    return held.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _read(manifest: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadData(
            f"cannot be read: {error}", file=manifest, fix="choose another --out"
        ) from None
    if not isinstance(found, dict):
        raise BadData("is not of a sweep", file=manifest, fix="choose another --out")
    return found


def _difference(before: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    names = [name for name in told if name != "key" and before.get(name) != told[name]]
    return ", ".join(names) or "its key"
