"""Writes what was measured into docs/performance.md and its chart."""

import math
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

BEGIN, END = "<!-- figures: written by the benchmark -->", "<!-- end of figures -->"
OURS, PEER, BELOW = "#2f6f9f", "#b9c4cc", "#d8c9a3"
BARE = "bare loop"
"""It is ours, so it has no version."""

LEFT, WIDTH, ROW, TOP = 250, 470, 30, 46


class Line(NamedTuple):
    """A line of the table and a bar of the chart; `apart` is the final equity over ours, less 1."""

    name: str
    ns: float
    colour: str
    version: str = ""
    asset_bars: int = 0
    apart: float | None = None


def lines_of(figures: dict[str, Any]) -> list[Line]:
    """Return everything measured, the cheapest first."""
    ours = figures["ours"]
    made = [
        Line("this kernel, sweep", ours["sweep_ns"], OURS, asset_bars=int(ours["bars"])),
        Line("this kernel, one run", ours["single_ns"], OURS, asset_bars=int(ours["bars"])),
        Line(
            "this kernel, one run, recorded",
            ours["single_recorded_ns"],
            OURS,
            asset_bars=int(ours["bars"]),
        ),
    ]
    if figures["c_ns"] is not None:
        made.append(Line("plain C loop", figures["c_ns"], BELOW, asset_bars=int(ours["bars"])))
    for one in figures["peers"]:
        bars = one["asset_bars"] // one["accounts"]
        apart = one["final_equity"] / figures["ours_equity"][str(bars)] - 1.0
        version = "" if one["peer"] == BARE else one["version"]
        made.append(Line(one["peer"], one["ns"], PEER, version, bars, apart))
    return sorted(made, key=lambda line: line.ns)


def shown(ns: float) -> str:
    """Return a figure with as many digits as it deserves."""
    return f"{ns:,.1f}" if ns < 100.0 else f"{ns:,.0f}"


def table(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the generated part."""
    rounds = figures["rounds"]
    ours, single = figures["ours"], figures["single_ns"]
    sweep = max(figures["peers"], key=lambda one: one["accounts"])
    today = datetime.now(UTC).date().isoformat()
    system = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, shared"
    yield f"Measured on {today}: {system}, Python {platform.python_version()};"
    yield f"all took turns{f', medians of {rounds} rounds' if rounds > 1 else ''}. Our sweep is of"
    yield f"{figures['sets']} policies, vectorbt's of {sweep['accounts']}."
    yield ""
    yield "![CPU time per bar, logarithmic scale](images/performance.svg)"
    yield ""
    yield "| program | version | ns CPU per asset-bar | × one run of ours | asset-bars | equity |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for line in lines_of(figures):
        apart = "" if line.apart is None else f"{line.apart:+.3%}"
        yield (
            f"| {line.name} | {line.version} | {shown(line.ns)} | {line.ns / single:,.2f} "
            f"| {line.asset_bars:,} | {apart} |"
        )
    yield ""
    yield "`equity` is the final equity less that of our kernel on the same bars, as a share of it."
    yield ""
    yield "| our sweep | ns CPU per asset-bar | ns on the wall |"
    yield "| --- | ---: | ---: |"
    yield f"| 1 core | {shown(ours['sweep_ns'])} | {shown(ours['sweep_wall_ns'])} |"
    yield f"| 2 cores | {shown(ours['sweep_two_ns'])} | {shown(ours['sweep_two_wall_ns'])} |"
    yield ""
    yield "With nothing but tiers, sizing, caps and proof, and no costs, final equities differ from"
    apart = (
        f"{name} {value:+.1e}" for name, value in figures["apart"].items() if name != "ours_equity"
    )
    yield f"ours by: {', '.join(apart)}."
    yield ""
    yield "### What each cannot say"
    yield ""
    told = {one["peer"].split(",")[0]: one["cannot"] for one in figures["peers"]}
    common = set.intersection(*(set(each) for each in told.values()))
    first = next(iter(told.values()))
    yield f"None of them: {'; '.join(each for each in first if each in common)}."
    yield ""
    for name, cannot in told.items():
        own = [each for each in cannot if each not in common]
        yield f"- {name}: {'; '.join(own) if own else 'nothing beyond that'}."


def chart(figures: dict[str, Any]) -> str:
    """Return the bar chart as SVG, logarithmic."""
    made = lines_of(figures)
    low = math.floor(math.log10(made[0].ns))
    high = math.ceil(math.log10(made[-1].ns))
    foot = TOP + ROW * len(made)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d"',
        f'  viewBox="0 0 {LEFT + WIDTH + 90} {foot + 44}" font-family="system-ui, sans-serif">',
        '  <title id="t">CPU time per bar of one coin, nanoseconds, logarithmic</title>',
        f'  <desc id="d">{"; ".join(f"{line.name}: {shown(line.ns)} ns" for line in made)}</desc>',
        f'  <rect width="{LEFT + WIDTH + 90}" height="{foot + 44}" rx="8" fill="#f7f7f4"/>',
        '  <text x="20" y="26" font-size="14" fill="#14202b">ns CPU per asset-bar</text>',
    ]
    for power in range(low, high + 1):
        x = LEFT + WIDTH * (power - low) / (high - low)
        parts.append(
            f'  <line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{foot}" stroke="#dddcd6"/>'
        )
        parts.append(
            f'  <text x="{x:.1f}" y="{foot + 20}" font-size="12" text-anchor="middle" '
            f'fill="#444">{10**power:,}</text>'
        )
    for place, line in enumerate(made):
        y = TOP + ROW * place
        width = WIDTH * (math.log10(line.ns) - low) / (high - low)
        parts.append(
            f'  <text x="{LEFT - 10}" y="{y + 15}" font-size="13" text-anchor="end" '
            f'fill="#14202b">{escape(line.name)}</text>'
        )
        parts.append(
            f'  <rect x="{LEFT}" y="{y}" width="{width:.1f}" height="20" fill="{line.colour}"/>'
        )
        parts.append(
            f'  <text x="{LEFT + width + 6:.1f}" y="{y + 15}" font-size="12" '
            f'fill="#14202b">{shown(line.ns)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def write(figures: dict[str, Any], docs: Path) -> None:
    """Renew the generated part of the page, and the chart beside it."""
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    body = "\n".join(table(figures))
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}")
    (docs / "images" / "performance.svg").write_text(chart(figures))
