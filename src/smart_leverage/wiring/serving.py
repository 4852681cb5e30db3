"""An account that runs gets a gateway: routes, door and thread, on the port that it had before."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from pathlib import Path

from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.runtime.live import LiveDriver
from smart_leverage.runtime.people.seats import WithPeople
from smart_leverage.runtime.ports import keep_port, port_before
from smart_leverage.runtime.tokens import Token, new_token
from smart_leverage.server.api.app import native_routes
from smart_leverage.server.api.native import Native, NativeParts
from smart_leverage.server.gate import Door
from smart_leverage.server.gateway.app import Gateway, Parts, gateway
from smart_leverage.server.metrics.requests import Answers
from smart_leverage.server.metrics.trade import Trade, TradeParts
from smart_leverage.server.rates import Rates
from smart_leverage.server.serving import Address, Binding, serving
from smart_leverage.settings import Settings
from smart_leverage.wiring.accounts import LEDGER

PORT = "gateway.port"
OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
FIRST_BOT = "bot"


@contextmanager
def served(
    folder: Path,
    settings: Settings,
    driver: LiveDriver,
    last_close: Callable[[Key], Decimal | None],
    dropped: Callable[[], int] = int,
    now_ns: Callable[[], int] = time.time_ns,
) -> Iterator[Address]:
    """Serve the gateway of an account while the block runs; its driver has to run in there.

    Args:
        folder: Of the account.
        settings: Where to listen, and how often a token may come.
        driver: Runs the account; its office takes in what the bots want.
        last_close: Says what an instrument closed at on the day before.
        dropped: Says how many lines of the log were left out.
        now_ns: What time it is for those who come in; the same as for the account.

    Raises:
        ConfigError: It cannot listen there.
    """
    assert driver.office is not None, "a driver in real time has an office"  # noqa: S101
    server = settings.server
    rates, answers = Rates(server.requests_per_s, server.requests_burst), Answers()
    people = WithPeople(folder, lambda: driver.trader.engine.state.seats)
    made = gateway(
        Parts(
            trader=driver.trader,
            office=driver.office,
            folder=folder,
            ledger=folder / LEDGER,
            door=Door(
                hosts=frozenset({*OWN_NAMES, server.host.lower(), *_names(settings)}),
                seats=lambda: people,
                rates=rates,
                now_ns=now_ns,
                answered=answers.add,
            ),
            last_price=lambda key: last_close(Key(key)),
            similar_max=server.similar_max,
        ),
        lambda bridge, listing: [
            *native_routes(
                Native(
                    NativeParts(
                        bridge=bridge,
                        listing=listing,
                        folder=folder,
                        ledger=folder / LEDGER,
                        rates=rates,
                        seats=lambda: driver.trader.engine.state.seats,
                        now_ns=now_ns,
                        settle=driver.settle,
                    )
                )
            ),
            *Trade(
                TradeParts(bridge, driver.pulse, folder / LEDGER, answers, now_ns, dropped)
            ).routes(),
        ],
    )
    binding = _binding(folder, settings)
    watched = nullcontext if driver.watchdog is None else driver.watchdog.over
    with serving(made.app, binding, _connecting(made), driver.attend, watched) as address:
        keep_port(folder / PORT, address.port)
        yield address


def desk_options(settings: Settings, gateway: Address) -> list[str]:
    """Return how the desk is told to listen and to log: as the gateway, on a port of its own."""
    server = settings.server
    options = ["--host", server.host, "--gateway", gateway.url]
    options += ["--requests-per-s", str(server.requests_per_s)]
    options += ["--requests-burst", str(server.requests_burst)]
    for name in _names(settings):
        options += ["--name", name]
    logs, account = settings.logs, settings.account
    options += ["--account", account.name, "--mode", account.mode, "--log-level", logs.level]
    options += ["--log-size-mb", str(logs.size_mb), "--log-files", str(logs.files)]
    if account.mode != "sim":
        broker = settings.broker
        options += ["--no-data"] if broker.exchange else ["--passes-on"]
        options += ["--keys-file", broker.keys_file] if broker.keys_file else []
        options += ["--data-url", broker.data_url] if broker.data_url else []
    if server.certificate and server.key:
        options += ["--certificate", server.certificate, "--key", server.key]
    return options


def _names(settings: Settings) -> set[str]:
    return {name.strip().lower() for name in settings.server.names.split(",") if name.strip()}


def _connecting(made: Gateway) -> Callable[[asyncio.AbstractEventLoop | None], None]:
    def connect(loop: asyncio.AbstractEventLoop | None) -> None:
        made.bridge.connect(loop)
        made.updates.connect(loop)

    return connect


def _binding(folder: Path, settings: Settings) -> Binding:
    """Return where to listen: as configured, else on the port of the last time if it is free."""
    server = settings.server
    return Binding(
        host=server.host,
        port=server.port,
        spare_port=port_before(folder / PORT) if not server.port else 0,
        certificate=Path(server.certificate) if server.certificate else None,
        key=Path(server.key) if server.key else None,
    )


def first_token(driver: LiveDriver) -> Token | None:
    """Give an account its first bot, which may trade, and return its token; None if it has one."""
    if driver.trader.engine.state.seats:
        return None
    token = new_token()
    changes = {
        "bot": FIRST_BOT,
        "token_id": token.token_id,
        "secret_sha256": token.secret_sha256,
        "scopes": "trade",
    }
    driver.trader.offer(
        Commanded(
            at_ns=driver.clock.now_ns(),
            command=Command.SEAT,
            who="run",
            reason="the first bot of the account",
            changes=tuple(changes.items()),
            is_admin=True,
        )
    )
    driver.trader.flush()
    return token
