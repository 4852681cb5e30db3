"""The one decision, one bound at a time: what is allowed, what bit first, and its figures."""

import math
from typing import Any

import pytest

from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.decide import (
    UNLIMITED,
    Account,
    Asset,
    Decision,
    Proposal,
    at_least_minimum,
    decide,
    group_cap,
    shortfall,
    tighten,
)
from smart_leverage.policy.intraday import Phase
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.tier import Caps, Tier

NAN, INF = math.nan, math.inf

CLEAR = BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False)

# Stable tier: crypto 40,000, leveraged 60,000, gross 100,000, one symbol 10,000.
ACCOUNT = Account(
    state=TradingState.ACTIVE,
    breakers=CLEAR,
    tier=Tier.STABLE,
    equity=100_000.0,
    crypto_worst=20_000.0,
    leveraged_worst=25_000.0,
    gross_worst=40_000.0,
    power=60_000.0,
)
COIN = Asset(
    lot_value=10.0,
    lot_cost=10.05,
    is_crypto=True,
    is_leveraged=True,
    is_broad=False,
    is_fresh=True,
    is_tradable=True,
    is_locked=False,
    is_deleveraging=False,
    worst=0.0,
    lots_held=700,
    lots_selling=0,
    lots_step=1,
    lots_min=1,
)
BUY = Proposal(
    is_buy=True, lots=900, confidence=2.0 / 3.0, volatility_ratio=1.0, bot_room=UNLIMITED
)
SELL = BUY._replace(is_buy=False, lots=500)


def ask(
    account: dict[str, Any] | None = None,
    asset: dict[str, Any] | None = None,
    proposal: dict[str, Any] | None = None,
    *,
    base: Proposal = BUY,
) -> Decision:
    """Decide the ordinary case with some fields changed."""
    return decide(
        ACCOUNT._replace(**account or {}),
        COIN._replace(**asset or {}),
        base._replace(**proposal or {}),
        CLASSIC,
    )


def answer(decision: Decision) -> tuple[int, Reason, float, float]:
    """Return what a decision says, its figures free of the last bits."""
    return decision.lots, decision.reason, round(decision.bound, 9), round(decision.would_be, 9)


STOCK = {"is_crypto": False, "is_leveraged": False}
FUND = {"is_crypto": False, "is_leveraged": True}
BROAD = {"is_crypto": False, "is_leveraged": False, "is_broad": True}
MONTH = CLEAR._replace(is_month_tripped=True)
DRAWDOWN = CLEAR._replace(is_drawdown_tripped=True)
DAY = CLEAR._replace(is_day_tripped=True)

