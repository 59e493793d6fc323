"""One shard: every number comes back, and a stale, foreign or damaged one is an error."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from small_shards import OTHER, RECIPE, shard_of

from audiosetzsl.errors import ClipError, ShardError
from audiosetzsl.shards import (
    FEATURES,
    N_MELS,
    VECTOR_WIDTH,
    Kind,
    Recipe,
    check_made_by,
    clips_of,
    frames_of,
    log_mel_column,
    made_by_of,
    read_groups,
    read_shard,
    recipe_of,
    vectors_of,
    width_at,
    write_shard,
)
from audiosetzsl.shards.io import FINGERPRINT, LOG_MEL_ROWS
from audiosetzsl.shards.io import RECIPE as NOTED
from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.reading import read_sound

MADE_BY = RECIPE.fingerprint
VECTOR_KINDS = [Kind.VIDEO, Kind.AUDIO]
on_disk = settings(
    max_examples=40,
    deadline=None,
    # Lists of arrays outgrow what an example may draw, and are then begun anew.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


def bits(array):
    """Numbers as bits: -0 is not 0."""
    return np.asarray(array).view(f"u{np.asarray(array).itemsize}").tolist()


half = st.floats(width=16, allow_nan=False, allow_infinity=False)
log_mels = st.none() | st.integers(1, 4).flatmap(
    lambda n_frames: arrays(np.float16, (n_frames, N_MELS), elements=half, fill=half)
)
single = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = st.none() | arrays(np.float32, VECTOR_WIDTH, elements=single, fill=single)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "part-00000.parquet"


@on_disk
@given(features=st.lists(log_mels, max_size=6))
def test_log_mels_of_any_length_come_back_bit_by_bit(tmp_path, features):
    table = shard_of(Kind.LOG_MEL, features)
    read = read_shard(write_shard(table, tmp_path / "a.parquet", Kind.LOG_MEL, RECIPE), Kind.LOG_MEL)
    heads = ["segment_id", "status", "reason", "flags", "duration_s", "n_frames"]
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
    path = write_shard(shard_of(kind, features), tmp_path / "a.parquet", kind, RECIPE)
    read = read_shard(path, kind, made_by=MADE_BY)
    assert read["vector"].is_null().to_pylist() == [feature is None for feature in features]
    there = [feature for feature in features if feature is not None]
    found = vectors_of(read.filter(read["vector"].is_valid()))
    assert found.dtype == np.float32 and found.shape == (len(there), VECTOR_WIDTH)
    assert bits(found) == [bits(feature) for feature in there]


@pytest.mark.parametrize("kind", VECTOR_KINDS)
def test_a_block_that_gave_nothing_has_no_vectors(path, kind):
    """All 256 videos of a block can be gone; that is no error of whoever reads it."""
    read = read_shard(write_shard(shard_of(kind, [None, None]), path, kind, RECIPE), kind)
    assert vectors_of(read.filter(read["vector"].is_valid())).shape == (0, VECTOR_WIDTH)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("width", [1, 128, 2048])
def test_other_networks_have_other_widths(path, kind, width):
    one = np.ones((2, width), np.float16) if kind is Kind.LOG_MEL else np.ones(width, np.float32)
    write_shard(shard_of(kind, [one, None], width=width), path, kind, RECIPE)
    assert width_at(path, kind) == width
    assert read_shard(path, kind)["segment_id"].to_pylist() == ["00000000000_0", "00000000001_0"]


def test_only_the_columns_asked_for_are_read(path):
    write_shard(shard_of(Kind.VIDEO, [np.ones(VECTOR_WIDTH, np.float32)]), path, Kind.VIDEO, RECIPE)
    read = read_shard(path, Kind.VIDEO, made_by=MADE_BY, columns=["segment_id", "status"])
    assert read.to_pylist() == [{"segment_id": "00000000000_0", "status": "ok"}]


def test_a_shard_of_another_kind_is_refused(path):
    video = shard_of(Kind.VIDEO, [None])
    expected = r"part-00000\.parquet: columns are .*'vector'\], expected .*'log_mel'\]"
    with pytest.raises(ShardError, match=expected):
        write_shard(video, path, Kind.LOG_MEL, RECIPE)
    assert not path.exists()
    write_shard(video, path, Kind.VIDEO, RECIPE)
    with pytest.raises(ShardError, match=expected):
        read_shard(path, Kind.LOG_MEL)
    with pytest.raises(ShardError, match=expected):
        width_at(path, Kind.LOG_MEL)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1.0]]), "column 'vector' is list<.*double>, expected fixed_size_list<.*float>"),
        (pa.array([[1.0]], pa.list_(pa.float64(), 1)), "column 'vector' is fixed_size_list<.*double>"),
        (pa.array(["a"]), "column 'vector' is string, expected fixed_size_list<.*float>"),
    ],
)
def test_vectors_of_another_type_are_refused(path, column, message):
    table = shard_of(Kind.AUDIO, [None]).drop_columns(["vector"]).append_column("vector", column)
    with pytest.raises(ShardError, match=message):
        write_shard(table, path, Kind.AUDIO, RECIPE)


def test_an_absent_shard_is_named(path):
    with pytest.raises(ShardError, match=r"part-00000\.parquet does not exist"):
        read_shard(path, Kind.VIDEO)
    with pytest.raises(ShardError, match=r"part-00000\.parquet does not exist"):
        list(read_groups(path, Kind.VIDEO, {}))
    with pytest.raises(ShardError, match=r"part-00000\.parquet is damaged \(.*No such file"):
        recipe_of(path)


def test_what_made_a_shard_is_told(path):
    write_shard(shard_of(Kind.AUDIO, []), path, Kind.AUDIO, RECIPE, {"00000000000_0": "of this"})
    assert recipe_of(path) == RECIPE
    assert made_by_of(path) == MADE_BY
    assert clips_of(path) == {"00000000000_0": "of this"}


def test_a_stale_shard_is_an_error_that_names_both_configurations(path):
    write_shard(shard_of(Kind.AUDIO, [None]), path, Kind.AUDIO, RECIPE)
    assert len(read_shard(path, Kind.AUDIO, made_by=MADE_BY)) == 1
    expected = (
        rf"part-00000\.parquet was made by configuration {MADE_BY}, expected {OTHER.fingerprint}; "
        "delete the folder to extract again, or ask for the configuration that made it"
    )
    with pytest.raises(ShardError, match=expected):
        read_shard(path, Kind.AUDIO, made_by=OTHER.fingerprint)
    with pytest.raises(ShardError, match=expected):
        list(read_groups(path, Kind.AUDIO, {}, made_by=OTHER.fingerprint))


def test_one_stale_shard_among_others_is_found(tmp_path):
    check_made_by(tmp_path, MADE_BY)  # an empty folder holds nothing of another
    for number, recipe in enumerate([RECIPE, OTHER, RECIPE]):
        write_shard(shard_of(Kind.AUDIO, [None]), tmp_path / f"part-{number:05}.parquet", Kind.AUDIO, recipe)
    with pytest.raises(
        ShardError, match=rf"part-00001\.parquet was made by configuration {OTHER.fingerprint}"
    ):
        check_made_by(tmp_path, MADE_BY)
    (tmp_path / "part-00001.parquet").unlink()
    check_made_by(tmp_path, MADE_BY)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, r"part-00000\.parquet does not say what made it; delete it and make it again"),
        ({NOTED: b"\xff\xfe"}, r"part-00000\.parquet is damaged \(.*decode.*\); delete it and make it again"),
        ({NOTED: b"[]"}, r"part-00000\.parquet is damaged \(the recipe is no name with facts\)"),
        ({NOTED: RECIPE.as_json().encode()}, r"is damaged \(its recipe and its fingerprint differ\)"),
        (
            {NOTED: RECIPE.as_json().encode(), FINGERPRINT: OTHER.fingerprint.encode()},
            r"is damaged \(its recipe and its fingerprint differ\); delete it and make it again",
        ),
    ],
)
def test_a_shard_that_does_not_say_what_made_it(path, metadata, message):
    pq.write_table(shard_of(Kind.AUDIO, []).replace_schema_metadata(metadata), path)
    for ask in (
        lambda: read_shard(path, Kind.AUDIO, made_by=MADE_BY),
        lambda: made_by_of(path),
        lambda: check_made_by(path.parent, MADE_BY),
    ):
        with pytest.raises(ShardError, match=message):
            ask()


def test_a_shard_without_its_end_says_so(path):
    write_shard(shard_of(Kind.AUDIO, [None]), path, Kind.AUDIO, RECIPE)
    path.write_bytes(path.read_bytes()[:-10])
    for ask in (made_by_of, clips_of, recipe_of):
        with pytest.raises(ShardError, match=r"part-00000\.parquet is damaged \(.+\); delete it and make it"):
            ask(path)


def encodings(path):
    """Encodings, codec and whether there is a dictionary, for each column of a file; and its row groups."""
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
        columns = [group.column(i) for i in range(group.num_columns)]
        rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    return {c.path_in_schema: (c.encodings, c.compression, c.has_dictionary_page) for c in columns}, rows


def test_log_mels_lie_in_small_row_groups_their_bytes_apart(path):
    write_shard(
        shard_of(Kind.LOG_MEL, [np.ones((9, 4), np.float16)] * 70, width=4), path, Kind.LOG_MEL, RECIPE
    )
    columns, rows = encodings(path)
    found, codec, has_dictionary = columns["log_mel.list.element.list.element"]
    assert "BYTE_STREAM_SPLIT" in found and codec == "ZSTD" and not has_dictionary
    assert {name for name, (*_, has) in columns.items() if has} == {"status", "reason", "flags.list.element"}
    assert rows == [LOG_MEL_ROWS, LOG_MEL_ROWS, 70 - 2 * LOG_MEL_ROWS]


@pytest.mark.parametrize("kind", VECTOR_KINDS)
def test_vectors_lie_as_they_are(path, kind):
    write_shard(shard_of(kind, [np.ones(4, np.float32)] * 70, width=4), path, kind, RECIPE)
    columns, rows = encodings(path)
    found, codec, has_dictionary = columns["vector.list.element"]
    assert "PLAIN" in found and codec == "UNCOMPRESSED" and not has_dictionary
    assert rows == [70]


def kb_a_clip(path, log_mels):
    """Size of a shard of these log-mels, for each."""
    n = len(log_mels)
    table = shard_of(
        Kind.LOG_MEL, [np.zeros((1, N_MELS), np.float16)] * n, n_frames=[len(one) for one in log_mels]
    )
    at = table.column_names.index("log_mel")
    table = table.set_column(at, "log_mel", log_mel_column(log_mels))
    return write_shard(table, path, Kind.LOG_MEL, RECIPE).stat().st_size / n / 1000


@pytest.mark.parametrize("loudness", [0.1, 0.001])
def test_ten_seconds_of_noise_take_no_more_than_90_kb(path, loudness):
    """Nothing that sounds has less in common with itself."""
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=loudness, size=(8, 998 * 160 + 240)).astype(np.float32)
    log_mels = [log_mel(one, LogMelConfig()) for one in noise]
    assert log_mels[0].shape == (998, N_MELS)
    assert kb_a_clip(path, log_mels) <= 90


@pytest.mark.real
def test_ten_seconds_of_real_clips_take_no_more_than_90_kb(path, real_data):
    log_mels = []
    for clip in sorted((real_data / "clips").glob("*.mp4")):
        try:
            heard = log_mel(read_sound(clip), LogMelConfig())
        except ClipError:
            continue  # one has no sound
        log_mels += [heard[:998]] if len(heard) >= 998 else []
    assert len(log_mels) > 9
    assert kb_a_clip(path, log_mels) <= 90


class Intact(dict):
    """By kind; a test that fails need not print it all."""

    def __repr__(self):
        return "the shards as they were"


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """Files as they are on disk, and what they hold: rows of several row groups, usual widths, rows without."""
    rng = np.random.default_rng(0)
    made = Intact()
    for kind in Kind:
        path = tmp_path_factory.mktemp("intact") / "part-00000.parquet"
        sizes = [(3, N_MELS) if kind is Kind.LOG_MEL else VECTOR_WIDTH] * (40 if kind is Kind.LOG_MEL else 5)
        dtype = np.float16 if kind is Kind.LOG_MEL else np.float32
        features = [None, *(rng.normal(size=size).astype(dtype) for size in sizes), None]
        write_shard(shard_of(kind, features), path, kind, RECIPE, {"00000000000_0": "a clip"})
        made[kind] = path.read_bytes(), read_shard(path, kind)
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(list(Kind)),
    share=st.floats(0, 1, exclude_max=True),
    is_in_footer=st.booleans(),
    bit=st.integers(0, 7),
)
def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path, intact, kind, share, is_in_footer, bit):
    """Anywhere in the file: pages carry checksums, a recipe its fingerprint, and rows keep their contract."""
    content, table = intact[kind]
    first = len(content) - 8 - int.from_bytes(content[-8:-4], "little") if is_in_footer else 0
    offset = first + int(share * (len(content) - first))
    damaged = bytearray(content)
    damaged[offset] ^= 1 << bit
    path = tmp_path / "part-00000.parquet"
    path.write_bytes(damaged)
    try:
        assert read_shard(path, kind, made_by=MADE_BY).equals(table)
    except ShardError as error:
        assert "part-00000.parquet" in str(error)
    try:
        groups = list(read_groups(path, kind, set(table["segment_id"].to_pylist()), made_by=MADE_BY))
        expected = table.filter(pa.compute.equal(table["status"], "ok")).select(groups[0].column_names)
        assert pa.concat_tables(groups).combine_chunks().equals(expected.combine_chunks())
    except ShardError as error:
        assert "part-00000.parquet" in str(error)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_column_whose_name_is_damaged_is_said(path, intact, kind):
    content, _ = intact[kind]
    name = FEATURES[kind].encode()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    path.write_bytes(content[:footer] + content[footer:].replace(name, name[:-1] + b"?"))
    with pytest.raises(ShardError, match=r"has no column|is damaged"):
        list(read_groups(path, kind, {"x"}))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_flip_in_the_numbers_is_detected(path, intact, kind):
    """Not only where it happens to break the compression: vectors are not compressed at all."""
    content, _ = intact[kind]
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        group = file.metadata.row_group(0)
        chunk = group.column(group.num_columns - 1)
    start, size = chunk.data_page_offset, chunk.total_compressed_size
    random.seed(0)
    # Behind the header of the page, in which there are statistics that nobody reads.
    for offset in random.choices(range(start + 200, start + size), k=60):
        damaged = bytearray(content)
        damaged[offset] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ShardError, match=r"part-00000\.parquet is damaged \(.*(?i:crc|checksum)"):
            read_shard(path, kind)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_shard_that_is_cut_off_is_an_error(path, intact, kind, part):
    content, _ = intact[kind]
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(
        ShardError, match=r"part-00000\.parquet is damaged \(.+\); delete it and make it again"
    ):
        read_shard(path, kind)
    with pytest.raises(
        ShardError, match=r"part-00000\.parquet is damaged \(.+\); delete it and make it again"
    ):
        list(read_groups(path, kind, {}))


@pytest.mark.parametrize("kind", list(Kind))
def test_row_groups_give_the_rows_that_are_wanted(path, kind):
    n = 2 * LOG_MEL_ROWS + 6
    features = [None if k % 3 == 0 else np.full((2, 4) if kind is Kind.LOG_MEL else 4, k) for k in range(n)]
    table = shard_of(
        kind,
        [f if f is None else f.astype("f2" if kind is Kind.LOG_MEL else "f4") for f in features],
        width=4,
    )
    write_shard(table, path, kind, RECIPE)
    names = table["segment_id"].to_pylist()
    for wanted in (
        set(names),
        {names[1], names[3], names[LOG_MEL_ROWS + 1]},
        {names[0]},
        {"stranger"},
        set(),
    ):
        groups = list(read_groups(path, kind, wanted, made_by=MADE_BY))
        found = [name for group in groups for name in group["segment_id"].to_pylist()]
        assert found == [name for k, name in enumerate(names) if name in wanted and k % 3]
        values = [v for g in groups for v in (frames_of(g) if kind is Kind.LOG_MEL else vectors_of(g))]
        assert [int(v.ravel()[0]) for v in values] == [names.index(name) for name in found]


WRITER = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from small_shards import RECIPE, shard_of
from audiosetzsl.shards import Kind, log_mel_column, write_shard
table = shard_of(Kind.LOG_MEL, [np.zeros((1, 64), np.float16)] * 64, n_frames=[998] * 64)
frames = np.random.default_rng(0).normal(size=(64, 998, 64)).astype(np.float32)
table = table.set_column(table.column_names.index("log_mel"), "log_mel", log_mel_column(list(frames)))
print("ready", flush=True)
sys.stdin.readline()
write_shard(table, Path(sys.argv[1]), Kind.LOG_MEL, RECIPE)
print("written", flush=True)
"""


