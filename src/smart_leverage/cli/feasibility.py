"""How likely a monthly target is inside a drawdown, from a record or from assumptions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from smart_leverage.cli.lacking import statistics
from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

ASSUMED = (
    "assumed: independent normal days, constant volatility, daily closes, costs only "
    "as far as the returns hold them; nothing here is a forecast"
)


@command(
    "smart-leverage feasibility --sharpe 2",
    "smart-leverage feasibility returns.csv --monthly 0.03 --drawdown 0.15 --json",
)
def feasibility(
    screen: Screen,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Daily returns, CSV: date,return.")
    ] = None,
    sharpe: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Sharpe ratio a year, assumed.")
    ] = None,
    volatility: Annotated[
        float | None,
        typer.Option(metavar="FRACTION", help="Held, a year.  [default: the best one]"),
    ] = None,
    monthly: Annotated[float, typer.Option(metavar="FRACTION", help="Target of a month.")] = 0.05,
    drawdown: Annotated[float, typer.Option(metavar="FRACTION", help="Never reached.")] = 0.08,
) -> None:
    """Work out how likely a monthly target is inside a drawdown.

    From daily returns, or from a Sharpe ratio that you assume. With a record every figure is given
    at the ends of the 90 % interval of its Sharpe ratio too.
    """
    if (file is None) == (sharpe is None):
        raise typer.BadParameter("give either a file of returns or --sharpe", param_hint="FILE")
    _check(sharpe, volatility, monthly, drawdown)
    with statistics("feasibility"):
        fields = _answer(file, sharpe, volatility, monthly, drawdown)
    if screen.as_json:
        screen.record(fields)
    else:
        screen.say(*_lines(fields))


def _check(sharpe: float | None, vol: float | None, monthly: float, drawdown: float) -> None:
    ranges = (
        ("--sharpe", sharpe, -20.0, 20.0),
        ("--volatility", vol, 0.0, 5.0),
        ("--monthly", monthly, 0.0, 1.0),
        ("--drawdown", drawdown, 0.0, 1.0),
    )
    for name, value, low, high in ranges:
        if value is not None and not low < value < high:
            raise typer.BadParameter(
                f"a number between {low:g} and {high:g} is needed, as a fraction, not {value}",
                param_hint=name,
            )


def _answer(
    file: Path | None, sharpe: float | None, vol: float | None, monthly: float, drawdown: float
) -> dict[str, Any]:
    from smart_leverage.research.feasibility import answer
    from smart_leverage.research.feasibility.record import read_returns

    days = 0
    low = value = high = sharpe or 0.0
    if file is not None:
        returns = read_returns(file)
        days = returns.values.size
        low, value, high = answer.sharpe_interval(*returns)
    held = answer.best_volatility(value, monthly, drawdown) if vol is None else vol
    ends = [answer.chance(each, held, monthly, drawdown) for each in (low, value, high)]
    multiple, both = answer.surplus(value, monthly, drawdown)
    best = answer.most(high, monthly, drawdown)
    return {
        "verdict": str(answer.verdict(ends[0].joint_12, best)),
        "days": days,
        "monthly": monthly,
        "drawdown": drawdown,
        "lower": ends[0]._asdict(),
        "value": ends[1]._asdict(),
        "upper": ends[2]._asdict(),
        "surplus": {"multiple_of_kelly": multiple, "joint_12": both},
        "most_at_upper": best,
        "sharpe_needed": answer.sharpe_needed(monthly, drawdown),
        "assumed": ASSUMED,
    }


_ROWS = (
    ("month", "a month reaches the target"),
    ("below_1", "drawdown stays below, 1 month"),
    ("below_3", "drawdown stays below, 3 months"),
    ("below_12", "drawdown stays below, 12 months"),
    ("joint_1", "both, 1 month"),
    ("joint_3", "both, 3 months"),
    ("joint_12", "both, 12 months"),
)


def _lines(told: dict[str, Any]) -> list[str]:
    low, value, high = told["lower"], told["value"], told["upper"]
    goal = f"{told['monthly']:.1%} a month with less than {told['drawdown']:.1%} drawdown"
    source = f"{told['days']} days of record" if told["days"] else "as assumed"
    basis = "this record" if told["days"] else "these assumptions"
    return [
        f"{goal}: {_verdict(told)}",
        (f"with {basis}: {100 * value['joint_12']:.0f} in 100 for a year; you would need a "
        f"Sharpe ratio of {told['sharpe_needed']:.1f}"),
        "",
        *([] if told["days"] else ["a Sharpe ratio that is assumed is taken as known for certain"]),
        (f"Sharpe ratio {value['sharpe']:.2f} ({low['sharpe']:.2f} to {high['sharpe']:.2f}, "
        f"{source}), volatility held {value['volatility']:.0%}"),
        *(f"{text:<33}{value[key]:6.1%}{_ends(low[key], high[key])}"
          for key, text in _ROWS),
        (f"surplus rule at {told['surplus']['multiple_of_kelly']:g} × Kelly, both in 12 months: "
        f"{told['surplus']['joint_12']:.1%}"),
        f"no sizing passes, at the upper end, 12 months: {told['most_at_upper']:.1%}",
        "",
        told["assumed"],
    ]  # fmt: skip


def _verdict(told: dict[str, Any]) -> str:
    """Return the verdict; more days would decide a record, and nothing an assumption."""
    if told["days"] or told["verdict"] != "undecided":
        return str(told["verdict"])
    reached = max(told["surplus"]["joint_12"], told["value"]["joint_12"])
    return (
        f"a year of it with {reached:.1%} by the rules below, by no sizing more than "
        f"{told['most_at_upper']:.1%}"
    )


def _ends(low: float, high: float) -> str:
    """Return the ends of an interval; what is assumed as known has none."""
    return "" if low == high else f"  ({low:.1%} to {high:.1%})"
