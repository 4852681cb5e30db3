"""What an account of the drill begins with, and when: written down for the process that runs it."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from smart_leverage.brokers.sim import Start
from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.instruments import Key

NOTE = "scene.json"

PRICES: dict[str, float] = {
    "crypto:BTC/USD": 60_000.0,
    "crypto:ETH/USD": 3_000.0,
    "crypto:SOL/USD": 150.0,
    "crypto:LINK/USD": 15.0,
    "crypto:AVAX/USD": 25.0,
    "crypto:DOT/USD": 5.0,
    "crypto:UNI/USD": 8.0,
    "crypto:AAVE/USD": 200.0,
    "crypto:LTC/USD": 80.0,
    "us_equity:SPY": 500.0,
    "us_equity:QQQ": 450.0,
    "us_equity:AAPL": 200.0,
    "us_equity:MSFT": 400.0,
    "us_equity:JPM": 220.0,
    "us_equity:KO": 60.0,
    "us_equity:COST": 800.0,
    "us_equity:TQQQ": 50.0,
    "us_equity:UPRO": 80.0,
    "us_equity:SOXL": 30.0,
}
"""The market of the drill: what may be traded there, and about what it costs."""


class Scene(Struct, frozen=True, kw_only=True):
    """One account of the drill.

    Attributes:
        cash: What is there beside the holdings, dollars.
        holdings: With which it begins.
        begins_ns: The time that its clock shows first: a trading day, two hours after the opening.
        prices: What each instrument costs at first.
    """

    cash: Decimal
    holdings: tuple[Start, ...]
    begins_ns: int
    prices: dict[str, float]


def scene_of(
    equity: Decimal, shares: Mapping[str, float], prices: dict[str, float], begins_ns: int
) -> Scene:
    """Return the scene in which parts of the equity are held already, the rest being cash."""
    holdings = tuple(
        Start(Key(key), _whole(key, equity * Decimal(str(part)), prices[key]), _exact(prices[key]))
        for key, part in shares.items()
    )
    spent = sum((one.qty * one.price for one in holdings), Decimal(0))
    return Scene(cash=equity - spent, holdings=holdings, begins_ns=begins_ns, prices=prices)


def begin_of(today: date) -> int:
    """Return a time at which shares trade: two hours into the last whole session before today."""
    sessions = Sessions.xnys()
    day = min(today, sessions.last) - timedelta(days=1)
    session = list(sessions.between(day - timedelta(days=14), day))[-1]
    return session.open_ns + 2 * HOUR_NS


def keep(folder: Path, scene: Scene) -> None:
    """Write a scene into the folder of its account."""
    (folder / NOTE).write_bytes(msgspec.json.encode(scene))


def kept(folder: Path) -> Scene:
    """Read the scene of an account."""
    return msgspec.json.decode((folder / NOTE).read_bytes(), type=Scene)


def _exact(price: float) -> Decimal:
    return Decimal(repr(price))


def _whole(key: str, worth: Decimal, price: float) -> Decimal:
    step = Decimal(1) if key.startswith("us_equity") else Decimal("0.0001")
    return (worth / _exact(price)) // step * step
