"""The benchmark of tiers plays the rules themselves, and finds the figures that are known."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smart_leverage.policy.evidence import EvidenceState, EvidenceTerms, step_evidence
from smart_leverage.policy.tier import Tier, TierThresholds, select_tier, win_rate_of

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
RULES = ["last 20", "last 50", "last 100", "evidence"]
ACCOUNTS = 4_000

KNOWN = {
    0.40: [(11.2, 0.40, 0.0), (4.4, 0.23, 0.0), (2.5, 0.18, 0.0), (0.1, 0.05, 0.0)],
    0.50: [(14.5, 0.25, 0.25), (7.0, 0.10, 0.24), (2.8, 0.03, 0.14), (0.1, 0.00, 0.07)],
    0.55: [(13.6, 0.42, 0.13), (6.8, 0.29, 0.08), (3.1, 0.19, 0.02), (0.0, 0.02, 0.00)],
    0.58: [(12.3, 0.52, 0.08), (6.6, 0.45, 0.03), (3.8, 0.38, 0.00), (0.1, 0.11, 0.00)],
    0.62: [(9.9, 0.0, 0.33), (5.3, 0.0, 0.32), (3.4, 0.0, 0.30), (0.3, 0.0, 0.48)],
    0.65: [(7.8, 0.0, 0.24), (3.7, 0.0, 0.18), (1.9, 0.0, 0.12), (0.2, 0.0, 0.15)],
    0.70: [(4.4, 0.0, 0.11), (1.3, 0.0, 0.05), (0.3, 0.0, 0.01), (0.0, 0.0, 0.00)],
}
"""Changes per 100 trades, share of time above and below, by true rate and rule; made by another
program, and rounded to the digits shown."""

KNOWN_MEDIANS = {"last 20": 8, "last 50": 19, "last 100": 35, "evidence": 49}


@pytest.fixture(scope="module")
def tiers() -> Any:
    """The program, which finds the writer of its page in its folder; both forgotten later."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield import_module("tiers")
        for name in ("tiers", "tiers_page"):
            patch.delitem(sys.modules, name)


@pytest.fixture(scope="module")
def found(tiers) -> Any:
    return tiers.figures(ACCOUNTS)


@pytest.mark.parametrize("rate", [0.35, 0.48, 0.62, 0.8])
def test_all_accounts_at_once_earn_what_each_earns_alone(tiers, rate):
    outcomes = tiers.played([rate] * 400, 12, 5)
    at_once = tiers.RULES["evidence"](outcomes)
    for account in range(outcomes.shape[1]):
        state, alone = EvidenceState(0.0, 0.0, Tier.LEARNING), []
        for is_win in outcomes[:, account].tolist():
            state = step_evidence(state, is_win, EvidenceTerms())
            alone.append(state.tier)
        assert at_once[:, account].tolist() == alone


def test_every_step_of_the_evidence_is_among_what_was_compared(tiers):
    outcomes = np.concatenate([tiers.played([rate] * 400, 12, 5) for rate in (0.35, 0.62)], axis=1)
    seen = tiers.RULES["evidence"](outcomes).astype(int)
    steps = {(int(a), int(b)) for a, b in zip(seen[:-1].flat, seen[1:].flat, strict=True)}
    assert steps >= {(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3)}


@pytest.mark.parametrize("window", [20, 100])
def test_the_win_rate_is_that_of_the_last_trades(tiers, window):
    outcomes, at = tiers.played([0.55] * 250, 3, 6), TierThresholds()
    at_once = tiers.by_win_rate(window, outcomes)
    for n in range(1, 251):
        last = outcomes[max(n - window, 0) : n]
        rates = [win_rate_of(int(wins), len(last), at.trades_min) for wins in last.sum(axis=0)]
        assert at_once[n - 1].tolist() == [select_tier(rate, 0.0, at) for rate in rates]


@pytest.mark.parametrize("rate", KNOWN)
def test_changes_and_wrong_tiers_are_those_known(found, rate):
    lines = [line for line in found["table"] if line["rate"] == rate]
    assert [line["rule"] for line in lines] == RULES
    for line, known in zip(lines, KNOWN[rate], strict=True):
        # Four standard errors of ours; the known figures have an error of their own and are
        # rounded, to a tenth of a change and a hundredth of the time.
        for key, value, digit in zip(
            ("changes_per_100", "above", "below"), known, (0.1, 0.01, 0.01), strict=True
        ):
            assert abs(line[key] - value) <= 4.0 * line[f"{key}_error"] + digit, (line, key)


def test_the_errors_that_allow_for_a_difference_are_small(found):
    for line in found["table"]:
        assert line["changes_per_100_error"] < 0.08
        assert max(line["above_error"], line["below_error"]) < 0.01


def test_a_fall_of_skill_is_noticed_after_the_trades_known(found):
    medians = {line["rule"]: line["median"] for line in found["fall"]}
    assert list(medians) == RULES
    for rule, known in KNOWN_MEDIANS.items():
        # One trade for whether the last one counts, and one for the error of a median.
        assert abs(medians[rule] - known) <= 2.0, rule


def test_the_evidence_is_the_slowest_to_notice_and_a_short_window_the_fastest(found):
    for name in ("fall", "rise"):
        medians = [line["median"] for line in found[name]]
        assert medians == sorted(medians)
        assert medians[-1] > 1.2 * medians[-2]


def test_money_is_the_arithmetic_that_is_stated(tiers):
    half_and_half = np.array([[Tier.STABLE, Tier.PROFITABLE]])
    cost = tiers.money(half_and_half, 0.55, 500)
    # 100,000 × 500 trades × 5 % × half of the time × 20 points of cap × 5 points of rate × 2 × 4 %
    assert cost == pytest.approx({"edge_lost": 1000.0, "brought": 1000.0, "forgone": 0.0})
    cost = tiers.money(half_and_half, 0.70, 500)  # and half of the time too low
    # … × 20 points of cap × (2 × 0.70 − 1) × 4 %
    assert cost == pytest.approx({"edge_lost": 0.0, "brought": 0.0, "forgone": 4000.0})


def test_the_page_and_its_picture_are_what_the_program_writes(tiers):
    page = ROOT / "docs" / "concepts" / "flapping.md"
    text, writer = page.read_text(), import_module("tiers_page")
    assert writer.page_of(text, tiers.figures(tiers.ACCOUNTS)) == text
    assert writer.chart(tiers.path()) == (ROOT / "docs" / "images" / "tiers.svg").read_text()


def test_the_last_line_of_the_program_is_its_figures():
    shown = subprocess.run(
        [sys.executable, str(BENCHMARKS / "tiers.py"), "--accounts", "50", "--trades-a-year", "90"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(shown.stdout.splitlines()[-1])
    assert (told["accounts"], told["trades_a_year"]) == (50, 90)
    assert len(told["table"]) == len(KNOWN) * len(RULES)
    line = told["table"][0]
    assert line["changes_a_year"] == pytest.approx(0.9 * line["changes_per_100"], abs=1e-3)
