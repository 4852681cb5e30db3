"""Parts become a governed account: over bars, in real time, or at rest."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import Clock, ManualClock, SystemClock
from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.records import AccountOpened, Record, decode
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Commanded, Listed
from smart_leverage.engine.proof import exact
from smart_leverage.ledger.base import Ledger
from smart_leverage.ledger.home import open_ledger
from smart_leverage.ledger.space import RoomWatch, Space
from smart_leverage.ledger.verified import note_verified
from smart_leverage.market.bars import BarSeries, refuse_longer
from smart_leverage.runtime.admin import is_admin
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.bell import Bell
from smart_leverage.runtime.carrying import Lanes
from smart_leverage.runtime.control import Answer, Control, Request
from smart_leverage.runtime.going_live import refuse_uncleared
from smart_leverage.runtime.keeping import Keeper
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.live import LiveDriver, MarketAside, Pace, Still
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.operator import Operator, answer_of, problems_of, refused
from smart_leverage.runtime.proposing import Traders
from smart_leverage.runtime.pulse import Pulse
from smart_leverage.runtime.recovery import rebuilt, recover
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.runtime.steady import SteadyClock, steady_clock
from smart_leverage.runtime.timed import TimedBroker
from smart_leverage.runtime.trader import Trader
from smart_leverage.runtime.watchdog import Watchdog
from smart_leverage.runtime.writing import Tell
from smart_leverage.settings import Settings
from smart_leverage.wiring.ledgers import Opener, ledger_for
from smart_leverage.wiring.limits import contradicted
from smart_leverage.wiring.policy import engine_config
from smart_leverage.wiring.venues import Beginning, Behind, Venue, opening

LEDGER = "ledger.sqlite"
BROKER = "broker.sqlite"

DOUBTS_S = 4.0
"""Each look at a real broker's lists is seven questions, and it answers two hundred a minute."""


