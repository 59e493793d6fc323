"""Embedding files: clips and classes in one space, with the truth, from which retrieval is measured."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.files import NPZ_DAMAGE, atomic_path

SPACE = ("audio", "video", "text", "alpha")


def write_embeddings(path: Path, rows: pd.DataFrame, embeddings: Embeddings, classes: ClassTable) -> Path:
    """Write embeddings of manifest rows and of the classes as an .npz, whole or not at all.

    Its arrays are audio, video [n_clips, width] and alpha [n_clips], segment_id and class_name beside them, text
    [n_classes, width], and classes and seen beside that.

    Raises:
        SetupError: clips or classes are not as many as their embeddings.
    """
    arrays: dict[str, Any] = {name: np.asarray(getattr(embeddings, name), np.float32) for name in SPACE}
    if wrong := _misfit(arrays, len(rows), len(classes.names)):
        raise SetupError(wrong)
    named: dict[str, Any] = {
        "segment_id": np.array(rows.segment_id.tolist(), np.str_),
        "class_name": np.array(rows.class_name.tolist(), np.str_),
        "classes": np.array(classes.names, np.str_),
        "seen": classes.seen_mask,
    }
    # Opened here: given a name, NumPy would add .npz to it.
    with atomic_path(path) as scratch, scratch.open("wb") as file:
        np.savez(file, **named, **arrays)
    return path


def read_embeddings(path: Path) -> tuple[Embeddings, Int[np.ndarray, " n_clips"], ClassTable]:
    """Embeddings, the column of each clip's class, and the classes: what `retrieve` takes.

    Raises:
        ShardError: the file is absent, damaged, or its arrays do not fit each other.
    """
    if not path.is_file():
        raise ShardError(f"{path} does not exist; score the model again or check the path")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in SPACE}
            names, classes, seen = (found[name].tolist() for name in ("class_name", "classes", "seen"))
            table = ClassTable(tuple(classes), tuple(seen))
            actual = table.indices_of(names)
    except (*NPZ_DAMAGE, SetupError) as problem:
        raise ShardError(f"{path} is damaged ({problem}); delete it and score again") from problem
    if wrong := _misfit(arrays, len(names), len(classes)):
        raise ShardError(f"{path} is damaged ({wrong}); delete it and score again")
    return Embeddings(**arrays), actual, table


def _misfit(arrays: dict[str, np.ndarray], n_clips: int, n_classes: int) -> str | None:
    """What is wrong with the shapes of embeddings, if anything is."""
    width = arrays["text"].shape[1:]
    expected = [(n_clips, *width), (n_clips, *width), (n_classes, *width), (n_clips,)]
    found = [arrays[name].shape for name in SPACE]
    return None if found == expected else f"{', '.join(SPACE)} are {found}, expected {expected}"
