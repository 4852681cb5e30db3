"""Runs reference numbers through the public functions: `python tests/golden/vectors.py FILE`.

A file holds cases: the name of a function, inputs, the expected output and a tolerance. `FUNCTIONS`
says for each name how the inputs reach our functions. What has no entry there, or needs a function
that does not exist, is reported as not built; a case whose data set is not on this machine is
reported as such. Both are listed and neither counts as passed.
"""

import importlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FunctionType
from typing import Any

ROOT = Path(__file__).parents[2]
MARKET_DATA = ROOT / ".." / "shared" / "data"

Case = Mapping[str, Any]


class NotBuilt(Exception):
    """A case needs a function that is not there."""


class DataNotPresent(Exception):
    """A case needs a data set that is not on this machine."""


class Public:
    """Finds the package's functions by name, as they are or prepared by the caller.

    Args:
        prepare: Applied to every function found, for example to compile it.
        data: Folder of the data sets that some cases name.
    """

    def __init__(
        self,
        prepare: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
        data: Path = MARKET_DATA,
    ) -> None:
        self._prepare = prepare
        self._data = data

    def __call__(self, path: str) -> Any:
        """Return `smart_leverage.<path>`, or say that it is not built."""
        module, _, name = f"smart_leverage.{path}".rpartition(".")
        try:
            value = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError as error:
            # A module of ours that cannot import something else is broken, not missing.
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            value = None
        if value is None:
            raise NotBuilt(path)
        if self._prepare is not None and isinstance(value, FunctionType):
            return self._prepare(value)
        return value

    def dataset(self, name: str) -> Path:
        """Return the file of a data set, or say that it is not present."""
        file = self._data / name.split(" of ", maxsplit=1)[0]
        if not file.is_file():
            raise DataNotPresent(str(file))
        return file


# --- how the inputs of each case reach our functions ------------------------------------------


def number(value: object) -> float:
    """Return an input as a float; no value is NaN, and so is the text `nan`."""
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def plainly(path: str, **renamed: str) -> Callable[..., Any]:
    """Make an entry for a function that takes the inputs as they are, some under another name."""

    def entry(public: Public, **inputs: Any) -> Any:
        arguments = {renamed.get(name, name): number(value) for name, value in inputs.items()}
        return public(path)(**arguments)

    return entry


def tier_and_caps(public: Public, win_rate: float, month_return: float, at: Any) -> dict[str, Any]:
    tier = public("policy.tier.select_tier")(win_rate, month_return, at)
    caps = public("policy.tier.tier_caps")(tier, public("policy.tier.TierCaps")())
    return {
        "tier": tier.name.lower(),
        "crypto_cap": caps.crypto,
        "total_cap": caps.leveraged,
    }


def seed_tier(public: Public, win_rate: Any, month_return: Any) -> dict[str, Any]:
    at = public("policy.tier.TierThresholds")()
    return tier_and_caps(public, number(win_rate), number(month_return), at)


def seed_tier_from_counts(
    public: Public,
    wins: int,
    trades: int,
    equity_month_start: float,
    equity_now: float,
    min_trades: int,
) -> dict[str, Any]:
    at = public("policy.tier.TierThresholds")(trades_min=min_trades)
    win_rate = public("policy.tier.win_rate_of")(wins, trades, at.trades_min)
    return tier_and_caps(public, win_rate, equity_now / equity_month_start - 1.0, at)


def seed_vol_adjustment(public: Public, volatility_ratio: Any) -> Any:
    at = public("policy.sizing.Sizing")()
    return public("policy.sizing.volatility_adjustment")(number(volatility_ratio), at)


def seed_position_size(
    public: Public,
    portfolio_value: float,
    crypto_cap: float,
    confidence: float,
    volatility_ratio: float,
    held_and_open_crypto: float,
) -> Any:
    at = public("policy.sizing.Sizing")()
    equity, cap = number(portfolio_value), number(crypto_cap)
    size = public("policy.sizing.position_size")(
        equity, cap, number(confidence), number(volatility_ratio), at
    )
    return min(size, public("policy.caps.headroom")(cap, equity, number(held_and_open_crypto)))


