"""Xlsa17: a data set small enough to read, the published splits, and what does not add up in one."""

from dataclasses import replace

import numpy as np
import pytest
from feature_set_files import assert_same
from scipy.io import loadmat, savemat

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import Protocol, stage_of
from audiosetzsl.feature_sets.opening import open_set, save_set

PUBLISHED = ["AWA1_att", "AWA2_att", "CUB_sent", "FLO_att", "SUN_att"]
KEYS = ("trainval_loc", "test_seen_loc", "test_unseen_loc", "train_loc", "val_loc")


def cells(values):
    found = np.empty((len(values), 1), object)
    found[:, 0] = values
    return found


def column(*numbers):
    return np.array(numbers, np.uint16).reshape(-1, 1)


def small():
    """Eight clips of four classes: antelope and bear are seen, cow is seen and held out, dolphin is unseen."""
    res = {
        "features": np.arange(16.0).reshape(2, 8),
        "labels": column(1, 1, 2, 2, 3, 3, 4, 4),
        "image_files": cells([f"img/{number}.jpg" for number in (7, 6, 5, 4, 3, 2, 1, 0)]),
    }
    splits = {
        "att": np.arange(12.0).reshape(3, 4),
        "allclasses_names": cells(["antelope", "bear", "cow", "dolphin"]),
        "trainval_loc": column(5, 1, 3),
        "test_seen_loc": column(2, 4, 6),
        "test_unseen_loc": column(7, 8),
        "train_loc": column(1, 2, 3, 4),
        "val_loc": column(5, 6),
    }
    return res, splits


def put(folder, res, splits, name="att_splits.mat"):
    savemat(folder / "res101.mat", res)
    savemat(folder / name, splits)
    return f"xlsa17:{folder}"


def test_a_set_written_by_hand(tmp_path):
    clips = open_set(put(tmp_path, *small()))
    assert clips.clip_ids.tolist() == [f"img/{number}.jpg" for number in (6, 7, 4, 5, 2, 3, 0, 1)]
    assert clips.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert clips.splits.tolist() == ["test", "train", "test", "train", "test", "train", "test", "test"]
    np.testing.assert_array_equal(clips.features.video[:, 0], [1, 0, 3, 2, 5, 4, 7, 6])
    np.testing.assert_array_equal(clips.features.video[:, 1], clips.features.video[:, 0] + 8)
    assert clips.features.audio.shape == (8, 0)
    assert clips.classes.names == ("antelope", "bear", "cow", "dolphin")
    assert clips.classes.seen == (True, True, True, False)
    assert clips.held_out == ("cow",)
    np.testing.assert_array_equal(clips.class_vectors, [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]])
    assert open_set(f"xlsa17:{tmp_path}?view=audio").features.audio.shape == (8, 2)


def test_clips_and_classes_without_names_go_by_number(tmp_path):
    res, splits = small()
    del res["image_files"], splits["allclasses_names"]
    clips = open_set(put(tmp_path, res, splits))
    assert clips.clip_ids.tolist() == list("12345678")
    assert clips.classes.names == ("1", "2", "3", "4")


def test_copies_without_the_lists_of_the_first_stage_hold_no_class_out(tmp_path):
    res, splits = small()
    whole = open_set(put(tmp_path, res, splits))
    del splits["train_loc"], splits["val_loc"]
    assert_same(open_set(put(tmp_path, res, splits)), replace(whole, held_out=(), made_of={}))


@pytest.mark.parametrize("with_test", [True, False])
def test_a_file_comes_back_as_it_was(tmp_path, with_test):
    """The lists of the first stage hold the clips of test_seen_loc, if they did: as those of Xian et al. do."""
    res, splits = small()
    if not with_test:
        splits |= {"train_loc": column(1, 3), "val_loc": column(5)}
    clips = open_set(put(tmp_path, res, splits))
    # No stage of ours looks at them.
    for stage in (stage_of(clips, Protocol.STRICT, seed=seed) for seed in range(3)):
        chosen = {*stage.train.clips.video[:, 0].tolist(), *stage.val.video[:, 0].tolist()}
        assert not chosen & {1.0, 3.0, 5.0}
    save_set(f"xlsa17:{tmp_path / 'again'}", clips)
    assert_same(open_set(f"xlsa17:{tmp_path / 'again'}"), clips)
    told = {**loadmat(tmp_path / "again/res101.mat"), **loadmat(tmp_path / "again/att_splits.mat")}
    ids = [cell[0][0] for cell in told["image_files"]]
    first = res["image_files"].ravel().tolist()
    for key in KEYS:
        assert {ids[n - 1] for n in told[key].ravel()} == {first[n - 1] for n in splits[key].ravel()}, key
    by_id = dict(zip(ids, told["features"].T.tolist(), strict=True))
    assert by_id == dict(zip(first, res["features"].T.tolist(), strict=True))
    np.testing.assert_array_equal(told["att"], splits["att"])


