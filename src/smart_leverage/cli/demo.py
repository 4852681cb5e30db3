"""An account far over its caps, a bot that goes on buying, and five sessions to watch."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.cli.tally import Tally
    from smart_leverage.domain.instruments import Key
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.runtime.ungoverned import Ungoverned
    from smart_leverage.settings import Settings
    from smart_leverage.wiring import Beginning

EQUITY = Decimal("96014.32")
CRYPTO = Decimal("79223.00")
"""The account of the design: 82.5 % of it in crypto."""

SHARES = {
    "BTC/USD": Decimal("0.36"),
    "ETH/USD": Decimal("0.30"),
    "SOL/USD": Decimal("0.22"),
    "LINK/USD": Decimal("0.12"),
}
"""How the crypto part is spread at the start."""

DAYS = 5
SEED = 3

ANOTHER_SEED = "smart-leverage demo --seed 11"


@command("smart-leverage demo", ANOTHER_SEED)
def demo(
    screen: Screen,
    seed: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="Which market; each is another week.")
    ] = SEED,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its folder is runs/NAME.  [default: a time]")
    ] = None,
    serves: Annotated[
        bool | None,
        typer.Option(
            "--serve/--no-serve",
            help="Then run a gateway until Ctrl-C.  [default: on a terminal]",
        ),
    ] = None,
) -> None:
    """Watch an account being brought back inside its caps while a bot goes on buying.

    It begins with $96,014.32, 82.5 % of it in crypto and no record, on a simulated broker and a
    synthetic market of five sessions. Then the same bot trades the same market without the
    governor. Ledger and report stay in the folder of the run. Nothing here is real money, and
    another seed is another week: in a week that only rises, the bot alone ends higher.

    On a terminal a second account then runs in real time, with its gateway, until Ctrl-C: three
    lines are shown with which a bot of yours can trade on it.
    """
    import sys

    from smart_leverage.cli.runs import new_folder, note_latest
    from smart_leverage.market.recipe import SyntheticMarket
    from smart_leverage.market.synthetic import generate
    from smart_leverage.settings import AccountSection, Settings

    settings = Settings(account=AccountSection(name="demo"))
    folder = new_folder(name, "demo")
    note_latest(folder)
    series = generate(SyntheticMarket(seed=seed, days=DAYS))
    beginning = _beginning(series)
    if not screen.as_json:
        _introduce(screen, settings, seed)
    tally, tier = _governed(screen, folder, settings, series, beginning)
    alone = _alone(series, beginning)
    _tell(screen, folder, series, tally, alone, tier=tier, seed=seed)
    if serves or (serves is None and sys.stdout.isatty() and not screen.as_json):
        _serve(screen, folder, settings, seed)
    elif not screen.as_json:
        screen.say("a gateway for bots of yours: smart-leverage run, or demo --serve")


def _serve(screen: Screen, folder: Path, settings: "Settings", seed: int) -> None:
    """Run an account beside that of the story, in real time, for whoever wants to try it."""
    from smart_leverage.cli.live import go_live, market_of
    from smart_leverage.cli.runs import same_folder
    from smart_leverage.wiring import Traders

    live = same_folder(f"{folder.name}-live", "live")
    series = market_of(live, seed)
    screen.say("")
    go_live(screen, live, settings, series, Traders(strategies=[], bots=[]), lasts_s=None)


def _beginning(series: Sequence["BarSeries"]) -> "Beginning":
    """Return the account's cash and coins at the first prices of the market."""
    from smart_leverage.brokers.sim import Start
    from smart_leverage.domain.registry import Registry
    from smart_leverage.wiring import Beginning

    registry = Registry.builtin()
    first = {each.key: Decimal(repr(each.opens[0])) for each in series}
    holdings = []
    for symbol, share in SHARES.items():
        instrument = registry.resolve(symbol)
        price = first[instrument.key]
        qty = instrument.quantity(instrument.lots(CRYPTO * share / price))
        holdings.append(Start(instrument.key, qty, price))
    held = sum((each.qty * each.price for each in holdings), Decimal(0))
    return Beginning(cash=(EQUITY - held).quantize(Decimal("0.01")), holdings=tuple(holdings))


def _introduce(screen: Screen, settings: "Settings", seed: int) -> None:
    from smart_leverage.domain.sentences import money, percent

    caps = settings.tiers.learning
    screen.say(
        f"SIM {settings.account.name}   equity {money(EQUITY)}, crypto {percent(CRYPTO / EQUITY)}, "
        f"no closed trade: tier 1 LEARNING allows {percent(caps.crypto_cap)}",
        f"five sessions of a synthetic market (seed {seed}), policy {settings.policy.preset}, "
        "a bot that only buys; times are New York's",
        "",
    )


