"""Source http: clips or whole videos from a server of one's own, of which only the segment is pulled."""

import io
import string
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote, urlsplit

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from extractors.media.cutting import cut
from flows.sources.notes import note_of
from flows.sources.placing import duration_s, is_clip, start_in_video
from flows.sources.source import Got, Refusal, told
from flows.youtube.byte_ranges import BeyondEnd, ByteRanges, NotThisWay, Persistence
from flows.youtube.options import YtDlpOptions
from flows.youtube.range_file import RangeFile
from flows.youtube.session import Session
from flows.youtube.ways import LARGEST_WHOLE

_FIELDS = frozenset({"ytid", "segment_id", "class_name", "start_ms"})
_OF_THE_SEGMENT = frozenset({"segment_id", "start_ms"})
_NOT_THERE = frozenset({404, 410})


@dataclass(slots=True)
class Http:
    """Asks for one file a segment; its address is made from a template."""

    template: str
    options: YtDlpOptions = field(default_factory=YtDlpOptions)
    threads: int = 4
    persistence: Persistence = field(default_factory=Persistence)
    name: str = "http"
    _own: threading.local = field(default_factory=threading.local, repr=False)

    def __post_init__(self) -> None:
        check_template(self.template)

    def look(self, ytid: str) -> None:
        """Say nothing of a video: an address is of a segment."""
        raise SetupError("availability is YouTube's; use --source youtube")

    def get(self, segment: Segment, mid: str, into: Path) -> Got:
        """Pull and cut a segment."""
        deadline_s = time.monotonic() + self.persistence.clip_s
        ranges = ByteRanges(self._open, self._address(segment), {}, deadline_s, self.persistence)
        try:
            try:
                way, file = "seek", cast(BinaryIO, io.BufferedReader(RangeFile(ranges)))
                self._cut(file, segment, into, way, ranges)
            except NotThisWay as problem:
                if problem.status is not None:
                    raise
                way, file = "whole", io.BytesIO(ranges.whole(LARGEST_WHOLE))
                self._cut(file, segment, into, way, ranges)
        except NotThisWay as problem:
            gone = problem.status in _NOT_THERE
            raise Refusal(Verdict.NOT_FOUND if gone else Verdict.MEDIA_HTTP, str(problem)) from problem
        except BeyondEnd as problem:
            if ranges.size is None:
                raise Refusal(Verdict.EMPTY, "the file is empty") from problem
            raise Refusal(Verdict.TRUNCATED, "the file ends before its end") from problem
        return Got(into, way, None, ranges.pulled_bytes)

    def _cut(self, file: BinaryIO, segment: Segment, into: Path, way: str, ranges: ByteRanges) -> None:
        start_s = 0.0
        if not _OF_THE_SEGMENT & set(_fields(self.template)):
            lasts_s = duration_s(file, "the file")
            start_s = 0.0 if is_clip(segment, lasts_s) else start_in_video(segment, lasts_s)
        note = note_of(self.name, way, pulled_bytes=ranges.pulled_bytes)
        cut([file], into, start_s, start_s + segment.duration_s, note=note)

    def _address(self, segment: Segment) -> str:
        """The template with the segment's own words, none of which can leave its place in the path."""
        values = {
            "ytid": segment.ytid,
            "segment_id": segment.segment_id,
            "class_name": segment.class_name,
            "start_ms": str(round(1000 * segment.start_s)),
        }
        return self.template.format_map({key: quote(value, safe="") for key, value in values.items()})

    def _open(self, url: str, headers: object) -> object:
        session: Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = Session(self.options)
        return session.open(url, headers)  # type: ignore[arg-type]


def check_template(template: str) -> None:
    """Refuse a template that gives no addresses, or the same one for all.

    Raises:
        SetupError: says which fields there are.
    """
    try:
        fields = set(_fields(template))
        parts = urlsplit(template)
        template.format_map(dict.fromkeys(_FIELDS, ""))
    except (ValueError, LookupError, AttributeError):
        fields, parts = set(), urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or not fields & {"ytid", "segment_id"}:
        raise SetupError(
            f"{told(template)!r} is no template of addresses, expected one such as https://host/{{ytid}}.mp4 with "
            f"{{ytid}} or {{segment_id}}, and perhaps {{class_name}} or {{start_ms}}"
        )


def _fields(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
