"""A look back measures what the journal holds of a window, and nothing that came after it."""

import pytest
from msgspec import structs
from tests.simulation.desk import BTC, ETH, KO, NOON, Desk, at
from tests.unit.test_engine_reviewing import change, proposal, sign

from smart_leverage.cli.reviewing import standing_of
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.phases import PhaseResult
from smart_leverage.domain.proposals import hash_of, is_whole
from smart_leverage.domain.records import Record
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Verdict
from smart_leverage.reports.story import Story
from smart_leverage.research.review import Line, Look, Review, Targets, review
from smart_leverage.research.review.looking import look
from smart_leverage.wiring.limits import contradicted

DAY_S = 86_400


def told(desk: Desk, *days: int, targets: Targets | None = None) -> Review:
    """Return the review of everything a desk has recorded."""
    standing = standing_of(desk.state)
    return review(
        _story(desk.records), standing, targets or Targets(), days or (7, 30), contradicted
    )


def _story(records: list[Record]) -> Story:
    story = Story()
    for record in records:
        story.apply(record)
    return story


def lines(one: Review) -> dict[str, Line]:
    return lines_of(one.reviewed.looks[0])


def lines_of(one: Look) -> dict[str, Line]:
    return {each.name: each for each in one.lines}


def _round_trip(desk: Desk, price: str) -> None:
    """Let a signal buy, wait out the house's stop, and leave at a price."""
    desk.prices()
    desk.signal(ETH)
    desk.fill(desk.take(Role.SIGNAL), desk.price[ETH])
    stop = desk.take(Role.STOP)
    desk.wait(60)
    desk.prices()
    desk.signal(ETH, Side.SELL)
    desk.end(stop)
    desk.fill(desk.take(Role.SIGNAL), price)


def passed(desk: Desk, days: int) -> None:
    for _ in range(days):
        desk.wait(DAY_S)
        desk.prices()


def test_an_account_of_three_days_says_how_many_are_missing() -> None:
    desk = Desk()
    passed(desk, 3)
    one = told(desk)
    found = lines(one)
    assert found["return"].verdict == "not decidable yet"
    assert found["return"].needed == "4.0 more days; 3.0 of 7 are there"
    assert found["win rate"].needed == "a first closed trade"
    assert found["month"].needed.startswith("a first whole month")
    assert one.reviewed.looks[1].covered_days == pytest.approx(3)
    assert one.reviewed.looks[0].result.result == "not decidable yet"
    assert one.proposal.phases == ()


def test_every_line_has_a_source_and_a_time() -> None:
    desk = Desk(holdings={BTC: "0.2"}, cash=90_000)
    passed(desk, 8)
    for one in told(desk).reviewed.looks:
        assert {each.until_ns for each in one.lines} == {desk.now_ns}
        assert all(NOON <= each.from_ns < each.until_ns for each in one.lines)
        assert all("event" in each.source or each.source.startswith("no ") for each in one.lines)


def test_returns_days_and_drawdown_are_those_of_the_window() -> None:
    desk = Desk(holdings={KO: "500"}, cash=70_000, enforcement="observe")
    passed(desk, 10)
    for price in ("57", "57", "63", "63"):  # down 1.5 %, then up 3 %
        desk.wait(DAY_S)
        desk.prices({KO: price})
        desk.prices()
    found = lines(told(desk))
    assert found["return"].measured.startswith("+1.50 %, 1 of ")
    assert found["return"].verdict == "met"  # above 1.13 %
    assert found["worst day"].measured.startswith("−1.50 % on 2024-03-16")
    assert found["drawdown"].measured.startswith("1.50 % below")
    short = lines(told(desk, 2))
    assert short["worst day"].measured.startswith("0.00 %")
    assert lines(told(desk, targets=Targets(month=0.2)))["return"].verdict == "missed"


def test_trades_of_the_window_are_told_apart_from_the_whole_record() -> None:
    desk = Desk()
    for number in range(12):
        _round_trip(desk, "2525" if number % 4 else "2475")
        desk.wait(DAY_S)
    desk.prices()
    rate = lines(told(desk))["win rate"]
    assert rate.measured.startswith("5 of 6 won in these days; since the opening 9 of 12, in truth")
    assert rate.verdict == "not decidable yet"
    assert rate.needed.endswith("more trades at this rate")
    assert rate.from_ns == NOON
    decided = lines(told(desk, targets=Targets(win_rate=0.2)))["win rate"]
    assert (decided.verdict, decided.needed) == ("met", "")


def test_a_position_that_was_bare_for_too_long_is_a_breach() -> None:
    desk = Desk()
    stop = desk.hold(KO, "50")
    assert lines(told(desk))["stops"].verdict == "met"
    desk.end(stop)
    desk.answer(desk.pop(Role.STOP), Verdict.REFUSED)
    desk.wait(120)
    desk.prices()
    bare = lines(told(desk))["stops"]
    assert bare.verdict == "missed"
    assert bare.measured.startswith("KO for 2 min")


def test_trips_breaches_and_late_plans_are_counted() -> None:
    desk = Desk(holdings={KO: "800"}, cash=52_000, enforcement="observe")
    desk.wait(120)
    for _ in range(2):
        desk.prices({KO: "57"})
        desk.wait(60)
        desk.prices({KO: "54"})
        desk.wait(60)
    desk.prices()
    found = lines(told(desk))
    assert found["trips"].verdict == "missed"
    assert "loss limit of the day 2024-03-05" in found["trips"].measured
    assert found["breaches"].verdict == "met"  # stocks are inside of the gross cap
    over = Desk(holdings={BTC: "0.8"}, cash=60_000)
    over.wait(DAY_S)
    over.prices()
    found = lines(told(over))
    assert found["breaches"].measured.startswith("crypto 1 time")
    assert found["plans"].verdict == "missed"  # nobody filled its sales
    assert "down to" in found["plans"].measured
    assert "not kept" in found["plans"].measured


