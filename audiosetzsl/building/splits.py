"""Splits: 60/20/20 of every class, drawn by digest over the candidates, so that a vanished video moves no other."""

import hashlib
import itertools
from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np

from audiosetzsl.audioset.remotes import Source
from audiosetzsl.building.candidates import Candidates


class Split(StrEnum):
    """Part of the dataset a segment belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


def split_sizes(n: int) -> tuple[int, int, int]:
    """Train, val and test sizes of a class of `n`, rounded as the authors' lists are in all 33 classes."""
    train = -(-3 * n // 5)
    test = -(-(n - train) // 2)
    return train, n - train - test, test


# Draws a split over candidates: given them and the rows of those that the dataset keeps, a `Split` value for
# each of those rows, or None for a segment that the split does not know.
SplitRule = Callable[[Candidates, np.ndarray], np.ndarray]


def by_hash(seed: int = 0) -> SplitRule:
    """Rule of the published split: `hash_split` over everything the dataset keeps."""

    def rule(candidates: Candidates, rows: np.ndarray) -> np.ndarray:
        is_eval = candidates.source[rows] == Source.EVAL.value
        return hash_split(candidates.ytid[rows].tolist(), candidates.class_index[rows], is_eval, seed)

    return rule


def hash_split(
    ytids: Sequence[bytes], class_index: np.ndarray, is_eval: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Draw the split of every segment; the same segments get the same split in any order.

    Within a class the segments of AudioSet's eval list come first and the others follow by the SHA-256 of
    `<seed>:<ytid>`; test takes its share from the front, then val, and train takes the rest. So eval segments
    are test segments, as in the authors' lists, but for a class that has more of them than its test split.

    Returns:
        Object array [n] of `Split` values.
    """
    salt = f"{seed}:".encode()
    digest = np.array([hashlib.sha256(salt + ytid).digest() for ytid in ytids], dtype="S32")
    order = np.lexsort((digest, ~is_eval, class_index))
    splits = np.empty(len(order), object)
    bounds = np.flatnonzero(np.diff(class_index[order], prepend=-1, append=-1))
    for start, stop in itertools.pairwise(bounds.tolist()):
        _, n_val, n_test = split_sizes(stop - start)
        members = order[start:stop]
        splits[members[:n_test]] = Split.TEST.value
        splits[members[n_test : n_test + n_val]] = Split.VAL.value
        splits[members[n_test + n_val :]] = Split.TRAIN.value
    return splits
