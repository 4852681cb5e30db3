"""What the ledger asks of a database connection, whichever driver is behind it."""

from collections.abc import Iterator
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement returned."""

    @property
    def description(self) -> Any:
        """A sequence for each column, its name first."""
        ...

    @property
    def rowcount(self) -> int:
        """Rows changed, as far as the driver knows already."""
        ...

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Go through the rows that are left."""
        ...


class Database(Protocol):
    """A connection that understands the statements of `queries.sql`, for one thread at a time."""

    def execute(self, statement: str, values: Any = (), /) -> Rows:
        """Run one statement; values by place or by name, as it was written."""
        ...

    def close(self) -> None:
        """Let go of it; harmless twice."""
        ...
