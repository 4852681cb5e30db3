"""Mistakes put into the product on purpose: `python -m tests.simulation.mistakes`.

Each is played in worlds until the oracle sees it, by the rule that forbids it. What is printed is
how many worlds and seconds that took; the exit code says whether every one was seen.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from tests.simulation.faults import Faults
from tests.simulation.faulty_world import STEPS, play
from tests.simulation.mistake import Mistake
from tests.simulation.mistakes_look_through import LOOKING_THROUGH
from tests.simulation.mistakes_orders import ORDERS
from tests.simulation.mistakes_revisions import REVISIONS
from tests.simulation.mistakes_rules import RULES
from tests.simulation.mistakes_steady import STEADILY

import smart_leverage.engine.answering as answering
import smart_leverage.engine.buying as buying
import smart_leverage.engine.core as core_module
import smart_leverage.engine.exposure as exposure
import smart_leverage.engine.limiting as limiting
import smart_leverage.engine.plans as plans
import smart_leverage.engine.releasing as releasing
from smart_leverage.books.baselines import Baselines
from smart_leverage.books.book import Book
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, BrokerOrder
from smart_leverage.domain.records import Filled, Record, StateChanged
from smart_leverage.engine.asking import Ask, journal
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Answered, Rung, Started, Verdict
from smart_leverage.engine.ladder import Price, PriceLadder, _Seen
from smart_leverage.engine.reserving import Reserved
from smart_leverage.engine.resolving import on_started
from smart_leverage.engine.selling import decide_sell
from smart_leverage.engine.state import State
from smart_leverage.engine.tracked import Tracked
from smart_leverage.engine.tracked_orders import TrackedOrders
from smart_leverage.ledger import opening
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.runtime.carrying import Messenger
from smart_leverage.runtime.steady import SteadyClock
from smart_leverage.runtime.trader import Trader

SEEDS = 30
SUBMIT, BEST, APPLY = Messenger.submit, PriceLadder.best, State.apply
BUYS = exposure._buys_by_key


def counts_a_silence_as_a_no(planted: pytest.MonkeyPatch) -> None:
    """The order stands at the venue; its money is spent a second time."""

    def submit(messenger: Messenger, approved: Approved) -> Answered:
        event = SUBMIT(messenger, approved)
        assert isinstance(event, Answered)
        if event.verdict is Verdict.UNKNOWN:
            return msgspec.structs.replace(event, verdict=Verdict.REFUSED)
        return event

    planted.setattr(Messenger, "submit", submit)


def sends_again_after_silence(planted: pytest.MonkeyPatch) -> None:
    """Two requests are under way for one decision."""

    def submit(messenger: Messenger, approved: Approved) -> Answered:
        event = SUBMIT(messenger, approved)
        assert isinstance(event, Answered)
        again = SUBMIT(messenger, approved) if event.verdict is Verdict.UNKNOWN else event
        assert isinstance(again, Answered)
        return again

    planted.setattr(Messenger, "submit", submit)


def sends_before_it_is_durable(planted: pytest.MonkeyPatch) -> None:
    """After a crash there is a position of which nobody knows why."""
    planted.setattr(Trader, "flush", lambda trader: None)


def forgets_a_halt(planted: pytest.MonkeyPatch) -> None:
    """The operator is told that all is stopped, and the next order leaves."""

    def apply(state: State, record: Record) -> None:
        APPLY(state, record)
        if isinstance(record, StateChanged) and record.after == "halted":
            state.trading = TradingState.ACTIVE

    planted.setattr(State, "apply", apply)


def counts_a_fill_twice(planted: pytest.MonkeyPatch) -> None:
    """The books hold what is not there, and sell it: the account is short."""
    planted.setattr(Book, "is_counted", lambda book, execution_id: False)


def believes_old_prices(planted: pytest.MonkeyPatch) -> None:
    """A purchase is measured by a price of an hour ago, and is far too large."""

    def best(ladder: PriceLadder, key: str, now_ns: int) -> Price | None:
        return BEST(ladder, key, 0)  # type: ignore[arg-type]

    planted.setattr(PriceLadder, "best", best)


def sells_what_is_being_sold(planted: pytest.MonkeyPatch) -> None:
    """The same units are offered twice, and the second sale goes short."""
    planted.setattr(TrackedOrders, "selling", lambda orders, key, bot=None: Decimal(0))


def loses_fills(planted: pytest.MonkeyPatch) -> None:
    """More is held than is counted; caps are passed without a trace."""
    whole = SqliteLedger.commit

    def commit(ledger: SqliteLedger, records: list[Record]) -> Head:
        kept = [each for each in records if not isinstance(each, Filled)]
        return whole(ledger, kept)

    planted.setattr(SqliteLedger, "commit", commit)


def believes_a_clock_that_jumps(planted: pytest.MonkeyPatch) -> None:
    """A day ends early, and with it the limit of what it may lose."""
    planted.setattr(SteadyClock, "now_ns", lambda clock: clock._raw.now_ns())


def adds_by_a_doubted_clock(planted: pytest.MonkeyPatch) -> None:
    """Old prices count as fresh as long as the clock is wrong."""
    planted.setattr(SteadyClock, "doubt", "")


def loosens_at_once(planted: pytest.MonkeyPatch) -> None:
    """A limit is lifted in the heat of the moment in which it was to help."""
    planted.setattr(limiting, "HOUR_NS", 0)


def loosens_in_need(planted: pytest.MonkeyPatch) -> None:
    """The limit that stops a loss is lifted because it stops a loss."""
    planted.setattr(limiting, "hindrance", lambda core: "")


def forgets_what_was_set(planted: pytest.MonkeyPatch) -> None:
    """A restart works with the caps of the file, above those that a person set."""
    planted.setattr(Core, "heed_limits", lambda core: None)


def reserves_nothing(planted: pytest.MonkeyPatch) -> None:
    """Ten orders of one second each find the whole cap free, and all ten fill."""
    planted.setattr(exposure, "_buys_by_key", lambda state, without: {})


def counts_only_the_new_order_of_a_change(planted: pytest.MonkeyPatch) -> None:
    """The order before its change fills after all, beyond what was counted."""

    def buys(state: State, without: frozenset[str]) -> dict[Key, Reserved]:
        changed = {one.replaces for one in state.orders.buys() if one.replaces}
        return BUYS(state, without | changed)

    planted.setattr(exposure, "_buys_by_key", buys)


def tries_again_under_a_new_id(planted: pytest.MonkeyPatch) -> None:
    """The venue takes both, and the account has bought twice."""

    def submit(messenger: Messenger, approved: Approved) -> Answered:
        event = SUBMIT(messenger, approved)
        assert isinstance(event, Answered)
        if event.verdict is not Verdict.UNKNOWN:
            return event
        name = f"{approved.order.client_order_id}-again"
        order = msgspec.structs.replace(approved.order, client_order_id=name)
        again = SUBMIT(messenger, Approved(order, approved.decision_id))
        assert isinstance(again, Answered)
        return event

    planted.setattr(Messenger, "submit", submit)


def blocks_exits_while_tripped(planted: pytest.MonkeyPatch) -> None:
    """The breaker that was to stop a loss keeps the position that makes it."""

    def decide(core: Core, ask: Ask) -> None:
        if core.state.trading is TradingState.ACTIVE:
            decide_sell(core, ask)
            return
        zero = Decimal(0)
        journal(
            core, ask, asked=ask.qty or zero, allowed=zero, given=zero, price=zero,
            reason=Reason.BREAKER_DAY, unit="count", bound=zero, would_be=zero, figures={},
        )  # fmt: skip

    planted.setattr("smart_leverage.engine.deciding.decide_sell", decide)


def halts_in_memory_only(planted: pytest.MonkeyPatch) -> None:
    """A crash after a halt trades on as if nobody had pressed it."""
    whole = SqliteLedger.commit

    def commit(ledger: SqliteLedger, records: Sequence[Record]) -> Head:
        kept = [each for each in records if not _is_halt(each)]
        return whole(ledger, kept)

    planted.setattr(SqliteLedger, "commit", commit)


def _is_halt(record: Record) -> bool:
    return isinstance(record, StateChanged) and record.after == "halted"


def opens_the_day_anew_at_a_start(planted: pytest.MonkeyPatch) -> None:
    """Each restart forgives what the day has lost, and the limit starts from there."""

    def started(core: Core, event: Started) -> None:
        on_started(core, event)
        core.state.baselines = Baselines()

    planted.setattr("smart_leverage.engine.engine.on_started", started)


def leaves_the_stop_in_the_way(planted: pytest.MonkeyPatch) -> None:
    """Stop and exit both fill, and the account is short."""
    for module in (core_module, releasing):
        planted.setattr(module, "blockers", lambda core, order: [])


def takes_any_number_for_a_price(planted: pytest.MonkeyPatch) -> None:
    """A price that is no number passes every comparison with a cap."""

    def see(ladder: PriceLadder, key: Key, price: Decimal, at_ns: int, rung: Rung) -> None:
        ladder._seen[key] = _Seen(price, at_ns, rung)

    planted.setattr(PriceLadder, "see", see)


def takes_a_split_for_a_loss(planted: pytest.MonkeyPatch) -> None:
    """Half the price looks like half the money: everything is sold for nothing."""
    planted.setattr("smart_leverage.engine.engine.on_split", lambda core, event: None)


def lets_a_plan_run_on_for_ever(planted: pytest.MonkeyPatch) -> None:
    """What could not be sold is never reported, and nobody looks after it."""
    planted.setattr(plans, "_heed_deadlines", lambda core, plan, valuation: None)


def starts_a_plan_beside_another(planted: pytest.MonkeyPatch) -> None:
    """Two plans sell the same positions, and more is sold than was wanted."""
    planted.setattr(plans, "_end", lambda core, plan, valuation: "failed")


class _NoLock:
    def __init__(self, path: Path) -> None:
        self.path = path

    def release(self) -> None:
        """Nothing was taken."""


def lets_a_second_writer_in(planted: pytest.MonkeyPatch) -> None:
    """Two processes trade one account, each inside caps that both fill."""
    planted.setattr(opening, "WriterLock", _NoLock)
    planted.setattr(SqliteLedger, "_refuse_other", lambda ledger, epoch: None)


def counts_both_exits_of_a_pair(planted: pytest.MonkeyPatch) -> None:
    """Target and stop look like two sales, and a third exit is refused."""

    def together(orders: TrackedOrders, sales: Iterable[Tracked]) -> Decimal:
        return sum((orders.reserved(each) for each in sales), Decimal(0))

    planted.setattr(TrackedOrders, "together", together)


def counts_exits_that_are_held_back(planted: pytest.MonkeyPatch) -> None:
    """Exits of a purchase that has not filled keep what is held from being sold."""
    planted.setattr(TrackedOrders, "hold", lambda orders, tracked, *, is_held: None)


def lets_a_resting_sale_stand_before_the_house(planted: pytest.MonkeyPatch) -> None:
    """A bot's hopeful limit keeps the house from selling what is over its cap."""
    planted.setattr(Core, "reachable", Core.sellable)


