"""A fund that counts with its daily multiple, and everything that is counted by that."""

from decimal import Decimal

import msgspec
import pytest
from tests.simulation.desk import AAPL, BTC, NOON, SPY, TQQQ, D, Desk

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Decided, LimitChanged, Marked, PlanMoved
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Event, Opened, Outcome, Verdict, Wished
from smart_leverage.policy.params import CLASSIC
from smart_leverage.reports.explain import explain

SQQQ, QLD, BITX = (Key(f"us_equity:{each}") for each in ("SQQQ", "QLD", "BITX"))
FUNDS = {SQQQ: "20", QLD: "80", BITX: "40"}
"""Factors −3, 2, and 2 on a coin, beside the 3 of TQQQ."""

SWITCH = "exposure.look_through"


def config(*, is_on: bool = True) -> EngineConfig:
    exposure = CLASSIC.exposure._replace(is_look_through=is_on)
    groups = CLASSIC.groups._replace(symbol=0.5)
    return EngineConfig(policy=CLASSIC._replace(exposure=exposure, groups=groups))


class Funds(Desk):
    """A desk at which more funds are listed; learning tier, a half of equity in one symbol."""

    def __init__(self, *, is_on: bool = True, **given: object) -> None:
        super().__init__(config=config(is_on=is_on), first=FUNDS, **given)  # type: ignore[arg-type]

    def feed(self, event: Event) -> Outcome:
        if isinstance(event, Opened):
            more = tuple(Registry.builtin()[key] for key in FUNDS)
            event = msgspec.structs.replace(event, instruments=event.instruments + more)
        return super().feed(event)


def marked(desk: Desk) -> tuple[Decimal, Decimal, Decimal]:
    desk.wait()
    desk.prices()
    last = [each for each in desk.records if isinstance(each, Marked)][-1]
    return last.crypto, last.leveraged, last.gross


@pytest.mark.parametrize(
    ("key", "inside", "over", "reason"),
    [
        pytest.param(TQQQ, "225", "235", "cap_leveraged", id="three-times"),
        pytest.param(SQQQ, "560", "590", "cap_leveraged", id="three-times-downward"),
        pytest.param(QLD, "210", "220", "cap_leveraged", id="twice"),
        pytest.param(BITX, "300", "315", "cap_crypto", id="twice-a-coin"),
        pytest.param(BTC, "0.48", "0.5", "cap_crypto", id="a-coin-counts-once"),
        pytest.param(AAPL, "240", "252", "cap_symbol", id="a-share-is-in-neither-group"),
    ],
)
def test_a_purchase_counts_with_its_multiple(key: Key, inside: str, over: str, reason: str) -> None:
    desk = Funds()
    denied = desk.buy(key, over)
    assert (denied.verdict, denied.reason) == ("denied", reason)
    assert desk.buy(key, inside).verdict == "approved"


def test_the_largest_quantity_told_is_allowed_and_a_lot_more_is_not() -> None:
    for key in (TQQQ, SQQQ, QLD, BITX):
        told = Funds().buy(key, "2000").allowed
        assert Funds().buy(key, f"{told}").verdict == "approved"
        worth = told * Funds().price[key] * abs(Registry.builtin()[key].factor)
        least = (
            D(24_000) if key == BITX else D(34_000)
        )  # the limit of an order lies above the price
        assert worth > least, key
        assert Funds().buy(key, f"{told * D('1.01')}").verdict == "denied"


def test_what_is_held_ordered_and_unknown_counts_with_its_multiple() -> None:
    desk = Funds()
    desk.hold(TQQQ, "60")  # counts 9,000
    assert desk.buy(SQQQ, "150").verdict == "approved"  # 9,000 open
    desk.take()
    assert desk.buy(QLD, "50").verdict == "approved"  # 8,000 of which nobody knows
    desk.answer(desk.pop(), Verdict.UNKNOWN)
    left = desk.buy(BITX, "1000")
    assert left.reason == "cap_leveraged"
    assert D(7_000) < left.allowed * 40 * 2 < D(9_000)


