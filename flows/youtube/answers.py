"""Answers of YouTube, in words, as verdicts."""

import re
from collections.abc import Sequence

from audiosetzsl.clips.verdicts import Verdict

# The first that matches counts. Those about our session stand first: some begin with the words of a dead video.
_RULES = (
    (
        Verdict.RATE_LIMITED,
        r"try again later|rate.?limited|too many requests|http error 429|captcha|unusual traffic",
    ),
    (
        Verdict.BOT_CHECK,
        r"not a bot|ip is likely being blocked|not available on this app|api page: http error 403",
    ),
    (Verdict.API_ERROR, r"unable to download api page|error reading response"),
    (Verdict.PRIVATE, r"private video|video is private"),
    (Verdict.REMOVED_BY_UPLOADER, r"removed by (the|its) (uploader|user)|uploader has (removed|deleted)"),
    (
        Verdict.ACCOUNT_TERMINATED,
        r"account associated with this video has been|uploader has closed|account has been terminated",
    ),
    (
        Verdict.POLICY,
        # Before GEO: it ends in "hate speech in your country".
        r"violat\w+ youtube's|community guidelines|terms of service|policy on|removed for violating",
    ),
    (Verdict.GEO, r"in your (country|region)|from your location|geo.?restrict"),
    (Verdict.COPYRIGHT, r"copyright (claim|infringement|grounds)|who has blocked it on copyright"),
    (Verdict.MEMBERS, r"members.only|join this channel|available to this channel's members"),
    (Verdict.PAID, r"requires payment|requires purchase|rent or buy|music premium|premium members"),
    (Verdict.DRM, r"\bdrm\b"),
    (Verdict.AGE, r"confirm your age|inappropriate for some users|age.restricted|verify your age"),
    (
        Verdict.NOT_YET,
        r"premieres? in|will begin in|live event|processing this video|being processed|is not yet available"
        r"|premiere will|(^|: )offline\b|stream (is )?offline",
    ),
    # Behind all that say why: private videos and those for adults ask in these words to sign in, too.
    (Verdict.BOT_CHECK, r"please sign in"),
    # Bare words: gone, or meant for us. Never a verdict by themselves; see audiosetzsl.clips.standing.
    (
        Verdict.UNAVAILABLE,
        r"video unavailable|video is unavailable|video is not available|(content|video) isn't available"
        r"|recording is not available|does not exist|no longer available|has been removed",
    ),
    (
        Verdict.EXTRACTOR_BROKEN,
        r"failed to extract|unable to extract|requested format is not available|no video formats",
    ),
)
_COMPILED = [(verdict, re.compile(pattern)) for verdict, pattern in _RULES]
# The most telling first: of several warnings, it is the one that counts.
_ABOUT_US = (Verdict.RATE_LIMITED, Verdict.BOT_CHECK, Verdict.API_ERROR)
# To some sessions YouTube gives every video with DRM; yt-dlp then warns of it.
_ALL_WITH_DRM = "experiment that applies drm to all videos"


def verdict_of(message: str, warnings: Sequence[str] = (), *, geo: bool = False) -> Verdict:
    """Classify what yt-dlp says of a video; warnings count where they are about our session.

    An error of YouTube's interface ends as the same "failed to extract" whatever its status; which it was
    stands in a warning alone. So does that all videos come with DRM for now: that one does says nothing then.

    Args:
        message: text of the error.
        warnings: what yt-dlp warned of before.
        geo: whether yt-dlp raised its error for countries.
    """
    found = _first(message)
    if found is Verdict.DRM and any(_ALL_WITH_DRM in warning.lower() for warning in warnings):
        found = Verdict.EXTRACTOR_BROKEN
    if found in (Verdict.API_ERROR, Verdict.UNAVAILABLE, Verdict.EXTRACTOR_BROKEN, None):
        warned = {*map(_first, warnings), found}
        found = next((verdict for verdict in _ABOUT_US if verdict in warned), found)
    if geo and found not in _ABOUT_US:
        return Verdict.GEO
    return found or Verdict.EXTRACTOR_BROKEN


def _first(text: str) -> Verdict | None:
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower()
    return next((verdict for verdict, pattern in _COMPILED if pattern.search(plain)), None)
