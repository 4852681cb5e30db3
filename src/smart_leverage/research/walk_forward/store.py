"""A walk on disk: windows as they are done, so that it can go on, and the result as Parquet."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from smart_leverage.domain.errors import BadData
from smart_leverage.market.bars import BarSeries
from smart_leverage.research.compile import fingerprint as code_of
from smart_leverage.research.kernel.loop import advance
from smart_leverage.research.kernel.setup import row_of
from smart_leverage.research.walk_forward.regimes import NAMES
from smart_leverage.research.walk_forward.results import Result, days_of
from smart_leverage.research.walk_forward.running import Outcome, WindowDone, Work

MARK = "inputs.sha256"
_KEPT = "window-{:04d}.msgpack"
WINDOWS, DAYS, CANDIDATES = "windows.parquet", "days.parquet", "candidates.parquet"

_FIGURES = (
    *("score", "growth", "drawdown", "day_mean", "trades", "wins", "losses"),
    *("exposure", "halts", "fees", "switch", "equity"),
)
_SAMPLES = ("inside", "outside", "plain_inside", "plain_outside")


def fingerprint(series: Sequence[BarSeries], work: Work) -> str:
    """Return a digest of everything that a window depends on."""
    arrays = (work.bars.cells, work.signals.rows, work.signals.first)
    parts = [
        *(f"{each.key} {each.source.sha256} {len(each)}" for each in series),
        *(hashlib.sha256(each.tobytes()).hexdigest() for each in arrays),
        *(f"{each.name} {row_of(each.policy).tobytes().hex()}" for each in work.candidates),
        repr((work.scheme, work.setup, work.score.name, work.timezone)),
        code_of(advance),  # the rules themselves
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Store:
    """The folder of a walk."""

    def __init__(self, folder: Path, mark: str) -> None:
        """Open a folder, or begin one.

        Args:
            folder: It is made where there is none.
            mark: Of the inputs, from `fingerprint`.

        Raises:
            BadData: It holds a walk over other bars, candidates or numbers.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        note = folder / MARK
        if not note.exists():
            _write(note, f"{mark}\n".encode())
        elif note.read_text(encoding="utf-8").strip() != mark:
            raise BadData(
                "holds a walk over other bars, candidates or numbers",
                file=folder,
                fix="name another folder with --out, or remove this one",
            )

    def kept(self) -> list[WindowDone]:
        """Return the windows that are done, from the first to the first that is missing.

        Raises:
            BadData: One cannot be read.
        """
        found: list[WindowDone] = []
        while (file := self._file(len(found))).exists():
            try:
                found.append(msgspec.msgpack.decode(file.read_bytes(), type=WindowDone))
            except msgspec.MsgspecError as error:
                raise BadData(f"cannot be read: {error}", file=file, fix="remove it") from error
        return found

    def keep(self, number: int, window: WindowDone) -> None:
        """Keep a window; it is there as a whole or not at all."""
        _write(self._file(number), msgspec.msgpack.encode(window))

    def _file(self, number: int) -> Path:
        return self.folder / _KEPT.format(number + 1)


def write_tables(result: Result, folder: Path) -> list[Path]:
    """Write the result as Parquet; return the files: windows, days, candidates."""
    tables = {
        WINDOWS: _windows(result),
        DAYS: pl.concat([_days(result, sample) for sample in _SAMPLES]),
        CANDIDATES: _candidates(result),
    }
    for name, table in tables.items():
        beside = folder / f".{name}.part"
        table.write_parquet(beside)
        beside.replace(folder / name)
    return [folder / name for name in tables]


def _write(to: Path, content: bytes) -> None:
    beside = to.with_name(f".{to.name}.part")
    beside.write_bytes(content)
    beside.replace(to)


def _windows(result: Result) -> pl.DataFrame:
    """Return one row per window; figures of each sample have its name before theirs."""
    dates = result.dates
    return pl.DataFrame(
        [
            {
                "window": number,
                "train_first": dates[each.train[0]],
                "train_last": dates[each.train[1] - 1],
                "test_first": dates[each.test[0]],
                "test_last": dates[each.test[1] - 1],
                "chosen": result.candidates[each.chosen].name,
                "expected_score": each.expected,
                **{
                    f"{sample}_{figure}": getattr(getattr(each, sample), figure)
                    for sample in _SAMPLES
                    for figure in _FIGURES
                },
            }
            for number, each in enumerate(result.windows, 1)
        ],
        infer_schema_length=None,
    )


def _days(result: Result, sample: str) -> pl.DataFrame:
    outcomes: list[Outcome] = [getattr(each, sample) for each in result.windows]
    days = days_of(outcomes)
    return pl.DataFrame(
        {
            "sample": [sample] * len(days.day),
            "window": days.window + 1,
            "date": np.array(result.dates)[days.day],
            "regime": np.array(NAMES)[result.labels[days.day]],
            "change": days.change,
        }
    )


def _candidates(result: Result) -> pl.DataFrame:
    names = [each.name for each in result.candidates]
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "window": [number] * len(names),
                    "candidate": names,
                    "is_chosen": [place == each.chosen for place in range(len(names))],
                    "inside_score": each.inside_scores,
                    "fold_score": each.fold_scores,
                    "outside_score": each.outside_scores,
                }
            )
            for number, each in enumerate(result.windows, 1)
        ]
    )
