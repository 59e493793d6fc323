"""Neighbours: which classes lie near each other by their vectors, and vectors that cannot be right."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

SAME = 0.99  # cosine from which two classes can hardly be told apart
_PAIRS_TOLD = 10


def neighbours(
    names: Sequence[str],
    matrix: Float[np.ndarray, "n_classes width"],
    seen: Bool[np.ndarray, " n_classes"],
    k: int = 3,
) -> pd.DataFrame:
    """The k classes nearest to each, by cosine; for unseen classes the k nearest seen ones besides.

    Returns:
        A row a neighbour: class_name, seen (whether that class is), among (`all` or `seen`), rank (from 1),
        neighbour, cosine. A vector of zeros has cosine 0 with everything.
    """
    cosines = _cosines(matrix)
    np.fill_diagonal(cosines, -np.inf)
    rows = []
    for i, name in enumerate(names):
        for among, allowed in (("all", np.ones_like(seen)), ("seen", seen)):
            if among == "seen" and seen[i]:
                continue
            order = np.argsort(np.where(allowed, -cosines[i], np.inf), kind="stable")
            n_others = int(allowed.sum()) - int(allowed[i])
            for rank, j in enumerate(order[: min(k, n_others)], start=1):
                rows.append((name, bool(seen[i]), among, rank, names[j], float(cosines[i, j])))
    columns = ["class_name", "seen", "among", "rank", "neighbour", "cosine"]
    return pd.DataFrame(rows, columns=columns)


def odd_vectors(names: Sequence[str], matrix: Float[np.ndarray, "n_classes width"]) -> list[str]:
    """What to be warned of: vectors of zeros, and pairs that are the same or nearly so."""
    zeros = [name for name, vector in zip(names, matrix, strict=True) if not vector.any()]
    warnings = [f"the vector of {name} is all zeros: nothing can be learnt from it" for name in zeros]
    cosines = np.triu(_cosines(matrix), k=1)
    pairs = sorted(np.argwhere(cosines >= SAME).tolist(), key=lambda pair: -cosines[pair[0], pair[1]])
    warnings += [
        f"{names[i]} and {names[j]} have {'the same' if cosines[i, j] > 1 - 1e-6 else 'nearly the same'} vector "
        f"(cosine {cosines[i, j]:.4f}): they can hardly be told apart"
        for i, j in pairs[:_PAIRS_TOLD]
    ]
    if len(pairs) > _PAIRS_TOLD:
        warnings.append(f"and {len(pairs) - _PAIRS_TOLD} more pairs of a cosine of {SAME} or more")
    return warnings


def _cosines(matrix: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n n"]:
    wide = matrix.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    directions = np.divide(wide, lengths, out=np.zeros_like(wide), where=lengths > 0)
    cosines: np.ndarray = directions @ directions.T
    return cosines
