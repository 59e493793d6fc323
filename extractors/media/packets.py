"""Streams and packets of a media file, with their times in seconds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import av
from av.container import InputContainer
from av.stream import Disposition

from audiosetzsl.errors import ClipError

if TYPE_CHECKING:
    Packet = av.Packet[Any]  # of pictures or of sound; no generic class when the program runs
else:
    Packet = av.Packet

Stream = av.VideoStream | av.AudioStream

# These state lengths exactly, and their time 0 is that of the video, also in a part of a file. Elsewhere (MPEG-TS,
# FLV, AVI), lengths are estimates, and time 0 is the first time stamp.
EXACT = frozenset({"mov", "matroska", "webm"})
# A stream may end this much before the end that its container states, and still count as whole.
MISSING_S = 0.5
MISSING_SHARE = 0.05  # of an estimate
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # as in 00:00:10.008000000


@runtime_checkable
class SeekableFile(Protocol):
    """A binary file that can be read from anywhere, such as one that reads over HTTP by ranges."""

    def read(self, n: int = -1, /) -> bytes:
        """Up to `n` bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, the end (`whence` 2) included."""

    def tell(self) -> int:
        """The place that is read next."""


Source = Path | SeekableFile


@dataclass(frozen=True, slots=True)
class Piece:
    """A packet and when it is to be shown, in s; in a track, time counts from the segment's start."""

    packet: Packet
    begins_s: float
    lasts_s: float

    @property
    def ends_s(self) -> float:
        """When the next one follows."""
        return self.begins_s + self.lasts_s


def opened(source: Source, advice: str) -> InputContainer:
    """Open a file, or a file object that can be sought in.

    Raises:
        ClipError: ("unreadable") it is absent or no media; the message ends with `advice`.
    """
    try:
        container = av.open(source, metadata_errors="ignore")
    except av.FFmpegError as problem:
        name = source if isinstance(source, Path) else getattr(source, "name", "the source")
        raise unreadable(Path(name).name, problem, advice) from problem
    assert isinstance(container, InputContainer)
    return container


def unreadable(name: str, problem: av.FFmpegError, advice: str) -> ClipError:
    """The error to raise; not str(problem): it holds the whole path, and reasons must read alike everywhere."""
    return ClipError("unreadable", f"{name} cannot be read: {problem.strerror}; {advice}")


def moving_pictures(container: InputContainer) -> av.VideoStream | None:
    """First stream of moving pictures of a known codec; a cover attached to a sound file is none."""
    moving = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    return next(filter(_known, moving), None)


def sound_of(container: InputContainer) -> av.AudioStream | None:
    """First stream of sound of a known codec."""
    return next(filter(_known, container.streams.audio), None)


def _known(stream: Any) -> bool:  # the types of PyAV do not know that it may be None
    return stream.codec_context is not None


def name_of(container: av.container.Container) -> str:
    """Name of a source for messages, without its folder."""
    return "the source" if container.name == "<none>" else Path(container.name).name


def origin_s(container: InputContainer) -> float:
    """Time stamp, in s, of what players call time 0."""
    return 0.0 if _is_exact(container) else (container.start_time or 0) / av.time_base


def ends_early(stream: Stream, ends_s: float) -> bool:
    """Whether a stream that ends at `ends_s`, counted from time 0, is cut short: its container states well more."""
    stated_s = _stated_s(stream)
    share = 0.0 if _is_exact(stream.container) else MISSING_SHARE
    return stated_s - ends_s > max(MISSING_S, share * stated_s)


def stated_length_s(stream: Stream) -> float:
    """How long a stream lasts by what its container says, or somewhat less; 0 where it says nothing."""
    container = stream.container
    assert isinstance(container, InputContainer)
    begins_s = (stream.start_time or 0) * tick_s_of(stream) - origin_s(container)
    return max(_stated_s(stream) - max(begins_s, 0.0), 0.0)


def _stated_s(stream: Stream) -> float:
    """Where a stream ends by what its container says; 0 where it says nothing."""
    container = stream.container
    assert isinstance(container, InputContainer)
    if "matroska" not in container.format.name:
        return (stream.duration or 0) * tick_s_of(stream)
    # Here, what libav gives as the length of a stream may be that of the whole file.
    if found := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")):
        return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])
    return (container.duration or 0) / av.time_base if len(container.streams) == 1 else 0.0


def _is_exact(container: av.container.Container) -> bool:
    return bool(EXACT & set(container.format.name.split(",")))


def tick_s_of(stream: av.stream.Stream) -> float:
    """Length of a tick of a stream's time stamps."""
    return float(stream.time_base or 0)


def pieces_of(stream: Stream, packets: Sequence[Packet], begin_s: float = 0.0) -> list[Piece]:
    """Packets with their times since `begin_s`.

    A picture lasts until the next one. Sound, and the last picture, last as long as they state, or else as
    long as most do.
    """
    tick_s = tick_s_of(stream)
    times = [packet.pts or 0 for packet in packets]
    rising = sorted(times)
    gaps = {earlier: later - earlier for earlier, later in pairwise(rising)}
    usual = median_low(gaps.values()) if gaps else 0
    lengths = [packet.duration or usual for packet in packets]
    if stream.type == "video":
        lengths = [gaps.get(time, length) for time, length in zip(times, lengths, strict=True)]
    return [
        Piece(packet, time * tick_s - begin_s, length * tick_s)
        for packet, time, length in zip(packets, times, lengths, strict=True)
    ]
