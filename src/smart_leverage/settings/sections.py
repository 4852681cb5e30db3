"""One record per section: every key with its type, default, unit and one sentence."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.settings.notifying import NotifySection, lacking
from smart_leverage.settings.section import Count, Fraction, Positive, Section, Switch


class AccountSection(Section):
    """Which account, and whether its money is real."""

    name: str = Field(
        default="main", min_length=1, max_length=64, description="Name in ledger and reports"
    )
    mode: Literal["sim", "paper", "live"] = Field(
        default="sim", description="sim is embedded; paper and live are at the broker"
    )
    cash: Positive = Field(
        default=100_000.0, description="Opening cash of a simulated account, dollars"
    )
    enforcement: Literal["observe", "warn", "entries", "all"] = Field(
        default="all", description="How much of the rule a new account begins with"
    )
    adopted_consent: Literal["given", "asked"] = Field(
        default="given", description="Whether adopted positions may be sold, or it is asked first"
    )


class BrokerSection(Section):
    """The real broker of an account in paper or live mode: Alpaca, or an exchange through ccxt."""

    exchange: str = Field(
        default="", description="As ccxt calls it, for coins; empty is Alpaca. Paper is its sandbox"
    )
    quote: str = Field(
        default="USD", description="Currency of an exchange that counts as dollars, as USDT"
    )
    keys_file: str = Field(
        default="", description="Of key id and secret, one a line; else APCA_API_KEY_ID and so on"
    )
    feed: Literal["iex", "sip", "delayed_sip"] = Field(
        default="iex", description="Whose quotes of shares; sip needs a plan that has them"
    )
    symbols: str = Field(
        default="", description="More shares that bots may trade, or an exchange's pairs; commas"
    )
    wall: Switch = Field(
        default="on", description="Where nothing may be borrowed, have the broker refuse it as well"
    )
    url: str = Field(default="", description="A server on this machine in the broker's place")
    data_url: str = Field(default="", description="And one in the place of its market data")


class TierSection(Section):
    """The caps of one tier."""

    crypto_cap: Fraction = Field(description="Most crypto exposure, fraction of equity")
    total_cap: Fraction = Field(description="Most crypto and leveraged exposure together")


class TiersSection(Section):
    """What a tier needs and what it may hold."""

    month_return_emergency: Annotated[float, Field(lt=0.0, gt=-1.0, allow_inf_nan=False)] = Field(
        default=-0.05, description="Month return below which it is an emergency, fraction"
    )
    win_rate_stable: Fraction = Field(default=0.45, description="Win rate from which on stable")
    win_rate_profitable: Fraction = Field(
        default=0.60, description="Win rate from which on profitable"
    )
    trades_min: Count = Field(default=20, description="Closed trades that make a record")
    ceiling: Literal["emergency", "learning", "stable", "profitable"] = Field(
        default="profitable", description="Highest tier granted without a person"
    )
    emergency: TierSection = TierSection(crypto_cap=0.20, total_cap=0.28)
    learning: TierSection = TierSection(crypto_cap=0.25, total_cap=0.35)
    stable: TierSection = TierSection(crypto_cap=0.40, total_cap=0.60)
    profitable: TierSection = TierSection(crypto_cap=0.60, total_cap=0.80)


class SizingSection(Section):
    """How large a position is wanted."""

    base_share: Fraction = Field(default=0.05, description="Of equity times cap")
    share_max: Fraction = Field(default=0.10, description="Of equity times cap, at most")
    confidence_scale: Positive = Field(default=1.5, description="Multiplies the confidence")
    adjustment_min: Positive = Field(default=0.5, description="Smallest volatility adjustment")
    adjustment_max: Positive = Field(default=1.5, description="Largest volatility adjustment")
    top_up_min: Fraction = Field(
        default=0.25, description="Shortfall below which a position is left alone"
    )


class LimitsSection(Section):
    """Losses are positive fractions of the period's opening equity."""

    loss_limit_daily: Fraction = Field(default=0.03, description="Of the account, a day")
    loss_limit_daily_asset: Fraction = Field(default=0.02, description="Of one crypto asset, a day")
    loss_limit_monthly: Fraction = Field(default=0.08, description="Of the account, a month")
    gross_cap: Annotated[float, Field(gt=0.0, le=4.0, allow_inf_nan=False)] = Field(
        default=1.0, description="All positions, fraction of equity"
    )
    symbol_cap: Fraction = Field(default=0.10, description="One symbol, fraction of equity")
    symbol_cap_broad: Fraction = Field(
        default=0.50, description="One broad fund, fraction of equity"
    )


