"""Offers the orders of a real account's log to the governor again and prints what came of it.

    python scripts/replay_orders.py ORDERS.csv [--variant a|b|c|d] [--json]

Without --variant all four are run. Exit code 1: a governed variant broke a promise; 2: the log
cannot be read.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from smart_leverage.brokers.sim import Start
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import iso
from smart_leverage.engine.events import Opened
from smart_leverage.runtime.replay import replay
from smart_leverage.runtime.replay_case import VARIANTS, Account, Variant
from smart_leverage.runtime.replay_log import (
    OrderLog,
    RoundTrips,
    read_log,
    round_trips,
    sold_first,
)
from smart_leverage.runtime.replay_meter import Peak
from smart_leverage.runtime.replay_told import Replayed
from smart_leverage.settings import load
from smart_leverage.wiring import Beginning, engine_config, opening

EQUITY = Decimal("91087.52")
COINS = Decimal(24013)
"""What the account of 2 June 2025 had before the first order of its log."""


def main(argv: Sequence[str] | None = None) -> int:
    """Read the log, run the variants, print."""
    asked = _arguments().parse_args(argv)
    try:
        log = read_log(asked.orders, Registry.builtin())
        runs = [replay(log, one, _account(asked)) for one in _variants(asked)]
    except (BadData, OSError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    first = sold_first(log)
    trips = {"all": round_trips(log), "bought_first": round_trips(log, first)}
    if asked.json:
        print(json.dumps(_facts(log, runs, trips, first), indent=2, default=_exact))
    else:
        print("\n".join(_story(log, runs, trips, first)))
    is_sound = all(run.is_sound for run in runs if VARIANTS[run.variant].is_governed)
    return 0 if is_sound else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Replay an order log through the governor.")
    parser.add_argument("orders", type=Path, help="CSV of orders in the form of the how-to page")
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="only this one")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--equity", type=_money, default=EQUITY, help="equity at first")
    parser.add_argument("--coins", type=_money, default=COINS, help="of it in BTC, ETH and SOL")
    parser.add_argument("--may-shrink", action="store_true", help="bots take less when less fits")
    parser.add_argument(
        "--forced-record", action="store_true", help="force the record to stable in every variant"
    )
    return parser


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not (amount.is_finite() and amount > 0):
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return amount


def _variants(asked: argparse.Namespace) -> list[Variant]:
    chosen = [VARIANTS[asked.variant]] if asked.variant else list(VARIANTS.values())
    if asked.forced_record:
        chosen = [one._replace(is_forced=True) for one in chosen]
    return chosen


def _account(asked: argparse.Namespace) -> Account:
    settings = load(None, {"SMART_LEVERAGE_POLICY__PRESET": "classic"}).settings

    def opener(
        at_ns: int,
        cash: Decimal,
        holdings: tuple[Start, ...],
        registry: Registry,
        keys: Sequence[Key],
    ) -> Opened:
        return opening(settings, at_ns, Beginning(cash, holdings), registry, keys)

    return Account(
        equity=asked.equity,
        coins=asked.coins,
        config=engine_config(settings),
        opener=opener,
        may_shrink=asked.may_shrink,
    )


# -- for people -----------------------------------------------------------------------------------


def _story(
    log: OrderLog, runs: list[Replayed], trips: dict[str, RoundTrips], first: tuple[str, ...]
) -> list[str]:
    lines = [
        f"{len(log.orders)} orders, {len(log.offered)} of them with a price",
        f"no price, not offered: {_counts(log.unpriced)}",
    ]
    for run in runs:
        lines += ["", *_run(run)]
    lines += [
        "",
        "the log's own fills, first in, first out, without fees",
        f"  sold before any purchase: {', '.join(first) or 'none'}",
        _trips("  all symbols", trips["all"]),
        _trips("  without those", trips["bought_first"]),
    ]
    return [*lines, *(f"    {line}" for line in _trades(trips["all"]))]


def _run(run: Replayed) -> list[str]:
    variant = VARIANTS[run.variant]
    answer = "nobody decides"
    if variant.is_governed:
        denied = f"denied {sum(run.denied.values())} ({_counts(run.denied)})"
        answer = f"approved {run.approved}, cut {run.cut}, {denied}"
    refused = f"refused {sum(run.refused.values())} ({_counts(run.refused)})"
    sold = [f"{name} {one.fills} for {one.notional:,.2f}" for name, one in run.house.items()]
    whose = "in force" if variant.is_governed else "that would have held"
    lines = [
        f"variant {run.variant}: {variant.title}{_forced(run)}",
        f"  offered {run.offered}: {answer}",
        f"  sent {run.sent}, filled {run.filled}, {refused}",
        f"  sold by the house: {', '.join(sold) or 'nothing'}",
        f"  tier {' -> '.join(run.tiers) or 'none'}, state {run.state or 'none'}",
        f"  equity {run.equity_first:,.2f} -> {run.equity_last:,.2f}",
        f"  largest exposure, and the cap {whose}; then the largest after an increase",
        *(f"    {_peak(peak)}" for peak in run.peaks.values()),
        f"  increases above a cap {len(run.breaches)}, differences to the venue {run.differences}",
        f"  sign flips {run.flips}, short positions {run.shorts}",
        f"  turns of the house {run.turns}, swings {run.swings}",
    ]
    if variant.is_governed:
        lines.append(f"  every promise held: {'yes' if run.is_sound else 'NO'}")
    return lines


def _forced(run: Replayed) -> str:
    """Return what the title does not say when the record was forced by an option."""
    is_extra = run.tiers[:1] == ("stable",) and not VARIANTS[run.variant].is_forced
    return ", but the record forced to stable" if is_extra else ""


def _peak(peak: Peak) -> str:
    added = "never added to"
    if peak.added is not None:
        added = f"{peak.added:8.2%} of {peak.added_cap:.0%}"
    return f"{peak.group:16} {peak.share:8.2%} of {peak.cap:4.0%}  {iso(peak.at_ns)[:19]}  {added}"


def _trips(name: str, trips: RoundTrips) -> str:
    rate = "none" if trips.win_rate is None else f"{trips.win_rate:.1%}"
    return (
        f"{name}: {trips.fills} fills, {len(trips.trades)} closed trades, {trips.wins} won, "
        f"win rate {rate}, realised {trips.realised:+,.2f}, "
        f"still open {trips.open_value:,.2f} at {trips.open_profit:+,.2f}"
    )


def _trades(trips: RoundTrips) -> list[str]:
    return [
        f"{trade.key:16} closed by a {trade.side.value:4} {trade.result.qty:>6} "
        f"{trade.net:+10,.2f} {trade.outcome.value}"
        for trade in trips.trades
    ]


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


# -- for programs ---------------------------------------------------------------------------------


def _facts(
    log: OrderLog, runs: list[Replayed], trips: dict[str, RoundTrips], first: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "orders": len(log.orders),
        "not_offered": log.unpriced,
        "variants": {run.variant: _fact(run) for run in runs},
        "sold_before_bought": first,
        "round_trips": {name: _round_trips(one) for name, one in trips.items()},
    }


def _fact(run: Replayed) -> dict[str, Any]:
    peaks = {name: peak._asdict() for name, peak in run.peaks.items()}
    house = {name: one._asdict() for name, one in run.house.items()}
    breaches = [breach._asdict() for breach in run.breaches]
    fact = {**run._asdict(), "peaks": peaks, "house": house, "breaches": breaches}
    return fact | {"is_sound": run.is_sound}


def _round_trips(trips: RoundTrips) -> dict[str, Any]:
    trades = [
        {"key": one.key, "qty": one.result.qty, "net": one.net, "outcome": one.outcome.value}
        for one in trips.trades
    ]
    return {**trips._asdict(), "trades": trades}


def _exact(value: object) -> str:
    """Return a decimal as the text that it is."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


if __name__ == "__main__":
    sys.exit(main())
