"""What a run is made of: bars, ideas, settings and a span of time, from what was typed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.opportunity import Opportunity
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.market.files import Reading
    from smart_leverage.settings import Settings

_EVER_NS = (0, 2**63 - 1)


def settings_for(config: Path | None, cash: str | None, name: str | None = None) -> "Settings":
    """Return the configuration, with the opening cash of the command line above it.

    Args:
        config: As named; None takes that of the run, or of the working directory.
        cash: As typed.
        name: Of the run, which may have been made with a configuration of its own.
    """
    from smart_leverage.cli.amounts import amount
    from smart_leverage.cli.places import configuration
    from smart_leverage.cli.runs import folder_of
    from smart_leverage.settings import load

    folder = None if name is None else folder_of(name)
    settings = load(configuration(config, folder)).settings
    if cash is None:
        return settings
    account = settings.account.model_copy(update={"cash": float(amount(cash, "--cash"))})
    return settings.model_copy(update={"account": account})


def aliases(given: Sequence[str]) -> dict[str, str]:
    """Return which quote counts as which, from "USDT=USD"."""
    found: dict[str, str] = {}
    for text in given:
        ours, sign, theirs = text.partition("=")
        if not (ours and sign and theirs):
            raise typer.BadParameter(f"{text!r}: write it like USDT=USD", param_hint="--quote")
        found[ours.upper()] = theirs.upper()
    return found


def span(since: str | None, until: str | None) -> tuple[int, int]:
    """Return two instants in UTC nanoseconds; what is not given is the beginning or the end."""
    first = _EVER_NS[0] if since is None else _instant(since, "--since")
    last = _EVER_NS[1] if until is None else _instant(until, "--until")
    if first >= last:
        raise typer.BadParameter(
            f"{since} is not before {until}; swap them", param_hint="--since, --until"
        )
    return first, last


def _instant(text: str, name: str) -> int:
    from smart_leverage.domain.stamps import read_stamp

    try:
        stamp = read_stamp(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{error}; write 2024-01-31 or 2024-01-31T14:30:00Z", param_hint=name
        ) from None
    if stamp.offset_s is None and not stamp.is_date:
        raise typer.BadParameter(
            f"{text} names no time zone; write {text}Z for UTC", param_hint=name
        )
    return stamp.ns


def read_bars(
    screen: Screen,
    files: Iterable[Path],
    reading: "Reading",
    since_ns: int,
    until_ns: int,
) -> list["BarSeries"]:
    """Read bar files, the part between two instants.

    Raises:
        BadData: A file cannot be used as it stands, or nothing is left of it.
    """
    from smart_leverage.domain.errors import BadData
    from smart_leverage.domain.registry import Registry
    from smart_leverage.domain.stamps import iso
    from smart_leverage.market.clip import clip
    from smart_leverage.market.files import load

    show = screen.progress("reading files")
    whole = load(
        files,
        Registry.builtin(),
        reading=reading,
        progress=lambda done, count, each: show(done, count),
    )
    if (since_ns, until_ns) == _EVER_NS:
        return whole
    parts = [clip(each, since_ns, until_ns) for each in whole]
    for each, part in zip(whole, parts, strict=True):
        if not len(part):
            raise BadData(
                f"has no bar between the given times; it goes from {iso(each.starts[0])} "
                f"to {iso(each.ends[-1])}",
                file=each.source.name,
                fix="leave it out, or widen --since and --until",
            )
    return parts


def read_ideas(path: Path, alias: Mapping[str, str]) -> list["Opportunity"]:
    """Read opportunities from a file.

    Raises:
        BadData: A row cannot be used.
    """
    from smart_leverage.domain.registry import Registry
    from smart_leverage.strategies.files import read_opportunities

    return read_opportunities(path, Registry.builtin(), quote_alias=alias)
