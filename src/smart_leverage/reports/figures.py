"""Every key figure of a run, in the order in which a report shows them."""

from smart_leverage.reports.curve import Curve
from smart_leverage.reports.curve_figures import loss_figures, return_figures, variation_figures
from smart_leverage.reports.deed_figures import activity_figures, exposure_figures, trade_figures
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.story import Story


def key_figures(story: Story, curve: Curve | None = None) -> list[Figure]:
    """Return the key figures of a story; the curve is made from it where none is given."""
    curve = curve or Curve(story)
    return [
        *return_figures(story, curve),
        *variation_figures(story, curve),
        *loss_figures(story, curve),
        *trade_figures(story),
        *exposure_figures(story),
        *activity_figures(story, curve),
    ]
