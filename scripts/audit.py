"""Looks for known weaknesses in dependencies, in our code, and in what is shipped: `make audit`.

Each check says how much it looked at and fails where that is too little: an audit that saw nothing
must not pass. It writes build/audit/: the requirements with their hashes, the bill of materials
(CycloneDX), wheel and source archive.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "audit"
TOOLS = ROOT / ".tools" / "audit" / "bin"
UV = os.environ.get("UV", "uv")
SHIPPED = ("--frozen", "--all-extras", "--no-dev", "--no-emit-project")
LEAST = {"packages": 60, "files": 400, "lines": 20_000}
"""So much there is at least to look at."""

KNOWN_BAD = "jinja2==2.4.1"
"""A release with published weaknesses: a service that knows none of it knows nothing."""

ACCEPTED = {
    ("B106", "domain/bots.py"): "the hash of nobody's secret is none",
    ("B105", "notify/tally.py"): "a word of a sentence",
}
"""What bandit finds and ruff, which judges each line with its reason, does not."""

NO_USE = ("B404",)
"""Importing something is no use of it; each use is judged."""

SECRETS = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    rb"|\bglpat-[\w-]{20}\b|\bxox[abpr]-[\w-]{20,}|\bsk_live_\w{16,}|\b\d{9,10}:AA[\w-]{32,36}\b"
)
PRIVATE = re.compile(r"(^|/)(\.env|runs/|.*\.(sqlite|sqlite-wal|key|pem|p12|pfx|jsonl))$")
PLANTED = ("tests/", "src/smart_leverage/domain/redaction.py")
"""Where secrets that are none stand: tests plant them, and look for them."""


class Failed(Exception):
    """A check found something, or had too little to look at."""


def run(*command: str | Path, ends: tuple[int, ...] = (0,)) -> str:
    """Run a program of the checkout and return what it printed."""
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode not in ends:
        said = (done.stderr or done.stdout).strip().splitlines()
        name = " ".join(Path(str(word)).name for word in command[:2])
        raise Failed(f"{name} ended with {done.returncode}: {' '.join(said[-3:])[:400]}")
    return done.stdout


def at_least(count: int, what: str) -> str:
    """Return how much was looked at.

    Raises:
        Failed: It is less than there has to be.
    """
    if count < LEAST[what]:
        raise Failed(f"only {count} {what} were looked at, {LEAST[what]} were expected")
    return f"{count:,} {what}"


def locked() -> str:
    """See that everything that is installed is locked with its hashes."""
    run(UV, "lock", "--check")
    text = run(UV, "export", *SHIPPED, "--format", "requirements.txt")
    (BUILD / "requirements.txt").write_text(text)
    wanted = pinned(text)
    bare = [name for name, rest in wanted.items() if "--hash=sha256:" not in rest]
    if bare:
        raise Failed(f"without a hash: {', '.join(bare)}")
    return f"{at_least(len(wanted), 'packages')}, each with its hashes"


def pinned(requirements: str) -> dict[str, str]:
    """Return the packages of a file of requirements, each with what belongs to it."""
    whole = requirements.replace("\\\n", " ")
    lines = [line for line in whole.splitlines() if re.match(r"[a-z0-9]", line, re.IGNORECASE)]
    found = (re.match(r"([\w.-]+)==([\w.!+-]+)(.*)", line) for line in lines)
    if None in (found := list(found)):
        raise Failed("something is not pinned to a version")
    return {f"{match[1].lower()}=={match[2]}": match[3] for match in found if match}


def materials() -> str:
    """Write the bill of materials, and compare it with the lock."""
    text = run(UV, "export", *SHIPPED, "--format", "cyclonedx1.5")
    (BUILD / "sbom.cdx.json").write_text(text)
    bill: dict[str, Any] = json.loads(text)
    there = {f"{each['name'].lower()}=={each['version']}" for each in bill["components"]}
    missing = pinned((BUILD / "requirements.txt").read_text()).keys() - there
    if bill["bomFormat"] != "CycloneDX" or missing:
        raise Failed(f"not in the bill of materials: {', '.join(sorted(missing))}")
    bare = [each["name"] for each in bill["components"] if not hashes_of(each)]
    if bare:
        raise Failed(f"without a hash in the bill of materials: {', '.join(bare)}")
    return at_least(len(there), "packages")


def hashes_of(component: dict[str, Any]) -> list[str]:
    """Return the hashes of all files of a component."""
    files = component.get("externalReferences", [])
    return [each["content"] for file in files for each in file.get("hashes", [])]


def style() -> str:
    """Have ruff judge our code by its rules of security."""
    run(sys.executable, "-m", "ruff", "check", "--select", "S", "src")
    return "clean"


def code() -> str:
    """Have bandit look at our code; ruff's suppressions hold for it, line by line."""
    told = json.loads(run(TOOLS / "bandit", "-q", "-r", "src", "-f", "json", ends=(0, 1)))
    if told["errors"]:
        raise Failed(f"could not be read: {told['errors']}")
    open_ones = [each for each in told["results"] if not is_judged(each)]
    if open_ones:
        places = (
            f"{each['filename']}:{each['line_number']} {each['test_id']}" for each in open_ones
        )
        raise Failed(f"bandit found {', '.join(places)}")
    seen = at_least(told["metrics"]["_totals"]["loc"], "lines")
    return f"{seen}; {len(told['results'])} findings, each judged where it stands"


