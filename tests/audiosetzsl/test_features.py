"""Features of a workspace: joined by id, and never of another split than was asked for."""

import weakref

import numpy as np
import pyarrow as pa
import pytest

from audiosetzsl import features
from audiosetzsl.errors import ManifestError, ShardError
from audiosetzsl.features import load_vectors, stream_log_mel
from audiosetzsl.manifest import SCHEMA, write_manifest
from audiosetzsl.shards import N_MELS, SCHEMAS, VECTOR_WIDTH, Kind, write_shard
from audiosetzsl.workspace import Workspace

N = 36
IDS = [f"{number:011}_0" for number in range(N)]
CLASSES = [("dog", True), ("cat", True), ("pig", False)]
SPLITS = ["train", "val", "test"]
BOTH = (Kind.AUDIO, Kind.VIDEO)


def class_of(number):
    return CLASSES[number % 3]


def split_of(number):
    return SPLITS[number // 3 % 3]


def numbers(split, seen):
    """Segments that a reader of a split is to get, in the order of the manifest."""
    return [n for n in range(N) if split_of(n) == split and seen in (None, class_of(n)[1])]


def feature_of(kind, number):
    """What was found in a segment: no two alike, in whatever kind; log-mels differ in length too."""
    rng = np.random.default_rng([number, list(Kind).index(kind)])
    if kind is Kind.LOG_MEL:
        return rng.normal(size=(number % 4, N_MELS)).astype(np.float16)
    return rng.normal(size=VECTOR_WIDTH).astype(np.float32)


def write_part(place, kind, part, members, without=(), made_by="0123456789ab"):
    """A shard of segments (any string that is not a number of ours is a stranger), some without a feature."""
    there = [number not in without for number in members]
    values = [feature_of(kind, number) if ok else None for number, ok in zip(members, there, strict=True)]
    columns = {
        "segment_id": [IDS[number] if number < N else f"stranger_{number}" for number in members],
        "status": ["ok" if ok else "no_clip" for ok in there],
        "reason": ["" if ok else "video is private" for ok in there],
        "flags": [[]] * len(members),
        "n_frames": [0 if value is None else len(value) for value in values],
        "log_mel": [value if value is None else list(value) for value in values],
        "vector": values,
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMAS[kind]]
    table = pa.Table.from_arrays(arrays, schema=SCHEMAS[kind])
    write_shard(table, place.features(kind) / f"part-{part:05}.parquet", kind, made_by)


def write_kind(place, kind, order, n_parts=4, without=()):
    for part, members in enumerate(np.array_split(np.array(order, int), n_parts)):
        write_part(place, kind, part, members.tolist(), without)


@pytest.fixture
def place(tmp_path):
    """A workspace with a manifest and no features yet."""
    rows = [
        {
            "segment_id": IDS[n],
            "ytid": IDS[n][:11],
            "start_s": 0.0,
            "end_s": 10.0,
            "class_name": class_of(n)[0],
            "seen": class_of(n)[1],
            "split": split_of(n),
            "source": "unbalanced",
            "line": n + 4,
            "mids": ["/m/a"],
        }
        for n in range(N)
    ]
    made = Workspace(tmp_path)
    write_manifest(pa.Table.from_pylist(rows, SCHEMA), made.manifest, {})
    return made


def expect(clips, members, kinds):
    assert clips.rows.segment_id.tolist() == [IDS[n] for n in members]
    assert clips.rows.index.tolist() == list(range(len(members)))  # a row's index finds its vector
    assert clips.rows.class_name.tolist() == [class_of(n)[0] for n in members]
    assert len(clips) == len(members)
    for kind in kinds:
        assert clips[kind].dtype == np.float32
        assert clips[kind].shape == (len(members), VECTOR_WIDTH)
        assert clips[kind].tolist() == [feature_of(kind, n).tolist() for n in members]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("split", SPLITS)
def test_vectors_stay_with_their_segment_wherever_they_lie(place, seed, split):
    """Each kind is shuffled over its shards in another way; only the id tells what belongs together."""
    rng = np.random.default_rng(seed)
    for kind, n_parts in ((Kind.AUDIO, 3), (Kind.VIDEO, 5)):
        write_kind(place, kind, rng.permutation(N), n_parts)
    for seen in (True, False, None):
        expect(load_vectors(place, BOTH, split=split, seen=seen), numbers(split, seen), BOTH)


def test_seen_and_unseen_classes_are_kept_apart(place):
    write_kind(place, Kind.VIDEO, range(N))
    kinds = (Kind.VIDEO,)
    assert set(load_vectors(place, kinds, split="train", seen=True).rows.class_name) == {"dog", "cat"}
    assert set(load_vectors(place, kinds, split="train", seen=False).rows.class_name) == {"pig"}
    assert set(load_vectors(place, kinds, split="train", seen=None).rows.split) == {"train"}


def test_a_clip_without_one_of_the_kinds_is_left_out_of_all(place):
    silent, unseen_by_camera, absent = 0, 1, 2
    write_kind(place, Kind.AUDIO, range(N), without=[silent])
    write_kind(place, Kind.VIDEO, [n for n in range(N) if n != absent], without=[unseen_by_camera])
    train = numbers("train", None)
    complete = [n for n in train if n not in (silent, unseen_by_camera, absent)]
    assert len(complete) == len(train) - 3
    expect(load_vectors(place, BOTH, split="train", seen=None), complete, BOTH)
    sound = [n for n in train if n != silent]
    expect(load_vectors(place, (Kind.AUDIO,), split="train", seen=None), sound, (Kind.AUDIO,))


def test_segments_that_are_not_in_the_manifest_are_not_loaded(place):
    write_kind(place, Kind.VIDEO, [N + 5, *range(N), N + 9])
    expect(load_vectors(place, (Kind.VIDEO,), split="val", seen=None), numbers("val", None), (Kind.VIDEO,))


def test_a_block_or_a_workspace_in_which_nothing_was_found(place):
    """Every video of a block may be gone; the others are read all the same."""
    write_part(place, Kind.VIDEO, 0, list(range(9)), without=range(9))
    expect(load_vectors(place, (Kind.VIDEO,), split="val", seen=None), [], (Kind.VIDEO,))
    write_part(place, Kind.VIDEO, 1, list(range(9, N)))
    late = [n for n in numbers("val", None) if n >= 9]
    expect(load_vectors(place, (Kind.VIDEO,), split="val", seen=None), late, (Kind.VIDEO,))


def test_features_that_were_not_extracted_yet_are_asked_for(place):
    write_kind(place, Kind.VIDEO, range(N))
    expected = (
        r"audio holds no shards; run `python -m flows extract-features` \(log_mel, video\) "
        r"or `embed-audio` \(audio\) first"
    )
    with pytest.raises(ShardError, match=expected):
        load_vectors(place, BOTH, split="train", seen=True)
    with pytest.raises(ShardError, match="log_mel holds no shards; run `python -m flows extract-features`"):
        list(stream_log_mel(place, split="train", seen=True))


def test_half_written_shards_are_no_shards(place):
    folder = place.features(Kind.VIDEO)
    folder.mkdir(parents=True)
    (folder / ".part-00000.parquet.123.abcdef").write_bytes(b"half of it")
    with pytest.raises(ShardError, match="video holds no shards"):
        load_vectors(place, (Kind.VIDEO,), split="train", seen=True)


def test_a_damaged_shard_stops_both_readers(place):
    for kind in (Kind.VIDEO, Kind.LOG_MEL):
        write_kind(place, kind, range(N))
        path = place.features(kind) / "part-00002.parquet"
        path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ShardError, match=r"video.part-00002\.parquet is damaged"):
        load_vectors(place, (Kind.VIDEO,), split="train", seen=True)
    with pytest.raises(ShardError, match=r"log_mel.part-00002\.parquet is damaged"):
        list(stream_log_mel(place, split="train", seen=True))


