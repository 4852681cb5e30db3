"""A reliability diagram: what sources said beside what came, as SVG."""

from collections.abc import Sequence

from smart_leverage.research.refit.curves import Quality
from smart_leverage.research.sweep import svg

SOURCES_MAX = 5
"""So many lines can be told apart."""

_BOX = svg.Box(right=640)
_COLOURS = ("#2f6db3", "#b3430f", "#2e8b57", "#8a4fa3", "#8c6d1f")


def reliability_picture(told: Sequence[Quality]) -> str:
    """Return the diagram of up to five sources, those with the most outcomes, as a file of SVG.

    On the diagonal what was said is what came; below it too much was said. A point stands for all
    outcomes of a tenth of the scale, and its area for how many they are.

    Args:
        told: One for each source, those with the most outcomes first.
    """
    shown = told[:SOURCES_MAX]
    said, came = _BOX.x(0.0, 1.0), _BOX.y(0.0, 1.0)
    diagonal = [(said.at(0.0), came.at(0.0)), (said.at(1.0), came.at(1.0))]
    parts = [
        *svg.axis_x(_BOX, said, "confidence that was said"),
        *svg.axis_y(_BOX, came, "share that was won"),
        svg.path(diagonal, 'class="line" stroke-dasharray="4 4"'),
    ]
    most = max((each.outcomes for each in shown), default=1)
    for place, (each, colour) in enumerate(zip(shown, _COLOURS, strict=False)):
        points = [(said.at(bin_.mean_probability), came.at(bin_.share_won)) for bin_ in each.bins]
        parts.append(svg.path(points, f'fill="none" stroke="{colour}" stroke-width="2"'))
        for (x, y), bin_ in zip(points, each.bins, strict=True):
            size = 4.0 + 16.0 * (bin_.outcomes / most) ** 0.5
            title = f"{each.source}: {bin_.outcomes} outcomes, {bin_.share_won:.1%} won"
            look = f'fill="{colour}" fill-opacity=".6"'
            parts.append(svg.rect(x - size / 2, y - size / 2, size, size, look, title))
        parts.append(svg.rect(680, _BOX.top + 48 * place, 12, 12, f'fill="{colour}"'))
        parts.append(svg.text(700, _BOX.top + 48 * place + 11, each.source))
        line = f"{each.outcomes} outcomes, Brier {each.brier.brier:.3f}, off by {each.error:.3f}"
        parts.append(svg.text(700, _BOX.top + 48 * place + 28, line, css="soft", size=12))
    left = f"; {len(told) - len(shown)} more sources are left out" if told[SOURCES_MAX:] else ""
    subtitle = f"on the dashed line confidence means what it says, below it is too high{left}"
    return svg.page("confidence beside what came", subtitle, parts)