class DeleveragingSection(Section):
    """How an account that is over its cap comes back."""

    first_ceiling: Fraction = Field(
        default=0.40, description="Sold down to at once, fraction of equity"
    )
    first_minutes: Positive = Field(default=30.0, description="Deadline of the first ceiling")
    last_minutes: Positive = Field(default=120.0, description="Deadline of the tier's cap")
    pace_minutes: Positive = Field(default=60.0, description="Slices are spread over this long")
    slices: Annotated[int, Field(ge=1, le=100)] = Field(default=4, description="Number of slices")
    slice_at_once: Fraction = Field(default=0.05, description="Excess that goes in one slice")
    band_over: Annotated[float, Field(ge=1.0, le=1.5, allow_inf_nan=False)] = Field(
        default=1.05, description="Selling begins beyond cap times this"
    )
    band_to: Fraction = Field(default=0.98, description="Selling ends at cap times this")
    step_over: Annotated[float, Field(ge=1.0, le=1.02, allow_inf_nan=False)] = Field(
        default=1.005, description="A running plan sells beyond its ceiling times this"
    )


class StopsSection(Section):
    """Where protective stops stand."""

    volatility_multiple: Positive = Field(default=3.0, description="Distance in daily volatilities")
    distance_min: Fraction = Field(default=0.04, description="Nearest, fraction of the entry price")
    distance_max: Fraction = Field(
        default=0.15, description="Farthest, fraction of the entry price"
    )
    limit_gap: Fraction = Field(default=0.02, description="Limit of a stop-limit below its stop")


class ExecutionSection(Section):
    """How orders are sent and priced."""

    collar: Fraction = Field(default=0.005, description="Limit of a buy above the price, fraction")
    cost_rate: Fraction = Field(
        default=0.003, description="Fees reserved per dollar bought, fraction"
    )
    order_times_max: Annotated[float, Field(ge=1.0, le=1e6, allow_inf_nan=False)] = Field(
        default=5.0, description="A bot's order of more times its usual value is denied as mistyped"
    )
    entry_life_s: Positive = Field(
        default=300.0, description="A coin buy that rests longer is cancelled"
    )
    price_age_max_s: Positive = Field(
        default=60.0, description="An older price carries no increase"
    )
    price_still_max_s: Positive = Field(
        default=900.0, description="A quote renewed without a move for longer carries none either"
    )
    mark_every_s: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = Field(
        default=60.0, description="How often the valuation is journalled; 0 is at every price"
    )


class RiskSection(Section):
    """Which clock makes the risk day, and how long a loosened limit waits."""

    timezone: str = Field(
        default="America/New_York", description="Day and month begin at its midnight"
    )
    loosen_after_hours: Annotated[int, Field(ge=1, le=8_760)] = Field(
        default=24, description="A loosened limit comes into force after so many hours"
    )

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        """Refuse what the calendar of the risk day would refuse at the start, with its sentence."""
        try:
            RiskCalendar(name)
        except ConfigError as error:
            raise ValueError(error.problems[0].removeprefix("risk_timezone = ")) from None
        return name


class ServerSection(Section):
    """Where bots reach the gateway, and how often; it changes no limit."""

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on; other than this machine's own only with a certificate",
    )
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=0, description="0 takes a free one and keeps it for the account"
    )
    names: str = Field(
        default="", description="More names under which it may be addressed, with commas between"
    )
    certificate: str = Field(default="", description="File of the TLS certificate")
    key: str = Field(default="", description="File of the certificate's private key")
    requests_per_s: Positive = Field(
        default=50.0, description="Of one token, beyond a burst; sales and cancels are not counted"
    )
    requests_burst: Positive = Field(default=500.0, description="At once, of one token")
    similar_max: Count = Field(
        default=300,
        description="Purchases of one instrument that a bot may ask for in a minute before it is "
        "suspended as one that loops",
    )


class LogsSection(Section):
    """What each process writes to its log in the folder of the run, as lines of JSON."""

    level: Literal["debug", "info", "warning"] = Field(
        default="info", description="From where on; debug has every decision and order"
    )
    size_mb: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="Of one file, megabytes; then another one is begun"
    )
    files: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=5, description="Older files that are kept beside it"
    )


class LedgerSection(Section):
    """Where a new account keeps its ledger; it changes no limit."""

    url: str = Field(
        default="",
        description="postgresql://[USER@]HOST[:PORT]/DATABASE without a password; empty is a file",
    )
    account: str = Field(
        default="", max_length=64, description="Its name on the server; empty takes the run's"
    )
    refuge_s: Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)] = Field(
        default=600.0,
        description="While its server is away, seconds in which sales, stops and cancels go on; "
        "who takes over from another folder waits as long",
    )

    @field_validator("url")
    @classmethod
    def _is_a_server(cls, url: str) -> str:
        if not url:
            return url
        from smart_leverage.ledger.postgres.address import fault_of

        if what := fault_of(url):
            raise ValueError(f"the URL {what}")
        return url


