"""CONSE: a clip as the mix of the class vectors that a softmax over seen classes finds likeliest."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from models.baselines.softmax import Softmax, fit_softmax
from models.baselines.training_rows import TrainingRows
from models.inputs import InputForm, Inputs, unit


@dataclass(frozen=True, slots=True)
class ConseSettings:
    """How many classes are mixed, how the softmax is trained, and the forms of the inputs."""

    top: int = 5  # T of the source; more than there are seen classes means all of them
    ridge: float = 1e-3  # on the weights of the softmax, beside a mean over clips
    balanced: bool = True  # every class weighs alike in training, however many clips it has
    features: InputForm = InputForm.STANDARD
    words: InputForm = InputForm.STANDARD

    def __post_init__(self) -> None:
        """Refuse settings that mix nothing or have no minimum."""
        if self.top < 1:
            raise SetupError(f"top {self.top} must be 1 or more")
        if not 0 < self.ridge < math.inf:
            raise SetupError(f"ridge {self.ridge} must be above 0 and finite")


# A softmax a ridge; what is mixed costs nothing.
CONSE_GRID = tuple(
    ConseSettings(top, ridge, words=words)
    for ridge in (1e-2, 1e-3, 1e-4, 1e-5)
    for words in (InputForm.UNIT, InputForm.STANDARD)
    for top in (1, 2, 3, 5, 10, 20)
)


@dataclass(frozen=True, slots=True)
class Conse:
    """Scores by the cosine of a clip's mix of seen class vectors and the vector of any class."""

    softmax: Softmax
    seen_vectors: Float[np.ndarray, "n_seen text_width"]
    top: int
    view: View
    features: Inputs
    words: Inputs

    def scores(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[np.ndarray, "n_clips n_classes"]:
        """Score every class for every clip.

        Raises:
            SetupError: features or class vectors are of another width than those learnt from.
        """
        rows = clips.view(self.view)
        found = rows.shape[1], class_vectors.shape[1]
        expected = self.softmax.weights.shape[0], self.seen_vectors.shape[1]
        if found != expected:
            raise SetupError(
                f"{self.view} features and class vectors are {found} wide, expected {expected} as in training"
            )
        shares = likeliest(self.softmax.probabilities(self.features(rows)), self.top)
        scores: np.ndarray = unit(shares @ self.seen_vectors) @ unit(self.words(class_vectors)).T
        return scores


def likeliest(probabilities: Float[np.ndarray, "n n_seen"], top: int) -> Float[np.ndarray, "n n_seen"]:
    """Keep the `top` likeliest classes of each row and bring them to a sum of 1; all others get 0."""
    n_seen = probabilities.shape[1]
    kept = np.argsort(-probabilities, axis=1, kind="stable")[:, : min(top, n_seen)]
    shares = np.zeros_like(probabilities)
    np.put_along_axis(shares, kept, np.take_along_axis(probabilities, kept, axis=1), axis=1)
    normalised: np.ndarray = shares / shares.sum(1, keepdims=True)
    return normalised


def fit_conse(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    settings: ConseSettings | None = None,
    *,
    view: View,
) -> Conse:
    """Fit CONSE (Norouzi et al., ICLR 2014, section 3) on clips of seen classes.

    A clip x becomes f(x) = sum over its T likeliest seen classes of p(y_t | x) s(y_t), divided by the sum of these
    p; classes are ranked by cos(f(x), s). `top` is their T. Their p comes from a network that was trained on the
    seen classes; ours is a multinomial logistic regression on fixed features.

    Raises:
        SetupError: class vectors are not one a class, fewer than two seen classes have clips, or the softmax did not
            come to rest.
    """
    ((_, model),) = conse_grid(seen, class_vectors, (settings or ConseSettings(),), view=view)
    return model


def conse_grid(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    grid: Sequence[ConseSettings] = CONSE_GRID,
    *,
    view: View,
) -> Iterator[tuple[ConseSettings, Conse]]:
    """Fit every cell of a grid; neighbours that differ in words or `top` alone share a softmax."""
    for (features, balanced), of_form in groupby(grid, lambda cell: (cell.features, cell.balanced)):
        rows = TrainingRows.of(seen, class_vectors, view, features, InputForm.RAW)
        prepared = rows.features(rows.rows)
        for ridge, cells in groupby(of_form, lambda cell: cell.ridge):
            softmax = fit_softmax(prepared, rows.labels, ridge=ridge, balanced=balanced)
            for cell in cells:
                words = Inputs.of(cell.words, rows.class_vectors)
                learnt = words(rows.class_vectors)
                yield cell, Conse(softmax, learnt, cell.top, view, rows.features, words)
