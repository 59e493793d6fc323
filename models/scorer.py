"""Scorer: how a fitted model is asked for classes, and, as an embedder, for a space to search in."""

from typing import Protocol

import numpy as np
from jaxtyping import Float

from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures


class Scorer(Protocol):
    """Fitted on seen classes, asked about any; higher means more likely."""

    def scores(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[np.ndarray, "n_clips n_classes"]:
        """Score every class for every clip."""
        ...


class Embedder(Protocol):
    """A model that puts clips and classes into one space, so that they can be searched."""

    def embed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed the audio and the video of every clip, and every class."""
        ...
