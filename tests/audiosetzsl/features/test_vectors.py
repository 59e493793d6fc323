"""Vectors of a workspace: joined by id, and never of another split than was asked for."""

from itertools import pairwise

import numpy as np
import pytest
from small_shards import OTHER, RECIPE, class_of, feature_of, fill, ledger_of, number_of, planned, split_of

from audiosetzsl.blocks import Block
from audiosetzsl.errors import ManifestError, ShardError
from audiosetzsl.features import load_vectors
from audiosetzsl.features import vectors as vectors_module
from audiosetzsl.features.held import held_by
from audiosetzsl.shards import Kind

N = 36
BOTH = (Kind.AUDIO, Kind.VIDEO)
VIDEO = (Kind.VIDEO,)


@pytest.fixture
def place(tmp_path):
    """A workspace with a manifest and no features yet."""
    return planned(tmp_path, N)[0]


def cut(place, order, n_parts=4):
    """Blocks of segments in some order; the readers ask for no plan."""
    names = planned_names(place)
    bounds = np.linspace(0, len(order), n_parts + 1).astype(int)
    return [
        Block(k, tuple(names[i] for i in order[start:stop]))
        for k, (start, stop) in enumerate(pairwise(bounds))
    ]


def planned_names(place):
    return {number_of(name): name for block in planned(place.root, N)[1] for name in block.segment_ids}


def numbers(split, seen, names=None):
    """Segments that a reader of a split is to get, in the order of the manifest."""
    return [
        n
        for n in range(N)
        if split in (None, split_of(n))
        and seen in (None, class_of(n)[1])
        and (names is None or class_of(n)[0] in names)
    ]


def expect(clips, members, kinds):
    assert [number_of(name) for name in clips.rows.segment_id] == members
    assert clips.rows.index.tolist() == list(range(len(members)))  # a row's index finds its vector
    assert clips.rows.class_name.tolist() == [class_of(n)[0] for n in members]
    assert len(clips) == len(members)
    for kind in kinds:
        assert clips[kind].dtype == np.float32
        assert clips[kind].shape == (len(members), 8)
        assert clips[kind].tolist() == [feature_of(kind, n).tolist() for n in members]


@pytest.mark.parametrize("split", ["train", "val", "test", None])
def test_vectors_stay_with_their_segment_wherever_they_lie(place, split):
    """Each kind is shuffled over its shards in another way; only the id tells what belongs together."""
    rng = np.random.default_rng(0)
    for kind, n_parts in ((Kind.AUDIO, 3), (Kind.VIDEO, 5)):
        fill(place, kind, cut(place, rng.permutation(N).tolist(), n_parts))
    for seen in (True, False, None):
        expect(load_vectors(place, BOTH, split=split, seen=seen), numbers(split, seen), BOTH)


def test_seen_and_unseen_classes_are_kept_apart(place):
    fill(place, Kind.VIDEO, cut(place, range(N)))
    assert set(load_vectors(place, VIDEO, split="train", seen=True).rows.class_name) == {"dog", "cat"}
    assert set(load_vectors(place, VIDEO, split="train", seen=False).rows.class_name) == {"pig"}
    assert set(load_vectors(place, VIDEO, split="train", seen=None).rows.split) == {"train"}


def test_some_classes_of_all(place):
    fill(place, Kind.VIDEO, cut(place, range(N)))
    for names in (["pig"], ["dog", "pig"]):
        clips = load_vectors(place, VIDEO, split="val", seen=None, classes=names)
        expect(clips, numbers("val", None, names), VIDEO)
    with pytest.raises(ManifestError, match="no segments of owl, expected some of cat, dog, pig"):
        load_vectors(place, VIDEO, split="val", seen=None, classes=["owl"])


def test_a_clip_without_one_of_the_kinds_is_left_out_of_all(place):
    silent, unseen_by_camera = 0, 1
    fill(place, Kind.AUDIO, cut(place, range(N)), without=[silent])
    fill(place, Kind.VIDEO, cut(place, range(N)), without=[unseen_by_camera])
    train = numbers("train", None)
    complete = [n for n in train if n not in (silent, unseen_by_camera)]
    assert len(complete) == len(train) - 2
    expect(load_vectors(place, BOTH, split="train", seen=None), complete, BOTH)
    sound = [n for n in train if n != silent]
    expect(load_vectors(place, (Kind.AUDIO,), split="train", seen=None), sound, (Kind.AUDIO,))


