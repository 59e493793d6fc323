"""Decoded pictures to evenly timed RGB frames: the one on screen at each time, scaled."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from audiosetzsl.errors import ClipError
from extractors.media.lengths import ADVICE, LONGEST_S, check_end, check_length
from extractors.media.packets import name_of, tick_s_of
from extractors.media.scaling import CentreCrop, Plan, Scaling, plan_of

# Containers round time stamps (WebM to 1 ms), and a picture that is late by less than this is on time. It is no
# multiple of the steps between usual frame rates, such as 1/24000 s, so that no picture lies on the limit.
ROUNDING_S = 0.00112
# Pictures are scaled by as many as stay in a processor's cache.
CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class PictureConfig:
    """How pictures are timed and scaled; the defaults are those I3D was trained with."""

    fps: float = 25.0
    scaling: Scaling = field(default_factory=CentreCrop)

    def __post_init__(self) -> None:
        if not self.fps > 0:
            raise ValueError(f"fps is {self.fps}, expected more than 0")


def frames_of(
    decoded: Iterable[av.VideoFrame], stream: av.VideoStream, config: PictureConfig
) -> UInt8[np.ndarray, "n_frames size size 3"]:
    """Frames of a clip, `config.fps` a second; frame i is the picture on screen at i / fps.

    Time counts from the first picture. A rotation that is stated beside the pictures is carried out.

    Raises:
        ClipError: ("unreadable") there is not one picture, or they end before the container says, or they
            last longer than LONGEST_S.
        av.FFmpegError: what `decoded` raises.
    """
    expected_s = min((stream.duration or 0) * tick_s_of(stream), LONGEST_S)
    film = _Film(config.scaling, math.ceil(expected_s * config.fps) + 1)
    for picture, n_times in _on_screen(decoded, stream, config.fps):
        film.add(picture, n_times)
    return film.frames()


def _on_screen(
    decoded: Iterable[av.VideoFrame], stream: av.VideoStream, fps: float
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Pictures that are on screen at any of the times i / fps, each with the number of those times."""
    tick_s = 1 / float(stream.average_rate or fps)
    held: av.VideoFrame | None = None
    start_s, shown_s, asked = 0.0, 0.0, 0
    for picture in decoded:
        time_s = shown_s + tick_s if picture.pts is None else picture.time
        if held is None:
            start_s = time_s
        else:
            # Times that lie before this picture belong to the one before it.
            due = math.ceil((time_s - start_s - ROUNDING_S) * fps)
            if due > asked:
                check_length(stream, due / fps)
                yield held, due - asked
                asked = due
        held, shown_s = picture, time_s
    if held is None:
        says = f"not one picture of {name_of(stream.container)} can be decoded; {ADVICE}"
        raise ClipError("unreadable", says)
    ends_s = shown_s + (held.duration * float(held.time_base or 0) or tick_s)
    check_end(stream, ends_s)
    due = max(round((ends_s - start_s) * fps), 1)
    check_length(stream, due / fps)
    if due > asked:
        yield held, due - asked


class _Film:
    """Frames one after another, in one array."""

    def __init__(self, scaling: Scaling, expected: int) -> None:
        self._scaling = scaling
        self._expected = expected
        self._to_rgb = VideoReformatter()
        self._shape = (0, 0, 3)  # of the pictures in the chunk, before a part of each is taken
        self._plan: Plan
        self._chunk = np.empty((0, 0, 0, 3), np.uint8)
        self._times: list[int] = []  # of each picture in the chunk
        self._frames = np.empty((0, 0, 0, 3), np.uint8)
        self._n = 0

    def add(self, picture: av.VideoFrame, n_times: int) -> None:
        """Append a picture, `n_times` over."""
        pixels = self._rgb(picture)
        if pixels.shape != self._shape:
            self._scale()
            self._shape, self._plan = pixels.shape, plan_of(self._scaling, *pixels.shape[:2])
            part = pixels[self._plan.rows, self._plan.columns]
            self._chunk = np.empty((max(CHUNK_BYTES // part.nbytes, 1), *part.shape), np.uint8)
        self._chunk[len(self._times)] = pixels[self._plan.rows, self._plan.columns]
        self._times.append(n_times)
        if len(self._times) == len(self._chunk):
            self._scale()

    def frames(self) -> UInt8[np.ndarray, "n_frames size size 3"]:
        """All frames; nothing can be added afterwards."""
        self._scale()
        return self._frames[: self._n]

    def _rgb(self, picture: av.VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """Pixels as the camera was held; a view that lasts as long as it is referred to."""
        # One thread: starting several costs more than the conversion.
        plane = self._to_rgb.reformat(picture, format="rgb24", threads=1).planes[0]
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        pixels = lines[:, : 3 * plane.width].reshape(plane.height, plane.width, 3)
        return np.rot90(pixels, picture.rotation // 90)

    def _scale(self) -> None:
        """Scale what the chunk holds, and lay it behind the frames."""
        if not self._times:
            return
        scaled = self._plan.scale_part(self._chunk[: len(self._times)])
        end = self._n + sum(self._times)
        if end > len(self._frames):
            # Memory that is never written to is never taken.
            longer = np.empty((max(self._expected, 2 * end), *scaled.shape[1:]), np.uint8)
            longer[: self._n] = self._frames[: self._n].reshape(-1, *scaled.shape[1:])
            self._frames = longer
        for picture, n_times in zip(scaled, self._times, strict=True):
            self._frames[self._n : self._n + n_times] = picture
            self._n += n_times
        self._times = []
