"""Short random worlds from a seed: prices with gaps, jumps and holes, and bots that want too much.

A world is played through the real engine, trader, venue and driver; what is left behind is the
venue's file, which the auditor reads together with the prices.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.simulation.audit_market import Series
from tests.simulation.audit_record import Terms
from tests.simulation.audit_report import Report
from tests.simulation.auditor import audit
from tests.simulation.regime import SWITCHES, Regime

from smart_leverage.brokers.sim import SimBroker, SimConfig, Start
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, ManualClock
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.opportunity import Opportunity, OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Event, FlowArrived, Opened, Outcome
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.feed import Instant, instants
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.trader import Trader
from smart_leverage.strategies.base import AccountView

EPOCH = date(1970, 1, 1)
CENT = Decimal("0.01")


class Walk(NamedTuple):
    """How a world's prices move; `volatility` is that of a bar, `jump` the size of a rare move."""

    drift: float = 0.0
    volatility: float = 0.006
    gap: float = 0.002
    jumps: float = 0.01
    jump: float = 0.06
    holes: float = 0.01


class World(NamedTuple):
    """Everything that a run depends on."""

    seed: int
    days: int = 8
    first_day: date = date(2024, 2, 26)
    step_ns: int = HOUR_NS
    walk: Walk = Walk()
    coins: tuple[str, ...] = ("BTC", "DOGE", "ETH", "LINK", "SOL")
    shares: tuple[str, ...] = ("AAPL", "KO", "SPY", "SQQQ", "SSO", "TQQQ")
    cash: int = 100_000
    holdings: tuple[tuple[str, str], ...] = ()
    """(key, quantity) of what the account begins with."""
    bots: int = 2
    greed: float = 0.06
    """Mean size of an order, fraction of equity."""
    pace: float = 0.5
    """Chance that a bot sends orders at an instant."""
    sells: float = 0.3
    """Share of a bot's orders that sell."""
    may_shrink: bool = False
    flows: float = 0.0
    """Chance of a deposit or withdrawal at an instant."""
    resumes: bool = True
    switches: tuple[str, ...] = ()
    """Which switches of `steady` are on; all else is as in `classic`."""


WORLDS = {
    "calm": World(0),
    "wild": World(0, walk=Walk(volatility=0.02, gap=0.006, jumps=0.03, jump=0.1)),
    "rising": World(0, days=12, walk=Walk(drift=0.003, volatility=0.004), pace=0.8, sells=0.6),
    "falling": World(0, days=10, walk=Walk(drift=-0.002, volatility=0.008)),
    "sinking": World(
        0,
        days=12,
        walk=Walk(drift=-0.004, volatility=0.008),
        greed=0.1,
        pace=0.8,
        sells=0.1,
        may_shrink=True,
    ),
    "crowded": World(0, bots=3, greed=0.15, pace=0.9),
    "earning": World(
        0,
        walk=Walk(drift=0.004, volatility=0.003),
        bots=3,
        greed=0.12,
        pace=0.9,
        sells=0.4,
        may_shrink=True,
    ),
    "paid-in": World(
        0,
        walk=Walk(drift=-0.004, volatility=0.01),
        greed=0.15,
        pace=0.9,
        sells=0.1,
        may_shrink=True,
        flows=0.08,
    ),
    "jumping": World(
        0,
        walk=Walk(volatility=0.02, gap=0.01, jumps=0.06, jump=0.4, holes=0.05),
        greed=0.1,
        may_shrink=True,
    ),
    "heavy": World(
        0,
        cash=30_000,
        holdings=(
            ("crypto:BTC/USD", "1.2"),
            ("crypto:ETH/USD", "8"),
            ("us_equity:KO", "500"),
            ("us_equity:TQQQ", "300"),
        ),
        may_shrink=True,
    ),
    "shares": World(
        0,
        days=5,
        coins=("BTC",),
        shares=("AAPL", "KO", "QQQ", "SPY", "TQQQ"),
        greed=0.2,
        pace=0.9,
        sells=0.1,
        may_shrink=True,
    ),
    "looked-through": World(
        0,
        coins=("BTC",),
        shares=("SQQQ", "SSO", "TQQQ"),
        bots=3,
        greed=0.06,
        pace=0.9,
        sells=0.2,
        may_shrink=True,
        switches=("exposure.look_through",),
    ),
    "windowed": World(
        0,
        walk=Walk(volatility=0.02, gap=0.01, jumps=0.06, jump=0.4, holes=0.05),
        greed=0.1,
        may_shrink=True,
        switches=("breakers.rolling",),
    ),
    "heavy-funds": World(
        0,
        coins=("BTC",),
        shares=("KO", "SQQQ", "TQQQ"),
        holdings=(("us_equity:SQQQ", "850"), ("us_equity:TQQQ", "160")),
        greed=0.02,
        may_shrink=True,
        switches=("exposure.look_through",),
    ),
}
"""Kinds of worlds; `_replace(seed=...)` makes another one of a kind."""