def test_below_the_last_step_stops_are_not_judged_and_what_was_only_observed_is_told() -> None:
    desk = Desk(enforcement="observe")
    desk.buy(KO, "300")
    desk.wait(60)
    desk.prices()
    found = lines(told(desk))
    assert found["stops"].verdict == "shown"
    assert found["stops"].measured == "not kept by the house on the step observe"
    assert found["denials"].measured == "none; 1 would not have been given in full"
    desk.step("all")
    desk.wait(60)
    desk.prices()
    assert lines(told(desk))["stops"].verdict != "shown"


def test_denials_and_changes_of_limits_are_shown_and_judged_by_nobody() -> None:
    desk = Desk()
    desk.buy(KO, "300")
    desk.limit("limits.symbol_cap=0.05")
    desk.wait(60)
    desk.prices()
    found = lines(told(desk))
    assert found["denials"].measured == "1 order, $18,000: symbol cap 1"
    assert found["limits changed"].measured == "limits.symbol_cap 0.1 to 0.05 by ann"
    assert {found["denials"].verdict, found["limits changed"].verdict} == {"shown"}


def test_a_phase_is_measured_once_it_is_due_and_never_again_when_signed() -> None:
    desk = Desk(holdings={KO: "500"}, cash=70_000, enforcement="observe")
    passed(desk, 8)
    [first] = told(desk).proposal.phases
    assert (first.days, first.due_ns, first.result) == (7, NOON + 7 * DAY_NS, "partly reached")
    for price in ("48", "48", "66", "66"):
        desk.wait(DAY_S / 4)
        desk.prices({KO: price})
    [later] = told(desk).proposal.phases
    assert later == first  # what came after it was due does not count
    given = proposal(desk, phases=(first,))
    sign(desk, given)
    assert told(desk).proposal.phases == ()
    passed(desk, 6)
    [second] = told(desk).proposal.phases
    assert second.due_ns == NOON + 14 * DAY_NS


def _then_and_now(desk: Desk, until_ns: int, then: int) -> tuple[Look, Look]:
    """Return one window by the records that there were at its end, and by all."""
    before, after = (
        look(_story(records), 7, until_ns, Targets(), 0.03)
        for records in (desk.records[:then], desk.records)
    )
    return before, after


def _measured(one: Look) -> list[tuple[str, str, str]]:
    return [(each.name, each.measured, each.verdict) for each in one.lines]


def test_trades_and_prices_that_came_later_change_no_window() -> None:
    desk = Desk(holdings={BTC: "0.1"}, cash=95_000)
    _round_trip(desk, "2475")
    passed(desk, 6)
    until_ns, then = desk.now_ns, len(desk.records)
    _round_trip(desk, "2525")
    desk.prices({BTC: "49000"})
    passed(desk, 40)
    before, after = _then_and_now(desk, until_ns, then)
    assert _measured(before) == _measured(after)
    assert "0 of 1, in truth" in lines_of(before)["win rate"].measured


def test_a_plan_that_ended_later_was_running() -> None:
    desk = Desk(holdings={BTC: "0.5"}, cash=75_000)
    desk.wait(120)
    desk.prices()
    until_ns, then = desk.now_ns, len(desk.records)
    while any(order.role is Role.TRIM for order in desk.sent) or desk.state.plan is not None:
        for _ in range(sum(order.role is Role.TRIM for order in desk.sent)):
            desk.fill(desk.take(Role.TRIM), desk.price[BTC])
        desk.wait(600)
        desk.prices()
        assert desk.now_ns < until_ns + DAY_NS
    before, after = _then_and_now(desk, until_ns, then)
    assert _measured(before) == _measured(after)
    plan = lines_of(after)["plans"]
    assert (plan.verdict, "running" in plan.measured) == ("not decidable yet", True)
    ended = lines(told(desk))["plans"]
    assert "running" not in ended.measured


def test_the_same_journal_gives_the_same_proposal_and_another_gives_another() -> None:
    desk = Desk(holdings={KO: "500"}, cash=70_000)
    passed(desk, 8)
    one, again = told(desk), told(desk)
    assert one == again
    assert is_whole(one.proposal)
    assert one.is_whole
    assert one.proposal.review == hash_of(one.reviewed)
    passed(desk, 1)
    assert told(desk).proposal.seal != one.proposal.seal
    forged = structs.replace(one.reviewed, days=(1,))
    assert not structs.replace(one, reviewed=forged).is_whole


def test_what_is_in_need_says_so_to_the_rules() -> None:
    desk = Desk()
    assert standing_of(desk.state).need == ""
    desk.limit("limits.symbol_cap=0.05")
    standing = standing_of(desk.state)
    assert standing.in_force["limits.symbol_cap"] == "0.05"
    assert standing.configured["limits.symbol_cap"] == "0.1"
    assert EngineConfig().policy.groups.symbol == 0.1
    sign(desk, proposal(desk, change("0.04", before="0.05")))
    assert standing_of(desk.state).in_force["limits.symbol_cap"] == "0.04"


def test_a_window_ends_where_its_days_end() -> None:
    assert at("2024-03-05T17:00") == NOON
    result = PhaseResult(days=30, due_ns=NOON, result="reached")
    assert result.label == "30 days to 2024-03-05 17:00:00Z"
