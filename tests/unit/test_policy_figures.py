"""The figures that rules use where nobody set others are those of the design, one by one.

Nobody would notice a changed figure by the behaviour of one account on one day: a limit of 103 %
never trips. So each figure stands here once more, with where it comes from.
"""

import math
from typing import Any, NamedTuple

import pytest

from smart_leverage.policy.breakers import BreakerState, LossLimits, Severity
from smart_leverage.policy.caps import LOTS_MAX, Group, GroupCaps
from smart_leverage.policy.decide import Account, Asset, Proposal
from smart_leverage.policy.deleverage import Deleveraging
from smart_leverage.policy.earning import ExposureTerms
from smart_leverage.policy.evidence import EvidenceTerms, Record, RecordTerms
from smart_leverage.policy.exposure import Cap
from smart_leverage.policy.intraday import Phase
from smart_leverage.policy.margin import MarginRates, MarginTerms, RuleSet
from smart_leverage.policy.sizing import EdgeTerms, Sizing
from smart_leverage.policy.sleeve import UNKNOWN
from smart_leverage.policy.steady_breakers import CLEAR, Mark, RollingTerms, SteadyLimits
from smart_leverage.policy.stops import Stops
from smart_leverage.policy.tier import Caps, Tier, TierCaps, TierThresholds
from smart_leverage.policy.volatility import VolatilityMemory

