"""Keeps several accounts running, each a process of its own, and shows all of them on one page."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_leverage.cli.entry import CONFIGURATION, DENIED, USAGE
from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.reports.html.hub import Row
    from smart_leverage.runtime.hub_rows import Process
    from smart_leverage.runtime.supervising import Kept

PAGE = "hub.html"
FINAL = frozenset({USAGE, CONFIGURATION, DENIED})
"""With these a process says that starting it again would change nothing."""


@command("smart-leverage keep paper", "smart-leverage keep paper live --for 3600")
def keep(
    screen: Screen,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Of accounts, as `init` made them."),
    ],
    lasts_s: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="End them after so long."),
    ] = None,
) -> None:
    """Run several accounts, each in a process of its own, and start again whichever dies.

    Each account needs its folder, made by `init`, and runs by the configuration in there; what its
    process says goes to run.log beside it. One that ends because of its configuration is left for a
    person. All of them are shown on one page, runs/hub.html, which only its owner can read; open it
    in a browser. Paper and live stand apart on it. Ctrl-C ends all of them where they are whole.
    """
    from smart_leverage.cli.runs import folder_of
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.runtime.supervising import Kept

    folders = [folder_of(name) for name in dict.fromkeys(names)]
    _refuse_unmade(folders)
    own = [sys.executable, "-m", "smart_leverage", "run", "--name"]

    def tell(name: str, what: str) -> None:
        if screen.as_json:
            screen.record({"at_s": round(time.time(), 1), "account": name, "what": what})
        else:
            screen.say(f"{time.strftime('%H:%M:%S')}  {name}  {what}")

    kept = [Kept(folder, [*own, folder.name], FINAL, tell) for folder in folders]
    page, until_s = folders[0].parent / PAGE, time.monotonic() + (lasts_s or 1e12)
    with Stopping() as stopping:
        for each in kept:
            each.start()
        screen.note(f"{page.absolute()} shows all of them; Ctrl-C ends them")
        while not stopping.is_asked and time.monotonic() < until_s and _any_alive(kept):
            _show(page, folders, kept)
            time.sleep(1.0)
        for each in kept:
            each.ask_to_end()
        for each in kept:
            each.stop()
    _show(page, folders, kept)


def _refuse_unmade(folders: list[Path]) -> None:
    from smart_leverage.cli.places import CONFIGURATION as FILE

    for folder in folders:
        if not (folder / FILE).is_file():
            raise typer.BadParameter(
                f"{folder} has no {FILE}; `smart-leverage init --name {folder.name}` makes it",
                param_hint="NAME",
            )


def _any_alive(kept: "list[Kept]") -> bool:
    from smart_leverage.runtime.supervising import Life

    return any(each.standing.life not in (Life.ENDED, Life.NEEDS_A_PERSON) for each in kept)


def _show(page: Path, folders: list[Path], kept: "list[Kept]") -> None:
    """Write the page anew, in the place of the one before."""
    from smart_leverage.ledger.files import FILE_MODE
    from smart_leverage.reports.html.hub import hub_page

    now_ns = time.time_ns()
    rows = [_row(*each, now_ns) for each in zip(folders, kept, strict=True)]
    new = page.with_suffix(".new")
    new.touch(FILE_MODE)
    new.write_text(hub_page(rows, now_ns), encoding="utf-8")
    new.replace(page)


def _row(folder: Path, kept: "Kept", now_ns: int) -> "Row":
    from smart_leverage.cli.places import LEDGER
    from smart_leverage.domain.errors import LedgerError
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.reports.html.hub import Row
    from smart_leverage.runtime.desk_process import url_of
    from smart_leverage.runtime.hub_rows import row_of

    process = _process(kept)
    try:
        with Reader.open(folder / LEDGER) as reader:
            return row_of(folder.name, reader, process, url_of(folder), now_ns)
    except LedgerError:
        return Row(folder.name, "", process.words, process.level)


def _process(kept: "Kept") -> "Process":
    from smart_leverage.runtime.hub_rows import Process
    from smart_leverage.runtime.supervising import Life

    standing = kept.standing
    again = f", started {standing.starts} times" if standing.starts > 1 else ""
    level = {Life.RUNNING: "ok", Life.NEEDS_A_PERSON: "hit", Life.WAITING: "hit"}
    return Process(f"{standing.life.value}{again}", level.get(standing.life, "near"))
