"""Where a report takes its facts from: the links of a journal, oldest first."""

from collections.abc import Iterator
from typing import Protocol


class Linked(Protocol):
    """One link: number, canonical record, and the hash that covers everything before it."""

    @property
    def seq(self) -> int:
        """Place in the chain, from 1."""
        ...

    @property
    def payload(self) -> bytes:
        """The record's canonical JSON."""
        ...

    @property
    def hash(self) -> bytes:
        """Hash of this link."""
        ...


class Source(Protocol):
    """A ledger that can be read from its beginning; `ledger.reader.Reader` is one."""

    def entries(self, after: int = 0) -> Iterator[Linked]:
        """Yield the links after this one, oldest first."""
        ...
