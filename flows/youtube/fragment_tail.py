"""Tail of a fragment: how much of its bytes the first seconds of it need (ISO/IEC 14496-12, 8.8)."""

import struct
from collections.abc import Iterable

from flows.youtube.byte_ranges import NotThisWay
from flows.youtube.segment_index import Box, Fragment, boxes

# A picture may refer to later ones: H.264 as YouTube makes it to fewer than these seconds ahead.
REORDER_S = 0.5
# The description of a fragment of five seconds takes some 2 kB.
DESCRIPTION_BYTES = 4 << 10
_MOST_SAMPLES = 1 << 16


def bytes_until(start_of_fragment: bytes, fragment: Fragment, until_s: float) -> int | None:
    """Bytes of a fragment, from its start, that hold everything up to `until_s`; None if that is not clear.

    Only sizes and durations are read, and durations only in proportion to the whole: the index knows the rest.
    """
    try:
        at, samples = _run(start_of_fragment)
        share = (until_s + REORDER_S - fragment.start_s) / (fragment.stop_s - fragment.start_s)
    except (struct.error, IndexError, ValueError, ZeroDivisionError, NotThisWay):
        return None
    ticks = sum(duration for duration, _ in samples)
    if at + sum(size for _, size in samples) != fragment.stop - fragment.start:
        return None  # there is more than this one description
    time = 0
    for duration, size in samples:
        if time >= share * ticks:
            break
        time, at = time + duration, at + size
    return at


def _run(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Where the samples of a fragment start, and the duration in ticks and size in bytes of each."""
    moof = _only(boxes(data), b"moof")
    if moof.stop > len(data):
        raise ValueError("the description is longer than expected")
    traf = _only(boxes(data, moof.body, moof.stop), b"traf")
    within = list(boxes(data, traf.body, traf.stop))
    trun, tfhd = _only(within, b"trun"), _only(within, b"tfhd")
    flags, count, offset = struct.unpack_from(">IIi", data, trun.body)
    if not flags & 0x1 or data[tfhd.body + 3] & 0x1 or moof.start + offset < moof.stop:
        raise ValueError("the samples are not said to follow the description")
    present = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if count > ((trun.stop - trun.body) // (4 * len(present)) if present else _MOST_SAMPLES):
        raise ValueError("more samples than their description has room for")
    default_duration, default_size = _defaults(data, tfhd)
    samples = []
    at = trun.body + 12 + 4 * bool(flags & 0x4)
    for _ in range(count):
        values = dict(zip(present, struct.unpack_from(f">{len(present)}I", data, at), strict=True))
        at += 4 * len(present)
        samples.append((values.get(0x100, default_duration), values.get(0x200, default_size)))
    return moof.start + offset, samples


def _only(found: Iterable[Box], kind: bytes) -> Box:
    """The one box of its kind; of several, it would not be clear which one counts."""
    boxes_of_kind = [box for box in found if box.kind == kind]
    if len(boxes_of_kind) != 1:
        raise ValueError(f"{len(boxes_of_kind)} boxes {kind!r}, expected one")
    return boxes_of_kind[0]


def _defaults(data: bytes, tfhd: Box) -> tuple[int, int]:
    """Default duration and size of the samples; 0 where none is stated."""
    (flags,) = struct.unpack_from(">I", data, tfhd.body)
    at = tfhd.body + 8
    found = {}
    for bit in (0x2, 0x8, 0x10):
        if flags & bit:
            (found[bit],) = struct.unpack_from(">I", data, at)
            at += 4
    return found.get(0x8, 0), found.get(0x10, 0)
