"""Writes tables as CSV, row by row, and keeps of each column what another format has to know."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smart_leverage.reports.export.columns import Column, Form, written
from smart_leverage.reports.export.tables import Table


class TableWriter:
    """One file of CSV; `digits` are the most before and after the point, by decimal column."""

    def __init__(self, table: Table, folder: Path, *, before: Sequence[Column] = ()) -> None:
        self.table = table
        self.columns = (*before, *table.columns)
        self.path = folder / f"{table.name}.csv"
        self.rows = 0
        self.digits = {each.name: [1, 0] for each in table.columns if each.form is Form.DECIMAL}
        self._first = len(before)
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([each.name for each in self.columns])

    def write(self, record: Any, *before: str) -> None:
        """Write one row."""
        cells = list(before)
        for column in self.table.columns:
            value = column.get(record)
            if isinstance(value, Decimal):
                self._measure(column.name, value)
            cells.append(written(value, column.form))
        self._writer.writerow(cells)
        self.rows += 1

    def _measure(self, name: str, value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        most = self.digits[name]
        if isinstance(exponent, int):
            most[1] = max(most[1], -exponent)
        most[0] = max(most[0], value.adjusted() + 1)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class Tables:
    """The files of one export, all of them open until it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.writers: dict[str, TableWriter] = {}

    def add(self, table: Table, *, before: Sequence[Column] = ()) -> TableWriter:
        """Begin a table; it has its header even if no row comes."""
        writer = TableWriter(table, self._folder, before=before)
        self._stack.callback(writer.close)
        self.writers[table.name] = writer
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
