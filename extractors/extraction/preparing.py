"""Preparing a clip: its log-mel, and its pictures as a network takes them; this runs where clips are decoded."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, UInt8

from audiosetzsl.errors import ClipError
from audiosetzsl.shards import Status
from extractors.extraction.rows import ClipRow, Found, failure
from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.inspection import OFF_S, SILENT_PEAK
from extractors.media.reading import Media, PictureConfig, read_media
from extractors.media.sound import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found in every clip of a block; None is not asked for."""

    sound: LogMelConfig | None
    pictures: PictureConfig | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found in a clip: frames of log-mel, and pictures that have not been through a network yet."""

    log_mel: Found
    pictures: Found


def prepare(wanted: Wanted, clip: ClipRow) -> Prepared:
    """Decode a clip in one pass; whatever goes wrong with it is a row, not an error."""
    if clip.path is None:
        absent = Found(Status.NO_CLIP, clip.reason or "no clip")
        return Prepared(absent, absent)
    try:
        media = read_media(clip.path, wanted.pictures, sound=wanted.sound is not None)
    except Exception as problem:  # of ours: media that are wrong are told in another way
        return Prepared(failure(problem), failure(problem))
    return Prepared(
        _tried(lambda: _heard(clip, media, wanted.sound)), _tried(lambda: _seen(clip, media, wanted.pictures))
    )


def _tried(look: Callable[[], Found]) -> Found:
    try:
        return look()
    except ClipError as problem:
        return Found(Status(problem.reason), str(problem))
    except Exception as problem:
        return failure(problem)


def _heard(clip: ClipRow, media: Media, config: LogMelConfig | None) -> Found:
    """Log-mel of a clip. Flags: silent, short, long, damaged."""
    if config is None:
        return Found(Status.OK)
    sound: Float32[np.ndarray, " n"] = _there(media.sound)
    if not np.isfinite(sound).all():
        raise ClipError("unreadable", f"{clip.segment_id}: its sound holds numbers that are not finite")
    frames = log_mel(sound, config)
    if not len(frames):
        raise ClipError("no_audio", f"{clip.segment_id}: {len(sound)} samples of sound make no frame")
    silent = ("silent",) if np.abs(sound).max() < SILENT_PEAK else ()
    found = _measured(clip, len(sound) / SAMPLE_RATE_HZ, media.sound_is_damaged)
    return replace(found, flags=(*silent, *found.flags), n_frames=len(frames), feature=frames)


def _seen(clip: ClipRow, media: Media, config: PictureConfig | None) -> Found:
    """Pictures of a clip. Flags: short, long, damaged."""
    if config is None:
        return Found(Status.OK)
    pictures: UInt8[np.ndarray, "n size size 3"] = _there(media.frames)
    found = _measured(clip, len(pictures) / config.fps, media.frames_are_damaged)
    return replace(found, n_frames=len(pictures), feature=pictures)


def _there(found: np.ndarray | ClipError | None) -> np.ndarray:
    if isinstance(found, ClipError):
        raise found
    assert found is not None  # it was asked for
    return found


def _measured(clip: ClipRow, found_s: float, is_damaged: bool) -> Found:
    flags = []
    if abs(found_s - clip.expected_s) > OFF_S:
        flags.append("short" if found_s < clip.expected_s else "long")
    if is_damaged:
        flags.append("damaged")
    return Found(Status.OK, flags=tuple(flags), duration_s=found_s)