def forgets_the_share_of_a_bot(planted: pytest.MonkeyPatch) -> None:
    """One bot uses what was meant for all of them."""
    planted.setattr(buying, "bounds_of", lambda *args: [])
    planted.setattr(releasing, "bounds_of", lambda *args: [])


def remembers_what_was_only_tried(planted: pytest.MonkeyPatch) -> None:
    """A question about an order reserves money that nothing will use."""
    planted.setattr(
        Core, "is_trial", property(lambda core: False, lambda core, is_trial: None), raising=False
    )


def lets_trailing_stops_follow_our_own_prices(planted: pytest.MonkeyPatch) -> None:
    """A false print raises the stop that the venue has, on paper only."""
    heed = answering._heed_trail

    def heed_ours(core: Core, broker_order: BrokerOrder) -> None:
        order, mark = broker_order.order, core.ladder.mark(broker_order.order.key)
        if order.trails and mark is not None and mark > (broker_order.hwm or mark):
            trail = order.trail_price or mark * (order.trail_percent or 0) / 100
            order = msgspec.structs.replace(order, stop_price=mark - trail)
            broker_order = msgspec.structs.replace(broker_order, order=order, hwm=mark)
        heed(core, broker_order)

    planted.setattr(answering, "_heed_trail", heed_ours)


