"""Laid out: a feature set as plain arrays in a folder, which many processes map into memory and share."""

import errno
import json
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np

from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets import FeatureSet
from audiosetzsl.feature_sets.digest import ARRAYS, arrays_of, rest_of
from audiosetzsl.feature_sets.feature_set import SPLITS
from audiosetzsl.files import atomic_path, write_bytes

REST = "classes.json"


def lay_out(clips: FeatureSet, folder: Path) -> Path:
    """Write a feature set as .npy files; the file of the classes comes last, and says that all are there.

    Clips stand split by split, and seen before unseen ones, so that what is learnt from, val and test are a stretch
    of the files each: memory that all processes share, where rows picked out would be a copy in every one of them.
    """
    if not (folder / REST).is_file():
        split = np.array([SPLITS.index(one) for one in clips.splits.tolist()], np.int64)
        order = np.lexsort((~clips.seen, split))
        for name, array in arrays_of(clips).items():
            with atomic_path(folder / f"{name}.npy") as scratch:
                _save(scratch, array if name == "class_vectors" else array[order])
        write_bytes(folder / REST, rest_of(clips))
    return folder


def clear(folder: Path) -> None:
    """Remove all sets that were laid out in a folder: made again within seconds, each is as large as all features.

    The file that says that all is there goes first, so that one half removed does not count.
    """
    for told in folder.glob(f"*/{REST}"):
        told.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=1)
def open_laid_out(folder: Path) -> FeatureSet:
    """Map a feature set that was laid out; a process that works on several trainings opens it once."""
    rest = json.loads((folder / REST).read_text())
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
    return FeatureSet(
        np.array(arrays["clip_ids"]),
        np.array(arrays["labels"]),
        np.array(arrays["splits"]),
        ClipFeatures(arrays["audio"], arrays["video"]),
        ClassTable(tuple(rest["names"]), tuple(rest["seen"])),
        np.array(arrays["class_vectors"]),
        tuple(rest["held_out"]),
        rest["made_of"],
    )


def _save(path: Path, array: np.ndarray) -> None:
    """Write an array as .npy; of a full disk NumPy says only how much went there, without the number of the error."""
    try:
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    except OSError as problem:
        raise OSError(problem.errno or errno.ENOSPC, str(problem), str(path)) from problem