def seed_breaker_path(
    public: Public,
    marks: list[tuple[str, float]],
    resume_before_index: list[int],
    day_limit: float,
    month_limit: float,
    emergency: float,
) -> list[str]:
    """Walk along marks of equity; the opening of a period is the last mark before it."""
    limits = public("policy.breakers.LossLimits")(
        loss_limit_daily=day_limit, loss_limit_monthly=month_limit
    )
    clear = public("policy.breakers.BreakerState")(False, False, False)
    state, opens = clear, {"day": number(marks[0][1]), "month": number(marks[0][1])}
    last_time, last_equity = datetime.fromisoformat(marks[0][0]), number(marks[0][1])
    path = []
    for index, (text, mark) in enumerate(marks):
        time, equity = datetime.fromisoformat(text), number(mark)
        if time.date() != last_time.date():
            opens["day"], state = last_equity, state._replace(is_day_tripped=False)
        if (time.year, time.month) != (last_time.year, last_time.month):
            opens["month"] = last_equity
        if index in resume_before_index:
            opens, state = {"day": equity, "month": equity}, clear
        state = public("policy.breakers.step_breakers")(
            state, equity, public("policy.breakers.BreakerOpens")(**opens), limits, emergency
        )
        path.append(BREAKER_WORDS[public("policy.breakers.severity")(state).name])
        last_time, last_equity = time, equity
    return path


BREAKER_WORDS = {
    "NORMAL": "normal",
    "EMERGENCY": "emergency",
    "DAY": "day_halt",
    "MONTH": "month_halt",
}


def liquidation_price_ratio(
    public: Public, leverage: float, maintenance_margin: float, side: str
) -> Any:
    return public("policy.margin.liquidation_price_ratio")(
        number(leverage), number(maintenance_margin), side == "short"
    )


def two_month_drawdown(public: Public, monthly_loss: float, months: int) -> Any:
    rule = public("policy.target.two_month_drawdown_at_monthly_limit")
    return rule(number(monthly_loss), months)


def daily_trigger_probability(
    public: Public, basis: str, exposure: float, limit: float, daily_vol: float
) -> Any:
    """A limit on the position's own value counts from exposure 1, the others from equity."""
    share = 1.0 if basis == "asset_loss_on_own_value" else number(exposure)
    rule = public("policy.target.daily_trigger_probability")
    return rule(share, number(limit), number(daily_vol))


def ewma_volatility(
    public: Public, returns: list[float], lam: float, periods_per_year: float
) -> Any:
    walk = public("policy.volatility.ewma_volatility")
    return walk([number(value) for value in returns], number(lam), number(periods_per_year))


def daily_rebalanced_leverage(public: Public, returns: list[float], leverage: float) -> Any:
    walk = public("policy.volatility.daily_rebalanced_leverage")
    return walk([number(value) for value in returns], number(leverage))._asdict()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "seed_tier": seed_tier,
    "seed_tier_from_counts": seed_tier_from_counts,
    "seed_vol_adjustment": seed_vol_adjustment,
    "seed_position_size": seed_position_size,
    "seed_breaker_path": seed_breaker_path,
    "monthly_target_amount": plainly(
        "policy.target.monthly_target_amount", portfolio_value="equity"
    ),
    "daily_simple": plainly("policy.target.daily_simple"),
    "daily_compound": plainly("policy.target.daily_compound"),
    "annual_compound": plainly("policy.target.annual_compound"),
    "required_sleeve_return": plainly("policy.target.required_sleeve_return"),
    "required_sleeve_sharpe": plainly("policy.target.required_sleeve_sharpe"),
    "breakeven_win_rate": plainly("policy.target.breakeven_win_rate"),
    "required_win_rate_simple": plainly("policy.target.required_win_rate_simple"),
    "required_win_rate_log": plainly("policy.target.required_win_rate_log"),
    "consecutive_days_to_monthly_limit": plainly("policy.target.consecutive_days_to_monthly_limit"),
    "two_month_drawdown_at_monthly_limit": two_month_drawdown,
    "daily_trigger_probability": daily_trigger_probability,
    "daily_rebalanced_leverage": daily_rebalanced_leverage,
    "leveraged_return_exact": plainly("policy.volatility.leveraged_return_exact"),
    "ewma_volatility": ewma_volatility,
    "vol_target_scale": plainly("policy.volatility.vol_target_scale"),
    "liquidation_price_ratio": liquidation_price_ratio,
    "prob_touch_barrier": plainly("policy.margin.prob_touch_barrier"),
}
"""The one place that knows which of our functions answers a case."""


# --- comparing ---------------------------------------------------------------------------------


def tolerances_of(key: str, tol: Mapping[str, float]) -> Mapping[str, float]:
    """Return the tolerance of one output: its own where `tol` names it or a word of its name."""
    for name in (key, *key.split("_")):
        if name in tol and name not in ("abs", "rel"):
            return {"abs": tol[name]}
    return tol