PRICES = {
    "BTC": (52_000.0, 2), "DOGE": (0.09, 6), "ETH": (3_000.0, 2), "LINK": (18.0, 3),
    "SOL": (105.0, 3), "AAPL": (182.0, 2), "KO": (60.0, 2), "QQQ": (437.0, 2),
    "SPY": (506.0, 2), "BITX": (34.0, 2), "SQQQ": (11.0, 2), "SSO": (72.0, 2), "TQQQ": (58.0, 2),
}  # fmt: skip


def terms_of(
    instruments: Sequence[Instrument], *, is_look_through: bool = False
) -> dict[str, Terms]:
    """Tell the auditor in plain data what the instruments are."""
    return {
        each.key: Terms(
            each.is_crypto, each.is_leveraged, each.is_broad, each.tick,
            max(abs(each.factor), Decimal(1)) if is_look_through else Decimal(1),
        )
        for each in instruments
    }  # fmt: skip


# -- prices ---------------------------------------------------------------------------------------


def bars_of(world: World) -> list[BarSeries]:
    """Return the bars of a world, in registry order."""
    keys = [(f"crypto:{name}/USD", name) for name in world.coins]
    keys += [(f"us_equity:{name}", name) for name in world.shares]
    return [_walk(world, Key(key), name) for key, name in sorted(keys)]


def _walk(world: World, key: Key, name: str) -> BarSeries:
    chance = Random(f"{world.seed}/{key}")
    walk = world.walk
    price, digits = PRICES[name]
    series = BarSeries(
        key=key,
        step_ns=world.step_ns,
        starts=array("q"),
        ends=array("q"),
        opens=array("d"),
        highs=array("d"),
        lows=array("d"),
        closes=array("d"),
        volumes=array("d"),
        source=Source(f"world {world.seed}", ""),
    )
    for start, end in _spans(world, key):
        path = [price * (1.0 + chance.gauss(0.0, walk.gap))]
        for _ in range(4):
            move = chance.gauss(walk.drift / 4, walk.volatility / 2)
            if chance.random() < walk.jumps / 4:
                move += chance.choice((-1.0, 1.0, -1.5)) * walk.jump * (0.5 + chance.random())
            path.append(path[-1] * max(0.05, 1.0 + move))
        price = path[-1]
        if chance.random() < walk.holes:
            continue
        shown = [max(10.0**-digits, round(each, digits)) for each in path]
        row = (shown[0], max(shown), min(shown), shown[-1], 1000.0)
        columns = (series.opens, series.highs, series.lows, series.closes, series.volumes)
        series.starts.append(start)
        series.ends.append(end)
        for column, each in zip(columns, row, strict=True):
            column.append(each)
    return series


def _spans(world: World, key: Key) -> Iterator[tuple[int, int]]:
    """Yield the bars of a coin round the clock, of a share in its sessions."""
    sessions = Sessions.xnys()
    for number in range(world.days):
        day = world.first_day + timedelta(days=number)
        begin = (day - EPOCH).days * DAY_NS
        end = begin + DAY_NS
        if key.startswith("us_equity:"):
            session = sessions.session_on(day)
            if session is None:
                continue
            begin, end = session.open_ns, session.close_ns
        for start in range(begin, end, world.step_ns):
            yield start, min(start + world.step_ns, end)


def columns_of(series: Sequence[BarSeries]) -> list[Series]:
    """Hand the bars to the auditor in its own form."""
    found = []
    for each in series:
        columns = Series(each.key)
        for bar in each:
            columns.add(bar.start_ns, bar.end_ns, bar.open, bar.low, bar.close)
        found.append(columns)
    return found


# -- people ---------------------------------------------------------------------------------------


class Greedy:
    """Sends several orders at once, of any size, in quantity or money, and sells as it likes."""

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self._world = world
        self._chance = Random(f"{world.seed}/{name}")

    def on_bars(
        self, at_ns: int, closes: Sequence[tuple[Key, Bar]], account: AccountView
    ) -> Sequence[OrderWish]:
        chance, world = self._chance, self._world
        if chance.random() >= world.pace or account.equity <= 0:
            return ()
        wishes = []
        for number in range(1 + int(chance.random() * 4)):
            key, bar = chance.choice(list(closes))
            held = account.positions.get(key, Decimal(0))
            name = f"{self.name}:{at_ns}:{number}"
            if held > 0 and chance.random() < world.sells:
                share = Decimal(f"{chance.choice((0.1, 0.5, 0.9, 1.0, 1.0, 1.2)):.1f}")
                qty = (held * share).quantize(Decimal("1e-9")) or held
                wishes.append(self._wish(at_ns, key, Side.SELL, name, qty=qty))
                continue
            money = account.equity * Decimal(f"{chance.expovariate(1.0) * world.greed:.6f}")
            money = max(money.quantize(CENT), CENT)
            if chance.random() < 0.5:
                wishes.append(self._wish(at_ns, key, Side.BUY, name, notional=money))
            else:
                qty = (money / Decimal(repr(bar.close))).quantize(Decimal("0.0001"))
                if chance.random() < 0.8 and key.startswith("us_equity:"):
                    qty = qty.to_integral_value()
                if qty > 0:
                    wishes.append(self._wish(at_ns, key, Side.BUY, name, qty=qty))
        return wishes

    def _wish(
        self, at_ns: int, key: Key, side: Side, name: str, *,
        qty: Decimal | None = None, notional: Decimal | None = None,
    ) -> OrderWish:  # fmt: skip
        return OrderWish(
            at_ns=at_ns, key=key, side=side, source=self.name, id=name, qty=qty, notional=notional
        )


