"""HDF5 tree: files, one a class, split and kind, joined by clip id into one set of clips."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.hdf5_file import (
    opened,
    read_ids,
    read_rows,
    shape_of,
    sorting,
    write_class_file,
)

KINDS = ("audio", "video")


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips by class and id."""

    ids: np.ndarray  # str [n_clips]
    labels: Int[np.ndarray, " n_clips"]
    splits: np.ndarray  # str [n_clips]
    features: ClipFeatures


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two files of a class in one split, and the ids of both."""

    label: int
    split: str
    paths: tuple[Path, Path]
    ids: tuple[np.ndarray, np.ndarray]
    widths: tuple[int, int]
    types: tuple[np.dtype, np.dtype]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of class files below audio/ and video/, the split of its clips, and whose clips may lie there."""

    name: str
    split: str
    classes: Collection[str]


def read_clips(root: Path, folders: Iterable[Folder], names: Sequence[str]) -> Clips:
    """Read `root/{audio,video}/<folder>/<class>.h5`; a class without a file in a folder has no clips there.

    Memory is what the features take, and a second copy of one class at a time.

    Args:
        root: the folder of both kinds.
        folders: where to look.
        names: all classes, in their order; a file may spell a class with other capitals.

    Raises:
        SetupError: a file is damaged or of no class that may lie there, the two kinds hold different clips, widths
            differ, or a clip stands twice; the message names file and clip.
    """
    pairs = [pair for folder in folders for pair in _pairs(root, folder, names)]
    if not pairs:
        raise SetupError(f"{root} holds no clips; expected files {{audio,video}}/<split>/<class>.h5")
    pairs.sort(key=lambda pair: pair.label)
    by_id = np.concatenate([pair.ids[0] for pair in pairs])
    _check_once(pairs, by_id)
    matrices = [_matrix(pairs, kind) for kind in (0, 1)]
    labels = np.repeat([pair.label for pair in pairs], [len(pair.ids[0]) for pair in pairs])
    splits = np.repeat([pair.split for pair in pairs], [len(pair.ids[0]) for pair in pairs])
    order = np.lexsort((by_id, labels))
    return Clips(by_id[order], labels[order], splits[order], ClipFeatures(*matrices))


def write_clips(root: Path, folder: str, clips: FeatureSet, among: Bool[np.ndarray, " n_clips"]) -> None:
    """Write some clips of a set into one folder of each kind, with a second copy of one class at a time."""
    for kind, matrix in zip(KINDS, (clips.features.audio, clips.features.video), strict=True):
        (root / kind / folder).mkdir(parents=True, exist_ok=True)
        for label in np.unique(clips.labels[among]).tolist():
            rows = np.flatnonzero(among & (clips.labels == label))
            path = root / kind / folder / f"{clips.classes.names[label]}.h5"
            write_class_file(path, clips.clip_ids[rows], matrix[rows])


def _pairs(root: Path, folder: Folder, names: Sequence[str]) -> list[_Pair]:
    audio, video = (_files(root / kind / folder.name, folder.classes, names) for kind in KINDS)
    if odd := sorted(set(audio) ^ set(video)):
        there, other = (audio, "video") if odd[0] in audio else (video, "audio")
        raise SetupError(
            f"{there[odd[0]]} has no counterpart in {root / other / folder.name}; expected both kinds of every clip"
        )
    return [_pair(label, folder.split, (audio[label], video[label])) for label in sorted(audio)]


def _files(folder: Path, classes: Collection[str], names: Sequence[str]) -> dict[int, Path]:
    """The file of each class in a folder, by the number of the class."""
    if not folder.is_dir():
        return {}
    numbers = {name: number for number, name in enumerate(names)}
    in_small = {name.casefold(): number for name, number in numbers.items()}
    files: dict[int, Path] = {}
    for path in sorted(folder.glob("*.h5")):
        number = numbers.get(path.stem, in_small.get(path.stem.casefold()))
        if number is None:
            raise SetupError(
                f"{path} is of no class of the {len(names)} in class-split; name it there or delete it"
            )
        if names[number] not in classes:
            raise SetupError(
                f"{path} holds clips of {names[number]}, which is not among the classes of {folder.name} in "
                "class-split; name it there or delete the file"
            )
        if number in files:
            raise SetupError(f"{path} and {files[number]} are of one class; expected one file")
        files[number] = path
    return files


def _pair(label: int, split: str, paths: tuple[Path, Path]) -> _Pair:
    ids, widths, types = [], [], []
    for path in paths:
        with opened(path) as file:
            ids.append(read_ids(file, path))
            width, dtype = shape_of(file, path, len(ids[-1]))
        widths.append(width)
        types.append(dtype)
    _check_alike(paths, ids)
    return _Pair(label, split, paths, (ids[0], ids[1]), (widths[0], widths[1]), (types[0], types[1]))


def _check_alike(paths: tuple[Path, Path], ids: Sequence[np.ndarray]) -> None:
    if np.array_equal(np.sort(ids[0]), np.sort(ids[1])):
        return
    here, there = (0, 1) if len(np.setdiff1d(ids[0], ids[1])) else (1, 0)
    lone = np.setdiff1d(ids[here], ids[there])
    raise SetupError(
        f"{paths[here]} holds {len(lone)} clips that {paths[there]} does not, the first is {lone[0]}; "
        "expected the same clips in both"
    )


def _check_once(pairs: Sequence[_Pair], ids: np.ndarray) -> None:
    order = sorting(ids)
    twice = order[1:][ids[order[1:]] == ids[order[:-1]]]
    if len(twice):
        name = ids[twice[0]]
        paths = [str(pair.paths[0]) for pair in pairs if (pair.ids[0] == name).any()]
        raise SetupError(f"{name} stands in {' and in '.join(paths)}; expected each clip once")


def _matrix(pairs: Sequence[_Pair], kind: int) -> Float[np.ndarray, "n_clips width"]:
    """Features of one kind, by class and id."""
    first = pairs[0]
    for pair in pairs:
        if pair.widths[kind] != first.widths[kind]:
            raise SetupError(
                f"{pair.paths[kind]} is {pair.widths[kind]} wide, {first.paths[kind]} is {first.widths[kind]}; "
                "expected one width"
            )
    n_clips = sum(len(pair.ids[kind]) for pair in pairs)
    dtype = np.result_type(*(pair.types[kind] for pair in pairs)).newbyteorder("=")
    matrix = np.empty((n_clips, first.widths[kind]), dtype)
    stop = 0
    for label in dict.fromkeys(pair.label for pair in pairs):
        start, of_class = stop, [pair for pair in pairs if pair.label == label]
        for pair in of_class:
            stop += len(pair.ids[kind])
            read_rows(pair.paths[kind], pair.ids[kind], matrix[stop - len(pair.ids[kind]) : stop])
        order = sorting(np.concatenate([pair.ids[kind] for pair in of_class]))
        if (order != np.arange(len(order))).any():
            matrix[start:stop] = matrix[start:stop][order]
    return matrix
