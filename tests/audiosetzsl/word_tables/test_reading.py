"""Tables are known by their content, read for what is asked, and refused with the place that is wrong."""

import gzip
import re
import tracemalloc
import zipfile
from codecs import BOM_UTF8

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import word_table_files as files

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.reading import read_word_table

ROWS = [
    ("</s>", [0.0, 0.0, 0.0]),
    ("the", [9.0, 9.0, 9.0]),
    ("dog", [1.0, 0.5, -0.25]),
    ("dog", [7.0, 7.0, 7.0]),  # of two, the first counts
    ("church_bell", [0.0, -1e-3, 2.0]),
    ("Dog", [5.0, 5.0, 5.0]),
]
FOUND = {
    "dog": [1.0, 0.5, -0.25],
    "Dog": [5.0, 5.0, 5.0],
    "church_bell": [0.0, pytest.approx(-1e-3), 2.0],
}


def listed(table):
    return {word: vector.tolist() for word, vector in table.vectors.items()}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.bin", files.binary(ROWS)),
        ("t.bin", files.binary(ROWS, line_breaks=False)),
        ("t.txt", files.text(ROWS)),
        ("t.vec", files.text(ROWS, trailing_blank=True)),
        ("t.txt", files.text(ROWS, header=False)),
        ("t.txt", files.text(ROWS, header=False).replace(b"\n", b"\r\n")),
        ("t.txt", BOM_UTF8 + files.text(ROWS[2:], header=False)),
        ("t.vec", BOM_UTF8 + files.text(ROWS)),
        ("no-name-to-go-by", files.binary(ROWS)),
        ("no-name-to-go-by", files.text(ROWS, header=False)),
        ("no-name-to-go-by", BOM_UTF8 + files.text(ROWS)),
        ("t.tsv", files.text(ROWS, header=False, between="\t")),
        ("t.txt", re.sub(rb"(?m)^(\S+) ", rb"\1\t", files.text(ROWS))),  # a tab after the word, then blanks
        ("t.txt", files.text(ROWS, between="  ")),
        (
            "t.txt",
            re.sub(rb"(?m)^", b" ", files.text(ROWS, header=False)[:-1]),
        ),  # blanks in front of the words
        ("misnamed.txt", files.binary(ROWS)),
        ("misnamed.bin", files.text(ROWS)),
    ],
)
def test_corpora_are_read_for_what_is_asked(tmp_path, name, content, packed):
    path = files.write(tmp_path / (name + ".gz" * packed), content, packed=packed)
    table = read_word_table(path, ["dog", "church bell", "unicorn"])
    assert listed(table) == FOUND
    assert not table.of_names
    assert table.vectors["dog"].dtype == np.float32


def test_a_damaged_npz_is_refused_wherever_it_is_damaged(tmp_path):
    whole = files.npz(tmp_path / "t.npz", ROWS[2:3] + ROWS[4:]).read_bytes()
    np.savez_compressed(tmp_path / "c.npz", names=np.array(["dog"]), vectors=np.random.rand(1, 30))
    for content in (whole, (tmp_path / "c.npz").read_bytes()):
        for at in range(0, len(content), 13):
            (tmp_path / "x.npz").write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
            try:
                read_word_table(tmp_path / "x.npz", ["dog"])
            except SetupError as problem:
                assert "x.npz" in str(problem)


def test_damage_in_rows_that_nobody_asked_for_is_found_in_an_npz(tmp_path):
    content = files.npz(tmp_path / "t.npz", ROWS[:3]).read_bytes()
    at = content.index(np.float32([9.0, 9.0, 9.0]).tobytes())
    path = files.write(tmp_path / "x.npz", broken(content, at, b"\x01"))
    with pytest.raises(SetupError, match=r"it cannot be read \(Bad CRC-32 for file 'vectors\.npy'"):
        read_word_table(path, ["dog"])


def test_an_npz_that_announces_more_than_it_holds_is_refused_before_it_is_read(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (1, 10**15)}
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        with archive.open("names.npy", "w") as file:
            np.save(file, np.array(["dog"]))
        with archive.open("vectors.npy", "w") as file:
            np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(
        SetupError, match=r"vectors\.npy has 128 bytes, but its header announces 4000000000000128"
    ):
        read_word_table(tmp_path / "t.npz", ["dog"])


