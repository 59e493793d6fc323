"""ESZSL: a bilinear map in closed form, its whole grid from one decomposition."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import SeenClips, View
from models.baselines.bilinear import Bilinear
from models.baselines.training_rows import TrainingRows
from models.inputs import InputForm


@dataclass(frozen=True, slots=True)
class EszslSettings:
    """Both weights of the regulariser, and the forms of the inputs."""

    gamma: float = 10.0  # on the map of class vectors into the space of features
    lambda_: float = 0.1  # on the map of features into the space of class vectors
    features: InputForm = InputForm.STANDARD
    words: InputForm = InputForm.STANDARD

    def __post_init__(self) -> None:
        """Refuse weights for which there may be no solution."""
        if not (0 < self.gamma < math.inf and 0 < self.lambda_ < math.inf):
            raise SetupError(f"gamma {self.gamma} and lambda {self.lambda_} must both be above 0 and finite")


# Both weights over the powers of ten that the source searches.
ESZSL_GRID = tuple(EszslSettings(10.0**g, 10.0**la) for g in range(-3, 4) for la in range(-3, 4))


def fit_eszsl(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    settings: EszslSettings | None = None,
    *,
    view: View,
) -> Bilinear:
    """Fit ESZSL (Romera-Paredes & Torr, ICML 2015, section 3) on clips of seen classes.

    W = (X'X + gamma I)^-1 X' Y S (S'S + lambda I)^-1, with X the features [n_clips, width], S the class vectors
    [n_seen, text_width] and Y 1 where a clip is of a class, -1 elsewhere [n_clips, n_seen]. Their X, S and V are
    X', S' and W here; gamma and lambda are theirs, beta = gamma lambda as in their closed form.

    Raises:
        SetupError: class vectors are not one a class, or fewer than two seen classes have clips.
    """
    ((_, model),) = eszsl_grid(seen, class_vectors, (settings or EszslSettings(),), view=view)
    return model


def eszsl_grid(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    grid: Sequence[EszslSettings] = ESZSL_GRID,
    *,
    view: View,
) -> Iterator[tuple[EszslSettings, Bilinear]]:
    """Fit every cell of a grid; neighbours with the same forms share one pass over the clips and one eigh."""
    for forms, cells in groupby(grid, key=lambda cell: (cell.features, cell.words)):
        rows = TrainingRows.of(seen, class_vectors, view, *forms)
        solved = _Decomposed.of(rows)
        for cell in cells:
            weights = solved.weights(cell.gamma, cell.lambda_)
            yield cell, Bilinear(weights, view, rows.features, rows.words)


@dataclass(frozen=True, slots=True)
class _Decomposed:
    """X'X = P diag(p) P', S'S = Q diag(q) Q' where q > 0, and the core P' X' Y S Q."""

    p: Float[np.ndarray, " width"]
    left: Float[np.ndarray, "width width"]  # P
    q: Float[np.ndarray, " rank"]
    right: Float[np.ndarray, "text_width rank"]  # Q
    core: Float[np.ndarray, "width rank"]

    @staticmethod
    def of(rows: TrainingRows) -> "_Decomposed":
        moments = rows.moments()
        p, left = np.linalg.eigh(moments.gram)
        # Of 300 dimensions the seen classes span 23 or fewer; X' Y S is 0 in all others.
        _, singular, right = np.linalg.svd(rows.class_vectors, full_matrices=False)
        # X'Y: Y is twice a one-hot matrix less 1.
        agreed = 2 * moments.sums - moments.sums.sum(0)
        core = left.T @ (agreed.T @ (rows.class_vectors @ right.T))
        return _Decomposed(np.maximum(p, 0), left, singular**2, right.T, core)

    def weights(self, gamma: float, lambda_: float) -> Float[np.ndarray, "width text_width"]:
        divided = self.core / ((self.p + gamma)[:, None] * (self.q + lambda_))
        weights: np.ndarray = (self.left @ divided @ self.right.T).astype(np.float32)
        return weights
