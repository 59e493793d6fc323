"""Verdicts: how one attempt to get a clip ended, and what kind of ending that is."""

from enum import StrEnum


class Verdict(StrEnum):
    """How one attempt ended; a closed list."""

    OK = "ok"  # a clip that was looked at
    ALIVE = "alive"  # the video answers; no clip was asked for
    # The video is gone.
    PRIVATE = "private"
    REMOVED_BY_UPLOADER = "removed_by_uploader"
    ACCOUNT_TERMINATED = "account_terminated"
    COPYRIGHT = "copyright"
    POLICY = "policy"
    # It may be gone, or the answer was meant for us: one such answer settles nothing.
    UNAVAILABLE = "unavailable"
    # It is there, and not for us.
    GEO = "geo"
    AGE = "age"
    MEMBERS = "members"
    PAID = "paid"
    DRM = "drm"
    # It is not there yet: a premiere, a live stream, one that is being processed.
    NOT_YET = "not_yet"
    # The answer was about our session, not about the video.
    RATE_LIMITED = "rate_limited"
    BOT_CHECK = "bot_check"
    # The answer was not understood: most often yt-dlp is too old.
    EXTRACTOR_BROKEN = "extractor_broken"
    API_ERROR = "api_error"
    TIMED_OUT = "timed_out"  # not even that: neither player nor media answered in time
    INTERNAL_ERROR = "internal_error"  # an error of this project's own
    # The video is there, and its media did not come, or did not come whole.
    MEDIA_HTTP = "media_http"
    STALLED = "stalled"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    # The video is there and ends before the segment starts.
    PAST_END = "past_end"
    # A folder or a server of clips does not have it.
    NOT_FOUND = "not_found"


class Nature(StrEnum):
    """What a verdict means for the segment."""

    GOT = "got"  # nothing is left to do
    GONE = "gone"  # final, once the session is known to have been well
    DOUBTFUL = "doubtful"  # final after a second look, a day later, in a session that was well
    CLOSED = "closed"  # final for this session: there, but not for us
    BEYOND = "beyond"  # final: the video answers, and has no such segment
    LATER = "later"  # the video will come, perhaps
    SESSION = "session"  # says nothing of the video
    BROKEN = "broken"  # says nothing of the video; our side or YouTube's has to be mended
    MEDIA = "media"  # the video is there; what came of its media is of no use, and may be the next time
    WITHHELD = "withheld"  # the video is there; its media did not come, which an unwell session meets as well
    ABSENT = "absent"  # may be there once the folder or server is filled


NATURES = {
    Verdict.OK: Nature.GOT,
    Verdict.ALIVE: Nature.GOT,
    Verdict.PRIVATE: Nature.GONE,
    Verdict.REMOVED_BY_UPLOADER: Nature.GONE,
    Verdict.ACCOUNT_TERMINATED: Nature.GONE,
    Verdict.COPYRIGHT: Nature.GONE,
    Verdict.POLICY: Nature.GONE,
    Verdict.UNAVAILABLE: Nature.DOUBTFUL,
    Verdict.GEO: Nature.CLOSED,
    Verdict.AGE: Nature.CLOSED,
    Verdict.MEMBERS: Nature.CLOSED,
    Verdict.PAID: Nature.CLOSED,
    Verdict.DRM: Nature.CLOSED,
    Verdict.NOT_YET: Nature.LATER,
    Verdict.RATE_LIMITED: Nature.SESSION,
    Verdict.BOT_CHECK: Nature.SESSION,
    Verdict.EXTRACTOR_BROKEN: Nature.BROKEN,
    Verdict.API_ERROR: Nature.BROKEN,
    Verdict.TIMED_OUT: Nature.BROKEN,
    Verdict.INTERNAL_ERROR: Nature.BROKEN,
    Verdict.MEDIA_HTTP: Nature.WITHHELD,
    Verdict.STALLED: Nature.WITHHELD,
    Verdict.TRUNCATED: Nature.MEDIA,
    Verdict.EMPTY: Nature.MEDIA,
    Verdict.UNREADABLE: Nature.MEDIA,
    Verdict.PAST_END: Nature.BEYOND,
    Verdict.NOT_FOUND: Nature.ABSENT,
}
# The player answered for this video: a sign that the session is well.
ANSWERED = frozenset({Nature.GOT, Nature.BEYOND, Nature.MEDIA, Nature.WITHHELD})
# Media came as well.
DELIVERED = frozenset({Nature.GOT, Nature.MEDIA})
# An unwell session, or a yt-dlp that is too old, gives such answers for any video: they count only between two
# signs of a session that was well. For one whose media are withheld, that is one to which media came.
NEEDS_WITNESS = frozenset(Nature) - {Nature.GOT, Nature.BEYOND, Nature.MEDIA, Nature.ABSENT}


def nature_of(verdict: str) -> Nature:
    """What a verdict of the ledger means."""
    return NATURES[Verdict(verdict)]