@pytest.fixture(scope="module")
def large():
    """Names, and vectors of 24 MB."""
    matrix = np.zeros((20_000, 300), np.float32)
    matrix[:, :2] = np.arange(40_000).reshape(-1, 2)
    return [f"w{row}" for row in range(len(matrix))], matrix


ENDS = {"w0": [0.0, 1.0], "w1024": [2048.0, 2049.0], "w19999": [39_998.0, 39_999.0]}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_never_in_memory_as_a_whole(tmp_path, large, save):
    save(tmp_path / "t.npz", names=np.array(large[0]), vectors=large[1])
    tracemalloc.start()
    try:
        found = read_word_table(tmp_path / "t.npz", list(ENDS))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {word: vector[:2].tolist() for word, vector in found.vectors.items()} == ENDS
    assert peak_bytes < large[1].nbytes / 3


POOL = pa.proxy_memory_pool(pa.default_memory_pool())  # counts on its own; outlives whatever lies in it


@pytest.mark.parametrize("row_group_size", [20_000, 5000])
def test_a_parquet_table_is_never_in_memory_as_a_whole(tmp_path, large, row_group_size):
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(large[1].ravel()), 300)
    table = pa.table({"name": large[0], "vector": vectors})
    pq.write_table(
        table, tmp_path / "t.parquet", use_dictionary=False, compression="none", row_group_size=row_group_size
    )
    usual = pa.default_memory_pool()
    pa.set_memory_pool(POOL)
    try:
        found = read_word_table(tmp_path / "t.parquet", list(ENDS))
    finally:
        pa.set_memory_pool(usual)
    assert {word: vector[:2].tolist() for word, vector in found.vectors.items()} == ENDS
    assert 0 < POOL.max_memory() < large[1].nbytes / 3


@pytest.mark.parametrize("write", [files.npz, files.parquet])
def test_named_rows_are_read_for_what_is_asked(tmp_path, write):
    rows = [row for row in ROWS if row[1] != [7.0, 7.0, 7.0]]
    table = read_word_table(write(tmp_path / "t.npz", rows), ["dog", "church bell", "unicorn"])
    assert listed(table) == FOUND
    assert table.of_names
    assert table.remark == "it holds 5 names: </s>, the, dog, ..."


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.large_list(pa.float16()), pa.list_(pa.float32(), 3)]
)
def test_parquet_lists_of_any_floats(tmp_path, kind):
    rows = [(f"{n}", [n, n, n]) for n in range(10)]
    path = files.parquet(tmp_path / "t.parquet", rows, kind=kind, row_group_size=3)
    assert listed(read_word_table(path, ["8", "1"])) == {"1": [1.0] * 3, "8": [8.0] * 3}


def test_reading_ends_with_the_last_word_that_is_asked_for(tmp_path):
    # Two spellings of "x" are asked for; what comes after both is not looked at.
    start = [("x", [1.0, 2.0]), ("X", [3.0, 4.0])]
    text = files.write(tmp_path / "t.txt", files.text(start, header=False) + b"x 1 broken\n")
    assert set(read_word_table(text, ["x"]).vectors) == {"x", "X"}
    size = len(files.binary([*start, ("yy", [0.0, 0.0])], line_breaks=False))
    binary = files.binary(start, line_breaks=False, header=b"3 2\n").ljust(size, b"\xff")
    assert set(read_word_table(files.write(tmp_path / "t.bin", binary), ["x"]).vectors) == {"x", "X"}


def test_words_with_blanks_are_counted_from_the_right(tmp_path):
    rows = [
        (". . .", [1.0, 2.0]),
        ("at name@domain.com", [3.0, 4.0]),
        ("at", [5.0, 6.0]),
        ("new york", [7.0, 8.0]),
    ]
    path = files.write(
        tmp_path / "glove.txt", files.text([*rows, ("a", [0, 0]), ("b", [0, 0])], header=False)
    )
    assert listed(read_word_table(path, ["at", "new york"])) == {"at": [5.0, 6.0], "new york": [7.0, 8.0]}