MISTAKES = [
    Mistake(reserves_nothing, {}, ("INV-03",), first=1),
    Mistake(counts_only_the_new_order_of_a_change, {"lost_before": 0.4}, ("INV-03",), first=26),
    Mistake(counts_a_silence_as_a_no, {"lost_after": 0.4}, ("INV-03", "INV-06", "INV-08")),
    Mistake(tries_again_under_a_new_id, {"lost_before": 0.3}, ("INV-02",)),
    Mistake(blocks_exits_while_tripped, {}, ("INV-05",)),
    Mistake(halts_in_memory_only, {}, ("INV-07",), first=1),
    Mistake(opens_the_day_anew_at_a_start, {"killed": 0.2}, ("INV-16",)),
    Mistake(leaves_the_stop_in_the_way, {}, ("INV-06",)),
    Mistake(takes_any_number_for_a_price, {"nan_price": 0.3}, ("INV-04", "INV-12", "CRASH")),
    Mistake(takes_a_split_for_a_loss, {"split": 0.5}, ("INV-20",)),
    Mistake(lets_a_second_writer_in, {"second_writer": 0.3}, ("INV-14",)),
    Mistake(sends_again_after_silence, {"lost_before": 0.3}, ("INV-01",)),
    Mistake(sends_before_it_is_durable, {}, ("INV-02",)),
    Mistake(forgets_a_halt, {}, ("INV-07",), first=1),
    Mistake(counts_a_fill_twice, {"duplicate": 0.5}, ("INV-11", "INV-20")),
    Mistake(believes_old_prices, {"stale_price": 0.5}, ("INV-04",)),
    Mistake(sells_what_is_being_sold, {}, ("INV-06",)),
    Mistake(loses_fills, {}, ("INV-10", "INV-20")),
    Mistake(believes_a_clock_that_jumps, {"clock_forward": 0.5}, ("INV-16",)),
    Mistake(
        adds_by_a_doubted_clock, {"clock_back": 0.2, "clock_forward": 0.2}, ("INV-04",), first=5
    ),
    Mistake(loosens_at_once, {}, ("INV-17",), first=1),
    Mistake(loosens_in_need, {}, ("INV-17",)),
    Mistake(forgets_what_was_set, {}, ("INV-03",), first=12),
    Mistake(lets_a_plan_run_on_for_ever, {"refused": 0.9}, ("INV-20",)),
    Mistake(starts_a_plan_beside_another, {"refused": 0.9}, ("INV-20",)),
    Mistake(counts_both_exits_of_a_pair, {}, ("INV-05",), first=1),
    Mistake(counts_exits_that_are_held_back, {}, ("INV-05",), first=1),
    Mistake(lets_a_resting_sale_stand_before_the_house, {}, ("INV-05",), first=11),
    Mistake(forgets_the_share_of_a_bot, {}, ("INV-03",), first=1),
    Mistake(remembers_what_was_only_tried, {}, ("INV-15",)),
    Mistake(lets_trailing_stops_follow_our_own_prices, {}, ("INV-08",), first=12),
    *STEADILY,
    *LOOKING_THROUGH,
    *ORDERS,
    *RULES,
    *REVISIONS,
]


