"""Tells what `tiers.py` measured: on the screen, in docs/concepts/flapping.md, and as a picture."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: written by the benchmark -->", "<!-- end of figures -->"
LEFT, WIDTH, TOP, PANEL, GAP = 92, 690, 54, 84, 44
TIERS = {1: "learning", 2: "stable", 3: "profitable"}
DRAWN = {"last 20": "#b5562f", "last 100": "#b98a2f", "evidence": "#2f6f9f"}
DESERVED = "#cfd8c9"


def show(found: dict[str, Any]) -> None:
    """Print the tables for people at a terminal."""
    print(f"{'rate':>5} {'rule':<9} changes/100  above  below  a year: changes  days above")
    for line in found["table"]:
        print(
            f"{line['rate']:5.2f} {line['rule']:<9}{line['changes_per_100']:12.2f}"
            f"{line['above']:7.1%}{line['below']:7.1%}{line['changes_a_year']:16.1f}"
            f"{line['days_above_a_year']:12.0f}"
            f"   edge lost {line['edge_lost']:,} brought {line['brought']:+,}"
            f" forgone {line['forgone']:,}"
        )
    for name, key in (("fall", "edge_lost"), ("rise", "forgone")):
        print(f"\nafter a {name} of skill, trades until it shows in the top tier")
        for line in found[name]:
            print(
                f"{line['rule']:<9} median {line['median']:4.0f}, slowest tenth"
                f" {line['slowest_tenth']:4.0f}, {key.replace('_', ' ')} {line[key]:,}"
            )


def by_rate(found: dict[str, Any]) -> dict[float, dict[str, dict[str, Any]]]:
    """Return the lines of the table by rate, then by rule."""
    lines: dict[float, dict[str, dict[str, Any]]] = {}
    for line in found["table"]:
        lines.setdefault(line["rate"], {})[line["rule"]] = line
    return lines


def rows(found: dict[str, Any], cell: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    """Yield a Markdown table with a row for each rate and a column for each rule."""
    lines = by_rate(found)
    rules = list(next(iter(lines.values())))
    heads = [name if name == "evidence" else f"{name} trades" for name in rules]
    yield f"| true win rate | deserves | {' | '.join(heads)} |"
    yield f"| --- | --- |{' ---: |' * len(rules)}"
    for rate, line in lines.items():
        cells = " | ".join(cell(line[name]) for name in rules)
        yield f"| {rate:.2f} | {line[rules[0]]['deserved']} | {cells} |"
    yield ""


def shares(line: dict[str, Any]) -> str:
    """Return how often a tier changes, and how much of the time it is too high or too low."""
    return f"{line['changes_per_100']:.1f} · {percent(line['above'])} · {percent(line['below'])}"


def percent(share: float, digits: int = 0) -> str:
    """Return a share as people read it."""
    return f"{100.0 * share:.{digits}f} %"


def a_year(line: dict[str, Any]) -> str:
    """Return changes a year, and days of it above what is deserved."""
    return f"{line['changes_a_year']:.1f} · {line['days_above_a_year']:.0f}"


def money(line: dict[str, Any]) -> str:
    """Return the edge lost on what was not deserved, what that brought, and what was forgone."""
    return " · ".join(whole(line[key]) for key in ("edge_lost", "brought", "forgone"))


def whole(amount: int) -> str:
    """Return an amount with a proper minus."""
    return f"{amount:,}".replace("-", "−")


def body(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the generated part."""
    errors = [
        max(line[f"{key}_error"] for line in found["table"])
        for key in ("changes_per_100", "above", "below")
    ]
    yield f"{found['accounts']:,} accounts for each rate, 300 trades each after 200 that are not"
    yield "counted. In each cell: changes of the tier per 100 trades, share of the time above the"
    yield f"deserved tier, share below it. Standard errors are at most {errors[0]:.2f} changes and"
    yield f"{percent(max(errors[1:]), 1)} of the time."
    yield ""
    yield from rows(found, shares)
    yield f"At {found['trades_a_year']} trades a year: changes of the tier a year, and days of it"
    yield "in a tier that is not deserved."
    yield ""
    yield from rows(found, a_year)
    yield f"Money a year, for an account of {found['equity']:,.0f} whose trades win or lose"
    yield f"{percent(found['move'])} of the position: edge lost, what the excess brought, what was"
    yield "forgone."
    yield ""
    yield from rows(found, money)
    yield "An account in the top tier whose win rate falls from 0.68 to 0.45: trades until it"
    yield "leaves the tier, and the edge lost in the 500 trades after the fall."
    yield ""
    yield from noticed(found["fall"], "edge_lost")
    yield "An account below the top tier whose win rate rises from 0.55 to 0.68: trades until it"
    yield "reaches the tier, and what is forgone in the 500 trades after the rise."
    yield ""
    yield from noticed(found["rise"], "forgone")


