"""What a run says of a plan while it happens."""

from decimal import Decimal

import pytest

from smart_leverage.cli.narrator import Narrator
from smart_leverage.domain.records import PlanMoved

LEFT = "5.0 % of equity above the cap of 25.0 % for crypto; not sold: BTC/USD (no buyer)"


@pytest.mark.parametrize(
    ("status", "why", "said"),
    [
        pytest.param(
            "started", "crypto over its cap",
            "▲ plan p1, crypto, started: 30.0 % held, now down to 24.5 %, "
            "stage 1 due Thu 00:30",
            id="started",
        ),
        pytest.param(
            "late", "",
            "▲ plan p1, crypto, late for its first stage: 30.0 % held, now down to 24.5 %, "
            "stage 1 due Thu 00:30",
            id="late",
        ),
        pytest.param("reached", "", "● plan p1, crypto, reached: 30.0 % held", id="reached"),
        pytest.param(
            "partial", LEFT, f"▲ plan p1, crypto, ended in part: 30.0 % held; {LEFT}", id="partial"
        ),
        pytest.param(
            "failed", LEFT, f"▲ plan p1, crypto, ended without success: 30.0 % held; {LEFT}",
            id="failed",
        ),
    ],
)  # fmt: skip
def test_a_plan_is_told_by_its_status(status: str, why: str, said: str) -> None:
    lines: list[str] = []
    narrator = Narrator(lines.append, "UTC")
    narrator.hear(
        PlanMoved(
            at_ns=0, plan_id="p1", status=status, group="crypto", stage=1,
            ceiling=Decimal("0.245"), exposure=Decimal("0.3"), deadline_ns=1_800_000_000_000,
            why=why,
        )
    )  # fmt: skip
    assert lines == [f"Thu 00:00  {said}"]
