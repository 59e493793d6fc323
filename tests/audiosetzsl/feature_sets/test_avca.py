"""AVCA: both stages of a tree written by hand, and what does not add up in one."""

import numpy as np
import pytest
from feature_set_files import write_dict, write_h5, write_lines

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import Protocol, stage_of
from audiosetzsl.feature_sets.opening import open_set

NAMES = ["Archery", "BandMarching", "Cello", "Daf"]
LISTS = {
    "stage_1_train": ["Archery"],
    "stage_1_val_seen": ["Archery"],
    "stage_1_val_unseen": ["BandMarching", "Daf"],
    "stage_2_train": ["Archery", "BandMarching"],
    "stage_2_test_seen": ["Archery", "BandMarching"],
    "stage_2_test_unseen": ["Cello", "Daf"],
}
CLIPS = {
    ("stage_1_train", "Archery"): ["v1", "v0"],
    ("stage_1_val_seen", "archery"): ["v2"],  # AVCA-GZSL spells UCF's files in small letters
    ("stage_1_val_unseen", "BandMarching"): ["v3", "v4"],
    ("stage_1_val_unseen", "Daf"): ["v5"],
    ("stage_2_test_seen", "Archery"): ["v6"],
    ("stage_2_test_seen", "BandMarching"): ["v7"],
    ("stage_2_test_unseen", "Cello"): ["v8"],
    ("stage_2_test_unseen", "Daf"): ["v9"],
}


def put(tree, stage, name, ids):
    rows = np.array([[int(one[1:])] for one in ids], np.float32)
    for kind, width in (("audio", 2), ("video", 3)):
        write_h5(
            tree / f"features/main_features/{kind}/{stage}/{name}.h5",
            ids,
            rows.repeat(width, 1),
            as_text=True,
        )


@pytest.fixture
def tree(tmp_path):
    write_lines(tmp_path / "class-split/all_class.txt", NAMES)
    for stage, names in LISTS.items():
        write_lines(tmp_path / f"class-split/main_split/{stage}.txt", names)
    words = ["archery", "band marching", "playing cello", "daf"]
    lines = [f"{name},{word}" for name, word in zip(NAMES, words, strict=True)]
    write_lines(tmp_path / "class-split/ucf_w2v_class_names.csv", ["original,manual", *lines])
    vectors = {word: np.full(2, number, np.float32) for number, word in enumerate(words)}
    write_dict(tmp_path / "features/main_features/text/word_embeddings_ucf_normed.npy", vectors)
    for (stage, name), ids in CLIPS.items():
        put(tmp_path, stage, name, ids)
    return tmp_path


def test_stages_become_splits_and_held_out_classes(tree):
    clips = open_set(f"avca:{tree}")
    assert clips.classes.names == tuple(NAMES)
    assert clips.classes.seen == (True, True, False, False)
    assert clips.held_out == ("BandMarching",)
    places = {
        f"{split} {NAMES[label]}": []
        for split, label in zip(clips.splits.tolist(), clips.labels.tolist(), strict=True)
    }
    for clip, split, label in zip(clips.clip_ids, clips.splits, clips.labels, strict=True):
        places[f"{split} {NAMES[label]}"].append(str(clip))
    assert places == {
        "train Archery": ["v0", "v1"],
        "val Archery": ["v2"],
        "test Archery": ["v6"],
        "train BandMarching": ["v3", "v4"],
        "test BandMarching": ["v7"],
        "test Cello": ["v8"],
        "val Daf": ["v5"],
        "test Daf": ["v9"],
    }
    np.testing.assert_array_equal(clips.features.audio[:, 0], [int(one[1:]) for one in clips.clip_ids])
    np.testing.assert_array_equal(clips.features.video[:, 2], clips.features.audio[:, 1])
    np.testing.assert_array_equal(clips.class_vectors[:, 0], range(4))


def test_the_strict_protocol_is_the_first_stage(tree):
    stage = stage_of(open_set(f"avca:{tree}"), Protocol.STRICT)
    assert sorted(stage.train.clips.audio[:, 0].tolist()) == [0, 1]
    assert sorted(stage.val.audio[:, 0].tolist()) == [2, 3, 4]


