"""Answers a shell that completes the name of a command, before anything heavier is loaded.

The parser of the command line can do it too, and does it for options, but it takes longer to load
than a person waits for a key. What is read and written here is what its scripts ask and expect.
"""

import shlex
from collections.abc import Mapping, Sequence

from smart_leverage.cli.commands import COMMANDS, Entry

VARIABLE = "_SMART_LEVERAGE_COMPLETE"
"""Set by the script of a shell, as complete_bash."""


def answer(environment: Mapping[str, str]) -> tuple[int, str] | None:
    """Return exit code and text for a shell that asks for a name; None where the parser has to."""
    shell = environment.get(VARIABLE, "")
    asked = _asked(shell, environment)
    if asked is None:
        return None
    names = _names(*asked)
    if names is None:
        return None
    if shell == "complete_zsh":
        shown = "\n".join(f'"{name}"' for name in names)
        return 0, f"_arguments '*: :(({shown}))'\n" if names else "_files\n"
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return int(not names), ""
    return 0, "".join(f"{name}\n" for name in names)


def _asked(shell: str, environment: Mapping[str, str]) -> tuple[list[str], str] | None:
    """Return the words that are whole, without the program, and the one that is begun."""
    try:
        if shell == "complete_bash":
            words = shlex.split(environment["COMP_WORDS"])
            place = int(environment["COMP_CWORD"])
            return words[1:place], words[place] if place < len(words) else ""
        if shell in ("complete_zsh", "complete_fish"):
            line = environment["_TYPER_COMPLETE_ARGS"]
            whole = shlex.split(line)[1:]
            begun = whole.pop() if whole and not line.endswith(" ") else ""
            return whole, begun
    except (KeyError, ValueError):
        return None
    return None


def _names(words: Sequence[str], begun: str) -> list[str] | None:
    """Return the names that may stand there; None where something else may."""
    entries: Sequence[Entry] = COMMANDS
    for word in words:
        entry = next((one for one in entries if one.name == word), None)
        if entry is None or not entry.parts:
            return None
        entries = entry.parts
    if begun.startswith("-"):
        return None
    return [entry.name for entry in entries if entry.name.startswith(begun)]