UNSEEN = {
    "sells what somebody else has sold": "foreign orders of a world are too small to leave less at "
    "the venue than the house still wants to sell",
    "compares cash and no positions": "whatever moves a position in a world moves cash as well",
    "adds before the lists were compared at a start": "the driver of a world asks nobody for "
    "orders before a start is over",
    "forgets an order that somebody else replaced": "nobody else changes our orders in a world",
}
"""What was planted and no world showed, with the reason: worlds have to become worse."""


class Finding(NamedTuple):
    """What came of a mistake; `rule` is empty when no world showed it by a rule that forbids it."""

    rule: str
    worlds: dict[int, int | None]
    """The seeds that were played, and after how many steps they showed it; None is to the end."""
    seconds: float
    others: frozenset[str]


def find(mistake: Mistake, folder: Path, worlds_most: int = SEEDS) -> Finding:
    """Plant a mistake, play worlds until one of its rules is broken, and take it out again."""
    began, seen, worlds = time.process_time(), set[str](), dict[int, int | None]()
    rule = ""
    with pytest.MonkeyPatch.context() as planted:
        mistake.plant(planted)
        for seed in dict.fromkeys((mistake.first, *range(worlds_most))):
            result = play(seed, folder, Faults(mistake.faults), mistake.regime)
            worlds[seed] = result.steps if result.steps < STEPS else None
            seen |= {each.split()[0] for each in result.violations}
            rule = next((each for each in mistake.rules if each in seen), "")
            if rule:
                break
    return Finding(rule, worlds, time.process_time() - began, frozenset(seen - {rule}))


def main() -> int:
    """Find them all and tell, a line each."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for mistake in MISTAKES:
            found = find(mistake, Path(folder))
            missed += not found.rule
            print(
                f"{mistake.name:46} {found.rule or 'not seen':8} "
                f"in world {[*found.worlds][-1]:2}, {found.seconds:5.1f} s of {len(found.worlds)}",
                flush=True,
            )
    print(f"{len(MISTAKES) - missed} of {len(MISTAKES)} found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
