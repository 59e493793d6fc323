"""SAE: a linear auto-encoder through the space of class vectors, its whole grid from two decompositions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from models.baselines.training_rows import TrainingRows
from models.inputs import InputForm, Inputs, unit


class Space(StrEnum):
    """Where clips and classes are compared; the source reports both."""

    WORDS = "words"  # clips are encoded: "V -> S" of the source
    FEATURES = "features"  # class vectors are decoded: "S -> V" of the source


@dataclass(frozen=True, slots=True)
class SaeSettings:
    """The weight of the encoder's error, where to compare, and the forms of the inputs."""

    lambda_: float = 1.0
    space: Space = Space.FEATURES
    features: InputForm = InputForm.STANDARD
    words: InputForm = InputForm.UNIT

    def __post_init__(self) -> None:
        """Refuse weights for which there may be no solution."""
        if not 0 < self.lambda_ < math.inf:
            raise SetupError(f"lambda {self.lambda_} must be above 0 and finite")


# Half powers of ten, as the source names none; its demo has one value a data set.
SAE_GRID = tuple(SaeSettings(10.0 ** (e / 2), space) for e in range(-8, 9) for space in Space)


@dataclass(frozen=True, slots=True)
class Sae:
    """Scores by the cosine of encoded clips and class vectors, or of clips and decoded class vectors."""

    encoder: Float[np.ndarray, "text_width width"]
    space: Space
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
        found, expected = (class_vectors.shape[1], rows.shape[1]), self.encoder.shape
        if found != expected:
            raise SetupError(
                f"class vectors and {self.view} features are {found} wide, expected {expected} as in training"
            )
        rows, words = self.features(rows), self.words(class_vectors)
        if self.space is Space.WORDS:
            rows = rows @ self.encoder.T
        else:
            words = words @ self.encoder
        scores: np.ndarray = unit(rows) @ unit(words).T
        return scores


def fit_sae(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    settings: SaeSettings | None = None,
    *,
    view: View,
) -> Sae:
    """Fit SAE (Kodirov, Xiang & Gong, CVPR 2017, eq. 4-6) on clips of seen classes.

    The encoder W minimises |X - S W|^2 + lambda |X W' - S|^2, with X the features [n_clips, width] and S the vector
    of each clip's class [n_clips, text_width], so that S'S W + lambda W X'X = (1 + lambda) S'X, a Sylvester
    equation. Their X and S are X' and S' here; W and lambda are theirs.

    Raises:
        SetupError: class vectors are not one a class, or fewer than two seen classes have clips.
    """
    ((_, model),) = sae_grid(seen, class_vectors, (settings or SaeSettings(),), view=view)
    return model


def sae_grid(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    grid: Sequence[SaeSettings] = SAE_GRID,
    *,
    view: View,
) -> Iterator[tuple[SaeSettings, Sae]]:
    """Fit every cell of a grid; neighbours with the same forms share one pass over the clips and both eigh."""
    for forms, cells in groupby(grid, key=lambda cell: (cell.features, cell.words)):
        rows = TrainingRows.of(seen, class_vectors, view, *forms)
        solved = _Decomposed.of(rows)
        for cell in cells:
            yield cell, Sae(solved.encoder(cell.lambda_), cell.space, view, rows.features, rows.words)


@dataclass(frozen=True, slots=True)
class _Decomposed:
    """S'S = P diag(p) P' where p > 0, X'X = Q diag(q) Q', and the core P' S'X Q."""

    p: Float[np.ndarray, " rank"]
    left: Float[np.ndarray, "text_width rank"]  # P
    q: Float[np.ndarray, " width"]
    right: Float[np.ndarray, "width width"]  # Q
    core: Float[np.ndarray, "rank width"]

    @staticmethod
    def of(rows: TrainingRows) -> "_Decomposed":
        moments = rows.moments()
        q, right = np.linalg.eigh(moments.gram)
        # S'S has a row a class with the root of its number of clips, so it needs no eigh of its full width.
        weighted = np.sqrt(moments.counts)[:, None] * rows.class_vectors
        _, singular, left = np.linalg.svd(weighted, full_matrices=False)
        left = left[singular > singular[0] * np.finfo(np.float64).eps * max(weighted.shape)]
        core = (left @ rows.class_vectors.T) @ (moments.sums @ right)
        return _Decomposed(singular[: len(left)] ** 2, left.T, np.maximum(q, 0), right, core)

    def encoder(self, lambda_: float) -> Float[np.ndarray, "text_width width"]:
        """In both eigenbases the equation falls apart into one division an entry."""
        divided = (1 + lambda_) * self.core / (self.p[:, None] + lambda_ * self.q)
        encoder: np.ndarray = (self.left @ divided @ self.right.T).astype(np.float32)
        return encoder
