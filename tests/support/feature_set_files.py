"""Feature sets that are drawn, and the files of other projects as their own scripts write them."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets import FeatureSet

# Not in the order of the alphabet, as in AudioSetZSL's own list.
NAMES, SEEN = ("dog", "cat", "bus", "pig", "church-bell"), (True, True, True, False, False)


def drawn(
    n: int = 60,
    *,
    widths: tuple[int, int] = (4, 6),
    dtype: str = "float32",
    held_out: tuple[str, ...] = (),
    made_of: Mapping[str, object] | None = None,
    seed: int = 0,
) -> FeatureSet:
    """Clips of three seen classes and two unseen ones in every split; by class and id, as readers give them."""
    rng = np.random.default_rng(seed)
    labels = np.sort(np.arange(n) % len(NAMES))
    ids = np.array(
        [f"{name:011}_{1000 * number}" for number, name in enumerate(sorted(rng.choice(10**6, n, False)))]
    )
    return FeatureSet(
        ids,
        labels,
        np.array(["train", "val", "test"])[np.arange(n) % 3],
        ClipFeatures(*(rng.normal(size=(n, width)).astype(dtype) for width in widths)),
        ClassTable(NAMES, SEEN),
        rng.normal(size=(len(NAMES), 3)).astype("float32"),
        held_out,
        made_of or {},
    )


def without(clips: FeatureSet, *, unseen_train: bool = True, val_of: tuple[str, ...] = (), val: bool = False):
    """A set that lacks the train clips of unseen classes, val clips of some classes, or all val clips."""
    names = np.array(clips.classes.names)[clips.labels]
    gone = unseen_train & ~clips.seen & (clips.splits == "train")
    gone |= (clips.splits == "val") & (np.isin(names, val_of) | val)
    return clips.rows(~gone)


def assert_same(found: FeatureSet, expected: FeatureSet) -> None:
    """Every part of two sets is the same, bit by bit."""
    for name in ("clip_ids", "labels", "splits", "class_vectors"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("audio", "video"):
        one, other = getattr(found.features, name), getattr(expected.features, name)
        assert one.dtype == other.dtype or not one.size
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    assert found.class_vectors.dtype == expected.class_vectors.dtype
    assert found.classes == expected.classes
    assert set(found.held_out) == set(expected.held_out)
    assert found.made_of == expected.made_of


def write_h5(path: Path, ids: list[str], rows: np.ndarray, *, as_text: bool = False) -> Path:
    """A file of a class as the authors write it (S80), or as AVCA-GZSL's script does (text of any length)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["data"] = rows
        if as_text:
            file.create_dataset("video_urls", data=ids, dtype=h5py.string_dtype())
        else:
            file["video_urls"] = np.array(ids, "S80")
    return path


def write_dict(path: Path, vectors: Mapping[str, np.ndarray]) -> Path:
    """Class vectors as others save them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, dict(vectors), allow_pickle=True)
    return path


def write_lines(path: Path, lines: list[str]) -> Path:
    """A text, one line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
