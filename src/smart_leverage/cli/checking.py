"""Says which figures of statements hold: each beside what the text of the journal makes of it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.reports.recount.checking import Line, Verdict
    from smart_leverage.reports.statement.statement import Statement

NOT_SOUND = 6
"""How a command leaves that proved something wrong, as `ledger verify` does."""


def check_made(screen: Screen, ledger: Path, made: "Iterable[Statement]") -> None:
    """Check statements that were made just now."""
    from smart_leverage.reports.statement.statement import as_record

    _check(screen, ledger, [as_record(each) for each in made])


def check_saved(screen: Screen, ledger: Path, file: Path) -> None:
    """Check the statements of a file, one JSON object a line, as they were written.

    Raises:
        BadData: It holds no statement.
    """
    _check(screen, ledger, list(_saved(file)))


def _saved(file: Path) -> Iterator[dict[str, Any]]:
    import json

    from smart_leverage.domain.errors import BadData

    fix = "name a file that `statement --json` wrote"
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        found = [json.loads(line) for line in lines]
    except OSError as error:
        raise BadData(f"cannot be read: {error.strerror}", file=file, fix=fix) from None
    except ValueError as error:
        raise BadData(f"is no JSON: {error}", file=file, fix=fix) from None
    if not found or not all(isinstance(each, dict) for each in found):
        raise BadData("holds no statement", file=file, fix=fix)
    yield from found


def _check(screen: Screen, ledger: Path, statements: list[dict[str, Any]]) -> None:
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.recount.checking import check, facts_of
    from smart_leverage.reports.recount.figures import Recount

    with opened(ledger) as reader:
        recounts: dict[int | None, Recount] = {}
        verdicts = []
        for each in statements:
            until = _read_to(each)
            if until not in recounts:
                recounts[until] = Recount(facts_of(reader, until))
            verdicts.append(check(reader, recounts[until], each))
    for verdict in verdicts:
        _show(screen, ledger, verdict)
    if not all(verdict.is_sound for verdict in verdicts):
        raise typer.Exit(NOT_SOUND)


def _read_to(statement: Mapping[str, Any]) -> int | None:
    """Return how far the journal went when a statement was made: it may have gone on since."""
    try:
        return int(statement["read_to_event"])
    except (KeyError, TypeError, ValueError):
        return None


def _show(screen: Screen, ledger: Path, verdict: "Verdict") -> None:
    if screen.as_json:
        screen.record(
            {
                "ledger": str(ledger),
                "statement": verdict.statement,
                "is_sound": verdict.is_sound,
                "faults": list(verdict.faults),
                "figures": {line.code: _fields(line) for line in verdict.lines},
            }
        )
        return
    sign = "●" if verdict.is_sound else "■"
    screen.say(f"{sign} {verdict.statement}: {verdict.summary}")
    screen.say(*(f"  {fault}" for fault in verdict.faults))
    screen.say(*(f"  {_told(line)}" for line in verdict.lines if not line.holds))


def _fields(line: "Line") -> dict[str, Any]:
    return {"said": line.said, "recounted": line.recounted, "holds": line.holds}


def _told(line: "Line") -> str:
    return f"{line.name}: it says {_number(line.said)}, the journal makes {_number(line.recounted)}"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.10g}"
