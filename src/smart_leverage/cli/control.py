"""What an operator may order: toward safety at once, away from it with a token and a reason."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.runtime.control import Answer, Request

DENIED = 5


class Group(StrEnum):
    """What can be sold out while the rest trades on."""

    CRYPTO = "crypto"
    LEVERAGED = "leveraged"


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
    order(screen, "halt", reason, ledger)


@command(
    'smart-leverage reduce --reason "over the weekend"',
    "smart-leverage reduce --ledger runs/live --json",
)
def reduce(screen: Screen, reason: Reason = "by hand", ledger: LedgerPath = None) -> None:
    """Let pass only what lowers exposure, until somebody resumes."""
    order(screen, "reduce", reason, ledger)


@command(
    'smart-leverage flatten --reason "closing the account"',
    'smart-leverage flatten --symbol BTC/USD --reason "bad news"',
)
def flatten(
    screen: Screen,
    symbol: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="Sell out this instrument only.")
    ] = None,
    group: Annotated[Group | None, typer.Option(help="Sell out this group only.")] = None,
    reason: Reason = "by hand",
    ledger: LedgerPath = None,
) -> None:
    """Halt, and sell everything; what a closed market holds goes at its opening.

    With --symbol or --group only that is sold out: its entries are cancelled and nothing of it is
    bought until all of it is sold, while the rest of the account trades on. It works in every
    trading state and needs no token.
    """
    if symbol is not None and group is not None:
        raise typer.BadParameter("name a symbol or a group, not both", param_hint="--group")
    part = group.value if group is not None else symbol
    if part is None:
        order(screen, "flatten", reason, ledger)
    else:
        order(screen, "close", reason, ledger, changes={"part": part})


@command(
    'smart-leverage rebalance --reason "inside before the news"',
    "smart-leverage rebalance --ledger runs/live --json",
)
def rebalance(screen: Screen, reason: Reason = "by hand", ledger: LedgerPath = None) -> None:
    """Sell down to inside every cap now, without waiting for the stages of a plan.

    What is above its cap goes to 0.98 of it; nothing is bought. A plan that is running is hastened.
    It works in every trading state and needs no token.
    """
    order(screen, "rebalance", reason, ledger)


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
    order(screen, "resume", reason, ledger, token=read_token(token_file))


def read_token(file: Path | None) -> str:
    """Return the admin token from a file, from stdin, or as typed unseen.

    Raises:
        BadParameter: The file cannot be read, or nobody is there to type.
    """
    import getpass
    import sys

    from smart_leverage.domain.redaction import redactor

    if file is not None:
        token = token_in(file)
        redactor.hide(token)
        return token
    if not sys.stdin.isatty():
        raise typer.BadParameter("name a file, or - for stdin", param_hint="--token-file")
    token = getpass.getpass("admin token: ")
    redactor.hide(token)
    return token


def token_in(file: Path) -> str:
    """Return the admin token that a file holds, - being stdin.

    Raises:
        BadParameter: It cannot be read.
    """
    import sys

    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot be read: {error}", param_hint="--token-file") from None


def order(
    screen: Screen,
    word: str,
    reason: str,
    ledger: Path | None,
    *,
    token: str = "",
    changes: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
) -> None:
    """Send a command to the process of an account, or carry it out where none runs, and tell.

    `more` is told as JSON besides.

    Raises:
        BrokerDown: Nobody answers, and it cannot be done without an answer.
        Exit: It was refused.
    """
    import getpass

    from smart_leverage.cli.places import ledger_path, run_folder
    from smart_leverage.domain.errors import BrokerDown
    from smart_leverage.engine.events import Command
    from smart_leverage.runtime.control import Request, ask

    path = ledger_path(ledger)
    request = Request(Command(word), getpass.getuser(), reason, token, changes or {})
    try:
        answer = ask(run_folder(path), request)
    except BrokerDown as error:
        answer = _at_rest(screen, path, request, error)
    _tell(screen, word, answer, more or {})


_NEEDS_A_PROCESS = frozenset({"resume", "flatten", "close", "rebalance", "enforce", "consent"})
"""What is carried out with the broker, or by the configuration, of a process that runs."""


def _at_rest(screen: Screen, path: Path, request: "Request", error: Exception) -> "Answer":
    """Carry out what can be carried out on an account of which no process answers."""
    from smart_leverage.domain.errors import BrokerDown, LedgerLocked
    from smart_leverage.engine.events import Command
    from smart_leverage.runtime.latch import HaltFile
    from smart_leverage.wiring import order_at_rest

    folder = path.parent
    if request.command in _NEEDS_A_PROCESS:
        raise BrokerDown(
            f"{error}; start it with `smart-leverage run --name {folder.name}` and ask again"
        )
    if request.command is Command.HALT:
        HaltFile(folder).set(request.who, request.reason)
    try:
        answer = order_at_rest(path, request)
    except LedgerLocked:
        raise BrokerDown(
            f"a process holds {path} and does not answer; what was asked may still be done when it "
            f"goes on; the halt file stands: {HaltFile(folder).is_set}"
        ) from error
    screen.note("no process runs this account; it starts in this state, cancels leave then")
    return answer


def _tell(screen: Screen, word: str, answer: "Answer", more: dict[str, Any]) -> None:
    from smart_leverage.domain.sentences import STATES
    from smart_leverage.policy.reasons import TradingState

    if screen.as_json:
        fields: dict[str, Any] = {
            "command": word,
            "result": answer.result.value,
            "state": answer.state,
            "ledger_seq": answer.seq,
            "lines": list(answer.lines),
            **more,
        }
        screen.record(fields)
    elif answer.result == "done":
        state = STATES[TradingState[answer.state.upper()]]
        sign = {"active": "●", "reducing": "▲"}.get(answer.state, "■")
        screen.say(f"{sign} {state.word}, event {answer.seq:,}, durable", f"  {state.line}")
        screen.say(*(f"  {line}" for line in answer.lines))
    else:
        screen.say(f"{answer.result.value}: {'; '.join(answer.lines) or 'no answer in time'}")
    if answer.result == "refused":
        raise typer.Exit(DENIED)
