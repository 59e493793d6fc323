"""Digest: what tells a feature set from every other that a method could learn something else from."""

import hashlib
import json

import numpy as np

from audiosetzsl.feature_sets.feature_set import FeatureSet

ARRAYS = ("clip_ids", "labels", "splits", "class_vectors", "audio", "video")


def digest_of(clips: FeatureSet) -> str:
    """SHA-256 of all that methods learn from and are asked about, read where it lies."""
    told = hashlib.sha256(rest_of(clips))
    for name, array in arrays_of(clips).items():
        told.update(f"{name} {array.dtype} {array.shape}".encode())
        told.update(np.ascontiguousarray(array).data if array.dtype.kind != "U" else _text(array))
    return told.hexdigest()


def arrays_of(clips: FeatureSet) -> dict[str, np.ndarray]:
    """The arrays of a feature set by name."""
    rows = clips.features
    found = (clips.clip_ids, clips.labels, clips.splits, clips.class_vectors, rows.audio, rows.video)
    return dict(zip(ARRAYS, found, strict=True))


def rest_of(clips: FeatureSet) -> bytes:
    """All else of a feature set, as JSON: names, seen, held_out, made_of."""
    classes = clips.classes
    rest = {
        "names": classes.names,
        "seen": classes.seen,
        "held_out": clips.held_out,
        "made_of": dict(clips.made_of),
    }
    return json.dumps(rest, sort_keys=True).encode()


def _text(array: np.ndarray) -> bytes:
    return json.dumps(array.tolist()).encode()
