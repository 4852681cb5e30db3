"""Which parts are joined how: settings become a policy, parts become a governed account."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import Clock, ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Opened
from smart_leverage.engine.ladder import LadderConfig
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.quotes import QuotePath
from smart_leverage.policy.breakers import LossLimits
from smart_leverage.policy.caps import GroupCaps
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.params import Policy
from smart_leverage.policy.sizing import Sizing
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import Caps, Tier, TierCaps, TierThresholds
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.live import LiveDriver
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.trader import Tell
from smart_leverage.runtime.venue_process import venue_process
from smart_leverage.settings import Settings, TierSection
from smart_leverage.strategies.base import Bot, Strategy

LEDGER = "ledger.sqlite"
BROKER = "broker.sqlite"
ENFORCEMENT = "all"
"""A simulated account is governed in full from its first order."""


class Beginning(NamedTuple):
    """What a simulated account has before anybody trades in it; holdings belong to the house."""

    cash: Decimal
    holdings: tuple[Start, ...] = ()


class Traders(NamedTuple):
    """Who proposes: strategies are sized by the policy, bots send orders of their own size."""

    strategies: Sequence[Strategy] = ()
    bots: Sequence[Bot] = ()
    may_shrink: bool = False
    """Whether the bots take less when less fits."""


def policy_of(settings: Settings) -> Policy:
    """Return the numbers that `decide` works with."""
    tiers, limits = settings.tiers, settings.limits
    return Policy(
        thresholds=TierThresholds(
            month_return_emergency=tiers.month_return_emergency,
            win_rate_stable=tiers.win_rate_stable,
            win_rate_profitable=tiers.win_rate_profitable,
            trades_min=tiers.trades_min,
        ),
        tiers=TierCaps(
            emergency=_caps(tiers.emergency),
            learning=_caps(tiers.learning),
            stable=_caps(tiers.stable),
            profitable=_caps(tiers.profitable),
        ),
        groups=GroupCaps(
            gross=limits.gross_cap, symbol=limits.symbol_cap, symbol_broad=limits.symbol_cap_broad
        ),
        sizing=Sizing(**settings.sizing.model_dump()),
        limits=LossLimits(
            loss_limit_daily_asset=limits.loss_limit_daily_asset,
            loss_limit_daily=limits.loss_limit_daily,
            loss_limit_monthly=limits.loss_limit_monthly,
        ),
        deleveraging=Deleveraging(**settings.deleveraging.model_dump()),
        stops=Stops(**settings.stops.model_dump()),
    )


def engine_config(settings: Settings) -> EngineConfig:
    """Return everything that an engine is told once."""
    execution = settings.execution
    return EngineConfig(
        policy=policy_of(settings),
        ladder=LadderConfig(age_max_s=execution.price_age_max_s),
        risk_timezone=settings.risk.timezone,
        tier_ceiling=Tier[settings.tiers.ceiling.upper()],
        collar=_exact(execution.collar),
        cost_rate=_exact(execution.cost_rate),
        entry_life_s=execution.entry_life_s,
        mark_every_s=execution.mark_every_s,
    )


def _caps(section: TierSection) -> Caps:
    return Caps(crypto=section.crypto_cap, leveraged=section.total_cap)


def _exact(number: float) -> Decimal:
    """Return the decimal that was written in the configuration, not its binary neighbour."""
    return Decimal(repr(number))


@contextmanager
def over_bars(
    folder: Path,
    settings: Settings,
    series: Sequence[BarSeries],
    traders: Traders,
    *,
    beginning: Beginning | None = None,
    resumes_monthly: bool = False,
    tell: Tell = lambda record: None,
) -> Iterator[BarDriver]:
    """Open a new account over bars: venue, ledger and engine in one folder, joined by a driver.

    Args:
        folder: Where ledger and venue keep their files; it holds neither yet.
        settings: The policy and the bounds of the engine.
        series: The bars; their instruments are those that may be traded.
        traders: Who proposes.
        beginning: What is there at first; None takes the cash of the settings.
        resumes_monthly: Play the operator who lifts a halt when a new month begins.
        tell: Hears every record once it is durable.

    Raises:
        LedgerError: The folder cannot be written, or another process writes there.
    """
    registry = Registry.builtin()
    start = beginning or Beginning(cash=_exact(settings.account.cash))
    opened_ns = min(each.starts[0] for each in series)
    clock = ManualClock(opened_ns)
    config = SimConfig(mode=Mode.BAR, cash=start.cash, positions=start.holdings)
    with (
        SqliteLedger(folder / LEDGER) as ledger,
        SimBroker(registry, config=config, path=folder / BROKER) as venue,
    ):
        trader = recover(engine_config(settings), ledger, venue, clock, tell)
        keys = [each.key for each in series]
        trader.offer(opening(settings, opened_ns, start, registry, keys))
        yield BarDriver(
            trader,
            venue,
            clock,
            strategies=traders.strategies,
            bots=traders.bots,
            may_shrink=traders.may_shrink,
            resumes_monthly=resumes_monthly,
        )


@contextmanager
def in_real_time(
    folder: Path,
    settings: Settings,
    series: Sequence[BarSeries],
    traders: Traders,
    *,
    clock: Clock,
    tell: Tell = lambda record: None,
) -> Iterator[LiveDriver]:
    """Open the account of a folder on the embedded market, or go on with it, in real time.

    The venue is a process of its own. An account that the ledger remembers is recovered: nothing is
    added before the venue's lists were compared with the books.

    Args:
        folder: Where ledger and venue keep their files.
        series: The market; the same at every start of one folder.
        clock: The machine's, or one that a test moves.

    Raises:
        LedgerError: The ledger is damaged, newer, or another process writes it.
        BrokerDown: The venue does not start.
    """
    cash = _exact(settings.account.cash)
    with (
        SqliteLedger(folder / LEDGER) as ledger,
        venue_process(folder, cash) as venue,
    ):
        trader = recover(engine_config(settings), ledger, venue, clock, tell)
        if trader.engine.state.opened is None:
            keys = [each.key for each in series]
            start = Beginning(cash)
            trader.offer(opening(settings, clock.now_ns(), start, Registry.builtin(), keys))
            trader.flush()
        yield LiveDriver(
            trader,
            venue,
            clock,
            QuotePath(series),
            strategies=traders.strategies,
            bots=traders.bots,
            may_shrink=traders.may_shrink,
        )


def opening(
    settings: Settings,
    at_ns: int,
    beginning: Beginning,
    registry: Registry,
    keys: Sequence[Key],
) -> Opened:
    """Return the event that puts an account under our rule."""
    return Opened(
        at_ns=at_ns,
        account=settings.account.name,
        mode=settings.account.mode,
        cash=beginning.cash,
        preset=settings.policy.preset,
        policy_text=settings.policy_text(),
        policy_hash=settings.policy_hash(),
        enforcement=ENFORCEMENT,
        version=version("smart-leverage"),
        instruments=tuple(registry[key] for key in keys),
        holdings=tuple((each.key, each.qty, each.price) for each in beginning.holdings),
    )
