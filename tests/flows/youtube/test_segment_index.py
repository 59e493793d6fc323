"""The index of a fragmented file: it agrees with what libav says, and nothing else passes for one."""

import struct
from itertools import pairwise

import av
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.youtube.byte_ranges import NotThisWay
from flows.youtube.segment_index import HEAD_BYTES, SegmentIndex, boxes, read_index


def box(kind, content=b"", *, large=False):
    """A box, with its size in 32 or in 64 bits."""
    if large:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


def sidx(entries, *, version=0, timescale=1000, first=0, offset=0, large=False):
    """An index; entries are (bytes, ticks)."""
    times = struct.pack(">II" if version == 0 else ">QQ", first, offset)
    table = b"".join(struct.pack(">III", size, ticks, 0x90000000) for size, ticks in entries)
    head = struct.pack(">B3xII", version, 1, timescale)
    return box(b"sidx", head + times + struct.pack(">HH", 0, len(entries)) + table, large=large)


def file_of(index, *, moov=b"moov of some kind", large=False):
    return box(b"ftyp", b"iso5") + box(b"moov", moov, large=large) + index


ENTRIES = [(1000, 2000), (500, 2000), (700, 1500)]


@pytest.mark.parametrize("which", ["video", "audio"])
def test_it_agrees_with_libav_on_which_bytes_hold_which_seconds(truth, which):
    path = getattr(truth, which)
    data = path.read_bytes()
    index = read_index(data[:HEAD_BYTES])
    assert data.startswith(index.header) and data[len(index.header) + 4 :].startswith(b"sidx")
    assert index.ends_s == pytest.approx(40, abs=0.05)
    with av.open(str(path)) as container:
        packets = [
            (packet.pos, float(packet.pts * packet.time_base), float(packet.duration * packet.time_base))
            for packet in container.demux(container.streams[0])
            if packet.pts is not None
        ]
    assert len(index.fragments) == (20 if which == "video" else 6)
    for fragment in index.fragments:
        inside = [
            (time, time + lasts) for pos, time, lasts in packets if fragment.start <= pos < fragment.stop
        ]
        # The first sound lies before time 0, where an edit list hides it.
        assert max(0.0, min(inside)[0]) == pytest.approx(fragment.start_s, abs=1e-3)
        assert max(end for _, end in inside) == pytest.approx(fragment.stop_s, abs=1e-3)
    assert all(a.stop == b.start and a.stop_s == b.start_s for a, b in pairwise(index.fragments))


def test_a_file_with_picture_and_sound_in_one_has_none(truth):
    with pytest.raises(NotThisWay, match=r"no index among the first boxes \(ftyp moov"):
        read_index(truth.both.read_bytes()[:200_000])


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("large", [False, True], ids=["32 bits", "64 bits"])
def test_both_versions_and_both_kinds_of_sizes(version, large):
    data = file_of(sidx(ENTRIES, version=version, first=500, offset=8, large=large), large=large)
    index = read_index(data)
    assert [(f.start_s, f.stop_s) for f in index.fragments] == [(0.5, 2.5), (2.5, 4.5), (4.5, 6.0)]
    start = len(data) + 8
    assert [(f.start, f.stop) for f in index.fragments] == [
        (start, start + 1000),
        (start + 1000, start + 1500),
        (start + 1500, start + 2200),
    ]
    assert index.ends_s == 6.0 and data.startswith(index.header)


def test_the_second_version_counts_beyond_32_bits():
    index = read_index(file_of(sidx(ENTRIES, version=1, timescale=1, first=1 << 40, offset=1 << 33)))
    assert index.fragments[0].start_s == 1 << 40 and index.fragments[0].start > 1 << 33


def test_what_covers_some_seconds_touches_them():
    index = read_index(file_of(sidx(ENTRIES)))
    spans = [(f.start_s, f.stop_s) for f in index.fragments]
    assert spans == [(0, 2), (2, 4), (4, 5.5)]

    def covering(start_s, end_s):
        return [(f.start_s, f.stop_s) for f in index.covering(start_s, end_s)]

    assert covering(0, 2) == spans[:1]
    assert covering(1.9, 2.1) == spans[:2]
    assert covering(2, 4) == spans[1:2]
    assert covering(3, 100) == spans[1:]
    assert covering(5.5, 100) == []


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 11, 15, 16, 20, 24, 31, 32, 36, 40, 60, 80])
@pytest.mark.parametrize("large", [False, True], ids=["32 bits", "64 bits"])
def test_a_head_that_is_too_short_says_how_much_would_be_enough(cut, large):
    data = file_of(sidx(ENTRIES, large=large), large=large)
    wanted = read_index(data[:cut])
    assert cut < wanted
    index = read_index(data[: max(wanted, len(data))])
    assert isinstance(index, SegmentIndex) and len(index.fragments) == 3


