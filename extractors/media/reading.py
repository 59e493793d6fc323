"""One pass over a clip file: 16 kHz mono sound, evenly timed RGB frames, or the reason why not."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from jaxtyping import Float32, UInt8

from audiosetzsl.errors import ClipError
from extractors.media.lengths import ADVICE, PacketLength, check_stated
from extractors.media.packets import (
    Packet,
    Stream,
    moving_pictures,
    name_of,
    opened,
    sound_of,
    unreadable,
)
from extractors.media.pictures import PictureConfig, frames_of
from extractors.media.scaling import CentreCrop, Scaling
from extractors.media.sound import SAMPLE_RATE_HZ, waveform_of

__all__ = [
    "SAMPLE_RATE_HZ",
    "CentreCrop",
    "Media",
    "PictureConfig",
    "Scaling",
    "read_frames",
    "read_media",
    "read_sound",
]


@dataclass(frozen=True, slots=True)
class Media:
    """What was read of a clip: an array, or why there is none, or None if it was not asked for."""

    sound: Float32[np.ndarray, " n_samples"] | ClipError | None
    frames: UInt8[np.ndarray, "n_frames size size 3"] | ClipError | None
    # The decoder made up for something that it could not make out.
    sound_is_damaged: bool = False
    frames_are_damaged: bool = False

    @property
    def is_damaged(self) -> bool:
        """Whether either is."""
        return self.sound_is_damaged or self.frames_are_damaged


def read_media(path: Path, pictures: PictureConfig | None, *, sound: bool = True) -> Media:
    """Decode a clip: its sound to 16 kHz mono in [-1, 1], its pictures to frames as `pictures` says.

    Sound counts from its first sample and frames from the first picture, as both are in the file: nothing is
    padded or cut to make them begin together. A stream that fails is a ClipError and leaves the other one
    alone: "no_audio" and "no_video" where there is none, "unreadable" where it cannot be decoded to the end
    that its container states, or the file not be opened. What a decoder does not notice (most of what goes
    wrong in VP9) is not told either. The packets are held in memory, so that one pass does for both; of a stream
    that lasts much longer than LONGEST_S, which is refused, no more than of one that lasts that long.
    """
    try:
        with opened(path, ADVICE) as container:
            return _both(container, pictures, sound)
    except (ClipError, av.FFmpegError) as found:
        problem = found if isinstance(found, ClipError) else unreadable(path.name, found, ADVICE)
        return Media(problem if sound else None, problem if pictures else None)


def read_sound(path: Path) -> Float32[np.ndarray, " n_samples"]:
    """The sound of a clip alone, as in `read_media`.

    Raises:
        ClipError: ("no_audio") there is no sound stream; ("unreadable") it is damaged or cut short.
    """
    return _there(read_media(path, None).sound)


def read_frames(path: Path, config: PictureConfig) -> UInt8[np.ndarray, "n_frames size size 3"]:
    """The frames of a clip alone, as in `read_media`.

    Raises:
        ClipError: ("no_video") there is no picture stream; ("unreadable") it is damaged or cut short.
    """
    return _there(read_media(path, config, sound=False).frames)


def _there(found: np.ndarray | ClipError | None) -> np.ndarray:
    if isinstance(found, ClipError):
        raise found
    assert found is not None
    return found


def _both(container: InputContainer, pictures: PictureConfig | None, sound: bool) -> Media:
    if not container.streams:  # of a file that is cut short in its header
        raise ClipError("unreadable", f"{name_of(container)} holds neither sound nor picture; {ADVICE}")
    streams = (sound_of(container) if sound else None, moving_pictures(container) if pictures else None)
    tracks = {stream.index: _Track(stream) for stream in streams if stream is not None}
    _fill(tracks, container)
    heard = _heard(container, tracks) if sound else None
    seen = _seen(container, tracks, pictures) if pictures else None
    damaged = [stream is not None and tracks[stream.index].is_damaged for stream in streams]
    return Media(heard, seen, *damaged)


class _Track:
    """Packets of one stream, which are gone once they are decoded, or none, if it is refused for its length."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.packets: deque[Packet] = deque()
        self.is_damaged = False
        self.refused: ClipError | None = None
        self._length = PacketLength(stream)
        self._refuse_if(lambda: check_stated(stream))
        # One thread each: clips are spread over processes, and threads only add to the bill.
        stream.codec_context.thread_count = 1

    def take(self, packet: Packet) -> None:
        """Keep a packet; those that last too long in all are not kept, and no others after them."""
        if self.refused:
            return
        self.packets.append(packet)
        self._refuse_if(lambda: self._length.add(packet))

    def _refuse_if(self, check: Callable[[], None]) -> None:
        try:
            check()
        except ClipError as problem:
            self.refused = problem
            self.packets.clear()

    def decoded(self) -> Iterator[Any]:
        """Its frames, in the order of time.

        Raises:
            ClipError: ("unreadable") it was refused.
        """
        if self.refused:
            raise self.refused
        end = av.Packet()  # without content: the decoder hands out what it has kept back
        end.stream, end.time_base = self.stream, self.stream.time_base or Fraction(1)
        self.packets.append(end)
        while self.packets:
            for frame in self.packets.popleft().decode():
                self.is_damaged |= frame.is_corrupt
                yield frame


def _fill(tracks: Mapping[int, _Track], container: InputContainer) -> None:
    """Deal out the packets of a file, as long as a track takes any."""
    if all(track.refused for track in tracks.values()):
        return
    try:
        for packet in container.demux([track.stream for track in tracks.values()]):
            if packet.size:
                tracks[packet.stream_index].take(packet)
            if all(track.refused for track in tracks.values()):
                return
    except IndexError:
        # How PyAV ends where a stream turned up in the middle of a file; all has been read by then.
        return


def _heard(
    container: InputContainer, tracks: Mapping[int, _Track]
) -> Float32[np.ndarray, " n_samples"] | ClipError:
    if (stream := sound_of(container)) is None:
        return ClipError("no_audio", f"{name_of(container)} has no sound stream")
    return _tried(lambda: waveform_of(tracks[stream.index].decoded(), stream), container)


def _seen(
    container: InputContainer, tracks: Mapping[int, _Track], config: PictureConfig
) -> UInt8[np.ndarray, "n_frames size size 3"] | ClipError:
    if (stream := moving_pictures(container)) is None:
        return ClipError("no_video", f"{name_of(container)} has no picture stream")
    return _tried(lambda: frames_of(tracks[stream.index].decoded(), stream, config), container)


def _tried(read: Callable[[], np.ndarray], container: InputContainer) -> np.ndarray | ClipError:
    try:
        return read()
    except av.FFmpegError as problem:
        return unreadable(name_of(container), problem, ADVICE)
    except ClipError as problem:
        return problem