@pytest.mark.parametrize("before", [False, True])
def test_a_writer_that_is_killed_half_way_leaves_a_whole_shard_or_none(path, pytestconfig, before):
    """What lies about then is no shard to any reader, and in no later writer's way."""
    if before:
        write_shard(shard_of(Kind.LOG_MEL, [None]), path, Kind.LOG_MEL, RECIPE)
    support = str(pytestconfig.rootpath / "tests" / "support")
    command = [sys.executable, "-c", WRITER, str(path), support]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "ready\n"
        writer.stdin.write("go\n")
        writer.stdin.flush()
        until = time.monotonic() + 30
        while not (scratch := list(path.parent.glob(".part-*"))) and time.monotonic() < until:
            pass
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    assert scratch, "it was not met half way"
    found = [len(read_shard(one, Kind.LOG_MEL, made_by=MADE_BY)) for one in path.parent.glob("part-*")]
    assert found in ([1] if before else [], [64])  # 64 where it was quicker than the kill
    write_shard(shard_of(Kind.LOG_MEL, [None, None]), path, Kind.LOG_MEL, RECIPE)
    assert len(read_shard(path, Kind.LOG_MEL)) == 2


def test_recipes_may_hold_whatever_a_configuration_does(path):
    recipe = Recipe("Net", {"fps": 25.0, "size": [224, 224], "nested": {"a": None}, "name": "Ü"})
    write_shard(shard_of(Kind.AUDIO, []), path, Kind.AUDIO, recipe)
    assert recipe_of(path) == recipe
    read_shard(path, Kind.AUDIO, made_by=recipe.fingerprint)
