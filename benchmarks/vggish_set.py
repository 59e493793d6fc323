"""Real sound: VGGish vectors of AudioSet's balanced list, drawn anew into train, val and test for each seed."""

from pathlib import Path

import numpy as np

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets import FeatureSet


def vggish_set(data: Path, seed: int) -> FeatureSet:
    """The clips of exactly one of the 33 classes, with mean-pooled vectors, 60/20/20 by class.

    They are no part of AudioSetZSL, which leaves the balanced list out: a development set.

    Args:
        data: folder with `vggish` and `word_vectors`.
        seed: of the draw of the splits.
    """
    with np.load(data / "vggish" / "balanced_33class.npz", allow_pickle=False) as file:
        frames, n_frames, starts = file["emb"], file["n_frames"], file["start"]
        names, ytids = file["cls"].tolist(), file["ytid"].tolist()
    table = ClassTable.of(AUDIOSETZSL)
    labels = table.indices_of(names)
    return FeatureSet(
        clip_ids=np.array([f"{y}_{round(1000 * float(s))}" for y, s in zip(ytids, starts, strict=True)]),
        labels=labels,
        splits=_splits(labels, seed),
        features=ClipFeatures(_pooled(frames, n_frames), np.zeros((len(labels), 0), np.float32)),
        classes=table,
        class_vectors=_words(data, table),
    )


def _pooled(frames: np.ndarray, n_frames: np.ndarray) -> np.ndarray:
    """Mean over the frames that a clip has; 8 bits stand for -2 to 2, as AudioSet says of its vectors."""
    there = np.arange(frames.shape[1]) < n_frames[:, None]
    values = frames.astype(np.float32) * (4 / 255) - 2
    return (values * there[..., None]).sum(1) / there.sum(1, keepdims=True)


def _splits(labels: np.ndarray, seed: int) -> np.ndarray:
    """60/20/20 of every class, rounded as in AudioSetZSL."""
    draw = np.random.default_rng(seed)
    splits = np.empty(len(labels), dtype="<U5")
    for label in np.unique(labels):
        clips = draw.permutation(np.flatnonzero(labels == label))
        n_train = -(-6 * len(clips) // 10)
        n_test = -(-(len(clips) - n_train) // 2)
        splits[clips[:n_train]] = "train"
        splits[clips[n_train : n_train + n_test]] = "test"
        splits[clips[n_train + n_test :]] = "val"
    return splits


def _words(data: Path, table: ClassTable) -> np.ndarray:
    with np.load(data / "word_vectors" / "audiosetzsl33_w2v_300d_best.npz", allow_pickle=False) as file:
        rows = dict(zip(file["names"].tolist(), file["vectors"], strict=True))
    return np.stack([rows[name] for name in table.names]).astype(np.float32)
