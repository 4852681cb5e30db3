"""What the image installs and starts, in an environment that has nothing else in it.

No container engine is needed: the same script installs the wheel and the lock's hashes, and the
commands are those of the Dockerfile.
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from tests.unit.deployed import Image, image

MADE = Path(os.environ["SMART_LEVERAGE_PACKAGE"])
WITHIN_S = 60.0
IN_IMAGE = "/opt/smart-leverage"


@pytest.fixture(scope="module")
def told() -> Image:
    return image()


def here(command: list[str]) -> list[str]:
    """Return a command of the image as it is called in the environment on this machine."""
    return [word.replace(IN_IMAGE, str(MADE)) for word in command]


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def environment(port: int) -> dict[str, str]:
    """Return what the image sets, and nothing of the environment of these tests."""
    return {
        "PATH": f"{MADE}/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SMART_LEVERAGE_SERVER__PORT": str(port),
    }


def test_nothing_of_research_and_no_tool_is_installed() -> None:
    names = {one.name.partition("-")[0].lower() for one in MADE.glob("lib/*/site-packages/*")}
    assert "smart_leverage" in names
    assert names.isdisjoint({"polars", "numba", "scipy", "pytest", "pip", "uv", "hatchling"})


def test_the_account_starts_is_healthy_keeps_its_secrets_and_stops_whole(
    told: Image, tmp_path: Path
) -> None:
    port = free_port()
    settled = environment(port)
    entry = here(told.entrypoint)
    made = subprocess.run(
        [*entry, "init", "--name", "live", "--cash", "50000"],
        cwd=tmp_path, env=settled, capture_output=True, text=True, check=False, timeout=WITHIN_S,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    check = here(told.health)
    assert subprocess.run(check, env=settled, check=False, timeout=WITHIN_S).returncode == 1
    log = tmp_path / "log"
    with (
        log.open("w") as out,
        subprocess.Popen([*entry, *told.command], cwd=tmp_path, env=settled, stdout=out, stderr=out)
        as process,
    ):  # fmt: skip
        try:
            until = time.monotonic() + WITHIN_S
            while subprocess.run(check, env=settled, check=False).returncode:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            process.send_signal(signal.Signals[told.stop_signal])
            assert process.wait(WITHIN_S) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
    assert "token" not in log.read_text()
    assert "TradingClient" not in log.read_text()
    proved = subprocess.run(
        [*entry, "ledger", "verify", "runs/live"],
        cwd=tmp_path, env=settled, capture_output=True, text=True, check=False, timeout=WITHIN_S,
    )  # fmt: skip
    assert proved.returncode == 0, proved.stdout
