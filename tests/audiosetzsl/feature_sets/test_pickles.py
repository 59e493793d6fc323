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


class Told(Runs):
    """What is made, and then told a state."""

    def __init__(self, function, arguments, state):
        self.made = function, arguments, state


RECONSTRUCT = np.ndarray.__reduce__(np.empty(0))[0]


def kind_of(code, order, flags=0, version=3):
    return Told(np.dtype, (code, False, True), (version, order, None, None, None, -1, -1, flags))


def array_of(*state, version=1, kind=np.ndarray):
    return Told(RECONSTRUCT, (kind, (0,), b"b"), (version, *state))


def instructions(*parts):
    """Instructions that no pickler would write, of protocol 4."""
    return npy_of(b"\x80\x04" + b"".join(parts) + b".")


def test_what_numpy_wrote_is_read(tmp_path):
    found = read_vectors(write_dict(tmp_path / "a.npy", VECTORS))
    assert list(found) == list(VECTORS)
    for name, vector in VECTORS.items():
        np.testing.assert_array_equal(found[name], vector)
        assert found[name].dtype == np.float32


VALUES = [-0.0, 1.5, -6e-8, 65504.0]


@pytest.mark.parametrize("numpy_1", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_bits_are_as_numpy_reads_them(tmp_path, kind, protocol, numpy_1, wrapped):
    vectors = {"a": np.array(VALUES, kind), "b": np.ones(8, kind)[::2], "é": np.zeros(4, kind)}
    vectors["once more"] = vectors["a"]
    content = pickle.dumps(np.array(vectors) if wrapped else vectors, protocol)
    if numpy_1 and protocol < 4:
        content = content.replace(b"cnumpy._core.", b"cnumpy.core.")
    elif numpy_1:  # a short string with its length, in a frame with its length
        content = content.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
        length = int.from_bytes(content[3:11], "little") - content.count(b"numpy.core")
        content = content[:3] + length.to_bytes(8, "little") + content[11:]
    (tmp_path / "a.npy").write_bytes(npy_of(content))
    loaded = np.load(tmp_path / "a.npy", allow_pickle=True)
    loaded = loaded.item() if wrapped else loaded
    found = read_vectors(tmp_path / "a.npy")
    assert list(found) == list(loaded)
    for name, vector in loaded.items():
        assert found[name].tobytes() == vector.tobytes()
        assert found[name].dtype.str == vector.dtype.str
        assert (found[name].flags.writeable, found[name].flags.owndata) == (True, True)


def test_vectors_without_numbers_are_vectors(tmp_path):
    assert read_vectors(write_dict(tmp_path / "a.npy", {"a": np.ones(0)}))["a"].shape == (0,)


def test_what_python_2_saved_is_read(tmp_path):
    # Its bytes are strings, its names too.
    content = pickle.dumps({"dog": np.array([0.1, 1e300])}, 3)
    content = content.replace(b"C\x10", b"U\x10").replace(b"C\x01b", b"U\x01b")
    content = content.replace(b"X\x03\x00\x00\x00dog", b"U\x03dog")
    (tmp_path / "a.npy").write_bytes(npy_of(content))
    assert read_vectors(tmp_path / "a.npy")["dog"].tolist() == [0.1, 1e300]


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


FLOATS, OBJECTS = kind_of("f8", "<"), kind_of("O8", "|", 63)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    ("evil", "message"),
    [
        # NumPy takes these bytes for the address of an object, and reads there.
        (array_of((), kind_of("O8", "|"), False, b"\x01" * 8), "contradicts itself"),
        ({"dog": array_of((1,), kind_of("O8", "|"), False, b"\x01" * 8)}, "contradicts itself"),
        ({"dog": array_of((1,), kind_of("f8", "<", 63), False, [7])}, "contradicts itself"),
        (array_of((), OBJECTS, False, b"\x01" * 8), "not of numbers"),
        (array_of((1,), OBJECTS, False, [{}]), "is described in a way"),
        (array_of((), OBJECTS, False, [{}, {}]), "is described in a way"),
        ({"dog": array_of((1,), FLOATS, False, [1.0])}, "is described in a way"),
        (
            {"dog": array_of((2,), FLOATS, False, bytes(15))},
            r"array \[2\] of float64 has 15 bytes, expected 16",
        ),
        ({"dog": array_of((1,), FLOATS, False, bytes(16))}, "has 16 bytes, expected 8"),
        ({"dog": array_of((), FLOATS, False, b"1")}, "has 1 bytes, expected 8"),
        ({"dog": array_of((1 << 29, 1 << 29), FLOATS, False, b"1")}, "has 1 bytes"),
        ({"dog": array_of((-1, -1), FLOATS, False, bytes(8))}, "shape of an array is not"),
        ({"dog": array_of((1 << 70,), FLOATS, False, bytes(8))}, "shape of an array is not"),
        ({"dog": array_of((True,), FLOATS, False, bytes(8))}, "shape of an array is not"),
        ({"dog": array_of((1.0,), FLOATS, False, bytes(8))}, "shape of an array is not"),
        ({"dog": array_of(((1,),), FLOATS, False, bytes(8))}, "shape of an array is not"),
        ({"dog": array_of((1,) * 99, FLOATS, False, bytes(8))}, "shape of an array is not"),
        ({"dog": array_of([1], FLOATS, False, bytes(8))}, "is described in a way"),
        ({"dog": array_of((1,), "f8", False, bytes(8))}, "is described in a way"),
        ({"dog": array_of((1,), FLOATS, "C", bytes(8))}, "is described in a way"),
        ({"dog": array_of((1,), FLOATS, False, bytes(8), version=2)}, "is described in a way"),
        ({"dog": array_of((1,), kind_of("f8", "="), False, bytes(8))}, "is described in a way"),
        ({"dog": array_of((1,), kind_of("f8", "<", 1), False, bytes(8))}, "is described in a way"),
        ({"dog": array_of((1,), kind_of("f8", "<", version=4), False, bytes(8))}, "is described in a way"),
        ({"dog": array_of((1,), Runs(np.dtype, "f8", False, True), False, bytes(8))}, "known order of bytes"),
        (
            {"dog": array_of((1,), Runs(np.dtype, "O,O", False, True), False, bytes(8))},
            "is no array of numbers",
        ),
        (
            {"dog": array_of((1,), Runs(np.dtype, "V8", False, True), False, bytes(8))},
            "is no array of numbers",
        ),
        ({"dog": array_of((1,), kind_of("f3", "<"), False, bytes(3))}, "<f3"),
        (array_of((1,), FLOATS, False, bytes(8), kind=np.dtype), "is no array of numbers"),
        (array_of((1,), FLOATS, False, bytes(8), kind=np.matrix), "matrix, which no array needs"),
        (Runs(RECONSTRUCT, np.ndarray, (9**9,), b"b"), "is no array of numbers"),
        (Runs(np.ndarray, (3,)), "is no array of numbers"),
        ({("dog", "cat"): np.ones(3)[::2]}, "a key that is no name"),
        ({(1 << 61) - 1: np.ones(3)[::2]}, "a key that is no name"),
    ],
)
def test_what_numpy_would_believe_is_refused(tmp_path, evil, message, protocol):
    (tmp_path / "a.npy").write_bytes(npy_of(pickle.dumps(evil, protocol)))
    with pytest.raises(SetupError, match=f"a.npy cannot be read .*{message}.*fetch it again"):
        read_vectors(tmp_path / "a.npy")


