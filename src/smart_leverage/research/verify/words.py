"""A verdict in plain words, with its arithmetic."""

import math
from collections.abc import Iterator
from typing import Any

from smart_leverage.domain.sentences import percent
from smart_leverage.research.verify.resampling import Interval
from smart_leverage.research.verify.snooping import RealityCheck
from smart_leverage.research.verify.verdict import CONFIDENCE, LEVEL, RESAMPLES, Both, Verdict

MOST_SURE = 0.999
PBO_OF_NOISE = 0.5

Line = tuple[str, str]
"""What it is about, and what is said of it."""


def share(value: float, places: int = 1) -> str:
    """Return a fraction as people read it; what is not known is said."""
    return percent(value, places) if math.isfinite(value) else "not known"


def _plain(value: float, places: int = 2) -> str:
    """Return a number with a real minus, and without one before a zero."""
    text = f"{value:.{places}f}"
    return (text if float(text) else text.removeprefix("-")).replace("-", "−")


def verdict(of: Verdict) -> str:
    """Return the one sentence that is to be remembered."""
    luck, year = of.luck, math.sqrt(of.run.record.per_year)
    shown = f"of the Sharpe {_plain(of.run.record.sharpe * year)} shown, "
    chance = f"chance alone gives {luck.by_chance * year:.2f} among {of.run.trials:,} tried"
    if of.run.trials == 1:
        chance = "nothing is owed to a choice, as far as the run knows"
    real = luck.deflated.decided
    if math.isnan(real):
        return f"{shown}{chance}; its moments allow no probability, so nothing is proved"
    return f"{shown}{chance}; probability that it is real: {_sure(real)}, {_proved(of)}"


def _sure(probability: float) -> str:
    """Return a probability that never reads as certain."""
    if probability > MOST_SURE:
        return f"above {share(MOST_SURE)}"
    return share(probability) if probability > 1.0 - MOST_SURE else f"below {share(1 - MOST_SURE)}"


def is_proved(of: Verdict) -> bool:
    """Tell whether everything that is known speaks for more than luck."""
    is_found = of.best_of_many is None or of.best_of_many.studentised_p_consistent < 1 - CONFIDENCE
    return of.luck.deflated.decided >= CONFIDENCE and is_found


def _proved(of: Verdict) -> str:
    said = "proved at 95 %" if is_proved(of) else "not proved at 95 %"
    best, over = of.best_of_many, of.overfitting
    if best is not None and best.studentised_p_consistent >= 1 - CONFIDENCE:
        said += (
            f" (the best of many is not told from cash, p = {best.studentised_p_consistent:.2f})"
        )
    if over is not None and over.pbo >= PBO_OF_NOISE:
        said += f"; which of the sets was chosen is luck, PBO {share(over.pbo, 0)}"
    return said


def lines(of: Verdict) -> Iterator[Line]:
    """Yield what is said, line by line; the verdict comes last."""
    yield from _record(of)
    yield from _luck(of)
    yield from _ranges(of)
    yield from _falls(of)
    yield from _choice(of)
    for each in of.missing:
        yield "not said", each
    yield "verdict", verdict(of)


def _record(of: Verdict) -> Iterator[Line]:
    record = of.run.record
    span = f", {record.dates[0]} to {record.dates[-1]}" if record.dates else ""
    yield "record", f"{record.name}: {record.days:,} days{span}, {record.per_year} a year"
    yield (
        "Sharpe",
        (
            f"{_plain(record.sharpe, 4)} a day × √{record.per_year} = "
            f"{_plain(record.sharpe * math.sqrt(record.per_year))} a year, cash at zero"
        ),
    )
    luck = of.luck
    if luck.is_shape_known:
        yield (
            "shape",
            (
                f"skewness {_plain(luck.skewness)}, kurtosis {luck.kurtosis:.2f} (normal 0 and 3), "
                f"correlation from day to day {_plain(luck.memory)}"
            ),
        )
    else:
        yield "shape", "taken as normal; rare large losses would lower every probability here"


def _luck(of: Verdict) -> Iterator[Line]:
    luck, run = of.luck, of.run
    at, days, year = run.record.sharpe, run.record.days, math.sqrt(run.record.per_year)
    yield "above 0", _probability(luck.probabilistic, at, 0.0, days, luck)
    trials = f"{run.trials:,}, {run.counted}"
    if run.trials > 1:
        source = f"of {len(run.sharpes):,} of them" if luck.is_spread_known else "without skill"
        trials += (
            f"; their Sharpe ratios spread {luck.spread * year:.2f} a year ({source}), the best "
            f"of {run.trials:,} without skill is expected {_times(luck)} spreads up: "
            f"{luck.by_chance * year:.2f} a year"
        )
    yield "trials", trials
    if run.trials > 1:
        yield "deflated", _probability(luck.deflated, at, luck.by_chance, days, luck)
    yield "length", _length(of)


def _times(luck: Any) -> str:
    return f"{luck.by_chance / luck.spread:.2f}" if luck.spread > 0.0 else "no"


