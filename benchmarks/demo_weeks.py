"""Runs the demo's account through many synthetic weeks, with the governor and without.

The demo shows one week. This shows how it goes in others, those included in which the bot alone
ends higher. The last line is one JSON object; changes are fractions of the opening equity.

    python benchmarks/demo_weeks.py [WEEKS]
"""

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

SHELL = "from smart_leverage.cli import main; main()"


def week(seed: int, folder: str) -> tuple[float, float]:
    """Return the change of equity in one week, governed and alone."""
    done = subprocess.run(
        [sys.executable, "-c", SHELL, "demo", "--json", "--seed", str(seed), "--name", str(seed)],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    first = float(told["equity_first"])
    return float(told["equity_last"]) / first - 1, float(told["ungoverned_equity_last"]) / first - 1


def main() -> None:
    weeks = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, weeks + 1):
            governed, alone = week(seed, folder)
            rows.append((governed, alone))
            print(f"seed {seed:3}   governed {governed:+7.2%}   alone {alone:+7.2%}", flush=True)
    figures = {
        "weeks": weeks,
        "governed_median": round(median(row[0] for row in rows), 4),
        "alone_median": round(median(row[1] for row in rows), 4),
        "governed_worst": round(min(row[0] for row in rows), 4),
        "alone_worst": round(min(row[1] for row in rows), 4),
        "governed_best": round(max(row[0] for row in rows), 4),
        "alone_best": round(max(row[1] for row in rows), 4),
        "alone_higher": sum(alone > governed for governed, alone in rows),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