DTYPE, NDARRAY, ENCODE = b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"c_codecs\nencode\n"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([b"}", b"}b"], "is described in a way"),  # the state of a dictionary
        ([b"]", b"}b"], "is described in a way"),
        ([ENCODE, b"N}", b"\x8c\x0c__defaults__", b"Ns\x86b"], "is described in a way"),
        ([DTYPE, b"N}", b"\x8c\x0c__setstate__", b"Ns\x86b"], "is described in a way"),
        ([DTYPE, b")\x81"], "asks for NEWOBJ"),
        ([NDARRAY, b")}\x92"], "asks for NEWOBJ_EX"),
        ([b"(", NDARRAY, b"o"], "asks for OBJ"),
        ([b"(inumpy\nndarray\n"], "asks for INST"),
        ([b"\x82\x01"], "asks for EXT1"),
        ([b"\x97"], "asks for NEXT_BUFFER"),
        ([b"(\x91"], "asks for FROZENSET"),
        ([ENCODE, b"\x8c\x01a", b"\x8c\x03zip", b"\x86R"], "is no array of numbers"),
        ([b"}", NDARRAY, b"Ns"], "a key that is no name"),
        ([b"]", b"K\x00Ns"], "uses SETITEM on something"),
        ([b"}", b"(Nu"], "uses SETITEMS on something"),
        ([b"}", b"Na"], "uses APPEND on something"),
        ([DTYPE, b"(Ne"], "uses APPENDS on something"),
        ([b"N", b"N", b"\x93"], "by what is no name"),
        ([b"\x8c\x02\x1b[", b"\x8c\x01m", b"\x93"], r"asks for \?\?\.m"),
        ([b"h\x07"], "cannot be read"),  # nothing was put there
        ([b"e"], "cannot be read"),
        ([b"K\x01R"], "cannot be read"),
        ([b""], "cannot be read"),
    ],
)
def test_instructions_that_no_array_needs(tmp_path, parts, message):
    (tmp_path / "a.npy").write_bytes(instructions(*parts))
    with pytest.raises(SetupError, match=message):
        read_vectors(tmp_path / "a.npy")


def test_little_that_would_become_much_is_refused(tmp_path):
    # To hash the first takes 2**60 steps, the second more stack than there is: both are keys.
    for tuples in (
        b"".join(b"\x94h" + bytes([number]) + b"\x86" for number in range(60)),
        b"\x85" * 200_000,
    ):
        (tmp_path / "a.npy").write_bytes(instructions(b"}", b")", tuples, b"Ns"))
        with pytest.raises(SetupError, match="a key that is no name"):
            read_vectors(tmp_path / "a.npy")
    # The same bytes a thousand times over.
    content = bytes(8000)
    many = {str(number): array_of((1000,), FLOATS, False, content) for number in range(1000)}
    (tmp_path / "a.npy").write_bytes(npy_of(pickle.dumps(many, 4)))
    with pytest.raises(SetupError, match="its arrays have more bytes than the file"):
        read_vectors(tmp_path / "a.npy")


def test_damage_of_any_byte_is_an_error_or_other_vectors(tmp_path):
    path, random = tmp_path / "a.npy", np.random.default_rng(0)
    whole = write_dict(path, VECTORS).read_bytes()
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[random.integers(whole.index(b"\n") + 1, len(whole))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            assert all(vector.ndim == 1 for vector in read_vectors(path).values())
        except SetupError:
            continue


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


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = write_dict(tmp_path / "a.npy", VECTORS)
    size = path.stat().st_size
    monkeypatch.setattr("audiosetzsl.feature_sets.pickles.MAX_BYTES", size - 1)
    with pytest.raises(
        SetupError, match=rf"a\.npy cannot be .*it has {size} bytes, expected at most {size - 1}\); fetch it"
    ):
        read_vectors(path)