# Each row changes what makes one bound bite and nothing else. 900 lots of 10 are 9,000.
ONE_BOUND = [
    pytest.param({}, {}, {}, (900, Reason.NONE, 0.0, 0.0), id="everything-fits"),
    pytest.param(
        {"crypto_worst": 35_000.0}, {}, {}, (500, Reason.CAP_CRYPTO, 0.40, 0.44), id="crypto-cap"
    ),
    pytest.param(
        {"leveraged_worst": 55_000.0},
        {},
        {},
        (500, Reason.CAP_LEVERAGED, 0.60, 0.64),
        id="leveraged-cap",
    ),
    pytest.param(
        {"leveraged_worst": 55_000.0, "crypto_worst": 40_000.0},
        FUND,
        {},
        (500, Reason.CAP_LEVERAGED, 0.60, 0.64),
        id="a-fund-does-not-count-as-crypto",
    ),
    pytest.param(
        {"gross_worst": 95_000.0}, {}, {}, (500, Reason.CAP_GROSS, 1.0, 1.04), id="gross-cap"
    ),
    pytest.param(
        {"gross_worst": 95_000.0, "leveraged_worst": 60_000.0, "crypto_worst": 40_000.0},
        STOCK,
        {},
        (500, Reason.CAP_GROSS, 1.0, 1.04),
        id="a-stock-counts-in-gross-alone",
    ),
    pytest.param({}, {"worst": 5_000.0}, {}, (500, Reason.CAP_SYMBOL, 0.10, 0.14), id="symbol-cap"),
    pytest.param(
        {},
        STOCK | {"worst": 5_000.0},
        {},
        (500, Reason.CAP_SYMBOL, 0.10, 0.14),
        id="symbol-cap-of-a-stock",
    ),
    pytest.param(
        {}, BROAD | {"worst": 45_000.0}, {}, (500, Reason.CAP_SYMBOL, 0.50, 0.54), id="broad-fund"
    ),
    pytest.param(
        {},
        {},
        {"bot_room": 5_000.0},
        (500, Reason.CAP_BOT, 5_000.0, 9_000.0),
        id="share-of-the-bot",
    ),
    pytest.param(
        {"power": 5_025.0}, {}, {}, (500, Reason.BUYING_POWER, 5_025.0, 9_045.0), id="buying-power"
    ),
    pytest.param({}, {"lots_min": 901}, {}, (0, Reason.MINIMUM, 901.0, 900.0), id="minimum"),
    pytest.param(
        {},
        {"worst": 2_000.0},
        {"lots": 0},
        (0, Reason.SIZE, 2_000.0, 2_000.0),
        id="position-at-its-size",
    ),
    pytest.param({"state": TradingState.FROZEN}, {}, {}, (0, Reason.FROZEN, 0.0, 0.0), id="frozen"),
    pytest.param({"state": TradingState.HALTED}, {}, {}, (0, Reason.HALTED, 0.0, 0.0), id="halted"),
    pytest.param(
        {"state": TradingState.REDUCING}, {}, {}, (0, Reason.REDUCING, 0.0, 0.0), id="reducing"
    ),
    pytest.param(
        {"breakers": DRAWDOWN}, {}, {}, (0, Reason.BREAKER_DRAWDOWN, 0.0, 0.0), id="drawdown"
    ),
    pytest.param({"breakers": MONTH}, {}, {}, (0, Reason.BREAKER_MONTH, 0.0, 0.0), id="month"),
    pytest.param({"breakers": DAY}, {}, {}, (0, Reason.BREAKER_DAY, 0.0, 0.0), id="day"),
    pytest.param({"equity": 0.0}, {}, {}, (0, Reason.NO_EQUITY, 0.0, 0.0), id="no-equity"),
    pytest.param({"equity": -1.0}, {}, {}, (0, Reason.NO_EQUITY, 0.0, 0.0), id="debt"),
    pytest.param({}, {"is_fresh": False}, {}, (0, Reason.NO_PRICE, 0.0, 0.0), id="stale-price"),
    pytest.param({}, {"lot_value": 0.0}, {}, (0, Reason.NO_PRICE, 0.0, 0.0), id="no-price"),
    pytest.param({}, {"is_tradable": False}, {}, (0, Reason.MARKET_CLOSED, 0.0, 0.0), id="closed"),
    pytest.param({}, {"is_locked": True}, {}, (0, Reason.ASSET_LOCKED, 0.0, 0.0), id="locked"),
    pytest.param(
        {"phase": Phase.KEEPING},
        {"is_intraday": True},
        {},
        (0, Reason.INTRADAY, 0.0, 0.0),
        id="too-near-to-the-close",
    ),
    pytest.param(
        {}, {"is_deleveraging": True}, {}, (0, Reason.DELEVERAGING, 0.0, 0.0), id="deleveraging"
    ),
    pytest.param({}, {}, {"confidence": 1.01}, (0, Reason.BAD_INPUT, 0.0, 0.0), id="confidence"),
    pytest.param(
        {}, {}, {"volatility_ratio": 0.004}, (0, Reason.BAD_INPUT, 0.0, 0.0), id="ratio-of-a-unit"
    ),
    pytest.param({}, {}, {"lots": -900}, (0, Reason.BAD_INPUT, 0.0, 0.0), id="fewer-than-no-lots"),
    pytest.param({}, {"lots_step": 0}, {}, (0, Reason.BAD_INPUT, 1.0, 0.0), id="no-step"),
]

