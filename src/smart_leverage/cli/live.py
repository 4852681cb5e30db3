"""An account that runs in real time on the embedded market, until somebody stops it."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.cli.screen import Screen
from smart_leverage.domain.clock import SECOND_NS, SystemClock

if TYPE_CHECKING:
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.runtime.tokens import Token
    from smart_leverage.server.serving import Address
    from smart_leverage.settings import Settings
    from smart_leverage.wiring import Traders


def market_of(folder: Path, seed: int) -> "list[BarSeries]":
    """Return the market of a run: the one it began with, or a new one from today's midnight.

    Raises:
        BadData: The note of the market in the folder cannot be read.
    """
    from smart_leverage.market.kept import NOTE, keep_market, kept_market
    from smart_leverage.market.synthetic import generate

    if not (folder / NOTE).exists():
        today = datetime.fromtimestamp(SystemClock().now_ns() // SECOND_NS, UTC).date()
        keep_market(folder, seed, today)
    return generate(kept_market(folder))


def go_live(
    screen: Screen,
    folder: Path,
    settings: "Settings",
    series: "Sequence[BarSeries]",
    traders: "Traders",
    *,
    lasts_s: float | None,
) -> bool:
    """Run until interrupted, until the time is over or the market ends; tell what happens.

    Returns:
        Whether somebody interrupted it.
    """
    from smart_leverage.cli.narrator import Narrator
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.runtime.desk_process import desk_process
    from smart_leverage.wiring import in_real_time
    from smart_leverage.wiring.notifying import hand_over
    from smart_leverage.wiring.serving import desk_options, first_token, served

    _show_new_token(folder)
    narrator = Narrator(screen.say, settings.risk.timezone, tells_all=True)
    tell = (lambda record: None) if screen.as_json else narrator.hear
    began_s = time.monotonic()
    with (
        Stopping() as stopping,
        in_real_time(
            folder, settings, series, traders, clock=SystemClock(), tell=tell, warn=screen.note
        ) as driver,
    ):

        def is_over() -> bool:
            is_late = lasts_s is not None and time.monotonic() - began_s >= lasts_s
            return stopping.is_asked or is_late

        token = first_token(driver)
        hand_over(folder, settings)
        with (
            served(folder, settings, driver, series) as address,
            desk_process(folder, desk_options(settings), lambda url: show_desk(screen, url)),
        ):
            screen.note(f"{folder}: running on the embedded market in real time; Ctrl-C ends it")
            driver.step()  # there are prices before the address is shown: the first order counts
            show_gateway(screen, address, token)
            driver.run(is_over)
    if not screen.as_json:
        narrator.end()
    return stopping.is_asked


def show_gateway(screen: Screen, address: "Address", token: "Token | None") -> None:
    """Say where bots reach the account; the first bot's keys are shown once, ready to paste."""
    key_id, secret = ("KEY_ID", "SECRET") if token is None else token
    screen.note(f"gateway {address.url}, this machine only; `smart-leverage bots add` gives keys")
    screen.note("from alpaca.trading.client import TradingClient")
    screen.note(f'client = TradingClient("{key_id}", "{secret}", url_override="{address.url}")')
    screen.note("print(client.get_account().buying_power)")


def show_desk(screen: Screen, url: str) -> None:
    """Say where market data is; the account does not wait for that process, nor depend on it."""
    screen.note(f"market data {url}, the `url_override` of the data clients")


def _show_new_token(folder: Path) -> None:
    """Make the admin token of an account that has none, and show it, however quiet the run is."""
    import sys
    from contextlib import suppress

    from smart_leverage.runtime.admin import new_token

    with suppress(FileExistsError), new_token(folder) as token:
        what = f"admin token of {folder.name}, shown once, needed to resume and to loosen"
        sys.stderr.write(f"{what}: {token}\n")
        sys.stderr.flush()
