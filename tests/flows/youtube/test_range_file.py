"""A range file: it reads as the file itself does, holds a few chunks, and breaks once."""

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback_faults import Fault

from flows.youtube.byte_ranges import NotThisWay
from flows.youtube.range_file import RangeFile

NAME = "both.mp4"
MOVES = st.lists(
    st.tuples(st.sampled_from(["set", "end", "cur"]), st.integers(-3000, 3000), st.integers(0, 9000)),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, chunk=st.sampled_from([1000, 4096, 1 << 16]), held=st.integers(2, 4))
def test_a_range_file_reads_as_the_file_itself_does(ranges, content, moves, chunk, held):
    file = ranges(NAME)
    reader = RangeFile(file.stream, chunk, held)
    size, at = len(content), 0
    for whence, offset, length in moves:
        origin = {"set": size // 2, "end": size, "cur": at}[whence]
        at = max(origin + offset, 0)
        how = {"set": (at, 0), "end": (at - size, 2), "cur": (at - reader.tell(), 1)}[whence]
        assert reader.seek(*how) == at == reader.tell()
        got = b"".join(iter(partial(reader.read, 0), b"")) if not length else _read(reader, length)
        assert got == content[at : at + length]
        at = reader.tell()
    assert len(reader._held) <= held
    assert file.stream.pulled_bytes <= chunk * (1 + sum(2 + length // chunk for *_, length in moves))


def _read(reader, length):
    pieces = []
    while length and (piece := reader.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def test_a_range_file_holds_so_many_chunks_and_always_the_first(ranges, content):
    file = ranges(NAME)
    reader = RangeFile(file.stream, 1000, 3)
    for number in (5, 7, 9, 11, 7, 0, 5):
        reader.seek(1000 * number)
        assert reader.read(10) == content[1000 * number :][:10]
        assert len(reader._held) <= 3 and 0 in reader._held
    assert file.stream.pulled_bytes == 7000, "of these, 7 and 5 were no longer held"


def test_a_range_file_is_no_place_before_itself(ranges):
    reader = RangeFile(ranges(NAME).stream)
    with pytest.raises(ValueError, match="byte -1 comes before the file"):
        reader.seek(-1)
    assert reader.readable() and reader.seekable() and not reader.writable()
    assert reader.seek(10, 2) and reader.read(5) == b"", "beyond the end there is nothing"


def test_a_range_file_breaks_once(server, ranges):
    reader = RangeFile(ranges(NAME).stream, 1000)
    server.faults[NAME] = Fault("media", "status", status=403)
    reader.seek(5000)
    with pytest.raises(NotThisWay, match="HTTP 403"):
        reader.read(10)
    assert reader.read(10) == b"", "a demuxer reads on, and must not wait for the same again"
    assert len(server.requests(NAME)) == 2
