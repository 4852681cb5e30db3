"""What is said of a comparison, and the page that says it."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.unit.compared import CONTENDERS, TEST, compared, contest

from smart_leverage.reports.inputs import DataFile
from smart_leverage.research.compare import Contender, compare
from smart_leverage.research.compare.judging import Rank
from smart_leverage.research.compare.pictures import HUES, LINES_MAX, hue, point_of
from smart_leverage.research.compare.report import write_comparison
from smart_leverage.research.compare.results import (
    Compared,
    as_fields,
    headline,
    rank_text,
    sentences,
)


def ranked(*ranks: tuple[int, int]) -> Compared:
    one = compared()
    return one._replace(judged=one.judged._replace(ranks=[Rank(*each) for each in ranks]))


def test_windows_compound_to_the_growth_of_all_days() -> None:
    one = compared()
    whole = np.prod(1.0 + one.by_window, axis=0)
    for place, course in enumerate(one.courses):
        assert whole[place] == pytest.approx(course.day_equity[-1] / course.start)
    assert one.by_window.shape == (5, 3)
    assert (one.first, one.last) == ("2023-03-02", "2023-05-31")


def test_the_baseline_differs_from_itself_by_nothing() -> None:
    told = {each["name"]: each for each in as_fields(compared())["policies"]}
    assert told["classic"]["difference"] == 0.0
    assert told["small"]["difference"] != 0.0
    assert told["capped"]["evidence_records"] == 4
    assert told["classic"]["evidence_records"] == 0
    assert len(told["small"]["windows"]) == 5


def test_policies_come_the_fastest_first() -> None:
    one = compared()
    growth = [each["growth"] for each in as_fields(one)["policies"]]
    assert growth == sorted(growth, reverse=True)
    assert [one.figures[place].growth for place in one.order] == growth


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        pytest.param([(1, 3)] * 3, "None of 3 policies can be told from the best", id="none"),
        pytest.param([(2, 3), (1, 1), (2, 3)], "small grew fastest, and surely so", id="one"),
        pytest.param([(1, 2), (1, 2), (3, 3)], "2 of 3 policies cannot be told", id="two"),
    ],
)
def test_the_headline_says_what_can_be_told(ranks: list[tuple[int, int]], said: str) -> None:
    assert said in headline(ranked(*ranks))


def test_it_says_plainly_when_nothing_can_be_told_apart() -> None:
    one = compared()
    unsure = [pair._replace(p=0.5) for pair in one.judged.pairs]
    said = " ".join(sentences(one._replace(judged=one.judged._replace(pairs=unsure, spa=0.4))))
    assert (
        "Nothing can be told apart at 90.0 %" in said or "Nothing can be told apart at 90 %" in said
    )
    assert "3 pairs corrected for" in said
    assert "p 0.400, so that is no proof that any does" in said
    sure = [unsure[0]._replace(p=0.01), *unsure[1:]]
    said = " ".join(sentences(one._replace(judged=one.judged._replace(pairs=sure, spa=0.01))))
    assert "1 of 3 pairs can be told apart" in said
    assert "(p 0.010)" in said
    assert "one does; ranks ask for more" in said


def test_ranks_are_written_as_ranges() -> None:
    one = ranked((1, 1), (2, 3), (2, 3))
    assert [rank_text(one, place) for place in range(3)] == ["1", "2–3", "2–3"]


def test_two_copies_of_one_policy_are_alike_in_everything() -> None:
    pair = (Contender("one", CONTENDERS[0].policy), Contender("other", CONTENDERS[0].policy))
    one = compare(contest()._replace(contenders=pair))
    assert repr(one.figures[0]) == repr(one.figures[1])
    assert "All policies did the same as one, day by day." in list(sentences(one))
    assert headline(one) == "None of 2 policies can be told from the best"


# -- the page -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "new" / "compared.html"
    data = [DataFile("BTC-USD.1h.csv", "ab" * 32, 10, "2023-01-02", "2023-05-31", 0)]
    facts = [("who proposes", "<momentum>")]
    write_comparison(compared(), file, facts=facts, command="smart-leverage compare", data=data)
    return file.read_text(encoding="utf-8")


def test_the_page_holds_every_policy_in_tables_and_pictures(page: str) -> None:
    assert headline(compared()) in page
    for place, name in enumerate(compared().names):
        assert page.count(name) >= 5
        assert page.count(f'<path class="{hue(place)}"') == 5, "legends, curves, cross"
        assert f'<path class="dots {hue(place)}"' in page
    assert "None" not in re.sub(r"None of \d", "", page)
    assert not re.search(r"\bnan\b", page)


def test_the_page_needs_no_network_and_steers_nothing(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "&lt;momentum&gt;" in page
    assert "<momentum>" not in page


def test_without_a_whole_year_the_deepest_fall_stands_alone() -> None:
    point = point_of(compared(), 0)
    assert point.fall == (compared().figures[0].drawdown,) * 3
    assert point.growth[0] < point.growth[1] < point.growth[2]
    assert TEST * 5 < 365


def test_more_policies_than_colours_are_dashed() -> None:
    looks = [hue(place) for place in range(LINES_MAX)]
    assert len(set(looks)) == LINES_MAX == 2 * HUES
    assert looks[HUES] == "hue-0 dashed"


def test_a_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_text("before")
    assert write_comparison(compared(), file) == file
    assert "<!doctype html>" in file.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["a.html"]
