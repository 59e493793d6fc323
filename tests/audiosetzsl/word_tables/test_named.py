"""Class vectors are written with what they were made of, in any width, and read back or refused."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audiosetzsl.errors import ShardError
from audiosetzsl.shards import recipe_of
from audiosetzsl.word_tables.named import NamedVectors, read_class_vectors, write_class_vectors


def made(width=5):
    matrix = np.random.default_rng(0).normal(size=(2, width)).astype(np.float32)
    return NamedVectors(("dog", "cat"), matrix, ("dog", "big + cat"), {"source": "t.bin sha256:0"})


@pytest.mark.parametrize("width", [2, 300, 768])
def test_any_width_is_read_back_bit_by_bit(tmp_path, width):
    vectors = made(width)
    names, matrix = read_class_vectors(write_class_vectors(vectors, tmp_path / "text.parquet"))
    assert names == ["dog", "cat"]
    np.testing.assert_array_equal(matrix, vectors.matrix)
    assert matrix.dtype == np.float32


def test_the_file_says_what_its_vectors_were_made_of(tmp_path):
    recipe = recipe_of(write_class_vectors(made(), tmp_path / "text.parquet"))
    assert recipe.name == "class vectors"
    assert recipe.facts == {"source": "t.bin sha256:0", "wording": {"dog": "dog", "cat": "big + cat"}}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"name": ["a"], "vector": pa.array([[1.0]], pa.list_(pa.float32(), 1))},
            r"columns are \['name', 'vector'\]",
        ),
        ({"class_name": ["a"], "vector": [[1.0]]}, r"column 'vector' is list<"),
        ({"class_name": ["a"]}, r"columns are \['class_name'\]"),
    ],
)
def test_another_schema_is_refused(tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "text.parquet")
    with pytest.raises(ShardError, match=message):
        read_class_vectors(tmp_path / "text.parquet")


@pytest.mark.parametrize(
    ("names", "number", "message"),
    [(("dog", "dog"), 1.0, "has dog more than once"), (("dog", "cat"), np.nan, "of dog, cat .* not finite")],
)
def test_doubled_names_and_numbers_that_are_none_are_refused(tmp_path, names, number, message):
    vectors = NamedVectors(names, np.full((2, 3), number, np.float32), names, {"source": "x"})
    with pytest.raises(ShardError, match=message):
        write_class_vectors(vectors, tmp_path / "part-00000.parquet")
    assert list(tmp_path.iterdir()) == []


def test_an_absent_or_damaged_file_is_said(tmp_path):
    with pytest.raises(ShardError, match=r"text\.parquet does not exist"):
        read_class_vectors(tmp_path / "text.parquet")
    path = write_class_vectors(made(), tmp_path / "text.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ShardError, match=r"text\.parquet is damaged"):
        read_class_vectors(path)
