"""Official: the authors' folders, features/{audio,video}/{trn,val,tst}/<class>.h5, text/ and class-split/."""

from dataclasses import replace
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.feature_sets.class_lists import in_class_order, read_classes, unsafe, write_classes
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.hdf5_tree import Folder, read_clips, write_clips
from audiosetzsl.feature_sets.made_of import read_made_of, write_made_of
from audiosetzsl.feature_sets.named import Name
from audiosetzsl.feature_sets.pickles import read_vectors, write_vectors
from audiosetzsl.feature_sets.room import refuse

FOLDERS = {"trn": "train", "val": "val", "tst": "test"}
VECTORS = "word_embeddings-dict-{n}.npy"


def read_official(name: Name) -> FeatureSet:
    """Read the authors' features, or AVCA-GZSL's of AudioSetZSL, which lie one folder deeper (`?features=FOLDER`).

    Columns of classes are in the order of all_class.txt.

    Raises:
        SetupError: a file is absent, damaged or contradicts another; the message names it.
    """
    lists = name.path / "class-split"
    names, seen, unseen = (read_classes(lists / f"{kind}_class.txt") for kind in ("all", "seen", "unseen"))
    if both := sorted(set(seen) & set(unseen)):
        raise SetupError(f"{lists} calls {both[0]} seen and unseen; expected one of them")
    if odd := sorted(set(names) ^ {*seen, *unseen}):
        raise SetupError(
            f"{lists}: {odd[0]} is not in all_class.txt and in one of seen_class.txt and unseen_class.txt"
        )
    root = features_folder(name)
    vectors = _vectors_file(root / "text")
    clips = read_clips(root, [Folder(there, split, names) for there, split in FOLDERS.items()], names)
    return FeatureSet(
        clips.ids,
        clips.labels,
        clips.splits,
        clips.features,
        ClassTable(tuple(names), tuple(one in seen for one in names)),
        in_class_order(read_vectors(vectors), names, vectors),
        made_of=read_made_of(name.path),
    )


def fit_official(name: Name, clips: FeatureSet, leave_out: bool) -> FeatureSet:
    """The set as this form holds it: it has places for all clips, but not for held-out classes.

    Raises:
        SetupError: there are held-out classes that may not be forgotten, no audio or no video, or a class whose
            name names no file.
    """
    if leave_out:
        clips = replace(clips, held_out=())
    forgotten = [f"it has no place for {len(clips.held_out)} held-out classes"] if clips.held_out else []
    refuse(name.form, [*forgotten, *faults_of(clips)])
    return clips


def faults_of(clips: FeatureSet) -> list[str]:
    """Why a tree of HDF5 files cannot hold a set."""
    faults = [
        f"it has no {kind} features, and both kinds are needed"
        for kind, rows in (("audio", clips.features.audio), ("video", clips.features.video))
        if not rows.shape[1]
    ]
    wrong = unsafe(clips.classes.names)
    twice = len({name.casefold() for name in clips.classes.names}) < len(clips.classes.names)
    faults += [f"no file can be called {wrong[0]!r}"] if wrong else []
    faults += ["names of classes differ in capitals only"] if twice else []
    return faults


def write_official(name: Name, clips: FeatureSet, folder: Path) -> None:
    """Write a set into a folder that the authors' own programs, and AVCA-GZSL's loader of AudioSetZSL, read."""
    names, seen = clips.classes.names, clips.classes.seen_mask
    for kind, kept in (("all", seen | True), ("seen", seen), ("unseen", ~seen)):
        of_kind = [one for one, is_kept in zip(names, kept, strict=True) if is_kept]
        write_classes(folder / "class-split" / f"{kind}_class.txt", of_kind, quoted=True)
    root = folder / "features" / name.options.get("features", "")
    for there, split in FOLDERS.items():
        write_clips(root, there, clips, clips.splits == split)
    (root / "text").mkdir(parents=True)
    vectors = dict(zip(names, clips.class_vectors, strict=True))
    write_vectors(vectors, root / "text" / VECTORS.format(n=len(names)))
    write_made_of(folder, clips.made_of)


def features_folder(name: Name) -> Path:
    """The folder that holds audio/ and video/: features/ itself, or the one below it that has them.

    Raises:
        SetupError: there is none, or there are several and the name does not say which.
    """
    root = name.path / "features"
    if chosen := name.options.get("features"):
        if not (root / chosen).is_dir():
            raise SetupError(f"{root} has no folder {chosen!r}; expected one that holds audio/ and video/")
        return root / chosen
    if (root / "audio").is_dir():
        return root
    found = sorted(path.name for path in root.glob("*/") if (path / "audio").is_dir())
    if len(found) != 1:
        raise SetupError(
            f"{root} holds {len(found)} folders with audio/ ({', '.join(found) or 'none'}), expected one; "
            f"name it as {name.form}:{name.path}?features=FOLDER"
        )
    return root / found[0]


def _vectors_file(folder: Path) -> Path:
    found = sorted(folder.glob(VECTORS.format(n="*")))
    if len(found) != 1:
        raise SetupError(
            f"{folder} holds {len(found)} files {VECTORS.format(n='*')}, expected one: the vectors of the classes"
        )
    return found[0]