ONE_BOUND_SELLING = [
    pytest.param({}, {}, {}, (500, Reason.NONE, 700.0, 500.0), id="part-of-what-is-held"),
    pytest.param({}, {}, {"lots": 700}, (700, Reason.NONE, 700.0, 700.0), id="all-that-is-held"),
    pytest.param({}, {}, {"lots": 0}, (700, Reason.NONE, 700.0, 700.0), id="all-there-is"),
    pytest.param({}, {}, {"lots": 701}, (700, Reason.NOT_HELD, 700.0, 701.0), id="one-more"),
    pytest.param(
        {}, {"lots_selling": 300}, {}, (400, Reason.NOT_HELD, 400.0, 500.0), id="being-sold"
    ),
    pytest.param(
        {}, {"lots_selling": 700}, {}, (0, Reason.NOT_HELD, 0.0, 500.0), id="all-being-sold"
    ),
    pytest.param(
        {}, {"lots_selling": 900}, {}, (0, Reason.NOT_HELD, 0.0, 500.0), id="sold-twice-over"
    ),
    pytest.param({}, {"lots_held": 0}, {}, (0, Reason.NOT_HELD, 0.0, 500.0), id="nothing-held"),
    pytest.param(
        {}, {"lots_held": 0}, {"lots": 0}, (0, Reason.NOT_HELD, 0.0, 0.0), id="all-of-nothing"
    ),
    pytest.param({}, {"lots_held": -700}, {}, (0, Reason.NOT_HELD, 0.0, 500.0), id="held-short"),
    pytest.param(
        {},
        {"lots_selling": -300},
        {"lots": 900},
        (700, Reason.NOT_HELD, 700.0, 900.0),
        id="fewer-than-none-being-sold",
    ),
    pytest.param({"state": TradingState.FROZEN}, {}, {}, (0, Reason.FROZEN, 0.0, 0.0), id="frozen"),
]


@pytest.mark.parametrize(("account", "asset", "proposal", "expected"), ONE_BOUND)
def test_one_bound_bites_and_says_its_figures(
    account: dict[str, Any],
    asset: dict[str, Any],
    proposal: dict[str, Any],
    expected: tuple[int, Reason, float, float],
) -> None:
    assert answer(ask(account, asset, proposal)) == expected


@pytest.mark.parametrize(("account", "asset", "proposal", "expected"), ONE_BOUND_SELLING)
def test_a_sale_is_bounded_by_what_is_held(
    account: dict[str, Any],
    asset: dict[str, Any],
    proposal: dict[str, Any],
    expected: tuple[int, Reason, float, float],
) -> None:
    assert answer(ask(account, asset, proposal, base=SELL)) == expected


DECIDED_ELSEWHERE = {
    Reason.OPPOSITE_BOT,
    Reason.SHORT,
    Reason.STOPPED_FIRST,
    Reason.STOP_HIT,
    Reason.FLATTEN,
    Reason.NOT_READY,
    Reason.CLOCK,
    Reason.STREAM,
    Reason.UNUSUAL,
}
"""Reasons that the engine gives for its own acts; this decision returns every other one."""


def test_the_tables_hold_every_reason_of_this_decision() -> None:
    shown = {row.values[3][1] for row in (*ONE_BOUND, *ONE_BOUND_SELLING)}  # type: ignore[index]
    assert shown == set(Reason) - DECIDED_ELSEWHERE


# --- several at once -----------------------------------------------------------------------------

