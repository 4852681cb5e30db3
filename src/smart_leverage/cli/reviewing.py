"""Makes a review from a ledger, keeps it in files, and brings a signed one to its account."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.domain.proposals import Proposal
    from smart_leverage.engine.state import State
    from smart_leverage.research.review import Review, Standing, Targets

REFUSED = 5


def made(path: Path, targets: "Targets", days: Sequence[int], until: int | None = None) -> "Review":
    """Return the review of a ledger up to an event, or to its last one.

    Raises:
        ConfigError: A target is none that can be asked for, or a library is missing.
        LedgerError: There is no ledger, or it holds no account.
    """
    from smart_leverage.cli.lacking import statistics
    from smart_leverage.domain.errors import ConfigError
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.story import read_story
    from smart_leverage.runtime.remembered import remember
    from smart_leverage.wiring.limits import contradicted

    with statistics("review"):
        from smart_leverage.research.review import review

    with opened(path) as reader:
        last = reader.head().seq if until is None else until
        story = read_story(reader, until=last, keeps_figures=False)
    standing = standing_of(remember(path, until=last).state)
    try:
        return review(story, standing, targets, list(dict.fromkeys(days)), contradicted)
    except ValueError as error:  # a bar that is none
        raise ConfigError([str(error)], "review") from None


def standing_of(state: "State") -> "Standing":
    """Return how an account stands: its limits, its tier, and what would forbid loosening."""
    from smart_leverage.engine.config import EngineConfig
    from smart_leverage.engine.core import Core
    from smart_leverage.engine.limiting import need
    from smart_leverage.research.review import Standing

    core, limits = Core(EngineConfig()), state.limits
    core.state = state
    return Standing(
        in_force=dict(limits.in_force),
        configured=dict(limits.configured),
        pending={name: each.after for name, each in limits.pending.items()},
        tier=state.tier,
        need=need(core),
        losers=sum(state.losers.values()),
    )


def fields(one: "Review") -> dict[str, Any]:
    """Return a review as JSON tells it."""
    return {
        "proposal": one.proposal,
        "targets": one.reviewed.targets,
        "windows": [
            {
                "result": look.result.result,
                **{name: getattr(look, name) for name in look.__struct_fields__},
            }
            for look in one.reviewed.looks
        ],
        "rules": list(one.reviewed.findings),
    }


def written(one: "Review", text: Sequence[str], folder: Path) -> list[Path]:
    """Write a review for a machine and for people; a later one of the day takes its place.

    Raises:
        BadData: A file cannot be written.
    """
    import msgspec

    from smart_leverage.domain.errors import BadData
    from smart_leverage.domain.stamps import iso

    name = f"proposal-{iso(one.proposal.until_ns)[:10]}"
    files = {
        folder / f"{name}.json": msgspec.json.format(msgspec.json.encode(one)).decode() + "\n",
        folder / f"{name}.txt": "".join(f"{line}\n" for line in text),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise BadData(f"cannot be written: {error.strerror}", file=folder) from None
    return list(files)


def signed(screen: Screen, path: Path, file: Path, reason: str, token_file: Path | None) -> None:
    """Bring a proposal to its account, once the ledger has given the same again.

    Raises:
        BadParameter: No reason was given, or the token cannot be read.
        BadData: The file is no proposal.
        Exit: It was refused.
    """
    import typer

    from smart_leverage.cli.control import order, token_in
    from smart_leverage.cli.review_text import proposal_lines
    from smart_leverage.domain.proposals import NAME, encoded

    if not reason.strip():
        raise typer.BadParameter("a signature needs a reason", param_hint="--reason")
    token = "" if token_file is None else token_in(token_file)
    one = _read(file)
    if why := _doubt(path, one):
        _refuse(screen, one.proposal, why)
    if not screen.as_json:
        screen.say(*proposal_lines(one), "")
    more = {"proposal": one.proposal}
    changes = {NAME: encoded(one.proposal)}
    order(screen, "review", reason, path, token=token, changes=changes, more=more)


def _read(file: Path) -> "Review":
    import msgspec

    from smart_leverage.cli.lacking import statistics
    from smart_leverage.domain.errors import BadData

    with statistics("review"):
        from smart_leverage.research.review import Review

    try:
        return msgspec.json.decode(file.read_bytes(), type=Review)
    except OSError as error:
        raise BadData(f"cannot be read: {error.strerror}", file=file) from None
    except ValueError as error:  # not JSON, or JSON of something else
        raise BadData(f"is no proposal of this version: {error}", file=file) from None


def _doubt(path: Path, one: "Review") -> str:
    """Return why a proposal is not what the ledger gives, empty where it is."""
    from smart_leverage.domain.proposals import is_whole
    from smart_leverage.ledger.read_only import opened

    if not (is_whole(one.proposal) and one.is_whole):
        return "it is not as it was sealed: somebody or something has changed it"
    with opened(path) as reader:
        if reader.head().seq < one.proposal.seq:
            return f"this ledger ends before event {one.proposal.seq:,}"
    again = made(path, one.reviewed.targets, one.reviewed.days, one.proposal.seq)
    if again.proposal != one.proposal:
        return "this ledger does not give it: it was made up, or by another version"
    return ""


def _refuse(screen: Screen, proposal: "Proposal", why: str) -> NoReturn:
    import typer

    if screen.as_json:
        screen.record({"command": "review", "result": "refused", "lines": [why]})
    else:
        screen.say(f"refused: proposal {proposal.id}: {why}")
    raise typer.Exit(REFUSED)
