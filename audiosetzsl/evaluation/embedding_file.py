"""Embedding files: clips and classes in one space, with the truth, from which retrieval is measured."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.files import NPZ_DAMAGE, atomic_path, damage_told

SPACE = ("audio", "video", "text", "alpha")
NAMES = ("segment_id", "class_name", "classes", "seen")


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
        ShardError: the file is absent or damaged, its arrays do not fit each other, a clip is of a class that it does
            not hold, or a number is not finite; the message names the first clip.
        SetupError: the disk does not give the file.
    """
    arrays = _read(path)
    space = {name: arrays[name] for name in SPACE}
    ids, names, classes, seen = (arrays[name].ravel().tolist() for name in NAMES)
    wrong = _misfit(space, len(names), len(classes))
    if len(ids) != len(names):
        wrong = f"{len(ids)} segment_id for {len(names)} class_name"
    if wrong:
        raise _damaged(path, wrong)
    try:
        table = ClassTable(tuple(classes), tuple(seen))
    except SetupError as problem:
        raise _damaged(path, problem) from problem
    strange = [(one, name) for one, name in zip(ids, names, strict=True) if name not in classes]
    if strange:
        raise ShardError(
            f"{path}: {len(strange)} of {len(ids)} clips are of classes that it does not hold, the first is "
            f"{strange[0][0]} of {strange[0][1]}; delete it and score again"
        )
    _check_finite(space, ids, classes, path)
    return Embeddings(**space), table.indices_of(names), table


def _read(path: Path) -> dict[str, np.ndarray]:
    with damage_told(path, ShardError):
        if not path.is_file():
            raise ShardError(f"{path} does not exist; score the model again or check the path")
        # Whole before it is taken apart: what the disk does not give, zipfile would call no zip file.
        content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return {name: found[name] for name in (*SPACE, *NAMES)}
    except NPZ_DAMAGE as problem:
        raise _damaged(path, problem) from problem


def _damaged(path: Path, problem: object) -> ShardError:
    return ShardError(f"{path} is damaged ({problem}); delete it and score again")


def _misfit(arrays: dict[str, np.ndarray], n_clips: int, n_classes: int) -> str | None:
    """What is wrong with the shapes or types of embeddings, if anything is."""
    if odd := [name for name in SPACE if arrays[name].dtype.kind != "f"]:
        return f"{odd[0]} is {arrays[odd[0]].dtype}, expected real numbers"
    width = arrays["text"].shape[1:]
    expected = [(n_clips, *width), (n_clips, *width), (n_classes, *width), (n_clips,)]
    found = [arrays[name].shape for name in SPACE]
    return None if found == expected else f"{', '.join(SPACE)} are {found}, expected {expected}"


def _check_finite(space: dict[str, np.ndarray], ids: list[str], classes: list[str], path: Path) -> None:
    for name, array in space.items():
        what, rows = ("classes", classes) if name == "text" else ("clips", ids)
        bad = np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(1, array.ndim))))
        if len(bad):
            raise ShardError(
                f"{path}: {name} of {len(bad)} of {len(rows)} {what} is not finite, the first is {rows[bad[0]]}; "
                "check the model, then delete the file and score again"
            )
