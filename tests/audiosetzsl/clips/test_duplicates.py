"""Duplicates: the fast way finds what comparing all pairs finds, and a flag depends on earlier clips only."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.clips import duplicates
from audiosetzsl.clips.duplicates import DUPLICATE_COLUMNS, MAX_DISTANCE_BITS, find_duplicates
from audiosetzsl.clips.ledger import LEDGER

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SCHEMA = pa.schema([LEDGER.field(name) for name in DUPLICATE_COLUMNS])


def clip(name, fingerprint, seconds=0, sha256=None, flags=()):
    return {
        "segment_id": f"{name * 11}_0",
        "at": BEGIN + timedelta(seconds=seconds),
        "sha256": sha256,
        "fingerprint": fingerprint,
        "flags": list(flags),
    }


def found(*clips, **options):
    repeats = find_duplicates(pa.Table.from_pylist(list(clips), SCHEMA), **options)
    return {name[0]: other[0] for name, other in repeats.items()}


def flipped(fingerprint, *bits):
    content = bytearray(fingerprint)
    for bit in bits:
        content[bit // 8] ^= 1 << bit % 8
    return bytes(content)


def slow_duplicates(clips, max_distance):
    """Straight from the words: each clip against every earlier one."""
    ordered = sorted(clips, key=lambda c: (c["at"], c["segment_id"]))
    repeats = {}
    for n, later in enumerate(ordered):
        for earlier in ordered[:n]:
            same = later["sha256"] is not None and later["sha256"] == earlier["sha256"]
            prints = [c["fingerprint"] for c in (earlier, later) if "still" not in c["flags"]]
            if len(prints) == 2 and None not in prints:
                a, b = (int.from_bytes(f) for f in prints)
                same = same or (a ^ b).bit_count() <= max_distance
            if same:
                repeats[later["segment_id"]] = earlier["segment_id"]
                break
    return repeats


BLACK, WHITE, HALF = bytes(32), b"\xff" * 32, b"\x0f" * 32


def test_the_later_clip_repeats_the_earlier():
    near = flipped(HALF, *range(MAX_DISTANCE_BITS))
    assert found(clip("a", HALF, 1), clip("b", near, 0)) == {"a": "b"}
    assert found(clip("b", HALF), clip("a", near)) == {"b": "a"}, "of one moment, the later by name"
    assert found(clip("a", HALF), clip("b", flipped(near, 200))) == {}


def test_the_same_bytes_are_the_same_whatever_the_picture():
    first, second = clip("a", BLACK, 0, "0" * 64), clip("b", WHITE, 1, "0" * 64)
    assert found(first, second, clip("c", HALF, 2, "1" * 64)) == {"b": "a"}
    assert found(clip("a", None, 0, "0" * 64), clip("b", None, 1, "0" * 64), clip("c", None, 2)) == {"b": "a"}


def test_pictures_that_stand_still_are_compared_by_their_bytes_only():
    cover = {"fingerprint": HALF, "flags": ["silent", "still"]}
    assert found(clip("a", **cover), clip("b", seconds=1, **cover), clip("c", HALF, 2)) == {}
    alike = {"sha256": "0" * 64, **cover}
    assert found(clip("a", **alike), clip("b", seconds=1, **alike)) == {"b": "a"}


def test_no_clips_and_one_clip_repeat_nothing():
    assert found() == {}
    assert found(clip("a", HALF, 0, "0" * 64)) == {}
    assert found(clip("a", None)) == {}


def test_a_chain_is_followed_link_by_link():
    """b is near a, c is near b and far from a: c repeats b, which is earlier; as the earliest, b would not."""
    a, b, c = HALF, flipped(HALF, *range(30)), flipped(HALF, *range(60))
    assert found(clip("a", a, 0), clip("b", b, 1), clip("c", c, 2)) == {"b": "a", "c": "b"}
    assert found(clip("a", a, 0), clip("b", b, 2), clip("c", c, 1)) == {"b": "a"}


@st.composite
def clips_with_repeats(draw):
    """Some clips, most of them near one another, at and around the distance that decides."""
    seeds = draw(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3))
    clips = []
    for number in range(draw(st.integers(1, 20))):
        bits = draw(st.lists(st.integers(0, 255), max_size=24, unique=True))
        fingerprint = draw(st.none() | st.just(flipped(draw(st.sampled_from(seeds)), *bits)))
        sha256 = draw(st.none() | st.sampled_from(["0" * 64, "1" * 64]))
        flags = draw(st.sampled_from([[], [], ["still"], ["silent"]]))
        clips.append(clip(chr(97 + number), fingerprint, draw(st.integers(0, 9)), sha256, flags))
    return clips


@given(clips_with_repeats(), st.sampled_from([0, 1, 12, 20, 32, 47]))
@settings(max_examples=80, deadline=None)
def test_the_fast_way_finds_what_comparing_all_pairs_finds(clips, max_distance):
    table = pa.Table.from_pylist(clips, SCHEMA)
    assert find_duplicates(table, max_distance) == slow_duplicates(clips, max_distance)


@given(clips_with_repeats(), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_no_flag_changes_when_more_clips_are_fetched(clips, n):
    ordered = sorted(clips, key=lambda c: (c["at"], c["segment_id"]))
    whole = find_duplicates(pa.Table.from_pylist(clips, SCHEMA))
    part = find_duplicates(pa.Table.from_pylist(ordered[:n], SCHEMA))
    there = {c["segment_id"] for c in ordered[:n]}
    assert part == {name: other for name, other in whole.items() if name in there}


@pytest.mark.parametrize("distance", [0, 1, 2, 31, 32])
def test_a_pair_is_found_wherever_its_bits_differ(distance):
    """Planted pairs among many unlike clips, with the differing bits drawn anew each time."""
    draw = np.random.default_rng(distance)
    clips = [clip("a", draw.bytes(32)) | {"segment_id": f"{n:011}_0"} for n in range(2000)]
    planted = {}
    for n in range(0, 2000, 20):
        fingerprint = flipped(clips[n]["fingerprint"], *draw.choice(256, distance, replace=False).tolist())
        clips[n + 1] |= {"fingerprint": fingerprint}
        planted[clips[n + 1]["segment_id"]] = clips[n]["segment_id"]
    assert find_duplicates(pa.Table.from_pylist(clips, SCHEMA)) == planted


@pytest.mark.parametrize("shape", [(0,), (7,), (3, 4)])
def test_ones_are_counted_without_numpy_2_too(shape, monkeypatch):
    words = np.random.default_rng(0).integers(0, 2**64, shape, dtype=np.uint64, endpoint=False)
    if words.size:
        words.flat[0], words.flat[1] = 0, 2**64 - 1
    expected = np.array([int(word).bit_count() for word in words.flat], dtype=int).reshape(shape)
    for fast in (True, False):
        if not fast:
            monkeypatch.delattr(np, "bitwise_count", raising=False)
        assert np.array_equal(duplicates._ones(words), expected)
