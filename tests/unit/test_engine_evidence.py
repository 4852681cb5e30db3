"""Evidence is taken whole and once, is read until it expires, and survives a restart."""

import math
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from tests.simulation.desk import BTC, ETH, NOON, Desk, measured

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.evidence import Calibration, SleeveFigures, told
from smart_leverage.domain.records import EvidenceRecorded, ExposureMoved, Noted
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.learning import REFUSED
from smart_leverage.policy.calibration import CalibrationKnots
from smart_leverage.policy.earning import ExposureTerms
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.sizing import EdgeTerms
from smart_leverage.policy.sleeve import UNKNOWN, SleeveEvidence

GIVEN = measured(NOON)
CURVE = GIVEN.calibrations[0]
CRYPTO = GIVEN.sleeves["crypto"]


def recorded(desk: Desk) -> list[EvidenceRecorded]:
    return [each for each in desk.records if isinstance(each, EvidenceRecorded)]


def test_evidence_is_read_until_it_expires_and_after_a_restart() -> None:
    desk = Desk()
    assert desk.state.evidence_at(NOON, "crypto") == UNKNOWN
    assert desk.state.calibration_at(NOON, "signal") is None
    assert desk.evidence(GIVEN) == ""
    for state in (desk.state, Engine(desk.config, desk.records).state):
        assert state.evidence_at(NOON, "crypto") == SleeveEvidence(
            days=70.0, es_per_unit=0.05, volatility=0.6, volatility_target=0.08,
            mean_low=0.1, kelly_best=0.2,
        )  # fmt: skip
        assert state.evidence_at(NOON, "leveraged").days == 3.0
        assert math.isnan(state.evidence_at(NOON, "leveraged").volatility)
        assert state.evidence_at(NOON, "gross") == UNKNOWN
        assert state.calibration_at(NOON, "signal") == CalibrationKnots((0.4, 0.8), (0.3, 0.6))
        assert state.calibration_at(NOON, "another") is None
        expiry = GIVEN.expires_ns
        assert state.evidence_at(expiry - 1, "crypto").days == 70.0
        assert state.evidence_at(expiry, "crypto") == UNKNOWN
        assert state.calibration_at(expiry, "signal") is None


def test_the_same_evidence_again_is_not_written_again() -> None:
    desk = Desk()
    desk.evidence(GIVEN)
    desk.evidence(GIVEN, "once more")
    assert len(recorded(desk)) == 1
    desk.wait(DAY_NS // 10**9)
    assert desk.evidence(measured(desk.now_ns)) == ""
    assert [each.measured.until_ns for each in recorded(desk)] == [NOON, NOON + DAY_NS]


def test_the_same_evidence_is_refused_once_it_has_expired() -> None:
    desk = Desk()
    desk.evidence(GIVEN)
    desk.now_ns = GIVEN.expires_ns
    assert "has expired already" in desk.evidence(GIVEN)
    assert len(recorded(desk)) == 1


def test_newer_evidence_gives_way_to_older_only_when_it_has_expired() -> None:
    desk = Desk()
    desk.wait(DAY_NS // 10**9)
    desk.evidence(structs.replace(measured(desk.now_ns), expires_ns=desk.now_ns + DAY_NS))
    assert "newer evidence" in desk.evidence(GIVEN)
    desk.wait(DAY_NS // 10**9)
    assert desk.evidence(GIVEN) == ""


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param({"expires_ns": NOON}, "has expired", id="expired"),
        pytest.param({"expires_ns": NOON + 367 * DAY_NS}, "more than a year", id="for-ever"),
        pytest.param({"until_ns": NOON + 1}, "still to come", id="data-of-tomorrow"),
        pytest.param({"from_ns": NOON}, "before they begin", id="no-time-at-all"),
        pytest.param({"from_ns": -1}, "before they begin", id="before-all-time"),
        pytest.param({"sleeves": {"crypto": CRYPTO}}, "it is about crypto", id="half"),
        pytest.param({"calibrations": (CURVE, CURVE)}, "two curves", id="a-curve-twice"),
    ],
)
def test_evidence_that_contradicts_itself_is_refused(other: dict[str, Any], why: str) -> None:
    desk = Desk()
    assert why in desk.evidence(structs.replace(GIVEN, **other))
    assert not recorded(desk)
    assert desk.state.evidence_at(NOON, "crypto") == UNKNOWN


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param({"volatility": "NaN"}, "volatility of crypto is nan", id="nan"),
        pytest.param({"mean_low": "-inf"}, "mean_low of crypto is -inf", id="infinite"),
        pytest.param({"days": 59}, "made from 59 days, not 60", id="a-mean-from-few-days"),
        pytest.param({"days": 19}, "made from 19 days, not 20", id="volatility-from-few-days"),
        pytest.param({"days": -1}, "has a sign", id="fewer-than-no-days"),
        pytest.param({"volatility": "0"}, "has a sign", id="no-volatility"),
        pytest.param({"es_per_unit": "-0.1"}, "has a sign", id="a-gain-for-a-loss"),
        pytest.param({"kelly_best": "1.1"}, "has a sign", id="more-than-kelly"),
        pytest.param({"kelly_best": "much"}, "not evidence", id="no-number"),
    ],
)
def test_figures_that_cannot_be_are_refused(other: dict[str, Any], why: str) -> None:
    desk = Desk()
    figures = structs.replace(CRYPTO, **other)
    sleeves = {"crypto": figures, "leveraged": SleeveFigures()}
    if other.get("days", 0) < 0:
        sleeves["crypto"] = SleeveFigures(days=-1)
    assert why in desk.evidence(structs.replace(GIVEN, sleeves=sleeves))
    assert not recorded(desk)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param({"scores": ("0.8", "0.4")}, "no curve that rises", id="scores-fall"),
        pytest.param({"probabilities": ("0.6", "0.3")}, "no curve that rises", id="it-falls"),
        pytest.param({"scores": ("0.4",)}, "no curve that rises", id="unequal"),
        pytest.param({"scores": ("0.4", "nan")}, "no curve that rises", id="nan"),
        pytest.param({"outcomes": 49}, "49 outcomes, not 50", id="too-few-outcomes"),
        pytest.param({"method": "guess"}, "guess is no method", id="a-guess"),
        pytest.param({"source": "\x1b[2J"}, "no name that could be shown", id="no-name"),
    ],
)
def test_curves_that_cannot_be_are_refused(other: dict[str, Any], why: str) -> None:
    desk = Desk()
    curve: Calibration = structs.replace(CURVE, **other)
    assert why in desk.evidence(structs.replace(GIVEN, calibrations=(curve,)))
    assert not recorded(desk)


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"days": "many"}'])
def test_what_is_no_evidence_is_refused_with_a_note(text: str) -> None:
    desk = Desk()
    outcome = desk.feed(
        Commanded(
            at_ns=desk.now_ns, command=Command.EVIDENCE, who="ann", reason="because",
            changes=(("measured", text),),
        )
    )  # fmt: skip
    [note] = [each for each in outcome.records if isinstance(each, Noted)]
    assert note.code == REFUSED
    assert "not evidence" in note.text


