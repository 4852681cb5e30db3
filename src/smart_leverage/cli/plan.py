"""What would have to be sold to be inside every cap, and the owner's consent to it."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.control import order
from smart_leverage.cli.options import ConfigPath, LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from pathlib import Path

    from smart_leverage.runtime.remembered import Remembered


@command("smart-leverage plan show", "smart-leverage plan show --ledger runs/live --json")
def show(screen: Screen, ledger: LedgerPath = None, config: ConfigPath = None) -> None:
    """Show what would have to be sold now to be inside every cap, and the phases of the review.

    Prices are the last that the ledger knows; gains go by the average entry price, before fees and
    tax, so they are an estimate.
    """
    _show(screen, ledger, config)


@command(
    'smart-leverage plan consent --reason "sell down to the caps"',
    'smart-leverage plan consent --reason "agreed" --ledger runs/live --json',
)
def consent(
    screen: Screen,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands there.")],
    ledger: LedgerPath = None,
    config: ConfigPath = None,
) -> None:
    """Let the house sell positions that were there before it, where that waits for their owner.

    What would be sold is shown first. It needs a running account and no token: selling makes it
    safer. It cannot be taken back; a step down the ladder of enforcement stops further sales.
    """
    if not screen.as_json:
        _show(screen, ledger, config)
        screen.say("")
    order(screen, "consent", reason, ledger)


_COLUMNS = (
    Column("instrument"),
    Column("sell", is_number=True),
    Column("of", is_number=True),
    Column("worth", is_number=True),
    Column("gain", is_number=True),
)


def _show(screen: Screen, ledger: "Path | None", config: "Path | None") -> None:
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.domain.phases import told
    from smart_leverage.domain.sentences import money, plain
    from smart_leverage.runtime.remembered import remember

    now = remember(ledger_path(ledger), with_prices=True)
    rows, phases = _sales(screen, now, config), now.phases
    if screen.as_json:
        gain = sum((row["gain"] for row in rows), Decimal(0))
        screen.record({"sales": rows, "gain": gain, "phases": phases})
        return
    if not rows:
        screen.say("nothing is above its cap, so nothing would be sold")
    else:
        cells = [
            [
                row["key"].partition(":")[2],
                plain(row["qty"]),
                plain(row["held"]),
                money(row["worth"]),
                money(row["gain"]),
            ]
            for row in rows
        ]
        screen.table(_COLUMNS, cells)
        total = sum((row["gain"] for row in rows), Decimal(0))
        screen.say(f"gain that these sales would realise, about {money(total)}")
    screen.say(*(f"phase     {told(each)}" for each in phases))


def _sales(screen: Screen, now: "Remembered", config: "Path | None") -> list[dict[str, Any]]:
    """Return the sales that bring every group inside, by the engine's own arithmetic."""
    from smart_leverage.cli.rules import config_of
    from smart_leverage.engine.core import Core
    from smart_leverage.engine.events import Rung
    from smart_leverage.engine.exposure import value
    from smart_leverage.engine.shrinking import excess

    core = Core(config_of(now, config, screen.note))
    core.state = now.state
    core.begin(now.at_ns)
    prices = {key: known.price for key, known in now.prices.items() if known.at_ns}
    for key, price in prices.items():
        core.ladder.see(key, price, now.at_ns, Rung.TRADE)
    valuation = value(core.state, core.ladder)
    if valuation.equity <= 0:
        return []
    return [
        {
            "key": key,
            "qty": qty,
            "held": now.state.book.qty(key),
            "worth": qty * prices[key],
            "gain": qty * (prices[key] - now.state.entry_price(key)),
        }
        for key, qty in excess(core, valuation).items()
        if qty > 0 and key in prices
    ]
