"""What a run says of a plan while it happens."""

from decimal import Decimal

import pytest
from tests.simulation.desk import NOON, measured

from smart_leverage.cli.narrator import LINES_PER_S, Narrator
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.evidence import told
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided, EvidenceRecorded, PlanMoved

BTC = Key("crypto:BTC/USD")

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


def decided(at_s: int, verdict: str = "approved", reason: str = "none") -> Decided:
    return Decided(
        at_ns=at_s * SECOND_NS, decision_id="d1", bot="bot", source="order", key=BTC,
        side=Side.BUY, asked=Decimal(1), allowed=Decimal(1), given=Decimal(1),
        price=Decimal(100), verdict=verdict, reason=reason, unit="fraction",
        bound=Decimal("0.1"), would_be=Decimal("0.2"), figures={},
    )  # fmt: skip


def test_a_flood_of_decisions_becomes_a_number_and_what_is_new_is_still_told() -> None:
    lines: list[str] = []
    narrator = Narrator(lines.append, "UTC", tells_all=True)
    for _ in range(LINES_PER_S + 1_500):
        narrator.hear(decided(60))
    assert len(lines) == LINES_PER_S
    narrator.hear(decided(60, "denied", "cap_symbol"))
    assert "denied" in lines[-1]
    narrator.hear(decided(61))
    assert lines[-2].endswith("and 1,500 more decisions")
    assert "approved" in lines[-1]


def test_evidence_is_told_with_who_brought_it() -> None:
    lines: list[str] = []
    narrator = Narrator(lines.append, "UTC")
    narrator.hear(EvidenceRecorded(at_ns=NOON, measured=measured(NOON), who="ann", reason="cron"))
    assert lines == [f"Tue 17:00  ● {told(measured(NOON))}, by ann"]
