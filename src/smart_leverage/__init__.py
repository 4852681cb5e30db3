"""Governs, researches and explains the exposure of automated trading accounts.

What notebooks want stands here by name and is loaded when it is used: `read_bars`, `bars_of`,
`policy_with`, `backtest`, `sweep`, `returns`, `equity_picture`. Importing the package itself loads
nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smart_leverage.research.notebook import (
        backtest,
        bars_of,
        equity_picture,
        policy_with,
        read_bars,
        returns,
        sweep,
    )

__all__ = [
    "backtest",
    "bars_of",
    "equity_picture",
    "policy_with",
    "read_bars",
    "returns",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Load a name of the notebook side at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from smart_leverage.research import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    """Return what there is, the names that are not loaded yet among it."""
    return sorted({*globals(), *__all__})
