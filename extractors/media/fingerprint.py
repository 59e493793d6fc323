"""A fingerprint of a few pictures, which stays nearly the same through re-encoding and scaling."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import av
import numpy as np
from jaxtyping import Bool, UInt8

from extractors.media.packets import Piece

# Side of the small grey pictures that are compared; 8 and 9 divide it.
SIDE = 72
# Differences of brightness up to this many of 256 levels are the noise of codecs, not an edge.
NOISE_LEVELS = 2
# A picture with fewer edges than this, of 128, is flat.
FEWEST_EDGES = 8
# Pictures that differ from the first one nowhere by more than this (means of 3x3 blocks of the small picture)
# are the same. One picture held for 10 s changes by up to 13 at crf 40, and by 7 at 60 kbit/s if it is a
# photograph; 17 real clips change by 40 or more.
STILL_LEVELS = 16
STILL_EVERY_S = 1.0
# Before a wanted picture, this long is decoded whole; farther away, pictures that no other needs are skipped.
WHOLE_S = 0.2

Small = UInt8[np.ndarray, "side side"]


def look(
    stream: av.VideoStream, pieces: Sequence[Piece], times_s: Sequence[float]
) -> tuple[list[Small], list[Small]]:
    """Small pictures that are on screen at rising times, and some of those decoded on the way there.

    Of each group of pictures no more is decoded than leads to the last time in it. A time at which nothing
    can be decoded gives no picture.

    Raises:
        av.FFmpegError: the packets cannot be decoded.
    """
    asked, passed = [], []
    for group, wanted_s in _groups(pieces, times_s):
        wanted_s, held, next_s = list(wanted_s), None, -math.inf
        for frame in _decoded(stream, group, wanted_s):
            while held is not None and wanted_s and frame.time > wanted_s[0]:
                asked.append(small(held))
                wanted_s.pop(0)
            if frame.time >= next_s:
                passed.append(small(frame))
                next_s = frame.time + STILL_EVERY_S
            held = frame
        if held is not None:
            asked += [small(held)] * len(wanted_s)
    return asked, passed


def _groups(
    pieces: Sequence[Piece], times_s: Sequence[float]
) -> Iterator[tuple[Sequence[Piece], list[float]]]:
    """From each key frame to the next: pictures, and the times between; groups without such are left out."""
    keys = [i for i, piece in enumerate(pieces) if piece.packet.is_keyframe]
    begins_s = [-math.inf, *(pieces[i].begins_s for i in keys[1:]), math.inf]
    for (first, last), (begin_s, end_s) in zip(
        pairwise([0, *keys[1:], len(pieces)]), pairwise(begins_s), strict=True
    ):
        between = [t for t in times_s if begin_s <= t < end_s]
        if between:
            yield pieces[first:last], between


def _decoded(
    stream: av.VideoStream, group: Sequence[Piece], wanted_s: Sequence[float]
) -> Iterator[av.VideoFrame]:
    """Frames of a group up to the first one after all of the wanted times."""
    context, wanted_s = stream.codec_context, tuple(wanted_s)
    context.flush_buffers()
    for piece in (*group, None):
        if piece is not None:
            near = any(abs(t - piece.begins_s) <= WHOLE_S for t in wanted_s)
            context.skip_frame = "DEFAULT" if near else "NONREF"
        for frame in context.decode(piece.packet if piece else None):
            yield frame
            if frame.time > wanted_s[-1]:
                return


def small(frame: av.VideoFrame) -> Small:
    """A frame in grey, scaled to SIDE by SIDE by taking means."""
    # One thread: starting several costs twenty times the scaling.
    return frame.reformat(SIDE, SIDE, format="gray", interpolation="AREA", threads=1).to_ndarray()


def are_still(pictures: Sequence[Small]) -> bool:
    """Whether pictures are the same but for the noise of a codec; one alone is."""
    blocks = np.stack(pictures).reshape(len(pictures), SIDE // 3, 3, SIDE // 3, 3).mean(axis=(2, 4))
    return bool(np.abs(blocks - blocks[0]).max() <= STILL_LEVELS)


def fingerprint_of(pictures: Sequence[Small]) -> bytes | None:
    """128 bits a picture: where it gets darker from left to right, and from top to bottom, on an 8x8 grid.

    None where a picture is flat, such as a black one: all flat pictures look alike. Two clips whose
    fingerprints differ in at most 32 of their 256 bits show the same. Measured on 17 real clips: versions of
    one (H.264 at crf 26 to 33, VP9, half to 1.5 times the size, 15 frames/s) differ in at most 30 bits, clips
    of different videos in 75 or more.
    """
    edges = [_edges(picture) for picture in pictures]
    if min(map(np.count_nonzero, edges)) < FEWEST_EDGES:
        return None
    return np.packbits(np.concatenate(edges)).tobytes()


def _edges(picture: Small) -> Bool[np.ndarray, "128"]:
    across = picture.reshape(8, SIDE // 8, 9, SIDE // 9).mean(axis=(1, 3))
    down = picture.reshape(9, SIDE // 9, 8, SIDE // 8).mean(axis=(1, 3))
    falls = (across[:, :-1] - across[:, 1:], down[:-1] - down[1:])
    return np.concatenate([fall.ravel() > NOISE_LEVELS for fall in falls])