class Running(NamedTuple):
    """An account in real time: who drives it, and the venue behind it."""

    driver: LiveDriver
    venue: Venue


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
        BadData: A bar is too long for the intraday plan.
    """
    registry = Registry.builtin()
    if settings.intraday.plan == "on":
        for each in series:
            if not registry[each.key].is_coin:
                longest_ns = max(b - a for a, b in zip(each.starts, each.ends, strict=True))
                refuse_longer(each.key, longest_ns, settings.intraday.flat_from_minutes)
    start = beginning or Beginning(cash=exact(settings.account.cash))
    opened_ns = min(each.starts[0] for each in series)
    clock = ManualClock(opened_ns)
    config = SimConfig(mode=Mode.BAR, cash=start.cash, positions=start.holdings)
    with (
        ledger_for(settings, folder / LEDGER) as ledger,
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
    behind: Behind,
    traders: Traders,
    *,
    clock: Clock,
    tell: Tell = lambda record: None,
    warn: Callable[[str], None] = lambda line: None,
) -> Iterator[Running]:
    """Open the account of a folder at a venue, or go on with it, in real time.

    An account that the ledger remembers is recovered: nothing is added before the venue's lists
    were compared with the books. While the ledger cannot be written the account is halted, and what
    makes it safer goes on in the emergency journal.

    Args:
        folder: Where the ledger is.
        settings: Policy, bounds and mode; an account never changes its mode.
        behind: The venue; see `venues`.
        traders: Who proposes.
        clock: The machine's, or one that a test moves.
        tell: Hears every record once it is durable.
        warn: Tells a person that the ledger is in trouble, and what to do.

    Raises:
        LedgerError: The ledger is damaged, newer, or another process writes it.
        ConfigError: The account is of another mode.
        BrokerDown: The venue does not answer.
    """
    halt, bell = HaltFile(folder), Bell()
    disk = RoomWatch((folder / LEDGER).resolve().parent)
    office, meter = Office(bell.ring, Shelf()), Meter()
    opener = Opener(settings, warn)

    def held_back() -> str:
        if halt.is_set:
            return "halted"
        is_short = disk.look().level is Space.SHORT
        return "the disk of the ledger is almost full" if is_short else ""

    with (
        closing(
            Keeper(
                folder / LEDGER,
                clock,
                halt,
                warn,
                open_ledger=opener,
                answers=opener.answers,
                patiently=opener.patiently,
            )
        ) as keeper,
        closing(Lanes(office)) as lanes,
        Control(folder, bell.ring, lanes.fence.settle) as control,
        _may_begin(keeper.ledger, settings, folder),
        behind as venue,
        closing(_moving(venue, office)) as market,
    ):
        pulse = Pulse(meter, office, lanes)
        watchdog = Watchdog(pulse, halt, warn)
        config = engine_config(settings)
        steady = steady_clock(clock, keeper.ledger, venue.broker)

        def see(record: Record) -> None:
            venue.hear(record)
            office.shelf.hear(record)

        def build(ledger: Ledger) -> Trader:
            timed = TimedBroker(venue.broker, meter)
            with office.shelf.recalling():
                return rebuilt(
                    config, ledger, timed, steady, tell, held_back,
                    see=see, carrier=lanes, meter=meter, find=venue.find,
                )  # fmt: skip

        keeper.begin(build)
        note_verified(folder / LEDGER, keeper.ledger.head.seq, clock.now_ns())
        if keeper.engine.state.opened is None:
            keeper.offer(venue.begin(steady.now_ns()))
            keeper.flush()
        _list_wanted(keeper, venue, steady)
        driver = LiveDriver(
            keeper,
            venue.broker,
            steady,
            venue.quotes,
            strategies=traders.strategies,
            bots=traders.bots,
            may_shrink=traders.may_shrink,
            market=market,
            pace=Pace(doubts_every_s=DOUBTS_S if venue.broker.capabilities.lists_lag else 0.0),
            operator=Operator(control, halt, contradicted),
            office=office,
            pause=bell.wait,
            pulse=pulse,
            settle=lanes.fence.settle,
            watchdog=watchdog,
        )
        with ExitStack() as watched:
            for part in (keeper, lanes, control, market, venue):
                watched.enter_context(watchdog.over(part.threads))
            watched.enter_context(watchdog.awake())
            yield Running(driver, venue)
        market.close()
        lanes.close()
        driver.finish()


def _moving(venue: Venue, office: Office) -> MarketAside | Still:
    return Still() if venue.market is None else MarketAside(venue.market, office)


@contextmanager
def _may_begin(ledger: Ledger, settings: Settings, folder: Path) -> Iterator[None]:
    """See to it that an account stays what it was, and that real money begins by the checklist.

    Raises:
        ConfigError: It was opened in another mode, or nobody has gone through the checklist.
    """
    mode = settings.account.mode
    first = next(iter(ledger.read()), None)
    opened = None if first is None else decode(first.payload)
    if isinstance(opened, AccountOpened) and opened.mode != mode:
        told = f"account.mode = {mode!r}: {folder} is a {opened.mode} account, and stays one"
        raise ConfigError([f"{told}; choose another folder with --name"], str(folder))
    if opened is None and mode == "live":
        refuse_uncleared(folder, settings.policy_text())
    yield


def _list_wanted(keeper: Keeper, venue: Venue, clock: SteadyClock) -> None:
    """List what the configuration wants to be traded and nobody has listed."""
    known = keeper.engine.state.instruments
    found = (venue.find(key, Decimal(1)) for key in venue.wanted if key not in known)
    listed = tuple(one for one in found if one is not None)
    if listed:
        keeper.offer(Listed(at_ns=clock.now_ns(), instruments=listed))
        keeper.flush()


def order_at_rest(path: Path, request: Request) -> Answer:
    """Carry out a command on an account that no process runs; cancels leave at its next start.

    Only what needs no broker can be done: halt, reduce, and tightening a limit.

    Raises:
        LedgerLocked: A process runs it after all.
        LedgerError: The ledger cannot be read or written.
    """
    with open_ledger(path) as ledger:
        engine = Engine(EngineConfig(), (decode(entry.payload) for entry in ledger.read()))
        if wrong := problems_of(engine.state, request, contradicted):
            return refused(engine.state, ledger.head.seq, wrong)
        event = Commanded(
            at_ns=SystemClock().now_ns(),
            command=request.command,
            who=request.who,
            reason=request.reason,
            changes=tuple(request.changes.items()),
            is_admin=is_admin(path.parent, request.token),
        )
        records = engine.process(event).records
        if records:
            ledger.commit(records)
        return answer_of(engine.state, ledger.head.seq, records)