class Signals:
    """Offers opportunities without a size."""

    name = "signals"

    def __init__(self, world: World) -> None:
        self._chance = Random(f"{world.seed}/signals")

    def on_bars(self, at_ns: int, closes: Sequence[tuple[Key, Bar]]) -> Sequence[Opportunity]:
        chance = self._chance
        if chance.random() < 0.5:
            return ()
        key, _ = chance.choice(list(closes))
        return (
            Opportunity(
                at_ns=at_ns,
                key=key,
                side=Side.BUY if chance.random() < 0.6 else Side.SELL,
                confidence=chance.random(),
                volatility_ratio=0.4 + chance.random() * 2,
                horizon_s=3600,
                source=self.name,
                id=f"signals:{at_ns}",
            ),
        )


# -- the run --------------------------------------------------------------------------------------

RESTLESS = 2_000
"""So many events of one account at one instant are an engine that answers itself for ever."""


class _Resting(Engine):
    """An engine that fails instead of filling the disk."""

    _count = (0, 0)

    def process(self, event: Event) -> Outcome:
        at_ns, count = self._count
        self._count = (event.at_ns, count + 1 if event.at_ns == at_ns else 1)
        assert count < RESTLESS, f"the engine does not come to rest: {event}"
        return super().process(event)


def play(
    world: World,
    path: Path,
    *,
    is_short_allowed: bool = False,
    look: Callable[[Trader], None] = lambda trader: None,
) -> tuple[Trader, list[BarSeries]]:
    """Play a world; `look` sees the trader after every instant."""
    series = bars_of(world)
    registry = Registry.builtin()
    first = {each.key: Decimal(repr(each.opens[0])) for each in series}
    held = tuple((Key(k), Decimal(qty), first[Key(k)]) for k, qty in world.holdings)
    config = SimConfig(
        seed=world.seed,
        cash=Decimal(world.cash),
        positions=tuple(Start(*each) for each in held),
        is_short_allowed=is_short_allowed,
    )
    opened_ns = min(each.starts[0] for each in series)
    clock = ManualClock(opened_ns)
    chance = Random(f"{world.seed}/flows")
    with SqliteLedger.in_memory() as ledger, SimBroker(registry, config=config, path=path) as venue:
        on = dict.fromkeys(world.switches, "on")
        regime = Regime(changes=tuple({**dict.fromkeys(SWITCHES, "off"), **on}.items()))
        trader = Trader(_Resting(regime.config()), ledger, venue, clock)
        trader.offer(
            Opened(
                at_ns=opened_ns,
                account="world",
                mode="sim",
                cash=config.cash,
                preset="classic",
                policy_text=regime.settings().policy_text(),
                policy_hash=regime.settings().policy_hash(),
                enforcement="all",
                version="0",
                instruments=tuple(registry[each.key] for each in series),
                holdings=held,
            )
        )
        driver = BarDriver(
            trader,
            venue,
            clock,
            strategies=[Signals(world)],
            bots=[Greedy(f"bot-{number}", world) for number in range(world.bots)],
            may_shrink=world.may_shrink,
            resumes_monthly=world.resumes,
        )
        for instant in instants(series):
            if chance.random() < world.flows:
                _flow(trader, venue, clock, instant, chance)
            driver.step(instant)
            look(trader)
        trader.flush()
    return trader, series


def _flow(
    trader: Trader, venue: SimBroker, clock: ManualClock, instant: Instant, chance: Random
) -> None:
    """Let money come, or go as far as it is free."""
    clock.move_to(instant.at_ns)
    free = max(venue.account().non_marginable_buying_power, Decimal(0))
    amount = Decimal(chance.randrange(500, 20_000))
    if chance.random() < 0.4:
        amount = -min(amount, (free / 2).quantize(CENT))
    if not amount:
        return
    name = f"flow-{instant.at_ns}"
    try:
        venue.deposit(instant.at_ns, amount, name)
    except Refused:  # open orders hold the money
        return
    trader.offer(FlowArrived(at_ns=instant.at_ns, amount=amount, source="deposit", reference=name))


def audited(world: World, path: Path, *, is_short_allowed: bool = False) -> Report:
    """Play a world and let the auditor look at what it left behind."""
    trader, series = play(world, path, is_short_allowed=is_short_allowed)
    instruments = list(trader.engine.state.instruments.values())
    terms = terms_of(instruments, is_look_through="exposure.look_through" in world.switches)
    return audit(
        path,
        columns_of(series),
        terms,
        resumes_monthly=world.resumes,
        is_rolling="breakers.rolling" in world.switches,
    )
