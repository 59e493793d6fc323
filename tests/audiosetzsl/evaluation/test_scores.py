"""Score files: a column is the class it says it is, or the file is refused."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.evaluation.scores import SCHEMA, read_scores, write_scores
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.shards import Recipe, recipe_of

CLASSES = ClassTable(("dog", "pig", "cat"), (True, False, True))
ROWS = pd.DataFrame(
    {
        "segment_id": ["a_0", "b_0", "c_0", "d_0"],
        "split": ["val", "test", "val", "val"],
        "class_name": ["cat", "dog", "pig", "cat"],
    },
    index=[7, 3, 5, 1],  # as after a filter
)
RECIPE = Recipe("Drawn", {"seed": 3})
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


@pytest.fixture
def written(tmp_path):
    return write_scores(tmp_path / "scores.parquet", ROWS, VALUES, CLASSES, RECIPE)


@st.composite
def worlds(draw):
    names = draw(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5, unique=True))
    seen = draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    n = draw(st.integers(0, 6))
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    values = draw(arrays(np.float32, (n, len(names)), elements=finite))
    row = st.tuples(st.sampled_from(["val", "test"]), st.sampled_from(names))
    rows = draw(st.lists(row, min_size=n, max_size=n))
    return (tuple(names), tuple(seen)), rows, values


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds(), split=st.sampled_from(["val", "test"]))
def test_scores_come_back_with_their_truth_and_their_classes(tmp_path, world, split):
    (names, seen), rows, values = world
    classes = ClassTable(names, seen)
    frame = pd.DataFrame(rows, columns=["split", "class_name"]).assign(segment_id="a_0")
    scores = read_scores(write_scores(tmp_path / "s.parquet", frame, values, classes, RECIPE), split=split)
    at = [number for number, (where, _) in enumerate(rows) if where == split]
    assert (scores.classes, scores.split) == (classes, split)
    assert scores.values.dtype == np.float32
    assert scores.values.tolist() == values[at].tolist()
    assert [classes.names[column] for column in scores.actual] == [rows[number][1] for number in at]


def test_a_split_is_read_by_hand(written):
    scores = read_scores(written, split="val")
    assert scores.values.tolist() == [[-5, -4, -3], [1, 2, 3], [4, 5, 6]]
    assert scores.actual.tolist() == [2, 1, 2]


def test_the_file_tells_others_what_its_columns_are_and_what_made_it(written):
    table = pq.read_table(written)
    assert table["segment_id"].to_pylist() == ROWS.segment_id.tolist()
    assert json.loads(table.schema.metadata[b"classes"]) == {
        "names": ["dog", "pig", "cat"],
        "seen": [True, False, True],
    }
    assert recipe_of(written) == RECIPE


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda v: np.repeat(v, 2, axis=0)[::2], np.float64])
def test_scores_are_written_by_row_however_they_lie_in_memory(tmp_path, layout):
    path = write_scores(tmp_path / "s.parquet", ROWS, layout(VALUES), CLASSES, RECIPE)
    assert read_scores(path, split="test").values.tolist() == [VALUES[1].tolist()]


@pytest.mark.parametrize("shape", [(4, 4), (4, 2), (3, 3), (5, 3), (12,), (3, 4)])
def test_a_matrix_that_is_not_clips_by_classes_is_not_written(tmp_path, shape):
    """With one column too many, every clip but the first would silently get another one's scores."""
    path = tmp_path / "s.parquet"
    with pytest.raises(SetupError) as error:
        write_scores(path, ROWS, np.zeros(shape, np.float32), CLASSES, RECIPE)
    assert str(error.value) == f"scores are {shape}, expected (4, 3): clips x classes"
    assert not path.exists()


def rewritten(path, rows, noted):
    metadata = {} if noted is None else {b"classes": noted}
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata(metadata), path)
    return path


def test_rows_of_another_width_than_the_classes_are_refused(written):
    rows = pq.read_table(written).to_pylist()
    rows[2]["scores"] = [1.0, 2.0]
    rewritten(written, rows, json.dumps({"names": CLASSES.names, "seen": CLASSES.seen}).encode())
    with pytest.raises(
        ShardError, match=r"scores\.parquet: rows hold \[2, 3\] scores, expected 3, one a class"
    ):
        read_scores(written, split="val")
    assert len(read_scores(written, split="test").actual) == 1


@pytest.mark.parametrize(
    "noted",
    [
        *(None, b"", b"\xff", b'{"names": ["dog"', b'{"names": ["dog", "pig", "cat"]}', b'{"seen": [true]}'),
        *(b"[]", b'{"names": ["dog"], "seen": [true, false]}'),
    ],
)
def test_a_file_that_does_not_say_its_classes_is_refused(written, noted):
    rewritten(written, pq.read_table(written).to_pylist(), noted)
    expected = r"scores\.parquet does not say which classes it scores \(.+\); delete it and score again"
    with pytest.raises(ShardError, match=expected):
        read_scores(written, split="val")


def test_a_truth_that_is_no_class_is_named(written):
    rows = pq.read_table(written).to_pylist()
    noted = json.dumps({"names": ["dog", "cow", "cat"], "seen": CLASSES.seen}).encode()
    rewritten(written, rows, noted)
    with pytest.raises(
        ShardError,
        match=r"scores\.parquet: 1 of 3 segments are of classes that it does not score, the first is c_0 of pig; "
        "delete it and score again",
    ):
        read_scores(written, split="val")
    assert len(read_scores(written, split="test").actual) == 1


def test_scores_that_are_not_finite_are_refused_where_they_are_read(tmp_path):
    values = VALUES.copy()
    values[2:, 1] = np.nan, np.inf
    path = write_scores(tmp_path / "s.parquet", ROWS, values, CLASSES, RECIPE)
    with pytest.raises(
        ShardError,
        match=r"s\.parquet: the scores of 2 of 3 segments are not finite, the first is c_0; check the model",
    ):
        read_scores(path, split="val")


def test_an_absent_file_and_a_damaged_one_are_named(tmp_path, written):
    with pytest.raises(ShardError, match=r"gone\.parquet does not exist"):
        read_scores(tmp_path / "gone.parquet", split="val")
    written.write_bytes(written.read_bytes()[:-20])
    with pytest.raises(ShardError, match=r"scores\.parquet is damaged"):
        read_scores(written, split="val")
