"""Lets a fuzzer find its way into everything that is read of others: `make fuzz-deep SECONDS=60`.

    python -m tests.fuzz.deep SECONDS [SEED] [TARGET ...]
    python -m tests.fuzz.deep --one TARGET FILE

Each target has a process of its own and its part of the time; what led somewhere new is kept in
build/fuzz and is where the next run begins. The second form runs one file through one target, as a
finding asks for. The last line is one JSON object. Ends with 1 if anything was found.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build" / "fuzz"
RSS_MIB = 2048
SLOW_S = 5
"""One input may not take longer."""
LONGEST = 4096


def begin(name: str, seconds: int, seed: int) -> None:
    """Be the process that fuzzes one target; the fuzzer ends it."""
    import atheris  # has wheels for some systems only

    with atheris.instrument_imports(include=["smart_leverage"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    corpus = BUILD / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    words = BUILD / f"{name}.words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word))
    flags = [
        f"-max_total_time={seconds}", f"-seed={seed + 1}", f"-rss_limit_mb={RSS_MIB}",
        f"-timeout={SLOW_S}", f"-max_len={LONGEST}", f"-dict={words}", "-print_final_stats=1",
        f"-artifact_prefix={BUILD}/found-{name}-", "-verbosity=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(corpus)], target.run)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "replace"))


def fuzzed(name: str, seconds: int, seed: int) -> dict[str, object]:
    """Fuzz one target in a process of its own and return what it counted."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.deep", "--begin", name, str(seconds), str(seed)],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    runs = re.search(r"number_of_executed_units: (\d+)", told)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", told)
    figures: dict[str, object] = {
        "runs": int(runs.group(1)) if runs else 0,
        "edges": int(covered[-1][0]) if covered else 0,
        "edges_of_seeds": int(covered[0][0]) if covered else 0,
        "kept": int(covered[-1][2]) if covered else 0,
    }
    if done.returncode:
        figures["found"] = told[-3000:]
    return figures


def main(arguments: Sequence[str]) -> int:
    if arguments[0] == "--begin":
        begin(arguments[1], int(arguments[2]), int(arguments[3]))
        return 0
    from tests.fuzz.targets import TARGETS

    if arguments[0] == "--one":
        TARGETS[arguments[1]].run(Path(arguments[2]).read_bytes())
        print("read or refused, as it has to be")
        return 0
    seconds, seed = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0
    names = arguments[2:] or list(TARGETS)
    share, told = max(seconds // len(names), 5), {}
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in names:
        figures = told[name] = fuzzed(name, share, seed)
        print(
            f"{name:10} {figures['runs']:>10,} runs, {figures['edges_of_seeds']:>5,} edges by its "
            f"seeds and {figures['edges']:>5,} in the end, {figures['kept']:>5,} inputs kept",
            flush=True,
        )
        if "found" in figures:
            print(figures.pop("found"))
            figures["is_found"] = True
    found = [name for name, figures in told.items() if "is_found" in figures]
    lazy = [name for name, figures in told.items() if not figures["runs"]]
    print(json.dumps({"seconds": share * len(names), "found": found, "targets": told}))
    if lazy:
        print(f"nothing was run of {', '.join(lazy)}", file=sys.stderr)
    return 1 if found or lazy else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main(sys.argv[1:]))
