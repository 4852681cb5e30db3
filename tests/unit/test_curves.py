"""Pictures of accounts: true to the curve, however long it is, with an axis that can be read."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from smart_leverage.research.curves import POINTS_MAX, equity_picture, exposure_picture

SVG = "{http://www.w3.org/2000/svg}"
FIRST = datetime(2024, 1, 15, 1, tzinfo=UTC)


def curve(hours: int, equity, crypto=None, cap: float = 0.25) -> pl.DataFrame:
    at = pl.datetime_range(
        FIRST, FIRST + timedelta(hours=hours - 1), "1h", time_unit="ns", eager=True
    )
    held = np.zeros(hours) if crypto is None else crypto
    return pl.DataFrame(
        {"at": at, "equity": equity, "crypto": held, "cap_crypto": np.full(hours, cap)}
    )


def lines(picture: str) -> list[list[tuple[float, float]]]:
    """Return the points of every line that is a curve, in order."""
    found = []
    for path in ET.fromstring(picture).iter(f"{SVG}path"):
        numbers = [float(each) for each in re.findall(r"-?[\d.]+", str(path.get("d")))]
        if path.get("stroke") and len(numbers) > 4:
            found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def words(picture: str) -> list[str]:
    return [str(each.text) for each in ET.fromstring(picture).iter(f"{SVG}text")]


def test_every_account_has_a_line_and_its_name() -> None:
    rising = np.linspace(100.0, 120.0, 300)
    drawn = equity_picture({"up": curve(300, rising), "down": curve(300, rising[::-1])})
    up, down = lines(drawn)
    assert up[0][1] > up[-1][1]  # pixels grow downwards
    assert down[0][1] < down[-1][1]
    assert {"up", "down", "at the end: up 120, down 100"} <= set(words(drawn))


def test_a_long_curve_is_thinned_but_keeps_its_deepest_fall_and_its_end() -> None:
    equity = np.full(30_000, 100_000.0)
    equity[17_531] = 40_000.0
    equity[-1] = 90_000.0
    (line,) = lines(equity_picture({"one": curve(30_000, equity)}))
    assert len(line) <= POINTS_MAX
    heights = [y for _, y in line]
    assert sum(y > heights[-1] for y in heights) == 1
    # A pixel per unit of money, told from the beginning and the end.
    per_unit = (heights[-1] - heights[0]) / 10_000.0
    assert max(heights) - heights[0] == pytest.approx(60_000.0 * per_unit, rel=0.01)


@pytest.mark.parametrize("days", [1, 3, 40, 119, 122, 400, 800, 4_000, 9_000])
def test_dates_stand_evenly_and_apart(days: int) -> None:
    count = days * 24
    picture = equity_picture({"one": curve(count, np.linspace(1.0, 2.0, count))})
    at = [
        float(str(each.get("x")))
        for each in ET.fromstring(picture).iter(f"{SVG}text")
        if re.fullmatch(r"\d+ [A-Z][a-z]{2}|[A-Z][a-z]{2} \d{4}", str(each.text))
    ]
    assert 1 <= len(at) <= 9
    gaps = [b - a for a, b in pairwise(at)]
    assert all(gap > 60 for gap in gaps)
    assert not gaps or max(gaps) < 1.2 * min(gaps)


def test_what_was_held_stands_beside_the_cap_in_per_cent_of_equity() -> None:
    equity = np.full(200, 50_000.0)
    crypto = np.where(np.arange(200) < 50, 15_000.0, 5_000.0)
    picture = exposure_picture(curve(200, equity, crypto))
    held, cap = lines(picture)
    assert held[0][1] < cap[0][1] < held[-1][1]
    assert any(each.startswith("25.0% of the time above the cap") for each in words(picture))


def test_rules_of_look_reach_nothing_else_of_a_page() -> None:
    picture = equity_picture({"one": curve(50, np.linspace(1.0, 2.0, 50))})
    style = str(next(ET.fromstring(picture).iter(f"{SVG}style")).text)
    rules = re.findall(r"([^{}]+)\{", style.replace("@media(prefers-color-scheme:dark){", ""))
    assert rules
    assert all(rule.strip().startswith(".slev") for rule in rules)


def test_more_accounts_than_can_be_told_apart_are_refused() -> None:
    one = curve(10, np.ones(10))
    for count in (0, 6):
        with pytest.raises(ValueError, match="give one to 5"):
            equity_picture({str(each): one for each in range(count)})
