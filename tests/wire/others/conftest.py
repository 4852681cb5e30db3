"""Runs a client's script in the environment of that client, and reads what it saw."""

import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.wire.serving import Served

HERE = Path(__file__).parent
TOOLS = HERE.parents[2] / ".tools" / "wire"
WITHIN_S = 180.0


class Steps:
    """What each step of a script returned or raised."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.errors = {name: step["error"] for name, step in told.items() if "error" in step}
        self._values = {name: step["value"] for name, step in told.items() if "value" in step}

    def __getitem__(self, name: str) -> Any:
        """Return what a step returned; one that raised says so."""
        assert name not in self.errors, self.errors[name]
        return self._values[name]


See = Callable[[str], Steps]


@pytest.fixture(scope="module")
def see(served: Served, tmp_path_factory: pytest.TempPathFactory) -> See:
    """Let a client's script trade as a bot of its own, once; return its steps.

    Its home is a new folder: what a client keeps there is neither read nor left behind.
    """

    @cache
    def run(name: str) -> Steps:
        keys = served.add_bot(name.replace("_", "-"))
        home = tmp_path_factory.mktemp(name)
        done = subprocess.run(
            [*_command(name), served.url, *keys],
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
            cwd=home,
            env=os.environ | {"HOME": str(home), "NODE_PATH": str(TOOLS / "node" / "node_modules")},
        )
        assert done.returncode == 0, done.stderr[-4_000:]
        return Steps(json.loads(done.stdout.splitlines()[-1]))

    return run


def _command(name: str) -> list[str]:
    if name.startswith("node"):
        return ["node", str(HERE / "node" / f"with_{name.removeprefix('node_')}.js")]
    return [str(TOOLS / name / "bin" / "python"), str(HERE / "clients" / f"with_{name}.py")]
