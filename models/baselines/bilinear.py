"""Bilinear compatibility: how well a clip and a class fit, as a product with one matrix between them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures, View
from models.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Bilinear:
    """Scores x W s: x the features of a clip, s the vector of a class, both in the form they were learnt in."""

    weights: Float[np.ndarray, "width text_width"]
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
        found, expected = (rows.shape[1], class_vectors.shape[1]), self.weights.shape
        if found != expected:
            raise SetupError(
                f"{self.view} features and class vectors are {found} wide, expected {expected} as in training"
            )
        scores: np.ndarray = self.features(rows) @ (self.weights @ self.words(class_vectors).T)
        return scores
