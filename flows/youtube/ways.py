"""Ways to the media of a segment, the most frugal first; each brings something that can be cut exactly."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal
from flows.youtube.byte_ranges import BeyondEnd, ByteRanges, NoRanges, NotThisWay, Persistence
from flows.youtube.fragment_tail import DESCRIPTION_BYTES, bytes_until
from flows.youtube.gaps import check_complete
from flows.youtube.range_file import RangeFile
from flows.youtube.sections import download_sections
from flows.youtube.segment_index import HEAD_BYTES, Fragment, SegmentIndex, read_index
from flows.youtube.session import LINES, Format, Session, Video

# Sound is coded in frames that lean on the one before.
LEAD_S = 0.05
# A file that can only be had whole is taken up to this size.
LARGEST_WHOLE = 32 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some seconds of a video, by when they have to be here, and where to put what needs a file."""

    start_s: float
    end_s: float
    deadline_s: float  # of time.monotonic
    scratch: Path
    persistence: Persistence


class Errand:
    """What all ways have in common: who asks, for what, and the chosen streams, whose bytes are counted."""

    def __init__(self, session: Session, video: Video, wanted: Wanted) -> None:
        self.session, self.video, self.wanted = session, video, wanted
        self.streams = [
            ByteRanges(session.open, f.url, f.headers, wanted.deadline_s, wanted.persistence)
            for f in video.chosen
        ]


@dataclass(frozen=True, slots=True)
class Media:
    """Files or file objects that hold a segment; `origin_s` is where their time 0 lies in the video."""

    sources: Sequence[BinaryIO | Path]
    way: str
    format_id: str
    streams: Sequence[ByteRanges]
    beside_bytes: int = 0  # of files that others pulled; what the pulling itself cost is not known
    origin_s: float = 0.0

    @property
    def is_as_offered(self) -> bool:
        """Whether these are the very files that YouTube offers; sections are put together by ffmpeg."""
        return not self.origin_s and not self.beside_bytes

    @property
    def pulled(self) -> int:
        """Bytes pulled so far, by ways that failed as well: a file object pulls while it is read."""
        return self.beside_bytes + sum(stream.pulled_bytes for stream in self.streams)


def fetch(errand: Errand) -> Media:
    """Bring the media of a segment, by the first way that works.

    Raises:
        Refusal: no way works, or one says that no other would.
    """
    useless: set[Callable[[Errand], Media]] = set()
    said: list[str] = []
    for way in _ways(errand.video):
        if way in useless:
            continue
        try:
            return way(errand)
        except NotThisWay as problem:
            said.append(str(problem))
            if problem.status is not None:
                useless |= {by_seeking, whole}  # the same addresses would refuse again
            elif isinstance(problem, NoRanges):
                useless.add(by_seeking)
    raise Refusal(Verdict.MEDIA_HTTP, errand.session.plain("; ".join(dict.fromkeys(said))))


def _ways(video: Video) -> list[Callable[[Errand], Media]]:
    if not all(format.is_plain for format in video.chosen):
        return [by_sections]
    return [by_index, by_seeking, *([by_hls] if video.streamed else []), whole]


def by_index(errand: Errand) -> Media:
    """Read the index of each stream, then the fragments that hold the segment, in bounded requests.

    A sound that has ended before is left out: the clip has none.
    """
    wanted, sources = errand.wanted, []
    for format, stream in zip(errand.video.chosen, errand.streams, strict=True):
        index = _index(stream)
        lead_s = 0.0 if format.has_picture else LEAD_S
        fragments = index.covering(wanted.start_s - lead_s, wanted.end_s)
        if fragments and wanted.start_s < index.ends_s:
            sources.append(io.BytesIO(index.header + _body(stream, fragments, wanted.end_s)))
        elif format.has_picture:
            raise _nothing_at(wanted, index)
    if not sources:
        raise Refusal(Verdict.EMPTY, "no picture is offered")
    return Media(sources, "index", errand.video.format_id, errand.streams)


