"""The edit lists of an MP4: how long each track is shown, written into a file that is there."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDERS = frozenset({b"moov", b"trak", b"edts"})
# Offsets in the boxes of version 0 (ISO/IEC 14496-12: 8.2.2, 8.3.2, 8.6.6), from the start of the box.
TIME_SCALE_OF_MVHD, DURATION_OF_MVHD, DURATION_OF_TKHD = 20, 24, 28
COUNT_OF_ELST, FIRST_OF_ELST, ENTRY_BYTES = 12, 16, 12


def show_only(path: Path, durations_s: Sequence[float]) -> None:
    """State how long each track is shown, in the order of the tracks; players hide what comes after.

    Raises:
        ValueError: the file is none that FFmpeg's MP4 writer made: no edit list, or 64-bit durations.
    """
    content = bytearray(path.read_bytes())
    boxes = list(_boxes(content, 0, len(content)))
    if any(content[at + 8] for kind, at in boxes if kind in (b"mvhd", b"tkhd", b"elst")):
        raise ValueError(f"{path.name} has boxes of version 1, expected version 0")
    (movie,) = [at for kind, at in boxes if kind == b"mvhd"]
    tracks = [at for kind, at in boxes if kind == b"tkhd"]
    lists = [at for kind, at in boxes if kind == b"elst"]
    if not len(tracks) == len(lists) == len(durations_s):
        found = f"{len(tracks)} tracks and {len(lists)} edit lists"
        raise ValueError(f"{path.name} has {found}, expected {len(durations_s)} of both")
    (scale,) = struct.unpack_from(">I", content, movie + TIME_SCALE_OF_MVHD)
    durations = [round(duration_s * scale) for duration_s in durations_s]
    for track, edits, duration in zip(tracks, lists, durations, strict=True):
        struct.pack_into(">I", content, track + DURATION_OF_TKHD, duration)
        (n,) = struct.unpack_from(">I", content, edits + COUNT_OF_ELST)
        entries = [edits + FIRST_OF_ELST + i * ENTRY_BYTES for i in range(n)]
        # An entry before the last one is the wait for a track that begins late.
        waits = sum(struct.unpack_from(">I", content, entry)[0] for entry in entries[:-1])
        struct.pack_into(">I", content, entries[-1], duration - waits)
    struct.pack_into(">I", content, movie + DURATION_OF_MVHD, max(durations))
    path.write_bytes(content)


def _boxes(content: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Type and place of every box, those inside of moov's folders included."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", content, start)
        if size < 8:  # of a size told elsewhere: media, which is not looked into
            return
        yield kind, start
        if kind in FOLDERS:
            yield from _boxes(content, start + 8, start + size)
        start += size