def test_one_price_values_all_units_of_a_fund_with_its_multiple() -> None:
    """What is held counts at the dearer price for which more of it waits: 200 × 60.30 × 3."""
    desk = Funds()
    desk.hold(TQQQ, "200")
    wish = OrderWish(
        at_ns=desk.now_ns, key=TQQQ, side=Side.BUY, source="bot", id="a stop", qty=D(1),
        notional=None, type=OrderType.STOP, stop_price=D(60), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    denied = desk.feed(Wished(at_ns=desk.now_ns, wish=wish, bot="bot", may_shrink=False))
    assert denied.decisions[0].reason == "cap_leveraged"
    assert denied.decisions[0].figures["leveraged, worst case"] == "36180.00"


def test_without_the_switch_a_fund_counts_at_market_value() -> None:
    desk = Funds(is_on=False)
    assert desk.buy(TQQQ, "680").verdict == "approved"
    assert "look-through" not in decided(desk).figures
    desk.fill(desk.take(), "50")
    assert marked(desk) == (D(0), D(34_000), D(34_000))


def decided(desk: Desk) -> Decided:
    return [each for each in desk.records if isinstance(each, Decided)][-1]


def test_the_journal_marks_what_the_caps_count_and_the_gross_at_market_value() -> None:
    desk = Funds()
    desk.hold(TQQQ, "100")
    desk.hold(BITX, "100")
    desk.hold(SPY, "10")
    assert marked(desk) == (D(8_000), D(23_000), D(14_000))


def test_gross_and_losses_stay_market_value() -> None:
    desk = Funds()
    desk.hold(TQQQ, "200")
    assert desk.engine.valuation().equity == 100_000
    desk.prices({TQQQ: "48"})
    assert desk.engine.valuation().equity == 99_600
    assert desk.engine.valuation().gross == 9_600


def test_the_policy_sizes_a_fund_by_what_it_counts() -> None:
    once, thrice = Funds(is_on=False).signal(TQQQ), Funds().signal(TQQQ)
    assert once.figures["policy size"] == "1750.00"
    assert thrice.figures["policy size"] == "583.33"
    assert (once.given, thrice.given) == (D(34), D(11))


def test_the_arithmetic_of_a_denial_can_be_followed() -> None:
    desk = Funds()
    desk.hold(SQQQ, "100")
    denied = desk.buy(TQQQ, "300")
    text = "\n".join(explain(denied, instrument=Registry.builtin()[TQQQ]))
    # 100 × 20.10 × 3 of SQQQ and 300 × 50.25 × 3, over equity less haircut and costs.
    assert denied.figures["look-through"] == "3"
    assert denied.would_be == pytest.approx(D("0.5132"), abs=D("0.0001"))
    assert "look-through" in text
    assert "51.32 %" in text
    fits = next(line for line in text.splitlines() if "units that fit" in line)
    assert "÷ (150.75 + 0.35 × 0.40075)" in fits
    assert denied.allowed * D("150.75") < D("28966.50")


def test_a_share_of_a_bot_counts_with_its_multiple() -> None:
    desk = Funds()
    desk.seat("bot", share="0.1")  # 3,500 of what is leveraged
    denied = desk.buy(TQQQ, "30")
    assert denied.reason == "cap_bot"
    assert D(1_100) < denied.bound < D(1_200)
    assert denied.would_be > denied.bound
    assert desk.buy(TQQQ, f"{denied.allowed}").verdict == "approved"
    assert desk.buy(TQQQ, "2").reason == "cap_bot"


def test_what_is_over_its_cap_is_sold_until_it_counts_inside() -> None:
    desk = Funds(cash=80_000, holdings={TQQQ: "400"})  # 60 % of equity, as it counts
    desk.prices()
    started = next(each for each in desk.records if isinstance(each, PlanMoved))
    assert (started.group, started.exposure) == ("leveraged", D("0.6"))
    for _ in range(8):
        while any(order.role is Role.TRIM for order in desk.sent):
            desk.fill(desk.take(Role.TRIM), "50")
        for client_order_id in list(desk.cancelled):
            desk.end(desk.state.orders.by_id[client_order_id].order)
        desk.wait(900)
        desk.prices()
    assert desk.state.plan is None
    _, leveraged, gross = marked(desk)
    assert D(34_000) <= leveraged <= D(34_300)
    assert gross * 3 == leveraged


def test_the_switch_is_on_at_once_and_off_after_a_day() -> None:
    desk = Funds(is_on=False)
    desk.hold(TQQQ, "220")
    [on] = desk.limit(f"{SWITCH}=on")
    assert not on.is_looser
    assert desk.engine.valuation().leveraged == 33_000
    assert desk.buy(TQQQ, "30").reason == "cap_leveraged"
    [off] = desk.limit(f"{SWITCH}=off", is_admin=True)
    assert off.is_looser
    assert off.effective_ns == NOON + DAY_NS
    assert desk.engine.valuation().leveraged == 33_000
    desk.wait(86_401)
    desk.prices()
    assert [each for each in desk.records if isinstance(each, LimitChanged)][-1].after == "off"
    assert desk.engine.valuation().leveraged == 11_000


def test_the_price_that_puts_the_switch_off_is_judged_without_it() -> None:
    """It takes the fund over its band as it counted before; from then on it is market value."""
    desk = Funds()
    desk.hold(TQQQ, "225")
    desk.limit(f"{SWITCH}=off", is_admin=True)
    desk.wait(DAY_NS / 10**9 + 1)
    desk.prices({TQQQ: "60"})
    last = [each for each in desk.records if isinstance(each, Marked)][-1]
    assert desk.state.limits.in_force[SWITCH] == "off"
    assert last.at_ns == desk.now_ns
    assert last.leveraged == last.gross == 225 * D(60)
    assert not desk.of(PlanMoved)


def test_what_no_longer_fits_is_cancelled_when_the_switch_goes_on() -> None:
    desk = Funds(is_on=False)
    assert desk.buy(TQQQ, "300").verdict == "approved"
    order = desk.take()
    desk.limit(f"{SWITCH}=on")
    assert desk.cancelled == [order.client_order_id]


def test_a_restart_counts_as_the_journal_says() -> None:
    desk = Funds(is_on=False)
    desk.hold(TQQQ, "100")
    desk.limit(f"{SWITCH}=on")
    again = Engine(desk.config, desk.records)
    assert again.state.weights == desk.state.weights
    assert again.state.weights[TQQQ] == 3
    assert again.valuation().leveraged == desk.engine.valuation().leveraged