FIGURES: list[tuple[str, Any, dict[str, Any]]] = [
    # The original design note: loss limits, tiers, sizes, the plan that sells down.
    ("losses", LossLimits(), {
        "loss_limit_daily_asset": 0.02, "loss_limit_daily": 0.03, "loss_limit_monthly": 0.08,
    }),
    ("tiers", TierThresholds(), {
        "month_return_emergency": -0.05, "win_rate_stable": 0.45, "win_rate_profitable": 0.60,
        "trades_min": 20,
    }),
    ("caps-of-tiers", TierCaps(), {
        "emergency": Caps(0.20, 0.28), "learning": Caps(0.25, 0.35),
        "stable": Caps(0.40, 0.60), "profitable": Caps(0.60, 0.80),
    }),
    ("sizes", Sizing(), {
        "base_share": 0.05, "share_max": 0.10, "confidence_scale": 1.5,
        "confidence_neutral": 2.0 / 3.0, "adjustment_min": 0.5, "adjustment_max": 1.5,
        "top_up_min": 0.25, "volatility_ratio_min": 0.01, "volatility_ratio_max": 100.0,
    }),
    ("selling-down", Deleveraging(), {
        "first_ceiling": 0.40, "first_minutes": 30.0, "last_minutes": 120.0, "pace_minutes": 60.0,
        "slices": 4, "slice_at_once": 0.05, "band_over": 1.05, "band_to": 0.98, "step_over": 1.005,
    }),
    # Decisions: caps of gross and symbol, stops, volatility.
    ("groups", GroupCaps(), {"gross": 1.0, "symbol": 0.10, "symbol_broad": 0.50}),
    ("stops", Stops(), {
        "volatility_multiple": 3.0, "distance_min": 0.04, "distance_max": 0.15, "limit_gap": 0.02,
    }),
    ("volatility", VolatilityMemory(), {
        "decay_realised": 0.94, "decay_reference": 0.99, "returns_min": 20,
    }),
    # The preset that asks for evidence.
    ("windows", SteadyLimits(), {
        "loss_limit_daily": 0.03, "loss_limit_monthly": 0.08, "drawdown_limit": 0.08,
        "month_return_emergency": -0.05, "rolling_day_s": 24 * 3600, "rolling_month_s": 30 * 86400,
    }),
    ("rolling", RollingTerms(), {
        "is_rolling": False, "drawdown_limit": 0.08, "loss_limit_sleeve": 0.02,
    }),
    ("evidence", EvidenceTerms(), {
        "prior_a": 5.0, "prior_b": 5.0, "discount": 0.99, "threshold_1": 0.45, "threshold_2": 0.60,
        "promote_probability": 0.80, "demote_probability": 0.30, "trades_min_1": 20.0,
        "trades_min_2": 40.0,
    }),
    ("record-terms", RecordTerms(), {
        "is_earned": False, "discount": 0.99, "promote_probability": 0.80,
        "demote_probability": 0.30, "trades_min_1": 20, "trades_min_2": 40, "prior_trades": 10.0,
        "payoff_trades": 20.0, "offset": 0.10, "scratch": 0.0001,
    }),
    ("no-record", Record(), {
        "wins": 0.0, "losses": 0.0, "won": 0.0, "lost": 0.0, "tier": Tier.LEARNING,
    }),
    ("earning", ExposureTerms(), {
        "is_drawdown_capped": False, "is_tail_capped": False, "is_kelly_capped": False,
        "is_volatility_capped": False, "drawdown_multiple": 4.0, "drawdown_floor": 0.93,
        "peak_days": 365, "shortfall_max": 0.015, "kelly_fraction": 0.5, "kelly_least": 0.05,
        "volatility_max": 0.10, "rise_min": 0.10, "steps": 100.0, "is_look_through": False,
    }),
    ("edge", EdgeTerms(), {
        "is_edge_sized": False, "reference": 2.0 / 3.0, "factor_max": 1.5, "uncalibrated": 0.5,
    }),
    # The broker's own documents on margin.
    ("margin", MarginRates(), {
        "price_low": 2.50, "price_ordinary": 6.00, "long_low": 1.00, "long_middle": 0.50,
        "long_ordinary": 0.30, "long_per_factor": 0.25, "price_short_low": 5.00, "short_low": 1.00,
        "short_low_per_share": 2.50, "short_ordinary": 0.30, "short_per_share": 5.00,
        "short_per_factor": 0.30, "concentration_share": 0.70, "concentration_debit": 100_000.0,
        "concentrated": 0.50, "initial": 0.50, "not_marginable": 1.00,
    }),
    ("margin-account", MarginTerms(RuleSet.CASH), {
        "rule_set": RuleSet.CASH,
        "equity_margin_min": 2_000.0, "equity_day_trader_min": 25_000.0,
        "multiplier_overnight": 2.0, "multiplier_intraday": 4.0, "multiplier_max": 4.0,
        "reserve_not_marginable": 2_000.0, "crypto_borrowing": 0.0,
    }),
]  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "figures"), [pytest.param(terms, each, id=name) for name, terms, each in FIGURES]
)
def test_what_nobody_set_is_what_the_design_says(
    terms: NamedTuple, figures: dict[str, Any]
) -> None:
    assert terms._asdict() == figures


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        pytest.param(Severity, ["NORMAL", "EMERGENCY", "DAY", "MONTH", "DRAWDOWN"], id="severity"),
        pytest.param(Group, ["CRYPTO", "LEVERAGED", "GROSS", "SYMBOL"], id="groups"),
        pytest.param(
            Cap, ["HARD", "DRAWDOWN", "TAIL", "KELLY", "VOLATILITY", "EVIDENCE"], id="caps"
        ),
        pytest.param(RuleSet, ["CASH", "LEGACY_PDT", "INTRADAY_MARGIN"], id="accounts"),
        pytest.param(Tier, ["EMERGENCY", "LEARNING", "STABLE", "PROFITABLE"], id="tiers"),
    ],
)
def test_codes_are_numbered_from_zero_on_without_a_gap(
    numbers: type[Any], names: list[str]
) -> None:
    """The kernel indexes arrays with them, and the journal keeps them."""
    assert [(each.name, int(each)) for each in numbers] == list(
        zip(names, range(len(names)), strict=True)
    )


def test_what_is_not_said_is_the_careful_side() -> None:
    assert not BreakerState(False, False, False).is_drawdown_tripped
    assert not any(CLEAR)
    assert not Mark(time_s=0.0, day=0, month=0, equity=1.0).is_resumed
    assert UNKNOWN.days == 0.0
    assert all(math.isnan(each) for each in UNKNOWN[1:])


def test_an_asset_is_plain_and_an_account_without_evidence_unless_it_says_so() -> None:
    assert Asset._field_defaults == {"factor": 1.0, "is_intraday": False}
    assert Proposal._field_defaults == {"is_calibrated": False}
    assert Account._field_defaults == {
        "exposure": Caps(math.inf, math.inf), "breakeven": 0.5, "phase": Phase.OFF,
    }  # fmt: skip


def test_lots_end_where_a_double_stops_counting_one_by_one() -> None:
    assert LOTS_MAX == 2.0**53 - 1.0
