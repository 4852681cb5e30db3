"""How an account stands, as every page and every event shows it: worked out once for each look."""

from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from smart_leverage.domain.bots import Seat
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import ExposureMoved, LimitChanged, PlanMoved
from smart_leverage.domain.sentences import STATES, group_told, percent, plan_told
from smart_leverage.domain.stamps import span
from smart_leverage.engine.state import Plan, State
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.rows import DecisionRow, NoteRow, OrderRow, PlanRow, StateRow, TierRow
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.target import MONTHLY
from smart_leverage.runtime.borrowing import Margin, margin
from smart_leverage.runtime.explaining import Explanation, explanation
from smart_leverage.runtime.fates import fates
from smart_leverage.runtime.figures import Loss, Room, losses, record, room
from smart_leverage.runtime.ranks import Rank, next_step, ranks, title
from smart_leverage.runtime.remembered import Remembered
from smart_leverage.runtime.seated import Seated, seated
from smart_leverage.runtime.tracking import Tracking, tracking
from smart_leverage.runtime.words import rate
from smart_leverage.server.desk.screens.gauges import Gauge, caps, distances, nearest
from smart_leverage.server.desk.screens.health import STALE_AFTER_NS, Health
from smart_leverage.server.desk.screens.history import History
from smart_leverage.server.desk.screens.journal import Line, tail

MODES = {"sim": "SIM", "paper": "PAPER", "live": "LIVE"}
SIGNS = {0: "●", 1: "▲"}
TONES = {0: "ok", 1: "near"}
LAST = 8
"""Decisions on the first page."""
TAIL = 60
"""Entries of the journal on the page of the system."""


class Position(NamedTuple):
    """One holding, valued at the last price that the ledger knows."""

    key: Key
    qty: Decimal
    entry_price: Decimal
    price: Decimal | None
    price_ns: int
    price_source: str
    stop: Decimal | None
    bare_ns: int | None
    """Since when it has no live stop; None while it has one."""
    bots: str

    @property
    def value(self) -> Decimal:
        """What it is worth."""
        return self.qty * (self.entry_price if self.price is None else self.price)

    @property
    def gain(self) -> Decimal | None:
        """What a sale at that price would bring beyond what was paid."""
        return None if self.price is None else self.qty * (self.price - self.entry_price)

    @property
    def to_stop(self) -> Decimal | None:
        """How far its stop is below the price, fraction."""
        if self.stop is None or not self.price:
            return None
        return self.stop / self.price - 1


class Decision(NamedTuple):
    """A decision and what became of it."""

    row: DecisionRow
    order: OrderRow | None


class Wanted(NamedTuple):
    """Which decisions are wanted; None matches all."""

    verdict: str | None = None
    reason: str | None = None
    bot: str | None = None
    key: str | None = None
    before: int = 2**63 - 1
    limit: int = 50


