"""Columns: arrays into Arrow and back; a row without a feature stays one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from small_shards import shard_of

from audiosetzsl.errors import ShardError
from audiosetzsl.shards import (
    N_MELS,
    VECTOR_WIDTH,
    Kind,
    frames_of,
    log_mel_column,
    schema_of,
    vector_column,
    vectors_of,
)

widths = st.integers(1, 5)
log_mel = st.floats(-8, 8, width=32)
any_single = st.floats(width=32, allow_nan=True, allow_infinity=True)


@st.composite
def some_log_mels(draw):
    width = draw(widths)
    one = st.none() | st.integers(0, 4).flatmap(lambda n: arrays(np.float32, (n, width), elements=log_mel))
    return draw(st.lists(one, max_size=6)), width


@given(made=some_log_mels())
def test_log_mels_come_back_in_half_precision(made):
    """No number is off by more than half a step of 1/256, which is what half precision has between 4 and 8."""
    frames, width = made
    column = log_mel_column(frames, width)
    assert column.type == schema_of(Kind.LOG_MEL, width).field("log_mel").type
    assert column.is_null().to_pylist() == [one is None for one in frames]
    found = list(frames_of(pa.table({"log_mel": pa.chunked_array([column])})))
    assert len(found) == len(frames)
    for got, gave in zip(found, frames, strict=True):
        assert got.dtype == np.float16
        gave = np.zeros((0, width)) if gave is None else gave
        assert got.shape == gave.shape
        assert np.abs(got.astype(np.float64) - gave).max(initial=0) <= 1 / 512
        assert np.array_equal(got.astype(np.float64) * 256 % 1, np.zeros(got.shape))


def test_what_came_out_of_a_shard_goes_into_one_unchanged():
    frames = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    (once,) = frames_of(pa.table({"log_mel": pa.chunked_array([log_mel_column([frames], 4)])}))
    (twice,) = frames_of(pa.table({"log_mel": pa.chunked_array([log_mel_column([once], 4)])}))
    assert np.array_equal(once, twice)


@st.composite
def some_vectors(draw):
    width = draw(widths)
    return draw(st.lists(st.none() | arrays(np.float32, width, elements=any_single), max_size=6)), width


@given(made=some_vectors())
def test_vectors_come_back_bit_by_bit(made):
    vectors, width = made
    column = vector_column(vectors, width)
    assert column.type == schema_of(Kind.VIDEO, width).field("vector").type
    assert column.is_null().to_pylist() == [one is None for one in vectors]
    there = [one for one in vectors if one is not None]
    found = vectors_of(pa.table({"vector": column.filter(column.is_valid())}))
    assert found.dtype == np.float32 and found.shape == (len(there), width)
    assert found.view(np.uint32).tolist() == [one.view(np.uint32).tolist() for one in there]


def test_the_usual_widths():
    assert log_mel_column([None]).type.value_type.list_size == N_MELS == 64
    assert vector_column([None]).type.list_size == VECTOR_WIDTH == 1024


def test_features_of_another_width_are_refused():
    expected = r"features are \[3\] wide, expected 4; give the width of the network"
    with pytest.raises(ShardError, match=expected):
        vector_column([np.zeros(4, np.float32), np.zeros(3, np.float32)], 4)
    with pytest.raises(ShardError, match=expected):
        log_mel_column([np.zeros((2, 3), np.float32)], 4)


def test_frames_of_a_part_of_a_shard_are_those_of_its_rows():
    features = [np.full((n, N_MELS), n, np.float16) for n in range(5)]
    features[2] = None
    table = shard_of(Kind.LOG_MEL, features)
    assert [len(frames) for frames in frames_of(table.slice(1, 3))] == [1, 0, 3]
    both = pa.concat_tables([table.slice(3), table.slice(0, 2)])
    assert [frames[:, 0].tolist() for frames in frames_of(both)] == [[3] * 3, [4] * 4, [], [1]]


def test_a_row_without_a_vector_is_not_read_as_one():
    table = shard_of(Kind.VIDEO, [None, np.ones(VECTOR_WIDTH, np.float32), None])
    with pytest.raises(ShardError, match="2 rows hold no vector; take the rows whose status is ok first"):
        vectors_of(table)


def test_vectors_of_a_slice_are_those_of_its_rows():
    table = shard_of(Kind.VIDEO, [np.full(VECTOR_WIDTH, n, np.float32) for n in range(4)])
    assert vectors_of(table.slice(1, 2))[:, 0].tolist() == [1, 2]
