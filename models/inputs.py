"""Inputs: what is done to features before a method looks at them, the same for train and test clips."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable

BLOCK = 4096  # rows at once


class InputForm(StrEnum):
    """What is done to a vector of features."""

    RAW = "raw"
    UNIT = "unit"  # L2-normalised
    STANDARD = "standard"  # each dimension standardised by the clips learnt from, then L2-normalised


@dataclass(frozen=True, slots=True)
class Inputs:
    """A form with what it takes from the clips that are learnt from, and from no other."""

    form: InputForm
    mean: Float[np.ndarray, " width"]
    scale: Float[np.ndarray, " width"]

    @staticmethod
    def of(form: InputForm, rows: Float[np.ndarray, "n_train width"]) -> "Inputs":
        """Take mean and scale from clips that are learnt from; a dimension that never changes keeps scale 1."""
        width = rows.shape[1]
        if form is not InputForm.STANDARD or not len(rows):
            return Inputs(form, np.zeros(width, np.float32), np.ones(width, np.float32))
        mean = rows.mean(0, dtype=np.float64)
        # Block by block: all rows in float64 would be twice what they are.
        squares = (np.square(rows[i : i + BLOCK] - mean).sum(0) for i in range(0, len(rows), BLOCK))
        spread = np.sqrt(sum(squares, start=np.zeros(width)) / len(rows))
        # Rounding of the mean leaves a little spread where there is none.
        scale = np.where(spread > np.finfo(np.float32).eps * np.abs(mean), spread, 1.0)
        return Inputs(form, mean.astype(np.float32), scale.astype(np.float32))

    def __call__(self, rows: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n width"]:
        """Bring rows into this form, as float32; a row of nothing but zeros stays one, unless it is standardised."""
        prepared = np.asarray(rows, np.float32)
        if self.form is InputForm.STANDARD:
            prepared = (prepared - self.mean) / self.scale
        return prepared if self.form is InputForm.RAW else unit(prepared)


def vectors_of(
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    which: Bool[np.ndarray, " n_flags"] | Int[np.ndarray, " n_learnt"],
    classes: ClassTable,
) -> Float[np.ndarray, "n_learnt text_width"]:
    """Vectors of the classes that are learnt from; no other row is looked at.

    Raises:
        SetupError: there is not one row a class, or one that is learnt from has no finite numbers.
    """
    if len(class_vectors) != len(classes.names):
        raise SetupError(
            f"{len(class_vectors)} class vectors for {len(classes.names)} classes; give one row a class"
        )
    learnt: np.ndarray = class_vectors[which]
    bad = np.arange(len(classes.names))[which][~np.isfinite(learnt).all(axis=1)]
    if len(bad):
        names = ", ".join(classes.names[i] for i in bad)
        raise SetupError(f"class vectors of {names} are not finite; make them again or leave the classes out")
    return learnt


def unit(rows: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n width"]:
    """Rows of length 1; a row of nothing but zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: np.ndarray = rows / np.where(lengths > 0, lengths, 1)
    return scaled