def test_which_file_of_splits(tmp_path):
    res, splits = small()
    name = put(tmp_path, res, splits, "sent_splits.mat")
    assert len(open_set(name)) == 8
    put(tmp_path, res, splits, "odd_splits.mat")
    with pytest.raises(SetupError, match=r"holds 2 files \*_splits\.mat; name one"):
        open_set(name)
    assert len(open_set(f"{name}?splits=sent_splits.mat")) == 8
    put(tmp_path, res, {**splits, "att": np.zeros((9, 4))})
    assert open_set(name).class_vectors.shape == (4, 9)


def test_more_features_than_matlab_counts_are_not_written(tmp_path, monkeypatch):
    clips = open_set(put(tmp_path, *small()))
    monkeypatch.setattr("audiosetzsl.feature_sets.xlsa17.MAX_BYTES", 127)
    with pytest.raises(SetupError, match=r"its features take 128 bytes, expected at most 127\. Take another"):
        save_set(f"xlsa17:{tmp_path / 'again'}", clips)
    assert not (tmp_path / "again").exists()
    monkeypatch.setattr("audiosetzsl.feature_sets.xlsa17.MAX_BYTES", 128)
    save_set(f"xlsa17:{tmp_path / 'again'}", clips)


def change(part, key, value):
    def apply(res, splits):
        (res, splits)[part][key] = value

    return apply


