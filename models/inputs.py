"""Inputs: what is done to features before a method looks at them, the same for train and test clips."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float

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
        """Bring rows into this form, as float32; a row of nothing but zeros stays one."""
        prepared = np.asarray(rows, np.float32)
        if self.form is InputForm.STANDARD:
            prepared = (prepared - self.mean) / self.scale
        return prepared if self.form is InputForm.RAW else unit(prepared)


def unit(rows: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n width"]:
    """Rows of length 1; a row of nothing but zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: np.ndarray = rows / np.where(lengths > 0, lengths, 1)
    return scaled
