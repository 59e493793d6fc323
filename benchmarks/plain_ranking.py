"""Plain ranking: ALE and DeViSE clip by clip, as their papers give them; twin and yardstick of the fast ones."""

from collections.abc import Callable

import numpy as np


def pass_by_clips(
    rows: np.ndarray,
    labels: np.ndarray,
    words: np.ndarray,
    step: Callable[[np.ndarray, int, np.ndarray], np.ndarray],
    *,
    rate: float = 0.01,
) -> np.ndarray:
    """The map [width, text_width] after one step of SGD for each clip."""
    weights = np.zeros((rows.shape[1], words.shape[1]), np.float32)
    for row, label in zip(rows, labels, strict=True):
        scores = (row @ weights) @ words.T
        direction = step(scores, int(label), words)
        if direction.any():
            weights -= rate * np.outer(row, direction)
    return weights


def ale_step(scores: np.ndarray, label: int, words: np.ndarray, *, margin: float = 1.0) -> np.ndarray:
    """What a step moves the image of a clip away from: words of classes too high less its own, weighted."""
    wrong = [y for y in range(len(words)) if y != label and margin + scores[y] - scores[label] > 0]
    direction = np.zeros(words.shape[1], np.float32)
    for y in wrong:
        direction += words[y] - words[label]
    return direction * (sum(1 / i for i in range(1, len(wrong) + 1)) / max(len(wrong), 1))


def devise_step(scores: np.ndarray, label: int, words: np.ndarray, *, margin: float = 0.1) -> np.ndarray:
    """The same, without weights."""
    direction = np.zeros(words.shape[1], np.float32)
    for y in range(len(words)):
        if y != label and margin - scores[label] + scores[y] > 0:
            direction += words[y] - words[label]
    return direction
