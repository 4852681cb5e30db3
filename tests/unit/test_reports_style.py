"""Colours of the report: readable in light, dark and on paper."""

import re
from importlib.resources import files

import pytest


def palettes() -> dict[str, dict[str, str]]:
    style = files("smart_leverage.reports.html").joinpath("templates/style.css").read_text()
    blocks = {
        "light": style.split(":root {")[1],
        "system-dark": style.split(':root:not([data-theme="light"]) {')[1],
        "dark": style.split(':root[data-theme="dark"] {')[1],
        "paper": style.split("@media print {")[1],
    }
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block.split("}")[0]))
        for name, block in blocks.items()
    }


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours.

    Source:
        WCAG 2.1, "contrast ratio" and "relative luminance".
    """

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "system-dark", "dark", "paper"])
def test_text_is_readable_on_everything_it_stands_on(theme: str) -> None:
    colours = palettes()[theme]
    for name in ("text", "muted", "ok", "near", "hit", "neutral", "gain", "loss"):
        assert contrast(colours[name], colours["bg"]) >= 4.5, name
    shades = [f"{side}-{shade}" for side in ("up", "down") for shade in (1, 2, 3)]
    for name in (*shades, "tier-0", "tier-1", "tier-2", "tier-3", "card"):
        assert contrast(colours["text"], colours[name]) >= 4.5, name


def test_dark_is_the_same_by_system_and_by_switch() -> None:
    found = palettes()
    assert found["dark"] == found["system-dark"]
    assert {name: found["light"][name] for name in found["paper"]} == found["paper"]