class Standing:
    """An account at one instant; valid only while its ledger is not followed further."""

    def __init__(
        self,
        now: Remembered,
        history: History,
        reader: Reader,
        health: Health | None,
        trouble: str,
        clock_ns: int,
    ) -> None:
        """Take what was read; nothing is worked out before it is asked for."""
        self.now = now
        self.history = history
        self.health = health
        self.trouble = trouble
        self.clock_ns = clock_ns
        self._reader = reader

    # -- who and how fresh ------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What the records fold to."""
        return self.now.state

    @property
    def mode(self) -> str:
        """LIVE, PAPER or SIM: never to be mixed up."""
        return MODES.get(self.now.account.mode, self.now.account.mode.upper())

    @property
    def seq(self) -> int:
        """The number of the last entry of the ledger."""
        return self.now.events

    @property
    def is_running(self) -> bool:
        """Whether somebody decides now, as far as it was looked at."""
        return self.health is None or self.health.is_running

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may no longer be so."""
        return bool(self.trouble) or not self.is_running or self.age_ns > STALE_AFTER_NS

    @property
    def age_ns(self) -> int:
        """How long ago the last entry was written."""
        return max(self.clock_ns - self.now.at_ns, 0)

    @property
    def freshness(self) -> str:
        """What is said of the age of everything."""
        if self.trouble:
            return f"STALE: the ledger cannot be read ({self.trouble})"
        if self.health is not None and not self.health.is_running:
            return f"NOT RUNNING: the account {self.health.word}; as of its last record"
        return f"STALE: no record for {span(self.age_ns)}" if self.is_stale else "live"

    # -- state ------------------------------------------------------------------------------------

    @property
    def word(self) -> str:
        """The trading state in capitals."""
        return STATES[self.state.trading].word

    @property
    def allows(self) -> str:
        """What passes in this state."""
        return STATES[self.state.trading].line

    @property
    def sign(self) -> str:
        """The shape of the state."""
        return SIGNS.get(int(self.state.trading), "■")

    @property
    def tone(self) -> str:
        """The class of its colour."""
        return TONES.get(int(self.state.trading), "hit")

    @property
    def why(self) -> str:
        """Why it is in this state; nothing while it is active."""
        return self.state.trading_why if self.state.trading is not TradingState.ACTIVE else ""

    @cached_property
    def states(self) -> list[StateRow]:
        """The changes of the state, newest first."""
        return self._reader.states(limit=20)

    @property
    def since_ns(self) -> int:
        """Since when it is in this state."""
        return self.states[0].at_ns if self.states else self.now.account.at_ns

    # -- tier -------------------------------------------------------------------------------------

    @property
    def tier(self) -> str:
        """Number and name of the tier."""
        return title(self.state.tier.name)

    @cached_property
    def ranks(self) -> list[Rank]:
        """The tiers with their caps."""
        return ranks(self.now)

    @property
    def rank(self) -> Rank:
        """The tier in force."""
        return self.ranks[int(self.state.tier)]

    @cached_property
    def next_step(self) -> str:
        """What the next tier needs."""
        return next_step(self.now)

    @cached_property
    def win_rate(self) -> str:
        """The record that the tier goes by, with its interval."""
        return rate(*record(self.now))

    @cached_property
    def tiers(self) -> list[TierRow]:
        """The changes of the tier, newest first."""
        return self._reader.tiers(limit=20)

    @property
    def tier_why(self) -> str:
        """On what evidence the tier stands."""
        if not self.tiers:
            return "The tier of a new account"
        last = self.tiers[0]
        rate = f"win rate {percent(Decimal(last.win_rate))}" if last.win_rate else "no record"
        return f"{last.why}: {rate}, month {percent(Decimal(last.month_return), 2)}"

    @property
    def earned(self) -> list[ExposureMoved]:
        """What is earned beside the tier, by sleeve, with the cap that binds."""
        return list(self.state.earned.values())

    # -- bounds -----------------------------------------------------------------------------------

    @cached_property
    def caps(self) -> list[Gauge]:
        """Exposure against its caps."""
        return caps(self.now)

    @cached_property
    def distances(self) -> list[Gauge]:
        """Losses against their limits, nearest first."""
        return distances(self.now)

    @cached_property
    def nearest(self) -> Gauge | None:
        """The bound to look at first."""
        return nearest(self.distances, self.caps)

    @cached_property
    def losses(self) -> dict[str, Loss]:
        """Changes since the openings, by name."""
        return {line.name: line for line in losses(self.now)}

    @cached_property
    def room(self) -> Room | None:
        """What may still be bought."""
        return room(self.now)

    @cached_property
    def tracking(self) -> Tracking | None:
        """How the month goes against its target."""
        return tracking(self.now, MONTHLY)

    @property
    def monthly(self) -> float:
        """The target of a month, fraction."""
        return MONTHLY

    @property
    def equity(self) -> Decimal | None:
        """The equity of the last valuation."""
        return None if self.now.last_mark is None else self.now.last_mark.equity

    @property
    def valued_ns(self) -> int:
        """When the account was valued last."""
        return 0 if self.now.last_mark is None else self.now.last_mark.at_ns

    # -- what is held and under way ---------------------------------------------------------------

    @cached_property
    def positions(self) -> list[Position]:
        """Everything that is held, the largest first."""
        found = [self._position(key, qty) for key, qty in self.state.held() if qty]
        return sorted(found, key=lambda one: -one.value)

    def _position(self, key: Key, qty: Decimal) -> Position:
        state, known = self.state, self.now.prices.get(key)
        owners = state.book.quantities(key)
        stop = state.stop_prices.get(key) if state.live_stop(key) else None
        return Position(
            key=key,
            qty=qty,
            entry_price=state.entry_price(key),
            price=None if known is None else known.price,
            price_ns=0 if known is None else known.at_ns,
            price_source="" if known is None else known.source,
            stop=stop,
            bare_ns=state.bare_since.get(key),
            bots=", ".join(sorted(bot for bot, own in owners.items() if own)),
        )

    @cached_property
    def open_orders(self) -> list[OrderRow]:
        """What can still fill, newest first, the stops of the house left out."""
        found = [row for row in self._reader.open_orders() if row.role.value != "stop"]
        return found[::-1]

    @cached_property
    def last_decisions(self) -> list[Decision]:
        """The latest decisions."""
        return self.decisions(Wanted(limit=LAST))

    def decisions(self, wanted: Wanted) -> list[Decision]:
        """Return the decisions that are wanted, newest first, each with what became of it."""
        rows = self._reader.decisions(**wanted._asdict())
        sent = fates(self._reader, rows)
        return [Decision(row, sent.get(row.decision_id)) for row in rows]

    # -- duties -----------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan | None:
        """The plan that runs."""
        return self.state.plan

    @cached_property
    def plan_moves(self) -> list[PlanRow]:
        """The moves of the plan that runs."""
        return [] if self.plan is None else self._reader.plan(self.plan.plan_id)

    @cached_property
    def plans(self) -> list[PlanRow]:
        """The plans there were, each as it moved last, newest first."""
        return self._reader.plans(limit=10)

    @property
    def short(self) -> PlanMoved | None:
        """How the last plan fell short."""
        return self.state.short

    @cached_property
    def margin(self) -> Margin | None:
        """What is borrowed, and how far a margin call is; None where nothing is borrowed."""
        return margin(self.now)

    @property
    def margin_tone(self) -> str:
        """The class of its colour, which only repeats what sign and word say."""
        near = {"●": "ok", "▲": "near", "■": "hit"}
        return "none" if self.margin is None else near[self.margin.sign[0]]

    @property
    def plan_late(self) -> str:
        """What the plan that runs is called when it is late."""
        return "" if self.plan is None else plan_told("late", self.plan.kind)

    @property
    def plan_name(self) -> str:
        """What the plan that runs brings down."""
        return "" if self.plan is None else group_told(self.plan.kind)

    @property
    def locks(self) -> list[tuple[Key, int]]:
        """Assets that may not be bought, and until when."""
        at_ns = self.now.at_ns
        return sorted((key, until) for key, until in self.state.locks.items() if until > at_ns)

    @property
    def pending(self) -> list[LimitChanged]:
        """Limits that wait to be loosened."""
        return list(self.state.limits.pending.values())

    # -- bots, journal, system --------------------------------------------------------------------

    @cached_property
    def bots(self) -> list[Seated]:
        """Every key of a bot."""
        return seated(self.state)

    @property
    def seats(self) -> dict[str, Seat]:
        """Who may speak to the gateway."""
        return self.state.seats

    @cached_property
    def journal(self) -> list[Line]:
        """The last entries of the journal."""
        return tail(self._reader, TAIL)

    def explained(self, which: str) -> Explanation:
        """Return what explains a decision.

        Raises:
            BadData: There is none of that name.
        """
        return explanation(self._reader, which)

    def notes(self, code: str) -> list[NoteRow]:
        """Return the last notes of a code, newest first."""
        return self._reader.notes(code=code, limit=3)

    @cached_property
    def last_entry(self) -> Entry | None:
        """The last entry as it stands."""
        return next(self._reader.entries(max(self.seq - 1, 0)), None)
