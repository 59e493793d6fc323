"""One clip file to 16 kHz mono sound and evenly timed RGB pictures, decoded in this process."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soxr
import torch
from av.container import InputContainer
from jaxtyping import Float32, UInt8
from torch.nn import functional

from audiosetzsl.errors import ClipError
from extractors.media.packets import MISSING_S, MISSING_SHARE, moving_pictures, sound_of

SAMPLE_RATE_HZ = 16_000
# Containers round time stamps (WebM to 1 ms); a picture that is late by less is on time.
ROUNDING_S = 0.001
# Full-size pictures held at once while resizing: 32 of 1280x720 are 88 MB.
CHUNK = 32


@dataclass(frozen=True, slots=True)
class PictureConfig:
    """How pictures are timed, scaled and cut; the defaults are those I3D was trained with."""

    size: int = 224
    short_side: int = 256
    fps: float = 25.0

    def __post_init__(self) -> None:
        if not 0 < self.size <= self.short_side:
            raise ValueError(f"size is {self.size}, expected 1 to short_side, which is {self.short_side}")
        if not self.fps > 0:
            raise ValueError(f"fps is {self.fps}, expected more than 0")


def read_sound(path: Path) -> Float32[np.ndarray, " n_samples"]:
    """Decode the sound of a clip to 16 kHz mono in [-1, 1]; channels are averaged.

    The average is ours: FFmpeg's own downmix to mono raises float stereo by sqrt(2).

    Raises:
        ClipError: ("no_audio") there is no sound stream; ("unreadable") it is damaged or cut short.
    """
    with _opened(path) as container:
        if (stream := sound_of(container)) is None:
            raise ClipError("no_audio", f"{path.name} has no sound stream")
        rates, parts = set(), []
        for frame in container.decode(stream):
            rates.add(frame.sample_rate)
            parts.append(_mono(frame))
        if not parts:
            raise ClipError("unreadable", f"{path.name}: not one sample of its sound can be decoded")
        if len(rates) > 1:
            raise ClipError("unreadable", f"{path.name}: its sample rate changes among {sorted(rates)} Hz")
        mono = np.concatenate(parts)
        rate = rates.pop()
        _check_whole(len(mono) / rate, _promised_s(container, stream), f"{path.name}: sound")
    sound: np.ndarray = soxr.resample(mono, rate, SAMPLE_RATE_HZ, quality="HQ")
    return sound.clip(-1.0, 1.0)  # a full-scale wave overshoots between its samples


def read_frames(path: Path, config: PictureConfig) -> UInt8[np.ndarray, "n_frames size size 3"]:
    """Decode the pictures of a clip, `config.fps` a second; picture i is the one on screen at i / fps.

    Time counts from the first picture. The short side is scaled to `short_side` (antialiased bilinear, as
    in PIL, within one level), the long side is truncated to whole pixels, and the centre is cut out.
    Pixels are taken as square.

    Raises:
        ClipError: ("no_video") there is no picture stream; ("unreadable") it is damaged or cut short.
    """
    with _opened(path) as container:
        stream = moving_pictures(container)
        if stream is None:
            raise ClipError("no_video", f"{path.name} has no picture stream")
        small: list[UInt8[np.ndarray, "chunk size size 3"]] = []
        full: list[UInt8[np.ndarray, "height width 3"]] = []
        times_shown = []
        for frame, n_times in _on_screen(container, stream, config.fps, path.name):
            picture = _rgb(frame)
            if full and (len(full) == CHUNK or picture.shape != full[0].shape):
                small.append(_scaled(full, config))
                full = []
            full.append(picture)
            times_shown.append(n_times)
        if not full:
            raise ClipError("unreadable", f"{path.name}: not one of its pictures can be decoded")
    small.append(_scaled(full, config))
    return np.repeat(np.concatenate(small), times_shown, axis=0)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open a clip for one reader; whatever FFmpeg cannot do with it is a ClipError."""
    try:
        # One thread each: clips are spread over processes, and threads only add to the bill.
        with av.open(path, metadata_errors="ignore") as container:
            for stream in (moving_pictures(container), sound_of(container)):
                if stream is not None:
                    stream.codec_context.thread_count = 1
            yield container
    except av.FFmpegError as problem:
        # Not str(problem): it holds the whole path, and reasons must read alike on every machine.
        says = f"{path.name} cannot be decoded: {problem.strerror}; fetch the clip again"
        raise ClipError("unreadable", says) from problem


def _promised_s(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> float:
    """Length that the container states for a stream, or for all of them; 0 where it states none."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if "DURATION" in stream.metadata:  # Matroska and WebM: "00:00:10.008000000"
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return (container.duration or 0) / av.time_base


def _check_whole(found_s: float, promised_s: float, what: str) -> None:
    """Refuse a stream that ends well before its promised end: FFmpeg does not always complain."""
    if promised_s - found_s > max(MISSING_S, MISSING_SHARE * promised_s):
        says = f"{what} ends after {found_s:.2f} s of the {promised_s:.2f} s that its container states"
        raise ClipError("unreadable", f"{says}; fetch the clip again")


def _mono(frame: av.AudioFrame) -> Float32[np.ndarray, " n_samples"]:
    """Mean of the channels of one frame, full scale at 1."""
    samples: np.ndarray = frame.to_ndarray()
    if frame.format.is_packed:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    mono: np.ndarray = samples.mean(axis=0, dtype=np.float64)
    if samples.dtype.kind in "ui":
        middle = 128 if samples.dtype.kind == "u" else 0
        mono = (mono - middle) / 2.0 ** (8 * samples.itemsize - 1)
    return mono.astype(np.float32)


def _on_screen(
    container: InputContainer, stream: av.VideoStream, fps: float, name: str
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Pictures that are on screen at any of the times i / fps, each with the number of those times."""
    tick = 1 / float(stream.average_rate or fps)
    held, start_s, shown_s, asked = None, 0.0, 0.0, 0
    for frame in container.decode(stream):
        stamp_s = shown_s + tick if frame.pts is None else frame.time
        if held is None:
            start_s = stamp_s
        else:
            # Times that lie before this picture belong to the one before it.
            due = math.ceil((stamp_s - start_s - ROUNDING_S) * fps)
            if due > asked:
                yield held, due - asked
                asked = due
        held, shown_s = frame, stamp_s
    if held is not None:
        lasts_s = float(held.duration * held.time_base) if held.duration and held.time_base else tick
        ends_s = shown_s + lasts_s - start_s
        _check_whole(ends_s, _promised_s(container, stream), f"{name}: picture")
        due = max(round(ends_s * fps), 1)
        if due > asked:
            yield held, due - asked


def _rgb(frame: av.VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
    """Pixels as the phone held them: a rotation stated beside the picture is carried out."""
    picture = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90))


def _scaled(
    pictures: list[UInt8[np.ndarray, "height width 3"]], config: PictureConfig
) -> UInt8[np.ndarray, "n size size 3"]:
    """Scale pictures of one size to the short side and cut the centre out."""
    stacked = np.stack(pictures)
    height, width = stacked.shape[1:3]
    short = min(height, width)
    to = (height * config.short_side // short, width * config.short_side // short)
    # A view: the channels stay last in memory, which is twice as fast as copying them first.
    channels_first = torch.from_numpy(stacked).permute(0, 3, 1, 2)
    scaled = functional.interpolate(channels_first, to, mode="bilinear", antialias=True)
    top, left = (to[0] - config.size) // 2, (to[1] - config.size) // 2
    cut = scaled[:, :, top : top + config.size, left : left + config.size]
    return cut.permute(0, 2, 3, 1).contiguous().numpy()
