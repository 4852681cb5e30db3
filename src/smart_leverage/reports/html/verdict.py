"""The first thing a reader sees: three sentences, and the ribbon as of the end."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.records import Marked
from smart_leverage.domain.sentences import STATES, TIERS, group_told, money, percent, short
from smart_leverage.domain.stamps import span
from smart_leverage.policy.reasons import TradingState
from smart_leverage.reports.citing import clipped, counted, events, signed, span_text
from smart_leverage.reports.html.scene import Scene
from smart_leverage.reports.measures import SYMBOL, Plan, plans, trips

_SHAPES = {"active": "●", "reducing": "▲"}
_REASONS = 3


class Gauge(NamedTuple):
    """One group at the end: exposure and cap, how much of the cap is used, sign and word."""

    name: str
    shown: str
    used: float | None
    sign: str
    css: str


class Ribbon(NamedTuple):
    """Mode, state with what it still allows, tier, equity and caps, as of the last entry."""

    account: str
    mode: str
    shape: str
    word: str
    line: str
    css: str
    tier: str
    equity: str
    change: str
    as_of: str
    source: str
    gauges: list[Gauge]


def headline(scene: Scene) -> str:
    """Return the shortest account of a run."""
    word = ribbon(scene).word
    if not scene.story.marks:
        return f"Never valued, ended {word}"
    return f"{signed(scene.curve.total)} in {span_text(scene.curve.span_days)}, ended {word}"


def sentences(scene: Scene) -> list[str]:
    """Return what happened, what was held back and why, and how it ended."""
    return [_happened(scene), _held_back(scene), _ended(scene)]


def _happened(scene: Scene) -> str:
    story, curve = scene.story, scene.curve
    start, end = scene.zone.date(scene.start_ns), scene.zone.date(scene.end_ns)
    when = f"From {start} to {end} ({span_text(curve.span_days)})"
    if not story.marks:
        return f"{when} the account was never valued, so what became of it is not known."
    first, last = (money(Decimal(repr(each))) for each in (curve.equities[0], curve.equities[-1]))
    flows = ", flows taken out" if story.flows else ""
    deepest = curve.deepest
    depth = (
        "it was never below a high"
        if deepest is None
        else (f"the deepest drawdown was {percent(deepest.depth)}")
    )
    return (
        f"{when} equity went from {first} to {last}, a return of {signed(curve.total)}{flows}; "
        f"{depth}."
    )


def _held_back(scene: Scene) -> str:
    asked = [each for each in scene.story.decisions if each.source != "house"]
    found = scene.denials
    cut = sum(each.verdict == "cut" for each in asked)
    if not asked:
        text = "Nothing was asked for, so nothing was held back"
    elif not found and not cut:
        text = f"All {counted(len(asked), 'order')} that bots asked for fitted inside the bounds"
    else:
        names = ", ".join(
            f"{clipped(short(line.name), 40)} {line.decisions:,}"
            for line in scene.by_reason[:_REASONS]
        )
        why = f" (most for: {names})" if names else ""
        text = (
            f"Of {counted(len(asked), 'order')} that bots asked for {len(found):,} "
            f"{'was' if len(found) == 1 else 'were'} denied{why} and {cut:,} cut"
        )
    return f"{text}; {_sold_down(scene)}."


def _sold_down(scene: Scene) -> str:
    done, moves = plans(scene.story), trips(scene.story)
    sold = "nothing had to be sold down"
    if done:
        sold = f"{counted(len(done), 'plan')} sold down{_largest(done)}"
        short = sum(each.status in ("partial", "failed") for each in done)
        sold += f", {short} fell short" if short else ""
    tripped = f"breakers tripped {counted(len(moves), 'time')}" if moves else "no breaker tripped"
    return f"{sold}, and {tripped}"


def _largest(done: list[Plan]) -> str:
    """Tell the largest sale of a group; one instrument's exposure is not in the journal."""
    groups = [each for each in done if each.group != SYMBOL]
    if not groups:
        return ""
    largest = max(groups, key=lambda each: each.first - each.last)
    took = "" if largest.end_ns is None else f" in {span(largest.end_ns - largest.start_ns)}"
    name = clipped(group_told(largest.group), 24)
    return (
        f", the largest took {name} from {percent(largest.first)} to {percent(largest.last)}{took}"
    )


def _ended(scene: Scene) -> str:
    ribbon_ = ribbon(scene)
    text = f"It ended {ribbon_.word} ({ribbon_.line}) in tier {ribbon_.tier}"
    crypto = ribbon_.gauges[0].shown if ribbon_.gauges else ""
    return f"{text}, with crypto at {crypto} allowed." if crypto else f"{text}."


def ribbon(scene: Scene) -> Ribbon:
    """Return the state of the account at its last entry."""
    story = scene.story
    name = scene.states[-1].name
    known = TradingState.__members__.get(name.upper())
    word = clipped(name.upper(), 24) if known is None else STATES[known].word
    line = "a state of a newer version" if known is None else STATES[known].line
    last = story.marks[-1] if story.marks else None
    marks = scene.places(Marked)
    return Ribbon(
        account=clipped(story.account.account, 64),
        mode=clipped(story.account.mode.upper(), 16),
        shape=_SHAPES.get(name, "■"),
        word=word,
        line=line,
        css=f"state-{name}" if name in _SHAPES else "state-halted",
        tier=TIERS.get(scene.tiers[-1].name, clipped(scene.tiers[-1].name, 24)),
        equity="not known" if last is None else money(last.equity),
        change="" if last is None else signed(scene.curve.total),
        as_of=scene.zone.text(scene.end_ns),
        source=f"event {story.seq:,}" + (f", mark at {events(marks[-1:])}" if marks else ""),
        gauges=[] if last is None else _gauges(scene),
    )


def _gauges(scene: Scene) -> list[Gauge]:
    found = []
    for group in scene.groups:
        if not group.times:
            continue
        exposure = group.exposures[-1]
        if not group.caps:
            found.append(Gauge(group.name, f"{percent(exposure)}, cap not known", None, "", ""))
            continue
        cap = group.caps[-1]
        used = exposure / cap if cap > 0.0 else (0.0 if exposure <= 0.0 else 1.0)
        sign, css = _sign(exposure, cap, used)
        shown = f"{percent(exposure)} of {percent(cap)}"
        found.append(Gauge(group.name, shown, min(max(used, 0.0), 1.0) * 100.0, sign, css))
    return found


def _sign(exposure: float, cap: float, used: float) -> tuple[str, str]:
    if exposure > cap:
        return "■ ABOVE", "hit"
    return ("▲ NEAR", "near") if used >= 0.9 else ("● OK", "ok")
