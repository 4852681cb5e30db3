"""What became of signals is known when it is over, and what confidence was worth from then on."""

from datetime import date, timedelta

import numpy as np
import pytest
from tests.unit.compared import ZONE, contest, contest_over
from tests.unit.test_walk_forward_running import dearer_from
from tests.unit.walked import market

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.policy.calibration import CalibrationKnots
from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.compare.evidence import (
    Known,
    evidence_for,
    heard,
    known_from,
    needs_evidence,
)
from smart_leverage.research.compare.outcomes import SOURCE, Curve, outcomes_of, with_curves
from smart_leverage.research.compare.running import Contest
from smart_leverage.research.kernel import Setup, run
from smart_leverage.research.refit.past import Day, Outcome, Past

SETUP = Setup(resumes_monthly=True)
HALF = CalibrationKnots((0.0, 1.0), (0.0, 0.5))
FLAT = CalibrationKnots((0.5,), (0.3,))
FIRST = date(2024, 1, 2)
FIRST_NS = (FIRST - date(1970, 1, 1)).days * DAY_NS


def outcomes(one: Contest) -> tuple[Outcome, ...]:
    return outcomes_of(run(one.bars, one.signals, CLASSIC, SETUP), one.bars, one.signals)


def test_every_closed_trade_is_an_outcome_with_the_confidence_of_its_signal() -> None:
    one = contest()
    done = run(one.bars, one.signals, CLASSIC, SETUP)
    found = outcomes_of(done, one.bars, one.signals)
    said = set(one.signals.rows["confidence"].tolist())
    assert len(found) > 5
    assert {each.confidence for each in found} <= said
    assert {each.at_ns for each in found} <= set(done.trades["at"].tolist())
    assert {each.source for each in found} == {SOURCE}


def test_later_prices_change_no_outcome_that_was_over_before() -> None:
    turned_ns = market()[0].starts[0] + 90 * DAY_NS
    turned = contest_over([dearer_from(each, 90, 1.002) for each in market()])
    ours, theirs = outcomes(contest()), outcomes(turned)
    assert [each for each in ours if each.at_ns <= turned_ns] == [
        each for each in theirs if each.at_ns <= turned_ns
    ]
    assert ours != theirs


def past(count: int) -> Past:
    """Return ninety days and so many outcomes, one an hour from the first hour on."""
    days = tuple(
        Day(
            (FIRST + timedelta(number)).isoformat(),
            FIRST_NS + number * DAY_NS,
            FIRST_NS + (number + 1) * DAY_NS,
            0.01 * (-1) ** number,
            0.01,
        )
        for number in range(90)
    )
    hour = DAY_NS // 24
    return Past(
        "UTC",
        days,
        tuple(
            Outcome(SOURCE, 0.5 + 0.4 * (n % 2), n % 4 > 0, FIRST_NS + (n + 1) * hour)
            for n in range(count)
        ),
    )


def test_a_curve_knows_the_outcomes_that_were_over_when_its_month_began() -> None:
    many = past(2_000)
    whole = known_from(many)
    assert [each.since_ns for each in whole.curves] == [each.since_ns for each in whole.records]
    for place, record in enumerate(whole.records):
        over = tuple(each for each in many.outcomes if each.at_ns <= record.since_ns)
        alone = known_from(many._replace(outcomes=over))
        assert alone.curves[place] == whole.curves[place]
    assert whole.curves[0].knots != whole.curves[-1].knots, "later ones know more"


def test_too_few_outcomes_make_no_curve() -> None:
    assert known_from(past(49)).curves == []
    assert len(known_from(past(50)).curves) == len(known_from(past(50)).records) > 0


def test_signals_are_heard_as_what_was_known_of_them_at_the_time() -> None:
    one = contest()
    at = np.repeat(one.bars.instants["at"], np.diff(one.signals.first))
    begin, middle, end = (int(np.quantile(at, share)) for share in (0.3, 0.5, 0.8))
    curves = [Curve(begin, end, HALF), Curve(middle, end, FLAT)]
    told = with_curves(one.signals, one.bars, curves).rows
    raw, buys = one.signals.rows, one.signals.rows["is_buy"] != 0
    early, late = buys & (at >= begin) & (at < middle), buys & (at >= middle) & (at < end)
    rest = ~(early | late)
    assert told["confidence"][early] == pytest.approx(raw["confidence"][early] * 0.5)
    assert set(told["confidence"][late].tolist()) == {0.3}
    assert told[rest].tolist() == raw[rest].tolist()
    assert (told["is_calibrated"] == (early | late)).all()
    assert raw["is_calibrated"].max() == 0, "the signals of others stay as they are"


def test_only_sizes_by_the_edge_read_curves() -> None:
    one = contest()
    edgy = CLASSIC._replace(edge=CLASSIC.edge._replace(is_edge_sized=True))
    assert needs_evidence(edgy)
    assert evidence_for(one.bars, one.signals, CLASSIC, SETUP, ZONE) == Known()
    assert heard(one.signals, one.bars, Known()) is one.signals
    known = Known((), [Curve(0, 2**62, CalibrationKnots((0.5,), (0.0,)))])
    signals = heard(one.signals, one.bars, known)
    assert run(one.bars, one.signals, edgy, SETUP).metrics.trades[0] > 0
    assert run(one.bars, signals, edgy, SETUP).metrics.trades[0] == 0, "worth nothing, buys nothing"
