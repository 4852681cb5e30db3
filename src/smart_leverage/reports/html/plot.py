"""The parts of a picture: paths in a stretched frame, labels and marks beside it in true size.

Pictures are SVG that is made here, not by a charting library in the reader's browser: the same
picture prints in lines instead of pixels, is there without any script, and takes its colours from
the page, so that one drawing serves light, dark and paper. The frame (2000 × 1000 units) is
stretched to the room there is, with strokes that do not scale; text and marks stand outside the
stretched part at percentages. A short script adds the crosshair and exact values to it.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from smart_leverage.reports.thinning import changes, thinned

WIDTH, HEIGHT = 2_000, 1_000
"""Units of a frame; x grows to the right, y downwards."""

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Path(NamedTuple):
    """One drawn path; `css` names its look."""

    css: str
    d: str


class AxisTick(NamedTuple):
    """A label at a place of the frame, per cent from the left or from the top."""

    place: float
    label: str
    css: str = ""


class Mark(NamedTuple):
    """A sign of constant size at a place, per cent; `title` says what it stands for."""

    symbol: str
    x: float
    y: float
    title: str


class Band(NamedTuple):
    """A stretch of time, per cent of the width, with its word."""

    x: float
    width: float
    css: str
    text: str
    title: str

    @property
    def end(self) -> float:
        """Where it ends, per cent of the width."""
        return self.x + self.width

    @property
    def room(self) -> str:
        """Where the word fits into the band: everywhere, on wide screens only, or nowhere."""
        needed = len(self.text) * 7 + 14
        if self.width * 3.0 >= needed:
            return "all"
        return "wide" if self.width * 9.4 >= needed else "none"


def merged(bands: Sequence[Band], most: int) -> list[Band]:
    """Return at most so many bands: of too many, what held longest in each column is drawn."""
    if len(bands) <= most:
        return list(bands)
    width = 100.0 / most
    columns: list[dict[str, tuple[float, Band]]] = [{} for _ in range(most)]
    for band in bands:
        first = min(max(int(band.x / width), 0), most - 1)
        last = min(int((band.x + band.width) / width), most - 1)
        for place in range(first, last + 1):
            left, right = max(band.x, place * width), min(band.x + band.width, (place + 1) * width)
            if right > left:
                before = columns[place].get(band.css, (0.0, band))
                columns[place][band.css] = before[0] + right - left, before[1]
    found: list[Band] = []
    for place, column in enumerate(columns):
        if not column:
            continue
        _, band = max(column.values(), key=lambda pair: pair[0])
        last_band = found[-1] if found else None
        x = round(place * width, 2)
        if last_band is not None and last_band.css == band.css and last_band.end >= x - 0.02:
            found[-1] = last_band._replace(width=round(x + width - last_band.x, 2))
        else:
            found.append(Band(x, round(width, 2), band.css, band.text, band.text))
    return found


class Series(NamedTuple):
    """What the crosshair reads: seconds and whole numbers, each as the step from the last one."""

    name: str
    unit: str
    css: str
    scale: int
    is_step: bool
    times: list[int]
    values: list[int]


class Panel(NamedTuple):
    """One frame with its axes."""

    title: str
    unit: str
    height: int
    paths: list[Path]
    ticks: list[AxisTick]
    zero: float | None
    bands: list[Band]
    marks: list[Mark]
    series: list[Series]


class Key(NamedTuple):
    """One entry of a legend: how it looks, and what it is."""

    css: str
    text: str


class Scale:
    """Maps a range of values to places in the frame."""

    def __init__(self, low: float, high: float, *, units: int = HEIGHT, flips: bool = True) -> None:
        if not high > low:
            half = abs(low) * 0.01 or 1.0
            low, high = low - half, high + half
        self.low, self.high = low, high
        self._units = units
        self._flips = flips

    def units(self, value: float) -> int:
        """Return the place in units of the frame."""
        share = (value - self.low) / (self.high - self.low)
        return round((1.0 - share if self._flips else share) * self._units)

    def percent(self, value: float) -> float:
        """Return the place in per cent of the frame."""
        return round(self.units(value) * 100.0 / self._units, 2)

    def ticks(self, label: Callable[[float], str], count: int = 4) -> list[AxisTick]:
        """Return labels at round values inside the range."""
        return [AxisTick(self.percent(each), label(each)) for each in self.round_values(count)]

    def round_values(self, count: int) -> list[float]:
        """Return the round values inside the range, about as many as asked."""
        rough = (self.high - self.low) / max(count, 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * min(_STEPS, key=lambda each: abs(math.log(each * power / rough)))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [each * step for each in range(first, last + 1)]


def padded(low: float, high: float, *, above: float = 0.06, below: float = 0.06) -> Scale:
    """Return a scale with some air above and below."""
    span = (high - low) or abs(high) * 0.02 or 1.0
    return Scale(low - span * below, high + span * above)


def line(points: Iterable[tuple[int, int]]) -> str:
    """Return a path through points, written as steps, which is shorter."""
    parts: list[str] = []
    x = y = 0
    for place, (new_x, new_y) in enumerate(points):
        dx, dy = new_x - x, new_y - y
        if not place:
            parts.append(f"m{dx} {dy}")
        elif dx or dy:
            parts.append(f" {dx} {dy}")
        x, y = new_x, new_y
    return "".join(parts).replace(" -", "-")


def steps(points: Sequence[tuple[int, int]], end_x: int) -> str:
    """Return a path that keeps its height until the next point, and to the end."""
    if not points:
        return ""
    (x, y), parts = points[0], []
    parts.append(f"M{x} {y}")
    for new_x, new_y in points[1:]:
        if new_y != y:
            parts.append(f"H{new_x}V{new_y}")
            y = new_y
    parts.append(f"H{max(end_x, x)}")
    return "".join(parts)


def area(points: Sequence[tuple[int, int]], base: int) -> str:
    """Return the closed surface between a line and a level."""
    if not points:
        return ""
    return f"{line(points)}V{base}H{points[0][0]}z"


def dots(points: Iterable[tuple[int, int]]) -> str:
    """Return strokes of hardly any length: drawn with round ends, they are dots of constant size.

    Without any length at all they would be missing on paper.
    """
    return "".join(f"M{x} {y}h1" for x, y in points)


class Curve(NamedTuple):
    """A series cut down for drawing."""

    times: list[int]
    values: list[float]

    def points(self, x: Scale, y: Scale) -> list[tuple[int, int]]:
        """Return the places in the frame."""
        return [
            (x.units(at_ns), y.units(value))
            for at_ns, value in zip(self.times, self.values, strict=True)
        ]

    def series(
        self, name: str, unit: str, css: str, scale: int, *, is_step: bool = False
    ) -> Series:
        """Return what the crosshair reads; values are kept to 1 ÷ scale."""
        whole = [round(value * scale) for value in self.values]
        seconds = [at_ns // 1_000_000_000 for at_ns in self.times]
        return Series(name, unit, css, scale, is_step, _differences(seconds), _differences(whole))


def drawn(times: Sequence[int], values: Sequence[float], points_max: int) -> Curve:
    """Return a series with at most so many points and every extreme."""
    kept = thinned(times, values, points_max)
    return Curve([times[index] for index in kept], [values[index] for index in kept])


def stepped(times: Sequence[int], values: Sequence[float], points_max: int) -> Curve:
    """Return where a step line changes, cut down if that is too often."""
    kept = changes(values)
    found = Curve([times[index] for index in kept], [values[index] for index in kept])
    return drawn(found.times, found.values, points_max) if len(kept) > points_max else found


def _differences(numbers: Sequence[int]) -> list[int]:
    return [number - (numbers[place - 1] if place else 0) for place, number in enumerate(numbers)]
