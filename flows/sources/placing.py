"""Placing: where in a file the segment lies, when the file may be the clip or the whole video."""

from typing import BinaryIO

import av
from av.container import InputContainer

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from audiosetzsl.manifest import Segment
from flows.sources.source import Refusal

# A file that is off by no more than this from the length of a segment is the clip of it.
OFF_S = 0.7


def is_clip(segment: Segment, lasts_s: float | None) -> bool:
    """Whether a file that is named by its video alone is the clip of a segment already."""
    return lasts_s is not None and abs(lasts_s - segment.duration_s) <= OFF_S


def start_in_video(segment: Segment, lasts_s: float | None) -> float:
    """Where the segment starts in a file that has to be the whole video.

    Raises:
        Refusal: the file is too short for that, and too long or too short for the clip.
    """
    if lasts_s is not None and lasts_s <= segment.start_s:
        raise Refusal(
            Verdict.PAST_END,
            f"the file lasts {lasts_s:.1f} s: it is neither the clip ({segment.duration_s:.1f} s) nor a video "
            f"with this segment (from {segment.start_s:.1f} s); if it is the clip, name it <ytid>_<start in ms>",
        )
    return segment.start_s


def duration_s(file: BinaryIO, name: str) -> float | None:
    """How long a file says that it lasts; None if it does not say. The file is read from its start again.

    Raises:
        ClipError: ("unreadable") it is no media.
    """
    try:
        with av.open(file, "r", metadata_errors="ignore") as container:
            assert isinstance(container, InputContainer)
            lasts = container.duration
    except av.FFmpegError as problem:
        raise ClipError(
            "unreadable", f"{name} cannot be read: {problem.strerror}; get the file again"
        ) from problem
    file.seek(0)
    return lasts / av.time_base if lasts else None