def by_seeking(errand: Errand) -> Media:
    """Let the demuxer seek by itself: it pulls what it reads."""
    try:
        files = [cast(BinaryIO, io.BufferedReader(RangeFile(stream))) for stream in errand.streams]
    except BeyondEnd as problem:
        raise Refusal(Verdict.EMPTY, "the file is empty") from problem
    return Media(files, "seek", errand.video.format_id, errand.streams)


def whole(errand: Errand) -> Media:
    """Take the whole of a small file, as the last resort."""
    sources = [io.BytesIO(stream.whole(LARGEST_WHOLE)) for stream in errand.streams]
    return Media(sources, "whole", errand.video.format_id, errand.streams)


def by_sections(errand: Errand) -> Media:
    """Let yt-dlp and ffmpeg download the section, in a process that is ended in time."""
    return _sections(errand, errand.video.chosen)


def by_hls(errand: Errand) -> Media:
    """The same from the HLS formats, which come in small files of their own."""
    return _sections(errand, streamed_choice(errand.video.streamed))


def streamed_choice(streamed: Sequence[Format]) -> list[Format]:
    """The best picture of few enough lines, or else the smallest one; and a sound, if it has none itself."""
    pictures = [format for format in streamed if format.has_picture]
    if not pictures:
        raise NotThisWay("HLS offers no picture")
    small = [format for format in pictures if format.lines is not None and format.lines <= LINES]
    picture = small[-1] if small else pictures[0]
    sounds = [format for format in streamed if format.has_sound and not format.has_picture]
    return [picture] if picture.has_sound else [picture, *sounds[-1:]]


def _sections(errand: Errand, formats: Sequence[Format]) -> Media:
    names, wanted = "+".join(f.format_id for f in formats), errand.wanted
    path = download_sections(
        errand.session.params,
        errand.video.info,
        names,
        (wanted.start_s, wanted.end_s),
        wanted.scratch,
        wanted.deadline_s - time.monotonic(),
    )
    check_complete(path, len(formats))
    way = "hls" if all(format.is_streamed for format in formats) else "sections"
    return Media([path], way, names, errand.streams, path.stat().st_size, origin_s=wanted.start_s)


def _nothing_at(wanted: Wanted, index: SegmentIndex) -> Refusal:
    if wanted.start_s >= index.ends_s:
        says = f"it ends after {index.ends_s:.1f} s, before {wanted.start_s:.1f} s"
        return Refusal(Verdict.PAST_END, says)
    says = f"it begins after {index.fragments[0].start_s:.1f} s, and the segment ends before"
    return Refusal(Verdict.EMPTY, says)


def _index(stream: ByteRanges) -> SegmentIndex:
    n_bytes = HEAD_BYTES
    try:
        head = stream.get(0, n_bytes)
        while isinstance(index := read_index(head, complete=len(head) == stream.size), int):
            n_bytes = index
            if len(head) == stream.size:
                raise BeyondEnd("the file ends within its header")
            head = stream.get(0, n_bytes)
    except BeyondEnd as problem:
        raise _truncated("before its index") from problem
    index.check_covers(stream.size or 0)
    return index


def _body(stream: ByteRanges, fragments: Sequence[Fragment], end_s: float) -> bytes:
    """Bytes of the fragments, without the end of the last one where the segment does not need it."""
    first, last = fragments[0], fragments[-1]
    stop = min(last.start + DESCRIPTION_BYTES, last.stop)
    try:
        body = stream.get(first.start, stop)
        needed = bytes_until(body[last.start - first.start :], last, end_s)
        stop = last.stop if needed is None else min(max(last.start + needed, stop), last.stop)
        body += stream.get(first.start + len(body), stop)
    except BeyondEnd as problem:
        raise _truncated("before its index says") from problem
    if len(body) < stop - first.start:
        raise _truncated("within a fragment")
    return body


def _truncated(where: str) -> Refusal:
    return Refusal(Verdict.TRUNCATED, f"the file ends {where}")
