"""The tail of a fragment: what it says is enough is enough, and what it does not understand it leaves whole."""

import io
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth_media import FRAGMENT_S, frame_numbers, sound_ends_s

from extractors.media.cutting import cut
from flows.youtube.fragment_tail import DESCRIPTION_BYTES, bytes_until
from flows.youtube.segment_index import HEAD_BYTES, Fragment, read_index

FPS = 25
ENDS_S = sorted(
    {
        *(10 + n / 10 for n in range(40)),
        *(n * 2 + offset for n in (6, 7) for offset in (-0.04, -0.001, 0.0, 0.001, 0.04)),
        *(random.Random(3).uniform(9, 39.9) for _ in range(20)),
    }
)


@pytest.fixture(scope="module")
def files(truth):
    """Bytes of each stream, and its index."""
    found = {}
    for name in ("video", "audio"):
        data = getattr(truth, name).read_bytes()
        found[name] = data, read_index(data[:HEAD_BYTES])
    return found


def part(file, start_s, end_s, *, tail):
    """A file of some seconds as `by_index` makes it, with or without the end of its last fragment."""
    data, index = file
    first, *_, last = index.covering(start_s, end_s) * 2
    stop = last.stop
    if tail:
        needed = bytes_until(data[last.start : last.start + DESCRIPTION_BYTES], last, end_s)
        assert needed is not None
        stop = last.start + needed
    return index.header + data[first.start : stop]


def test_a_cut_from_a_fragment_without_its_end_is_the_same_to_the_byte(files, tmp_path):
    saved = 0
    for number, end_s in enumerate(ENDS_S):
        start_s = end_s - 8.5
        clips = []
        for tail in (False, True):
            parts = [part(files[name], start_s, end_s, tail=tail) for name in ("video", "audio")]
            path = tmp_path / f"{number}_{tail}.mp4"
            done = cut([io.BytesIO(data) for data in parts], path, start_s, end_s)
            clips.append((path.read_bytes(), done.how, done.shown_s, done.heard_s))
            saved += (1 if not tail else -1) * sum(map(len, parts))
        assert clips[0] == clips[1], f"the segment that ends at {end_s} s"
    assert saved / len(ENDS_S) > 20_000, "it is worth it"


