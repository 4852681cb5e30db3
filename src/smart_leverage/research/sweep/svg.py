"""Parts of a picture as text: a page of SVG, axes, labels and a scale of colours."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from smart_leverage.reports.html.plot import Scale

WIDTH, HEIGHT = 960, 600

_STYLE = """
.slev{max-width:100%;height:auto;background:#fff;font:13px system-ui,sans-serif}
.slev text{fill:#222}.slev .soft{fill:#666}.slev .line{stroke:#999;fill:none}
.slev .dot{fill:#5b7fa6;fill-opacity:.45}.slev .none{fill:#ddd}
.slev .front{stroke:#b3430f;fill:none;stroke-width:2}
.slev .best{stroke:#111;fill:none;stroke-width:3}.slev .path{fill:none;stroke-opacity:.45}
@media(prefers-color-scheme:dark){
.slev{background:#16181c}.slev text{fill:#e6e6e6}.slev .soft{fill:#a0a0a0}
.slev .best{stroke:#fff}.slev .none{fill:#3a3d42}}
"""
"""For a picture and nothing else: in a notebook it stands inside a page."""

_COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Dark to light in even steps of lightness, told apart by eyes that see few colours as well."""


class Box(NamedTuple):
    """The frame of a picture, in pixels."""

    left: int = 120
    top: int = 108
    right: int = 800
    bottom: int = 520

    def x(self, low: float, high: float) -> "Span":
        """Return where values lie from left to right."""
        return Span(Scale(low, high, units=10_000, flips=False), self.left, self.right)

    def y(self, low: float, high: float) -> "Span":
        """Return where values lie from the bottom up."""
        return Span(Scale(low, high, units=10_000), self.top, self.bottom)


class Span(NamedTuple):
    """Maps values to pixels."""

    scale: Scale
    begin: int
    end: int

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        return round(self.begin + (self.end - self.begin) * self.scale.units(value) / 10_000, 1)


def page(title: str, subtitle: str, parts: Iterable[str]) -> str:
    """Return a whole picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" class="slev" role="img" '
        f'aria-label="{escape(title)}">'
    )
    return "\n".join(
        [
            head,
            f"<style>{_STYLE}</style>",
            text(24, 28, title, size=16),
            text(24, 48, subtitle, css="soft"),
            *parts,
            "</svg>\n",
        ]
    )


def text(
    x: float, y: float, words: str, *, css: str = "", anchor: str = "start", size: int = 13
) -> str:
    """Return a line of text."""
    look = f' class="{css}"' if css else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}"{look}>'
        f"{escape(words)}</text>"
    )


def rect(x: float, y: float, width: float, height: float, look: str, title: str = "") -> str:
    """Return a rectangle; `look` is written into the element as it stands."""
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {look}>{inner}</rect>'


def path(points: Sequence[tuple[float, float]], look: str) -> str:
    """Return a line through points."""
    d = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path d="{d}" {look}/>'


def axis_x(box: Box, span: Span, label: str) -> list[str]:
    """Return the axis below a frame."""
    ticks = [
        text(span.at(each), box.bottom + 20, short(each), css="soft", anchor="middle")
        for each in span.scale.round_values(6)
    ]
    frame = path([(box.left, box.bottom), (box.right, box.bottom)], 'class="line"')
    middle = (box.left + box.right) / 2
    return [frame, *ticks, text(middle, box.bottom + 44, label, anchor="middle")]


def axis_y(box: Box, span: Span, label: str) -> list[str]:
    """Return the axis on the left of a frame."""
    ticks = [
        text(box.left - 8, span.at(each) + 4, short(each), css="soft", anchor="end")
        for each in span.scale.round_values(5)
    ]
    frame = path([(box.left, box.top), (box.left, box.bottom)], 'class="line"')
    return [frame, *ticks, text(24, box.top - 12, label)]


def colour(share: float) -> str:
    """Return the colour of a place between worst (0) and best (1)."""
    place = min(max(share, 0.0), 1.0) * (len(_COLOURS) - 1)
    index = min(int(place), len(_COLOURS) - 2)
    mixed = (
        round(a + (b - a) * (place - index))
        for a, b in zip(_COLOURS[index], _COLOURS[index + 1], strict=True)
    )
    return "#" + "".join(f"{each:02x}" for each in mixed)


def legend(box: Box, low: str, high: str) -> list[str]:
    """Return the scale of colours, on the right of a frame."""
    steps, x = 40, box.right + 30
    height = (box.bottom - box.top) / steps
    cells = []
    for place in range(steps):
        look = f'fill="{colour(place / steps)}"'
        cells.append(rect(x, box.bottom - (place + 1) * height, 18, height + 0.5, look))
    return [*cells, text(x, box.top - 8, high), text(x, box.bottom + 20, low)]


def short(value: float) -> str:
    """Return a number for a label: four digits, and money in full."""
    if 10_000 <= abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.4g}" if math.isfinite(value) else "–"
