"""Which figures of a statement hold: each beside what the journal makes of it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from smart_leverage.domain.errors import BadData
from smart_leverage.reports.recount.facts import Facts
from smart_leverage.reports.recount.figures import Recount, Span, Value
from smart_leverage.reports.source import Source

NEAR = 1e-9
"""So far a figure may be from its recount, of the larger of one and the figure: both round."""


class Line(NamedTuple):
    """One figure as a statement has it and as it was recounted; None is "not known"."""

    code: str
    name: str
    said: float | None
    recounted: float | None

    @property
    def holds(self) -> bool:
        """Whether both say the same."""
        if self.said is None or self.recounted is None:
            return self.said is self.recounted
        return abs(self.said - self.recounted) <= NEAR * max(1.0, abs(self.recounted))


class Verdict(NamedTuple):
    """What the check of one statement found; `faults` are what is wrong beside its figures."""

    statement: str
    events: tuple[int, int]
    lines: tuple[Line, ...]
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether everything holds."""
        return not self.faults and all(line.holds for line in self.lines)

    @property
    def summary(self) -> str:
        """One line for a person."""
        held, every = sum(line.holds for line in self.lines), len(self.lines)
        first, last = self.events
        counted = f"recounted from events {first:,} to {last:,}"
        if self.is_sound:
            return f"{every} figures hold, {counted}"
        return f"{held} of {every} figures hold, {counted}"


def facts_of(source: Source, until: int | None = None) -> Facts:
    """Return what a journal tells up to an entry, or to its end."""
    facts = Facts()
    for entry in source.entries():
        if until is not None and entry.seq > until:
            break
        facts.take(entry.seq, entry.payload)
    return facts


def check(source: Source, recount: Recount, statement: Mapping[str, Any]) -> Verdict:
    """Compare a statement, as it is for machines, with the journal.

    Args:
        source: The journal.
        recount: Of that journal, as far as the statement had read it.
        statement: As `statement --json` writes it.

    Raises:
        BadData: It is no statement.
    """
    try:
        span = recount.span(statement["period"], statement["label"])
        told = {code: (each["name"], _number(each)) for code, each in statement["figures"].items()}
        name, last = str(statement["statement"]), int(statement["last_event"])
        faults = (*_places(statement, span), *_head(source, last, str(statement["head"])))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadData(
            f"is no statement: {error!r}", fix="make it with `statement --json`"
        ) from None
    made = recount.figures(span)
    lines = [
        Line(code, *told.get(code, (code, None)), _plain(made.get(code)))
        for code in (*told, *(code for code in made if code not in told and made[code]))
    ]
    return Verdict(name, (span.first, span.last), tuple(lines), faults)


def _number(figure: Mapping[str, Any]) -> float | None:
    value = figure["value"]
    return None if value is None else float(value)


def _plain(value: Value) -> float | None:
    return None if value is None else float(value)


def _places(statement: Mapping[str, Any], span: Span) -> Iterator[str]:
    said = int(statement["first_event"]), int(statement["last_event"])
    if said != (span.first, span.last):
        yield (
            f"it is made from events {said[0]:,} to {said[1]:,}, and the period has "
            f"{span.first:,} to {span.last:,}"
        )


def _head(source: Source, last: int, head: str) -> Iterator[str]:
    entry = next(source.entries(last - 1), None)
    if entry is None or entry.hash.hex() != head:
        yield f"it is made from another journal: event {last:,} of this one has another hash"
