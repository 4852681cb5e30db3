"""The options that every command has, and those that several share."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from smart_leverage.cli.screen import Screen

P = ParamSpec("P")

LedgerPath = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="PATH",
        help="The ledger, or the folder of a run.  [default: the last run]",
    ),
]
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration.  [default: smart-leverage.toml, where there is one]",
    ),
]


def _flag(name: str, *options: str, help: str) -> inspect.Parameter:  # noqa: A002
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option(*options, help=help)],
    )


_SHARED = (
    _flag("as_json", "--json", help="Write JSON: one object, or one a line."),
    _flag("is_quiet", "--quiet", "-q", help="No progress and no notes."),
    _flag("is_verbose", "--verbose", "-v", help="More detail, and the trace of an error."),
    _flag("is_plain", "--no-color", help="No colour; so does NO_COLOR."),
)


def command(
    *examples: str,
) -> Callable[[Callable[Concatenate[Screen, P], None]], Callable[..., None]]:
    """Give a command the options that all have, the screen they make, and its examples.

    The function takes the screen first; its other parameters are options and arguments as the
    parser knows them. A parameter whose type is a named tuple stands for the options and arguments
    that the fields of that record are, so that several commands can share them. A shared option
    gives way to one of the command's own that is called like it.
    """

    def wrap(function: Callable[Concatenate[Screen, P], None]) -> Callable[..., None]:
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[1:]
        records = {one.name: one.annotation for one in own if _is_record(one.annotation)}
        spread = list(_spread(own))
        claimed = {name for one in spread for name in _names(one)}
        flags_of_all = [one for one in _SHARED if claimed.isdisjoint(_names(one))]

        def run(**given: Any) -> None:
            flags = {shared.name: given.pop(shared.name) for shared in flags_of_all}
            for name, record in records.items():
                given[name] = record(**{field: given.pop(field) for field in record._fields})
            function(Screen(**flags), **given)  # type: ignore[call-arg]

        parts = {
            "__signature__": signature.replace(parameters=[*spread, *flags_of_all]),
            "__doc__": function.__doc__,
            "__name__": function.__name__,
            "examples": examples,
        }
        for name, value in parts.items():
            setattr(run, name, value)
        return run

    return wrap


def _names(parameter: inspect.Parameter) -> set[Any]:
    """Return how an option is written, "--json"; nothing where it is written as it is called."""
    told = getattr(parameter.annotation, "__metadata__", ())
    # Beside an annotation the parser takes the first name for a default, and sorts it out later.
    return {
        name
        for each in told
        for name in (getattr(each, "default", None), *(getattr(each, "param_decls", None) or ()))
        if isinstance(name, str) and name.startswith("-")
    }


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple)


def _spread(parameters: Iterable[inspect.Parameter]) -> Iterator[inspect.Parameter]:
    """Yield parameters as the parser takes them, a record as its fields."""
    for one in parameters:
        if not _is_record(one.annotation):
            yield one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        for name, annotation in get_type_hints(one.annotation, include_extras=True).items():
            default = one.annotation._field_defaults.get(name, inspect.Parameter.empty)
            yield inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
