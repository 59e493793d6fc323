"""Training rows: what a closed form is fitted on, clips of one view with class vectors and sums over clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import SeenClips, SeenLabels, View
from models.inputs import InputForm, Inputs, vectors_of

BLOCK = 8192  # clips at once in float64, so that a set of any size needs little beside itself


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over clips, in float64: a closed form needs no more of the features."""

    counts: Float[np.ndarray, " n_seen"]  # clips of each class
    sums: Float[np.ndarray, "n_seen width"]  # of the features of each class
    gram: Float[np.ndarray, "width width"]  # of the features of all clips, X'X

    @property
    def mean(self) -> Float[np.ndarray, " width"]:
        """Mean of the features over clips."""
        mean: np.ndarray = self.sums.sum(0) / self.counts.sum()
        return mean

    @property
    def covariance(self) -> Float[np.ndarray, "width width"]:
        """Covariance of the features over clips, divided by their number."""
        covariance: np.ndarray = self.gram / self.counts.sum() - np.outer(self.mean, self.mean)
        return covariance


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Clips of one view; labels and class vectors count the seen classes that have clips, and no others."""

    rows: Float[np.ndarray, "n width"]  # as they came; `features` brings them into form, a block at a time
    labels: Int[np.ndarray, " n"]
    class_vectors: Float[np.ndarray, "n_seen text_width"]  # in form, float64
    view: View
    features: Inputs
    words: Inputs

    @staticmethod
    def of(
        seen: SeenClips,
        class_vectors: Float[np.ndarray, "n_classes text_width"],
        view: View,
        features: InputForm,
        words: InputForm,
    ) -> "TrainingRows":
        """Take what there is to learn from.

        Raises:
            SetupError: class vectors are not one a class, or fewer than two seen classes have clips.
        """
        labels, learnt = seen_classes(seen.labels, class_vectors)
        rows = seen.clips.view(view)
        words_form = Inputs.of(words, learnt)
        prepared = words_form(learnt).astype(np.float64)
        return TrainingRows(rows, labels, prepared, view, Inputs.of(features, rows), words_form)

    def moments(self) -> Moments:
        """Sums over the clips, in form."""
        blocks = (self.features(self.rows[part]) for part in _parts(len(self.rows)))
        return moments_of(blocks, self.labels, len(self.class_vectors))


def seen_classes(
    labels: SeenLabels, class_vectors: Float[np.ndarray, "n_classes text_width"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n_seen text_width"]]:
    """Number the classes that have clips, and look up their vectors; no other row is looked at.

    Raises:
        SetupError: class vectors are not one a class or not finite, or fewer than two seen classes have clips.
    """
    present, numbered = np.unique(labels.indices, return_inverse=True)
    learnt = vectors_of(class_vectors, present, labels.classes)
    if len(present) < 2:
        raise SetupError(f"{len(present)} seen classes have clips to train on, expected 2 or more")
    return numbered, learnt


def moments_of(
    blocks: Iterator[Float[np.ndarray, "_ _"]], labels: Int[np.ndarray, " n"], n_classes: int
) -> Moments:
    """Sum over blocks of `BLOCK` clips, in their order; no copy of all features is ever made."""
    sums: np.ndarray | float = 0.0
    gram: np.ndarray | float = 0.0
    for part, block in zip(_parts(len(labels)), blocks, strict=True):
        wide = block.astype(np.float64)
        sums = sums + np.eye(n_classes)[labels[part]].T @ wide
        gram = gram + wide.T @ wide
    counts = np.bincount(labels, minlength=n_classes).astype(np.float64)
    return Moments(counts, np.asarray(sums), np.asarray(gram))


def side_by_side(
    views: Sequence[Float[np.ndarray, "n _"]], forms: Sequence[Inputs]
) -> Iterator[Float[np.ndarray, "_ _"]]:
    """Blocks of several views of the same clips, each in its form, as one wide row a clip."""
    for part in _parts(len(views[0])):
        yield np.concatenate([form(rows[part]) for rows, form in zip(views, forms, strict=True)], axis=1)


def _parts(n: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