ALL_WRONG: list[tuple[Reason, str, dict[str, Any], dict[str, Any]]] = [
    (
        Reason.FROZEN,
        "account",
        {"state": TradingState.FROZEN},
        {"state": TradingState.HALTED},
    ),
    (Reason.HALTED, "account", {}, {"state": TradingState.REDUCING}),
    (
        Reason.BREAKER_DRAWDOWN,
        "account",
        {"breakers": BreakerState(True, True, True, True)},
        {"breakers": BreakerState(True, True, True)},
    ),
    (Reason.BREAKER_MONTH, "account", {}, {"breakers": DAY}),
    (Reason.BREAKER_DAY, "account", {}, {"breakers": CLEAR}),
    (Reason.REDUCING, "account", {}, {"state": TradingState.ACTIVE}),
    (
        Reason.NO_EQUITY,
        "account",
        {"equity": NAN, "phase": Phase.CLOSED},
        {"equity": 100_000.0},
    ),
    (Reason.NO_PRICE, "asset", {"is_fresh": False}, {"is_fresh": True}),
    (Reason.MARKET_CLOSED, "asset", {"is_tradable": False}, {"is_tradable": True}),
    (Reason.ASSET_LOCKED, "asset", {"is_locked": True}, {"is_locked": False}),
    (
        Reason.INTRADAY,
        "asset",
        {"is_intraday": True},
        {"is_intraday": False},
    ),
    (Reason.DELEVERAGING, "asset", {"is_deleveraging": True}, {"is_deleveraging": False}),
    (Reason.BAD_INPUT, "proposal", {"confidence": NAN}, {"confidence": 0.5}),
    (Reason.CAP_CRYPTO, "account", {"crypto_worst": 50_000.0}, {"crypto_worst": 0.0}),
    (Reason.CAP_LEVERAGED, "account", {"leveraged_worst": 70_000.0}, {"leveraged_worst": 0.0}),
    (Reason.CAP_GROSS, "account", {"gross_worst": 110_000.0}, {"gross_worst": 0.0}),
    (Reason.CAP_SYMBOL, "asset", {"worst": 20_000.0}, {"worst": 0.0}),
    (Reason.CAP_BOT, "proposal", {"bot_room": 0.0}, {"bot_room": UNLIMITED}),
    (Reason.BUYING_POWER, "account", {"power": 0.0}, {"power": 60_000.0}),
    (Reason.MINIMUM, "asset", {"lots_min": 1_000}, {"lots_min": 1}),
    (Reason.NONE, "asset", {}, {}),
]
"""From the most severe down: what breaks a rule, and what mends it again."""


def test_the_most_severe_is_named_until_it_is_mended() -> None:
    """Everything is wrong at once; each reason in turn is named first and then mended."""
    case: dict[str, Any] = {"account": {}, "asset": {}, "proposal": {}}
    for _, part, broken, _ in ALL_WRONG:
        case[part].update(broken)
    named = []
    for _, part, _, mended in ALL_WRONG:
        named.append(ask(**case).reason)
        case[part].update(mended)
    assert named == [reason for reason, _, _, _ in ALL_WRONG]


def test_a_tie_is_settled_in_the_order_of_the_groups() -> None:
    """Every bound leaves exactly 500 lots; the first is named until it is widened."""
    case: dict[str, Any] = {
        "account": {
            "crypto_worst": 35_000.0,
            "leveraged_worst": 55_000.0,
            "gross_worst": 95_000.0,
            "power": 5_025.0,
        },
        "asset": {"worst": 5_000.0},
        "proposal": {"bot_room": 5_000.0},
    }
    widened: list[tuple[Reason, str, dict[str, float]]] = [
        (Reason.CAP_CRYPTO, "account", {"crypto_worst": 0.0}),
        (Reason.CAP_LEVERAGED, "account", {"leveraged_worst": 0.0}),
        (Reason.CAP_GROSS, "account", {"gross_worst": 0.0}),
        (Reason.CAP_SYMBOL, "asset", {"worst": 0.0}),
        (Reason.CAP_BOT, "proposal", {"bot_room": UNLIMITED}),
        (Reason.BUYING_POWER, "account", {"power": 60_000.0}),
    ]
    for reason, part, wider in widened:
        decision = ask(**case)
        assert (decision.lots, decision.reason) == (500, reason)
        case[part].update(wider)
    assert ask(**case).reason is Reason.NONE


def test_a_bound_that_leaves_exactly_what_was_asked_does_not_bite() -> None:
    assert answer(ask({"crypto_worst": 31_000.0})) == (900, Reason.NONE, 0.0, 0.0)
    assert answer(ask({"crypto_worst": 31_000.01}))[:2] == (899, Reason.CAP_CRYPTO)


def test_of_several_bounds_the_tightest_is_named() -> None:
    tight = ask({"crypto_worst": 35_000.0, "gross_worst": 98_000.0, "power": 3_015.0})
    assert answer(tight) == (200, Reason.CAP_GROSS, 1.0, 1.07)


