"""AVCA: the folders of AVCA-GZSL, clips and classes by stage: stage_1_{train,val_seen,val_unseen}, stage_2_test_*."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.feature_sets.class_lists import in_class_order, read_classes, write_classes
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.hdf5_file import opened, read_ids
from audiosetzsl.feature_sets.hdf5_tree import KINDS, Clips, Folder, read_clips, write_clips
from audiosetzsl.feature_sets.made_of import read_made_of, write_made_of
from audiosetzsl.feature_sets.named import Name
from audiosetzsl.feature_sets.official import faults_of, features_folder
from audiosetzsl.feature_sets.pickles import read_vectors, write_vectors
from audiosetzsl.feature_sets.room import Homeless, fitted, refuse

# What the stages are here. Classes that the first stage validates on and the second trains on are held out;
# their clips are train clips, as the second stage has them.
HELD_OUT, TRAIN = "stage_1_val_unseen", "stage_2_train"
SPLIT_OF = {
    "stage_1_train": "train",
    "stage_1_val_seen": "val",
    HELD_OUT: "train or val",
    "stage_2_test_seen": "test",
    "stage_2_test_unseen": "test",
}
# What AVCA-GZSL calls files of its three data sets: in class-split/, and in text/.
DATASETS = {"vggsound": "vggsound", "ucf": "ucf", "activitynet": "activity"}


def read_avca(name: Name) -> FeatureSet:
    """Read features in the layout of AVCA-GZSL: UCF, VGGSound and ActivityNet, main_features or cls_features.

    Columns of classes are in the order of all_class.txt (AVCA-GZSL itself sorts them).

    Raises:
        SetupError: a file is absent, damaged or contradicts another; the message names it.
    """
    lists, root = name.path / "class-split", features_folder(name)
    names = read_classes(lists / "all_class.txt")
    stages = {
        stage: read_classes(lists / _split_folder(root) / f"{stage}.txt") for stage in (*SPLIT_OF, TRAIN)
    }
    seen, unseen = set(stages[TRAIN]), set(stages["stage_2_test_unseen"])
    _check_classes(lists, names, stages)
    table = ClassTable(tuple(names), tuple(one in seen for one in names))
    clips = read_clips(
        root, [Folder(stage, split, stages[stage]) for stage, split in SPLIT_OF.items()], names
    )
    _check_second_stage(root, clips, table)
    splits = np.where(table.seen_mask[clips.labels], "train", "val")
    splits = np.where(clips.splits == SPLIT_OF[HELD_OUT], splits, clips.splits)
    vectors = _vectors_file(root / "text")
    words = _words(lists, names)
    return FeatureSet(
        clips.ids,
        clips.labels,
        splits,
        clips.features,
        table,
        in_class_order(read_vectors(vectors), [words[one] for one in names], vectors),
        tuple(one for one in stages[HELD_OUT] if one not in unseen),
        read_made_of(name.path),
    )


def fit_avca(name: Name, clips: FeatureSet, leave_out: bool) -> FeatureSet:
    """The set as this form holds it: the stages have no train clips of unseen classes, and no val clips of held-out.

    Raises:
        SetupError: clips have no place and may not be left out, or `faults_of` finds faults.
    """
    dataset = name.options.get("dataset", "vggsound")
    known = [] if dataset in DATASETS else [f"dataset {dataset!r} is unknown, expected {', '.join(DATASETS)}"]
    refuse(name.form, [*known, *faults_of(clips)])
    held_out = np.isin(clips.classes.names, clips.held_out)[clips.labels]
    homeless = (
        Homeless("train clips of unseen classes", ~clips.seen & (clips.splits == "train")),
        Homeless("val clips of held-out classes", held_out & (clips.splits == "val")),
    )
    return fitted(name.form, clips, homeless, leave_out=leave_out)


def write_avca(name: Name, clips: FeatureSet, folder: Path) -> None:
    """Write both stages; AVCA-GZSL reads them under the name of one of its data sets (`?dataset=`, else vggsound)."""
    root = folder / "features" / name.options.get("features", "main_features")
    names = clips.classes.names
    lists = folder / "class-split" / _split_folder(root)
    write_classes(lists.parent / "all_class.txt", names)
    held_out = np.isin(names, clips.held_out)[clips.labels]
    train, val, test = (clips.splits == split for split in ("train", "val", "test"))
    clips_of = {
        "stage_1_train": train & ~held_out,
        "stage_1_val_seen": val & clips.seen,
        HELD_OUT: (train & held_out) | (val & ~clips.seen),
        "stage_2_test_seen": test & clips.seen,
        "stage_2_test_unseen": test & ~clips.seen,
    }
    for stage, among in clips_of.items():
        write_clips(root, stage, clips, among)
    for stage, kept in _classes_of(clips, clips_of).items():
        write_classes(lists / f"{stage}.txt", [one for one in names if one in kept])
    words, vectors = name.options.get("dataset", "vggsound"), root / "text"
    with (lists.parent / f"{words}_w2v_class_names.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [("original", "manual"), *zip(names, names, strict=True)]
        )
    vectors.mkdir(parents=True)
    by_name = dict(zip(names, clips.class_vectors, strict=True))
    write_vectors(by_name, vectors / f"word_embeddings_{DATASETS[words]}_normed.npy")
    write_made_of(folder, clips.made_of)


def _classes_of(clips: FeatureSet, clips_of: dict[str, np.ndarray]) -> dict[str, set[str]]:
    """Classes of each stage: those that have clips there, and by their nature those that have none anywhere."""
    names = clips.classes.names
    with_clips = {
        stage: {names[label] for label in np.unique(clips.labels[among]).tolist()}
        for stage, among in clips_of.items()
    }
    seen = {name for name, is_seen in zip(names, clips.classes.seen, strict=True) if is_seen}
    return with_clips | {
        "stage_1_train": seen - set(clips.held_out),
        HELD_OUT: with_clips[HELD_OUT] | set(clips.held_out),
        TRAIN: seen,
        "stage_2_test_unseen": set(names) - seen,
    }


def _split_folder(root: Path) -> str:
    """Folder of the class lists that belong to some features: main_split to main_features."""
    return f"{root.name.removesuffix('_features')}_split"


def _check_classes(lists: Path, names: Sequence[str], stages: dict[str, list[str]]) -> None:
    for stage, of_stage in stages.items():
        if unknown := [one for one in of_stage if one not in names]:
            raise SetupError(f"{lists}: {stage}.txt names {unknown[0]}, which all_class.txt does not")
    seen, unseen = set(stages[TRAIN]), set(stages["stage_2_test_unseen"])
    if both := sorted(seen & unseen):
        raise SetupError(f"{lists}: {both[0]} is in {TRAIN}.txt and stage_2_test_unseen.txt; expected one")
    if neither := [one for one in names if one not in seen | unseen]:
        raise SetupError(f"{lists}: {neither[0]} is neither in {TRAIN}.txt nor in stage_2_test_unseen.txt")
    if both := sorted(set(stages["stage_1_train"]) & set(stages[HELD_OUT])):
        raise SetupError(f"{lists}: {both[0]} is in stage_1_train.txt and {HELD_OUT}.txt; expected one")
    for stage in ("stage_1_train", "stage_1_val_seen", "stage_2_test_seen"):
        if wrong := sorted(set(stages[stage]) & unseen):
            raise SetupError(
                f"{lists}: {wrong[0]} is in {stage}.txt, but unseen in stage 2; it cannot be trained on"
            )


def _check_second_stage(root: Path, clips: Clips, table: ClassTable) -> None:
    """Hold the second stage's train clips, where they lie in folders of their own, to those of the first.

    Raises:
        SetupError: they are not those of the classes that are seen in the second.
    """
    first = clips.ids[(clips.splits != "test") & table.seen_mask[clips.labels]]
    for folder in (root / kind / TRAIN for kind in KINDS):
        found = dict(_ids_in(folder))
        if not found:
            continue
        for path, ids in found.items():
            if len(lone := np.setdiff1d(ids, first)):
                raise SetupError(
                    f"{path} holds {lone[0]}, which is no clip of a seen class in stage 1; expected the same clips"
                )
        if len(lone := np.setdiff1d(first, np.concatenate(list(found.values())))):
            raise SetupError(f"{folder} lacks {lone[0]}, which is in stage 1; expected the same clips")


def _ids_in(folder: Path) -> Iterator[tuple[Path, np.ndarray]]:
    for path in sorted(folder.glob("*.h5")):
        with opened(path) as file:
            yield path, read_ids(file, path)


def _words(lists: Path, names: Sequence[str]) -> dict[str, str]:
    """The words under which the vector of each class stands."""
    found = sorted(lists.glob("*_w2v_class_names.csv"))
    if not found:
        return {name: name for name in names}
    try:
        with found[0].open(newline="", encoding="utf-8") as file:
            words = {row.get("original"): row.get("manual") for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise SetupError(
            f"{found[0]} cannot be read ({problem}); expected columns original, manual"
        ) from problem
    if missing := [name for name in names if not words.get(name)]:
        raise SetupError(f"{found[0]} has no words for {missing[0]}; expected columns original, manual")
    return {name: str(words[name]) for name in names}


def _vectors_file(folder: Path) -> Path:
    found = sorted(folder.glob("word_embeddings*.npy"))
    if len(found) != 1:
        raise SetupError(
            f"{folder} holds {len(found)} files word_embeddings*.npy, expected one: the vectors of the classes"
        )
    return found[0]