def noticed(lines: list[dict[str, Any]], key: str) -> Iterator[str]:
    """Yield the table of how long each rule takes to notice, and the money `key` of 500 trades."""
    yield f"| rule | median trades | slowest tenth, from | {key.replace('_', ' ')} |"
    yield "| --- | ---: | ---: | ---: |"
    for line in lines:
        name = line["rule"] if line["rule"] == "evidence" else f"{line['rule']} trades"
        yield (
            f"| {name} | {line['median']:.0f} | {line['slowest_tenth']:.0f} | {whole(line[key])} |"
        )
    yield ""


def chart(path: dict[str, Any]) -> str:
    """Return the tiers of one account by three rules, as SVG."""
    height = TOP + len(DRAWN) * (PANEL + GAP) - 20
    told = "; ".join(f"{name}: {changes(path['tiers'][name])} changes" for name in DRAWN)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d"',
        f'  viewBox="0 0 {LEFT + WIDTH + 28} {height}" font-family="system-ui, sans-serif">',
        '  <title id="t">Tiers of one account over 900 trades, by three rules</title>',
        f'  <desc id="d">{told}</desc>',
        f'  <rect width="{LEFT + WIDTH + 28}" height="{height}" rx="8" fill="#f7f7f4"/>',
        *skills(path["rates"]),
    ]
    for place, (name, colour) in enumerate(DRAWN.items()):
        top = TOP + place * (PANEL + GAP)
        parts += panel(name, path["tiers"][name], path["deserved"], top, colour)
    return "\n".join([*parts, "</svg>", ""])


def skills(rates: list[float]) -> Iterator[str]:
    """Yield the true rates above the stretches in which they hold."""
    starts = [n for n, rate in enumerate(rates) if n == 0 or rate != rates[n - 1]]
    for start in starts:
        x = LEFT + WIDTH * start / len(rates)
        yield (
            f'  <text x="{x:.1f}" y="24" font-size="13" fill="#14202b">'
            f"true win rate {rates[start]:.2f}</text>"
        )


def panel(name: str, tiers: list[int], deserved: list[int], top: int, colour: str) -> Iterator[str]:
    """Yield the lines of one rule: names of tiers, what is deserved, what was earned."""
    words = name if name == "evidence" else f"win rate of the {name} trades"
    label = f"{words}: {changes(tiers)} changes"
    yield f'  <text x="{LEFT}" y="{top - 8}" font-size="12" fill="{colour}">{label}</text>'
    for tier, word in TIERS.items():
        yield (
            f'  <text x="{LEFT - 10}" y="{level(tier, top) + 4:.1f}" font-size="12" '
            f'text-anchor="end" fill="#444">{word}</text>'
        )
    yield f'  <path d="{steps(deserved, top)}" fill="none" stroke="{DESERVED}" stroke-width="12"/>'
    yield f'  <path d="{steps(tiers, top)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def level(tier: int, top: int) -> float:
    """Return how far down a tier is drawn."""
    return top + PANEL * (3 - tier) / 2.0 + 4.0


def steps(tiers: list[int], top: int) -> str:
    """Return a path that moves where the tier does."""
    moves = (
        f"H{LEFT + WIDTH * n / len(tiers):.1f}V{level(tier, top):.1f}"
        for n, (before, tier) in enumerate(pairwise(tiers), 1)
        if tier != before
    )
    return "".join([f"M{LEFT} {level(tiers[0], top):.1f}", *moves, f"H{LEFT + WIDTH}"])


def changes(tiers: list[int]) -> int:
    """Return how often a tier differs from the one before."""
    return sum(a != b for a, b in pairwise(tiers))


def page_of(text: str, found: dict[str, Any]) -> str:
    """Return a page with its generated part renewed."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n" + "\n".join(body(found)) + f"\n{END}{after}"


def write(found: dict[str, Any], path: dict[str, Any], docs: Path) -> None:
    """Renew the generated part of the page, and its picture."""
    page = docs / "concepts" / "flapping.md"
    page.write_text(page_of(page.read_text(), found))
    (docs / "images" / "tiers.svg").write_text(chart(path))