def difference(expected: Any, actual: Any, tol: Mapping[str, float], where: str = "") -> str:
    """Return what differs beyond the tolerance, in words; empty when nothing does."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{where or 'answer'}: expected fields, got {actual!r}"
        pairs = [(key, value, actual.get(key)) for key, value in expected.items()]
        return first(
            difference(value, got, tolerances_of(key, tol), f"{where}.{key}".strip("."))
            for key, value, got in pairs
        )
    if isinstance(expected, list):
        got = list(actual) if isinstance(actual, Iterable) else None
        if got is None or len(got) != len(expected):
            return f"{where or 'answer'}: expected {len(expected)} values, got {actual!r}"
        pairs = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(expected, got, strict=True))]
        return first(difference(value, item, tol, place) for place, value, item in pairs)
    if is_close(expected, actual, tol):
        return ""
    return f"{where or 'answer'}: expected {expected!r}, got {actual!r}"


def first(differences: Iterable[str]) -> str:
    return next((found for found in differences if found), "")


def is_close(expected: Any, actual: Any, tol: Mapping[str, float]) -> bool:
    """Tell whether two values agree: absolutely or relatively, either is enough."""
    if isinstance(expected, str) and expected.lower() in ("nan", "inf", "-inf"):
        expected = float(expected)
    if expected is None:
        return actual is None
    if isinstance(expected, str | bool):
        return bool(type(actual) is type(expected) and actual == expected)
    if isinstance(actual, bool) or not isinstance(actual, int | float):
        return False
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    if math.isinf(expected) or math.isinf(actual):
        return bool(expected == actual)
    apart = abs(actual - expected)
    return bool(apart <= tol.get("abs", 0.0) or apart <= tol.get("rel", 0.0) * abs(expected))


# --- running -----------------------------------------------------------------------------------


@dataclass
class Tally:
    """What became of the cases of one function."""

    passed: int = 0
    failed: int = 0
    not_built: int = 0
    data_not_present: int = 0
    failures: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        parts = []
        if self.passed or self.failed:
            parts.append(f"{self.passed:>4} passed {self.failed:>4} failed")
        if self.not_built:
            parts.append(f"{self.not_built:>4} not built")
        if self.data_not_present:
            parts.append(f"{self.data_not_present:>4} data not present")
        return f"{name:<38}" + "   ".join(parts)


def answer(case: Case, public: Public) -> Any:
    """Return what our functions say to a case.

    Raises:
        NotBuilt: There is no entry, or a function that it needs does not exist.
        DataNotPresent: The data set of the case is not on this machine.
    """
    if case["fn"] not in FUNCTIONS:
        raise NotBuilt(case["fn"])
    return FUNCTIONS[case["fn"]](public, **case["inputs"])


def judge(case: Case, public: Public, tally: Tally) -> None:
    """Count one case; an exception of ours is a failure like a wrong number."""
    try:
        found = difference(case["expected"], answer(case, public), case["tol"])
    except NotBuilt:
        tally.not_built += 1
        return
    except DataNotPresent:
        tally.data_not_present += 1
        return
    except Exception as error:  # noqa: BLE001 - reported with the case, and counted as failed
        found = f"{type(error).__name__}: {error}"
    if found:
        tally.failed += 1
        tally.failures.append(f"{case['id']}: {found}")
    else:
        tally.passed += 1


def run(cases: Iterable[Case], public: Public) -> dict[str, Tally]:
    """Judge all cases and return the tallies by function, in the order of the file."""
    tallies: dict[str, Tally] = {}
    for case in cases:
        judge(case, public, tallies.setdefault(case["fn"], Tally()))
    return tallies


def read(file: Path) -> list[Case]:
    """Return the cases of a file.

    Raises:
        ValueError: It holds no cases, or one without the parts that every case has.
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    cases = content.get("vectors") if isinstance(content, dict) else None
    if not isinstance(cases, list) or not cases:
        raise ValueError("there are no cases under `vectors`")
    for index, case in enumerate(cases):
        missing = {"id", "fn", "inputs", "expected", "tol"} - set(case)
        if missing:
            raise ValueError(f"case {index} has no {', '.join(sorted(missing))}")
    return cases


def report(tallies: Mapping[str, Tally]) -> None:
    for name, tally in tallies.items():
        print(tally.line(name))
        for failure in tally.failures:
            print(f"    {failure}")
    kinds = ("passed", "failed", "not_built", "data_not_present")
    totals = {kind: sum(getattr(tally, kind) for tally in tallies.values()) for kind in kinds}
    words = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in totals.items())
    print(f"{sum(totals.values())} cases of {len(tallies)} functions: {words}")


def main(arguments: list[str]) -> int:
    """Return 0 when no case failed, 1 when one did, 2 when the file cannot be used."""
    if len(arguments) != 1:
        print("usage: python tests/golden/vectors.py FILE", file=sys.stderr)
        return 2
    try:
        cases = read(Path(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"vectors: {arguments[0]} cannot be read: {error}", file=sys.stderr)
        return 2
    tallies = run(cases, Public())
    report(tallies)
    return 1 if any(tally.failed for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
