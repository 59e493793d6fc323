"""A look at a clip before it counts: its facts, what is odd about it, and a fingerprint of its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from audiosetzsl.clips.flags import Flag
from audiosetzsl.errors import ClipError
from extractors.media.fingerprint import are_still, fingerprint_of, look
from extractors.media.lengths import ADVICE, PacketLength, check_stated
from extractors.media.packets import (
    Packet,
    Piece,
    Stream,
    ends_early,
    moving_pictures,
    name_of,
    opened,
    origin_s,
    pieces_of,
    sound_of,
    tick_s_of,
    unreadable,
)

# A sound that never exceeds this (-60 dB of full scale) is flagged as silent.
SILENT_PEAK = 1e-3
# A clip whose length is off by more than this is flagged as short or long.
OFF_S = 0.5
# The pictures that are looked at, as shares of the clip's length. Each costs the decoding of all that
# lie between it and the key frame before it, which is why there are no more.
LOOKED_AT = (0.3, 0.7)


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is seen and heard of a clip; what its edit list hides is not counted."""

    duration_s: float  # of picture
    fps: float  # mean
    width: int
    height: int
    video_codec: str
    audio_codec: str | None  # None: no sound track
    n_frames: int
    sound_s: float
    flags: tuple[str, ...]
    fingerprint: bytes | None  # 32 bytes; None where the pictures are flat
    note: str  # the comment in the container


def inspect(path: Path, expected_s: float) -> ClipFacts:
    """Look at a clip whose segment is `expected_s` long.

    All of the sound is decoded, and of the picture what leads to two moments of it. The packets are held in
    memory; a file that lasts much longer than LONGEST_S is refused, as it would be when features are extracted.

    Raises:
        ClipError: ("empty") there is no picture; ("unreadable") the file is damaged, too long or no media.
    """
    with opened(path, ADVICE) as container:
        try:
            return _inspected(container, expected_s)
        except av.FFmpegError as problem:
            raise unreadable(path.name, problem, ADVICE) from problem


def _inspected(container: InputContainer, expected_s: float) -> ClipFacts:
    name = name_of(container)
    picture, sound = moving_pictures(container), sound_of(container)
    if picture is None:
        raise ClipError("empty", f"{name} has no picture that can be read; {ADVICE}")
    pictures, sounds = _demuxed(container, picture, sound)
    pieces = pieces_of(picture, pictures)
    times_s, duration_s = _shown(picture, pieces)
    begin_s = times_s[0] if times_s else 0.0
    moments_s = [begin_s + share * duration_s for share in LOOKED_AT]
    asked, passed = look(picture, pieces, moments_s)
    if len(asked) < len(moments_s):
        raise ClipError("empty", f"{name} shows no picture that can be decoded; {ADVICE}")
    sound_s, peak = _heard(sound, sounds) if sound is not None else (0.0, 0.0)
    if _breaks_off(picture, duration_s) or (sound is not None and _breaks_off(sound, sound_s)):
        raise ClipError("unreadable", f"{name} breaks off before the end that its container states; {ADVICE}")
    off_s = [length_s - expected_s for length_s in ([duration_s] if sound is None else [duration_s, sound_s])]
    flags = {
        Flag.NO_AUDIO: sound is None,
        Flag.SILENT: sound is not None and peak < SILENT_PEAK,
        Flag.STILL: are_still([*asked, *passed]),
        Flag.SHORT: min(off_s) < -OFF_S,
        Flag.LONG: max(off_s) > OFF_S,
    }
    return ClipFacts(
        duration_s=duration_s,
        fps=_fps(times_s, duration_s),
        width=picture.codec_context.width,
        height=picture.codec_context.height,
        video_codec=picture.codec_context.name,
        audio_codec=sound.codec_context.name if sound is not None else None,
        n_frames=len(times_s),
        sound_s=sound_s,
        flags=tuple(str(flag) for flag, holds in flags.items() if holds),
        fingerprint=fingerprint_of(asked),
        note=container.metadata.get("comment", ""),
    )


def _breaks_off(stream: Stream, lasts_s: float) -> bool:
    """Whether a stream that lasts so long ends before its container says."""
    container = stream.container
    assert isinstance(container, InputContainer)
    begins_s = (stream.start_time or 0) * tick_s_of(stream) - origin_s(container)
    return ends_early(stream, begins_s + lasts_s)


def _demuxed(
    container: InputContainer, picture: av.VideoStream, sound: av.AudioStream | None
) -> tuple[list[Packet], list[Packet]]:
    """All packets with a time, of picture and of sound."""
    streams: list[Stream] = [picture, sound] if sound is not None else [picture]
    packets: tuple[list[Packet], list[Packet]] = ([], [])
    for stream in streams:
        check_stated(stream)
    lengths = {stream.index: PacketLength(stream) for stream in streams}
    for packet in container.demux(streams):
        if packet.pts is not None:
            lengths[packet.stream_index].add(packet)
            packets[packet.stream_index != picture.index].append(packet)
    for stream in streams:
        # One thread each: clips are spread over processes, and threads only add to the bill.
        stream.codec_context.thread_count = 1
    return packets


def _shown(stream: av.VideoStream, pieces: Sequence[Piece]) -> tuple[list[float], float]:
    """Times of the pictures that are shown, and for how long they are shown in all."""
    shown = sorted((p for p in pieces if not p.packet.is_discard), key=lambda p: p.begins_s)
    if not shown:
        return [], 0.0
    ends_s = shown[-1].ends_s
    if stream.duration and stream.start_time is not None:
        # An edit list can end while the last picture is on screen.
        ends_s = min(ends_s, (stream.start_time + stream.duration) * tick_s_of(stream))
    times_s = [piece.begins_s for piece in shown]
    return times_s, max(ends_s, times_s[-1]) - times_s[0]


def _fps(times_s: Sequence[float], duration_s: float) -> float:
    """Mean rate. The first picture does not count: in a cut, it was on screen before."""
    if len(times_s) < 3:
        return len(times_s) / duration_s if duration_s else 0.0
    return (len(times_s) - 2) / (times_s[-1] - times_s[1])


def _heard(stream: av.AudioStream, packets: Sequence[Packet]) -> tuple[float, float]:
    """Length in s and peak of the mean of the channels, full scale being 1."""
    seconds, peak = 0.0, 0.0
    to_float = av.AudioResampler(format="fltp")
    for packet in (*packets, None):
        for frame in stream.codec_context.decode(packet):
            seconds += frame.samples / frame.sample_rate
            same = [frame] if frame.format.name == "fltp" else to_float.resample(frame)
            for part in same:
                peak = max(peak, float(np.abs(part.to_ndarray().mean(axis=0)).max()))
    return seconds, peak
