"""A study that is kept on a PostgreSQL server: the same result, and gone on with from there.

The server is real, as in `tests/postgres.py`; sweeps on it are, like Ray, no part of `make test`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.contract.sweeps import made
from tests.postgres import Server, server

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.engines import Engine
from smart_leverage.research.sweep.running import Outcome, run_sweep

COUNT = 24


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with server("fsync=off") as one:
        yield one


def went(folder: Path, storage: str, **how: Any) -> Outcome:
    optuna = {"batch": 8} | ({"storage": storage} if storage else {})
    plan, inputs = made(method="optuna", count=COUNT, optuna=optuna)
    return run_sweep(plan, inputs, folder, workers=1, **how)


def trials(own: Server) -> list[tuple[str, int]]:
    """Return the studies on the server by name, each with its finished trials."""
    with psycopg.connect(own.address()) as line:
        rows = line.execute(
            "SELECT study_name, count(*) FROM studies JOIN trials USING (study_id)"
            " WHERE state = 'COMPLETE' GROUP BY study_name"
        )
        return [(str(name), int(count)) for name, count in rows]


def test_a_study_on_a_server_goes_on_there_and_ends_as_one_in_a_file(
    own: Server, tmp_path: Path
) -> None:
    heard: list[Engine] = []
    begun = went(
        tmp_path / "served", own.address(), heard=heard.append, is_stopped=lambda: bool(heard)
    )
    assert not begun.is_complete
    ((name, count),) = trials(own)
    assert 0 < count < COUNT

    served = went(tmp_path / "served", own.address())
    assert served.is_complete
    assert trials(own) == [(name, COUNT)]
    assert not list((tmp_path / "served").glob("*.sqlite*"))

    filed = went(tmp_path / "filed", "")
    assert (tmp_path / "filed" / "study.sqlite").is_file()
    assert served.table.equals(filed.table)


def test_a_server_that_is_not_there_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"optuna\.storage: cannot be opened"):
        went(tmp_path / "none", f"postgresql://tester@/postgres?host={tmp_path}")
