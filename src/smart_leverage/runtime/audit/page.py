"""The audit as one HTML file that can be shared: no network, readable and printable anywhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.sentences import money, percent, plain, sentence, short
from smart_leverage.reports.citing import clipped, counted
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.html.frame import rendered_page
from smart_leverage.reports.html.parts import Cell, Head, Table, left_out
from smart_leverage.research.verify.words import share
from smart_leverage.runtime.audit import policy_words, words
from smart_leverage.runtime.audit.auditing import LARGEST, Audit, Explained, Replay
from smart_leverage.runtime.audit.axis import Axis, axis_of
from smart_leverage.runtime.audit.exposure_pictures import exposure_chart
from smart_leverage.runtime.audit.figures import figures
from smart_leverage.runtime.audit.money_pictures import equity_chart, money_table
from smart_leverage.runtime.audit.unknown import unknown
from smart_leverage.runtime.counterfactual import SKIPPED, Count
from smart_leverage.runtime.replay_told import NO_SHORT

TILES = 6
"""So many figures stand at the top; all stand in the table below."""

TRADES = ("trades_net", "win_rate", "win_rate_low", "win_rate_high", "payoff", "breakeven",
          "evidence", "counter", "sharpe", "psr", "days_needed", "month_mean")  # fmt: skip
AIMS = ("sharpe_needed", "win_rate_needed", "joint_12_held", "joint_12", "month", "most")
WORDS = {"approved": "let pass", "cut": "shrunk", "denied": "denied", SKIPPED: "not offered"}
FILES_MAX = 40


class Fact(NamedTuple):
    """One line of what was audited; `is_code` is set in a fixed pitch."""

    name: str
    text: str
    is_code: bool = False


def write_page(of: Audit, to: Path, *, command: str = "") -> Path:
    """Write the page and return where it is.

    Args:
        of: The audit.
        to: The file; its folder is made, and it is replaced as a whole.
        command: The command line, for whoever wants to repeat it.

    Raises:
        OSError: The file cannot be written.
    """
    text = rendered_page("audit.html.j2", content(of, command=command))
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(to)
    return to


def content(of: Audit, *, command: str = "") -> dict[str, Any]:
    """Return everything that the template shows."""
    axis, every = axis_of(of), figures(of)
    chosen = {figure.code: figure for figure in every}
    return {
        "title": "audit of a past",
        "zone": axis.zone.name,
        "start_s": axis.start_ns // SECOND_NS,
        "end_s": axis.end_ns // SECOND_NS,
        "eyebrow": _eyebrow(of, axis),
        "verdict": words.verdict(of),
        "happened": words.happened(of),
        "tiles": _some(chosen, _tiles(of))[:TILES],
        "equity": equity_chart(of, axis),
        "skill": words.skill(of),
        "skill_figures": _some(chosen, TRADES),
        "goal": words.goal(of),
        "goal_figures": _some(chosen, AIMS),
        "unknown": list(unknown(of)),
        "figures_all": every,
        "facts": list(_facts(of, axis, command)),
        "files": files_table(of),
        **_policy(of, axis),
    }


def _policy(of: Audit, axis: Axis) -> dict[str, Any]:
    """Return what the part on the policy shows; nothing where there is no replay."""
    replay = of.replay
    if replay is None:
        return {"replay": None, "why_not": of.why_not}
    said = (
        policy_words.sales(replay),
        policy_words.halted(replay),
        policy_words.kept_from_selling(replay),
    )
    return {
        "replay": replay,
        "exposure": exposure_chart(replay, axis),
        "said": [each for each in said if each],
        "difference": policy_words.difference(replay),
        "counts": counts_table(replay, axis),
        "largest": largest_table(replay, axis),
        "money": money_table(of),
    }


def _tiles(of: Audit) -> tuple[str, ...]:
    """Return which figures stand at the top: the cap that was passed furthest is among them."""
    group = None if of.replay is None else policy_words.worst_group(of.replay)
    most = () if group is None else (f"{group}_most",)
    return ("return", "denied", *most, "equity_difference", "win_rate", "joint_12", "psr")


def _some(chosen: dict[str, Figure], codes: Sequence[str]) -> list[Figure]:
    return [chosen[code] for code in codes if code in chosen]


def _eyebrow(of: Audit, axis: Axis) -> str:
    first, last = of.span
    days = f"{axis.zone.date(first)} to {axis.zone.date(last)}"
    return f"{days} · policy {clipped(of.asked.policy, 40)}"


# -- tables ---------------------------------------------------------------------------------------


def counts_table(replay: Replay, axis: Axis) -> Table:
    """Return how many orders of each verdict, side and reason there were, the most first."""
    counts = replay.compared.counts
    most = max((each.orders for each in counts), default=1)
    times = [each.offer.at_ns for each in replay.compared.lines]
    return Table(
        caption="Orders by what would have become of them",
        heads=[
            Head("verdict"),
            Head("side"),
            Head("why", wraps=True),
            Head("orders"),
            Head("asked", is_number=True),
            Head("let pass", is_number=True),
        ],
        rows=[_count(each, most) for each in counts],
        source=f"{counted(len(replay.compared.lines), 'order')} with a price, "
        f"{axis.zone.date(min(times))} to {axis.zone.date(max(times))}",
    )


def _count(count: Count, most: int) -> list[Cell | str]:
    why = "" if count.reason == "none" else short(count.reason)
    return [
        WORDS.get(count.verdict, clipped(count.verdict, 24)),
        count.side,
        NO_SHORT if count.verdict == SKIPPED else clipped(why, 60),
        Cell(f"{count.orders:,}", "bar", count.orders / most * 100.0),
        money(count.asked, 0),
        money(count.given, 0),
    ]


def largest_table(replay: Replay, axis: Axis) -> Table:
    """Return the largest denied orders, each with the sentence and the sum of its reason."""
    shown = [*replay.largest]
    return Table(
        caption=f"The {LARGEST} largest denied orders, purchases first",
        heads=[
            Head("when"),
            Head("order"),
            Head("worth", is_number=True),
            Head("why", wraps=True),
            Head("the sum", wraps=True),
            Head("decision"),
        ],
        rows=[_explained(each, axis) for each in shown],
        empty="nothing would have been denied",
        more=left_out(len(shown), len(replay.denied), "the largest ones are shown"),
        note="smart-leverage explain DECISION --ledger FOLDER tells each to the value that bound "
        "it.",
    )


def _explained(one: Explained, axis: Axis) -> list[Cell | str]:
    line, offer = one.line, one.line.offer
    symbol = offer.key.partition(":")[2]
    is_sale = offer.side.value == "sell"
    steps = "; ".join(f"{label} {value} = {how}" for label, value, how in one.steps[-1:])
    return [
        axis.zone.text(offer.at_ns),
        f"{offer.side.value} {plain(offer.qty)} {clipped(symbol, 24)}",
        money(line.asked_money, 0),
        clipped(sentence(line.reason, line.unit, line.bound, line.would_be, is_sale=is_sale), 160),
        clipped(steps, 200),
        clipped(line.decision_id, 24),
    ]


def files_table(of: Audit) -> Table:
    """Return the files that were read."""
    files = of.gathered.files
    return Table(
        caption="Files that were read",
        heads=[
            Head("file"),
            Head("form", wraps=True),
            Head("rows", is_number=True),
            Head("SHA-256"),
        ],
        rows=[
            [
                clipped(each.name, 60),
                clipped(each.form, 60),
                f"{each.rows:,}",
                Cell(clipped(each.sha256, 64), "hash"),
            ]
            for each in files[:FILES_MAX]
        ],
        more=left_out(min(len(files), FILES_MAX), len(files), "the first ones are shown"),
    )


def _facts(of: Audit, axis: Axis, command: str) -> Iterator[Fact]:
    first, last = of.span
    found = of.gathered
    yield Fact("period", f"{axis.zone.text(first)} to {axis.zone.text(last)} {axis.zone.name}")
    yield Fact("equity at first", of.asked.equity_from)
    yield Fact("policy", clipped(of.asked.policy, 120))
    yield Fact(
        "trades",
        f"{counted(found.sums.trips, 'round trip')}: {found.sums.wins:,} won, "
        f"{found.sums.losses:,} lost, {found.sums.scratches:,} neither; "
        f"{money(found.sums.net)} after {money(found.sums.fees)} fees",
    )
    if of.replay is not None:
        orders = of.replay.log.orders
        filled = sum(each.fill is not None for each in orders)
        yield Fact("orders", f"{counted(len(orders), 'order')}, {filled:,} filled in truth")
        governed = of.replay.compared.governed.replayed
        yield Fact("tier", f"{' → '.join(governed.tiers)}; at the end {governed.state}")
    if of.days.luck is not None and of.days.luck.ranges is not None:
        growth = of.days.luck.ranges.growth
        yield Fact(
            "growth, resampled",
            f"{percent(growth.value, 1)}; 90 % of resampled histories between "
            f"{share(growth.lower)} and {share(growth.upper)}",
        )
    if command:
        yield Fact("command", clipped(command, 400), is_code=True)