def _probability(both: Both, at: float, bar: float, days: int, luck: Any) -> str:
    """Return a probability with the arithmetic of its first form."""
    if math.isnan(both.decided):
        return "not known: skewness and kurtosis exclude each other at this Sharpe ratio"
    spread = 1.0 - luck.skewness * at + (luck.kurtosis - 1.0) / 4.0 * at * at
    said = f"{_sure(both.decided)}, the smaller of two:"
    if math.isfinite(both.classic):
        above = f"({_plain(at, 4)} − {bar:.4f})"
        said += f" Φ({above} × √{days - 1} ÷ √{spread:.3f}) = {_sure(both.classic)};"
    return f"{said} with the variance under the null and memory {_sure(both.null)}"


def _length(of: Verdict) -> str:
    needed, deflated = of.luck.days_needed, of.luck.days_needed_deflated
    chance = f", more than chance {_days(deflated, of)}" if of.run.trials > 1 else ""
    return (
        f"to prove more than 0 at 95 % takes {_days(needed, of)}{chance}; "
        f"there are {of.run.record.days:,}"
    )


def _days(count: float, of: Verdict) -> str:
    if math.isnan(count):
        return "a time that is not known"
    if math.isinf(count):
        return "forever (the Sharpe ratio is not above it)"
    years = count / of.run.record.per_year
    return f"{math.ceil(count):,} days" + (f" ({years:.1f} years)" if years >= 2.0 else "")


def _ranges(of: Verdict) -> Iterator[Line]:
    if of.ranges is None:
        return
    block = f"blocks of {of.ranges.block:.1f} days in the mean, {RESAMPLES:,} drawn"
    yield "growth", f"{_interval(of.ranges.growth)}; {block}"
    fall = _interval(of.ranges.drawdown)
    yield "drawdown", f"{fall}; narrow, for one record has seen few of its own bad times"


def _interval(of: Interval) -> str:
    return (
        f"{share(of.value)}, {percent(LEVEL, 0)} of resampled histories between "
        f"{share(of.lower)} and {share(of.upper)}"
    )


def _falls(of: Verdict) -> Iterator[Line]:
    falls = of.falls
    if falls is None:
        return
    deep = share(of.run.record.drawdown)
    text = (
        "a random walk of the same mean and deviation falls "
        f"{share(falls.mean_law)} in the mean by the closed form, {share(falls.mean_simulated)} "
        f"in {falls.walks:,} simulated; deeper than {deep} with {share(falls.deeper_law)} "
        f"and {share(falls.deeper_simulated)}"
    )
    yield "walks", text


def _choice(of: Verdict) -> Iterator[Line]:
    over = of.overfitting
    if over is not None:
        text = (
            f"PBO {share(over.pbo)}: in so many of {over.n_combinations:,} ways to halve the days "
            "the best set of one half was in the lower half of the other; noise gives about "
            f"50 %; it lost money there in {share(over.prob_oos_loss)}"
        )
        yield "overfit", text
    if of.best_of_many is not None:
        yield "best", f"better than cash? {_test(of.best_of_many)}"
    if of.against_plain is not None:
        yield "tuned", f"better than the policy as it was? {_test(of.against_plain)}"
    if of.run.places is not None:
        places = of.run.places
        yield (
            "windows",
            (
                f"the chosen candidate came out in the lower half of the others in "
                f"{int((places < 0.5).sum())} of {len(places)} windows"
            ),
        )


def _test(of: RealityCheck) -> str:
    return (
        f"SPA p = {of.studentised_p_consistent:.3f} (between {of.studentised_p_lower:.3f} and "
        f"{of.studentised_p_upper:.3f}), reality check p = {of.unstudentised_p_upper:.3f}; "
        f"below 0.05 is evidence, ±{_error(of.studentised_p_consistent):.3f} by the drawing"
    )


def _error(p: float) -> float:
    return math.sqrt(max(p * (1.0 - p), 0.0) / RESAMPLES)


def as_fields(of: Verdict) -> dict[str, Any]:
    """Return every figure as a tree; Sharpe ratios per day, and a year where the name says so."""
    run, record, year = of.run, of.run.record, math.sqrt(of.run.record.per_year)
    over = of.overfitting
    return {
        "kind": run.kind,
        "record": record.name,
        "days": record.days,
        "days_per_year": record.per_year,
        "first": record.dates[0] if record.dates else None,
        "last": record.dates[-1] if record.dates else None,
        "sharpe": record.sharpe,
        "sharpe_annual": record.sharpe * year,
        "growth": record.growth,
        "drawdown": record.drawdown,
        "trials": run.trials,
        "trials_counted": run.counted,
        "by_chance_annual": of.luck.by_chance * year,
        "probabilistic_sharpe": of.luck.probabilistic.decided,
        "deflated_sharpe": of.luck.deflated.decided,
        "luck": of.luck,
        "resampled": of.ranges,
        "random_walk": of.falls,
        "overfitting": None
        if over is None
        else {name: each for name, each in over._asdict().items() if name != "logits"},
        "best_of_many": of.best_of_many,
        "against_plain": of.against_plain,
        "windows_lower_half": None if run.places is None else int((run.places < 0.5).sum()),
        "windows": None if run.places is None else len(run.places),
        "not_said": of.missing,
        "is_proved": is_proved(of),
        "verdict": verdict(of),
    }
