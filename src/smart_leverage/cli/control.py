"""What an operator may order: toward safety at once, away from it with a token and a reason."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.engine.events import Command
    from smart_leverage.runtime.control import Answer

DENIED = 5

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="The admin token, - for stdin.  [default: asked for]"
    ),
]


@command('smart-leverage halt --reason "exchange outage"', "smart-leverage halt --ledger runs/live")
def halt(screen: Screen, reason: Reason = "by hand", ledger: LedgerPath = None) -> None:
    """Deny everything that adds exposure, and cancel what would; exits and stops stay.

    It works on an account that runs, that stands still, and that hangs: a file named HALT in its
    folder holds up every increase, also after a restart. Only `resume` takes it away.
    """
    _order(screen, "halt", reason, ledger)


@command(
    'smart-leverage reduce --reason "over the weekend"',
    "smart-leverage reduce --ledger runs/live --json",
)
def reduce(screen: Screen, reason: Reason = "by hand", ledger: LedgerPath = None) -> None:
    """Let pass only what lowers exposure, until somebody resumes."""
    _order(screen, "reduce", reason, ledger)


@command(
    'smart-leverage flatten --reason "closing the account"',
    "smart-leverage flatten --ledger runs/live",
)
def flatten(screen: Screen, reason: Reason = "by hand", ledger: LedgerPath = None) -> None:
    """Halt, and sell everything; what a closed market holds goes at its opening."""
    _order(screen, "flatten", reason, ledger)


@command(
    'smart-leverage resume --reason "outage over"',
    'smart-leverage resume --reason "limits reviewed" --token-file token.txt',
)
def resume(
    screen: Screen,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may go on.")],
    token_file: TokenFile = None,
    ledger: LedgerPath = None,
) -> None:
    """Lift a halt or a month trip; needs a reason and the admin token.

    Refused while the day is tripped, a plan is running, an outcome is unknown, books and broker
    differ, or the ledger cannot be written.
    """
    _order(screen, "resume", reason, ledger, token=read_token(token_file))


def read_token(file: Path | None) -> str:
    """Return the admin token from a file, from stdin, or as typed unseen.

    Raises:
        BadParameter: The file cannot be read, or nobody is there to type.
    """
    import getpass
    import sys

    if file is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter("name a file, or - for stdin", param_hint="--token-file")
        return getpass.getpass("admin token: ")
    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot be read: {error}", param_hint="--token-file") from None


def _order(screen: Screen, word: str, reason: str, ledger: Path | None, *, token: str = "") -> None:
    import getpass

    from smart_leverage.cli.places import ledger_path, run_folder
    from smart_leverage.domain.errors import BrokerDown
    from smart_leverage.engine.events import Command
    from smart_leverage.runtime.control import Request, ask

    path = ledger_path(ledger)
    folder, order = run_folder(path), Command(word)
    request = Request(order, getpass.getuser(), reason, token)
    try:
        answer = ask(folder, request)
    except BrokerDown as error:
        answer = _at_rest(screen, path, order, request.who, reason, error)
    _tell(screen, order, answer)


def _at_rest(
    screen: Screen, path: Path, order: "Command", who: str, reason: str, error: Exception
) -> "Answer":
    """Carry out what can be carried out on an account of which no process answers."""
    from smart_leverage.domain.errors import BrokerDown, LedgerLocked
    from smart_leverage.engine.events import Command
    from smart_leverage.runtime.latch import HaltFile
    from smart_leverage.wiring import order_at_rest

    folder = path.parent
    if order in (Command.RESUME, Command.FLATTEN):
        raise BrokerDown(
            f"{error}; start it with `smart-leverage run --name {folder.name}` and ask again"
        )
    if order is Command.HALT:
        HaltFile(folder).set(who, reason)
    try:
        answer = order_at_rest(path, order, who, reason)
    except LedgerLocked:
        raise BrokerDown(
            f"a process holds {path} and does not answer; the halt file stands: "
            f"{HaltFile(folder).is_set}"
        ) from error
    screen.note("no process runs this account; it starts in this state, cancels leave then")
    return answer


def _tell(screen: Screen, order: "Command", answer: "Answer") -> None:
    from smart_leverage.domain.sentences import STATES
    from smart_leverage.policy.reasons import TradingState

    if screen.as_json:
        fields: dict[str, Any] = {
            "command": order.value,
            "result": answer.result.value,
            "state": answer.state,
            "ledger_seq": answer.seq,
            "lines": list(answer.lines),
        }
        screen.record(fields)
    elif answer.result == "done":
        word = STATES[TradingState[answer.state.upper()]]
        sign = {"active": "●", "reducing": "▲"}.get(answer.state, "■")
        screen.say(f"{sign} {word.word}, event {answer.seq:,}, durable", f"  {word.line}")
        screen.say(*(f"  {line}" for line in answer.lines))
    else:
        screen.say(f"{answer.result.value}: {'; '.join(answer.lines) or 'no answer in time'}")
    if answer.result == "refused":
        raise typer.Exit(DENIED)