def test_segments_that_are_not_in_the_manifest_are_not_loaded(place):
    blocks = cut(place, range(N))
    stranger = Block(9, (f"{N + 5:011}_30000", f"{N + 9:011}_30000"))
    fill(place, Kind.VIDEO, [*blocks, stranger])
    expect(load_vectors(place, VIDEO, split="val", seen=None), numbers("val", None), VIDEO)


def test_a_block_or_a_workspace_in_which_nothing_was_found(place):
    """Every video of a block may be gone; the others are read all the same."""
    first, *others = cut(place, range(N))
    fill(place, Kind.VIDEO, [first, *others], without=range(N))
    expect(load_vectors(place, VIDEO, split="val", seen=None), [], VIDEO)
    fill(place, Kind.VIDEO, others)
    late = [n for n in numbers("val", None) if n >= 9]
    expect(load_vectors(place, VIDEO, split="val", seen=None), late, VIDEO)


def test_a_block_without_a_shard_is_told_and_taken_as_it_is_only_if_asked(place, caplog):
    blocks = planned(place.root, N)[1]
    for kind in BOTH:
        fill(place, kind, blocks)
    (place.features(Kind.AUDIO) / "part-00001.parquet").unlink()
    told = (
        r"audio holds no row of \d of the 12 segments asked for \(1 of 4 blocks have no audio shard, the first is "
        r"part-00001.parquet\); finish them with `python -m flows embed-audio` or `audiosetzsl shards repair .*`; "
        r"or take what there is, knowing so, with unfinished=True"
    )
    with pytest.raises(ShardError, match=told):
        load_vectors(place, BOTH, split="train", seen=None)
    left = [n for n in numbers("train", None) if number_in(blocks[1], n) is False]
    expect(load_vectors(place, BOTH, split="train", seen=None, unfinished=True), left, BOTH)
    (line,) = caplog.messages
    assert "1 of 4 blocks have no audio shard" in line


def number_in(block, number):
    return number in [number_of(name) for name in block.segment_ids]


def test_shards_brought_by_hand_need_no_plan_but_every_segment_that_is_asked_for(place):
    """Who was given features of val can use them as they are, and is told where they do not reach."""
    (place.root / "plan.json").unlink()
    names = {f"{n:011}_30000": n for n in range(N)}
    val = [name for name, n in names.items() if split_of(n) == "val"]
    fill(place, Kind.VIDEO, [Block(0, tuple(val[1:])), Block(1, tuple(val[:1]))])
    expect(load_vectors(place, VIDEO, split="val", seen=None), numbers("val", None), VIDEO)
    with pytest.raises(
        ShardError, match=r"no row of 12 of the 12 segments .*\(the first is 00000000000_30000\)"
    ):
        load_vectors(place, VIDEO, split="train", seen=None)


def test_a_shard_of_other_segments_is_no_shard_of_its_block(place):
    blocks = planned(place.root, N)[1]
    fill(place, Kind.VIDEO, [*blocks[:3], Block(3, blocks[3].segment_ids[1:])])
    with pytest.raises(ShardError, match=r"the first is \d+_30000, and every block has its shard\)"):
        load_vectors(place, VIDEO, split=None, seen=None)


def test_kinds_that_were_made_of_different_clips_are_not_joined(place, caplog):
    """Clips came, pictures were looked at again, and the sound has not followed yet."""
    blocks = planned(place.root, N)[1]
    fill(place, Kind.AUDIO, blocks, of_clips="of May")
    fill(place, Kind.VIDEO, blocks[:1], of_clips="of May")
    fill(place, Kind.VIDEO, blocks[1:], of_clips="of June")
    told = r"audio and .*video were made of different clips in 3 blocks, the first is part-00001.parquet; run `python"
    with pytest.raises(ShardError, match=told):
        load_vectors(place, BOTH, split="train", seen=None)
    assert len(load_vectors(place, BOTH, split="train", seen=None, unfinished=True)) == 12
    assert "different clips in 3 blocks" in caplog.text


