"""Puts one order to the engine's own rules, on a copy of the account that nobody keeps."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.cli.instruments import find
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import HOUSE, Side
from smart_leverage.domain.records import Decided
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.core import Core
from smart_leverage.engine.deciding import on_wish
from smart_leverage.engine.events import Rung
from smart_leverage.runtime.remembered import Known, Remembered

GIVEN = "the command line"


class Asked(NamedTuple):
    """What the engine answered, for which instrument, at which price."""

    decided: Decided
    instrument: Instrument
    known: Known | None


def ask(
    now: Remembered,
    config: EngineConfig,
    *,
    side: str,
    symbol: str,
    qty: Decimal | None,
    notional: Decimal | None,
    price: Decimal | None,
    bot: str | None,
    may_shrink: bool,
) -> Asked:
    """Return what the engine would decide if an order came now.

    The last known prices count as if they were printed now; whoever shows the answer says how old
    they are. An instrument without any price is not bought.

    Args:
        config: What the account goes by, with the limits in force.
        qty: Coins or shares; either this or `notional`.
        notional: Account currency.
        price: Price of the instrument; None takes the last one that the ledger knows.
        bot: Who asks; None is the largest holder for a sale, else the house.

    Raises:
        BadData: The account has no such instrument.
    """
    instrument = find(now.state.instruments.values(), symbol)
    prices = {key: known for key, known in now.prices.items() if known.at_ns}
    if price is not None:
        prices[instrument.key] = Known(price, now.at_ns, GIVEN)
    core = Core(config)
    core.state = now.state
    core.begin(now.at_ns)
    for key, known in prices.items():
        core.ladder.see(key, known.price, now.at_ns, Rung.TRADE)
    wish = OrderWish(
        at_ns=now.at_ns,
        key=instrument.key,
        side=Side(side),
        source="limits check",
        id="limits check",
        qty=qty,
        notional=notional,
    )
    on_wish(core, wish, bot or _holder(now, instrument.key), may_shrink)
    return Asked(core.out.decisions[-1], instrument, prices.get(instrument.key))


def _holder(now: Remembered, key: Key) -> str:
    quantities = now.state.book.quantities(key)
    return max(quantities, key=lambda bot: quantities[bot], default=HOUSE)
