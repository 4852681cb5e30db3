"""Under which circumstances an order log is replayed: variants, the beginning, what is offered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Opened
from smart_leverage.fills.costs import CostModel
from smart_leverage.runtime.replay_log import OrderLog

BOT, MIRROR = "logged", "mirror"
SHIFT_NS = 20 * SECOND_NS
"""So much later than the logged bot its mirror sends the same order with the other side."""

LEAD_NS = 2 * MINUTE_NS
"""The account is opened so long before the first order."""

MINUTES_DAYS = 3
"""A log of so many days is looked at each minute, one of ten times as many every five."""

COINS = tuple(Key(f"crypto:{code}/USD") for code in ("BTC", "ETH", "SOL"))
_STEP = Decimal("0.000000001")
ZERO = Decimal(0)

Opener = Callable[[int, Decimal, tuple[Start, ...], Registry, Sequence[Key]], Opened]
"""Makes the event that opens the account: time, cash, holdings, registry, keys to be listed."""


class Variant(NamedTuple):
    """Under which circumstances a log is replayed."""

    name: str
    title: str
    is_governed: bool = True
    has_coins: bool = True
    is_forced: bool = False
    is_doubled: bool = False


VARIANTS = {
    one.name: one
    for one in (
        Variant("a", "policy off: orders go straight to the venue", is_governed=False),
        Variant("b", "record forced to stable, no coins at first", has_coins=False, is_forced=True),
        Variant("c", "no record"),
        Variant("d", "no record, and a second bot mirrors the first", is_doubled=True),
    )
}


class Account(NamedTuple):
    """The account as it is at first; `coins` is worth this much, in equal parts of COINS.

    `holdings` are quantities of the bot beside those, worth the first price of the log.
    `resumes_monthly` plays the person who lifts a halt when a new month begins. With `sells_held`
    a sale of more than is held sells what is held: fees in coin, or a smaller purchase, have left
    less than the log says. `costs` are what the venue charges; None leaves it its own.
    """

    equity: Decimal
    coins: Decimal
    config: EngineConfig
    opener: Opener
    may_shrink: bool = False
    holdings: Mapping[Key, Decimal] = {}
    resumes_monthly: bool = False
    sells_held: bool = False
    costs: CostModel | None = None


class Offer(NamedTuple):
    """One order as it is offered again; `has_filled` says whether it filled in the log.

    `covers` of it closes a short, which an account under our rule does not have.
    """

    at_ns: int
    key: Key
    side: Side
    qty: Decimal
    bot: str
    has_filled: bool
    covers: Decimal = ZERO


def offers_of(log: OrderLog, *, is_doubled: bool) -> list[Offer]:
    """Return what is offered, in order of time; doubled, a mirror answers each order."""
    offers = [
        Offer(one.at_ns, key, one.side, one.qty, BOT, one.fill is not None, one.covers)
        for one, key in log.offered
    ]
    if is_doubled:
        other = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
        offers += [
            one._replace(at_ns=one.at_ns + SHIFT_NS, side=other[one.side], bot=MIRROR)
            for one in list(offers)
        ]
    return sorted(offers, key=lambda one: one.at_ns)


def step_of(log: OrderLog, offers: Sequence[Offer]) -> int:
    """Return how often prices are looked at between orders: each minute, of a long log less often.

    What has a deadline of half an hour is then not seen to the minute, and a log of years ends.
    """
    last = max(offers[-1].at_ns, *(one.fill.at_ns for one in log.orders if one.fill is not None))
    days = (last - offers[0].at_ns) / DAY_NS
    if days <= MINUTES_DAYS:
        return MINUTE_NS
    return 5 * MINUTE_NS if days <= MINUTES_DAYS * 10 else HOUR_NS


def instants_of(log: OrderLog, offers: Sequence[Offer], step_ns: int = MINUTE_NS) -> list[int]:
    """Return when prices are looked at: at every order and fill of the log, and every step."""
    fills = [order.fill.at_ns for order in log.orders if order.fill is not None]
    first, last = offers[0].at_ns - LEAD_NS, max(offers[-1].at_ns, *fills) + LEAD_NS
    shifted = [at_ns + SHIFT_NS for at_ns in fills] if offers[-1].bot == MIRROR else []
    steps = range(first, last, step_ns)
    return sorted({*steps, *fills, *shifted, last, *(one.at_ns for one in offers)})


@contextmanager
def venue_of(
    log: OrderLog, variant: Variant, account: Account, opened_ns: int
) -> Iterator[SimBroker]:
    """Yield a venue with the opening account; it fills whole orders, and it allows shorts."""
    holdings = _holdings(log, account) if variant.has_coins else ()
    config = SimConfig(
        mode=Mode.LIVE,
        cash=account.equity - sum((one.qty * one.price for one in holdings), ZERO),
        positions=holdings,
        is_short_allowed=True,  # so that nothing but the engine keeps a position from turning
        partial_probability=0.0,
        opened_at_ns=opened_ns,
    )
    with SimBroker(log.registry, config=config, costs=account.costs or CostModel()) as venue:
        yield venue


def _holdings(log: OrderLog, account: Account) -> tuple[Start, ...]:
    found = [key for key in COINS if key in log.trails] if account.coins else []
    units = {
        key: (account.coins / len(found) / log.trails[key].first).quantize(_STEP, ROUND_DOWN)
        for key in found
    }
    for key, qty in account.holdings.items():
        units[key] = units.get(key, ZERO) + qty
    return tuple(Start(key, qty, log.trails[key].first) for key, qty in units.items() if qty)