FAULTS = {
    "no features": (
        lambda r, s: r.pop("features"),
        r"res101\.mat has no variable features; expected features, labels",
    ),
    "no list": (lambda r, s: s.pop("test_seen_loc"), r"att_splits\.mat has no variable test_seen_loc"),
    "NaN": (
        change(0, "features", np.where(np.arange(16) == 10, np.nan, 1.0).reshape(2, 8)),
        r"of 1 of 8 .* img/5\.jpg",
    ),
    "far off": (
        change(0, "features", np.where(np.arange(16) == 10, -1e20, 1.0).reshape(2, 8)),
        r"res101\.mat: the features of 1 of 8 clips are beyond 1e\+15, the first is img/5\.jpg; extract these",
    ),
    "counts": (
        change(0, "features", np.ones((8, 2))),
        r"has 2 columns of features and 8 labels; expected one each",
    ),
    "integers": (
        change(0, "features", np.ones((2, 8), int)),
        r"features is int64 \(2, 8\), expected a matrix of real",
    ),
    "label 0": (
        change(0, "labels", column(0, 1, 2, 2, 3, 3, 4, 4)),
        r"labels runs from 0 to 4, expected .* 1 to 4",
    ),
    "half": (
        change(0, "labels", np.full((8, 1), 1.5)),
        r"labels holds float64, expected whole numbers from 1",
    ),
    "ids": (change(0, "image_files", cells(["a"] * 8)), r"res101\.mat: image_files holds a more than once"),
    "few ids": (change(0, "image_files", cells(["a"])), r"res101\.mat: image_files has 1 texts, expected 8"),
    "no texts": (
        change(0, "image_files", cells([1.0] * 8)),
        r"image_files is object \(8, 1\), expected a cell array",
    ),
    "far": (change(1, "val_loc", column(5, 9)), r"val_loc runs from 5 to 9, expected numbers from 1 to 8"),
    "twice": (
        change(1, "test_seen_loc", column(2, 4, 5, 6)),
        r"clip img/3\.jpg stands twice in trainval_loc",
    ),
    "nowhere": (change(1, "test_seen_loc", column(2, 4)), r"1 clips are in none of .* first is img/2\.jpg"),
    "seen and not": (
        lambda r, s: s.update(test_unseen_loc=column(6, 7, 8), test_seen_loc=column(2, 4)),
        "class cow has clips in test_unseen_loc and elsewhere",
    ),
    "unseen": (change(1, "val_loc", column(5, 7)), "train_loc or val_loc has a clip of an unseen class"),
    "val": (
        lambda r, s: s.update(val_loc=column(2), train_loc=column(1, 3)),
        "antelope is in train_loc and in val_loc",
    ),
    "no clips": (change(1, "att", np.ones((3, 5))), r"allclasses_names has 4 texts, expected 5"),
    "no clips of one": (
        lambda r, s: (s.update(att=np.ones((3, 5))), s.pop("allclasses_names")),
        "class 5 has no clips; expected some",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(tmp_path, fault):
    break_it, message = FAULTS[fault]
    res, splits = small()
    break_it(res, splits)
    with pytest.raises(SetupError, match=message):
        open_set(put(tmp_path, res, splits))


@pytest.mark.parametrize("keep", [0, 100, 300, 600])
def test_a_file_that_is_cut(tmp_path, keep):
    name = put(tmp_path, *small())
    path = tmp_path / "res101.mat"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SetupError, match=r"res101\.mat (cannot be read as a \.mat file|has no variable)"):
        open_set(name)


def test_files_that_are_absent_or_of_another_version(tmp_path):
    name = put(tmp_path, *small())
    (tmp_path / "att_splits.mat").unlink()
    with pytest.raises(
        SetupError, match=r"att_splits\.mat cannot be read as a \.mat file .*absent or damaged"
    ):
        open_set(name)
    # MATLAB 7.3: HDF5 behind a header of 512 bytes.
    (tmp_path / "res101.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384))
    with pytest.raises(SetupError, match=r"res101\.mat is of MATLAB 7\.3; save it again there with `-v7`"):
        open_set(name)


@pytest.mark.real
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_splits(tmp_path, real_data, name):
    path = real_data / "xlsa17" / f"{name}_splits.mat"
    if not path.is_file():
        pytest.skip(f"no {path}")
    told = loadmat(path)
    places = {key: told[key].ravel().astype(int) - 1 for key in KEYS}
    n_clips = sum(len(places[key]) for key in KEYS[:3])
    n_classes = told["att"].shape[1]
    # Features are not published with the splits: classes are dealt out so that the lists hold true.
    kinds = np.full(n_clips, 2)
    kinds[places["train_loc"]], kinds[places["val_loc"]] = 0, 1
    bounds = [0, n_classes // 2, 3 * n_classes // 4, n_classes]
    labels = np.empty(n_clips, int)
    for kind, first, last in zip(range(3), bounds[:-1], bounds[1:], strict=True):
        labels[kinds == kind] = first + np.arange((kinds == kind).sum()) % (last - first)
    rows = np.random.default_rng(0).normal(size=(4, n_clips)).astype(np.float32)
    savemat(tmp_path / "res101.mat", {"features": rows, "labels": labels[:, None] + 1})
    (tmp_path / path.name.removeprefix(name.split("_")[0] + "_")).write_bytes(path.read_bytes())
    clips = open_set(f"xlsa17:{tmp_path}")
    numbers = clips.clip_ids.astype(int) - 1
    assert set(numbers[clips.splits == "train"]) == set(places["trainval_loc"])
    assert set(numbers[(clips.splits == "test") & ~clips.seen]) == set(places["test_unseen_loc"])
    np.testing.assert_array_equal(clips.features.video, rows.T[numbers])
    np.testing.assert_array_equal(clips.class_vectors, told["att"].T)
    assert len(clips.held_out) == bounds[2] - bounds[1]
    if n_clips > 15_000:
        return  # cells of so many names take seconds, and are the same the other way
    save_set(f"xlsa17:{tmp_path / 'again'}", clips)
    again = open_set(f"xlsa17:{tmp_path / 'again'}")
    assert_same(again, clips)
    back = loadmat(tmp_path / "again/att_splits.mat")
    for key in KEYS:
        assert set(numbers[back[key].ravel().astype(int) - 1]) == set(places[key])
