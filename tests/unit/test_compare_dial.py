"""Dials are set on the warm-up alone, to the volatility that the calmest account had in it."""

import numpy as np
import pytest
from tests.unit.compared import CONTENDERS, WARM_UP, contest, contest_over
from tests.unit.test_walk_forward_running import dearer_from
from tests.unit.walked import market

from smart_leverage.domain.errors import BadData
from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.compare import Contender, compare
from smart_leverage.research.compare.dial import LEAST, dialled, scaled
from smart_leverage.research.compare.figures import volatility_of
from smart_leverage.research.compare.results import as_fields, sentences
from smart_leverage.research.compare.running import course_of
from smart_leverage.research.kernel.setup import leaves, row_of
from smart_leverage.research.walk_forward.parts import part_of
from smart_leverage.research.walk_forward.splits import Span


def test_every_cap_on_exposure_is_scaled_and_nothing_else() -> None:
    before, after = dict(leaves(CLASSIC)), dict(leaves(scaled(CLASSIC, 0.5)))
    moved = {name for name in before if after[name] != before[name]}
    assert all(after[name] == 0.5 * before[name] for name in moved)
    caps = {name for name in before if name.startswith("tiers.")}
    assert moved == caps | {
        f"exposure.{name}"
        for name in (
            *("drawdown_multiple", "shortfall_max", "kelly_fraction", "kelly_least"),
            "volatility_max",
        )
    }
    assert scaled(CLASSIC, 1.0) == CLASSIC
    assert len(row_of(scaled(CLASSIC, LEAST))), "the kernel takes the least of them"


def warm_up_volatilities(dials: list[Contender]) -> list[float]:
    one = contest()
    part = part_of(one.bars, one.signals, Span(0, WARM_UP))
    short = one._replace(bars=part.bars, signals=part.signals)
    return [volatility_of(course_of(short, each, Span(0, WARM_UP))) for each in dials]


def test_all_are_as_volatile_as_the_calmest_in_the_warm_up() -> None:
    before = warm_up_volatilities(list(CONTENDERS))
    tuned = list(dialled(contest()).contenders)
    after = warm_up_volatilities(tuned)
    calmest = int(np.argmin(before))
    assert tuned[calmest] == CONTENDERS[calmest], "the calmest stays as it is"
    assert max(after) <= min(before) < max(before)
    assert min(after) > 0.9 * min(before)
    assert all(each.dial <= 1.0 for each in tuned)


def test_prices_behind_the_warm_up_change_no_dial() -> None:
    turned = contest_over([dearer_from(each, WARM_UP + 2, 1.002) for each in market()])
    ours, theirs = dialled(contest()), dialled(turned)
    assert [each.dial for each in ours.contenders] == [each.dial for each in theirs.contenders]
    assert [each.policy for each in ours.contenders] == [each.policy for each in theirs.contenders]


def test_a_dial_is_told() -> None:
    result = compare(dialled(contest()))
    said = " ".join(sentences(result))
    assert "One number each was fitted, on the warm-up alone" in said
    assert "No number was fitted" not in said
    dials = {each["name"]: each["dial"] for each in as_fields(result)["policies"]}
    assert min(dials.values()) < 1.0 == max(dials.values())


def test_an_account_that_held_nothing_has_no_dial() -> None:
    shy = CLASSIC._replace(sizing=CLASSIC.sizing._replace(base_share=1e-9, share_max=1e-9))
    pair = (CONTENDERS[0], Contender("shy", shy))
    with pytest.raises(BadData, match="shy held nothing in the warm-up"):
        dialled(contest()._replace(contenders=pair))
