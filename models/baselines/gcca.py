"""GCCA: sound, picture and text in one space of greatest correlation, in closed form."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from models.baselines.correlation import canonical_axes
from models.baselines.training_rows import moments_of, seen_classes, side_by_side
from models.inputs import InputForm, Inputs, unit


@dataclass(frozen=True, slots=True)
class GccaSettings:
    """How many components are kept, how the views are regularised, and the forms of the inputs."""

    components: int | None = 64  # None keeps all of positive correlation, and no number keeps more
    ridge: float = 0.1  # times the mean variance of a dimension, view by view
    features: InputForm = InputForm.UNIT
    words: InputForm = InputForm.UNIT

    def __post_init__(self) -> None:
        """Refuse settings that ask for nothing."""
        if self.components is not None and self.components < 1:
            raise SetupError(f"components {self.components} must be 1 or more, or None for all")
        if not 0 <= self.ridge < math.inf:
            raise SetupError(f"ridge {self.ridge} must be 0 or more and finite")


GCCA_GRID = tuple(GccaSettings(n, ridge) for ridge in (0.01, 0.1, 1.0) for n in (16, 64, 256))


@dataclass(frozen=True, slots=True)
class Projection:
    """One view: its form, its mean over the train clips, and the axes it is projected on."""

    form: Inputs
    mean: Float[np.ndarray, " width"]
    axes: Float[np.ndarray, "width n_components"]

    def __call__(self, rows: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n n_components"]:
        """Project, to length 1, so that Euclidean distance ranks as cosine does."""
        if rows.shape[1] != len(self.mean):
            raise SetupError(f"rows are {rows.shape[1]} wide, expected {len(self.mean)} as in training")
        return unit((self.form(rows) - self.mean) @ self.axes)


@dataclass(frozen=True, slots=True)
class Gcca:
    """Puts clips and classes into one space; correlations fall from the first component to the last."""

    audio: Projection
    video: Projection
    text: Projection
    correlations: Float[np.ndarray, " n_components"]  # mean over the pairs of views, each component

    def embed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed the audio and the video of every clip, and every class.

        Raises:
            SetupError: features or class vectors are of another width than those learnt from.
        """
        alpha = np.full(len(clips), 0.5, np.float32)
        return Embeddings(self.audio(clips.audio), self.video(clips.video), self.text(class_vectors), alpha)


def fit_gcca(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    settings: GccaSettings | None = None,
) -> Gcca:
    """Fit GCCA on clips of seen classes, with the vector of a clip's class as its third view.

    Its objective is written out in `models.baselines.correlation`. The paper's source is Kettenring (Biometrika
    1971) by way of a public implementation with a ridge of a tenth of the mean variance, the default here.

    Raises:
        SetupError: class vectors are not one a class, fewer than two seen classes have clips, a view never
            changes, or views are singular and the ridge is 0.
    """
    ((_, model),) = gcca_grid(seen, class_vectors, (settings or GccaSettings(),))
    return model


def gcca_grid(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    grid: Sequence[GccaSettings] = GCCA_GRID,
) -> Iterator[tuple[GccaSettings, Gcca]]:
    """Fit every cell of a grid; neighbours with the same forms share their covariances, with the same ridge all."""
    for (features, words), of_form in groupby(grid, key=lambda cell: (cell.features, cell.words)):
        data = _Views.of(seen, class_vectors, features, words)
        for ridge, of_ridge in groupby(of_form, key=lambda cell: cell.ridge):
            cells = tuple(of_ridge)
            most = (
                None
                if any(cell.components is None for cell in cells)
                else max(c.components or 0 for c in cells)
            )
            axes, correlations = canonical_axes(data.covariance, data.widths, ridge=ridge, components=most)
            for cell in cells:
                yield cell, data.model(axes, correlations, cell.components)


@dataclass(frozen=True, slots=True)
class _Views:
    """Audio, video and text of the train clips: forms, means and the covariance of all of them side by side."""

    forms: tuple[Inputs, Inputs, Inputs]
    widths: tuple[int, int, int]
    mean: Float[np.ndarray, " total"]
    covariance: Float[np.ndarray, "total total"]

    @staticmethod
    def of(
        seen: SeenClips,
        class_vectors: Float[np.ndarray, "n_classes text_width"],
        features: InputForm,
        words: InputForm,
    ) -> "_Views":
        labels, vectors = seen_classes(seen.labels, class_vectors)
        views = seen.clips.view(View.AUDIO), seen.clips.view(View.VIDEO)
        audio_form, video_form = (Inputs.of(features, rows) for rows in views)
        words_form = Inputs.of(words, vectors)
        moments = moments_of(side_by_side(views, (audio_form, video_form)), labels, len(vectors))
        # Clips of a class share a text, so its sums follow from those by class.
        learnt = words_form(vectors).astype(np.float64)
        counts, n = moments.counts, len(labels)
        mean = np.concatenate([moments.mean, counts @ learnt / n])
        cross = moments.sums.T @ learnt
        gram = np.block([[moments.gram, cross], [cross.T, (learnt.T * counts) @ learnt]])
        widths = (views[0].shape[1], views[1].shape[1], learnt.shape[1])
        covariance = gram / n - np.outer(mean, mean)
        _check_that_views_change(covariance, gram / n, widths)
        return _Views((audio_form, video_form, words_form), widths, mean, covariance)

    def model(
        self,
        axes: Float[np.ndarray, "total found"],
        correlations: Float[np.ndarray, " found"],
        components: int | None,
    ) -> Gcca:
        ends = np.cumsum(self.widths)[:-1]
        kept = axes[:, :components].astype(np.float32)
        means, by_view = np.split(self.mean.astype(np.float32), ends), np.split(kept, ends)
        audio, video, text = (Projection(*view) for view in zip(self.forms, means, by_view, strict=True))
        return Gcca(audio, video, text, correlations[:components])


def _check_that_views_change(
    covariance: Float[np.ndarray, "total total"],
    squares: Float[np.ndarray, "total total"],
    widths: tuple[int, int, int],
) -> None:
    ends = np.cumsum(widths)[:-1]
    for name, left, all_of_it in zip(
        ("audio", "video", "text"),
        np.split(np.diag(covariance), ends),
        np.split(np.diag(squares), ends),
        strict=True,
    ):
        # Rounding of the mean leaves a little where there is nothing.
        if left.sum() <= np.finfo(np.float32).eps ** 2 * all_of_it.sum():
            raise SetupError(
                f"{name} is the same for all clips to train on, so nothing can correlate with it; "
                "check these features, or take a method that does without them"
            )
