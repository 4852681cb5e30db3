"""The part of a report that machines read: its figures and the head, and how they are checked.

A report is a file that anybody can edit. Its figures stand in it twice, as text for people and as
JSON here; a check reads the ledger again up to the same entry and compares both.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import msgspec

from smart_leverage.domain.errors import BadData
from smart_leverage.reports.figure import Figure
from smart_leverage.reports.figures import key_figures
from smart_leverage.reports.inputs import DataFile
from smart_leverage.reports.source import Source
from smart_leverage.reports.story import Progress, Story, read_story

ISLAND_ID = "smart-leverage-report"
FORMAT = 1
_CLOSE = 1e-9
"""Relative difference up to which two figures are the same: machines round last digits apart."""


class Head(msgspec.Struct, frozen=True):
    """The last entry that the report has read."""

    seq: int
    hash: str


class Island(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the file for machines; figures that are not known are null."""

    format: int
    version: str
    command: str
    account: str
    mode: str
    preset: str
    policy_hash: str
    as_of_ns: int
    head: Head
    figures: dict[str, float | None]
    data: list[dict[str, Any]] = []


def island_of(
    story: Story, figures: Sequence[Figure], *, command: str, data: Sequence[DataFile]
) -> Island:
    """Return the island of a story."""
    account = story.account
    return Island(
        format=FORMAT,
        version=account.version,
        command=command,
        account=account.account,
        mode=account.mode,
        preset=account.preset,
        policy_hash=account.policy_hash,
        as_of_ns=story.last_ns,
        head=Head(story.seq, story.head.hex()),
        figures={figure.code: figure.value for figure in figures},
        data=[file._asdict() for file in data],
    )


def encoded(island: Island) -> str:
    """Return the island as JSON that cannot end the element it stands in."""
    text = msgspec.json.encode(island).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# -- checking -------------------------------------------------------------------------------------


class Found(msgspec.Struct, frozen=True):
    """What a report file holds: its island, and each figure as people read it, wherever it is."""

    island: Island
    shown: dict[str, list[str]]


def read_island(text: str) -> Found:
    """Return the island of a report.

    Raises:
        BadData: The text is no report, or one of a newer version.
    """
    parser = _Parser()
    parser.feed(text)
    parser.close()
    if not parser.island:
        raise BadData("this is no report", fix="name a file that `smart-leverage report` wrote")
    try:
        island = msgspec.json.decode("".join(parser.island), type=Island)
    except msgspec.MsgspecError as error:
        raise BadData(f"the figures in this report cannot be read: {error}") from error
    if island.format != FORMAT:
        raise BadData(f"this report has format {island.format}", fix="update the program")
    return Found(island, parser.shown)


def differences(found: Found, source: Source, *, progress: Progress | None = None) -> list[str]:
    """Return every way in which a report is not what the ledger says; empty when it is.

    The ledger may have grown since: it is read up to the entry that the report names.
    """
    island = found.island
    until = island.head.seq
    story = read_story(source, until=until, keeps_figures=False, progress=progress)
    return [*_identity(island, story), *_figures(found, story)]


def _identity(island: Island, story: Story) -> Iterator[str]:
    account = story.account
    pairs = (
        ("account", island.account, account.account),
        ("mode", island.mode, account.mode),
        ("preset", island.preset, account.preset),
        ("policy hash", island.policy_hash, account.policy_hash),
        ("version", island.version, account.version),
        ("last entry", island.head.seq, story.seq),
        ("hash of the last entry", island.head.hash, story.head.hex()),
        ("time of the last entry", island.as_of_ns, story.last_ns),
    )
    for name, reported, real in pairs:
        if reported != real:
            yield f"{name}: the report says {reported!r}, the ledger {real!r}"


def _figures(found: Found, story: Story) -> Iterator[str]:
    real = {figure.code: figure for figure in key_figures(story)}
    reported: Mapping[str, float | None] = found.island.figures
    for code in sorted(reported.keys() - real.keys()):
        yield f"{code}: the report has a figure that this program does not know"
    for code, figure in real.items():
        if code not in reported:
            yield f"{code}: missing in the report"
        elif not _is_same(reported[code], figure.value):
            yield f"{code}: the report says {reported[code]}, the ledger {figure.value}"
        for words in found.shown.get(code, ["nothing"]):
            if " ".join(words.split()) != " ".join(figure.shown.split()):
                yield f"{code}: the report shows {words!r}, the ledger {figure.shown!r}"


def _is_same(reported: float | None, real: float | None) -> bool:
    if reported is None or real is None:
        return reported is real
    return math.isclose(reported, real, rel_tol=_CLOSE, abs_tol=1e-12)


class _Parser(HTMLParser):
    """Collects the island and the text of every element that shows a figure."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.island: list[str] = []
        self.shown: dict[str, list[str]] = {}
        self._is_island = False
        self._code = ""
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._is_island = tag == "script" and named.get("id") == ISLAND_ID
        code = named.get("data-figure")
        if code:
            self._code, self._tag = code, tag
            self.shown.setdefault(code, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_island = False
        if tag == self._tag:
            self._code = self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._is_island:
            self.island.append(data)
        elif self._code:
            self.shown[self._code][-1] += data
