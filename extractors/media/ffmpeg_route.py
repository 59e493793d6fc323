"""The same reading of a clip by the ffmpeg program: a second opinion, in processes of its own."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
from av.container import InputContainer
from jaxtyping import Float32, UInt8

from audiosetzsl.errors import ClipError
from extractors.media.lengths import ADVICE, LONGEST_S, check_end, check_length, check_stated
from extractors.media.packets import Stream, moving_pictures, opened, sound_of, tick_s_of
from extractors.media.pictures import ROUNDING_S, PictureConfig
from extractors.media.reading import Media
from extractors.media.scaling import CentreCrop
from extractors.media.sound import SAMPLE_RATE_HZ

TIMEOUT_S = 120.0
# Without these two, swscale halves the resolution of colours on its way from RGB to RGB.
FLAGS = "bilinear+full_chroma_int+full_chroma_inp"
# What ffmpeg says of a picture or sound that its decoder made up for; PyAV calls these frames corrupt.
MADE_UP = "corrupt decoded frame"


def read_media(path: Path, pictures: PictureConfig | None, *, sound: bool = True) -> Media:
    """Decode a clip as `extractors.media.reading.read_media` does.

    Levels differ by one at most (two where a picture of fewer than 50 lines is enlarged; more in the outermost
    lines of a picture, if the crop reaches them), sound by a thousandth of full scale. There may be one frame
    more where a container does not state how long its picture lasts.

    Use this one to check the other; where a file brings a decoder down, since here it is another process that
    ends; or with a build of ffmpeg that can do more, named by the environment variable IMAGEIO_FFMPEG_EXE.
    Otherwise use the other one, which needs less than half the time. Sound and pictures are read by one ffmpeg
    each, so that each has its own exit status and complaints, and no pipe can wait for another.

    Raises:
        ValueError: pictures are to be scaled in another way than by CentreCrop, which is all that is written
            down for ffmpeg here.
    """
    if pictures and not isinstance(pictures.scaling, CentreCrop):
        kind = type(pictures.scaling).__name__
        raise ValueError(
            f"ffmpeg is told how to do CentreCrop only, not {kind}; use extractors.media.reading"
        )
    try:
        with opened(path, ADVICE) as container:
            heard, sound_damaged = _tried(lambda: _sound(path, container)) if sound else (None, False)
            seen, picture_damaged = (
                _tried(lambda: _frames(path, container, pictures)) if pictures else (None, False)
            )
    except ClipError as problem:
        return Media(problem if sound else None, problem if pictures else None)
    return Media(heard, seen, sound_damaged, picture_damaged)


def _tried(read: Callable[[], tuple[np.ndarray, bool]]) -> tuple[np.ndarray | ClipError, bool]:
    try:
        return read()
    except ClipError as problem:
        return problem, False


def _sound(path: Path, container: InputContainer) -> tuple[Float32[np.ndarray, " n_samples"], bool]:
    """Sound at 16 kHz, and whether it is damaged; the mean of the channels is written out."""
    if (stream := sound_of(container)) is None:
        raise ClipError("no_audio", f"{path.name} has no sound stream")
    n_channels = stream.codec_context.layout.nb_channels
    mean = "+".join(f"{1 / n_channels:.9f}*c{channel}" for channel in range(n_channels))
    # Not -ac 1, which raises float stereo by sqrt(2).
    filters = f"pan=mono|c0={mean},aresample={SAMPLE_RATE_HZ}:resampler=soxr"
    content, is_damaged = _told(path, stream, {"af": filters, "f": "f32le"})
    waveform = np.frombuffer(content, np.float32)
    _check(stream, len(waveform) / SAMPLE_RATE_HZ)
    return waveform.clip(-1.0, 1.0), is_damaged


def _frames(
    path: Path, container: InputContainer, config: PictureConfig
) -> tuple[UInt8[np.ndarray, "n_frames size size 3"], bool]:
    """Frames, and whether they are damaged."""
    if (stream := moving_pictures(container)) is None:
        raise ClipError("no_video", f"{path.name} has no picture stream")
    assert isinstance(config.scaling, CentreCrop)
    size = config.scaling.size
    content, is_damaged = _told(
        path, stream, {"vf": _filters(config.fps, config.scaling), "f": "rawvideo", "pix_fmt": "rgb24"}
    )
    frames = np.frombuffer(bytearray(content), np.uint8).reshape(-1, size, size, 3)
    # ffmpeg goes on to the end of the last frame, where the other route rounds.
    expected = round((stream.duration or 0) * tick_s_of(stream) * config.fps)
    if len(frames) == expected + 1:
        frames = frames[: max(expected, 1)]
    _check(stream, len(frames) / config.fps)
    return frames, is_damaged


def _filters(fps: float, crop: CentreCrop) -> str:
    """On screen at i / fps is the last picture that began by then, which is what rounding up makes of `fps`.

    The size is worked out by ffmpeg, which has turned the picture by then.
    """
    short, size = crop.short_side, crop.size
    width = f"if(lt(iw,ih),{short},trunc({short}*iw/ih))"
    height = f"if(lt(iw,ih),trunc({short}*ih/iw),{short})"
    return ",".join(
        [
            f"settb=AVTB,setpts=PTS-STARTPTS-{ROUNDING_S}/TB,fps={fps!r}:round=up",
            f"format=rgb24,scale=w='{width}':h='{height}':flags={FLAGS}",
            f"crop={size}:{size}:floor((iw-{size})/2):floor((ih-{size})/2)",
        ]
    )


def _told(path: Path, stream: Stream, options: dict[str, Any]) -> tuple[bytes, bool]:
    """What ffmpeg makes of one stream, and whether its decoder made something up."""
    check_stated(stream)
    command = (
        ffmpeg.input(f"file:{path}", threads=1)
        .output("pipe:", map=f"0:{stream.index}", t=LONGEST_S + 1, **options)
        # By default, two thirds of a stream may fail to decode.
        .global_args("-v", "warning", "-nostdin", "-filter_threads", "1", "-max_error_rate", "0")
        .compile(imageio_ffmpeg.get_ffmpeg_exe())
    )
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as problem:
        says = f"ffmpeg takes longer than {TIMEOUT_S:g} s to decode {path.name}"
        raise ClipError("unreadable", f"{says}; {ADVICE}") from problem
    complaints = done.stderr.decode(errors="replace").strip()
    if done.returncode or not done.stdout:
        # Without addresses and folders, reasons read alike everywhere.
        first = re.sub(r"\[[^]]*\] *", "", complaints.partition("\n")[0]).replace(f"file:{path}", path.name)
        says = f"ffmpeg cannot decode {path.name}: {first or 'nothing comes of it'}"
        raise ClipError("unreadable", f"{says}; {ADVICE}")
    return done.stdout, MADE_UP in complaints


def _check(stream: Stream, lasts_s: float) -> None:
    """Refuse what breaks off or lasts too long."""
    check_length(stream, lasts_s)
    check_end(stream, (stream.start_time or 0) * tick_s_of(stream) + lasts_s)
