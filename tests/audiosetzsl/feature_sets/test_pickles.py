"""Pickles: vectors are read, and nothing that a pickle asks for is run."""

import io
import os
import pickle
import pickletools

import numpy as np
import pytest
from feature_set_files import write_dict
from numpy.lib import format as npy

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.pickles import read_vectors, write_vectors

VECTORS = {"dog": np.arange(3, dtype=np.float32), "church-bell": np.ones(3, np.float32)}


def npy_of(content):
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    return file.getvalue() + content


class Runs:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


def test_what_numpy_wrote_is_read(tmp_path):
    found = read_vectors(write_dict(tmp_path / "a.npy", VECTORS))
    assert list(found) == list(VECTORS)
    for name, vector in VECTORS.items():
        np.testing.assert_array_equal(found[name], vector)
        assert found[name].dtype == np.float32


def test_what_is_written_others_load(tmp_path):
    path = write_vectors(VECTORS, tmp_path / "a.npy")
    loaded = np.load(path, allow_pickle=True).item()
    for found in (loaded, read_vectors(path)):
        assert list(found) == list(VECTORS)
        assert all((found[name] == VECTORS[name]).all() for name in VECTORS)
    # NumPy 1 has no `_core`, and Python 3.7 reads protocols up to 4.
    content = path.read_bytes()
    start = content.index(b"\n") + 1
    assert b"_core" not in content
    assert {argument for op, argument, _ in pickletools.genops(content[start:]) if op.name == "GLOBAL"} == {
        "numpy.core.multiarray _reconstruct",
        "numpy ndarray",
        "numpy dtype",
    }
    assert content[start : start + 2] == b"\x80\x03"


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "evil",
    [
        lambda mark: Runs(os.mkdir, str(mark)),
        lambda mark: Runs(eval, f"__import__('os').mkdir({str(mark)!r})"),
        lambda mark: {"dog": np.ones(3), "x": Runs(os.mkdir, str(mark))},
        lambda mark: np.array([Runs(os.mkdir, str(mark))], object),
        lambda mark: Runs(np.load, str(mark)),
    ],
)
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, evil, protocol):
    mark, path = tmp_path / "ran", tmp_path / "evil.npy"
    path.write_bytes(npy_of(pickle.dumps(evil(mark), protocol)))
    with pytest.raises(
        SetupError, match=r"evil.npy cannot be read .*it asks for [\w.]+, which no array needs"
    ):
        read_vectors(path)
    assert not mark.exists()


def test_an_object_kept_elsewhere_is_refused(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy_of(b"Pmine\n."))
    with pytest.raises(SetupError, match="an object kept elsewhere"):
        read_vectors(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy_of(pickle.dumps([1])), "holds list, expected a dictionary of vectors"),
        (npy_of(pickle.dumps({})), "holds dict, expected a dictionary of vectors"),
        (npy_of(pickle.dumps({"dog": "x"})), "entry of 'dog' is no vector of real numbers"),
        (npy_of(pickle.dumps({1: np.ones(3)}, 4)), "entry of 1 is no vector of real numbers"),
        (
            npy_of(pickle.dumps({"a": np.ones(3), "b": np.ones(2)}, 4)),
            r"vector of b is \(2,\), others are not",
        ),
        (npy_of(pickle.dumps({"a": np.array([1, np.nan])}, 4)), "vector of a is not finite"),
        (npy_of(pickle.dumps({"a": np.ones(3)}, 4))[:-9], "cannot be read as a pickled dictionary"),
        (npy_of(b""), "cannot be read as a pickled dictionary"),
        (b"\x93NUMPY", "cannot be read as a pickled dictionary"),
        (b"words", "cannot be read as a pickled dictionary"),
    ],
)
def test_what_is_no_dictionary_of_vectors(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(SetupError, match=message):
        read_vectors(tmp_path / "a.npy")


def test_an_array_of_numbers_is_no_dictionary(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(SetupError, match=r"it is an array \(3,\) of float64, not one dictionary"):
        read_vectors(tmp_path / "a.npy")
    with pytest.raises(SetupError, match=r"gone.npy cannot be read"):
        read_vectors(tmp_path / "gone.npy")
