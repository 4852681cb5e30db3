"""The process that runs one account of the drill, with the parts and the wiring of `run`."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.errors import SmartLeverageError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.drill.market import StageClock, StagedMarket
from smart_leverage.drill.scene import Scene, kept
from smart_leverage.runtime.admin import new_token
from smart_leverage.runtime.desk_process import desk_process
from smart_leverage.runtime.dumps import leave_no_core
from smart_leverage.runtime.interpreter import set_for_trading
from smart_leverage.runtime.live import Pace
from smart_leverage.runtime.logs import journal
from smart_leverage.runtime.logs.setup import LogConfig, Names, logging_to
from smart_leverage.runtime.proposing import Traders
from smart_leverage.runtime.venue_process import PID, venue_process
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, in_real_time, opening
from smart_leverage.wiring.accounts import BROKER
from smart_leverage.wiring.serving import desk_options, first_token, served
from smart_leverage.wiring.venues import Venue

SETTINGS = "settings.json"
PACE = Pace(step_s=0.2, reconcile_every_s=10.0)
"""A little faster than in earnest, so that nobody waits long for a fill."""


def main() -> int:
    """Run the account of a folder until the standard input ends."""
    folder = Path(sys.argv[1])
    leave_no_core()
    try:
        _run(folder, kept(folder), _settings(folder))
    except SmartLeverageError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    finally:
        end_venue(folder)  # it would outlive an error, as after a crash, and nobody would come back
    return 0


def end_venue(folder: Path) -> None:
    """End a venue that still runs: it notes its process, and takes the note away as it ends."""
    with suppress(OSError, ValueError):
        os.kill(int((folder / PID).read_text(encoding="ascii")), signal.SIGTERM)
        (folder / PID).unlink()


def _settings(folder: Path) -> Settings:
    return Settings.model_validate_json((folder / SETTINGS).read_bytes())


def _run(folder: Path, scene: Scene, settings: Settings) -> None:
    clock, over = StageClock(folder, scene.begins_ns), threading.Event()
    threading.Thread(target=_await_end_of_input, args=(over,), daemon=True).start()
    names = Names(settings.account.name, settings.account.mode, "trade")
    with new_token(folder, replaces=True) as admin:
        pass
    with (
        logging_to(folder, names, LogConfig(**settings.logs.model_dump())) as log,
        in_real_time(
            folder,
            settings,
            _venue(folder, settings, scene),
            Traders(),
            clock=clock,
            tell=journal.hear,
            warn=journal.trouble,
        ) as (driver, venue),
    ):
        token, driver.pace = first_token(driver), PACE
        with (
            served(
                folder,
                settings,
                driver,
                venue.last_close,
                lambda: log.dropped,
                now_ns=clock.now_ns,
            ) as address,
            desk_process(folder, [*desk_options(settings, address), "--no-data"]),
        ):
            driver.step()
            _say(gateway=address.url, token=token, admin=admin)
            with set_for_trading():
                driver.run(over.is_set)


@contextmanager
def _venue(folder: Path, settings: Settings, scene: Scene) -> Iterator[Venue]:
    """Yield the simulated venue, which holds already what the scene says.

    It lends four times the equity, sells short and takes coin orders of any size, so that what is
    not stopped before it shows in its books.
    """
    registry = Registry.builtin()
    config = SimConfig(
        mode=Mode.LIVE,
        cash=scene.cash,
        positions=scene.holdings,
        is_short_allowed=True,
        partial_probability=0.0,
        coin_order_notional_max=Decimal(10**9),
        opened_at_ns=scene.begins_ns,
    )
    if not (folder / BROKER).exists():
        with SimBroker(registry, config=config, path=folder / BROKER):
            pass
    beginning = Beginning(scene.cash, scene.holdings)
    keys = [Key(key) for key in scene.prices]
    with venue_process(folder, scene.cash) as broker:
        yield Venue(
            broker=broker,
            quotes=StagedMarket(folder, scene.prices, scene.begins_ns),
            market=broker,
            begin=lambda at_ns: opening(settings, at_ns, beginning, registry, keys),
            last_close=lambda key: (
                Decimal(repr(scene.prices[key])) if key in scene.prices else None
            ),
        )


def _say(**fields: Any) -> None:
    with suppress(BrokenPipeError):  # who started it may be gone; then it ends as well
        sys.stdout.write(f"{json.dumps(fields)}\n")
        sys.stdout.flush()


def _await_end_of_input(over: threading.Event) -> None:
    """End when nobody holds the other end any more, however that process died."""
    while os.read(0, 1_024):
        pass
    over.set()
    time.sleep(60.0)
    os._exit(1)  # whoever started it is long gone, and it did not end in order


if __name__ == "__main__":
    sys.exit(main())