def test_words_that_python_takes_for_numbers_are_words(tmp_path):
    rows = [("of infinity", [9, 9]), ("nan", [1, 2]), ("infinity", [3, 4]), ("of", [5, 6]), ("1_0", [7, 8])]
    path = files.write(tmp_path / "t.txt", files.text(rows, header=False))
    assert listed(read_word_table(path, ["nan", "infinity", "of"])) == {
        "nan": [1, 2],
        "infinity": [3, 4],
        "of": [5, 6],
    }


def test_a_number_that_may_be_cut_short_is_refused(tmp_path):
    content = files.text(ROWS[:3] + ROWS[5:])[:-1]
    path = files.write(tmp_path / "t.vec", content.replace(b"4 3", b"5 3"))
    with pytest.raises(
        SetupError, match=r"t\.vec breaks off in line 5, but line 1 announces 5 words; fetch it"
    ):
        read_word_table(path, ["dog"])
    assert (
        "Dog" in read_word_table(files.write(path, content), ["dog"]).vectors
    )  # all are there: no line break


def test_words_that_are_not_asked_for_may_be_anything(tmp_path):
    path = files.write(tmp_path / "t.vec", b"\xff\xfe 1 0\nodd\ncat 1 nan\ndog 1 0\n. . . 4 5\n")
    assert list(read_word_table(path, ["dog"]).vectors) == ["dog"]


def test_a_header_that_counts_wrongly_is_remarked_not_refused(tmp_path):
    # fastText's own wiki-news-300d-1M-subword.vec announces a word that it does not hold.
    content = files.text(ROWS).replace(b"6 3", b"7 3")
    table = read_word_table(files.write(tmp_path / "t.vec", content), ["dog"])
    assert set(table.vectors) == {"dog", "Dog"}
    assert read_word_table(tmp_path / "t.vec", ["dog", "cat"]).remark == (
        "its first line announces 7 words, and it holds 6"
    )


def test_a_text_that_breaks_off_is_remarked(tmp_path):
    content = files.text(ROWS, header=False)[:-8]
    assert (
        read_word_table(files.write(tmp_path / "t.txt", content), ["cat"]).remark == "it breaks off in line 6"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"dog 1 2\ncat 1\n", r"t\.txt, line 2: 1 numbers, expected 2; the table is damaged"),
        (b"dog 1 two\ncow 1 2\n", r"t\.txt, line 1: 'two' is no number, expected 2 of them; fetch the table"),
        (b"dog 1_0 2\ncow 1 2\n", r"t\.txt, line 1: '1_0' is no number"),
        (b"dog 1 nan\ncow 1 2\n", r"t\.txt, line 1: 'nan' is no number"),
        (b"cow 1 2\ndog\n", r"t\.txt, line 2: 0 numbers, expected 2"),
        (b"cow 1 2\ndog 1 2 3\npig 1 2\n", r"t\.txt, line 2: 3 numbers, expected 2"),
        (b"dog 1 1e39\n", r"t\.txt, line 1 \(dog\): not all numbers are finite in float32"),
        (b"2 3\ndog 1 2\ncat 1 2\n", r"line 1 announces 3 numbers a word, but the rows after it have 2"),
        (b"2 2\ndog 1 2\ncat 1\n", r"t\.txt, line 3: 1 numbers, expected 2"),
    ],
)
def test_damaged_text_names_its_line(tmp_path, content, message):
    with pytest.raises(SetupError, match=message):
        read_word_table(files.write(tmp_path / "t.txt", content), ["dog", "cat"])


def broken(content, at, by):
    return content[:at] + by + content[at + len(by) :]


BINARY = files.binary(ROWS)
NAN = np.float32(np.nan).tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            BINARY[:-40],
            r"t\.bin breaks off: \d+ bytes, but 6 words of 3 numbers need 88 or more; fetch it again",
        ),
        (BINARY[:-10], r"t\.bin breaks off in word 6 of 6, at byte \d+; fetch it again"),
        (
            BINARY + b"\0\1",
            r"t\.bin, byte \d+: 2 and more bytes follow the last of 6 words; the table is damaged",
        ),
        (
            broken(BINARY, BINARY.index(b"dog ") + 8, NAN),
            rf"t\.bin, byte {BINARY.index(b'dog ') + 4} \(dog\): not all numbers are finite",
        ),
        (
            b"3 3000\n" + b"\xff" * 40_000,
            r"t\.bin, byte 7: no blank ends word 1; the table is damaged",
        ),
    ],
)
def test_damaged_binary_names_its_byte(tmp_path, content, message):
    with pytest.raises(SetupError, match=message):
        read_word_table(files.write(tmp_path / "t.bin", content), ["dog", "cat"])


