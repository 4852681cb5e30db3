"""A decision is explained from its own record, down to the value that bound it."""

from decimal import Decimal

import msgspec
import pytest
from msgspec import structs

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, OrderState, Side
from smart_leverage.domain.records import Decided, FillRevised, PlanMoved
from smart_leverage.ledger.rows import DecisionRow, PlanRow
from smart_leverage.reports.arithmetic import arithmetic
from smart_leverage.reports.explain import Sent, explain

D = Decimal
AT_NS = 1_795_181_462_000_000_000
FIGURES = {
    "equity": "96014.32",
    "crypto, worst case": "21853.45",
    "leveraged, worst case": "25000.00",
    "gross, worst case": "30000.00",
    "BTC/USD, worst case": "5000.00",
    "reserved by open buys": "250.00",
    "cash": "66000.00",
    "cap crypto": "0.25",
    "cap leveraged": "0.35",
    "cap gross": "1.0",
    "cap symbol": "0.1",
    "tier": "learning",
    "policy size": "1200.00",
    "counted per unit": "90450.000",
}
CUT = Decided(
    at_ns=AT_NS,
    decision_id="d4107",
    bot="overbuyer",
    source="order",
    key=Key("crypto:BTC/USD"),
    side=Side.BUY,
    asked=D("0.0444"),
    allowed=D("0.02371"),
    given=D("0.02371"),
    price=D("90000"),
    verdict="cut",
    reason="cap_crypto",
    unit="fraction",
    bound=D("0.25000000"),
    would_be=D("0.2694"),
    figures=FIGURES,
)
SALE = structs.replace(
    CUT,
    bot="house",
    source="house",
    side=Side.SELL,
    asked=D("0.4"),
    allowed=D("0.4"),
    given=D("0.4"),
    verdict="approved",
    bound=D("0.392"),
    would_be=D("0.825"),
)


def steps(decision: Decided) -> dict[str, tuple[str, str]]:
    return {step.label: (step.value, step.how) for step in arithmetic(decision)}


def test_a_cut_is_reproduced_to_the_value_that_bound_it() -> None:
    assert explain(CUT) == [
        "2026-11-20 13:31:02Z  buy 0.0444 BTC/USD, about $3,996.00  by overbuyer (order, d4107)",
        (
            "→ cut to 0.02371, about $2,133.90   crypto cap: 25.0 % of equity allowed, "
            "this order would make 26.9 %   [cap_crypto]"
        ),
        "",
        "  equity                         96,014.32",
        "  crypto, worst case             21,853.45  22.8 %",
        "  leveraged, worst case          25,000.00  26.0 %",
        "  gross, worst case              30,000.00  31.2 %",
        "  BTC/USD, worst case             5,000.00  5.2 %",
        "  reserved by open buys             250.00",
        "  cash                           66,000.00",
        "  cap crypto                     24,003.58  25.0 %",
        "  cap leveraged                  33,605.01  35.0 %",
        "  cap gross                      96,014.32  100.0 %",
        "  cap symbol                      9,601.43  10.0 %",
        "  tier                            learning",
        "  policy size                     1,200.00",
        "  counted per unit               90450.000",
        "",
        "  allowed more                    2,150.13  = 0.25 × 96,014.32 − 21,853.45",
        "  units that fit               0.023771476  = 2,150.13 ÷ 90,450, before rounding to lots",
        "  asked would make                 26.94 %  = (21,853.45 + 0.0444 × 90,450) ÷ 96,014.32",
        "",
        "  asked 0.0444, given 0.02371 (down to the lot)",
    ]


def test_what_a_unit_costs_at_most_counts_in_the_arithmetic() -> None:
    costly = structs.replace(CUT, figures=FIGURES | {"lost per unit at most": "720.00"})
    value, how = steps(costly)["units that fit"]
    assert value == "0.023724263"  # 2,150.13 ÷ 90,630
    assert how == "2,150.13 ÷ (90,450 + 0.25 × 720), before rounding to lots"
    value, how = steps(costly)["asked would make"]
    assert value == "26.95 %"  # 25,869.43 ÷ 95,982.352
    assert how == "(21,853.45 + 0.0444 × 90,450) ÷ (96,014.32 − 0.0444 × 720)"


