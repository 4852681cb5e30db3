"""What a simulated account starts with and which rules its venue follows."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from smart_leverage.brokers.sim.exact import is_amount
from smart_leverage.domain.calendars import NEVER_NS
from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.fills.costs import CostModel, FeeSchedule
from smart_leverage.policy.margin import MarginTerms, RuleSet

MULTIPLIERS = (1, 2, 4)


class Mode(StrEnum):
    """What moves the market: finished bars, or quotes as they come."""

    BAR = "bar"
    LIVE = "live"


class Start(Struct, frozen=True):
    """A holding that the account begins with, bought at `price`."""

    key: Key
    qty: Decimal
    price: Decimal


class SimConfig(Struct, frozen=True, kw_only=True):
    """The simulated account.

    Attributes:
        seed: Makes identifiers and partial fills; same seed and same calls give the same bytes.
        mode: Bars for backtests, quotes for a running venue.
        cash: Opening cash, account currency.
        positions: Opening holdings.
        is_short_allowed: Whether a sale may open a short; a harness allows it to show that the
            engine does not need the venue to stop it.
        rule_set: Margin regulation. The account is never flagged as a day trader, so the legacy
            rules lend two times here.
        multiplier: Most the venue lends, in margin equities: 1, 2 or 4.
        fee_tiers: Coin fees by the traded value of the last 30 days; None charges the cost model's.
        partial_probability: Chance that a fill against a quote is partial; bars always fill whole.
        coin_order_notional_max: Largest order in coins, account currency.
        opened_at_ns: The venue's time before the first market call.
    """

    seed: int = 0
    mode: Mode = Mode.BAR
    cash: Decimal = Decimal(100_000)
    positions: tuple[Start, ...] = ()
    is_short_allowed: bool = False
    rule_set: RuleSet = RuleSet.INTRADAY_MARGIN
    multiplier: int = 4
    fee_tiers: FeeSchedule | None = None
    partial_probability: float = 0.1
    coin_order_notional_max: Decimal = Decimal(200_000)
    opened_at_ns: int = 0

    def terms(self) -> MarginTerms:
        """Return what the venue lends, for the margin rules."""
        return MarginTerms(rule_set=self.rule_set, multiplier_max=float(self.multiplier))


class Setup(Struct, frozen=True, kw_only=True):
    """Everything that a file must repeat to continue a venue."""

    config: SimConfig
    costs: CostModel
    instruments: tuple[Instrument, ...]


def check_config(config: SimConfig) -> None:
    """Refuse a configuration that contradicts itself.

    Raises:
        ConfigError: Lists every problem.
    """
    problems = []
    if config.multiplier not in MULTIPLIERS:
        problems.append(f"multiplier = {config.multiplier}: one of 1, 2, 4")
    if not 0.0 <= config.partial_probability <= 1.0:
        problems.append(
            f"partial_probability = {config.partial_probability}: a fraction from 0 to 1"
        )
    if config.cash and not is_amount(config.cash):
        problems.append(f"cash = {config.cash}: zero or more")
    problems += [
        f"positions: {start.key} {start.qty} at {start.price}: both positive"
        for start in config.positions
        if not (is_amount(start.qty) and is_amount(start.price))
    ]
    if not is_amount(config.coin_order_notional_max):
        problems.append(f"coin_order_notional_max = {config.coin_order_notional_max}: positive")
    if not 0 <= config.opened_at_ns < NEVER_NS:
        problems.append(f"opened_at_ns = {config.opened_at_ns}: nanoseconds since 1970")
    if problems:
        raise ConfigError(problems, "simulated broker")