def test_a_packed_table_that_breaks_off_is_refused(tmp_path):
    whole = gzip.compress(
        files.binary([(f"w{n}", np.random.default_rng(n).normal(size=50)) for n in range(99)])
    )
    path = files.write(tmp_path / "t.bin.gz", whole[: len(whole) // 2])
    with pytest.raises(SetupError, match=r"t\.bin\.gz cannot be read .*; fetch it again"):
        read_word_table(path, ["dog"])
    part = gzip.compress(BINARY[:-10])
    with pytest.raises(SetupError, match=r"t\.bin\.gz breaks off in word 6 of 6, at byte"):
        read_word_table(files.write(tmp_path / "t.bin.gz", part), ["cat"])


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"names": np.array(["a"]), "vectors": np.zeros((2, 3))}, r"they are \(1,\) and \(2, 3\)"),
        ({"names": np.array(["a"]), "vectors": np.zeros(1)}, r"they are \(1,\) and \(1,\)"),
        ({"names": np.array([1]), "vectors": np.zeros((1, 2))}, r"they are int64 and float64"),
        ({"names": np.array(["a"]), "vectors": np.array([["x", "y"]])}, r"they are <U1 and <U1"),
        ({"words": np.array(["a"])}, r"it cannot be read \(.*names"),
        (
            {"names": np.array(["a"], object), "vectors": np.zeros((1, 2))},
            r"no pickles; it cannot be read \(names\.npy holds objects, which would have to be unpickled\)",
        ),
        ({"names": np.array("a"), "vectors": np.zeros(())}, r"they are \(\) and \(\)"),
    ],
    ids=["lengths", "one axis", "numbers", "texts", "no names", "pickle", "no axis"],
)
def test_arrays_of_another_form_are_refused(tmp_path, arrays, found):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(SetupError, match=rf"t\.npz: expected an \.npz with the arrays names .*{found}"):
        read_word_table(tmp_path / "t.npz", ["a"])


@pytest.mark.parametrize(("kind", "order"), [("<f2", "C"), (">f4", "F"), (">f8", "C")])
def test_arrays_of_any_floats(tmp_path, kind, order):
    vectors = np.array([[1.5, -0.25, 0.0], [2.0, 3.0, 4.0]], kind, order=order)
    np.savez(tmp_path / "t.npz", names=np.array(["dog", "cat"]), vectors=vectors)
    found = listed(read_word_table(tmp_path / "t.npz", ["dog", "cat"]))
    assert found == {"dog": [1.5, -0.25, 0.0], "cat": [2.0, 3.0, 4.0]}


