"""Errands to a loopback YouTube: some seconds of its video, asked for in haste, and the clip of what comes."""

import time
from pathlib import Path

from loopback_faults import Fault
from loopback_youtube import LoopbackYouTube

from extractors.media.cutting import cut
from flows.youtube.byte_ranges import Persistence
from flows.youtube.session import Session
from flows.youtube.ways import Errand, Media, Wanted

YTID = "-id_of_11ch"
START_S, END_S = 12.34, 19.34
HASTY = Persistence(tries=3, first_wait_s=0.01, longest_wait_s=2.0, clip_s=20.0)


def errand(
    session: Session,
    scratch: Path,
    start_s: float = START_S,
    end_s: float = END_S,
    *,
    within_s: float = 20.0,
    ytid: str = YTID,
) -> Errand:
    """Ask for some seconds of a video; what needs a file goes into `scratch`."""
    scratch.mkdir(exist_ok=True)
    wanted = Wanted(start_s, end_s, time.monotonic() + within_s, scratch, HASTY)
    return Errand(session, session.video(ytid), wanted)


def clip_of(media: Media, path: Path, start_s: float = START_S, end_s: float = END_S) -> Path:
    """Cut the clip out of what an errand brought."""
    return cut(media.sources, path, start_s - media.origin_s, end_s - media.origin_s).path


def offer_only(server: LoopbackYouTube, *itags: int) -> None:
    """Let the player offer no other formats of the video than these."""
    server.faults[YTID] = Fault("player", "formats", itags=itags)
