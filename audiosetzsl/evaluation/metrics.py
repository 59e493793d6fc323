"""Metrics: class means and the harmonic mean."""

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
    return float(by_class[classes_measured(group, ~np.isnan(by_class))].mean())


def classes_measured(
    group: Bool[np.ndarray, " n_classes"], known: Bool[np.ndarray, " n_classes"]
) -> Int[np.ndarray, " n_measured"]:
    """Columns of the classes of a group that have something to average.

    Raises:
        SetupError: none has.
    """
    columns = np.flatnonzero(group & known)
    if not len(columns):
        raise SetupError(
            f"none of the {int(group.sum())} classes to average over has a clip to measure on; "
            "take clips of both seen and unseen classes"
        )
    return columns


def mean_class_accuracy(
    predicted: Int[np.ndarray, " n"], actual: Int[np.ndarray, " n"], group: Bool[np.ndarray, " n_classes"]
) -> float:
    """Mean class accuracy (mAcc) over the classes of a group; see the paper, section 5."""
    return class_mean(class_accuracies(predicted, actual, len(group)), group)


def harmonic_mean(seen: float, unseen: float) -> float:
    """HM of the seen and the unseen figure; 0 where both are 0."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen > 0 else 0.0
