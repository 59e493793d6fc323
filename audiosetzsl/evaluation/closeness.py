"""Closeness: minus the Euclidean distance, the score by which embeddings are compared."""

import numpy as np
from jaxtyping import Float, Int


def closeness(
    queries: Float[np.ndarray, "n_queries width"], gallery: Float[np.ndarray, "n_gallery width"]
) -> Float[np.ndarray, "n_queries n_gallery"]:
    """Minus the Euclidean distance of every query to every gallery item, in float64.

    Rows that are the same have the same scores to the last bit, so that rankings see them as tied.
    """
    (left, of_query), (right, of_item) = (distinct_rows(rows) for rows in (queries, gallery))
    left, right = left.astype(np.float64), right.astype(np.float64)
    squares = np.square(left).sum(1)[:, None] + np.square(right).sum(1) - 2 * left @ right.T
    # Rounding may leave a distance of nothing just below zero.
    scores: np.ndarray = -np.sqrt(np.maximum(squares, 0))
    if len(left) < len(queries):
        scores = scores[of_query]
    return scores if len(right) == len(gallery) else scores[:, of_item]


def distinct_rows(
    rows: Float[np.ndarray, "n_rows width"],
) -> tuple[Float[np.ndarray, "n_distinct width"], Int[np.ndarray, " n_rows"]]:
    """The rows without repeats, and where each row went: silent clips all have one embedding.

    A matrix product may round the same row differently at different places, so whatever must be tied is computed
    once. Rows that do not repeat keep their order.
    """
    if not rows.size:
        return rows, np.arange(len(rows))
    plain = np.ascontiguousarray(rows + 0.0)  # minus zero is zero
    names = plain.view(np.dtype((np.void, plain.itemsize * plain.shape[1]))).ravel()
    _, first, place = np.unique(names, return_index=True, return_inverse=True)
    if len(first) == len(rows):
        return rows, np.arange(len(rows))
    return plain[first], place
