"""Runs the desk of an account as a process of its own: `python -m smart_leverage.server.desk`."""

import argparse
import os
import signal
import sys
import threading
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.domain.redaction import redactor
from smart_leverage.ledger.seats import SeatsOnFile
from smart_leverage.market.history import EmbeddedMarket
from smart_leverage.market.kept import kept_market
from smart_leverage.market.synthetic import generate
from smart_leverage.notify.keeping import failures
from smart_leverage.runtime.logs.setup import LogConfig, Names, logging_to
from smart_leverage.runtime.notifier.beside import notifying
from smart_leverage.server.desk.app import Data, data_of, desk
from smart_leverage.server.desk.screens.pages import Screens
from smart_leverage.server.desk.steering.app import Place
from smart_leverage.server.desk.steering.notifying import channels_of_run
from smart_leverage.server.gate import Door
from smart_leverage.server.metrics.desk import DeskWatch
from smart_leverage.server.metrics.requests import Answers
from smart_leverage.server.rates import Rates
from smart_leverage.server.serving import Binding, serving

EXIT_FAILED = 1
OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
LEDGER = "ledger.sqlite"


def main(words: list[str] | None = None) -> int:
    """Serve until a signal ends it, or the process that watches it has gone; return the exit code.

    The ledger is read only, a page at a time; the market is the one that the account trades on.
    """
    wanted = _parser().parse_args(words)
    stop = threading.Event()
    if wanted.watched:
        threading.Thread(target=_await_end_of_input, args=(stop,), daemon=True).start()
    try:
        with (
            logging_to(wanted.folder, *_logging(wanted)) as log,
            closing(SeatsOnFile(wanted.folder / LEDGER)) as seats,
            notifying(wanted.folder, wanted.folder / LEDGER),
        ):
            seats()  # a long ledger is read before anybody waits for it
            answers = Answers()
            watch = DeskWatch(
                wanted.folder / LEDGER,
                answers,
                failures=partial(failures, wanted.folder),
                dropped=lambda: log.dropped,
            )
            door = Door(
                hosts=frozenset({*OWN_NAMES, wanted.host.lower(), *wanted.name}),
                seats=seats,
                rates=Rates(wanted.requests_per_s, wanted.requests_burst),
                now_ns=time.time_ns,
                answered=answers.add,
            )
            screens = Screens(wanted.folder / LEDGER, time.time_ns)
            screens.begin()
            made = desk(_data(wanted, door), door, _place(wanted, screens), watch.routes())
            with (
                closing(screens),
                serving(made.app, _binding(wanted), made.connect) as address,
            ):
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, lambda *_: stop.set())
                with suppress(BrokenPipeError):  # who started it may be gone; then it ends as well
                    sys.stdout.write(f"ready {address.url}\n")
                    sys.stdout.flush()
                stop.wait()
    except SmartLeverageError as problem:
        sys.stderr.write(redactor(f"{problem}\n"))
        return EXIT_FAILED
    return 0


def _data(wanted: argparse.Namespace, door: Door) -> Data:
    """Return the market of the account: the embedded one, the broker's, passed on, or none."""
    if wanted.passes_on:
        from smart_leverage.brokers.alpaca.keys import keys_from
        from smart_leverage.market.download.line import host_of
        from smart_leverage.market.latest.asking import OWN
        from smart_leverage.server.desk.passing import Passing

        keys = keys_from(Path(wanted.keys_file) if wanted.keys_file else None, os.environ)
        return Data(Passing(host_of(wanted.data_url, OWN), keys).routes())
    if wanted.no_data:
        return Data(())
    # Most desks are never asked for prices, and a week of them takes most of a second.
    return data_of(EmbeddedMarket(partial(generate, kept_market(wanted.folder))), door)


def _logging(wanted: argparse.Namespace) -> tuple[Names, LogConfig]:
    config = LogConfig(wanted.log_level, wanted.log_size_mb, wanted.log_files)
    return Names(wanted.account, wanted.mode, "desk"), config


def _place(wanted: argparse.Namespace, screens: Screens) -> Place:
    return Place(
        folder=wanted.folder,
        room=screens.room,
        pages=screens.routes(),
        gateway=wanted.gateway,
        certificate=wanted.certificate,
        channels=channels_of_run(wanted.folder, f"{wanted.mode.upper()} …{wanted.account[-4:]}"),
    )


def _binding(wanted: argparse.Namespace) -> Binding:
    return Binding(
        host=wanted.host,
        port=wanted.port,
        spare_port=wanted.spare_port if not wanted.port else 0,
        certificate=wanted.certificate,
        key=wanted.key,
    )


def _await_end_of_input(stop: threading.Event) -> None:
    """End when nobody holds the other end of the input any more, however that process died."""
    while os.read(0, 1_024):
        pass
    stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smart_leverage.server.desk",
        description="Serve the market of a run to its bots, in the language of Alpaca's data API.",
    )
    parser.add_argument("folder", type=Path, help="of the run: its market.json and its ledger")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--spare-port", type=int, default=0, help="a free one to prefer")
    parser.add_argument("--name", action="append", default=[], help="one more name of this server")
    parser.add_argument("--certificate", type=Path, help="file of the TLS certificate")
    parser.add_argument("--key", type=Path, help="file of its private key")
    parser.add_argument("--requests-per-s", type=float, default=50.0, help="of one token")
    parser.add_argument("--requests-burst", type=float, default=500.0, help="at once")
    parser.add_argument("--account", default="", help="its name, for the log")
    parser.add_argument("--mode", default="", help="whether its money is real, for the log")
    parser.add_argument("--log-level", choices=("debug", "info", "warning"), default="info")
    parser.add_argument("--log-size-mb", type=int, default=10, help="of one file of the log")
    parser.add_argument("--log-files", type=int, default=5, help="older ones that are kept")
    parser.add_argument("--passes-on", action="store_true", help="to the broker's market data")
    parser.add_argument("--no-data", action="store_true", help="there is none to be shown")
    parser.add_argument("--keys-file", default="", help="of the broker; else the environment")
    parser.add_argument("--data-url", default="", help="of a server in the broker's place")
    parser.add_argument("--gateway", default="", help="address at which the account takes orders")
    parser.add_argument("--watched", action="store_true", help="end when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
