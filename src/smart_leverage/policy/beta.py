"""The beta distribution of an unknown win rate: its tail and its quantiles, in plain arithmetic.

A library's log-gamma function gives other last bits compiled than interpreted, so the only part of
it that is needed, Stirling's correction, is written out here. Everything is scaled around the mode,
which keeps ten digits also for a hundred thousand trades.
"""

import math

from smart_leverage.policy.arithmetic import exponential
from smart_leverage.rule import rule

SHAPE_MAX = 1e7
"""More trades than this are a miscount, and the fraction below would need too many terms."""

TERMS_MAX = 5000
STEPS_MAX = 200
SMALLEST = 1e-300
PRECISION = 1e-16


@rule
def stirling_correction(z: float) -> float:
    """Return how far log-gamma is above Stirling's formula without its series.

    That is ln Γ(z) − (z − ½) ln z + z − ½ ln 2π.

    Args:
        z: Positive. Zero, negative or NaN: NaN.
    """
    if not z > 0.0:
        return math.nan
    correction = 0.0
    while z < 15.0:  # the series is exact to a double from here on
        correction = correction + (z + 0.5) * math.log1p(1.0 / z) - 1.0
        z = z + 1.0
    square = 1.0 / (z * z)
    series = 1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0)
    return correction + (1.0 / 12.0 - square * (1.0 / 360.0 - square * series)) / z


@rule
def beta_density_scaled(x: float, a: float, b: float) -> float:
    """Return x(1 − x) times the density of the beta distribution; NaN outside of its domain.

    Args:
        x: In (0, 1).
        a: Shape of the wins, in (0, 1e7].
        b: Shape of the losses, in (0, 1e7].
    """
    if not (0.0 < x < 1.0 and 0.0 < a <= SHAPE_MAX and 0.0 < b <= SHAPE_MAX):
        return math.nan
    total = a + b
    power = a * math.log(x * (total / a)) + b * (math.log1p(-x) + math.log(total / b))
    correction = stirling_correction(a) + stirling_correction(b) - stirling_correction(total)
    scale = math.sqrt(a * (b / total)) / math.sqrt(2.0 * math.pi)
    return scale * exponential(power - correction)


@rule
def beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    if not (0.0 < x < 1.0 and 0.0 < a <= SHAPE_MAX and 0.0 < b <= SHAPE_MAX):
        return math.nan
    c = 1.0
    d = _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = 1.0 / d
    d = fraction
    m, change = 1.0, 0.0
    while m <= TERMS_MAX and abs(change - 1.0) > 3.0 * PRECISION:
        even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        fraction = fraction * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        change = d * c
        fraction = fraction * change
        m = m + 1.0
    return fraction if abs(change - 1.0) <= 1e-12 else math.nan


@rule
def _away_from_zero(value: float) -> float:
    return value if abs(value) > SMALLEST else SMALLEST


@rule
def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the probability that a beta variable is at most `x`.

    Args:
        x: In [0, 1].
        a: Shape of the wins, in (0, 1e7].
        b: Shape of the losses, in (0, 1e7].

    Returns:
        Probability in [0, 1]; NaN outside of these ranges.

    Source:
        Continued fraction 8.17.22 of the NIST handbook.
    """
    if not (0.0 <= x <= 1.0 and 0.0 < a <= SHAPE_MAX and 0.0 < b <= SHAPE_MAX):
        return math.nan
    if x == 0.0 or x == 1.0:
        return x
    scaled = beta_density_scaled(x, a, b)
    if x <= (a + 1.0) / (a + b + 2.0):
        return _inside(scaled * beta_fraction(x, a, b) / a)
    return _inside(1.0 - scaled * beta_fraction(1.0 - x, b, a) / b)


@rule
def beta_survival(x: float, a: float, b: float) -> float:
    """Return the probability that a beta variable exceeds `x`, exact also where it is tiny.

    Args:
        x: In [0, 1].
        a: Shape of the wins, in (0, 1e7].
        b: Shape of the losses, in (0, 1e7].

    Returns:
        Probability in [0, 1]; NaN outside of these ranges.
    """
    if not (0.0 <= x <= 1.0 and 0.0 < a <= SHAPE_MAX and 0.0 < b <= SHAPE_MAX):
        return math.nan
    if x == 0.0 or x == 1.0:
        return 1.0 - x
    scaled = beta_density_scaled(x, a, b)
    if x <= (a + 1.0) / (a + b + 2.0):
        return _inside(1.0 - scaled * beta_fraction(x, a, b) / a)
    return _inside(scaled * beta_fraction(1.0 - x, b, a) / b)


@rule
def _inside(probability: float) -> float:
    """Return a probability without the hair by which rounding may leave [0, 1]; NaN stays NaN."""
    if probability < 0.0:
        return 0.0
    if probability > 1.0:
        return 1.0
    return probability


@rule
def beta_quantile(q: float, a: float, b: float) -> float:
    """Return the value below which a beta variable lies with probability `q`.

    Args:
        q: In [0, 1].
        a: Shape of the wins, in (0, 1e7].
        b: Shape of the losses, in (0, 1e7].

    Returns:
        In [0, 1]; NaN outside of these ranges.
    """
    if not (0.0 <= q <= 1.0 and 0.0 < a <= SHAPE_MAX and 0.0 < b <= SHAPE_MAX):
        return math.nan
    if q == 0.0 or q == 1.0:
        return q
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(STEPS_MAX):
        over = incomplete_beta(x, a, b) - q
        if over < 0.0:
            low = x
        else:
            high = x
        # Newton's step where it stays inside, else the middle.
        density = beta_density_scaled(x, a, b)
        following = x - over * (x * (1.0 - x)) / density if density > SMALLEST else 2.0
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - x) <= 2.0 * PRECISION * x or following <= 0.0 or following >= 1.0:
            return following
        x = following
    return x
