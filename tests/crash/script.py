"""What happens to an account in one world, act by act; an act may be played again after a crash.

A market that moves, two bots that want too much and an operator live outside of the process that
dies. They wait for it, and ask again for what was not answered, each time under the same name.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

from tests.simulation.regime import Looker, Regime
from tests.simulation.worlds import Walk, World, bars_of

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.engine.events import Command
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.feed import Instant, instants

BOTS = ("bot-0", "bot-1")
RESUMED_AFTER = 4
"""Instants between an operator's command and the resume that follows."""


class Close(NamedTuple):
    """Bars end: resting orders meet them, their closes are decided on."""

    at_ns: int
    bars: list[tuple[Key, Bar]]


class Order(NamedTuple):
    """The operator wants something."""

    at_ns: int
    command: Command


class Wish(NamedTuple):
    """A bot wants something."""

    at_ns: int
    bot: str
    wish: OrderWish


class Bring(NamedTuple):
    """A schedule brings evidence, sound or not."""

    at_ns: int
    measured: str


class Flow(NamedTuple):
    """Money comes or goes at the venue."""

    at_ns: int
    amount: Decimal
    reference: str


class Open(NamedTuple):
    """Bars begin: their first prints are seen, nothing fills yet."""

    at_ns: int
    opens: list[tuple[Key, float]]


class Fill(NamedTuple):
    """The venue fills what those prints can fill."""

    at_ns: int


class Over(NamedTuple):
    """The opening is over: what did not fill is late."""

    at_ns: int
    keys: tuple[Key, ...]


Act = Close | Order | Bring | Flow | Wish | Open | Fill | Over


def world_of(seed: int) -> World:
    """Return a world in which caps bind, stops sell, breakers trip, and shares close at night."""
    walk = Walk(drift=-0.001, volatility=0.011, gap=0.004, jumps=0.02, jump=0.12, holes=0.0)
    coins, shares = ("BTC", "ETH", "SOL"), ("AAPL", "SPY", "TQQQ")
    return World(seed, days=6, walk=walk, coins=coins, shares=shares)


def series_of(seed: int) -> list[BarSeries]:
    """Return the bars of a world."""
    return bars_of(world_of(seed))


def acts_of(seed: int, series: Sequence[BarSeries], regime: Regime) -> list[Act]:
    """Return everything that happens in a world, in order; the same at every call.

    Where exposure is earned, evidence comes as well.
    """
    chance, looker = Random(f"{seed}/acts"), Looker(seed)
    found: list[Act] = []
    resumes_at = -1
    for number, instant in enumerate(instants(series)):
        if instant.closes:
            found.append(Close(instant.at_ns, instant.closes))
            if number == resumes_at:
                found.append(Order(instant.at_ns, Command.RESUME))
            elif number > resumes_at and chance.random() < 0.06:
                wanted = (Command.HALT, Command.HALT, Command.REDUCE, Command.FLATTEN)
                found.append(Order(instant.at_ns, chance.choice(wanted)))
                resumes_at = number + RESUMED_AFTER
            if not regime.is_classic and looker.chance.random() < 0.1:
                found.append(Bring(instant.at_ns, looker.brings(instant.at_ns, BOTS[0])))
            if chance.random() < 0.05:
                amount = Decimal(chance.randrange(-2_000, 8_000) or 1)
                found.append(Flow(instant.at_ns, amount, f"wire-{number}"))
            found += _wishes(chance, instant)
        if instant.opens:
            found.append(Open(instant.at_ns, instant.opens))
            found.append(Fill(instant.at_ns))
            found.append(Over(instant.at_ns, tuple(key for key, _ in instant.opens)))
    return found


def _wishes(chance: Random, instant: Instant) -> Iterator[Wish]:
    for bot in BOTS:
        for number in range(chance.choice((0, 0, 1, 2, 3))):
            key, bar = chance.choice(instant.closes)
            is_sale = chance.random() < 0.35
            money = Decimal(chance.randrange(500, 15_000))
            qty = (money / Decimal(repr(bar.close))).quantize(Decimal("0.0001"))
            wish = OrderWish(
                at_ns=instant.at_ns,
                key=key,
                side=Side.SELL if is_sale else Side.BUY,
                source=bot,
                id=f"{bot}:{instant.at_ns}:{number}",
                qty=max(qty, Decimal("0.0001")) if is_sale else None,
                notional=None if is_sale else money,
            )
            yield Wish(instant.at_ns, bot, wish)
