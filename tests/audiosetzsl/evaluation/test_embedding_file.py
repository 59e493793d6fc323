"""Embedding files: a row is the clip that it says it is, or the file is refused."""

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.evaluation.embedding_file import read_embeddings, write_embeddings
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClassTable

CLASSES = ClassTable(("pig", "dog", "cat"), (False, True, True))
ROWS = pd.DataFrame({"segment_id": ["a_0", "b_0"], "class_name": ["cat", "pig"]}, index=[7, 3])


def drawn(n_clips=2, n_classes=3, width=4):
    rng = np.random.default_rng(0)
    audio, video, text = (
        rng.normal(size=(n, width)).astype(np.float32) for n in (n_clips, n_clips, n_classes)
    )
    return Embeddings(audio, video, text, rng.random(n_clips, np.float32))


@pytest.fixture
def written(tmp_path):
    return write_embeddings(tmp_path / "e.npz", ROWS, drawn(), CLASSES)


def test_embeddings_come_back_with_their_truth_and_their_classes(written):
    found, actual, classes = read_embeddings(written)
    for name in ("audio", "video", "text", "alpha"):
        assert getattr(found, name).tolist() == getattr(drawn(), name).tolist()
    assert (actual.tolist(), classes) == ([2, 0], CLASSES)
    with np.load(written) as arrays:
        assert arrays["segment_id"].tolist() == ["a_0", "b_0"]


def test_no_clip_is_no_error(tmp_path):
    path = write_embeddings(tmp_path / "e.npz", ROWS[:0], drawn(n_clips=0), CLASSES)
    found, actual, _ = read_embeddings(path)
    assert found.audio.shape == (0, 4) and len(actual) == 0


@pytest.mark.parametrize("wrong", [{"n_clips": 3}, {"n_classes": 2}])
def test_embeddings_of_other_clips_or_classes_are_not_written(tmp_path, wrong):
    with pytest.raises(
        SetupError, match=r"audio, video, text, alpha are .*, expected \[\(2, 4\), \(2, 4\), \(3, 4\)"
    ):
        write_embeddings(tmp_path / "e.npz", ROWS, drawn(**wrong), CLASSES)
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_bytes_changed_never_gives_other_embeddings(written):
    whole, sound = written.read_bytes(), read_embeddings(written)
    for place in range(0, len(whole), 23):
        written.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            found, actual, classes = read_embeddings(written)
        except ShardError as problem:
            assert "e.npz is damaged" in str(problem) and "delete it and score again" in str(problem)
        else:
            assert all(
                np.array_equal(getattr(found, n), getattr(sound[0], n))
                for n in ("audio", "video", "text", "alpha")
            )
            assert (actual.tolist(), classes) == ([2, 0], CLASSES)


def other_than(path, changed):
    """A file as that one, but for some arrays."""
    with np.load(path) as arrays:
        np.savez(path.with_name("o.npz"), **(dict(arrays) | changed))
    return path.with_name("o.npz")


def test_files_that_are_absent_cut_or_made_of_other_arrays_are_named(tmp_path, written):
    with pytest.raises(
        ShardError, match=r"gone\.npz does not exist; score the model again or check the path"
    ):
        read_embeddings(tmp_path / "gone.npz")
    for wrong, message in (
        ({"audio": drawn(1).audio}, r"audio, video, text, alpha are .*, expected \[\(2, 4\), .*"),
        ({"alpha": drawn().audio}, r"audio, video, text, alpha are .*"),
        ({"text": np.ones((3, 4), int)}, "text is int64, expected real numbers"),
        ({"segment_id": np.array(["a_0"])}, "1 segment_id for 2 class_name"),
        ({"classes": np.array(["pig", "pig", "cat"])}, r"class names must differ, .*"),
    ):
        with pytest.raises(ShardError, match=rf"o\.npz is damaged \({message}\); delete it and score again"):
            read_embeddings(other_than(written, wrong))
    written.write_bytes(written.read_bytes()[:-20])
    with pytest.raises(ShardError, match=r"e\.npz is damaged \(.+\); delete it and score again"):
        read_embeddings(written)


def test_a_truth_that_is_no_class_is_named(written):
    with pytest.raises(
        ShardError,
        match=r"o\.npz: 1 of 2 clips are of classes that it does not hold, the first is b_0 of cow; delete it",
    ):
        read_embeddings(other_than(written, {"class_name": np.array(["cat", "cow"])}))


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("audio", "audio of 1 of 2 clips is not finite, the first is b_0"),
        ("video", "video of 1 of 2 clips is not finite, the first is b_0"),
        ("text", "text of 1 of 3 classes is not finite, the first is dog"),
        ("alpha", "alpha of 1 of 2 clips is not finite, the first is b_0"),
    ],
)
def test_embeddings_that_are_not_finite_are_refused_where_they_are_read(written, name, message, value):
    array = getattr(drawn(), name)
    array[1] = value
    told = rf"o\.npz: {message}; check the model, then delete the file and score again"
    with pytest.raises(ShardError, match=told):
        read_embeddings(other_than(written, {name: array}))


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_what_the_disk_does_not_give_is_not_called_damaged(written, monkeypatch, number):
    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(SetupError, match=r"e\.npz cannot be read just now .*, and may be whole") as told:
        read_embeddings(written)
    assert "delete" not in str(told.value)
