"""An account that runs in real time, until somebody stops it."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.cli.screen import Screen
from smart_leverage.domain.clock import SECOND_NS, SystemClock

if TYPE_CHECKING:
    from smart_leverage.domain.records import Record
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.runtime.logs.setup import LogConfig, Names
    from smart_leverage.runtime.tokens import Token
    from smart_leverage.server.serving import Address
    from smart_leverage.settings import Settings
    from smart_leverage.wiring import Traders
    from smart_leverage.wiring.venues import Behind


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

    Args:
        screen: Where it is told.
        folder: Of the account.
        settings: Their mode says which venue stands behind it.
        series: The embedded market; none for a real one.
        traders: Who proposes beside the bots of the gateway.
        lasts_s: End by itself after so long.

    Returns:
        Whether somebody interrupted it.
    """
    from smart_leverage.cli.narrator import Narrator
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.runtime.cores import together
    from smart_leverage.runtime.desk_process import desk_process
    from smart_leverage.runtime.dumps import leave_no_core
    from smart_leverage.runtime.interpreter import set_for_trading
    from smart_leverage.runtime.logs import journal
    from smart_leverage.runtime.logs.setup import logging_to
    from smart_leverage.wiring import in_real_time
    from smart_leverage.wiring.notifying import hand_over
    from smart_leverage.wiring.serving import desk_options, first_token, served

    leave_no_core()

    _show_new_token(folder)
    narrator = Narrator(screen.say, settings.risk.timezone, tells_all=True)
    told = (lambda record: None) if screen.as_json else narrator.hear

    def tell(record: "Record") -> None:
        journal.hear(record)
        told(record)

    def warn(line: str) -> None:
        journal.trouble(line)
        screen.note(line)

    behind = _behind(folder, settings, series, warn)
    began_s = time.monotonic()
    with (
        Stopping() as stopping,
        logging_to(folder, *_log_of(settings), terminal=sys.stderr) as log,
        in_real_time(
            folder, settings, behind, traders, clock=SystemClock(), tell=tell, warn=warn
        ) as (driver, venue),
    ):

        def is_over() -> bool:
            is_late = lasts_s is not None and time.monotonic() - began_s >= lasts_s
            return stopping.is_asked or is_late

        token = first_token(driver)
        hand_over(folder, settings)
        with (
            served(folder, settings, driver, venue.last_close, lambda: log.dropped) as address,
            desk_process(
                folder, desk_options(settings, address), lambda url: show_desk(screen, folder, url)
            ),
        ):
            screen.note(f"{folder}: running {_where(settings)} in real time; Ctrl-C ends it")
            driver.step()  # there are prices before the address is shown: the first order counts
            show_gateway(screen, address, token)
            with set_for_trading(), together():
                driver.run(is_over)
    if not screen.as_json:
        narrator.end()
    return stopping.is_asked


def _behind(
    folder: Path,
    settings: "Settings",
    series: "Sequence[BarSeries]",
    warn: "Callable[[str], None]",
) -> "Behind":
    """Return the venue of an account; what speaks to a real broker is loaded only for one."""
    if settings.account.mode == "sim":
        from smart_leverage.wiring import embedded

        return embedded(folder, settings, series)
    from smart_leverage.wiring.real_venue import real

    return real(folder, settings, warn)


def _where(settings: "Settings") -> str:
    """Return where an account deals, in words that nobody mistakes."""
    mode, enforcement = settings.account.mode, settings.account.enforcement
    if mode == "sim":
        return "on the embedded market"
    money = "REAL MONEY" if mode == "live" else "paper money"
    at = settings.broker.url or settings.broker.exchange or "Alpaca"
    return f"a {mode.upper()} account at {at}, {money}, enforcement begins with {enforcement},"


def _log_of(settings: "Settings") -> "tuple[Names, LogConfig]":
    from smart_leverage.runtime.logs.setup import LogConfig, Names

    account, logs = settings.account, settings.logs
    return Names(account.name, account.mode, "trade"), LogConfig(**logs.model_dump())


def show_gateway(screen: Screen, address: "Address", token: "Token | None") -> None:
    """Say where bots reach the account; the first bot's keys are shown once, ready to paste."""
    key_id, secret = ("KEY_ID", "SECRET") if token is None else token
    screen.note(f"gateway {address.url}, this machine only; `smart-leverage bots add` gives keys")
    screen.note("from alpaca.trading.client import TradingClient")
    screen.note(f'client = TradingClient("{key_id}", "{secret}", url_override="{address.url}")')
    screen.note("print(client.get_account().buying_power)")


def show_desk(screen: Screen, folder: Path, url: str) -> None:
    """Say where people and market data are; the account depends on nothing of that process.

    On a terminal a link follows that signs one person in, once; it goes nowhere else.
    """
    import sys

    screen.note(f"market data {url}, the `url_override` of the data clients")
    if not sys.stderr.isatty() or screen.is_quiet:
        screen.note(f"desk {url}, `smart-leverage desk link` lets you in")
        return
    from smart_leverage.cli.desk import made_link, own_name
    from smart_leverage.domain.bots import Scope

    link = made_link(folder, (Scope.ADMIN,), own_name(), url)
    screen.note(f"desk, signs you in once within ten minutes: {link}")


def _show_new_token(folder: Path) -> None:
    """Make the admin token of an account that has none, and show it, however quiet the run is."""
    from contextlib import suppress

    from smart_leverage.runtime.admin import new_token

    with suppress(FileExistsError), new_token(folder) as token:
        what = f"admin token of {folder.name}, shown once, needed to resume and to loosen"
        sys.stderr.write(f"{what}: {token}\n")
        sys.stderr.flush()
