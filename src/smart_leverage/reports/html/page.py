"""Puts the page together: everything the template shows, in the order in which it shows it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.records import Adopted
from smart_leverage.domain.sentences import money
from smart_leverage.domain.stamps import span
from smart_leverage.reports.citing import clipped, counted
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.html import denial_tables, protection_tables, run_tables
from smart_leverage.reports.html.exposure_charts import exposure_chart
from smart_leverage.reports.html.frame import rendered_page
from smart_leverage.reports.html.knowing import limits
from smart_leverage.reports.html.money_charts import equity_chart
from smart_leverage.reports.html.months import month_maps
from smart_leverage.reports.html.scene import Scene
from smart_leverage.reports.html.target import target_table
from smart_leverage.reports.html.timeline import timeline_chart
from smart_leverage.reports.html.trade_charts import best_and_worst, trades_charts
from smart_leverage.reports.html.verdict import headline, ribbon, sentences
from smart_leverage.reports.island import ISLAND_ID, encoded, island_of

TILES = ("return", "max_drawdown", "win_rate", "exposure_mean", "near_cap", "denied")
"""Figures that stand at the top; all stand in the table below."""


class Fact(NamedTuple):
    """One line of what was run; `is_code` is set in a fixed pitch."""

    name: str
    text: str
    is_code: bool = False


def rendered(scene: Scene, *, command: str) -> str:
    """Return the whole page."""
    figures = scene.figures
    island = encoded(island_of(scene.story, figures, command=command, data=scene.data))
    return rendered_page(
        "report.html.j2",
        {
            "title": f"{clipped(scene.story.account.account, 64)}: report",
            "island": Markup(island),  # noqa: S704 - every sign that could end it is escaped
            "island_id": ISLAND_ID,
            "zone": scene.zone.name,
            "start_s": scene.start_ns // SECOND_NS,
            "end_s": scene.end_ns // SECOND_NS,
            "ribbon": ribbon(scene),
            "headline": headline(scene),
            "sentences": sentences(scene),
            "tiles": [figure for code in TILES for figure in figures if figure.code == code],
            **_content(scene, figures, command),
        },
    )


def _content(scene: Scene, figures: Sequence[Figure], command: str) -> dict[str, Any]:
    story = scene.story
    return {
        "facts": list(_facts(scene, command)),
        "data": run_tables.data_table(scene),
        "figures": figures,
        "equity": equity_chart(scene),
        "falls": run_tables.falls_table(scene),
        "flows": run_tables.flows_table(scene) if story.flows else None,
        "exposure": exposure_chart(scene),
        "timeline": timeline_chart(scene),
        "months": month_maps(scene),
        "target": target_table(scene),
        "verdicts": denial_tables.verdicts_table(scene),
        "reasons": denial_tables.reasons_table(scene),
        "bots": denial_tables.bots_table(scene),
        "largest": denial_tables.largest_table(scene),
        "trade_charts": trades_charts(scene),
        "extremes": best_and_worst(scene),
        "plans": protection_tables.plans_table(scene),
        "breakers": protection_tables.breakers_table(scene),
        "locks": protection_tables.locks_table(scene),
        "resumes": protection_tables.resumes_table(scene) if story.resumes else None,
        "stops": protection_tables.stops_table(scene),
        "unprotected": protection_tables.unprotected_table(scene),
        "limits": limits(scene.story.account.mode),
        "commands": _commands(scene, command),
    }


def _facts(scene: Scene, command: str) -> Iterator[Fact]:
    story, account, zone = scene.story, scene.story.account, scene.zone
    lasted = span(scene.end_ns - scene.start_ns)
    yield Fact("period", f"{zone.text(scene.start_ns)} to {zone.text(scene.end_ns)} ({lasted})")
    yield Fact("time zone", f"{zone.name}, in which risk days and months begin")
    yield Fact("account", f"{clipped(account.account, 64)}, {clipped(account.mode.upper(), 16)}")
    adopted = counted(len(story.adopted), "adopted holding")
    opening = f"{money(story.opening_equity)}: cash {money(account.cash)}, {adopted}"
    yield Fact("opening equity", opening if story.places.get(Adopted) else money(account.cash))
    yield Fact("instruments", counted(len(story.instruments), "listed instrument"))
    yield Fact("policy", f"preset {clipped(account.preset, 40)}")
    yield Fact("policy hash", clipped(account.policy_hash, 80), is_code=True)
    yield Fact("enforcement", clipped(account.enforcement, 40))
    yield Fact("program", f"smart-leverage {clipped(account.version, 40)}")
    yield Fact("ledger", f"{counted(story.seq, 'event')}, the last one has the hash below")
    yield Fact("head hash", story.head.hex(), is_code=True)
    if command:
        yield Fact("command", clipped(command, 400), is_code=True)


def _commands(scene: Scene, command: str) -> list[tuple[str, str]]:
    """Return what repeats and proves this report, each with what it does."""
    found = [
        ("smart-leverage ledger verify LEDGER", "proves the ledger: hash chain and projections"),
        (
            "smart-leverage report --ledger LEDGER --check FILE",
            "compares this file with the ledger",
        ),
        ("smart-leverage report --ledger LEDGER --out FILE", "writes the report again"),
        ("smart-leverage explain EVENT --ledger LEDGER", "explains one decision to the value"),
    ]
    return [(clipped(command, 400), "made the run"), *found] if command else found
