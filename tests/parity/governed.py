"""The engine over the simulated broker, told as the kernel tells: decisions, fills and marks."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.evidence import Measured
from smart_leverage.domain.orders import HOUSE, Side
from smart_leverage.domain.records import Decided, Filled, Marked, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.proof import exact
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.feed import Instant, instants
from smart_leverage.policy.params import Policy
from smart_leverage.policy.reasons import Reason
from smart_leverage.research.kernel import Columns, Run, Setup
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.strategies.base import Strategy
from smart_leverage.wiring.venues import Beginning, opening

UNITS = 1_000_000_000


class Told(NamedTuple):
    """What happened, in the order of time; quantities in units of 1e-9."""

    decisions: list[tuple[int, str, bool, bool, int, int, str]]
    fills: list[tuple[int, str, bool, int, Decimal]]
    marks: list[tuple[int, Decimal]]


class Listener:
    """Keeps what of the records the kernel tells as well."""

    def __init__(self) -> None:
        self.told = Told([], [], [])

    def hear(self, record: Record) -> None:
        """Take a record in."""
        if isinstance(record, Decided):
            self.told.decisions.append(
                (
                    record.at_ns,
                    str(record.key),
                    record.side is Side.BUY,
                    record.bot == HOUSE,
                    int(record.asked * UNITS),
                    int(record.given * UNITS),
                    record.reason,
                )
            )
        elif isinstance(record, Filled):
            fill = record.fill
            self.told.fills.append(
                (
                    record.at_ns,
                    str(fill.key),
                    fill.side is Side.BUY,
                    int(fill.qty * UNITS),
                    fill.price,
                )
            )
        elif isinstance(record, Marked):
            self.told.marks.append((record.at_ns, record.equity))


def governed(
    folder: Path,
    series: Sequence[BarSeries],
    strategies: Sequence[Strategy],
    policy: Policy,
    setup: Setup,
    timezone: str = "America/New_York",
    evidence: Sequence[tuple[int, Measured]] = (),
) -> Told:
    """Run the engine over the simulated broker and return what it did.

    `evidence` is brought as soon as its time has come, in order of time.
    """
    registry = Registry.builtin()
    listener = Listener()
    opened_ns = min(each.starts[0] for each in series)
    clock = ManualClock(opened_ns)
    cash = exact(setup.cash)
    config = EngineConfig(
        policy=policy,
        risk_timezone=timezone,
        tier_ceiling=setup.tier_ceiling,
        collar=exact(setup.collar),
        cost_rate=exact(setup.cost_rate),
        entry_life_s=setup.entry_life_s,
    )
    venue_config = SimConfig(
        mode=Mode.BAR, cash=cash, coin_order_notional_max=exact(setup.coin_order_max)
    )
    with (
        SqliteLedger(folder / "ledger.sqlite") as ledger,
        SimBroker(registry, setup.costs, venue_config) as venue,
    ):
        trader = recover(config, ledger, venue, clock, listener.hear)
        keys = [each.key for each in series]
        trader.offer(opening(Settings(), opened_ns, Beginning(cash=cash), registry, keys))
        driver = BarDriver(
            trader, venue, clock, strategies=strategies, resumes_monthly=setup.resumes_monthly
        )
        driver.run(_bringing(trader, instants(series), evidence))
    return listener.told


def _bringing(
    trader: Trader, passing: Iterable[Instant], evidence: Sequence[tuple[int, Measured]]
) -> Iterator[Instant]:
    left = list(reversed(evidence))
    for instant in passing:
        while left and left[-1][0] <= instant.at_ns:
            _, measured = left.pop()
            text = msgspec.json.encode(measured).decode()
            trader.offer(
                Commanded(
                    at_ns=instant.at_ns,
                    command=Command.EVIDENCE,
                    who="a schedule",
                    reason="it is time",
                    changes=(("measured", text),),
                )
            )
        yield instant


def of_kernel(run: Run, bars: Columns) -> Told:
    """Return what the kernel did in the same words."""
    decisions = [
        (
            int(one["at"]),
            str(bars.keys[one["asset"]]),
            bool(one["is_buy"]),
            bool(one["is_house"]),
            int(one["asked"]),
            int(one["given"]),
            Reason(int(one["reason"])).name.lower(),
        )
        for one in run.decisions
    ]
    fills = [
        (
            int(one["at"]),
            str(bars.keys[one["asset"]]),
            bool(one["is_buy"]),
            int(one["qty"]),
            exact(float(one["price"])),
        )
        for one in run.fills
    ]
    marks = [(int(one["at"]), Decimal(repr(float(one["equity"])))) for one in run.curve]
    return Told(decisions, fills, marks)
