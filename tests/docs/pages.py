"""Runs the Python of a page as a reader would: block after block, each beside what it shows.

    python -m tests.docs.pages PAGE...

writes what the blocks print today into the pages. Files that a page reads are those of the folder
it is run in.
"""

import io
import re
import sys
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of Python, the line it begins on, and the text it says it prints."""

    code: str
    line: int
    shown: str


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of a page whose output is shown in the block that follows them."""
    fences = list(FENCE.finditer(text))
    return [
        Block(code[2], text.count("\n", 0, code.start(2)) + 1, output[2])
        for code, output in pairwise(fences)
        if (code[1], output[1]) == ("python", "text")
    ]


def printed(page: Path) -> list[str]:
    """Return what each block of a page prints; they share their names, as in a notebook."""
    names: dict[str, Any] = {"__name__": page.stem}
    found = []
    for block in blocks_of(page.read_text()):
        # Padded, so that a traceback names the line of the page.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with redirect_stdout(io.StringIO()) as told:
            exec(code, names)
        found.append(told.getvalue())
    return found


def renewed(page: Path) -> str:
    """Return the text of a page with what its blocks print today."""
    parts, rest = [], page.read_text()
    for block, output in zip(blocks_of(rest), printed(page), strict=True):
        before, opening, after = rest.partition(block.code + "```\n\n```text\n")
        parts += [before, opening, output]
        rest = after.removeprefix(block.shown)
    return "".join([*parts, rest])


if __name__ == "__main__":
    for each in map(Path, sys.argv[1:]):
        each.write_text(renewed(each))
