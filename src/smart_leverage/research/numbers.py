"""Reads the numbers that research functions are given, and refuses what is none."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def series(values: ArrayLike, name: str, least: int = 1) -> FloatArray:
    """Return values as one column of finite numbers.

    Args:
        values: (n,).
        name: For the sentence of a refusal.
        least: Fewest values that make sense.

    Raises:
        ValueError: It has another shape, too few values, or one that is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: one column is needed, not {array.ndim} dimensions")
    if array.size < least:
        raise ValueError(f"{name}: {least} values are needed, there are {array.size}")
    return _finite(array, name)


def matrix(values: ArrayLike, name: str, least: int = 1) -> FloatArray:
    """Return values as rows of periods and columns of candidates, all finite.

    Args:
        values: (n_periods, n_columns); one column may come without its second dimension.
        name: For the sentence of a refusal.
        least: Fewest rows that make sense.

    Raises:
        ValueError: It has another shape, too few rows, no column, or a value that is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name}: rows of periods and columns are needed, not {array.shape}")
    if array.shape[0] < least:
        raise ValueError(f"{name}: {least} rows are needed, there are {array.shape[0]}")
    return _finite(array, name)


def _finite(array: FloatArray, name: str) -> FloatArray:
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        value = array.reshape(-1)[wrong[0]]
        raise ValueError(f"{name}: value {int(wrong[0])} is {value}; drop it, do not fill it")
    return array


def finite(value: Any, name: str) -> float:
    """Return a finite number.

    Raises:
        ValueError: It is NaN or infinite.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name}: a finite number is needed, not {number}")
    return number


def within(value: Any, name: str, low: float, high: float) -> float:
    """Return a number strictly between two bounds.

    Raises:
        ValueError: It is not, or it is NaN.
    """
    number = float(value)
    if not low < number < high:
        raise ValueError(f"{name}: a number between {low:g} and {high:g} is needed, not {number}")
    return number


def positive(value: Any, name: str) -> float:
    """Return a finite number above 0.

    Raises:
        ValueError: It is not.
    """
    return within(value, name, 0.0, math.inf)


def whole(value: Any, name: str, least: int = 0) -> int:
    """Return a whole number.

    Raises:
        ValueError: It has a fraction, or is below `least`.
    """
    number = float(value)
    if not (number >= least and number == math.floor(number) and number < math.inf):
        raise ValueError(f"{name}: a whole number from {least} on is needed, not {value}")
    return int(number)
