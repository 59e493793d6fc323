"""What a segment takes of its sources: seeks to it and reads little beyond its end."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import av
from av.container import InputContainer

from audiosetzsl.errors import ClipError
from extractors.media.packets import (
    MISSING_S,
    Packet,
    Piece,
    Stream,
    ends_early,
    moving_pictures,
    name_of,
    origin_s,
    pieces_of,
    sound_of,
    tick_s_of,
)

# Sound before the start that a decoder may need: a packet of AAC, nine of MP3, 80 ms of Opus.
LEAD_S = 0.25
# Streams of one file lie at most this far apart in it; beyond the end by more, nothing more is to come.
SPREAD_S = 3.0
# Containers round time stamps (WebM to 1 ms); a picture that is late by less is on time.
ROUNDING_S = 0.001


@dataclass(frozen=True, slots=True)
class Track:
    """What is taken of one stream, in order of decoding."""

    stream: Stream
    pieces: list[Piece]
    shown: list[Piece]  # those to be seen or heard; the others are for the decoder

    @property
    def ends_s(self) -> float:
        """When the last shown piece ends."""
        return max(piece.ends_s for piece in self.shown)


def read_tracks(
    containers: Sequence[InputContainer], start_s: float, end_s: float
) -> tuple[Track, Track | None]:
    """Picture of a segment, and its sound where it has any.

    The picture that is on screen at the start is moved to the start, so that whatever is on screen at a
    time of the source is on screen at that time of the segment. Sound is taken by whole packets, so that
    it ends within half a packet of the end.

    Raises:
        ClipError: ("empty") there is no picture at all; ("past_end") none at or after the start;
            ("unreadable") picture or sound breaks off before the end that its container states.
    """
    name = name_of(containers[0])
    picture = next(filter(None, map(moving_pictures, containers)), None)
    if picture is None:
        raise ClipError(
            "empty", f"{name} has no picture that can be read; choose another format of the video"
        )
    sound = next(filter(None, map(sound_of, reversed(containers))), None)
    pictures, sounds = _read_both(picture, sound, start_s, end_s)
    if not pictures:
        raise ClipError("empty", f"{name} holds not one picture; fetch the segment again")
    seen = _seen(picture, pictures, end_s - start_s)
    last_s = start_s + max(piece.ends_s for piece in seen.shown or seen.pieces)
    # Twice: a picture that begins within the rounding of the end is not shown, and its beginning is rounded too.
    if last_s < end_s - 2 * ROUNDING_S:
        _refuse_broken(picture, last_s)
    # Where pictures lie far ahead of the sound in a file, reading ends before it does.
    if sound is not None and sounds and not any(p.begins_s >= end_s - start_s + SPREAD_S for p in pictures):
        heard_s = start_s + max(piece.ends_s for piece in sounds)
        if heard_s < end_s - MISSING_S:
            _refuse_broken(sound, heard_s)
    if not seen.shown:
        says = f"the picture of {name} ends at {last_s:.2f} s, and the segment begins at {start_s:.2f} s"
        raise ClipError("past_end", f"{says}; check its times")
    heard = _heard(sound, sounds, end_s - start_s) if sound is not None else None
    return seen, heard if heard and heard.shown else None


def _refuse_broken(stream: Stream, last_s: float) -> None:
    """Refuse a stream that is at its end at `last_s`, where its container says that it goes on."""
    if ends_early(stream, last_s):
        what = "picture" if stream.type == "video" else "sound"
        says = f"the {what} of {name_of(stream.container)} breaks off at {last_s:.2f} s, before the end that its "
        raise ClipError("unreadable", f"{says}container states; fetch the segment again")


def _read_both(
    picture: Stream, sound: Stream | None, start_s: float, end_s: float
) -> tuple[list[Piece], list[Piece]]:
    """What is in the picture and in the sound, which may lie in one file or in two."""
    if sound is not None and sound.container is picture.container:
        return _read(picture, sound, start_s, end_s)
    pictures, _ = _read(picture, None, start_s, end_s)
    sounds, _ = _read(sound, None, start_s, end_s) if sound is not None else ([], [])
    return pictures, sounds


def _read(
    lead: Stream, other: Stream | None, start_s: float, end_s: float
) -> tuple[list[Piece], list[Piece]]:
    """What is in one or two streams of a file; in `lead` from a key frame at or before the start."""
    container = lead.container
    assert isinstance(container, InputContainer)
    begin_s = origin_s(container) + start_s
    # One second before the first time stamp, since indexes and searches go by times of decoding.
    first_s = (lead.start_time or 0) * tick_s_of(lead) - 1.0
    back_s = LEAD_S
    while True:
        target_s = max(begin_s - back_s, first_s)
        _seek(container, lead, target_s)
        found: dict[int, list[Packet]] = {s.index: [] for s in (lead, other) if s is not None}
        for packet, time_s in _until(container, list(found), origin_s(container) + end_s):
            packets = found[packet.stream_index]
            if not packets and not packet.is_keyframe:
                continue
            behind = packet.stream_index == lead.index and not packets and time_s > begin_s + ROUNDING_S
            if behind and target_s > first_s:
                break  # the search ended behind the start; look farther back
            packets.append(packet)
        if found[lead.index] or target_s == first_s:
            break
        back_s *= 4
    first, second = (pieces_of(s, found[s.index], begin_s) if s is not None else [] for s in (lead, other))
    return first, second


def _seek(container: InputContainer, stream: Stream, target_s: float) -> None:
    """Go to the last key frame at or before a time, or to the first one of all."""
    target = math.floor(target_s / tick_s_of(stream))
    try:
        container.seek(target, stream=stream, backward=True)
    except av.error.PermissionError:  # what AVI and FLV say where there is none before
        with suppress(av.error.PermissionError):  # and what MP4 says where there is nothing at all
            container.seek(target, stream=stream, backward=False)


def _until(container: InputContainer, indexes: list[int], end_s: float) -> Iterator[tuple[Packet, float]]:
    """Packets and their times, until each stream has passed the end, or one is far beyond it."""
    going = set(indexes)
    for packet in container.demux([container.streams[i] for i in indexes]):
        if packet.pts is None:
            packet.pts = packet.dts
        if packet.pts is None:
            continue  # the empty packet at the end of a file
        tick_s = tick_s_of(container.streams[packet.stream_index])
        # Pictures come in order of decoding: one beyond the end may come before one that is not.
        reached_s = (packet.pts if packet.dts is None else packet.dts) * tick_s
        if reached_s >= end_s:
            going.discard(packet.stream_index)
        yield packet, packet.pts * tick_s
        if not going or reached_s >= end_s + SPREAD_S:
            return


def _seen(stream: av.VideoStream, pieces: list[Piece], length_s: float) -> Track:
    """Pictures from the key frame before the start to the last that is needed, the first shown one moved."""
    end_s = length_s - ROUNDING_S
    keys = (i for i, p in enumerate(pieces) if p.packet.is_keyframe and p.begins_s <= ROUNDING_S)
    needed = (i for i, p in enumerate(pieces) if p.begins_s < end_s)
    pieces = pieces[max(keys, default=0) : max(needed, default=len(pieces)) + 1]
    pieces = [replace(p, lasts_s=min(p.lasts_s, max(length_s - p.begins_s, 0.0))) for p in pieces]
    candidates = [p for p in pieces if p.begins_s < end_s and not p.packet.is_discard]
    shown = [p for p in candidates if p.begins_s > ROUNDING_S]
    early = [p for p in candidates if p.begins_s <= ROUNDING_S]
    if early:
        latest = max(early, key=lambda p: p.begins_s)
        if shown or latest.ends_s > ROUNDING_S:
            moved = replace(latest, begins_s=0.0, lasts_s=max(latest.ends_s, ROUNDING_S))
            pieces = [moved if p is latest else p for p in pieces]
            shown.append(moved)
    return Track(stream, pieces, shown)


def _heard(stream: av.AudioStream, pieces: list[Piece], length_s: float) -> Track:
    """Sound from a little before the start to the packet whose end is nearest to the end."""
    pieces = [p for p in pieces if p.ends_s > -LEAD_S and p.begins_s + p.lasts_s / 2 <= length_s]
    return Track(stream, pieces, [p for p in pieces if p.ends_s > 0 and not p.packet.is_discard])