class RampSection(Section):
    """How small the caps of increases begin, at the opening and after a step up."""

    start: Fraction = Field(default=1.0, description="Part of each cap; 1.0 begins with all of it")
    days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=30, description="Risk days in no need until the caps are whole"
    )


class ExposureSection(Section):
    """What exposure is earned beside the tier: the smallest of the caps that are on binds."""

    drawdown_cap: Switch = Field(
        default="on", description="Exposure in proportion to equity above a floor under its peak"
    )
    tail_cap: Switch = Field(default="on", description="By the expected shortfall of a day")
    kelly_cap: Switch = Field(default="on", description="By a part of what growth would stake")
    volatility_cap: Switch = Field(default="on", description="By the volatility of equity")
    look_through: Switch = Field(
        default="on", description="A leveraged fund counts with its daily multiple"
    )
    drawdown_multiple: Annotated[float, Field(gt=0.0, le=20.0, allow_inf_nan=False)] = Field(
        default=4.0, description="Exposure per unit of equity above the floor"
    )
    drawdown_floor: Annotated[float, Field(gt=0.0, le=0.99, allow_inf_nan=False)] = Field(
        default=0.93, description="The floor, as a fraction of the peak"
    )
    peak_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=365, description="The peak is the best equity of so many risk days"
    )
    shortfall_max: Fraction = Field(
        default=0.015, description="Mean of the worst 2.5 % of days, fraction of equity"
    )
    kelly_fraction: Fraction = Field(default=0.5, description="Part of the stake of growth")
    kelly_least: Fraction = Field(
        default=0.05, description="What Kelly's cap leaves in any case, so that a record goes on"
    )
    volatility_max: Fraction = Field(default=0.10, description="Of equity, a year")
    rise_min: Fraction = Field(
        default=0.10, description="A rise has to exceed the exposure in force by this part of it"
    )
    steps: Annotated[float, Field(ge=10.0, le=10_000.0, allow_inf_nan=False)] = Field(
        default=100.0, description="Caps move in so many steps per unit of equity"
    )


class RecordSection(Section):
    """How a record of trades earns its tier: by the raw win rate, or by what it proves."""

    earned: Switch = Field(default="on", description="on: by what the record proves of the edge")
    discount: Fraction = Field(
        default=0.99, description="What an old trade keeps of its weight with every new one"
    )
    promote_probability: Fraction = Field(default=0.80, description="From here on a tier rises")
    demote_probability: Fraction = Field(default=0.30, description="Below this a tier falls")
    trades_min_1: Count = Field(default=20, description="Fewest trades for stable")
    trades_min_2: Count = Field(default=40, description="Fewest trades for profitable")
    prior_trades: Positive = Field(
        default=10.0, description="Trades without an edge that are believed in advance"
    )
    payoff_trades: Positive = Field(
        default=20.0, description="Trades of one size that are believed for the payoff ratio"
    )
    offset: Fraction = Field(
        default=0.10, description="How far above break-even a profitable win rate lies"
    )
    scratch: Fraction = Field(
        default=0.0001, description="A smaller return of a trade is neither won nor lost"
    )


class BreakersSection(Section):
    """Whether losses are judged over rolling windows too; the rest counts only then."""

    rolling: Switch = Field(default="on", description="24 hours and 30 days beside the calendar")
    drawdown_limit: Fraction = Field(
        default=0.08, description="Below the best equity since the start or the last resume"
    )
    loss_limit_sleeve: Fraction = Field(
        default=0.02, description="Of all coins together, a day; then they are closed for the day"
    )


class EdgeSection(Section):
    """Whether a size follows the edge that a calibrated confidence has over break-even."""

    sized: Switch = Field(default="on", description="on: nothing is bought at break-even")
    reference: Fraction = Field(
        default=0.6666666666666666, description="Confidence of a size as it is"
    )
    factor_max: Positive = Field(default=1.5, description="Largest factor of a size")
    uncalibrated: Fraction = Field(
        default=0.5, description="Factor while nothing shows what a confidence is worth"
    )


Minutes = Annotated[int, Field(ge=1, le=390)]


class IntradaySection(Section):
    """What is borrowed by day and gone before the close; the rest counts only while that is on."""

    plan: Switch = Field(default="off", description="on: day-trading buying power is used")
    gross_cap: Annotated[float, Field(gt=0.0, le=4.0, allow_inf_nan=False)] = Field(
        default=2.0, description="All positions while money is lent; margin may carry less"
    )
    entries_until_minutes: Minutes = Field(
        default=60, description="So many before the close lending and buying of such funds end"
    )
    flat_from_minutes: Minutes = Field(
        default=30, description="So many before it leveraged funds and what is borrowed are sold"
    )
    deadline_minutes: Minutes = Field(
        default=10, description="So many before it all has to be sold, or the plan is late"
    )


