"""Segment index of a fragmented MP4 (`sidx`, ISO/IEC 14496-12, 8.16.3): which bytes hold which seconds."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from flows.youtube.byte_ranges import NotThisWay

# Where YouTube's index of a video of ten hours still ends; most end within the first 2 kB.
HEAD_BYTES = 8 << 10
_LARGEST_HEAD = 1 << 20


class Box(NamedTuple):
    """One box of an MP4: its type, where it starts and where it stops."""

    kind: bytes
    start: int
    stop: int
    body: int  # where its content starts


@dataclass(frozen=True, slots=True)
class Fragment:
    """Some seconds of a stream, and its bytes in the file."""

    start_s: float
    stop_s: float
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """What comes before the fragments, and the fragments, in order."""

    header: bytes
    fragments: tuple[Fragment, ...]

    def covering(self, start_s: float, end_s: float) -> tuple[Fragment, ...]:
        """Fragments that hold any part of these seconds."""
        return tuple(f for f in self.fragments if f.start_s < end_s and f.stop_s > start_s)

    @property
    def ends_s(self) -> float:
        """Where the stream ends."""
        return self.fragments[-1].stop_s

    def check_covers(self, size: int) -> None:
        """Hold the index to the size of the file: an index of its first seconds would pass for all of it.

        Raises:
            NotThisWay: there is more behind the last fragment than a table of random access.
        """
        ends_at = self.fragments[-1].stop
        if size - ends_at > max(HEAD_BYTES, size // 100):
            raise NotThisWay(f"the index covers {ends_at:,} of {size:,} bytes")


def read_index(head: bytes, *, complete: bool = False) -> SegmentIndex | int:
    """Read the index from the first bytes of a file; a number says how many bytes would be enough.

    Args:
        head: the first bytes.
        complete: the file has no more than these.

    Raises:
        NotThisWay: the file is no fragmented MP4 with one index in front of its fragments.
    """
    seen, at = [], 0
    for box in boxes(head):
        seen.append(box.kind)
        at = box.stop
        if box.kind == b"sidx":
            if b"moov" not in seen:
                raise NotThisWay("the index comes before the description of the stream")
            if box.stop > len(head):
                return _enough(box.stop)
            return SegmentIndex(head[: box.start], tuple(_fragments(head, box)))
        if box.kind in (b"moof", b"mdat"):
            break
    else:
        if not complete or at > len(head):
            # It ends within a box, or just before the next.
            return _enough(at + HEAD_BYTES)
    raise NotThisWay(f"no index among the first boxes ({b' '.join(seen).decode('ascii', 'replace')})")


def _enough(n_bytes: int) -> int:
    if n_bytes > _LARGEST_HEAD:
        raise NotThisWay(f"the index would end after {n_bytes:,} bytes")
    return n_bytes


def boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """Boxes that begin between two places of a file of which `data` is the beginning."""
    at, stop = start, len(data) if stop is None else min(stop, len(data))
    while at + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            if at + 16 > stop:
                return
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        if size < body - at:
            raise NotThisWay(f"box {kind!r} at byte {at} states a size of {size}")
        yield Box(kind, at, at + size, body)
        at += size


def _fragments(data: bytes, box: Box) -> Iterator[Fragment]:
    """Entries of one index; those that lead to further indices are not followed."""
    data = data[: box.stop]
    try:
        version = data[box.body]
        if version > 1:
            raise NotThisWay(f"the index is of version {version}")
        timescale, first, offset = struct.unpack_from(">I2I" if version == 0 else ">I2Q", data, box.body + 8)
        at = box.body + (20 if version == 0 else 28)
        (n,) = struct.unpack_from(">xxH", data, at)
        start, time = box.stop + offset, first
        for number in range(n):
            size, duration, _ = struct.unpack_from(">III", data, at + 4 + 12 * number)
            if size >> 31:
                raise NotThisWay("the index leads to further indices")
            yield Fragment(time / timescale, (time + duration) / timescale, start, start + size)
            start, time = start + size, time + duration
    except (struct.error, IndexError, ZeroDivisionError) as problem:
        raise NotThisWay(f"the index is damaged ({problem})") from problem
    if not n:
        raise NotThisWay("the index is empty")