def test_a_denial_says_how_much_would_have_fitted() -> None:
    denied = structs.replace(CUT, verdict="denied", given=D(0))
    text = explain(denied)
    assert text[1].startswith("→ denied   crypto cap: 25.0 % of equity allowed")
    assert text[-1] == "  asked 0.0444, given nothing; 0.02371 would have fitted"


def test_a_full_cap_leaves_no_room_and_not_less() -> None:
    full = structs.replace(CUT, figures=FIGURES | {"crypto, worst case": "30000.00"})
    value, how = steps(full)["allowed more"]
    assert value == "0.00"
    assert how == "0.25 × 96,014.32 − 30,000.00, not below 0"
    assert "units that fit" not in steps(full)


@pytest.mark.parametrize(
    ("reason", "label", "value", "how"),
    [
        pytest.param(
            "cap_leveraged", "allowed more", "8,605.01", "0.35 × 96,014.32 − 25,000.00", id="total"
        ),
        pytest.param(
            "cap_gross", "allowed more", "66,014.32", "1 × 96,014.32 − 30,000.00", id="gross"
        ),
        pytest.param(
            "cap_symbol", "allowed more", "4,601.43", "0.1 × 96,014.32 − 5,000.00", id="symbol"
        ),
        pytest.param(
            "size", "still wanted", "0.00", "1,200.00 − 5,000.00, not below 0", id="policy-size"
        ),
        pytest.param(
            "buying_power",
            "left to pay with",
            "65,750.00",
            "66,000.00 − 250.00, not below 0",
            id="buying-power",
        ),
        pytest.param("minimum", "what fits", "2,133.90", "0.02371 × 90,000", id="too-small"),
    ],
)
def test_every_counted_bound_has_its_arithmetic(
    reason: str, label: str, value: str, how: str
) -> None:
    bound = {"cap_leveraged": D("0.35"), "cap_gross": D(1), "cap_symbol": D("0.1")}
    decision = structs.replace(CUT, reason=reason, bound=bound.get(reason, D(0)))
    assert steps(decision)[label] == (value, how)


def test_an_approved_buy_shows_what_each_group_comes_to() -> None:
    approved = structs.replace(
        CUT, verdict="approved", reason="none", asked=D("0.01"), given=D("0.01")
    )
    after = steps(approved)
    assert list(after) == [
        f"{group} with this order" for group in ("crypto", "leveraged", "gross", "symbol")
    ]
    value, how = after["crypto with this order"]
    assert value == "23.70 %"  # 22757.95 / 96014.32
    assert how == "(21,853.45 + 0.01 × 90,450) ÷ 96,014.32, cap 25.0 %"
    assert (
        explain(approved)[1]
        == "→ approved   inside the bounds: everything that was asked fits   [none]"
    )


def test_a_trim_names_its_plan_and_how_far_over_the_ceiling_it_was() -> None:
    figures = {"equity": "96014.32", "crypto": "79211.81", "leveraged": "79211.81",
               "gross": "79211.81", "cap crypto": "0.25", "cap leveraged": "0.35",
               "plan": "p1", "held": "0.6", "sold": "0.4"}  # fmt: skip
    move = PlanMoved(
        at_ns=AT_NS, plan_id="p1", status="started", group="crypto", stage=1,
        ceiling=D("0.392"), exposure=D("0.825"), deadline_ns=AT_NS + 1_800_000_000_000,
    )  # fmt: skip
    trim = structs.replace(SALE, figures=figures)
    assert steps(trim) == {
        "crypto held": ("82.50 %", "79,211.81 ÷ 96,014.32"),
        "over the ceiling by": ("41,574.20", "79,211.81 − 0.392 × 96,014.32"),
        "this sale is worth": ("36,000.00", "0.4 × 90,000"),
    }
    text = explain(trim, plan=[move])
    assert "crypto cap: 39.2 % of equity allowed, 82.5 % is held" in text[1]
    assert text[-1] == (
        "  plan p1 started 2026-11-20 13:31:02Z: crypto 82.5 %, ceiling 39.2 %, "
        "due 2026-11-20 14:01:02Z"
    )
    left = "not sold: BTC/USD (refused)"
    short = structs.replace(move, status="failed", why=left)
    ended = explain(trim, plan=[move, short])[-1]
    assert ended.startswith("  plan p1 ended without success 2026-11-20 13:31:02Z: crypto 82.5 %")
    assert ended.endswith(f"; {left}")


