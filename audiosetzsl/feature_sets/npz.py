"""Npz: a whole feature set in one file of NumPy, by named arrays; the form that holds everything."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
from jaxtyping import Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, faulty_rows
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.made_of import as_json, facts_of
from audiosetzsl.feature_sets.named import Name
from audiosetzsl.files import NOT_GIVEN, NPZ_DAMAGE, damage_told
from audiosetzsl.word_tables.npy import stored

# By name: the kinds of type that may be, and the number of axes.
ARRAYS = {
    "clip_ids": ("US", 1),
    "clip_classes": ("US", 1),
    "splits": ("US", 1),
    "audio": ("f", 2),
    "video": ("f", 2),
    "class_names": ("US", 1),
    "class_seen": ("b", 1),
    "class_vectors": ("f", 2),
    "held_out": ("US", 1),
    "made_of": ("US", 0),
}
OPTIONAL = ("audio", "video", "held_out", "made_of")


def read_npz(name: Name) -> FeatureSet:
    """Read a file of the arrays `ARRAYS`; those of `OPTIONAL` may be absent, but not both kinds of features.

    Raises:
        SetupError: the file is absent, damaged or not given by the disk, or an array is missing, unknown or not what
            it should be; of features, the message names the clip.
    """
    path = name.path
    arrays = _read(path)
    ids, names = arrays["clip_ids"], arrays["class_names"].tolist()
    seen = arrays["class_seen"].tolist()
    if not {"audio", "video"} & set(arrays):
        raise SetupError(f"{path} has no features: neither audio nor video; expected one of them or both")
    rows = [arrays.get(kind, np.empty((len(ids), 0), np.float32)) for kind in ("audio", "video")]
    for key in ("clip_classes", "splits", "audio", "video"):
        if key in arrays and len(arrays[key]) != len(ids):
            raise SetupError(
                f"{path}: {key} has {len(arrays[key])} rows for {len(ids)} clip_ids; expected one each"
            )
    for kind, matrix in zip(("audio", "video"), rows, strict=True):
        bad, what = faulty_rows(matrix)
        if len(bad):
            raise SetupError(
                f"{path}: {kind} of {len(bad)} of {len(ids)} clips is {what}, the first is {ids[bad[0]]}; "
                "extract these clips again or leave them out"
            )
    return FeatureSet(
        ids,
        _labels(arrays["clip_classes"], names, ids, path),
        arrays["splits"],
        ClipFeatures(rows[0], rows[1]),
        ClassTable(tuple(names), tuple(seen)),
        arrays["class_vectors"],
        tuple(arrays["held_out"].tolist()) if "held_out" in arrays else (),
        facts_of(str(arrays["made_of"]), f"{path}, made_of,") if "made_of" in arrays else {},
    ).in_order()


def fit_npz(name: Name, clips: FeatureSet, leave_out: bool) -> FeatureSet:
    """The set as it is: this form holds everything."""
    return clips


def write_npz(name: Name, clips: FeatureSet, path: Path) -> None:
    """Write a set, uncompressed: features hardly shrink."""
    names = np.array(clips.classes.names, np.str_)
    with path.open("wb") as file:
        np.savez(
            file,
            clip_ids=clips.clip_ids,
            clip_classes=names[clips.labels],
            splits=clips.splits,
            audio=clips.features.audio,
            video=clips.features.video,
            class_names=names,
            class_seen=clips.classes.seen_mask,
            class_vectors=clips.class_vectors,
            held_out=np.array(clips.held_out, np.str_),
            made_of=np.array(as_json(clips.made_of)),
        )


def _read(path: Path) -> dict[str, np.ndarray]:
    with damage_told(path, SetupError):
        try:
            return _arrays_of(path)
        except (*NPZ_DAMAGE, MemoryError) as problem:
            # Where the disk does not give the end of a file, zipfile calls it no zip file.
            said = problem if isinstance(problem, OSError) else problem.__context__
            if isinstance(said, OSError) and said.errno in NOT_GIVEN:
                raise said from None
            raise SetupError(
                f"{path} cannot be read as .npz ({problem}); it is absent, damaged or something else: make it again"
            ) from problem


def _arrays_of(path: Path) -> dict[str, np.ndarray]:
    with ZipFile(path) as archive, np.load(path, allow_pickle=False) as file:
        if missing := [key for key in ARRAYS if key not in (*OPTIONAL, *file)]:
            raise SetupError(f"{path} has no array {', '.join(missing)}; see docs/feature-sets.md")
        if unknown := sorted(set(file) - set(ARRAYS)):
            raise SetupError(
                f"{path} holds {unknown[0]}, which is none of {', '.join(ARRAYS)}; rename or drop it"
            )
        for key in file:
            _check_header(archive, key, path)
        return {key: _plain(file[key]) for key in file}


def _check_header(archive: ZipFile, key: str, path: Path) -> None:
    """Hold an array to its kind before it is read; a header that announces more than is there is damage."""
    kinds, n_axes = ARRAYS[key]
    with stored(archive, key) as array:
        if array.dtype.kind not in kinds or len(array.shape) != n_axes:
            raise SetupError(
                f"{path}: {key} is {array.dtype} {array.shape}, expected {n_axes} axes of type {' or '.join(kinds)}"
            )


def _plain(array: np.ndarray) -> np.ndarray:
    """Text as text, numbers in the byte order of this machine."""
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _labels(
    classes: np.ndarray, names: list[str], ids: np.ndarray, path: Path
) -> Int[np.ndarray, " n_clips"]:
    strange = np.flatnonzero(~np.isin(classes, names))
    if len(strange):
        raise SetupError(
            f"{path}: {len(strange)} clips are of unknown classes, the first is {ids[strange[0]]} of "
            f"{classes[strange[0]]}; expected names of class_names"
        )
    order = np.argsort(names)
    labels: np.ndarray = order[np.searchsorted(np.array(names)[order], classes)]
    return labels
