"""Measures orders while people are told of a flood, beside the same flood of which nobody is told.

    python benchmarks/notify_flood.py [SECONDS [FOLDER]]

An account runs as users start it. One client sends orders at a fixed rate, whose latency counts;
others ask for far more than any cap allows, so that each of their orders is denied and is something
to tell: 5,000 of them and more in all rounds. With notifications on, a real mail server takes its
time for each mail, and a webhook fails at every try. Rounds with and without alternate; the median
is shown. After each round with them the account is halted and resumed again and again, and every
one of these has to arrive. SECONDS (default 60) is what the loads take together; FOLDER is on the
disk that will hold ledgers. Exit code 1: a message about a halt was lost, or denials were counted
wrongly. What the keys of the last line mean is in `benchmarks/README.md`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.wire.receivers import PEMS, Mailbox, mailbox  # noqa: E402
from tests.wire.serving import Served, gateway  # noqa: E402

from smart_leverage.engine.events import Command  # noqa: E402
from smart_leverage.ledger.reader import Reader  # noqa: E402
from smart_leverage.notify.keeping import read_kept  # noqa: E402
from smart_leverage.runtime.control import Request, ask  # noqa: E402
from smart_leverage.runtime.desk_process import PID  # noqa: E402

ROUNDS = 3
RATE = 100
MESSAGES = 5_000
HALTS = 20
TAKES_S = 0.05
TOLD_WITHIN_S = 60.0

SETTINGS = "[server]\nrequests_per_s = 1000000\nrequests_burst = 1000000\nsimilar_max = 1000000\n"
NOTIFY = """
[notify.mail]
enabled = "on"
host = "localhost"
port = {port}
sender = "desk@example.test"
to = "ann@example.test"
per_minute = 600.0

[notify.webhook]
enabled = "on"
url = "https://localhost:9/"
"""


def load(served: Served, seconds: float, *options: str) -> "subprocess.Popen[str]":
    """Start a load on the gateway."""
    command = [sys.executable, str(HERE / "gateway" / "load.py"), served.url.rsplit(":", 1)[1]]
    command += ["--seconds", f"{seconds:g}", *options]
    key_id, secret = served.keys["bot"]
    keys = {"LOAD_KEY_ID": key_id, "LOAD_SECRET": secret}
    return subprocess.Popen(command, env={**os.environ, **keys}, stdout=subprocess.PIPE, text=True)


def flooded(served: Served, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of the measured client and of those whose orders are denied."""
    rate = str(int(1.1 * MESSAGES / ROUNDS / seconds))
    crowd = load(served, seconds, "--connections", "8", "--rate", rate, "--small", "50000000")
    measured = load(served, seconds, "--connections", "1", "--rate", str(RATE))
    found = []
    for each in (measured, crowd):
        said, _ = each.communicate()
        if each.returncode:
            raise SystemExit("a load failed")
        found.append(json.loads(said.splitlines()[-1]))
    return found[0], found[1]


def cpu_s(served: Served) -> float:
    """Return the CPU time that the desk has taken since its start, in which people are told."""
    process = (served.folder / PID).read_text(encoding="ascii").strip()
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def halted(served: Served) -> list[str]:
    """Halt and resume again and again; return the reason of each."""
    reasons = []
    for number in range(HALTS):
        for command in (Command.HALT, Command.RESUME):
            reason = f"{command.value} no {number}."
            answer = ask(served.folder, Request(command, "bench", reason, served.admin))
            if answer.result != "done":
                raise SystemExit(f"{reason}: {answer}")
            reasons.append(reason)
    return reasons


