"""What a drill found, as rows for a screen, as plain fields for a program, and as one page."""

import json
import shlex
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from smart_leverage.domain.sentences import sentence, short
from smart_leverage.drill.attempt import Attempt, Refusal
from smart_leverage.drill.running import Result, Score, Verdict
from smart_leverage.ledger.files import FILE_MODE
from smart_leverage.reports.html.drill import Line, Page, drill_page

RECORD, REPORT = "drill.json", "drill.html"
SIGNS = {
    Verdict.STOPPED: "● STOPPED",
    Verdict.HARMLESS: "● HARMLESS",
    Verdict.NOT_STOPPED: "■ NOT STOPPED",
    Verdict.NOT_TRIED: "▲ NOT TRIED",
}
LEVELS = {
    Verdict.STOPPED: "ok",
    Verdict.HARMLESS: "ok",
    Verdict.NOT_STOPPED: "hit",
    Verdict.NOT_TRIED: "near",
}
_OTHERS_MAX = 3


class Told(NamedTuple):
    """A drill that is over.

    `control` is what became of the ordinary orders: where they do not pass, refusals prove nothing.
    """

    home: Path
    step: str
    seed: int
    config: Path | None
    control: Result
    results: tuple[Result, ...]

    @property
    def score(self) -> Score:
        """How many came to what."""
        return Score.of(self.results)

    @property
    def is_clean(self) -> bool:
        """Whether ordinary orders pass, everything was tried, and nothing got through."""
        return self.score.is_clean and passes(self.control)

    @property
    def foreseen(self) -> int:
        """Attempts of which the journal says that a higher step would have denied something."""
        return sum(bool(one.foreseen) for one in self.results)


def passes(control: Result) -> bool:
    """Whether the ordinary orders were carried out."""
    return control.verdict in (Verdict.STOPPED, Verdict.HARMLESS)


def why(result: Result) -> str:
    """Return what stopped an attempt, or what got through, in one line."""
    if result.wrongs:
        more = len(result.wrongs) - 1
        return f"{result.wrongs[0]}{f'; {more} more' if more else ''}"
    if result.shown is None:
        return "; ".join(result.notes) or "nothing was refused, and nothing wrong came of it"
    own, count = result.shown.limit, dict(result.limits)
    others = [f"{short(name)} ×{times}" for name, times in result.limits if name != own]
    also = f"; also {', '.join(others[:_OTHERS_MAX])}" if others else ""
    return f"{told(result.shown)} (×{count[own]}{also})"


def told(refusal: Refusal) -> str:
    """Return a refusal as a sentence: its limit, the bound and the value, where it has them."""
    if refusal.limit == "not_held":
        return refusal.told
    if not refusal.decision_id:
        return f"{refusal.limit}: {refusal.told}"
    reason = "reducing" if refusal.limit == "reduce_only" else refusal.limit
    try:
        bound, would_be = Decimal(refusal.bound), Decimal(refusal.would_be)
    except InvalidOperation:
        return refusal.told
    return sentence(reason, refusal.unit, bound, would_be)


def where(result: Result) -> str:
    """Return the account and the decision that explain a result."""
    name = result.shown.decision_id if result.shown else ""
    return f"{result.account.removeprefix('account-')} {name}".strip()


def replay(found: Told, attempt: Attempt) -> str:
    """Return the command that plays one attempt again."""
    words = ["smart-leverage", "drill", "--only", attempt.name, "--seed", str(found.seed)]
    words += ["--as", found.step]
    words += [] if found.config is None else ["--config", str(found.config)]
    return shlex.join(words)


def explain(found: Told, result: Result) -> str:
    """Return the command that explains the decision that is shown; empty where there is none."""
    if result.shown is None or not result.shown.decision_id:
        return ""
    place = shlex.quote(str(found.home / result.account))
    return f"smart-leverage explain {result.shown.decision_id} --ledger {place}"


def score_line(found: Told) -> str:
    """Return the score in words."""
    score = found.score
    parts = [f"{score.stopped} stopped", f"{score.harmless} harmless"]
    parts += [f"{score.not_stopped} NOT STOPPED"] if score.not_stopped else []
    parts += [f"{score.not_tried} not tried"] if score.not_tried else []
    return f"{score.stopped + score.harmless} of {score.tried} held: {', '.join(parts)}"


def ladder_lines(found: Told) -> list[str]:
    """Return what is to be said of the step of enforcement: nothing on the highest."""
    if found.step == "all":
        return []
    if found.step == "entries":
        return ["enforcement stands at entries: increases are denied, and the house sells nothing"]
    attempts = "attempt" if found.foreseen == 1 else "attempts"
    met = f"{found.foreseen} {attempts} met a limit that would have bound"
    return [
        f"enforcement stands at {found.step}: what a limit would deny is told, and not stopped",
        f"{met}; `smart-leverage drill --as all` shows what the whole rule does",
    ]


def fields(found: Told) -> dict[str, Any]:
    """Return all of it for a program."""
    return {
        "score": found.score._asdict(),
        "clean": found.is_clean,
        "enforcement": found.step,
        "seed": found.seed,
        "control": _result(found, found.control),
        "attempts": [_result(found, one) for one in found.results],
        "folder": str(found.home),
        "report": str(found.home / REPORT),
    }


def keep(found: Told) -> None:
    """Write record and page into the folder of the drill."""
    text = json.dumps(fields(found), ensure_ascii=False, indent=1)
    for name, content in ((RECORD, text), (REPORT, _page(found))):
        file = found.home / name
        file.touch(FILE_MODE)
        file.write_text(content, encoding="utf-8")


def _result(found: Told, one: Result) -> dict[str, Any]:
    shown = one.shown
    return {
        "name": one.attempt.name,
        "what": one.attempt.what,
        "verdict": one.verdict.value.replace(" ", "_"),
        "why": why(one),
        "wrong": list(one.wrongs),
        "notes": list(one.notes),
        "limits": [{"limit": limit, "count": count} for limit, count in one.limits],
        "limit": shown.limit if shown else "",
        "bound": shown.bound if shown else "",
        "would_be": shown.would_be if shown else "",
        "decision_id": shown.decision_id if shown else "",
        "carried_out": one.taken,
        "foreseen": one.foreseen,
        "ledger": str(found.home / one.account / "ledger.sqlite") if one.account else "",
        "explain": explain(found, one),
        "replay": replay(found, one.attempt),
        "seconds": one.seconds,
    }


def _page(found: Told) -> str:
    lines = [
        Line(
            name=one.attempt.name,
            what=one.attempt.what,
            verdict=one.verdict.value,
            level=LEVELS[one.verdict],
            why=why(one),
            notes="; ".join((*one.wrongs[1:], *(one.notes if one.shown or one.wrongs else ()))),
            explain=explain(found, one),
            replay=replay(found, one.attempt),
            seconds=f"{one.seconds:.1f}",
        )
        for one in found.results
    ]
    head = "Nothing got through" if found.is_clean else "Not everything was stopped"
    if not passes(found.control):
        head = "Ordinary orders do not pass, so refusals prove nothing"
    return drill_page(
        Page(head=head, score=score_line(found), ladder=" ".join(ladder_lines(found)), lines=lines)
    )


def first_wrong(results: Sequence[Result]) -> list[Result]:
    """Return the results that need a look, as they were played."""
    return [one for one in results if LEVELS[one.verdict] != "ok"]
