"""Checks of a real broker: keys, account, holdings, clock; it is asked and nothing is changed."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from smart_leverage.cli.finding import Finding, fine, several, warning, wrong
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown, ConfigError
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.orders import PositionSnapshot
from smart_leverage.settings import Settings
from smart_leverage.wiring.real_venue import broker_of

CLOCK_MAX_NS = 2 * SECOND_NS
_GOVERNED = tuple(f"{each.value}:" for each in AssetClass)


def broker_checks(settings: Settings, folder: Path) -> Iterator[Finding]:
    """Yield what the broker of a paper or live account says; where it says nothing, only that.

    Args:
        settings: Where the broker is, and the keys.
        folder: Of the account; it may not be there yet.
    """
    mode, where = settings.account.mode, settings.broker
    try:
        with broker_of(folder, settings) as broker:
            account, positions, broker_ns = broker.account(), broker.positions(), broker.clock_ns()
    except ConfigError as error:
        yield wrong("keys", error.problems[0])
        return
    except BrokerDown as error:
        yield wrong("keys", str(error), f"are these the keys of a {mode} account?")
        return
    yield fine("keys", f"taken by {where.url or where.exchange or 'Alpaca'}, {mode}")
    if account.is_blocked:
        yield wrong("broker", "takes no orders of this account", "its own page says why")
    else:
        yield fine("broker", f"equity ${account.equity:,.2f}, cash ${account.cash:,.2f}")
    yield _holdings(positions)
    yield _clock(broker_ns)


def _holdings(positions: Sequence[PositionSnapshot]) -> Finding:
    held = [one for one in positions if one.qty]
    strange = [
        f"{one.key} {one.qty:f}" for one in held if one.qty < 0 or not one.key.startswith(_GOVERNED)
    ]
    if strange:
        return wrong("holdings", f"not governed here: {several(strange)}", "close them there first")
    return fine("holdings", f"{len(held)}, all of them governed")


def _clock(broker_ns: int | None) -> Finding:
    apart_ns = abs((broker_ns or 0) - time.time_ns())
    if apart_ns > CLOCK_MAX_NS:
        found = f"{apart_ns / SECOND_NS:,.0f} s apart from the broker's"
        return warning("clock", found, "let the machine set its clock from the network")
    return fine("clock", f"{apart_ns / 1e6:.0f} ms apart from the broker's")
