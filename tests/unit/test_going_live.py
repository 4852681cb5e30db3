"""No account with real money opens before a person went through the checklist for its numbers."""

from pathlib import Path

import pytest

from smart_leverage.domain.errors import ConfigError
from smart_leverage.runtime.going_live import (
    FILE,
    Cleared,
    clear,
    fingerprint,
    refuse_uncleared,
)
from smart_leverage.settings import load

PAPER, LIVE = (
    load(None, {"SMART_LEVERAGE_ACCOUNT__MODE": mode}).settings.policy_text()
    for mode in ("paper", "live")
)


def cleared(folder: Path, policy: str = LIVE) -> None:
    clear(
        folder,
        Cleared(at_ns=1, who="ann", policy=fingerprint(policy), paper="p", lines=("● all",)),
    )


def test_the_numbers_are_compared_and_not_whose_they_are() -> None:
    assert PAPER != LIVE
    assert fingerprint(PAPER) == fingerprint(LIVE)
    looser = LIVE.replace("limits.loss_limit_daily = 0.03", "limits.loss_limit_daily = 0.05")
    assert fingerprint(looser) != fingerprint(LIVE)


def test_it_is_refused_until_somebody_has_gone_through_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nobody has gone through; `smart-leverage go-live"):
        refuse_uncleared(tmp_path, LIVE)
    cleared(tmp_path)
    refuse_uncleared(tmp_path, LIVE)
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_other_numbers_need_it_again(tmp_path: Path) -> None:
    cleared(tmp_path)
    with pytest.raises(ConfigError, match="others than those of the checklist"):
        refuse_uncleared(tmp_path, LIVE.replace("0.03", "0.04"))


def test_a_note_that_cannot_be_read_clears_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"policy": 1}')
    with pytest.raises(ConfigError, match="cannot be read"):
        refuse_uncleared(tmp_path, LIVE)
