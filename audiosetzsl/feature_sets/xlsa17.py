"""Xlsa17: res101.mat and att_splits.mat of Xian et al. (TPAMI 2019), features of one kind and their splits."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, View, faulty_rows
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.made_of import read_made_of, write_made_of
from audiosetzsl.feature_sets.mat_file import (
    MAX_BYTES,
    as_cells,
    read_mat,
    real_matrix,
    texts,
    whole_numbers,
    write_mat,
)
from audiosetzsl.feature_sets.named import Name
from audiosetzsl.feature_sets.places import (
    FIRST_STAGE,
    PLACES,
    check_places,
    held_out_classes,
    seen_classes,
)
from audiosetzsl.feature_sets.room import Homeless, fitted, refuse

FEATURES, SPLITS = "res101.mat", "att_splits.mat"
# In the files of Xian et al. train_loc and val_loc hold the clips of test_seen_loc too. We never choose on these,
# but remember it, so that a file comes back as it was.
WITH_TEST = "train_loc and val_loc hold test_seen_loc"


def read_xlsa17(name: Name) -> FeatureSet:
    """Read a data set of xlsa17: `features` are of pictures, unless `?view=audio`.

    Columns of classes are in the order of `att`; trainval_loc is train, the classes of val_loc are held out. In
    copies without train_loc and val_loc none are. Clips are called by `image_files`, else by their
    number, from 1; classes by `allclasses_names`, else the same.

    Raises:
        SetupError: a file is absent, damaged or contradicts itself; the message names file and clip.
    """
    view = _view(name)
    paths = name.path / FEATURES, _splits_file(name)
    held = read_mat(paths[0], ("features", "labels"), ("image_files",))
    told = read_mat(paths[1], ("att", *PLACES), (*FIRST_STAGE, "allclasses_names"))
    rows = real_matrix(held["features"], "features", paths[0]).T
    vectors = real_matrix(told["att"], "att", paths[1]).T
    n_clips, n_classes = len(rows), len(vectors)
    labels = whole_numbers(held["labels"], "labels", paths[0], n_classes)
    if not n_clips or len(labels) != n_clips:
        raise SetupError(
            f"{paths[0]} has {n_clips} columns of features and {len(labels)} labels; expected one each"
        )
    ids = _names(held.get("image_files"), "image_files", paths[0], n_clips)
    classes = _names(told.get("allclasses_names"), "allclasses_names", paths[1], n_classes)
    bad, what = faulty_rows(rows)
    if len(bad):
        raise SetupError(
            f"{paths[0]}: the features of {len(bad)} of {n_clips} clips are {what}, the first is {ids[bad[0]]}; "
            "extract these clips again or leave them out"
        )
    no_clips = np.empty(0, np.int64)
    places = {
        key: whole_numbers(told.get(key, no_clips), key, paths[1], n_clips) for key in (*PLACES, *FIRST_STAGE)
    }
    check_places(places, ids, paths[1])
    seen = seen_classes(places, labels, classes, paths[1])
    with_test = np.isin(np.concatenate([places[key] for key in FIRST_STAGE]), places["test_seen_loc"]).any()
    splits = np.full(n_clips, "test ")
    splits[places["trainval_loc"]] = "train"
    return FeatureSet(
        np.array(ids),
        labels,
        np.char.strip(splits),
        _as_kind(rows, view),
        ClassTable(tuple(classes), tuple(seen.tolist())),
        vectors,
        held_out_classes(places, labels, classes, paths[1]),
        {**read_made_of(name.path), **({WITH_TEST: True} if with_test else {})},
    ).in_order()


def fit_xlsa17(name: Name, clips: FeatureSet, leave_out: bool) -> FeatureSet:
    """The set as this form holds it: no val split, no train clips of unseen classes, features of one kind.

    Raises:
        SetupError: clips have no place and may not be left out, a class would have none, both kinds are there and the
            name does not say which, or the features take 2 GB or more.
    """
    widths = {"audio": clips.features.audio.shape[1], "video": clips.features.video.shape[1]}
    faults = []
    if "view" not in name.options and widths["audio"]:
        faults = [f"it holds one kind of features; say which, as in {name.form}:{name.path}?view=video"]
    if name.options.get("splits") == FEATURES:
        faults += [f"{FEATURES} is the name of its features, not of its splits"]
    refuse(name.form, faults)
    view = _view(name)
    unseen_train = ~clips.seen & (clips.splits == "train")
    homeless = (
        Homeless("val clips", clips.splits == "val"),
        Homeless("train clips of unseen classes", unseen_train),
    )
    fitting = fitted(name.form, clips, homeless, leave_out=leave_out)
    present = set(np.array(clips.classes.names)[np.unique(fitting.labels)].tolist())
    learnt = set(np.array(clips.classes.names)[fitting.labels[fitting.splits == "train"]].tolist())
    empty = [one for one in clips.classes.names if one not in present]
    bare = [one for one in clips.held_out if one not in learnt]
    rows = fitting.features.view(view)
    faults = [f"class {one} has no clips, by which alone it says what is seen" for one in empty[:1]]
    faults += [f"MATLAB has no {rows.dtype}"] if rows.dtype.itemsize not in (4, 8) else []
    faults += [f"held-out class {one} has no train clips" for one in bare[:1]]
    faults += (
        [f"its features take {rows.nbytes} bytes, expected at most {MAX_BYTES}"]
        if rows.nbytes > MAX_BYTES
        else []
    )
    refuse(name.form, faults)
    return replace(fitting, features=_as_kind(rows, view))


def write_xlsa17(name: Name, clips: FeatureSet, folder: Path) -> None:
    """Write both files, with numbers from 1."""
    held_out = np.isin(clips.classes.names, clips.held_out)[clips.labels]
    train = clips.splits == "train"
    first = train | (clips.seen & bool(clips.made_of.get(WITH_TEST)))
    places = {
        "trainval_loc": train,
        "test_seen_loc": ~train & clips.seen,
        "test_unseen_loc": ~clips.seen,
        "train_loc": first & ~held_out,
        "val_loc": first & held_out,
    }
    # As `_as_kind` left them.
    rows = clips.features.audio if _view(name) is View.AUDIO else clips.features.video
    write_mat(
        folder / FEATURES,
        {
            "features": rows.T,
            "labels": (clips.labels + 1).astype(np.uint32),
            "image_files": as_cells(clips.clip_ids.tolist()),
        },
    )
    write_mat(
        folder / name.options.get("splits", SPLITS),
        {
            "att": clips.class_vectors.T,
            "allclasses_names": as_cells(clips.classes.names),
            **{key: (np.flatnonzero(mask) + 1).astype(np.uint32) for key, mask in places.items()},
        },
    )
    write_made_of(folder, {key: fact for key, fact in clips.made_of.items() if key != WITH_TEST})


def _view(name: Name) -> View:
    chosen = name.options.get("view", View.VIDEO)
    if chosen not in list(View):
        raise SetupError(f"view {chosen!r} is unknown, expected {', '.join(View)}")
    return View(chosen)


def _as_kind(rows: np.ndarray, view: View) -> ClipFeatures:
    """Features of one kind; what is audio and video at once goes as video."""
    nothing = np.empty((len(rows), 0), rows.dtype)
    return ClipFeatures(rows, nothing) if view is View.AUDIO else ClipFeatures(nothing, rows)


def _splits_file(name: Name) -> Path:
    if chosen := name.options.get("splits"):
        return name.path / chosen
    found = sorted(name.path.glob("*_splits.mat"))
    if (name.path / SPLITS) in found or not found:
        return name.path / SPLITS
    if len(found) > 1:
        raise SetupError(
            f"{name.path} holds {len(found)} files *_splits.mat; name one, as {name.form}:...?splits=FILE"
        )
    return found[0]


def _names(variable: np.ndarray | None, key: str, path: Path, n: int) -> list[str]:
    if variable is None:
        return [f"{number:0{len(str(n))}}" for number in range(1, n + 1)]
    names = texts(variable, key, path)
    if len(names) != n:
        raise SetupError(f"{path}: {key} has {len(names)} texts, expected {n}")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise SetupError(f"{path}: {key} holds {twice[0]} more than once; expected each once")
    return names
