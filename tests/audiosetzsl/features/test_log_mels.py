"""Log-mels in a stream: the frames that were written, in an order that can be had again, in flat memory."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_shards import OTHER, RECIPE, class_of, feature_of, fill, number_of, planned, split_of

from audiosetzsl.errors import ManifestError, SetupError, ShardError
from audiosetzsl.features import Order, stream_log_mel
from audiosetzsl.shards import Kind

N = 36
SPLITS = ["train", "val", "test"]
LOST = [3, 4, 13, 30]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with log-mels in 9 shards, and its blocks."""
    place, blocks = planned(tmp_path_factory.mktemp("work"), N, 4)
    fill(place, Kind.LOG_MEL, blocks, without=LOST)
    return place, blocks


def names_of(stream):
    return [name for name, *_ in stream]


def in_blocks(blocks, split, seen, names=None):
    """Segments that a stream is to give, in the order in which the shards hold them."""
    ids = [name for block in blocks for name in block.segment_ids]
    return [
        name
        for name in ids
        if (n := number_of(name)) not in LOST
        and split in (None, split_of(n))
        and seen in (None, class_of(n)[1])
        and (names is None or class_of(n)[0] in names)
    ]


@pytest.mark.parametrize("split", [*SPLITS, None])
@pytest.mark.parametrize("seen", [True, False, None])
@pytest.mark.parametrize("seed", [None, 0])
def test_the_stream_yields_the_frames_that_were_written(made, split, seen, seed):
    place, blocks = made
    expected = in_blocks(blocks, split, seen)
    streamed = list(stream_log_mel(place, split=split, seen=seen, order=Order(seed=seed)))
    if seed is None:
        assert names_of(streamed) == expected
    assert sorted(names_of(streamed)) == sorted(expected)
    for name, label, frames in streamed:
        assert label == class_of(number_of(name))[0]
        written = feature_of(Kind.LOG_MEL, number_of(name))
        assert frames.dtype == np.float16 and frames.flags.writeable
        np.testing.assert_array_equal(frames, written)


def test_some_classes_of_all(made):
    place, blocks = made
    found = names_of(stream_log_mel(place, split="train", seen=None, classes=["pig", "cat"]))
    assert found == in_blocks(blocks, "train", None, ["pig", "cat"])
    with pytest.raises(ManifestError, match="no segments of owl"):
        next(stream_log_mel(place, split="train", seen=None, classes=["owl"]))


def test_an_order_is_the_same_every_time_and_another_for_another_seed(made):
    place, blocks = made
    orders = [
        names_of(stream_log_mel(place, split=None, seen=None, order=Order(seed=s))) for s in (0, 0, 1, 2)
    ]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 3
    assert in_blocks(blocks, None, None) not in orders