def test_a_tripped_account_is_told_the_loss_and_not_the_state_it_led_to() -> None:
    tripped = ask({"state": TradingState.REDUCING, "breakers": DAY})
    assert tripped.reason is Reason.BREAKER_DAY


def test_an_emergency_month_alone_forbids_nothing() -> None:
    """It lowers the tier, and with it the caps; that is its whole effect."""
    assert ask({"breakers": CLEAR._replace(is_emergency=True)}).reason is Reason.NONE


# --- what the tier allows ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "crypto", "leveraged"),
    [
        pytest.param(Tier.EMERGENCY, 200, 300, id="emergency"),
        pytest.param(Tier.LEARNING, 700, 1_000, id="learning"),
        pytest.param(Tier.STABLE, 2_200, 3_500, id="stable"),
        pytest.param(Tier.PROFITABLE, 4_200, 5_500, id="profitable"),
    ],
)
def test_the_room_of_each_tier(tier: Tier, crypto: int, leveraged: int) -> None:
    """Held at worst: 18,000 in coins and 25,000 in all that is leveraged; one symbol is free."""
    free = CLASSIC._replace(groups=CLASSIC.groups._replace(symbol=1.0))
    account = ACCOUNT._replace(tier=tier, crypto_worst=18_000.0)
    proposal = BUY._replace(lots=99_999)
    coin = decide(account._replace(leveraged_worst=18_000.0), COIN, proposal, free)
    fund = decide(account, COIN._replace(**FUND), proposal, free)
    assert (coin.lots, coin.reason) == (crypto, Reason.CAP_CRYPTO)
    assert (fund.lots, fund.reason) == (leveraged, Reason.CAP_LEVERAGED)


@pytest.mark.parametrize(
    ("asset", "cap"),
    [
        pytest.param(COIN, 0.40, id="coin"),
        pytest.param(COIN._replace(**FUND), 0.60, id="leveraged-fund"),
        pytest.param(COIN._replace(**STOCK), 1.0, id="stock"),
    ],
)
def test_a_position_is_sized_from_its_tightest_group(asset: Asset, cap: float) -> None:
    assert group_cap(asset, Caps(crypto=0.40, leveraged=0.60), 1.0) == cap


def test_a_coin_counts_as_leveraged_whatever_it_is_told() -> None:
    decision = ask({"leveraged_worst": 55_000.0}, {"is_leveraged": False})
    assert answer(decision) == (500, Reason.CAP_LEVERAGED, 0.60, 0.64)


@pytest.mark.parametrize("asset", [COIN, COIN._replace(**FUND)], ids=["coin", "leveraged-fund"])
def test_only_an_unlevered_broad_fund_may_be_half_of_the_account(asset: Asset) -> None:
    decision = decide(ACCOUNT, asset._replace(is_broad=True, worst=5_000.0), BUY, CLASSIC)
    assert answer(decision) == (500, Reason.CAP_SYMBOL, 0.10, 0.14)


# --- sized by the policy -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worst", "lots"),
    [
        # 100,000 × 0.40 × 5 % = 2,000, which is 200 lots.
        pytest.param(0.0, 200, id="nothing-held"),
        pytest.param(1_000.0, 100, id="half-is-there"),
        pytest.param(1_499.0, 50, id="a-little-more-than-a-quarter-is-missing"),
        pytest.param(1_500.0, 0, id="a-quarter-is-missing"),
        pytest.param(2_000.0, 0, id="all-is-there"),
        pytest.param(9_000.0, 0, id="more-than-all-is-there"),
        pytest.param(-500.0, 200, id="less-than-nothing-is-nothing"),
    ],
)
def test_the_policy_tops_up_to_its_own_size(worst: float, lots: int) -> None:
    decision = ask({}, {"worst": worst}, {"lots": 0})
    assert decision.lots == lots
    assert decision.size == pytest.approx(2_000.0, rel=1e-12)
    assert decision.reason is (Reason.NONE if lots else Reason.SIZE)


