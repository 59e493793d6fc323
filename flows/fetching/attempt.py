"""Attempt: one question for one segment, and the row of the ledger that it ends in."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from audiosetzsl import __version__
from audiosetzsl.clips.flags import Flag
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError, SetupError
from audiosetzsl.files import DISK_FULL, sha256_of
from audiosetzsl.manifest import Segment
from audiosetzsl.workspace import Workspace
from extractors.inspection import inspect
from flows.sources.notes import read_note
from flows.sources.source import Got, Source

log = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One segment to ask for: the mid of its class, and how many attempts there were before."""

    segment: Segment
    mid: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A row, and for how long the other side wants to be left alone."""

    row: Row
    retry_after_s: float | None = None


# Asks a source about one segment; the facts of the row come back.
Question = Callable[[Workspace, Source, Asked], Row]


def clip_path(place: Workspace, segment_id: str) -> Path:
    """Where the clip of a segment lies, for sources that make files."""
    return place.media / segment_id[:2] / f"{segment_id}.mp4"


def fetch(place: Workspace, source: Source, asked: Asked) -> Row:
    """Get a clip, and look at it; one that outlived the process that fetched it is not fetched again."""
    segment = asked.segment
    into = clip_path(place, segment.segment_id)
    got = Got(into) if into.is_file() else source.get(segment, asked.mid, into)
    return _looked_at(place, got, segment, ours=got.path == into)


def look(place: Workspace, source: Source, asked: Asked) -> Row:
    """Ask whether the video of a segment is alive."""
    source.look(asked.segment.ytid)
    return {"verdict": str(Verdict.ALIVE)}


def ask(place: Workspace, source: Source, egress: str | None, question: Question, asked: Asked) -> Answer:
    """Ask one question; whatever happens is a row, but for a disk that is full and a set-up that is wrong.

    Raises:
        SetupError: the disk is full, or the source cannot be used as it is set up.
    """
    began_s = time.monotonic()
    retry_after_s = None
    try:
        facts = question(place, source, asked)
    except ClipError as problem:
        facts = {"verdict": str(Verdict(problem.reason)), "message": str(problem)}
        retry_after_s = getattr(problem, "retry_after_s", None)
    except SetupError:
        raise
    except Exception as problem:
        _refuse_full_disk(problem, place)
        # One odd clip must not stop weeks of work: it is a row too, and the log says where it happened.
        log.exception("%s: an error of ours", asked.segment.segment_id)
        facts = {
            "verdict": str(Verdict.INTERNAL_ERROR),
            "message": f"{type(problem).__name__} of ours; see the log",
        }
    return Answer(row_of(asked, source.name, egress, facts, time.monotonic() - began_s), retry_after_s)


def row_of(asked: Asked, source: str, egress: str | None, facts: Row, took_s: float) -> Row:
    """A row of the ledger."""
    now = datetime.now(UTC)
    return {
        "segment_id": asked.segment.segment_id,
        "attempt": asked.attempts + 1,
        "message": "",
        "flags": [],
        "took_s": round(took_s, 3),
        "source": source,
        "egress": egress,
        "tool": _tool(source),
        "at": now.replace(microsecond=now.microsecond // 1000 * 1000),
        **facts,
    }


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
        "pulled_bytes": got.pulled_bytes if got.pulled_bytes is not None else noted.get("pulled_bytes"),
        "flags": [str(Flag(flag)) for flag in facts.flags],
        "fingerprint": facts.fingerprint,
    }


def _refuse_full_disk(problem: BaseException, place: Workspace) -> None:
    if getattr(problem, "errno", None) in DISK_FULL:
        raise SetupError(
            f"no space is left for {place.root}; nothing is lost: make room (`audiosetzsl plan` says how much) "
            "and run the same command again"
        ) from problem


def _tool(source: str) -> str:
    ours = f"audiosetzsl {__version__}"
    return f"{ours}, yt-dlp {version('yt-dlp')}" if source == "youtube" else ours