def test_a_split_that_there_is_not(place):
    write_kind(place, Kind.VIDEO, range(N))
    write_kind(place, Kind.LOG_MEL, range(N))
    with pytest.raises(ManifestError, match="there is no split 'trn'"):
        load_vectors(place, (Kind.VIDEO,), split="trn", seen=True)
    with pytest.raises(ManifestError, match="there is no split 'trn'"):
        list(stream_log_mel(place, split="trn", seen=True))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seen", [True, False, None])
def test_the_stream_yields_the_frames_that_were_written(place, split, seen):
    order = np.random.default_rng(0).permutation(N).tolist()
    gone = order[3:9]
    write_kind(place, Kind.LOG_MEL, [*order, N + 1], without=gone)
    wanted = numbers(split, seen)
    expected = [n for n in order if n in wanted and n not in gone]  # in the order of the shards
    streamed = list(stream_log_mel(place, split=split, seen=seen))
    assert [(name, label) for name, label, _ in streamed] == [(IDS[n], class_of(n)[0]) for n in expected]
    for (_, _, frames), number in zip(streamed, expected, strict=True):
        written = feature_of(Kind.LOG_MEL, number)
        assert frames.dtype == np.float16 and frames.shape == written.shape
        np.testing.assert_array_equal(frames, written)


def test_the_stream_holds_one_shard_at_a_time(place, monkeypatch):
    write_kind(place, Kind.LOG_MEL, range(N), n_parts=6)
    tables, opened = [], []

    def n_alive():
        return sum(table() is not None for table in tables)

    def read_and_watch(path, kind, **options):
        table = read_shard(path, kind, **options)
        tables.append(weakref.ref(table))
        opened.append(path.name)
        assert n_alive() <= 2  # the one before goes when this one is there
        return table

    def ok_and_watch(table):
        kept = ok(table)
        tables.append(weakref.ref(kept))
        return kept

    read_shard, ok = features.read_shard, features._ok
    monkeypatch.setattr(features, "read_shard", read_and_watch)
    monkeypatch.setattr(features, "_ok", ok_and_watch)
    stream = stream_log_mel(place, split="train", seen=None)
    assert opened == []
    read_by_then = []
    for name, _, _ in stream:
        assert n_alive() == 1
        read_by_then.append((IDS.index(name), len(opened)))
    assert read_by_then == [(n, n // 6 + 1) for n in numbers("train", None)]


def test_frames_outlive_the_shard_they_came_from(place):
    """They are views; what a caller keeps must not be overwritten by the next shard."""
    write_kind(place, Kind.LOG_MEL, range(N), n_parts=6)
    kept = {name: frames for name, _, frames in stream_log_mel(place, split="test", seen=None)}
    for number in numbers("test", None):
        np.testing.assert_array_equal(kept[IDS[number]], feature_of(Kind.LOG_MEL, number))


@pytest.mark.parametrize("kind", [Kind.AUDIO, Kind.LOG_MEL])
def test_shards_of_two_configurations_are_never_mixed(place, kind):
    write_part(place, kind, 0, range(18))
    write_part(place, kind, 1, range(18, N), made_by="another_one_")
    expected = (
        r"part-00001.parquet was made by configuration another_one_, expected 0123456789ab; delete the folder"
    )
    with pytest.raises(ShardError, match=expected):
        if kind is Kind.LOG_MEL:
            list(stream_log_mel(place, split="train", seen=True))
        else:
            load_vectors(place, [kind], split="train", seen=True)
