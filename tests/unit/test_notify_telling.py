"""What each record of the journal says to people, word by word."""

from decimal import Decimal

import msgspec
import pytest

from smart_leverage.domain.bots import Scope, Seat
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, OrderState, Side
from smart_leverage.domain.records import (
    AccountOpened,
    AssetLocked,
    BreakerMoved,
    Decided,
    Filled,
    Intended,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    PlanMoved,
    Record,
    Resumed,
    SeatChanged,
    StateChanged,
    TierGranted,
)
from smart_leverage.notify.known import Known
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.telling import Heard, told
from smart_leverage.notify.wording import When
from smart_leverage.settings import Settings

AT = 1_795_808_160 * SECOND_NS
"""Friday 2026-11-27, 14:36 in New York."""

WHEN = When("America/New_York", AT)
BTC = Key("crypto:BTC/USD")
D = Decimal


def opened() -> AccountOpened:
    settings = Settings()
    return AccountOpened(
        at_ns=AT - 1,
        account="PA3X1234F2A",
        mode="paper",
        cash=D(100_000),
        risk_timezone="America/New_York",
        preset="classic",
        policy=settings.policy_text(),
        policy_hash=settings.policy_hash(),
        enforcement="all",
        version="0",
    )


def known(*records: Record) -> Known:
    account = Known()
    for record in (opened(), *records):
        account.take(record)
    return account


def said(record: Record, account: Known | None = None, seq: int = 4182) -> list[Message]:
    return list(told(Heard(record, seq), account or known(), WHEN))


def only(record: Record, account: Known | None = None) -> Message:
    (message,) = said(record, account)
    return message


TRIP = BreakerMoved(
    at_ns=AT,
    breaker="day",
    is_tripped=True,
    value=D("0.0312"),
    limit=D("0.03"),
    why="loss over the limit",
)
REDUCING = StateChanged(
    at_ns=AT, before="active", after="reducing", why="loss limit of the day", who="policy"
)
HALTED = StateChanged(at_ns=AT, before="active", after="halted", why="going away", who="ann")


def test_the_label_is_the_mode_and_the_last_four_characters_of_the_account() -> None:
    assert known().label == "PAPER …4F2A"


def test_a_state_says_cause_with_numbers_what_is_allowed_and_what_comes_next() -> None:
    message = only(REDUCING, known(TRIP))
    assert message.text == (
        "▲ REDUCING 14:36 loss limit of the day −3.1 % of −3.0 % | entries denied, exits pass "
        "| resets Sat 00:00 | #4182"
    )
    assert (message.level, message.manner) == (Level.URGENT, Manner.EACH)


def test_a_persons_halt_names_the_person_and_that_one_has_to_resume() -> None:
    assert only(HALTED).text == (
        "■ HALTED 14:36 going away, by ann | entries denied, exits pass "
        "| a person has to resume | #4182"
    )


def test_a_trip_is_urgent_and_its_end_is_not() -> None:
    trip = only(TRIP)
    assert trip.level is Level.URGENT
    assert trip.text.startswith("■ TRIPPED 14:36 loss limit of the day −3.1 % of −3.0 % | ")
    over = only(msgspec.structs.replace(TRIP, is_tripped=False, why="a new period"))
    assert over.level is Level.NORMAL
    assert over.text == "● CLEARED 14:36 loss limit of the day: a new period | #4182"


def test_a_resume_names_who_and_why() -> None:
    message = only(Resumed(at_ns=AT, who="ann", reason="looked at it", equity=D(90_000)))
    assert message.level is Level.URGENT
    assert message.text == (
        "● RESUMED 14:36 by ann: looked at it | losses count from $90,000.00 | #4182"
    )


def test_a_tier_a_limit_and_the_end_of_a_plan_are_told_each_by_itself() -> None:
    tier = TierGranted(
        at_ns=AT, before="STABLE", after="LEARNING", earned="LEARNING", wins=4, closed=10,
        win_rate="0.4", month_return="-0.02", why="fall",
    )  # fmt: skip
    limit = LimitChanged(
        at_ns=AT, name="limits.symbol_cap", before="0.1", after="0.05", is_looser=False,
        effective_ns=AT, who="ann", reason="calmer",
    )  # fmt: skip
    plan = PlanMoved(
        at_ns=AT, plan_id="p1", status="reached", group="crypto", stage=2, ceiling=D("0.25"),
        exposure=D("0.245"), deadline_ns=AT,
    )  # fmt: skip
    messages = [only(each) for each in (tier, limit, plan)]
    assert {(one.level, one.manner) for one in messages} == {(Level.NORMAL, Manner.EACH)}
    assert [one.text for one in messages] == [
        "▲ TIER 14:36 2 STABLE → 1 LEARNING: win rate 40.0 % of 10 closed, month −2.0 % | #4182",
        "● LIMIT 14:36 limits.symbol_cap 10 % → 5 %, in force now | by ann: calmer | #4182",
        "● PLAN 14:36 p1, crypto: reached, 24.5 % held, 25.0 % allowed | #4182",
    ]


def test_what_an_account_was_opened_with_is_no_change_of_a_limit() -> None:
    change = LimitChanged(
        at_ns=AT, name="limits.symbol_cap", before="", after="0.1", is_looser=False,
        effective_ns=AT, who="", reason="opened with it",
    )  # fmt: skip
    assert said(change) == []


def decided(verdict: str, bot: str = "grid") -> Decided:
    return Decided(
        at_ns=AT, decision_id="d1", bot=bot, source="order", key=BTC, side=Side.BUY, asked=D(1),
        allowed=D(0), given=D(0), price=D(50_000), verdict=verdict, reason="cap_crypto",
        unit="fraction", bound=D("0.25"), would_be=D("0.284"), figures={},
    )  # fmt: skip


