"""Neighbours: average precision of every clip's search among all the others, by Euclidean distance."""

from enum import StrEnum

import numpy as np
from jaxtyping import Float, Float32, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.bucket_ranking import precisions_of_first
from audiosetzsl.evaluation.closeness import distinct_rows

QUERIES_AT_ONCE = 128
COARSE = 256  # steps of the centre in a box of side 1


class Partner(StrEnum):
    """What becomes of the query's own clip in the gallery."""

    EXCLUDE = "exclude"  # the paper: the rest is the gallery
    KEEP = "keep"  # the authors' code; within one modality a query then finds itself first


def neighbour_precisions(
    queries: Float[np.ndarray, "n_clips width"],
    gallery: Float[np.ndarray, "n_gallery width_of_gallery"],
    actual: Int[np.ndarray, " n_labels"],
    partner: Partner = Partner.EXCLUDE,
) -> Float[np.ndarray, " n_clips"]:
    """Average precision of each query; NaN where its class has nothing to find.

    Row i of both sides is clip i; clips of the query's class are relevant. Distances are float32. Equal ones
    count as in `average_precision`, and gallery clips of one embedding are equally far.

    Raises:
        SetupError: the sides are not of one shape with a label a row, or an embedding is not finite.
    """
    if not queries.shape == gallery.shape == (len(actual), *queries.shape[1:]):
        raise SetupError(
            f"queries are {queries.shape}, the gallery {gallery.shape}, labels {actual.shape}; "
            "expected row i of all to be clip i, and one width"
        )
    queries, gallery = _in_a_box(queries, gallery)
    distinct, place = distinct_rows(gallery)
    repeats = len(distinct) < len(gallery)
    found = np.full(len(queries), np.nan)
    for label in np.unique(actual):
        # Queries of one class share their relevant clips, which come first here.
        own = np.flatnonzero(actual == label)
        order = place[np.r_[own, np.flatnonzero(actual != label)]]
        # Float32 is finest near the centre, so it is where most relevant clips are: one that lies far off must not
        # draw it away. A coarse one keeps whole numbers whole, and with them their ties.
        centre = np.round(np.median(gallery[own].astype(np.float64), axis=0) * COARSE) / COARSE
        items = _items(distinct if repeats else distinct[order], centre)
        for start in range(0, len(own), QUERIES_AT_ONCE):
            asked = own[start : start + QUERIES_AT_ONCE]
            distances = _asking(queries[asked], centre) @ items
            if repeats:
                distances = distances.take(order, axis=1)
            distances -= distances.min(axis=1, keepdims=True)
            n_relevant = len(own)
            if partner is Partner.EXCLUDE:
                rows = np.arange(len(asked))
                distances[rows, start + rows] = distances[:, 0]
                distances, n_relevant = distances[:, 1:], n_relevant - 1
            if n_relevant:
                found[asked] = precisions_of_first(distances, n_relevant)
    return found


def _in_a_box(*sides: Float[np.ndarray, "n_clips width"]) -> list[Float[np.ndarray, "n_clips width"]]:
    """Both sides divided by one power of two, which changes no digit: float32 then holds all squares."""
    for side in sides:
        bad = np.flatnonzero(~np.isfinite(side).all(axis=1))
        if len(bad):
            raise SetupError(
                f"{len(bad)} of {len(side)} embeddings are not finite, the first in row {bad[0]}; check the model"
            )
    largest = max(float(np.abs(side).max(initial=0)) for side in sides)
    exponent = -int(np.frexp(largest)[1])
    return [np.ldexp(side.astype(np.result_type(side, np.float32), copy=False), exponent) for side in sides]


def _items(
    rows: Float[np.ndarray, "n_items width"], centre: Float[np.ndarray, " width"]
) -> Float32[np.ndarray, "width_and_1 n_items"]:
    """Columns -2 y, |y|^2, whose products with `_asking` are squared distances less |x|^2: the same ranking.

    What all distances of a query have in common is left out, as it would cost digits where the modalities lie apart.
    """
    rows = rows - centre.astype(rows.dtype)
    columns = np.empty((rows.shape[1] + 1, len(rows)), np.float32)
    np.multiply(rows.T, -2, out=columns[:-1], casting="same_kind")
    columns[-1] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return columns


def _asking(
    rows: Float[np.ndarray, "n_queries width"], centre: Float[np.ndarray, " width"]
) -> Float32[np.ndarray, "n_queries width_and_1"]:
    """Rows x, 1."""
    rows = rows - centre.astype(rows.dtype)
    return np.hstack([rows, np.ones((len(rows), 1))], dtype=np.float32, casting="same_kind")
