"""What others wrote is here unchanged, with its licence, and travels with the package."""

import hashlib
import math
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "src/smart_leverage/server/desk/screens"
NOTES = (SCREENS / "static/vendor/vendored.toml", ROOT / "tests/browser/vendor/vendored.toml")


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.parts[-4])
def test_a_vendored_file_is_the_one_that_was_fetched(note: Path) -> None:
    files = tomllib.loads(note.read_text())["file"]
    assert {file["name"] for file in files} == {
        each.name for each in note.parent.iterdir() if each != note
    }
    for file in files:
        content = note.with_name(file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], file["name"]
    packages = {file["package"] for file in files}
    licensed = {file["package"] for file in files if "LICENSE" in file["name"]}
    assert packages == licensed


def test_no_page_has_a_script_or_a_style_of_its_own_or_asks_elsewhere() -> None:
    for path in [*SCREENS.rglob("*.html"), *SCREENS.rglob("*.svg")]:
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", text), path
        assert not re.search(r"(src|href|hx-[a-z]+)=\"(https?:)?//", text), path


def test_colours_stay_apart_for_every_kind_of_eye() -> None:
    """Signs and words carry the meaning; the colours that repeat it are never near each other."""
    css = (SCREENS / "static/desk.css").read_text()
    for theme in (css.index(":root {"), css.index(':root[data-theme="dark"]')):
        block = css[theme : css.index("}", theme)]
        colours = dict(re.findall(r"--(ok|near|hit|card|text|muted): (#[0-9a-f]{6})", block))
        for name in ("ok", "near", "hit", "text", "muted"):
            assert contrast(colours[name], colours["card"]) >= 4.5, name
        for simulate in SIMULATED:
            for one, two in (("ok", "near"), ("ok", "hit"), ("near", "hit")):
                apart = distance(simulate, colours[one], colours[two])
                assert apart > 30, (one, two, apart)


def test_nothing_of_the_pages_is_left_out_of_the_wheel() -> None:
    """What git ignores is not packed; everything else below the package is."""
    files = [str(path) for path in SCREENS.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *files],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ignored.stdout == ""
    assert any(path.endswith("templates/panels/ribbon.html") for path in files)
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert packed["targets"]["wheel"]["packages"] == ["src/smart_leverage"]
    assert "exclude" not in packed["targets"]["wheel"]


# -- how eyes see ---------------------------------------------------------------------------------

# Viénot, Brettel and Mollon 1999 for red and green, Brettel's plane for blue, in linear RGB.
SIMULATED = (
    ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    ((1.01277, 0.13548, -0.14826), (-0.01243, 0.86812, 0.14431), (0.07589, 0.80500, 0.11911)),
)
Matrix = tuple[tuple[float, float, float], ...]


def linear(colour: str) -> list[float]:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]


def contrast(one: str, two: str) -> float:
    def luminance(colour: str) -> float:
        red, green, blue = linear(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: list[float]) -> tuple[float, float, float]:
    red, green, blue = (min(max(each, 0.0), 1.0) for each in rgb)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
    )
    x, y, z = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(matrix: Matrix, one: str, two: str) -> float:
    def seen(colour: str) -> tuple[float, float, float]:
        rgb = linear(colour)
        return lab([sum(a * b for a, b in zip(row, rgb, strict=True)) for row in matrix])

    return math.dist(seen(one), seen(two))
