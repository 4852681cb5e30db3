"""What a configuration would say to the limits that a person wants."""

from collections.abc import Mapping

from smart_leverage.domain.errors import ConfigError
from smart_leverage.settings import ENV_PREFIX, load


def contradicted(limits: Mapping[str, str]) -> list[str]:
    """Return everything that is wrong with values of limits, each with what would be accepted.

    Args:
        limits: Text by dotted key; what is not named has its default.
    """
    # The way of the environment: numbers arrive as text there and meet the same checks.
    variables = {ENV_PREFIX + name.upper().replace(".", "__"): limits[name] for name in limits}
    try:
        load(None, variables)
    except ConfigError as error:
        return error.problems
    return []