def told(box: Mailbox, reasons: list[str]) -> float:
    """Wait until every halt and resume has arrived; return how long that took, seconds."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < TOLD_WITHIN_S:
        subjects = [str(one["Subject"]) for one in list(box.mails)]
        missing = [each for each in reasons if not any(f" {each}" in one for one in subjects)]
        if not missing:
            return time.monotonic() - began_s
        time.sleep(0.05)
    return float("inf")


def denials(served: Served, box: Mailbox) -> tuple[int, int]:
    """Return how many denials the journal holds, and how many were told or are counted."""
    with Reader.open(served.folder / "ledger.sqlite") as reader:
        journal = sum(
            b'"verdict":"denied"' in entry.payload
            for entry in reader.entries()
            if entry.kind == "decision"
        )
    kept = read_kept(served.folder)
    if kept is None:
        return journal, 0
    counted = sum(
        window.count for window in kept.groups.windows.values() if window.topic == "denied"
    )
    line = kept.lines["mail"]
    counted += sum(each.counts.get("denied", 0) for each in (line.missed, line.unheard))
    counted += sum(one.notice.count for one in line.waiting if one.notice.topic == "denied")
    for mail in list(box.mails):
        text = mail.get_content()  # type: ignore[attr-defined]
        if " not told one by one " in text:
            found = re.search(r"([\d,]+) denied", text)
            counted += int(found[1].replace(",", "")) if found else 0
        elif found := re.search(r"([\d,]+) more of this, the last: ✕ DENIED", text):
            counted += int(found[1].replace(",", ""))
        elif "✕ DENIED" in text:
            counted += 1
    return journal, counted


@contextmanager
def account(place: Path, settings: str) -> Iterator[Served]:
    """Run an account in a folder of its own."""
    place.mkdir()
    with gateway(place, settings=settings, options=["--cash", "10000000"]) as served:
        yield served


def with_notifications(place: Path, seconds: float) -> dict[str, Any]:
    """Return the figures of one round in which people are told."""
    with mailbox() as box:
        box.takes_s = TAKES_S
        with account(place, SETTINGS + NOTIFY.format(port=box.port)) as served:
            measured, crowd = flooded(served, seconds)
            desk_cpu_s = cpu_s(served)
            reasons = halted(served)
            took_s = told(box, reasons)
            journal, counted = _settled(served, box)
            kept = read_kept(served.folder)
    failures = 0 if kept is None else kept.lines["webhook"].standing.failures
    return {
        **measured,
        "desk_cpu_s": desk_cpu_s,
        "flood": crowd["denied"],
        "told_s": took_s,
        "mails": len(box.mails),
        "urgent": len(reasons),
        "lost": 0 if took_s < TOLD_WITHIN_S else 1,
        "denied_in_journal": journal,
        "denied_told": counted,
        "webhook_failures": failures,
    }


def _settled(served: Served, box: Mailbox) -> tuple[int, int]:
    """Count again until the notifier has kept its last turn."""
    until_s = time.monotonic() + 20.0
    while True:
        journal, counted = denials(served, box)
        if journal == counted or time.monotonic() > until_s:
            return journal, counted
        time.sleep(0.5)


def without(place: Path, seconds: float) -> dict[str, Any]:
    """Return the figures of one round in which nobody is told."""
    with account(place, SETTINGS) as served:
        measured, _ = flooded(served, seconds)
        return {**measured, "desk_cpu_s": cpu_s(served)}


def _middle(runs: list[dict[str, Any]], key: str) -> float:
    return round(float(median(run[key] for run in runs)), 3)


def main(seconds: float, folder: Path | None) -> int:
    """Measure and print."""
    os.environ["SSL_CERT_FILE"] = str(PEMS / "ca.pem")
    os.environ["SLEV_WEBHOOK_SECRET"] = "of the benchmark"
    each = seconds / ROUNDS / 2
    off, on = [], []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for number in range(ROUNDS):
            off.append(without(Path(place) / f"off{number}", each))
            on.append(with_notifications(Path(place) / f"on{number}", each))
    load_average, *_ = os.getloadavg()
    print(f"{each:g} s a round, {ROUNDS} rounds, load average {load_average:.1f}")
    print(f"{'':16} {'p50 ms':>8} {'p99 ms':>8}")
    for name, runs in (("nobody is told", off), ("people are told", on)):
        print(f"{name:16} {_middle(runs, 'p50_ms'):8.2f} {_middle(runs, 'p99_ms'):8.2f}")
    figures = {
        "p50_ms": _middle(on, "p50_ms"),
        "p99_ms": _middle(on, "p99_ms"),
        "silent_p50_ms": _middle(off, "p50_ms"),
        "silent_p99_ms": _middle(off, "p99_ms"),
        "desk_cpu_s": _middle(on, "desk_cpu_s"),
        "silent_desk_cpu_s": _middle(off, "desk_cpu_s"),
        "flood": sum(run["flood"] for run in on),
        "urgent": sum(run["urgent"] for run in on),
        "urgent_lost": sum(run["lost"] for run in on),
        "urgent_told_s": round(max(run["told_s"] for run in on), 2),
        "mails": sum(run["mails"] for run in on),
        "denied_in_journal": sum(run["denied_in_journal"] for run in on),
        "denied_told": sum(run["denied_told"] for run in on),
        "webhook_failures": sum(run["webhook_failures"] for run in on),
    }
    print(json.dumps(figures))
    is_right = figures["denied_in_journal"] == figures["denied_told"]
    return 0 if is_right and not figures["urgent_lost"] else 1


if __name__ == "__main__":
    sys.exit(
        main(
            float(sys.argv[1]) if len(sys.argv) > 1 else 60.0,
            Path(sys.argv[2]) if len(sys.argv) > 2 else None,
        )
    )
