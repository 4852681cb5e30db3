"""History from before our time: it counts in the record, and moves nothing else."""

from typing import Any

from msgspec import structs
from tests.simulation.desk import KO, NOON, SPY, D, Desk

from smart_leverage.books.baselines import Period
from smart_leverage.books.episodes import ALL
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, SourceFile
from smart_leverage.domain.records import Noted, PastDealt, PastImported, PastValued, TierGranted
from smart_leverage.engine import earning
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Outcome, PastArrived
from smart_leverage.engine.importing import REFUSED
from smart_leverage.engine.shares import tier_of
from smart_leverage.engine.standings import Standing
from smart_leverage.policy.evidence import Record, step_record
from smart_leverage.policy.tier import Tier
from smart_leverage.settings import load
from smart_leverage.wiring.policy import policy_of

HOUR_NS = 3_600_000_000_000
STEADY = EngineConfig(
    policy=policy_of(load(None, {"SMART_LEVERAGE_POLICY__PRESET": "steady"}).settings)
)
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


def steady(deals: tuple[Deal, ...]) -> Desk:
    """Return an account under `steady` with an imported past, after a price has judged it."""
    desk = Desk(config=STEADY)
    bring(desk, deals)
    desk.prices()
    return desk


def earlier(deals: tuple[Deal, ...]) -> tuple[Deal, ...]:
    return tuple(structs.replace(each, at_ns=each.at_ns - 1000 * HOUR_NS) for each in deals)


def standing(desk: Desk, bot: str = ALL) -> Standing:
    return earning.standing(desk.engine._core, bot)


def test_under_steady_imported_episodes_raise_the_tier_by_one_step_a_day() -> None:
    desk = steady(trips(100, wins=100))
    assert [one.is_imported for one in desk.state.episodes.closed] == [True] * 100
    assert desk.state.tier is Tier.STABLE
    desk.wait()
    desk.prices()
    assert standing(desk).tier is Tier.PROFITABLE
    assert desk.state.tier is Tier.STABLE  # until the next day


def test_under_steady_a_bad_or_a_short_past_raises_nothing() -> None:
    for deals in (trips(100, wins=40), trips(19, wins=19)):
        assert steady(deals).state.tier is Tier.LEARNING


def test_under_steady_every_episode_is_folded_once_for_the_account_and_once_for_its_bot() -> None:
    terms, expected = STEADY.policy.record, Record()
    for number in range(30):
        expected = step_record(expected, 1 / 60 if number < 20 else -1 / 60, terms)
    for bot in ("", "grid"):
        desk = steady(trips(30, wins=20, bot=bot))
        assert standing(desk).with_forced == standing(desk).without_forced == expected
        assert standing(desk, bot).with_forced == expected
        assert standing(desk, "other").with_forced == Record()


def test_under_steady_the_same_past_again_changes_nothing_and_an_older_one_is_first() -> None:
    desk = steady(trips(30, wins=20))
    known, stood = list(desk.state.episodes.closed), standing(desk)
    assert bring(desk, trips(30, wins=20)).records == []
    assert list(desk.state.episodes.closed) == known
    assert standing(desk) == stood
    older = earlier(trips(3, wins=3, name="older"))
    bring(desk, older)
    assert desk.state.episodes.closed[3:] == known
    anew = steady(older + trips(30, wins=20))
    assert standing(desk).with_forced == standing(anew).with_forced


def test_under_steady_an_episode_of_ours_comes_behind_them_and_a_restart_agrees() -> None:
    desk = steady(trips(30, wins=20))
    stop = desk.hold(KO, "10")
    bring(desk, earlier(trips(2, wins=0, name="while-open")))
    desk.sell(KO, "10")
    desk.end(stop)
    desk.fill(desk.take(), "61")
    closed, found = list(desk.state.episodes.closed), standing(desk)
    assert [one.is_imported for one in closed] == [True] * 32 + [False]
    twin = Engine(desk.config, desk.records)
    assert twin.state.episodes.closed == closed
    assert earning.standing(twin._core) == found
    assert vars(twin.state.episodes) == vars(desk.state.episodes)


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