def test_a_denial_is_quiet_and_grouped_by_rule_and_bot() -> None:
    one, other = only(decided("denied")), only(decided("denied", "momentum"))
    assert (one.level, one.manner, one.topic) == (Level.QUIET, Manner.GROUPED, "denied")
    assert one.cause != other.cause
    assert one.text == (
        "✕ DENIED 14:36 buy 1 crypto:BTC/USD of grid: crypto cap: 25.0 % of equity allowed, "
        "this order would make 28.4 % | #4182"
    )


def test_what_was_approved_or_held_says_nothing() -> None:
    assert [said(decided(verdict)) for verdict in ("approved", "held")] == [[], []]


INTENT = Intended(
    at_ns=AT,
    order=Order(client_order_id="sl-1", bot="grid", key=BTC, side=Side.SELL, qty=D("0.5")),
    decision_id="d1",
    reserve_price=D(0),
)


def test_a_refusal_of_the_broker_names_the_order_and_is_grouped_by_its_code() -> None:
    moved = OrderMoved(
        at_ns=AT, client_order_id="sl-1", state=OrderState.REJECTED, status="rejected",
        filled_qty=D(0), reason="insufficient qty", broker_code=40310000,
    )  # fmt: skip
    message = only(moved, known(INTENT))
    assert message.text == (
        "✕ REJECTED 14:36 sell 0.5 crypto:BTC/USD of grid: insufficient qty [40310000] | #4182"
    )
    assert message.cause == "rejected:40310000"
    assert said(msgspec.structs.replace(moved, state=OrderState.CANCELED), known(INTENT)) == []


def test_a_fill_is_quiet_and_grouped_by_bot() -> None:
    fill = Fill(
        execution_id="e", client_order_id="sl-1", key=BTC, side=Side.SELL, qty=D("0.5"),
        price=D("50000"), fee=D(0), fee_asset="USD", at_ns=AT,
    )  # fmt: skip
    message = only(Filled(at_ns=AT, fill=fill), known(INTENT))
    assert message.text == "✓ FILL 14:36 sell 0.5 crypto:BTC/USD at $50,000.00, grid | #4182"
    assert (message.level, message.cause) == (Level.QUIET, "fill:grid")


MARK = Marked(
    at_ns=AT, equity=D(1), cash=D(1), crypto=D(0), leveraged=D(0), gross=D(0),
    crypto_cap=D("0.25"), leveraged_cap=D("0.35"),
)  # fmt: skip


def test_a_valuation_proves_that_the_broker_is_back() -> None:
    lost = Noted(at_ns=AT, code="broker.lost", text="the broker does not answer")
    assert only(lost).manner is Manner.OPENS
    back = only(MARK, known(lost))
    assert (back.manner, back.cause) == (Manner.CLOSES, only(lost).cause)
    assert said(MARK) == []


def test_a_difference_is_one_trouble_however_its_quantities_move() -> None:
    first = only(Noted(at_ns=AT, code="reconcile.difference", text="A: broker 1, books 2"))
    second = only(Noted(at_ns=AT, code="reconcile.difference", text="A: broker 1, books 3"))
    other = only(Noted(at_ns=AT, code="reconcile.difference", text="B: broker 1, books 2"))
    assert first.level is Level.URGENT
    assert first.cause == second.cause != other.cause


def test_a_difference_that_is_noted_no_more_is_over() -> None:
    noted = Noted(at_ns=AT, code="reconcile.difference", text="A: broker 1, books 2")
    account = known(noted)
    assert said(msgspec.structs.replace(MARK, at_ns=AT + MINUTE_NS), account) == []
    over = only(msgspec.structs.replace(MARK, at_ns=AT + 3 * MINUTE_NS), account)
    assert (over.manner, over.cause) == (Manner.CLOSES, only(noted).cause)


def test_a_token_is_told_without_anything_of_its_secret() -> None:
    seat = Seat(bot="grid", token_id="SLKA", secret_sha256="f" * 64, scopes=(Scope.TRADE,))
    message = only(SeatChanged(at_ns=AT, seat=seat, who="ann", reason="new"))
    assert message.text == "● TOKEN 14:36 given for grid (trade), by ann: new | #4182"


def test_a_locked_asset_says_until_when() -> None:
    locked = AssetLocked(
        at_ns=AT, key=BTC, loss=D("0.021"), limit=D("0.02"), until_ns=AT + 600 * MINUTE_NS
    )
    assert only(locked).text == (
        "▲ LOCKED 14:36 crypto:BTC/USD −2.1 % of −2.0 % of the day's opening equity "
        "| closed until Sat 00:36 | #4182"
    )
    together = only(msgspec.structs.replace(locked, is_by_sleeve=True))
    assert "crypto:BTC/USD, all coins together −2.1 % of −2.0 %" in together.text


@pytest.mark.parametrize("hostile", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\x00b"])
def test_control_characters_of_others_are_taken_out(hostile: str) -> None:
    text = only(msgspec.structs.replace(HALTED, why=hostile)).text
    assert text.isprintable()


def test_a_reason_that_is_too_long_is_cut() -> None:
    assert len(only(msgspec.structs.replace(HALTED, why="x" * 10_000)).text) < 500


@pytest.mark.parametrize(
    ("ago_min", "shown"),
    [(0, "14:36"), (24 * 60, "Thu 14:36"), (8 * 24 * 60, "2026-11-19 14:36")],
)
def test_a_time_of_another_day_says_so(ago_min: int, shown: str) -> None:
    assert WHEN.at(AT - ago_min * MINUTE_NS) == shown