@pytest.mark.parametrize(
    ("names", "vectors", "message"),
    [
        (["dog"], [[1.0, np.inf]], r"t\.npz, row 0 \(dog\): not all numbers are finite"),
        (["dog"], [[1.0]], r"t\.npz, row 0 \(dog\): 1 numbers, expected 2 or more"),
        (["dog", "dog"], [[1.0, 2.0]] * 2, r"t\.npz, row 1 \(dog\): the name stands twice; take out one"),
    ],
)
def test_arrays_that_cannot_be_vectors_are_refused(tmp_path, names, vectors, message):
    np.savez(tmp_path / "t.npz", names=np.array(names), vectors=np.array(vectors))
    with pytest.raises(SetupError, match=message):
        read_word_table(tmp_path / "t.npz", ["dog"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"word": ["a"], "vector": [[1.0, 2.0]]},
            r"columns are word string, .*expected name or class_name",
        ),
        ({"name": [1], "vector": [[1.0, 2.0]]}, r"columns are name int64"),
        ({"name": ["a"], "vector": [[1, 2]]}, r"columns are name string, vector list<.*int64"),
        ({"name": ["a"]}, r"columns are name string, expected"),
        ({"name": ["a", "a"], "vector": [[1.0, 2.0]] * 2}, r"t\.parquet, row 1 \(a\): the name stands twice"),
        (
            {"name": ["a"], "vector": pa.array([None], pa.list_(pa.float32()))},
            r"row 0 \(a\): the vector is null",
        ),
        ({"name": ["a"], "vector": [[1.0, None]]}, r"row 0 \(a\): the vector is null, or part of it"),
        ({"name": ["a", "A"], "vector": [[1.0, 2.0], [1.0]]}, r"row 1 \(A\): 1 numbers, expected 2 or more"),
        (
            {"name": ["a", "A"], "vector": [[1.0, 2.0], [1.0] * 3]},
            r"row 1 \(A\): 3 numbers, expected 2 as before",
        ),
        ({"name": ["a"], "vector": [[1.0, np.nan]]}, r"row 0 \(a\): not all numbers are finite"),
    ],
)
def test_parquet_of_another_form_is_refused(tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(SetupError, match=message):
        read_word_table(tmp_path / "t.parquet", ["a"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.npz", b"no zip", r"t\.npz: expected an \.npz .*it cannot be read"),
        ("t.parquet", b"no Parquet", r"t\.parquet is damaged \("),
        ("t.parquet", b"PAR1" + bytes(40), r"t\.parquet is damaged \("),
        ("glove.zip", b"PK\x03\x04", r"glove\.zip is an archive; unpack it, and give the table that is in it"),
        ("t.npy", b"\x93NUMPY\x01\0", r"t\.npy is an array without names; write it with its names"),
        ("cc.en.300.bin", b"\xba\x16\x4f\x2f\x0c\0\0\0", r"is a model of fastText; give the \.vec"),
        ("w.model", b"\x80\x04\x95\0", r"w\.model is a pickle, which is not opened, as it could run code"),
        ("t.bin", b"x", r"t\.bin begins with b'x', expected the numbers of words and of dimensions"),
        ("t.bin", b"", r"t\.bin begins with b'', which is no table of word vectors; expected word2vec"),
        ("t.txt", b"<!DOCTYPE html>\n<html>\n", r"t\.txt begins with .*none of its first lines is a word with two"),
        ("t.csv", b"dog,1,2\n", r"t\.csv begins with b'dog,1,2\\n', which is no table of word vectors"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, name, content, message):
    with pytest.raises(SetupError, match=message):
        read_word_table(files.write(tmp_path / name, content), ["dog"])


def test_an_absent_file_is_said(tmp_path):
    with pytest.raises(
        SetupError, match=r"t\.npz does not exist, or is no file; --vectors needs a table of word"
    ):
        read_word_table(tmp_path / "t.npz", [])
    with pytest.raises(SetupError, match=r"does not exist, or is no file"):
        read_word_table(tmp_path, [])


def test_no_pickle_runs(tmp_path):
    """A pickle under every name that a table may have is refused, and what it would run is not run."""
    import pickle

    class Runs:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    for name in ("t.npz", "t.bin", "t.txt", "t.vec", "t.parquet", "t.pkl"):
        with pytest.raises(SetupError, match=r"is a pickle, which is not opened"):
            read_word_table(files.write(tmp_path / name, pickle.dumps(Runs())), ["dog"])
    np.savez(tmp_path / "t.npz", names=np.array([Runs()], object), vectors=np.zeros((1, 2)))
    with pytest.raises(SetupError, match=r"names\.npy holds objects, which would have to be unpickled"):
        read_word_table(tmp_path / "t.npz", ["dog"])
    assert not (tmp_path / "ran").exists()


@pytest.mark.real
def test_the_33_names_have_vectors(real_data):
    from audiosetzsl.classes import AUDIOSETZSL

    path = real_data / "word_vectors" / "audiosetzsl33_w2v_300d_best.npz"
    table = read_word_table(path, AUDIOSETZSL.names)
    assert sorted(table.vectors) == sorted(AUDIOSETZSL.names)
    assert {len(vector) for vector in table.vectors.values()} == {300}
