"""What a command says when a part of the program that it needs was not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from smart_leverage.domain.errors import ConfigError

_STATISTICS = frozenset({"arch", "numba", "numpy", "polars", "scipy", "sklearn"})


@contextmanager
def statistics(command: str) -> Iterator[None]:
    """Turn a library that is not there into a sentence with the command that installs it.

    Args:
        command: That needs it.

    Raises:
        ConfigError: One of the libraries of the extras `research` and `stats` is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _STATISTICS:
            raise
        fix = "pip install 'smart-leverage[research,stats]'"
        raise ConfigError([f"{library} is not installed; {fix}"], command) from None
