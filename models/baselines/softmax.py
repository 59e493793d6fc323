"""Softmax: how likely each seen class is, by multinomial logistic regression trained until it moves no more."""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from audiosetzsl.errors import SetupError

MAX_STEPS = 1000
TOLERANCE = 1e-4  # of every entry of the gradient of the mean loss, unless the loss falls no more before that


@dataclass(frozen=True, slots=True)
class Softmax:
    """Softmax of x W + b."""

    weights: Float[np.ndarray, "width n_seen"]
    bias: Float[np.ndarray, " n_seen"]

    def probabilities(self, rows: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n n_seen"]:
        """Give every class its share; each row adds up to 1."""
        logits = rows @ self.weights + self.bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        normalised: np.ndarray = shares / shares.sum(1, keepdims=True)
        return normalised


def fit_softmax(
    rows: Float[np.ndarray, "n width"], labels: Int[np.ndarray, " n"], *, ridge: float, balanced: bool
) -> Softmax:
    """Minimise the mean over clips of -log p(class) + ridge / 2 |W|^2 by L-BFGS from 0; b has no ridge.

    The problem is convex, so nothing is drawn and the result is always the same. With `balanced`, clips weigh such
    that all classes weigh alike.

    Raises:
        SetupError: it has not come to rest after `MAX_STEPS`.
    """
    # Imported here: it takes a second, and only this function needs it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    counts = np.bincount(labels)
    # Of two classes scikit-learn fits the difference u of both columns, which has half of their squares.
    ridge_on_found = ridge / 2 if len(counts) == 2 else ridge
    model = LogisticRegression(C=1 / ridge_on_found, tol=TOLERANCE, max_iter=MAX_STEPS)
    weights = 1 / (len(counts) * counts) if balanced else np.full(len(counts), 1 / len(labels))
    with warnings.catch_warnings():
        # That steps ran out is said below, as an error; a line search that finds nothing lower has come to rest.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, labels, sample_weight=weights[labels])
    if model.n_iter_[0] >= MAX_STEPS:
        raise SetupError(
            f"the softmax did not come to rest in {MAX_STEPS} steps with ridge {ridge}; raise ridge"
        )
    found, bias = model.coef_.T, model.intercept_
    if len(counts) == 2:
        found, bias = np.hstack([-found, found]) / 2, np.hstack([-bias, bias]) / 2
    return Softmax(found.astype(np.float32), bias.astype(np.float32))
