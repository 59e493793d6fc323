"""Names of clip files, as people have them: which segment or which video a file says that it is."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

SUFFIXES = frozenset({".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".flv", ".mpg", ".ts"})
_YTID = r"[A-Za-z0-9_-]{11}"
# Whatever stands before an id, it ends in a sign that is no letter, digit or `-`: dog_20qZLse0acs_30000.mp4.
_BEFORE = r"(?:.*[^A-Za-z0-9-]|)"
# Seconds with a point, as AudioSet's lists and many downloaders write them: ID_30.000_40.000.
_SECONDS = re.compile(rf"{_BEFORE}({_YTID})_(\d+\.\d+)(?:_\d+\.\d+)?")
# Six digits that begin with 0 are VGGSound's whole seconds: ID_000030. Others are ours, milliseconds: ID_30000.
_PADDED = re.compile(rf"{_BEFORE}({_YTID})_(0\d{{5}})")
_MILLISECONDS = re.compile(rf"{_BEFORE}({_YTID})_(0|[1-9]\d*)")
_PLAIN = re.compile(rf"(?:{_BEFORE}|Y)({_YTID})")
# As yt-dlp names what it is not told to name: Title [ID]. A title may hold brackets too; the last ones count.
_BRACKETS = re.compile(rf".*\[({_YTID})\]")


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says: a video, and where in it the clip starts; None if the name says no start."""

    ytid: str
    start_ms: int | None


def named(path: str) -> Named | None:
    """Read a file name; None if it names no clip."""
    name = PurePosixPath(path)
    if name.suffix.lower() not in SUFFIXES or name.name.startswith(
        "."
    ):  # hidden: a system's, or half written
        return None
    stem = name.name[: -len(name.suffix)]
    if found := _SECONDS.fullmatch(stem):
        return Named(found[1], round(1000 * float(found[2])))
    if found := _PADDED.fullmatch(stem):
        return Named(found[1], 1000 * int(found[2]))
    if found := _MILLISECONDS.fullmatch(stem):
        return Named(found[1], int(found[2]))
    if found := _PLAIN.fullmatch(stem) or _BRACKETS.fullmatch(stem):
        return Named(found[1], None)
    return None
