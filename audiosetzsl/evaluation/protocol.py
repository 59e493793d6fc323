"""Protocol: generalised zero-shot classification, from scores to S, U, HM and ZSL."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import DivergedError, SetupError
from audiosetzsl.evaluation.curve import Curve, curve_of_gaps, first_best
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
        """Refuse a matrix that cannot be ranked or whose axes mean something else.

        Raises:
            DivergedError: a score is not finite.
            SetupError: it is not clips x classes, or a label is none of the classes.
        """
        expected = (len(self.actual), len(self.classes.names))
        if self.values.shape != expected:
            raise SetupError(f"scores are {self.values.shape}, expected {expected}: clips x classes")
        if not np.isfinite(self.values).all():
            raise DivergedError(
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
    """Table 2 of the paper, one row: mean class accuracies from 0 to 1.

    What is named after the test knows the truth of the clips it is measured on. It says what another beta could have
    come to, and nothing may be chosen by it.
    """

    seen: float
    unseen: float
    harmonic: float
    zero_shot: float
    beta: float
    ausuc: float  # over all beta, so none is chosen
    best_harmonic_on_test: float
    best_beta_on_test: float
    by_class: dict[str, float]  # classes that have clips


def choose_beta(val: Scores, *, n_intervals: int = PAPER_INTERVALS) -> Beta:
    """Choose beta of eq. 8 on val, the best HM of `n_intervals` + 1 points, ties to the smaller beta.

    The paper divides "the maximum and minimum possible value of beta into 25 equal intervals". A clip is
    called seen where beta < gap, its best seen score less its best unseen one, so we read the possible
    values as the smallest and the largest gap on val: outside them nothing changes.

    Args:
        val: scores of the val split.
        n_intervals: one less than the points to try.

    Raises:
        SetupError: the scores are of another split than val: beta is no parameter to fit to the test.
    """
    gaps = _gaps_of_val(val)
    betas = np.linspace(gaps.gap.min(), gaps.gap.max(), n_intervals + 1)
    curve = gaps.curve(val)
    harmonics = curve.harmonic[curve.steps_at(betas)]
    best = first_best(harmonics)
    return Beta(float(betas[best]), val.split, float(harmonics[best]))


def choose_exact_beta(val: Scores) -> Beta:
    """Choose beta of eq. 8 on val as the best of all, not of some points: the optimum of val's curve.

    Raises:
        SetupError: the scores are of another split than val: beta is no parameter to fit to the test.
    """
    best = _gaps_of_val(val).curve(val).optimum
    return Beta(best.beta, val.split, best.harmonic)


def classify(scores: Scores, beta: Beta) -> Classification:
    """Classify among all classes by calibrated stacking (eq. 8) and measure S, U, HM, ZSL.

    Take beta from `choose_beta` or `choose_exact_beta`, which look at val alone. ZSL classifies the clips of unseen
    classes among the unseen classes alone.
    """
    gaps = _Gaps.of(scores)
    seen = scores.classes.seen_mask
    accuracies = class_accuracies(gaps.predictions(beta.value), scores.actual, len(seen))
    s, u = class_mean(accuracies, seen), class_mean(accuracies, ~seen)
    curve = gaps.curve(scores)
    best = curve.optimum
    return Classification(
        seen=s,
        unseen=u,
        harmonic=harmonic_mean(s, u),
        zero_shot=mean_class_accuracy(gaps.best_unseen, scores.actual, ~seen),
        beta=beta.value,
        ausuc=curve.ausuc,
        best_harmonic_on_test=best.harmonic,
        best_beta_on_test=best.beta,
        by_class=named(accuracies, scores.classes),
    )


def curve_of(scores: Scores) -> Curve:
    """S, U and HM for every beta, to look at (figure 4 of the paper); `choose_exact_beta` chooses by it, on val.

    Raises:
        SetupError: there are not both seen and unseen classes with clips.
    """
    return _Gaps.of(scores).curve(scores)


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
        best_seen, lead = _best_of(scores.values, seen)
        best_unseen, rival = _best_of(scores.values, ~seen)
        return _Gaps(lead - rival, best_seen, best_unseen)

    def predictions(self, beta: float) -> Int[np.ndarray, " n_clips"]:
        return np.where(beta < self.gap, self.best_seen, self.best_unseen)

    def curve(self, scores: Scores) -> Curve:
        seen, actual = scores.classes.seen_mask, scores.actual
        best_of_own_side = np.where(seen[actual], self.best_seen, self.best_unseen)
        return curve_of_gaps(self.gap, best_of_own_side == actual, actual, seen)


def _gaps_of_val(val: Scores) -> _Gaps:
    if val.split != "val":
        raise SetupError(f"beta is chosen on val, but these are scores of {val.split}; pass the val scores")
    return _Gaps.of(val)


def _best_of(
    values: Float[np.ndarray, "n_clips n_classes"], side: Bool[np.ndarray, " n_classes"]
) -> tuple[Int[np.ndarray, " n_clips"], Float[np.ndarray, " n_clips"]]:
    """Column and score of each clip's best class of a side; only the best scores are widened to float64."""
    columns = np.flatnonzero(side)
    of_side = values[:, columns]
    return columns[of_side.argmax(axis=1)], of_side.max(axis=1).astype(np.float64)


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
