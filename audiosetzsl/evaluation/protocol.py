"""Protocol: generalised zero-shot classification, from scores to S, U, HM and ZSL."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import (
    class_accuracies,
    class_mean,
    harmonic_mean,
    mean_class_accuracy,
)
from audiosetzsl.evaluation.training_set import ClassTable

PAPER_INTERVALS = 25


@dataclass(frozen=True, slots=True)
class Scores:
    """How likely each class is for each clip of a split, higher is better, beside the truth."""

    values: Float[np.ndarray, "n_clips n_classes"]
    actual: Int[np.ndarray, " n_clips"]
    classes: ClassTable
    split: str

    def __post_init__(self) -> None:
        """Refuse a matrix that cannot be ranked or whose axes mean something else."""
        expected = (len(self.actual), len(self.classes.names))
        if self.values.shape != expected:
            raise SetupError(f"scores are {self.values.shape}, expected {expected}: clips x classes")
        if not np.isfinite(self.values).all():
            raise SetupError(
                f"{int((~np.isfinite(self.values)).sum())} scores are not finite; check the model"
            )
        check_labels(self.actual, self.classes)


@dataclass(frozen=True, slots=True)
class Beta:
    """What calibrated stacking takes from every seen class, and how it came about."""

    value: float
    chosen_on: str
    harmonic: float


@dataclass(frozen=True, slots=True)
class Classification:
    """Table 2 of the paper, one row: mean class accuracies from 0 to 1."""

    seen: float
    unseen: float
    harmonic: float
    zero_shot: float
    beta: float
    by_class: dict[str, float]  # classes that have clips


def choose_beta(val: Scores, *, n_intervals: int = PAPER_INTERVALS) -> Beta:
    """Choose beta of eq. 8 on val, the best HM of `n_intervals` + 1 points, ties to the smaller beta.

    The paper divides "the maximum and minimum possible value of beta into 25 equal intervals". A clip is
    called seen where beta < gap, its best seen score less its best unseen one, so we read the possible
    values as the smallest and the largest gap on val: outside them nothing changes.

    Raises:
        SetupError: the scores are of another split than val: beta is no parameter to fit to the test.
    """
    if val.split != "val":
        raise SetupError(f"beta is chosen on val, but these are scores of {val.split}; pass the val scores")
    gaps = _Gaps.of(val)
    betas = np.linspace(gaps.gap.min(), gaps.gap.max(), n_intervals + 1)
    seen = val.classes.seen_mask
    harmonics = [
        harmonic_mean(
            mean_class_accuracy(predicted, val.actual, seen),
            mean_class_accuracy(predicted, val.actual, ~seen),
        )
        for predicted in map(gaps.predictions, betas)
    ]
    best = int(np.argmax(harmonics))  # the first of equals: the smaller beta
    return Beta(float(betas[best]), val.split, harmonics[best])


def classify(scores: Scores, beta: Beta) -> Classification:
    """Classify among all classes by calibrated stacking (eq. 8) and measure S, U, HM, ZSL.

    Take beta from `choose_beta`, which looks at val alone. ZSL classifies the clips of unseen classes among the
    unseen classes alone.
    """
    gaps = _Gaps.of(scores)
    seen = scores.classes.seen_mask
    accuracies = class_accuracies(gaps.predictions(beta.value), scores.actual, len(seen))
    s, u = class_mean(accuracies, seen), class_mean(accuracies, ~seen)
    return Classification(
        seen=s,
        unseen=u,
        harmonic=harmonic_mean(s, u),
        zero_shot=mean_class_accuracy(gaps.best_unseen, scores.actual, ~seen),
        beta=beta.value,
        by_class=named(accuracies, scores.classes),
    )


@dataclass(frozen=True, slots=True)
class _Gaps:
    """Per clip the best class of either side, and by how much the seen one leads."""

    gap: Float[np.ndarray, " n_clips"]
    best_seen: Int[np.ndarray, " n_clips"]
    best_unseen: Int[np.ndarray, " n_clips"]

    @staticmethod
    def of(scores: Scores) -> "_Gaps":
        seen = scores.classes.seen_mask
        if seen.all() or not seen.any() or not len(scores.actual):
            raise SetupError(
                f"{len(scores.actual)} clips, {int(seen.sum())} seen classes, {int((~seen).sum())} unseen: "
                "generalised zero-shot needs some of each"
            )
        values = scores.values.astype(np.float64)
        with_seen, with_unseen = values[:, seen], values[:, ~seen]
        return _Gaps(
            gap=with_seen.max(1) - with_unseen.max(1),
            best_seen=np.flatnonzero(seen)[with_seen.argmax(1)],
            best_unseen=np.flatnonzero(~seen)[with_unseen.argmax(1)],
        )

    def predictions(self, beta: float) -> Int[np.ndarray, " n_clips"]:
        return np.where(beta < self.gap, self.best_seen, self.best_unseen)


def named(by_class: Float[np.ndarray, " n_classes"], classes: ClassTable) -> dict[str, float]:
    """Numbers by class name; classes without one are left out."""
    return {name: float(v) for name, v in zip(classes.names, by_class, strict=True) if not np.isnan(v)}


def check_labels(actual: Int[np.ndarray, " n_clips"], classes: ClassTable) -> None:
    """Refuse labels that are no column of the class table."""
    if len(actual) and not 0 <= actual.min() <= actual.max() < len(classes.names):
        raise SetupError(
            f"labels run from {actual.min()} to {actual.max()}, "
            f"expected columns of a table of {len(classes.names)} classes"
        )