def is_judged(finding: dict[str, Any]) -> bool:
    """Whether a finding is accepted with a reason, in its line or here."""
    number, file = finding["test_id"], finding["filename"]
    if number in NO_USE or any(number == each and file.endswith(name) for each, name in ACCEPTED):
        return True
    lines = (ROOT / file).read_text().splitlines()
    own = lines[finding["line_range"][0] - 1 : finding["line_range"][-1]]
    return any(re.search(rf"noqa: (?:\w+, )*S{number[1:]}\b", line) for line in own)


def repository() -> str:
    """Look for secrets in every file that is kept."""
    names = run("git", "ls-files").splitlines()
    found = [
        name for name in names
        if not name.startswith(PLANTED) and SECRETS.search((ROOT / name).read_bytes())
    ]  # fmt: skip
    private = [name for name in names if PRIVATE.search(name) and not name.startswith("tests/")]
    if found or private:
        raise Failed(f"secrets, or files of secrets: {', '.join([*found, *private])}")
    return at_least(len(names), "files")


def archives() -> str:
    """Build what is shipped, and look for secrets and for files that do not belong there."""
    folder = BUILD / "dist"
    run(UV, "build", "--quiet", "--out-dir", folder)
    wheel = dict(wheel_files(next(folder.glob("*.whl"))))
    sources = dict(source_files(next(folder.glob("*.tar.gz"))))
    strange = [name for name in wheel if not re.match(r"smart_leverage[/-]", name)]
    private = [
        name for name in (*wheel, *sources) if PRIVATE.search(name) and "/tests/" not in name
    ]
    secret = [
        name for name, content in (wheel | sources).items()
        if SECRETS.search(content) and not any(each in name for each in (*PLANTED, "redaction.py"))
    ]  # fmt: skip
    if strange or private or secret:
        raise Failed(f"in an archive: {', '.join([*strange, *private, *secret][:10])}")
    return f"{at_least(len(wheel), 'files')} in the wheel, {len(sources):,} in the sources"


def wheel_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a wheel."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def source_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a source archive."""
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def dependencies() -> str:
    """Ask for known weaknesses of what is installed, after a question whose answer is known."""
    canary = BUILD / "known-bad.txt"
    canary.write_text(f"{KNOWN_BAD}\n")
    if not weaknesses(asked(canary)):
        raise Failed(f"the service knows nothing of {KNOWN_BAD}: its silence proves nothing")
    told = asked(BUILD / "requirements.txt")
    there = {f"{each['name'].lower()}=={each['version']}" for each in told if "version" in each}
    wanted = pinned((BUILD / "requirements.txt").read_text()).keys()
    if skipped := wanted - there:
        raise Failed(f"not looked at: {', '.join(sorted(skipped))}")
    if found := weaknesses(told):
        raise Failed(f"known weaknesses: {', '.join(found)}")
    return f"{at_least(len(there), 'packages')} without a known weakness"


def asked(requirements: Path) -> list[dict[str, Any]]:
    """Return what the service of pip-audit says of each package.

    Raises:
        Failed: It could not be asked, or does not know one of them.
    """
    options = ("--no-deps", "--disable-pip", "--strict", "--format", "json")
    command = [TOOLS / "pip-audit", "-r", requirements, "--progress-spinner", "off", *options]
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not done.stdout.startswith("{"):
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failed(f"the service could not be asked, so nothing is known: {why}")
    return list(json.loads(done.stdout)["dependencies"])


def weaknesses(told: list[dict[str, Any]]) -> list[str]:
    """Return package and name of each weakness."""
    return [f"{each['name']} {one['id']}" for each in told for one in each.get("vulns", ())]


CHECKS: dict[str, Callable[[], str]] = {
    "lock": locked,
    "bill of materials": materials,
    "ruff": style,
    "bandit": code,
    "repository": repository,
    "archives": archives,
    "dependencies": dependencies,
}


def main(names: list[str]) -> int:
    """Run the checks, all or those that are named; a failed one does not stop the others."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    failed = 0
    for name in names or CHECKS:
        try:
            said, sign = CHECKS[name](), "●"
        except Failed as problem:
            said, sign, failed = str(problem), "■", failed + 1
        print(f"{sign} {name}: {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
