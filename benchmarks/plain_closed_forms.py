"""Closed forms said plainly: one cell at a time, from the sources' formulas; yardstick of the fast ones."""

import itertools

import numpy as np
import scipy.linalg


def plain_eszsl(
    features: np.ndarray, labels: np.ndarray, vectors: np.ndarray, gamma: float, lambda_: float
) -> np.ndarray:
    """One cell of ESZSL: a product of all clips and two inverses."""
    x, y = features.astype(np.float64), 2 * np.eye(len(vectors))[labels] - 1
    left = np.linalg.inv(x.T @ x + gamma * np.eye(x.shape[1]))
    right = np.linalg.inv(vectors.T @ vectors + lambda_ * np.eye(vectors.shape[1]))
    return left @ (x.T @ y @ vectors) @ right


def plain_sae(features: np.ndarray, labels: np.ndarray, vectors: np.ndarray, lambda_: float) -> np.ndarray:
    """One cell of SAE: products of all clips and a Sylvester equation."""
    x, s = features.astype(np.float64), vectors[labels]
    return scipy.linalg.solve_sylvester(s.T @ s, lambda_ * (x.T @ x), (1 + lambda_) * (s.T @ x))


def plain_axes(
    covariance: np.ndarray, widths: tuple[int, ...], ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    """All axes and correlations of GCCA, by the general solver."""
    ends = np.cumsum((0, *widths))
    blocks = [covariance[a:b, a:b] for a, b in itertools.pairwise(ends)]
    shrunk = [block + ridge * np.diag(block).mean() * np.eye(len(block)) for block in blocks]
    off = covariance - scipy.linalg.block_diag(*blocks)
    values, vectors = scipy.linalg.eigh(off, scipy.linalg.block_diag(*shrunk))
    return vectors[:, ::-1], values[::-1] / (len(widths) - 1)