def test_features_of_another_kind_have_lists_of_their_own(tree):
    (tree / "features/main_features").rename(tree / "features/cls_features")
    with pytest.raises(SetupError, match=r"class-split/cls_split/stage_1_train\.txt cannot be read"):
        open_set(f"avca:{tree}")
    (tree / "class-split/main_split").rename(tree / "class-split/cls_split")
    assert len(open_set(f"avca:{tree}?features=cls_features")) == 10


def test_train_clips_of_the_second_stage_have_to_be_those_of_the_first(tree):
    put(tree, "stage_2_train", "Archery", ["v0", "v1", "v2"])
    put(tree, "stage_2_train", "BandMarching", ["v3"])
    with pytest.raises(SetupError, match=r"audio/stage_2_train lacks v4, which is in stage 1"):
        open_set(f"avca:{tree}")
    put(tree, "stage_2_train", "BandMarching", ["v3", "v4"])
    assert len(open_set(f"avca:{tree}")) == 10
    put(tree, "stage_2_train", "Daf", ["v5"])
    with pytest.raises(SetupError, match=r"Daf\.h5 holds v5, which is no clip of a seen class in stage 1"):
        open_set(f"avca:{tree}")


def test_without_a_table_of_words_vectors_stand_under_the_classes_names(tree):
    next(tree.rglob("*.csv")).unlink()
    with pytest.raises(SetupError, match=r"ucf_normed\.npy has no vector of Archery"):
        open_set(f"avca:{tree}")


LIST_FAULTS = {
    "held out and not": (
        "stage_1_train",
        ["Archery", "BandMarching"],
        "BandMarching is in stage_1_train.txt and stage_1_val_",
    ),
    "unknown class": (
        "stage_1_val_seen",
        ["Yodel"],
        r"stage_1_val_seen\.txt names Yodel, which all_class\.txt does not",
    ),
    "both": (
        "stage_2_test_unseen",
        ["Archery", "Cello", "Daf"],
        "Archery is in stage_2_train.txt and stage_2_test_unse",
    ),
    "neither": (
        "stage_2_test_unseen",
        ["Daf"],
        "Cello is neither in stage_2_train.txt nor in stage_2_test_unseen.txt",
    ),
    "learnt": (
        "stage_1_val_seen",
        ["Archery", "Daf"],
        r"Daf is in stage_1_val_seen\.txt, but unseen in stage 2",
    ),
}


@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_lists_that_contradict_one_another(tree, fault):
    stage, names, message = LIST_FAULTS[fault]
    write_lines(tree / f"class-split/main_split/{stage}.txt", names)
    with pytest.raises(SetupError, match=message):
        open_set(f"avca:{tree}")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["original,manual", "Archery,archery"],
            r"names\.csv has no words for BandMarching; expected columns",
        ),
        (
            ["a,b", "Archery,archery"],
            r"names\.csv has no words for Archery; expected columns original, manual",
        ),
    ],
)
def test_tables_of_words_with_gaps(tree, lines, message):
    write_lines(tree / "class-split/ucf_w2v_class_names.csv", lines)
    with pytest.raises(SetupError, match=message):
        open_set(f"avca:{tree}")


def test_tables_of_words_and_vectors_that_cannot_be_read(tree):
    (tree / "class-split/ucf_w2v_class_names.csv").write_bytes(b"original,manual\n\xff,a\n")
    with pytest.raises(SetupError, match=r"names\.csv cannot be read"):
        open_set(f"avca:{tree}")
    next(tree.rglob("*.npy")).unlink()
    with pytest.raises(SetupError, match=r"text holds 0 files word_embeddings\*\.npy, expected one"):
        open_set(f"avca:{tree}")


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("stage_1_train", "Daf"),
        ("stage_2_test_seen", "Daf"),
        ("stage_2_test_unseen", "Archery"),
        ("stage_1_train", "BandMarching"),
    ],
)
def test_clips_of_classes_that_do_not_belong_to_a_stage(tree, stage, name):
    put(tree, stage, name, ["v77"])
    with pytest.raises(
        SetupError, match=rf"{name}\.h5 holds clips of {name}, which is not among the classes of {stage}"
    ):
        open_set(f"avca:{tree}")