# -- what follows from it -------------------------------------------------------------------------


def exposures(desk: Desk) -> dict[str, ExposureMoved]:
    """Return what is in force of each sleeve, as journalled last."""
    return {each.sleeve: each for each in desk.records if isinstance(each, ExposureMoved)}


def test_a_cap_is_in_force_with_its_evidence_and_no_longer_than_that() -> None:
    policy = CLASSIC._replace(exposure=ExposureTerms(is_tail_capped=True))
    desk = Desk(config=EngineConfig(policy=policy))
    assert (exposures(desk)["crypto"].binding, exposures(desk)["crypto"].caps["tail"]) == (
        "hard",
        "",
    )
    sleeves = GIVEN.sleeves | {"crypto": structs.replace(CRYPTO, es_per_unit="0.1")}
    desk.evidence(structs.replace(GIVEN, sleeves=sleeves))
    desk.prices()
    found = exposures(desk)
    assert (found["crypto"].binding, found["crypto"].after) == ("tail", Decimal("0.15"))
    assert found["leveraged"].caps["tail"] == ""  # three days say nothing
    assert desk.engine.caps.crypto == Decimal("0.15")
    desk.now_ns = GIVEN.expires_ns
    desk.prices()
    assert exposures(desk)["crypto"].caps["tail"] == ""
    assert desk.engine.caps.crypto == Decimal("0.25")


@pytest.mark.parametrize(
    ("confidence", "worth", "factor"),
    [
        pytest.param(0.8, "0.6000", (0.6 - 0.5) / (2 / 3 - 0.5), id="more-than-break-even"),
        pytest.param(0.6, "0.4500", 0.0, id="less-than-break-even"),
    ],
)
def test_a_signal_is_sized_by_what_its_confidence_was_worth(
    confidence: float, worth: str, factor: float
) -> None:
    policy = CLASSIC._replace(edge=EdgeTerms(is_edge_sized=True))
    desk = Desk(config=EngineConfig(policy=policy))
    plain = desk.signal(ETH, confidence=confidence).figures
    assert float(plain["policy size"]) == pytest.approx(0.5 * 0.05 * 25_000)
    assert "confidence is worth" not in plain
    desk.evidence(GIVEN)
    sized = desk.signal(BTC, confidence=confidence).figures
    assert (sized["confidence said"], sized["confidence is worth"]) == (f"{confidence:.4f}", worth)
    share = min(0.05 * factor, 0.1)
    assert float(sized["policy size"]) == pytest.approx(share * 25_000, rel=1e-3)
    order = desk.buy(BTC, "0.001")
    assert "confidence is worth" not in order.figures


def test_classic_reads_no_evidence() -> None:
    desk, without = Desk(), Desk()
    desk.evidence(GIVEN)
    assert desk.signal(BTC, confidence=0.7).figures == without.signal(BTC, confidence=0.7).figures
    assert not exposures(desk)


def test_evidence_is_told_in_one_line() -> None:
    assert told(GIVEN) == (
        "evidence of 100 risk days until 2024-03-05: crypto 70 days, leveraged 3 days, "
        "signal 60 outcomes; in force until 2024-04-04"
    )
