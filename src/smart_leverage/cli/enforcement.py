"""Shows how much of the rule is enforced and what more would have brought, and moves the step."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.control import TokenFile, order, read_token
from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.engine.rollout import Rollout
    from smart_leverage.runtime.evidence import Line

Days = Annotated[int, typer.Option("--days", min=1, max=3_650, help="How far back is counted.")]
_STEPS = "observe, warn, entries or all"


@command("smart-leverage enforcement show", "smart-leverage enforcement show --days 30 --json")
def show(screen: Screen, days: Days = 7, ledger: LedgerPath = None) -> None:
    """Show the step of enforcement, what waits, and what the rule has done or would have.

    observe and warn forward every order and tell what would have happened; entries governs what
    adds exposure; all sells and protects as well. `foreseen` counts what was not carried out.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.runtime.remembered import remember

    now = remember(ledger_path(ledger))
    lines = _evidence(now.path, now.at_ns, days)
    if screen.as_json:
        screen.record({**_fields(now.state.rollout), "days": days, "evidence": _rows(lines)})
        return
    screen.say(*_head(now.state.rollout), "")
    _table(screen, lines, days)


@command(
    'smart-leverage enforcement set entries --reason "a quiet week" --token-file token.txt --yes',
    'smart-leverage enforcement set observe --reason "to look again"',
)
def set_step(
    screen: Screen,
    step: Annotated[str, typer.Argument(metavar="STEP", help=_STEPS)],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands there.")],
    days: Days = 7,
    is_read: Annotated[
        bool, typer.Option("--yes", help="You have seen what the step would have brought.")
    ] = False,
    token_file: TokenFile = None,
    ledger: LedgerPath = None,
) -> None:
    """Go up or down the ladder; both need the admin token, a reason and a running account.

    Before a step up it is shown what the last days would have brought; it is taken after a yes. It
    is in force at once, and caps begin small again where ramp.start says so. A step down is refused
    in need and in force only after risk.loosen_after_hours; naming the step in force withdraws it.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.enforcement import step_named
    from smart_leverage.engine.enforcing import STEP
    from smart_leverage.runtime.remembered import remember

    wanted = step_named(step)
    if wanted is None:
        raise typer.BadParameter(f"{step!r} is not {_STEPS}", param_hint="STEP")
    now = remember(ledger_path(ledger))
    if wanted > now.state.rollout.step and not is_read:
        _confirm(screen, _evidence(now.path, now.at_ns, days), days, wanted.word)
    token = read_token(token_file)
    order(screen, "enforce", reason, ledger, token=token, changes={STEP: wanted.word})


def _confirm(screen: Screen, lines: "list[Line]", days: int, word: str) -> None:
    """Show what the step would have brought, and let a person say yes.

    Raises:
        BadParameter: Nobody is there to say it.
        Abort: The answer was no.
    """
    import sys

    if screen.as_json or not sys.stdin.isatty():
        if not screen.as_json:
            _table(screen, lines, days)
        raise typer.BadParameter(
            "a step up needs --yes from a person who has read `enforcement show`",
            param_hint="--yes",
        )
    _table(screen, lines, days)
    typer.confirm(f"enforce {word} from now on?", abort=True)


def _evidence(path: Path, at_ns: int, days: int) -> "list[Line]":
    from smart_leverage.domain.clock import DAY_NS
    from smart_leverage.domain.records import decode
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.runtime.evidence import KINDS, evidence

    since_ns = at_ns - days * DAY_NS
    with opened(path) as reader:
        entries = (each for each in reader.entries() if each.kind in KINDS)
        records = (decode(each.payload) for each in entries if each.at_ns >= since_ns)
        return evidence(records, since_ns)


def _fields(rollout: "Rollout") -> dict[str, Any]:
    ramp, pending = rollout.ramp, rollout.pending
    return {
        "step": rollout.step.word,
        "pending": None
        if pending is None
        else {
            "after": pending.after,
            "effective_ns": pending.effective_ns,
            "who": pending.who,
            "reason": pending.reason,
        },
        "caps_factor": rollout.factor,
        "ramp_day": None if ramp is None else ramp.day,
        "ramp_days": None if ramp is None else ramp.days,
        "is_consented": rollout.is_consented,
    }


def _head(rollout: "Rollout") -> Iterator[str]:
    from smart_leverage.domain.enforcement import MEANING, told

    for step, meaning in MEANING.items():
        yield f"{'●' if step is rollout.step else '○'} {step.word:<8} {meaning}"
    if rollout.pending is not None:
        yield f"pending   {told(rollout.pending)}"
    if rollout.ramp is not None:
        yield f"ramp      {told(rollout.ramp)}"


_COLUMNS = (
    Column("what"),
    Column("why"),
    Column("done", is_number=True),
    Column("foreseen", is_number=True),
    Column("worth", is_number=True),
)


def _table(screen: Screen, lines: "list[Line]", days: int) -> None:
    from smart_leverage.domain.sentences import money, short

    if not lines:
        screen.say(f"nothing was denied, cut, sold or tripped in {days} days, nor would have been")
        return
    screen.say(f"the last {days} days")
    rows = [
        [
            one.what,
            short(one.reason),
            str(one.done),
            str(one.foreseen),
            money(one.worth) if one.worth else "",
        ]
        for one in lines
    ]
    screen.table(_COLUMNS, rows)


def _rows(lines: "list[Line]") -> list[dict[str, Any]]:
    return [line._asdict() for line in lines]
