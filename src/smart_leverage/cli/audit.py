"""What a past was worth, on one page: the policy, skill or luck, the target, what is not known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.audited import Beginning, audit_of, read_past
from smart_leverage.cli.importing import Columns, Quotes, Strategy, asked_of
from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.runtime.audit.auditing import Audit, Replay

PAGE = "audit.html"
STDOUT = Path("-")


@command(
    "smart-leverage audit orders.csv --equity 91087.52 --coins 24013",
    "smart-leverage audit activities.json history.json --out audit.html --json audit.json",
)
def audit(
    screen: Screen,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="As `ledger import` reads them.")
    ],
    begins: Beginning,
    monthly: Annotated[str, typer.Option(metavar="FRACTION", help="Target of a month.")] = "0.05",
    drawdown: Annotated[str, typer.Option(metavar="FRACTION", help="Never reached.")] = "0.08",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page.  [default: audit.html in the run's folder]"),
    ] = None,
    json_to: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="The same figures as JSON; - for stdout."),
    ] = None,
    quote: Quotes = None,
    column: Columns = None,
    strategy: Strategy = "",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its folder is runs/NAME.  [default: a time]")
    ] = None,
) -> None:
    """Audit a past: one page on the policy, skill or luck, and the target. No account is needed.

    Files: Alpaca's account activities and portfolio history, freqtrade's trades or backtest (JSON,
    ZIP), tables (CSV) of executions, round trips or orders. The page is a single file that needs no
    network. It says what the policy would have denied, shrunk and sold, how much of the result is
    luck, how likely 5 % a month below 8 % drawdown is on this record, and what is not known.
    Symbols that no table knows count as the strictest of their class.
    """
    from smart_leverage.cli.lacking import statistics

    target = _target(monthly, drawdown)
    _refuse(files, out, "--out")
    _refuse(files, json_to, "--json")
    asked = asked_of(quote, column, strategy, counts_unknown=True)
    screen.note("reading")
    past = read_past(files, asked)
    with statistics("audit"):
        from smart_leverage.runtime.audit.page import write_page

        of, folder = audit_of(screen, past, begins, target, asked, name)
    screen.note("the page")
    page = out or folder / PAGE
    with _writing(page, "--out"):
        write_page(of, page, command=_command())
    if json_to is not None:
        with _writing(json_to, "--json"):
            _write_json(screen, of, page, folder, json_to)
    if json_to != STDOUT:
        _tell(screen, of, page, folder)


def _refuse(files: Sequence[Path], to: Path | None, name: str) -> None:
    """Refuse to write where something else lies that must stay: a folder, or a file of the past."""
    if to is None or to == STDOUT:
        return
    if to.is_dir() or to.resolve() in {file.resolve() for file in files}:
        what = "a folder" if to.is_dir() else "a file of the past"
        raise typer.BadParameter(f"{to} is {what}; name the file to be written", param_hint=name)


@contextmanager
def _writing(to: Path, name: str) -> Iterator[None]:
    from smart_leverage.domain.errors import BadData

    try:
        yield
    except OSError as error:
        fault = f"cannot be written: {error.strerror or error}"
        raise BadData(fault, file=to, fix=f"name another file with {name}") from None


def _command() -> str:
    import shlex
    import sys

    return shlex.join(["smart-leverage", *sys.argv[1:]])


def _target(monthly: str, drawdown: str) -> tuple[float, float]:
    from smart_leverage.cli.amounts import fraction

    month, fall = fraction(monthly, "--monthly"), fraction(drawdown, "--drawdown")
    if fall == 1:
        raise typer.BadParameter("1 is all of it; write 0.08 for 8 %", param_hint="--drawdown")
    return float(month), float(fall)


# -- telling --------------------------------------------------------------------------------------

_FIGURES = (Column("figure"), Column("value"), Column("counted over"))
_SHOWN = ("crypto_most", "crypto_most_governed", "gross_most", "gross_most_governed", "trades_net",
          "win_rate", "win_rate_low", "win_rate_high", "payoff", "breakeven", "psr", "days_needed",
          "win_rate_needed", "joint_12_held", "joint_12", "most")  # fmt: skip
"""The page and the JSON have all of them."""

_COUNTS = (
    Column("verdict"),
    Column("side"),
    Column("why"),
    Column("orders", is_number=True),
    Column("asked", is_number=True),
    Column("let pass", is_number=True),
)


def _tell(screen: Screen, of: "Audit", page: Path, folder: Path) -> None:
    from smart_leverage.reports.explain import printable
    from smart_leverage.runtime.audit import policy_words, words

    screen.say(printable(words.verdict(of)), "")
    screen.say(f"the account   {printable(words.happened(of))}")
    if of.replay is not None:
        screen.say(f"the policy    {policy_words.difference(of.replay)}")
        more = (policy_words.sales(of.replay), policy_words.halted(of.replay))
        screen.say(*(f"              {printable(each)}" for each in more if each), "")
        screen.table(_COUNTS, _counts(of.replay))
        screen.say("")
    else:
        screen.say(f"the policy    not known: {printable(of.why_not)}", "")
    screen.say(f"skill, luck   {words.skill(of)}")
    screen.say(f"the target    {words.goal(of)}", "")
    screen.table(_FIGURES, _figures(of))
    screen.say("", *map(printable, _tail(of, page, folder)))


def _counts(replay: "Replay") -> list[list[str]]:
    from smart_leverage.domain.sentences import money, short
    from smart_leverage.runtime.audit.page import WORDS

    return [
        [
            WORDS.get(each.verdict, each.verdict),
            each.side,
            "" if each.reason in ("", "none") else short(each.reason),
            f"{each.orders:,}",
            money(each.asked, 0),
            money(each.given, 0),
        ]
        for each in replay.compared.counts
    ]


def _figures(of: "Audit") -> list[list[str]]:
    from smart_leverage.runtime.audit.figures import figures

    return [[each.name, each.shown, each.basis] for each in figures(of) if each.code in _SHOWN]


def _tail(of: "Audit", page: Path, folder: Path) -> Iterator[str]:
    from smart_leverage.runtime.audit.unknown import unknown

    if of.asked.is_assumed:
        yield f"▲ equity at first: {of.asked.equity_from}; --equity says what it was"
    yield f"not known      {len([*unknown(of)])} things, each with its reason on the page"
    if of.replay is not None and of.replay.largest:
        first = of.replay.largest[0].line.decision_id
        yield f"why one was denied   smart-leverage explain {first} --ledger {folder}"
    yield f"the page             {page}"


def _write_json(screen: Screen, of: "Audit", page: Path, folder: Path, to: Path) -> None:
    """Write the figures as JSON, to a file or to stdout."""
    import json

    from smart_leverage.runtime.plain import plain

    fields = _fields(of, page, folder)
    if to == STDOUT:
        screen.record(fields)
        return
    text = json.dumps(plain(fields), ensure_ascii=False, allow_nan=False, indent=1)
    to.write_text(f"{text}\n", encoding="utf-8")


def _fields(of: "Audit", page: Path, folder: Path) -> dict[str, Any]:
    from smart_leverage.runtime.audit import words
    from smart_leverage.runtime.audit.figures import figures
    from smart_leverage.runtime.audit.unknown import unknown

    first_ns, last_ns = of.span
    return {
        "verdict": words.verdict(of),
        "account": words.happened(of),
        "skill": words.skill(of),
        "judged": str(words.judged(of)),
        "target": words.goal(of),
        "policy": of.asked.policy,
        "equity_from": of.asked.equity_from,
        "is_equity_assumed": of.asked.is_assumed,
        "first_ns": first_ns,
        "last_ns": last_ns,
        "figures": {each.code: each._asdict() for each in figures(of)},
        **_replay_fields(of),
        "unknown": list(unknown(of)),
        "files": list(of.gathered.files),
        "page": str(page),
        "run": folder.name,
    }


def _replay_fields(of: "Audit") -> dict[str, Any]:
    if of.replay is None:
        return {"counts": [], "sold": {}, "largest_denied": []}
    compared = of.replay.compared
    return {
        "counts": [each._asdict() for each in compared.counts],
        "sold": compared.governed.replayed.house,
        "largest_denied": [_denied(each) for each in of.replay.largest],
    }


def _denied(one: Any) -> dict[str, Any]:
    line = one.line
    return {
        "at_ns": line.offer.at_ns,
        "key": line.offer.key,
        "side": line.offer.side.value,
        "qty": line.offer.qty,
        "worth": line.asked_money,
        "reason": line.reason,
        "bound": line.bound,
        "would_be": line.would_be,
        "decision_id": line.decision_id,
        "sum": [f"{label} {value} = {how}" for label, value, how in one.steps],
    }
