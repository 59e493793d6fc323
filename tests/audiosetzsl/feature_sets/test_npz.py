"""Npz: arrays by name; what may be left out, and what is refused with file and clip."""

import errno
import os

import numpy as np
import pytest
from feature_set_files import assert_same, drawn

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.opening import open_set, save_set


@pytest.fixture
def arrays():
    """The least that a file needs, in no order."""
    return {
        "clip_ids": np.array(["b", "a", "c"]),
        "clip_classes": np.array(["pig", "dog", "dog"]),
        "splits": np.array(["test", "train", "val"]),
        "video": np.array([[1, 1], [0, 0], [2, 2]], np.float32),
        "class_names": np.array(["dog", "pig"]),
        "class_seen": np.array([True, False]),
        "class_vectors": np.array([[0.5, 1], [1, 0.5]], np.float32),
    }


def put(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    return f"npz:{tmp_path / 'a.npz'}"


def test_a_file_written_by_hand(tmp_path, arrays):
    clips = open_set(put(tmp_path, arrays))
    assert clips.clip_ids.tolist() == ["a", "c", "b"]
    assert clips.labels.tolist() == [0, 0, 1]
    assert clips.splits.tolist() == ["train", "val", "test"]
    np.testing.assert_array_equal(clips.features.video[:, 0], [0, 2, 1])
    assert clips.features.audio.shape == (3, 0)
    assert clips.held_out == ()
    assert clips.made_of == {}


def test_texts_may_be_bytes(tmp_path, arrays):
    text = open_set(put(tmp_path, arrays))
    as_bytes = {key: np.char.encode(a) if a.dtype.kind == "U" else a for key, a in arrays.items()}
    assert_same(open_set(put(tmp_path, as_bytes)), text)


def test_numbers_of_another_byte_order_come_in_ours(tmp_path, arrays):
    ours = open_set(put(tmp_path, arrays))
    assert_same(open_set(put(tmp_path, arrays | {"video": arrays["video"].astype(">f4")})), ours)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"video": None}, r"has no features: neither audio nor video"),
        ({"splits": None, "class_seen": None}, r"a\.npz has no array splits, class_seen"),
        ({"vidoe": np.ones(3)}, r"a\.npz holds vidoe, which is none of clip_ids"),
        ({"audio": np.ones((2, 3))}, r"a\.npz: audio has 2 rows for 3 clip_ids"),
        ({"splits": np.array(["val"])}, r"a\.npz: splits has 1 rows for 3 clip_ids"),
        ({"audio": np.ones((3, 2), int)}, r"a\.npz: audio is int64 \(3, 2\), expected 2 axes of type f"),
        ({"audio": np.ones(3)}, r"a\.npz: audio is float64 \(3,\), expected 2 axes"),
        (
            {"audio": np.array([[1.0], [np.nan], [1.0]])},
            r"a\.npz: audio of 1 of 3 clips is not finite, the first is a; extract these clips again",
        ),
        (
            {"video": np.array([[1, 1], [2, 2], [3, -1e20]], np.float32)},
            r"a\.npz: video of 1 of 3 clips is beyond 1e\+15, the first is c; extract these clips again",
        ),
        (
            {"clip_classes": np.array(["dog", "cow", "dog"])},
            r"1 clips are of unknown classes, the first is a of cow",
        ),
        ({"clip_ids": np.array(["a", "a", "b"])}, r"a\.npz: 1 clip ids stand more than once, the first is a"),
        ({"splits": np.array(["train", "dev", "val"])}, r"a\.npz: splits \['dev'\] are unknown"),
        ({"made_of": np.array("no JSON")}, r"a\.npz, made_of, should say in JSON what made the features"),
        ({"held_out": np.array(["pig"])}, r"a\.npz: held-out classes \['pig'\] are no seen classes"),
        ({"class_vectors": np.ones((3, 2))}, r"a\.npz: 3 class vectors for 2 classes"),
        (
            {"class_names": np.array(["dog", "pig", "dog"]), "class_seen": np.ones(3, bool)},
            r"a\.npz: class names must differ",
        ),
    ],
)
def test_faults(tmp_path, arrays, change, message):
    changed = {key: array for key, array in {**arrays, **change}.items() if array is not None}
    with pytest.raises(SetupError, match=message):
        open_set(put(tmp_path, changed))


def test_pickles_stay_unread(tmp_path, arrays):
    name = put(tmp_path, {**arrays, "clip_ids": np.array(["a", "b", "c"], object)})
    with pytest.raises(SetupError, match="holds objects, which would have to be unpickled"):
        open_set(name)


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_file_that_is_cut(tmp_path, arrays, keep):
    name = put(tmp_path, arrays)
    path = tmp_path / "a.npz"
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(SetupError, match=r"a\.npz cannot be read as \.npz .*make it again"):
        open_set(name)


def test_a_bit_that_flipped_is_noticed(tmp_path):
    clips = drawn()
    save_set(f"npz:{tmp_path / 'a.npz'}", clips)
    path = tmp_path / "a.npz"
    content = bytearray(path.read_bytes())
    content[content.index(clips.features.video.tobytes()) + 700] ^= 1
    path.write_bytes(content)
    with pytest.raises(SetupError, match=r"a\.npz cannot be read as \.npz .*Bad CRC-32"):
        open_set(f"npz:{path}")


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("step", ["io.open", "_EndRecData"])
def test_what_the_disk_does_not_give_is_not_called_damaged(tmp_path, arrays, monkeypatch, step, number):
    """The file is not opened, or its end is not read: that one zipfile itself calls no zip file."""
    name = put(tmp_path, arrays)

    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"zipfile.{step}", fails)
    with pytest.raises(SetupError, match=r"a\.npz cannot be read just now .*, and may be whole") as told:
        open_set(name)
    assert os.strerror(number) in str(told.value) and "make it again" not in str(told.value)
