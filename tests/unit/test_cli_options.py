"""A record that commands share stands for its fields, as options that the parser knows."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from typer.testing import CliRunner

from smart_leverage.cli.options import command
from smart_leverage.cli.screen import Screen


class Shared(NamedTuple):
    """What two commands have in common."""

    files: Annotated[list[Path], typer.Argument(metavar="FILE...")]
    depth: Annotated[int, typer.Option("--how-deep", help="Of the well.")] = 3


def app(seen: list[tuple[Shared, bool, bool]]) -> typer.Typer:
    made = typer.Typer()

    @made.command()
    @command("well a.csv")
    def well(screen: Screen, *, is_dry: bool = False, shared: Shared) -> None:
        """Look into a well."""
        seen.append((shared, is_dry, screen.as_json))

    return made


def test_the_fields_of_a_record_are_options_and_come_back_as_the_record() -> None:
    seen: list[tuple[Shared, bool, bool]] = []
    of = app(seen)
    done = CliRunner().invoke(of, ["a.csv", "b.csv", "--how-deep", "5", "--is-dry", "--json"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(of, ["a.csv"]).exit_code == 0
    assert seen == [
        (Shared([Path("a.csv"), Path("b.csv")], 5), True, True),
        (Shared([Path("a.csv")], 3), False, False),
    ]


def test_what_a_record_demands_is_demanded() -> None:
    seen: list[tuple[Shared, bool, bool]] = []
    assert CliRunner().invoke(app(seen), ["--how-deep", "5"]).exit_code == 2
    assert not seen


def test_a_shared_option_gives_way_to_one_of_the_commands_own() -> None:
    seen: list[tuple[Path | None, bool, bool]] = []
    made = typer.Typer()

    @made.command()
    @command("dig --json a.json")
    def dig(
        screen: Screen,
        *,
        json_to: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    ) -> None:
        """Dig."""
        seen.append((json_to, screen.as_json, screen.is_quiet))

    assert CliRunner().invoke(made, ["--json", "a.json", "--quiet"]).exit_code == 0
    assert seen == [(Path("a.json"), False, True)]