class PolicySection(Section):
    """Which numbers the policy starts from."""

    preset: Literal[
        "classic", "steady", "fixed", "vol-target", "fractional-kelly", "drawdown-control"
    ] = Field(default="steady", description="Ships with the package")


class Settings(Section):
    """Everything that can be configured."""

    account: AccountSection = AccountSection()
    broker: BrokerSection = BrokerSection()
    policy: PolicySection = PolicySection()
    tiers: TiersSection = TiersSection()
    sizing: SizingSection = SizingSection()
    limits: LimitsSection = LimitsSection()
    deleveraging: DeleveragingSection = DeleveragingSection()
    stops: StopsSection = StopsSection()
    exposure: ExposureSection = ExposureSection()
    record: RecordSection = RecordSection()
    breakers: BreakersSection = BreakersSection()
    edge: EdgeSection = EdgeSection()
    intraday: IntradaySection = IntradaySection()
    execution: ExecutionSection = ExecutionSection()
    risk: RiskSection = RiskSection()
    ramp: RampSection = RampSection()
    server: ServerSection = ServerSection()
    logs: LogsSection = LogsSection()
    ledger: LedgerSection = LedgerSection()
    notify: NotifySection = NotifySection()

    @model_validator(mode="after")
    def _agrees(self) -> "Settings":
        if told := "; ".join(contradictions(dict(flat(self.model_dump())))):
            raise ValueError(told)
        return self

    def policy_text(self) -> str:
        """Return the numbers in force, one `key = value` a line, sorted: what the ledger keeps.

        Where broker, gateway and ledger are, what is logged and who is told are no part of it, nor
        is the intraday plan as long as it is off.
        """
        left_out = _NO_POLICY | ({"intraday"} if self.intraday.plan == "off" else set())
        lines = sorted(flat(self.model_dump(exclude=left_out)))
        return "\n".join(f"{key} = {value!r}" for key, value in lines)

    def policy_hash(self) -> str:
        """Return the fingerprint of the numbers in force."""
        return hashlib.sha256(self.policy_text().encode()).hexdigest()[:16]


_NO_POLICY = {"broker", "server", "logs", "ledger", "notify"}


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values of a nested mapping."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_TIERS = ("emergency", "learning", "stable", "profitable")

ORDERED: tuple[tuple[str, str], ...] = (
    *((f"tiers.{tier}.crypto_cap", f"tiers.{tier}.total_cap") for tier in _TIERS),
    *(
        (f"tiers.{worse}.{cap}", f"tiers.{better}.{cap}")
        for worse, better in pairwise(_TIERS)
        for cap in ("crypto_cap", "total_cap")
    ),
    ("sizing.base_share", "sizing.share_max"),
    ("sizing.adjustment_min", "sizing.adjustment_max"),
    ("limits.loss_limit_daily", "limits.loss_limit_monthly"),
    ("limits.symbol_cap", "limits.gross_cap"),
    ("deleveraging.first_minutes", "deleveraging.last_minutes"),
    ("deleveraging.pace_minutes", "deleveraging.last_minutes"),
    ("stops.distance_min", "stops.distance_max"),
    ("intraday.deadline_minutes", "intraday.flat_from_minutes"),
    ("intraday.flat_from_minutes", "intraday.entries_until_minutes"),
    ("record.demote_probability", "record.promote_probability"),
    ("record.trades_min_1", "record.trades_min_2"),
    ("execution.mark_every_s", "notify.stale_after_s"),
)
"""Pairs of keys of which the first is never above the second."""

BELOW: tuple[tuple[str, str], ...] = (("tiers.win_rate_stable", "tiers.win_rate_profitable"),)
"""Pairs of which the first is never equal either: a tier between them could not be earned."""


def contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for every key whose value is beyond one that bounds it.

    Args:
        values: By dotted key; a pair of which one is missing is not judged.
    """
    for pair in (*ORDERED, *BELOW):
        if not values.keys() >= set(pair):
            continue
        (lower, upper), (value, bound) = pair, (values[key] for key in pair)
        section, _, name = lower.rpartition(".")
        other = upper.removeprefix(f"{section}.")
        if value > bound and pair in ORDERED:
            yield f"{lower}: {name} {value} is above {other} {bound}; at most that"
        elif value >= bound and pair in BELOW:
            yield f"{lower}: {name} {value} is not below {other} {bound}; less than that"
    if _is_walled(values):
        yield (
            "intraday.plan: it is on, and broker.wall has the broker refuse to lend; "
            "one of the two is off"
        )
    yield from lacking(values)


def _is_walled(values: Mapping[str, Any]) -> bool:
    is_lent = values.get("intraday.plan") == "on" and values.get("broker.wall") == "on"
    return is_lent and values.get("account.mode") in ("paper", "live")