def test_a_head_that_ends_between_two_boxes_is_too_short_as_well():
    data = file_of(sidx(ENTRIES))
    between = len(data) - len(sidx(ENTRIES))
    for head in (data[:between], data[: between + 7]):
        assert read_index(head) > len(head)


def test_reading_on_as_it_says_ends_at_the_index_and_not_far_beyond():
    data = file_of(sidx([(10, 10)] * 5000), moov=b"x" * 30_000) + b"y" * 100_000
    head, steps = data[:HEAD_BYTES], 0
    while isinstance(index := read_index(head), int):
        assert index > len(head)
        head, steps = data[:index], steps + 1
    assert len(index.fragments) == 5000 and steps <= 2
    assert len(head) <= len(index.header) + len(sidx([(10, 10)] * 5000))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (file_of(b"") + box(b"moof"), r"no index among the first boxes \(ftyp moov moof\)"),
        (file_of(b"") + box(b"mdat", b"x" * 100), r"no index among the first boxes \(ftyp moov mdat\)"),
        (sidx(ENTRIES) + file_of(b""), "the index comes before the description of the stream"),
        (file_of(sidx([])), "the index is empty"),
        (file_of(sidx([(1 << 31 | 100, 1000)])), "the index leads to further indices"),
        (file_of(sidx(ENTRIES, timescale=0)), "the index is damaged"),
        (file_of(box(b"sidx")), "the index is damaged"),
        (file_of(box(b"sidx", b"\0" * 20)), "the index is damaged"),
        (file_of(box(b"sidx", b"\x02" + b"\0" * 60)), "the index is of version 2"),
        # More entries than the box has room for, however much follows it.
        (file_of(box(b"sidx", sidx(ENTRIES)[8:-12])) + b"\0" * 100, "the index is damaged"),
        (box(b"ftyp") + struct.pack(">I4s", 0, b"moov"), "box b'moov' at byte 8 states a size of 0"),
        (box(b"ftyp") + struct.pack(">I4s", 7, b"moov"), "box b'moov' at byte 8 states a size of 7"),
        (struct.pack(">I4sQ", 1, b"moov", 15), "box b'moov' at byte 0 states a size of 15"),
        (box(b"ftyp") + struct.pack(">I4s", 2_000_000, b"moov"), "the index would end after 2,008,200 bytes"),
        (b"\x1a\x45\xdf\xa3" * 10, "the index would end after 440,"),
    ],
)
def test_what_is_no_index_of_the_whole_file_is_refused(data, says):
    with pytest.raises(NotThisWay, match=says):
        read_index(data)


def test_a_file_that_ends_before_its_index_has_none():
    with pytest.raises(NotThisWay, match=r"no index among the first boxes \(ftyp moov\)"):
        read_index(file_of(b""), complete=True)
    cut_short = file_of(b"")[:-1]
    assert read_index(cut_short, complete=True) > len(cut_short), "it ends within a box: it is no whole file"


def test_an_index_of_the_first_seconds_does_not_pass_for_one_of_the_file():
    data = file_of(sidx(ENTRIES))
    index = read_index(data)
    index.check_covers(len(data) + 2200)
    index.check_covers(len(data) + 2200 + 4000)  # a table of random access
    with pytest.raises(NotThisWay, match=rf"the index covers {len(data) + 2200:,} of 50,000 bytes"):
        index.check_covers(50_000)


HEADERS = st.sampled_from(
    [b"", file_of(b""), file_of(b"") + struct.pack(">I4s", 60, b"sidx"), file_of(sidx(ENTRIES))]
)


@given(start=HEADERS, rest=st.binary(max_size=200), complete=st.booleans())
@example(start=b"", rest=b"\0\0\0\x01moov", complete=True)
def test_arbitrary_bytes_are_an_index_or_refused_or_too_few(start, rest, complete):
    try:
        found = read_index(start + rest, complete=complete)
    except NotThisWay:
        return
    if isinstance(found, int):
        assert found > len(start + rest)
    else:
        assert found.fragments and all(f.start <= f.stop and f.start_s <= f.stop_s for f in found.fragments)


@given(data=st.binary(max_size=300), place=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_flipped_byte_is_never_an_error_of_ours(data, place, byte):
    whole = bytearray(file_of(sidx(ENTRIES)) + data)
    whole[place % len(whole)] = byte
    try:
        read_index(bytes(whole))
    except NotThisWay as problem:
        assert str(problem)


def test_boxes_stay_within_their_box(truth):
    data = truth.video.read_bytes()
    moov = next(found for found in boxes(data) if found.kind == b"moov")
    inside = list(boxes(data, moov.body, moov.stop))
    assert [b.kind for b in inside][:2] == [b"mvhd", b"trak"] and inside[-1].stop == moov.stop
