"""Source youtube: ten seconds of a video by yt-dlp, and nothing of the rest."""

import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from audiosetzsl.files import atomic_path
from audiosetzsl.manifest import Segment
from extractors.media.cutting import Cut, cut
from flows.sources.notes import note_of
from flows.sources.source import Got, Refusal
from flows.youtube.byte_ranges import BeyondEnd, ByteRanges, NotThisWay, Persistence
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session, Video
from flows.youtube.ways import Errand, Media, Wanted, fetch, whole

# The player states whole seconds.
ROUNDED_S = 1.0
# A stream may end so much before the length that the player states, and still be whole.
SHORT_S = 1.0
# However long an advertisement: a request that comes too early is refused, and costs no more than this.
LONGEST_WAIT_S = 45.0
# Of the media of a canary.
SAMPLE_BYTES = 1024


@dataclass(slots=True)
class YouTube:
    """Asks by one session for each thread; media come in bounded requests, and are cut exactly."""

    options: YtDlpOptions
    scratch: Path
    threads: int = 2
    persistence: Persistence = field(default_factory=Persistence)
    name: str = "youtube"
    _own: threading.local = field(default_factory=threading.local, repr=False)

    def look(self, ytid: str) -> None:
        """Ask whether a video is alive."""
        self._session().look(ytid)

    def sample(self, ytid: str) -> None:
        """Ask for a video, and for the first bytes of its media."""
        session = self._session()
        video = session.video(ytid)
        _wait_for(video)
        first, until_s = video.chosen[0], time.monotonic() + self.persistence.clip_s
        stream = ByteRanges(session.open, first.url, first.headers, until_s, self.persistence)
        try:
            stream.get(0, SAMPLE_BYTES)
        except (NotThisWay, BeyondEnd) as problem:
            raise Refusal(Verdict.MEDIA_HTTP, session.plain(str(problem))) from problem

    def get(self, segment: Segment, mid: str, into: Path) -> Got:
        """Fetch and cut a segment."""
        session = self._session()
        video = session.video(segment.ytid)
        if video.duration_s is not None and segment.start_s >= video.duration_s + ROUNDED_S:
            says = f"the video ends after {video.duration_s:.0f} s, before {segment.start_s:.1f} s"
            raise Refusal(Verdict.PAST_END, says)
        self.scratch.mkdir(parents=True, exist_ok=True)
        _wait_for(video)
        with tempfile.TemporaryDirectory(dir=self.scratch) as scratch:
            deadline_s = time.monotonic() + self.persistence.clip_s
            wanted = Wanted(segment.start_s, segment.end_s, deadline_s, Path(scratch), self.persistence)
            with atomic_path(into) as draft:
                errand = Errand(session, video, wanted)
                media, done = _fetched(errand, draft)
                _check_whole(errand, media, done)
        return Got(into, media.way, media.format_id, media.pulled)

    def _session(self) -> Session:
        """The session of this thread, made when it first asks."""
        session: Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = Session(self.options)
        return session


def _wait_for(video: Video) -> None:
    """Wait until YouTube gives the media of a video."""
    time.sleep(min(max(video.ready_at - time.time(), 0.0), LONGEST_WAIT_S))


def _fetched(errand: Errand, draft: Path) -> tuple[Media, Cut]:
    """Fetch and cut; that there is nothing at the segment is believed where the player agrees."""
    lasts_s, wanted = errand.video.duration_s, errand.wanted
    try:
        return _fetched_somehow(errand, draft)
    except ClipError as problem:
        if problem.reason == Verdict.PAST_END and lasts_s and wanted.start_s < lasts_s - ROUNDED_S:
            says = f"{problem}, and the player states {lasts_s:.1f} s"
            raise Refusal(Verdict.TRUNCATED, says) from problem
        raise


def _fetched_somehow(errand: Errand, draft: Path) -> tuple[Media, Cut]:
    """Fetch and cut; whether a server sends ranges may become clear only while the demuxer is reading."""
    media = fetch(errand)
    try:
        return media, _exactly(media, errand.wanted, draft)
    except NotThisWay as problem:
        if problem.status is not None:
            raise Refusal(Verdict.MEDIA_HTTP, str(problem)) from problem
        reason = str(problem)
    try:
        media = whole(errand)
    except NotThisWay as problem:
        raise Refusal(Verdict.MEDIA_HTTP, f"{reason}; {problem}") from problem
    return media, _exactly(media, errand.wanted, draft)


def _check_whole(errand: Errand, media: Media, done: Cut) -> None:
    """Hold the end of the media to the length that the player states.

    A picture that ends before its sound does is the video's own, where nobody says otherwise; the clip is
    flagged as short. Of a file that others have put together, and of one that yt-dlp calls damaged, each
    stream has to come to the end.
    """
    lasts_s, wanted = errand.video.duration_s, errand.wanted
    if lasts_s is None:
        return
    itself = media.is_as_offered and not any(format.is_damaged for format in errand.video.chosen)
    ended_s = wanted.start_s + (max(done.shown_s, done.heard_s) if itself else done.shown_s)
    if ended_s < min(lasts_s, wanted.end_s) - SHORT_S:
        says = f"the media end after {ended_s:.1f} s, the player states {lasts_s:.1f} s"
        raise Refusal(Verdict.TRUNCATED, says)


def _exactly(media: Media, wanted: Wanted, into: Path) -> Cut:
    """Cut the segment out of what came; a source that breaks while it is read says why."""
    start_s, end_s = wanted.start_s - media.origin_s, wanted.end_s - media.origin_s
    note = note_of("youtube", media.way, media.format_id, media.pulled)
    try:
        return cut(media.sources, into, start_s, end_s, note=note)
    except BeyondEnd as problem:
        raise Refusal(Verdict.TRUNCATED, "the file ends before its end") from problem
    except ClipError as problem:
        if problem.reason == Verdict.PAST_END and media.origin_s:
            raise Refusal(Verdict.EMPTY, "the section that came holds no picture") from problem
        raise
