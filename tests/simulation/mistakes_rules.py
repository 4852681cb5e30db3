"""Mistakes about prices, losses, halts, plans, books and the ledger.

Part of `mistakes`: each is one guard that is off, or one comparison that is the wrong way round.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec
import pytest
from tests.simulation.mistake import Mistake
from tests.simulation.regime import MONTHLY, NARROW

import smart_leverage.domain.records as records
import smart_leverage.engine.commanding as commanding
import smart_leverage.engine.engine as engine_module
import smart_leverage.engine.exposure as exposure
import smart_leverage.engine.judging as judging
import smart_leverage.engine.ladder as ladder_module
import smart_leverage.engine.limiting as limiting
import smart_leverage.engine.plans as plans
import smart_leverage.engine.reconciling as reconciling
import smart_leverage.engine.shrinking as shrinking
import smart_leverage.ledger.chain as chain
import smart_leverage.runtime.trader as trader_module
from smart_leverage.books.baselines import Baselines, Period
from smart_leverage.books.book import Book
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderState, Role
from smart_leverage.domain.records import Record
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.events import Commanded, Outcome, Reconciled, Rung
from smart_leverage.engine.exposure import Valuation
from smart_leverage.engine.ladder import Price, PriceLadder
from smart_leverage.engine.state import State
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.breakers import loss_since
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.steady_breakers import judge_breakers
from smart_leverage.policy.tier import Tier, granted_tier, select_tier
from smart_leverage.runtime.steady import SteadyClock
from smart_leverage.runtime.writing import Scribe

Patch = pytest.MonkeyPatch
ZERO = Decimal(0)
APPLY = State.apply


# -- prices ---------------------------------------------------------------------------------------


def believes_a_lone_jump(planted: Patch) -> None:
    """One false print at a third of the price: the account buys three times as much as it may."""
    planted.setattr(PriceLadder, "_confirms", lambda ladder, seen, mark, at_ns: True)


def buys_at_the_price_of_a_position(planted: Patch) -> None:
    """The venue's price of a holding may be of yesterday: a purchase is measured by it."""
    planted.setattr(Price, "is_fresh", property(lambda price: price.rung <= Rung.BROKER))


def values_at_what_was_paid(planted: Patch) -> None:
    """A loss is none until it is sold: no breaker trips, and caps are those of a richer account."""
    mark = PriceLadder.mark

    def value(state: State, ladder: PriceLadder) -> Valuation:
        def paid(of: PriceLadder, key: Key) -> Decimal | None:
            return state.entry_price(key) or mark(of, key)

        PriceLadder.mark = paid  # type: ignore[method-assign, assignment]
        try:
            return exposure.value(state, ladder)
        finally:
            PriceLadder.mark = mark  # type: ignore[method-assign]

    planted.setattr(engine_module, "value", value)


# -- losses ---------------------------------------------------------------------------------------


def _without(planted: Patch, flag: str) -> None:
    whole = judge_breakers
    planted.setattr(
        judging, "judge_breakers", lambda *given: whole(*given)._replace(**{flag: False})
    )


def never_trips_on_a_day(planted: Patch) -> None:
    """A day on which everything goes wrong goes on until nothing is left to lose."""
    _without(planted, "is_day_tripped")


def never_trips_on_a_month(planted: Patch) -> None:
    """Three percent lost on each of many days, and nobody is ever asked."""
    _without(planted, "is_month_tripped")


def compares_a_loss_in_percent(planted: Patch) -> None:
    """A limit of 3 % is read as 300 %: it can never be reached."""
    whole = judge_breakers

    def judge(state: Any, equity: float, since: Any, limits: Any, *rest: Any) -> Any:
        loose = limits._replace(
            loss_limit_daily=limits.loss_limit_daily * 100,
            loss_limit_monthly=limits.loss_limit_monthly * 100,
        )
        return whole(state, equity, since, loose, *rest)

    planted.setattr(judging, "judge_breakers", judge)


def forgives_a_day_that_recovers(planted: Patch) -> None:
    """A day that tripped trades again as soon as it looks better, and loses its limit twice."""

    def judge(core: Core, equity: Decimal) -> None:
        judging.judge_losses(core, equity)
        loss = loss_since(float(core.state.opening(Period.DAY)), float(equity))
        if core.state.breakers.is_day_tripped and loss <= 0.99 * (
            core.config.policy.limits.loss_limit_daily
        ):
            judging._clear_day(core)

    planted.setattr(engine_module, "judge_losses", judge)