def test_clips_are_mixed_within_a_few_blocks(made):
    """Blocks as wholes come in another order, and clips of those that are held together in any."""
    place, blocks = made
    block_of = {name: block.number for block in blocks for name in block.segment_ids}
    for mixed in (1, 3):
        order = Order(seed=0, mix_blocks=mixed)
        found = [
            block_of[name] for name in names_of(stream_log_mel(place, split=None, seen=None, order=order))
        ]
        spans = [(found.index(n), len(found) - found[::-1].index(n)) for n in dict.fromkeys(found)]
        together = max(sum(start < at < stop for start, stop in spans) for at in np.arange(0.5, len(found)))
        assert together == mixed
        assert list(dict.fromkeys(found)) != list(range(len(blocks)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.none() | st.integers(0, 9),
    mix_blocks=st.integers(1, 4),
    n_workers=st.integers(1, 5),
    turns=st.integers(0, 4),
)
def test_workers_share_a_stream_and_a_break_costs_nothing(made, seed, mix_blocks, n_workers, turns):
    """Each clip comes to one worker, once; and who stopped after some blocks goes on with the rest."""
    place, blocks = made
    shares, ends = [], []
    for worker in range(n_workers):
        whole = Order(seed, mix_blocks, worker=worker, n_workers=n_workers)
        later = Order(seed, mix_blocks, turns * mix_blocks, worker, n_workers)
        shares.append(names_of(stream_log_mel(place, split=None, seen=None, order=whole)))
        ends.append(names_of(stream_log_mel(place, split=None, seen=None, order=later)))
    assert sorted(name for share in shares for name in share) == sorted(in_blocks(blocks, None, None))
    for share, end in zip(shares, ends, strict=True):
        assert share[len(share) - len(end) :] == end
    block_of = {name: block.number for block in blocks for name in block.segment_ids}
    skipped = min(turns * mix_blocks, len(blocks))
    assert len({block_of[name] for end in ends for name in end}) == len(blocks) - skipped


@pytest.mark.parametrize(
    "wrong",
    [{"worker": 1}, {"worker": -1}, {"n_workers": 0}, {"mix_blocks": 0}, {"first_block": -1}, {"seed": -1}],
)
def test_an_order_that_there_is_not(wrong):
    with pytest.raises(
        SetupError, match=r"Order\(.*\) is no order; expected worker to be one of 0 to n_workers"
    ):
        Order(**wrong)


def test_a_break_amid_blocks_that_are_mixed_is_no_place_to_go_on_from():
    """Clips of the blocks before it would be missing, and others come twice."""
    with pytest.raises(SetupError, match="expected first_block to be a multiple of 3"):
        Order(seed=0, mix_blocks=3, first_block=4)
    assert Order(mix_blocks=3, first_block=4).turn == 1  # nothing is mixed as the shards lie


def memory_along(place, order):
    """Bytes of Arrow and of numpy that a stream holds at most while somebody looks at one clip after another."""
    next(stream_log_mel(place, split=None, seen=None))  # what is imported on the way is not counted
    before, most = pa.total_allocated_bytes(), 0
    tracemalloc.start()
    for _ in stream_log_mel(place, split=None, seen=None, order=order):
        most = max(most, pa.total_allocated_bytes() - before + tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("seed", [None, 0])
def test_memory_does_not_grow_with_the_shards(tmp_path, seed):
    few, many = ((place, n) for n, place in ((3, tmp_path / "few"), (12, tmp_path / "many")))
    used = []
    for root, n_blocks in (few, many):
        place, blocks = planned(root, 32 * n_blocks, 32)
        fill(place, Kind.LOG_MEL, blocks, width=4096)
        used.append(memory_along(place, Order(seed=seed)))
    group = 32 * 2.5 * 4096 * 2  # bytes of 32 clips, which here are a block too
    # A group may not have been collected yet; ids and classes of all segments are small, and do grow.
    assert used[1] < used[0] + group + 200_000
    assert used[1] < 4 * group < n_blocks * group / 2


def test_a_clip_that_is_kept_keeps_no_other(made):
    place, _ = made
    kept = [frames for _, _, frames in stream_log_mel(place, split=None, seen=None)]
    assert all(frames.base is None for frames in kept)


def test_nothing_is_opened_before_the_first_clip_is_asked_for(tmp_path):
    stream_log_mel(planned(tmp_path, 9)[0], split="train", seen=True)


def test_features_that_were_not_extracted_yet_are_asked_for(tmp_path):
    place, _ = planned(tmp_path, 9)
    with pytest.raises(ShardError, match="log_mel holds no shards; run `python -m flows extract-features`"):
        list(stream_log_mel(place, split="train", seen=True))


def test_a_damaged_shard_stops_the_stream_where_it_stands(tmp_path):
    place, blocks = planned(tmp_path, N, 9)
    path = fill(place, Kind.LOG_MEL, blocks)[2]
    content = bytearray(path.read_bytes())
    at = pq.read_metadata(path).row_group(0).column(6).data_page_offset
    content[at + 60] ^= 1  # amid the frames, which nobody reads before their turn
    path.write_bytes(content)
    stream, found = stream_log_mel(place, split=None, seen=None), []
    with pytest.raises(ShardError, match=r"log_mel.part-00002\.parquet is damaged"):
        for name, *_ in stream:
            found.append(name)
    assert found == [name for block in blocks[:2] for name in block.segment_ids]


def test_a_block_without_a_shard_is_told_before_the_first_clip(tmp_path, caplog):
    place, blocks = planned(tmp_path, N, 9)
    fill(place, Kind.LOG_MEL, blocks)[2].unlink()
    asked = {"split": None, "seen": None}
    told = (
        r"log_mel holds no row of 9 of the 36 segments .* the first is part-00002.parquet\); finish them with"
    )
    with pytest.raises(ShardError, match=told):
        next(stream_log_mel(place, **asked))
    assert len(list(stream_log_mel(place, **asked, unfinished=True))) == N - 9
    (line,) = caplog.messages
    assert "1 of 4 blocks have no log_mel shard" in line


def test_a_split_that_there_is_not(made):
    with pytest.raises(ManifestError, match="there is no split 'trn'"):
        list(stream_log_mel(made[0], split="trn", seen=True))


def test_shards_of_two_configurations_are_never_mixed(tmp_path):
    place, (first, *others) = planned(tmp_path, N, 9)
    fill(place, Kind.LOG_MEL, [first])
    fill(place, Kind.LOG_MEL, others, recipe=OTHER)
    expected = (
        rf"part-00001.parquet was made by configuration {OTHER.fingerprint}, expected {RECIPE.fingerprint}"
    )
    with pytest.raises(ShardError, match=expected):
        list(stream_log_mel(place, split="train", seen=True))


def test_a_clip_in_two_shards_is_refused(tmp_path):
    place, blocks = planned(tmp_path, 18, 9)
    fill(place, Kind.LOG_MEL, blocks)
    folder = place.features(Kind.LOG_MEL)
    (folder / "part-00099.parquet").write_bytes((folder / "part-00000.parquet").read_bytes())
    with pytest.raises(ShardError, match=r"stands in two shards of .*log_mel; find the wrong one with"):
        next(stream_log_mel(place, split=None, seen=None))
