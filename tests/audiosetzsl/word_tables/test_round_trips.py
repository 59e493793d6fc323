"""What other programs write is read back number for number, for any words and vectors."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import word_table_files as files
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.word_tables.arrays import read_npz
from audiosetzsl.word_tables.binary import read_binary
from audiosetzsl.word_tables.parquet import read_parquet_table
from audiosetzsl.word_tables.text import read_text

# Any letter but blanks, controls and halves of letters: what a table of words can hold.
LETTERS = st.characters(exclude_categories=["Z", "C"])
WORDS = st.text(LETTERS, min_size=1, max_size=8)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw, words=WORDS):
    """Rows of a table with words that may stand twice, and some of its words and others."""
    width = draw(st.integers(2, 6))
    vectors = st.lists(FLOATS, min_size=width, max_size=width).map(lambda x: np.array(x, np.float32))
    rows = draw(st.lists(st.tuples(words, vectors), min_size=1, max_size=8))
    wanted = draw(st.sets(st.sampled_from([word for word, _ in rows]) | words, max_size=8))
    return rows, wanted


def read_back(reader, content, wanted):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_bytes(content)
        return reader(path, wanted).vectors


def same(found, rows, wanted):
    """The slow twin: the first row of each word that is wanted."""
    expected = {}
    for word, vector in rows:
        if word in wanted and word not in expected:
            expected[word] = vector
    assert set(found) == set(expected)
    for word, vector in expected.items():
        assert found[word].dtype == np.float32
        assert found[word].tobytes() == vector.tobytes()  # bit by bit: -0.0 too


@settings(max_examples=50)
@given(tables(), st.booleans())
def test_binary(table, line_breaks):
    rows, wanted = table
    same(read_back(read_binary, files.binary(rows, line_breaks=line_breaks), wanted), rows, wanted)


@given(tables(), st.booleans(), st.booleans(), st.sampled_from([" ", "\t"]))
def test_text(table, header, trailing_blank, between):
    rows, wanted = table
    content = files.text(rows, header=header, trailing_blank=trailing_blank, between=between)
    same(read_back(read_text, content, wanted), rows, wanted)


# Letters only: of "dog 1" nobody can say whether the 1 belongs to the word.
SEVERAL = st.lists(st.text(st.characters(categories=["Lo"]), min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=50)
@given(tables(SEVERAL.map(" ".join)), st.sampled_from([" ", "\t"]))
def test_words_with_blanks_as_glove_has_them(table, between):
    rows, wanted = table
    same(read_back(read_text, files.text(rows, between=between), wanted), rows, wanted)


@settings(max_examples=30, deadline=None)
@given(tables(), st.booleans())
def test_arrays_and_parquet(table, old):
    rows, wanted = table
    rows = list(dict(reversed(rows)).items())  # each name once
    with tempfile.TemporaryDirectory() as folder:
        same(read_npz(files.npz(Path(folder) / "t.npz", rows), wanted).vectors, rows, wanted)
        path = files.parquet(Path(folder) / "t.parquet", rows, name="class_name" if old else "name")
        same(read_parquet_table(path, wanted).vectors, rows, wanted)


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("line_breaks", [True, False])
def test_a_binary_table_is_the_same_in_whatever_pieces_it_comes(tmp_path, monkeypatch, chunk, line_breaks):
    from audiosetzsl.word_tables import binary

    rng = np.random.default_rng(0)
    rows = [("x" * int(rng.integers(1, 40)) + str(n), rng.normal(size=5)) for n in range(200)]
    path = files.write(tmp_path / "t.bin", files.binary(rows, line_breaks=line_breaks))
    monkeypatch.setattr(binary, "CHUNK", chunk)
    found = read_binary(path, {word for word, _ in rows}).vectors
    assert list(found) == [word for word, _ in rows]
    np.testing.assert_array_equal(np.stack(list(found.values())), np.float32([v for _, v in rows]))
