"""Every metric there is: its name, what it says, and the closed list of each of its labels."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.sentences import STATES, VERDICTS
from smart_leverage.policy.reasons import Reason
from smart_leverage.runtime.meter import BROKER_CALLS
from smart_leverage.runtime.pulse import QUEUES

PREFIX = "smart_leverage_"
SCOPE = Scope.SCRAPE
"""What a token needs to read them; every scope that looks includes it."""

OTHER = "other"
"""The label of whatever stands in no list, so that none can grow."""


class Kind(StrEnum):
    """How a metric is read: as it stands, as a rate, or as a distribution."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Place(StrEnum):
    """Which process serves a metric."""

    TRADE = "trade"
    DESK = "desk"
    BOTH = "trade, desk"

    def has(self, process: "Place") -> bool:
        """Whether a process serves what stands here."""
        return self in (process, Place.BOTH)


class Metric(NamedTuple):
    """One line of the catalogue; `name` is without the prefix, units are its last word."""

    name: str
    kind: Kind
    place: Place
    meaning: str
    label: str = ""
    """Names of the labels, with commas between; empty for none."""
    values: tuple[tuple[str, ...], ...] = ()
    """What each label may say, in the order of the labels; empty where the program says what."""

    @property
    def full_name(self) -> str:
        """What is scraped."""
        return PREFIX + self.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(self.label.split(",")) if self.label else ()

    @property
    def samples(self) -> tuple[str, ...]:
        """The names under which samples stand: a histogram has three."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.full_name}_{end}" for end in ("bucket", "sum", "count"))
        return (self.full_name,)


_STATES = tuple(state.name.lower() for state in STATES)
_GROUPS = ("crypto", "leveraged", "gross")
_LIMITS = ("day", "month", "drawdown")
_VERDICTS = (*VERDICTS, OTHER)
_REASONS = (*(reason.name.lower() for reason in Reason), OTHER)
_CODES = ("40010000", "40010001", "40310000", "40410000", "42210000", OTHER)
_STATUSES = (
    *("200", "204", "207", "400", "401", "403", "404", "405", "408"),
    *("413", "421", "422", "429", "500", "503", OTHER),
)
_CHANNELS = ("telegram", "mail", "webhook", "apprise", "watcher", OTHER)

_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
_TRADE, _DESK, _BOTH = Place.TRADE, Place.DESK, Place.BOTH

CATALOGUE: tuple[Metric, ...] = (
    Metric("build", _GAUGE, _BOTH, "1; the label says which version runs", "version"),
    Metric(
        "start_time_seconds", _GAUGE, _BOTH, "When this process began, seconds since 1970 in UTC"
    ),
    Metric(
        "requests_total", _COUNTER, _BOTH, "Requests that were answered, by HTTP status",
        "status", (_STATUSES,),
    ),
    Metric(
        "ready", _GAUGE, _BOTH, "1 while `/readyz` says yes; increases need more than that"
    ),
    Metric("ledger_seq", _GAUGE, _BOTH, "Number of the last durable event of the ledger"),
    Metric(
        "ledger_age_seconds", _GAUGE, _DESK,
        "Since the last event of the ledger; an account that runs writes every minute",
    ),
    Metric(
        "ledger_verified_age_seconds", _GAUGE, _BOTH,
        "Since the whole chain was last proved, by a start or by `ledger verify`",
    ),
    Metric(
        "ledger_trouble", _GAUGE, _TRADE,
        "1 while the ledger cannot be written and the account goes on, halted, beside it",
    ),
    Metric(
        "state", _GAUGE, _TRADE, "1 for the trading state in force, 0 for the others",
        "state", (_STATES,),
    ),
    Metric("session_open", _GAUGE, _TRADE, "1 while shares trade in New York"),
    Metric("tier", _GAUGE, _TRADE, "0 emergency, 1 learning, 2 stable, 3 profitable"),
    Metric("equity", _GAUGE, _TRADE, "Cash and market value at the last good prices, dollars"),
    Metric(
        "drawdown_ratio", _GAUGE, _TRADE,
        "Equity below the best of the peak window, fraction of it, never negative",
    ),
    Metric(
        "exposure_ratio", _GAUGE, _TRADE, "Market value of a group, fraction of equity",
        "group", (_GROUPS,),
    ),
    Metric(
        "cap_ratio", _GAUGE, _TRADE, "Cap in force of a group, fraction of equity",
        "group", (_GROUPS,),
    ),
    Metric(
        "limit_used_ratio", _GAUGE, _TRADE,
        "Loss as a fraction of its limit; 1 is at the limit, a gain uses nothing",
        "limit", (_LIMITS,),
    ),
    Metric(
        "breaker_tripped", _GAUGE, _TRADE, "1 while a loss limit is tripped", "limit", (_LIMITS,)
    ),
    Metric("positions", _GAUGE, _TRADE, "Instruments that are held"),
    Metric(
        "positions_unprotected", _GAUGE, _TRADE, "Instruments that are held without a live stop"
    ),
    Metric("orders_under_way", _GAUGE, _TRADE, "Orders that are not final, unknown ones included"),
    Metric("plan_active", _GAUGE, _TRADE, "1 while exposure is being sold down by a plan"),
    Metric(
        "broker_age_seconds", _GAUGE, _TRADE,
        "Since the broker last answered anything; it is asked every second",
    ),
    Metric(
        "prices_age_seconds", _GAUGE, _TRADE,
        "Since the loop that takes in prices last went round; it does so every second",
    ),
    Metric(
        "bot_age_seconds", _GAUGE, _TRADE,
        "Since a bot last asked for an order, a change or a cancel; absent before the first time",
    ),
    Metric("queue_depth", _GAUGE, _TRADE, "What waits now, by queue", "queue", (QUEUES,)),
    Metric(
        "decisions_total", _COUNTER, _TRADE, "Decisions, by verdict and the bound that bit first",
        "verdict,reason", (_VERDICTS, _REASONS),
    ),
    Metric(
        "orders_rejected_total", _COUNTER, _TRADE, "Orders that the broker refused, by its code",
        "code", (_CODES,),
    ),
    Metric(
        "reconcile_differences_total", _COUNTER, _TRADE,
        "Comparisons in which books and broker differed",
    ),
    Metric(
        "notify_failures_total", _COUNTER, _DESK, "Messages that a channel did not take",
        "channel", (_CHANNELS,),
    ),
    Metric(
        "log_lines_dropped_total", _COUNTER, _BOTH,
        "Lines of the log that were left out because the disk was too slow",
    ),
    Metric(
        "decision_seconds", _HISTOGRAM, _TRADE, "From an event to the decisions that it led to"
    ),
    Metric(
        "commit_seconds", _HISTOGRAM, _TRADE, "Until the ledger kept what was handed to it"
    ),
    Metric(
        "broker_seconds", _HISTOGRAM, _TRADE, "Until the broker answered, by what it was asked",
        "call", (BROKER_CALLS,),
    ),
)  # fmt: skip

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in CATALOGUE}


def served_by(process: Place) -> list[Metric]:
    """Return the metrics that one process serves, in the order of the catalogue."""
    return [metric for metric in CATALOGUE if metric.place.has(process)]