def takes_deposits_for_gains(planted: Patch) -> None:
    """Money that is paid in hides the loss of the day, and with it the limit."""

    def flow(baselines: Baselines, amount: Decimal) -> None:
        if baselines._last is not None:
            baselines._last += amount

    planted.setattr(Baselines, "flow", flow)


def opens_a_day_at_its_first_price(planted: Patch) -> None:
    """What is lost over night belongs to no day and counts against no limit."""
    whole = Baselines.due

    def due(baselines: Baselines, day: str, month: str, equity: Decimal) -> Any:
        kept, baselines._last = baselines._last, None
        try:
            return whole(baselines, day, month, equity)
        finally:
            baselines._last = kept

    planted.setattr(Baselines, "due", due)


def opens_a_day_twice(planted: Patch) -> None:
    """A clock that goes back begins the day anew, and with it the loss that may still be made."""
    planted.setattr(Baselines, "_opens", lambda baselines, period, label: True)


def lets_a_day_last_24_hours(planted: Patch) -> None:
    """The day ends hours before the exchange's: a night's loss is split over two limits."""
    from smart_leverage.domain.risk_days import RiskCalendar

    whole = RiskCalendar.day_of
    planted.setattr(
        RiskCalendar, "day_of", lambda calendar, at_ns: whole(calendar, at_ns + DAY_NS // 4)
    )


def keeps_a_tier_that_is_lost(planted: Patch) -> None:
    """The month is five percent down and the caps are those of the best month there was."""

    def granted(tier: Tier, earned: Tier, *rest: Any) -> Tier:
        return max(tier, granted_tier(tier, earned, *rest))

    planted.setattr(judging, "granted_tier", granted)


def knows_no_emergency(planted: Patch) -> None:
    """After a month that lost five percent the account goes on as one that is learning."""
    planted.setattr(judging, "select_tier", lambda *given: max(select_tier(*given), Tier.LEARNING))


def buys_a_locked_coin(planted: Patch) -> None:
    """A coin that lost its share of the day is bought again in the same hour."""
    planted.setattr(State, "_locked", lambda state, record: None)
    whole = judging._lock

    def lock(core: Core, key: Key, loss: Decimal, opening: Decimal, **how: Any) -> None:
        if f"lock {key} {core.state.day_label}" in core.state.flows:
            return
        core.state.flows.add(f"lock {key} {core.state.day_label}")
        whole(core, key, loss, opening, **how)

    planted.setattr(judging, "_lock", lock)


# -- halts ----------------------------------------------------------------------------------------


def sweeps_nothing_at_a_halt(planted: Patch) -> None:
    """What rested before the halt goes on buying after it."""
    planted.setattr(commanding, "cancel_increases", lambda core, why, parts=None: None)


def sweeps_stops_as_well(planted: Patch) -> None:
    """A halt takes the protection off every position, and nobody rests it again."""
    whole = judging.cancel_increases

    def sweep(core: Core, why: str, parts: frozenset[str] | None = None) -> None:
        whole(core, why, parts)
        for tracked in list(core.state.orders.by_id.values()):
            if tracked.order.role is Role.STOP:
                cancel(core, tracked, why)

    planted.setattr(commanding, "cancel_increases", sweep)


def lets_reduce_lift_a_halt(planted: Patch) -> None:
    """Whoever may ask for less turns a halt into something that midnight lifts."""

    def reduce(core: Core, event: Commanded) -> None:
        judging.change_state(core, TradingState.REDUCING, event.reason, event.who)
        judging.cancel_increases(core, event.reason)

    _carry_out(planted, "reduce", reduce)


def lets_midnight_lift_a_halt(planted: Patch) -> None:
    """A person stopped everything, and the next day trades as if nobody had."""
    whole = judging._clear_day

    def clear(core: Core) -> None:
        whole(core)
        if core.state.trading is TradingState.HALTED:
            judging.change_state(core, TradingState.ACTIVE, "a new risk day", "policy")

    planted.setattr(judging, "_clear_day", clear)


def resumes_while_books_differ(planted: Patch) -> None:
    """The account trades on positions that are not there, or that nobody knows."""
    whole = reconciling.on_reconciled

    def reconciled(core: Core, event: Reconciled) -> None:
        whole(core, event)
        core.differs = False

    planted.setattr(engine_module, "on_reconciled", reconciled)


def resumes_with_an_unknown_purchase(planted: Patch) -> None:
    """The purchase of before the halt turns up after the resume, on top of new ones."""

    def resume(core: Core, event: Commanded) -> None:
        unknown = [
            one for one in core.state.orders.by_id.values() if one.state is OrderState.UNKNOWN
        ]
        for one in unknown:
            one.state = OrderState.OPEN
        commanding._resume(core, event)
        for one in unknown:
            one.state = OrderState.UNKNOWN

    _carry_out(planted, "resume", resume)


def resumes_on_a_tripped_day(planted: Patch) -> None:
    """The limit of the day is lifted by whoever presses resume, as often as they like."""

    def resume(core: Core, event: Commanded) -> None:
        kept = core.state.breakers
        core.state.breakers = kept._replace(is_day_tripped=False)
        commanding._resume(core, event)
        core.state.breakers = core.state.breakers._replace(is_day_tripped=kept.is_day_tripped)

    _carry_out(planted, "resume", resume)


def _carry_out(planted: Patch, name: str, act: Any) -> None:
    from smart_leverage.engine.events import Command

    command = Command[name.upper()]
    planted.setattr(commanding, "_CARRIED_OUT", {**commanding._CARRIED_OUT, command: act})


def loosens_without_the_admin(planted: Patch) -> None:
    """A token that may trade lifts the limit that it runs into."""
    whole = limiting.set_limits

    def set_limits(core: Core, event: Commanded) -> bool:
        return whole(core, msgspec.structs.replace(event, is_admin=True))

    from smart_leverage.engine.events import Command

    planted.setattr(
        commanding, "_CARRIED_OUT", {**commanding._CARRIED_OUT, Command.LIMITS: set_limits}
    )


# -- the broker's lists ---------------------------------------------------------------------------


def adds_while_the_venue_is_silent(planted: Patch) -> None:
    """Orders leave for a venue that says nothing: nobody knows what is held by now."""
    planted.setattr(engine_module.Engine, "_on_broker_lost", lambda engine, event: None)


def sees_no_difference(planted: Patch) -> None:
    """What somebody else bought is in no cap, and what they sold is sold once more."""
    planted.setattr(reconciling, "_differences", lambda core, event: [])


def goes_on_after_a_difference(planted: Patch) -> None:
    """The difference is written down, and purchases go on beside it."""

    def change(core: Core, after: TradingState, why: str, who: str) -> None:
        if why != "books and broker differ":
            judging.change_state(core, after, why, who)

    planted.setattr(reconciling, "change_state", change)


# -- plans ----------------------------------------------------------------------------------------


def calls_a_plan_reached_when_it_is_sent(planted: Patch) -> None:
    """Everything was sold, says the report; the orders were refused and all of it is still held."""
    planted.setattr(plans, "_is_reached", lambda core, plan, valuation: True)
    planted.setattr(plans, "outcome", lambda core, plan, valuation: ("reached", ""))


def trades_on_after_a_flatten(planted: Patch) -> None:
    """All was sold for good, and the bots buy it back within the minute."""
    whole = plans._end

    def end(core: Core, plan: Any, valuation: Valuation) -> str:
        why = core.state.trading_why
        status = whole(core, plan, valuation)
        if plan.kind == "flatten" and core.state.trading is TradingState.HALTED:
            judging.change_state(core, TradingState.ACTIVE, why, "policy")
        return status

    planted.setattr(plans, "_end", end)


def rounds_trims_down(planted: Patch) -> None:
    """A part is left over at every sale, and the account stays above its cap."""

    def quantity(core: Core, key: Key, lots: int, kept: int) -> Decimal:
        qty = core.instrument(key).quantity(lots - kept)
        return (qty / 10).to_integral_value(ROUND_DOWN) * 10

    planted.setattr(shrinking, "_quantity", quantity)


def never_trims(planted: Patch) -> None:
    """An account that is over its cap by the market alone stays there for ever."""
    planted.setattr(plans, "kind_over", lambda core, valuation: None)


# -- books ----------------------------------------------------------------------------------------


def forgets_fees(planted: Patch) -> None:
    """The account believes in money that went to the venue, and sizes by it."""
    _fills(planted, lambda fill: msgspec.structs.replace(fill, fee=ZERO))


def takes_fees_in_coins_for_dollars(planted: Patch) -> None:
    """A fee of a thousandth of a coin is booked as a thousandth of a dollar, and is still held."""
    _fills(planted, lambda fill: msgspec.structs.replace(fill, fee_asset="USD"))


def books_in_whole_cents(planted: Patch) -> None:
    """Every fill rounds a little away, and no two sums ever agree again."""
    cent = Decimal("0.01")
    _fills(planted, lambda fill: msgspec.structs.replace(fill, price=fill.price.quantize(cent)))


def _fills(planted: Patch, bent: Any) -> None:
    whole = Book.apply_fill
    planted.setattr(Book, "apply_fill", lambda book, fill, order: whole(book, bent(fill), order))


def counts_a_deposit_twice(planted: Patch) -> None:
    """Caps are those of an account that has the money twice."""
    from smart_leverage.domain.records import FlowSeen

    def on_flow(engine: Any, event: Any) -> None:
        for _ in range(2):
            engine._core.record(
                FlowSeen(
                    at_ns=event.at_ns, amount=event.amount, source=event.source,
                    reference=event.reference,
                )
            )  # fmt: skip

    planted.setattr(engine_module.Engine, "_on_flow", on_flow)


def counts_a_withdrawal_as_a_deposit(planted: Patch) -> None:
    """Money that went away is counted as if it had come."""
    whole = Book.flow
    planted.setattr(Book, "flow", lambda book, amount: whole(book, abs(amount)))


# -- the ledger and the stream --------------------------------------------------------------------


def hashes_without_the_link_before(planted: Patch) -> None:
    """A line can be taken out of the journal, and nothing shows that it was ever there."""
    whole = chain.digest

    def digest(*given: Any) -> bytes:
        return whole(*(*given[:-1], bytes(32)))

    planted.setattr(chain, "digest", digest)


def writes_money_as_a_float(planted: Patch) -> None:
    """What was 0.1 comes back as something else, and sums do not add up to the cent."""
    whole = records.encode

    def encode(record: Record) -> bytes:
        return whole(record).replace(b'"equity":"', b'"equity_float":1.5,"equity":"')

    planted.setattr(chain, "encode", encode)


def loses_the_end_of_a_commit(planted: Patch) -> None:
    """The last line of what was written together is missing after a restart."""
    whole = SqliteLedger.commit

    def commit(ledger: SqliteLedger, records: Sequence[Record]) -> Head:
        return whole(ledger, records[:-1] if len(records) > 2 else records)

    planted.setattr(SqliteLedger, "commit", commit)


def goes_on_after_a_failed_commit(planted: Patch) -> None:
    """The disk took nothing, the order left all the same, and a restart knows nothing of it."""
    whole = Scribe.flush

    def flush(scribe: Scribe) -> None:
        try:
            whole(scribe)
        except LedgerError:
            scribe._loose = []

    planted.setattr(Scribe, "flush", flush)


def reads_the_stream_on_from_its_end(planted: Patch) -> None:
    """Fills that came late, or during a restart, are never asked for again."""
    planted.setattr(trader_module, "OVERLAP", -3)


def lets_time_run_back(planted: Patch) -> None:
    """A clock that is set back an hour makes old prices fresh and new orders old."""
    planted.setattr(SteadyClock, "now_ns", lambda clock: clock._raw.now_ns())
    planted.setattr(SteadyClock, "doubt", "")

    def begin(core: Core, at_ns: int) -> None:
        core.event_ns = core.now_ns = at_ns
        core.out = Outcome()

    planted.setattr(Core, "begin", begin)


def learns_a_price_from_a_refused_print(planted: Patch) -> None:
    """A book whose bid is above its ask is believed, and bought at."""
    planted.setattr(ladder_module.LadderConfig, "jump_max", 100.0, raising=False)
    whole = PriceLadder.see

    def see(ladder: PriceLadder, key: Key, price: Decimal, at_ns: int, rung: Rung) -> None:
        ladder.config = ladder.config._replace(jump_max=100.0)
        whole(ladder, key, price, at_ns, rung)

    planted.setattr(PriceLadder, "see", see)


RULES = (
    Mistake(believes_a_lone_jump, {"jump_price": 0.3}, ("INV-04",), first=3),
    Mistake(buys_at_the_price_of_a_position, {"stale_price": 0.4}, ("INV-04",)),
    Mistake(values_at_what_was_paid, {}, ("INV-03", "INV-12", "INV-16")),
    Mistake(never_trips_on_a_day, {}, ("INV-16",), first=5),
    Mistake(never_trips_on_a_month, {}, ("INV-16",), MONTHLY, first=5),
    Mistake(compares_a_loss_in_percent, {}, ("INV-16",), first=5),
    Mistake(forgives_a_day_that_recovers, {}, ("INV-16",), NARROW, first=3),
    Mistake(takes_deposits_for_gains, {"deposit": 0.4}, ("INV-16",), first=6),
    Mistake(opens_a_day_at_its_first_price, {}, ("INV-16",), first=4),
    Mistake(opens_a_day_twice, {}, ("INV-16",)),
    Mistake(lets_a_day_last_24_hours, {}, ("INV-16",)),
    Mistake(keeps_a_tier_that_is_lost, {}, ("INV-03",), first=10),
    Mistake(knows_no_emergency, {}, ("INV-03",), first=10),
    Mistake(buys_a_locked_coin, {}, ("INV-16",), first=11),
    Mistake(sweeps_nothing_at_a_halt, {}, ("INV-07",), first=4),
    Mistake(sweeps_stops_as_well, {}, ("INV-05",)),
    Mistake(lets_reduce_lift_a_halt, {}, ("INV-07",)),
    Mistake(lets_midnight_lift_a_halt, {}, ("INV-07",)),
    Mistake(resumes_while_books_differ, {"foreign_order": 0.4}, ("INV-10", "INV-20"), first=2),
    Mistake(resumes_with_an_unknown_purchase, {"lost_before": 0.5}, ("INV-07",), first=6),
    Mistake(resumes_on_a_tripped_day, {}, ("INV-16",), NARROW, first=3),
    Mistake(loosens_without_the_admin, {}, ("INV-17",), first=28),
    Mistake(adds_while_the_venue_is_silent, {"silent": 0.5}, ("INV-04",)),
    Mistake(sees_no_difference, {"foreign_order": 0.4}, ("INV-10",), first=2),
    Mistake(goes_on_after_a_difference, {"foreign_order": 0.4}, ("INV-10",), first=5),
    Mistake(calls_a_plan_reached_when_it_is_sent, {}, ("INV-20",)),
    Mistake(trades_on_after_a_flatten, {}, ("INV-07",)),
    Mistake(rounds_trims_down, {}, ("INV-20",)),
    Mistake(never_trims, {}, ("INV-20",)),
    Mistake(forgets_fees, {}, ("INV-10", "INV-12", "INV-20")),
    Mistake(takes_fees_in_coins_for_dollars, {}, ("INV-10", "INV-12", "INV-20")),
    Mistake(books_in_whole_cents, {}, ("INV-10", "INV-12", "INV-20"), first=5),
    Mistake(counts_a_deposit_twice, {"deposit": 0.3}, ("INV-11",)),
    Mistake(counts_a_withdrawal_as_a_deposit, {"deposit": 0.3}, ("INV-10", "INV-12")),
    Mistake(hashes_without_the_link_before, {}, ("INV-13",)),
    Mistake(writes_money_as_a_float, {}, ("INV-12",)),
    Mistake(loses_the_end_of_a_commit, {"killed": 0.1}, ("INV-02", "INV-10", "INV-20")),
    Mistake(goes_on_after_a_failed_commit, {"commit_fails": 0.4}, ("INV-02", "INV-10", "INV-20")),
    Mistake(reads_the_stream_on_from_its_end, {"killed": 0.3, "late": 0.3}, ("INV-10", "INV-20")),
    Mistake(lets_time_run_back, {"clock_back": 0.5}, ("INV-16", "INV-04", "INV-17")),
    Mistake(learns_a_price_from_a_refused_print, {"jump_price": 0.4}, ("INV-04",), first=3),
)