def test_kinds_may_differ_by_clips_that_were_lost_since(place):
    """Clips may be deleted once their features are there: of what is left then, one kind may be made again."""
    blocks = planned(place.root, N)[1]
    named = blocks[0].segment_ids
    ledger_of(place, blocks[0], {name: "a" for name in named[1:]}, lost=named[1:3])
    fill(place, Kind.AUDIO, blocks[1:])
    fill(place, Kind.VIDEO, blocks[1:])
    fill(place, Kind.AUDIO, blocks[:1], of_clips="a")
    lost = [number_of(name) for name in named[1:3]]
    of_clips = {name: "a" for name in named if number_of(name) not in lost}
    fill(place, Kind.VIDEO, blocks[:1], without=lost, of_clips=of_clips)
    assert len(load_vectors(place, BOTH, split=None, seen=None)) == N - 2
    fill(place, Kind.VIDEO, blocks[:1], of_clips="of May")
    with pytest.raises(ShardError, match="different clips in 1 blocks"):
        load_vectors(place, BOTH, split=None, seen=None)


@pytest.mark.parametrize("width", [1, 400, 1024])
def test_vectors_of_any_width(place, width):
    fill(place, Kind.VIDEO, cut(place, range(N)), width=width)
    clips = load_vectors(place, VIDEO, split="test", seen=True)
    assert clips[Kind.VIDEO].tolist() == [
        feature_of(Kind.VIDEO, n, width).tolist() for n in numbers("test", True)
    ]


def test_shards_of_two_widths_cannot_be_one_matrix(place):
    first, *others = cut(place, range(N))
    fill(place, Kind.VIDEO, [first], width=8)
    fill(place, Kind.VIDEO, others, width=4)
    with pytest.raises(
        ShardError, match=r"part-00001\.parquet is 4 wide, the first shard 8; find the wrong one"
    ):
        load_vectors(place, VIDEO, split="train", seen=None)


def test_a_segment_in_two_shards_is_no_guess(place):
    blocks = cut(place, range(N))
    twice = Block(7, blocks[0].segment_ids[:1])
    fill(place, Kind.VIDEO, [*blocks, twice])
    expected = r"00000000000_30000 stands in two shards of .*video; find the wrong one with `audiosetzsl"
    with pytest.raises(ShardError, match=expected):
        load_vectors(place, VIDEO, split="train", seen=None)


def test_shards_that_change_while_they_are_read(place, monkeypatch):
    """A stage may be at work: what it takes away between two looks must not become rows of old memory."""
    blocks = cut(place, range(N))
    fill(place, Kind.VIDEO, blocks)

    def look_then_lose(parts, pool):
        held = held_by(parts, pool)
        fill(place, Kind.VIDEO, blocks[:1], without=range(N))
        return held

    monkeypatch.setattr(vectors_module, "held_by", look_then_lose)
    expected = (
        r"shards of .*video changed while they were read \(0000000000\d_30000 is gone\); load again when"
    )
    with pytest.raises(ShardError, match=expected):
        load_vectors(place, VIDEO, split="train", seen=None)


def test_features_that_were_not_extracted_yet_are_asked_for(place):
    fill(place, Kind.VIDEO, cut(place, range(N)))
    expected = (
        r"audio holds no shards; run `python -m flows extract-features` \(log_mel, video\) "
        r"or `embed-audio` \(audio\) first"
    )
    with pytest.raises(ShardError, match=expected):
        load_vectors(place, BOTH, split="train", seen=True)


def test_half_written_shards_are_no_shards(place):
    folder = place.features(Kind.VIDEO)
    folder.mkdir(parents=True)
    (folder / ".part-00000.parquet.123.abcdef").write_bytes(b"half of it")
    with pytest.raises(ShardError, match="video holds no shards"):
        load_vectors(place, VIDEO, split="train", seen=True)


def test_a_damaged_shard_stops_the_reader(place):
    path = fill(place, Kind.VIDEO, cut(place, range(N)))[2]
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ShardError, match=r"video.part-00002\.parquet is damaged"):
        load_vectors(place, VIDEO, split="train", seen=True)


def test_a_split_that_there_is_not(place):
    fill(place, Kind.VIDEO, cut(place, range(N)))
    with pytest.raises(ManifestError, match="there is no split 'trn'"):
        load_vectors(place, VIDEO, split="trn", seen=True)


def test_shards_of_two_configurations_are_never_mixed(place):
    first, *others = cut(place, range(N))
    fill(place, Kind.VIDEO, [first])
    fill(place, Kind.VIDEO, others, recipe=OTHER)
    expected = (
        rf"part-00001.parquet was made by configuration {OTHER.fingerprint}, expected {RECIPE.fingerprint}"
    )
    with pytest.raises(ShardError, match=expected):
        load_vectors(place, VIDEO, split="train", seen=True)
