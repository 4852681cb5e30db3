"""An account whose process is killed ends as one that nobody killed, and the check can fail."""

from pathlib import Path

import msgspec
import pytest
from tests.crash.crash import play
from tests.simulation.regime import EAGER

from smart_leverage.brokers.sim.venue import CAPABILITIES

ACTS = 260


def test_kills_change_nothing_that_lasts(tmp_path: Path) -> None:
    result = play(tmp_path, 1, 14, acts_max=ACTS)
    assert not result.wrong, "\n".join(result.wrong)
    assert len(result.kills) >= 10
    assert any(kill.is_on_the_wire for kill in result.kills)
    assert result.verified >= len(result.kills)
    assert result.compared >= 8


@pytest.mark.long
def test_what_was_earned_survives_kills(tmp_path: Path) -> None:
    """Tiers, all caps, locks, breakers and evidence are those of the run that nobody killed."""
    result = play(tmp_path, 2, 14, acts_max=ACTS, regime=EAGER)
    assert not result.wrong, "\n".join(result.wrong)
    assert len(result.kills) >= 10
    assert result.compared >= 8


def test_an_order_that_is_lost_with_the_process_is_seen(tmp_path: Path) -> None:
    """Without the second attempt an intent that never left is gone, and the account another."""
    forgetful = msgspec.structs.replace(CAPABILITIES, rejects_repeated_ids=False)
    result = play(tmp_path, 1, 30, acts_max=ACTS, capabilities=forgetful)
    assert any("orders: only unkilled" in line for line in result.wrong)
