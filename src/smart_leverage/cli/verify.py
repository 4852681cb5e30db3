"""How much of a result is skill, and how much would have come by luck."""

from pathlib import Path
from typing import Annotated

import typer

from smart_leverage.cli.options import ConfigPath, command
from smart_leverage.cli.screen import Screen


@command(
    "smart-leverage verify sweeps/caps",
    "smart-leverage verify result --trials 40",
)
def verify(
    screen: Screen,
    *,
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folder that backtest, sweep or walk-forward wrote; or several of backtest.",
        ),
    ],
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="NUMBER", help="All that was ever tried, where the run knows of fewer."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of what is drawn.")] = 0,
    config: ConfigPath = None,
) -> None:
    """Tell how much of a result is more than luck, with the arithmetic.

    The Sharpe ratio is held against none and against the best that chance brings among everything
    that was tried, which a sweep counts itself. Growth and drawdown get intervals, the choice a
    probability of overfitting. What a run does not hold is named. Of several backtests the best
    is judged, and all of them count as tried. Fewer than 30 days are refused.
    """
    from smart_leverage.cli.lacking import statistics
    from smart_leverage.cli.places import configuration
    from smart_leverage.settings import load

    timezone = load(configuration(config)).settings.risk.timezone
    with statistics("verify"):
        from smart_leverage.research.verify.record import with_trials
        from smart_leverage.research.verify.run import read_run
        from smart_leverage.research.verify.verdict import judge
        from smart_leverage.research.verify.words import as_fields, lines

        told = judge(with_trials(read_run(runs, timezone), trials), seed)
    if screen.as_json:
        screen.record({"runs": [str(run) for run in runs], **as_fields(told)})
        return
    screen.say(*(f"{name:<10}{text}" for name, text in lines(told)))
