"""Points of a space: every combination, chance, or chance that fills the space evenly."""

import math
from collections.abc import Iterator

import numpy as np

from smart_leverage.domain.errors import ConfigError
from smart_leverage.research.sweep.space import Floats, Space

SETS_MAX = 10_000_000
"""More sets than this are a slip of the pen."""


def grid(space: Space) -> Floats:
    """Return every combination of values, the last axis running fastest.

    Returns:
        (n_sets, n_axes).

    Raises:
        ConfigError: An axis has no values, or there are too many combinations.
    """
    problems = [
        f"{axis.key}: a grid needs values; give a list, or a count beside from and to"
        for axis in space.axes
        if not axis.values
    ]
    count = math.prod(len(axis.values) for axis in space.axes)
    if count > SETS_MAX:
        problems.append(f"{count:,} combinations; at most {SETS_MAX:,}")
    if problems:
        raise ConfigError(problems, "space")
    meshes = np.meshgrid(*(axis.values for axis in space.axes), indexing="ij")
    return np.stack([mesh.ravel() for mesh in meshes], axis=1).astype(np.float64)


def at_random(space: Space, count: int, seed: int) -> Floats:
    """Return independent points; the first of a longer sample are those of a shorter one.

    Returns:
        (count, n_axes).
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    return _placed(space, chance.random((count, len(space.axes))))


def quasi(space: Space, count: int, seed: int) -> Floats:
    """Return points that fill the space more evenly than chance does, longer ones as above.

    A Halton sequence whose digits are permuted at random, each digit of each axis by its own
    permutation. Without that, axes of large bases go up and down together.

    Returns:
        (count, n_axes).

    Source:
        Owen, A randomized Halton algorithm in R (2017), sections 2 and 3.
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    bases = _primes()
    columns = [_digits_mixed(count, next(bases), chance) for _ in space.axes]
    return _placed(space, np.stack(columns, axis=1))


def _digits_mixed(count: int, base: int, chance: np.random.Generator) -> Floats:
    rest = np.arange(count, dtype=np.int64)
    found = np.zeros(count)
    weight = 1.0 / base
    while weight > 2.0**-53:  # as many digits as a double tells apart, whatever the count
        found += weight * chance.permutation(base)[rest % base]
        rest //= base
        weight /= base
    return np.minimum(found, math.nextafter(1.0, 0.0))


def _primes() -> Iterator[int]:
    found: list[int] = []
    number = 2
    while True:
        if all(number % each for each in found):
            found.append(number)
            yield number
        number += 1


def _placed(space: Space, shares: Floats) -> Floats:
    return np.stack([axis.at(shares[:, place]) for place, axis in enumerate(space.axes)], axis=1)
