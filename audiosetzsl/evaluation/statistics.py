"""Statistics: means over seeds with 95 % confidence intervals, and whether one model beats another."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Summary:
    """A mean with its confidence interval and the standard deviation; of one number there is neither."""

    mean: float
    low: float | None
    high: float | None
    n: int
    sd: float | None  # with n - 1 in the denominator, as in the paper's tables 1 and 8


def summarise(values: Float[np.ndarray, " n"]) -> Summary:
    """Mean over seeds, and where the mean over ever more seeds lies, at 95 % confidence, by Student's t.

    Raises:
        SetupError: there is no number, or one that is not finite.
    """
    n = len(values)
    if not n:
        raise SetupError("there is nothing to take the mean of; expected a number of each seed")
    if not np.isfinite(values).all():
        raise SetupError(
            f"{int((~np.isfinite(values)).sum())} of {n} numbers to take the mean of are not finite; "
            "leave the seeds that failed out, or run them again"
        )
    mean = float(values.mean())
    if n == 1:
        return Summary(mean, None, None, 1, None)
    sd = float(values.std(ddof=1))
    reach = student_t(n - 1) * sd / math.sqrt(n)
    return Summary(mean, mean - reach, mean + reach, n, sd)


def paired(left: Mapping[int, float], right: Mapping[int, float]) -> Summary:
    """How much more `left` comes to than `right`, seed by seed: the mean difference with its interval.

    What a seed does to both (its clips, its order of them) cancels, so the interval is narrower than that of two
    means apart. The left one is better, at 95 % confidence, where `low` lies above 0.

    Args:
        left: a figure of one model, by seed.
        right: the same figure of the other model, by seed.

    Raises:
        SetupError: the seeds are not the same, or a figure is not finite.
    """
    if left.keys() != right.keys():
        raise SetupError(
            f"seeds {sorted(left)} cannot be compared with seeds {sorted(right)} one by one; "
            "run both models with the same seeds"
        )
    return summarise(np.array([left[seed] - right[seed] for seed in sorted(left)], dtype=np.float64))


def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """How far Student's t with so many degrees of freedom stays from 0 with the given probability.

    With a = atan(t / sqrt(freedom)) that probability is a finite sum (Abramowitz and Stegun, Handbook of Mathematical
    Functions, 26.7.3 and 26.7.4), which rises with a from 0 to 1; it is halved down to the last bit of a.
    """
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(high)


def _within(angle: float, freedom: int) -> float:
    """Probability that |t| is at most sqrt(freedom) * tan(angle)."""
    odd = freedom % 2
    square = math.cos(angle) ** 2
    term = math.cos(angle) if odd else 1.0
    terms = []
    for step in range(freedom // 2):
        terms.append(term)
        term *= square * (2 * step + 1 + odd) / (2 * step + 2 + odd)
    total = math.sin(angle) * math.fsum(terms)
    return (angle + total) * 2 / math.pi if odd else total