def test_a_trim_of_one_instrument_counts_that_instrument() -> None:
    figures = {
        "equity": "100000.00",
        "gross": "90000.00",
        "plan": "p2",
        "held": "0.2",
        "sold": "0.1",
    }
    trim = structs.replace(SALE, reason="cap_symbol", bound=D("0.098"), figures=figures)
    assert steps(trim)["BTC/USD held"] == ("18.00 %", "18,000.00 ÷ 100,000.00")
    assert steps(trim)["over the ceiling by"][0] == "8,200.00"


def test_a_flatten_sells_everything_that_is_held() -> None:
    figures = {
        "equity": "100000.00",
        "gross": "90000.00",
        "plan": "p3",
        "held": "0.4",
        "sold": "0.4",
    }
    sale = structs.replace(SALE, reason="flatten", bound=D(0), figures=figures)
    assert steps(sale)["everything held"] == ("90.00 %", "90,000.00 ÷ 100,000.00")
    assert steps(sale)["over the ceiling by"][0] == "90,000.00"


def test_a_stop_shows_where_it_stood_and_where_the_price_is() -> None:
    stop = structs.replace(
        SALE, reason="stop_hit", unit="money", bound=D("92000"), would_be=D("90000"),
        figures={"stop price": "92000", "price": "90000"},
    )  # fmt: skip
    assert steps(stop)["below the stop"] == ("2.17 %", "1 − 90,000 ÷ 92,000")
    assert "protective stop: set at $92,000.00, the price is $90,000.00" in explain(stop)[1]


def test_an_asset_lock_shows_the_loss_of_the_day() -> None:
    lock = structs.replace(
        SALE, reason="asset_locked", bound=D("0.02"), would_be=D("0.0225"),
        figures={"loss today": "2250.00", "opening equity": "100000.00"},
    )  # fmt: skip
    assert steps(lock)["lost today"] == ("2.25 %", "2,250.00 ÷ 100,000.00, limit 2.0 %")


def test_a_condition_has_no_arithmetic_and_says_so_in_words() -> None:
    halted = structs.replace(
        CUT, verdict="denied", reason="halted", unit="count", bound=D(0), would_be=D(0), given=D(0)
    )
    assert arithmetic(halted) == []
    assert "halted: nothing that adds exposure passes" in explain(halted)[1]


def test_figures_of_another_version_are_shown_and_nothing_is_computed_from_them() -> None:
    odd = structs.replace(CUT, figures={"moon phase": "full", "equity": "1.2.3"})
    assert arithmetic(odd) == []
    assert "  moon phase                          full" in explain(odd)


def test_rows_of_the_ledger_explain_like_their_records() -> None:
    row = msgspec.convert({"seq": 7} | structs.asdict(CUT), DecisionRow)
    assert explain(row) == explain(CUT)
    order = Sent("sl-x", D("0.02371"), D("0.02"), OrderState.CANCELED, D("90450"), "aged")
    move = PlanRow(
        seq=9, at_ns=AT_NS, plan_id="p1", status="late", group="crypto", stage=2,
        ceiling=D("0.245"), exposure=D("0.3"), deadline_ns=AT_NS, why="",
    )  # fmt: skip
    text = explain(row, orders=[order], plan=[move])
    assert text[-2] == "  order sl-x: canceled, 0.02 of 0.02371 filled, limit 90,450, aged"
    assert text[-1].startswith("  plan p1 late for its first stage 2026-11-20")


def test_what_the_broker_took_back_or_corrected_is_told() -> None:
    fill = Fill(
        execution_id="e1", client_order_id="sl-x", key=CUT.key, side=Side.BUY, qty=D("0.02"),
        price=D(90_000), fee=D(0), fee_asset="USD", at_ns=AT_NS,
    )  # fmt: skip
    after = structs.replace(fill, execution_id="e2", price=D(89_000))
    revisions = [
        FillRevised(at_ns=AT_NS, before=fill, after=after),
        FillRevised(at_ns=AT_NS, before=after),
    ]
    text = explain(CUT, revisions=revisions)
    assert text[-2].endswith("0.02 at 90,000 of sl-x 0.02 at 89,000 instead")
    assert text[-1].endswith("0.02 at 89,000 of sl-x taken back")


def test_names_from_outside_cannot_steer_a_terminal() -> None:
    evil = structs.replace(CUT, bot="\x1b[2J\nbot", figures={"a\x07": "b\r"})
    assert all(line.isprintable() for line in explain(evil))
