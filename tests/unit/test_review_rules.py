"""What each rule of a review proposes, from facts made by hand."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.limits import LIMITS
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.limits import limits_of
from smart_leverage.policy.tier import Tier
from smart_leverage.research.review.facts import Event, Facts, Standing
from smart_leverage.research.review.rules import Finding, propose
from smart_leverage.wiring.limits import contradicted

CONFIGURED = limits_of(EngineConfig())
OPENED = 1_700_000_000 * 10**9
NOW = OPENED + 100 * DAY_NS


def standing(
    changes: Mapping[str, str] | None = None, *, tier: Tier = Tier.STABLE, need: str = ""
) -> Standing:
    return Standing(
        in_force=CONFIGURED | dict(changes or {}),
        configured=CONFIGURED,
        pending={},
        tier=tier,
        need=need,
    )


def facts(given: Standing | None = None, **other: Any) -> Facts:
    """Return a quiet account of a hundred days at the tier stable."""
    usual = Facts(
        opened_ns=OPENED,
        until_ns=NOW,
        standing=given or standing(),
        changed_ns=dict.fromkeys(LIMITS, OPENED),
        day_trips=(),
        hard_trips=(),
        locks=(),
        mishaps=(),
        capped=(),
        best=Tier.STABLE,
        earned=Tier.STABLE,
        proven=Tier.STABLE,
        won=(),
        cap_use_most=0.5,
    )
    return usual._replace(**other)


def events(*days_ago: float, name: str = "day") -> tuple[Event, ...]:
    return tuple(Event(NOW - int(day * DAY_NS), 7 + place, name)
                 for place, day in enumerate(days_ago))  # fmt: skip


def proposed(given: Facts) -> dict[str, str]:
    found = propose(given, contradicted)
    return {each.name: each.after for one in found for each in one.changes}


def said(given: Facts, rule: str) -> str:
    found: list[Finding] = propose(given, contradicted)
    return next(one.says for one in found if one.rule == rule)


# -- tighter --------------------------------------------------------------------------------------


def test_one_bad_day_changes_nothing_and_two_lower_the_caps_by_a_fifth() -> None:
    assert proposed(facts(day_trips=events(3))) == {}
    assert proposed(facts(day_trips=events(9, 3))) == {
        "tiers.stable.crypto_cap": "0.32",
        "tiers.stable.total_cap": "0.48",
    }
    found = propose(facts(day_trips=events(9, 3)), contradicted)[0].changes[0]
    assert found.rule == "day trips"
    assert "2 days with a trip in 30 days" in found.evidence
    assert "events 7–8" in found.evidence


def test_no_worse_tier_keeps_more_than_the_one_that_was_lowered() -> None:
    lowest = standing({"tiers.learning.crypto_cap": "0.2"}, tier=Tier.LEARNING)
    assert proposed(facts(lowest, day_trips=events(9, 3))) == {
        "tiers.emergency.crypto_cap": "0.16",
        "tiers.learning.crypto_cap": "0.16",
        "tiers.learning.total_cap": "0.28",
    }


@pytest.mark.parametrize(
    "name", [pytest.param("tiers.stable.total_cap", id="this-tier"),
             pytest.param("tiers.profitable.crypto_cap", id="another-tier")]
)  # fmt: skip
def test_days_before_the_caps_were_last_changed_count_no_more(name) -> None:
    changed = dict.fromkeys(LIMITS, OPENED) | {name: NOW - 5 * DAY_NS}
    assert proposed(facts(day_trips=events(9, 3), changed_ns=changed)) == {}
    assert proposed(facts(day_trips=events(4, 3), changed_ns=changed))


@pytest.mark.parametrize(
    ("best", "ceiling"),
    [
        pytest.param(Tier.PROFITABLE, "stable", id="from-profitable"),
        pytest.param(Tier.STABLE, "learning", id="from-stable"),
        pytest.param(Tier.LEARNING, "learning", id="never-below-learning"),
    ],
)
def test_a_month_trip_puts_the_ceiling_below_the_tier_that_led_to_it(best, ceiling) -> None:
    tripped = facts(best=best, hard_trips=events(2, name="month"))
    assert proposed(tripped) == {"tiers.ceiling": ceiling}


def test_a_ceiling_that_is_low_already_stays() -> None:
    low = standing({"tiers.ceiling": "learning"})
    assert proposed(facts(low, hard_trips=events(2, name="drawdown"))) == {}


def test_two_locked_assets_lower_what_one_may_hold() -> None:
    assert proposed(facts(locks=events(3))) == {}
    assert proposed(facts(locks=events(3, 2))) == {"limits.symbol_cap": "0.08"}


def trades(wins: int, losses: int) -> tuple[tuple[int, bool], ...]:
    """Return trades of the last days, wins and losses spread evenly."""
    total = wins + losses
    return tuple(
        (NOW - (total - each) * 10**9, each * wins // total != (each + 1) * wins // total)
        for each in range(total)
    )


def test_a_threshold_rises_where_the_record_is_proven_below_it_and_got_the_tier_anyway() -> None:
    weak = trades(20, 80)
    assert sum(is_won for _, is_won in weak) == 20
    assert proposed(facts(won=weak)) == {"tiers.win_rate_stable": "0.5"}
    assert proposed(facts(won=weak, best=Tier.PROFITABLE)) == {
        "tiers.win_rate_stable": "0.5",
        "tiers.win_rate_profitable": "0.65",
    }
    assert proposed(facts(won=weak, best=Tier.LEARNING)) == {}  # the rule did its work
    assert proposed(facts(won=trades(9, 11))) == {}  # not proven
    changed = dict.fromkeys(LIMITS, OPENED) | {"tiers.win_rate_stable": NOW}
    assert proposed(facts(won=weak, changed_ns=changed)) == {}
    assert "20 won: evidence of a rate below 45 %" in said(
        facts(won=weak), "record below a threshold"
    )


def test_what_limits_would_contradict_is_not_proposed_and_says_so() -> None:
    def never(limits: Mapping[str, str]) -> list[str]:
        return ["no"] if Decimal(limits["limits.symbol_cap"]) < Decimal("0.1") else []

    found = propose(facts(locks=events(3, 2), day_trips=events(3, 2)), never)
    assert [bool(one.changes) for one in found][:3] == [True, False, False]
    assert found[2].says.endswith("not proposed: no")


# -- as it is -------------------------------------------------------------------------------------


def test_a_cap_that_does_not_bind_needs_no_change() -> None:
    rule = "cap that does not bind"
    assert said(facts(), rule).endswith("it needs no change")
    assert said(facts(cap_use_most=0.95), rule).endswith("it binds")
    assert said(facts(capped=events(1)), rule).endswith("1 order met a cap: it binds")
    assert said(facts(cap_use_most=None), rule) == "nothing was valued"


# -- looser ---------------------------------------------------------------------------------------

TIGHT = standing({"limits.symbol_cap": "0.08"})
MET = events(3, name="cap_symbol")


def test_a_tightened_cap_that_a_proven_record_meets_goes_one_step_back() -> None:
    assert proposed(facts(TIGHT, capped=MET)) == {"limits.symbol_cap": "0.1"}
    tighter = standing({"limits.symbol_cap": "0.04"})
    assert proposed(facts(tighter, capped=MET)) == {"limits.symbol_cap": "0.05"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"capped": ()}, id="it-was-in-nobodys-way"),
        pytest.param({"proven": Tier.LEARNING}, id="no-proof"),
        pytest.param({"day_trips": events(20)}, id="a-day-trip"),
        pytest.param({"hard_trips": events(20, name="month")}, id="a-month-trip"),
        pytest.param({"locks": events(20)}, id="a-lock"),
        pytest.param({"mishaps": events(20)}, id="a-late-plan"),
        pytest.param({"opened_ns": NOW - 29 * DAY_NS}, id="too-young"),
        pytest.param(
            {"changed_ns": dict.fromkeys(LIMITS, OPENED) | {"tiers.ceiling": NOW - 29 * DAY_NS}},
            id="a-limit-was-changed",
        ),
        pytest.param({"standing": TIGHT._replace(need="the account is reducing")}, id="in-need"),
    ],
)
def test_nothing_is_loosened_unless_everything_speaks_for_it(other) -> None:
    given = facts(**({"standing": TIGHT, "capped": MET} | other))
    assert "limits.symbol_cap" not in proposed(given)


def test_nothing_goes_beyond_what_is_configured() -> None:
    assert proposed(facts(capped=MET, proven=Tier.PROFITABLE, earned=Tier.PROFITABLE)) == {}


def test_no_ceiling_rises_above_the_configured_one() -> None:
    low = {"tiers.ceiling": "learning"}
    given = standing(low)._replace(configured=CONFIGURED | low)
    proven = facts(given, earned=Tier.PROFITABLE, proven=Tier.PROFITABLE)
    assert proposed(proven) == {}
    assert proposed(proven._replace(standing=standing(low))) == {"tiers.ceiling": "stable"}


def test_nothing_is_loosened_beside_what_is_tightened() -> None:
    given = facts(TIGHT, capped=MET, won=trades(20, 80))
    assert proposed(given) == {"tiers.win_rate_stable": "0.5"}


def test_one_group_goes_back_at_a_time_the_ceiling_first() -> None:
    given = standing({"tiers.ceiling": "stable", "limits.symbol_cap": "0.08",
                      "tiers.stable.crypto_cap": "0.32"})  # fmt: skip
    proven = facts(given, capped=MET, earned=Tier.PROFITABLE, proven=Tier.PROFITABLE)
    assert proposed(proven) == {"tiers.ceiling": "profitable"}
    assert proposed(proven._replace(earned=Tier.STABLE)) == {"tiers.stable.crypto_cap": "0.4"}
    unproven = proven._replace(proven=Tier.STABLE)
    assert proposed(unproven) == {"tiers.stable.crypto_cap": "0.4"}
