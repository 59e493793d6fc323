"""The contract of rows: a status keeps what it promises, on the way into a shard and out of it."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_shards import RECIPE, shard_of

from audiosetzsl.errors import ShardError
from audiosetzsl.shards import Kind, check_rows, read_shard, write_shard

FOUND = {
    Kind.LOG_MEL: np.ones((3, 4), np.float16),
    Kind.VIDEO: np.ones(4, np.float32),
    Kind.AUDIO: np.ones(4, np.float32),
}
IN_ALL = {
    "an unknown word": ({"status": ["ok", "gone"]}, "status is none of ok, no_clip, .*failed"),
    "ok without a feature": (
        {"status": ["ok", "ok"]},
        "a feature stands where the status is not ok, or none where",
    ),
    "a feature without ok": (
        {"status": ["failed", "no_clip"]},
        "a feature stands where the status is not ok",
    ),
    "a reason for ok": (
        {"reason": ["why", "why"]},
        "a reason stands where the status is ok, or none where it is not",
    ),
    "no reason": ({"reason": ["", ""]}, "a reason stands where the status is ok, or none where it is not"),
    "less than nothing": ({"duration_s": [10.0, -0.5]}, "duration_s is less than 0, or no number"),
    "no length": ({"duration_s": [float("nan"), 0.0]}, "duration_s is less than 0, or no number"),
    "no end": ({"duration_s": [float("inf"), 0.0]}, "duration_s is less than 0, or no number"),
    "twice": ({"segment_id": ["a_0", "a_0"]}, "a segment has more than one row"),
}
IN_SOME = [
    (Kind.LOG_MEL, {"n_frames": [2, 0]}, "n_frames is not the number of frames"),
    (Kind.LOG_MEL, {"n_frames": [3, 1]}, "n_frames is not the number of frames"),
    (Kind.VIDEO, {"n_frames": [0, 0]}, "n_frames is 0 where the status is ok"),
    (Kind.VIDEO, {"n_windows": [0, 0]}, "n_windows is 0 where the status is ok"),
    (Kind.VIDEO, {"n_windows": [1, -1]}, "n_windows is less than 0"),
    (Kind.VIDEO, {"n_frames": [1, -1]}, "n_frames is less than 0"),
]
CASES = [(kind, *case) for case in IN_ALL.values() for kind in Kind] + IN_SOME


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("status", ["no_clip", "no_audio", "no_video", "unreadable", "failed"])
def test_rows_that_keep_the_contract(kind, status):
    check_rows(shard_of(kind, [FOUND[kind], None], width=4, status=["ok", status]), kind)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_shard_without_rows_keeps_it(kind):
    check_rows(shard_of(kind, []), kind)


@pytest.mark.parametrize(("kind", "columns", "message"), CASES)
def test_rows_that_break_the_contract_are_neither_written_nor_read(tmp_path, kind, columns, message):
    table = shard_of(kind, [FOUND[kind], None], width=4, **columns)
    path = tmp_path / "part-00000.parquet"
    with pytest.raises(ShardError, match=rf"part-00000\.parquet: {message}.*make it again"):
        write_shard(table, path, kind, RECIPE)
    assert not path.exists()
    pq.write_table(table, path)
    with pytest.raises(ShardError, match=rf"part-00000\.parquet: {message}.*make it again"):
        read_shard(path, kind)


def test_an_ok_row_with_no_frame_is_none():
    table = shard_of(Kind.LOG_MEL, [np.ones((0, 4), np.float16)], width=4)
    with pytest.raises(ShardError, match="n_frames is 0 where the status is ok"):
        check_rows(table, Kind.LOG_MEL)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_wherever_they_stand(kind, number):
    """Training on one of them ends in a network of nothing else."""
    rng = np.random.default_rng(0)
    features = [FOUND[kind].copy() for _ in range(40)]
    check_rows(shard_of(kind, features, width=4), kind)
    for _ in range(10):
        row, at = rng.integers(40), rng.integers(FOUND[kind].size)
        kept, features[row] = features[row], features[row].copy()
        features[row].flat[at] = number
        with pytest.raises(ShardError, match="features hold numbers that are not finite; make it again"):
            check_rows(shard_of(kind, features, width=4), kind)
        features[row] = kept


def test_the_largest_and_smallest_numbers_are_numbers():
    for dtype, kind in ((np.float16, Kind.LOG_MEL), (np.float32, Kind.AUDIO)):
        info = np.finfo(dtype)
        ends = np.array([info.max, info.min, info.smallest_subnormal, -0.0], dtype)
        check_rows(shard_of(kind, [ends[None] if kind is Kind.LOG_MEL else ends], width=4), kind)


def test_what_is_not_there_is_not_missed():
    """A reader asks for some columns; what they say is checked."""
    table = shard_of(Kind.VIDEO, [FOUND[Kind.VIDEO], None], width=4, status=["ok", "gone"])
    check_rows(table.select(["segment_id", "vector"]), Kind.VIDEO)
    with pytest.raises(ShardError, match="status is none of"):
        check_rows(table.select(["status"]), Kind.VIDEO)


def test_the_first_row_that_is_wrong_is_named():
    wrong = shard_of(Kind.AUDIO, [None] * 4, width=4, reason=["a", "", "b", ""])
    with pytest.raises(ShardError, match=r"\(rows: 2, first 00000000001_0\)"):
        check_rows(wrong, Kind.AUDIO)