def test_a_size_of_the_policy_is_cut_as_any_other() -> None:
    assert answer(ask({"crypto_worst": 39_000.0}, {}, {"lots": 0})) == (
        100,
        Reason.CAP_CRYPTO,
        0.40,
        0.41,
    )


def test_the_size_is_offered_beside_an_order_of_another_size() -> None:
    assert ask().size == pytest.approx(2_000.0, rel=1e-12)
    assert ask({"crypto_worst": 35_000.0}).size == pytest.approx(2_000.0, rel=1e-12)
    assert ask({}, {"lots_min": 901}).size == pytest.approx(2_000.0, rel=1e-12)


def test_a_lot_that_is_dearer_than_the_size_is_below_the_minimum() -> None:
    decision = ask({}, {"lot_value": 3_000.0}, {"lots": 0})
    assert answer(decision) == (0, Reason.MINIMUM, 1.0, 0.0)


@pytest.mark.parametrize(
    ("size", "worst", "missing"),
    [
        pytest.param(2_000.0, 0.0, 2_000.0, id="all"),
        pytest.param(2_000.0, 500.0, 1_500.0, id="some"),
        pytest.param(2_000.0, 2_500.0, -500.0, id="too-much"),
        pytest.param(2_000.0, -500.0, 2_000.0, id="no-more-than-all"),
        pytest.param(2_000.0, -INF, 2_000.0, id="minus-infinite"),
    ],
)
def test_what_a_position_lacks(size: float, worst: float, missing: float) -> None:
    assert shortfall(size, worst) == missing


def test_what_an_unknown_position_lacks_is_unknown() -> None:
    assert math.isnan(shortfall(2_000.0, NAN))


# --- steps and minimum ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "step", "least", "allowed"),
    [
        pytest.param(900, 1, 1, 900, id="whole"),
        pytest.param(900, 250, 1, 750, id="rounded-down-to-the-step"),
        pytest.param(900, 900, 1, 900, id="one-step"),
        pytest.param(900, 901, 1, 0, id="less-than-a-step"),
        pytest.param(900, 901, 0, 0, id="less-than-a-step-and-no-minimum"),
        pytest.param(900, 1, 900, 900, id="the-minimum-itself"),
        pytest.param(900, 250, 800, 0, id="below-the-minimum-after-rounding"),
        pytest.param(900, 1, 0, 900, id="no-minimum"),
        pytest.param(900, 1, -5, 900, id="negative-minimum"),
    ],
)
def test_orders_come_in_steps_and_not_too_small(
    lots: int, step: int, least: int, allowed: int
) -> None:
    decision = ask({}, {"lots_step": step, "lots_min": least}, {"lots": lots})
    assert decision.lots == allowed
    assert decision.reason is (Reason.NONE if allowed else Reason.MINIMUM)


def test_what_is_cut_below_the_minimum_names_what_cut_it() -> None:
    decision = ask({"crypto_worst": 39_000.0}, {"lots_min": 101})
    assert answer(decision) == (0, Reason.CAP_CRYPTO, 0.40, 0.48)


@pytest.mark.parametrize("step", [0, -1, -900])
def test_without_a_step_nothing_is_bought(step: int) -> None:
    decision = ask({}, {"lots_step": step})
    assert answer(decision) == (0, Reason.BAD_INPUT, 1.0, float(step))


def test_a_sale_has_no_step_and_no_minimum() -> None:
    decision = ask({}, {"lots_step": 250, "lots_min": 900, "lots_held": 7}, {"lots": 0}, base=SELL)
    assert answer(decision) == (7, Reason.NONE, 7.0, 7.0)


def test_the_parts_of_a_decision_are_kept() -> None:
    held = Decision(lots=100, reason=Reason.CAP_GROSS, bound=1.0, would_be=1.2, size=5.0)
    assert tighten(held, 100, Reason.CAP_BOT, 7.0, 8.0) == held
    assert tighten(held, 99, Reason.CAP_BOT, 7.0, 8.0) == Decision(
        lots=99, reason=Reason.CAP_BOT, bound=7.0, would_be=8.0, size=5.0
    )
    assert at_least_minimum(held, COIN) == held


