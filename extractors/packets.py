"""Streams and packets of a media file, with their times in seconds."""

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

# A stream may end this much before the end that its container states, and still count as whole.
MISSING_S = 0.5
MISSING_SHARE = 0.05


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


def ends_early(stream: Stream, ends_s: float) -> bool:
    """Whether a stream that ends at `ends_s` does so well before its container says: it is cut short."""
    stated_s = 0.0
    if stream.duration and stream.time_base:
        stated_s = float(stream.duration * stream.time_base)
    elif "DURATION" in stream.metadata:  # Matroska and WebM: "00:00:10.008000000"
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        stated_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return stated_s - ends_s > max(MISSING_S, MISSING_SHARE * stated_s)


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
