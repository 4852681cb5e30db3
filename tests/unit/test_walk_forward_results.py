"""What windows add up to, what is kept of them on disk, and what the report says of it."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace
from tests.unit.walked import CANDIDATES, SCHEME, done, equal, market, same, work, work_over

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.sweep.plan import plan_of
from smart_leverage.research.walk_forward import Candidate, Result, WindowDone, result_of
from smart_leverage.research.walk_forward.candidates import candidates_of
from smart_leverage.research.walk_forward.regimes import NAMES, market_returns
from smart_leverage.research.walk_forward.report import headline, sentences, write_walk_report
from smart_leverage.research.walk_forward.results import days_of, standard_error
from smart_leverage.research.walk_forward.store import Store, fingerprint, write_tables

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&<b>"


def result() -> Result:
    return result_of(done(), work())


# -- figures --------------------------------------------------------------------------------------


def test_every_tested_day_has_one_regime() -> None:
    found = result()
    assert [each.name for each in found.weather] == [*NAMES[1:], NAMES[0]]
    tested = [day for each in done() for day in range(*each.test)]
    assert sum(each.days for each in found.weather) == len(tested) == len(set(tested))
    trained = sum(each.train[1] - each.train[0] for each in done())
    assert sum(each.days_inside for each in found.weather) == trained


def test_days_of_all_regimes_bring_what_the_whole_brought() -> None:
    found = result()
    total = sum(each.days * each.outside for each in found.weather if each.days)
    days = days_of([each.outside for each in done()])
    assert total == pytest.approx(float(np.sum(days.change)))
    assert found.outside.day_mean == pytest.approx(float(np.mean(days.change)))


def test_test_parts_behind_each_other_are_one_account() -> None:
    found = result()
    growth = done()[-1].outside.equity / work().setup.cash
    days = sum(len(each.outside.returns) for each in done())
    assert (1.0 + found.outside.month) ** (days / (365.25 / 12)) == pytest.approx(growth)
    equity = np.array([work().setup.cash, *(e for each in done() for e in each.curve.equity)])
    deepest = float(np.max(1.0 - equity / np.maximum.accumulate(equity)))
    assert found.outside.drawdown == deepest > 0.0


def test_in_sample_stands_for_training_parts_alone() -> None:
    found = result()
    assert found.inside.score == pytest.approx(np.mean([each.inside.score for each in done()]))
    assert found.outside.score == pytest.approx(np.mean([each.outside.score for each in done()]))
    assert found.inside.median == np.median([each.inside.score for each in done()])


def scored(chosen: int, *outside: float) -> WindowDone:
    return replace(done()[0], chosen=chosen, outside_scores=list(outside))


@pytest.mark.parametrize(
    ("window", "beaten"),
    [
        pytest.param(scored(0, 0.3, 0.1, 0.2), 1.0, id="better-than-all"),
        pytest.param(scored(1, 0.3, 0.1, 0.2), 0.0, id="worse-than-all"),
        pytest.param(scored(2, 0.3, 0.1, 0.2), 0.5, id="in-the-middle"),
        pytest.param(scored(0, 0.1, 0.1, 0.1), 0.5, id="ties-count-half"),
        pytest.param(scored(0, 0.1, math.nan, 0.2), 0.5, id="better-than-unknown"),
    ],
)
def test_beaten_is_the_share_of_the_others(window: WindowDone, beaten: float) -> None:
    assert result_of([window], work()).beaten == beaten


def test_one_candidate_beats_nobody() -> None:
    alone = work_over(market(), CANDIDATES[:1])
    found = result_of([scored(0, 0.3)], alone)
    assert math.isnan(found.beaten)
    assert not found.is_tuned
    assert "Nothing was tuned" in " ".join(sentences(found))


def test_the_market_is_the_mean_of_its_instruments() -> None:
    returns = market_returns(work().bars)
    assert math.isnan(returns[0])
    columns = work().bars
    days = columns.instants["day"]
    last = [int(np.flatnonzero(days == day)[-1]) for day in (50, 51)]
    close = columns.close[last]
    assert returns[51] == pytest.approx(float(np.mean(close[1] / close[0] - 1.0)))


def test_a_standard_error_needs_two_values() -> None:
    assert math.isnan(standard_error(np.array([1.0])))
    assert standard_error(np.array([1.0, 3.0, math.nan])) == pytest.approx(1.0)


# -- disk -----------------------------------------------------------------------------------------


def test_windows_come_back_as_they_were(tmp_path: Path) -> None:
    mark = fingerprint(market(), work())
    store = Store(tmp_path / "walk", mark)
    assert store.kept() == []
    for number in (0, 1, 3):
        store.keep(number, done()[number])
    found = Store(tmp_path / "walk", mark).kept()
    assert len(found) == 2, "what lies behind a gap does not count"
    assert all(equal(one, two) for one, two in zip(found, done(), strict=False))


def test_another_walk_is_refused(tmp_path: Path) -> None:
    Store(tmp_path, fingerprint(market(), work()))
    other = work_over(market(), CANDIDATES[:2])
    with pytest.raises(BadData, match="walk over other bars, candidates or numbers"):
        Store(tmp_path, fingerprint(market(), other))


def test_the_mark_knows_bars_scheme_setup_and_score() -> None:
    base = work()
    others = [
        base._replace(scheme=SCHEME._replace(embargo_days=5)),
        base._replace(setup=base.setup._replace(cash=5e4)),
        base._replace(timezone="UTC"),
        base._replace(candidates=[*CANDIDATES[:2], Candidate("near", CLASSIC)]),
    ]
    marks = {fingerprint(market(), each) for each in [base, *others]}
    assert len(marks) == 5
    assert fingerprint(market(), base) in marks


def test_a_damaged_window_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path, "mark")
    store.keep(0, done()[0])
    file = next(tmp_path.glob("window-*"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(BadData, match=r"window-0001\.msgpack.*remove it"):
        store.kept()


def test_tables_hold_every_window_day_and_candidate(tmp_path: Path) -> None:
    found = result()
    windows, days, candidates = map(pl.read_parquet, write_tables(found, tmp_path))
    assert windows["chosen"].to_list() == [CANDIDATES[each.chosen].name for each in done()]
    assert same(windows["outside_equity"].to_list(), [each.outside.equity for each in done()])
    tested = days.filter(pl.col("sample") == "outside")
    assert tested["date"].is_unique().all()
    assert len(tested) == sum(each.days for each in found.weather)
    assert set(days["regime"]) <= set(NAMES)
    assert len(candidates) == len(CANDIDATES) * len(done())
    assert candidates["is_chosen"].sum() == len(done())


# -- candidates -----------------------------------------------------------------------------------


def test_a_plan_gives_its_sets_behind_the_policy_that_is_there() -> None:
    plan = plan_of(
        {"space": {"sizing": {"base_share": [0.05, 0.2]}, "stops.limit_gap": [0.02, 0.03]}}
    )
    found = candidates_of("classic", CLASSIC, plan)
    assert [each.name for each in found.candidates] == [
        "classic",
        "base_share 0.05, limit_gap 0.03",
    ]
    assert found.candidates[1].policy.stops.limit_gap == 0.03
    assert found.left_out == 2, "a base share above the largest share is no policy"


def test_keys_that_end_alike_keep_their_sections() -> None:
    space = {"tiers.stable.crypto_cap": [0.3], "tiers.learning.crypto_cap": [0.2]}
    found = candidates_of("classic", CLASSIC, plan_of({"space": space}))
    assert found.candidates[1].name == "tiers.stable.crypto_cap 0.3, tiers.learning.crypto_cap 0.2"


def test_a_search_is_no_list_of_candidates() -> None:
    plan = plan_of({"space": {"stops.limit_gap": [0.02, 0.03]}, "method": "optuna"})
    with pytest.raises(ConfigError, match="grid, random or quasi"):
        candidates_of("classic", CLASSIC, plan)


# -- the report -----------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Collects what a page asks for and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_of(found: Result, folder: Path) -> str:
    file = write_walk_report(
        found, folder / "report.html", facts=[("who proposes", HOSTILE)], command=HOSTILE
    )
    return file.read_text()


def test_the_report_says_what_was_tuned_and_promises_nothing(tmp_path: Path) -> None:
    found = result()
    text = re.sub(r"\s+", " ", " ".join(_Page(page_of(found, tmp_path)).words))
    text = text.replace("\u00a0", " ")
    assert headline(found) in text
    for sentence in sentences(found):
        assert sentence in text
    assert "3 candidates were tried in every window" in text
    assert "Past results promise nothing." in text
    assert all(name in text for name in NAMES)
    for each in found.windows:
        assert f"{found.dates[each.test[0]]} to {found.dates[each.test[1] - 1]}" in text


def test_the_report_needs_no_network_and_names_cannot_break_it(tmp_path: Path) -> None:
    hostile = [Candidate(HOSTILE, each.policy) for each in CANDIDATES]
    page = page_of(result_of(done(), work()._replace(candidates=hostile)), tmp_path)
    found = _Page(page)
    assert "img" not in found.tags
    assert [link for link in found.links if link[:1] != "#" and not link.startswith("data:")] == []
    assert len(page) < 400_000
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_mean_made_by_few_windows_is_told() -> None:
    def window(score: float) -> WindowDone:
        return replace(done()[0], outside=replace(done()[0].outside, score=score))

    found = result_of([window(score) for score in (0.01, 0.3, math.nan, 0.03)], work())
    text = " ".join(sentences(found))
    assert "+11.33 % out-of-sample" in text
    assert "median +3.00 %" in text
    assert "Without its best window the out-of-sample mean is +2.00 %." in text


def test_an_interrupted_walk_says_so(tmp_path: Path) -> None:
    found = result_of(done()[:2], work(), is_stopped=True)
    assert "later windows are missing" in page_of(found, tmp_path)
