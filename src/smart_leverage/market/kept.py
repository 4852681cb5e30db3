"""The note in a run's folder from which every process of the run makes the same market."""

import json
from datetime import date
from pathlib import Path

from smart_leverage.domain.errors import BadData
from smart_leverage.market.recipe import SyntheticMarket

NOTE = "market.json"
DAYS = 7
STEP_S = 60


def keep_market(folder: Path, seed: int, first_day: date) -> None:
    """Write down the market of a run that begins."""
    kept = {"seed": seed, "first_day": first_day.isoformat()}
    (folder / NOTE).write_text(f"{json.dumps(kept)}\n", encoding="utf-8")


def kept_market(folder: Path) -> SyntheticMarket:
    """Return the recipe of a run's market.

    Raises:
        BadData: The note cannot be read.
    """
    note = folder / NOTE
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        first_day = date.fromisoformat(kept["first_day"])
        return SyntheticMarket(
            seed=int(kept["seed"]), first_day=first_day, days=DAYS, step_s=STEP_S
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(
            f"cannot be read: {error}", file=note, fix="start another run with --name"
        ) from None
