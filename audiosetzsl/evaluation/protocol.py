"""Protocol: generalised zero-shot classification and retrieval, from scores and embeddings to S, U and HM."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import (
    average_precision,
    class_accuracies,
    class_mean,
    closeness,
    harmonic_mean,
    mean_class_accuracy,
    means_by_class,
)
from audiosetzsl.evaluation.training_set import ClassTable

PAPER_INTERVALS = 25
QUERIES_AT_ONCE = 256


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
        _check_labels(self.actual, self.classes)


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
        by_class=_named(accuracies, scores.classes),
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


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Clips and classes in one space; alpha is the weight of video, .5 for methods without attention."""

    audio: Float[np.ndarray, "n_clips width"]
    video: Float[np.ndarray, "n_clips width"]
    text: Float[np.ndarray, "n_classes width"]
    alpha: Float[np.ndarray, " n_clips"]


class Direction(StrEnum):
    """What is asked with, and what is found."""

    TEXT_TO_AUDIO = "T->A"
    TEXT_TO_VIDEO = "T->V"
    TEXT_TO_BOTH = "T->AV"
    AUDIO_TO_VIDEO = "A->V"
    VIDEO_TO_AUDIO = "V->A"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Tables 3 and 4 of the paper, one row: mean average precisions from 0 to 1, means over classes."""

    seen: float
    unseen: float
    harmonic: float
    by_class: dict[str, float]  # classes with a query that has something to find


def retrieve(
    embeddings: Embeddings, actual: Int[np.ndarray, " n_clips"], classes: ClassTable
) -> dict[Direction, Retrieval]:
    """Measure all five directions of retrieval by Euclidean distance; T->AV ranks by the mean of two."""
    audio, video = (closeness(clips, embeddings.text) for clips in (embeddings.audio, embeddings.video))
    return {
        Direction.TEXT_TO_AUDIO: text_retrieval(audio, actual, classes),
        Direction.TEXT_TO_VIDEO: text_retrieval(video, actual, classes),
        Direction.TEXT_TO_BOTH: text_retrieval((audio + video) / 2, actual, classes),
        Direction.AUDIO_TO_VIDEO: clip_retrieval(embeddings.audio, embeddings.video, actual, classes),
        Direction.VIDEO_TO_AUDIO: clip_retrieval(embeddings.video, embeddings.audio, actual, classes),
    }


def text_retrieval(
    values: Float[np.ndarray, "n_clips n_classes"], actual: Int[np.ndarray, " n_clips"], classes: ClassTable
) -> Retrieval:
    """Search all clips with one text query a class: a column of a score matrix ranks the clips."""
    _check_labels(actual, classes)
    found = [average_precision(values[:, index], actual == index) for index in range(len(classes.names))]
    return _retrieval(np.array(found), classes)


def clip_retrieval(
    queries: Float[np.ndarray, "n_clips width"],
    gallery: Float[np.ndarray, "n_clips width"],
    actual: Int[np.ndarray, " n_clips"],
    classes: ClassTable,
) -> Retrieval:
    """Search with each clip among all others; row i of both sides is clip i and never finds itself.

    Both sides come from the same clips, of one modality or of two, so the query's own row always leaves the
    gallery. A query whose class has no other clip has nothing to find and does not count.
    """
    _check_labels(actual, classes)
    found = np.empty(len(queries))
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        block = closeness(queries[start : start + QUERIES_AT_ONCE], gallery)
        for own, values in enumerate(block, start=start):
            relevant = actual == actual[own]
            found[own] = average_precision(np.delete(values, own), np.delete(relevant, own))
    return _retrieval(means_by_class(found, actual, len(classes.names)), classes)


def _retrieval(by_class: Float[np.ndarray, " n_classes"], classes: ClassTable) -> Retrieval:
    seen: Bool[np.ndarray, " n_classes"] = classes.seen_mask
    s, u = class_mean(by_class, seen), class_mean(by_class, ~seen)
    return Retrieval(s, u, harmonic_mean(s, u), _named(by_class, classes))


def _named(by_class: Float[np.ndarray, " n_classes"], classes: ClassTable) -> dict[str, float]:
    return {name: float(v) for name, v in zip(classes.names, by_class, strict=True) if not np.isnan(v)}


def _check_labels(actual: Int[np.ndarray, " n_clips"], classes: ClassTable) -> None:
    if len(actual) and not 0 <= actual.min() <= actual.max() < len(classes.names):
        raise SetupError(
            f"labels run from {actual.min()} to {actual.max()}, "
            f"expected columns of a table of {len(classes.names)} classes"
        )
