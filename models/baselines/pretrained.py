"""Pre-trained: features as they come, cut to the width of words by PCA; what is found without learning a space."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from models.baselines.training_rows import TrainingRows
from models.inputs import InputForm, unit


@dataclass(frozen=True, slots=True)
class Components:
    """Principal components of one modality: directions by falling variance, about the mean of the train clips."""

    mean: Float[np.ndarray, " width"]
    axes: Float[np.ndarray, "width text_width"]

    def __call__(self, rows: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n text_width"]:
        """Project, to length 1."""
        if rows.shape[1] != len(self.mean):
            raise SetupError(f"features are {rows.shape[1]} wide, expected {len(self.mean)} as in training")
        return unit((np.asarray(rows, np.float32) - self.mean) @ self.axes)


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Nothing is learnt across modalities: text queries meet features by chance, which is the point of it."""

    audio: Components
    video: Components

    def embed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed for text queries: the principal components of both modalities beside the class vectors.

        Raises:
            SetupError: features or class vectors are of another width than those fitted on.
        """
        width = self.audio.axes.shape[1]
        if class_vectors.shape[1] != width:
            raise SetupError(
                f"class vectors are {class_vectors.shape[1]} wide, expected {width} as in training"
            )
        words = unit(np.asarray(class_vectors, np.float32))
        alpha = np.full(len(clips), 0.5, np.float32)
        return Embeddings(self.audio(clips.audio), self.video(clips.video), words, alpha)

    def embed_raw(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed for audio and video queries: the features themselves, at length 1; class vectors all 0.

        Where audio and video are of two widths they cannot be compared, and their principal components are.
        """
        if clips.audio.shape[1] != clips.video.shape[1]:
            return self.embed(clips, class_vectors)
        audio, video = (unit(np.asarray(rows, np.float32)) for rows in (clips.audio, clips.video))
        none = np.zeros((len(class_vectors), audio.shape[1]), np.float32)
        return Embeddings(audio, video, none, np.full(len(clips), 0.5, np.float32))


def fit_pretrained(seen: SeenClips, class_vectors: Float[np.ndarray, "n_classes text_width"]) -> Pretrained:
    """Fit the principal components of both modalities on clips of seen classes.

    The paper (section 5) uses "the raw features ... as both are of same dimensions". Audio and video are, words
    are not, so for text queries features are cut to the width of the words. Features that are narrower than words
    are turned into their components and filled up with zeros.

    Raises:
        SetupError: class vectors are not one a class, or fewer than two seen classes have clips.
    """
    audio, video = (_components(seen, class_vectors, view) for view in (View.AUDIO, View.VIDEO))
    return Pretrained(audio, video)


def _components(
    seen: SeenClips, class_vectors: Float[np.ndarray, "n_classes text_width"], view: View
) -> Components:
    moments = TrainingRows.of(seen, class_vectors, view, InputForm.RAW, InputForm.RAW).moments()
    _, axes = np.linalg.eigh(moments.covariance)
    axes = axes[:, ::-1][:, : class_vectors.shape[1]]
    # An eigenvector may point either way; the way of its largest entry makes the result the same everywhere.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0, keepdims=True), axis=0)
    filled = np.zeros((len(axes), class_vectors.shape[1]), np.float32)
    filled[:, : axes.shape[1]] = axes * np.sign(largest)
    return Components(moments.mean.astype(np.float32), filled)
