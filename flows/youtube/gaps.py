"""Gaps: whether a file that was put together from many small ones lacks some of them.

FFmpeg passes over what it cannot get of an HLS playlist, and says that all is well.
"""

from itertools import pairwise
from pathlib import Path
from statistics import median

import av

from extractors.media.packets import Packet, Stream, moving_pictures, opened, pieces_of, sound_of, unreadable
from flows.youtube.byte_ranges import NotThisWay

ADVICE = "another way may do"
# Pictures and sounds follow each other faster than this, but for slides, ...
GAP_S = 0.5
# ... which follow each other evenly.
UNLIKE = 3.0
# At its end, a video's sound may stop before its picture, or after it.
APART_S = 1.0


def check_complete(path: Path, n_files: int) -> None:
    """Hold picture and sound to beginning at time 0 or before, to having no hole, and to ending together.

    Args:
        path: what was put together.
        n_files: out of so many streams of files, a picture among them.

    Raises:
        NotThisWay: something is missing.
        ClipError: ("unreadable") the file is damaged.
    """
    with opened(path, ADVICE) as container:
        picture, sound = moving_pictures(container), sound_of(container)
        streams = [stream for stream in (picture, sound) if stream is not None]
        if picture is None or len(streams) < n_files:
            raise NotThisWay(f"sections: nothing of the {'audio' if picture else 'video'} came")
        packets: dict[int, list[Packet]] = {stream.index: [] for stream in streams}
        try:
            for packet in container.demux(streams):
                if packet.pts is not None:
                    packets[packet.stream_index].append(packet)
        except av.FFmpegError as problem:
            raise unreadable(path.name, problem, ADVICE) from problem
        ends_s = [_end_s(stream, packets[stream.index]) for stream in streams]
    if ends_s and max(ends_s) - min(ends_s) > APART_S:
        raise NotThisWay(f"sections: picture and sound end {max(ends_s) - min(ends_s):.1f} s apart")


def _end_s(stream: Stream, packets: list[Packet]) -> float:
    """Where a stream ends that has no hole."""
    pieces = sorted(pieces_of(stream, packets), key=lambda piece: piece.begins_s)
    if not pieces:
        raise NotThisWay(f"sections: nothing of the {stream.type} came")
    steps_s = [later.begins_s - earlier.begins_s for earlier, later in pairwise(pieces)]
    longest_s = max(steps_s, default=0.0)
    if longest_s > max(GAP_S, UNLIKE * median(steps_s)):
        raise NotThisWay(f"sections: {longest_s:.1f} s within the {stream.type} are missing")
    if pieces[0].begins_s > GAP_S:
        raise NotThisWay(f"sections: the first {pieces[0].begins_s:.1f} s of the {stream.type} are missing")
    return pieces[-1].ends_s
