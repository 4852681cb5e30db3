"""What a process says of itself, whichever it is."""

from importlib.metadata import version

from smart_leverage.server.metrics.exposition import Values, alone

VERSION = version("smart-leverage")


def own_values(began_s: float, lines_dropped: int) -> Values:
    """Return version, beginning, and how many lines of the log were left out."""
    return {
        "build": {(VERSION,): 1.0},
        "start_time_seconds": alone(began_s),
        "log_lines_dropped_total": alone(lines_dropped),
    }
