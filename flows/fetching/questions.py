"""Questions: what is wanted of every segment, of a canary, and of what is there already."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiosetzsl.clips.flags import Flag
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from audiosetzsl.files import sha256_of
from audiosetzsl.manifest import Segment
from audiosetzsl.workspace import Workspace
from extractors.media.inspection import inspect
from flows.sources.notes import read_note
from flows.sources.source import Got, PoliteSource, Source

Row = dict[str, Any]
UNKNOWN = "unknown"  # the source of a file that does not say


@dataclass(frozen=True, slots=True)
class Asked:
    """One segment to ask for: the mid of its class, and how many attempts there were before."""

    segment: Segment
    mid: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted of every segment, as facts of its row; and of a canary, so that its answer vouches for them."""

    of_segment: Callable[[Workspace, Source, Asked], Row]
    of_canary: Callable[[PoliteSource, str], None]
    # What is there already, and nobody has to be asked for; None where there is nothing.
    of_leftover: Callable[[Workspace, Asked], Row | None]


def clip_path(place: Workspace, segment_id: str) -> Path:
    """Where the clip of a segment lies, for sources that make files."""
    return place.media / segment_id[:2] / f"{segment_id}.mp4"


def fetch(place: Workspace, source: Source, asked: Asked) -> Row:
    """Get a clip, and look at it."""
    into = clip_path(place, asked.segment.segment_id)
    got = source.get(asked.segment, asked.mid, into)
    return _looked_at(place, got, asked.segment, ours=got.path == into)


def leftover(place: Workspace, asked: Asked) -> Row | None:
    """Look at a clip that outlived the process which fetched it; it says itself where it is from."""
    into = clip_path(place, asked.segment.segment_id)
    if not into.is_file():
        return None
    return {"source": UNKNOWN, **_looked_at(place, Got(into), asked.segment, ours=True)}


def sample(source: PoliteSource, ytid: str) -> None:
    """Ask whether a canary and its media come."""
    source.sample(ytid)


def look(place: Workspace, source: Source, asked: Asked) -> Row:
    """Ask whether the video of a segment is alive."""
    source.look(asked.segment.ytid)
    return {"verdict": str(Verdict.ALIVE)}


def alive(source: PoliteSource, ytid: str) -> None:
    """Ask whether a canary is alive."""
    source.look(ytid)


def nothing(place: Workspace, asked: Asked) -> None:
    """Nothing is there of an answer that leaves no file."""


def _looked_at(place: Workspace, got: Got, segment: Segment, *, ours: bool) -> Row:
    """Look at a clip; one of ours that cannot be used is removed, so that it is fetched anew."""
    try:
        facts = inspect(got.path, segment.duration_s)
    except ClipError:
        if ours:
            got.path.unlink(missing_ok=True)
        raise
    noted = read_note(facts.note) if ours else {}
    return {
        "verdict": str(Verdict.OK),
        "path": str(got.path.relative_to(place.root) if got.path.is_relative_to(place.root) else got.path),
        "bytes": got.path.stat().st_size,
        "sha256": sha256_of(got.path),
        "duration_s": facts.duration_s,
        "fps": facts.fps,
        "width": facts.width,
        "height": facts.height,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec,
        "format_id": got.format_id or noted.get("format_id"),
        "way": got.way or noted.get("way"),
        **({"source": noted["source"]} if noted.get("source") else {}),
        "pulled_bytes": got.pulled_bytes if got.pulled_bytes is not None else noted.get("pulled_bytes"),
        "flags": [str(Flag(flag)) for flag in facts.flags],
        "fingerprint": facts.fingerprint,
    }


FETCH, LOOK = Question(fetch, sample, leftover), Question(look, alive, nothing)
