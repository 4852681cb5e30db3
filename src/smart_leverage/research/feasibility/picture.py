"""Draws how likely a target is, by Sharpe ratio, and where a record lies on that."""

from collections.abc import Callable

from smart_leverage.research.feasibility.answer import (
    VOLATILITIES,
    best_value,
    best_volatility,
    most,
    surplus,
)
from smart_leverage.research.feasibility.histories import Target
from smart_leverage.research.feasibility.joint import constant_leverage_joint
from smart_leverage.research.sweep.svg import (
    Box,
    axis_x,
    axis_y,
    page,
    path,
    rect,
    text,
)

SHARPES = tuple(0.5 * step for step in range(17))
PATHS = 2000
"""Of each step of a search, and of what is drawn: an error of a hundredth at most."""
COLOURS = ("#b3430f", "#5b7fa6", "#2a9d5c", "#999999")
NAMES = ("constant volatility", "surplus over a floor", "best of all rules", "no sizing passes")


def by_sharpe(
    target: Target,
    record: tuple[float, float, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Return the picture, SVG.

    Args:
        target: To be made in a year.
        record: Lower end, value and upper end of a Sharpe ratio, to be marked.
        progress: Called with the Sharpe ratios done and all of them.
    """
    rows = []
    for done, sharpe in enumerate(SHARPES, start=1):
        rows.append(_chances(sharpe, target))
        if progress is not None:
            progress(done, len(SHARPES))
    box = Box()
    across, up = box.x(0.0, SHARPES[-1]), box.y(0.0, 1.0)
    parts = _record(box, record)
    for place, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True)):
        points = [(across.at(s), up.at(row[place])) for s, row in zip(SHARPES, rows, strict=True)]
        parts.append(path(points, f'fill="none" stroke="{colour}" stroke-width="2"'))
        look = f'fill="{colour}"'
        parts.append(rect(box.right + 12, box.top + 24 * place, 10, 10, look, name))
        parts.append(text(box.right + 28, box.top + 24 * place + 10, name, css="soft"))
    half = up.at(0.5)
    parts.append(path([(box.left, half), (box.right, half)], 'class="line" stroke-dasharray="4"'))
    parts += axis_x(box, across, "Sharpe ratio a year")
    parts += axis_y(box, up, "probability")
    return page(
        f"{target.monthly:.1%} a month for a year with less than {target.drawdown:.1%} drawdown",
        "probability of both by the rule that sizes; grey ground: where the record's Sharpe lies",
        parts,
    )


def _record(box: Box, record: tuple[float, float, float] | None) -> list[str]:
    if record is None:
        return []
    across = box.x(0.0, SHARPES[-1])
    low, value, high = (across.at(min(max(each, 0.0), SHARPES[-1])) for each in record)
    ground = rect(low, box.top, max(high - low, 0.0), box.bottom - box.top,
                  'fill="#999" fill-opacity=".2"')  # fmt: skip
    line = path([(value, box.top), (value, box.bottom)], 'class="line" stroke-width="2"')
    return [ground, line]


def _chances(sharpe: float, target: Target) -> tuple[float, float, float, float]:
    vol = best_volatility(sharpe, target, grid=VOLATILITIES[::2], paths=PATHS)
    held = constant_leverage_joint(
        sharpe, vol, monthly=target.monthly, drawdown=target.drawdown, paths=PATHS, seed=2
    )
    by_surplus = surplus(sharpe, target, PATHS)[1]
    return held.joint, by_surplus, best_value(sharpe, target), most(sharpe, target)
