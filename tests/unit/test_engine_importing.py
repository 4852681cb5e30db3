"""History from before our time: it counts in the record, and moves nothing else."""

from typing import Any

from msgspec import structs
from tests.simulation.desk import KO, NOON, SPY, D, Desk

from smart_leverage.books.baselines import Period
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, SourceFile
from smart_leverage.domain.records import Noted, PastDealt, PastImported, PastValued, TierGranted
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import PastArrived
from smart_leverage.engine.importing import REFUSED
from smart_leverage.engine.outcome import Outcome
from smart_leverage.engine.shares import tier_of
from smart_leverage.policy.tier import Tier

HOUR_NS = 3_600_000_000_000
FILE = SourceFile(
    name="old.csv", sha256="a" * 64, form="table", rows=40, counted=40, first_ns=1, last_ns=2
)


def trips(count: int, *, wins: int, bot: str = "", name: str = "t") -> tuple[Deal, ...]:
    """Return round trips of ten shares of KO, an hour each, the last of them before noon."""
    found = []
    for number in range(count):
        at_ns = NOON - (2 * (count - number) + 2) * HOUR_NS
        for side in Side:
            is_sale = side is Side.SELL
            found.append(
                Deal(
                    id=f"{name}{number} {side}",
                    order=f"{name}{number} {side}",
                    key=KO,
                    side=side,
                    qty=D(10),
                    price=D(60) if not is_sale else D(61 if number < wins else 59),
                    fee=D(0),
                    fee_asset="USD",
                    at_ns=at_ns + is_sale * HOUR_NS,
                    lot=D("0.0001"),
                    tick=D("0.01"),
                    bot=bot,
                )
            )
    return tuple(found)


def bring(desk: Desk, deals: tuple[Deal, ...], **more: Any) -> Outcome:
    event = {"who": "ann", "reason": "moved", "is_admin": True, "files": (FILE,), **more}
    return desk.feed(PastArrived(at_ns=desk.now_ns, deals=deals, **event))


def notes(outcome: Outcome) -> list[str]:
    return [r.text for r in outcome.records if isinstance(r, Noted) and r.code == REFUSED]


def test_an_imported_record_raises_the_tier_and_says_how_much_of_it_is_imported() -> None:
    desk = Desk()
    outcome = bring(desk, trips(30, wins=15))
    assert [type(r) for r in outcome.records] == [PastDealt] * 60 + [PastImported]
    assert desk.state.tier.name == "LEARNING"  # until the next price judges it
    desk.prices()
    assert desk.state.tier.name == "STABLE"
    (granted,) = [r for r in desk.records if isinstance(r, TierGranted)]
    assert (granted.wins, granted.closed, granted.imported) == (15, 30, 30)
    assert desk.buy(SPY, "1").figures["trades imported"] == "30 of 30"


def test_it_rises_one_step_a_day_however_good_the_record_is() -> None:
    desk = Desk()
    bring(desk, trips(100, wins=100))
    for _ in range(3):
        desk.wait()
        desk.prices()
    assert desk.state.tier is Tier.STABLE


def test_a_bad_record_keeps_the_lowest_tier() -> None:
    desk = Desk()
    bring(desk, trips(30, wins=10))
    desk.prices()
    assert desk.state.tier is Tier.LEARNING


def test_cash_holdings_orders_and_baselines_stay() -> None:
    desk = Desk(holdings={KO: "7"})
    before = (desk.state.book.cash, desk.state.held(), desk.engine.valuation())
    openings = [desk.state.opening(period) for period in Period]
    history = {str(NOON - HOUR_NS * hours): D(90_000 + hours) for hours in range(1, 9)}
    outcome = bring(desk, trips(30, wins=0), equity=history, flows={str(NOON - HOUR_NS): D(5)})
    assert any(isinstance(r, PastValued) for r in outcome.records)
    assert (desk.state.book.cash, desk.state.held(), desk.engine.valuation()) == before
    assert [desk.state.opening(period) for period in Period] == openings
    assert len(desk.state.past_equity) == 8
    assert (outcome.sends, outcome.cancels) == ([], [])
    assert desk.state.book.trades() == ()


def test_a_trade_of_ours_is_not_matched_with_what_was_bought_before() -> None:
    desk = Desk()
    (bought, _), *_ = (trips(1, wins=1),)
    bring(desk, (bought,))
    assert desk.sell(KO, "10").reason == "not_held"


def test_the_same_again_writes_nothing_and_more_of_it_only_what_is_new() -> None:
    desk = Desk()
    bring(desk, trips(20, wins=10))
    again = bring(desk, trips(20, wins=10))
    assert again.records == []
    more = bring(desk, trips(20, wins=10) + trips(2, wins=2, name="u"))
    assert sum(isinstance(r, PastDealt) for r in more.records) == 4
    assert desk.state.book.record.capping.closed == 22
    assert len(desk.state.imports) == 2


def test_it_needs_an_admin_a_reason_and_a_past() -> None:
    desk = Desk()
    (late,) = [each for each in trips(1, wins=1) if each.side is Side.SELL]
    future = structs.replace(late, at_ns=NOON)
    for deals, more, says in (
        (trips(1, wins=1), {"is_admin": False}, "it needs the admin token"),
        (trips(1, wins=1), {"reason": " "}, "it needs a reason"),
        ((future,), {}, "after the account was opened"),
    ):
        outcome = bring(desk, deals, **more)
        (note,) = notes(outcome)
        assert says in note
        assert len(outcome.records) == 1
    assert desk.state.book.record.capping.closed == 0


def test_what_contradicts_the_record_is_refused_whole() -> None:
    desk = Desk()
    bring(desk, trips(20, wins=10))
    deals = list(trips(20, wins=10) + trips(1, wins=1, name="u"))
    deals[0] = structs.replace(deals[0], price=D(1))
    (note,) = notes(bring(desk, tuple(deals)))
    assert "was counted as buy 10 us_equity:KO at 60" in note
    assert desk.state.book.record.capping.closed == 20


def test_it_survives_a_restart_and_an_import_that_broke_off_counts_nothing() -> None:
    desk = Desk()
    bring(desk, trips(20, wins=10))
    torn = [r for r in bring(desk, trips(5, wins=5, name="u")).records if isinstance(r, PastDealt)]
    whole = [r for r in desk.records if r not in torn][:-1]
    engine = Engine(desk.config, [*whole, *torn])
    assert engine.state.book.record.capping.closed == 20
    desk.restart()
    assert desk.state.book.record.capping.closed == 25
    assert desk.state.book.record.capping.imported == 25


def test_a_record_of_a_bot_counts_for_that_bot() -> None:
    desk = Desk()
    desk.seat("grid")
    desk.seat("other")
    bring(desk, trips(30, wins=15, bot="grid"))
    desk.prices()
    core = desk.engine._core
    assert (tier_of(core, "grid"), tier_of(core, "other")) == (Tier.STABLE, Tier.LEARNING)


def test_our_own_trades_push_the_imported_ones_out_of_the_window() -> None:
    desk = Desk()
    bring(desk, trips(100, wins=50))
    stop = desk.hold(KO, "10")
    desk.sell(KO, "10")
    desk.end(stop)
    desk.fill(desk.take(), "61")
    record = desk.state.book.record.capping
    assert (record.closed, record.imported) == (100, 99)