@pytest.mark.parametrize("end_s", [11.0, 12.0, 13.3, 14.04])
def test_and_it_shows_and_sounds_to_the_end(files, tmp_path, end_s):
    start_s = end_s - 3
    parts = [part(files[name], start_s, end_s, tail=True) for name in ("video", "audio")]
    path = cut([io.BytesIO(data) for data in parts], tmp_path / "clip.mp4", start_s, end_s).path
    times, numbers = zip(*frame_numbers(path), strict=True)
    assert numbers[-1] == -(-end_s * FPS // 1) - 1 if (end_s * FPS) % 1 else numbers[-1] == end_s * FPS - 1
    assert times[0] == 0 and list(numbers) == list(range(numbers[0], numbers[-1] + 1))
    assert sound_ends_s(path) == pytest.approx(3, abs=0.025)


def test_the_later_the_end_the_more_bytes_up_to_all_of_them(files):
    for data, index in files.values():
        fragment = index.fragments[1]
        head = data[fragment.start : fragment.start + DESCRIPTION_BYTES]
        needed = [
            bytes_until(head, fragment, fragment.start_s + share * FRAGMENT_S)
            for share in (-1, 0, 0.1, 0.2, 0.5, 9)
        ]
        assert needed == sorted(needed) and needed[-1] == fragment.stop - fragment.start
        assert needed[0] < needed[2]


def test_a_description_that_is_not_all_there_is_left_whole(files):
    data, index = files["video"]
    fragment = index.fragments[1]
    for length in (0, 7, 8, 20, 100, 200, 400):
        assert bytes_until(data[fragment.start : fragment.start + length], fragment, fragment.start_s) is None


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def fragment_of(sizes, *, tfhd_flags=0x20000, trun_flags=0x201, offset=None, more=b"", runs=1, count=None):
    """A fragment with one description and its samples; all of one length."""
    trun = b"".join(struct.pack(">I", size) for size in sizes) if trun_flags & 0x200 else b""
    base = struct.pack(">Q", 0) if tfhd_flags & 1 else b""
    defaults = b"".join(
        struct.pack(">I", value) for bit, value in ((0x8, 100), (0x10, 50)) if tfhd_flags & bit
    )
    tfhd = box(b"tfhd", struct.pack(">II", tfhd_flags, 1), base, defaults)
    count = len(sizes) if count is None else count

    def moof(data_offset):
        where = struct.pack(">i", data_offset) if trun_flags & 0x1 else b""
        run = box(b"trun", struct.pack(">II", trun_flags, count), where, trun)
        return box(b"moof", box(b"mfhd", b"\0" * 8), box(b"traf", tfhd, run * runs), more)

    length = len(moof(0)) + 8
    return moof(length if offset is None else offset) + box(b"mdat", b"x" * sum(sizes))


def asked(data, until_s=2.0, *, longer=0):
    return bytes_until(data, Fragment(0.0, 10.0, 0, len(data) + longer), until_s)


def test_sizes_and_lengths_may_be_the_same_for_all_samples():
    sizes = [50] * 100
    data = fragment_of(sizes, tfhd_flags=0x20018, trun_flags=0x1)
    # 2.0 s and half a second for reordering: a quarter of ten seconds.
    assert asked(data) == len(data) - 5000 + 25 * 50
    own = fragment_of(sizes, tfhd_flags=0x20008)
    assert asked(own) == len(own) - 5000 + 25 * 50


SIZES = [50] * 10


@pytest.mark.parametrize(
    "data",
    [
        fragment_of(SIZES, tfhd_flags=0x20009),  # places count from elsewhere
        fragment_of(SIZES, tfhd_flags=0x20008, trun_flags=0x200),  # no place at all
        fragment_of(SIZES, tfhd_flags=0x20008, offset=-5),
        fragment_of(SIZES, tfhd_flags=0x20008, offset=5),
        fragment_of(SIZES, tfhd_flags=0x20008, runs=2),
        fragment_of(SIZES, tfhd_flags=0x20008, more=box(b"traf", b"")),
        fragment_of(SIZES, tfhd_flags=0x20008) + fragment_of(SIZES, tfhd_flags=0x20008),  # two descriptions
        fragment_of(SIZES, tfhd_flags=0x20008, count=11),
        fragment_of(SIZES, tfhd_flags=0x20018, trun_flags=0x1, count=1 << 31),
        box(b"mdat", b"x" * 100),
    ],
    ids=lambda data: str(len(data)),
)
def test_what_is_not_one_plain_run_of_samples_is_left_whole(data):
    assert asked(data) is None


def test_a_fragment_that_is_longer_than_its_samples_is_left_whole():
    data = fragment_of(SIZES, tfhd_flags=0x20008)
    assert asked(data) is not None and asked(data, longer=1) is None and asked(data, longer=-1) is None


def test_a_fragment_of_no_length_is_left_whole():
    data = fragment_of(SIZES, tfhd_flags=0x20008)
    assert bytes_until(data, Fragment(3.0, 3.0, 0, len(data)), 3.0) is None


@given(data=st.binary(max_size=200), until_s=st.floats(-10, 100))
def test_arbitrary_bytes_are_left_whole(data, until_s):
    assert asked(data, until_s) is None


@settings(max_examples=300)
@given(
    places=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4), until_s=st.floats(0, 12)
)
def test_a_damaged_description_never_raises_nor_asks_for_more_than_there_is(places, until_s):
    data = bytearray(fragment_of(SIZES, tfhd_flags=0x20008))
    for place, byte in places:
        data[place] = byte
    needed = asked(bytes(data), until_s)
    assert needed is None or 0 < needed <= len(data)
