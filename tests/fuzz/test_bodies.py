"""Twenty thousand bodies that nobody should send; `make fuzz` sends a million."""

from pathlib import Path

import pytest
from tests.fuzz.bodies import bodies
from tests.fuzz.run import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_no_body_breaks_anything_or_orders_anything_unasked(seed: int, tmp_path: Path) -> None:
    told = fuzz(seed, 10_000, tmp_path)
    assert told["bodies"] == 10_000
    # It looked at something: both kinds of bodies, and orders that were placed and denied.
    assert told["read_accepted"] > 500
    assert told["read_refused"] > 2_000
    assert {"200", "400", "403", "422"} <= told["statuses"].keys()


def test_a_seed_is_the_same_bodies_again() -> None:
    assert list(bodies(7, 200)) == list(bodies(7, 200))
    assert list(bodies(7, 200)) != list(bodies(8, 200))
