"""Metrics: class means, harmonic mean, closeness, average precision with ties."""

import math

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError


def class_accuracies(
    predicted: Int[np.ndarray, " n"], actual: Int[np.ndarray, " n"], n_classes: int
) -> Float[np.ndarray, " n_classes"]:
    """Share of each class's clips that are predicted right; NaN for a class without a clip."""
    return means_by_class((predicted == actual).astype(np.float64), actual, n_classes)


def means_by_class(
    values: Float[np.ndarray, " n"], actual: Int[np.ndarray, " n"], n_classes: int
) -> Float[np.ndarray, " n_classes"]:
    """Mean of the values of each class, NaN values left out; NaN for a class that has none."""
    known = ~np.isnan(values)
    sums = np.bincount(actual[known], weights=values[known], minlength=n_classes)
    counts = np.bincount(actual[known], minlength=n_classes)
    means: np.ndarray = np.divide(sums, counts, out=np.full(n_classes, np.nan), where=counts > 0)
    return means


def class_mean(by_class: Float[np.ndarray, " n_classes"], group: Bool[np.ndarray, " n_classes"]) -> float:
    """Mean over the classes of a group, each class counting once; classes without a value are left out.

    Raises:
        SetupError: no class of the group has a value.
    """
    values = by_class[group]
    values = values[~np.isnan(values)]
    if not len(values):
        raise SetupError(
            f"none of the {int(group.sum())} classes to average over has a clip to measure on; "
            "take clips of both seen and unseen classes"
        )
    return float(values.mean())


def mean_class_accuracy(
    predicted: Int[np.ndarray, " n"], actual: Int[np.ndarray, " n"], group: Bool[np.ndarray, " n_classes"]
) -> float:
    """Mean class accuracy (mAcc) over the classes of a group; see the paper, section 5."""
    return class_mean(class_accuracies(predicted, actual, len(group)), group)


def harmonic_mean(seen: float, unseen: float) -> float:
    """HM of the seen and the unseen figure; 0 where both are 0."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen > 0 else 0.0


def closeness(
    queries: Float[np.ndarray, "n_queries width"], gallery: Float[np.ndarray, "n_gallery width"]
) -> Float[np.ndarray, "n_queries n_gallery"]:
    """Minus the Euclidean distance of every query to every gallery item, in float64."""
    left, right = queries.astype(np.float64), gallery.astype(np.float64)
    squares = np.square(left).sum(1)[:, None] + np.square(right).sum(1) - 2 * left @ right.T
    # Rounding may leave a distance of nothing just below zero.
    scores: np.ndarray = -np.sqrt(np.maximum(squares, 0))
    return scores


def average_precision(scores: Float[np.ndarray, " n"], relevant: Bool[np.ndarray, " n"]) -> float:
    """Average precision of one ranking; NaN where nothing is relevant.

    Equal scores have no order, so this is the expectation over all orders of them (McSherry and Najork,
    ECIR 2008): exact, and the same however the gallery is sorted. An item at place j of a tie of n items,
    r of them relevant, is relevant with chance r / n, and then (j - 1)(r - 1)/(n - 1) of the items before it
    in the tie are.
    """
    n_relevant = int(relevant.sum())
    if not n_relevant:
        return math.nan
    order = np.argsort(-scores)
    ranked, hits = scores[order], relevant[order].astype(np.int64)
    ranks = np.arange(1, len(ranked) + 1)
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sizes = np.diff(np.r_[starts, len(ranked)])
    tie = np.repeat(np.arange(len(starts)), sizes)
    tie_hits = np.add.reduceat(hits, starts)
    hits_before = np.cumsum(tie_hits) - tie_hits
    chance = tie_hits / sizes
    among_others = (tie_hits - 1) / np.maximum(sizes - 1, 1)
    expected_hits = hits_before[tie] + 1 + (ranks - 1 - starts[tie]) * among_others[tie]
    return float(np.sum(chance[tie] * expected_hits / ranks) / n_relevant)
