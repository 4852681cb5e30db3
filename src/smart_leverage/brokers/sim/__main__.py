"""Runs a simulated venue as a process of its own: `python -m smart_leverage.brokers.sim`."""

import argparse
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

from smart_leverage.brokers.sim.config import MULTIPLIERS, Mode, Setup, SimConfig
from smart_leverage.brokers.sim.opening import setup_of
from smart_leverage.brokers.sim.server import Server
from smart_leverage.brokers.sim.venue import COSTS, SimBroker
from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import FeeSchedule

EXIT_FAILED = 1


def main(words: list[str] | None = None) -> int:
    """Serve until a signal ends it; return the exit code."""
    wanted = _parser().parse_args(words)
    try:
        setup = _setup(wanted)
        registry = Registry(setup.instruments)
        broker = SimBroker(registry, setup.costs, setup.config, wanted.file)
        server = Server(broker, wanted.socket)
    except SmartLeverageError as problem:
        sys.stderr.write(f"{problem}\n")
        return EXIT_FAILED
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    sys.stdout.write(f"ready {wanted.socket}\n")
    sys.stdout.flush()
    server.serve()
    return 0


def _setup(wanted: argparse.Namespace) -> Setup:
    """Return the file's own setup where there is one: the options speak of a new venue only."""
    found = setup_of(wanted.file)
    if found is not None:
        return found
    config = SimConfig(
        seed=wanted.seed,
        mode=Mode(wanted.mode),
        cash=wanted.cash,
        multiplier=wanted.multiplier,
        fee_tiers=FeeSchedule() if wanted.fee_tiers else None,
    )
    return Setup(config=config, costs=COSTS, instruments=tuple(Registry.builtin().values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smart_leverage.brokers.sim",
        description="Serve a simulated venue over a Unix socket. A file that exists is continued "
        "with its own setup; the options after --file speak of a new one.",
    )
    parser.add_argument("socket", type=Path, help="where to listen")
    parser.add_argument("--file", type=Path, required=True, help="the venue's SQLite file")
    parser.add_argument("--mode", choices=[*Mode], default=Mode.LIVE, help="quotes or bars")
    parser.add_argument("--cash", type=_decimal, default=SimConfig().cash, help="opening cash")
    parser.add_argument("--seed", type=int, default=0, help="makes ids and partial fills")
    parser.add_argument("--multiplier", type=int, choices=MULTIPLIERS, default=4)
    parser.add_argument(
        "--fee-tiers", action="store_true", help="coin fees fall with the volume of 30 days"
    )
    return parser


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from problem


if __name__ == "__main__":
    sys.exit(main())