def _governed(
    screen: Screen,
    folder: Path,
    settings: "Settings",
    series: Sequence["BarSeries"],
    beginning: "Beginning",
) -> tuple["Tally", str]:
    from smart_leverage.cli.narrator import Narrator
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.cli.tally import Tally
    from smart_leverage.domain.records import Record
    from smart_leverage.market.feed import instants
    from smart_leverage.wiring import Traders, over_bars

    tally = Tally()
    narrator = Narrator(screen.say, settings.risk.timezone)

    def hear(record: Record) -> None:
        tally.hear(record)
        if not screen.as_json:
            narrator.hear(record)

    traders = Traders(bots=[_bot(series)], may_shrink=True)
    with (
        Stopping() as stopping,
        over_bars(folder, settings, series, traders, beginning=beginning, tell=hear) as driver,
    ):
        driver.run(stopping.until_asked(instants(series)))
        tier = driver.trader.engine.state.tier.name
    if not screen.as_json:
        narrator.end()
    if stopping.is_asked:
        raise KeyboardInterrupt
    return tally, tier


def _bot(series: Sequence["BarSeries"]) -> Any:
    from smart_leverage.strategies.overbuyer import Overbuyer

    return Overbuyer(_targets(series))


def _targets(series: Sequence["BarSeries"]) -> list["Key"]:
    """Return what the bot buys: every coin and every leveraged fund of the market."""
    from smart_leverage.domain.registry import Registry

    registry = Registry.builtin()
    return [each.key for each in series if registry[each.key].is_leveraged]


def _alone(series: Sequence["BarSeries"], beginning: "Beginning") -> "Ungoverned":
    """Let the same bot trade the same market from the same start, with the venue's limits only."""
    from smart_leverage.brokers.sim import SimBroker, SimConfig
    from smart_leverage.domain.clock import ManualClock
    from smart_leverage.domain.registry import Registry
    from smart_leverage.market.feed import instants
    from smart_leverage.runtime.ungoverned import run_ungoverned

    registry = Registry.builtin()
    config = SimConfig(cash=beginning.cash, positions=beginning.holdings)
    instruments = {each.key: registry[each.key] for each in series}
    with SimBroker(registry, config=config) as venue:
        return run_ungoverned(venue, ManualClock(), instruments, [_bot(series)], instants(series))


def _tell(
    screen: Screen,
    folder: Path,
    series: Sequence["BarSeries"],
    tally: "Tally",
    alone: "Ungoverned",
    *,
    tier: str,
    seed: int,
) -> None:
    from smart_leverage.cli.reporting import write_run_report
    from smart_leverage.cli.tally import signed
    from smart_leverage.domain.sentences import TIERS, money, percent
    from smart_leverage.reports.inputs import Comparison

    comparison = Comparison("the same bot without the governor", alone.equity)
    report = write_run_report(screen, folder, series, comparison)
    bare = alone.equity[-1][1]
    bare_change, bare_fall = bare / EQUITY - 1, _deepest([each for _, each in alone.equity])
    if screen.as_json:
        fields = {
            "run": folder.name,
            "seed": seed,
            "tier": tier,
            **tally.fields(),
            "ungoverned_equity_last": bare,
            "ungoverned_sent": alone.sent,
            "ungoverned_rejected": alone.rejected,
            "ledger": str(folder / "ledger.sqlite"),
            "report": str(report),
        }
        screen.record(fields)
        return
    own = EQUITY if tally.last is None else tally.last.equity
    screen.say(
        f"tier {TIERS[tier]}   {tally.words()}",
        f"with the governor      {money(own)}   {signed(own / EQUITY - 1)}",
        f"the same bot alone     {money(bare)}   {signed(bare_change)}, "
        f"at worst {percent(bare_fall)} below its best; {alone.sent} orders sent, "
        f"{alone.rejected} refused by the broker for want of money",
        "",
        f"report   {report}",
        f"ledger   {folder / 'ledger.sqlite'}   smart-leverage status, orders, explain read it",
        f"another week, one that rises: {ANOTHER_SEED}",
    )


def _deepest(equity: Sequence[Decimal]) -> Decimal:
    """Return the largest fall from a best so far, fraction."""
    best, deepest = equity[0], Decimal(0)
    for _, now in pairwise(equity):
        best = max(best, now)
        deepest = max(deepest, 1 - now / best)
    return deepest
