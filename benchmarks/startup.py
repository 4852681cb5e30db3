"""Measures what a command takes from its start to its end, beside an interpreter that does nothing.

CPU time of the whole process, modules compiled before. `version` is what everything else pays at
least; the others read the ledger of a demo. The last line is one JSON object, milliseconds of CPU.

    python benchmarks/startup.py [STARTS]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from statistics import median

SHELL = "from smart_leverage.cli import main; main()"
TARGETS_MS = {"version": 150.0, "status": 400.0, "orders": 400.0, "tier": 400.0}


def cpu_ms(folder: str, *arguments: str) -> float:
    """Run Python once in a folder; return the CPU time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "COLUMNS": "100"}
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent_s * 1000.0


def main() -> None:
    """Start each command so many times, alternately, and print the medians."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    commands = {"bare": ("-c", "pass"), "version": ("-c", SHELL, "--version")}
    commands |= {name: ("-c", SHELL, name) for name in ("status", "orders", "tier")}
    found: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        cpu_ms(folder, "-c", SHELL, "demo", "--json")
        for _ in range(starts):
            for name, arguments in commands.items():
                found[name].append(cpu_ms(folder, *arguments))
    figures = {f"{name}_ms": round(median(times), 1) for name, times in found.items()}
    for name, times in found.items():
        target = f"at most {TARGETS_MS[name]:g}" if name in TARGETS_MS else ""
        print(f"{name:8} {min(times):7.1f} least {median(times):7.1f} median  {target}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
