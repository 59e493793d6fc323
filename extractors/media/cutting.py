"""A segment out of a video, exact and without re-encoding: what lies before the start is hidden."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av

from audiosetzsl.files import atomic_path
from extractors.media.edit_list import show_only
from extractors.media.packets import Source, moving_pictures, name_of, opened, pieces_of, unreadable
from extractors.media.recoding import mux, recode
from extractors.media.tracks import ROUNDING_S, Track, read_tracks

ADVICE = "fetch the segment again"
# The header first, as downloads have it; no version and no date in it. Stamps before 0 become an edit list.
MP4 = {"fflags": "+bitexact", "movflags": "faststart", "use_editlist": "1", "movie_timescale": "90000"}


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of a segment."""

    path: Path
    how: Literal["copy", "encode"]
    shown_s: float  # of picture, from the start to its end; less than the segment where the source ends
    heard_s: float  # of sound


class _Misfit(Exception):
    """A clip does not show what it should."""


def cut(sources: Sequence[Source], path: Path, start_s: float, end_s: float, *, note: str = "") -> Cut:
    """Write the segment from `start_s` to `end_s` of a video to `path`, an MP4.

    `sources` are one file with picture and sound, or one of each. A file may be a part of one whose time
    stamps are those of the whole, and a file object is sought in and read only near the segment. Packets
    are copied from the key frame before the start; an edit list hides what is not of the segment. The clip
    shows at time t what is on screen in the source at start_s + t, t = 0 included. Time 0 of a source is
    that of its time line in MP4 and WebM, also where its first picture comes later, as in YouTube's player;
    elsewhere (MPEG-TS, FLV) it is its first time stamp. What MP4 cannot hold is encoded anew. `note` goes
    into the clip as its comment.

    Raises:
        ClipError: ("past_end") the picture ends before the start; ("empty") there is none; ("unreadable")
            a source is damaged, or neither way gave a clip.
        OSError: the disk is full. What a file object raises comes through as it is.
        ValueError: the segment does not end after it starts.
    """
    if not 0 <= start_s < end_s:
        raise ValueError(f"the segment is {start_s} to {end_s} s, expected 0 <= start_s < end_s")
    with ExitStack() as stack:
        containers = [stack.enter_context(opened(source, ADVICE)) for source in sources]
        try:
            picture, sound = read_tracks(containers, start_s, end_s)
        except av.FFmpegError as problem:
            raise unreadable(name_of(containers[0]), problem, ADVICE) from problem
        length_s = end_s - start_s
        tracks = [picture, sound] if sound else [picture]
        with atomic_path(path) as scratch:
            how = _write(tracks, scratch, length_s, note)
    heard_s = min(sound.ends_s, length_s) if sound else 0.0
    return Cut(path, how, min(picture.ends_s, length_s), heard_s)


def _write(tracks: Sequence[Track], path: Path, length_s: float, note: str) -> Literal["copy", "encode"]:
    """Copy the packets, or encode them anew where that gives no clip that shows the segment."""
    try:
        _copy(tracks, path, length_s, note)
    except (av.FFmpegError, _Misfit, ValueError):
        recode(tracks, path, length_s, note)
        return "encode"
    return "copy"


def _copy(tracks: Sequence[Track], path: Path, length_s: float, note: str) -> None:
    """Packets as they are into an MP4, with the time before 0 and after the length hidden."""
    lengths_s = [min(track.ends_s, length_s) for track in tracks]
    mux(tracks, path, "mp4", MP4, note=note)
    show_only(path, lengths_s)
    _check(path, len(tracks[0].shown), lengths_s[0])


def _check(path: Path, n_shown: int, length_s: float) -> None:
    """Hold what a reader is shown of the picture to what it should be."""
    with opened(path, ADVICE) as container:
        picture = moving_pictures(container)
        packets = [p for p in container.demux(picture) if p.pts is not None and not p.is_discard]
        times_s = sorted(piece.begins_s for piece in pieces_of(picture, packets)) if picture else []
    if len(times_s) != n_shown:
        raise _Misfit(f"{len(times_s)} pictures are shown, expected {n_shown}")
    if not -ROUNDING_S < times_s[0] <= times_s[-1] < length_s:
        raise _Misfit(f"pictures are shown from {times_s[0]} to {times_s[-1]} s, expected 0 to {length_s} s")