# --- what is not known ---------------------------------------------------------------------------

UNKNOWN = [
    pytest.param("account", "equity", Reason.NO_EQUITY, id="equity"),
    pytest.param("account", "crypto_worst", Reason.CAP_CRYPTO, id="crypto"),
    pytest.param("account", "leveraged_worst", Reason.CAP_LEVERAGED, id="leveraged"),
    pytest.param("account", "gross_worst", Reason.CAP_GROSS, id="gross"),
    pytest.param("account", "power", Reason.BUYING_POWER, id="buying-power"),
    pytest.param("asset", "lot_value", Reason.NO_PRICE, id="price"),
    pytest.param("asset", "lot_cost", Reason.BUYING_POWER, id="cost"),
    pytest.param("asset", "worst", Reason.CAP_SYMBOL, id="symbol"),
    pytest.param("proposal", "confidence", Reason.BAD_INPUT, id="confidence"),
    pytest.param("proposal", "volatility_ratio", Reason.BAD_INPUT, id="volatility-ratio"),
    pytest.param("proposal", "bot_room", Reason.CAP_BOT, id="share-of-the-bot"),
]


@pytest.mark.parametrize(("part", "field", "reason"), UNKNOWN)
def test_an_unknown_figure_denies_an_order(part: str, field: str, reason: Reason) -> None:
    for unknown in (NAN, INF, -INF):
        if (field, unknown) == ("bot_room", INF):
            continue  # that is a bot without a share, and means it
        case: dict[str, Any] = {part: {field: unknown}}
        decision = ask(**case)
        assert (decision.lots, decision.reason) == (0, reason), unknown


@pytest.mark.parametrize(("part", "field", "reason"), UNKNOWN)
def test_an_unknown_figure_denies_a_size_of_the_policy(
    part: str, field: str, reason: Reason
) -> None:
    """An unknown position denies it before the caps are asked."""
    proposal: dict[str, Any] = {"lots": 0}
    case: dict[str, Any] = {"account": {}, "asset": {}, "proposal": proposal}
    case[part][field] = NAN
    decision = ask(**case)
    assert decision.lots == 0
    assert decision.reason is (Reason.SIZE if field == "worst" else reason)


@pytest.mark.parametrize("asset", [FUND, STOCK], ids=["leveraged-fund", "stock"])
def test_an_unknown_sum_denies_whatever_counts_in_it(asset: dict[str, Any]) -> None:
    assert ask({"gross_worst": NAN}, asset).lots == 0
    assert ask({"leveraged_worst": NAN}, asset).lots == (0 if asset == FUND else 900)


@pytest.mark.parametrize(("part", "field", "reason"), UNKNOWN)
def test_an_unknown_figure_never_blocks_a_sale(part: str, field: str, reason: Reason) -> None:
    for unknown in (NAN, INF, -INF, 0.0, -1.0):
        case: dict[str, Any] = {part: {field: unknown}}
        decision = ask(**case, base=SELL)
        assert answer(decision) == (500, Reason.NONE, 700.0, 500.0)


@pytest.mark.parametrize(
    ("account", "asset"),
    [
        pytest.param({"state": TradingState.REDUCING}, {}, id="reducing"),
        pytest.param({"state": TradingState.HALTED}, {}, id="halted"),
        pytest.param({"breakers": BreakerState(True, True, True)}, {}, id="tripped"),
        pytest.param({"crypto_worst": 9e9, "gross_worst": 9e9}, {"worst": 9e9}, id="over-all-caps"),
        pytest.param({}, {"is_fresh": False}, id="stale-price"),
        pytest.param({}, {"is_tradable": False}, id="closed"),
        pytest.param({}, {"is_locked": True}, id="locked"),
        pytest.param({}, {"is_deleveraging": True}, id="deleveraging"),
        pytest.param({}, {"lots_step": 0, "lots_min": 10**9}, id="no-step-and-a-huge-minimum"),
    ],
)
def test_no_state_and_no_limit_blocks_a_sale(
    account: dict[str, Any], asset: dict[str, Any]
) -> None:
    assert ask(account, asset, base=SELL).lots == 500
