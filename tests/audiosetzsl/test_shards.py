"""Feature shards: every number comes back, and a stale or damaged shard is an error."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosetzsl.errors import ManifestError, ShardError
from audiosetzsl.features import frames_of
from audiosetzsl.shards import (
    FINGERPRINT,
    N_MELS,
    SCHEMAS,
    VECTOR_WIDTH,
    Kind,
    Status,
    check_made_by,
    fingerprint,
    made_by_of,
    read_shard,
    vectors_of,
    write_shard,
)

MADE_BY = "0123456789ab"
VECTOR_KINDS = [Kind.VIDEO, Kind.AUDIO]
on_disk = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def shard_of(kind, features, status=None):
    """Table of one row a feature (an array, or None for a row without one)."""
    n = len(features)
    columns = {
        "segment_id": [f"{number:011}_0" for number in range(n)],
        "status": status or [str(Status.NO_CLIP if f is None else Status.OK) for f in features],
        "reason": ["" if f is not None else "video is private" for f in features],
        "flags": [["short", "silent"][: number % 3] for number in range(n)],
    }
    if kind is Kind.LOG_MEL:
        columns["n_frames"] = [0 if f is None else len(f) for f in features]
        columns["log_mel"] = [f if f is None else list(f) for f in features]
    else:
        columns["vector"] = features
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMAS[kind]]
    return pa.Table.from_arrays(arrays, schema=SCHEMAS[kind])


def bits(array):
    """Numbers as bits: -0 is not 0, and a NaN is itself."""
    return np.asarray(array).view(f"u{np.asarray(array).itemsize}").tolist()


half = st.floats(width=16, allow_nan=True, allow_infinity=True)
log_mels = st.none() | st.integers(0, 4).flatmap(
    lambda n_frames: arrays(np.float16, (n_frames, N_MELS), elements=half, fill=half)
)
single = st.floats(width=32, allow_nan=True, allow_infinity=True)
vectors = st.none() | arrays(np.float32, VECTOR_WIDTH, elements=single, fill=single)


@on_disk
@given(features=st.lists(log_mels, max_size=6))
def test_log_mels_of_any_length_come_back_bit_by_bit(tmp_path, features):
    table = shard_of(Kind.LOG_MEL, features)
    read = read_shard(
        write_shard(table, tmp_path / "part-00000.parquet", Kind.LOG_MEL, MADE_BY), Kind.LOG_MEL
    )
    heads = ["segment_id", "status", "reason", "flags", "n_frames"]
    assert read.select(heads).to_pylist() == table.select(heads).to_pylist()
    assert read["log_mel"].is_null().to_pylist() == [feature is None for feature in features]
    frames = list(frames_of(read))
    assert len(frames) == len(features)
    for found, feature in zip(frames, features, strict=True):
        written = np.zeros((0, N_MELS), np.float16) if feature is None else feature
        assert found.dtype == np.float16 and found.shape == written.shape
        assert bits(found) == bits(written)


@on_disk
@given(features=st.lists(vectors, max_size=5), kind=st.sampled_from(VECTOR_KINDS))
def test_vectors_come_back_bit_by_bit(tmp_path, features, kind):
    path = write_shard(shard_of(kind, features), tmp_path / "part-00000.parquet", kind, MADE_BY)
    read = read_shard(path, kind, made_by=MADE_BY)
    assert read["vector"].is_null().to_pylist() == [feature is None for feature in features]
    there = [feature for feature in features if feature is not None]
    found = vectors_of(read.filter(read["vector"].is_valid()))
    assert found.dtype == np.float32 and found.shape == (len(there), VECTOR_WIDTH)
    assert bits(found) == [bits(feature) for feature in there]


@pytest.mark.parametrize("kind", VECTOR_KINDS)
def test_a_block_that_gave_nothing_has_no_vectors(tmp_path, kind):
    """All 256 videos of a block can be gone; that is no error of whoever reads it."""
    path = write_shard(shard_of(kind, [None, None]), tmp_path / "part-00000.parquet", kind, MADE_BY)
    read = read_shard(path, kind)
    assert vectors_of(read.filter(read["vector"].is_valid())).shape == (0, VECTOR_WIDTH)


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


def test_only_the_columns_asked_for_are_read(tmp_path):
    table = shard_of(Kind.VIDEO, [np.ones(VECTOR_WIDTH, np.float32)])
    path = write_shard(table, tmp_path / "part-00000.parquet", Kind.VIDEO, MADE_BY)
    read = read_shard(path, Kind.VIDEO, made_by=MADE_BY, columns=["segment_id", "status"])
    assert read.to_pylist() == [{"segment_id": "00000000000_0", "status": "ok"}]


def test_a_shard_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "part-00000.parquet"
    video = shard_of(Kind.VIDEO, [None])
    with pytest.raises(
        ManifestError, match=r"part-00000\.parquet: columns are .*'vector'\], expected .*'log_mel'\]"
    ):
        write_shard(video, path, Kind.LOG_MEL, MADE_BY)
    assert not path.exists()
    write_shard(video, path, Kind.VIDEO, MADE_BY)
    with pytest.raises(ShardError, match=r"columns are .*'vector'\], expected .*'log_mel'\]"):
        read_shard(path, Kind.LOG_MEL)


def test_an_absent_shard_is_named(tmp_path):
    with pytest.raises(ShardError, match=r"part-00009\.parquet does not exist"):
        read_shard(tmp_path / "part-00009.parquet", Kind.VIDEO)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path, kind):
    """Anywhere in the file: the pages carry checksums, and a damaged fingerprint is another one."""
    rng = np.random.default_rng(0)
    shape = [(3, N_MELS), (5, N_MELS)] if kind is Kind.LOG_MEL else [VECTOR_WIDTH] * 2
    dtype = np.float16 if kind is Kind.LOG_MEL else np.float32
    features = [None, *(rng.normal(size=size).astype(dtype) for size in shape), None]
    path = write_shard(shard_of(kind, features), tmp_path / "part-00000.parquet", kind, MADE_BY)
    intact = read_shard(path, kind)
    content = bytearray(path.read_bytes())
    detected = 0
    for offset, bit in rng.integers((0, 0), (len(content), 8), size=(100, 2)):
        content[offset] ^= 1 << bit
        path.write_bytes(content)
        content[offset] ^= 1 << bit
        try:
            assert read_shard(path, kind, made_by=MADE_BY).equals(intact), f"bit {bit} of byte {offset}"
        except ShardError as error:
            detected += 1
            assert "part-00000.parquet" in str(error)
    assert detected > 50


def test_a_stale_shard_is_an_error_that_names_both_configurations(tmp_path):
    path = write_shard(shard_of(Kind.AUDIO, [None]), tmp_path / "part-00000.parquet", Kind.AUDIO, MADE_BY)
    assert len(read_shard(path, Kind.AUDIO, made_by=MADE_BY)) == 1
    assert made_by_of(path) == MADE_BY
    expected = (
        r"part-00000\.parquet was made by configuration 0123456789ab, expected ba9876543210; "
        "delete the folder to extract again, or ask for the configuration that made it"
    )
    with pytest.raises(ShardError, match=expected):
        read_shard(path, Kind.AUDIO, made_by="ba9876543210")


def test_one_stale_shard_among_others_is_found(tmp_path):
    check_made_by(tmp_path, MADE_BY)  # an empty folder holds nothing of another
    for number, made_by in enumerate([MADE_BY, "ba9876543210", MADE_BY]):
        path = tmp_path / f"part-{number:05}.parquet"
        write_shard(shard_of(Kind.AUDIO, [None]), path, Kind.AUDIO, made_by)
    with pytest.raises(ShardError, match=r"part-00001\.parquet was made by configuration ba9876543210"):
        check_made_by(tmp_path, MADE_BY)
    (tmp_path / "part-00001.parquet").unlink()
    check_made_by(tmp_path, MADE_BY)


def test_a_shard_that_does_not_say_what_made_it_is_foreign(tmp_path):
    path = write_shard(shard_of(Kind.AUDIO, []), tmp_path / "part-00000.parquet", Kind.AUDIO, "")
    with pytest.raises(ShardError, match=f"was made by configuration unknown, expected {MADE_BY}"):
        read_shard(path, Kind.AUDIO, made_by=MADE_BY)


def test_a_fingerprint_that_is_no_text_any_more_is_another_one(tmp_path):
    path = tmp_path / "part-00000.parquet"
    pq.write_table(shard_of(Kind.AUDIO, []).replace_schema_metadata({FINGERPRINT: b"\xff\xfe"}), path)
    with pytest.raises(ShardError, match=f"was made by configuration .+, expected {MADE_BY}"):
        read_shard(path, Kind.AUDIO, made_by=MADE_BY)
    with pytest.raises(ShardError, match=f"was made by configuration .+, expected {MADE_BY}"):
        check_made_by(tmp_path, MADE_BY)


def test_a_shard_without_its_end_says_so(tmp_path):
    path = write_shard(shard_of(Kind.AUDIO, [None]), tmp_path / "part-00000.parquet", Kind.AUDIO, MADE_BY)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(
        ShardError, match=r"part-00000\.parquet is damaged \(.+\); delete it and make it again"
    ):
        made_by_of(path)


@dataclass(frozen=True)
class _Sound:
    hop_ms: float = 10.0
    n_mels: int = 64


@dataclass(frozen=True)
class _Picture:
    hop_ms: float = 10.0
    n_mels: int = 64


def test_a_fingerprint_changes_with_everything_that_matters():
    sound = _Sound()
    facts = [
        fingerprint(sound),
        fingerprint(replace(sound, hop_ms=20.0)),
        fingerprint(replace(sound, n_mels=65)),
        fingerprint(_Picture()),  # the same fields of another configuration
        fingerprint(sound, weights="a"),
        fingerprint(sound, weights="b"),
        fingerprint(sound, network="a"),
    ]
    assert len(set(facts)) == len(facts)
    assert all(len(fact) == 12 and int(fact, 16) >= 0 for fact in facts)
    assert fingerprint(sound, a="1", b="2") == fingerprint(_Sound(), b="2", a="1")
